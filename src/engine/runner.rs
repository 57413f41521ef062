//! Carries a deployment out: look, ask the state machine what is next, write it down, do it,
//! write down what came of it, and look again, until it has ended.

use std::time::Duration;

use futures::future::join_all;

use super::watcher::Watcher;
use super::{Engine, lock};
use crate::aws::Account;
use crate::domain::deployment::{Deployment, Stage};
use crate::domain::environment::{Environment, Service};
use crate::domain::event::{Event, Step, StepFailure, StepOutcome};
use crate::domain::id::{DeploymentId, EcsDeploymentId, ServiceName};
use crate::domain::next::{Next, Tempo, next};
use crate::domain::observation::Observation;
use crate::domain::rollout::Rollout;
use crate::ports::StoreError;
use crate::report::{self, Unasked};

/// The longest pause after looks that AWS did not answer.
const LONGEST_SILENCE: Duration = Duration::from_secs(15);

/// The pause before something is undone that AWS could not do just now.
const TRY_AGAIN: Duration = Duration::from_secs(2);

/// How often it is looked whether somebody else has moved a tag, while there is nothing to do.
const TAGS_EVERY: jiff::SignedDuration = jiff::SignedDuration::from_secs(5);

/// What a pass through the loop led to.
enum Pass {
    /// Something was recorded: what was seen may ask for more.
    Noted,
    /// Something was done, or is not as it was: look again at once.
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
            let ended = engine.carry_to_the_end(deployment, seen).await;
            lock(&engine.shared.running).remove(&id);
            engine.finish(&ended).await;
            drop(work);
        });
    }

    /// Takes a deployment up again for as long as something of ours keeps it from its end: a
    /// step that was under way is looked at before it is done again, as after a crash.
    async fn carry_to_the_end(
        &self,
        mut deployment: Deployment,
        mut seen: Option<Observation>,
    ) -> Deployment {
        loop {
            let error = match self.carry_out(deployment.clone(), seen.take()).await {
                Ok(ended) => return ended,
                Err(error) => format!("{error:#}"),
            };
            tracing::error!(deployment.id = %deployment.id, error, "stands still; trying again");
            let note = report::stands_still(&error);
            self.want_card(&deployment, Some(note));
            self.parts.clock.sleep(LONGEST_SILENCE).await;
            match self.reload(deployment.id).await {
                Ok(now) if now.end().is_some() => return now,
                Ok(now) => deployment = now,
                Err(error) => {
                    tracing::error!(deployment.id = %deployment.id, %error, "cannot be read")
                }
            }
        }
    }

    async fn carry_out(
        &self,
        mut deployment: Deployment,
        mut before: Option<Observation>,
    ) -> anyhow::Result<Deployment> {
        let (environment, account) = self
            .place(&deployment.plan.terms.environment)
            .map_err(|_| anyhow::anyhow!("the settings no longer name its environment"))?;
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
        let mut tags_read = self.parts.clock.now();
        loop {
            self.want_card(&deployment, None);
            let looked = match before.take() {
                Some(seen) => Ok(watcher.begin(seen)),
                None => watcher.look(&account.ecs, &services, &*self.parts.clock).await,
            };
            let seen = match looked {
                Ok(mut seen) => {
                    let ours = forced(&deployment, &services);
                    watcher.follow(&account.ecs, &ours, &mut seen).await;
                    seen
                }
                Err(error) => {
                    tracing::warn!(deployment.id = %deployment.id, %error, "could not look; trying again");
                    let note = report::waits_for_answer(Unasked::Aws, &error.to_string());
                    deployment = self.reload(deployment.id).await?;
                    self.want_card(&deployment, Some(note));
                    self.parts.clock.sleep(silence).await;
                    silence = (silence * 2).min(LONGEST_SILENCE);
                    continue;
                }
            };
            silence = self.parts.rhythm.shortest;
            let hands = Hands { engine: self, environment, account };
            let pass = loop {
                let Stage::Running(rollout) = &deployment.stage else {
                    anyhow::bail!("deployment {} does not run", deployment.id);
                };
                // By the time at which the look began: what was seen late in it is not older.
                let decision = next(&deployment.plan.terms, rollout, &seen, tempo, seen.at);
                match hands.do_next(&mut deployment, decision).await? {
                    Pass::Noted => {}
                    pass @ (Pass::Moved | Pass::Idle | Pass::Ended(_)) => break pass,
                }
            };
            match pass {
                Pass::Noted => {}
                Pass::Ended(ended) => return Ok(*ended),
                Pass::Moved => watcher.expect_change(),
                Pass::Idle => {
                    let now = self.parts.clock.now();
                    if now.duration_since(tags_read) >= TAGS_EVERY {
                        tags_read = now;
                        if hands.notice_tags(&mut deployment).await? {
                            continue;
                        }
                    }
                    let pause = watcher.pause(tempo.settle, self.parts.clock.now());
                    self.parts.clock.sleep(pause).await;
                    // Somebody may have cancelled meanwhile.
                    deployment = self.reload(deployment.id).await?;
                }
            }
        }
    }

    pub(super) async fn reload(&self, id: DeploymentId) -> Result<Deployment, StoreError> {
        let deployment = self.parts.store.deployment(id).await?;
        deployment.ok_or(StoreError::NoSuchDeployment(id))
    }
}

