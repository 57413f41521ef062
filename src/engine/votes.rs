//! Votes: each is decided by the policies when it is given, binds the terms that its giver
//! saw, and is gone when it is taken back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::problem::Problem;
use super::{Engine, lock};
use crate::domain::card::{Card, CardAction};
use crate::domain::deployment::{Deployment, Stage};
use crate::domain::event::{Choice, End, Event, StopRequest, Via, Vote, Withdrawal};
use crate::domain::id::{DeploymentId, MessageId, PersonId, TermsHash};
use crate::domain::policy::{Action, Denial};
use crate::ports::{Place, Reaction, Said, StoreError};
use crate::report;

/// The pauses between tries to count votes that somebody would not answer for.
const COUNT_AGAIN: [Duration; 4] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(20),
];

/// By when a card that was posted is surely written down.
const WRITTEN_DOWN: Duration = Duration::from_secs(2);

/// How long somebody needs at least to read a plan that was asked about anew. A chat's clock and
/// ours are not taken for closer than this.
const TIME_TO_READ: jiff::SignedDuration = jiff::SignedDuration::from_secs(5);

impl Engine {
    /// Reads a message's reactions anew and makes of them what they are.
    pub(super) async fn reactions_changed(&self, message: &MessageId) {
        let mut meant = None;
        for pause in COUNT_AGAIN {
            let outcome = match self.parts.store.by_message(message).await {
                Ok(None) => return self.look_once_more(message),
                Ok(Some(id)) => {
                    meant = Some(id);
                    self.recount(id).await
                }
                Err(error) => Err(error.into()),
            };
            let Err(problem) = outcome else { return };
            tracing::error!(%message, ?problem, "votes could not be counted");
            self.parts.clock.sleep(pause).await;
        }
        if let Some(id) = meant {
            self.count_later(id);
        }
    }

    /// A message that means nothing may be a card that was answered before it was written down
    /// where it stands.
    fn look_once_more(&self, message: &MessageId) {
        let (engine, message) = (self.clone(), message.clone());
        tokio::spawn(async move {
            engine.parts.clock.sleep(WRITTEN_DOWN).await;
            match engine.parts.store.by_message(&message).await {
                Ok(Some(id)) => engine.count_later(id),
                Ok(None) => engine.votes_on_announcement(&message).await,
                Err(error) => tracing::warn!(%message, %error, "votes could not be counted"),
            }
        });
    }

    /// A vote on an announcement of what can be promoted counts for nothing: that shows no plan.
    /// Who gives one believes otherwise, and is told where the plans are.
    async fn votes_on_announcement(&self, message: &MessageId) {
        for pause in COUNT_AGAIN {
            let Err(problem) = self.point_to_plans(message).await else { return };
            tracing::warn!(%message, ?problem, "nobody was told yet that a vote there does not count");
            self.parts.clock.sleep(pause).await;
        }
    }

    async fn point_to_plans(&self, message: &MessageId) -> Result<(), Problem> {
        let store = &self.parts.store;
        let Some(firing) = store.firing_that_asks(message).await? else { return Ok(()) };
        let reactions = self.parts.chat.reactions(message).await?;
        if reactions.is_empty() {
            return Ok(());
        }
        let place = self.schedule(&firing.schedule).and_then(|schedule| {
            let channel = self.channel_of(&schedule)?;
            Some(self.spoken_of_in(&channel, schedule.environments.as_ref()))
        });
        let waiting = match place {
            Some(about) => {
                let mut open = store.open().await?;
                open.retain(|one| {
                    one.stage == Stage::Waiting && about.contains(&one.plan.terms.environment)
                });
                Some(open)
            }
            // The settings know it no more.
            None => None,
        };
        let card = report::no_vote_card(waiting.as_deref());
        for reaction in &reactions {
            self.take_off_and_tell(message, reaction, &card).await;
        }
        Ok(())
    }

    /// Has the scheduler read a deployment's reactions until it can.
    pub(super) fn count_later(&self, id: DeploymentId) {
        lock(&self.shared.uncounted).insert(id);
        self.shared.reschedule.notify_one();
    }

