//! The figures of a period in words, and the card that shows them.

use crate::domain::card::{Card, Tone};
use crate::domain::figures::Figures;
use crate::domain::id::EnvironmentName;
use crate::domain::plural;

use super::{chart, words};

/// Deployments, lead time, failure rate and time to restore, a sentence each.
pub fn sentences(figures: &Figures) -> [String; 4] {
    let count = plural(figures.deployments as usize, "deployment");
    let deployments = match rate(figures) {
        Some(rate) => format!("{count} in {}, {rate}", days(figures)),
        None => format!("No deployments in {}", days(figures)),
    };
    let lead_time = match figures.lead_time {
        Some(time) => format!("Lead time, from the first request on: {}", words::duration(time)),
        None => "Lead time: nothing to measure".to_owned(),
    };
    let failures = match figures.failure_percent() {
        Some(percent) => {
            let (wrong, judged) = (figures.went_wrong, figures.judged);
            format!("Went wrong: {percent} % ({wrong} of {judged})")
        }
        None => "Went wrong: nothing to measure".to_owned(),
    };
    let restore_time = match (figures.restore_time, figures.not_restored) {
        (Some(time), 0) => format!("Time to restore: {}", words::duration(time)),
        (Some(time), open) => {
            format!("Time to restore: {}, and {open} not good again", words::duration(time))
        }
        (None, 0) => "Time to restore: nothing to measure".to_owned(),
        (None, open) => format!("Time to restore: {open} not good again"),
    };
    [deployments, lead_time, failures, restore_time]
}

/// Of which environments they are.
pub fn about(counted: &[EnvironmentName]) -> String {
    match counted {
        [] => {
            "Nothing here counts: figures are of environments that no other comes after".to_owned()
        }
        [_, ..] => {
            format!("Promotions to {}", words::listed(counted.iter().map(EnvironmentName::as_str)))
        }
    }
}

/// The figures on demand.
pub fn figures_card(figures: &Figures, counted: &[EnvironmentName]) -> Card {
    let card = Card::new(Tone::Plain, format!("Figures of the last {}", days(figures)))
        .text(about(counted));
    if counted.is_empty() {
        return card;
    }
    let mut card = sentences(figures).into_iter().fold(card, Card::text);
    card.picture = chart::picture(figures);
    card
}

/// `2.5 a day`, `1 every 4 days`; `None`: there were none.
fn rate(figures: &Figures) -> Option<String> {
    let count = f64::from(figures.deployments);
    let days = figures.period.length().as_secs_f64() / 86_400.0;
    if figures.deployments == 0 || days <= 0.0 {
        return None;
    }
    let daily = count / days;
    Some(if daily >= 1.0 {
        format!("{daily:.1} a day")
    } else {
        format!("one every {:.1} days", 1.0 / daily)
    })
}

/// `7 days`, or how long it is where that is no whole number of days.
fn days(figures: &Figures) -> String {
    let length = figures.period.length();
    match (length.as_secs() / 86_400, length.as_secs() % 86_400) {
        (days @ 1.., 0) => plural(usize::try_from(days).unwrap_or_default(), "day"),
        _ => words::duration(length),
    }
}
