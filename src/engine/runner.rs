//! Carries a deployment out: look, ask the state machine what is next, write it down, do it,
//! write down what came of it, and look again, until it has ended.

use std::time::Duration;

use futures::future::join_all;

use super::watcher::Watcher;
use super::{Engine, lock};
use crate::aws::Account;
use crate::domain::deployment::{Deployment, Stage};
use crate::domain::environment::{Environment, Service};
use crate::domain::event::{End, Event, Step, StepFailure, StepOutcome};
use crate::domain::id::{DeploymentId, Digest};
use crate::domain::next::{Next, Tempo, next};
use crate::domain::plan::ImageMove;
use crate::domain::rollout::Rollout;
use crate::ports::StoreError;
use crate::report::{self, Unasked};

/// The longest pause after looks that AWS did not answer.
const LONGEST_SILENCE: Duration = Duration::from_secs(15);

/// What a pass through the loop led to.
enum Pass {
    /// Something was recorded or done: look again at once.
    Moved,
    /// Nothing to do yet.
    Idle,
    Ended(Box<Deployment>),
}

impl Engine {
    /// Starts to carry a running deployment out, unless this process does so already.
    pub(super) fn run_deployment(&self, deployment: &Deployment) {
        let id = deployment.id;
        if !lock(&self.shared.running).insert(id) {
            return;
        }
        let work = self.begin_work();
        let engine = self.clone();
        let deployment = deployment.clone();
        tokio::spawn(async move {
            tracing::info!(deployment.id = %id, "runs");
            let ended = engine.carry_out(deployment).await;
            lock(&engine.shared.running).remove(&id);
            match ended {
                Ok(deployment) => {
                    let deployment = engine.read_tags_again(deployment).await;
                    engine.finish(&deployment).await;
                }
                Err(error) => {
                    let detail = format!("{error:#}");
                    tracing::error!(deployment.id = %id, error = detail, "stopped running; the next start carries on");
                    if let Ok(deployment) = engine.reload(id).await {
                        let note = report::stands_still(&detail);
                        engine.refresh_card_with(&deployment, Some(note)).await;
                    }
                }
            }
            drop(work);
        });
    }

    async fn carry_out(&self, mut deployment: Deployment) -> anyhow::Result<Deployment> {
        let (environment, account) = self
            .place(&deployment.plan.terms.environment)
            .map_err(|problem| anyhow::anyhow!("{problem:?}"))?;
        let tempo = Tempo { settle: environment.settle, patience: environment.patience };
        let services: Vec<&Service> = deployment
            .plan
            .terms
            .services
            .iter()
            .filter_map(|planned| environment.service(&planned.name))
            .collect();
        anyhow::ensure!(
            services.len() == deployment.plan.terms.services.len(),
            "the settings no longer name every service of the plan"
        );
        let mut watcher = Watcher::new(self.parts.rhythm);
        let mut silence = self.parts.rhythm.shortest;
        loop {
            self.refresh_card(&deployment).await;
            let now = self.parts.clock.now();
            let seen = match watcher.look(&account.ecs, &services, now).await {
                Ok(seen) => seen,
                Err(error) => {
                    tracing::warn!(deployment.id = %deployment.id, %error, "could not look; trying again");
                    let note = report::waits_for_answer(Unasked::Aws, &error.to_string());
                    self.refresh_card_with(&deployment, Some(note)).await;
                    self.parts.clock.sleep(silence).await;
                    silence = (silence * 2).min(LONGEST_SILENCE);
                    continue;
                }
            };
            silence = self.parts.rhythm.shortest;
            let Stage::Running(rollout) = &deployment.stage else {
                anyhow::bail!("deployment {} does not run", deployment.id);
            };
            let decision =
                next(&deployment.plan.terms, rollout, &seen, tempo, self.parts.clock.now());
            let hands = Hands { engine: self, environment, account };
            match hands.do_next(&mut deployment, decision).await? {
                Pass::Ended(ended) => return Ok(*ended),
                Pass::Moved => watcher.expect_change(),
                Pass::Idle => {
                    let pause = watcher.pause(tempo.settle, self.parts.clock.now());
                    self.parts.clock.sleep(pause).await;
                    // Somebody may have cancelled meanwhile.
                    deployment = self.reload(deployment.id).await?;
                }
            }
        }
    }

