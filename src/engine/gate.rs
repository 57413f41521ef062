//! The gate before acting: whose turn it is, and whether everything is still as it was agreed.
//! Observe, plan and policy once more: same terms, still permitted, voters still entitled.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::judge::{Intent, Permitted, deniers};
use super::observe::Looked;
use super::problem::Problem;
use super::{Engine, lock};
use crate::domain::deployment::{Deployment, Stage};
use crate::domain::event::{End, Event, RefusedWhy, StopRequest, Withdrawal};
use crate::domain::id::{DeploymentId, EnvironmentName, PersonId};
use crate::domain::next::failed_tasks;
use crate::domain::observation::{ImageSeen, Observation};
use crate::domain::plan::{Kind, Plan};
use crate::domain::policy::Action;
use crate::domain::refusal::Refusal;
use crate::ports::{Place, StoreError};
use crate::report;

/// For how long what a plan was made from counts as "just before acting", where nobody had to
/// vote and nothing else had to end first.
const FRESH: jiff::SignedDuration = jiff::SignedDuration::from_secs(5);

/// How long to wait before asking again somebody who did not answer.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// What became of the first in the queue.
enum Passage {
    /// It runs, on what was seen just before.
    Through(Box<Deployment>, Observation),
    /// It ended, or waits for votes again: the next one may try.
    Aside,
    /// Something keeps it from its turn, and not the others: the next one may try.
    Obstructed,
    /// The turn is not free.
    Closed,
}

impl Engine {
    /// Lets the first of an environment's queue run, if the turn is free. Returns at once.
    pub(super) fn take_turns(&self, environment: &EnvironmentName) {
        let engine = self.clone();
        let environment = environment.clone();
        let work = self.begin_work();
        tokio::spawn(async move {
            // Everyone tries at once; where somebody did not answer, one goes on trying.
            if engine.let_one_through(&environment).await.is_err()
                && lock(&engine.shared.retrying).insert(environment.clone())
            {
                while let Err(problem) = engine.let_one_through(&environment).await {
                    tracing::error!(%environment, ?problem, "the queue waits: could not decide");
                    engine.parts.clock.sleep(ASK_AGAIN).await;
                }
                lock(&engine.shared.retrying).remove(&environment);
            }
            drop(work);
        });
    }

    /// An error: somebody could not be asked about one of the queue, and nobody behind it could
    /// go either.
    async fn let_one_through(&self, environment: &EnvironmentName) -> Result<(), Problem> {
        let turn = Arc::clone(lock(&self.shared.turns).entry(environment.clone()).or_default());
        let _turn = turn.lock().await;
        let mut passed_over = BTreeSet::new();
        let mut last = Ok(());
        loop {
            // One that nobody can decide about keeps no program waiting, either.
            self.give_to_the_next(environment, &passed_over).await?;
            let Some(first) = self.first_in_queue(environment, &passed_over).await? else { break };
            match self.pass(first.clone()).await {
                Ok(Passage::Through(deployment, seen)) => {
                    self.run_deployment(&deployment, Some(seen));
                    last = Ok(());
                    break;
                }
                Ok(Passage::Aside) => {}
                Ok(Passage::Obstructed) => {
                    passed_over.insert(first.id);
                }
                Ok(Passage::Closed) => {
                    last = Ok(());
                    break;
                }
                // One that cannot be decided about does not keep the others.
                Err(problem) => {
                    self.tell_why_it_waits(&first, &problem);
                    passed_over.insert(first.id);
                    last = Err(problem);
                }
            }
        }
        self.tell_the_line(environment);
        last
    }

    /// Says on its card that a deployment cannot be decided about just now.
    fn tell_why_it_waits(&self, deployment: &Deployment, problem: &Problem) {
        let Problem::Undecided(undecided) = problem else { return };
        let note = report::waits_for_answer(undecided.unasked, &format!("{:#}", undecided.error));
        self.want_card(deployment, Some(note));
    }

