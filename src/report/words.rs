//! How durations, times, lists and other people's text are put into words. Knows nothing of
//! deployments.

use std::time::Duration;

use jiff::{Timestamp, Zoned};

use crate::domain::card;
use crate::domain::id::{PersonId, Role};
pub use crate::domain::plan::listed;
use crate::domain::plural;

/// The longest text of a person or of a peer that a card repeats, in characters.
const LONGEST_TEXT: usize = 300;
/// The longest name that a card repeats, in characters.
const LONGEST_NAME: usize = 80;

/// `45 s`, `2 min 10 s`, `25 min`, `1 h 5 min`, `3 days`: as exact as people would say it.
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
        172_800.. => format!("{days} days"),
    }
}

/// The time from one moment to another; zero where clocks disagree about which came first.
pub fn between(earlier: Timestamp, later: Timestamp) -> Duration {
    Duration::try_from(later.duration_since(earlier)).unwrap_or_default()
}

/// `just now`, `40 s ago`, `3 min ago`.
pub fn ago(then: Timestamp, now: &Zoned) -> String {
    let passed = between(then, now.timestamp());
    match passed.as_secs() {
        0..5 => "just now".to_owned(),
        5..60 => format!("{} s ago", passed.as_secs()),
        60..3600 => format!("{} min ago", passed.as_secs() / 60),
        3600.. => format!("{} ago", duration(passed)),
    }
}

/// The time of day where the environment is, with the day where it is not today's:
/// `10:30 CET`, `Tue 24 Nov 10:30 CET`. Unlike `in 5 min` it stays true on a card that is
/// not drawn again.
pub fn clock(then: Timestamp, now: &Zoned) -> String {
    let then = then.to_zoned(now.time_zone().clone());
    let format = if then.date() == now.date() {
        "%H:%M %Z"
    } else if then.year() == now.year() {
        "%a %-d %b %H:%M %Z"
    } else {
        "%-d %b %Y %H:%M %Z"
    };
    then.strftime(format).to_string()
}

/// The time of day to the second, for a story whose day is told once: `10:30:05`.
pub fn second(then: Timestamp, now: &Zoned) -> String {
    then.to_zoned(now.time_zone().clone()).strftime("%H:%M:%S").to_string()
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
