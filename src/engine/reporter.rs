//! State to cards in the chat: one card for a deployment, posted once and edited, and one
//! reply at the end. The chat being away never stops a deployment.

use jiff::Zoned;
use jiff::tz::TimeZone;

use super::problem::Problem;
use super::{Engine, lock};
use crate::domain::card::CardAction;
use crate::domain::deployment::Deployment;
use crate::domain::event::Event;
use crate::domain::id::{EnvironmentName, MessageId};
use crate::ports::{ChatError, Place};
use crate::report;

impl Engine {
    /// Posts the card of the present terms and records where it stands. Where earlier terms
    /// had a card, that one is closed.
    pub(super) async fn show_card(&self, deployment: Deployment) -> Result<Deployment, Problem> {
        let chat = &self.parts.chat;
        let environment = &deployment.plan.terms.environment;
        let card = report::deployment_card(&deployment, &self.local_time(Some(environment)));
        let place = Place::Channel(deployment.request.channel.clone());
        // The key changes once a posted card is recorded: posting again after a crash finds
        // the message, and posting anew makes another.
        let posted = deployment.old_messages.len() + usize::from(deployment.message.is_some());
        let key = format!("card-{}-{posted}", deployment.id);
        if let (None, Some(old)) = (&deployment.message, deployment.old_messages.last()) {
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

    /// Renders a deployment's card anew.
    pub(super) async fn refresh_card(&self, deployment: &Deployment) {
        self.refresh_card_with(deployment, None).await;
    }

    /// Renders a deployment's card anew, with what the journal does not know: what keeps it
    /// from going on just now.
    pub(super) async fn refresh_card_with(&self, deployment: &Deployment, note: Option<String>) {
        if let Err(problem) = self.try_refresh_card(deployment, note).await {
            // The next change, or the telling of the end, shows it.
            tracing::warn!(deployment.id = %deployment.id, ?problem, "the card could not be brought up to date");
        }
    }

    async fn try_refresh_card(
        &self,
        deployment: &Deployment,
        note: Option<String>,
    ) -> Result<(), Problem> {
        let environment = &deployment.plan.terms.environment;
        let mut card = report::deployment_card(deployment, &self.local_time(Some(environment)));
        if let Some(note) = note {
            card = card.warning(note);
        }
        let edited = match &deployment.message {
            Some(message) => self.parts.chat.edit(message, &card).await,
            None => Err(ChatError::MessageGone),
        };
        match edited {
            Err(ChatError::MessageGone) => self.show_card(deployment.clone()).await.map(|_| ()),
            edited => Ok(edited?),
        }
    }

    /// Lets the next one have its turn, and tells the end. What cannot be told now is told by
    /// the scheduler, or by the next process.
    pub(super) async fn finish(&self, deployment: &Deployment) {
        lock(&self.shared.fresh).remove(&deployment.id);
        lock(&self.shared.ballots).remove(&deployment.id);
        lock(&self.shared.open).remove(&deployment.id);
        self.take_turns(&deployment.plan.terms.environment);
        if let Some(end) = deployment.end() {
            metrics::counter!("shipmate_deployments_ended_total", "end" => end.code()).increment(1);
        }
        if let Err(problem) = self.tell_end(deployment).await {
            tracing::warn!(deployment.id = %deployment.id, ?problem, "the end could not be told yet");
            self.shared.reschedule.notify_one();
        }
    }

    /// Shows the end on the card, and tells it to the person who asked.
    pub(super) async fn tell_end(&self, deployment: &Deployment) -> Result<(), Problem> {
        self.try_refresh_card(deployment, None).await?;
        if let (Some(asked_in), Some(card)) =
            (&deployment.request.asked_in, report::end_reply(deployment))
        {
            let place = Place::Reply {
                channel: deployment.request.channel.clone(),
                to: asked_in.clone(),
                person: deployment.request.requester.id.clone(),
                ping: true,
            };
            self.parts.chat.post(&place, &card, &format!("end-{}", deployment.id)).await?;
        }
        self.parts.store.told(deployment.id).await?;
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
