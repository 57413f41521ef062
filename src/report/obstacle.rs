//! What keeps an agreed deployment from its turn, in words.

use jiff::{Timestamp, Zoned};

use crate::domain::card::Card;
use crate::domain::id::{EnvironmentName, PersonId};
use crate::domain::obstacle::Obstacle;

use super::{asking, reservations, words};

/// Adds to the card of the deployment that waits what keeps it there.
pub fn with_obstacle(
    card: Card,
    obstacle: &Obstacle,
    environment: &EnvironmentName,
    now: &Zoned,
) -> Card {
    match obstacle {
        Obstacle::Locked { .. } | Obstacle::Frozen { .. } => {
            let why = why(obstacle, now);
            let why = why.trim_end_matches('.');
            card.warning(format!(
                "It waits: {environment} is {why}. It goes on by itself when that ends."
            ))
        }
        Obstacle::Reserved { by, reason, since } => {
            let holder = reservations::holder(by, reason.as_deref());
            let who = match since {
                Some(since) => format!(
                    "A program has {environment} for itself since {}: {holder}",
                    words::clock(*since, now)
                ),
                None => format!("A program that asked before gets {environment} first: {holder}"),
            };
            card.warning(format!(
                "{who}. This goes on by itself once that is over; a rollback would not wait."
            ))
            .text("To take it back from the program:")
            .command(asking::end_reservation(environment))
        }
    }
}

/// `locked by bob since 10:00 CET until 12:00 CET, because: a load test`
pub fn why(obstacle: &Obstacle, now: &Zoned) -> String {
    match obstacle {
        Obstacle::Locked { by, since, because, until } => {
            locked((by, because), (*since, *until), now)
        }
        Obstacle::Reserved { by, reason, since } => {
            let since = since
                .map_or_else(String::new, |since| format!(" since {}", words::clock(since, now)));
            format!("reserved{since} by {}", reservations::holder(by, reason.as_deref()))
        }
        Obstacle::Frozen { reason, until } => {
            format!("frozen{}{}", until_words(*until, now), words::because(Some(reason)))
        }
    }
}

/// Where the rest is told nearby: `until the lock of bob ends`
pub fn brief(obstacle: &Obstacle) -> String {
    match obstacle {
        Obstacle::Locked { by, .. } => {
            format!("until the lock of {} ends", words::person(by))
        }
        Obstacle::Reserved { by, .. } => format!("until the reservation of {by} ends"),
        Obstacle::Frozen { .. } => "until the freeze ends".to_owned(),
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
