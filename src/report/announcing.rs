//! Announcements at set times in words: when each is due next, what became of the times before,
//! and what people did about it.

use jiff::{Timestamp, Zoned};

use crate::domain::announcing::Unclear;
use crate::domain::card::{Card, Tone};
use crate::domain::id::{ChannelId, EnvironmentName, PersonId};
use crate::domain::policy::{Action, Denial};
use crate::domain::schedule::{Content, Fate, Firing, ReadyMade, Schedule, ScheduleKey, Timing};

use super::denial::denial_card;
use super::{asking, words};

/// More schedules than this are not shown.
const MOST: usize = 20;

/// A schedule and what is known of it now.
#[derive(Clone, Debug)]
pub struct Listed {
    pub schedule: Schedule,
    /// Where it is announced.
    pub channel: ChannelId,
    /// When it is due next; `None`: never again, or not before it goes on.
    pub next: Option<Timestamp>,
    /// Who paused it, and when.
    pub paused: Option<(PersonId, Timestamp)>,
    /// Since when it is over.
    pub over: Option<Timestamp>,
}

/// One schedule, and what became of its last times, newest first.
pub fn schedule_card(one: &Listed, firings: &[Firing], now: &Zoned) -> Card {
    let schedule = &one.schedule;
    let mut card =
        Card::new(Tone::Plain, format!("Schedule {}: {}", schedule.key, what(&one.schedule)))
            .text(format!("When: {}", when(schedule, now)))
            .text(format!("Where: {}", words::channel(&one.channel)));
    card = match &one.schedule.made {
        Some(made) => {
            card.text(format!("Made by {} {}.", words::person(&made.by), words::ago(made.at, now)))
        }
        None => card.text("It stands in the settings."),
    };
    card = match (&one.paused, one.next) {
        _ if one.over.is_some() => card.text("It is over."),
        (Some((by, since)), _) => {
            let who = words::person(by);
            let since = words::clock(*since, now);
            card.warning(format!("Paused by {who} since {since}."))
                .text("To let it go on:")
                .command(asking::continue_schedule(&schedule.key))
        }
        (None, Some(next)) => card
            .text(format!("Next: {}.", words::clock(next, now)))
            .text("To leave out what comes next:")
            .command(asking::pause_schedule(&schedule.key)),
        (None, None) => card.text("It has no further time."),
    };
    if schedule.made.is_some() && one.over.is_none() {
        card = card.text("For good:").command(asking::cancel_schedule(&schedule.key));
    }
    let past = firings.iter().map(|firing| firing_line(firing, now)).collect();
    card.field("Last times", past)
}

/// Something was said in a channel at once.
pub fn announced_card(channel: &ChannelId) -> Card {
    Card::new(Tone::Good, "Announced").text(format!("In {}.", words::channel(channel)))
}

/// Something is to be said at set times. `here`: where that was asked for; `quoted`: the text was.
pub fn scheduled_card(one: &Listed, here: &ChannelId, quoted: bool, now: &Zoned) -> Card {
    let key = &one.schedule.key;
    let place = words::channel(&one.channel);
    let card = Card::new(Tone::Good, format!("Schedule {key} is made"));
    let card = match &one.schedule.content {
        Content::Said(text) => words::lines_said(text).into_iter().fold(card, Card::text),
        Content::ReadyMade(_) | Content::Template { .. } => card.text(what(&one.schedule)),
    };
    let card = match (&one.schedule.timing, one.next) {
        (Timing::Once(at), _) => {
            let moment = words::moment(*at, now);
            let card = card.text(format!("It is said in {place} on {moment}, not before."));
            let hint = "If that time belongs to the text, take it back and put the text in quotes.";
            if quoted { card } else { card.text(hint) }
        }
        (Timing::Repeating { .. } | Timing::BeforeFreezes(_), next) => {
            let card = card.text(format!("In {place}, {}.", when(&one.schedule, now)));
            match next {
                Some(next) => card.text(format!("Next: {}.", words::moment(next, now))),
                None => card,
            }
        }
    };
    let where_to = if one.channel == *here {
        "To take it back:".to_owned()
    } else {
        format!("To take it back, in {place} or to me alone:")
    };
    card.text(where_to).command(asking::cancel_schedule(key))
}

/// For whoever asked for it. `in_room`: it could be said where it should.
pub fn missed_card(schedule: &Schedule, firing: &Firing, in_room: bool, now: &Zoned) -> Card {
    let due = words::clock(firing.due, now);
    let why = match &schedule.channel {
        Some(channel) if !in_room => {
            format!("I do not speak in {} any more", words::channel(channel))
        }
        Some(_) | None => "it could not be said in time".to_owned(),
    };
    Card::new(Tone::Warning, format!("Not announced: {}", what(schedule)))
        .text(format!("It was due at {due}: {why}."))
        .text("If it is still worth saying, say so again.")
}

/// What somebody did with a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Paused,
    Continued,
    Cancelled,
}

/// Says what a schedule is now; `done`: the person has made it so.
pub fn schedule_changed_card(one: &Listed, change: Change, done: bool, now: &Zoned) -> Card {
    let key = &one.schedule.key;
    let (title, already) = match change {
        Change::Paused => ("is paused", "is paused already"),
        Change::Continued => ("goes on", "is not paused"),
        Change::Cancelled => ("is cancelled", "is over already"),
    };
    let already = if one.over.is_some() { "is over already" } else { already };
    let (tone, words_of_it) = if done { (Tone::Good, title) } else { (Tone::Plain, already) };
    let card = Card::new(tone, format!("Schedule {key} {words_of_it}"));
    match (change, one.next) {
        _ if one.over.is_some() && !done => card.text(what(&one.schedule)),
        (Change::Paused, _) => card
            .text("Nothing of it is announced, and nothing made up for later. To let it go on:")
            .command(asking::continue_schedule(key)),
        (Change::Continued, Some(next)) => card.text(format!("Next: {}.", words::clock(next, now))),
        (Change::Continued, None) => card.text("It has no further time."),
        (Change::Cancelled, _) => card.text(what(&one.schedule)),
    }
}

