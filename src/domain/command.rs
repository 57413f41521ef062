//! What people can ask for, once their words are understood.

use std::fmt;
use std::time::Duration;

use super::id::{DeploymentId, Digest, EnvironmentName, Repository, ServiceName, Tag};
use super::schedule::ScheduleKey;
use super::words_of_time::When;

/// One command, complete: nothing in it defaults to an environment that was not named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Promote(Promote),
    Rollback(Rollback),
    Status {
        environment: Option<EnvironmentName>,
        /// Only this service, wherever it runs.
        service: Option<ServiceName>,
    },
    Show {
        deployment: DeploymentId,
    },
    History {
        environment: Option<EnvironmentName>,
    },
    Approve(Ballot),
    Reject(Ballot),
    Cancel(Ballot),
    Pause(Ballot),
    Continue(Ballot),
    Canary(Canary),
    /// What is under way and what comes next; everywhere, where no environment is named.
    Queue {
        environment: Option<EnvironmentName>,
    },
    Ban(BanImages),
    Unban {
        images: Vec<ImageReference>,
        because: Option<String>,
    },
    Bans,
    /// What is to happen at a moment of its own.
    Schedules,
    ReleaseHold {
        environment: EnvironmentName,
        because: Option<String>,
    },
    /// `text`: with where and when at its end, as it was said.
    Announce {
        text: String,
    },
    ShowSchedule {
        schedule: ScheduleKey,
    },
    PauseSchedule {
        schedule: ScheduleKey,
    },
    ContinueSchedule {
        schedule: ScheduleKey,
    },
    CancelSchedule {
        schedule: ScheduleKey,
    },
    /// What a schedule or a template would announce now.
    Preview {
        schedule: ScheduleKey,
    },
    /// How well deploying goes; over the last week, where no length is given.
    Figures {
        length: Option<Duration>,
    },
    Lock(LockEnvironments),
    Unlock {
        scope: Scope,
        because: Option<String>,
    },
    Locks,
    Reservations,
    EndReservation {
        environment: EnvironmentName,
        because: Option<String>,
    },
    Freeze(FreezeEnvironment),
    Unfreeze {
        environment: EnvironmentName,
        because: Option<String>,
    },
    /// What is closed and what will be; everywhere, where no environment is named.
    Freezes {
        environment: Option<EnvironmentName>,
    },
    /// `topic` is the id of a command.
    Help {
        topic: Option<String>,
    },
    Whoami,
}

impl Command {
    /// The environment that it names as the one that it is about.
    pub fn environment(&self) -> Option<&EnvironmentName> {
        match self {
            Self::Promote(promote) => Some(&promote.environment),
            Self::Rollback(rollback) => Some(&rollback.environment),
            Self::ReleaseHold { environment, .. }
            | Self::EndReservation { environment, .. }
            | Self::Lock(LockEnvironments { scope: Scope::Environment(environment), .. })
            | Self::Unlock { scope: Scope::Environment(environment), .. }
            | Self::Freeze(FreezeEnvironment { environment, .. })
            | Self::Unfreeze { environment, .. } => Some(environment),
            Self::Status { environment, .. }
            | Self::History { environment }
            | Self::Queue { environment }
            | Self::Freezes { environment } => environment.as_ref(),
            // Deployments are looked up first.
            Self::Show { .. }
            | Self::Approve(_)
            | Self::Reject(_)
            | Self::Cancel(_)
            | Self::Pause(_)
            | Self::Continue(_)
            | Self::Canary(_)
            | Self::Ban(_)
            | Self::Unban { .. }
            | Self::Bans
            | Self::Announce { .. }
            | Self::ShowSchedule { .. }
            | Self::PauseSchedule { .. }
            | Self::ContinueSchedule { .. }
            | Self::CancelSchedule { .. }
            | Self::Preview { .. }
            | Self::Figures { .. }
            | Self::Lock(LockEnvironments { scope: Scope::Everything, .. })
            | Self::Unlock { scope: Scope::Everything, .. }
            | Self::Locks
            | Self::Reservations
            | Self::Schedules
            | Self::Help { .. }
            | Self::Whoami => None,
        }
    }
}

/// Make images the ones that an environment runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promote {
    pub what: Promoted,
    pub environment: EnvironmentName,
    /// Show the plan and do nothing.
    pub dry_run: bool,
    /// Ask that requirements which allow it be overridden; needs a reason.
    pub break_glass: bool,
    /// For how long each canary stays alone.
    pub canary: Option<Duration>,
    /// When it is to begin; at once, where nothing is said.
    pub when: Option<When>,
    pub because: Option<String>,
}

/// What is promoted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Promoted {
    Images(Vec<ImageReference>),
    /// Exactly the digests that this environment runs.
    EverythingFrom(EnvironmentName),
}

/// Return to what ran before the last success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollback {
    pub environment: EnvironmentName,
    pub dry_run: bool,
    pub because: Option<String>,
}

/// Never promote these again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BanImages {
    Named {
        images: Vec<ImageReference>,
        because: String,
    },
    /// Those that made this deployment go back, which is reason enough.
    OfDeployment {
        deployment: DeploymentId,
        because: Option<String>,
    },
}

/// Close environments to others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockEnvironments {
    pub scope: Scope,
    /// After how long it ends by itself.
    pub length: Option<Duration>,
    pub because: String,
}

/// Which environments are locked, or unlocked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    Environment(EnvironmentName),
    Everything,
}

/// Close an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FreezeEnvironment {
    pub environment: EnvironmentName,
    /// When it ends by itself; `None`: never.
    pub until: Option<Until>,
    pub because: String,
}

/// An end, as somebody named it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    Moment(When),
    /// After so long.
    Length(Duration),
}

/// A person's word on a deployment; without a number, on the only one that can be meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ballot {
    pub deployment: Option<DeploymentId>,
    pub because: Option<String>,
}

/// How long the canaries of a deployment stay alone; without a number, of the only one that can
/// be meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canary {
    pub deployment: Option<DeploymentId>,
    pub stay: Duration,
}

/// What somebody wants of a deployment that goes forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    Pause,
    Continue,
    /// Each canary stays alone for at least so long.
    Canary(Duration),
}

/// An image as a person names it, before ECR was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageReference {
    /// `None` where only a tag or digest was given: fine while just one repository can be meant.
    pub repository: Option<Repository>,
    pub pick: Pick,
}

/// Which image of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pick {
    Tag(Tag),
    Digest(Digest),
    /// At least 8 hex digits, lower case, that should begin one digest only.
    Prefix(String),
}

impl fmt::Display for ImageReference {
    /// As a person writes it, and as the grammar reads it back.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.repository, &self.pick) {
            (Some(repository), Pick::Tag(tag)) => write!(formatter, "{repository}:{tag}"),
            (Some(repository), Pick::Digest(digest)) => write!(formatter, "{repository}@{digest}"),
            (Some(repository), Pick::Prefix(hex)) => write!(formatter, "{repository}@{hex}"),
            (None, Pick::Tag(tag)) => write!(formatter, "{tag}"),
            (None, Pick::Digest(digest)) => write!(formatter, "{digest}"),
            (None, Pick::Prefix(hex)) => write!(formatter, "sha256:{hex}"),
        }
    }
}
