//! What happened to a deployment, as it stands in the journal. A deployment is the fold of
//! these: see `domain::deployment`.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::after_check::{Moment, Unsatisfied};
use super::id::{
    ChannelId, DeploymentId, Digest, EcsDeploymentId, MessageId, PersonId, Repository, ServiceName,
    Tag, TaskArn, TermsHash,
};
use super::observation::Stopped;
use super::others::Change;
use super::plan::{ImageMove, Outlook, Plan, Terms};
use super::policy::{Because, Person, Requirement};
use super::refusal::Refusal;

/// The version of the events' shape that this program writes.
pub const EVENT_VERSION: u32 = 1;

/// An event and its place in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    pub deployment: DeploymentId,
    /// Counts from 1 within the deployment.
    pub sequence: u64,
    pub at: Timestamp,
    pub event: Event,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Event {
    /// Somebody asked, and it may be done once the requirements are met.
    Requested(Box<Requested>),
    /// The card of the present terms stands in the chat.
    Posted {
        message: MessageId,
    },
    VoteCast(Vote),
    /// The person took it back, or has lost the right to it.
    VoteWithdrawn {
        person: PersonId,
        why: Withdrawal,
    },
    /// The moment for which it was asked has come. What is agreed by now goes on as any other.
    Due,
    /// All requirements are met; it has its place in the queue from here.
    Approved,
    /// The terms stayed; what is shown beside them changed.
    OutlookChanged {
        outlook: Outlook,
    },
    /// The terms changed: votes are void, and the card is posted anew.
    Replanned {
        plan: Box<Plan>,
        requirements: Vec<Requirement>,
        overridden: Vec<Because>,
    },
    /// It has the environment's turn. `known_failures`: tasks that had failed before, or had not
    /// come so far as to pull an image: whatever becomes of them, the new image is not to blame.
    Started {
        known_failures: BTreeSet<TaskArn>,
    },
    StepStarted {
        step: Step,
    },
    StepDone {
        step: Step,
        outcome: StepOutcome,
    },
    StepFailed {
        step: Step,
        failure: StepFailure,
    },
    /// A service's count of good tasks changed.
    Progressed {
        service: ServiceName,
        good: u32,
        total: u32,
    },
    CanaryPassed {
        service: ServiceName,
    },
    /// No further step begins until it is told to go on.
    Paused {
        by: PersonId,
        because: Option<String>,
    },
    /// It goes on: the pause is over or, where there is none, the canary's stay.
    Continued {
        by: PersonId,
    },
    /// Each canary stays alone for at least so long, counted from when it was good.
    CanaryAsked {
        by: PersonId,
        stay: Duration,
    },
    /// A person or a rollback wants the running deployment undone.
    StopRequested {
        stop: StopRequest,
    },
    /// From here on everything goes back.
    UndoStarted {
        cause: Cause,
        known_failures: BTreeSet<TaskArn>,
    },
    Ended {
        end: End,
    },
    /// Read again before the end, the environment's tag stood where this deployment had put it
    /// before: a late write of ours, which is put right.
    TagRepaired {
        repository: Repository,
        found: Digest,
    },
    /// Somebody else changed something in the middle.
    OthersChanged {
        change: Change,
    },
    /// The log of the task that it goes back for was read, or could not be.
    LogRead(LastLines),
}

/// The last lines of a container's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastLines {
    pub service: ServiceName,
    pub task: TaskArn,
    pub container: String,
    /// Oldest first, as the container wrote them.
    pub lines: Vec<String>,
    /// Why they could not be read.
    pub unread: Option<String>,
}

/// How a deployment begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requested {
    pub requester: Person,
    pub channel: ChannelId,
    /// The message that asked, to which the end replies.
    pub asked_in: Option<MessageId>,
    pub because: Option<String>,
    pub break_glass: bool,
    /// For how long each canary is to stay alone, where that was asked with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<Duration>,
    /// When it is to begin, where that was asked with it: votes are collected until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled: Option<Timestamp>,
    pub plan: Plan,
    pub requirements: Vec<Requirement>,
    /// What breaking the glass set aside.
    pub overridden: Vec<Because>,
    /// A program asked, not a person: it ends no hold.
    #[serde(default)]
    pub automated: bool,
}

