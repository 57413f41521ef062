//! How people write lengths of time and moments. The one reader of either, in chat, settings and
//! policies, so that the same words mean the same everywhere and are refused in the same words.
//! What the time is, is handed in.

mod error;
mod when;

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};

pub use error::TimeError;
pub use when::{DAYS, Day, When, weekday_words};

/// Longer than this is nothing that anybody means.
pub const LONGEST: Duration = Duration::from_secs(3_650 * 24 * 60 * 60);

/// The units of a length: what each is called, and its milliseconds. Largest first.
const UNITS: [(&[&str], u64); 6] = [
    (&["w", "week", "weeks"], 7 * 86_400_000),
    (&["d", "day", "days"], 86_400_000),
    (&["h", "hr", "hrs", "hour", "hours"], 3_600_000),
    (&["m", "min", "mins", "minute", "minutes"], 60_000),
    (&["s", "sec", "secs", "second", "seconds"], 1_000),
    (&["ms", "millisecond", "milliseconds"], 1),
];

/// The words that may follow the number of a length of whole seconds.
pub fn unit_words() -> impl Iterator<Item = &'static str> {
    let whole = UNITS.into_iter().filter(|(_, milliseconds)| *milliseconds >= 1_000);
    whole.flat_map(|(words, _)| words.iter().copied())
}

/// A length of time: `2h`, `90 minutes`, `1h30m`, `1 hour and 30 minutes`, `a week`, `1.5h`.
/// Units come from the largest to the smallest, each at most once.
///
/// # Errors
/// [`TimeError`]: a number without a unit, nothing at all, more than [`LONGEST`], or no length.
pub fn length(text: &str) -> Result<Duration, TimeError> {
    length_up_to(text, LONGEST)
}

/// The same, with a limit of its own.
///
/// # Errors
/// [`TimeError`], as for [`length`].
pub fn length_up_to(text: &str, most: Duration) -> Result<Duration, TimeError> {
    let text = text.trim();
    let lower = text.to_lowercase();
    let milliseconds = if lower.starts_with('p') {
        // `PT30M`, as calendars and other programs write it.
        let signed = lower.parse::<SignedDuration>().ok();
        let length = signed.and_then(|signed| Duration::try_from(signed).ok());
        length.map(|length| length.as_millis()).ok_or_else(|| not_a_length(text))?
    } else {
        parts(text, &lower)?
    };
    let too_long = || TimeError::TooLong { text: text.to_owned(), most: spelled(most) };
    let milliseconds = u64::try_from(milliseconds).map_err(|_| too_long())?;
    let length = Duration::from_millis(milliseconds);
    if length.is_zero() {
        return Err(TimeError::NoTime { text: text.to_owned() });
    }
    if length > most { Err(too_long()) } else { Ok(length) }
}

/// The same, in whole seconds.
///
/// # Errors
/// [`TimeError`], as for [`length`], and for what is finer than a second.
pub fn whole_seconds(text: &str, most: Duration) -> Result<Duration, TimeError> {
    let length = length_up_to(text, most)?;
    match length.subsec_nanos() {
        0 => Ok(length),
        _ => Err(TimeError::TooFine { text: text.trim().to_owned() }),
    }
}

/// A length as [`length`] reads it back: `2d`, `1h30m`, `45s`.
pub fn spelled(length: Duration) -> String {
    let seconds = length.as_secs();
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
        (u64::from(length.subsec_millis()), "ms"),
    ];
    let there = parts.iter().filter(|(count, _)| *count > 0);
    there.map(|(count, unit)| format!("{count}{unit}")).collect()
}

/// The moment at which clocks of a zone first show this: of two that do, the earlier; where none
/// does because they were set forward past it, the one at which they were. `None` where time as
/// it is counted here ends.
pub fn first_moment(local: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(local);
    let is_gap = match ambiguous.offset() {
        AmbiguousOffset::Gap { .. } => true,
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => false,
    };
    // In a gap, this is as far behind the change as the local time is behind its beginning.
    let moment = ambiguous.compatible().ok()?;
    if !is_gap {
        return Some(moment);
    }
    // Only changes strictly before a moment are listed, and this may be the very one.
    let behind = moment.checked_add(SignedDuration::from_nanos(1)).ok()?;
    let change = zone.preceding(behind).next().map(|change| change.timestamp());
    Some(change.unwrap_or(moment))
}

