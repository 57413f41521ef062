//! Commands as forms to fill in, and what was filled in as a line of chat.
//!
//! What is filled in is text that anybody may have written. So the line is read again before it
//! is given, and given only where every word of every value is read as what it was filled in
//! for: no value can become another argument or another command. Knows no chat, and not what
//! names there are.

use std::collections::BTreeMap;
use std::fmt;

use crate::domain::form::{Field, FieldKind, Form};
use crate::domain::words_of_time::{TimeError, When, spelled};

use super::kind::Kind;
use super::phrase::Atom;
use super::reading::needed;
use super::slot::{ArgumentType, Mask, Shape, Slot};
use super::text::{self, Token, TokenKind};
use super::{Entry, Grammar, Label, Path};

/// What is shown of a form has at most so many characters, also in chats that count UTF-16.
const LONGEST: usize = 100;

/// Why there is no line of chat for a form. `Display` is a sentence that says what to do, for the
/// person who filled it in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotSay {
    NoSuchForm,
    NoSuchField {
        form: &'static str,
    },
    /// Nothing is assumed for what was not filled in.
    Missing {
        form: &'static str,
        field: Slot,
    },
    /// It excludes another one that was filled in.
    Excess {
        form: &'static str,
        field: Slot,
    },
    /// What stands in the field is not of its type, or is more than that.
    NotReadable {
        field: Slot,
    },
    /// What stands in a field is no length of time, or no moment.
    Time(TimeError),
    /// The phrases would read the values as something else.
    ReadDifferently {
        form: &'static str,
    },
}

impl fmt::Display for CannotSay {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchForm => write!(formatter, "There is no such command."),
            Self::NoSuchField { form } => {
                write!(formatter, "`{form}` takes nothing of that name.")
            }
            Self::Missing { form, field: Slot::Images } => {
                let otherwise = if *form == Kind::Promote.id() {
                    format!(", or the environment to take them all from (`{}`)", Slot::Source)
                } else if *form == Kind::Ban.id() {
                    format!(", or the deployment that they made go back (`{}`)", Slot::Deployment)
                } else {
                    String::new()
                };
                write!(formatter, "Say which images{otherwise}.")
            }
            Self::Missing { form, field } => {
                write!(formatter, "`{form}` needs {}: fill in `{field}`.", needed(*field))
            }
            Self::Excess { field: Slot::Source, .. } => write!(
                formatter,
                "Say either which images, or the environment to take them all from: not both."
            ),
            Self::Excess { form, field } => {
                write!(formatter, "`{form}` does not take `{field}` with the others.")
            }
            Self::NotReadable { field } => {
                let wanted = match field.argument_type() {
                    ArgumentType::Images => {
                        "images such as core:1.5.0, with commas or \"and\" between them"
                    }
                    ArgumentType::Environment => "the name of one environment",
                    ArgumentType::Service => "the name of one service",
                    ArgumentType::Deployment => "one deployment's number, such as 42",
                    ArgumentType::Command => "the name of one command",
                    ArgumentType::Schedule => "the name or number of one schedule",
                    ArgumentType::Time => "a length of time, such as 10 minutes or 1h",
                    ArgumentType::Moment => "a moment, such as at 18:00 or in 2 hours",
                    ArgumentType::Switch => "true or false",
                    ArgumentType::Text => "text",
                };
                write!(formatter, "`{field}` takes {wanted}, and nothing else.")
            }
            Self::Time(error) => write!(formatter, "{error}."),
            Self::ReadDifferently { form } => write!(
                formatter,
                "Written out, this `{form}` would be read as something else: use other words."
            ),
        }
    }
}

/// What was filled in: for each argument its words; none for a switch that is on.
type Filled = BTreeMap<Slot, Vec<String>>;

impl Grammar {
    /// A form for each command, in the order of the help.
    pub fn forms(&self) -> Vec<Form> {
        self.entries.iter().map(Entry::form).collect()
    }

    /// What a field of a form is made of; `None` where there is no such field.
    pub fn field_kind(&self, form: &str, field: &str) -> Option<FieldKind> {
        let slot = self.slot(form, field)?;
        Some(kind_of(slot.argument_type()))
    }

    pub(super) fn slot(&self, form: &str, field: &str) -> Option<Slot> {
        let entry = self.entry(Kind::named(form)?)?;
        entry.kind.slots().iter().copied().find(|slot| slot.name() == field)
    }

