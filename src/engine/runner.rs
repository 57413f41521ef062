//! Carries a deployment out: look, ask the state machine what is next, write it down, do it,
//! write down what came of it, and look again, until it has ended.

use std::time::Duration;

use futures::future::join_all;

use super::watcher::Watcher;
use super::{Engine, lock};
use crate::aws::{Account, AwsError};
use crate::domain::deployment::{Deployment, Stage};
use crate::domain::environment::{Environment, Service};
use crate::domain::event::{Cause, End, Event, Step, StepFailure, StepOutcome};
use crate::domain::id::{DeploymentId, ServiceName};
use crate::domain::next::{Next, Tempo, next};
use crate::domain::observation::Observation;
use crate::domain::plan::ImageMove;
use crate::domain::rollout::Rollout;
use crate::ports::StoreError;

/// The longest pause after looks that AWS did not answer.
const LONGEST_SILENCE: Duration = Duration::from_secs(15);

/// How often a tag is read before it counts as moved by others, and the pause between.
const TAG_READS: u32 = 3;
const TAG_LAG: Duration = Duration::from_millis(200);

/// What a pass through the loop led to.
enum Pass {
    /// Something was recorded or done: look again at once.
    Moved,
    /// Nothing to do yet.
    Idle,
    Ended(Box<Deployment>),
}

impl Engine {
    /// Starts to carry a running deployment out, unless this process does so already. What was
    /// seen just before it started need not be looked at again.
    pub(super) fn run_deployment(&self, deployment: &Deployment, seen: Option<Observation>) {
        let id = deployment.id;
        if !lock(&self.shared.running).insert(id) {
            return;
        }
        let work = self.begin_work();
        let engine = self.clone();
        let deployment = deployment.clone();
        tokio::spawn(async move {
            tracing::info!(deployment.id = %id, "runs");
            let ended = engine.carry_out(deployment, seen).await;
            lock(&engine.shared.running).remove(&id);
            match ended {
                Ok(deployment) => engine.finish(&deployment).await,
                Err(error) => {
                    tracing::error!(deployment.id = %id, error = format!("{error:#}"), "stopped running; the next start carries on");
                }
            }
            drop(work);
        });
    }

