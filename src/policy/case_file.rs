//! How cases are written: TOML, read strictly, with the place of whatever is wrong. How cases
//! are run is not known here.

use std::collections::BTreeSet;
use std::ops::Range;

use jiff::civil::Weekday;
use serde::Deserialize;
use toml::Spanned;

use super::cases::{Case, Expected};
use super::error::LoadError;
use super::source::{Place, Source};
use crate::domain::id::{EnvironmentName, PersonId, PolicyId, Role, WindowName};
use crate::domain::policy::{Action, Facts, Person, Question, Verified};
use crate::domain::words_of_time::{Day, When};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    case: Vec<Spanned<Written>>,
}

/// A case as it is written. What is left out is as `Facts::about` says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Written {
    says: Spanned<String>,
    person: String,
    #[serde(default)]
    roles: Vec<String>,
    action: Spanned<String>,
    environment: String,
    /// Who asked for what is voted on or cancelled; the person if left out.
    requester: Option<String>,
    /// `friday 16:30`
    at: Option<Spanned<String>>,
    /// The environment in which the images were verified.
    verified: Option<String>,
    /// The environment in which they should have been, and were not.
    unverified: Option<Spanned<String>>,
    critical: Option<u32>,
    /// `false`: an image was never scanned.
    scanned: Option<Spanned<bool>>,
    locked_by: Option<String>,
    /// The freeze of the calendar that closes the environment, or `true`.
    frozen: Option<Said>,
    #[serde(default)]
    held: bool,
    #[serde(default)]
    automated: bool,
    #[serde(default)]
    break_glass: bool,
    /// The reason given, or `true`.
    because: Option<Said>,
    expect: Spanned<Expectation>,
    /// The requirements, for `needs`.
    needs: Option<Spanned<Vec<String>>>,
    /// What forbade it, for `refuse`; what was overridden, for `allow` and `needs`.
    by: Option<Spanned<Vec<String>>>,
    /// What the nearest permit lacked, for `refuse` where nothing permits.
    lacks: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Said {
    Given(bool),
    Text(String),
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Expectation {
    Allow,
    Needs,
    Refuse,
}

/// Reads a file of cases.
///
/// # Errors
/// All that is wrong in it, or the first thing that is not TOML.
pub(super) fn read(source: &Source) -> Result<Vec<Case>, Vec<LoadError>> {
    let file: File = toml::from_str(&source.text).map_err(|error: toml::de::Error| {
        let at = error.span().map_or(0, |span| span.start);
        vec![LoadError::at(source, at, error.message())]
    })?;
    let mut reader = Reader { source, errors: Vec::new() };
    let cases: Vec<Case> =
        file.case.into_iter().filter_map(|written| reader.case(written)).collect();
    if reader.errors.is_empty() { Ok(cases) } else { Err(reader.errors) }
}

struct Reader<'a> {
    source: &'a Source,
    errors: Vec<LoadError>,
}

