//! What is to happen at a moment of its own, a section for each kind of it.

use jiff::Zoned;

use crate::domain::card::{Card, Tone};
use crate::domain::deployment::Deployment;

use super::{asking, deployment, votes, words};

/// More than this are counted.
const MOST: usize = 12;

/// Promotions that wait for their moment, the next first, each with the time where its
/// environment is.
pub fn schedules_card(promotions: &[(Deployment, Zoned)]) -> Card {
    let Some((first, _)) = promotions.first() else {
        return Card::new(Tone::Plain, "Nothing is scheduled")
            .text("To schedule a promotion, say when at its end:")
            .command("promote IMAGE to ENVIRONMENT at 18:00");
    };
    let lines = promotions.iter().filter_map(|(one, now)| line(one, now)).collect();
    Card::new(Tone::Plain, "What is scheduled")
        .field("Promotions", words::at_most(lines, MOST))
        .text("To call one off:")
        .command(asking::cancel(first.id))
}

/// `#43 promote web:2.1.0 to staging (alice): Friday 27 November at 18:00 (Europe/Berlin), in 3
/// hours`
fn line(one: &Deployment, now: &Zoned) -> Option<String> {
    let needed = votes::still_needed(one);
    let needed = needed.map_or_else(String::new, |needed| format!("; {needed}"));
    Some(format!(
        "{} ({}): {}{needed}",
        deployment::named(one),
        words::person(&one.request.requester.id),
        words::moment(one.scheduled?, now)
    ))
}
