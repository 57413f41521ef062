//! A deployment: the fold of its events. `apply` is the only way in which it changes, and an
//! event that does not fit where the deployment is, is an error.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::event::{Choice, End, Event, Recorded, Requested, Vote};
use super::id::{DeploymentId, MessageId, PersonId, PolicyId};
use super::plan::{ImageMove, Kind, Plan, PlannedService};
use super::policy::{Because, Requirement};
use super::rollout::{CanaryStay, Rollout};

/// What is late by more than this is not made up for: nobody looks any more.
pub const GRACE: Duration = Duration::from_secs(15 * 60);

/// A plan being carried out, or waiting to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    pub id: DeploymentId,
    /// How many events it is the fold of: the next one's sequence is one more.
    pub version: u64,
    pub requested_at: Timestamp,
    pub request: Requested,
    /// The plan now: a changed one replaces that of the request.
    pub plan: Plan,
    pub requirements: Vec<Requirement>,
    pub overridden: Vec<Because>,
    /// Since when people have been asked about the present terms.
    pub asked_at: Timestamp,
    /// Where the card of the present terms stands.
    pub message: Option<MessageId>,
    /// When that card was posted, or one before it.
    pub posted_at: Option<Timestamp>,
    /// Cards of earlier terms, closed.
    pub old_messages: Vec<MessageId>,
    pub votes: BTreeMap<PersonId, Vote>,
    /// What was asked about its canaries before it began.
    pub canary: Option<CanaryStay>,
    /// The moment that it waits for, until that has come.
    pub scheduled: Option<Timestamp>,
    pub stage: Stage,
}

/// Where a deployment is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// For votes.
    Waiting,
    /// For the environment's turn.
    Queued {
        since: Timestamp,
    },
    Running(Box<Rollout>),
    Ended(Box<Ended>),
}

/// The end, and the rollout that led to it, if it ever ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    pub at: Timestamp,
    pub end: End,
    pub rollout: Option<Rollout>,
}

/// An event that cannot follow what was before it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("deployment {deployment}: event {sequence} ({event}) cannot follow while it is {stage}")]
pub struct IllegalEvent {
    pub deployment: DeploymentId,
    pub sequence: u64,
    pub event: &'static str,
    pub stage: &'static str,
}

impl Deployment {
    /// Folds a deployment's events.
    ///
    /// # Errors
    /// [`IllegalEvent`] where one does not fit. `None`: no events.
    pub fn fold(events: &[Recorded]) -> Result<Option<Self>, IllegalEvent> {
        let Some((first, rest)) = events.split_first() else { return Ok(None) };
        let mut deployment = Self::begin(first)?;
        for recorded in rest {
            deployment.apply(recorded)?;
        }
        Ok(Some(deployment))
    }

    /// The deployment that a first event begins.
    ///
    /// # Errors
    /// [`IllegalEvent`] unless it is `Requested`.
    pub fn begin(first: &Recorded) -> Result<Self, IllegalEvent> {
        let Event::Requested(request) = &first.event else {
            return Err(IllegalEvent {
                deployment: first.deployment,
                sequence: first.sequence,
                event: event_name(&first.event),
                stage: "not yet requested",
            });
        };
        Ok(Self {
            id: first.deployment,
            version: first.sequence,
            requested_at: first.at,
            request: (**request).clone(),
            plan: request.plan.clone(),
            requirements: request.requirements.clone(),
            overridden: request.overridden.clone(),
            asked_at: first.at,
            message: None,
            posted_at: None,
            old_messages: Vec::new(),
            votes: BTreeMap::new(),
            canary: request
                .canary
                .map(|stay| CanaryStay { by: request.requester.id.clone(), stay }),
            scheduled: request.scheduled,
            stage: Stage::Waiting,
        })
    }