    /// Rollbacks go first, then whoever was agreed first.
    async fn first_in_queue(
        &self,
        environment: &EnvironmentName,
        but: &BTreeSet<DeploymentId>,
    ) -> Result<Option<Deployment>, Problem> {
        let open = self.parts.store.open().await?;
        let here = |one: &Deployment| &one.plan.terms.environment == environment;
        let queued = open.into_iter().filter(|one| {
            !but.contains(&one.id) && here(one) && matches!(one.stage, Stage::Queued { .. })
        });
        Ok(queued.min_by_key(Deployment::place))
    }

    async fn pass(&self, deployment: Deployment) -> Result<Passage, Problem> {
        // Before anything moves, the channel sees the plan.
        let deployment = match deployment.message {
            Some(_) => deployment,
            None => self.show_card(deployment).await?,
        };
        if self.obstacle(&deployment).await?.is_some() {
            lock(&self.shared.fresh).remove(&deployment.id);
            self.want_card(&deployment, None);
            // Whoever ends the obstacle has the queue tried again, and so does time.
            self.shared.reschedule.notify_one();
            return Ok(Passage::Obstructed);
        }
        if let Some(running) = self.running_in(&deployment.plan.terms.environment).await? {
            // What was seen while another one ran will not be so when its turn comes.
            lock(&self.shared.fresh).remove(&deployment.id);
            if deployment.is_rollback() && !running.is_rollback() {
                return self.go_first(&deployment, &running).await;
            }
            self.want_card(&deployment, None);
            return Ok(Passage::Closed);
        }
        // Whoever ends the obstacle has the queue tried again.
        if self.obstacle(&deployment).await?.is_some() {
            self.want_card(&deployment, None);
            return Ok(Passage::Obstructed);
        }
        if !self.still_reverts_the_last(&deployment).await? {
            return Ok(Passage::Aside);
        }
        let Some((looked, plan)) = self.plan_again(&deployment).await? else {
            return Ok(Passage::Aside);
        };
        let Some(permitted) = self.permitted_again(&deployment, &looked.images, &plan).await?
        else {
            return Ok(Passage::Aside);
        };
        let same_terms = plan.terms.hash() == deployment.plan.terms.hash();
        let same_demands = permitted.requirements == deployment.requirements
            && permitted.overridden == deployment.overridden;
        if !same_terms || !same_demands {
            self.ask_anew(&deployment, plan, permitted).await?;
            return Ok(Passage::Aside);
        }
        if !self.voters_entitled(&deployment).await? {
            return Ok(Passage::Aside);
        }
        let known_failures = failed_tasks(&plan.terms, &looked.seen);
        let now = self.parts.clock.now();
        let events = vec![
            Event::OutlookChanged { outlook: plan.outlook },
            Event::Started { known_failures },
        ];
        match self.parts.store.append(deployment.id, deployment.version, events, now).await {
            Ok(started) => Ok(Passage::Through(Box::new(started), looked.seen)),
            // A vote was taken back, or somebody cancelled: look once more.
            Err(StoreError::Conflict(_)) => Ok(Passage::Aside),
            Err(StoreError::TurnTaken) => Ok(Passage::Closed),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn running_in(
        &self,
        environment: &EnvironmentName,
    ) -> Result<Option<Deployment>, Problem> {
        let open = self.parts.store.open().await?;
        Ok(open.into_iter().find(|one| {
            &one.plan.terms.environment == environment && matches!(one.stage, Stage::Running(_))
        }))
    }

    /// A rollback that is still permitted and agreed does not wait for what it is there to end.
    async fn go_first(
        &self,
        rollback: &Deployment,
        running: &Deployment,
    ) -> Result<Passage, Problem> {
        if self.permitted_again(rollback, &[], &rollback.plan).await?.is_none()
            || !self.voters_entitled(rollback).await?
        {
            return Ok(Passage::Aside);
        }
        self.pre_empt(running, rollback).await?;
        self.want_card(rollback, None);
        Ok(Passage::Closed)
    }

    /// Whether a rollback still reverts the last success: one that came meanwhile is what
    /// people would want undone. Where it does not, it has ended.
    async fn still_reverts_the_last(&self, deployment: &Deployment) -> Result<bool, Problem> {
        let terms = &deployment.plan.terms;
        let of = match terms.kind {
            Kind::Promotion => return Ok(true),
            Kind::Rollback { of } => of,
        };
        let last = self.parts.store.last_success(&terms.environment).await?.map(|last| last.id);
        if last == Some(of) {
            return Ok(true);
        }
        let refusal = Refusal::NotTheLast { environment: terms.environment.clone(), of, last };
        let end = End::Refused { why: RefusedWhy::Plan { refusal } };
        self.end_waiting(deployment.id, end).await?;
        Ok(false)
    }

    /// Undoes what runs.
    async fn pre_empt(&self, running: &Deployment, rollback: &Deployment) -> Result<(), Problem> {
        let stop = StopRequest::Rollback { deployment: rollback.id };
        let stopped = self.append_if(running.id, |now| match &now.stage {
            Stage::Running(rollout) if rollout.stop.is_none() && rollout.undo.is_none() => {
                vec![Event::StopRequested { stop: stop.clone() }]
            }
            Stage::Running(_) | Stage::Waiting | Stage::Queued { .. } | Stage::Ended(_) => {
                Vec::new()
            }
        });
        if let Some(stopped) = stopped.await? {
            tracing::info!(deployment.id = %running.id, by = %rollback.id, "pre-empted by a rollback");
            self.want_card(&stopped, None);
        }
        Ok(())
    }

    /// Looks and plans once more; `None`: it would not work any more, and has ended.
    async fn plan_again(&self, deployment: &Deployment) -> Result<Option<(Looked, Plan)>, Problem> {
        let terms = &deployment.plan.terms;
        let fresh = lock(&self.shared.fresh).remove(&deployment.id);
        let now = self.parts.clock.now();
        // A ban that came since is not in what was looked at.
        if let Some(refusal) = terms.banned(&self.parts.store.bans().await?) {
            self.end_waiting(deployment.id, End::Refused { why: RefusedWhy::Plan { refusal } })
                .await?;
            return Ok(None);
        }
        if let Some(looked) = fresh.filter(|looked| now.duration_since(looked.seen.at) < FRESH) {
            return Ok(Some((looked, deployment.plan.clone())));
        }
        let targets = Self::targets_of(&deployment.plan);
        let planned = async {
            let looked = self.look(&terms.environment, &targets).await?;
            let plan = self.plan(&terms.environment, terms.kind.clone(), &looked).await?;
            Ok((looked, plan))
        };
        match planned.await {
            Ok((looked, mut plan)) => {
                plan.terms.keep_names(terms);
                Ok(Some((looked, plan)))
            }
            Err(Problem::Refused(refusal)) => {
                let end = End::Refused { why: RefusedWhy::Plan { refusal } };
                self.end_waiting(deployment.id, end).await?;
                Ok(None)
            }
            Err(problem @ (Problem::Denied(_) | Problem::Undecided(_))) => Err(problem),
        }
    }

    /// Asks the policies once more; `None`: it is not permitted any more, and has ended, or has
    /// to wait for what has come up since.
    async fn permitted_again(
        &self,
        deployment: &Deployment,
        images: &[ImageSeen],
        plan: &Plan,
    ) -> Result<Option<Permitted>, Problem> {
        let request = &deployment.request;
        let person = self.person(&request.requester.id).await?;
        let intent = Intent {
            action: if deployment.is_rollback() { Action::Rollback } else { Action::Promote },
            plan,
            images,
            because: request.because.as_deref(),
            break_glass: request.break_glass,
            automated: request.automated,
            then: None,
            as_if_open: false,
        };
        match self.judge_plan(&person, &intent).await {
            Ok(permitted) => Ok(Some(permitted)),
            Err(Problem::Denied(denial)) => {
                if self.obstacle(deployment).await?.is_none() {
                    let why = RefusedWhy::Policy { by: deniers(&denial) };
                    self.end_waiting(deployment.id, End::Refused { why }).await?;
                }
                Ok(None)
            }
            Err(problem @ (Problem::Refused(_) | Problem::Undecided(_))) => Err(problem),
        }
    }

    /// The terms changed: votes are void, and the plan is put forward again. What was to begin at a
    /// moment that has come is not put forward to anybody for another: it ends.
    async fn ask_anew(
        &self,
        deployment: &Deployment,
        plan: Plan,
        permitted: Permitted,
    ) -> Result<(), Problem> {
        let Permitted { requirements, overridden } = permitted;
        let unapproved = deployment.request.scheduled.is_some() && !requirements.is_empty();
        let event = Event::Replanned { plan: Box::new(plan), requirements, overridden };
        let replanned = self.append_if(deployment.id, |now| match now.stage {
            Stage::Waiting | Stage::Queued { .. } if unapproved => {
                vec![event.clone(), Event::Ended { end: End::Unapproved }]
            }
            Stage::Waiting | Stage::Queued { .. } => vec![event.clone()],
            Stage::Running(_) | Stage::Ended(_) => Vec::new(),
        });
        if let Some(replanned) = replanned.await? {
            if unapproved {
                tracing::info!(deployment.id = %deployment.id, "the terms changed; not run");
                self.finish(&replanned).await;
                return Ok(());
            }
            tracing::info!(deployment.id = %deployment.id, "the terms changed; asked anew");
            self.shared.reschedule.notify_one();
            let shown = self.show_card(replanned).await?;
            // With nothing to be met it goes on under its new terms, which everybody can see.
            self.approve_if_agreed(shown.id).await?;
        }
        Ok(())
    }

    async fn tell_withdrawn(&self, id: DeploymentId, person: &PersonId, why: Withdrawal) {
        let Ok(Some(now)) = self.parts.store.deployment(id).await else { return };
        let card = report::vote_withdrawn_card(&now, person, why);
        let place = Place::Channel(now.request.channel.clone());
        let key = format!("withdrawn-{id}-{person}-{}", now.version);
        if let Err(error) = self.parts.chat.post(&place, &card, &key).await {
            tracing::warn!(deployment.id = %id, %error, "could not tell that a vote is gone");
        }
    }

    /// Decides about each vote once more, with the roles that its giver holds now and the
    /// reactions that stand now.
    async fn voters_entitled(&self, deployment: &Deployment) -> Result<bool, Problem> {
        for vote in deployment.votes.values() {
            let person = self.person(&vote.person.id).await?;
            let still = match self.judge_deployment(&person, Action::Approve, deployment).await {
                Ok(_) => deployment.requirements.iter().all(|requirement| {
                    let counted = |roles| !requirement.approvers.is_disjoint(roles);
                    !counted(&vote.person.roles) || counted(&person.roles)
                }),
                Err(Problem::Denied(_)) => false,
                Err(problem @ (Problem::Refused(_) | Problem::Undecided(_))) => {
                    return Err(problem);
                }
            };
            if !still {
                let why = Withdrawal::NoLongerEntitled;
                self.withdraw(deployment.id, &person.id, why).await?;
                self.tell_withdrawn(deployment.id, &person.id, why).await;
            }
        }
        self.recount(deployment.id).await?;
        let now = self.parts.store.deployment(deployment.id).await?;
        Ok(now.is_some_and(|now| {
            now.version == deployment.version && matches!(now.stage, Stage::Queued { .. })
        }))
    }
}
