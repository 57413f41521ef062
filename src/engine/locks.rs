//! What time brings about in locks: one ends when its time is over, and its holder is asked whether
//! it is still needed. Who may lock is not decided here.

use jiff::Timestamp;

use super::Engine;
use super::problem::Problem;
use super::scheduler::earlier;
use crate::domain::decision::{Decision, Unlocking};
use crate::domain::deployment::Deployment;
use crate::domain::id::EnvironmentName;
use crate::domain::lock::Lock;
use crate::ports::{Place, StoreError};
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

    /// The locks on all environments, but those whose time is over.
    pub(super) async fn standing_locks(&self) -> Result<Vec<Lock>, StoreError> {
        let now = self.parts.clock.now();
        let mut locks = self.parts.store.locks().await?;
        locks.retain(|lock| lock.stands_at(now));
        Ok(locks)
    }

    /// Sees to all locks; tells when to look again.
    pub(super) async fn attend_locks(&self) -> Result<Option<Timestamp>, Problem> {
        self.end_locks().await?;
        let mut next = None;
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
