//! The text of a recurrence: properties, parts and values. Which days they mean is not known here.

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;

use super::RuleError;
use super::recurrence::{ByDay, Frequency, Repeat};
use crate::domain::words_of_time::first_moment;

/// The parts of a rule that are known.
const PARTS: &str = "FREQ, INTERVAL, COUNT, UNTIL, WKST, BYMONTH, BYMONTHDAY, BYDAY, BYHOUR, \
                     BYMINUTE and BYSETPOS";

/// More repetitions than these are counted by nobody.
const MOST_COUNTED: u32 = 10_000;

/// One line of a recurrence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Property {
    Start(Value),
    Rule(Vec<(String, String)>),
    Except(Vec<Value>),
}

/// A day, or a moment as clocks show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Day(Date),
    /// Where the rule is, or in a zone of its own.
    Local(DateTime, Option<TimeZone>),
    Utc(DateTime),
}

/// The properties of a text: one after another, or each on a line of its own.
pub(super) fn properties(text: &str) -> Result<Vec<Property>, RuleError> {
    let upper = |text: &str| text.to_ascii_uppercase();
    let mut properties = Vec::new();
    for word in text.split_whitespace() {
        // A rule may stand without its name.
        let (name, value) = word.split_once(':').unwrap_or(("RRULE", word));
        let (name, parameters) = name.split_once(';').unwrap_or((name, ""));
        properties.push(match upper(name).as_str() {
            "DTSTART" => Property::Start(Value::parse(value, parameters)?),
            "RRULE" => Property::Rule(parts(&upper(value)).ok_or_else(|| not_one(text))?),
            "EXDATE" => {
                let values = value.split(',').map(|value| Value::parse(value, parameters));
                Property::Except(values.collect::<Result<_, _>>()?)
            }
            other => {
                let known = "DTSTART, RRULE and EXDATE";
                return Err(RuleError::UnknownPart { part: other.to_owned(), known });
            }
        });
    }
    Ok(properties)
}

fn not_one(text: &str) -> RuleError {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    RuleError::NotRecurrence { text }
}

fn parts(text: &str) -> Option<Vec<(String, String)>> {
    let parts = text.split(';').map(|part| part.split_once('='));
    parts.map(|part| part.map(|(key, value)| (key.to_owned(), value.to_owned()))).collect()
}

impl Value {
    fn parse(text: &str, parameters: &str) -> Result<Self, RuleError> {
        let range = "a date and time such as 20261127T160000, or a date such as 20261127";
        let wrong = || RuleError::BadPart { part: text.to_owned(), range };
        let mut zone = None;
        for parameter in parameters.split(';').filter(|parameter| !parameter.is_empty()) {
            match parameter.split_once('=') {
                Some((key, name)) if key.eq_ignore_ascii_case("TZID") => {
                    let unknown = |_| RuleError::NoZone { name: name.to_owned() };
                    zone = Some(TimeZone::get(name).map_err(unknown)?);
                }
                Some((key, _)) if key.eq_ignore_ascii_case("VALUE") => {}
                Some(_) | None => {
                    let part = parameter.to_owned();
                    return Err(RuleError::UnknownPart { part, known: "TZID and VALUE" });
                }
            }
        }
        let Some((date, time)) = text.split_once(['T', 't']) else {
            return Ok(Self::Day(day(text).ok_or_else(wrong)?));
        };
        let utc = time.strip_suffix(['Z', 'z']);
        let (day, time) = day(date).zip(clock(utc.unwrap_or(time))).ok_or_else(wrong)?;
        let shown = day.to_datetime(time);
        Ok(if utc.is_some() { Self::Utc(shown) } else { Self::Local(shown, zone) })
    }

    /// The local time, and the zone where it is one.
    pub fn local(&self, zone: &TimeZone) -> Result<(DateTime, TimeZone), RuleError> {
        match self {
            Self::Local(local, Some(own)) => Ok((*local, own.clone())),
            // What is told in UTC is meant where the rule is.
            Self::Day(_) | Self::Local(_, None) | Self::Utc(_) => {
                Ok((self.shown_in(zone)?, zone.clone()))
            }
        }
    }

    /// What clocks of a zone show then; the beginning of a day.
    pub fn shown_in(&self, zone: &TimeZone) -> Result<DateTime, RuleError> {
        let (local, own) = match self {
            Self::Day(day) => return Ok(day.to_datetime(Time::midnight())),
            Self::Local(local, None) => return Ok(*local),
            Self::Local(local, Some(own)) => (local, own),
            Self::Utc(local) => (local, &TimeZone::UTC),
        };
        let range = "a date and time such as 20261127T160000";
        let wrong = || RuleError::BadPart { part: local.to_string(), range };
        Ok(zone.to_datetime(first_moment(*local, own).ok_or_else(wrong)?))
    }
}

/// `20261127`
fn day(text: &str) -> Option<Date> {
    let number = digits::<8>(text)?;
    let (year, month, day) = (number / 10_000, number / 100 % 100, number % 100);
    Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// `160000`; seconds are left out, as everywhere in rules.
fn clock(text: &str) -> Option<Time> {
    let number = digits::<6>(text)?;
    let (hour, minute, second) = (number / 10_000, number / 100 % 100, number % 100);
    let time = Time::new(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0).ok()?;
    (second < 60).then_some(time)
}

fn digits<const LENGTH: usize>(text: &str) -> Option<u32> {
    let fits = text.len() == LENGTH && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| fits)
}

