//! State to cards in the chat: one card for a deployment, posted once and edited, its details
//! beside it, and one reply at the end. The chat being away never stops a deployment.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Zoned};
use tokio::sync::oneshot;

use super::problem::Problem;
use super::{Engine, Shared, lock};
use crate::domain::card::{Card, CardAction};
use crate::domain::deployment::{Deployment, Stage};
use crate::domain::event::Event;
use crate::domain::id::{DeploymentId, EnvironmentName, MessageId};
use crate::ports::{ChatError, Place};
use crate::report;

/// The least time between two messages beside a card: what happens meanwhile is told together.
const BETWEEN_DETAILS: SignedDuration = SignedDuration::from_secs(10);

/// What a card should show. It lives while somebody draws: one at a time, and of what is wanted
/// meanwhile only the newest.
#[derive(Default)]
pub(super) struct CardSlot {
    wanted: Option<Wanted>,
}

/// Whoever draws a card. Should they break down, nobody else would ever draw it, and everybody
/// would wait for it: so it is given up.
struct Drawing {
    shared: Arc<Shared>,
    id: DeploymentId,
}

impl Drop for Drawing {
    fn drop(&mut self) {
        if std::thread::panicking() {
            lock(&self.shared.cards).remove(&self.id);
        }
    }
}

struct Wanted {
    deployment: Deployment,
    /// What the journal does not know: what keeps it from going on just now.
    note: Option<String>,
    /// Who waits until this, or something newer, is shown.
    waiting: Vec<oneshot::Sender<Result<(), ChatError>>>,
}

impl Engine {
    /// Posts the card of the present terms and records where it stands. Where earlier terms
    /// had a card, that one is closed.
    pub(super) async fn show_card(&self, deployment: Deployment) -> Result<Deployment, Problem> {
        let chat = &self.parts.chat;
        let terms = deployment.plan.terms.hash();
        let card = self.card_of(&deployment).await;
        let place = Place::Channel(deployment.request.channel.clone());
        // The key changes once a posted card is recorded: posting again after a crash finds
        // the message, and posting anew makes another. Other terms never find the card of these.
        let posted = deployment.old_messages.len() + usize::from(deployment.message.is_some());
        let key = format!("card-{}-{posted}-{terms}", deployment.id);
        if let (None, Some(old)) = (&deployment.message, deployment.old_messages.last()) {
            self.edit(old, &report::closed_card(&deployment)).await;
        }
        let message = chat.post(&place, &card, &key).await?;
        let posted = Event::Posted { message: message.clone() };
        let shown = self.append_if(deployment.id, |now| {
            let same_terms = now.plan.terms.hash() == terms;
            if same_terms { vec![posted.clone()] } else { Vec::new() }
        });
        let Some(shown) = shown.await? else {
            // The terms changed on its way: nobody may agree to the new ones there.
            self.edit(&message, &report::closed_card(&deployment)).await;
            let now = self.reload(deployment.id).await?;
            return match now.message {
                Some(_) => Ok(now),
                None => Box::pin(self.show_card(now)).await,
            };
        };
        self.offer_actions(&shown).await;
        if let (None, Some(old)) = (&deployment.message, deployment.old_messages.last()) {
            // What a process that died had sent there may have come after it was closed.
            self.edit(old, &report::closed_card(&shown)).await;
        }
        Ok(shown)
    }

    /// Offers the reactions by which a deployment that has not ended can be answered.
    pub(super) async fn offer_actions(&self, deployment: &Deployment) {
        let (Some(message), None) = (&deployment.message, deployment.end()) else { return };
        let offers: &[CardAction] = if deployment.requirements.is_empty() {
            &[CardAction::Cancel]
        } else {
            &CardAction::ALL
        };
        if let Err(error) = self.parts.chat.offer(message, offers).await {
            // People can still answer in words.
            tracing::warn!(deployment.id = %deployment.id, %error, "reactions could not be offered");
        }
    }

    /// Renders a deployment's card anew, and waits until that is shown or cannot be.
    pub(super) async fn refresh_card(&self, deployment: &Deployment) {
        // What could not be shown is shown later: see `draw_all`.
        let _ = self.draw(deployment, None).await;
    }

    /// Has a deployment's card rendered anew, and waits for nobody.
    pub(super) fn want_card(&self, deployment: &Deployment, note: Option<String>) {
        drop(self.draw(deployment, note));
    }

