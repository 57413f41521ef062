//! How durations, times, lists and other people's text are put into words. Knows nothing of
//! deployments.

use std::time::Duration;

use jiff::{Timestamp, Zoned};

use crate::domain::announcing;
use crate::domain::card::{self, Shown};
use crate::domain::id::{ChannelId, PersonId, Role};
pub use crate::domain::plan::listed;
use crate::domain::plural;

/// The longest text of a person or of a peer that a card repeats, in characters.
const LONGEST_TEXT: usize = 300;
/// The longest name that a card repeats, in characters.
const LONGEST_NAME: usize = 80;

/// `45 s`, `2 min 10 s`, `25 min`, `1 h 5 min`, `3 days 4 h`, `9 days`: as exact as people would
/// say it.
pub fn duration(length: Duration) -> String {
    let seconds = length.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |big: String, small: u64, unit: &str| {
        if small == 0 { big } else { format!("{big} {small} {unit}") }
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..600 => two(format!("{minutes} min"), seconds % 60, "s"),
        600..3600 => format!("{minutes} min"),
        3600..172_800 => two(format!("{hours} h"), minutes % 60, "min"),
        172_800..604_800 => two(format!("{days} days"), hours % 24, "h"),
        604_800.. => format!("{days} days"),
    }
}

/// The time from one moment to another; zero where clocks disagree about which came first.
pub fn between(earlier: Timestamp, later: Timestamp) -> Duration {
    Duration::try_from(later.duration_since(earlier)).unwrap_or_default()
}

/// `just now`, `40 s ago`, `3 min ago`.
pub fn ago(then: Timestamp, now: &Zoned) -> String {
    let passed = between(then, now.timestamp());
    let words = match passed.as_secs() {
        0..5 => "just now".to_owned(),
        5..60 => format!("{} s ago", passed.as_secs()),
        60..3600 => format!("{} min ago", passed.as_secs() / 60),
        3600.. => format!("{} ago", duration(passed)),
    };
    card::moment(then, Shown::Distance, &words)
}

/// `in 40 seconds`, `in 25 minutes`, `in 3 hours`, `in 3 hours 20 minutes`, `in 5 days`.
pub fn ahead(then: Timestamp, now: &Zoned) -> String {
    // To the nearest second, and above that to the nearest minute: what is announced an hour
    // ahead is announced a moment later than that.
    let seconds = (between(now.timestamp(), then) + Duration::from_millis(500)).as_secs();
    let said = |count: u64, unit: &str| plural(usize::try_from(count).unwrap_or_default(), unit);
    let words = match seconds {
        0..60 => said(seconds, "second"),
        60..172_800 => {
            let minutes = (seconds + 30) / 60;
            match (minutes / 60, minutes % 60) {
                (0, minutes) => said(minutes, "minute"),
                (hours, 0) => said(hours, "hour"),
                (hours, minutes) => format!("{} {}", said(hours, "hour"), said(minutes, "minute")),
            }
        }
        172_800.. => said(seconds / 86_400, "day"),
    };
    card::moment(then, Shown::Distance, &format!("in {words}"))
}

/// A moment to come, said back to who named it: `Friday 27 November at 18:00 (Europe/Berlin), in
/// 3 hours`.
pub fn moment(then: Timestamp, now: &Zoned) -> String {
    format!("{}, {}", date_and_clock(then, now), ahead(then, now))
}

/// A moment with its day and zone in full: `Friday 27 November at 18:00 (Europe/Berlin)`.
pub fn date_and_clock(then: Timestamp, now: &Zoned) -> String {
    let zone = now.time_zone();
    let local = then.to_zoned(zone.clone());
    let year = if local.year() == now.year() { "" } else { " %Y" };
    let words = local.strftime(&format!("%A %-d %B{year} at %H:%M")).to_string();
    card::moment(then, Shown::Full, &format!("{words} ({})", zone_name(&local)))
}

/// The day, with the zone that it is told in: `Friday 27 November 2026 (Europe/Berlin)`.
pub fn date(then: &Zoned) -> String {
    let words = format!("{} ({})", then.strftime("%A %-d %B %Y"), zone_name(then));
    card::moment(then.timestamp(), Shown::Date, &words)
}

