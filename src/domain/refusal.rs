//! What a plan refuses because it cannot work. The sentences are written in `report`.

use serde::{Deserialize, Serialize};

use super::id::{
    ChannelId, DeploymentId, Digest, EnvironmentName, PersonId, Repository, ServiceName, Tag,
};

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
    /// It may not be promoted until it is unbanned.
    Banned(Box<BannedImage>),
    /// No image is known to have made it go back.
    NothingToBan {
        deployment: DeploymentId,
    },
    NotBanned {
        asked: String,
    },
    NoHold {
        environment: EnvironmentName,
    },
    NotLocked {
        environment: EnvironmentName,
    },
    /// No program has it for itself.
    NoReservation {
        environment: EnvironmentName,
    },
    NotFrozen {
        environment: EnvironmentName,
    },
    /// Nobody froze it, and nobody can end what the settings say.
    FrozenByCalendar {
        environment: EnvironmentName,
        reason: String,
    },
    /// It is an index, and some of what it names is not in ECR: no tag can be put on it.
    ChildrenMissing {
        image: String,
        missing: Vec<String>,
    },
    /// ECR puts no further tag on an image that has so many.
    TooManyTags {
        image: String,
        tags: usize,
        needed: Tag,
    },
    /// ECR would not let these tags be moved. `filters`: the exclusion filters that there are;
    /// `excluded`: by one of them, else because the repository is immutable but for them.
    TagsImmutable {
        repository: Repository,
        tags: Vec<Tag>,
        filters: Vec<String>,
        excluded: bool,
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
    ClusterMissing {
        environment: EnvironmentName,
        cluster: String,
        region: String,
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
    /// The task definition takes its image from another registry than the one whose tag moves.
    OtherRegistry {
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
    /// Shipmate has no credentials for AWS.
    CredentialsMissing {
        detail: String,
    },
    CredentialsExpired {
        detail: String,
    },
    /// AWS does not know the credentials, or the signature made with them.
    CredentialsRejected {
        detail: String,
    },
    /// Shipmate's role lacks this IAM action, such as `ecs:StopTask`.
    NotAllowed {
        action: String,
        detail: String,
    },
}

/// An image that is wanted and banned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BannedImage {
    pub image: String,
    /// The name by which it was banned: a tag may have moved since.
    pub banned_as: String,
    pub repository: Repository,
    pub digest: Digest,
    pub by: PersonId,
    pub because: String,
    /// It should have been gone back to, away from this deployment.
    pub reverts: Option<DeploymentId>,
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
            Self::Banned(_) => "banned",
            Self::NothingToBan { .. } => "nothing-to-ban",
            Self::NotBanned { .. } => "not-banned",
            Self::NoHold { .. } => "no-hold",
            Self::NotLocked { .. } => "not-locked",
            Self::NoReservation { .. } => "no-reservation",
            Self::NotFrozen { .. } => "not-frozen",
            Self::FrozenByCalendar { .. } => "frozen-by-calendar",
            Self::ChildrenMissing { .. } => "children-missing",
            Self::TooManyTags { .. } => "too-many-tags",
            Self::TagsImmutable { .. } => "tags-immutable",
            Self::NothingRuns { .. } => "nothing-runs",
            Self::NothingToDo { .. } => "nothing-to-do",
            Self::SameEnvironment { .. } => "same-environment",
            Self::Unsettled { .. } => "unsettled",
            Self::NothingToRollBack { .. } => "nothing-to-roll-back",
            Self::NotTheLast { .. } => "not-the-last",
            Self::RollbackTargetGone { .. } => "rollback-target-gone",
            Self::ServiceMissing { .. } => "service-missing",
            Self::ServiceInactive { .. } => "service-inactive",
            Self::ClusterMissing { .. } => "cluster-missing",
            Self::ContainerMissing { .. } => "container-missing",
            Self::TagNotFollowed { .. } => "tag-not-followed",
            Self::OtherRegistry { .. } => "other-registry",
            Self::ControllerNotEcs { .. } => "controller-not-ecs",
            Self::BlueGreen { .. } => "blue-green",
            Self::Daemon { .. } => "daemon",
            Self::ForeignDeployment { .. } => "foreign-deployment",
            Self::StopKeepsOldImage { .. } => "stop-keeps-old-image",
            Self::CredentialsMissing { .. } => "credentials-missing",
            Self::CredentialsExpired { .. } => "credentials-expired",
            Self::CredentialsRejected { .. } => "credentials-rejected",
            Self::NotAllowed { .. } => "not-allowed",
        }
    }
}
