//! Recurrences of RFC 5545, in local time. Every rule is a set of days in each of its periods
//! (years, months, weeks or days), and the times of those days.

use std::collections::BTreeSet;

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span};

use super::RuleError;
use super::recurrence_text::{Property, Value, properties};

/// So many days are looked at in a row that have nothing: more than any leap day takes to come
/// again, in every third year as well.
const MOST_DAYS: u32 = 40 * 366;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recurrence {
    start: DateTime,
    /// Nothing but the start, where there is none.
    repeat: Option<Repeat>,
    except: BTreeSet<DateTime>,
    except_days: BTreeSet<Date>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frequency {
    Yearly,
    Monthly,
    Weekly,
    Daily,
}

/// A day of the week, or one of those that a month or year has: `-1` is the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ByDay {
    pub weekday: Weekday,
    pub number: Option<i16>,
}

/// How it repeats. What is empty restricts nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Repeat {
    pub frequency: Frequency,
    pub interval: u32,
    pub count: Option<u32>,
    pub until: Option<DateTime>,
    pub week_begins: Weekday,
    pub months: Vec<i8>,
    /// Negative ones count from the end of the month.
    pub month_days: Vec<i8>,
    pub days: Vec<ByDay>,
    pub hours: Vec<i8>,
    pub minutes: Vec<i8>,
    pub positions: Vec<i16>,
}

impl Recurrence {
    /// With the zone that it names, or else the one that is given.
    pub fn parse(text: &str, zone: &TimeZone) -> Result<(Self, TimeZone), RuleError> {
        let mut start: Option<(DateTime, TimeZone)> = None;
        let mut rule = None;
        let mut exceptions = Vec::new();
        let twice = |key: &str| RuleError::Twice { key: key.to_owned() };
        for property in properties(text)? {
            match property {
                Property::Start(value) if start.is_none() => start = Some(value.local(zone)?),
                Property::Start(_) => return Err(twice("DTSTART")),
                Property::Rule(parts) if rule.is_none() => rule = Some(parts),
                Property::Rule(_) => return Err(twice("RRULE")),
                Property::Except(values) => exceptions.extend(values),
            }
        }
        let lacks = || RuleError::Lacks { what: "its start", example: "DTSTART:20261127T160000" };
        let (start, zone) = start.ok_or_else(lacks)?;
        let repeat = rule.map(|parts| Repeat::parse(&parts, start, &zone)).transpose()?;
        let (mut except, mut except_days) = (BTreeSet::new(), BTreeSet::new());
        for value in exceptions {
            match value {
                Value::Day(day) => {
                    except_days.insert(day);
                }
                moment @ (Value::Local(..) | Value::Utc(_)) => {
                    except.insert(moment.shown_in(&zone)?);
                }
            }
        }
        Ok((Self { start, repeat, except, except_days }, zone))
    }

    /// The first firing that is not before `from`, in local time.
    pub fn next_from(&self, from: DateTime) -> Option<DateTime> {
        let Some(repeat) = &self.repeat else {
            return Some(self.start).filter(|start| *start >= from && !self.is_except(*start));
        };
        let mut period = match repeat.count {
            // What was before must be counted.
            Some(_) => 0,
            None => repeat.period_of(self.start.date(), from.date()),
        };
        let mut left = repeat.count.unwrap_or(u32::MAX);
        let mut empty_days = 0;
        while empty_days < MOST_DAYS {
            let dates = repeat.dates(self.start.date(), period)?;
            empty_days += u32::try_from(dates.len()).unwrap_or(u32::MAX);
            for moment in repeat.moments(&dates) {
                if moment < self.start {
                    continue;
                }
                if left == 0 || repeat.until.is_some_and(|until| moment > until) {
                    return None;
                }
                left -= 1;
                empty_days = 0;
                if moment >= from && !self.is_except(moment) {
                    return Some(moment);
                }
            }
            period += 1;
        }
        None
    }

    fn is_except(&self, moment: DateTime) -> bool {
        self.except.contains(&moment) || self.except_days.contains(&moment.date())
    }
}

impl Repeat {
    /// What a start says where the rule does not.
    pub fn with_defaults(mut self, start: DateTime) -> Self {
        if self.hours.is_empty() {
            self.hours.push(start.hour());
        }
        if self.minutes.is_empty() {
            self.minutes.push(start.minute());
        }
        let no_days = self.days.is_empty() && self.month_days.is_empty();
        match self.frequency {
            Frequency::Yearly | Frequency::Monthly if no_days => {
                self.month_days.push(start.day());
                if self.frequency == Frequency::Yearly && self.months.is_empty() {
                    self.months.push(start.month());
                }
            }
            Frequency::Weekly if no_days => {
                self.days.push(ByDay { weekday: start.weekday(), number: None });
            }
            Frequency::Yearly | Frequency::Monthly | Frequency::Weekly | Frequency::Daily => {}
        }
        self
    }

