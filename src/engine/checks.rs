//! After-checks beside a rollout: each is asked again until its service answers as it should, or
//! its time is over, while the rollout is watched as ever. They only ask, so that those which a
//! process leaves behind are begun anew by the next one, and those that a rollout no longer
//! waits for are given up.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use futures::future::join_all;
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};

use super::Engine;
use super::runner::Hands;
use crate::domain::after_check::{AfterCheck, Unsatisfied};
use crate::domain::environment::Environment;
use crate::domain::event::{Event, Step, StepOutcome};
use crate::domain::id::ServiceName;

/// For how long one try may take. Also the last has some time: cut short, it would hide what is
/// wrong behind having been late.
const LONGEST_TRY: Duration = Duration::from_secs(5);
const SHORTEST_TRY: Duration = Duration::from_secs(1);

/// So many right answers in a row are wanted: behind one address there may still be tasks that
/// run what ran before, and each answer is asked for on a connection of its own.
const IN_A_ROW: u32 = 3;

/// The checks of one rollout that this process has under way. Dropped, they end.
#[derive(Default)]
pub(super) struct Checks {
    tasks: JoinSet<Event>,
    steps: HashMap<Id, (Step, AbortHandle)>,
    outcomes: Vec<Event>,
}

impl Checks {
    /// Whether this process has it under way already, or knows what came of it.
    pub fn has(&self, step: &Step) -> bool {
        self.steps.values().any(|(running, _)| running == step)
            || self.outcomes.iter().any(|event| event.outcome_of() == Some(step))
    }

    /// Begins a check, of what the settings say now.
    pub fn begin(&mut self, hands: Hands<'_>, step: &Step) {
        let Step::Check { service, .. } = step else { return };
        let asked = asked_of(hands.environment, service);
        let (engine, done) = (hands.engine.clone(), step.clone());
        let handle = self.tasks.spawn(async move {
            let outcome = engine.check(asked).await;
            Event::StepDone { step: done, outcome }
        });
        self.steps.insert(handle.id(), (step.clone(), handle));
    }

    /// Gives up those that are not among these steps.
    pub fn keep(&mut self, under_way: &BTreeSet<Step>) {
        self.steps.retain(|_, (step, handle)| {
            let wanted = under_way.contains(step);
            if !wanted {
                handle.abort();
            }
            wanted
        });
    }

    /// Returns when one more has ended; where none is under way, never.
    pub async fn one_ends(&mut self) {
        match self.tasks.join_next_with_id().await {
            None => std::future::pending().await,
            Some(ended) => self.keep_outcome(ended),
        }
    }

    /// What came of those that have ended since this was last asked.
    pub fn outcomes(&mut self) -> Vec<Event> {
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            self.keep_outcome(ended);
        }
        std::mem::take(&mut self.outcomes)
    }

    fn keep_outcome(&mut self, ended: Result<(Id, Event), JoinError>) {
        match ended {
            Ok((id, outcome)) => {
                if self.steps.remove(&id).is_some() {
                    self.outcomes.push(outcome);
                }
            }
            // It was given up, or it broke down: then it is begun anew at the next look.
            Err(error) => {
                let given_up = self.steps.remove(&error.id()).is_none();
                if !given_up {
                    tracing::error!(%error, "a check broke down");
                }
            }
        }
    }
}

impl Engine {
    /// Asks all of these at once; of several that do not pass, the first is told. Where the
    /// settings name none any more nothing is asked, which is not the same as to have passed.
    pub(super) async fn check(&self, asked: Vec<AfterCheck>) -> StepOutcome {
        if asked.is_empty() {
            return StepOutcome::NotTaken;
        }
        let tries = asked.iter().map(|check| self.satisfied(check));
        match join_all(tries).await.into_iter().flatten().next() {
            None => StepOutcome::Done,
            Some(found) => StepOutcome::Unsatisfied { found },
        }
    }

    /// Asks until the answer has been the one expected so many times in a row, or the time for
    /// that is over.
    async fn satisfied(&self, check: &AfterCheck) -> Option<Unsatisfied> {
        let clock = &self.parts.clock;
        let rhythm = self.parts.rhythm;
        let mut left = check.within;
        let mut pause = rhythm.shortest;
        let mut right = 0;
        loop {
            let began = clock.now();
            let limit = left.clamp(SHORTEST_TRY, LONGEST_TRY);
            let asked = self.parts.probe.ask(check, limit).await;
            let took = Duration::try_from(clock.now().duration_since(began)).unwrap_or_default();
            left = left.saturating_sub(took);
            let Err(answer) = asked else {
                right += 1;
                if right >= IN_A_ROW {
                    return None;
                }
                clock.sleep(rhythm.shortest).await;
                continue;
            };
            right = 0;
            if left <= pause {
                return Some(Unsatisfied {
                    url: check.url.to_string(),
                    expect: check.expect,
                    within: check.within,
                    answer,
                });
            }
            clock.sleep(pause).await;
            left = left.saturating_sub(pause);
            pause = (pause * 2).min(rhythm.longest).min(LONGEST_TRY);
        }
    }
}

/// What a service is asked by the settings as they are now.
pub(super) fn asked_of(environment: &Environment, service: &ServiceName) -> Vec<AfterCheck> {
    environment.service(service).map(|service| service.verify.clone()).unwrap_or_default()
}
