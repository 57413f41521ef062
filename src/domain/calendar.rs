//! When something happens again and again: a cron expression or a recurrence of iCalendar in a
//! zone, and the windows that open by one. What the time is, is handed in.
//!
//! Rules are about what clocks show there. So they are evaluated in local time, and each local
//! time becomes the first moment at which clocks show it ([`first_moment`]): what a change of
//! clocks skips happens at the change, and what it repeats happens once.

mod cron;
mod error;
mod recurrence;
mod recurrence_text;

use std::fmt;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

pub use error::RuleError;

use super::words_of_time::first_moment;
use cron::Cron;
use recurrence::Recurrence;

/// When something happens again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// As somebody wrote it.
    text: String,
    zone: TimeZone,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Cron(Cron),
    Recurrence(Box<Recurrence>),
}

/// Each firing of a rule opens it, for a length of time as clocks there count it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    pub rule: Rule,
    pub length: Duration,
    /// Why, for those whom it stops.
    pub reason: String,
}

impl Rule {
    /// Reads either kind: a recurrence names its parts (`RRULE:…`, `FREQ=…`), cron does not.
    ///
    /// # Errors
    /// [`RuleError`], with what to write instead.
    pub fn parse(text: &str, zone: &TimeZone) -> Result<Self, RuleError> {
        if text.contains(['=', ':']) {
            Self::recurrence(text, zone)
        } else {
            Self::cron(text, zone)
        }
    }

    /// Reads a cron expression: minute, hour, day of the month, month, day of the week. Where
    /// both days are given, either will do, as ever.
    ///
    /// # Errors
    /// [`RuleError`], with what to write instead.
    pub fn cron(text: &str, zone: &TimeZone) -> Result<Self, RuleError> {
        let kind = Kind::Cron(Cron::parse(text)?);
        Ok(Self { text: text.trim().to_owned(), zone: zone.clone(), kind })
    }

    /// Reads a recurrence of RFC 5545: `DTSTART:20261127T090000 RRULE:FREQ=WEEKLY;BYDAY=FR` and,
    /// if there are exceptions, `EXDATE:…`, one after another or each on a line of its own. A
    /// `TZID` is the zone instead of the one that is given.
    ///
    /// # Errors
    /// [`RuleError`], with what to write instead.
    pub fn recurrence(text: &str, zone: &TimeZone) -> Result<Self, RuleError> {
        let (recurrence, zone) = Recurrence::parse(text, zone)?;
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        Ok(Self { text, zone, kind: Kind::Recurrence(Box::new(recurrence)) })
    }

    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The next firing, strictly later; `None` where there is none in the years that are searched
    /// (more than any leap day takes to come again).
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        // No earlier local time becomes a moment that is later: each becomes its first one.
        let mut from = self.zone.to_datetime(after);
        loop {
            let next = match &self.kind {
                Kind::Cron(cron) => cron.next_from(from)?,
                Kind::Recurrence(recurrence) => recurrence.next_from(from)?,
            };
            let moment = first_moment(next, &self.zone)?;
            if moment > after {
                return Some(moment);
            }
            from = next.checked_add(SignedDuration::from_secs(1)).ok()?;
        }
    }
}

impl fmt::Display for Rule {
    /// As it was written.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.text)
    }
}

impl Window {
    /// Until when it is open, if it is at this moment. Windows that overlap, or follow each other
    /// without a gap, are one.
    pub fn contains(&self, at: Timestamp) -> Option<Timestamp> {
        self.around(at).map(|(_, until)| until)
    }

    /// Since and until when it is open, if it is at this moment.
    pub fn around(&self, at: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let length = SignedDuration::try_from(self.length).unwrap_or(SignedDuration::MAX);
        let before = at.checked_sub(length).and_then(|from| from.checked_sub(CLOCKS_CHANGE));
        let mut from = before.unwrap_or(Timestamp::MIN);
        let mut open: Option<(Timestamp, Timestamp)> = None;
        while let Some(opened) = self.rule.next_after(from) {
            let closes = self.closing(opened);
            open = match open {
                Some((since, until)) if opened <= until => Some((since, until.max(closes))),
                Some(_) | None if opened > at => break,
                Some(_) | None => Some((opened, closes)),
            };
            if closes.duration_since(at) > LONGEST_OPEN {
                break;
            }
            from = opened;
        }
        open.filter(|(_, until)| *until > at)
    }

    /// When one that has opened closes, as clocks there count: a day is one also when they change.
    fn closing(&self, opened: Timestamp) -> Timestamp {
        let length = SignedDuration::try_from(self.length).unwrap_or(SignedDuration::MAX);
        let local = self.rule.zone().to_datetime(opened).checked_add(length).ok();
        let closes = local.and_then(|local| first_moment(local, self.rule.zone()));
        closes.unwrap_or(Timestamp::MAX)
    }

    /// When it opens next, strictly later, whether or not it is open.
    pub fn next_opening_after(&self, at: Timestamp) -> Option<Timestamp> {
        self.rule.next_after(at)
    }
}

/// More than clocks are ever changed by.
const CLOCKS_CHANGE: SignedDuration = SignedDuration::from_hours(24);

/// Windows that follow each other without end are not followed further than this.
const LONGEST_OPEN: SignedDuration = SignedDuration::from_hours(366 * 24);
