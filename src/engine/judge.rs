//! The one place that authorises. Gathers the facts, asks the policies, and takes nothing but
//! their yes for a yes.

use jiff::civil::Weekday as CivilWeekday;
use jiff::{Timestamp, Zoned};

use super::Engine;
use super::problem::Problem;
use crate::domain::deployment::Deployment;
use crate::domain::environment::Environment;
use crate::domain::id::{EnvironmentName, PersonId};
use crate::domain::observation::ImageSeen;
use crate::domain::plan::Plan;
use crate::domain::policy::{
    Action, Because, Denial, Facts, Person, Question, Requirement, Verdict, Verified, Weekday,
};

/// The policies' yes, and what it depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Permitted {
    pub requirements: Vec<Requirement>,
    pub overridden: Vec<Because>,
}

/// What a person wants to move, as far as the policies care.
pub(super) struct Intent<'a> {
    pub action: Action,
    pub plan: &'a Plan,
    pub images: &'a [ImageSeen],
    pub because: Option<&'a str>,
    pub break_glass: bool,
    /// A program asks.
    pub automated: bool,
    /// The moment whose time of day counts; now, where there is none.
    pub then: Option<Timestamp>,
}

impl Engine {
    /// The person with the roles that the chat says they hold now.
    pub(super) async fn person(&self, id: &PersonId) -> Result<Person, Problem> {
        let roles = self.parts.chat.roles(id).await.map_err(Problem::roles)?;
        Ok(Person { id: id.clone(), roles })
    }

    /// May this person have this plan carried out, and what must be met before?
    pub(super) async fn judge_plan(
        &self,
        person: &Person,
        intent: &Intent<'_>,
    ) -> Result<Permitted, Problem> {
        let name = &intent.plan.terms.environment;
        let (environment, _) = self.place(name)?;
        let mut facts = self.facts(environment, &person.id).await?;
        if let Some(then) = intent.then {
            set_time(&mut facts, &then.to_zoned(environment.timezone.clone()));
        }
        facts.reason_given = intent.because.is_some();
        facts.break_glass = intent.break_glass;
        facts.automated = intent.automated;
        facts.critical_findings = intent.plan.outlook.critical_findings;
        facts.verified = match &environment.after {
            None => None,
            Some(after) => Some(Verified {
                environment: after.clone(),
                yes: self.verified(after, intent).await?,
            }),
        };
        self.ask(Question {
            person: person.clone(),
            action: intent.action,
            environment: name.clone(),
            facts,
        })
    }

    /// May this person do this to that deployment?
    pub(super) async fn judge_deployment(
        &self,
        person: &Person,
        action: Action,
        deployment: &Deployment,
    ) -> Result<Permitted, Problem> {
        let name = &deployment.plan.terms.environment;
        let (environment, _) = self.place(name)?;
        let facts = self.facts(environment, &deployment.request.requester.id).await?;
        self.ask(Question { person: person.clone(), action, environment: name.clone(), facts })
    }

    /// May this person look at an environment?
    pub(super) async fn judge_reading(
        &self,
        person: &Person,
        name: &EnvironmentName,
    ) -> Result<Permitted, Problem> {
        let (environment, _) = self.place(name)?;
        let facts = self.facts(environment, &person.id).await?;
        let (person, environment) = (person.clone(), name.clone());
        self.ask(Question { person, action: Action::Read, environment, facts })
    }

    /// May this person decide something about an environment that is no deployment? Nobody can
    /// vote on that: where the policies ask for votes, it is refused.
    pub(super) async fn judge_decision(
        &self,
        person: &Person,
        action: Action,
        name: &EnvironmentName,
        because: Option<&str>,
    ) -> Result<(), Problem> {
        let (environment, _) = self.place(name)?;
        let mut facts = self.facts(environment, &person.id).await?;
        facts.reason_given = because.is_some();
        let (person, environment) = (person.clone(), name.clone());
        let permitted = self.ask(Question { person, action, environment, facts })?;
        let asked = permitted.requirements.into_iter();
        let by: Vec<Because> =
            asked.map(|one| Because { policy: one.policy, reason: one.reason }).collect();
        if by.is_empty() {
            return Ok(());
        }
        Err(Problem::Denied(Denial::Forbidden { by, overridable: false }))
    }