impl Reader<'_> {
    fn wrong(&mut self, at: &Range<usize>, sentence: impl Into<String>, help: impl Into<String>) {
        self.errors.push(LoadError::at(self.source, at.start, sentence).with_help(help));
    }

    fn case(&mut self, written: Spanned<Written>) -> Option<Case> {
        let place = Place::of(self.source, written.span().start);
        let written = written.into_inner();
        if written.says.get_ref().trim().is_empty() {
            self.wrong(&written.says.span(), "this case says nothing", "say what it shows");
        }
        let action = self.action(&written.action);
        let expected = self.expected(&written);
        let facts = self.facts(&written);
        let person = Person {
            id: PersonId::new(written.person),
            roles: written.roles.into_iter().map(Role::new).collect(),
        };
        let environment = EnvironmentName::new(written.environment);
        Some(Case {
            says: written.says.into_inner(),
            place,
            question: Question { person, action: action?, environment, facts: facts? },
            expected: expected?,
        })
    }

    fn action(&mut self, name: &Spanned<String>) -> Option<Action> {
        let action = Action::ALL.into_iter().find(|action| action.name() == name.get_ref());
        if action.is_none() {
            let known = Action::ALL.map(Action::name).join(", ");
            let sentence = format!("{:?} is not an action", name.get_ref());
            self.wrong(&name.span(), sentence, format!("actions are {known}"));
        }
        action
    }

    fn facts(&mut self, written: &Written) -> Option<Facts> {
        let requester = written.requester.as_ref().unwrap_or(&written.person);
        let usual = Facts::about(PersonId::new(requester.as_str()));
        let (weekday, minute) = match &written.at {
            Some(at) => self.time(at)?,
            None => (usual.weekday, usual.minute),
        };
        let verified = match (&written.verified, &written.unverified) {
            (Some(environment), None) => Some((environment, true)),
            (None, Some(environment)) => Some((environment.get_ref(), false)),
            (None, None) => None,
            (Some(_), Some(unverified)) => {
                let at = unverified.span();
                self.wrong(&at, "verified and unverified exclude each other", "keep one of them");
                return None;
            }
        };
        let verified = verified
            .map(|(name, yes)| Verified { environment: EnvironmentName::new(name.as_str()), yes });
        let critical_findings = match (&written.scanned, written.critical) {
            (Some(scanned), Some(_)) if !scanned.get_ref() => {
                let help = "what was never scanned has no number of findings";
                self.wrong(&scanned.span(), "scanned and critical exclude each other", help);
                return None;
            }
            (Some(scanned), None) if !scanned.get_ref() => None,
            (Some(_) | None, Some(findings)) => Some(findings),
            (Some(_) | None, None) => usual.critical_findings,
        };
        let reason_given = match &written.because {
            Some(Said::Given(given)) => *given,
            Some(Said::Text(text)) => !text.trim().is_empty(),
            None => false,
        };
        let frozen = match &written.frozen {
            Some(Said::Text(name)) => Some(BTreeSet::from([WindowName::new(name.as_str())])),
            Some(Said::Given(true)) => Some(BTreeSet::new()),
            Some(Said::Given(false)) | None => None,
        };
        Some(Facts {
            requester: usual.requester,
            verified,
            weekday,
            minute,
            critical_findings,
            locked_by: written.locked_by.as_deref().map(PersonId::new),
            frozen,
            held: written.held,
            reason_given,
            break_glass: written.break_glass,
            automated: written.automated,
        })
    }

    fn time(&mut self, written: &Spanned<String>) -> Option<(Weekday, u16)> {
        let sentence = match When::parse(written.get_ref()) {
            Ok(When::At { day: Day::On(weekday), time }) if time.second() == 0 => {
                let minutes = u16::from(time.hour().unsigned_abs()) * 60
                    + u16::from(time.minute().unsigned_abs());
                return Some((weekday, minutes));
            }
            Ok(When::At { .. } | When::In(_)) => {
                format!("{:?} names no day of the week with a time of day", written.get_ref())
            }
            Err(error) => error.to_string(),
        };
        self.wrong(&written.span(), sentence, "write it as \"friday 16:30\"");
        None
    }

    fn expected(&mut self, written: &Written) -> Option<Expected> {
        let Written { expect, needs, by, lacks, .. } = written;
        let ids = |names: &Option<Spanned<Vec<String>>>| -> BTreeSet<PolicyId> {
            let names = names.iter().flat_map(Spanned::get_ref);
            names.map(|name| PolicyId::new(name.as_str())).collect()
        };
        let before = self.errors.len();
        let expected = match expect.get_ref() {
            Expectation::Allow => {
                self.no_place(needs, "needs", "write expect = \"needs\"");
                self.no_place(lacks, "lacks", "it belongs to expect = \"refuse\"");
                Expected::Allowed { needs: BTreeSet::new(), overridden: ids(by) }
            }
            Expectation::Needs => {
                self.no_place(lacks, "lacks", "it belongs to expect = \"refuse\"");
                if ids(needs).is_empty() {
                    let help = "name the requirements: needs = [\"production-needs-two\"]";
                    self.wrong(&expect.span(), "this case names no needs", help);
                }
                Expected::Allowed { needs: ids(needs), overridden: ids(by) }
            }
            Expectation::Refuse => {
                self.no_place(needs, "needs", "what is refused needs nothing");
                match (ids(by), lacks) {
                    (by, None) if !by.is_empty() => Expected::Forbidden { by },
                    (by, Some(lacks)) if by.is_empty() => {
                        Expected::NothingPermits { lacks: lacks.get_ref().clone() }
                    }
                    (_, Some(_) | None) => {
                        let help = "say what forbids it, by = [\"four-eyes\"], or where nothing \
                                    permits it, lacks = \"the role developer\"";
                        self.wrong(&expect.span(), "a refusal has either by or lacks", help);
                        return None;
                    }
                }
            }
        };
        (self.errors.len() == before).then_some(expected)
    }

    /// Refuses a key that means nothing with this expectation.
    fn no_place<T>(&mut self, key: &Option<Spanned<T>>, name: &str, help: &str) {
        if let Some(written) = key {
            let sentence = format!("{name} has no place in this case");
            self.wrong(&written.span(), sentence, help);
        }
    }
}
