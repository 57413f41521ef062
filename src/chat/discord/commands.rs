//! Slash commands as Discord is told of them: made of forms, and told only where they differ
//! from what Discord knows. Knows no phrases.

use serde::Deserialize;
use serde_json::{Value, json};
use serenity::http::{LightMethod, Route};

use super::Discord;
use super::ids::snowflake;
use super::rest::Failure;
use crate::domain::form::{Field, FieldKind, Form};

/// Discord's types of options.
const STRING: u8 = 3;
const INTEGER: u8 = 4;
const BOOLEAN: u8 = 5;

/// The largest whole number that Discord and JSON's readers agree on.
const LARGEST: u64 = (1 << 53) - 1;

#[derive(Debug, Deserialize, PartialEq, Eq)]
struct Known {
    name: String,
    description: String,
    #[serde(default)]
    options: Vec<KnownOption>,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
struct KnownOption {
    r#type: u8,
    name: String,
    description: String,
    #[serde(default)]
    required: bool,
    #[serde(default)]
    autocomplete: bool,
}

#[derive(Deserialize)]
struct Application {
    id: String,
}

impl Discord {
    /// Makes Discord's commands those of the forms, where they are not.
    pub(super) async fn register(&self, forms: &[Form]) -> Result<(), Failure> {
        let told: Result<Application, Failure> =
            self.0.rest.get(Route::Oauth2ApplicationCurrent, Vec::new()).await;
        let application = match told {
            Ok(application) => snowflake(&application.id).ok_or_else(|| {
                Failure::Unavailable("it did not tell its application".to_owned())
            })?,
            // Another server need not know all of Discord's API, and only the oldest bots have
            // another number than their application.
            Err(Failure::Gone { .. }) => self.me().await?,
            Err(failure) => return Err(failure),
        };
        let route = || Route::GuildCommands {
            application_id: application.into(),
            guild_id: self.guild().into(),
        };
        let known = match self.0.rest.get(route(), Vec::new()).await {
            // What cannot be read is told anew.
            Err(Failure::Gone { .. }) => Value::Null,
            known => known?,
        };
        let wanted = commands(forms);
        if sorted(known) == sorted(wanted.clone()) {
            return Ok(());
        }
        self.0.rest.send(LightMethod::Put, route(), &wanted).await?;
        tracing::info!(commands = forms.len(), "slash commands registered");
        Ok(())
    }
}

/// What matters of a list of commands, in an order of its own. `None`: it cannot be read, and so
/// is no list of ours.
fn sorted(commands: Value) -> Option<Vec<Known>> {
    let mut commands: Vec<Known> = serde_json::from_value(commands).ok()?;
    commands.sort_by(|one, other| one.name.cmp(&other.name));
    Some(commands)
}

fn commands(forms: &[Form]) -> Value {
    let command = |form: &Form| {
        json!({
            "type": 1,
            "name": form.name,
            "description": form.summary,
            "options": form.fields.iter().map(option).collect::<Vec<_>>(),
        })
    };
    forms.iter().map(command).collect()
}

fn option(field: &Field) -> Value {
    let kind = match field.kind {
        FieldKind::Switch => BOOLEAN,
        // Suggestions are texts, and a number that is suggested is one.
        FieldKind::Images
        | FieldKind::Environment
        | FieldKind::Service
        | FieldKind::Command
        | FieldKind::Text => STRING,
        FieldKind::Deployment => INTEGER,
    };
    let mut option = json!({
        "type": kind,
        "name": field.name,
        "description": field.summary,
        "required": field.required,
    });
    if field.kind.has_suggestions() {
        option["autocomplete"] = true.into();
    }
    if kind == INTEGER {
        option["min_value"] = 1.into();
        option["max_value"] = LARGEST.into();
    }
    option
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forms() -> Vec<Form> {
        let field = |name: &str, kind, required| Field {
            name: name.to_owned(),
            summary: format!("The {name}"),
            kind,
            required,
        };
        let form = |name: &str, fields| Form {
            name: name.to_owned(),
            summary: format!("To {name}"),
            private: false,
            fields,
        };
        vec![
            form(
                "promote",
                vec![
                    field("environment", FieldKind::Environment, true),
                    field("dry-run", FieldKind::Switch, false),
                ],
            ),
            form("approve", vec![field("deployment", FieldKind::Deployment, false)]),
        ]
    }

    #[test]
    fn what_discord_knows_already_is_not_told_again() {
        // As Discord gives them back: in another order, with more in them, and less of what
        // is not set.
        let known = json!([
            { "id": "1", "name": "approve", "description": "To approve", "version": "2", "options": [
                { "type": 4, "name": "deployment", "description": "The deployment",
                  "autocomplete": true, "min_value": 1 } ] },
            { "id": "2", "name": "promote", "description": "To promote", "options": [
                { "type": 3, "name": "environment", "description": "The environment",
                  "required": true, "autocomplete": true },
                { "type": 5, "name": "dry-run", "description": "The dry-run" } ] },
        ]);
        assert_eq!(sorted(known.clone()), sorted(commands(&forms())));
        let mut other = known.clone();
        other[1]["options"][1]["description"] = "Something else".into();
        assert_ne!(sorted(other), sorted(commands(&forms())));
        let mut fewer = known;
        fewer.as_array_mut().expect("a list").pop();
        assert_ne!(sorted(fewer), sorted(commands(&forms())));
        assert_eq!(sorted(json!({})), None);
    }
}
