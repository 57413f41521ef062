//! What a field of a form may be filled in with, while somebody types in it. Knows no chat; what
//! there is to choose from is handed in.

use std::collections::BTreeMap;

use crate::domain::form::Suggestion;
use crate::domain::id::{DeploymentId, Repository, Tag};

use super::form::{Between, cut, fits, images};
use super::kind::Kind;
use super::slot::{ArgumentType, Slot};
use super::text::{self, TokenKind};
use super::{Grammar, Vocabulary};

/// So many are offered: no chat shows more.
const MOST: usize = 25;

/// A form that is being filled in.
#[derive(Clone, Copy, Debug)]
pub struct Typing<'a> {
    /// The form's name.
    pub form: &'a str,
    /// The field in which somebody types.
    pub field: &'a str,
    /// What stands there so far.
    pub typed: &'a str,
    /// What stands in the other fields.
    pub filled: &'a BTreeMap<String, String>,
}

/// How well something fits what was typed: the better, the earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Whole,
    Beginning,
    Inside,
}

impl Fit {
    /// In any case of letters; `None` where it does not fit. `typed` is in lower case.
    fn of(candidate: &str, typed: &str) -> Option<Self> {
        let candidate = candidate.to_lowercase();
        if candidate == typed {
            Some(Self::Whole)
        } else if candidate.starts_with(typed) {
            Some(Self::Beginning)
        } else {
            candidate.contains(typed).then_some(Self::Inside)
        }
    }
}

impl Grammar {
    /// What fits what was typed, the best first, at most 25; no value or label is longer than
    /// 100 characters. Nothing for fields that there are not.
    pub fn suggest(&self, typing: &Typing<'_>, vocabulary: &Vocabulary) -> Vec<Suggestion> {
        let Some(slot) = self.slot(typing.form, typing.field) else { return Vec::new() };
        let typed = typing.typed.trim().to_lowercase();
        match slot.argument_type() {
            // Nothing else can be unbanned.
            ArgumentType::Images if typing.form == Kind::Unban.id() => {
                best(vocabulary.banned.iter().cloned(), &typed)
            }
            ArgumentType::Images => suggest_images(typing.typed, vocabulary),
            ArgumentType::Environment => {
                let taken = self.taken_environments(slot, typing);
                let names = vocabulary.environments.iter().map(ToString::to_string);
                best(names.filter(|name| !taken.contains(&name.as_str())), &typed)
            }
            ArgumentType::Service => {
                best(vocabulary.services.iter().map(ToString::to_string), &typed)
            }
            ArgumentType::Deployment => suggest_deployments(&typed, &vocabulary.deployments),
            ArgumentType::Command => {
                let shown = |mut suggestion: Suggestion| {
                    let named = |entry: &&super::Entry| entry.kind.id() == suggestion.value;
                    if let Some(entry) = self.entries.iter().find(named) {
                        suggestion.label = cut(&format!("{}: {}", suggestion.value, entry.summary));
                    }
                    suggestion
                };
                let ids = self.kinds.iter().map(|kind| kind.id().to_owned());
                best(ids, &typed).into_iter().map(shown).collect()
            }
            ArgumentType::Schedule
            | ArgumentType::Time
            | ArgumentType::Moment
            | ArgumentType::Switch
            | ArgumentType::Text => Vec::new(),
        }
    }

    /// The environments that other fields of the form have: no command goes from one to itself.
    fn taken_environments<'a>(&self, slot: Slot, typing: &Typing<'a>) -> Vec<&'a str> {
        let is_other = |name: &str| {
            let other = self.slot(typing.form, name).filter(|other| *other != slot);
            other.is_some_and(|other| other.argument_type() == ArgumentType::Environment)
        };
        let others = typing.filled.iter().filter(|(name, _)| is_other(name));
        others.map(|(_, value)| value.trim()).collect()
    }
}

/// Those names that fit, the best first, else in their order.
fn best(names: impl Iterator<Item = String>, typed: &str) -> Vec<Suggestion> {
    let fitting = |name: String| Fit::of(&name, typed).map(|fit| (fit, name));
    let mut fitting: Vec<(Fit, String)> =
        names.filter(|name| fits(name)).filter_map(fitting).collect();
    fitting.sort_by_key(|(fit, _)| *fit);
    let suggestion = |(_, value): (Fit, String)| Suggestion { label: value.clone(), value };
    fitting.into_iter().take(MOST).map(suggestion).collect()
}

