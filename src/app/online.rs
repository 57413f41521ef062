//! `shipmate check --online`: whether Discord has what the settings name.

use std::path::Path;

use super::check::Checked;
use super::run::wire;
use crate::chat::discord::Online;
use crate::chat::discord::check::{Expected, Finding, Nudges, check};
use crate::settings::Settings;

/// Asks Discord for all that the settings name, and adds what it says to the report.
pub async fn check_online(
    path: &Path,
    variables: Vec<(String, String)>,
    mut checked: Checked,
) -> Checked {
    // What is wrong with the settings stands in the report already.
    let Ok(settings) = Settings::read(path, variables) else { return checked };
    match findings(&settings).await {
        Ok(findings) => {
            for finding in findings {
                checked.report.push_str(&format!("{finding}\n"));
                checked.sound &= matches!(finding, Finding::Good(_));
            }
        }
        Err(error) => {
            checked.report.push_str(&format!("✗ {error:#}\n"));
            checked.sound = false;
        }
    }
    checked
}

async fn findings(settings: &Settings) -> anyhow::Result<Vec<Finding>> {
    let Some(chat) = &settings.chat else {
        anyhow::bail!("there is nothing to check online: the settings name no chat");
    };
    let people = settings.people.0.values().flatten();
    let is_id = |id: &str| id.bytes().all(|byte| byte.is_ascii_digit());
    let people_are_named = people.into_iter().any(|person| is_id(person.as_str()));
    let roles = settings.role_holders.iter();
    let expected = Expected {
        guild: chat.guild.0.into(),
        channels: chat.channels.clone(),
        roles: roles.map(|(id, roles)| (id.0.into(), roles.clone())).collect(),
        call: chat.call.map(|role| role.0.into()),
        prefix: chat.prefix.clone(),
        nudges: chat.nudge_after.map(|_| Nudges { people_are_named }),
        public_key: chat.public_key,
    };
    let online = Online::new(chat.token()?.reveal(), &wire(chat)?);
    Ok(check(&online, &expected).await)
}