    /// Makes the votes by reaction what the chat says is on the card now.
    pub(super) async fn recount(&self, id: DeploymentId) -> Result<(), Problem> {
        let turn = self.ballot_turn(id);
        let turn = turn.lock().await;
        let Some(deployment) = self.parts.store.deployment(id).await? else { return Ok(()) };
        let Some(message) = deployment.message.clone() else { return Ok(()) };
        if deployment.end().is_some() {
            return Ok(());
        }
        let terms = deployment.plan.terms.hash();
        let reactions = self.parts.chat.reactions(&message).await?;
        self.withdraw_missing(&deployment, &reactions).await?;
        let mut unclear = None;
        // A no stands before every yes: the yes that decides ends the counting.
        let (yes, no): (Vec<&Reaction>, Vec<&Reaction>) =
            reactions.iter().partition(|one| one.action == CardAction::Approve);
        for reaction in no.into_iter().chain(yes) {
            let taken = match reaction.action {
                CardAction::Approve => self.count_reaction(id, &terms, reaction, Choice::Yes).await,
                CardAction::Reject => self.count_reaction(id, &terms, reaction, Choice::No).await,
                CardAction::Cancel => {
                    let cancelled = self.cancel_deployment(&reaction.person, &deployment, None);
                    cancelled.await.map(|_| ())
                }
            };
            match taken {
                Ok(()) => {}
                Err(Problem::Denied(denial)) => {
                    self.turn_down(&deployment, &message, reaction, &denial).await;
                }
                Err(problem) => unclear = Some((reaction.action, problem)),
            }
        }
        drop(turn);
        match unclear {
            // What could be a no must be known before the yes-votes count.
            Some((CardAction::Reject | CardAction::Cancel, problem)) => Err(problem),
            Some((CardAction::Approve, problem)) => {
                self.count_votes(id).await?;
                Err(problem)
            }
            None => self.count_votes(id).await,
        }
    }

    async fn withdraw_missing(
        &self,
        deployment: &Deployment,
        reactions: &BTreeSet<Reaction>,
    ) -> Result<(), Problem> {
        let stands = |vote: &Vote| {
            let action = match vote.choice {
                Choice::Yes => CardAction::Approve,
                Choice::No => CardAction::Reject,
            };
            reactions.contains(&Reaction { person: vote.person.id.clone(), action })
        };
        for vote in deployment.votes.values() {
            if vote.via == Via::Reaction && !stands(vote) {
                self.withdraw(deployment.id, &vote.person.id, Withdrawal::TakenBack).await?;
            }
        }
        Ok(())
    }

    /// Takes a vote out of the count.
    pub(super) async fn withdraw(
        &self,
        id: DeploymentId,
        person: &PersonId,
        why: Withdrawal,
    ) -> Result<(), Problem> {
        self.append_if(id, |now| match now.stage {
            Stage::Waiting | Stage::Queued { .. } if now.votes.contains_key(person) => {
                vec![Event::VoteWithdrawn { person: person.clone(), why }]
            }
            Stage::Waiting | Stage::Queued { .. } | Stage::Running(_) | Stage::Ended(_) => {
                Vec::new()
            }
        })
        .await?;
        tracing::info!(deployment.id = %id, %person, ?why, "vote withdrawn");
        // It may wait for votes again, and expire.
        self.shared.reschedule.notify_one();
        Ok(())
    }

    async fn count_reaction(
        &self,
        id: DeploymentId,
        seen: &TermsHash,
        reaction: &Reaction,
        choice: Choice,
    ) -> Result<(), Problem> {
        let Some(deployment) = self.parts.store.deployment(id).await? else { return Ok(()) };
        let same_terms = deployment.plan.terms.hash() == *seen;
        let waiting = matches!(deployment.stage, Stage::Waiting) && same_terms;
        let counted = deployment.votes.get(&reaction.person);
        let said_no = counted.is_some_and(|vote| vote.choice == Choice::No);
        let same = counted.is_some_and(|vote| vote.choice == choice);
        // Who says both yes and no has said no.
        if !waiting || same || said_no {
            return Ok(());
        }
        self.cast(&reaction.person, &deployment, choice, Via::Reaction).await.map(|_| ())
    }