/// What acts for one environment.
pub(super) struct Hands<'a> {
    pub engine: &'a Engine,
    pub environment: &'a Environment,
    pub account: &'a Account,
}

impl Hands<'_> {
    /// Records and does what was decided.
    async fn do_next(&self, deployment: &mut Deployment, decision: Next) -> anyhow::Result<Pass> {
        if decision.is_empty() {
            return Ok(Pass::Idle);
        }
        let resumed = under_way(deployment);
        let Next { mut events, steps } = decision;
        if let Some(Event::Ended { end }) = events.last_mut() {
            match self.check_tags(deployment, end).await {
                Ok(repairs) => drop(events.splice(0..0, repairs)),
                Err(unknown) => {
                    tracing::warn!(deployment.id = %deployment.id, error = unknown.detail, "could not read the tags; trying again");
                    return Ok(Pass::Idle);
                }
            }
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
            return Ok(Pass::Noted);
        }
        self.engine.want_card(deployment, None);
        let now: &Deployment = deployment;
        let deeds = steps.into_iter().map(|step| {
            let look_first = resumed.contains(&step);
            self.act(step, look_first, now)
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
    pub(super) async fn record(
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
    async fn act(&self, step: Step, look_first: bool, deployment: &Deployment) -> Event {
        let id = deployment.id;
        tracing::info!(deployment.id = %id, environment = %self.environment.name, %step, look_first, "step");
        let mut attempt = self.attempt(&step, look_first, deployment).await;
        // What goes forward can be undone; what goes back has nothing to fall back on, and
        // tries for as long as the environment's patience lasts.
        let going_back = deployment.rollout().is_some_and(|rollout| rollout.undo.is_some());
        let patience = self.engine.parts.clock.now().checked_add(self.environment.patience);
        while going_back
            && attempt.as_ref().is_err_and(|failure| failure.transient)
            && patience.as_ref().is_ok_and(|end| self.engine.parts.clock.now() < *end)
        {
            self.engine.parts.clock.sleep(TRY_AGAIN).await;
            attempt = self.attempt(&step, true, deployment).await;
        }
        match attempt {
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
                let service = self.service(service)?;
                let id = self.account.ecs.start_deployment(service, replacing, look_first).await?;
                Ok(StepOutcome::DeploymentStarted { id })
            }
            Step::StopDeployment { service, deployment } => {
                let service = self.service(service)?;
                // The service revision that ECS goes back to needs no tag: none is checked.
                let taken = self.account.ecs.stop_deployment(service, deployment).await;
                Ok(if taken { StepOutcome::Done } else { StepOutcome::NotTaken })
            }
        }
    }

    fn service(&self, name: &ServiceName) -> Result<&Service, StepFailure> {
        self.environment.service(name).ok_or_else(|| StepFailure {
            transient: false,
            code: "unknown-service".to_owned(),
            detail: format!("the settings no longer name {name}"),
        })
    }
}

/// The ECS deployments that were forced on the way forward, while it goes there.
fn forced<'a>(
    deployment: &'a Deployment,
    services: &[&'a Service],
) -> Vec<(&'a Service, &'a EcsDeploymentId)> {
    let forward = deployment.rollout().filter(|rollout| rollout.undo.is_none());
    let ours = forward.into_iter().flat_map(|rollout| &rollout.forward.deployments);
    let ours = ours.filter_map(|(name, ours)| {
        let service = services.iter().find(|service| service.name == *name)?;
        Some((*service, &ours.id))
    });
    ours.collect()
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
        | Event::Paused { .. }
        | Event::Continued { .. }
        | Event::CanaryAsked { .. }
        | Event::StopRequested { .. }
        | Event::UndoStarted { .. }
        | Event::Ended { .. }
        | Event::TagRepaired { .. }
        | Event::OthersChanged { .. } => None,
    }
}

fn under_way(deployment: &Deployment) -> Vec<Step> {
    let phase = deployment.rollout().map(Rollout::phase);
    phase.into_iter().flat_map(|phase| phase.under_way.iter().cloned()).collect()
}