    /// Takes one more event in.
    ///
    /// # Errors
    /// [`IllegalEvent`], and nothing is changed, where it does not fit.
    pub fn apply(&mut self, recorded: &Recorded) -> Result<(), IllegalEvent> {
        let illegal = IllegalEvent {
            deployment: self.id,
            sequence: recorded.sequence,
            event: event_name(&recorded.event),
            stage: self.stage.name(),
        };
        let at = recorded.at;
        if recorded.sequence != self.version + 1 {
            return Err(illegal);
        }
        match (&mut self.stage, &recorded.event) {
            (_, Event::Posted { message }) => {
                if let Some(old) = self.message.replace(message.clone())
                    && old != *message
                {
                    self.old_messages.push(old);
                }
                self.posted_at = Some(at);
            }
            (Stage::Waiting, Event::VoteCast(vote)) if vote.terms == self.plan.terms.hash() => {
                self.votes.insert(vote.person.id.clone(), vote.clone());
            }
            (Stage::Waiting | Stage::Queued { .. }, Event::VoteWithdrawn { person, .. })
                if self.votes.contains_key(person) =>
            {
                self.votes.remove(person);
                // What is no longer agreed does not stand in the queue; and who is asked again
                // has the whole time to answer.
                if let Stage::Queued { .. } = self.stage {
                    self.asked_at = at;
                }
                self.stage = Stage::Waiting;
            }
            (Stage::Waiting, Event::Due) if self.scheduled.is_some() => {
                self.scheduled = None;
                // Should anybody be asked again, they have the whole time to answer.
                self.asked_at = at;
            }
            (Stage::Waiting, Event::Approved) if self.scheduled.is_none() => {
                self.stage = Stage::Queued { since: at };
            }
            (Stage::Waiting | Stage::Queued { .. }, Event::OutlookChanged { outlook }) => {
                self.plan.outlook = outlook.clone();
            }
            (
                Stage::Waiting | Stage::Queued { .. },
                Event::Replanned { plan, requirements, overridden },
            ) => {
                self.plan = (**plan).clone();
                self.requirements.clone_from(requirements);
                self.overridden.clone_from(overridden);
                self.votes.clear();
                self.asked_at = at;
                self.stage = Stage::Waiting;
                // What stands on the old card was given to the old terms: until a new card is
                // posted there is nothing to vote on.
                self.old_messages.extend(self.message.take());
            }
            (Stage::Waiting | Stage::Queued { .. }, Event::CanaryAsked { by, stay }) => {
                self.canary = Some(CanaryStay { by: by.clone(), stay: *stay });
            }
            (Stage::Queued { .. }, Event::Started { known_failures }) => {
                let mut rollout = Rollout::begin(&self.plan, at, known_failures.clone());
                rollout.canary.clone_from(&self.canary);
                self.stage = Stage::Running(Box::new(rollout));
            }
            (Stage::Waiting | Stage::Queued { .. }, Event::Ended { end }) if !end.acted() => {
                let ended = Ended { at, end: end.clone(), rollout: None };
                self.stage = Stage::Ended(Box::new(ended));
            }
            (Stage::Running(rollout), Event::Ended { end })
                if end.acted() && rollout.phase().under_way.is_empty() =>
            {
                let rollout = Some((**rollout).clone());
                let ended = Ended { at, end: end.clone(), rollout };
                self.stage = Stage::Ended(Box::new(ended));
            }
            (Stage::Running(rollout), event) => {
                rollout.apply(event, at).map_err(|super::rollout::DoesNotFit| illegal)?;
            }
            (Stage::Waiting | Stage::Queued { .. } | Stage::Ended(_), _) => return Err(illegal),
        }
        self.version = recorded.sequence;
        Ok(())
    }

    /// Votes still needed, requirement by requirement.
    pub fn needed(&self) -> BTreeMap<PolicyId, u32> {
        let tally = |requirement: &Requirement| {
            let yes = super::observation::count(self.votes_for(requirement));
            (requirement.policy.clone(), requirement.approvals.saturating_sub(yes))
        };
        self.requirements.iter().map(tally).filter(|(_, needed)| *needed > 0).collect()
    }

    /// The yes-votes that count for a requirement.
    pub fn votes_for<'a>(&'a self, requirement: &'a Requirement) -> impl Iterator<Item = &'a Vote> {
        self.votes.values().filter(|vote| {
            vote.choice == Choice::Yes && !vote.person.roles.is_disjoint(&requirement.approvers)
        })
    }

    /// The first no, which ends it.
    pub fn rejected_by(&self) -> Option<&Vote> {
        self.votes.values().find(|vote| vote.choice == Choice::No)
    }

    /// Whether nothing more is needed, and nobody said no.
    pub fn is_agreed(&self) -> bool {
        self.needed().is_empty() && self.rejected_by().is_none()
    }

    /// When the present question ends without an answer; `None`: nothing is asked, or it may be
    /// answered until the moment for which it is scheduled.
    pub fn expires_at(&self) -> Option<Timestamp> {
        if self.scheduled.is_some() {
            return None;
        }
        let shortest = self.requirements.iter().map(|requirement| requirement.expires).min()?;
        self.asked_at.checked_add(shortest).ok()
    }

    pub fn is_rollback(&self) -> bool {
        match self.plan.terms.kind {
            Kind::Promotion => false,
            Kind::Rollback { .. } => true,
        }
    }

    /// For how long each canary is to stay alone, and who wants that.
    pub fn stay(&self) -> Option<&CanaryStay> {
        match self.rollout() {
            None => self.canary.as_ref(),
            Some(rollout) => rollout.canary.as_ref(),
        }
    }

    /// Whether any service's canary can still be told to stay alone.
    pub fn canaries_to_come(&self) -> bool {
        let tallies = match &self.stage {
            Stage::Ended(_) => return false,
            Stage::Running(rollout) if rollout.goes_back() => return false,
            Stage::Running(rollout) => Some(&rollout.forward.services),
            Stage::Waiting | Stage::Queued { .. } => None,
        };
        let passed = |service: &PlannedService| {
            let tally = tallies.and_then(|tallies| tallies.get(&service.name));
            tally.is_some_and(|tally| tally.canary_passed)
        };
        self.plan.terms.services.iter().any(|service| service.has_canary() && !passed(service))
    }

