//! What ECR and ECS say, as far as decisions need it. Adapters fill it in; nothing here asks.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::environment::Registry;
use super::id::{Digest, EcsDeploymentId, Repository, ServiceName, Tag, TaskArn};
use super::image::Image;
use super::mutability::Mutability;

/// One look at an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// When the look began, by our clock.
    pub at: Timestamp,
    pub services: BTreeMap<ServiceName, ServiceSeen>,
    /// What the environment's tags point at; only repositories that were asked about.
    pub tags: BTreeMap<Repository, TagsSeen>,
}

/// What the two tags of an environment point at in one repository. `None`: no such tag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagsSeen {
    pub current: Option<ImageSeen>,
    pub previous: Option<Digest>,
    /// Which tags of the repository may be moved.
    pub mutability: Mutability,
    /// Whose registry handed the images out; `None`: it handed none out.
    pub registry: Option<Registry>,
}

/// An image as ECR describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageSeen {
    pub image: Image,
    /// The digests inside, where the image is an index: ECS may report one of them.
    pub children: Vec<Digest>,
    pub tags: Vec<Tag>,
    /// The tag by which it was asked for, if it was.
    pub asked: Option<Tag>,
    pub pushed_at: Option<Timestamp>,
    /// Findings of severity CRITICAL; `None`: no scan is known.
    pub critical_findings: Option<u32>,
    /// ECR keeps it but does not hand it out.
    pub archived: bool,
    /// The children that the index names and ECR does not have; only looked for in what is to
    /// be promoted.
    #[serde(default)]
    pub missing: Vec<Digest>,
}

/// What was found under a service's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServiceSeen {
    Missing,
    Found(Box<EcsService>),
}

impl ServiceSeen {
    pub fn found(&self) -> Option<&EcsService> {
        match self {
            Self::Missing => None,
            Self::Found(service) => Some(service),
        }
    }
}

/// An ECS service, its task definition and its tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EcsService {
    /// `ACTIVE`, `DRAINING` or `INACTIVE`.
    pub active: bool,
    pub desired: u32,
    /// The ARN of its task definition.
    pub definition: String,
    /// Percent of `desired` that must stay healthy.
    pub minimum_healthy_percent: u32,
    pub controller: Controller,
    pub scheduling: Scheduling,
    /// A load balancer has a say in whether its tasks are healthy, which ECS tells of its own
    /// deployments only.
    pub load_balanced: bool,
    /// ECS's deployments of the service, the primary first.
    pub deployments: Vec<EcsDeployment>,
    /// What ECS tells of some of them as service deployments, those that it no longer lists
    /// among them: only where that was asked.
    pub followed: BTreeMap<EcsDeploymentId, ServiceDeployment>,
    /// What the task definition says about the container that runs the image.
    pub container: ContainerSeen,
    /// Every task that ECS wants running, and the stopped ones it still shows.
    pub tasks: Vec<Task>,
}

/// Who carries a service's deployments out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Controller {
    /// ECS, rolling.
    Rolling,
    /// ECS, natively blue/green, linear or canary.
    BlueGreen,
    /// CodeDeploy or something else outside.
    External,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheduling {
    Replica,
    Daemon,
}

/// The container in the task definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContainerSeen {
    /// No container has that name; these have.
    Absent { names: Vec<String> },
    Present {
        /// The image as written: `123….dkr.ecr.eu-west-1.amazonaws.com/core:staging-latest`.
        image: String,
        /// `versionConsistency` is not disabled: a replaced task starts from the digest that
        /// its ECS deployment resolved first, wherever the tag points by then.
        consistent: bool,
        has_health_check: bool,
    },
}

impl ContainerSeen {
    pub fn has_health_check(&self) -> bool {
        match self {
            Self::Absent { .. } => false,
            Self::Present { has_health_check, .. } => *has_health_check,
        }
    }
}

/// One of ECS's deployments of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EcsDeployment {
    pub id: EcsDeploymentId,
    pub primary: bool,
    pub rollout: RolloutState,
}

/// One of ECS's deployments as a service deployment, which it remembers when it is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceDeployment {
    pub state: ServiceDeploymentState,
    /// What its service revision resolved for the container that runs the image; `None`: not
    /// yet, or nothing is resolved because versions need not be consistent.
    pub resolved: Option<Digest>,
}