    /// The line of chat that says what a form was filled in with: [`Grammar::parse`] reads it as
    /// exactly that command, or does not understand one of its names. What is blank counts as
    /// not filled in. In text, line breaks become blanks.
    ///
    /// # Errors
    /// [`CannotSay`], with what to fill in instead.
    pub fn line(&self, form: &str, values: &BTreeMap<String, String>) -> Result<String, CannotSay> {
        let entry = Kind::named(form).and_then(|kind| self.entry(kind));
        let entry = entry.ok_or(CannotSay::NoSuchForm)?;
        let kind = entry.kind;
        let filled = filled(kind, values)?;
        let mask = filled.keys().fold(Mask::default(), |mask, slot| mask.and(slot.mask()));
        if let Some(field) = kind.excess(mask) {
            return Err(CannotSay::Excess { form: kind.id(), field });
        }
        if let Some(field) = kind.missing(mask) {
            return Err(CannotSay::Missing { form: kind.id(), field });
        }
        let differently = CannotSay::ReadDifferently { form: kind.id() };
        // Every set of arguments that makes sense is sayable: the loader checks it.
        let way = entry.ways.iter().find(|(way, _)| way.without_words() == mask);
        let Some((_, atoms)) = way else { return Err(differently) };
        let words: Vec<String> = atoms.iter().map(|atom| say(atom, &filled)).collect();
        let line = words.join(" ");
        if self.reads(kind, &line).as_ref() == Some(&filled) { Ok(line) } else { Err(differently) }
    }

    /// The arguments that a line gives this command, word by word; `None` where no phrase of it
    /// reads the line.
    fn reads(&self, kind: Kind, line: &str) -> Option<Filled> {
        let tokens = text::tokens(line);
        let Path { steps, .. } = self.path(line, &tokens)?;
        let mut read = Filled::new();
        for (number, place) in steps {
            let position = self.automaton.position(place).filter(|place| place.kind == kind)?;
            let token = tokens.get(number)?;
            match position.label {
                Label::Keyword => {}
                Label::Switch(slot) => drop(read.entry(slot).or_default()),
                Label::Argument(slot) if slot.argument_type() == ArgumentType::Text => {
                    let text = || vec![line.get(token.start..).unwrap_or("").trim().to_owned()];
                    read.entry(slot).or_insert_with(text);
                }
                Label::Argument(slot) => {
                    read.entry(slot).or_default().push(token.word.clone().into_owned());
                }
            }
        }
        Some(read)
    }
}

impl Entry {
    fn form(&self) -> Form {
        let uses = self.kind.uses();
        let field = |slot: &Slot| Field {
            name: slot.name().to_owned(),
            summary: cut(slot.summary()),
            kind: kind_of(slot.argument_type()),
            required: uses.iter().all(|mask| mask.contains(*slot)),
        };
        let mut fields: Vec<Field> = self.kind.slots().iter().map(field).collect();
        fields.sort_by_key(|field| !field.required);
        let name = self.kind.id().to_owned();
        let summary = cut(&self.summary);
        // A team's own file may leave it blank, and a chat may insist on one.
        let summary = if summary.is_empty() { name.clone() } else { summary };
        Form { name, summary, private: self.private, fields }
    }
}

fn kind_of(argument: ArgumentType) -> FieldKind {
    match argument {
        ArgumentType::Images => FieldKind::Images,
        ArgumentType::Environment => FieldKind::Environment,
        ArgumentType::Service => FieldKind::Service,
        ArgumentType::Deployment => FieldKind::Deployment,
        ArgumentType::Command => FieldKind::Command,
        // They are told apart by nobody who types: `schedules` lists them.
        ArgumentType::Schedule => FieldKind::Text,
        // Nothing to suggest, and no type of option of its own in any chat.
        ArgumentType::Time | ArgumentType::Moment => FieldKind::Text,
        ArgumentType::Switch => FieldKind::Switch,
        ArgumentType::Text => FieldKind::Text,
    }
}

fn say(atom: &Atom, filled: &Filled) -> String {
    match atom {
        Atom::Word(word) => word.clone(),
        Atom::Argument(slot) => {
            let words = filled.get(slot).map_or(&[][..], Vec::as_slice);
            match slot.argument_type() {
                ArgumentType::Images => words.join(" and "),
                ArgumentType::Switch => slot.name().replace('-', " "),
                ArgumentType::Environment
                | ArgumentType::Service
                | ArgumentType::Deployment
                | ArgumentType::Command
                | ArgumentType::Schedule
                | ArgumentType::Time
                | ArgumentType::Moment
                | ArgumentType::Text => words.join(" "),
            }
        }
    }
}

/// The values by argument, each checked by itself.
fn filled(kind: Kind, values: &BTreeMap<String, String>) -> Result<Filled, CannotSay> {
    let mut filled = Filled::new();
    for (name, value) in values {
        let slot = kind.slots().iter().copied().find(|slot| slot.name() == name);
        let slot = slot.ok_or(CannotSay::NoSuchField { form: kind.id() })?;
        let value = one_line(value);
        if value.is_empty() {
            continue;
        }
        let not_readable = CannotSay::NotReadable { field: slot };
        let words = match slot.argument_type() {
            ArgumentType::Text => vec![value],
            ArgumentType::Images => images(&value).ok_or(not_readable)?,
            ArgumentType::Time => {
                let length = super::resolve::length(slot, &value);
                vec![spelled(length.map_err(CannotSay::Time)?)]
            }
            ArgumentType::Moment => {
                let moment = When::parse(&value).map_err(CannotSay::Time)?.to_string();
                moment.split(' ').map(str::to_owned).collect()
            }
            ArgumentType::Switch => match value.as_str() {
                "true" => Vec::new(),
                "false" => continue,
                _ => return Err(not_readable),
            },
            argument @ (ArgumentType::Environment
            | ArgumentType::Service
            | ArgumentType::Deployment
            | ArgumentType::Command
            | ArgumentType::Schedule) => vec![one_word(&value, argument).ok_or(not_readable)?],
        };
        filled.insert(slot, words);
    }
    Ok(filled)
}

