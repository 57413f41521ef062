//! What a test sees without a call: tasks and services as plain data. Must not change anything, and
//! must not know AWS's calls.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::state::State;
use super::model::{Standing, Task, TaskKey};
use super::scheduler;

/// A task, as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskView {
    pub id: String,
    pub arn: String,
    /// `lastStatus`.
    pub status: String,
    /// Whether `desiredStatus` is RUNNING.
    pub wanted: bool,
    /// `HEALTHY`, `UNHEALTHY` or `UNKNOWN`.
    pub health: String,
    /// The id of the deployment that started it.
    pub started_by: Option<String>,
    /// The digest that ECS reports, by container.
    pub digests: BTreeMap<String, String>,
    pub stop_code: Option<String>,
    pub stopped_reason: Option<String>,
}

/// A service, as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceView {
    pub cluster: String,
    pub name: String,
    pub desired: u32,
    /// Tasks that are RUNNING and wanted.
    pub running: u32,
    /// How many of them are healthy, or have no health check.
    pub healthy: u32,
    /// Tasks that are on their way to RUNNING.
    pub pending: u32,
    /// The id of the primary deployment.
    pub deployment: String,
    /// Its `rolloutState`.
    pub rollout: String,
    /// How many deployments DescribeServices shows.
    pub deployments: usize,
    pub tasks: Vec<TaskView>,
}

impl ServiceView {
    /// Whether it has what it should have, and nothing is on its way.
    pub fn is_steady(&self) -> bool {
        self.healthy == self.desired
            && self.tasks.len() == self.desired as usize
            && self.deployments == 1
    }

    /// Whether it is steady and each task reports the digest for the container.
    pub fn runs(&self, container: &str, digest: &str) -> bool {
        let on_digest =
            |task: &TaskView| task.digests.get(container).is_some_and(|on| on == digest);
        self.is_steady() && self.tasks.iter().all(on_digest)
    }
}

fn view(task: &Task) -> TaskView {
    let digests = task.containers.iter().filter(|_| task.pull_stopped.is_some());
    TaskView {
        id: task.id.clone(),
        arn: task.arn.clone(),
        status: task.stage.name().to_owned(),
        wanted: task.wanted,
        health: task.health().name().to_owned(),
        started_by: task.started_by.clone(),
        digests: digests.filter_map(|one| Some((one.name.clone(), one.digest.clone()?))).collect(),
        stop_code: task.stop.as_ref().map(|stop| stop.code.to_owned()),
        stopped_reason: task.stop.as_ref().map(|stop| stop.reason.clone()),
    }
}

/// A service with its wanted tasks, the oldest first.
pub(in super::super) fn service(state: &State, cluster: &str, name: &str) -> Option<ServiceView> {
    let service = state.service_named(cluster, name)?;
    let (running, pending) = scheduler::running_and_pending(state, service, None);
    let tasks =
        service.live.iter().filter_map(|key| state.tasks.get(key)).filter(|task| task.wanted);
    let primary = service.primary()?;
    Some(ServiceView {
        cluster: cluster.to_owned(),
        name: name.to_owned(),
        desired: service.desired,
        running: running as u32,
        healthy: tasks.clone().filter(|task| task.is_healthy()).count() as u32,
        pending: pending as u32,
        deployment: primary.id(),
        rollout: primary.rollout.name().to_owned(),
        deployments: service
            .deployments
            .iter()
            .filter(|one| one.standing != Standing::Gone)
            .count(),
        tasks: tasks.map(view).collect(),
    })
}

/// Tasks of a service that are stopping or have stopped, the oldest first.
pub(in super::super) fn stopped(state: &State, cluster: &str, name: &str) -> Vec<TaskView> {
    let Some(service) = state.service_named(cluster, name) else {
        return Vec::new();
    };
    let mut keys: Vec<TaskKey> = service.stopped.iter().chain(&service.live).copied().collect();
    keys.sort_unstable();
    let tasks = keys.iter().filter_map(|key| state.tasks.get(key));
    tasks.filter(|task| !task.wanted).map(view).collect()
}

/// Every service of the account, in the order of clusters and names.
pub(in super::super) fn services(state: &State) -> Vec<ServiceView> {
    state.service_names.keys().filter_map(|(cluster, name)| service(state, cluster, name)).collect()
}
