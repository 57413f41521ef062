//! Looking at what happened: messages, requests, sessions. Changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::watch;

use super::FakeDiscord;
use super::state::{ChannelKind, StoredMessage};

/// A request that arrived.
#[derive(Clone, Debug)]
pub struct Logged {
    pub at: Instant,
    pub method: String,
    /// As it was sent, with its query.
    pub path: String,
    pub body: Value,
    /// 0: not answered yet, or never.
    pub status: u16,
    pub authorised: bool,
}

impl FakeDiscord {
    /// All messages of a channel in their order, deleted and ephemeral ones too.
    pub fn messages(&self, channel: u64) -> Vec<StoredMessage> {
        let state = self.lock();
        let found = state.messages.get(&channel);
        found.map(|messages| messages.values().cloned().collect()).unwrap_or_default()
    }

    /// The messages of the bot in a channel that everybody sees, in their order.
    pub fn messages_of_bot(&self, channel: u64) -> Vec<StoredMessage> {
        let bot = self.bot();
        let all = self.messages(channel).into_iter();
        all.filter(|message| message.author == bot && message.stands()).collect()
    }

    /// A message, deleted and ephemeral ones too.
    pub fn message(&self, channel: u64, id: u64) -> Option<StoredMessage> {
        self.lock().messages.get(&channel)?.get(&id).cloned()
    }

    /// The thread that hangs from a message.
    pub fn thread(&self, message: u64) -> Option<u64> {
        let state = self.lock();
        let found = state.channels.get(&message)?;
        match found.kind {
            ChannelKind::Thread { .. } => Some(found.id),
            ChannelKind::Text | ChannelKind::Direct { .. } => None,
        }
    }

    /// The direct channel with somebody, if one was opened.
    pub fn direct_channel(&self, user: u64) -> Option<u64> {
        let state = self.lock();
        let wanted = ChannelKind::Direct { with: user };
        state.channels.values().find(|channel| channel.kind == wanted).map(|channel| channel.id)
    }

    /// Who reacted to a message with what.
    pub fn reactions(&self, channel: u64, message: u64) -> BTreeMap<String, BTreeSet<u64>> {
        let found = self.message(channel, message);
        found.map(|message| message.reactions.into_iter().collect()).unwrap_or_default()
    }

    /// The bodies of all registered commands.
    pub fn commands(&self) -> Vec<Value> {
        self.lock().commands.iter().map(|command| command.body.clone()).collect()
    }

    /// How many commands were created that were not there before.
    pub fn command_creates(&self) -> u32 {
        self.lock().command_creates
    }

    /// All requests in the order of their arrival.
    pub fn requests(&self) -> Vec<Logged> {
        self.lock().log.clone()
    }

    /// How many requests have arrived.
    pub fn request_count(&self) -> usize {
        self.lock().log.len()
    }

    /// The requests that arrived after the first `known` ones.
    pub fn requests_since(&self, known: usize) -> Vec<Logged> {
        self.lock().log.get(known..).unwrap_or_default().to_vec()
    }

    /// Those of a method whose path contains a text.
    pub fn requests_to(&self, method: &str, path: &str) -> Vec<Logged> {
        let all = self.requests().into_iter();
        all.filter(|logged| logged.method == method && logged.path.contains(path)).collect()
    }

    /// Answers that count towards Discord's block of an address: 401, 403 and 429.
    pub fn invalid_requests(&self) -> usize {
        let state = self.lock();
        let invalid = state.log.iter().filter(|logged| matches!(logged.status, 401 | 403 | 429));
        invalid.count()
    }

    /// How many times a client has identified.
    pub fn identifies(&self) -> u32 {
        self.lock().identifies
    }

    /// How many times a session was resumed.
    pub fn resumes(&self) -> u32 {
        self.lock().resumes
    }

    /// How many websockets are open.
    pub fn connections(&self) -> usize {
        self.lock().connections.len()
    }

    /// How many websockets were ever opened, those that were reset at once too.
    pub fn connections_ever(&self) -> u64 {
        self.lock().opened
    }

    /// How many open connections have a session.
    pub fn ready_connections(&self) -> usize {
        let state = self.lock();
        state.connections.values().filter(|connection| connection.session.is_some()).count()
    }

    /// The intents of each session that is connected.
    pub fn intents(&self) -> Vec<u64> {
        let state = self.lock();
        let connected = state.sessions.values().filter(|session| session.connection.is_some());
        connected.map(|session| session.intents).collect()
    }

    /// Tells of each change.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }

    /// Waits until something holds; whether it did within the limit.
    #[must_use]
    pub async fn wait_until(&self, holds: impl Fn(&FakeDiscord) -> bool, limit: Duration) -> bool {
        let mut changed = self.changed();
        let wait = async {
            while !holds(self) {
                // Things that only time changes are looked at now and then.
                let _late =
                    tokio::time::timeout(Duration::from_millis(50), changed.changed()).await;
            }
        };
        tokio::time::timeout(limit, wait).await.is_ok()
    }

    /// Waits until a client is connected and has been told that it is ready.
    #[must_use]
    pub async fn wait_for_client(&self, limit: Duration) -> bool {
        self.wait_until(|fake| fake.ready_connections() > 0, limit).await
    }
}
