//! When environments are closed, by the calendar of the settings and by people: what stands now,
//! what time brings about, and who is told. Who may freeze is not decided here.

use std::sync::Arc;

use jiff::Timestamp;

use super::problem::Problem;
use super::scheduler::{ASK_AGAIN, HOUR, earlier};
use super::{Engine, lock};
use crate::domain::card::Card;
use crate::domain::decision::{Decision, RecordedDecision, Unfreezing};
use crate::domain::environment::Environment;
use crate::domain::freeze::{Closings, Freeze, Part, State};
use crate::domain::id::EnvironmentName;
use crate::ports::{ChatError, Place, StoreError};
use crate::report;

impl Engine {
    /// Whether a part of an environment is open or closed now.
    pub(super) async fn state_of(
        &self,
        environment: &Environment,
        part: Part<'_>,
    ) -> Result<State, StoreError> {
        let people = self.frozen_by_people(&environment.name).await?;
        let closings = Closings { calendar: &environment.calendar, people: &people };
        Ok(closings.state(part, self.parts.clock.now()))
    }

    /// The freezes that people set on an environment, unless their time is over.
    pub(super) async fn frozen_by_people(
        &self,
        environment: &EnvironmentName,
    ) -> Result<Vec<Freeze>, StoreError> {
        let now = self.parts.clock.now();
        let mut freezes = self.parts.store.freezes().await?;
        freezes.retain(|freeze| freeze.environment == *environment && freeze.stands_at(now));
        Ok(freezes)
    }

    /// Sees to all freezes, and tells what is news of them; tells when to look again.
    pub(super) async fn attend_freezes(&self) -> Result<Option<Timestamp>, Problem> {
        let now = self.parts.clock.now();
        self.end_freezes().await?;
        let soon = now.checked_add(ASK_AGAIN).ok();
        let mut next = if self.tell_decisions().await? { soon } else { None };
        for environment in self.parts.environments.iter() {
            let name = &environment.name;
            let people = self.frozen_by_people(name).await?;
            let closings = Closings { calendar: &environment.calendar, people: &people };
            let standing = closings.standing(now);
            let before = lock(&self.shared.standing).insert(name.clone(), standing.clone());
            if before.is_some_and(|before| before != standing) {
                tracing::info!(environment = %name, ?standing, "what closes it has changed");
                self.obstacles_changed(name).await;
            }
            next = earlier(next, closings.next_change(now));
        }
        // Never past the usual look at what waits.
        let usual = now.checked_add(HOUR).ok();
        Ok(next.map_or(next, |next| earlier(Some(next), usual)))
    }

    /// Ends the freezes whose time is over, each once.
    pub(super) async fn end_freezes(&self) -> Result<(), Problem> {
        let now = self.parts.clock.now();
        for freeze in self.parts.store.freezes().await? {
            if freeze.stands_at(now) {
                continue;
            }
            let environment = freeze.environment.clone();
            let over = Decision::Unfrozen {
                environment: environment.clone(),
                freeze: freeze.decision,
                of: freeze.by,
                why: Unfreezing::TimeOver { channel: freeze.channel },
            };
            if self.parts.store.decide(over, now).await? {
                tracing::info!(%environment, "the time of a freeze is over");
                self.obstacles_changed(&environment).await;
            }
        }
        Ok(())
    }

    /// Tells the decisions that are news, beside everything else: a chat that does not answer
    /// keeps no freeze from ending. Says whether there are any.
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
        if let Some((place, card)) = self.news_of(recorded).await? {
            let key = format!("decision-{}", recorded.sequence);
            match self.parts.chat.post(&place, &card, &key).await {
                Ok(_) => {}
                Err(error @ ChatError::Unavailable(_)) => return Err(error.into()),
                // The history tells it, too.
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
    async fn news_of(
        &self,
        recorded: &RecordedDecision,
    ) -> Result<Option<(Place, Card)>, StoreError> {
        Ok(match &recorded.decision {
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
            | Decision::HoldReleased { .. } => None,
        })
    }
}
