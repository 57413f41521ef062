//! Lines that begin with `/`: what the person at the keyboard tells the terminal, not the bot.
//! Read here, done elsewhere.

use super::keyboard::Candidate;
use crate::domain::card::CardAction;
use crate::domain::id::PersonId;

/// What can be told to the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Slash {
    /// Be this person from now on.
    As(PersonId),
    /// Put a reaction on the newest message that offers it, or on a deployment's.
    React {
        action: CardAction,
        deployment: Option<u64>,
    },
    Unreact {
        action: CardAction,
        deployment: Option<u64>,
    },
    People,
    Help,
    Quit,
}

/// Why a slash line cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotASlashLine {
    #[error("there is no {0}; /help tells what there is")]
    Unknown(String),
    #[error("say who, for example /as {0}")]
    NobodyNamed(String),
    #[error("nobody here is called {name}; the people are {known}")]
    NobodyCalled { name: String, known: String },
    #[error("say which reaction: {verb} yes, {verb} no or {verb} stop (✅, ❌, 🛑)")]
    NoReaction { verb: &'static str },
    #[error("{reaction} answers nothing; say yes, no or stop (✅, ❌, 🛑)")]
    NotAReaction { reaction: String },
    #[error("{0} is not a deployment's number")]
    NotANumber(String),
    #[error("{verb} takes nothing more; leave out {rest}")]
    TooMuch { verb: &'static str, rest: String },
}

/// Each slash line and what it does.
pub const LINES: [(&str, &str); 6] = [
    ("/as", "be somebody else: /as bob"),
    (
        "/react",
        "answer the newest question: /react ✅ (or yes, no, stop), or that of #12: /react yes 12",
    ),
    ("/unreact", "take a reaction back: /unreact ✅"),
    ("/people", "who is here, with which roles"),
    ("/help", "this list"),
    ("/quit", "leave; so does Ctrl-D"),
];

/// Words for the reactions, for keyboards without emoji.
const WORDS: [(&str, CardAction); 3] =
    [("yes", CardAction::Approve), ("no", CardAction::Reject), ("stop", CardAction::Cancel)];

impl Slash {
    /// Reads a line; `None` if it is not for the terminal.
    ///
    /// # Errors
    /// It begins with `/`, and is nothing that can be done.
    pub fn parse(line: &str, people: &[PersonId]) -> Option<Result<Self, NotASlashLine>> {
        let line = line.trim();
        line.starts_with('/').then(|| Self::read(line, people))
    }

    fn read(line: &str, people: &[PersonId]) -> Result<Self, NotASlashLine> {
        let mut words = line.split_whitespace();
        let verb = words.next().unwrap_or_default();
        let rest: Vec<_> = words.collect();
        match verb {
            "/as" => read_person(&rest, people),
            "/react" => {
                let (action, deployment) = read_reaction("/react", &rest)?;
                Ok(Self::React { action, deployment })
            }
            "/unreact" => {
                let (action, deployment) = read_reaction("/unreact", &rest)?;
                Ok(Self::Unreact { action, deployment })
            }
            "/people" => nothing_more("/people", &rest).map(|()| Self::People),
            "/help" => nothing_more("/help", &rest).map(|()| Self::Help),
            "/quit" => nothing_more("/quit", &rest).map(|()| Self::Quit),
            unknown => Err(NotASlashLine::Unknown(unknown.to_owned())),
        }
    }

    /// What can stand at the end of a slash line.
    pub fn complete(line: &str, people: &[PersonId]) -> Vec<Candidate> {
        let Some(replace_from) = line.rfind(' ').map(|at| at + 1) else {
            let named = |&(name, hint): &(&str, &str)| (name.to_owned(), hint.to_owned());
            return matching(line, 0, LINES.iter().map(named));
        };
        let words: Vec<_> = line[..replace_from].split_whitespace().collect();
        let choices: Vec<(String, String)> = match words.as_slice() {
            ["/as"] => people.iter().map(|person| (person.to_string(), String::new())).collect(),
            ["/react" | "/unreact"] => {
                let named = |(word, action): (&str, CardAction)| {
                    (word.to_owned(), format!("{} {}", action.emoji(), action.label()))
                };
                WORDS.into_iter().map(named).collect()
            }
            _ => Vec::new(),
        };
        matching(&line[replace_from..], replace_from, choices.into_iter())
    }
}

fn matching(
    begun: &str,
    replace_from: usize,
    choices: impl Iterator<Item = (String, String)>,
) -> Vec<Candidate> {
    choices
        .filter(|(text, _)| text.starts_with(begun))
        .map(|(text, hint)| Candidate { replace_from, text, hint })
        .collect()
}

fn read_person(rest: &[&str], people: &[PersonId]) -> Result<Slash, NotASlashLine> {
    match rest {
        [] => {
            let example = people.first().map_or("bob", PersonId::as_str);
            Err(NotASlashLine::NobodyNamed(example.to_owned()))
        }
        [name] => {
            let called = |person: &&PersonId| person.as_str().eq_ignore_ascii_case(name);
            let known = || people.iter().map(PersonId::as_str).collect::<Vec<_>>().join(", ");
            people.iter().find(called).cloned().map(Slash::As).ok_or_else(|| {
                NotASlashLine::NobodyCalled { name: (*name).to_owned(), known: known() }
            })
        }
        [_, rest @ ..] => Err(NotASlashLine::TooMuch { verb: "/as", rest: rest.join(" ") }),
    }
}

fn read_reaction(
    verb: &'static str,
    rest: &[&str],
) -> Result<(CardAction, Option<u64>), NotASlashLine> {
    match rest {
        [] => Err(NotASlashLine::NoReaction { verb }),
        [reaction] => Ok((read_action(reaction)?, None)),
        [reaction, number] => {
            let digits = number.strip_prefix('#').unwrap_or(number);
            let wrong = |_| NotASlashLine::NotANumber((*number).to_owned());
            Ok((read_action(reaction)?, Some(digits.parse().map_err(wrong)?)))
        }
        [_, _, rest @ ..] => Err(NotASlashLine::TooMuch { verb, rest: rest.join(" ") }),
    }
}

fn read_action(text: &str) -> Result<CardAction, NotASlashLine> {
    let word = WORDS.into_iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
    word.map(|(_, action)| action)
        .or_else(|| CardAction::of_emoji(text))
        .ok_or_else(|| NotASlashLine::NotAReaction { reaction: text.to_owned() })
}

fn nothing_more(verb: &'static str, rest: &[&str]) -> Result<(), NotASlashLine> {
    if rest.is_empty() {
        Ok(())
    } else {
        Err(NotASlashLine::TooMuch { verb, rest: rest.join(" ") })
    }
}
