//! A channel with hands on it: roles that are taken away, a chat that does not answer, and a
//! place to die in before and after each message. It keeps what was posted where.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use shipmate::domain::card::{Card, CardAction};
use shipmate::domain::id::{ChannelId, MessageId, PersonId, Role};
use shipmate::ports::{Chat, ChatError, Place, Reaction};

use super::{Trap, guild};

/// Something that the bot posted.
#[derive(Clone, Debug)]
pub struct Posted {
    pub id: MessageId,
    pub key: String,
    pub place: Place,
    pub edits: u32,
    /// How often it was asked for: a chat shows it once all the same.
    pub calls: u32,
}

/// A channel that can be meddled with.
pub struct WatchedChat {
    inner: Mutex<Arc<dyn Chat>>,
    trap: Arc<Trap>,
    /// Whether it takes no messages.
    silent: AtomicBool,
    /// Who has lost all roles.
    dismissed: Mutex<BTreeSet<PersonId>>,
    /// Whether it does not say who holds which role.
    roles_unavailable: AtomicBool,
    posted: Mutex<Vec<Posted>>,
    /// What times are called that cards show.
    pub times: guild::Times,
}

impl WatchedChat {
    pub fn new(inner: Arc<dyn Chat>, trap: Arc<Trap>) -> Self {
        Self {
            inner: Mutex::new(inner),
            trap,
            silent: false.into(),
            dismissed: Mutex::default(),
            roles_unavailable: false.into(),
            posted: Mutex::default(),
            times: guild::Times::default(),
        }
    }

    /// Another process speaks from now on.
    pub fn speak_through(&self, inner: Arc<dyn Chat>) {
        *self.inner.lock().unwrap() = inner;
    }

    fn inner(&self) -> Arc<dyn Chat> {
        Arc::clone(&self.inner.lock().unwrap())
    }

    pub fn posted(&self) -> Vec<Posted> {
        self.posted.lock().unwrap().clone()
    }

    /// Whether it takes no messages.
    pub fn be_silent(&self, silent: bool) {
        self.silent.store(silent, Ordering::SeqCst);
    }

    /// The person loses all roles.
    pub fn dismiss(&self, person: &str) {
        self.dismissed.lock().unwrap().insert(person.into());
    }

    /// Whether the chat does not say who holds which role.
    pub fn keep_roles_secret(&self, secret: bool) {
        self.roles_unavailable.store(secret, Ordering::SeqCst);
    }
}

#[async_trait]
impl Chat for WatchedChat {
    async fn post(&self, place: &Place, card: &Card, key: &str) -> Result<MessageId, ChatError> {
        self.trap.pass().await;
        if self.silent.load(Ordering::SeqCst) {
            return Err(ChatError::Unavailable("503 Service Unavailable".to_owned()));
        }
        self.times.note(card);
        let posted = self.inner().post(place, card, key).await;
        if let Ok(id) = &posted {
            let mut all = self.posted.lock().unwrap();
            match all.iter_mut().find(|one| one.id == *id) {
                Some(again) => again.calls += 1,
                None => {
                    let (key, place) = (key.to_owned(), place.clone());
                    all.push(Posted { id: id.clone(), key, place, edits: 0, calls: 1 });
                }
            }
        }
        self.trap.pass().await;
        posted
    }

    async fn edit(&self, message: &MessageId, card: &Card) -> Result<(), ChatError> {
        self.times.note(card);
        let edited = self.inner().edit(message, card).await;
        if edited.is_ok() {
            let mut all = self.posted.lock().unwrap();
            for one in all.iter_mut().filter(|one| one.id == *message) {
                one.edits += 1;
            }
        }
        edited
    }

    async fn offer(&self, message: &MessageId, actions: &[CardAction]) -> Result<(), ChatError> {
        self.inner().offer(message, actions).await
    }

    async fn take_off(&self, message: &MessageId, reaction: &Reaction) -> Result<(), ChatError> {
        self.inner().take_off(message, reaction).await
    }

    async fn reactions(&self, message: &MessageId) -> Result<BTreeSet<Reaction>, ChatError> {
        self.inner().reactions(message).await
    }

    async fn roles(&self, person: &PersonId) -> Result<BTreeSet<Role>, ChatError> {
        if self.roles_unavailable.load(Ordering::SeqCst) {
            return Err(ChatError::Unavailable("503 Service Unavailable".to_owned()));
        }
        if self.dismissed.lock().unwrap().contains(&guild::person_name(person)) {
            return Ok(BTreeSet::new());
        }
        self.inner().roles(person).await
    }

    async fn holders(&self, roles: &BTreeSet<Role>) -> Result<BTreeSet<PersonId>, ChatError> {
        self.inner().holders(roles).await
    }

    fn name_of(&self, person: &PersonId) -> Option<String> {
        self.inner().name_of(person)
    }

    async fn channels_named(&self, name: &str) -> Result<Vec<ChannelId>, ChatError> {
        self.inner().channels_named(name).await
    }
}
