//! What time alone brings about: questions that nobody answered expire, those who could answer
//! are told once, and what could not be shown is shown.

use std::time::Duration;

use jiff::Timestamp;

use super::problem::Problem;
use super::{Engine, lock};
use crate::domain::deployment::{Deployment, Stage};
use crate::domain::event::End;
use crate::ports::Place;
use crate::report;

/// The pause before something is tried again that somebody did not answer for.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// The longest sleep without a look at what waits.
const HOUR: Duration = Duration::from_secs(3600);

impl Engine {
    /// Ends what has waited too long, for ever.
    pub(super) async fn expire_forever(self) {
        loop {
            let next = match self.expire().await {
                Ok(next) => next,
                Err(problem) => {
                    tracing::error!(?problem, "could not look for expired questions");
                    self.parts.clock.now().checked_add(Duration::from_secs(5)).ok()
                }
            };
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

    /// Ends what has expired, posts and tells what could not be posted or told before; tells
    /// when to look again.
    async fn expire(&self) -> Result<Option<Timestamp>, Problem> {
        // Whoever waits until nothing is going on waits for what is due, too.
        let _work = self.begin_work();
        let mut next: Option<Timestamp> = None;
        let soon = self.parts.clock.now().checked_add(ASK_AGAIN).ok();
        for deployment in self.parts.store.untold().await? {
            if let Err(problem) = self.tell_end(&deployment).await {
                tracing::warn!(deployment.id = %deployment.id, ?problem, "the end could not be told yet");
                next = earlier(next, soon);
            }
        }
        for deployment in self.parts.store.open().await? {
            let id = deployment.id;
            if lock(&self.shared.stale).contains(&id) {
                self.refresh_card(&deployment).await;
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

    /// Ends a question that has expired, or sees to it that it can be answered; tells when to
    /// look at it again.
    async fn look_after(&self, mut deployment: Deployment) -> Result<Option<Timestamp>, Problem> {
        if deployment.message.is_none() {
            deployment = self.show_card(deployment).await?;
        }
        self.look_for_early_answers(&deployment).await;
        if let Some(approved) = self.approve_if_agreed(deployment.id).await? {
            self.take_turns(&approved.plan.terms.environment);
            return Ok(None);
        }
        let Some(expires) = deployment.expires_at() else { return Ok(None) };
        let nudge_at = self.nudge(&deployment).await?;
        if self.parts.clock.now() < expires {
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
    /// Who answers a card before it is written down where it stands is heard of too early, and
    /// never again: each card is looked at once.
    async fn look_for_early_answers(&self, deployment: &Deployment) {
        let Some(message) = &deployment.message else { return };
        let earlier = lock(&self.shared.looked_at).insert(deployment.id, message.clone());
        if earlier.as_ref() == Some(message) {
            return;
        }
        // Those of who cannot be asked now are counted with the next one.
        let answers = self.parts.chat.reactions(message).await;
        if answers.is_ok_and(|answers| !answers.is_empty()) {
            self.reactions_changed(message).await;
        }
    }

    /// Tells those who can unblock a deployment that it waits for them, once; or when to.
    async fn nudge(&self, deployment: &Deployment) -> Result<Option<Timestamp>, Problem> {
        let Some(after) = self.parts.manners.nudge_after else { return Ok(None) };
        let Ok(due) = deployment.asked_at.checked_add(after) else { return Ok(None) };
        let now = self.parts.clock.now();
        if now < due {
            return Ok(Some(due));
        }
        // Somebody may have voted since it was looked at.
        let Some(deployment) = self.parts.store.deployment(deployment.id).await? else {
            return Ok(None);
        };
        if !matches!(deployment.stage, Stage::Waiting) {
            return Ok(None);
        }
        let needed = deployment.needed();
        let open = deployment.requirements.iter();
        let open = open.filter(|requirement| needed.contains_key(&requirement.policy));
        let roles = open.flat_map(|requirement| requirement.approvers.iter().cloned()).collect();
        let mut people = self.parts.chat.holders(&roles).await?;
        people.retain(|person| {
            *person != deployment.request.requester.id && !deployment.votes.contains_key(person)
        });
        // Written down first: a message too few is better than one too many.
        if !self.parts.store.nudge(deployment.id, now).await? {
            return Ok(None);
        }
        let environment = &deployment.plan.terms.environment;
        let card = report::nudge_card(&deployment, &self.local_time(Some(environment)));
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

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}