impl Repeat {
    pub fn parse(
        parts: &[(String, String)],
        start: DateTime,
        zone: &TimeZone,
    ) -> Result<Self, RuleError> {
        let find = |key: &str| parts.iter().find(|(known, _)| known == key);
        let frequency = find("FREQ")
            .ok_or(RuleError::Lacks { what: "its frequency", example: "FREQ=WEEKLY" })
            .and_then(|(key, value)| frequency(key, value))?;
        let mut repeat = Self {
            frequency,
            interval: 1,
            count: None,
            until: None,
            week_begins: Weekday::Monday,
            months: Vec::new(),
            month_days: Vec::new(),
            days: Vec::new(),
            hours: Vec::new(),
            minutes: Vec::new(),
            positions: Vec::new(),
        };
        for (at, (key, value)) in parts.iter().enumerate() {
            if parts.iter().take(at).any(|(known, _)| known == key) {
                return Err(RuleError::Twice { key: key.clone() });
            }
            repeat.read(key, value, zone)?;
        }
        if repeat.count.is_some() && repeat.until.is_some() {
            return Err(RuleError::CountAndUntil);
        }
        let in_weeks = matches!(frequency, Frequency::Weekly | Frequency::Daily);
        if let Some((key, value)) = find("BYDAY")
            && repeat.days.iter().any(|day| day.number.is_some())
            && (in_weeks || !repeat.month_days.is_empty())
        {
            return Err(bad(key, value, "days of the week without numbers"));
        }
        Ok(repeat.with_defaults(start))
    }

    fn read(&mut self, key: &str, value: &str, zone: &TimeZone) -> Result<(), RuleError> {
        let whole = |range: &'static str, most: u32| {
            let number = value.parse().ok().filter(|number| (1..=most).contains(number));
            number.ok_or_else(|| bad(key, value, range))
        };
        match key {
            // It was read before all others.
            "FREQ" => {}
            "INTERVAL" => self.interval = whole("1 to 1000", 1_000)?,
            "COUNT" => self.count = Some(whole("1 to 10000", MOST_COUNTED)?),
            "UNTIL" => {
                self.until = Some(match Value::parse(value, "")? {
                    // All of that day is meant.
                    Value::Day(day) => day.at(23, 59, 59, 0),
                    moment @ (Value::Local(..) | Value::Utc(_)) => moment.shown_in(zone)?,
                });
            }
            "WKST" => {
                let day = weekday(value).ok_or_else(|| bad(key, value, DAYS))?;
                self.week_begins = day;
            }
            "BYMONTH" => self.months = numbers(key, value, (1, 12), "1 to 12")?,
            "BYMONTHDAY" => {
                let range = "1 to 31, or -1 for the last to -31";
                self.month_days = signed(key, value, 31, range)?
                    .into_iter()
                    .filter_map(|number| i8::try_from(number).ok())
                    .collect();
            }
            "BYHOUR" => self.hours = numbers(key, value, (0, 23), "0 to 23")?,
            "BYMINUTE" => self.minutes = numbers(key, value, (0, 59), "0 to 59")?,
            "BYSETPOS" => self.positions = signed(key, value, 366, "1 to 366, or -1 to -366")?,
            "BYDAY" => {
                let days = value.split(',').map(by_day);
                let days: Option<Vec<ByDay>> = days.collect();
                self.days = days.ok_or_else(|| bad(key, value, DAYS))?;
            }
            _ => {
                return Err(RuleError::UnknownPart { part: key.to_owned(), known: PARTS });
            }
        }
        Ok(())
    }
}

const DAYS: &str = "MO, TU, WE, TH, FR, SA or SU; 2TU is the second of them and -1FR the last";

fn bad(key: &str, value: &str, range: &'static str) -> RuleError {
    RuleError::BadPart { part: format!("{key}={value}"), range }
}

fn frequency(key: &str, value: &str) -> Result<Frequency, RuleError> {
    match value {
        "YEARLY" => Ok(Frequency::Yearly),
        "MONTHLY" => Ok(Frequency::Monthly),
        "WEEKLY" => Ok(Frequency::Weekly),
        "DAILY" => Ok(Frequency::Daily),
        _ => Err(bad(key, value, "YEARLY, MONTHLY, WEEKLY or DAILY, with BYHOUR for hours")),
    }
}

fn weekday(text: &str) -> Option<Weekday> {
    Some(match text {
        "MO" => Weekday::Monday,
        "TU" => Weekday::Tuesday,
        "WE" => Weekday::Wednesday,
        "TH" => Weekday::Thursday,
        "FR" => Weekday::Friday,
        "SA" => Weekday::Saturday,
        "SU" => Weekday::Sunday,
        _ => return None,
    })
}

fn by_day(text: &str) -> Option<ByDay> {
    let (number, name) = text.split_at_checked(text.len().checked_sub(2)?)?;
    let number = match number {
        "" => None,
        number => Some(number.parse().ok().filter(|number: &i16| {
            let size = number.unsigned_abs();
            (1..=53).contains(&size)
        })?),
    };
    Some(ByDay { weekday: weekday(name)?, number })
}

fn numbers(
    key: &str,
    value: &str,
    (least, most): (i8, i8),
    range: &'static str,
) -> Result<Vec<i8>, RuleError> {
    let one = |text: &str| text.parse().ok().filter(|number| (least..=most).contains(number));
    value.split(',').map(|text| one(text).ok_or_else(|| bad(key, value, range))).collect()
}

/// Numbers up to `most` that may count from the end.
fn signed(key: &str, value: &str, most: u16, range: &'static str) -> Result<Vec<i16>, RuleError> {
    let one = |text: &str| {
        let number = text.parse::<i16>().ok();
        number.filter(|number| (1..=most).contains(&number.unsigned_abs()))
    };
    value.split(',').map(|text| one(text).ok_or_else(|| bad(key, value, range))).collect()
}