    /// After the end: a write of ours that AWS carried out late is put right, and somebody
    /// else's is told.
    async fn read_tags_again(&self, deployment: Deployment) -> Deployment {
        let terms = &deployment.plan.terms;
        let Ok((_, account)) = self.place(&terms.environment) else { return deployment };
        let mut strayed = Vec::new();
        for (image, expected) in left_at(&deployment) {
            let repository = &image.repository;
            let found = match account.ecr.resolve(repository, &terms.tag).await {
                Ok(found) if found.as_ref() == Some(expected) => continue,
                Ok(found) => found,
                Err(error) => {
                    tracing::warn!(deployment.id = %deployment.id, %error, "the tag could not be read again");
                    continue;
                }
            };
            let from = image.from.as_ref().map(|from| &from.digest);
            let ours = found.as_ref() == Some(&image.to.digest)
                || (found.is_some() && found.as_ref() == from);
            let repaired = ours
                && account
                    .ecr
                    .move_tag(repository, &terms.tag, found.as_ref(), expected)
                    .await
                    .is_ok();
            tracing::warn!(deployment.id = %deployment.id, %repository, ?found, repaired, "the tag had strayed");
            strayed.push(Event::TagStrayed { repository: repository.clone(), found, repaired });
        }
        match self.append_if(deployment.id, |_| strayed.clone()).await {
            Ok(Some(after)) => after,
            Ok(None) => deployment,
            Err(problem) => {
                tracing::error!(deployment.id = %deployment.id, ?problem, "a strayed tag could not be recorded");
                deployment
            }
        }
    }

    async fn reload(&self, id: DeploymentId) -> Result<Deployment, StoreError> {
        let deployment = self.parts.store.deployment(id).await?;
        deployment.ok_or(StoreError::NoSuchDeployment(id))
    }
}

/// What acts for one environment.
struct Hands<'a> {
    engine: &'a Engine,
    environment: &'a Environment,
    account: &'a Account,
}

