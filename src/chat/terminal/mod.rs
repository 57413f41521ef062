//! A channel in the terminal: the chat of the demo. It keeps the messages itself, lets one
//! person at the keyboard be several people, and is shown live or played from a script. What
//! is promoted and who may do it is not known here.

mod desk;
mod keyboard;
mod player;
mod render;
mod room;
mod screen;
mod session;
mod slash;
mod transcript;
mod wrap;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

pub use self::keyboard::{Candidate, Complete};
pub use self::player::{Backstage, Failure, Verdict, play};
pub use self::render::{Painter, Style, plain};
use self::room::Room;
pub use self::room::{Change, Message, Revision};
pub use self::screen::{Screen, Size};
pub use self::session::{Session, SessionError, chat};
pub use self::slash::{NotASlashLine, Slash};
pub use self::transcript::Transcript;
use crate::domain::card::{Card, CardAction};
use crate::domain::environment::People;
use crate::domain::id::{ChannelId, MessageId, PersonId, Role};
use crate::ports::{Chat, ChatError, ChatEvent, Place, Reaction, Said};

/// The channel. Clones are the same channel.
#[derive(Clone)]
pub struct Terminal(Arc<Inner>);

struct Inner {
    channel: ChannelId,
    /// Stands in the ids, which must be unique for ever.
    run: String,
    people: People,
    /// Who may speak though they hold no role.
    guests: BTreeSet<PersonId>,
    room: Mutex<Room>,
    changed: Condvar,
}

/// Why a person cannot react.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotReact {
    #[error("no message awaits votes")]
    NothingAwaitsVotes,
    #[error("no message asks for {0}")]
    NothingOffers(&'static str),
    #[error("no message about #{0} asks for a reaction")]
    NothingAbout(u64),
    #[error("the message is gone")]
    Gone,
}

impl Terminal {
    /// `run` tells this run of the program from others; `guests` are people who hold no role.
    pub fn new(
        channel: ChannelId,
        run: impl Into<String>,
        people: People,
        guests: impl IntoIterator<Item = PersonId>,
    ) -> Self {
        let guests = guests.into_iter().collect();
        let run = run.into();
        let (room, changed) = (Mutex::default(), Condvar::new());
        Self(Arc::new(Inner { channel, run, people, guests, room, changed }))
    }

    pub fn channel(&self) -> &ChannelId {
        &self.0.channel
    }

    /// Everybody who may speak, with their roles.
    pub fn people(&self) -> BTreeMap<PersonId, BTreeSet<Role>> {
        let holders = self.0.people.0.values().flatten();
        let everybody = holders.chain(&self.0.guests);
        everybody.map(|person| (person.clone(), self.0.people.roles_of(person))).collect()
    }

    pub fn knows(&self, person: &PersonId) -> bool {
        self.0.guests.contains(person)
            || self.0.people.0.values().any(|people| people.contains(person))
    }

    /// The bot's messages, oldest first.
    pub fn messages(&self) -> Vec<Message> {
        self.room().messages().to_vec()
    }

    pub fn message(&self, id: &MessageId) -> Option<Message> {
        self.room().get(id).cloned()
    }

    /// A person says something: the event that tells the bot. What the bot posts and edits
    /// from now on comes after the revision that stands beside it.
    pub fn say(&self, person: &PersonId, text: &str) -> (ChatEvent, Revision) {
        let mut room = self.room();
        let message = self.next_id(&mut room);
        let said = Said {
            message,
            channel: self.0.channel.clone(),
            person: person.clone(),
            text: text.to_owned(),
            at: None,
            pressed_on: None,
        };
        (ChatEvent::Said(said), room.advance())
    }

    /// A person puts a reaction on a message, or takes it back. An emoji that is none of the
    /// bot's actions is seen by the bot and means nothing; give `None` for it.
    ///
    /// # Errors
    /// [`CannotReact::Gone`]: the person sees no such message.
    pub fn react(
        &self,
        message: &MessageId,
        person: &PersonId,
        action: Option<CardAction>,
        on: bool,
    ) -> Result<(ChatEvent, Revision), CannotReact> {
        let mut room = self.room();
        let found = room.find(message).filter(|found| found.is_seen_by(person));
        let found = found.ok_or(CannotReact::Gone)?;
        if let Some(action) = action {
            let reaction = Reaction { person: person.clone(), action };
            if on {
                found.reactions.insert(reaction);
            } else {
                found.reactions.remove(&reaction);
            }
        }
        let event = ChatEvent::ReactionsChanged { message: message.clone() };
        Ok((event, room.advance()))
    }

    /// The newest message that awaits votes, of those that the person sees.
    ///
    /// # Errors
    /// [`CannotReact::NothingAwaitsVotes`].
    pub fn awaiting(&self, person: &PersonId) -> Result<MessageId, CannotReact> {
        self.offering(person, CardAction::Approve)
    }

