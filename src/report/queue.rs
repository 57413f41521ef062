//! What runs and what comes next in each environment, in order, with what each waits for.

use jiff::Zoned;

use crate::domain::card::{Card, Tone};
use crate::domain::deployment::{Deployment, Stage};
use crate::domain::id::EnvironmentName;

use super::{asking, deployment, votes, words};

/// More than this are counted.
const MOST: usize = 12;

/// Each environment's deployments that have not ended, in the order in which they come.
pub fn queue_card(queues: &[(EnvironmentName, Vec<Deployment>)], now: &Zoned) -> Card {
    let title = match queues {
        [] => return Card::new(Tone::Plain, "There are no environments that you may look at"),
        [(environment, queue)] if queue.is_empty() => {
            format!("Nothing runs, waits or is queued in {environment}")
        }
        [(environment, _)] => format!("What comes next in {environment}"),
        several if several.iter().all(|(_, queue)| queue.is_empty()) => {
            "Nothing runs, waits or is queued anywhere".to_owned()
        }
        _ => "What comes next".to_owned(),
    };
    let mut card = Card::new(Tone::Plain, title);
    for (environment, queue) in queues {
        let lines = queue.iter().enumerate();
        let lines = lines.map(|(at, one)| line(one, queue.get(..at).unwrap_or_default(), now));
        card = card.field(environment.as_str(), words::at_most(lines.collect(), MOST));
    }
    let first = queues.iter().flat_map(|(_, queue)| queue).next();
    match first {
        Some(first) => card.text("One of them in full:").command(asking::show(first.id)),
        None => card,
    }
}

/// `#43 promote web:2.1.0 to staging (alice, 3 min ago): queued behind #42`
fn line(one: &Deployment, before: &[Deployment], now: &Zoned) -> String {
    format!(
        "{} ({}, {}): {}",
        deployment::named(one),
        words::person(&one.request.requester.id),
        words::ago(one.requested_at, now),
        state(one, before, now)
    )
}

/// Where it is, and what it waits for.
fn state(one: &Deployment, before: &[Deployment], now: &Zoned) -> String {
    match &one.stage {
        Stage::Waiting => {
            if let Some(moment) = one.scheduled {
                let needed = votes::still_needed(one);
                let needed = needed.map_or_else(String::new, |needed| format!(", {needed}"));
                return format!("scheduled for {}{needed}", words::date_and_clock(moment, now));
            }
            let Some(needed) = votes::still_needed(one) else { return "waits".to_owned() };
            let until = one
                .expires_at()
                .map_or_else(String::new, |end| format!(" until {}", words::clock(end, now)));
            format!("waits for votes, {needed}{until}")
        }
        Stage::Queued { .. } => {
            let ahead = before.iter().rfind(|other| match other.stage {
                Stage::Running(_) | Stage::Queued { .. } => true,
                Stage::Waiting | Stage::Ended(_) => false,
            });
            match ahead {
                Some(ahead) => format!("queued behind #{}", ahead.id),
                None => "its turn has come".to_owned(),
            }
        }
        Stage::Running(rollout) => {
            let (good, total) = rollout.phase().totals();
            let how_far = if total == 0 {
                String::new()
            } else {
                format!(", {}", words::good_of(good, total))
            };
            let paused = rollout
                .paused()
                .map_or_else(String::new, |pause| format!(" by {}", words::person(&pause.by)));
            format!("{}{paused}{how_far}", deployment::stage_words(one))
        }
        Stage::Ended(_) => deployment::stage_words(one).to_owned(),
    }
}
