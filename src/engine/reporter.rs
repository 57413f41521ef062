//! State to cards in the chat: one card for a deployment, posted once and edited, and one
//! reply at the end. The chat being away never stops a deployment.

use jiff::Zoned;
use jiff::tz::TimeZone;

use super::problem::Problem;
use super::{Engine, lock};
use crate::domain::card::CardAction;
use crate::domain::deployment::{Deployment, Stage};
use crate::domain::event::Event;
use crate::domain::id::{DeploymentId, EnvironmentName, MessageId};
use crate::ports::{ChatError, Place, Said, StoreError};
use crate::report;

impl Engine {
    /// Posts the card of the present terms and records where it stands. Where earlier terms
    /// had a card, that one is closed.
    pub(super) async fn show_card(&self, deployment: Deployment) -> Result<Deployment, Problem> {
        let chat = &self.parts.chat;
        let environment = &deployment.plan.terms.environment;
        let card = report::deployment_card(&deployment, &self.local_time(Some(environment)));
        let place = Place::Channel(deployment.request.channel.clone());
        // A key for each version of the terms: posting again after a crash finds the message.
        let terms = deployment.plan.terms.hash();
        let key = format!("card-{}-{}", deployment.id, terms);
        if let Some(old) = &deployment.message {
            self.edit(old, &report::closed_card(&deployment)).await;
        }
        let message = chat.post(&place, &card, &key).await?;
        let posted = Event::Posted { message: message.clone() };
        let after = self.append_if(deployment.id, |_| vec![posted.clone()]).await?;
        if deployment.end().is_none() {
            let offers: &[CardAction] = if deployment.requirements.is_empty() {
                &[CardAction::Cancel]
            } else {
                &CardAction::ALL
            };
            if let Err(error) = chat.offer(&message, offers).await {
                // People can still answer in words.
                tracing::warn!(deployment.id = %deployment.id, %error, "reactions could not be offered");
            }
        }
        Ok(after.unwrap_or(deployment))
    }

    /// Whether the card that stands in the chat shows the present terms: none does from the
    /// moment at which they change until the new card is posted.
    pub(super) async fn card_is_current(&self, id: DeploymentId) -> Result<bool, Problem> {
        let events = self.parts.store.events(id).await?;
        let shown = events.iter().rposition(|one| matches!(one.event, Event::Posted { .. }));
        let changed = events.iter().rposition(|one| matches!(one.event, Event::Replanned { .. }));
        Ok(shown > changed)
    }

    /// Renders a deployment's card anew.
    pub(super) async fn refresh_card(&self, deployment: &Deployment) {
        let environment = &deployment.plan.terms.environment;
        let card = report::deployment_card(deployment, &self.local_time(Some(environment)));
        let stale = match deployment.stage {
            // An old plan's card must never come to show the new one.
            Stage::Waiting => matches!(self.card_is_current(deployment.id).await, Ok(false)),
            Stage::Queued { .. } | Stage::Running(_) | Stage::Ended(_) => false,
        };
        match &deployment.message {
            Some(message) if !stale => {
                if let Err(ChatError::MessageGone) = self.parts.chat.edit(message, &card).await
                    && let Err(problem) = self.show_card(deployment.clone()).await
                {
                    tracing::warn!(deployment.id = %deployment.id, ?problem, "the card could not be posted anew");
                }
            }
            Some(_) | None => {
                if let Err(problem) = self.show_card(deployment.clone()).await {
                    tracing::warn!(deployment.id = %deployment.id, ?problem, "the card could not be posted");
                }
            }
        }
    }

    /// Shows the end, tells it to the person who asked, and lets the next one have its turn.
    pub(super) async fn finish(&self, deployment: &Deployment) {
        self.refresh_card(deployment).await;
        if let (Some(asked_in), Some(card)) =
            (&deployment.request.asked_in, report::end_reply(deployment))
        {
            let place = Place::Reply {
                channel: deployment.request.channel.clone(),
                to: asked_in.clone(),
                person: deployment.request.requester.id.clone(),
                ping: true,
            };
            let key = end_key(deployment.id);
            match self.parts.chat.post(&place, &card, &key).await {
                Ok(_) => self.keep_promise(deployment.id).await,
                Err(error) => {
                    tracing::warn!(deployment.id = %deployment.id, %error, "the end could not be told");
                }
            }
        } else {
            self.keep_promise(deployment.id).await;
        }
        lock(&self.shared.fresh).remove(&deployment.id);
        lock(&self.shared.ballots).remove(&deployment.id);
        self.take_turns(&deployment.plan.terms.environment);
    }

    /// Notes that an end has to be told, before it is recorded: a process that dies between the
    /// two leaves the note to the next one. It lies in the inbox, which is what is gone through
    /// at each start for things that were begun and not finished.
    pub(super) async fn promise_to_tell(&self, deployment: &Deployment) -> Result<(), StoreError> {
        let note = Said {
            message: MessageId::new(end_key(deployment.id)),
            channel: deployment.request.channel.clone(),
            person: deployment.request.requester.id.clone(),
            text: String::new(),
        };
        self.parts.store.receive(&note, self.parts.clock.now()).await.map(|_| ())
    }

    async fn keep_promise(&self, id: DeploymentId) {
        let note = MessageId::new(end_key(id));
        if let Err(error) = self.parts.store.handled(&note, self.parts.clock.now()).await {
            tracing::warn!(deployment.id = %id, %error, "could not be marked as told");
        }
    }

    /// Tells an end that an earlier process did not come to tell.
    pub(super) async fn tell_again(&self, id: DeploymentId) -> Result<(), StoreError> {
        match self.parts.store.deployment(id).await? {
            Some(deployment) if deployment.end().is_some() => self.finish(&deployment).await,
            // It was noted and then did not end: it will, and be told.
            Some(_) | None => {}
        }
        Ok(())
    }

    /// The time where an environment is; where none is meant, the world's.
    pub(super) fn local_time(&self, environment: Option<&EnvironmentName>) -> Zoned {
        let environment = environment.and_then(|name| self.parts.environments.get(name));
        let zone = environment.map_or(TimeZone::UTC, |environment| environment.timezone.clone());
        self.parts.clock.now().to_zoned(zone)
    }

    async fn edit(&self, message: &MessageId, card: &crate::domain::card::Card) {
        if let Err(error) = self.parts.chat.edit(message, card).await {
            tracing::warn!(%message, %error, "a card could not be edited");
        }
    }
}

/// The key of the reply that tells an end, and of the note that it has to be told.
fn end_key(id: DeploymentId) -> String {
    format!("end-{id}")
}

/// The deployment whose end a note in the inbox is about; `None`: a message of a person.
pub(super) fn promised(message: &MessageId) -> Option<DeploymentId> {
    message.as_str().strip_prefix("end-")?.parse().ok().map(DeploymentId)
}
