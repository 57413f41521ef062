//! What a plan refuses because it cannot work. The sentences are written in `report`.

use serde::{Deserialize, Serialize};

use super::id::{ChannelId, DeploymentId, EnvironmentName, Repository, ServiceName, Tag};

/// Why something cannot be done. Policies refuse what is not wanted; this is what would not work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum Refusal {
    NoSuchEnvironment {
        environment: EnvironmentName,
        known: Vec<EnvironmentName>,
    },
    /// The settings do not let this environment be spoken of in that channel.
    NotHere {
        environment: EnvironmentName,
        channels: Vec<ChannelId>,
    },
    NoSuchRepository {
        repository: Repository,
        known: Vec<Repository>,
    },
    /// ECR does not have the repository.
    RepositoryMissing {
        repository: Repository,
    },
    /// Several repositories could be meant.
    WhichRepository {
        asked: String,
        choices: Vec<Repository>,
    },
    NoSuchImage {
        repository: Repository,
        asked: String,
        nearest: Vec<Tag>,
    },
    /// The prefix begins several digests.
    AmbiguousDigest {
        repository: Repository,
        prefix: String,
        choices: Vec<String>,
    },
    /// One repository was given two different images.
    TwoImages {
        repository: Repository,
    },
    /// The tag moves by promotions and names no image of its own.
    EnvironmentTag {
        tag: Tag,
    },
    Archived {
        image: String,
    },
    NothingRuns {
        repository: Repository,
        environment: EnvironmentName,
    },
    NothingToDo {
        environment: EnvironmentName,
        running: Vec<String>,
    },
    SameEnvironment {
        environment: EnvironmentName,
    },
    /// What should be copied is not one image: several run, or none, or it is still changing.
    Unsettled {
        environment: EnvironmentName,
        service: ServiceName,
    },
    NothingToRollBack {
        environment: EnvironmentName,
    },
    /// Another deployment is the last success now than when the rollback was asked for.
    NotTheLast {
        environment: EnvironmentName,
        of: DeploymentId,
        last: Option<DeploymentId>,
    },
    /// What ran before cannot be had again.
    RollbackTargetGone {
        image: String,
        of: DeploymentId,
    },
    ServiceMissing {
        service: ServiceName,
        ecs_service: String,
        cluster: String,
    },
    ServiceInactive {
        service: ServiceName,
    },
    ContainerMissing {
        service: ServiceName,
        container: String,
        names: Vec<String>,
    },
    /// Restarting would change nothing: the task definition follows something else.
    TagNotFollowed {
        service: ServiceName,
        found: String,
        expected: String,
    },
    ControllerNotEcs {
        service: ServiceName,
    },
    BlueGreen {
        service: ServiceName,
    },
    Daemon {
        service: ServiceName,
    },
    ForeignDeployment {
        service: ServiceName,
    },
    /// The settings fix `stop`, and ECS would bring the old image back.
    StopKeepsOldImage {
        service: ServiceName,
    },
}

impl Refusal {
    /// The code that stands in the journal and in logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoSuchEnvironment { .. } => "no-such-environment",
            Self::NotHere { .. } => "not-here",
            Self::NoSuchRepository { .. } => "no-such-repository",
            Self::RepositoryMissing { .. } => "repository-missing",
            Self::WhichRepository { .. } => "which-repository",
            Self::NoSuchImage { .. } => "no-such-image",
            Self::AmbiguousDigest { .. } => "ambiguous-digest",
            Self::TwoImages { .. } => "two-images",
            Self::EnvironmentTag { .. } => "environment-tag",
            Self::Archived { .. } => "archived",
            Self::NothingRuns { .. } => "nothing-runs",
            Self::NothingToDo { .. } => "nothing-to-do",
            Self::SameEnvironment { .. } => "same-environment",
            Self::Unsettled { .. } => "unsettled",
            Self::NothingToRollBack { .. } => "nothing-to-roll-back",
            Self::NotTheLast { .. } => "not-the-last",
            Self::RollbackTargetGone { .. } => "rollback-target-gone",
            Self::ServiceMissing { .. } => "service-missing",
            Self::ServiceInactive { .. } => "service-inactive",
            Self::ContainerMissing { .. } => "container-missing",
            Self::TagNotFollowed { .. } => "tag-not-followed",
            Self::ControllerNotEcs { .. } => "controller-not-ecs",
            Self::BlueGreen { .. } => "blue-green",
            Self::Daemon { .. } => "daemon",
            Self::ForeignDeployment { .. } => "foreign-deployment",
            Self::StopKeepsOldImage { .. } => "stop-keeps-old-image",
        }
    }
}