/// Newest first.
fn suggest_deployments(typed: &str, deployments: &[DeploymentId]) -> Vec<Suggestion> {
    let mut newest = deployments.to_vec();
    newest.sort_unstable_by(|a, b| b.cmp(a));
    let typed = typed.trim_start_matches('#');
    let numbered = |mut suggestion: Suggestion| {
        suggestion.label = format!("#{}", suggestion.value);
        suggestion
    };
    let numbers = newest.into_iter().map(|id| id.to_string());
    best(numbers, typed).into_iter().map(numbered).collect()
}

/// A list of images that is being typed: those that are finished, and the one that is not.
struct Begun {
    /// As they were typed, with ` and ` between them and behind them.
    before: String,
    /// Their repositories, as far as they were named: no other image of them can follow.
    taken: Vec<String>,
    /// In lower case.
    last: String,
}

/// `None` where what is finished is no list of images.
fn begun(typed: &str) -> Option<Begun> {
    let typed = typed.trim_end();
    let tokens = text::tokens(typed);
    let mut last_from = typed.len();
    let mut before_to = typed.len();
    if let [earlier @ .., token] = tokens.as_slice() {
        let behind_image = earlier.last().is_some_and(|token| Between::of(token).is_none());
        before_to = token.start;
        match token.kind {
            // "core:1.5.0 a" is on its way to "and".
            TokenKind::Word if behind_image && is_begun_and(&token.word) => {}
            TokenKind::Word if Between::of(token).is_some() => {}
            TokenKind::Word | TokenKind::Ornament => last_from = token.start,
            TokenKind::Comma => {}
            TokenKind::Quoted => return None,
        }
    }
    // What separates the finished ones from the last is written anew.
    let finished = tokens.iter().filter(|token| token.end <= before_to);
    let end =
        finished.rev().find(|token| Between::of(token).is_none()).map_or(0, |token| token.end);
    let finished = match typed.get(..end)? {
        "" => Vec::new(),
        finished => images(finished)?,
    };
    let repository = |image: &String| {
        let name = image.split_once('@').or_else(|| image.rsplit_once(':'));
        name.map(|(name, _)| name.to_owned())
    };
    Some(Begun {
        before: finished.iter().map(|image| format!("{image} and ")).collect(),
        taken: finished.iter().filter_map(repository).collect(),
        last: typed.get(last_from..)?.to_lowercase(),
    })
}

fn is_begun_and(word: &str) -> bool {
    word == "&" || (!word.is_empty() && "and".starts_with(&word.to_lowercase()))
}

/// Repositories where none is chosen yet, then their tags, newest first.
fn suggest_images(typed: &str, vocabulary: &Vocabulary) -> Vec<Suggestion> {
    let Some(Begun { before, taken, last }) = begun(typed) else { return Vec::new() };
    let free = |repository: &&Repository| !taken.iter().any(|name| name == repository.as_str());
    let repositories: Vec<&Repository> = vocabulary.repositories.iter().filter(free).collect();
    let mut found: Vec<(Fit, usize, Suggestion)> = Vec::new();
    let mut add = |fit: Fit, age: usize, text: &str, shown: &str| {
        let (value, label) = (format!("{before}{text}"), format!("{before}{shown}"));
        if fits(&value) {
            found.push((fit, age, Suggestion { value, label: cut(&label) }));
        }
    };
    let is_choosing = vocabulary.repositories.len() > 1 && !last.contains([':', '@']);
    for repository in repositories {
        if is_choosing && let Some(fit) = Fit::of(repository.as_str(), &last) {
            // Once it is chosen, its tags follow.
            add(fit, 0, &format!("{repository}:"), &format!("{repository}:…"));
        }
        let tags = vocabulary.tags.get(repository).map_or(&[][..], Vec::as_slice);
        for (age, tag) in tags.iter().enumerate() {
            if let Some(fit) = fit_of_image(repository, tag, &last) {
                let image = format!("{repository}:{tag}");
                add(fit, age + 1, &image, &image);
            }
        }
    }
    found.sort_by_key(|(fit, age, _)| (*fit, *age));
    found.into_iter().take(MOST).map(|(_, _, suggestion)| suggestion).collect()
}

/// A tag is found by itself, and behind its repository.
fn fit_of_image(repository: &Repository, tag: &Tag, typed: &str) -> Option<Fit> {
    let whole = Fit::of(&format!("{repository}:{tag}"), typed);
    let alone = Fit::of(tag.as_str(), typed);
    whole.into_iter().chain(alone).min()
}
