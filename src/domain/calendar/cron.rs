//! Cron expressions, read and searched by croner, in local time: it is handed what clocks show as
//! if that were UTC, so that no change of clocks is its concern.

use croner::Cron as Pattern;
use croner::errors::CronError;
use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::RuleError;

/// What each of the five fields is called, and what may stand there.
const FIELDS: [(&str, &str); 5] = [
    ("minute", "0 to 59, *, 0-30 or */15"),
    ("hour", "0 to 23, *, 9-17 or */2"),
    ("day of the month", "1 to 31, *, 1-7, */2, or L for the last"),
    ("month", "1 to 12, JAN to DEC, *, 1-6 or */3"),
    (
        "day of the week",
        "0 to 7, SUN to SAT, *, MON-FRI, FRI#2 for the second or FRI#L for the last of a month",
    ),
];

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cron(Box<Pattern>);

impl Cron {
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        let text = text.trim();
        pattern(text).map(|pattern| Self(Box::new(pattern))).map_err(|_| complaint(text))
    }

    /// The first firing that is not before `from`, in local time.
    pub fn next_from(&self, from: DateTime) -> Option<DateTime> {
        let from = from.to_zoned(TimeZone::UTC).ok()?;
        // An error is the end of the years that it searches.
        self.0.find_next_occurrence(&from, true).ok().map(|next| next.datetime())
    }
}

fn pattern(text: &str) -> Result<Pattern, CronError> {
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    parser.parse(text)
}

/// What is wrong with a text: the first field that would be wrong among others that are not.
fn complaint(text: &str) -> RuleError {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let not_cron = RuleError::NotCron { text: text.to_owned() };
    if fields.len() != FIELDS.len() {
        return not_cron;
    }
    let mut named = fields.iter().zip(FIELDS).enumerate();
    let wrong = named.find(|(place, (part, _))| {
        let mut alone = ["*"; FIELDS.len()];
        if let Some(field) = alone.get_mut(*place) {
            *field = part;
        }
        pattern(&alone.join(" ")).is_err()
    });
    wrong.map_or(not_cron, |(_, (part, (field, range)))| RuleError::BadField {
        part: (*part).to_owned(),
        field,
        range,
    })
}
