//! Commands for people to copy, spelled as the grammar reads them. The only place in `report`
//! that knows how a command is written.

use std::time::Duration;

use crate::domain::command::{Promote, Promoted};
use crate::domain::deployment::Deployment;
use crate::domain::id::{DeploymentId, Digest, EnvironmentName, Repository};
use crate::domain::plan::{Kind, Terms};
use crate::domain::schedule::ScheduleKey;
use crate::domain::words_of_time::When;

use super::words;

pub fn approve(deployment: DeploymentId) -> String {
    format!("approve {deployment}")
}

pub fn cancel(deployment: DeploymentId) -> String {
    format!("cancel {deployment}")
}

pub fn pause(deployment: DeploymentId) -> String {
    format!("pause {deployment}")
}

/// After a pause, or before the time of a canary is over.
pub fn go_on(deployment: DeploymentId) -> String {
    format!("continue {deployment}")
}

pub fn show(deployment: DeploymentId) -> String {
    format!("show {deployment}")
}

pub fn status(environment: &EnvironmentName) -> String {
    format!("status {environment}")
}

pub fn history(environment: &EnvironmentName) -> String {
    format!("history {environment}")
}

pub fn rollback(environment: &EnvironmentName) -> String {
    format!("rollback {environment}")
}

pub fn release_hold(environment: &EnvironmentName) -> String {
    format!("release hold on {environment}")
}

pub fn unlock(environment: &EnvironmentName) -> String {
    format!("unlock {environment}")
}

pub fn unlock_everything() -> String {
    "unlock everything".to_owned()
}

/// The same lock again, with an end.
pub fn lock_for(environment: &EnvironmentName, because: &str) -> String {
    format!("lock {environment} for 2h because {}", words::clean(because))
}

pub fn end_reservation(environment: &EnvironmentName) -> String {
    format!("end reservation on {environment}")
}

pub fn unfreeze(environment: &EnvironmentName) -> String {
    format!("unfreeze {environment}")
}

pub fn freezes(environment: &EnvironmentName) -> String {
    format!("freezes of {environment}")
}

/// By its digest, which no other image can have.
pub fn unban(repository: &Repository, digest: &Digest) -> String {
    format!("unban image {repository}@{}", digest.short())
}

pub fn ban_of(deployment: DeploymentId) -> String {
    format!("ban image of {deployment}")
}

/// `images`: names as they are shown, `core:1.5.0 and web:2.1.0`.
pub fn promote(images: &str, environment: &EnvironmentName) -> String {
    format!("promote {images} to {environment}")
}

pub fn promote_everything(source: &EnvironmentName, to: &EnvironmentName) -> String {
    format!("promote everything from {source} to {to}")
}

pub fn show_schedule(schedule: &ScheduleKey) -> String {
    format!("show schedule {schedule}")
}

pub fn pause_schedule(schedule: &ScheduleKey) -> String {
    format!("pause schedule {schedule}")
}

pub fn continue_schedule(schedule: &ScheduleKey) -> String {
    format!("continue schedule {schedule}")
}

pub fn cancel_schedule(schedule: &ScheduleKey) -> String {
    format!("cancel schedule {schedule}")
}

/// The promotion of these terms, at a moment where one is named.
pub fn promote_then(terms: &Terms, when: Option<&When>) -> String {
    let text = promote(&terms.names(), &terms.environment);
    when.map_or(text.clone(), |when| format!("{text} {when}"))
}

/// The reason stays open: only the person who breaks the glass can give it.
pub fn promote_breaking_glass(images: &str, environment: &EnvironmentName) -> String {
    format!("{} break glass because …", promote(images, environment))
}

/// Asks for the same again.
pub fn again(deployment: &Deployment) -> String {
    let terms = &deployment.plan.terms;
    let text = match terms.kind {
        Kind::Promotion => promote(&terms.names(), &terms.environment),
        Kind::Rollback { .. } => rollback(&terms.environment),
    };
    let request = &deployment.request;
    with_endings(text, request.break_glass, request.canary, request.because.as_deref())
}

/// The same promotion with one of its images written differently; `None` where no image of it
/// reads `asked`.
pub fn with_image(command: &Promote, asked: &str, image: &str) -> Option<String> {
    let images = match &command.what {
        Promoted::EverythingFrom(_) => return None,
        Promoted::Images(images) => images,
    };
    let is_asked = |reference: &crate::domain::command::ImageReference| {
        reference.to_string() == asked
            || reference.repository.as_ref().is_some_and(|name| name.as_str() == asked)
    };
    let position = images.iter().position(is_asked)?;
    let spelled: Vec<String> = images
        .iter()
        .enumerate()
        .map(|(at, other)| if at == position { image.to_owned() } else { other.to_string() })
        .collect();
    let mut text =
        promote(&words::listed(spelled.iter().map(String::as_str)), &command.environment);
    if command.dry_run {
        text = format!("dry run {text}");
    }
    if let Some(when) = &command.when {
        text = format!("{text} {when}");
    }
    let because = command.because.as_deref();
    Some(with_endings(text, command.break_glass, command.canary, because))
}

/// What follows a promotion, in the order in which it is read: free text last.
fn with_endings(
    mut text: String,
    break_glass: bool,
    canary: Option<Duration>,
    because: Option<&str>,
) -> String {
    if break_glass {
        text.push_str(" break glass");
    }
    if let Some(stay) = canary {
        text.push_str(&format!(" with canary {}s", stay.as_secs()));
    }
    match because.map(words::clean) {
        Some(because) if !because.is_empty() => format!("{text} because {because}"),
        Some(_) | None => text,
    }
}
