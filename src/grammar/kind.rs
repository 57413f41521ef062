//! The commands that the program has: which arguments each takes and needs, and how arguments
//! and `Command` become each other. Knows nothing of phrases or words.

use std::time::Duration;

use crate::domain::command::{
    Ballot, BanImages, Canary, Command, FreezeEnvironment, ImageReference, LockEnvironments,
    Promote, Promoted, Rollback, Scope, Until,
};
use crate::domain::id::{DeploymentId, EnvironmentName, ServiceName};
use crate::domain::schedule::ScheduleKey;
use crate::domain::words_of_time::When;

use super::slot::{Mask, Slot};

/// A command without its arguments. Files describe these; they cannot make new ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    Promote,
    Rollback,
    Status,
    Show,
    History,
    Approve,
    Reject,
    Cancel,
    Pause,
    Continue,
    Canary,
    Queue,
    Ban,
    Unban,
    Bans,
    Schedules,
    ReleaseHold,
    Lock,
    Unlock,
    Locks,
    Reservations,
    EndReservation,
    Freeze,
    Unfreeze,
    Freezes,
    Announce,
    ShowSchedule,
    PauseSchedule,
    ContinueSchedule,
    CancelSchedule,
    Preview,
    Figures,
    Help,
    Whoami,
}

/// The arguments of one command, read and checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Arguments {
    pub images: Vec<ImageReference>,
    pub environment: Option<EnvironmentName>,
    pub source: Option<EnvironmentName>,
    pub service: Option<ServiceName>,
    pub deployment: Option<DeploymentId>,
    pub topic: Option<String>,
    pub stay: Option<Duration>,
    pub everything: bool,
    pub length: Option<Duration>,
    pub when: Option<When>,
    pub until: Option<When>,
    pub dry_run: bool,
    pub break_glass: bool,
    pub reason: Option<String>,
    pub announcement: Option<String>,
    pub schedule: Option<ScheduleKey>,
}

impl Kind {
    /// In the order in which help lists them.
    pub const ALL: [Self; 34] = [
        Self::Promote,
        Self::Rollback,
        Self::Status,
        Self::Show,
        Self::History,
        Self::Approve,
        Self::Reject,
        Self::Cancel,
        Self::Pause,
        Self::Continue,
        Self::Canary,
        Self::Queue,
        Self::Ban,
        Self::Unban,
        Self::Bans,
        Self::Schedules,
        Self::ReleaseHold,
        Self::Lock,
        Self::Unlock,
        Self::Locks,
        Self::Reservations,
        Self::EndReservation,
        Self::Freeze,
        Self::Unfreeze,
        Self::Freezes,
        Self::Announce,
        Self::ShowSchedule,
        Self::PauseSchedule,
        Self::ContinueSchedule,
        Self::CancelSchedule,
        Self::Preview,
        Self::Figures,
        Self::Help,
        Self::Whoami,
    ];

