//! What time brings about in locks, and who is told of them: a lock ends when its time is over,
//! its holder is asked whether it is still needed, and hears who took it over. Who may lock is
//! not decided here.

use std::sync::Arc;

use jiff::Timestamp;

use super::Engine;
use super::problem::Problem;
use super::scheduler::{ASK_AGAIN, earlier};
use crate::domain::card::Card;
use crate::domain::decision::{Decision, RecordedDecision, Unlocking};
use crate::domain::deployment::Deployment;
use crate::domain::id::EnvironmentName;
use crate::domain::lock::Lock;
use crate::ports::{ChatError, Place, StoreError};
use crate::report;

impl Engine {
    /// The lock on an environment, unless its time is over.
    pub(super) async fn standing_lock(
        &self,
        environment: &EnvironmentName,
    ) -> Result<Option<Lock>, StoreError> {
        let lock = self.parts.store.lock(environment).await?;
        Ok(lock.filter(|lock| lock.stands_at(self.parts.clock.now())))
    }

    /// Sees to all locks, and tells what is news of them; tells when to look again.
    pub(super) async fn attend_locks(&self) -> Result<Option<Timestamp>, Problem> {
        let soon = self.parts.clock.now().checked_add(ASK_AGAIN).ok();
        self.end_locks().await?;
        let mut next = if self.tell_decisions().await? { soon } else { None };
        for lock in self.parts.store.locks().await? {
            next = earlier(next, lock.until);
            let Some(after) = self.parts.manners.ask_about_locks_after else { continue };
            let now = self.parts.clock.now();
            if lock.ask_at(after).is_some_and(|due| due <= now) {
                self.ask_holder(&lock, now).await?;
                let asked = Lock { asked_at: Some(now), ..lock };
                next = earlier(next, asked.ask_at(after));
            } else {
                next = earlier(next, lock.ask_at(after));
            }
        }
        Ok(next)
    }

    /// Ends the locks whose time is over, each once.
    pub(super) async fn end_locks(&self) -> Result<(), Problem> {
        let now = self.parts.clock.now();
        for lock in self.parts.store.locks().await? {
            if lock.stands_at(now) {
                continue;
            }
            let environment = lock.environment.clone();
            let over = Decision::Unlocked {
                environment: environment.clone(),
                lock: lock.decision,
                of: lock.by,
                why: Unlocking::TimeOver { channel: lock.channel },
            };
            if self.parts.store.decide(over, now).await? {
                tracing::info!(%environment, "the time of a lock is over");
                self.obstacles_changed(&environment).await;
            }
        }
        Ok(())
    }

    /// Asks the holder of an old lock whether it is still needed.
    async fn ask_holder(&self, lock: &Lock, now: Timestamp) -> Result<(), Problem> {
        // Written down first: a message too few is better than one too many.
        if !self.parts.store.ask_about_lock(lock, now).await? {
            return Ok(());
        }
        let Lock { environment, by, decision, .. } = lock;
        let after = self.parts.manners.ask_about_locks_after;
        let card = report::still_needed_card(lock, after, &self.local_time(Some(environment)));
        let key = format!("lock-needed-{decision}-{}", now.as_millisecond());
        let place = Place::Direct { person: by.clone() };
        if let Err(error) = self.parts.chat.post(&place, &card, &key).await {
            tracing::warn!(%environment, person = %by, %error, "could not be asked about a lock");
        }
        Ok(())
    }

    /// Tells the decisions that are news, beside everything else: a chat that does not answer
    /// keeps no lock from ending. Says whether there are any.
    async fn tell_decisions(&self) -> Result<bool, Problem> {
        let news = self.parts.store.news().await?;
        let any = !news.is_empty();
        let turn = Arc::clone(&self.shared.telling_decisions).try_lock_owned();
        if let (true, Ok(turn)) = (any, turn) {
            let (engine, work) = (self.clone(), self.begin_work());
            tokio::spawn(async move {
                for one in news {
                    if let Err(problem) = engine.tell_decision(&one).await {
                        tracing::warn!(decision = one.sequence, ?problem, "could not be told yet");
                    }
                }
                drop((turn, work));
            });
        }
        Ok(any)
    }

    async fn tell_decision(&self, recorded: &RecordedDecision) -> Result<(), Problem> {
        if let Some((place, card)) = self.news_of(recorded) {
            let key = format!("decision-{}", recorded.sequence);
            match self.parts.chat.post(&place, &card, &key).await {
                Ok(_) => {}
                Err(error @ ChatError::Unavailable(_)) => return Err(error.into()),
                // Not everybody takes direct messages; the history tells it, too.
                Err(
                    error @ (ChatError::MessageGone | ChatError::PlaceGone | ChatError::Refused(_)),
                ) => {
                    tracing::warn!(decision = recorded.sequence, %error, "cannot be told");
                }
            }
        }
        Ok(self.parts.store.news_told(recorded.sequence).await?)
    }

    /// Who has to be told of a decision, and what. `None`: nobody who did not take it.
    fn news_of(&self, recorded: &RecordedDecision) -> Option<(Place, Card)> {
        match &recorded.decision {
            Decision::Locked { environment, by, because, over, .. } => {
                let former = over.as_ref().filter(|over| over.by != *by)?;
                let place = Place::Direct { person: former.by.clone() };
                Some((place, report::lock_taken_over_card(environment, by, because)))
            }
            Decision::Unlocked { environment, of, why, .. } => match why {
                Unlocking::Lifted { by, because, .. } => {
                    let place = Place::Direct { person: of.clone() };
                    let because = because.as_deref();
                    Some((place, report::lock_lifted_card(environment, by, because)))
                }
                Unlocking::TimeOver { channel } => {
                    let place = Place::Channel(channel.clone());
                    Some((place, report::lock_over_card(environment, of)))
                }
            },
            Decision::Banned { .. }
            | Decision::Unbanned { .. }
            | Decision::HoldReleased { .. }
            | Decision::ReservationEnded { .. } => None,
        }
    }

    /// Tells whose lock a rollback passes. It is told once, however often the rollback is taken
    /// up again, and keeps nothing waiting.
    pub(super) fn tell_whose_lock_is_passed(&self, deployment: &Deployment) {
        if !deployment.is_rollback() {
            return;
        }
        let (engine, work, deployment) = (self.clone(), self.begin_work(), deployment.clone());
        tokio::spawn(async move {
            if let Err(problem) = engine.try_tell_whose_lock_is_passed(&deployment).await {
                tracing::warn!(deployment.id = %deployment.id, ?problem, "the holder of the lock could not be told");
            }
            drop(work);
        });
    }

    async fn try_tell_whose_lock_is_passed(&self, rollback: &Deployment) -> Result<(), Problem> {
        let environment = &rollback.plan.terms.environment;
        let Some(lock) = self.standing_lock(environment).await? else { return Ok(()) };
        // What was locked since has not been passed.
        let began = rollback.rollout().map(|rollout| rollout.started_at);
        if lock.by == rollback.request.requester.id || began.is_some_and(|at| at < lock.since) {
            return Ok(());
        }
        let card = report::lock_passed_card(rollback);
        let place = Place::Direct { person: lock.by };
        let key = format!("lock-passed-{}", rollback.id);
        self.parts.chat.post(&place, &card, &key).await?;
        Ok(())
    }
}
