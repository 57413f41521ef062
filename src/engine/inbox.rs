//! What the chat raises, taken in once each: a message's id is written down before anything
//! is done about it. Promotions to one environment are planned in the order they came.

use std::collections::HashMap;

use tokio::sync::{mpsc, oneshot};

use super::Engine;
use super::problem::Undecided;
use crate::domain::card;
use crate::domain::command::Command;
use crate::domain::id::{DeploymentId, EnvironmentName};
use crate::grammar::{Misunderstood, Reading};
use crate::ports::{ChatEvent, Raised, Said, Unhandled};
use crate::report::{self, Unasked};

/// A message older than this when it comes to be answered is not acted on.
const TOO_OLD: jiff::SignedDuration = jiff::SignedDuration::from_mins(10);

/// More lanes than this are swept.
const MOST_LANES: usize = 1000;

/// What messages stand in line for, one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Lane {
    /// Promotions are planned in the order in which they came.
    Environment(EnvironmentName),
    /// What people say on a deployment counts in the order in which they said it.
    Deployment(DeploymentId),
    /// A ban and its end.
    Bans,
    /// Locks and their ends. They do not wait for a promotion that AWS keeps waiting.
    Locks,
    /// Freezes and their ends. They do not wait for a promotion that AWS keeps waiting.
    Freezes,
    /// What is said at once stands in the order in which it came.
    Announcements,
    /// What is announced at set times. Pausing it does not wait for a channel that takes nothing.
    Schedules,
}

/// A message on its way to be answered.
struct Job {
    said: Said,
    reading: Reading,
    handled: oneshot::Sender<()>,
}

impl Engine {
    /// Handles events until there are no more.
    pub(super) async fn handle_all(&self, mut events: mpsc::Receiver<Raised>) {
        let mut lanes: HashMap<Lane, mpsc::UnboundedSender<Job>> = HashMap::new();
        while let Some(Raised { event, handled }) = events.recv().await {
            match event {
                ChatEvent::ReactionsChanged { message } => {
                    let engine = self.clone();
                    tokio::spawn(async move {
                        engine.reactions_changed(&message).await;
                        let _ = handled.send(());
                    });
                }
                ChatEvent::MessageGone { message } => {
                    let engine = self.clone();
                    tokio::spawn(async move {
                        engine.message_gone(&message).await;
                        let _ = handled.send(());
                    });
                }
                ChatEvent::Returned => {
                    let engine = self.clone();
                    tokio::spawn(async move {
                        engine.catch_up().await;
                        let _ = handled.send(());
                    });
                }
                ChatEvent::Said(mut said) => {
                    said.text = card::without_marks(&said.text);
                    let reading = self.parts.grammar.parse(&said.text, &self.vocabulary());
                    let lane = lane_of(&reading);
                    let job = Job { said, reading, handled };
                    match lane {
                        None => drop(tokio::spawn(self.clone().work(job))),
                        Some(name) => {
                            // Those of deployments that are over are never needed again.
                            if lanes.len() > MOST_LANES {
                                lanes.retain(|lane, _| !matches!(lane, Lane::Deployment(_)));
                            }
                            let lane = lanes.entry(name).or_insert_with(|| self.open_lane());
                            // The lane's task lives until its sender is gone and all is done,
                            // unless it broke down.
                            if let Err(unsent) = lane.send(job) {
                                *lane = self.open_lane();
                                let _ = lane.send(unsent.0);
                            }
                        }
                    }
                }
            }
        }
    }

    fn open_lane(&self) -> mpsc::UnboundedSender<Job> {
        let (sender, mut jobs) = mpsc::unbounded_channel();
        let engine = self.clone();
        tokio::spawn(async move {
            while let Some(job) = jobs.recv().await {
                engine.clone().work(job).await;
            }
        });
        sender
    }

    async fn work(self, Job { said, reading, handled }: Job) {
        if self.take_in(&said, &reading).await {
            self.answer_reading(&said, reading).await;
            self.close(&said).await;
        }
        let _ = handled.send(());
    }

    /// Writes a message down; false: it is nobody's question, or was taken in before.
    async fn take_in(&self, said: &Said, reading: &Reading) -> bool {
        // Quotes and code are nobody's question; other talk to the bot deserves an answer.
        if *reading == Reading::NotACommand && !self.parts.grammar.has_words(&said.text) {
            return false;
        }
        match self.parts.store.receive(said, self.parts.clock.now()).await {
            Ok(new) => new,
            Err(error) => {
                let undecided = Undecided { unasked: Unasked::Journal, error: error.into() };
                self.undecided(said, &undecided).await;
                false
            }
        }
    }

    async fn answer_reading(&self, said: &Said, reading: Reading) {
        // It lay in the chat while nobody listened.
        let now = self.parts.clock.now();
        if said.at.is_some_and(|at| now.duration_since(at) > TOO_OLD) {
            return self.whisper(said, &report::say_again_card(&said.text)).await;
        }
        match reading {
            Reading::Command(command) => self.answer(said, command).await,
            Reading::NotACommand => {
                self.misunderstood(said, "That is no command I know.", &["help".to_owned()]).await;
            }
            Reading::Misunderstood(Misunderstood { why, suggestions }) => {
                self.misunderstood(said, &why.to_string(), &suggestions).await;
            }
        }
    }

