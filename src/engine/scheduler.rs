//! What time alone brings about: questions that nobody answered expire.

use std::time::Duration;

use jiff::Timestamp;

use super::Engine;
use super::problem::Problem;
use crate::domain::deployment::{Deployment, Stage};
use crate::domain::event::End;

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
        if let Some(approved) = self.approve_if_agreed(deployment.id).await? {
            self.take_turns(&approved.plan.terms.environment);
            return Ok(None);
        }
        let Some(expires) = deployment.expires_at() else { return Ok(None) };
        if self.parts.clock.now() < expires {
            return Ok(Some(expires));
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

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}