/// Without line breaks of any kind, and without blanks around it.
fn one_line(value: &str) -> String {
    let breaks = ['\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}'];
    value.replace(breaks, " ").trim().to_owned()
}

/// The value, if it is one word that such an argument can be, with nothing around it.
fn one_word(value: &str, argument: ArgumentType) -> Option<String> {
    match text::tokens(value).as_slice() {
        [token] if is_plain(token, value) && argument.reads(Shape::of(&token.word)) => {
            Some(value.to_owned())
        }
        _ => None,
    }
}

/// Whether nothing had to be taken off a word: neither marks nor what cannot be seen.
fn is_plain(token: &Token<'_>, value: &str) -> bool {
    token.kind == TokenKind::Word && value.get(token.start..token.end) == Some(&*token.word)
}

/// What stands between two images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Between {
    Comma,
    /// `and` or `&`.
    And,
}

impl Between {
    pub(super) fn of(token: &Token<'_>) -> Option<Self> {
        let is_and = token.word == "&" || token.word.eq_ignore_ascii_case("and");
        match token.kind {
            TokenKind::Comma => Some(Self::Comma),
            TokenKind::Word => is_and.then_some(Self::And),
            TokenKind::Quoted | TokenKind::Ornament => None,
        }
    }
}

/// The words of a list of images: one or several, with a comma, `and`, or both in this order
/// between them.
pub(super) fn images(value: &str) -> Option<Vec<String>> {
    let mut images = Vec::new();
    // What was read last; before the first image, nothing was.
    let mut image_is_next = true;
    let mut before = None;
    for token in text::tokens(value) {
        let between = Between::of(&token);
        match between {
            None if image_is_next && is_image(&token, value) => {
                images.push(token.word.into_owned());
                image_is_next = false;
            }
            Some(_) if !image_is_next => image_is_next = true,
            Some(Between::And) if before == Some(Between::Comma) => {}
            Some(Between::And | Between::Comma) | None => return None,
        }
        before = between;
    }
    (!image_is_next).then_some(images)
}

fn is_image(token: &Token<'_>, value: &str) -> bool {
    is_plain(token, value) && ArgumentType::Images.reads(Shape::of(&token.word))
}

/// The text on one line, up to the last word that leaves it short enough, with `…` where
/// something is left out.
pub(super) fn cut(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let whole = words.join(" ");
    if length(&whole) <= LONGEST {
        return whole;
    }
    let mut short = String::new();
    for word in words {
        let blank = if short.is_empty() { "" } else { " " };
        if length(&short) + blank.len() + length(word) + 1 > LONGEST {
            break;
        }
        short.push_str(blank);
        short.push_str(word);
    }
    if short.is_empty() {
        // One word that is too long by itself.
        for sign in whole.chars() {
            if length(&short) + sign.len_utf16() + 1 > LONGEST {
                break;
            }
            short.push(sign);
        }
    }
    short.push('…');
    short
}

/// Whether a value is short enough to be filled in by itself.
pub(super) fn fits(value: &str) -> bool {
    length(value) <= LONGEST
}

fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_at_a_word() {
        assert_eq!(cut("  a\nb  "), "a b");
        let words = "word ".repeat(30);
        let short = cut(&words);
        assert!(short.ends_with(" word…") && length(&short) <= LONGEST, "{short}");
        assert_eq!(cut(&"x".repeat(101)), format!("{}…", "x".repeat(99)));
        assert_eq!(length(&cut(&"🚀".repeat(60))), 99);
        assert_eq!(cut(&"x".repeat(100)), "x".repeat(100));
    }

    #[test]
    fn images_are_listed_as_people_write_them() {
        let read = |value| images(value).map(|images| images.join(" "));
        for value in ["a:1 and b:2", "a:1, b:2", "a:1,and b:2", "a:1 & b:2", " a:1 AND b:2 "] {
            assert_eq!(read(value).as_deref(), Some("a:1 b:2"), "{value}");
        }
        for value in ["", ",", "a:1,", "and a:1", "a:1 b:2", "a:1 and, b:2", "a:1,,b:2", "a:1 to x"]
        {
            assert_eq!(read(value), None, "{value}");
        }
    }
}
