//! The settings: what loads, what is refused and where, and the reference that is rendered.

mod aws_events;
mod calendar;
mod discord;
mod errors;
mod loads;
mod pace;
mod reference;
mod reservations;
mod robust;
mod schedules;
mod token;
mod variables;
mod verify;

use shipmate::settings::{Settings, SettingsErrors};

/// The settings that ship.
const SHIPPED: &str = include_str!("../../shipmate.toml");

/// The smallest settings that load; line 11 is the first after them.
const SMALL: &str = r#"[environments.staging]
region = "eu-west-1"
cluster = "staging"
tag = "staging-latest"

[services.api]
repository = "core"
container = "app"
environments = ["staging"]

"#;

fn parse(text: &str, variables: &[(&str, &str)]) -> Result<Settings, SettingsErrors> {
    let variables = variables.iter().map(|(name, text)| ((*name).into(), (*text).into()));
    Settings::parse("shipmate.toml", text, variables)
}

/// What is wrong, a line for each error.
fn wrong(text: &str, variables: &[(&str, &str)]) -> String {
    match parse(text, variables) {
        Ok(_) => String::from("(loads)"),
        Err(errors) => errors.to_string(),
    }
}
