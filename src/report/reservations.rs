//! Reservations in words: who has an environment, who stands in line for it, and what that keeps
//! waiting. Who may end one is not known here.

use jiff::Zoned;

use crate::domain::card::{Card, Tone};
use crate::domain::id::{EnvironmentName, PersonId, TokenName};
use crate::domain::reservation::Reservation;

use super::{asking, words};

/// More than this are counted.
const MOST: usize = 20;

/// All that live, in the order in which they were asked for.
pub fn reservations_card(reservations: &[Reservation], now: &Zoned) -> Card {
    let card = Card::new(Tone::Plain, "Reservations");
    if reservations.is_empty() {
        return card.text("No program has an environment for itself.");
    }
    let told = |one: &Reservation| format!("{}: {}", one.environment, line(one, now));
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

/// `reserved by e2e since 10:30 CET, because: nightly`, `e2e stands in line to reserve it`
pub fn line(one: &Reservation, now: &Zoned) -> String {
    let holder = holder(&one.by, one.reason.as_deref());
    match one.held_since {
        Some(since) => format!("reserved since {} by {holder}", words::clock(since, now)),
        None => {
            format!("in line to be reserved since {} by {holder}", words::clock(one.asked_at, now))
        }
    }
}

/// `e2e, because: nightly`
pub fn holder(by: &TokenName, reason: Option<&str>) -> String {
    format!("{by}{}", words::because(reason))
}
