//! What keeps an agreed deployment from its turn, in words.

use jiff::{Timestamp, Zoned};

use crate::domain::id::{EnvironmentName, PersonId};
use crate::domain::obstacle::Obstacle;

use super::words;

/// For the card of the deployment that waits.
pub fn sentence(obstacle: &Obstacle, environment: &EnvironmentName, now: &Zoned) -> String {
    let why = why(obstacle, now);
    let why = why.trim_end_matches('.');
    format!("It waits: {environment} is {why}. It goes on by itself when that ends.")
}

/// `locked by bob since 10:00 CET until 12:00 CET, because: a load test`
pub fn why(obstacle: &Obstacle, now: &Zoned) -> String {
    match obstacle {
        Obstacle::Locked { by, since, because, until } => {
            locked((by, because), (*since, *until), now)
        }
    }
}

/// Where the rest is told nearby: `until the lock of bob ends`
pub fn brief(obstacle: &Obstacle) -> String {
    match obstacle {
        Obstacle::Locked { by, .. } => {
            format!("until the lock of {} ends", words::person(by))
        }
    }
}

pub fn locked(
    (by, because): (&PersonId, &str),
    (since, until): (Timestamp, Option<Timestamp>),
    now: &Zoned,
) -> String {
    format!(
        "locked by {} since {}{}{}",
        words::person(by),
        words::clock(since, now),
        until_words(until, now),
        words::because(Some(because))
    )
}

/// ` until 12:00 CET`, or nothing.
pub fn until_words(until: Option<Timestamp>, now: &Zoned) -> String {
    until.map_or_else(String::new, |until| format!(" until {}", words::clock(until, now)))
}
