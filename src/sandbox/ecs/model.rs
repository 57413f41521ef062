//! What the simulated ECS holds: clusters, task definitions, services, deployments, tasks. Must not
//! know AWS's calls, or what happens when.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::SystemTime;

use serde_json::{Map, Value};
use tokio::time::Instant;

use super::super::world::{
    Behaviour, CircuitBreaker, Controller, LaunchType, Scheduling, Strategy,
};

/// Where a service stands in `State::services`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in super::super) struct ServiceKey(pub(in super::super) usize);

/// A task's number: younger tasks have higher ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in super::super) struct TaskKey(pub(in super::super) u64);

#[derive(Clone, Debug)]
pub(in super::super) struct Cluster {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) labels: Vec<Value>,
}

/// A revision of a task definition.
#[derive(Clone, Debug)]
pub(in super::super) struct Definition {
    pub(super) arn: String,
    pub(super) containers: Vec<ContainerPlan>,
    /// What was registered, with what ECS adds.
    pub(super) body: Map<String, Value>,
    pub(super) active: bool,
    pub(super) labels: Vec<Value>,
}

impl Definition {
    /// Its container definitions, as DescribeTaskDefinition shows them.
    pub(super) fn shown_containers(&self) -> impl Iterator<Item = &Value> {
        self.body.get("containerDefinitions").and_then(Value::as_array).into_iter().flatten()
    }
}

/// What ECS needs to know to run one container.
#[derive(Clone, Debug)]
pub(super) struct ContainerPlan {
    pub(super) name: String,
    pub(super) image: String,
    /// `versionConsistency` is not `disabled`.
    pub(super) pinned: bool,
    pub(super) health_check: bool,
    pub(super) essential: bool,
}

#[derive(Clone, Debug)]
pub(in super::super) struct Service {
    pub(super) key: ServiceKey,
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) cluster: String,
    pub(super) status: ServiceStatus,
    pub(super) desired: u32,
    pub(super) launch_type: LaunchType,
    pub(super) minimum_healthy_percent: u32,
    pub(super) maximum_percent: u32,
    pub(super) circuit_breaker: CircuitBreaker,
    pub(super) controller: Controller,
    pub(super) scheduling: Scheduling,
    pub(super) strategy: Strategy,
    pub(super) created: SystemTime,
    pub(super) labels: Vec<Value>,
    /// Members that the sandbox only gives back: `networkConfiguration`, `loadBalancers` and the
    /// like.
    pub(super) kept: Map<String, Value>,
    /// The oldest first. Exactly one is primary.
    pub(super) deployments: Vec<Deployment>,
    /// The newest first, as ECS gives them.
    pub(super) events: VecDeque<Event>,
    /// Tasks that are not STOPPED.
    pub(super) live: BTreeSet<TaskKey>,
    /// Tasks that are, for as long as they can be seen.
    pub(super) stopped: VecDeque<TaskKey>,
    /// When the scheduler will look next, if it is on the agenda.
    pub(super) look_at: Option<Instant>,
    /// Tasks in a row that failed before they were RUNNING.
    pub(super) failed_starts: u32,
    pub(super) start_again_at: Option<Instant>,
    /// Whether the event of the steady state has been written for the present state.
    pub(super) said_steady: bool,
    /// What is going on to rebalance availability zones.
    pub(super) rebalancing: Option<Rebalancing>,
}

/// One more task than desired is wanted until it is healthy; then this one goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rebalancing {
    pub(super) leaving: TaskKey,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ServiceStatus {
    Active,
    Draining,
    Inactive,
}

impl ServiceStatus {
    pub(super) fn name(self) -> &'static str {
        match self {
            ServiceStatus::Active => "ACTIVE",
            ServiceStatus::Draining => "DRAINING",
            ServiceStatus::Inactive => "INACTIVE",
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) at: SystemTime,
    pub(super) message: String,
}

