//! Requests with the verdict they must get, and what comes out when they are asked. How cases
//! are written in files is known in `case_file`.

use std::collections::BTreeSet;

use super::case_file;
use super::error::{LoadError, LoadErrors};
use super::load::Policies;
use super::source::{Place, Source, Sources};
use crate::domain::id::PolicyId;
use crate::domain::policy::{Because, Denial, Question, Requirement, Verdict};

/// One request and what must come of it.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub says: String,
    pub place: Place,
    pub question: Question,
    pub expected: Expected,
}

/// What must come of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// Allowed with exactly these requirements, and exactly these set aside. Both may be none.
    Allowed { needs: BTreeSet<PolicyId>, overridden: BTreeSet<PolicyId> },
    /// Forbidden by exactly these.
    Forbidden { by: BTreeSet<PolicyId> },
    /// Not permitted by anything; one of the nearest permits lacked this.
    NothingPermits { lacks: String },
}

/// Cases that can be run.
#[derive(Clone, Debug)]
pub struct Cases {
    cases: Vec<Case>,
}

/// How a case went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseOutcome {
    /// What the case says of itself.
    pub says: String,
    /// Where the case stands.
    pub place: Place,
    /// What came instead of the expected; `None` if the case passed.
    pub failure: Option<String>,
}

impl CaseOutcome {
    pub fn passed(&self) -> bool {
        self.failure.is_none()
    }
}

impl Cases {
    /// Reads cases out of files.
    ///
    /// # Errors
    /// All that is wrong in any of the files.
    pub fn load(sources: &[Source]) -> Result<Self, LoadErrors> {
        let mut cases = Vec::new();
        let mut errors: Vec<LoadError> = Vec::new();
        for source in sources {
            match case_file::read(source) {
                Ok(read) => cases.extend(read),
                Err(wrong) => errors.extend(wrong),
            }
        }
        match LoadErrors::of(errors) {
            Some(errors) => Err(errors),
            None => Ok(Self { cases }),
        }
    }

    /// The cases that ship with the policies.
    #[expect(
        clippy::expect_used,
        reason = "the texts are part of the program, and a test loads them"
    )]
    pub fn shipped() -> Self {
        Self::load(&Sources::shipped().cases).expect("the shipped cases load")
    }

    pub fn len(&self) -> usize {
        self.cases.len()
    }

    pub fn is_empty(&self) -> bool {
        self.cases.is_empty()
    }

    /// Asks all of them, in the order in which they were handed in.
    pub fn run(&self, policies: &Policies) -> Vec<CaseOutcome> {
        self.cases
            .iter()
            .map(|case| CaseOutcome {
                says: case.says.clone(),
                place: case.place.clone(),
                failure: failure(policies, case),
            })
            .collect()
    }
}

fn failure(policies: &Policies, case: &Case) -> Option<String> {
    let verdict = match policies.decide(&case.question) {
        Ok(verdict) => verdict,
        Err(error) => {
            // An error has causes, and nobody else prints them here.
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
            let cause = cause.unwrap_or_default();
            return Some(format!("expected {}, but {error}{cause}", expectation(&case.expected)));
        }
    };
    let met = match (&case.expected, &verdict) {
        (
            Expected::Allowed { needs, overridden },
            Verdict::Allowed { permits: _, requirements, overridden: waived },
        ) => *needs == required(requirements) && *overridden == named(waived),
        (
            Expected::Forbidden { by },
            Verdict::Refused(Denial::Forbidden { by: forbids, overridable: _ }),
        ) => *by == named(forbids),
        (
            Expected::NothingPermits { lacks },
            Verdict::Refused(Denial::NothingPermits { nearest }),
        ) => nearest.iter().any(|miss| miss.lacked == *lacks),
        (
            Expected::Allowed { .. } | Expected::Forbidden { .. } | Expected::NothingPermits { .. },
            Verdict::Allowed { .. }
            | Verdict::Refused(Denial::Forbidden { .. } | Denial::NothingPermits { .. }),
        ) => false,
    };
    (!met).then(|| {
        let (expected, came) = (expectation(&case.expected), outcome(&verdict));
        format!("expected {expected}, but it is {came}")
    })
}

fn required(requirements: &[Requirement]) -> BTreeSet<PolicyId> {
    requirements.iter().map(|requirement| requirement.policy.clone()).collect()
}

fn named(because: &[Because]) -> BTreeSet<PolicyId> {
    because.iter().map(|because| because.policy.clone()).collect()
}

fn expectation(expected: &Expected) -> String {
    match expected {
        Expected::Allowed { needs, overridden } => allowed(needs, overridden),
        Expected::Forbidden { by } => format!("refused by {}", listed(by)),
        Expected::NothingPermits { lacks } => format!("permitted by nothing, for want of {lacks}"),
    }
}

fn outcome(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Allowed { permits: _, requirements, overridden } => {
            allowed(&required(requirements), &named(overridden))
        }
        Verdict::Refused(Denial::Forbidden { by, overridable: _ }) => {
            format!("refused by {}", listed(&named(by)))
        }
        Verdict::Refused(Denial::NothingPermits { nearest }) => {
            let wants: Vec<String> = nearest
                .iter()
                .map(|miss| format!("{} (for {})", miss.lacked, miss.policy))
                .collect();
            if wants.is_empty() {
                "permitted by nothing, and no permit is about it".to_owned()
            } else {
                format!("permitted by nothing, for want of {}", wants.join(", or "))
            }
        }
    }
}

fn allowed(needs: &BTreeSet<PolicyId>, overridden: &BTreeSet<PolicyId>) -> String {
    let needs = if needs.is_empty() {
        "allowed at once".to_owned()
    } else {
        format!("allowed once {} is met", listed(needs))
    };
    if overridden.is_empty() {
        needs
    } else {
        format!("{needs}, overriding {}", listed(overridden))
    }
}

fn listed(ids: &BTreeSet<PolicyId>) -> String {
    let ids: Vec<&str> = ids.iter().map(PolicyId::as_str).collect();
    ids.join(", ")
}