    /// Takes a reaction off that may not count, and tells its giver why.
    async fn turn_down(
        &self,
        deployment: &Deployment,
        message: &MessageId,
        reaction: &Reaction,
        denial: &Denial,
    ) {
        let action = match reaction.action {
            CardAction::Approve | CardAction::Reject => Action::Approve,
            CardAction::Cancel => Action::Cancel,
        };
        let environment = &deployment.plan.terms.environment;
        let what = format!("#{}", deployment.id);
        let now = self.local_time(Some(environment));
        let what = Some(what.as_str());
        let place = (environment, &now);
        let card = report::denial_card(&reaction.person, action, place, what, denial);
        self.take_off_and_tell(message, reaction, &card).await;
    }

    /// Takes a reaction off that counts for nothing, and tells its giver so.
    async fn take_off_and_tell(&self, message: &MessageId, reaction: &Reaction, card: &Card) {
        let place = Place::Aside { about: message.clone(), person: reaction.person.clone() };
        // Once is enough, also where the reaction cannot be taken off and is seen again.
        let key = format!("vote-{message}-{}-{}", reaction.person, reaction.action.label());
        // It does not count whether or not the chat lets it be taken off and told.
        if let Err(error) = self.parts.chat.take_off(message, reaction).await {
            tracing::warn!(%message, person = %reaction.person, %error, "a reaction could not be taken off");
        }
        if let Err(error) = self.parts.chat.post(&place, card, &key).await {
            tracing::warn!(%message, person = %reaction.person, %error, "could not tell why a vote does not count");
        }
    }

    /// A vote in words, or by a button of the message `pressed_on`.
    pub(super) async fn vote(
        &self,
        said: &Said,
        deployment: &Deployment,
        choice: Choice,
        because: Option<String>,
    ) -> Result<Card, Problem> {
        let person = &said.person;
        let turn = self.ballot_turn(deployment.id);
        let turn = turn.lock().await;
        let via = if said.pressed_on.is_some() { Via::Button } else { Via::Text };
        // A button stands on the message that it means: that of the present terms, or an old one.
        let meant = match &said.pressed_on {
            Some(message) => deployment.message.as_ref() == Some(message),
            None => !self.was_said_too_soon(said, deployment),
        };
        if !meant {
            return Ok(report::not_counted_card(deployment.id));
        }
        let counted = self.cast(person, deployment, choice, via).await?;
        drop(turn);
        if !counted {
            return Ok(report::not_counted_card(deployment.id));
        }
        if choice == Choice::No {
            let end = End::Rejected { by: person.clone(), because };
            self.end_waiting(deployment.id, end).await?;
        } else {
            self.count_votes(deployment.id).await?;
        }
        let now = self.parts.store.deployment(deployment.id).await?;
        let now = now.ok_or(StoreError::NoSuchDeployment(deployment.id))?;
        Ok(report::vote_card(&now, choice))
    }

    /// A plan that changed while somebody was writing is not what they agreed to: a word on it
    /// counts once there was time to read it. What was said before it stood there, and is heard
    /// late, is about something else. A reaction stands on the very message it means.
    fn was_said_too_soon(&self, said: &Said, deployment: &Deployment) -> bool {
        let anew = !deployment.old_messages.is_empty();
        let posted = deployment.posted_at.filter(|_| deployment.message.is_some());
        let Some(posted) = posted else { return anew };
        let now = self.parts.clock.now();
        let after = said.at.map_or(now, |at| at.min(now)).duration_since(posted);
        after < if anew { TIME_TO_READ } else { -TIME_TO_READ }
    }

