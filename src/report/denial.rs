//! What the policies do not permit, and what could not be decided at all: two different
//! things, told in different words.

use jiff::Zoned;

use crate::domain::card::{Card, Tone};
use crate::domain::id::{EnvironmentName, PersonId};
use crate::domain::policy::{Action, Denial, NearMiss};

use super::{asking, votes, words};

/// Says what the policies do not permit, which of them, and what would change that.
/// `what`: the images by name (`core:1.5.0 and web:2.1.0`) or the deployment (`#42`), where
/// the action is about one. `now` is the time where the environment is.
pub fn denial_card(
    person: &PersonId,
    action: Action,
    (environment, now): (&EnvironmentName, &Zoned),
    what: Option<&str>,
    denial: &Denial,
) -> Card {
    let person = words::person(person);
    let title = format!("{person} may not {}", action_words(action, environment, what));
    let card = Card::new(Tone::Bad, title);
    match denial {
        Denial::Forbidden { by, overridable } => {
            let card = by
                .iter()
                .fold(card, |card, because| card.text(votes::decided(because, environment, now)));
            if *overridable { with_glass(card, action, environment, what) } else { card }
        }
        Denial::NothingPermits { nearest } => with_nearest(card, nearest),
    }
}

/// `promote core:1.5.0 to staging`, `roll back production`
pub fn action_words(action: Action, environment: &EnvironmentName, what: Option<&str>) -> String {
    let what = what.map(words::clean);
    let named = |otherwise: &str| what.clone().unwrap_or_else(|| otherwise.to_owned());
    match action {
        Action::Read => format!("look at {environment}"),
        Action::Promote => format!("promote {} to {environment}", named("images")),
        Action::Rollback => format!("roll back {environment}"),
        Action::Restart => format!("restart {environment}"),
        Action::Approve => format!("approve {} for {environment}", named("deployments")),
        Action::Cancel => format!("cancel {} in {environment}", named("deployments")),
        Action::Pause => format!("hold up {} in {environment}", named("deployments")),
        Action::BreakGlass => format!("break the glass in {environment}"),
        Action::Lock => format!("lock {environment}"),
        Action::Unlock => format!("unlock {environment}"),
        Action::Ban => format!("ban {} in {environment}", named("images")),
        Action::ReleaseHold => format!("release the hold on {environment}"),
        Action::Freeze => format!("freeze or unfreeze {environment}"),
        Action::Announce => {
            format!("{} where {environment} is spoken of", named("have this announced"))
        }
    }
}

fn with_nearest(mut card: Card, nearest: &[NearMiss]) -> Card {
    if nearest.is_empty() {
        return card.text("No policy permits this to anybody. Ask who keeps the policies.");
    }
    for (at, miss) in nearest.iter().take(3).enumerate() {
        let lead = if at == 0 { "That takes" } else { "Or it takes" };
        let lacked = words::clean(&miss.lacked);
        card = card.text(format!("{lead} {lacked} ({}).", miss.policy));
    }
    card.text("Ask somebody who has that. To see your own roles:").command("whoami")
}

/// Only a promotion can be asked for with the glass broken.
fn with_glass(
    card: Card,
    action: Action,
    environment: &EnvironmentName,
    what: Option<&str>,
) -> Card {
    match action {
        Action::Promote => {
            let what = what.map_or_else(|| "IMAGE".to_owned(), words::clean);
            card.text("If it cannot wait, whoever may break the glass can say why and write:")
                .command(asking::promote_breaking_glass(&what, environment))
        }
        Action::Read
        | Action::Rollback
        | Action::Restart
        | Action::Approve
        | Action::Cancel
        | Action::Pause
        | Action::BreakGlass
        | Action::Lock
        | Action::Unlock
        | Action::Ban
        | Action::ReleaseHold
        | Action::Freeze
        | Action::Announce => card,
    }
}

/// Who or what could not be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unasked {
    Aws,
    Policies,
    /// The chat did not tell a person's roles.
    Roles,
    /// The chat did not post, or did not tell the reactions.
    Chat,
    Journal,
}

/// Why a deployment that is agreed or under way does not go on just now.
pub fn waits_for_answer(unasked: Unasked, detail: &str) -> String {
    let (what, _) = fault(unasked);
    format!("{what}: {}. Trying again; nothing is lost.", words::clean(detail))
}

/// Why a deployment that was under way stands still until somebody acts.
pub fn stands_still(detail: &str) -> String {
    format!(
        "Stands still where it is: {}. Mend that and start Shipmate again: it carries on.",
        words::clean(detail)
    )
}

/// Who did not answer, and where to look.
fn fault(unasked: Unasked) -> (&'static str, &'static str) {
    match unasked {
        Unasked::Aws => ("AWS could not be asked", "If it stays so, check AWS and the network."),
        Unasked::Policies => (
            "The policies could not be evaluated",
            "Run shipmate check, and tell who keeps the policies.",
        ),
        Unasked::Roles => (
            "The chat did not say which roles you have",
            "If it stays so, check whether the chat service has an outage.",
        ),
        Unasked::Chat => (
            "The chat could not be reached",
            "If it stays so, check whether the chat service has an outage.",
        ),
        Unasked::Journal => {
            ("The journal could not be read or written", "If it stays so, check the database.")
        }
    }
}

/// Says that no answer could be found, which is nobody's lack of rights. `detail`: what went
/// wrong, for those who mend it; `retry`: the text to send again, where sending it again makes
/// sense.
pub fn undecided_card(unasked: Unasked, detail: &str, retry: Option<&str>) -> Card {
    let (what, hint) = fault(unasked);
    let card = Card::new(Tone::Warning, "Could not be decided: try again")
        .text(words::sentence(&format!("{what}: {}", words::clean(detail))))
        .text(format!("That is a fault, not an answer: nothing was changed. {hint}"));
    match retry {
        Some(retry) => card.text("To try again:").command(words::clean(retry)),
        None => card,
    }
}