/// One person's yes or no to the terms with this hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    pub person: Person,
    pub choice: Choice,
    pub via: Via,
    pub terms: TermsHash,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    Yes,
    No,
}

/// How a vote came. Those by reaction are always what the chat says is there now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Via {
    Reaction,
    /// A button of the plan's own message.
    Button,
    Text,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Withdrawal {
    TakenBack,
    NoLongerEntitled,
}

/// A change to the world outside, or a question to it. Each can be looked up on AWS and done
/// again without harm.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum Step {
    /// Put the image under the tag. `from`: where the tag must point before (or at `to`).
    MoveTag { repository: Repository, tag: Tag, from: Option<Digest>, to: Digest },
    /// Keep the image under a tag of ours, wherever that points now.
    KeepTag { repository: Repository, tag: Tag, digest: Digest },
    /// Stop these tasks; ECS replaces them.
    StopTasks { service: ServiceName, tasks: Vec<TaskArn> },
    /// Force a new ECS deployment in place of this one.
    StartDeployment { service: ServiceName, replacing: EcsDeploymentId },
    /// Have ECS roll this deployment of ours back by itself, while it is in progress.
    StopDeployment { service: ServiceName, deployment: EcsDeploymentId },
    /// Ask what the settings have a service asked over HTTP. `urls`: as people may see them.
    Check { service: ServiceName, moment: Moment, urls: Vec<String> },
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum StepOutcome {
    Done,
    DeploymentStarted {
        id: EcsDeploymentId,
    },
    /// It was over, or ECS would not: nothing was changed, and there is another way. Of a check:
    /// the settings name nothing to ask any more.
    NotTaken,
    /// An after-check did not pass.
    Unsatisfied {
        found: Unsatisfied,
    },
}

/// Why a step could not be done, after all retries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepFailure {
    /// The AWS error's name, or one of ours: `tag-moved-by-others`.
    pub code: String,
    /// A sentence for people.
    pub detail: String,
    /// The same step may work later.
    #[serde(default)]
    pub transient: bool,
}

/// Who wants a running deployment undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum StopRequest {
    Person {
        person: PersonId,
        because: Option<String>,
    },
    /// That rollback goes first.
    Rollback {
        deployment: DeploymentId,
    },
}

/// Why a running deployment goes back, or could not go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "kebab-case")]
pub enum Cause {
    TaskFailed {
        service: ServiceName,
        task: TaskArn,
        stopped: Stopped,
    },
    /// Nothing got better for as long as the environment's patience lasts.
    NoProgress {
        service: ServiceName,
        good: u32,
        total: u32,
        minutes: u64,
    },
    EcsGaveUp {
        service: ServiceName,
        reason: String,
    },
    /// ECS rolled our deployment back by itself: its circuit breaker, an alarm, or somebody's
    /// hand.
    RolledBackByEcs {
        service: ServiceName,
        /// The service revision that it went back to, where ECS says.
        to: Option<String>,
        reason: String,
        /// Why a new task stopped, where one was seen to.
        stopped: Option<Stopped>,
    },
    /// Our ECS deployment resolved the tag to another image: somebody moved it in between.
    ResolvedAnother {
        service: ServiceName,
        found: Digest,
    },
    /// Another ECS deployment took the place of ours.
    Overtaken {
        service: ServiceName,
    },
    ServiceGone {
        service: ServiceName,
    },
    /// Somebody changed its task definition, and it does not follow the environment's tag any
    /// more. `found`: the image that it names instead; `None`: it lacks the container.
    NotFollowed {
        service: ServiceName,
        found: Option<String>,
    },
    StepFailed {
        step: Step,
        failure: StepFailure,
    },
    /// The service did not answer over HTTP as it should.
    CheckFailed {
        service: ServiceName,
        moment: Moment,
        found: Unsatisfied,
    },
    Stopped {
        stop: StopRequest,
    },
}