fn zone_name(local: &Zoned) -> String {
    let name = local.time_zone().iana_name();
    name.map_or_else(|| local.strftime("%Z").to_string(), str::to_owned)
}

/// The time of day where the environment is, with the day where it is not today's:
/// `10:30 CET`, `Tue 24 Nov 10:30 CET`. Unlike `in 5 min` it stays true on a card that is
/// not drawn again.
pub fn clock(then: Timestamp, now: &Zoned) -> String {
    let local = then.to_zoned(now.time_zone().clone());
    let (format, shown) = if local.date() == now.date() {
        ("%H:%M %Z", Shown::Time)
    } else if local.year() == now.year() {
        ("%a %-d %b %H:%M %Z", Shown::DateAndTime)
    } else {
        ("%-d %b %Y %H:%M %Z", Shown::DateAndTime)
    };
    card::moment(then, shown, &local.strftime(format).to_string())
}

/// The time of day to the second, for a story whose day and zone are told once: `10:30:05`.
pub fn second(then: Timestamp, now: &Zoned) -> String {
    let words = then.to_zoned(now.time_zone().clone()).strftime("%H:%M:%S").to_string();
    card::moment(then, Shown::Second, &words)
}

/// `a`, `a or b`, `a, b or c`.
pub fn either<'a>(items: impl Iterator<Item = &'a str>) -> String {
    let items: Vec<&str> = items.collect();
    match items.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}

pub fn either_role<'a>(roles: impl IntoIterator<Item = &'a Role>) -> String {
    either(roles.into_iter().map(Role::as_str))
}

/// Names that may be many: the first of them, and how many more.
pub fn some_of<'a>(items: impl Iterator<Item = &'a str>, most: usize) -> String {
    let items: Vec<&str> = items.collect();
    if items.len() <= most {
        return listed(items.into_iter());
    }
    let more = format!("{} more", items.len() - most);
    let shown = items.iter().take(most).copied();
    listed(shown.chain([more.as_str()]))
}

/// At most so many lines; the last then says how many were left out.
pub fn at_most(mut lines: Vec<String>, most: usize) -> Vec<String> {
    if lines.len() > most {
        let left_out = lines.len() - most;
        lines.truncate(most);
        lines.push(format!("… and {left_out} more"));
    }
    lines
}

/// `1 task`, `3 tasks`.
pub fn tasks(count: u32) -> String {
    plural(count as usize, "task")
}

/// `2/3 tasks good`
pub fn good_of(good: u32, total: u32) -> String {
    format!("{good}/{total} {} good", if total == 1 { "task" } else { "tasks" })
}

/// What a person wrote or a peer answered, as one line that cannot play tricks.
pub fn clean(text: &str) -> String {
    cut(&card::without_marks(text), LONGEST_TEXT)
}

/// The same where the text is what the card is for: whom and where it names by the chat's own
/// marks, such as `<@4002>` and `<#2000>`, stays named.
pub fn said(text: &str) -> String {
    let text = cut(&card::without_marks(text), announcing::LONGEST);
    let mut said = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, mark)) = rest.split_once('<') {
        said.push_str(before);
        let (named, after) = match mark.split_once('>') {
            Some((inside, after)) => (named(inside), after),
            None => (None, ""),
        };
        match named {
            Some(named) => {
                said.push_str(&named);
                rest = after;
            }
            None => {
                said.push('<');
                rest = mark;
            }
        }
    }
    said.push_str(rest);
    said
}

/// Each line of it that says something.
pub fn lines_said(text: &str) -> Vec<String> {
    text.lines().map(said).filter(|line| !line.trim().is_empty()).collect()
}

/// What stands between `<` and `>` as a person or a channel.
fn named(mark: &str) -> Option<String> {
    let id = |id: &str| !id.is_empty() && id.chars().all(|one| one.is_ascii_digit());
    if let Some(channel) = mark.strip_prefix('#').filter(|one| id(one)) {
        return Some(card::channel(&ChannelId::new(channel)));
    }
    let person = mark.strip_prefix('@')?;
    // An older way of Discord to write the same.
    let person = person.strip_prefix('!').unwrap_or(person);
    Some(person).filter(|one| id(one)).map(|one| card::person(&PersonId::new(one)))
}

