//! What time alone brings about: questions that nobody answered expire, those who could answer
//! are told once, and what could not be shown is shown.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::problem::Problem;
use super::{Engine, lock};
use crate::domain::deployment::{Deployment, GRACE, Stage};
use crate::domain::event::{End, Event};
use crate::domain::id::DeploymentId;
use crate::ports::Place;
use crate::report;

/// The pause before something is tried again that somebody did not answer for.
pub(super) const ASK_AGAIN: Duration = Duration::from_secs(5);

/// The longest sleep without a look at what waits.
pub(super) const HOUR: Duration = Duration::from_secs(3600);

impl Engine {
    /// Sees to what time brings about, for ever.
    pub(super) async fn attend_forever(self) {
        loop {
            let next = match self.attend().await {
                Ok(next) => next,
                Err(problem) => {
                    tracing::error!(?problem, "could not look at what is due");
                    self.parts.clock.now().checked_add(ASK_AGAIN).ok()
                }
            };
            *lock(&self.shared.due) = next;
            let sleep = async {
                match next {
                    Some(time) => self.parts.clock.sleep_until(time).await,
                    None => self.parts.clock.sleep(HOUR).await,
                }
            };
            tokio::select! {
                () = sleep => {}
                () = self.shared.reschedule.notified() => {}
            }
        }
    }

    /// Sees to all that is open or untold; tells when to look again.
    async fn attend(&self) -> Result<Option<Timestamp>, Problem> {
        // Whoever waits until nothing is going on waits for what is due, too.
        let _work = self.begin_work();
        *lock(&self.shared.due) = None;
        let soon = self.parts.clock.now().checked_add(ASK_AGAIN).ok();
        let mut next = if self.tell_ends().await? { soon } else { None };
        let locks = self.attend_locks().await.unwrap_or_else(|problem| {
            // What waits for votes expires all the same.
            tracing::warn!(?problem, "could not look after the locks");
            soon
        });
        next = earlier(next, locks);
        next = earlier(next, self.lapse().await?);
        let freezes = self.attend_freezes().await.unwrap_or_else(|problem| {
            tracing::warn!(?problem, "could not look after the freezes");
            soon
        });
        next = earlier(next, freezes);
        if self.tell_decisions().await? {
            next = earlier(next, soon);
        }
        for deployment in self.parts.store.open().await? {
            let id = deployment.id;
            if self.show_again(&deployment) | !self.count_again(id).await {
                next = earlier(next, soon);
            }
            if !matches!(deployment.stage, Stage::Waiting) {
                continue;
            }
            let looked = self.look_after(deployment).await;
            let again = looked.unwrap_or_else(|problem| {
                // One that cannot be looked after does not keep the others.
                tracing::warn!(deployment.id = %id, ?problem, "is looked at again later");
                soon
            });
            next = earlier(next, again);
        }
        Ok(next)
    }

    /// Tells the ends that could not be told before, beside everything else: a chat that does
    /// not answer keeps nothing from expiring. Says whether there are any.
    async fn tell_ends(&self) -> Result<bool, Problem> {
        let untold = self.parts.store.untold().await?;
        let any = !untold.is_empty();
        let turn = Arc::clone(&self.shared.telling).try_lock_owned();
        if let (true, Ok(turn)) = (any, turn) {
            let (engine, work) = (self.clone(), self.begin_work());
            tokio::spawn(async move {
                for deployment in untold {
                    if let Err(problem) = engine.tell_end(&deployment).await {
                        tracing::warn!(deployment.id = %deployment.id, ?problem, "the end could not be told yet");
                    }
                }
                drop((turn, work));
            });
        }
        Ok(any)
    }

    /// Has a card drawn that could not be; says whether it could not.
    fn show_again(&self, deployment: &Deployment) -> bool {
        let stale = lock(&self.shared.stale).contains(&deployment.id);
        if stale {
            self.want_card(deployment, None);
        }
        stale
    }

    /// Counts the votes where the reactions could not be read; says whether they are counted.
    async fn count_again(&self, id: DeploymentId) -> bool {
        if !lock(&self.shared.uncounted).remove(&id) {
            return true;
        }
        let counted = self.recount(id).await;
        if let Err(problem) = &counted {
            tracing::warn!(deployment.id = %id, ?problem, "votes could not be counted");
            lock(&self.shared.uncounted).insert(id);
        }
        counted.is_ok()
    }

