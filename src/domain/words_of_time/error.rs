//! What can be wrong with a time that somebody wrote, and what to write instead.

/// Why a text is no length of time, or no moment that can be meant. `Display` is a sentence
/// without its full stop, which says what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum TimeError {
    #[error("`{text}` is not a length of time; write for example 30s, 10m or 1h30m")]
    NotALength { text: String },
    #[error("`{text}` lacks a unit; write for example 30s, 10m or 1h30m")]
    NoUnit { text: String },
    #[error("`{text}` is no time at all; write for example 30s, 10m or 1h30m")]
    NoTime { text: String },
    #[error("`{text}` is too long; write at most {most}")]
    TooLong { text: String, most: String },
    #[error("`{text}` is finer than a second; write whole seconds")]
    TooFine { text: String },
    #[error(
        "`{text}` is not a moment; write for example at 18:00, tomorrow at 9:30, on friday at \
         14:00, in 2 hours or on 2026-12-24 at 10:00"
    )]
    NotAMoment { text: String },
    #[error("`{text}` is not a time of day; write one from 0:00 to 23:59, or such as 6pm")]
    NotATimeOfDay { text: String },
    #[error("`{text}` lacks the time of day; write for example {text} at 14:00")]
    NoTimeOfDay { text: String },
    #[error("`{text}` is not a date; write one that the calendar has, such as 2026-12-24")]
    NotADate { text: String },
    /// `now` is the time of day there, with its zone.
    #[error("`{text}` is past: it is {now} already; write a moment that is still to come")]
    Past { text: String, now: String },
    #[error("`{text}` is too far away; write a moment within {most}")]
    TooFar { text: String, most: String },
    /// Two of them in one line.
    #[error("`{text}` says it twice; write one time only")]
    Twice { text: String },
}