    /// The number of the period that a day lies in or, between two, of the one before it; 0 for
    /// whatever lies before the first.
    fn period_of(&self, start: Date, day: Date) -> u32 {
        let days = |from: Date, to: Date| i64::from((to - from).get_days());
        let passed = match self.frequency {
            Frequency::Yearly => i64::from(day.year()) - i64::from(start.year()),
            Frequency::Monthly => months(day) - months(start),
            Frequency::Weekly => days(self.week_of(start), day).div_euclid(7),
            Frequency::Daily => days(start, day),
        };
        u32::try_from(passed.div_euclid(i64::from(self.interval))).unwrap_or(0)
    }

    /// The days of a period; `None` behind the last that is counted.
    fn dates(&self, start: Date, period: u32) -> Option<Vec<Date>> {
        let units = i64::from(period).checked_mul(i64::from(self.interval))?;
        let (first, end) = match self.frequency {
            Frequency::Yearly => {
                let year = i16::try_from(i64::from(start.year()) + units).ok()?;
                let first = Date::new(year, 1, 1).ok()?;
                (first, Date::new(year, 12, 31).ok()?)
            }
            Frequency::Monthly => {
                let month = months(start) + units;
                let year = i16::try_from(month.div_euclid(12)).ok()?;
                let month = i8::try_from(month.rem_euclid(12) + 1).ok()?;
                let first = Date::new(year, month, 1).ok()?;
                (first, first.last_of_month())
            }
            Frequency::Weekly => {
                let first = later(self.week_of(start), units.checked_mul(7)?)?;
                (first, later(first, 6)?)
            }
            Frequency::Daily => {
                let day = later(start, units)?;
                (day, day)
            }
        };
        let days = first.series(Span::new().days(1));
        Some(days.take_while(|day| *day <= end).collect())
    }

    fn week_of(&self, day: Date) -> Date {
        let back = i64::from(self.week_begins.until(day.weekday()));
        later(day, -back).unwrap_or(day)
    }

    /// Those moments of a period's days that the rule names, in order.
    fn moments(&self, dates: &[Date]) -> Vec<DateTime> {
        let times = self.hours.iter().flat_map(|hour| {
            self.minutes.iter().filter_map(|minute| Time::new(*hour, *minute, 0, 0).ok())
        });
        let times: BTreeSet<Time> = times.collect();
        let days = dates.iter().filter(|day| self.fits(**day));
        let all: Vec<DateTime> =
            days.flat_map(|day| times.iter().map(|time| day.to_datetime(*time))).collect();
        if self.positions.is_empty() {
            return all;
        }
        let chosen = self.positions.iter().filter_map(|position| {
            let at = usize::from(position.unsigned_abs());
            let at = if *position > 0 { at.checked_sub(1) } else { all.len().checked_sub(at) };
            all.get(at?).copied()
        });
        chosen.collect::<BTreeSet<DateTime>>().into_iter().collect()
    }

    fn fits(&self, day: Date) -> bool {
        let by_month = self.months.is_empty() || self.months.contains(&day.month());
        let from_end = day.day() - day.days_in_month() - 1;
        let by_month_day = self.month_days.is_empty()
            || self.month_days.iter().any(|one| *one == day.day() || *one == from_end);
        by_month && by_month_day && (self.days.is_empty() || self.is_by_day(day))
    }

    fn is_by_day(&self, day: Date) -> bool {
        let in_year = self.frequency == Frequency::Yearly && self.months.is_empty();
        let (at, length) = if in_year {
            (day.day_of_year(), day.days_in_year())
        } else {
            (i16::from(day.day()), i16::from(day.days_in_month()))
        };
        let (number, from_end) = ((at - 1) / 7 + 1, -((length - at) / 7 + 1));
        self.days.iter().any(|one| {
            let numbered = one.number.is_none_or(|wanted| wanted == number || wanted == from_end);
            one.weekday == day.weekday() && numbered
        })
    }
}

fn months(day: Date) -> i64 {
    i64::from(day.year()) * 12 + i64::from(day.month()) - 1
}

fn later(day: Date, days: i64) -> Option<Date> {
    day.checked_add(SignedDuration::from_hours(days.checked_mul(24)?)).ok()
}
