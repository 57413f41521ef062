//! The channel as it stands: messages, who may see them, and the reactions on them. Knows
//! neither time nor screen; a count that each change raises says what came after what.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::card::{Card, CardAction};
use crate::domain::id::{MessageId, PersonId};
use crate::ports::{Place, Reaction};

/// Counts the changes of a channel. A message with a higher one was changed later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Revision(pub u64);

/// A message of the bot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub id: MessageId,
    /// The key with which it was posted.
    pub key: String,
    pub place: Place,
    pub card: Card,
    /// How often the bot has edited it, also when the edit changed nothing.
    pub edits: u32,
    /// When the bot last posted or edited it.
    pub touched: Revision,
    /// When what it shows last changed.
    pub changed: Revision,
    /// What people have put on it.
    pub reactions: BTreeSet<Reaction>,
    /// What the bot offers by reactions of its own.
    pub offered: Vec<CardAction>,
}

impl Message {
    /// Who alone sees it, if not everybody does.
    pub fn private_to(&self) -> Option<&PersonId> {
        match &self.place {
            Place::Private { person, .. }
            | Place::Aside { person, .. }
            | Place::Direct { person } => Some(person),
            Place::Channel(_) | Place::Reply { .. } | Place::Thread { .. } => None,
        }
    }

    pub fn is_seen_by(&self, person: &PersonId) -> bool {
        self.private_to().is_none_or(|only| only == person)
    }

    /// What stands beside the title: whom it is for.
    pub fn note(&self) -> Option<String> {
        match &self.place {
            Place::Private { person, .. }
            | Place::Aside { person, .. }
            | Place::Direct { person } => Some(format!("(only {person} sees this)")),
            Place::Reply { person, ping: true, .. } => Some(format!("@{person}")),
            Place::Channel(_) | Place::Reply { ping: false, .. } | Place::Thread { .. } => None,
        }
    }
}

/// Something for the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Message(Message),
    /// What the terminal itself says; the bot knows nothing of it.
    Note(Card),
}

/// All messages, oldest first.
#[derive(Debug, Default)]
pub struct Room {
    revision: Revision,
    messages: Vec<Message>,
    by_key: BTreeMap<String, MessageId>,
    notes: Vec<(Revision, Card)>,
    ids: u64,
}

impl Room {
    pub fn revision(&self) -> Revision {
        self.revision
    }

    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// A number that no message has had.
    pub fn next_number(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }

    /// The message that was posted with this key.
    pub fn posted(&self, key: &str) -> Option<&MessageId> {
        self.by_key.get(key)
    }

    pub fn post(&mut self, id: MessageId, key: &str, place: Place, card: Card) {
        let now = self.advance();
        self.by_key.insert(key.to_owned(), id.clone());
        self.messages.push(Message {
            id,
            key: key.to_owned(),
            place,
            card,
            edits: 0,
            touched: now,
            changed: now,
            reactions: BTreeSet::new(),
            offered: Vec::new(),
        });
    }

    /// False: there is no such message.
    pub fn edit(&mut self, id: &MessageId, card: &Card) -> bool {
        let now = self.advance();
        let Some(message) = self.find(id) else { return false };
        message.edits = message.edits.saturating_add(1);
        message.touched = now;
        if message.card != *card {
            message.card = card.clone();
            message.changed = now;
        }
        true
    }

    pub fn note(&mut self, card: Card) {
        let now = self.advance();
        self.notes.push((now, card));
    }

    pub fn get(&self, id: &MessageId) -> Option<&Message> {
        self.messages.iter().find(|message| &message.id == id)
    }

    pub fn find(&mut self, id: &MessageId) -> Option<&mut Message> {
        self.messages.iter_mut().find(|message| &message.id == id)
    }

    /// What changed after this revision, in the order in which it did.
    pub fn since(&self, revision: Revision) -> Vec<Change> {
        let messages = self.messages.iter().filter(|message| message.changed > revision);
        let notes = self.notes.iter().filter(|(when, _)| *when > revision);
        let mut changes: Vec<_> = messages
            .map(|message| (message.changed, Change::Message(message.clone())))
            .chain(notes.map(|(when, card)| (*when, Change::Note(card.clone()))))
            .collect();
        changes.sort_by_key(|(when, _)| *when);
        changes.into_iter().map(|(_, change)| change).collect()
    }

    /// Counts a line of a person, so that what the bot does next comes after it.
    pub fn advance(&mut self) -> Revision {
        self.revision.0 += 1;
        self.revision
    }
}
