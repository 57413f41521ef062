//! What is announced at set times: when, where and what. Which of these times have come is known
//! to `domain::timetable`; what an announcement says, to `report`.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::calendar::Rule;
use super::freeze::{Ahead, Entry};
use super::id::{ChannelId, EnvironmentName, MessageId, PersonId, ScheduleName};

/// How late an announcement may be where nothing is set.
pub const GRACE: Duration = Duration::from_secs(15 * 60);
/// Whoever claimed an announcement and has not posted it for so long is taken for dead. Where its
/// chat still tries, two post by the same key, of which a chat shows one.
pub const LEASE: Duration = Duration::from_secs(60);
/// What nobody here knows may be another process's to announce for so long: the most that can be
/// set.
pub const MOST_GRACE: Duration = Duration::from_secs(24 * 3600);
/// A freeze begins soon that begins within this time, where nothing else is said.
pub const SOON: Duration = Duration::from_secs(24 * 3600);
/// What an announcement offers leaves so long after it where nothing is set.
pub const LEAVES: Duration = Duration::from_secs(2 * 3600);

/// By what a schedule is known: those of the settings have a name, those made in chat a number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScheduleKey {
    Numbered(i64),
    Named(ScheduleName),
}

impl ScheduleKey {
    /// Reads what people write and what the store keeps: `3`, `#3`, `morning`.
    pub fn parse(text: &str) -> Self {
        match text.trim_start_matches('#').parse() {
            Ok(number) => Self::Numbered(number),
            Err(_) => Self::Named(ScheduleName::new(text)),
        }
    }
}

impl fmt::Display for ScheduleKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Numbered(number) => write!(formatter, "{number}"),
            Self::Named(name) => write!(formatter, "{name}"),
        }
    }
}

/// Something that is announced at set times.
#[derive(Clone, Debug)]
pub struct Schedule {
    pub key: ScheduleKey,
    pub timing: Timing,
    /// Where times of day are told, and where those of the rule are meant.
    pub zone: TimeZone,
    /// `None`: wherever announcements go.
    pub channel: Option<ChannelId>,
    pub content: Content,
    /// How late it may be announced.
    pub grace: Duration,
    /// What it tells of; `None`: everything.
    pub environments: Option<BTreeSet<EnvironmentName>>,
    /// So long after it leaves what it offers.
    pub leaves: Duration,
    /// Who made it in chat; `None`: it stands in the settings.
    pub made: Option<Made>,
}

/// When somebody made a schedule in chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    pub by: PersonId,
    pub at: Timestamp,
}

/// When it is announced.
#[derive(Clone, Debug)]
pub enum Timing {
    Once(Timestamp),
    /// Again and again; `text` is how the rule was written.
    Repeating {
        rule: Box<Rule>,
        text: String,
    },
    /// Before freezes of the calendar begin.
    BeforeFreezes(Ahead),
}

impl Timing {
    /// The next time after this one.
    pub fn next_after(&self, time: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Once(at) => Some(*at).filter(|at| *at > time),
            Self::Repeating { rule, .. } => rule.next_after(time),
            Self::BeforeFreezes(ahead) => ahead.next_after(time),
        }
    }

    /// By which a change of it is noticed: what was settled of another rule says nothing about
    /// this one.
    pub fn text(&self) -> String {
        match self {
            Self::Once(at) => format!("once {}", at.as_millisecond()),
            Self::Repeating { rule, text } => format!("{text}{}", zone_of(rule)),
            Self::BeforeFreezes(Ahead { lead, calendars }) => {
                // Another calendar has other times.
                let entries = calendars.iter().flatten();
                let rules = entries.map(|Entry { effect, window, .. }| {
                    let zone = zone_of(&window.rule);
                    format!("{effect:?} {}{zone} {:?}", window.rule, window.length)
                });
                let rules: Vec<String> = rules.collect();
                format!("{lead:?} before freezes: {}", rules.join("; "))
            }
        }
    }

    /// How long before it begins a freeze is worth a word.
    pub fn soon(&self) -> Duration {
        match self {
            Self::Once(_) | Self::Repeating { .. } => SOON,
            Self::BeforeFreezes(ahead) => ahead.lead,
        }
    }
}

