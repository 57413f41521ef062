//! The arguments that phrases may name, their types, and which words a type can be. Knows
//! nothing of commands.

use std::fmt;

/// An argument that a phrase may name: `{images}`, `{source:environment}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    Images,
    Environment,
    /// The environment whose images are taken.
    Source,
    Service,
    Deployment,
    Topic,
    DryRun,
    BreakGlass,
    /// How long a canary stays alone.
    Stay,
    /// All environments.
    Everything,
    /// How long something lasts.
    Length,
    /// When something is done.
    When,
    /// When something ends.
    Until,
    Reason,
    /// What is to be announced, with where and when at its end.
    Announcement,
    /// A schedule of announcements, or a template.
    Schedule,
}

/// What an argument is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ArgumentType {
    /// One or several images, with commas or `and` between them.
    Images,
    Environment,
    Service,
    /// `42` or `#42`.
    Deployment,
    /// The id of a command.
    Command,
    /// The name or number of a schedule of announcements.
    Schedule,
    /// A length of time: `10 minutes`, `1 hour`, `90s`, `1h30m`. Never a bare number.
    Time,
    /// A moment to come: `at 18:00`, `tomorrow at 9:30`, `on friday at 14:00`, `in 2 hours`.
    Moment,
    /// Stands for itself: `{dry-run:switch}` is read from the words "dry run".
    Switch,
    /// Everything up to the end of the line.
    Text,
}

impl Slot {
    pub const ALL: [Self; 16] = [
        Self::Images,
        Self::Environment,
        Self::Source,
        Self::Service,
        Self::Deployment,
        Self::Topic,
        Self::DryRun,
        Self::BreakGlass,
        Self::Stay,
        Self::Everything,
        Self::Length,
        Self::When,
        Self::Until,
        Self::Reason,
        Self::Announcement,
        Self::Schedule,
    ];

    /// As phrases name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Environment => "environment",
            Self::Source => "source",
            Self::Service => "service",
            Self::Deployment => "deployment",
            Self::Topic => "topic",
            Self::DryRun => "dry-run",
            Self::BreakGlass => "break-glass",
            Self::Stay => "stay",
            Self::Everything => "everything",
            Self::Length => "length",
            Self::When => "when",
            Self::Until => "until",
            Self::Reason => "reason",
            Self::Announcement => "announcement",
            Self::Schedule => "schedule",
        }
    }

    pub fn argument_type(self) -> ArgumentType {
        match self {
            Self::Images => ArgumentType::Images,
            Self::Environment | Self::Source => ArgumentType::Environment,
            Self::Service => ArgumentType::Service,
            Self::Deployment => ArgumentType::Deployment,
            Self::Topic => ArgumentType::Command,
            Self::DryRun | Self::BreakGlass | Self::Everything => ArgumentType::Switch,
            Self::Stay | Self::Length => ArgumentType::Time,
            Self::When | Self::Until => ArgumentType::Moment,
            Self::Reason | Self::Announcement => ArgumentType::Text,
            Self::Schedule => ArgumentType::Schedule,
        }
    }

    /// One sentence for the help.
    pub fn description(self) -> &'static str {
        match self {
            Self::Images => {
                "Images, with commas or \"and\" between them: core:1.5.0, core@1a2b3c4d, or only \
                 a tag where one repository can be meant"
            }
            Self::Environment => "The name of an environment",
            Self::Source => "The environment whose images are taken, exactly as they run there",
            Self::Service => "The name of a service",
            Self::Deployment => "A deployment's number: 42 or #42",
            Self::Topic => "The name of a command",
            Self::DryRun => "Show the plan and do nothing",
            Self::BreakGlass => "Override the requirements that allow it; needs a reason",
            Self::Stay => {
                "For how long each canary stays alone, counted from when it is good: 10 minutes, \
                 1 hour, 90s"
            }
            Self::Everything => "All environments",
            Self::Length => "For how long: 10 minutes, 1 hour, 90s, 2 days",
            Self::When => {
                "When, in the environment's time zone: at 18:00, tomorrow at 9:30, on friday at \
                 14:00, in 2 hours"
            }
            Self::Until => {
                "Until when, in the environment's time zone: 18:00, monday 8:00, 2026-12-24 10:00"
            }
            Self::Reason => "Why, in your own words, up to the end of the line",
            Self::Announcement => {
                "What to say, and behind it where and when: lunch is ready in #ops at 12:00, \
                 stand up every weekday at 9:30. A text in quotes is taken as it is"
            }
            Self::Schedule => "A schedule's number or name: 3, morning",
        }
    }

    /// The same for forms, which have little room: at most 100 characters.
    pub fn summary(self) -> &'static str {
        match self {
            Self::Images => "Such as core:1.5.0, with commas or \"and\" between several",
            Self::Deployment => "A deployment's number, such as 42",
            Self::Stay => "For how long each canary stays alone, such as 10 minutes",
            Self::When => "Such as at 18:00, tomorrow at 9:30, on friday at 14:00 or in 2 hours",
            Self::Until => "Such as 18:00, monday 8:00 or 2026-12-24 10:00",
            Self::Reason => "Why, in your own words",
            Self::Announcement => "What to say, then where and when, such as in #ops at 12:00",
            Self::Environment
            | Self::Source
            | Self::Service
            | Self::Topic
            | Self::DryRun
            | Self::BreakGlass
            | Self::Everything
            | Self::Length
            | Self::Schedule => self.description(),
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|slot| slot.name() == name)
    }

    /// A set with this argument only.
    pub(super) const fn mask(self) -> Mask {
        Mask(1 << self as u32)
    }
}

