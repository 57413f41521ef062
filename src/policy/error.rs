//! What can be wrong with policies when they are loaded, and when they are asked. A refusal is
//! no error: see `domain::policy::Denial`.

use std::fmt;

use miette::Diagnostic;

use super::source::{Place, Source};
use crate::domain::id::PolicyId;

/// One thing that is wrong in a text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LoadError {
    pub place: Place,
    /// What is wrong, without a full stop.
    pub sentence: String,
    /// What would be right, where that is known.
    pub help: Option<String>,
    /// The line that the place is in.
    pub line: String,
}

impl LoadError {
    /// An error at a byte offset of a source.
    pub(super) fn at(source: &Source, offset: usize, sentence: impl Into<String>) -> Self {
        Self {
            place: Place::of(source, offset),
            sentence: sentence.into(),
            help: None,
            line: source.line_at(offset).to_owned(),
        }
    }

    pub(super) fn with_help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.place.line.to_string();
        let margin = " ".repeat(number.len());
        // Tabs stay tabs, so that the mark stands under the column however wide they are shown.
        let indent: String = self
            .line
            .chars()
            .take(self.place.column.saturating_sub(1))
            .map(|character| if character == '\t' { '\t' } else { ' ' })
            .collect();
        writeln!(formatter, "{}: {}", self.place, self.sentence)?;
        writeln!(formatter, "  {number} | {}", self.line)?;
        write!(formatter, "  {margin} | {indent}^")?;
        match &self.help {
            Some(help) => write!(formatter, "\n  {margin} = {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for LoadError {}

/// Everything that is wrong in the texts, in the order in which it stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadErrors(Vec<LoadError>);

impl LoadErrors {
    /// `None` if there are no errors.
    pub(super) fn of(mut errors: Vec<LoadError>) -> Option<Self> {
        errors.sort();
        errors.dedup();
        (!errors.is_empty()).then_some(Self(errors))
    }

    pub(super) fn one(error: LoadError) -> Self {
        Self(vec![error])
    }

    pub fn iter(&self) -> impl Iterator<Item = &LoadError> {
        self.0.iter()
    }
}

impl fmt::Display for LoadErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let gap = if index == 0 { "" } else { "\n" };
            write!(formatter, "{gap}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for LoadErrors {}

/// Why the policies could not answer. Never a permission, and never a person's lack of rights.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// Cedar skips policies that err and decides without them; so the whole answer is void.
    #[error("{}", listed(.0))]
    Evaluation(Vec<EvaluationFailure>),
    #[error("the question does not fit the schema of the policies")]
    Question(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A policy that erred.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EvaluationFailure {
    pub policy: PolicyId,
    pub sentence: String,
}

fn listed(failures: &[EvaluationFailure]) -> String {
    let told: Vec<String> = failures
        .iter()
        .map(|failure| format!("{}: {}", failure.policy, failure.sentence))
        .collect();
    told.join("; ")
}

/// Turns what Cedar found, with all that it relates to it, into errors with places.
/// `offset` is used where Cedar tells no place.
pub(super) fn from_cedar(found: &dyn Diagnostic, source: &Source, offset: usize) -> Vec<LoadError> {
    let label = found.labels().and_then(|mut labels| labels.next());
    let at = label.as_ref().map_or(offset, miette::LabeledSpan::offset);
    let error = LoadError::at(source, at, without_policy(&found.to_string()));
    let hint = found.help().map(|help| help.to_string());
    let hint = hint.or_else(|| label.and_then(|label| label.label().map(str::to_owned)));
    let mut errors = vec![match hint {
        Some(hint) => error.with_help(hint),
        None => error,
    }];
    if let Some(related) = found.related() {
        errors.extend(related.flat_map(|other| from_cedar(other, source, offset)));
    }
    errors
}

/// A sentence of Cedar's without the policy that it names: the place tells which one it is, and
/// while policies are loaded they are only numbered.
fn without_policy(sentence: &str) -> &str {
    sentence
        .strip_prefix("for policy `")
        .and_then(|rest| rest.split_once('`'))
        .and_then(|(_, rest)| rest.strip_prefix([',', ':']))
        .map_or(sentence, str::trim_start)
}
