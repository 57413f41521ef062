//! What somebody types behind a slash command, as the data of an interaction, with the types that
//! the command was registered with.

use serde_json::{Map, Value, json};

use super::permissions;
use super::render;
use super::state::State;

const SUBCOMMAND: u64 = 1;
const SUBCOMMAND_GROUP: u64 = 2;

/// What was typed, and into which option somebody is still typing.
pub struct Filled<'a> {
    pub values: &'a [(&'a str, &'a str)],
    pub focused: Option<&'a str>,
}

/// The data of a command, `name` with the names of sub-commands behind it.
pub fn command_data(
    state: &State,
    (user, name): (u64, &str),
    filled: &Filled<'_>,
) -> Result<Value, String> {
    let mut words = name.split_whitespace();
    let first = words.next().unwrap_or_default();
    let named = |guild: bool| {
        state.commands.iter().find(|command| {
            command.body["name"] == first
                && command.body["type"] == 1
                && command.guild.is_some() == guild
        })
    };
    // A guild's own command hides one of the same name for everywhere.
    let command = named(true)
        .or_else(|| named(false))
        .ok_or_else(|| format!("/{first} is not registered"))?;
    if let Some(needed) = command.body["default_member_permissions"].as_str() {
        let needed: u64 = needed.parse().unwrap_or(0);
        let has = permissions::base(state, user);
        let enough = if needed == 0 { has == u64::MAX } else { has & needed == needed };
        if !enough {
            return Err(format!("{user} may not use /{first}"));
        }
    }
    let mut resolved = Map::new();
    let words: Vec<&str> = words.collect();
    let options = inside(state, &command.body, &words, filled, &mut resolved)?;
    let mut data = json!({
        "id": command.id.to_string(), "name": first, "type": 1, "options": options,
    });
    if let Some(guild) = command.guild {
        data["guild_id"] = guild.to_string().into();
    }
    if !resolved.is_empty() {
        data["resolved"] = Value::Object(resolved);
    }
    Ok(data)
}

fn inside(
    state: &State,
    part: &Value,
    words: &[&str],
    filled: &Filled<'_>,
    resolved: &mut Map<String, Value>,
) -> Result<Vec<Value>, String> {
    let shapes = part["options"].as_array().map(Vec::as_slice).unwrap_or_default();
    if let [word, rest @ ..] = words {
        let shape = shapes.iter().find(|shape| {
            shape["name"] == *word
                && matches!(shape["type"].as_u64(), Some(SUBCOMMAND | SUBCOMMAND_GROUP))
        });
        let shape = shape.ok_or_else(|| format!("there is no sub-command {word}"))?;
        let options = inside(state, shape, rest, filled, resolved)?;
        return Ok(vec![json!({"name": word, "type": shape["type"], "options": options})]);
    }
    let mut options = Vec::new();
    for (name, text) in filled.values {
        let shape = shapes.iter().find(|shape| shape["name"] == *name);
        let shape = shape.ok_or_else(|| format!("there is no option {name}"))?;
        let kind = shape["type"].as_u64().unwrap_or(0);
        if filled.focused == Some(*name) {
            if !shape["autocomplete"].as_bool().unwrap_or(false) {
                return Err(format!("{name} has no autocompletion"));
            }
            options.push(json!({"name": name, "type": kind, "value": text, "focused": true}));
        } else {
            let value = value(state, shape, text, resolved)
                .map_err(|why| format!("{name} cannot be {text}: {why}"))?;
            options.push(json!({"name": name, "type": kind, "value": value}));
        }
    }
    // While somebody types, what is required may still be missing.
    if filled.focused.is_none() {
        for shape in shapes.iter().filter(|shape| shape["required"] == true) {
            if !options.iter().any(|option| option["name"] == shape["name"]) {
                return Err(format!("{} is required", shape["name"]));
            }
        }
        if shapes.iter().any(|shape| shape["type"] == SUBCOMMAND) {
            return Err("a sub-command must be named".to_owned());
        }
    }
    Ok(options)
}

fn value(
    state: &State,
    shape: &Value,
    text: &str,
    resolved: &mut Map<String, Value>,
) -> Result<Value, String> {
    let value = match shape["type"].as_u64() {
        Some(3) => text_value(shape, text)?,
        Some(4) => json!(text.parse::<i64>().map_err(|why| why.to_string())?),
        Some(5) => json!(text.parse::<bool>().map_err(|why| why.to_string())?),
        Some(10) => json!(text.parse::<f64>().map_err(|why| why.to_string())?),
        Some(kind @ 6..=9) => {
            let id: u64 = text.parse().map_err(|_| "not an id")?;
            resolve(state, kind, id, resolved)?;
            json!(id.to_string())
        }
        Some(_) | None => return Err("it takes no value".to_owned()),
    };
    let choices = shape["choices"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !choices.is_empty() && !choices.iter().any(|choice| choice["value"] == value) {
        return Err("it is not among the choices".to_owned());
    }
    if let Some(number) = value.as_f64() {
        let below = shape["min_value"].as_f64().is_some_and(|least| number < least);
        let above = shape["max_value"].as_f64().is_some_and(|most| number > most);
        if below || above {
            return Err("out of range".to_owned());
        }
    }
    Ok(value)
}

fn text_value(shape: &Value, text: &str) -> Result<Value, String> {
    let length = text.chars().count() as u64;
    let short = shape["min_length"].as_u64().is_some_and(|least| length < least);
    let long = length > shape["max_length"].as_u64().unwrap_or(6000);
    if short || long || text.is_empty() {
        return Err("it has not the right length".to_owned());
    }
    Ok(json!(text))
}

/// Puts what an id stands for beside the options.
fn resolve(
    state: &State,
    kind: u64,
    id: u64,
    resolved: &mut Map<String, Value>,
) -> Result<(), String> {
    let mut put = |list: &str, value: Value| {
        let list = resolved.entry(list).or_insert_with(|| json!({}));
        list[id.to_string()] = value;
    };
    let person = state.people.get(&id).filter(|_| matches!(kind, 6 | 9));
    let role =
        state.world.roles.iter().find(|role| role.id == id).filter(|_| matches!(kind, 8 | 9));
    let channel = state.channels.get(&id).filter(|_| kind == 7);
    if let Some(person) = person {
        put("users", render::user(person));
        if person.member {
            let mut member = render::partial_member(person);
            member["permissions"] = permissions::base(state, id).to_string().into();
            put("members", member);
        }
    } else if role.is_some() {
        let wanted = id.to_string();
        let role = render::roles(state).into_iter().find(|role| role["id"] == wanted.as_str());
        put("roles", role.unwrap_or_default());
    } else if let Some(channel) = channel {
        let mut shown = render::channel(state, channel);
        shown["permissions"] = "0".into();
        put("channels", shown);
    } else {
        return Err("there is nothing with that id".to_owned());
    }
    Ok(())
}