    /// Ends a question that has expired, or sees to it that it can be answered; tells when to
    /// look at it again.
    async fn look_after(&self, mut deployment: Deployment) -> Result<Option<Timestamp>, Problem> {
        if deployment.message.is_none() {
            deployment = self.show_card(deployment).await?;
        }
        if let Some(moment) = deployment.scheduled {
            return self.look_after_scheduled(&deployment, moment).await;
        }
        if let Some(approved) = self.approve_if_agreed(deployment.id).await? {
            self.take_turns(&approved.plan.terms.environment);
            return Ok(None);
        }
        if deployment.request.scheduled.is_some() {
            // What stands on the card now is what counts. Where that cannot be read it waits, but
            // not for ever.
            let age = self.parts.clock.now().duration_since(deployment.asked_at);
            let counted = self.recount(deployment.id).await;
            if Duration::try_from(age).unwrap_or_default() <= GRACE {
                counted?;
            }
            match self.approve_if_agreed(deployment.id).await? {
                Some(approved) => self.take_turns(&approved.plan.terms.environment),
                None => self.end_unapproved(deployment.id).await?,
            }
            return Ok(None);
        }
        let Some(expires) = deployment.expires_at() else { return Ok(None) };
        if self.parts.clock.now() < expires {
            let nudge_at = self.nudge(&deployment).await.unwrap_or_else(|problem| {
                tracing::warn!(deployment.id = %deployment.id, ?problem, "nobody could be told that it waits");
                self.parts.clock.now().checked_add(ASK_AGAIN).ok()
            });
            return Ok(earlier(nudge_at, Some(expires)));
        }
        let now = self.parts.store.deployment(deployment.id).await?;
        let waits = now.is_some_and(|now| {
            matches!(now.stage, Stage::Waiting) && now.expires_at() == Some(expires)
        });
        if waits {
            self.end_waiting(deployment.id, End::Expired).await?;
        }
        Ok(None)
    }
}

impl Engine {
    /// The moment of a deployment has come, and what was agreed for it does not stand any more. It
    /// does not run at some other time instead.
    async fn end_unapproved(&self, id: DeploymentId) -> Result<(), Problem> {
        let ended = self.append_if(id, |now| match now.stage {
            Stage::Waiting if now.scheduled.is_none() => {
                vec![Event::Ended { end: End::Unapproved }]
            }
            Stage::Waiting | Stage::Queued { .. } | Stage::Running(_) | Stage::Ended(_) => {
                Vec::new()
            }
        });
        if let Some(ended) = ended.await? {
            tracing::info!(deployment.id = %id, "no longer agreed when it was to begin");
            self.finish(&ended).await;
        }
        Ok(())
    }

    /// Lets a deployment whose moment has come queue if it is agreed, and ends it if not; tells
    /// when to look at it again. All of it is one write, so that it happens once, whoever does it
    /// and whenever somebody dies.
    async fn look_after_scheduled(
        &self,
        deployment: &Deployment,
        moment: Timestamp,
    ) -> Result<Option<Timestamp>, Problem> {
        let now = self.parts.clock.now();
        if now < moment {
            let needs = !deployment.needed().is_empty();
            let nudge_at = if needs { self.nudge(deployment).await? } else { None };
            return Ok(earlier(nudge_at, Some(moment)));
        }
        let late = Duration::try_from(now.duration_since(moment)).unwrap_or_default();
        if late > GRACE {
            self.end_waiting(deployment.id, End::Missed).await?;
            return Ok(None);
        }
        // What stands on the card now is what counts.
        self.recount(deployment.id).await?;
        let after = self.append_if(deployment.id, |now| match now.stage {
            Stage::Waiting if now.scheduled == Some(moment) => {
                if now.is_agreed() {
                    vec![Event::Due, Event::Approved]
                } else {
                    vec![Event::Ended { end: End::Unapproved }]
                }
            }
            Stage::Waiting | Stage::Queued { .. } | Stage::Running(_) | Stage::Ended(_) => {
                Vec::new()
            }
        });
        let Some(after) = after.await? else { return Ok(None) };
        tracing::info!(deployment.id = %after.id, stage = after.stage.name(), "its moment has come");
        if after.end().is_some() {
            self.finish(&after).await;
        } else {
            self.take_turns(&after.plan.terms.environment);
            self.supersede_older(&after).await?;
        }
        Ok(None)
    }

    /// Tells those who can unblock a deployment that it waits for them, once; or when to.
    async fn nudge(&self, deployment: &Deployment) -> Result<Option<Timestamp>, Problem> {
        let Some(after) = self.parts.manners.nudge_after else { return Ok(None) };
        let Ok(due) = deployment.asked_at.checked_add(after) else { return Ok(None) };
        let now = self.parts.clock.now();
        if now < due {
            return Ok(Some(due));
        }
        // To ask who holds a role can take a hundred requests: once is enough.
        if lock(&self.shared.nudged).contains(&deployment.id) {
            return Ok(None);
        }
        let needed = deployment.needed();
        let open = deployment.requirements.iter();
        let open = open.filter(|requirement| needed.contains_key(&requirement.policy));
        let roles = open.flat_map(|requirement| requirement.approvers.iter().cloned()).collect();
        let mut people = self.parts.chat.holders(&roles).await?;
        // Somebody may have voted while that was asked.
        let deployment = &self.reload(deployment.id).await?;
        if !matches!(deployment.stage, Stage::Waiting) {
            return Ok(None);
        }
        people.retain(|person| {
            *person != deployment.request.requester.id && !deployment.votes.contains_key(person)
        });
        // Written down first: a message too few is better than one too many.
        let first = self.parts.store.nudge(deployment.id, now).await?;
        lock(&self.shared.nudged).insert(deployment.id);
        if !first {
            return Ok(None);
        }
        let environment = &deployment.plan.terms.environment;
        let card = report::nudge_card(deployment, &self.local_time(Some(environment)));
        for person in people {
            let key = format!("nudge-{}-{person}", deployment.id);
            let place = Place::Direct { person: person.clone() };
            if let Err(error) = self.parts.chat.post(&place, &card, &key).await {
                tracing::warn!(deployment.id = %deployment.id, %person, %error, "could not be told that it waits");
            }
        }
        Ok(None)
    }
}

pub(super) fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}
