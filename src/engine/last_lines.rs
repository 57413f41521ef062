//! The last lines of the log of the task that a rollout goes back for. They are read beside the
//! way back, which never waits for them for long, and whatever keeps them from being read is
//! only told.

use std::time::Duration;

use tokio::task::JoinHandle;

use super::Engine;
use super::runner::Hands;
use crate::aws::Account;
use crate::domain::deployment::Deployment;
use crate::domain::environment::Environment;
use crate::domain::event::{Cause, Event, LastLines};
use crate::domain::id::{ServiceName, TaskArn};

/// The longest line that is kept, in characters.
const LONGEST_LINE: usize = 300;

/// How often a log that is empty is read again: its lines may be on their way.
const READS: u32 = 3;
const BETWEEN_READS: Duration = Duration::from_secs(1);

/// A log that is being read.
#[derive(Default)]
pub(super) struct Reading(Option<JoinHandle<Event>>);

impl Reading {
    /// Begins to read, if there is something to read that was not read before.
    pub fn begin(
        &mut self,
        engine: &Engine,
        deployment: &Deployment,
        at: (&Environment, &Account),
    ) {
        let (environment, account) = at;
        if self.0.is_some() || !environment.logs {
            return;
        }
        let Some((service, task, container)) = unread(deployment) else { return };
        let (service, task) = (service.clone(), task.clone());
        let container = container.map(str::to_owned);
        let Some(settings) = environment.service(&service).cloned() else { return };
        let (engine, account) = (engine.clone(), account.clone());
        self.0 = Some(tokio::spawn(async move {
            let name = container.unwrap_or_else(|| settings.container.clone());
            let read = async {
                let Some(place) = account.ecs.log_of(&settings, &task, &name).await? else {
                    return Ok(None);
                };
                let mut lines = account.logs.last_lines(&place).await?;
                for _ in 1..READS {
                    if !lines.is_empty() {
                        break;
                    }
                    engine.parts.clock.sleep(BETWEEN_READS).await;
                    lines = account.logs.last_lines(&place).await?;
                }
                Ok::<_, crate::aws::AwsError>(Some(lines))
            };
            let (lines, unread) = match read.await {
                Ok(Some(lines)) => (lines.iter().map(|line| shortened(line)).collect(), None),
                Ok(None) => (Vec::new(), Some(NOT_THERE.to_owned())),
                Err(error) => (Vec::new(), Some(error.to_string())),
            };
            Event::LogRead(LastLines { service, task, container: name, lines, unread })
        }));
    }

    /// What was read, once it is; nothing twice.
    pub async fn finished(&mut self, wait: Duration) -> Option<Event> {
        let reading = self.0.as_mut()?;
        let Ok(read) = tokio::time::timeout(wait, reading).await else { return None };
        self.0 = None;
        read.inspect_err(|error| tracing::error!(%error, "reading a log broke down")).ok()
    }
}

/// Why there is nothing to read.
const NOT_THERE: &str = "its task definition names no awslogs group with a stream prefix";

impl Drop for Reading {
    fn drop(&mut self) {
        if let Some(reading) = &self.0 {
            reading.abort();
        }
    }
}

impl Hands<'_> {
    /// Writes down what was read of a log; false: nothing was.
    pub async fn note_log(
        &self,
        deployment: &mut Deployment,
        read: Option<Event>,
    ) -> anyhow::Result<bool> {
        let Some(read) = read else { return Ok(false) };
        let unread = |deployment: &Deployment| {
            let rollout = deployment.rollout();
            deployment.end().is_none()
                && rollout.is_some_and(|rollout| rollout.last_lines.is_none())
        };
        while unread(deployment) {
            if self.record(deployment, vec![read.clone()]).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The task for which the deployment goes back, and the container that failed in it, unless its
/// log was read.
fn unread(deployment: &Deployment) -> Option<(&ServiceName, &TaskArn, Option<&str>)> {
    let rollout = deployment.rollout()?;
    let undo = rollout.undo.as_ref()?;
    match (&undo.cause, &rollout.last_lines) {
        (Cause::TaskFailed { service, task, stopped }, None) => {
            Some((service, task, stopped.container.as_deref()))
        }
        (
            Cause::TaskFailed { .. }
            | Cause::NoProgress { .. }
            | Cause::EcsGaveUp { .. }
            | Cause::RolledBackByEcs { .. }
            | Cause::ResolvedAnother { .. }
            | Cause::NotFollowed { .. }
            | Cause::Overtaken { .. }
            | Cause::ServiceGone { .. }
            | Cause::StepFailed { .. }
            | Cause::CheckFailed { .. }
            | Cause::Stopped { .. },
            _,
        ) => None,
    }
}

fn shortened(line: &str) -> String {
    line.trim_end().chars().take(LONGEST_LINE).collect()
}