    /// What this person may do in an environment, nothing else being known. Voting and calling
    /// off are about what somebody else asked for: of one's own it would be the exception.
    pub(super) async fn allowed_in(
        &self,
        person: &Person,
        name: &EnvironmentName,
    ) -> Result<Vec<Action>, Problem> {
        let (environment, _) = self.place(name)?;
        // Once for all actions: the journal need not be asked the same for each.
        let facts = self.facts(environment, &person.id).await?;
        let mut allowed = Vec::new();
        for action in Action::ALL {
            let requester = match action {
                Action::Approve | Action::Cancel | Action::Pause => PersonId::new(""),
                Action::Read
                | Action::Promote
                | Action::Rollback
                | Action::Restart
                | Action::BreakGlass
                | Action::Lock
                | Action::Unlock
                | Action::Ban
                | Action::ReleaseHold => person.id.clone(),
            };
            let facts = Facts { requester, ..facts.clone() };
            let (person, environment) = (person.clone(), name.clone());
            // Nothing hangs on these answers, so that they are in no log.
            if self.parts.policies.allows(&Question { person, action, environment, facts })? {
                allowed.push(action);
            }
        }
        Ok(allowed)
    }

    fn ask(&self, question: Question) -> Result<Permitted, Problem> {
        let verdict = self.parts.policies.decide(&question)?;
        let environment = &question.environment;
        let action = question.action.name();
        match verdict {
            Verdict::Allowed { permits, requirements, overridden } => {
                tracing::info!(person = %question.person.id, action, %environment, ?permits, "allowed");
                Ok(Permitted { requirements, overridden })
            }
            Verdict::Refused(denial) => {
                tracing::info!(person = %question.person.id, action, %environment, ?denial, "denied");
                Err(Problem::Denied(denial))
            }
        }
    }

    /// The facts that hold for every question about an environment.
    async fn facts(
        &self,
        environment: &Environment,
        requester: &PersonId,
    ) -> Result<Facts, Problem> {
        let local = self.parts.clock.now().to_zoned(environment.timezone.clone());
        let mut facts = Facts::about(requester.clone());
        set_time(&mut facts, &local);
        facts.held = self.parts.store.hold(&environment.name).await?.is_some();
        Ok(facts)
    }

    /// Every image of the plan succeeded in the environment before, by the journal, or is seen
    /// to run there now.
    async fn verified(
        &self,
        after: &EnvironmentName,
        intent: &Intent<'_>,
    ) -> Result<bool, Problem> {
        // A rollback returns to what ran: it is not held to the order of environments.
        if intent.action == Action::Rollback {
            return Ok(true);
        }
        for target in intent.plan.terms.targets() {
            if self.parts.store.verified(after, &target).await? {
                continue;
            }
            let image = intent.images.iter().find(|image| image.image == target);
            let seen = match image {
                None => false,
                Some(image) => self.runs_everywhere(after, image).await?,
            };
            if !seen {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// What the policies may know of a time.
fn set_time(facts: &mut Facts, local: &Zoned) {
    let minute = i16::from(local.hour()) * 60 + i16::from(local.minute());
    facts.weekday = weekday(local.weekday());
    facts.minute = u16::try_from(minute).unwrap_or(0);
}

fn weekday(day: CivilWeekday) -> Weekday {
    match day {
        CivilWeekday::Monday => Weekday::Monday,
        CivilWeekday::Tuesday => Weekday::Tuesday,
        CivilWeekday::Wednesday => Weekday::Wednesday,
        CivilWeekday::Thursday => Weekday::Thursday,
        CivilWeekday::Friday => Weekday::Friday,
        CivilWeekday::Saturday => Weekday::Saturday,
        CivilWeekday::Sunday => Weekday::Sunday,
    }
}

/// Who denied, for the journal: forbids by name; where nothing permits, just that.
pub(super) fn deniers(denial: &Denial) -> Vec<Because> {
    match denial {
        Denial::Forbidden { by, .. } => by.clone(),
        Denial::NothingPermits { nearest } => nearest
            .iter()
            .map(|miss| Because {
                policy: miss.policy.clone(),
                reason: format!("that takes {}", miss.lacked),
            })
            .collect(),
    }
}
