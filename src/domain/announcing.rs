//! What somebody wants to have announced, read out of the words behind `announce`: a text, and at
//! the end of its first line where and when. A text may hold anything, times as well; so what
//! stands in the middle of it is never taken for a place or a time without asking, and a text in
//! quotes is not looked into.

use jiff::civil::Weekday;
use jiff::tz::TimeZone;

use super::calendar::Rule;
use super::id::ChannelId;
use super::words_of_time::{DAYS, Day, TimeError, When, weekday_words};

/// The longest text, in characters.
pub const LONGEST: usize = 1000;

/// What is to be announced, where and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    pub text: String,
    /// `None`: here.
    pub channel: Option<ChannelWord>,
    pub when: WhenSaid,
}

/// A channel as people write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChannelWord {
    /// As a chat writes it for them: `<#2000>`.
    Id(ChannelId),
    /// `#ops`
    Name(String),
}

/// When it is to be announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhenSaid {
    Now,
    Once(When),
    /// A rule of the calendar, as it can be read again.
    Every(String),
}

/// Why it is not clear what is wanted. `Display` is a sentence that says what to write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unclear {
    #[error("Say what to announce: announce lunch is ready in #ops at 12:00.")]
    NoText,
    #[error("The text is too long: write at most {LONGEST} characters.")]
    TooLong,
    #[error(
        "Both `{one}` and `{other}` say where or when. Put the text in quotes: announce \"…\" \
         {other}."
    )]
    Twice { one: String, other: String },
    #[error("{0}. If it belongs to the text, put the text in quotes.")]
    NotThen(TimeError),
    #[error("Say in which channel, behind the text: for example in #ops.")]
    Nowhere,
    #[error(
        "`{text}` behind the text says neither where nor when: write for example in #ops at 18:00, \
         in 2 hours, every weekday at 9:00, or every `0 9 * * MON`. If it belongs to the text, put \
         the text in quotes."
    )]
    NotAnEnding { text: String },
    #[error("`{rule}` has no time to come. Write a rule that has.")]
    Never { rule: String },
}

/// A word and where it stands.
type Word<'a> = (usize, &'a str);

/// Reads it.
///
/// # Errors
/// [`Unclear`], where what is written can mean several things or nothing.
pub fn read(said: &str) -> Result<Wish, Unclear> {
    let said = said.trim();
    let (text, channel, when) = match said.split_once('\n') {
        // Quotes may hold all of it.
        Some((first, rest)) if !is_open(first) => {
            let (text, channel, when) = read_line(first.trim())?;
            (format!("{text}\n{}", rest.trim_end()), channel, when)
        }
        Some(_) | None => read_line(said)?,
    };
    match text.trim() {
        "" => Err(Unclear::NoText),
        text if text.chars().count() > LONGEST => Err(Unclear::TooLong),
        text => Ok(Wish { text: text.to_owned(), channel, when }),
    }
}

type Read = (String, Option<ChannelWord>, WhenSaid);

fn read_line(said: &str) -> Result<Read, Unclear> {
    let Some((text, behind)) = quoted(said) else { return unquoted(said) };
    let after = words(behind);
    match endings(&after) {
        Some((channel, when)) => Ok((text.to_owned(), channel, when)),
        // It begins with something quoted, and goes on.
        None if behind.contains(QUOTES) => unquoted(said),
        None => Err(Unclear::NotAnEnding { text: join(&after) }),
    }
}

