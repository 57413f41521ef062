//! Carries a deployment out, and does its steps. In which order things are looked at, decided,
//! written down and done is in `course`.

use std::time::Duration;

use futures::future::join_all;

use super::checks::asked_of;
use super::course::Course;
use super::{Engine, lock};
use crate::aws::Account;
use crate::domain::deployment::Deployment;
use crate::domain::environment::{Environment, Service};
use crate::domain::event::{Event, Step, StepFailure, StepOutcome};
use crate::domain::id::{DeploymentId, ServiceName};
use crate::domain::observation::Observation;
use crate::domain::plan::PlannedService;
use crate::domain::rollout::Rollout;
use crate::ports::StoreError;
use crate::report;

/// The longest pause after looks that AWS did not answer.
pub(super) const LONGEST_SILENCE: Duration = Duration::from_secs(15);

/// The pause before something is undone that AWS could not do just now.
const TRY_AGAIN: Duration = Duration::from_secs(2);

impl Engine {
    /// Starts to carry a running deployment out, unless this process does so already. What was
    /// seen just before it started need not be looked at again.
    pub(super) fn run_deployment(&self, deployment: &Deployment, seen: Option<Observation>) {
        let id = deployment.id;
        if !lock(&self.shared.running).insert(id) {
            return;
        }
        self.tell_whose_lock_is_passed(deployment);
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
        deployment: Deployment,
        before: Option<Observation>,
    ) -> anyhow::Result<Deployment> {
        let (environment, account) = self
            .place(&deployment.plan.terms.environment)
            .map_err(|_| anyhow::anyhow!("the settings no longer name its environment"))?;
        let services: Vec<&Service> = deployment
            .plan
            .terms
            .services
            .iter()
            .filter_map(|planned| Some((planned, environment.service(&planned.name)?)))
            .map(|(planned, service)| {
                anyhow::ensure!(
                    is_as_planned(planned, service),
                    "the settings say something else of {} than the plan that was agreed to",
                    planned.name
                );
                Ok(service)
            })
            .collect::<anyhow::Result<_>>()?;
        anyhow::ensure!(
            services.len() == deployment.plan.terms.services.len(),
            "the settings no longer name every service of the plan"
        );
        let hands = Hands { engine: self, environment, account };
        Box::pin(Course::begin(hands, services, deployment, before).run()).await
    }

    pub(super) async fn reload(&self, id: DeploymentId) -> Result<Deployment, StoreError> {
        let deployment = self.parts.store.deployment(id).await?;
        deployment.ok_or(StoreError::NoSuchDeployment(id))
    }
}

/// What acts for one environment.
#[derive(Clone, Copy)]
pub(super) struct Hands<'a> {
    pub engine: &'a Engine,
    pub environment: &'a Environment,
    pub account: &'a Account,
}

impl Hands<'_> {
    /// Appends; false: somebody else did first, and `deployment` is what it is now.
    pub async fn record(
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
    pub async fn act(&self, step: Step, look_first: bool, deployment: &Deployment) -> Event {
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
            // Never asked for here: `course` has it done beside the rollout.
            Step::Check { service, .. } => {
                Ok(self.engine.check(asked_of(self.environment, service)).await)
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

/// Whether the settings still mean the same of ECS and ECR by a service's name.
fn is_as_planned(planned: &PlannedService, service: &Service) -> bool {
    planned.ecs_service == service.ecs_service
        && planned.container == service.container
        && planned.repository == service.repository
}

pub(super) fn under_way(deployment: &Deployment) -> Vec<Step> {
    let phase = deployment.rollout().map(Rollout::phase);
    phase.into_iter().flat_map(|phase| phase.under_way.iter().cloned()).collect()
}
