//! Moments as people name them: by the time of day, the day, or how far off they are. Which
//! moment that is follows once it is known what the time is, and where.

use std::fmt;
use std::time::Duration;

use jiff::civil::{Date, Time, Weekday};
use jiff::{SignedDuration, Zoned};

use super::{TimeError, first_moment, length, spelled};

/// Changes of clocks repeat fewer minutes than this.
const LONGEST_REPEATED: usize = 24 * 60;

/// A moment that is still to come, as somebody named it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// `in 2 hours`
    In(Duration),
    /// `at 18:00`, `tomorrow at 9:30`, `on friday at 14:00`
    At { day: Day, time: Time },
}

/// The day of a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Day {
    /// None was named: today, or tomorrow where that is past.
    Next,
    Today,
    Tomorrow,
    /// The next of them, today included where the time is still to come.
    On(Weekday),
    Date(Date),
}

/// The words for days that no calendar has.
pub const DAYS: [(&str, Day); 2] = [("today", Day::Today), ("tomorrow", Day::Tomorrow)];

/// What each day of the week is called; the first is what is shown.
const WEEKDAYS: [(Weekday, &[&str]); 7] = [
    (Weekday::Monday, &["monday", "mon"]),
    (Weekday::Tuesday, &["tuesday", "tue", "tues"]),
    (Weekday::Wednesday, &["wednesday", "wed"]),
    (Weekday::Thursday, &["thursday", "thu", "thur", "thurs"]),
    (Weekday::Friday, &["friday", "fri"]),
    (Weekday::Saturday, &["saturday", "sat"]),
    (Weekday::Sunday, &["sunday", "sun"]),
];

pub fn weekday_words() -> impl Iterator<Item = &'static str> {
    WEEKDAYS.into_iter().flat_map(|(_, words)| words.iter().copied())
}

impl When {
    /// The first whole minute from this moment on; `None` where time as it is counted here ends.
    pub fn minute_of(moment: &Zoned) -> Option<Self> {
        let almost = SignedDuration::new(59, 999_999_999);
        let mut local = moment.checked_add(almost).ok()?;
        for _ in 0..=LONGEST_REPEATED {
            let time = Time::new(local.hour(), local.minute(), 0, 0).ok()?;
            // Of a minute that clocks show twice the first is meant, and may be too early.
            let meant = first_moment(local.date().to_datetime(time), local.time_zone())?;
            if meant >= moment.timestamp() {
                return Some(Self::At { day: Day::Date(local.date()), time });
            }
            local = local.checked_add(SignedDuration::from_mins(1)).ok()?;
        }
        None
    }