fn zone_of(rule: &Rule) -> String {
    rule.zone().iana_name().map_or_else(String::new, |zone| format!(" in {zone}"))
}

/// What is announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    ReadyMade(ReadyMade),
    /// A template of the team's own: its name for errors, and its text.
    Template {
        name: String,
        text: String,
    },
    /// What a person said.
    Said(String),
}

/// Where the settings find what is announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Template {
    ReadyMade(ReadyMade),
    Text(String),
    /// As written: a relative one is relative to the working directory.
    File(PathBuf),
}

/// The templates that ship.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReadyMade {
    /// What runs where, and what is open.
    Morning,
    /// The figures of the week, with a chart.
    Weekly,
    /// What would go on to the next environment.
    ReleaseTrain,
    /// What waits for votes.
    Votes,
    /// Freezes that begin soon.
    Freeze,
    /// Locks that stand for long.
    Locks,
}

impl ReadyMade {
    pub const ALL: [Self; 6] =
        [Self::Morning, Self::Weekly, Self::ReleaseTrain, Self::Votes, Self::Freeze, Self::Locks];

    /// As settings and chat name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Morning => "morning",
            Self::Weekly => "weekly",
            Self::ReleaseTrain => "release-train",
            Self::Votes => "votes",
            Self::Freeze => "freeze",
            Self::Locks => "locks",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }
}

/// A schedule of the settings, before its template is read.
#[derive(Clone, Debug)]
pub struct Planned {
    pub name: ScheduleName,
    pub timing: Timing,
    pub zone: TimeZone,
    pub channel: Option<ChannelId>,
    pub template: Template,
    pub grace: Duration,
    pub environments: Option<BTreeSet<EnvironmentName>>,
    pub leaves: Duration,
}

impl Planned {
    /// The schedule, once its template is read.
    pub fn with(self, content: Content) -> Schedule {
        Schedule {
            key: ScheduleKey::Named(self.name),
            timing: self.timing,
            zone: self.zone,
            channel: self.channel,
            content,
            grace: self.grace,
            environments: self.environments,
            leaves: self.leaves,
            made: None,
        }
    }
}

/// A schedule that somebody makes in chat, before it has a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSchedule {
    pub text: String,
    pub when: Stored,
    /// Its IANA name.
    pub zone: String,
    pub channel: ChannelId,
    pub by: PersonId,
    pub at: Timestamp,
    /// The message that asked for it: however often that is handled, it makes one schedule.
    pub asked_in: MessageId,
}

/// When, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    Once(Timestamp),
    Rule(String),
}

/// One time at which a schedule was due, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Firing {
    pub schedule: ScheduleKey,
    pub due: Timestamp,
    pub fate: Fate,
    /// How many times before it went by unnoticed since the one before, because nothing ran.
    pub skipped: u32,
}

impl Firing {
    /// How late it is.
    pub fn late(&self, now: Timestamp) -> Duration {
        Duration::try_from(now.duration_since(self.due)).unwrap_or_default()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Somebody is about to post it, or died before.
    Claimed {
        at: Timestamp,
    },
    Posted {
        message: MessageId,
    },
    /// There was nothing to announce.
    Silent,
    /// Nobody could post it in time.
    Missed,
    /// It was paused or cancelled before it was posted.
    CalledOff,
    /// Whoever made it may not announce there any more.
    Denied,
}

/// What stands in the chat of an announcement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    pub message: MessageId,
    /// It asks for a promotion or for votes, so that people may take it for what they agree to.
    pub asks: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_are_written() {
        for key in [ScheduleKey::Numbered(3), ScheduleKey::Named("morning".into())] {
            assert_eq!(ScheduleKey::parse(&key.to_string()), key);
        }
        assert_eq!(ScheduleKey::parse("#3"), ScheduleKey::Numbered(3));
    }

    #[test]
    fn what_is_announced_once_has_no_next_time() {
        let at = Timestamp::UNIX_EPOCH;
        let once = Timing::Once(at);
        assert_eq!(once.next_after(at - Duration::from_secs(1)), Some(at));
        assert_eq!(once.next_after(at), None);
    }
}