    /// As files name it.
    pub fn id(self) -> &'static str {
        match self {
            Self::Promote => "promote",
            Self::Rollback => "rollback",
            Self::Status => "status",
            Self::Show => "show",
            Self::History => "history",
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Cancel => "cancel",
            Self::Pause => "pause",
            Self::Continue => "continue",
            Self::Canary => "canary",
            Self::Queue => "queue",
            Self::Ban => "ban",
            Self::Unban => "unban",
            Self::Bans => "bans",
            Self::Schedules => "schedules",
            Self::ReleaseHold => "release-hold",
            Self::Lock => "lock",
            Self::Unlock => "unlock",
            Self::Locks => "locks",
            Self::Reservations => "reservations",
            Self::EndReservation => "end-reservation",
            Self::Freeze => "freeze",
            Self::Unfreeze => "unfreeze",
            Self::Freezes => "freezes",
            Self::Announce => "announce",
            Self::ShowSchedule => "show-schedule",
            Self::PauseSchedule => "pause-schedule",
            Self::ContinueSchedule => "continue-schedule",
            Self::CancelSchedule => "cancel-schedule",
            Self::Preview => "preview",
            Self::Figures => "figures",
            Self::Help => "help",
            Self::Whoami => "whoami",
        }
    }

    pub fn named(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.id() == id)
    }

    pub fn of(command: &Command) -> Self {
        match command {
            Command::Promote(_) => Self::Promote,
            Command::Rollback(_) => Self::Rollback,
            Command::Status { .. } => Self::Status,
            Command::Show { .. } => Self::Show,
            Command::History { .. } => Self::History,
            Command::Approve(_) => Self::Approve,
            Command::Reject(_) => Self::Reject,
            Command::Cancel(_) => Self::Cancel,
            Command::Pause(_) => Self::Pause,
            Command::Continue(_) => Self::Continue,
            Command::Canary(_) => Self::Canary,
            Command::Queue { .. } => Self::Queue,
            Command::Ban(_) => Self::Ban,
            Command::Unban { .. } => Self::Unban,
            Command::Bans => Self::Bans,
            Command::Schedules => Self::Schedules,
            Command::ReleaseHold { .. } => Self::ReleaseHold,
            Command::Lock(_) => Self::Lock,
            Command::Unlock { .. } => Self::Unlock,
            Command::Locks => Self::Locks,
            Command::Reservations => Self::Reservations,
            Command::EndReservation { .. } => Self::EndReservation,
            Command::Freeze(_) => Self::Freeze,
            Command::Unfreeze { .. } => Self::Unfreeze,
            Command::Freezes { .. } => Self::Freezes,
            Command::Announce { .. } => Self::Announce,
            Command::ShowSchedule { .. } => Self::ShowSchedule,
            Command::PauseSchedule { .. } => Self::PauseSchedule,
            Command::ContinueSchedule { .. } => Self::ContinueSchedule,
            Command::CancelSchedule { .. } => Self::CancelSchedule,
            Command::Preview { .. } => Self::Preview,
            Command::Figures { .. } => Self::Figures,
            Command::Help { .. } => Self::Help,
            Command::Whoami => Self::Whoami,
        }
    }

    /// The arguments that this command can use.
    pub fn slots(self) -> &'static [Slot] {
        match self {
            Self::Promote => &[
                Slot::Images,
                Slot::Source,
                Slot::Environment,
                Slot::DryRun,
                Slot::BreakGlass,
                Slot::Stay,
                Slot::When,
                Slot::Reason,
            ],
            Self::Rollback => &[Slot::Environment, Slot::DryRun, Slot::Reason],
            Self::Status => &[Slot::Environment, Slot::Service],
            Self::History | Self::Queue | Self::Freezes => &[Slot::Environment],
            Self::Show => &[Slot::Deployment],
            Self::Approve | Self::Reject | Self::Cancel | Self::Pause => {
                &[Slot::Deployment, Slot::Reason]
            }
            Self::Continue => &[Slot::Deployment],
            Self::Canary => &[Slot::Deployment, Slot::Stay],
            Self::Ban => &[Slot::Images, Slot::Deployment, Slot::Reason],
            Self::Unban => &[Slot::Images, Slot::Reason],
            Self::ReleaseHold | Self::EndReservation | Self::Unfreeze => {
                &[Slot::Environment, Slot::Reason]
            }
            Self::Lock => &[Slot::Environment, Slot::Everything, Slot::Length, Slot::Reason],
            Self::Unlock => &[Slot::Environment, Slot::Everything, Slot::Reason],
            Self::Freeze => &[Slot::Environment, Slot::Until, Slot::Length, Slot::Reason],
            Self::Announce => &[Slot::Announcement],
            Self::ShowSchedule
            | Self::PauseSchedule
            | Self::ContinueSchedule
            | Self::CancelSchedule
            | Self::Preview => &[Slot::Schedule],
            Self::Figures => &[Slot::Length],
            Self::Help => &[Slot::Topic],
            Self::Bans | Self::Schedules | Self::Locks | Self::Reservations | Self::Whoami => &[],
        }
    }

    /// What a reading with these arguments lacks. No environment is ever assumed.
    pub fn missing(self, given: Mask) -> Option<Slot> {
        match self {
            Self::Promote if !given.contains(Slot::Images) && !given.contains(Slot::Source) => {
                Some(Slot::Images)
            }
            Self::Promote
            | Self::Rollback
            | Self::ReleaseHold
            | Self::EndReservation
            | Self::Freeze
            | Self::Unfreeze
                if !given.contains(Slot::Environment) =>
            {
                Some(Slot::Environment)
            }
            Self::Lock | Self::Unlock
                if !given.contains(Slot::Environment) && !given.contains(Slot::Everything) =>
            {
                Some(Slot::Environment)
            }
            // Whoever is kept out is told why.
            Self::Lock | Self::Freeze if !given.contains(Slot::Reason) => Some(Slot::Reason),
            Self::Ban if !given.contains(Slot::Images) && !given.contains(Slot::Deployment) => {
                Some(Slot::Images)
            }
            // Why an image is bad is for those to read who want it next year. Of a deployment
            // that went back the journal tells.
            Self::Ban if given.contains(Slot::Images) && !given.contains(Slot::Reason) => {
                Some(Slot::Reason)
            }
            Self::Unban if !given.contains(Slot::Images) => Some(Slot::Images),
            Self::Show if !given.contains(Slot::Deployment) => Some(Slot::Deployment),
            Self::Canary if !given.contains(Slot::Stay) => Some(Slot::Stay),
            Self::Announce if !given.contains(Slot::Announcement) => Some(Slot::Announcement),
            Self::ShowSchedule
            | Self::PauseSchedule
            | Self::ContinueSchedule
            | Self::CancelSchedule
            | Self::Preview
                if !given.contains(Slot::Schedule) =>
            {
                Some(Slot::Schedule)
            }
            Self::Promote
            | Self::Rollback
            | Self::Status
            | Self::Show
            | Self::History
            | Self::Approve
            | Self::Reject
            | Self::Cancel
            | Self::Pause
            | Self::Continue
            | Self::Canary
            | Self::Queue
            | Self::Ban
            | Self::Unban
            | Self::Bans
            | Self::Schedules
            | Self::ReleaseHold
            | Self::Lock
            | Self::Unlock
            | Self::Locks
            | Self::Reservations
            | Self::EndReservation
            | Self::Freeze
            | Self::Unfreeze
            | Self::Freezes
            | Self::Announce
            | Self::ShowSchedule
            | Self::PauseSchedule
            | Self::ContinueSchedule
            | Self::CancelSchedule
            | Self::Preview
            | Self::Figures
            | Self::Help
            | Self::Whoami => None,
        }
    }

    /// An argument that cannot stand beside the others.
    pub fn excess(self, given: Mask) -> Option<Slot> {
        let unusable = given.slots().find(|slot| !self.slots().contains(slot));
        let beside_images = [Slot::Source, Slot::Deployment].into_iter();
        let mut beside_images = beside_images.filter(|slot| given.contains(*slot));
        let second = beside_images.next().filter(|_| given.contains(Slot::Images));
        let all = given.contains(Slot::Everything).then_some(Slot::Everything);
        let beside_all = all.filter(|_| given.contains(Slot::Environment));
        // An end is named in one way.
        let end = Some(Slot::Length);
        let end = end.filter(|end| given.contains(*end) && given.contains(Slot::Until));
        unusable.or(second).or(beside_all).or(end)
    }

    /// All sets of arguments with which this command makes sense: each must be sayable.
    pub fn uses(self) -> Vec<Mask> {
        let mut masks = vec![Mask::default()];
        for slot in self.slots() {
            let with: Vec<Mask> = masks.iter().map(|mask| mask.and(slot.mask())).collect();
            masks.extend(with);
        }
        masks.retain(|mask| self.missing(*mask).is_none() && self.excess(*mask).is_none());
        masks
    }

    /// `None` where a mandatory argument is missing, which no phrase that was loaded allows.
    pub fn command(self, arguments: Arguments) -> Option<Command> {
        let Arguments {
            images,
            environment,
            source,
            service,
            deployment,
            topic,
            stay,
            everything,
            length,
            when,
            until,
            dry_run,
            break_glass,
            reason: because,
            announcement,
            schedule,
        } = arguments;
        Some(match self {
            Self::Promote => {
                let what = match source {
                    Some(source) => Promoted::EverythingFrom(source),
                    None if images.is_empty() => return None,
                    None => Promoted::Images(images),
                };
                let environment = environment?;
                let canary = stay;
                Command::Promote(Promote {
                    what,
                    environment,
                    dry_run,
                    break_glass,
                    canary,
                    when,
                    because,
                })
            }
            Self::Rollback => {
                Command::Rollback(Rollback { environment: environment?, dry_run, because })
            }
            Self::Status => Command::Status { environment, service },
            Self::Show => Command::Show { deployment: deployment? },
            Self::History => Command::History { environment },
            Self::Approve => Command::Approve(Ballot { deployment, because }),
            Self::Reject => Command::Reject(Ballot { deployment, because }),
            Self::Cancel => Command::Cancel(Ballot { deployment, because }),
            Self::Pause => Command::Pause(Ballot { deployment, because }),
            Self::Continue => Command::Continue(Ballot { deployment, because: None }),
            Self::Canary => Command::Canary(Canary { deployment, stay: stay? }),
            Self::Queue => Command::Queue { environment },
            Self::Ban => Command::Ban(match deployment {
                Some(deployment) => BanImages::OfDeployment { deployment, because },
                None if images.is_empty() => return None,
                None => BanImages::Named { images, because: because? },
            }),
            Self::Unban if images.is_empty() => return None,
            Self::Unban => Command::Unban { images, because },
            Self::Bans => Command::Bans,
            Self::Schedules => Command::Schedules,
            Self::ReleaseHold => Command::ReleaseHold { environment: environment?, because },
            Self::Lock => {
                let scope = scope(environment, everything)?;
                Command::Lock(LockEnvironments { scope, length, because: because? })
            }
            Self::Unlock => Command::Unlock { scope: scope(environment, everything)?, because },
            Self::Locks => Command::Locks,
            Self::Reservations => Command::Reservations,
            Self::EndReservation => Command::EndReservation { environment: environment?, because },
            Self::Freeze => Command::Freeze(FreezeEnvironment {
                environment: environment?,
                until: until.map(Until::Moment).or(length.map(Until::Length)),
                because: because?,
            }),
            Self::Unfreeze => Command::Unfreeze { environment: environment?, because },
            Self::Freezes => Command::Freezes { environment },
            Self::Announce => Command::Announce { text: announcement? },
            Self::ShowSchedule => Command::ShowSchedule { schedule: schedule? },
            Self::PauseSchedule => Command::PauseSchedule { schedule: schedule? },
            Self::ContinueSchedule => Command::ContinueSchedule { schedule: schedule? },
            Self::CancelSchedule => Command::CancelSchedule { schedule: schedule? },
            Self::Preview => Command::Preview { schedule: schedule? },
            Self::Figures => Command::Figures { length },
            Self::Help => Command::Help { topic },
            Self::Whoami => Command::Whoami,
        })
    }
}