    /// The newest message that offers this action, of those that the person sees: a
    /// deployment that runs no longer awaits votes, but can be cancelled.
    ///
    /// # Errors
    /// [`CannotReact::NothingAwaitsVotes`] or [`CannotReact::NothingOffers`].
    pub fn offering(
        &self,
        person: &PersonId,
        action: CardAction,
    ) -> Result<MessageId, CannotReact> {
        let room = self.room();
        let fits = |one: &&Message| one.card.actions.contains(&action) && one.is_seen_by(person);
        let found = room.messages().iter().rev().find(fits);
        found.map(|message| message.id.clone()).ok_or(match action {
            CardAction::Approve => CannotReact::NothingAwaitsVotes,
            CardAction::Reject | CardAction::Cancel => CannotReact::NothingOffers(action.emoji()),
        })
    }

    /// The newest message that tells of this deployment (`#12`) and can be answered.
    ///
    /// # Errors
    /// [`CannotReact::NothingAbout`].
    pub fn about(&self, person: &PersonId, number: u64) -> Result<MessageId, CannotReact> {
        let room = self.room();
        let fits = |one: &&Message| {
            !one.card.actions.is_empty() && one.is_seen_by(person) && names(&one.card, number)
        };
        let found = room.messages().iter().rev().find(fits);
        found.map(|message| message.id.clone()).ok_or(CannotReact::NothingAbout(number))
    }

    /// Shows something that the bot knows nothing of.
    fn note(&self, card: Card) {
        self.room().note(card);
        self.0.changed.notify_all();
    }

    /// Waits until something has changed since this revision, at most for this long. Blocks
    /// the thread.
    fn wait_for_change(&self, since: Revision, limit: Duration) -> (Vec<Change>, Revision) {
        let quiet = |room: &mut Room| room.revision() == since;
        let room = self.room();
        let waited = self.0.changed.wait_timeout_while(room, limit, quiet);
        let (room, _) = waited.unwrap_or_else(PoisonError::into_inner);
        (room.since(since), room.revision())
    }

    /// A thread that panicked cannot have left the room half changed: each change is complete
    /// before anything that can panic.
    fn room(&self) -> MutexGuard<'_, Room> {
        self.0.room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_id(&self, room: &mut Room) -> MessageId {
        MessageId::new(format!("terminal-{}-{}", self.0.run, room.next_number()))
    }
}

/// Whether a card tells of the deployment with this number.
fn names(card: &Card, number: u64) -> bool {
    let text = plain(card);
    let sign = format!("#{number}");
    let whole = |(at, _): (usize, &str)| {
        !text[at + sign.len()..].starts_with(|next: char| next.is_ascii_digit())
    };
    text.match_indices(&sign).any(whole)
}

#[async_trait]
impl Chat for Terminal {
    async fn post(&self, place: &Place, card: &Card, key: &str) -> Result<MessageId, ChatError> {
        // There are no threads here: `show` tells the same.
        if let Place::Thread { of } = place {
            return Ok(of.clone());
        }
        let mut room = self.room();
        if let Some(id) = room.posted(key) {
            return Ok(id.clone());
        }
        let id = self.next_id(&mut room);
        room.post(id.clone(), key, place.clone(), card.with_bare_ids());
        self.0.changed.notify_all();
        Ok(id)
    }

    async fn edit(&self, message: &MessageId, card: &Card) -> Result<(), ChatError> {
        if !self.room().edit(message, &card.with_bare_ids()) {
            return Err(ChatError::MessageGone);
        }
        self.0.changed.notify_all();
        Ok(())
    }

    async fn offer(&self, message: &MessageId, actions: &[CardAction]) -> Result<(), ChatError> {
        let mut room = self.room();
        let found = room.find(message).ok_or(ChatError::MessageGone)?;
        found.offered = actions.to_vec();
        Ok(())
    }

    async fn take_off(&self, message: &MessageId, reaction: &Reaction) -> Result<(), ChatError> {
        let mut room = self.room();
        let found = room.find(message).ok_or(ChatError::MessageGone)?;
        found.reactions.remove(reaction);
        Ok(())
    }

    async fn reactions(&self, message: &MessageId) -> Result<BTreeSet<Reaction>, ChatError> {
        let room = self.room();
        let found = room.get(message).ok_or(ChatError::MessageGone)?;
        Ok(found.reactions.clone())
    }

    async fn roles(&self, person: &PersonId) -> Result<BTreeSet<Role>, ChatError> {
        Ok(self.0.people.roles_of(person))
    }

    async fn holders(&self, roles: &BTreeSet<Role>) -> Result<BTreeSet<PersonId>, ChatError> {
        Ok(self.0.people.holders(roles))
    }

    /// People are their names here.
    fn name_of(&self, _: &PersonId) -> Option<String> {
        None
    }

    async fn channels_named(&self, name: &str) -> Result<Vec<ChannelId>, ChatError> {
        // There is only one.
        Ok(if self.0.channel.as_str() == name { vec![self.0.channel.clone()] } else { Vec::new() })
    }
}