    /// Whether some canary stays alone now, or will, because somebody asked for it.
    pub fn canaries_stay(&self) -> bool {
        self.stay().is_some() && self.canaries_to_come()
    }

    /// Whether somebody holds it up, by a pause or at its canary.
    pub fn is_held_up(&self) -> bool {
        match &self.stage {
            Stage::Running(rollout) => rollout.paused().is_some() || self.canaries_stay(),
            Stage::Waiting | Stage::Queued { .. } | Stage::Ended(_) => false,
        }
    }

    /// Where it is, in one word.
    pub fn stage_name(&self) -> &'static str {
        if self.is_scheduled() { "scheduled" } else { self.stage.name() }
    }

    /// Whether it waits for a moment that has not come yet.
    pub fn is_scheduled(&self) -> bool {
        match &self.stage {
            Stage::Waiting => self.scheduled.is_some(),
            Stage::Queued { .. } | Stage::Running(_) | Stage::Ended(_) => false,
        }
    }

    /// Its place among those of its environment that have not ended: what runs, then rollbacks,
    /// then whoever was agreed first, then those that wait for votes, then for their moment.
    pub fn place(&self) -> (u8, bool, Timestamp, DeploymentId) {
        let (stage, since) = match (&self.stage, self.scheduled) {
            (Stage::Running(rollout), _) => (0, rollout.started_at),
            (Stage::Queued { since }, _) => (1, *since),
            (Stage::Waiting, None) => (2, self.asked_at),
            (Stage::Waiting, Some(moment)) => (3, moment),
            (Stage::Ended(ended), _) => (4, ended.at),
        };
        (stage, !self.is_rollback(), since, self.id)
    }

    /// The images that made it go back: what may be worth a ban. Empty where it was no image's
    /// fault, or that of what had run before.
    pub fn suspects(&self) -> Vec<&ImageMove> {
        let cause = match self.end() {
            Some(End::RolledBack { cause } | End::Failed { cause, undo: Some(_) }) => cause,
            Some(
                End::Succeeded
                | End::Failed { undo: None, .. }
                | End::Cancelled { .. }
                | End::Rejected { .. }
                | End::Expired
                | End::Unapproved
                | End::Missed
                | End::Refused { .. }
                | End::Superseded { .. },
            )
            | None => return Vec::new(),
        };
        let terms = &self.plan.terms;
        let blamed = cause.blames_image_of().filter(|_| !self.is_rollback());
        let service = terms.services.iter().find(|service| Some(&service.name) == blamed);
        let image = service.and_then(|service| terms.image(&service.repository));
        let moved = |image: &&ImageMove| {
            image.from.as_ref().is_none_or(|from| from.digest != image.to.digest)
        };
        image.filter(moved).into_iter().collect()
    }

    pub fn rollout(&self) -> Option<&Rollout> {
        match &self.stage {
            Stage::Waiting | Stage::Queued { .. } => None,
            Stage::Running(rollout) => Some(rollout),
            Stage::Ended(ended) => ended.rollout.as_ref(),
        }
    }

    pub fn end(&self) -> Option<&End> {
        match &self.stage {
            Stage::Waiting | Stage::Queued { .. } | Stage::Running(_) => None,
            Stage::Ended(ended) => Some(&ended.end),
        }
    }
}

impl Stage {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Queued { .. } => "queued",
            Self::Running(_) => "running",
            Self::Ended(ended) => ended.end.code(),
        }
    }
}

impl End {
    /// Whether this end can only follow a rollout. A cancelled or superseded deployment may
    /// have run or not: then `undone` tells.
    fn acted(&self) -> bool {
        match self {
            Self::Succeeded | Self::RolledBack { .. } | Self::Failed { .. } => true,
            Self::Cancelled { undone, .. } | Self::Superseded { undone, .. } => *undone,
            Self::Rejected { .. }
            | Self::Expired
            | Self::Unapproved
            | Self::Missed
            | Self::Refused { .. } => false,
        }
    }
}

fn event_name(event: &Event) -> &'static str {
    match event {
        Event::Requested(_) => "requested",
        Event::Posted { .. } => "posted",
        Event::VoteCast(_) => "vote-cast",
        Event::VoteWithdrawn { .. } => "vote-withdrawn",
        Event::Due => "due",
        Event::Approved => "approved",
        Event::OutlookChanged { .. } => "outlook-changed",
        Event::Replanned { .. } => "replanned",
        Event::Started { .. } => "started",
        Event::StepStarted { .. } => "step-started",
        Event::StepDone { .. } => "step-done",
        Event::StepFailed { .. } => "step-failed",
        Event::Progressed { .. } => "progressed",
        Event::CanaryPassed { .. } => "canary-passed",
        Event::Paused { .. } => "paused",
        Event::Continued { .. } => "continued",
        Event::CanaryAsked { .. } => "canary-asked",
        Event::StopRequested { .. } => "stop-requested",
        Event::UndoStarted { .. } => "undo-started",
        Event::Ended { .. } => "ended",
        Event::TagRepaired { .. } => "tag-repaired",
        Event::OthersChanged { .. } => "others-changed",
        Event::LogRead(_) => "log-read",
    }
}
