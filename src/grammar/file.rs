//! One file of commands/: TOML text to checked values with their places, and which files make
//! up a grammar. Collisions between files are not known here.

use serde::Deserialize;
use toml::Spanned;

use crate::domain::policy::Action;

use super::kind::Kind;
use super::load::{LoadError, LoadProblem};
use super::phrase::{self, Node, PhraseError, PhraseProblem, Way};
use super::slot::Mask;

/// A file by its name, `promote.toml`, and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandFile {
    pub name: String,
    pub text: String,
}

/// The shipped files with a team's own: a file of the same name or for the same `id` takes the
/// place of the shipped one; all others are added.
pub fn combine(shipped: Vec<CommandFile>, own: Vec<CommandFile>) -> Vec<CommandFile> {
    #[derive(Deserialize)]
    struct OnlyId {
        id: Option<String>,
    }
    // A file that cannot be read is told about when it is loaded.
    let id =
        |file: &CommandFile| toml::from_str::<OnlyId>(&file.text).ok().and_then(|only| only.id);
    let own_ids: Vec<String> = own.iter().filter_map(id).collect();
    let replaced = |file: &CommandFile| {
        own.iter().any(|other| other.name == file.name)
            || id(file).is_some_and(|id| own_ids.contains(&id))
    };
    let mut files: Vec<CommandFile> = shipped.into_iter().filter(|file| !replaced(file)).collect();
    files.extend(own);
    files
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    id: Option<Spanned<String>>,
    extends: Option<Spanned<String>>,
    action: Option<Spanned<String>>,
    summary: Option<Spanned<String>>,
    private: Option<Spanned<bool>>,
    phrases: Option<Vec<Spanned<String>>>,
    endings: Option<Vec<Spanned<String>>>,
    examples: Option<Vec<Spanned<String>>>,
}

/// A place in a file, both counted from 1, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    pub file: String,
    pub line: usize,
    pub column: usize,
}

/// A phrase or example, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Placed<T> {
    pub spot: Spot,
    pub text: String,
    pub value: T,
}

/// What a file says.
#[derive(Clone, Debug)]
pub(super) struct Parsed {
    pub kind: Kind,
    pub spot: Spot,
    pub role: Role,
    pub phrases: Vec<Placed<Node>>,
}

/// Whether a file describes a command or only adds phrases to it.
#[derive(Clone, Debug)]
pub(super) enum Role {
    Describes {
        action: Action,
        summary: String,
        private: bool,
        endings: Vec<Placed<Node>>,
        examples: Vec<Placed<()>>,
    },
    Extends,
}

/// Reads one file; all that is wrong goes to `errors`.
pub(super) fn parse(file: &CommandFile, errors: &mut Vec<LoadError>) -> Option<Parsed> {
    let places = Places { file };
    let raw: Raw = match toml::from_str(&file.text) {
        Ok(raw) => raw,
        Err(error) => {
            let offset = error.span().map_or(0, |span| span.start);
            let problem = LoadProblem::Toml(error.message().trim().to_owned());
            errors.push(places.error(offset, problem));
            return None;
        }
    };
    let mut complain = |offset: usize, problem: LoadProblem| {
        errors.push(places.error(offset, problem));
    };
    let id = match (&raw.id, &raw.extends) {
        (Some(id), None) | (None, Some(id)) => id,
        (Some(_), Some(extends)) => {
            complain(extends.span().start, LoadProblem::IdAndExtends);
            return None;
        }
        (None, None) => {
            complain(0, LoadProblem::Absent("id"));
            return None;
        }
    };
    let at_id = id.span().start;
    let Some(kind) = Kind::named(id.get_ref()) else {
        complain(at_id, LoadProblem::UnknownCommand(id.get_ref().clone()));
        return None;
    };
    let mut nodes = |texts: Option<Vec<Spanned<String>>>| -> Vec<Placed<Node>> {
        let mut placed = Vec::new();
        for text in texts.unwrap_or_default() {
            let spot = places.spot(text.span().start);
            match phrase::parse(text.get_ref()) {
                Ok(value) => placed.push(Placed { spot, text: text.into_inner(), value }),
                Err(PhraseError { offset, problem }) => {
                    errors.push(
                        places.error(places.inside(&text, offset), LoadProblem::Phrase(problem)),
                    );
                }
            }
        }
        placed
    };
    let had_phrases = raw.phrases.as_ref().is_some_and(|phrases| !phrases.is_empty());
    let phrases = nodes(raw.phrases);
    let endings = nodes(raw.endings.clone());
    let spot = places.spot(at_id);
    if !had_phrases {
        errors.push(places.error(at_id, LoadProblem::Absent("phrases")));
    }
    let mut required = |present: bool, key: &'static str| {
        if !present {
            errors.push(places.error(at_id, LoadProblem::Absent(key)));
        }
    };
    if raw.extends.is_some() {
        let excess = [
            ("action", raw.action.map(|value| value.span().start)),
            ("summary", raw.summary.map(|value| value.span().start)),
            ("private", raw.private.map(|value| value.span().start)),
            ("endings", raw.endings.and_then(|all| all.first().map(|value| value.span().start))),
            ("examples", raw.examples.and_then(|all| all.first().map(|value| value.span().start))),
        ];
        for (key, offset) in excess {
            if let Some(offset) = offset {
                errors.push(places.error(offset, LoadProblem::OnlyPhrases(key)));
            }
        }
        return Some(Parsed { kind, spot, role: Role::Extends, phrases });
    }
    required(raw.action.is_some(), "action");
    required(raw.summary.is_some(), "summary");
    required(raw.examples.as_ref().is_some_and(|all| !all.is_empty()), "examples");
    let named = |text: &Spanned<String>| {
        Action::ALL.into_iter().find(|action| action.name() == text.get_ref())
    };
    let action = raw.action.as_ref().and_then(named);
    if let (Some(text), None) = (&raw.action, action) {
        let problem = LoadProblem::UnknownAction(text.get_ref().clone());
        errors.push(places.error(text.span().start, problem));
    }
    let examples = raw.examples.unwrap_or_default().into_iter().map(|text| Placed {
        spot: places.spot(text.span().start),
        text: text.into_inner(),
        value: (),
    });
    let role = Role::Describes {
        action: action?,
        summary: raw.summary?.into_inner(),
        private: raw.private.is_some_and(Spanned::into_inner),
        endings,
        examples: examples.collect(),
    };
    Some(Parsed { kind, spot, role, phrases })
}