/// The milliseconds of all parts together.
fn parts(text: &str, lower: &str) -> Result<u128, TimeError> {
    let mut rest = lower;
    let mut total: u128 = 0;
    let mut smaller_than = u64::MAX;
    while !rest.is_empty() {
        let (thousandths, behind) = number(rest).ok_or_else(|| not_a_length(text))?;
        let behind = behind.trim_start();
        let end = behind.find(|c: char| !c.is_alphabetic()).unwrap_or(behind.len());
        let (word, behind) = behind.split_at(end);
        if word.is_empty() && behind.is_empty() {
            return Err(TimeError::NoUnit { text: text.to_owned() });
        }
        let unit = UNITS.into_iter().find(|(words, _)| words.contains(&word));
        let (_, each) = unit.ok_or_else(|| not_a_length(text))?;
        let part = thousandths.checked_mul(u128::from(each)).filter(|part| part % 1_000 == 0);
        let (true, Some(part)) = (each < smaller_than, part) else {
            return Err(not_a_length(text));
        };
        smaller_than = each;
        total = total.saturating_add(part / 1_000);
        let behind = behind.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
        rest = behind.strip_prefix("and ").unwrap_or(behind).trim_start();
    }
    match smaller_than {
        u64::MAX => Err(not_a_length(text)),
        _ => Ok(total),
    }
}

/// The number that a text begins with, in thousandths, and what stands behind it.
fn number(text: &str) -> Option<(u128, &str)> {
    for word in ["a ", "an ", "one "] {
        if let Some(behind) = text.strip_prefix(word) {
            return Some((1_000, behind));
        }
    }
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (whole, behind) = text.split_at(digits(text));
    // More digits than these are too long in any unit, and are told so.
    let whole: u128 = match whole.len() {
        0 => return None,
        1..=20 => whole.parse().ok()?,
        _ => u128::from(u64::MAX),
    };
    let whole = whole * 1_000;
    let Some(fraction) = behind.strip_prefix('.') else { return Some((whole, behind)) };
    let (fraction, behind) = fraction.split_at(digits(fraction));
    match fraction.len() {
        1..=3 => Some((whole + format!("{fraction:0<3}").parse::<u128>().ok()?, behind)),
        _ => None,
    }
}

fn not_a_length(text: &str) -> TimeError {
    TimeError::NotALength { text: text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> u64 {
        length(text).unwrap_or_else(|error| panic!("{error}")).as_secs()
    }

    #[test]
    fn lengths_are_read_as_people_write_them() {
        for (text, expected) in [
            ("2h", 7_200),
            ("90 minutes", 5_400),
            ("1h30m", 5_400),
            ("1h 30m", 5_400),
            ("1 hour 30 minutes", 5_400),
            ("1 hour and 30 minutes", 5_400),
            ("1 Hour, 30 Minutes", 5_400),
            ("2 days", 172_800),
            ("10 s", 10),
            ("a week", 604_800),
            ("an hour", 3_600),
            ("1.5h", 5_400),
            ("PT30M", 1_800),
            ("  45 secs ", 45),
            ("0h 5m", 300),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
        assert_eq!(length("999ms"), Ok(Duration::from_millis(999)));
    }

    #[test]
    fn what_is_no_length_says_what_to_write() {
        for (text, expected) in [
            ("30", "`30` lacks a unit; write for example 30s, 10m or 1h30m"),
            ("1h 30", "`1h 30` lacks a unit; write for example 30s, 10m or 1h30m"),
            ("0 minutes", "`0 minutes` is no time at all; write for example 30s, 10m or 1h30m"),
            ("soon", "`soon` is not a length of time; write for example 30s, 10m or 1h30m"),
            ("", "`` is not a length of time; write for example 30s, 10m or 1h30m"),
            ("-5m", "`-5m` is not a length of time; write for example 30s, 10m or 1h30m"),
            ("5m 1h", "`5m 1h` is not a length of time; write for example 30s, 10m or 1h30m"),
            ("5m 5m", "`5m 5m` is not a length of time; write for example 30s, 10m or 1h30m"),
            ("1.5.0", "`1.5.0` is not a length of time; write for example 30s, 10m or 1h30m"),
            ("9999 weeks", "`9999 weeks` is too long; write at most 3650d"),
        ] {
            assert_eq!(length(text).unwrap_err().to_string(), expected);
        }
        let huge = format!("{}h", "9".repeat(60));
        assert!(matches!(length(&huge), Err(TimeError::TooLong { .. })));
        let week = Duration::from_secs(7 * 86_400);
        let error = whole_seconds("8 days", week).unwrap_err();
        assert_eq!(error.to_string(), "`8 days` is too long; write at most 7d");
        let error = whole_seconds("1.5s", week).unwrap_err();
        assert_eq!(error.to_string(), "`1.5s` is finer than a second; write whole seconds");
    }
}
