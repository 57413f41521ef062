//! The terminal's channel with hands on it: roles that are taken away, a chat that does not
//! answer, and a place to die in before and after each message.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use shipmate::chat::terminal::Terminal;
use shipmate::domain::card::{Card, CardAction};
use shipmate::domain::id::{MessageId, PersonId, Role};
use shipmate::ports::{Chat, ChatError, Place, Reaction};

use super::Trap;

/// A channel that can be meddled with.
pub struct WatchedChat {
    terminal: Terminal,
    trap: Arc<Trap>,
    /// Who has lost all roles.
    dismissed: Mutex<BTreeSet<PersonId>>,
    /// Whether it does not say who holds which role.
    roles_unavailable: AtomicBool,
}

impl WatchedChat {
    pub fn new(terminal: Terminal, trap: Arc<Trap>) -> Self {
        Self { terminal, trap, dismissed: Mutex::default(), roles_unavailable: false.into() }
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
        let posted = self.terminal.post(place, card, key).await;
        self.trap.pass().await;
        posted
    }

    async fn edit(&self, message: &MessageId, card: &Card) -> Result<(), ChatError> {
        self.terminal.edit(message, card).await
    }

    async fn offer(&self, message: &MessageId, actions: &[CardAction]) -> Result<(), ChatError> {
        self.terminal.offer(message, actions).await
    }

    async fn take_off(&self, message: &MessageId, reaction: &Reaction) -> Result<(), ChatError> {
        self.terminal.take_off(message, reaction).await
    }

    async fn reactions(&self, message: &MessageId) -> Result<BTreeSet<Reaction>, ChatError> {
        self.terminal.reactions(message).await
    }

    async fn roles(&self, person: &PersonId) -> Result<BTreeSet<Role>, ChatError> {
        if self.roles_unavailable.load(Ordering::SeqCst) {
            return Err(ChatError::Unavailable("503 Service Unavailable".to_owned()));
        }
        if self.dismissed.lock().unwrap().contains(person) {
            return Ok(BTreeSet::new());
        }
        self.terminal.roles(person).await
    }

    async fn holders(&self, roles: &BTreeSet<Role>) -> Result<BTreeSet<PersonId>, ChatError> {
        self.terminal.holders(roles).await
    }
}
