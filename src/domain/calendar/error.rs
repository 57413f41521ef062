//! What can be wrong with a rule that somebody wrote, and what to write instead.

/// Why a text is no rule. `Display` is a sentence without its full stop.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum RuleError {
    #[error(
        "`{text}` is not a cron expression; write minute, hour, day of the month, month and day \
         of the week, such as `0 16 * * FRI`"
    )]
    NotCron { text: String },
    /// `field` is its name, `range` what may stand there.
    #[error("`{part}` is no {field}; write {range}")]
    BadField { part: String, field: &'static str, range: &'static str },
    #[error(
        "`{text}` is not a recurrence; write for example \
         `DTSTART:20261127T160000 RRULE:FREQ=WEEKLY;BYDAY=FR`"
    )]
    NotRecurrence { text: String },
    #[error("the recurrence lacks {what}, such as `{example}`")]
    Lacks { what: &'static str, example: &'static str },
    #[error("`{part}` cannot stand in a recurrence here; known are {known}")]
    UnknownPart { part: String, known: &'static str },
    #[error("`{key}` stands twice in the recurrence; write it once")]
    Twice { key: String },
    #[error("`{part}` is wrong; write {range}")]
    BadPart { part: String, range: &'static str },
    #[error("there is no timezone `{name}`; write an IANA name such as Europe/Berlin")]
    NoZone { name: String },
    #[error("COUNT and UNTIL exclude each other; write one of them")]
    CountAndUntil,
}