impl ArgumentType {
    pub const ALL: [Self; 10] = [
        Self::Images,
        Self::Environment,
        Self::Service,
        Self::Deployment,
        Self::Command,
        Self::Schedule,
        Self::Time,
        Self::Moment,
        Self::Switch,
        Self::Text,
    ];

    /// As phrases name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Environment => "environment",
            Self::Service => "service",
            Self::Deployment => "deployment",
            Self::Command => "command",
            Self::Schedule => "schedule",
            Self::Time => "time",
            Self::Moment => "moment",
            Self::Switch => "switch",
            Self::Text => "text",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether a word of this shape can be (one word of) such an argument. Shapes that several
    /// types read are where phrases may collide.
    pub(super) fn reads(self, shape: Shape) -> bool {
        match self {
            Self::Images => match shape {
                Shape::Name
                | Shape::BareTag
                | Shape::Number
                | Shape::Clock
                | Shape::Date
                | Shape::Reference => true,
                Shape::HashNumber | Shape::Comma | Shape::Other => false,
            },
            Self::Environment | Self::Service | Self::Command => shape == Shape::Name,
            Self::Deployment => matches!(shape, Shape::Number | Shape::HashNumber),
            // Names of schedules may begin with a digit: `9am`, `1st-monday`.
            Self::Schedule => matches!(
                shape,
                Shape::Name
                    | Shape::Number
                    | Shape::HashNumber
                    | Shape::BareTag
                    | Shape::Clock
                    | Shape::Date
            ),
            Self::Text => true,
            // Where a unit follows, the number is read by a place of its own.
            Self::Time => shape == Shape::BareTag,
            // Made of words and of shapes, each with a place of its own.
            Self::Moment => false,
            Self::Switch => false,
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

/// A set of arguments, and whether words of the phrase's own are among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Mask(u32);

impl Mask {
    /// Some word that is no argument.
    pub const WORDS: Self = Self(1 << 31);

    pub fn contains(self, slot: Slot) -> bool {
        self.0 & slot.mask().0 != 0
    }

    pub fn has_words(self) -> bool {
        self.0 & Self::WORDS.0 != 0
    }

    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub fn common(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub fn without_words(self) -> Self {
        Self(self.0 & !Self::WORDS.0)
    }

    pub fn slots(self) -> impl Iterator<Item = Slot> {
        Slot::ALL.into_iter().filter(move |slot| self.contains(*slot))
    }
}

/// What a word looks like. Each word has exactly one shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Shape {
    /// Begins with a letter: an environment, a command, a tag such as `nightly`.
    Name,
    /// Can be a tag and no name: `1.5.0`.
    BareTag,
    /// `18:00`, `6pm`; can also be an image.
    Clock,
    /// `2026-12-24`, `2026-12-24T10:00`; can also be an image.
    Date,
    /// A tag or a deployment.
    Number,
    /// `#42`
    HashNumber,
    /// Has `:`, `@` or `/`: `core:1.5.0`, `sha256:1a2b3c4d`.
    Reference,
    Comma,
    /// Anything else: free text only.
    Other,
}

/// Words that hold sentences together, and so are never the name of anything. Without them,
/// "promote to staging" would ask for the tag `to`, and absurd texts could be read in two ways.
const PARTICLES: [&str; 23] = [
    "a", "an", "and", "as", "at", "be", "because", "by", "for", "from", "in", "into", "is", "of",
    "on", "onto", "or", "since", "the", "to", "until", "with", "without",
];

/// Everything behind these is free text, so that they are never the name of anything either.
const BEFORE_TEXT: [&str; 1] = ["announce"];

impl Shape {
    pub const ALL: [Self; 9] = [
        Self::Name,
        Self::BareTag,
        Self::Clock,
        Self::Date,
        Self::Number,
        Self::HashNumber,
        Self::Reference,
        Self::Comma,
        Self::Other,
    ];

    pub fn of(word: &str) -> Self {
        // Eighteen digits always fit a deployment's number.
        let is_number =
            |text: &str| (1..=18).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        let Some(first) = word.bytes().next() else { return Self::Other };
        if is_number(word) {
            return Self::Number;
        }
        if let Some(number) = word.strip_prefix('#') {
            return if is_number(number) { Self::HashNumber } else { Self::Other };
        }
        let mut is_reference = false;
        for byte in word.bytes() {
            match byte {
                b':' | b'@' | b'/' => is_reference = true,
                b'.' | b'_' | b'-' => {}
                other if other.is_ascii_alphanumeric() => {}
                _ => return Self::Other,
            }
        }
        let is_word = |other: &&str| other.eq_ignore_ascii_case(word);
        let is_no_name = || PARTICLES.iter().chain(&BEFORE_TEXT).any(is_word);
        if is_clock(word) {
            Self::Clock
        } else if is_date(word) {
            Self::Date
        } else if is_reference {
            Self::Reference
        } else if is_no_name() {
            Self::Other
        } else if first.is_ascii_alphabetic() {
            Self::Name
        } else if first.is_ascii_digit() || first == b'_' {
            Self::BareTag
        } else {
            Self::Other
        }
    }

    /// A word of this shape, for the texts that show a collision.
    pub fn sample(self) -> &'static str {
        match self {
            Self::Name => "staging",
            Self::BareTag => "1.5.0",
            Self::Clock => "18:00",
            Self::Date => "2026-12-24",
            Self::Number => "42",
            Self::HashNumber => "#42",
            Self::Reference => "core:1.5.0",
            Self::Comma => ",",
            Self::Other => "(…)",
        }
    }
}

/// Whether a word looks like a time of day, whether or not there is such a time.
fn is_clock(word: &str) -> bool {
    let half = word.len().checked_sub(2).and_then(|at| word.split_at_checked(at));
    let half =
        half.filter(|(_, half)| ["am", "pm"].iter().any(|one| half.eq_ignore_ascii_case(one)));
    let numbers = half.map_or(word, |(numbers, _)| numbers);
    let is_number =
        |text: &str| matches!(text.len(), 1 | 2) && text.bytes().all(|byte| byte.is_ascii_digit());
    let count = numbers.split(':').count();
    numbers.split(':').all(is_number) && (half.is_some() || count > 1) && count <= 3
}

/// Whether a word looks like a date, or a date and a time of day.
fn is_date(word: &str) -> bool {
    let is = |at: usize, byte: u8| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    };
    let Some((date, behind)) = word.split_at_checked(10) else { return false };
    let time = behind.strip_prefix(['T', 't']);
    date.bytes().enumerate().all(|(at, byte)| is(at, byte))
        && (behind.is_empty() || time.is_some_and(is_clock))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_has_a_shape() {
        let shapes = [
            ("staging", Shape::Name),
            ("v1.5.0-rc1", Shape::Name),
            ("1.5.0", Shape::BareTag),
            ("42", Shape::Number),
            ("#42", Shape::HashNumber),
            ("#general", Shape::Other),
            ("core:1.5.0", Shape::Reference),
            ("18:00", Shape::Clock),
            ("25:00", Shape::Clock),
            ("6:30PM", Shape::Clock),
            ("6pm", Shape::Clock),
            ("18:000", Shape::Reference),
            ("pm", Shape::Name),
            ("2026-12-24", Shape::Date),
            ("2026-02-30T10:00", Shape::Date),
            ("2026-12-24-rc1", Shape::BareTag),
            ("team/core@sha256:00", Shape::Reference),
            ("don't", Shape::Other),
            ("To", Shape::Other),
            ("9999999999999999999", Shape::BareTag),
            ("", Shape::Other),
        ];
        for (word, shape) in shapes {
            assert_eq!(Shape::of(word), shape, "{word}");
        }
    }
}
