//! What the chat raises, taken in once each: a message's id is written down before anything
//! is done about it. Promotions to one environment are planned in the order they came.

use std::collections::HashMap;

use tokio::sync::{mpsc, oneshot};

use super::Engine;
use super::problem::Undecided;
use crate::domain::command::Command;
use crate::domain::id::EnvironmentName;
use crate::grammar::Reading;
use crate::ports::{ChatEvent, Raised, Said};
use crate::report::Unasked;

/// A message on its way to be answered.
struct Job {
    said: Said,
    command: Command,
    handled: oneshot::Sender<()>,
}

impl Engine {
    /// Handles events until there are no more.
    pub(super) async fn handle_all(&self, mut events: mpsc::Receiver<Raised>) {
        let mut lanes: HashMap<EnvironmentName, mpsc::UnboundedSender<Job>> = HashMap::new();
        while let Some(Raised { event, handled }) = events.recv().await {
            match event {
                ChatEvent::ReactionsChanged { message } => {
                    let engine = self.clone();
                    tokio::spawn(async move {
                        engine.reactions_changed(&message).await;
                        let _ = handled.send(());
                    });
                }
                ChatEvent::Said(said) => {
                    let Some(command) = self.take_in(&said).await else {
                        let _ = handled.send(());
                        continue;
                    };
                    let lane = match &command {
                        Command::Promote(promote) => Some(promote.environment.clone()),
                        Command::Rollback(_)
                        | Command::Status { .. }
                        | Command::Show { .. }
                        | Command::History { .. }
                        | Command::Approve(_)
                        | Command::Reject(_)
                        | Command::Cancel(_)
                        | Command::Help { .. }
                        | Command::Whoami => None,
                    };
                    let job = Job { said, command, handled };
                    match lane {
                        // A rollback never stands behind a promotion that AWS keeps waiting.
                        None => drop(tokio::spawn(self.clone().work(job))),
                        Some(name) => {
                            let lane = lanes.entry(name).or_insert_with(|| self.open_lane());
                            // The lane's task lives for as long as its sender.
                            let _ = lane.send(job);
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

    /// Writes a message down and reads it; `None`: nothing is left to do about it.
    async fn take_in(&self, said: &Said) -> Option<Command> {
        let reading = self.parts.grammar.parse(&said.text, &self.vocabulary());
        if reading == Reading::NotACommand {
            return None;
        }
        match self.parts.store.receive(said, self.parts.clock.now()).await {
            Ok(true) => {}
            Ok(false) => {
                tracing::debug!(message = %said.message, "was taken in before");
                return None;
            }
            Err(error) => {
                let undecided = Undecided { unasked: Unasked::Journal, error: error.into() };
                self.undecided(said, &undecided).await;
                return None;
            }
        }
        match reading {
            Reading::NotACommand => None,
            Reading::Command(command) => Some(command),
            Reading::Misunderstood(misunderstood) => {
                self.misunderstood(said, &misunderstood).await;
                self.close(said).await;
                None
            }
        }
    }

    async fn work(self, job: Job) {
        self.answer(&job.said, job.command).await;
        self.close(&job.said).await;
        let _ = job.handled.send(());
    }

    /// Answers a message that an earlier process took in and did not finish with. Where its
    /// deployment has begun, that goes on by itself and is the answer.
    pub(super) async fn answer_again(&self, said: &Said) {
        let begun = self.parts.store.asked_in(&said.message).await;
        if begun.is_ok_and(|begun| begun.is_some()) {
            return self.close(said).await;
        }
        if let Reading::Command(command) = self.parts.grammar.parse(&said.text, &self.vocabulary())
        {
            self.answer(said, command).await;
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
