//! Decisions that somebody has to be told of who did not take them: whose lock was taken over or
//! lifted, and that the time of a lock or a freeze is over. Each is told once.

use std::sync::Arc;

use super::Engine;
use super::problem::Problem;
use crate::domain::card::Card;
use crate::domain::decision::{Decision, RecordedDecision, Unfreezing, Unlocking};
use crate::domain::freeze::{Part, State};
use crate::ports::{Place, StoreError};
use crate::report;

impl Engine {
    /// Tells the decisions that are news, beside everything else: a chat that does not answer
    /// keeps nothing from ending. Says whether there are any.
    pub(super) async fn tell_decisions(&self) -> Result<bool, Problem> {
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
        if let Some((place, card)) = self.news_of(recorded).await? {
            let key = format!("decision-{}", recorded.sequence);
            // The history tells it, too.
            self.tell(&place, &card, &key).await?;
        }
        Ok(self.parts.store.news_told(recorded.sequence).await?)
    }

    /// Who has to be told of a decision, and what. `None`: nobody who did not take it.
    async fn news_of(
        &self,
        recorded: &RecordedDecision,
    ) -> Result<Option<(Place, Card)>, StoreError> {
        Ok(match &recorded.decision {
            Decision::Locked { environment, by, because, over, .. } => {
                let former = over.as_ref().filter(|over| over.by != *by);
                former.map(|former| {
                    let place = Place::Direct { person: former.by.clone() };
                    (place, report::lock_taken_over_card(environment, by, because))
                })
            }
            Decision::Unlocked { environment, of, why, .. } => Some(match why {
                Unlocking::Lifted { by, because, .. } => {
                    let place = Place::Direct { person: of.clone() };
                    (place, report::lock_lifted_card(environment, by, because.as_deref()))
                }
                Unlocking::TimeOver { channel } => {
                    let place = Place::Channel(channel.clone());
                    (place, report::lock_over_card(environment, of))
                }
            }),
            Decision::Unfrozen { environment, of, why, .. } => match why {
                Unfreezing::Lifted { .. } => None,
                Unfreezing::TimeOver { channel } => {
                    let still = match self.parts.environments.get(environment) {
                        Some(environment) => self.state_of(environment, Part::Whole).await?,
                        None => State::Open,
                    };
                    let now = self.local_time(Some(environment));
                    let card = report::freeze_over_card(environment, of, &still, &now);
                    Some((Place::Channel(channel.clone()), card))
                }
            },
            Decision::Frozen { .. }
            | Decision::Banned { .. }
            | Decision::Unbanned { .. }
            | Decision::HoldReleased { .. }
            | Decision::ReservationEnded { .. } => None,
        })
    }
}