    /// Has a card drawn. What comes of it is told when this, or something newer, was shown.
    fn draw(
        &self,
        deployment: &Deployment,
        note: Option<String>,
    ) -> oneshot::Receiver<Result<(), ChatError>> {
        let id = deployment.id;
        let (sender, shown) = oneshot::channel();
        let mut cards = lock(&self.shared.cards);
        let (slot, idle) = match cards.entry(id) {
            Entry::Occupied(slot) => (slot.into_mut(), false),
            Entry::Vacant(place) => (place.insert(CardSlot::default()), true),
        };
        match &mut slot.wanted {
            // What is older than what is wanted already is shown with it.
            Some(wanted) if wanted.deployment.version > deployment.version => {
                wanted.waiting.push(sender);
            }
            earlier => {
                let mut waiting =
                    earlier.take().map_or_else(Vec::new, |wanted: Wanted| wanted.waiting);
                waiting.push(sender);
                *earlier = Some(Wanted { deployment: deployment.clone(), note, waiting });
            }
        }
        drop(cards);
        if idle {
            let (engine, work) = (self.clone(), self.begin_work());
            tokio::spawn(async move {
                let _drawing = Drawing { shared: Arc::clone(&engine.shared), id };
                engine.draw_all(id).await;
                drop(work);
            });
        }
        shown
    }

    /// Draws what is wanted of one card until nothing is.
    async fn draw_all(&self, id: DeploymentId) {
        while let Some(Wanted { mut deployment, note, waiting }) = self.next_wanted(id) {
            // Who wants it drawn may have been overtaken: nothing older is drawn over newer.
            match self.parts.store.deployment(id).await {
                Ok(Some(now)) if now.version > deployment.version => deployment = now,
                Ok(_) => {}
                Err(error) => tracing::warn!(deployment.id = %id, %error, "cannot be read"),
            }
            let drawn = self.try_refresh_card(&deployment, note).await;
            let drawn = drawn.map_err(|problem| {
                tracing::warn!(deployment.id = %id, ?problem, "the card could not be brought up to date");
                // The scheduler comes back to it, now and then: it is told once, or it would come
                // back at once, for as long as the chat says no.
                if lock(&self.shared.stale).insert(id) {
                    self.shared.reschedule.notify_one();
                }
                let unavailable = || ChatError::Unavailable(format!("{problem:?}"));
                problem.of_chat().cloned().unwrap_or_else(unavailable)
            });
            let shown = drawn.is_ok();
            for one in waiting {
                // Most wait for nothing.
                let _ = one.send(drawn.clone());
            }
            if shown {
                lock(&self.shared.stale).remove(&id);
                // Nobody waits for the details.
                self.narrate(&deployment).await;
            }
        }
    }

    /// What is to be drawn next; with nothing wanted, nobody draws any more.
    fn next_wanted(&self, id: DeploymentId) -> Option<Wanted> {
        let mut cards = lock(&self.shared.cards);
        let Entry::Occupied(mut slot) = cards.entry(id) else { return None };
        let wanted = slot.get_mut().wanted.take();
        if wanted.is_none() {
            slot.remove();
        }
        wanted
    }

