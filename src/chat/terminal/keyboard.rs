//! What helps while a line is being typed: completion and hints, and word that the line is
//! about to leave the prompt. Knows nothing of commands: what can follow is asked of a
//! closure.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustyline::completion::{Completer, Pair};
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Helper};

use super::render::Style;
use super::slash::Slash;
use crate::domain::id::PersonId;

/// Something that can stand where the line ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The byte from which the line is replaced.
    pub replace_from: usize,
    pub text: String,
    /// A few words that tell it from the others; may be empty.
    pub hint: String,
}

/// What can follow a line, given up to the cursor.
pub type Complete = Arc<dyn Fn(&str) -> Vec<Candidate> + Send + Sync>;

/// Counts what is printed by others than the one who draws the cards.
#[derive(Clone, Debug, Default)]
pub struct Disturbances(Arc<AtomicU64>);

impl Disturbances {
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    pub fn count(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

pub struct Keyboard {
    pub style: Style,
    pub people: Vec<PersonId>,
    pub complete: Complete,
    pub disturbances: Disturbances,
}

impl Keyboard {
    fn candidates(&self, line: &str) -> Vec<Candidate> {
        let candidates = if line.starts_with('/') {
            Slash::complete(line, &self.people)
        } else {
            (self.complete)(line)
        };
        // A place that is not in the line cannot be replaced.
        let fits = |candidate: &Candidate| line.is_char_boundary(candidate.replace_from);
        candidates.into_iter().filter(fits).collect()
    }
}

/// What the line would get if the first candidate that only adds to it were taken.
fn rest_of_first(line: &str, candidates: &[Candidate]) -> Option<String> {
    let rest = |candidate: &Candidate| {
        let rest = candidate.text.strip_prefix(&line[candidate.replace_from..])?;
        (!rest.is_empty()).then(|| rest.to_owned())
    };
    candidates.iter().find_map(rest)
}

/// Candidates as replacements of the same part of the line, which is what the editor takes.
fn same_start(line: &str, candidates: &[Candidate]) -> (usize, Vec<Pair>) {
    let start = candidates.iter().map(|one| one.replace_from).min().unwrap_or(line.len());
    let pair = |one: &Candidate| {
        let separator = if one.hint.is_empty() { "" } else { " — " };
        Pair {
            display: format!("{}{separator}{}", one.text, one.hint),
            replacement: format!("{}{}", &line[start..one.replace_from], one.text),
        }
    };
    (start, candidates.iter().map(pair).collect())
}

impl Helper for Keyboard {}

impl Completer for Keyboard {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let line = &line[..position];
        let candidates = self.candidates(line);
        if candidates.len() > 1 {
            // They are listed below the prompt, which then moves down.
            self.disturbances.add();
        }
        Ok(same_start(line, &candidates))
    }
}

impl Hinter for Keyboard {
    type Hint = String;

    fn hint(&self, line: &str, position: usize, _: &Context<'_>) -> Option<String> {
        // Without a colour of its own, a hint would look like what has been typed.
        if line.is_empty() || position < line.len() || self.style == Style::Plain {
            return None;
        }
        rest_of_first(line, &self.candidates(line))
    }
}

impl Highlighter for Keyboard {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        match self.style {
            Style::Plain => Cow::Borrowed(prompt),
            Style::Ansi => Cow::Owned(format!("\u{1b}[1m{prompt}\u{1b}[0m")),
        }
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        match self.style {
            Style::Plain => Cow::Borrowed(hint),
            Style::Ansi => Cow::Owned(format!("\u{1b}[2m{hint}\u{1b}[0m")),
        }
    }
}

impl Validator for Keyboard {
    /// Asked when Enter is pressed, before the prompt moves on: the last moment to say that
    /// the cards above it will no longer be the last thing on the screen.
    fn validate(&self, _: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        self.disturbances.add();
        Ok(ValidationResult::Valid(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(replace_from: usize, text: &str, hint: &str) -> Candidate {
        Candidate { replace_from, text: text.to_owned(), hint: hint.to_owned() }
    }

    #[test]
    fn the_hint_is_what_the_first_fitting_candidate_adds() {
        let candidates = [candidate(8, "web", ""), candidate(8, "core:1.5.0", "newest")];
        assert_eq!(rest_of_first("promote co", &candidates).as_deref(), Some("re:1.5.0"));
        assert_eq!(rest_of_first("promote core:1.5.0", &candidates), None);
    }

    #[test]
    fn candidates_that_replace_different_parts_are_brought_to_one_start() {
        let candidates = [candidate(8, "core", "image"), candidate(0, "promotion", "")];
        let (start, pairs) = same_start("promote c", &candidates);
        let pairs: Vec<_> = pairs.iter().map(|p| (&*p.display, &*p.replacement)).collect();
        assert_eq!(start, 0);
        assert_eq!(pairs, [("core — image", "promote core"), ("promotion", "promotion")]);
    }

    #[test]
    fn a_candidate_outside_the_line_is_left_out() {
        let complete: Complete = Arc::new(|_| vec![candidate(99, "x", ""), candidate(1, "y", "")]);
        let (style, people) = (Style::Plain, Vec::new());
        let keyboard = Keyboard { style, people, complete, disturbances: Disturbances::default() };
        assert!(keyboard.candidates("é").is_empty());
    }

    #[test]
    fn slash_lines_complete_names_people_and_reactions() {
        let people: Vec<PersonId> = vec!["alice".into(), "bob".into()];
        let texts = |line: &str| -> Vec<_> {
            Slash::complete(line, &people).into_iter().map(|one| one.text).collect()
        };
        assert_eq!(texts("/re"), ["/react"]);
        assert_eq!(texts("/as "), ["alice", "bob"]);
        assert_eq!(texts("/as b"), ["bob"]);
        assert_eq!(texts("/react "), ["yes", "no", "stop"]);
        assert_eq!(texts("/react yes "), Vec::<String>::new());
    }
}