    /// Reads `at 18:00`, `6pm`, `tomorrow at 9:30`, `9:30 tomorrow`, `on friday at 14:00`,
    /// `friday 14:00`, `today at 18:00`, `in 2 hours`, `2026-12-24 at 10:00` and
    /// `2026-12-24T10:00`.
    ///
    /// # Errors
    /// [`TimeError`], with what to write instead.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let lower = text.to_lowercase().replace(',', " ");
        let words: Vec<&str> = lower.split_whitespace().collect();
        let said = words.join(" ");
        if let ["in", rest @ ..] = words.as_slice() {
            return length(&rest.join(" ")).map(Self::In);
        }
        // `2026-12-24T10:00` is a date and a time of day in one word.
        let words: Vec<&str> = words.into_iter().flat_map(date_and_time).collect();
        let (before, words) = day(&words)?;
        let words = words.strip_prefix(&["at"]).unwrap_or(words);
        if words.is_empty() {
            return Err(match before {
                Some(_) => TimeError::NoTimeOfDay { text: said },
                None => TimeError::NotAMoment { text: said },
            });
        }
        let is_suffix = |word: &&&str| matches!(**word, "am" | "pm");
        let (time, words) =
            words.split_at(1 + usize::from(words.get(1).is_some_and(|w| is_suffix(&w))));
        let time = time_of_day(&time.join(" "), &said)?;
        let (behind, rest) = day(words)?;
        match (before, behind, rest) {
            (Some(day), None, []) | (None, Some(day), []) => Ok(Self::At { day, time }),
            (None, None, []) => Ok(Self::At { day: Day::Next, time }),
            (Some(_), Some(_), _) | (_, _, [_, ..]) => Err(TimeError::NotAMoment { text: said }),
        }
    }

    /// The moment that is meant at `now`, in the zone of `now`; always later than it. A time that
    /// a change of clocks skips is the moment of the change, and of two the first.
    ///
    /// # Errors
    /// [`TimeError`] where that moment is past, or beyond what is counted here.
    pub fn resolve(&self, now: &Zoned) -> Result<Zoned, TimeError> {
        let too_far =
            || TimeError::TooFar { text: self.to_string(), most: spelled(super::LONGEST) };
        let (date, time) = match self {
            Self::In(length) => {
                let length = SignedDuration::try_from(*length).map_err(|_| too_far())?;
                return now.checked_add(length).map_err(|_| too_far());
            }
            Self::At { day, time } => (day.first_date(now).ok_or_else(too_far)?, *time),
        };
        let zone = now.time_zone();
        let moment = |date: Date| {
            let moment = first_moment(date.to_datetime(time), zone).ok_or_else(too_far)?;
            Ok(moment.to_zoned(zone.clone()))
        };
        let first = moment(date)?;
        if first.timestamp() <= now.timestamp() {
            let next = self.day_after_past(date).ok_or_else(|| self.is_past(now))?;
            return moment(next);
        }
        let most = SignedDuration::try_from(super::LONGEST).unwrap_or(SignedDuration::MAX);
        let is_far = first.timestamp().duration_since(now.timestamp()) > most;
        if is_far { Err(too_far()) } else { Ok(first) }
    }

    /// The same, said at `then` and heard `now`, both in one zone: a moment that came between the
    /// two is past, and no other is taken for it.
    ///
    /// # Errors
    /// As above.
    pub fn resolve_by(&self, then: &Zoned, now: &Zoned) -> Result<Zoned, TimeError> {
        let moment = self.resolve(then)?;
        if moment.timestamp() <= now.timestamp() {
            return Err(self.is_past(now));
        }
        Ok(moment)
    }

    fn is_past(&self, now: &Zoned) -> TimeError {
        let now = now.strftime("%-d %B %Y, %H:%M %Z").to_string();
        TimeError::Past { text: self.to_string(), now }
    }

    /// The day that is meant where the time has passed on this one.
    fn day_after_past(&self, date: Date) -> Option<Date> {
        let days = match self {
            Self::At { day: Day::Next, .. } => 1,
            Self::At { day: Day::On(_), .. } => 7,
            Self::At { day: Day::Today | Day::Tomorrow | Day::Date(_), .. } | Self::In(_) => {
                return None;
            }
        };
        date.checked_add(SignedDuration::from_hours(24 * days)).ok()
    }
}

impl Day {
    /// The first day that is meant, whatever the time.
    fn first_date(self, now: &Zoned) -> Option<Date> {
        let today = now.date();
        let days = match self {
            Self::Next | Self::Today => 0,
            Self::Tomorrow => 1,
            Self::On(weekday) => i64::from(today.weekday().until(weekday)),
            Self::Date(date) => return Some(date),
        };
        today.checked_add(SignedDuration::from_hours(24 * days)).ok()
    }
}

impl fmt::Display for When {
    /// As [`When::parse`] reads it back.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::In(length) => write!(formatter, "in {}", spelled(*length)),
            Self::At { day, time } => {
                let format = if time.second() == 0 { "%H:%M" } else { "%H:%M:%S" };
                write!(formatter, "{day}at {}", time.strftime(format))
            }
        }
    }
}

