//! What may come next at the end of a line that is being typed.

use super::automaton::{Label, Place, Symbol, Test};
use super::kind::Kind;
use super::slot::ArgumentType;
use super::text::{self, TokenKind};
use super::{Grammar, Vocabulary};
use crate::domain::words_of_time;

/// One way to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// `text` takes the place of the line from this byte on, to its end.
    pub replace_from: usize,
    pub text: String,
    pub hint: Option<String>,
}

/// So many tags are offered for each repository.
const TAGS: usize = 8;

impl Grammar {
    /// Words that may stand at the end of the line: in place of its last word if the line
    /// ends in one, else after it. Arguments come before words of phrases.
    pub fn complete(&self, line: &str, vocabulary: &Vocabulary) -> Vec<Completion> {
        let mut tokens = text::tokens(line);
        let unfinished = tokens
            .last()
            .filter(|token| {
                // A lone `#` is the beginning of a number.
                matches!(token.kind, TokenKind::Word | TokenKind::Ornament)
                    && token.end == line.len()
            })
            .map(|token| (token.start, line.get(token.start..).unwrap_or("").to_owned()));
        if unfinished.is_some() {
            tokens.pop();
        }
        let (replace_from, typed) = unfinished.unwrap_or((line.len(), String::new()));
        let run = self.automaton.run(&tokens);
        if run.stopped_at.is_some() {
            return Vec::new();
        }
        let mut next: Vec<Place> = Vec::new();
        for place in self.automaton.preferred_ends(&run) {
            next.extend(self.automaton.follow(place));
        }
        next.sort_unstable();
        next.dedup();
        let is_start = run.steps.is_empty();
        let names_no_day = typed.is_empty() && tokens.last().is_none_or(|last| last.word != "on");
        let mut arguments = Vec::new();
        let mut words = Vec::new();
        for place in next {
            let Some(position) = self.automaton.position(place) else { continue };
            match position.test {
                // All the days of the week are too many where anything else may follow.
                Test::Word(symbol) if names_no_day && self.is_weekday(symbol) => {}
                Test::Word(symbol) => {
                    let hint = match position.label {
                        Label::Switch(slot) => Some(slot.description().to_owned()),
                        Label::Keyword if is_start => {
                            self.entry(position.kind).map(|entry| entry.summary.clone())
                        }
                        Label::Keyword | Label::Argument(_) => None,
                    };
                    words.push((self.automaton.words.text(symbol).to_owned(), hint));
                }
                Test::Type(ArgumentType::Images) if position.kind == Kind::Unban => {
                    let banned = vocabulary.banned.iter().cloned();
                    arguments.extend(banned.map(|name| (name, Some("banned".to_owned()))));
                }
                Test::Type(kind) => self.candidates(kind, &typed, vocabulary, &mut arguments),
                Test::Shape(_) | Test::Nothing => {}
            }
        }
        let lower = typed.to_lowercase();
        let mut found: Vec<Completion> = Vec::new();
        for (text, hint) in arguments.into_iter().chain(words) {
            let fits = text.to_lowercase().starts_with(&lower) && text != typed;
            if fits && !found.iter().any(|known| known.text == text) {
                found.push(Completion { replace_from, text, hint });
            }
        }
        found
    }

    fn is_weekday(&self, symbol: Symbol) -> bool {
        let text = self.automaton.words.text(symbol);
        words_of_time::weekday_words().any(|word| word == text)
    }

    /// What an argument of this type can be.
    fn candidates(
        &self,
        kind: ArgumentType,
        typed: &str,
        vocabulary: &Vocabulary,
        into: &mut Vec<(String, Option<String>)>,
    ) {
        match kind {
            ArgumentType::Environment => {
                let names = vocabulary.environments.iter();
                into.extend(names.map(|name| (name.to_string(), Some("environment".to_owned()))));
            }
            ArgumentType::Service => {
                let names = vocabulary.services.iter();
                into.extend(names.map(|name| (name.to_string(), Some("service".to_owned()))));
            }
            ArgumentType::Images => {
                for repository in &vocabulary.repositories {
                    let start = format!("{repository}:");
                    // The tags are offered once the repository is chosen, or is the only one.
                    let chosen = typed.starts_with(&start) || vocabulary.repositories.len() == 1;
                    if !chosen {
                        into.push((start, Some("repository".to_owned())));
                        continue;
                    }
                    let tags = vocabulary.tags.get(repository).map_or(&[][..], Vec::as_slice);
                    let images = tags.iter().map(|tag| format!("{start}{tag}"));
                    let fitting = images.filter(|image| image.starts_with(typed)).take(TAGS);
                    into.extend(fitting.map(|image| (image, Some("image".to_owned()))));
                }
            }
            ArgumentType::Deployment => {
                let sign = if typed.starts_with('#') { "#" } else { "" };
                let numbers = vocabulary.deployments.iter();
                into.extend(
                    numbers.map(|id| (format!("{sign}{id}"), Some("deployment".to_owned()))),
                );
            }
            ArgumentType::Command => {
                let ids = self.entries.iter();
                into.extend(
                    ids.map(|entry| (entry.kind.id().to_owned(), Some(entry.summary.clone()))),
                );
            }
            ArgumentType::Schedule
            | ArgumentType::Time
            | ArgumentType::Moment
            | ArgumentType::Switch
            | ArgumentType::Text => {}
        }
    }
}
