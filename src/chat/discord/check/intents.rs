//! Whether the application in Discord's developer portal is set up for what the settings want:
//! privileged intents, and which way interactions come. Asks nobody.

use serenity::model::application::{ApplicationFlags, CurrentApplicationInfo};

use super::{Expected, Finding};

/// The path at which Shipmate takes interactions.
const INTERACTIONS: &str = "/discord/interactions";

pub(super) fn check(
    application: &CurrentApplicationInfo,
    expected: &Expected,
    findings: &mut Vec<Finding>,
) {
    let before = findings.len();
    intents(application, expected, findings);
    let wrong = match expected.public_key {
        Some(key) => by_http(application, key),
        None => by_gateway(application).into_iter().collect(),
    };
    findings.extend(wrong.into_iter().map(Finding::Bad));
    if findings.len() == before {
        let name = &application.name;
        findings
            .push(Finding::Good(format!("The application `{name}` is set up as it should be.")));
    }
}

/// A page of the application in the developer portal.
fn portal(application: &CurrentApplicationInfo, page: &str) -> String {
    format!("https://discord.com/developers/applications/{}/{page}", application.id)
}

fn intents(application: &CurrentApplicationInfo, expected: &Expected, findings: &mut Vec<Finding>) {
    // The limited ones are those of applications that Discord has not verified: they work in
    // fewer than a hundred servers.
    let content = ApplicationFlags::GATEWAY_MESSAGE_CONTENT
        | ApplicationFlags::GATEWAY_MESSAGE_CONTENT_LIMITED;
    let members =
        ApplicationFlags::GATEWAY_GUILD_MEMBERS | ApplicationFlags::GATEWAY_GUILD_MEMBERS_LIMITED;
    let flags = application.flags.unwrap_or(ApplicationFlags::empty());
    let page = portal(application, "bot");
    if let Some(prefix) = &expected.prefix
        && !flags.intersects(content)
    {
        findings.push(Finding::Bad(format!(
            "`prefix` needs the Message Content Intent, and without it Discord closes the \
             connection. Switch it on at {page} under Privileged Gateway Intents. Or remove \
             `prefix`: slash commands and mentions work without it, `{prefix}` does not.",
        )));
    }
    let unnamed = expected.nudges.is_some_and(|nudges| !nudges.people_are_named);
    if unnamed && !flags.intersects(members) {
        findings.push(Finding::Bad(format!(
            "`nudge-after` reaches nobody: Discord tells who holds a role only with the Server \
             Members Intent. Switch it on at {page} under Privileged Gateway Intents. Or name \
             people by their ids in [roles], or remove `nudge-after`.",
        )));
    }
}

/// What is wrong where Discord should send interactions by HTTP.
fn by_http(application: &CurrentApplicationInfo, key: [u8; 32]) -> Vec<String> {
    let mut wrong = Vec::new();
    let page = portal(application, "information");
    let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    if !application.verify_key.eq_ignore_ascii_case(&key) {
        wrong.push(format!(
            "`public-key` is not that of the application, so no interaction would be believed. \
             Write {} instead; it stands at {page} as Public Key.",
            application.verify_key
        ));
    }
    match application.interactions_endpoint_url.as_deref().filter(|url| !url.is_empty()) {
        None => wrong.push(format!(
            "Discord does not know where to send interactions. Start Shipmate, and at {page} \
             enter https://YOUR-HOST{INTERACTIONS} as Interactions Endpoint URL. Or remove \
             `public-key`: then they come through the gateway."
        )),
        Some(url) if !url.trim_end_matches('/').ends_with(INTERACTIONS) => wrong.push(format!(
            "Discord sends interactions to {url}, where Shipmate does not take them. At {page} \
             enter https://YOUR-HOST{INTERACTIONS} as Interactions Endpoint URL."
        )),
        Some(_) => {}
    }
    wrong
}

/// What is wrong where interactions should come through the gateway: the two ways exclude each
/// other.
fn by_gateway(application: &CurrentApplicationInfo) -> Option<String> {
    let url = application.interactions_endpoint_url.as_deref().filter(|url| !url.is_empty())?;
    Some(format!(
        "Discord sends interactions to {url} and not through the gateway. At {} clear \
         Interactions Endpoint URL. Or set `public-key` and [web], if that address is Shipmate's.",
        portal(application, "information")
    ))
}