/// ECS's status of a service deployment, as far as decisions need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServiceDeploymentState {
    /// Not over, or over in a way that ECS's rollout state tells as well.
    Standing,
    /// ECS goes back, or has, or could not.
    RolledBack {
        /// The service revision that it goes back to, where ECS says.
        to: Option<String>,
        reason: String,
    },
}

/// ECS's `rolloutState`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RolloutState {
    InProgress,
    Completed,
    Failed {
        reason: String,
    },
    /// ECS did not say.
    Unknown,
}

/// A task, looked at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    pub arn: TaskArn,
    /// ECS wants it running.
    pub wanted: bool,
    /// `lastStatus` is RUNNING.
    pub running: bool,
    pub health: Health,
    /// Of the container that runs the image; `None` until ECS has pulled it.
    pub digest: Option<Digest>,
    /// Why it stopped, once it has.
    pub stopped: Option<Stopped>,
    /// Since when it has been seen in this same condition without a break.
    pub since: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    Healthy,
    Unhealthy,
    Unknown,
}

/// Why a task stopped, as far as ECS tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    pub cause: StopCause,
    pub reason: String,
    pub exit_code: Option<i32>,
    /// The container that it stopped for, as far as can be told.
    #[serde(default)]
    pub container: Option<String>,
}

/// ECS's `stopCode`, sorted by what it says about the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopCause {
    /// The essential container exited.
    Exited,
    /// It never got to run: pull errors, no room, a failing start.
    NeverStarted,
    /// ECS gave up on it because of its health.
    Unhealthy,
    /// Anything that says nothing about the image: a person, scaling, rebalancing, a host.
    Other,
}

impl Stopped {
    /// Whether what is in the image is the likely cause. A task that never started says so only
    /// where its container was pulled and could not be run.
    pub fn blames_image(&self) -> bool {
        match self.cause {
            StopCause::Exited | StopCause::Unhealthy => true,
            StopCause::NeverStarted => self.reason.contains("CannotStartContainer"),
            StopCause::Other => false,
        }
    }
}

impl Task {
    /// Whether it stopped in a way for which the image is to blame.
    pub fn failed(&self) -> bool {
        match &self.stopped {
            None => false,
            Some(stopped) => match stopped.cause {
                StopCause::Exited | StopCause::NeverStarted | StopCause::Unhealthy => true,
                StopCause::Other => false,
            },
        }
    }

    /// Whether it serves: running, wanted, and healthy where health is checked.
    pub fn serves(&self, has_health_check: bool) -> bool {
        self.wanted && self.running && (!has_health_check || self.health == Health::Healthy)
    }
}

impl EcsDeployment {
    /// ECS has given it up, and does nothing more about it.
    pub fn has_failed(&self) -> bool {
        match self.rollout {
            RolloutState::Failed { .. } => true,
            RolloutState::InProgress | RolloutState::Completed | RolloutState::Unknown => false,
        }
    }
}

impl EcsService {
    pub fn wanted_tasks(&self) -> impl Iterator<Item = &Task> {
        self.tasks.iter().filter(|task| task.wanted)
    }

    /// How many tasks serve now.
    pub fn serving(&self) -> u32 {
        let check = self.container.has_health_check();
        count(self.wanted_tasks().filter(|task| task.serves(check)))
    }

    /// How many tasks must stay serving.
    pub fn minimum(&self) -> u32 {
        // Wide enough for any two counts: what AWS answers must not make us panic.
        let parts = u64::from(self.desired) * u64::from(self.minimum_healthy_percent);
        u32::try_from(parts.div_ceil(100)).unwrap_or(u32::MAX)
    }

    /// How many serving tasks may be stopped now.
    pub fn room(&self) -> u32 {
        self.serving().saturating_sub(self.minimum())
    }

    /// Whether not even a service whose every task serves has room to stop one.
    pub fn never_room(&self) -> bool {
        self.minimum() >= self.desired
    }

    pub fn primary(&self) -> Option<&EcsDeployment> {
        self.deployments.iter().find(|deployment| deployment.primary)
    }

    /// Nothing of ECS's own is under way.
    pub fn steady(&self) -> bool {
        let done = |deployment: &EcsDeployment| match deployment.rollout {
            RolloutState::Completed | RolloutState::Unknown => true,
            RolloutState::InProgress | RolloutState::Failed { .. } => false,
        };
        self.deployments.len() == 1 && self.deployments.iter().all(done)
    }
}

/// A count that fits: ECS runs at most a few thousand tasks for a service.
pub fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}