/// Whether each reading of a phrase makes a whole command; returns its ways to be said.
pub(super) fn check(kind: Kind, node: &Node) -> Result<Vec<Way>, PhraseProblem> {
    let ways = node.ways()?;
    for (mask, atoms) in &ways {
        let slots: Mask = mask.without_words();
        if let Some(slot) = kind.excess(slots) {
            return Err(if kind.slots().contains(&slot) {
                PhraseProblem::Excluded(slot)
            } else {
                PhraseProblem::Unusable(slot)
            });
        }
        if let Some(slot) = kind.missing(slots) {
            return Err(PhraseProblem::Missing(slot));
        }
        if !mask.has_words() || atoms.is_empty() {
            return Err(PhraseProblem::Wordless);
        }
    }
    silent_switch(kind, node)?;
    Ok(ways)
}

/// Words that look like a switch and are none would be read and do nothing, which would turn
/// "dry run" into the real thing.
fn silent_switch(kind: Kind, node: &Node) -> Result<(), PhraseProblem> {
    let is_switch = |words: &str| {
        let argument = super::slot::ArgumentType::Switch;
        let mut slots = kind.slots().iter().filter(|slot| slot.argument_type() == argument);
        slots.find(|slot| slot.name() == words).copied()
    };
    let found = match node {
        Node::Word(word) => is_switch(word),
        Node::Argument(_) | Node::Endings => None,
        Node::Sequence(parts) => {
            parts.iter().try_for_each(|part| silent_switch(kind, part))?;
            let pairs = parts.windows(2).filter_map(|pair| match pair {
                [Node::Word(first), Node::Word(second)] => Some(format!("{first}-{second}")),
                _ => None,
            });
            pairs.into_iter().find_map(|words| is_switch(&words))
        }
        Node::Choice(parts) => {
            parts.iter().try_for_each(|part| silent_switch(kind, part))?;
            None
        }
        Node::Optional(part) | Node::Repeat(part) => {
            silent_switch(kind, part)?;
            None
        }
    };
    found.map_or(Ok(()), |slot| Err(PhraseProblem::LooksLikeSwitch(slot)))
}

struct Places<'a> {
    file: &'a CommandFile,
}

impl Places<'_> {
    fn spot(&self, offset: usize) -> Spot {
        let before = self.file.text.get(..offset).unwrap_or("");
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        Spot { file: self.file.name.clone(), line, column }
    }

    fn error(&self, offset: usize, problem: LoadProblem) -> LoadError {
        LoadError::new(self.spot(offset), problem)
    }

    /// The offset in the file of an offset in a string, exact where the string is written
    /// without escapes, else its beginning.
    fn inside(&self, text: &Spanned<String>, offset: usize) -> usize {
        let start = text.span().start;
        let written = self.file.text.get(start + 1..).unwrap_or("");
        if written.starts_with(text.get_ref().as_str()) { start + 1 + offset } else { start }
    }
}