/// A text without quotes: the longest end of it that says where and when.
fn unquoted(said: &str) -> Result<Read, Unclear> {
    let all = words(said);
    let ends = |from: usize, to: usize| {
        let part = all.get(from..to)?;
        opens(part.first()?.1).then(|| endings(part)).flatten()
    };
    let found = (0..all.len()).find_map(|at| Some((at, ends(at, all.len())?)));
    let at = found.as_ref().map_or(all.len(), |(at, _)| *at);
    let before = all.get(..at).unwrap_or_default();
    let behind = all.get(at..).unwrap_or_default();
    if let Some(earlier) = (0..at).find(|from| ends(*from, at).is_some()) {
        let one = join(before.get(earlier..).unwrap_or_default());
        return Err(Unclear::Twice { one, other: join(behind) });
    }
    // A place in the middle was meant as one: what follows it was meant as a time.
    if let Some(place) = (0..at).rev().find(|at| channel(before, *at).is_some()) {
        let rest = join(before.get(place + 2..).unwrap_or_default());
        return Err(match When::parse(&rest) {
            Err(error) => Unclear::NotThen(error),
            Ok(_) => Unclear::NotAnEnding { text: rest },
        });
    }
    if found.is_none() {
        wrong_time(&all)?;
    }
    let end = all.get(at).map_or(said.len(), |(start, _)| *start);
    let text = said.get(..end).unwrap_or(said).trim_end().to_owned();
    let (channel, when) = found.map_or((None, WhenSaid::Now), |(_, read)| read);
    Ok((text, channel, when))
}