impl fmt::Display for Day {
    /// With a blank behind it, if there is anything to say.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Next => Ok(()),
            Self::Today => formatter.write_str("today "),
            Self::Tomorrow => formatter.write_str("tomorrow "),
            Self::On(weekday) => {
                let name = WEEKDAYS.into_iter().find(|(day, _)| day == weekday);
                let name = name.and_then(|(_, names)| names.first()).copied().unwrap_or_default();
                write!(formatter, "on {name} ")
            }
            Self::Date(date) => write!(formatter, "on {date} "),
        }
    }
}

/// The day that words begin with, if they begin with one, and the words behind it.
fn day<'a, 'b>(words: &'a [&'b str]) -> Result<(Option<Day>, &'a [&'b str]), TimeError> {
    let (has_on, named) = match words {
        ["on", named @ ..] => (true, named),
        named => (false, named),
    };
    let Some((word, rest)) = named.split_first() else { return Ok((None, words)) };
    let known = DAYS.into_iter().find(|(name, _)| name == word && !has_on).map(|(_, day)| day);
    let weekday = WEEKDAYS.into_iter().find(|(_, names)| names.contains(word));
    let weekday = weekday.map(|(weekday, _)| Day::On(weekday));
    if let Some(day) = known.or(weekday) {
        return Ok((Some(day), rest));
    }
    let separators = word.matches(['-', '.', '/']).count();
    let looks_like_date = word.starts_with(|c: char| c.is_ascii_digit()) && separators >= 2;
    if looks_like_date {
        let not_a_date = || TimeError::NotADate { text: (*word).to_owned() };
        return Ok((Some(Day::Date(date(word).ok_or_else(not_a_date)?)), rest));
    }
    Ok((None, words))
}

/// Reads `2026-12-24`, and nothing else that a parser of dates might take.
fn date(word: &str) -> Option<Date> {
    let parts: Vec<&str> = word.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return None };
    let number = |text: &str, length: usize| {
        let digits = text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<i16>().ok().filter(|_| digits)
    };
    let month = i8::try_from(number(month, 2)?).ok()?;
    let day = i8::try_from(number(day, 2)?).ok()?;
    Date::new(number(year, 4)?, month, day).ok()
}

/// `2026-12-24t10:00` as two words, any other as itself.
fn date_and_time(word: &str) -> Vec<&str> {
    match word.split_once('t') {
        Some((date, time)) if date.matches('-').count() == 2 && !time.is_empty() => {
            vec![date, time]
        }
        Some(_) | None => vec![word],
    }
}

/// Reads `18:00`, `18:00:30`, `6pm`, `6:30 pm`. `said`: all that was.
fn time_of_day(text: &str, said: &str) -> Result<Time, TimeError> {
    if !text.starts_with(|first: char| first.is_ascii_digit()) {
        return Err(TimeError::NotAMoment { text: said.to_owned() });
    }
    clock(text).ok_or_else(|| TimeError::NotATimeOfDay { text: text.to_owned() })
}

fn clock(text: &str) -> Option<Time> {
    let (text, half) = match (text.strip_suffix("am"), text.strip_suffix("pm")) {
        (Some(text), _) => (text.trim_end(), Some(0)),
        (None, Some(text)) => (text.trim_end(), Some(12)),
        (None, None) => (text, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = text.split(':').collect();
    let (hour, others) = parts.split_first()?;
    let is_hour = matches!(hour.len(), 1 | 2) && digits(hour);
    let are_pairs = others.iter().all(|part| part.len() == 2 && digits(part));
    // A bare number may be anything.
    let is_whole = others.len() <= 2 && (half.is_some() || !others.is_empty());
    if !is_hour || !are_pairs || !is_whole {
        return None;
    }
    let hour: i8 = hour.parse().ok()?;
    let hour = match half {
        None => hour,
        Some(half) => (1..=12).contains(&hour).then_some(hour % 12 + half)?,
    };
    let mut others = others.iter().map(|part| part.parse::<i8>());
    let minute = others.next().unwrap_or(Ok(0)).ok()?;
    let second = others.next().unwrap_or(Ok(0)).ok()?;
    // A clock that shows a second sixty is right, and never meant.
    Time::new(hour, minute, second, 0).ok()
}
