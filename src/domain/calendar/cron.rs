//! Cron expressions: five fields, each a set of numbers, as clocks and calendars show them.

use jiff::civil::{Date, DateTime, Time, Weekday};

use super::RuleError;

/// The longest time between two leap days, and something to spare.
const MOST_DAYS: u32 = 9 * 366;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cron {
    /// Of each day that fits, in order.
    times: Vec<Time>,
    days: Numbers,
    months: Numbers,
    weekdays: Numbers,
    /// `L` among the days of the month.
    last_day: bool,
    /// `FRI#2` and `FRIL`: which of a month's.
    numbered: Vec<(Weekday, Which)>,
}

/// Which of the days of one name that a month has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Number(i8),
    Last,
}

/// A set of numbers below 64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Numbers {
    bits: u64,
    /// Written as `*`: it leaves the choice of the day to the other field.
    any: bool,
}

/// What one field may hold.
struct Field {
    name: &'static str,
    range: &'static str,
    least: u8,
    most: u8,
    /// Names that stand for numbers, from `least` on.
    names: &'static [&'static str],
}

const MINUTE: Field =
    Field { name: "minute", range: "0 to 59, *, 0-30 or */15", least: 0, most: 59, names: &[] };
const HOUR: Field =
    Field { name: "hour", range: "0 to 23, *, 9-17 or */2", least: 0, most: 23, names: &[] };
const DAY: Field = Field {
    name: "day of the month",
    range: "1 to 31, *, 1-7, */2, or L for the last",
    least: 1,
    most: 31,
    names: &[],
};
const MONTH: Field = Field {
    name: "month",
    range: "1 to 12, JAN to DEC, *, 1-6 or */3",
    least: 1,
    most: 12,
    names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
};
const WEEKDAY: Field = Field {
    name: "day of the week",
    range: "0 to 7, SUN to SAT, *, MON-FRI, FRI#2 for the second or FRIL for the last of a month",
    least: 0,
    most: 7,
    names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
};

/// Short forms of whole expressions.
const NICKNAMES: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

impl Cron {
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        let lower = text.trim().to_lowercase();
        let nickname = NICKNAMES.into_iter().find(|(name, _)| *name == lower);
        let lower = nickname.map_or(lower, |(_, meant)| meant.to_owned());
        let fields: Vec<&str> = lower.split_whitespace().collect();
        let &[minutes, hours, days, months, weekdays] = fields.as_slice() else {
            return Err(RuleError::NotCron { text: text.trim().to_owned() });
        };
        let (minutes, hours) = (MINUTE.numbers(minutes)?, HOUR.numbers(hours)?);
        let times = hours.all().flat_map(|hour| minutes.all().map(move |minute| (hour, minute)));
        let times = times.filter_map(|(hour, minute)| Time::new(hour, minute, 0, 0).ok()).collect();
        let (mut plain, mut numbered) = (Vec::new(), Vec::new());
        for part in weekdays.split(',') {
            match WEEKDAY.which(part)? {
                Some(which) => numbered.push(which),
                None => plain.push(part),
            }
        }
        let weekdays = match plain.as_slice() {
            [] => Numbers::default(),
            plain => WEEKDAY.numbers(&plain.join(","))?,
        };
        let last_day = days.split(',').any(|part| part == "l");
        let listed: Vec<&str> = days.split(',').filter(|part| *part != "l").collect();
        let days = match listed.as_slice() {
            [] => Numbers::default(),
            listed => DAY.numbers(&listed.join(","))?,
        };
        Ok(Self { times, days, months: MONTH.numbers(months)?, weekdays, last_day, numbered })
    }

    /// The first firing that is not before `from`, in local time.
    pub fn next_from(&self, from: DateTime) -> Option<DateTime> {
        let mut date = from.date();
        let mut past = self.times.partition_point(|time| *time < from.time());
        for _ in 0..MOST_DAYS {
            if self.fits(date)
                && let Some(time) = self.times.get(past)
            {
                return Some(date.to_datetime(*time));
            }
            past = 0;
            date = date.tomorrow().ok()?;
        }
        None
    }

    fn fits(&self, date: Date) -> bool {
        if !self.months.has(date.month()) {
            return false;
        }
        let is_last = self.last_day && date.day() == date.days_in_month();
        let by_month = self.days.has(date.day()) || is_last;
        let weekday = date.weekday();
        let which = |(day, which): &(Weekday, Which)| *day == weekday && which.is(date);
        let number = weekday.to_sunday_zero_offset();
        // Sunday has two numbers.
        let listed = self.weekdays.has(number) || (number == 0 && self.weekdays.has(7));
        let by_week = listed || self.numbered.iter().any(which);
        match (self.days.any, self.weekdays.any) {
            (true, true) => true,
            (true, false) => by_week,
            (false, true) => by_month,
            (false, false) => by_month || by_week,
        }
    }
}

