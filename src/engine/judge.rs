//! The one place that authorises. Gathers the facts, asks the policies, and takes nothing but
//! their yes for a yes.

use std::collections::BTreeSet;

use jiff::{Timestamp, Zoned};

use super::Engine;
use super::problem::Problem;
use crate::domain::deployment::Deployment;
use crate::domain::environment::Environment;
use crate::domain::freeze::{Closed, Part, State};
use crate::domain::id::{EnvironmentName, PersonId, PolicyId, ServiceName};
use crate::domain::lock::Lock;
use crate::domain::observation::ImageSeen;
use crate::domain::obstacle::Obstacle;
use crate::domain::plan::Plan;
use crate::domain::policy::{
    Action, Because, Denial, Facts, Opens, Person, Question, Requirement, Verdict, Verified,
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
    /// No freeze counts.
    pub as_if_open: bool,
}

/// What somebody would do, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt<'a> {
    pub action: Action,
    pub environment: &'a EnvironmentName,
    pub services: &'a BTreeSet<ServiceName>,
    pub at: Timestamp,
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
        let (mut facts, _) = self.facts(environment, &person.id).await?;
        let services = services_of(intent.plan);
        let at = intent.then.unwrap_or_else(|| self.parts.clock.now());
        let closed = self.closed_at(environment, Part::Services(&services), at).await?;
        let closed = closed.filter(|_| !intent.as_if_open);
        facts.frozen = closed.as_ref().map(|closed| closed.names.clone());
        if let Some(then) = intent.then {
            set_time(&mut facts, &then.to_zoned(environment.timezone.clone()));
            let lock = self.standing_lock(name).await?.filter(|lock| lock.stands_at(then));
            facts.locked_by = lock.map(|lock| lock.by);
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
        let question = Question {
            person: person.clone(),
            action: intent.action,
            environment: name.clone(),
            facts,
        };
        self.ask(question, closed)
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
        let requester = &deployment.request.requester.id;
        let (facts, closed) = self.facts(environment, requester).await?;
        let (person, environment) = (person.clone(), name.clone());
        self.ask(Question { person, action, environment, facts }, closed)
    }

    /// May this person look at an environment?
    pub(super) async fn judge_reading(
        &self,
        person: &Person,
        name: &EnvironmentName,
    ) -> Result<Permitted, Problem> {
        let (environment, _) = self.place(name)?;
        let (facts, closed) = self.facts(environment, &person.id).await?;
        let (person, environment) = (person.clone(), name.clone());
        self.ask(Question { person, action: Action::Read, environment, facts }, closed)
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
        let (mut facts, closed) = self.facts(environment, &person.id).await?;
        facts.reason_given = because.is_some();
        let (person, environment) = (person.clone(), name.clone());
        let permitted = self.ask(Question { person, action, environment, facts }, closed)?;
        without_votes(permitted)
    }

    /// May this person announce something where this environment is spoken of, or change what
    /// `maker` has announced at set times?
    pub(super) async fn judge_announcing(
        &self,
        person: &Person,
        maker: &PersonId,
        name: &EnvironmentName,
    ) -> Result<(), Problem> {
        let (environment, _) = self.place(name)?;
        let (facts, closed) = self.facts(environment, maker).await?;
        let (person, environment) = (person.clone(), name.clone());
        let action = Action::Announce;
        let permitted = self.ask(Question { person, action, environment, facts }, closed)?;
        without_votes(permitted)
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
        let (facts, _) = self.facts(environment, &person.id).await?;
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
                | Action::ReleaseHold
                | Action::Freeze
                | Action::Announce => person.id.clone(),
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

    /// The lock that keeps a person out: because of it the policies refuse what they would let
    /// that person do without it. `known` adds to the facts; what is not known speaks for them.
    pub(super) async fn kept_out_by(
        &self,
        person: &Person,
        action: Action,
        name: &EnvironmentName,
        known: impl FnOnce(&mut Facts),
    ) -> Result<Option<Lock>, Problem> {
        let Some(environment) = self.parts.environments.get(name) else { return Ok(None) };
        let Some(lock) = self.standing_lock(name).await? else { return Ok(None) };
        let (mut facts, _) = self.facts(environment, &person.id).await?;
        let after = environment.after.clone();
        facts.verified = after.map(|environment| Verified { environment, yes: true });
        known(&mut facts);
        let (person, environment) = (person.clone(), name.clone());
        let locked = Question { person, action, environment, facts };
        let policies = &self.parts.policies;
        let kept_out = !policies.allows(&locked)? && policies.allows(&unlocked(&locked))?;
        Ok(kept_out.then_some(lock))
    }

    /// What keeps a person out for a time only, a lock or a freeze or both: the policies refuse
    /// what they would let that person do without them. `known` is as for [`Self::kept_out_by`].
    pub(super) async fn kept_out_for_a_time(
        &self,
        person: &Person,
        attempt: Attempt<'_>,
        known: impl FnOnce(&mut Facts),
    ) -> Result<Option<Obstacle>, Problem> {
        let Attempt { action, environment: name, services, at } = attempt;
        let Some(environment) = self.parts.environments.get(name) else { return Ok(None) };
        let lock = self.standing_lock(name).await?.filter(|lock| lock.stands_at(at));
        let closed = self.closed_at(environment, Part::Services(services), at).await?;
        let (mut facts, _) = self.facts(environment, &person.id).await?;
        set_time(&mut facts, &at.to_zoned(environment.timezone.clone()));
        facts.locked_by = lock.as_ref().map(|lock| lock.by.clone());
        facts.frozen = closed.as_ref().map(|closed| closed.names.clone());
        let after = environment.after.clone();
        facts.verified = after.map(|environment| Verified { environment, yes: true });
        known(&mut facts);
        let (person, environment) = (person.clone(), name.clone());
        let asked = Question { person, action, environment, facts };
        let policies = &self.parts.policies;
        let for_a_time =
            !policies.allows(&asked)? && policies.allows(&unlocked(&thawed(&asked)))?;
        if !for_a_time {
            return Ok(None);
        }
        // Of two, the lock is told: somebody can be asked about it.
        let locked = !policies.allows(&thawed(&asked))?;
        let lock = lock.filter(|_| locked).map(|lock| Obstacle::Locked {
            by: lock.by,
            since: lock.since,
            because: lock.because,
            until: lock.until,
        });
        Ok(lock
            .or(closed
                .map(|closed| Obstacle::Frozen { reason: closed.reason, until: closed.until })))
    }

    /// `closed`: why the environment is closed, where the question says that it is.
    fn ask(&self, question: Question, closed: Option<Closed>) -> Result<Permitted, Problem> {
        let mut verdict = self.parts.policies.decide(&question)?;
        if let Some(closed) = closed {
            self.tell_freeze(&question, &closed, &mut verdict)?;
        }
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

    /// Whatever refuses, or is set aside, only because the environment is closed gives the
    /// freeze's own reason.
    fn tell_freeze(
        &self,
        question: &Question,
        closed: &Closed,
        verdict: &mut Verdict,
    ) -> Result<(), Problem> {
        let told = match verdict {
            Verdict::Allowed { overridden, .. } => overridden,
            Verdict::Refused(Denial::Forbidden { by, .. }) => by,
            Verdict::Refused(Denial::NothingPermits { .. }) => return Ok(()),
        };
        if told.is_empty() {
            return Ok(());
        }
        let anyway = deciders(self.parts.policies.decide(&thawed(question))?);
        for because in told.iter_mut().filter(|because| !anyway.contains(&because.policy)) {
            because.reason.clone_from(&closed.reason);
            because.opens = Some(closed.until.map_or(Opens::Unfrozen, Opens::At));
        }
        Ok(())
    }

    /// The facts that hold for every question about an environment, and why it is closed if it is.
    async fn facts(
        &self,
        environment: &Environment,
        requester: &PersonId,
    ) -> Result<(Facts, Option<Closed>), Problem> {
        let local = self.parts.clock.now().to_zoned(environment.timezone.clone());
        let mut facts = Facts::about(requester.clone());
        set_time(&mut facts, &local);
        facts.held = self.parts.store.hold(&environment.name).await?.is_some();
        facts.locked_by = self.standing_lock(&environment.name).await?.map(|lock| lock.by);
        let closed = self.closed(environment, Part::Whole).await?;
        facts.frozen = closed.as_ref().map(|closed| closed.names.clone());
        Ok((facts, closed))
    }

    /// Why this part of an environment is closed now; `None`: it is open.
    async fn closed(
        &self,
        environment: &Environment,
        part: Part<'_>,
    ) -> Result<Option<Closed>, Problem> {
        self.closed_at(environment, part, self.parts.clock.now()).await
    }

    /// The same, by what is known now about that moment.
    async fn closed_at(
        &self,
        environment: &Environment,
        part: Part<'_>,
        at: Timestamp,
    ) -> Result<Option<Closed>, Problem> {
        Ok(match self.state_at(environment, part, at).await? {
            State::Open => None,
            State::Closed(closed) => Some(closed),
        })
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

/// Nobody can vote on what is no deployment: where the policies ask for votes, it is refused.
fn without_votes(permitted: Permitted) -> Result<(), Problem> {
    let asked = permitted.requirements.into_iter();
    let by: Vec<Because> = asked.map(|one| Because::new(one.policy, one.reason)).collect();
    if by.is_empty() {
        return Ok(());
    }
    Err(Problem::Denied(Denial::Forbidden { by, overridable: false }))
}

/// The services that a plan restarts.
pub(super) fn services_of(plan: &Plan) -> BTreeSet<ServiceName> {
    plan.terms.services.iter().map(|service| service.name.clone()).collect()
}

/// The same question about an environment that is open.
fn thawed(question: &Question) -> Question {
    let facts = Facts { frozen: None, ..question.facts.clone() };
    Question { facts, ..question.clone() }
}

/// The same question about an environment that nobody has locked.
fn unlocked(question: &Question) -> Question {
    let facts = Facts { locked_by: None, ..question.facts.clone() };
    Question { facts, ..question.clone() }
}

/// The policies that refuse, or that breaking the glass sets aside.
fn deciders(verdict: Verdict) -> BTreeSet<PolicyId> {
    let by = match verdict {
        Verdict::Allowed { overridden, .. } => overridden,
        Verdict::Refused(Denial::Forbidden { by, .. }) => by,
        Verdict::Refused(Denial::NothingPermits { .. }) => Vec::new(),
    };
    by.into_iter().map(|because| because.policy).collect()
}

/// What the policies may know of a time.
fn set_time(facts: &mut Facts, local: &Zoned) {
    let minute = i16::from(local.hour()) * 60 + i16::from(local.minute());
    facts.weekday = local.weekday();
    facts.minute = u16::try_from(minute).unwrap_or(0);
}

/// Who denied, for the journal: forbids by name; where nothing permits, just that.
pub(super) fn deniers(denial: &Denial) -> Vec<Because> {
    match denial {
        Denial::Forbidden { by, .. } => by.clone(),
        Denial::NothingPermits { nearest } => nearest
            .iter()
            .map(|miss| Because::new(miss.policy.clone(), format!("that takes {}", miss.lacked)))
            .collect(),
    }
}