    async fn carry_out(
        &self,
        mut deployment: Deployment,
        mut before: Option<Observation>,
    ) -> anyhow::Result<Deployment> {
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
            let looked = match before.take() {
                Some(seen) => Ok(watcher.begin(seen)),
                None => watcher.look(&account.ecs, &services, now).await,
            };
            let seen = match looked {
                Ok(seen) => seen,
                Err(error) => {
                    tracing::warn!(deployment.id = %deployment.id, %error, "could not look; trying again");
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
        if let Some(Event::Ended { end }) = events.last_mut()
            && let Err(unknown) = self.check_tags(deployment, end).await
        {
            tracing::warn!(deployment.id = %deployment.id, error = %unknown, "could not read the tags; trying again");
            return Ok(Pass::Idle);
        }
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
        let now: &Deployment = deployment;
        let deeds = steps.into_iter().map(|step| {
            let look_first = resumed.contains(&step);
            self.act(step, look_first, now)
        });
        let mut outcomes = join_all(deeds).await;
        // What was done is written down whatever else happened to the deployment meanwhile.
        while !self.record(deployment, outcomes.clone()).await? {
            let still: Vec<Step> = under_way(deployment);
            outcomes.retain(|event| match event {
                Event::StepDone { step, .. } | Event::StepFailed { step, .. } => {
                    still.contains(step)
                }
                _ => false,
            });
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
        if events.iter().any(|event| matches!(event, Event::Ended { .. })) {
            self.engine.promise_to_tell(deployment).await?;
        }
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
    async fn act(&self, step: Step, look_first: bool, deployment: &Deployment) -> Event {
        let id = deployment.id;
        tracing::info!(deployment.id = %id, environment = %self.environment.name, %step, look_first, "step");
        match self.attempt(&step, look_first, deployment).await {
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
        deployment: &Deployment,
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
            Step::StopTasks { service, tasks } => {
                self.check_tag_of(deployment, service).await?;
                let reason = format!("Shipmate deployment {}", deployment.id);
                let stops = tasks.iter().map(|task| self.account.ecs.stop_task(task, &reason));
                join_all(stops).await.into_iter().collect::<Result<Vec<()>, StepFailure>>()?;
                Ok(StepOutcome::Done)
            }
            Step::StartDeployment { service, replacing } => {
                self.check_tag_of(deployment, service).await?;
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

/// What is read of tags just before a restart and before a good end: a restart while somebody
/// else's image is under the tag would spread that image, again and again, and what runs is not
/// what should run where the tag says something else.
impl Hands<'_> {
    /// Whether a service that is restarted now would come back on what it should run.
    async fn check_tag_of(
        &self,
        deployment: &Deployment,
        service: &ServiceName,
    ) -> Result<(), StepFailure> {
        let terms = &deployment.plan.terms;
        let planned = terms.services.iter().find(|planned| &planned.name == service);
        match planned.and_then(|planned| terms.image(&planned.repository)) {
            None => Ok(()),
            Some(image) => match self.check_tag(deployment, image).await? {
                None => Ok(()),
                Some(failure) => Err(failure),
            },
        }
    }

    /// Turns an end that says "all is as it should be" into one that does not, where a tag has
    /// been moved by somebody else.
    async fn check_tags(&self, deployment: &Deployment, end: &mut End) -> Result<(), AwsError> {
        let Some(rollout) = deployment.rollout() else { return Ok(()) };
        let cause = match end {
            End::Succeeded => None,
            End::RolledBack { .. } | End::Cancelled { .. } | End::Superseded { .. } => {
                match &rollout.undo {
                    None => return Ok(()),
                    Some(undo) => Some(undo.cause.clone()),
                }
            }
            End::Failed { .. } | End::Rejected { .. } | End::Expired | End::Refused { .. } => {
                return Ok(());
            }
        };
        let terms = &deployment.plan.terms;
        for image in &terms.images {
            let step = Step::MoveTag {
                repository: image.repository.clone(),
                tag: terms.tag.clone(),
                from: image.from.as_ref().map(|from| from.digest.clone()),
                to: image.to.digest.clone(),
            };
            if !rollout.forward.begun().any(|begun| *begun == step) {
                continue;
            }
            if let Some(failure) = self.check_tag(deployment, image).await? {
                let moved = Cause::StepFailed { step, failure };
                *end = match cause {
                    None => End::Failed { cause: moved, undo: None },
                    Some(cause) => End::Failed { cause, undo: Some(moved) },
                };
                return Ok(());
            }
        }
        Ok(())
    }

    /// Whether an image's tag is where the present direction wants it; else what is wrong. A
    /// read that lags behind our own write is given time.
    async fn check_tag(
        &self,
        deployment: &Deployment,
        image: &ImageMove,
    ) -> Result<Option<StepFailure>, AwsError> {
        let tag = &deployment.plan.terms.tag;
        let going_back = deployment.rollout().is_some_and(|rollout| rollout.undo.is_some());
        let wanted = if going_back { image.from.as_ref() } else { Some(&image.to) };
        let Some(wanted) = wanted else { return Ok(None) };
        let mut now = None;
        for _ in 0..TAG_READS {
            now = self.account.ecr.resolve(&image.repository, tag).await?;
            if now.as_ref() == Some(&wanted.digest) {
                return Ok(None);
            }
            self.engine.parts.clock.sleep(TAG_LAG).await;
        }
        let now = now.map_or_else(|| "nothing".to_owned(), |now| now.short().to_owned());
        Ok(Some(StepFailure {
            code: "tag-moved-by-others".to_owned(),
            detail: format!(
                "{}:{tag} points at {now} now, not at {}; somebody else moved it",
                image.repository, wanted.name
            ),
        }))
    }
}

fn under_way(deployment: &Deployment) -> Vec<Step> {
    let phase = deployment.rollout().map(Rollout::phase);
    phase.into_iter().flat_map(|phase| phase.under_way.iter().cloned()).collect()
}