/// A service deployment, with the service revision that it brings.
#[derive(Clone, Debug)]
pub(super) struct Deployment {
    /// The digits of `ecs-svc/…` and of the revision's ARN.
    pub(super) number: String,
    /// The id in the ARN of the service deployment.
    pub(super) short: String,
    pub(super) definition: String,
    pub(super) standing: Standing,
    pub(super) rollout: Rollout,
    pub(super) rollout_reason: String,
    pub(super) status: DeploymentStatus,
    pub(super) status_reason: Option<String>,
    pub(super) created: SystemTime,
    /// When the scheduler looked at it first.
    pub(super) started: Option<SystemTime>,
    pub(super) updated: SystemTime,
    pub(super) finished: Option<SystemTime>,
    /// When it was stopped before it was done: by a person, a newer one, or for having failed.
    pub(super) halted: Option<SystemTime>,
    /// Tasks in a row that failed.
    pub(super) failed_tasks: u32,
    /// Whether it is pinned at all: services that nobody has touched since before there was version
    /// consistency are not, and have no revision.
    pub(super) resolves: bool,
    /// What the first task resolved, by container. Tasks that follow start from it.
    pub(super) pins: BTreeMap<String, Pin>,
    /// The deployment that was primary before.
    pub(super) source: Option<String>,
    pub(super) rollback: Option<Rollback>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pin {
    pub(super) digest: String,
}

#[derive(Clone, Debug)]
pub(super) struct Rollback {
    pub(super) reason: String,
    pub(super) started: SystemTime,
    /// The number of the deployment that it goes back to.
    pub(super) to: String,
}

impl Deployment {
    pub(super) fn id(&self) -> String {
        format!("ecs-svc/{}", self.number)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Primary,
    /// It still has tasks, and a newer one replaces them.
    Active,
    /// It is history.
    Gone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rollout {
    InProgress,
    Completed,
    Failed,
}

impl Rollout {
    pub(super) fn name(self) -> &'static str {
        match self {
            Rollout::InProgress => "IN_PROGRESS",
            Rollout::Completed => "COMPLETED",
            Rollout::Failed => "FAILED",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DeploymentStatus {
    /// The scheduler has not looked at it yet.
    Pending,
    InProgress,
    Successful,
    Stopped,
    /// Somebody wants it to go back, and the scheduler has not looked yet.
    RollbackRequested,
    RollbackInProgress,
    RollbackSuccessful,
    /// What it went back to does not start either.
    RollbackFailed,
}

impl DeploymentStatus {
    pub(super) fn name(self) -> &'static str {
        match self {
            DeploymentStatus::Pending => "PENDING",
            DeploymentStatus::InProgress => "IN_PROGRESS",
            DeploymentStatus::Successful => "SUCCESSFUL",
            DeploymentStatus::Stopped => "STOPPED",
            DeploymentStatus::RollbackRequested => "ROLLBACK_REQUESTED",
            DeploymentStatus::RollbackInProgress => "ROLLBACK_IN_PROGRESS",
            DeploymentStatus::RollbackSuccessful => "ROLLBACK_SUCCESSFUL",
            DeploymentStatus::RollbackFailed => "ROLLBACK_FAILED",
        }
    }

    /// Whether it is still on its way to its own revision.
    pub(super) fn goes_on(self) -> bool {
        matches!(self, DeploymentStatus::Pending | DeploymentStatus::InProgress)
    }

    /// Whether it is on its way back.
    pub(super) fn goes_back(self) -> bool {
        matches!(self, DeploymentStatus::RollbackRequested | DeploymentStatus::RollbackInProgress)
    }
}

impl Service {
    /// Every service is made with a deployment, and one is always primary.
    pub(super) fn primary(&self) -> Option<&Deployment> {
        self.deployments.iter().rev().find(|deployment| deployment.standing == Standing::Primary)
    }

    pub(super) fn primary_mut(&mut self) -> Option<&mut Deployment> {
        self.deployments
            .iter_mut()
            .rev()
            .find(|deployment| deployment.standing == Standing::Primary)
    }

    pub(super) fn deployment(&self, number: &str) -> Option<&Deployment> {
        self.deployments.iter().find(|deployment| deployment.number == number)
    }

    pub(super) fn deployment_mut(&mut self, number: &str) -> Option<&mut Deployment> {
        self.deployments.iter_mut().find(|deployment| deployment.number == number)
    }

    /// How many failed tasks in a row the circuit breaker takes: half of the desired count, 3 to
    /// 200.
    pub(super) fn threshold(&self) -> u32 {
        self.desired.div_ceil(2).clamp(3, 200)
    }
}

#[derive(Clone, Debug)]
pub(in super::super) struct Task {
    pub(super) key: TaskKey,
    pub(super) id: String,
    pub(super) arn: String,
    pub(super) cluster: String,
    pub(super) service: Option<ServiceKey>,
    /// The number of its deployment, for a service's task.
    pub(super) deployment: Option<String>,
    pub(super) started_by: Option<String>,
    pub(super) group: String,
    pub(super) definition: String,
    pub(super) launch_type: LaunchType,
    pub(super) stage: Stage,
    /// How often it has changed: what was planned for an earlier step is void.
    pub(super) step: u32,
    pub(super) wanted: bool,
    pub(super) containers: Vec<TaskContainer>,
    pub(super) stop: Option<Stop>,
    pub(super) created: SystemTime,
    pub(super) pull_started: Option<SystemTime>,
    pub(super) pull_stopped: Option<SystemTime>,
    pub(super) started: Option<SystemTime>,
    pub(super) stopping: Option<SystemTime>,
    pub(super) execution_stopped: Option<SystemTime>,
    pub(super) stopped: Option<SystemTime>,
    pub(super) labels: Vec<Value>,
    /// The state in which it was told to EventBridge last, and whether it was wanted then.
    pub(super) told: Option<(Stage, bool)>,
}

#[derive(Clone, Debug)]
pub(super) struct TaskContainer {
    pub(super) name: String,
    pub(super) image: String,
    pub(super) digest: Option<String>,
    pub(super) health_check: bool,
    pub(super) essential: bool,
    pub(super) health: Health,
    pub(super) behaviour: Behaviour,
    /// What it writes when it starts.
    pub(super) log: Vec<String>,
    pub(super) exit_code: Option<i32>,
    pub(super) reason: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    Unknown,
    Healthy,
    Unhealthy,
}

impl Health {
    pub(super) fn name(self) -> &'static str {
        match self {
            Health::Unknown => "UNKNOWN",
            Health::Healthy => "HEALTHY",
            Health::Unhealthy => "UNHEALTHY",
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Stop {
    pub(super) code: &'static str,
    pub(super) reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Provisioning,
    Pending,
    Activating,
    Running,
    Deactivating,
    Stopping,
    Deprovisioning,
    Stopped,
}

impl Stage {
    pub(super) fn name(self) -> &'static str {
        match self {
            Stage::Provisioning => "PROVISIONING",
            Stage::Pending => "PENDING",
            Stage::Activating => "ACTIVATING",
            Stage::Running => "RUNNING",
            Stage::Deactivating => "DEACTIVATING",
            Stage::Stopping => "STOPPING",
            Stage::Deprovisioning => "DEPROVISIONING",
            Stage::Stopped => "STOPPED",
        }
    }
}

impl Task {
    /// The health of the task: the worst of its essential containers that have a health check.
    pub(super) fn health(&self) -> Health {
        let checked: Vec<Health> = self
            .containers
            .iter()
            .filter(|c| c.health_check && c.essential)
            .map(|c| c.health)
            .collect();
        if checked.contains(&Health::Unhealthy) {
            Health::Unhealthy
        } else if checked.is_empty() || checked.contains(&Health::Unknown) {
            Health::Unknown
        } else {
            Health::Healthy
        }
    }

    pub(super) fn has_health_check(&self) -> bool {
        self.containers.iter().any(|container| container.health_check && container.essential)
    }

    /// Whether the scheduler counts it as healthy: RUNNING, and HEALTHY where there is a health
    /// check.
    pub(super) fn is_healthy(&self) -> bool {
        let healthy = !self.has_health_check() || self.health() == Health::Healthy;
        self.wanted && self.stage == Stage::Running && healthy
    }
}