    /// Answers a message that an earlier process took in and did not finish with. Where its
    /// deployment has begun, that goes on by itself and is the answer; where it has made a
    /// schedule, that stands, and is told. What may mean something else by now is not done, but
    /// asked for again.
    pub(super) async fn answer_again(&self, left: &Unhandled) {
        // What it says of times counts from when it was said.
        let said = &Said { at: left.said.at.or(Some(left.received_at)), ..left.said.clone() };
        let store = &self.parts.store;
        let begun = store.asked_in(&said.message).await.ok().flatten();
        let made = store.schedule_asked_in(&said.message).await.ok().flatten();
        let reading = self.parts.grammar.parse(&said.text, &self.vocabulary());
        let age = self.parts.clock.now().duration_since(left.received_at);
        if begun.is_some() {
            return self.close(said).await;
        }
        if let Some(made) = made {
            self.answer_made(said, made).await;
        } else if age > TOO_OLD || names_no_deployment(&reading) {
            self.whisper(said, &report::say_again_card(&said.text)).await;
        } else {
            self.answer_reading(said, reading).await;
        }
        self.close(said).await;
    }

    async fn close(&self, said: &Said) {
        if let Err(error) = self.parts.store.handled(&said.message, self.parts.clock.now()).await {
            // It will be looked at once more at the next start, and found to be done.
            tracing::warn!(message = %said.message, %error, "could not be marked as handled");
        }
    }
}

/// What a message stands in line for. A rollback stands in none: it does not wait for a
/// promotion that AWS keeps waiting.
fn lane_of(reading: &Reading) -> Option<Lane> {
    match reading {
        Reading::Command(Command::Promote(promote)) => {
            Some(Lane::Environment(promote.environment.clone()))
        }
        Reading::Command(
            Command::Approve(ballot)
            | Command::Reject(ballot)
            | Command::Cancel(ballot)
            | Command::Pause(ballot)
            | Command::Continue(ballot),
        ) => ballot.deployment.map(Lane::Deployment),
        Reading::Command(Command::Canary(canary)) => canary.deployment.map(Lane::Deployment),
        Reading::Command(
            Command::ReleaseHold { environment, .. } | Command::EndReservation { environment, .. },
        ) => Some(Lane::Environment(environment.clone())),
        Reading::Command(Command::Ban(_) | Command::Unban { .. }) => Some(Lane::Bans),
        Reading::Command(Command::Lock(_) | Command::Unlock { .. }) => Some(Lane::Locks),
        Reading::Command(Command::Freeze(_) | Command::Unfreeze { .. }) => Some(Lane::Freezes),
        Reading::Command(Command::Announce { .. }) => Some(Lane::Announcements),
        Reading::Command(
            Command::PauseSchedule { .. }
            | Command::ContinueSchedule { .. }
            | Command::CancelSchedule { .. },
        ) => Some(Lane::Schedules),
        Reading::Command(
            Command::Rollback(_)
            | Command::Status { .. }
            | Command::Show { .. }
            | Command::History { .. }
            | Command::Queue { .. }
            | Command::Bans
            | Command::Locks
            | Command::Reservations
            | Command::Freezes { .. }
            | Command::ShowSchedule { .. }
            | Command::Preview { .. }
            | Command::Figures { .. }
            | Command::Schedules
            | Command::Help { .. }
            | Command::Whoami,
        )
        | Reading::NotACommand
        | Reading::Misunderstood(_) => None,
    }
}

/// A word on a deployment that only the moment could tell.
fn names_no_deployment(reading: &Reading) -> bool {
    match reading {
        Reading::Command(
            Command::Approve(ballot)
            | Command::Reject(ballot)
            | Command::Cancel(ballot)
            | Command::Pause(ballot)
            | Command::Continue(ballot),
        ) => ballot.deployment.is_none(),
        Reading::Command(Command::Canary(canary)) => canary.deployment.is_none(),
        Reading::Command(
            Command::Promote(_)
            | Command::Rollback(_)
            | Command::Status { .. }
            | Command::Show { .. }
            | Command::History { .. }
            | Command::Queue { .. }
            | Command::Ban(_)
            | Command::Unban { .. }
            | Command::Bans
            | Command::Schedules
            | Command::ReleaseHold { .. }
            | Command::Lock(_)
            | Command::Unlock { .. }
            | Command::Locks
            | Command::Reservations
            | Command::EndReservation { .. }
            | Command::Freeze(_)
            | Command::Unfreeze { .. }
            | Command::Freezes { .. }
            | Command::Announce { .. }
            | Command::ShowSchedule { .. }
            | Command::PauseSchedule { .. }
            | Command::ContinueSchedule { .. }
            | Command::CancelSchedule { .. }
            | Command::Preview { .. }
            | Command::Figures { .. }
            | Command::Help { .. }
            | Command::Whoami,
        )
        | Reading::NotACommand
        | Reading::Misunderstood(_) => false,
    }
}