    /// The card of a deployment now, with what keeps it from its turn.
    async fn try_refresh_card(
        &self,
        deployment: &Deployment,
        note: Option<String>,
    ) -> Result<(), Problem> {
        let mut card = self.card_of(deployment).await;
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

    /// A deployment's card as it is now, with what keeps it from its turn.
    async fn card_of(&self, deployment: &Deployment) -> Card {
        let now = self.local_time(Some(&deployment.plan.terms.environment));
        let card = report::deployment_card(deployment, &now);
        match deployment.stage {
            Stage::Waiting | Stage::Queued { .. } => {}
            Stage::Running(_) | Stage::Ended(_) => return card,
        }
        match self.obstacle(deployment).await {
            Ok(Some(obstacle)) => {
                let environment = &deployment.plan.terms.environment;
                report::with_obstacle(card, &obstacle, environment, &now)
            }
            Ok(None) => card,
            Err(problem) => {
                // The gate asks once more before anything moves.
                tracing::warn!(deployment.id = %deployment.id, ?problem, "what it waits for is not known");
                card
            }
        }
    }

    /// Tells beside the card what has happened since that was last told, step by step.
    async fn narrate(&self, deployment: &Deployment) {
        let id = deployment.id;
        if deployment.rollout().is_none() {
            return;
        }
        let now = self.parts.clock.now();
        let told_at = lock(&self.shared.narrated).get(&id).copied();
        let soon = told_at.is_some_and(|told| now.duration_since(told) < BETWEEN_DETAILS);
        if soon && deployment.end().is_none() {
            return;
        }
        if let Err(problem) = self.try_narrate(deployment).await {
            // `show` tells the same, out of the journal.
            tracing::warn!(deployment.id = %id, ?problem, "the details could not be told");
        }
        // Of what is over all has been told.
        let over = deployment.end().is_some();
        let mut narrated = lock(&self.shared.narrated);
        if over {
            narrated.remove(&id)
        } else {
            narrated.insert(id, now)
        };
    }

    async fn try_narrate(&self, deployment: &Deployment) -> Result<(), Problem> {
        let id = deployment.id;
        let store = &self.parts.store;
        let told = store.narrated(id).await?;
        let Some(message) = &deployment.message else { return Ok(()) };
        if told >= deployment.version {
            return Ok(());
        }
        let events = store.events_after(id, told).await?;
        let Some(last) = events.last().map(|event| event.sequence) else { return Ok(()) };
        let now = self.local_time(Some(&deployment.plan.terms.environment));
        let place = Place::Thread { of: message.clone() };
        for (part, card) in
            report::details(&deployment.plan.terms, &events, &now).iter().enumerate()
        {
            let key = format!("details-{id}-{told}-{part}");
            match self.parts.chat.post(&place, card, &key).await {
                Ok(_) => {}
                Err(error @ ChatError::Unavailable(_)) => return Err(error.into()),
                // There is no place beside the card; the card says what matters.
                Err(
                    error @ (ChatError::MessageGone | ChatError::PlaceGone | ChatError::Refused(_)),
                ) => {
                    tracing::warn!(deployment.id = %id, %error, "there is no place for details");
                }
            }
        }
        Ok(store.set_narrated(id, last).await?)
    }

    /// Somebody took a message of ours away: what it showed is shown anew, unless it is over. A
    /// channel that people tidy up is not filled again with what ended long ago.
    pub(super) async fn message_gone(&self, message: &MessageId) {
        let shown = async {
            let Some(id) = self.parts.store.by_message(message).await? else { return Ok(()) };
            let Some(deployment) = self.parts.store.deployment(id).await? else { return Ok(()) };
            if deployment.end().is_none() {
                self.refresh_card(&deployment).await;
            }
            Ok::<_, Problem>(())
        };
        if let Err(problem) = shown.await {
            // The next change to the deployment finds it gone, too.
            tracing::warn!(%message, ?problem, "a message that is gone could not be shown anew");
        }
    }

    /// Lets the next one have its turn, and tells the end. What cannot be told now is told by
    /// the scheduler, or by the next process.
    pub(super) async fn finish(&self, deployment: &Deployment) {
        lock(&self.shared.fresh).remove(&deployment.id);
        lock(&self.shared.ballots).remove(&deployment.id);
        lock(&self.shared.open).remove(&deployment.id);
        lock(&self.shared.nudged).remove(&deployment.id);
        lock(&self.shared.uncounted).remove(&deployment.id);
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
        // Without an answer whoever drew is gone.
        let drawn = self.draw(deployment, None).await;
        match drawn.unwrap_or_else(|gone| Err(ChatError::Unavailable(gone.to_string()))) {
            Ok(()) => {}
            Err(error @ ChatError::PlaceGone) => {
                tracing::error!(deployment.id = %deployment.id, %error, "the end cannot be shown");
            }
            Err(error) => return Err(error.into()),
        }
        let now = self.local_time(Some(&deployment.plan.terms.environment));
        if let (Some(asked_in), Some(card)) =
            (&deployment.request.asked_in, report::end_reply(deployment, &now))
        {
            let place = Place::Reply {
                channel: deployment.request.channel.clone(),
                to: asked_in.clone(),
                person: deployment.request.requester.id.clone(),
                ping: true,
            };
            // The card tells it, too.
            self.tell(&place, &card, &format!("end-{}", deployment.id)).await?;
        }
        Ok(self.parts.store.told(deployment.id).await?)
    }

    /// Tells something that also stands elsewhere: who takes no messages any more goes without.
    ///
    /// # Errors
    /// The chat did not answer: it is worth another try.
    pub(super) async fn tell(
        &self,
        place: &Place,
        card: &Card,
        key: &str,
    ) -> Result<(), ChatError> {
        match self.parts.chat.post(place, card, key).await {
            Ok(_) => Ok(()),
            Err(error @ ChatError::Unavailable(_)) => Err(error),
            Err(
                error @ (ChatError::MessageGone | ChatError::PlaceGone | ChatError::Refused(_)),
            ) => {
                tracing::warn!(key, %error, "could not be told");
                Ok(())
            }
        }
    }

    /// The time where an environment is; where none is meant, the world's.
    pub(super) fn local_time(&self, environment: Option<&EnvironmentName>) -> Zoned {
        let environment = environment.and_then(|name| self.parts.environments.get(name));
        let zone = environment.map_or(TimeZone::UTC, |environment| environment.timezone.clone());
        self.parts.clock.now().to_zoned(zone)
    }

    async fn edit(&self, message: &MessageId, card: &Card) {
        if let Err(error) = self.parts.chat.edit(message, card).await {
            tracing::warn!(%message, %error, "a card could not be edited");
        }
    }
}
