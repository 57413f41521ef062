//! A question to a verdict. Default deny; an error in any policy is an error of the whole
//! answer. How texts become policies is not known here.

use cedar_policy::Authorizer;

use super::error::{EvaluationFailure, PolicyError};
use super::load::{Demand, Forbid, Permit, Policies, Rules};
use super::nearest::nearest;
use super::request::{self, Asked};
use crate::domain::id::PolicyId;
use crate::domain::policy::{Action, Denial, Question, Verdict};

/// The policies that apply to a question, by kind, each in the order of the ids.
struct Applying<'a> {
    permits: Vec<&'a Permit>,
    forbids: Vec<&'a Forbid>,
    demands: Vec<&'a Demand>,
}

impl Policies {
    /// Decides a question.
    ///
    /// # Errors
    /// [`PolicyError`] if any policy errs, also one that does not matter for the answer: what
    /// it would have said is not known.
    pub fn decide(&self, question: &Question) -> Result<Verdict, PolicyError> {
        Ok(match self.answer(question)? {
            Some(verdict) => verdict,
            None => Verdict::Refused(Denial::NothingPermits { nearest: nearest(self, question) }),
        })
    }

    /// The same decision for who only wants to know yes or no: what was lacked, which takes
    /// longer to find than all else, is not looked for.
    ///
    /// # Errors
    /// As [`Policies::decide`].
    pub fn allows(&self, question: &Question) -> Result<bool, PolicyError> {
        Ok(match self.answer(question)? {
            Some(Verdict::Allowed { .. }) => true,
            Some(Verdict::Refused(_)) | None => false,
        })
    }

    /// The decision; `None` where nothing permits it.
    fn answer(&self, question: &Question) -> Result<Option<Verdict>, PolicyError> {
        let Applying { permits, forbids, demands } = self.applying(question)?;
        let something_yields = forbids.iter().any(|forbid| forbid.yields)
            || demands.iter().any(|demand| demand.yields);
        let broken = something_yields && self.glass_is_broken(question)?;

        let (yielding, standing): (Vec<_>, Vec<_>) =
            forbids.into_iter().partition(|forbid| broken && forbid.yields);
        let overridable = standing.iter().all(|forbid| forbid.yields);
        // Who has no right to it is told so, and not that it would be forbidden just now too:
        // waiting or breaking the glass would not help them. A forbid that nothing sets aside
        // is told to everybody.
        let not_theirs_anyway = overridable && permits.is_empty();
        if !standing.is_empty() && !not_theirs_anyway {
            let by = standing.into_iter().map(|forbid| forbid.because.clone()).collect();
            return Ok(Some(Verdict::Refused(Denial::Forbidden { by, overridable })));
        }
        if permits.is_empty() {
            return Ok(None);
        }

        let (waived, required): (Vec<_>, Vec<_>) =
            demands.into_iter().partition(|demand| broken && demand.yields);
        let overridden = yielding
            .into_iter()
            .map(|forbid| forbid.because.clone())
            .chain(waived.into_iter().map(Demand::because))
            .collect();
        Ok(Some(Verdict::Allowed {
            permits: permits.into_iter().map(|permit| permit.id.clone()).collect(),
            requirements: required.into_iter().map(|demand| demand.requirement.clone()).collect(),
            overridden,
        }))
    }

    /// Whether the person asked to break the glass, gave a reason, and may do it here. That
    /// must be permitted outright: nobody is asked for votes on it.
    fn glass_is_broken(&self, question: &Question) -> Result<bool, PolicyError> {
        if !question.facts.break_glass || !question.facts.reason_given {
            return Ok(false);
        }
        let breaking = Question { action: Action::BreakGlass, ..question.clone() };
        let Applying { permits, forbids, demands } = self.applying(&breaking)?;
        Ok(!permits.is_empty() && forbids.is_empty() && demands.is_empty())
    }

    fn applying(&self, question: &Question) -> Result<Applying<'_>, PolicyError> {
        let asked = request::ask(question, &self.schema, &self.actions)?;
        let permits = self.permits.applying(&asked);
        let forbids = self.forbids.applying(&asked);
        let demands = self.demands.applying(&asked);
        match (permits, forbids, demands) {
            (Ok(permits), Ok(forbids), Ok(demands)) => Ok(Applying { permits, forbids, demands }),
            (permits, forbids, demands) => {
                let failures = [permits.err(), forbids.err(), demands.err()];
                let mut failures: Vec<EvaluationFailure> =
                    failures.into_iter().flatten().flatten().collect();
                failures.sort();
                Err(PolicyError::Evaluation(failures))
            }
        }
    }
}

impl<T> Rules<T> {
    /// Those that apply, in the order of their ids.
    fn applying(&self, asked: &Asked) -> Result<Vec<&T>, Vec<EvaluationFailure>> {
        let response = Authorizer::new().is_authorized(&asked.request, &self.set, &asked.entities);
        // Cedar leaves out policies that err and decides without them.
        let failures: Vec<EvaluationFailure> = response
            .diagnostics()
            .errors()
            .map(|error| match error {
                cedar_policy::AuthorizationError::PolicyEvaluationError(error) => {
                    EvaluationFailure {
                        policy: PolicyId::new(error.policy_id().to_string()),
                        sentence: error.inner().to_string(),
                    }
                }
            })
            .collect();
        if !failures.is_empty() {
            return Err(failures);
        }
        // All policies of a set have the same effect, so the reasons are all that apply, and
        // there are none where the decision is only Cedar's default.
        let mut ids: Vec<PolicyId> =
            response.diagnostics().reason().map(|id| PolicyId::new(id.to_string())).collect();
        ids.sort();
        let known = |id: PolicyId| match self.about.get(&id) {
            Some(rule) => Ok(rule),
            None => {
                let sentence = "it was not loaded".to_owned();
                Err(vec![EvaluationFailure { policy: id, sentence }])
            }
        };
        ids.into_iter().map(known).collect()
    }
}

/// Whether a permit applies, evaluated alone. One that errs does not.
pub(super) fn permits(permit: &Permit, asked: &Asked) -> bool {
    let response = Authorizer::new().is_authorized(&asked.request, &permit.alone, &asked.entities);
    match response.decision() {
        cedar_policy::Decision::Allow => true,
        cedar_policy::Decision::Deny => false,
    }
}
