//! What is to happen at a moment of its own, a section for each kind of it.

use jiff::Zoned;

use crate::domain::card::{Card, Tone};
use crate::domain::deployment::Deployment;

use super::announcing::{self, Listed};
use super::{asking, deployment, votes, words};

/// More than this are counted.
const MOST: usize = 12;
/// The same for what is announced, which names itself in few words.
const MOST_ANNOUNCED: usize = 30;

/// Promotions that wait for their moment, the next first, each with the time where its
/// environment is; and what is announced at set times, the next first, by `now`.
pub fn schedules_card(
    promotions: &[(Deployment, Zoned)],
    announcements: &[Listed],
    now: &Zoned,
) -> Card {
    if promotions.is_empty() && announcements.is_empty() {
        return Card::new(Tone::Plain, "Nothing is scheduled")
            .text("To schedule a promotion, say when at its end:")
            .command("promote IMAGE to ENVIRONMENT at 18:00")
            .text("To have something announced at set times:")
            .command("announce TEXT every friday at 15:00");
    }
    let lines = promotions.iter().filter_map(|(one, now)| line(one, now)).collect();
    let mut announcements: Vec<&Listed> = announcements.iter().collect();
    // What has no next time stands last.
    announcements.sort_by_key(|one| (one.next.is_none(), one.next));
    let said = announcements.iter().map(|one| announcing::line(one, now)).collect();
    let mut card = Card::new(Tone::Plain, "What is scheduled")
        .field("Promotions", words::at_most(lines, MOST))
        .field("Announcements", words::at_most(said, MOST_ANNOUNCED));
    if let Some((first, _)) = promotions.first() {
        card = card.text("To call one off:").command(asking::cancel(first.id));
    }
    if let Some(first) = announcements.first() {
        let key = &first.schedule.key;
        card = card.text("One announcement in full:").command(asking::show_schedule(key));
    }
    card
}

/// Somebody asked for what waits for its moment already.
pub fn asked_already_card(one: &Deployment, now: &Zoned) -> Card {
    let by = words::person(&one.request.requester.id);
    let moment = one.scheduled.map(|moment| words::moment(moment, now)).unwrap_or_default();
    let needed = votes::still_needed(one);
    let needed = needed.map_or_else(String::new, |needed| format!("; {needed}"));
    let title = format!("{} is asked for already", deployment::named(one));
    let card = Card::new(Tone::Plain, title)
        .text(format!("By {by}, for {moment}{needed}."))
        .text("To look at it:")
        .command(asking::show(one.id));
    if one.needed().is_empty() {
        return card;
    }
    card.text("To agree to it, where you may:").command(asking::approve(one.id))
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
