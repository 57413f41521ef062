//! Reservations in words: who has an environment, who stands in line for it, and what that keeps
//! waiting. Who may end one is not known here.

use jiff::Zoned;

use crate::domain::card::{Card, Tone};
use crate::domain::id::{EnvironmentName, PersonId, TokenName};
use crate::domain::lock::Lock;
use crate::domain::reservation::Reservation;

use super::{asking, words};

/// More than this are counted.
const MOST: usize = 20;

/// All that live, in the order in which they were asked for. `locks`: those that stand.
pub fn reservations_card(reservations: &[Reservation], locks: &[Lock], now: &Zoned) -> Card {
    let card = Card::new(Tone::Plain, "Reservations");
    if reservations.is_empty() {
        return card.text("No program has an environment for itself.");
    }
    let told = |one: &Reservation| {
        let lock = locks.iter().find(|lock| lock.environment == one.environment);
        format!("{}: {}", one.environment, line(one, lock, now))
    };
    let lines = words::at_most(reservations.iter().map(told).collect(), MOST);
    let card = lines.into_iter().fold(card, Card::text);
    match reservations.iter().find(|one| one.held_since.is_some()) {
        Some(held) => card
            .text("To take one back from its program:")
            .command(asking::end_reservation(&held.environment)),
        None => card,
    }
}

pub fn reservation_ended_card(
    environment: &EnvironmentName,
    token: &TokenName,
    by: &PersonId,
) -> Card {
    Card::new(Tone::Good, format!("The reservation of {environment} is ended"))
        .text(format!("By {}: {token} is told, and what waited goes on.", words::person(by)))
}

/// `reserved since 10:30 CET by e2e, because: nightly`, `in line to be reserved since 10:31 CET by
/// load`. `lock`: the one that stands in its environment, for which whoever is in line waits.
pub fn line(one: &Reservation, lock: Option<&Lock>, now: &Zoned) -> String {
    let holder = holder(&one.by, one.reason.as_deref());
    match one.held_since {
        Some(since) => format!("reserved since {} by {holder}", words::clock(since, now)),
        None => {
            let since = words::clock(one.asked_at, now);
            let once = lock.map_or_else(String::new, |lock| {
                format!(" once the lock of {} ends,", words::person(&lock.by))
            });
            format!("in line to be reserved{once} since {since} by {holder}")
        }
    }
}

/// `e2e, because: nightly`
pub fn holder(by: &TokenName, reason: Option<&str>) -> String {
    format!("{by}{}", words::because(reason))
}
