//! What runs and what comes next in each environment, in order, with what each waits for.

use std::collections::BTreeMap;

use jiff::Zoned;

use crate::domain::card::{Card, Tone};
use crate::domain::deployment::{Deployment, Stage};
use crate::domain::id::{DeploymentId, EnvironmentName};
use crate::domain::lock::Lock;
use crate::domain::obstacle::Obstacle;
use crate::domain::reservation::Reservation;

use super::{asking, deployment, obstacle, reservations, votes, words};

/// More than this are counted.
const MOST: usize = 12;

/// What keeps deployments from their turn.
pub type Obstacles = BTreeMap<DeploymentId, Obstacle>;

/// What comes in one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    pub environment: EnvironmentName,
    /// Those that have not ended, in the order in which they come.
    pub deployments: Vec<Deployment>,
    /// Those that live, in the order in which they were asked for.
    pub reservations: Vec<Reservation>,
    /// That stands there now.
    pub lock: Option<Lock>,
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.deployments.is_empty() && self.reservations.is_empty()
    }
}

/// What runs and what comes next, in each environment.
pub fn queue_card(queues: &[Queue], obstacles: &Obstacles, now: &Zoned) -> Card {
    let title = match queues {
        [] => return Card::new(Tone::Plain, "There are no environments that you may look at"),
        [queue] if queue.is_empty() => {
            format!("Nothing runs, waits or is queued in {}", queue.environment)
        }
        [queue] => format!("What comes next in {}", queue.environment),
        several if several.iter().all(Queue::is_empty) => {
            "Nothing runs, waits or is queued anywhere".to_owned()
        }
        _ => "What comes next".to_owned(),
    };
    let mut card = Card::new(Tone::Plain, title);
    for queue in queues {
        let lines = words::at_most(lines(queue, obstacles, now), MOST);
        card = card.field(queue.environment.as_str(), lines);
    }
    let first = queues.iter().flat_map(|queue| &queue.deployments).next();
    match first {
        Some(first) => card.text("One of them in full:").command(asking::show(first.id)),
        None => card,
    }
}

/// Who has it for themselves, the deployments, and who stands in line for it.
fn lines(queue: &Queue, obstacles: &Obstacles, now: &Zoned) -> Vec<String> {
    let Queue { environment: _, deployments, reservations, lock } = queue;
    let told = |one: &Reservation| reservations::line(one, lock.as_ref(), now);
    let (held, waiting): (Vec<&Reservation>, Vec<&Reservation>) =
        reservations.iter().partition(|one| one.held_since.is_some());
    let numbered = deployments.iter().enumerate();
    let deployments = numbered.map(|(at, one)| {
        let before = deployments.get(..at).unwrap_or_default();
        line(one, &state(one, before, obstacles, now), now)
    });
    held.into_iter().map(told).chain(deployments).chain(waiting.into_iter().map(told)).collect()
}

/// `#43 promote web:2.1.0 to staging (alice, 3 min ago): queued behind #42`
fn line(one: &Deployment, state: &str, now: &Zoned) -> String {
    format!(
        "{} ({}, {}): {state}",
        deployment::named(one),
        words::person(&one.request.requester.id),
        words::ago(one.requested_at, now)
    )
}

/// Where it is, and what it waits for.
fn state(one: &Deployment, before: &[Deployment], obstacles: &Obstacles, now: &Zoned) -> String {
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
            // Whoever waits for something else lets the others pass.
            let goes = |other: &&Deployment| !obstacles.contains_key(&other.id);
            let ahead = before.iter().filter(goes).rfind(|other| match other.stage {
                Stage::Running(_) | Stage::Queued { .. } => true,
                Stage::Waiting | Stage::Ended(_) => false,
            });
            match (obstacles.get(&one.id), ahead) {
                (Some(closed @ (Obstacle::Locked { .. } | Obstacle::Frozen { .. })), _) => {
                    format!("waits: {}", obstacle::why(closed, now))
                }
                (_, Some(ahead)) => format!("queued behind #{}", ahead.id),
                (Some(Obstacle::Reserved { by, .. }), None) => {
                    format!("queued behind the reservation of {by}")
                }
                (None, None) => "its turn has come".to_owned(),
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
