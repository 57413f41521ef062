//! What other people did in the middle of a rollout, in words.

use crate::domain::card::Card;
use crate::domain::id::ServiceName;
use crate::domain::others::Change;
use crate::domain::plan::Terms;
use crate::domain::rollout::Rollout;

use super::{plan, words};

/// Adds what others did, each thing once: of several changes of one kind, what came of them.
pub fn with_changes(mut card: Card, terms: &Terms, rollout: &Rollout) -> Card {
    for change in together(&rollout.changes) {
        card = card.text(sentence(&change, terms));
    }
    card
}

/// One change, as a sentence.
pub fn sentence(change: &Change, terms: &Terms) -> String {
    match change {
        Change::Scaled { service, from, to } => format!(
            "{service} was scaled from {from} to {} meanwhile, not by Shipmate.",
            crate::domain::plural(*to as usize, "task")
        ),
        Change::Redefined { service, definition } => format!(
            "{service} was given another task definition meanwhile, not by Shipmate: {}.",
            words::clean(definition.rsplit('/').next().unwrap_or(definition))
        ),
        Change::Deployed { service, deployment } => {
            format!("{service} was deployed meanwhile, not by Shipmate: {deployment}.")
        }
        Change::TagMoved { repository, found } => {
            let now = found.as_ref().map_or_else(
                || "nothing".to_owned(),
                |found| plan::name_of(terms, repository, found),
            );
            format!("{} of {repository} points at {now} now: somebody else moved it.", terms.tag)
        }
    }
}

/// The changes without those that a later one of the same kind makes stale.
fn together(changes: &[Change]) -> Vec<Change> {
    let mut together: Vec<Change> = Vec::new();
    for change in changes {
        let same = together.iter().position(|known| is_same_kind(known, change));
        match (same, change) {
            (None, _) => together.push(change.clone()),
            (Some(at), Change::Scaled { service, to, .. }) => {
                let first = together.remove(at);
                together.extend(scaled(&first, service, *to));
            }
            (
                Some(at),
                Change::Redefined { .. } | Change::Deployed { .. } | Change::TagMoved { .. },
            ) => {
                together.remove(at);
                together.push(change.clone());
            }
        }
    }
    together
}

fn is_same_kind(one: &Change, other: &Change) -> bool {
    match (one, other) {
        (Change::Scaled { service: a, .. }, Change::Scaled { service: b, .. })
        | (Change::Redefined { service: a, .. }, Change::Redefined { service: b, .. })
        | (Change::Deployed { service: a, .. }, Change::Deployed { service: b, .. }) => a == b,
        (Change::TagMoved { repository: a, .. }, Change::TagMoved { repository: b, .. }) => a == b,
        (
            Change::Scaled { .. }
            | Change::Redefined { .. }
            | Change::Deployed { .. }
            | Change::TagMoved { .. },
            _,
        ) => false,
    }
}

/// From where the first one began; nothing, where it came back there.
fn scaled(first: &Change, service: &ServiceName, to: u32) -> Option<Change> {
    match first {
        Change::Scaled { from, .. } if *from == to => None,
        Change::Scaled { from, .. } => {
            Some(Change::Scaled { service: service.clone(), from: *from, to })
        }
        Change::Redefined { .. } | Change::Deployed { .. } | Change::TagMoved { .. } => None,
    }
}