/// `at` and a number at the very end were meant as a time, and so was `every` before a day.
fn wrong_time(all: &[Word<'_>]) -> Result<(), Unclear> {
    let every = all.iter().rposition(|(_, word)| word.eq_ignore_ascii_case("every"));
    let every = every.and_then(|at| all.get(at..)).unwrap_or_default();
    if every.get(1).is_some_and(|(_, day)| days_of(&day.to_lowercase()).is_some()) {
        return Err(Unclear::NotAnEnding { text: join(every) });
    }
    let last_at = all.iter().rposition(|(_, word)| word.eq_ignore_ascii_case("at"));
    let Some(rest) = last_at.and_then(|at| all.get(at..)) else { return Ok(()) };
    let number =
        rest.get(1).is_some_and(|(_, word)| word.starts_with(|c: char| c.is_ascii_digit()));
    match When::parse(&join(rest)) {
        Err(error) if number && rest.len() == 2 => Err(Unclear::NotThen(error)),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Where and when, each at most once and in either order; nothing at all is here and now.
fn endings(words: &[Word<'_>]) -> Option<(Option<ChannelWord>, WhenSaid)> {
    if words.is_empty() {
        return Some((None, WhenSaid::Now));
    }
    let last = words.len().checked_sub(2);
    let at_end = || Some((last?, channel(words, last?)?));
    let at_start = channel(words, 0).map(|word| (0, word));
    let (place, rest): (Option<ChannelWord>, &[Word<'_>]) = match at_start.or_else(at_end) {
        Some((0, word)) => (Some(word), words.get(2..)?),
        Some((at, word)) => (Some(word), words.get(..at)?),
        None => (None, words),
    };
    if rest.is_empty() {
        return Some((place, WhenSaid::Now));
    }
    Some((place, time(rest)?))
}

/// `in #ops` at this word.
fn channel(words: &[Word<'_>], at: usize) -> Option<ChannelWord> {
    let (_, before) = words.get(at)?;
    let (_, name) = words.get(at + 1)?;
    if !["in", "to"].contains(&before.to_lowercase().as_str()) {
        return None;
    }
    if let Some(id) = name.strip_prefix("<#").and_then(|name| name.strip_suffix('>')) {
        return Some(ChannelWord::Id(ChannelId::new(id)));
    }
    let name = name.strip_prefix('#').filter(|name| !name.is_empty())?;
    Some(ChannelWord::Name(name.to_owned()))
}

fn time(words: &[Word<'_>]) -> Option<WhenSaid> {
    let is_every = |(_, word): &Word<'_>| word.eq_ignore_ascii_case("every");
    match words.iter().position(is_every) {
        None if words.is_empty() => None,
        None => When::parse(&join(words)).ok().map(WhenSaid::Once),
        Some(at) => {
            let (before, behind) = (words.get(..at)?, words.get(at + 1..)?);
            every(before, behind).map(WhenSaid::Every)
        }
    }
}

/// `every weekday at 9:00`, `at 9:00 every monday and friday`, `every hour`, or a rule as such.
/// What stands before `every` is a time of day, if anything.
fn every(before: &[Word<'_>], behind: &[Word<'_>]) -> Option<String> {
    let whole = join(behind);
    let rule = whole.trim_matches('`').trim();
    if before.is_empty() {
        if Rule::parse(rule, &TimeZone::UTC).is_ok() {
            return Some(rule.to_owned());
        }
        if whole.eq_ignore_ascii_case("hour") {
            return Some("0 * * * *".to_owned());
        }
    }
    let (days, at) = match behind.iter().position(|(_, word)| word.eq_ignore_ascii_case("at")) {
        Some(at) if before.is_empty() => behind.split_at(at),
        Some(_) => return None,
        None => (behind, before),
    };
    let time = match When::parse(&join(at)).ok()? {
        When::At { day: Day::Next, time } => time,
        When::At { .. } | When::In(_) => return None,
    };
    let days = days_of(&join(days).to_lowercase())?;
    Some(format!("{} {} * * {days}", time.minute(), time.hour()))
}

/// The days of a week as cron has them.
fn days_of(said: &str) -> Option<String> {
    match said {
        "day" => return Some("*".to_owned()),
        "weekday" | "working day" => return Some("1-5".to_owned()),
        _ => {}
    }
    let named = said.split([',', ' ']).filter(|word| !word.is_empty() && *word != "and");
    let numbers: Option<Vec<String>> =
        named.map(|word| Some(weekday(word)?.to_sunday_zero_offset().to_string())).collect();
    numbers.filter(|numbers| !numbers.is_empty()).map(|numbers| numbers.join(","))
}

fn weekday(word: &str) -> Option<Weekday> {
    match When::parse(&format!("{word} 12:00")).ok()? {
        When::At { day: Day::On(weekday), .. } => Some(weekday),
        When::At { day: Day::Next | Day::Today | Day::Tomorrow | Day::Date(_), .. }
        | When::In(_) => None,
    }
}

/// Whether an ending can begin with this word.
fn opens(word: &str) -> bool {
    let word = word.to_lowercase();
    ["in", "to", "at", "on", "every"].contains(&word.as_str())
        || DAYS.iter().any(|(day, _)| *day == word)
        || weekday_words().any(|day| day == word)
}

const QUOTES: [char; 7] = ['"', '“', '”', '„', '‟', '«', '»'];

/// Whether the text stands in quotes.
pub fn is_quoted(said: &str) -> bool {
    quoted(said.trim()).is_some()
}

/// Whether quotes begin here that do not end here.
fn is_open(line: &str) -> bool {
    line.trim_start().starts_with(QUOTES) && quoted(line.trim_start()).is_none()
}

/// The text in quotes at the beginning, and what stands behind them. A text may quote others.
fn quoted(said: &str) -> Option<(&str, &str)> {
    let inside = said.strip_prefix(QUOTES)?;
    let mut depth = 1_u32;
    let mut before = None;
    for (at, one) in inside.char_indices() {
        if QUOTES.contains(&one) {
            let behind = inside.get(at + one.len_utf8()..)?;
            let next = behind.chars().next();
            // Opening quotes stand before a word, and behind nothing that ends one.
            let begins =
                before.is_none_or(|one: char| one.is_whitespace() || "([{/-".contains(one));
            if begins && next.is_some_and(|one| !one.is_whitespace()) {
                depth += 1;
            } else {
                depth -= 1;
            }
            if depth == 0 {
                return Some((inside.get(..at)?, behind));
            }
        }
        before = Some(one);
    }
    None
}

fn words(text: &str) -> Vec<Word<'_>> {
    let start = |word: &str| word.as_ptr().addr() - text.as_ptr().addr();
    text.split_whitespace().map(|word| (start(word), word)).collect()
}

fn join(words: &[Word<'_>]) -> String {
    words.iter().map(|(_, word)| *word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> Option<ChannelWord> {
        Some(ChannelWord::Name(name.to_owned()))
    }

    fn at(text: &str) -> WhenSaid {
        WhenSaid::Once(When::parse(text).expect("a moment"))
    }

    fn every(rule: &str) -> WhenSaid {
        WhenSaid::Every(rule.to_owned())
    }

    #[test]
    fn where_and_when_stand_at_the_end() {
        let id = Some(ChannelWord::Id("2000".into()));
        let cases = [
            ("lunch is ready", "lunch is ready", None, WhenSaid::Now),
            ("lunch in #ops", "lunch", name("ops"), WhenSaid::Now),
            ("lunch in <#2000> at 12:00", "lunch", id, at("at 12:00")),
            ("lunch at 12:00 in #ops", "lunch", name("ops"), at("at 12:00")),
            ("freeze friday at 14:00", "freeze", None, at("friday at 14:00")),
            ("all of it in 2 hours", "all of it", None, at("in 2 hours")),
            ("we meet in the hall", "we meet in the hall", None, WhenSaid::Now),
            ("hello every weekday at 9:30", "hello", None, every("30 9 * * 1-5")),
            ("hello every mon, wed and sun at 9:00", "hello", None, every("0 9 * * 1,3,0")),
            ("hello at 9:30 every weekday", "hello", None, every("30 9 * * 1-5")),
            ("hello in #ops at 9:30 every friday", "hello", name("ops"), every("30 9 * * 5")),
            ("we restart every service", "we restart every service", None, WhenSaid::Now),
            ("hello in #ops every hour", "hello", name("ops"), every("0 * * * *")),
            ("hello every `0 9 * * MON` in #ops", "hello", name("ops"), every("0 9 * * MON")),
            ("\"we meet at 12:00\"", "we meet at 12:00", None, WhenSaid::Now),
            ("\"we meet at 12:00\" at 11:00", "we meet at 12:00", None, at("at 11:00")),
            ("“say \"hi\" in #x” in #ops", "say \"hi\" in #x", name("ops"), WhenSaid::Now),
            (
                "\"we (\"core\") start at 9:00\" in #ops",
                "we (\"core\") start at 9:00",
                name("ops"),
                WhenSaid::Now,
            ),
            ("\"a\" becomes \"b\"", "\"a\" becomes \"b\"", None, WhenSaid::Now),
            ("\"a\" becomes \"b\" in #ops", "\"a\" becomes \"b\"", name("ops"), WhenSaid::Now),
            (
                "news in #ops\n- one at 9:00\n- two",
                "news\n- one at 9:00\n- two",
                name("ops"),
                WhenSaid::Now,
            ),
            ("in #ops at 12:00\nnews", "news", name("ops"), at("at 12:00")),
            ("\"one\ntwo at 9:00\" in #ops", "one\ntwo at 9:00", name("ops"), WhenSaid::Now),
            ("\"one\" in #ops\ntwo", "one\ntwo", name("ops"), WhenSaid::Now),
        ];
        for (said, text, channel, when) in cases {
            let wish = read(said).unwrap_or_else(|unclear| panic!("{said}: {unclear}"));
            assert_eq!(wish, Wish { text: text.to_owned(), channel, when }, "{said}");
        }
    }

    #[test]
    fn what_can_mean_several_things_is_asked_about() {
        let twice = |said| match read(said) {
            Err(Unclear::Twice { one, other }) => (one, other),
            other => panic!("{said}: {other:?}"),
        };
        let (one, other) = twice("we meet at 12:00 in #ops at 11:00");
        assert_eq!((one.as_str(), other.as_str()), ("at 12:00", "in #ops at 11:00"));
        twice("leave in 2 hours at 18:00");
        assert!(matches!(read("freeze in #ops at 25:00"), Err(Unclear::NotThen(_))));
        assert!(matches!(read("freeze at 25:00"), Err(Unclear::NotThen(_))));
        assert!(matches!(read("look in #ops for news"), Err(Unclear::NotThen(_))));
        assert!(matches!(read("stand up every weekday"), Err(Unclear::NotAnEnding { .. })));
        assert!(matches!(read("tea every friday at noonish"), Err(Unclear::NotAnEnding { .. })));
        assert!(matches!(read("\"freeze\" soon"), Err(Unclear::NotAnEnding { .. })));
        assert_eq!(read("in #ops at 18:00"), Err(Unclear::NoText));
        assert_eq!(read("\"\" in #ops"), Err(Unclear::NoText));
        assert_eq!(read(&"x".repeat(1001)), Err(Unclear::TooLong));
    }
}