/// A schedule that stands in the settings can only be paused.
pub fn in_settings_card(key: &ScheduleKey) -> Card {
    Card::new(Tone::Warning, format!("Schedule {key} stands in the settings"))
        .text("It goes when it is taken out there. Until then it can be paused:")
        .command(asking::pause_schedule(key))
}

pub fn no_such_schedule_card(key: &ScheduleKey, known: &[ScheduleKey]) -> Card {
    let names: Vec<String> = known.iter().map(ToString::to_string).collect();
    let title = format!("There is no schedule {key} that I may speak of here");
    let card = Card::new(Tone::Warning, title);
    match names.as_slice() {
        [] => card,
        _ => card.text(format!(
            "There are: {}.",
            words::some_of(names.iter().map(String::as_str), MOST)
        )),
    }
}

pub fn no_such_template_card(name: &str, own: &[ScheduleKey]) -> Card {
    let ready = ReadyMade::ALL.into_iter().map(|one| one.name().to_owned());
    let own = own.iter().map(ToString::to_string);
    let names: Vec<String> = ready.chain(own).collect();
    Card::new(Tone::Warning, format!("There is nothing called {} to preview", words::clean(name)))
        .text(format!("There are: {}.", words::some_of(names.iter().map(String::as_str), MOST)))
}

/// What a preview shows where nothing would be announced.
pub fn nothing_card(name: &str) -> Card {
    Card::new(Tone::Plain, format!("{} would announce nothing now", words::clean(name)))
}

pub fn unclear_card(why: &Unclear) -> Card {
    Card::new(Tone::Warning, "That is not clear").text(why.to_string())
}

/// Several have this name, and which is meant is not guessed.
pub fn several_channels_card(name: &str, all: &[ChannelId]) -> Card {
    let all: Vec<String> = all.iter().map(words::channel).collect();
    let all = words::some_of(all.iter().map(String::as_str), MOST);
    Card::new(Tone::Warning, format!("There are several channels called {}", words::clean(name)))
        .text(format!("They are {all}. Pick one where the chat offers them as you type #."))
}

pub fn past_card(why: &str) -> Card {
    Card::new(Tone::Warning, "That cannot be announced then").text(words::sentence(why))
}

/// Whoever made it may not announce there any more.
pub fn not_permitted_card(
    schedule: &Schedule,
    made_by: &PersonId,
    firing: &Firing,
    (environment, denial): (&EnvironmentName, &Denial),
    now: &Zoned,
) -> Card {
    let what_then = format!("have schedule {} announced", schedule.key);
    let what_then = Some(what_then.as_str());
    denial_card(made_by, Action::Announce, (environment, now), what_then, denial)
        .text(format!("It was due at {}: {}", words::clock(firing.due, now), what(schedule)))
        .text("As long as that is so it is not said, and you are not told again.")
}

/// There is no such channel, or nobody may speak of anything there. `known`: where one may.
pub fn no_such_channel_card(name: &str, known: &[ChannelId]) -> Card {
    let known: Vec<String> = known.iter().map(words::channel).collect();
    Card::new(Tone::Warning, format!("I do not speak in {}", words::clean(name)))
        .text(format!("I speak in {}.", words::some_of(known.iter().map(String::as_str), MOST)))
}

/// `3: the freeze begins, in ops, every friday…, next 15:00 CET`
pub fn line(one: &Listed, now: &Zoned) -> String {
    let place = words::channel(&one.channel);
    let next = match (&one.paused, one.next) {
        (Some((by, _)), _) => format!("paused by {}", words::person(by)),
        (None, Some(next)) => format!("next {}", words::clock(next, now)),
        (None, None) => "no further time".to_owned(),
    };
    format!("{}: {}, in {place}, {next}", one.schedule.key, what(&one.schedule))
}

/// What it announces: a template's name, or the beginning of what somebody said.
fn what(schedule: &Schedule) -> String {
    match &schedule.content {
        Content::ReadyMade(ready) => ready.name().to_owned(),
        Content::Template { .. } => "a template of your own".to_owned(),
        Content::Said(text) => words::clean(text),
    }
}

fn when(schedule: &Schedule, now: &Zoned) -> String {
    match &schedule.timing {
        Timing::Once(at) => words::clock(*at, now),
        Timing::Repeating { rule, text } => {
            // A rule may name its own.
            let zone = rule.zone().iana_name().unwrap_or("its own zone");
            format!("by the rule {} in {zone}", words::clean(text))
        }
        Timing::BeforeFreezes(ahead) => {
            format!("{} before a freeze of the calendar begins", words::duration(ahead.lead))
        }
    }
}

fn firing_line(firing: &Firing, now: &Zoned) -> String {
    let fate = match firing.fate {
        Fate::Claimed { .. } => "on its way",
        Fate::Posted { .. } => "announced",
        Fate::Silent => "there was nothing to announce",
        Fate::Missed => "missed: it could not be said in time",
        Fate::CalledOff => "called off before it was said",
        Fate::Denied => "not said: who made it may not announce there any more",
    };
    let skipped = match firing.skipped {
        0 => String::new(),
        count => format!(", after {count} that went by"),
    };
    format!("{}: {fate}{skipped}", words::clock(firing.due, now))
}