impl Arguments {
    pub fn of(command: &Command) -> Self {
        let nothing = Self::default();
        match command.clone() {
            Command::Promote(Promote {
                what,
                environment,
                dry_run,
                break_glass,
                canary,
                when,
                because,
            }) => {
                let (images, source) = match what {
                    Promoted::Images(images) => (images, None),
                    Promoted::EverythingFrom(source) => (Vec::new(), Some(source)),
                };
                Self {
                    images,
                    source,
                    environment: Some(environment),
                    dry_run,
                    break_glass,
                    stay: canary,
                    when,
                    reason: because,
                    ..nothing
                }
            }
            Command::Rollback(Rollback { environment, dry_run, because }) => {
                Self { environment: Some(environment), dry_run, reason: because, ..nothing }
            }
            Command::Status { environment, service } => Self { environment, service, ..nothing },
            Command::History { environment }
            | Command::Queue { environment }
            | Command::Freezes { environment } => Self { environment, ..nothing },
            Command::Show { deployment } => Self { deployment: Some(deployment), ..nothing },
            Command::Approve(Ballot { deployment, because })
            | Command::Reject(Ballot { deployment, because })
            | Command::Cancel(Ballot { deployment, because })
            | Command::Pause(Ballot { deployment, because })
            | Command::Continue(Ballot { deployment, because }) => {
                Self { deployment, reason: because, ..nothing }
            }
            Command::Canary(Canary { deployment, stay }) => {
                Self { deployment, stay: Some(stay), ..nothing }
            }
            Command::Ban(BanImages::Named { images, because }) => {
                Self { images, reason: Some(because), ..nothing }
            }
            Command::Ban(BanImages::OfDeployment { deployment, because }) => {
                Self { deployment: Some(deployment), reason: because, ..nothing }
            }
            Command::Unban { images, because } => Self { images, reason: because, ..nothing },
            Command::ReleaseHold { environment, because }
            | Command::EndReservation { environment, because }
            | Command::Unfreeze { environment, because } => {
                Self { environment: Some(environment), reason: because, ..nothing }
            }
            Command::Lock(LockEnvironments { scope, length, because }) => {
                Self { length, reason: Some(because), ..Self::within(scope) }
            }
            Command::Unlock { scope, because } => Self { reason: because, ..Self::within(scope) },
            Command::Freeze(FreezeEnvironment { environment, until, because }) => {
                let (until, length) = match until {
                    None => (None, None),
                    Some(Until::Moment(when)) => (Some(when), None),
                    Some(Until::Length(length)) => (None, Some(length)),
                };
                let (environment, reason) = (Some(environment), Some(because));
                Self { environment, until, length, reason, ..nothing }
            }
            Command::Announce { text } => Self { announcement: Some(text), ..nothing },
            Command::ShowSchedule { schedule }
            | Command::PauseSchedule { schedule }
            | Command::ContinueSchedule { schedule }
            | Command::CancelSchedule { schedule }
            | Command::Preview { schedule } => Self { schedule: Some(schedule), ..nothing },
            Command::Figures { length } => Self { length, ..nothing },
            Command::Help { topic } => Self { topic, ..nothing },
            Command::Bans
            | Command::Schedules
            | Command::Locks
            | Command::Reservations
            | Command::Whoami => nothing,
        }
    }

