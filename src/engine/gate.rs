//! The gate before acting: whose turn it is, and whether everything is still as it was agreed.
//! Observe, plan and policy once more: same terms, still permitted, voters still entitled.

use std::sync::Arc;
use std::time::Duration;

use super::judge::{Intent, Permitted, deniers};
use super::observe::Looked;
use super::problem::Problem;
use super::{Engine, lock};
use crate::domain::deployment::{Deployment, Stage};
use crate::domain::event::{End, Event, RefusedWhy, StopRequest, Withdrawal};
use crate::domain::id::EnvironmentName;
use crate::domain::next::failed_tasks;
use crate::domain::observation::Observation;
use crate::domain::plan::Plan;
use crate::domain::policy::Action;
use crate::ports::StoreError;

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
            loop {
                match engine.let_one_through(&environment).await {
                    Ok(()) => break,
                    Err(problem) => {
                        tracing::error!(%environment, ?problem, "the queue waits: could not decide");
                        engine.parts.clock.sleep(ASK_AGAIN).await;
                    }
                }
            }
            drop(work);
        });
    }

    async fn let_one_through(&self, environment: &EnvironmentName) -> Result<(), Problem> {
        let turn = Arc::clone(lock(&self.shared.turns).entry(environment.clone()).or_default());
        let _turn = turn.lock().await;
        while let Some(first) = self.first_in_queue(environment).await? {
            match self.pass(first).await? {
                Passage::Through(deployment, seen) => {
                    self.run_deployment(&deployment, Some(seen));
                    return Ok(());
                }
                Passage::Aside => {}
                Passage::Closed => return Ok(()),
            }
        }
        Ok(())
    }

    /// Rollbacks go first, then whoever was agreed first.
    async fn first_in_queue(
        &self,
        environment: &EnvironmentName,
    ) -> Result<Option<Deployment>, Problem> {
        let open = self.parts.store.open().await?;
        let queued = open.into_iter().filter_map(|one| match one.stage {
            Stage::Queued { since } if &one.plan.terms.environment == environment => {
                Some(((!one.is_rollback(), since, one.id), one))
            }
            Stage::Queued { .. } | Stage::Waiting | Stage::Running(_) | Stage::Ended(_) => None,
        });
        Ok(queued.min_by_key(|(place, _)| *place).map(|(_, one)| one))
    }

    async fn pass(&self, deployment: Deployment) -> Result<Passage, Problem> {
        if let Some(running) = self.running_in(&deployment.plan.terms.environment).await? {
            if deployment.is_rollback() && !running.is_rollback() {
                self.pre_empt(&running, &deployment).await?;
            }
            // What was seen while another one ran will not be so when its turn comes.
            lock(&self.shared.fresh).remove(&deployment.id);
            self.refresh_card(&deployment).await;
            return Ok(Passage::Closed);
        }
        let Some((looked, plan)) = self.plan_again(&deployment).await? else {
            return Ok(Passage::Aside);
        };
        let Some(permitted) = self.permitted_again(&deployment, &looked, &plan).await? else {
            return Ok(Passage::Aside);
        };
        let same_terms = plan.terms.hash() == deployment.plan.terms.hash();
        if !same_terms || permitted.requirements != deployment.requirements {
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

    async fn running_in(
        &self,
        environment: &EnvironmentName,
    ) -> Result<Option<Deployment>, Problem> {
        let open = self.parts.store.open().await?;
        Ok(open.into_iter().find(|one| {
            &one.plan.terms.environment == environment && matches!(one.stage, Stage::Running(_))
        }))
    }

    /// A rollback does not wait for what it is there to end.
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
            self.refresh_card(&stopped).await;
        }
        Ok(())
    }

    /// Looks and plans once more; `None`: it would not work any more, and has ended.
    async fn plan_again(&self, deployment: &Deployment) -> Result<Option<(Looked, Plan)>, Problem> {
        let terms = &deployment.plan.terms;
        let fresh = lock(&self.shared.fresh).remove(&deployment.id);
        let now = self.parts.clock.now();
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

    /// Asks the policies once more; `None`: it is not permitted any more, and has ended.
    async fn permitted_again(
        &self,
        deployment: &Deployment,
        looked: &Looked,
        plan: &Plan,
    ) -> Result<Option<Permitted>, Problem> {
        let request = &deployment.request;
        let person = self.person(&request.requester.id).await?;
        let intent = Intent {
            action: if deployment.is_rollback() { Action::Rollback } else { Action::Promote },
            plan,
            images: &looked.images,
            because: request.because.as_deref(),
            break_glass: request.break_glass,
        };
        match self.judge_plan(&person, &intent).await {
            Ok(permitted) => Ok(Some(permitted)),
            Err(Problem::Denied(denial)) => {
                let why = RefusedWhy::Policy { by: deniers(&denial) };
                self.end_waiting(deployment.id, End::Refused { why }).await?;
                Ok(None)
            }
            Err(problem @ (Problem::Refused(_) | Problem::Undecided(_))) => Err(problem),
        }
    }

    /// The terms changed: votes are void, and the plan is put forward again.
    async fn ask_anew(
        &self,
        deployment: &Deployment,
        plan: Plan,
        permitted: Permitted,
    ) -> Result<(), Problem> {
        let Permitted { requirements, overridden } = permitted;
        let event = Event::Replanned { plan: Box::new(plan), requirements, overridden };
        let replanned = self.append_if(deployment.id, |now| match now.stage {
            Stage::Waiting | Stage::Queued { .. } => vec![event.clone()],
            Stage::Running(_) | Stage::Ended(_) => Vec::new(),
        });
        if let Some(replanned) = replanned.await? {
            tracing::info!(deployment.id = %deployment.id, "the terms changed; asked anew");
            let shown = self.show_card(replanned).await?;
            self.shared.reschedule.notify_one();
            // With nothing to be met it goes on under its new terms, which everybody can see.
            self.approve_if_agreed(shown.id).await?;
        }
        Ok(())
    }

    /// Decides about each vote once more, with the roles that its giver holds now and the
    /// reactions that stand now.
    async fn voters_entitled(&self, deployment: &Deployment) -> Result<bool, Problem> {
        if deployment.requirements.is_empty() {
            return Ok(true);
        }
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
                self.withdraw(deployment.id, &person.id, Withdrawal::NoLongerEntitled).await?;
            }
        }
        self.recount(deployment.id).await?;
        let now = self.parts.store.deployment(deployment.id).await?;
        Ok(now.is_some_and(|now| {
            now.version == deployment.version && matches!(now.stage, Stage::Queued { .. })
        }))
    }
}
