//! What time alone brings about: questions that nobody answered expire.

use std::time::Duration;

use super::Engine;
use super::problem::Problem;
use crate::domain::deployment::Stage;
use crate::domain::event::End;

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

    /// Ends what has expired; tells when the next one will.
    async fn expire(&self) -> Result<Option<jiff::Timestamp>, Problem> {
        let mut next = None;
        for deployment in self.parts.store.open().await? {
            if deployment.message.is_none() && matches!(deployment.stage, Stage::Waiting) {
                self.show_card(deployment.clone()).await?;
            }
            let Some(expires) = deployment.expires_at() else { continue };
            match deployment.stage {
                Stage::Waiting if expires <= self.parts.clock.now() => {
                    // A vote whose event was lost still counts: the last look decides.
                    self.recount(deployment.id).await?;
                    let now = self.parts.store.deployment(deployment.id).await?;
                    let waits = now.is_some_and(|now| {
                        matches!(now.stage, Stage::Waiting) && now.expires_at() == Some(expires)
                    });
                    if waits {
                        self.end_waiting(deployment.id, End::Expired).await?;
                    }
                }
                Stage::Waiting => {
                    next = Some(next.map_or(expires, |next: jiff::Timestamp| next.min(expires)));
                }
                Stage::Queued { .. } | Stage::Running(_) | Stage::Ended(_) => {}
            }
        }
        Ok(next)
    }
}