/// How a deployment ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "kebab-case")]
pub enum End {
    /// Every task of every service runs the promoted digest and has settled.
    Succeeded,
    /// It went wrong and everything is back.
    RolledBack {
        cause: Cause,
    },
    /// It went wrong, and it is not back: `undo` says why, where an undo was tried.
    Failed {
        cause: Cause,
        undo: Option<Cause>,
    },
    /// Called off before it began, or undone on request.
    Cancelled {
        by: PersonId,
        because: Option<String>,
        undone: bool,
    },
    Rejected {
        by: PersonId,
        because: Option<String>,
    },
    Expired,
    /// Its moment came, and not all that it needs was agreed.
    Unapproved,
    /// Its moment passed, and nobody was there to begin it.
    Missed,
    /// It was allowed when it was asked for and is not now.
    Refused {
        why: RefusedWhy,
    },
    Superseded {
        by: DeploymentId,
        undone: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "refused", rename_all = "kebab-case")]
pub enum RefusedWhy {
    Plan { refusal: Refusal },
    Policy { by: Vec<Because> },
}

impl Cause {
    /// The service whose new image is to blame. What AWS could not do, what others did and what
    /// was stopped says nothing about an image; nor does a service that only made no progress.
    pub fn blames_image_of(&self) -> Option<&ServiceName> {
        match self {
            Self::TaskFailed { service, stopped, .. } => stopped.blames_image().then_some(service),
            Self::EcsGaveUp { service, .. } | Self::CheckFailed { service, .. } => Some(service),
            // ECS also does so where somebody asks it to, or an alarm goes off.
            Self::RolledBackByEcs { service, stopped, .. } => {
                stopped.as_ref().is_some_and(Stopped::blames_image).then_some(service)
            }
            Self::NoProgress { .. }
            | Self::ResolvedAnother { .. }
            | Self::Overtaken { .. }
            | Self::ServiceGone { .. }
            | Self::NotFollowed { .. }
            | Self::StepFailed { .. }
            | Self::Stopped { .. } => None,
        }
    }
}

impl End {
    /// The code from the closed list of ends.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::RolledBack { .. } => "rolled-back",
            Self::Failed { .. } => "failed",
            Self::Cancelled { .. } => "cancelled",
            Self::Rejected { .. } => "rejected",
            Self::Expired => "expired",
            Self::Unapproved => "unapproved",
            Self::Missed => "missed",
            Self::Refused { .. } => "refused",
            Self::Superseded { .. } => "superseded",
        }
    }
}

impl Event {
    /// The step whose outcome it is.
    pub fn outcome_of(&self) -> Option<&Step> {
        match self {
            Self::StepDone { step, .. } | Self::StepFailed { step, .. } => Some(step),
            Self::Requested(_)
            | Self::Posted { .. }
            | Self::VoteCast(_)
            | Self::VoteWithdrawn { .. }
            | Self::Due
            | Self::Approved
            | Self::OutlookChanged { .. }
            | Self::Replanned { .. }
            | Self::Started { .. }
            | Self::StepStarted { .. }
            | Self::Progressed { .. }
            | Self::CanaryPassed { .. }
            | Self::Paused { .. }
            | Self::Continued { .. }
            | Self::CanaryAsked { .. }
            | Self::StopRequested { .. }
            | Self::UndoStarted { .. }
            | Self::Ended { .. }
            | Self::TagRepaired { .. }
            | Self::OthersChanged { .. }
            | Self::LogRead(_) => None,
        }
    }

