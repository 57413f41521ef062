//! Bans and the end of a hold, in words, and every decision as a line of the history. Who may
//! decide them is not known here.

use jiff::Zoned;

use crate::domain::card::{Card, Tone};
use crate::domain::decision::{Ban, Decision, RecordedDecision};
use crate::domain::deployment::Deployment;
use crate::domain::event::End;
use crate::domain::id::{DeploymentId, EnvironmentName, PersonId};

use super::{asking, cause, freezes, locks, words};

/// More bans than this are not shown.
const MOST_BANS: usize = 20;

/// Where a banned image runs, or was on its way, when it was banned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StillRunning {
    /// Deployments that waited for it, and were refused.
    pub refused: Vec<DeploymentId>,
    /// Deployments that promote it just now, and go on.
    pub promoting: Vec<DeploymentId>,
    /// Environments whose last success it is.
    pub running_in: Vec<EnvironmentName>,
}

/// What was banned, what was banned before, and where it still runs.
pub fn banned_card(
    banned: &[String],
    before: &[Ban],
    (by, because): (&PersonId, &str),
    still: &StillRunning,
) -> Card {
    let names = words::listed(banned.iter().map(String::as_str));
    let mut card = if banned.is_empty() {
        Card::new(Tone::Plain, "Banned already")
    } else {
        let verb = if banned.len() == 1 { "is" } else { "are" };
        let who = format!("By {}{}", words::person(by), words::because(Some(because)));
        Card::new(Tone::Good, format!("{names} {verb} banned")).text(words::sentence(&who)).text(
            "Under no tag can it be promoted or rolled back to, anywhere, until it is unbanned.",
        )
    };
    for ban in before {
        card = card.text(format!("{}.", line(ban)));
    }
    for refused in &still.refused {
        card = card.text(format!("#{refused} waited for it, and is refused."));
    }
    for running in &still.promoting {
        card = card
            .warning(format!("#{running} promotes it just now, and goes on. To have it undone:"))
            .command(asking::cancel(*running));
    }
    for environment in &still.running_in {
        card = card
            .warning(format!("By the journal, {environment} runs it. To go back:"))
            .command(asking::rollback(environment));
    }
    card
}

pub fn unbanned_card(unbanned: &[String], by: &PersonId) -> Card {
    let names = words::listed(unbanned.iter().map(String::as_str));
    let verb = if unbanned.len() == 1 { "is" } else { "are" };
    Card::new(Tone::Good, format!("{names} {verb} no longer banned"))
        .text(format!("Unbanned by {}: the policies decide again.", words::person(by)))
}

/// The bans that stand, the newest first as they are given.
pub fn bans_card(bans: &[Ban], now: &Zoned) -> Card {
    let card = Card::new(Tone::Plain, "Bans");
    let Some(newest) = bans.first() else {
        return card.text("No image is banned.");
    };
    let told = |ban: &Ban| {
        let digest = ban.image.digest.short();
        format!("⛔ {} ({digest}), {}", line(ban), words::ago(ban.at, now))
    };
    let lines = words::at_most(bans.iter().map(told).collect(), MOST_BANS);
    let card = lines.into_iter().fold(card, Card::text);
    card.text("To let one be promoted again:")
        .command(asking::unban(&newest.image.repository, &newest.image.digest))
}

/// `core:1.6.0 is banned by bob, because: it loses orders`
fn line(ban: &Ban) -> String {
    let who = words::person(&ban.by);
    format!("{} is banned by {who}{}", ban.name, words::because(Some(&ban.because)))
}

pub fn hold_released_card(environment: &EnvironmentName, by: &PersonId) -> Card {
    Card::new(Tone::Good, format!("The hold on {environment} is released"))
        .text(format!("By {}: automation may move it again.", words::person(by)))
}

/// Why the image is banned that made a deployment go back.
pub fn reason_to_ban(deployment: &Deployment) -> String {
    let terms = &deployment.plan.terms;
    let cause = match deployment.end() {
        Some(End::RolledBack { cause } | End::Failed { cause, .. }) => {
            format!(": {}", cause::sentence(cause, terms))
        }
        Some(
            End::Succeeded
            | End::Cancelled { .. }
            | End::Rejected { .. }
            | End::Expired
            | End::Unapproved
            | End::Missed
            | End::Refused { .. }
            | End::Superseded { .. },
        )
        | None => String::new(),
    };
    format!("it made #{} go back{}", deployment.id, cause.trim_end_matches('.'))
}

/// A decision as a line of the history.
pub fn decision_line(recorded: &RecordedDecision, now: &Zoned) -> String {
    let reason = |because: &Option<String>| words::because(because.as_deref());
    let what = match &recorded.decision {
        Decision::Banned { name, by, because, .. } => {
            format!("⛔ {name} banned by {}{}", words::person(by), words::because(Some(because)))
        }
        Decision::Unbanned { name, by, because, .. } => {
            format!("{name} unbanned by {}{}", words::person(by), reason(because))
        }
        Decision::HoldReleased { environment, left_by, by, because } => format!(
            "hold on {environment} (#{left_by}) released by {}{}",
            words::person(by),
            reason(because)
        ),
        Decision::Locked { environment, by, because, until, over, .. } => {
            let terms = locks::terms(*until, because, now);
            locks::set_words(environment, (by, over.as_ref()), &terms)
        }
        Decision::Unlocked { environment, of, why, .. } => locks::ended_words(environment, of, why),
        Decision::ReservationEnded { environment, token, by, because, .. } => format!(
            "reservation of {environment} by {token} ended by {}{}",
            words::person(by),
            reason(because)
        ),
        Decision::Frozen { environment, by, because, until, .. } => {
            let terms = freezes::terms(*until, because, now);
            format!("❄️ {environment} frozen by {}{terms}", words::person(by))
        }
        Decision::Unfrozen { environment, of, why, .. } => {
            freezes::ended_words(environment, of, why)
        }
    };
    format!("{what}, {}", words::ago(recorded.at, now))
}