    fn within(scope: Scope) -> Self {
        match scope {
            Scope::Environment(environment) => {
                Self { environment: Some(environment), ..Self::default() }
            }
            Scope::Everything => Self { everything: true, ..Self::default() },
        }
    }

    /// Which of them are there.
    pub fn mask(&self) -> Mask {
        let given = |slot: &Slot| match slot {
            Slot::Images => !self.images.is_empty(),
            Slot::Environment => self.environment.is_some(),
            Slot::Source => self.source.is_some(),
            Slot::Service => self.service.is_some(),
            Slot::Deployment => self.deployment.is_some(),
            Slot::Topic => self.topic.is_some(),
            Slot::Stay => self.stay.is_some(),
            Slot::Everything => self.everything,
            Slot::Length => self.length.is_some(),
            Slot::When => self.when.is_some(),
            Slot::Until => self.until.is_some(),
            Slot::DryRun => self.dry_run,
            Slot::BreakGlass => self.break_glass,
            Slot::Reason => self.reason.is_some(),
            Slot::Announcement => self.announcement.is_some(),
            Slot::Schedule => self.schedule.is_some(),
        };
        Slot::ALL
            .into_iter()
            .filter(given)
            .fold(Mask::default(), |mask, slot| mask.and(slot.mask()))
    }
}

/// `None`: neither was said.
fn scope(environment: Option<EnvironmentName>, everything: bool) -> Option<Scope> {
    let all = everything.then_some(Scope::Everything);
    environment.map(Scope::Environment).or(all)
}
