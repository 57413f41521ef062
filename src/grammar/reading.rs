//! What a message turns out to be: a command, no command, or a command that was not
//! understood, with a sentence and with lines that would have been understood.

use std::fmt;

use crate::domain::command::Command;
use crate::domain::id::{EnvironmentName, Repository, ServiceName, Tag};
use crate::domain::words_of_time::TimeError;

use super::slot::Slot;

/// What a message is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Talk, quotes, code: nothing that anybody wants from us.
    NotACommand,
    Command(Command),
    Misunderstood(Misunderstood),
}

/// A command that was not understood. `Display` says why and what may have been meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Misunderstood {
    pub why: Why,
    /// Complete lines, nearest first; each is read as a command.
    pub suggestions: Vec<String>,
}

/// Why a command was not understood. `Display` is one sentence or two, without suggestions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    UnknownCommand {
        word: String,
    },
    /// The words are nearly those of a command.
    Misspelt,
    /// It begins like this command and goes on otherwise.
    Unreadable {
        command: String,
        /// The first word that does not fit; `None` where the line ends too early.
        word: Option<String>,
        usage: String,
    },
    UnknownEnvironment {
        name: String,
        known: Vec<EnvironmentName>,
    },
    UnknownService {
        name: String,
        known: Vec<ServiceName>,
    },
    UnknownRepository {
        name: String,
        known: Vec<Repository>,
    },
    NotAnImage {
        text: String,
    },
    /// No length of time, or no moment.
    Time(TimeError),
    ShortDigest {
        text: String,
    },
    /// A repository stands where an image should.
    NoTag {
        repository: Repository,
        newest: Vec<Tag>,
    },
    AmbiguousTag {
        tag: Tag,
        repositories: Vec<Repository>,
    },
    /// An environment stands where an image should.
    EnvironmentAsImage {
        name: EnvironmentName,
    },
    UnknownTopic {
        topic: String,
    },
    /// Nothing is assumed for an argument that was not given.
    Missing {
        command: String,
        argument: Slot,
        /// What it could be, where that is a short list.
        choices: Vec<String>,
        example: Option<String>,
    },
    /// Several commands in one message.
    Several,
}

impl fmt::Display for Misunderstood {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.why)?;
        match self.suggestions.as_slice() {
            [] => Ok(()),
            [only] => write!(formatter, " Did you mean: {only}"),
            several => write!(formatter, " Did you mean one of: {}", several.join(" | ")),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownCommand { word } | Self::UnknownTopic { topic: word } => {
                write!(formatter, "There is no command `{word}`.")
            }
            Self::Misspelt => write!(formatter, "I could not read all of that."),
            Self::Unreadable { command, word: Some(word), usage } => write!(
                formatter,
                "I read `{command}`, but not `{word}` in that place. It goes: {usage}"
            ),
            Self::Unreadable { command, word: None, usage } => {
                write!(formatter, "I read `{command}`, but something is missing. It goes: {usage}")
            }
            Self::UnknownEnvironment { name, known } => {
                write!(formatter, "There is no environment `{name}`; ")?;
                list(formatter, "there is", "there are", known)
            }
            Self::UnknownService { name, known } => {
                write!(formatter, "There is no service `{name}`; ")?;
                list(formatter, "there is", "there are", known)
            }
            Self::UnknownRepository { name, known } => {
                write!(formatter, "There is no repository `{name}`; ")?;
                list(formatter, "there is", "there are", known)
            }
            Self::NotAnImage { text } => write!(
                formatter,
                "`{text}` names no image: write repository:tag or repository@digest."
            ),
            Self::Time(error) => write!(formatter, "{error}."),
            Self::ShortDigest { text } => {
                write!(formatter, "`{text}` is too short: give at least 8 digits of a digest.")
            }
            Self::NoTag { repository, newest } if newest.is_empty() => {
                write!(formatter, "Which image of `{repository}`? Write {repository}:TAG.")
            }
            Self::NoTag { repository, newest } => {
                let newest: Vec<&str> = newest.iter().map(Tag::as_str).collect();
                let newest = newest.join(", ");
                write!(formatter, "Which image of `{repository}`? The newest: {newest}.")
            }
            Self::AmbiguousTag { tag, repositories } => {
                write!(formatter, "`{tag}` can be an image of several repositories; ")?;
                list(formatter, "it is in", "it is in", repositories)
            }
            Self::EnvironmentAsImage { name } => {
                write!(formatter, "`{name}` is an environment, where an image should stand.")
            }
            Self::Missing { command, argument, choices, example } => {
                write!(formatter, "`{command}` needs {}", needed(*argument))?;
                match choices.as_slice() {
                    [] => write!(formatter, ".")?,
                    choices => write!(formatter, ": {}?", choices.join(" or "))?,
                }
                match example {
                    Some(example) => write!(formatter, " For example: {example}"),
                    None => Ok(()),
                }
            }
            Self::Several => {
                write!(formatter, "That is more than one command; write one in each message.")
            }
        }
    }
}

/// What to ask for.
pub(super) fn needed(argument: Slot) -> &'static str {
    match argument {
        Slot::Images => "an image",
        Slot::Environment => "an environment",
        Slot::Source => "an environment to take the images from",
        Slot::Service => "the name of a service",
        Slot::Deployment => "a deployment's number",
        Slot::Topic => "the name of a command",
        Slot::DryRun => "the words \"dry run\"",
        Slot::BreakGlass => "the words \"break glass\"",
        Slot::Stay | Slot::Length => "a length of time",
        Slot::Everything => "the word \"everything\"",
        Slot::When | Slot::Until => "a moment such as 18:00 or tomorrow at 9:30",
        Slot::Reason => "a reason",
        Slot::Announcement => "what to announce",
        Slot::Schedule => "the name or number of a schedule",
    }
}

fn list(
    formatter: &mut fmt::Formatter<'_>,
    one: &str,
    several: &str,
    names: &[impl fmt::Display],
) -> fmt::Result {
    match names {
        [] => write!(formatter, "there is none yet."),
        [only] => write!(formatter, "{one} {only}."),
        [first @ .., last] => {
            let first: Vec<String> = first.iter().map(ToString::to_string).collect();
            write!(formatter, "{several} {} and {last}.", first.join(", "))
        }
    }
}