    /// The service whose tasks were counted, how many are good, and how many there are.
    pub fn progress(&self) -> Option<(&ServiceName, u32, u32)> {
        match self {
            Self::Progressed { service, good, total } => Some((service, *good, *total)),
            Self::Requested(_)
            | Self::Posted { .. }
            | Self::VoteCast(_)
            | Self::VoteWithdrawn { .. }
            | Self::Due
            | Self::Approved
            | Self::OutlookChanged { .. }
            | Self::Replanned { .. }
            | Self::Started { .. }
            | Self::StepStarted { .. }
            | Self::StepDone { .. }
            | Self::StepFailed { .. }
            | Self::CanaryPassed { .. }
            | Self::Paused { .. }
            | Self::Continued { .. }
            | Self::CanaryAsked { .. }
            | Self::StopRequested { .. }
            | Self::UndoStarted { .. }
            | Self::Ended { .. }
            | Self::TagRepaired { .. }
            | Self::OthersChanged { .. }
            | Self::LogRead(_) => None,
        }
    }

    /// Whether it changes the direction of a rollout, or ends it.
    pub fn is_turn(&self) -> bool {
        match self {
            Self::UndoStarted { .. } | Self::Ended { .. } => true,
            Self::Requested(_)
            | Self::Posted { .. }
            | Self::VoteCast(_)
            | Self::VoteWithdrawn { .. }
            | Self::Due
            | Self::Approved
            | Self::OutlookChanged { .. }
            | Self::Replanned { .. }
            | Self::Started { .. }
            | Self::StepStarted { .. }
            | Self::StepDone { .. }
            | Self::StepFailed { .. }
            | Self::Progressed { .. }
            | Self::CanaryPassed { .. }
            | Self::Paused { .. }
            | Self::Continued { .. }
            | Self::CanaryAsked { .. }
            | Self::StopRequested { .. }
            | Self::TagRepaired { .. }
            | Self::OthersChanged { .. }
            | Self::LogRead(_) => false,
        }
    }
}

impl Step {
    /// Moves the environment's tag to what is promoted.
    pub fn moves_to_target(terms: &Terms, image: &ImageMove) -> Self {
        Self::MoveTag {
            repository: image.repository.clone(),
            tag: terms.tag.clone(),
            from: image.from.as_ref().map(|from| from.digest.clone()),
            to: image.to.digest.clone(),
        }
    }

    /// Whether it restarts tasks of this service.
    pub fn restarts(&self, name: &ServiceName) -> bool {
        self.restarted_service() == Some(name)
    }

    /// The service whose tasks it restarts.
    pub fn restarted_service(&self) -> Option<&ServiceName> {
        match self {
            Self::StopTasks { service, .. }
            | Self::StartDeployment { service, .. }
            | Self::StopDeployment { service, .. } => Some(service),
            Self::MoveTag { .. } | Self::KeepTag { .. } | Self::Check { .. } => None,
        }
    }

    /// Whether it changes something outside. What only asks may be given up half way.
    pub fn acts(&self) -> bool {
        match self {
            Self::MoveTag { .. }
            | Self::KeepTag { .. }
            | Self::StopTasks { .. }
            | Self::StartDeployment { .. }
            | Self::StopDeployment { .. } => true,
            Self::Check { .. } => false,
        }
    }
}

impl fmt::Display for Step {
    /// For logs and failures: what is done to what.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MoveTag { repository, tag, to, .. } => {
                write!(formatter, "move {repository}:{tag} to {}", to.short())
            }
            Self::KeepTag { repository, tag, digest } => {
                write!(formatter, "keep {} as {repository}:{tag}", digest.short())
            }
            Self::StopTasks { service, tasks } => {
                write!(formatter, "stop {} of {service}", super::plural(tasks.len(), "task"))
            }
            Self::StartDeployment { service, .. } => {
                write!(formatter, "start a new ECS deployment of {service}")
            }
            Self::StopDeployment { service, deployment } => {
                write!(formatter, "have ECS roll {deployment} of {service} back")
            }
            Self::Check { service, urls, .. } => {
                write!(formatter, "check {service} at {}", urls.join(", "))
            }
        }
    }
}
