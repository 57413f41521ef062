//! From files to a grammar, with everything that is wrong with them told at once.

use std::fmt;

use super::automaton::Automaton;
use super::builder::Builder;
use super::collision;
use super::file::{self, CommandFile, Parsed, Placed, Role, Spot};
use super::kind::Kind;
use super::phrase::{Node, PhraseProblem, Way};
use super::text;
use super::{Entry, Grammar};

/// All that is wrong, in the order of files and lines.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct LoadErrors(pub Vec<LoadError>);

/// One thing that is wrong, and where. Lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LoadError {
    pub file: String,
    pub line: usize,
    pub column: usize,
    /// A sentence: see [`LoadProblem`].
    pub message: String,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum LoadProblem {
    #[error("{0}")]
    Toml(String),
    #[error("`{0}` is missing")]
    Absent(&'static str),
    #[error("a file has either `id` or `extends`")]
    IdAndExtends,
    #[error("a file with `extends` adds phrases only; `{0}` belongs in the command's own file")]
    OnlyPhrases(&'static str),
    #[error("there is no command `{0}` in this program; there are {known}", known = commands())]
    UnknownCommand(String),
    #[error("there is no action `{0}`; there are {known}", known = actions())]
    UnknownAction(String),
    #[error("`{id}` is described by {other} already; to add phrases, use `extends`")]
    Twice { id: &'static str, other: String },
    #[error("`{0}` is extended here and described nowhere")]
    NothingToExtend(&'static str),
    #[error("{0}")]
    Phrase(PhraseProblem),
    #[error("no phrase says `{id}` with {arguments}")]
    Unsayable { id: &'static str, arguments: String },
    #[error("no phrase of this command reads the example `{0}`")]
    Example(String),
    #[error(
        "`{sample}` can be read in two ways: by `{one}` here and by `{other}` ({command}, {place})"
    )]
    Collision { sample: String, one: String, other: String, command: &'static str, place: String },
    #[error("the phrases are too many for one grammar")]
    TooLarge,
}

fn commands() -> String {
    Kind::ALL.map(Kind::id).join(", ")
}

fn actions() -> String {
    crate::domain::policy::Action::ALL.map(crate::domain::policy::Action::name).join(", ")
}

impl LoadError {
    pub(super) fn new(spot: Spot, problem: LoadProblem) -> Self {
        let Spot { file, line, column } = spot;
        Self { file, line, column, message: problem.to_string() }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)
    }
}

impl fmt::Display for LoadErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errors: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        formatter.write_str(&errors.join("\n"))
    }
}

/// A phrase of the whole grammar; its index is the phrase's number.
struct Numbered {
    kind: Kind,
    phrase: Placed<Node>,
}

pub(super) fn load(files: &[CommandFile]) -> Result<Grammar, LoadErrors> {
    let mut errors = Vec::new();
    let parsed: Vec<Parsed> =
        files.iter().filter_map(|file| file::parse(file, &mut errors)).collect();
    let (mut entries, numbered) = entries(parsed, errors.is_empty(), &mut errors);
    let mut builder = Builder::new();
    for (number, Numbered { kind, phrase }) in numbered.iter().enumerate() {
        builder.add(*kind, number, &phrase.value);
    }
    let automaton = builder.finish().map_err(|_| {
        let spot = Spot { file: "commands".to_owned(), line: 1, column: 1 };
        LoadErrors(vec![LoadError::new(spot, LoadProblem::TooLarge)])
    })?;
    errors.extend(collisions(&automaton, &numbered));
    if errors.is_empty() {
        for entry in &entries {
            errors.extend(examples(&automaton, entry));
        }
    }
    if !errors.is_empty() {
        errors.sort();
        errors.dedup();
        return Err(LoadErrors(errors));
    }
    entries.sort_by_key(|entry| entry.kind);
    Ok(Grammar::assemble(automaton, entries))
}

/// The commands with their phrases checked, and all phrases in order.
fn entries(
    parsed: Vec<Parsed>,
    all_read: bool,
    errors: &mut Vec<LoadError>,
) -> (Vec<Entry>, Vec<Numbered>) {
    let mut entries: Vec<Entry> = Vec::new();
    let mut numbered = Vec::new();
    let (described, extending): (Vec<Parsed>, Vec<Parsed>) =
        parsed.into_iter().partition(|file| matches!(file.role, Role::Describes { .. }));
    for Parsed { kind, spot, role, phrases } in described.into_iter().chain(extending) {
        let known = entries.iter().position(|entry| entry.kind == kind);
        let at = match (role, known) {
            (Role::Describes { action, summary, private, endings, examples }, None) => {
                entries.push(Entry {
                    kind,
                    spot,
                    action,
                    summary,
                    private,
                    phrases: Vec::new(),
                    endings,
                    examples,
                    ways: Vec::new(),
                    first: 0,
                });
                entries.len() - 1
            }
            (Role::Describes { .. }, Some(at)) => {
                let other =
                    entries.get(at).map(|entry| entry.spot.file.clone()).unwrap_or_default();
                let problem = LoadProblem::Twice { id: kind.id(), other };
                errors.push(LoadError::new(spot, problem));
                continue;
            }
            (Role::Extends, Some(at)) => at,
            (Role::Extends, None) => {
                // A file that could not be read may have described it.
                if all_read {
                    errors.push(LoadError::new(spot, LoadProblem::NothingToExtend(kind.id())));
                }
                continue;
            }
        };
        let Some(entry) = entries.get_mut(at) else { continue };
        for phrase in phrases {
            add_phrase(entry, phrase, &mut numbered, errors);
        }
    }
    if errors.is_empty() {
        for entry in &entries {
            let unsayable = entry
                .kind
                .uses()
                .into_iter()
                .find(|mask| !entry.ways.iter().any(|(way, _)| way.without_words() == *mask));
            if let Some(mask) = unsayable {
                let mut names: Vec<&str> = mask.slots().map(|slot| slot.name()).collect();
                if names.is_empty() {
                    names.push("no argument");
                }
                let arguments = names.join(" and ");
                let problem = LoadProblem::Unsayable { id: entry.kind.id(), arguments };
                errors.push(LoadError::new(entry.spot.clone(), problem));
            }
        }
    }
    (entries, numbered)
}

fn add_phrase(
    entry: &mut Entry,
    phrase: Placed<Node>,
    numbered: &mut Vec<Numbered>,
    errors: &mut Vec<LoadError>,
) {
    let Placed { spot, text, value } = phrase;
    let endings: Vec<Node> = entry.endings.iter().map(|ending| ending.value.clone()).collect();
    let checked = value.with_endings(&endings).and_then(|node| {
        let ways: Vec<Way> = file::check(entry.kind, &node)?;
        Ok((node, ways))
    });
    match checked {
        Ok((value, ways)) => {
            for way in ways {
                if !entry.ways.iter().any(|(mask, _)| *mask == way.0) {
                    entry.ways.push(way);
                }
            }
            if entry.phrases.is_empty() {
                entry.first = entry.ways.len();
            }
            entry.phrases.push(text.clone());
            numbered.push(Numbered { kind: entry.kind, phrase: Placed { spot, text, value } });
        }
        Err(problem) => errors.push(LoadError::new(spot, LoadProblem::Phrase(problem))),
    }
}

fn collisions(automaton: &Automaton, numbered: &[Numbered]) -> Vec<LoadError> {
    let error = |collision: collision::Collision| {
        // The later phrase is told about: it is the one that was added to what worked.
        let other = numbered.get(collision.phrases.0)?;
        let one = numbered.get(collision.phrases.1)?;
        let Spot { file, line, column: _ } = &other.phrase.spot;
        let problem = LoadProblem::Collision {
            sample: collision.sample,
            one: one.phrase.text.clone(),
            other: other.phrase.text.clone(),
            command: other.kind.id(),
            place: format!("{file}:{line}"),
        };
        Some(LoadError::new(one.phrase.spot.clone(), problem))
    };
    collision::find(automaton).into_iter().filter_map(error).collect()
}

/// Examples that their own command does not read.
fn examples(automaton: &Automaton, entry: &Entry) -> Vec<LoadError> {
    let reads = |example: &str| {
        let tokens = text::tokens(example);
        let path = automaton.path(&automaton.run(&tokens));
        let last = path.and_then(|path| path.last().copied());
        let kind = last.and_then(|place| automaton.position(place)).map(|position| position.kind);
        kind == Some(entry.kind)
    };
    let wrong = entry.examples.iter().filter(|example| !reads(&example.text));
    wrong
        .map(|example| {
            LoadError::new(example.spot.clone(), LoadProblem::Example(example.text.clone()))
        })
        .collect()
}