    /// Decides about one vote for the terms as they are in `deployment`, and records it;
    /// false: the deployment has moved on, and the vote counts for nothing.
    async fn cast(
        &self,
        person: &PersonId,
        deployment: &Deployment,
        choice: Choice,
        via: Via,
    ) -> Result<bool, Problem> {
        let person = self.person(person).await?;
        self.judge_deployment(&person, Action::Approve, deployment).await?;
        let terms = deployment.plan.terms.hash();
        let vote = Vote { person, choice, via, terms };
        tracing::info!(deployment.id = %deployment.id, person = %vote.person.id, ?choice, "vote");
        let appended = self.append_if(deployment.id, |now| {
            let same_terms = now.plan.terms.hash() == vote.terms;
            if !matches!(now.stage, Stage::Waiting) || !same_terms {
                return Vec::new();
            }
            let mut then = now.clone();
            then.votes.insert(vote.person.id.clone(), vote.clone());
            let mut events = vec![Event::VoteCast(vote.clone())];
            // In one write: the vote that decides is what people wait for.
            events.extend(self.is_approved(&then).then_some(Event::Approved));
            events
        });
        Ok(appended.await?.is_some())
    }

    /// Draws the conclusion from the votes that stand: rejected, approved, or shown.
    pub(super) async fn count_votes(&self, id: DeploymentId) -> Result<(), Problem> {
        let Some(deployment) = self.parts.store.deployment(id).await? else { return Ok(()) };
        if let (Stage::Waiting, Some(no)) = (&deployment.stage, deployment.rejected_by()) {
            let end = End::Rejected { by: no.person.id.clone(), because: None };
            return self.end_waiting(id, end).await.map(drop);
        }
        let approved = self.approve_if_agreed(id).await?;
        if approved.is_some() || matches!(deployment.stage, Stage::Queued { .. }) {
            self.take_turns(&deployment.plan.terms.environment);
        } else {
            self.refresh_card(&deployment).await;
        }
        Ok(())
    }

    /// Whether nothing more is needed, and it was agreed in time. What is scheduled stays open
    /// to votes until its moment.
    fn is_approved(&self, deployment: &Deployment) -> bool {
        if deployment.is_scheduled() {
            return false;
        }
        let in_time = deployment.expires_at().is_none_or(|end| self.parts.clock.now() <= end);
        deployment.is_agreed() && in_time
    }

    /// Gives a deployment its place in the queue once nothing more is needed.
    pub(super) async fn approve_if_agreed(
        &self,
        id: DeploymentId,
    ) -> Result<Option<Deployment>, Problem> {
        self.append_if(id, |now| match now.stage {
            Stage::Waiting if self.is_approved(now) => vec![Event::Approved],
            Stage::Waiting | Stage::Queued { .. } | Stage::Running(_) | Stage::Ended(_) => {
                Vec::new()
            }
        })
        .await
    }

    /// Calls a deployment off, or has it undone where it runs; says what will happen.
    pub(super) async fn cancel_deployment(
        &self,
        person: &PersonId,
        deployment: &Deployment,
        because: Option<String>,
    ) -> Result<String, Problem> {
        let judged = self.person(person).await?;
        self.judge_deployment(&judged, Action::Cancel, deployment).await?;
        let id = deployment.id;
        let end = End::Cancelled { by: person.clone(), because: because.clone(), undone: false };
        let stop = StopRequest::Person { person: person.clone(), because };
        let after = self.append_if(id, |now| match &now.stage {
            Stage::Waiting | Stage::Queued { .. } => vec![Event::Ended { end: end.clone() }],
            Stage::Running(rollout) if rollout.stop.is_none() && rollout.undo.is_none() => {
                vec![Event::StopRequested { stop: stop.clone() }]
            }
            Stage::Running(_) | Stage::Ended(_) => Vec::new(),
        });
        match after.await? {
            None => Ok(format!("#{id} is going back or has ended already.")),
            Some(after) if after.end().is_some() => {
                self.finish(&after).await;
                Ok(format!("#{id} is cancelled. Nothing was changed."))
            }
            Some(after) => {
                self.refresh_card(&after).await;
                Ok(format!("#{id} is called off: whatever it has changed goes back."))
            }
        }
    }

    fn ballot_turn(&self, id: DeploymentId) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(lock(&self.shared.ballots).entry(id).or_default())
    }
}