pub fn channel(channel: &ChannelId) -> String {
    card::channel(&ChannelId::new(cut(channel.as_str(), LONGEST_NAME)))
}

pub fn person(person: &PersonId) -> String {
    card::person(&PersonId::new(cut(person.as_str(), LONGEST_NAME)))
}

/// `, because: fixes the login`, or nothing.
pub fn because(reason: Option<&str>) -> String {
    match reason.map(clean) {
        Some(reason) if !reason.is_empty() => format!(", because: {reason}"),
        Some(_) | None => String::new(),
    }
}

/// A text as the end of a sentence: with exactly one full stop. It may name persons.
pub fn sentence(text: &str) -> String {
    let text = cut(text, LONGEST_TEXT);
    if text.ends_with(['.', '!', '?', '…']) { text } else { format!("{text}.") }
}

/// The first letter large, for words that begin a sentence here and stand inside one there.
pub fn capital(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        None => String::new(),
        Some(first) => first.to_uppercase().chain(characters).collect(),
    }
}

/// One line without control characters, runs of blanks or marks that turn the reading
/// direction, and no longer than `most` characters.
fn cut(text: &str, most: usize) -> String {
    let visible = text.chars().filter(|character| !turns_or_hides(*character));
    let spaced: String = visible.map(|c| if c.is_control() { ' ' } else { c }).collect();
    let line = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= most {
        return line;
    }
    let kept: String = line.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// Characters that show nothing themselves and change how the rest reads. The joiner inside
/// emoji is none of them.
fn turns_or_hides(character: char) -> bool {
    matches!(
        character,
        '\u{200b}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_as_exact_as_people_say_them() {
        let said = |seconds| duration(Duration::from_secs(seconds));
        assert_eq!(said(0), "0 s");
        assert_eq!(said(45), "45 s");
        assert_eq!(said(60), "1 min");
        assert_eq!(said(130), "2 min 10 s");
        assert_eq!(said(25 * 60 + 59), "25 min");
        assert_eq!(said(3600), "1 h");
        assert_eq!(said(3900), "1 h 5 min");
        assert_eq!(said(47 * 3600), "47 h");
        assert_eq!(said(72 * 3600), "3 days");
    }

    #[test]
    fn a_moment_to_come_is_said_with_its_day_zone_and_distance() {
        let now: Zoned = "2026-11-27T15:00[Europe/Berlin]".parse().unwrap();
        let said = |then: &str| {
            let then: Zoned = format!("{then}[Europe/Berlin]").parse().unwrap();
            card::plain(&moment(then.timestamp(), &now))
        };
        let friday = "Friday 27 November at 18:00 (Europe/Berlin), in 3 hours";
        assert_eq!(said("2026-11-27T18:00"), friday);
        let saturday = "Saturday 28 November at 9:30 (Europe/Berlin), in 18 hours 30 minutes";
        assert_eq!(said("2026-11-28T09:30"), saturday.replace("9:30", "09:30"));
        let january = "Friday 1 January 2027 at 00:00 (Europe/Berlin), in 34 days";
        assert_eq!(said("2027-01-01T00:00"), january);
        assert!(said("2026-11-27T15:00:01").ends_with(", in 1 second"));
    }

    #[test]
    fn text_of_others_stays_one_harmless_line() {
        assert_eq!(clean("a\nb\t\u{1b}[31mc\u{202e}d  e"), "a b [31mcd e");
        assert_eq!(clean(&"x".repeat(1000)).chars().count(), LONGEST_TEXT);
        assert_eq!(because(Some(" \n")), "");
        assert_eq!(sentence("no room left."), "no room left.");
        assert_eq!(capital("é"), "É");
    }

    #[test]
    fn lists_read_as_sentences_do() {
        assert_eq!(either(["a", "b", "c"].into_iter()), "a, b or c");
        assert_eq!(some_of(["a", "b", "c", "d"].into_iter(), 2), "a, b and 2 more");
        assert_eq!(at_most(vec!["a".into(), "b".into(), "c".into()], 1), ["a", "… and 2 more"]);
    }
}