impl Which {
    fn is(self, date: Date) -> bool {
        match self {
            Self::Number(number) => (date.day() - 1) / 7 + 1 == number,
            Self::Last => date.day() + 7 > date.days_in_month(),
        }
    }
}

impl Numbers {
    fn has(self, number: i8) -> bool {
        u32::try_from(number).is_ok_and(|number| self.bits & (1 << number) != 0)
    }

    fn all(self) -> impl Iterator<Item = i8> {
        (0..60).filter(move |number| self.has(*number))
    }
}

impl Field {
    /// Reads `*`, `1`, `1-5`, `*/15`, `0-30/10`, and lists of them.
    fn numbers(&self, text: &str) -> Result<Numbers, RuleError> {
        let mut bits = 0;
        for part in text.split(',') {
            let (range, step) = match part.split_once('/') {
                Some((range, step)) => {
                    (range, Some(self.step(step).ok_or_else(|| self.bad(part))?))
                }
                None => (part, None),
            };
            let (first, last) = match range.split_once('-') {
                Some((first, last)) => (self.number(first), self.number(last)),
                None if range == "*" => (Some(self.least), Some(self.most)),
                // `5/10` begins there and goes on to the end.
                None if step.is_some() => (self.number(range), Some(self.most)),
                None => (self.number(range), self.number(range)),
            };
            let (Some(first), Some(last)) = (first, last) else { return Err(self.bad(part)) };
            // The week may end on Sunday, which has both numbers.
            let last = if last == 0 && first > 0 && self.most == 7 { 7 } else { last };
            if first > last {
                return Err(self.bad(part));
            }
            let numbers = (first..=last).step_by(usize::from(step.unwrap_or(1)));
            bits = numbers.fold(bits, |bits: u64, number| bits | 1 << number);
        }
        Ok(Numbers { bits, any: text == "*" })
    }

    /// `fri#2`, `fril`; `None` where it is neither.
    fn which(&self, part: &str) -> Result<Option<(Weekday, Which)>, RuleError> {
        let (name, which) = match (part.split_once('#'), part.strip_suffix('l')) {
            (Some((name, number)), _) => {
                let number = number.parse().ok().filter(|number| (1..=5).contains(number));
                (name, Which::Number(number.ok_or_else(|| self.bad(part))?))
            }
            (None, Some(name)) => (name, Which::Last),
            (None, None) => return Ok(None),
        };
        let number = self.number(name).and_then(|number| i8::try_from(number % 7).ok());
        let weekday = number.and_then(|number| Weekday::from_sunday_zero_offset(number).ok());
        weekday.map(|weekday| Some((weekday, which))).ok_or_else(|| self.bad(part))
    }

    fn number(&self, text: &str) -> Option<u8> {
        if let Some(at) = self.names.iter().position(|name| *name == text) {
            return u8::try_from(at).ok().map(|at| at + self.least);
        }
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|_| digits)?;
        (self.least..=self.most).contains(&number).then_some(number)
    }

    fn step(&self, text: &str) -> Option<u8> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|step| digits && (1..=self.most).contains(step))
    }

    fn bad(&self, part: &str) -> RuleError {
        RuleError::BadField { part: part.to_owned(), field: self.name, range: self.range }
    }
}