impl Hands<'_> {
    /// Records and does what was decided.
    async fn do_next(&self, deployment: &mut Deployment, decision: Next) -> anyhow::Result<Pass> {
        if decision.is_empty() {
            return Ok(Pass::Idle);
        }
        let resumed = under_way(deployment);
        let Next { mut events, steps } = decision;
        let news = steps.iter().filter(|step| !resumed.contains(step)).cloned();
        events.extend(news.map(|step| Event::StepStarted { step }));
        if !self.record(deployment, events).await? {
            return Ok(Pass::Moved);
        }
        if deployment.end().is_some() {
            return Ok(Pass::Ended(Box::new(deployment.clone())));
        }
        if steps.is_empty() {
            return Ok(Pass::Idle);
        }
        self.engine.refresh_card(deployment).await;
        let deeds = steps.into_iter().map(|step| {
            let look_first = resumed.contains(&step);
            self.act(step, look_first, deployment.id)
        });
        let mut outcomes = join_all(deeds).await;
        // What was done is written down whatever else happened to the deployment meanwhile.
        while !self.record(deployment, outcomes.clone()).await? {
            let still: Vec<Step> = under_way(deployment);
            outcomes.retain(|event| outcome_of(event).is_some_and(|step| still.contains(step)));
        }
        Ok(Pass::Moved)
    }

    /// Appends; false: somebody else did first, and `deployment` is what it is now.
    async fn record(
        &self,
        deployment: &mut Deployment,
        events: Vec<Event>,
    ) -> anyhow::Result<bool> {
        if events.is_empty() {
            return Ok(true);
        }
        let store = &self.engine.parts.store;
        let now = self.engine.parts.clock.now();
        match store.append(deployment.id, deployment.version, events, now).await {
            Ok(after) => {
                *deployment = after;
                Ok(true)
            }
            Err(StoreError::Conflict(_)) => {
                *deployment = self.engine.reload(deployment.id).await?;
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Does one step, and says what came of it.
    async fn act(&self, step: Step, look_first: bool, id: DeploymentId) -> Event {
        tracing::info!(deployment.id = %id, environment = %self.environment.name, %step, look_first, "step");
        match self.attempt(&step, look_first, id).await {
            Ok(outcome) => Event::StepDone { step, outcome },
            Err(failure) => {
                tracing::error!(deployment.id = %id, %step, code = failure.code, detail = failure.detail, "step failed");
                Event::StepFailed { step, failure }
            }
        }
    }

    async fn attempt(
        &self,
        step: &Step,
        look_first: bool,
        id: DeploymentId,
    ) -> Result<StepOutcome, StepFailure> {
        match step {
            Step::MoveTag { repository, tag, from, to } => {
                self.account.ecr.move_tag(repository, tag, from.as_ref(), to).await?;
                Ok(StepOutcome::Done)
            }
            Step::KeepTag { repository, tag, digest } => {
                self.account.ecr.keep_tag(repository, tag, digest).await?;
                Ok(StepOutcome::Done)
            }
            Step::StopTasks { tasks, .. } => {
                let reason = format!("Shipmate deployment {id}");
                let stops = tasks.iter().map(|task| self.account.ecs.stop_task(task, &reason));
                join_all(stops).await.into_iter().collect::<Result<Vec<()>, StepFailure>>()?;
                Ok(StepOutcome::Done)
            }
            Step::StartDeployment { service, replacing } => {
                let service = self.environment.service(service).ok_or_else(|| StepFailure {
                    code: "unknown-service".to_owned(),
                    detail: format!("the settings no longer name {service}"),
                })?;
                let id = self.account.ecs.start_deployment(service, replacing, look_first).await?;
                Ok(StepOutcome::DeploymentStarted { id })
            }
        }
    }
}

/// Where the end left each tag of the plan; nothing, where the end does not say.
fn left_at(deployment: &Deployment) -> Vec<(&ImageMove, &Digest)> {
    let images = deployment.plan.terms.images.iter();
    match deployment.end() {
        Some(End::Succeeded) => images.map(|image| (image, &image.to.digest)).collect(),
        Some(
            End::RolledBack { .. }
            | End::Cancelled { undone: true, .. }
            | End::Superseded { undone: true, .. },
        ) => images.filter_map(|image| Some((image, &image.from.as_ref()?.digest))).collect(),
        Some(
            End::Failed { .. }
            | End::Cancelled { undone: false, .. }
            | End::Superseded { undone: false, .. }
            | End::Rejected { .. }
            | End::Expired
            | End::Refused { .. },
        )
        | None => Vec::new(),
    }
}

/// The step whose outcome an event is.
fn outcome_of(event: &Event) -> Option<&Step> {
    match event {
        Event::StepDone { step, .. } | Event::StepFailed { step, .. } => Some(step),
        Event::Requested(_)
        | Event::Posted { .. }
        | Event::VoteCast(_)
        | Event::VoteWithdrawn { .. }
        | Event::Approved
        | Event::OutlookChanged { .. }
        | Event::Replanned { .. }
        | Event::Started { .. }
        | Event::StepStarted { .. }
        | Event::Progressed { .. }
        | Event::CanaryPassed { .. }
        | Event::StopRequested { .. }
        | Event::UndoStarted { .. }
        | Event::Ended { .. }
        | Event::TagStrayed { .. } => None,
    }
}

fn under_way(deployment: &Deployment) -> Vec<Step> {
    let phase = deployment.rollout().map(Rollout::phase);
    phase.into_iter().flat_map(|phase| phase.under_way.iter().cloned()).collect()
}
