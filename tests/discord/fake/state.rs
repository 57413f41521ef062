//! Everything that a fake Discord remembers, behind one lock. Knows neither requests nor sockets.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use super::faults::Faults;
use super::gateway::session::{Connection, Session};
use super::limits::Buckets;
use super::look::Logged;
use super::world::{Overwrite, Person, World};

/// The first millisecond of Discord's ids, since the Unix epoch.
const EPOCH: u64 = 1_420_070_400_000;

pub const EPHEMERAL: u64 = 1 << 6;
pub const LOADING: u64 = 1 << 7;

/// A channel, a thread, or what two people say to each other.
#[derive(Clone, Debug)]
pub struct Channel {
    pub id: u64,
    pub name: String,
    pub kind: ChannelKind,
    pub overwrites: Vec<Overwrite>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelKind {
    Text,
    Thread { parent: u64, owner: u64 },
    Direct { with: u64 },
}

/// One state of a message's text.
#[derive(Clone, Debug)]
pub struct Version {
    pub content: String,
    pub embeds: Vec<Value>,
    pub components: Vec<Value>,
    pub at: SystemTime,
}

/// A message, with all that it once said.
#[derive(Clone, Debug)]
pub struct StoredMessage {
    pub id: u64,
    pub channel: u64,
    pub author: u64,
    pub content: String,
    pub embeds: Vec<Value>,
    pub components: Vec<Value>,
    /// Files beside it.
    pub attachments: Vec<Attachment>,
    pub flags: u64,
    /// The message that it replies to.
    pub reference: Option<u64>,
    pub nonce: Option<Value>,
    pub created_at: SystemTime,
    pub edited_at: Option<SystemTime>,
    /// All versions, the first one first and the present one last.
    pub edits: Vec<Version>,
    /// Who really heard a ping, at any time.
    pub pinged: BTreeSet<u64>,
    pub pinged_roles: BTreeSet<u64>,
    pub pinged_everyone: bool,
    pub deleted: bool,
    /// Emoji in the order of their first use.
    pub reactions: Vec<(String, BTreeSet<u64>)>,
    /// The one who sees it, where it is ephemeral.
    pub only_for: Option<u64>,
    /// The interaction that it answers.
    pub interaction: Option<u64>,
}

/// A file that stands with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    pub id: u64,
    pub filename: String,
    /// For those who do not see it.
    pub description: Option<String>,
    pub content_type: String,
    pub bytes: Vec<u8>,
}

impl StoredMessage {
    /// Whether the message is there for everybody in the channel.
    pub fn stands(&self) -> bool {
        !self.deleted && self.only_for.is_none()
    }

    pub fn keep_version(&mut self) {
        self.edits.push(Version {
            content: self.content.clone(),
            embeds: self.embeds.clone(),
            components: self.components.clone(),
            at: self.edited_at.unwrap_or(self.created_at),
        });
    }
}

/// What somebody asked of the bot, and what it answered.
#[derive(Clone, Debug)]
pub struct Interaction {
    pub id: u64,
    pub token: String,
    /// 2 a command, 3 a component, 4 autocompletion, 5 a form.
    pub kind: u8,
    pub user: u64,
    pub channel: u64,
    pub began: Instant,
    /// After what time and how it was acknowledged.
    pub acknowledged: Option<(Duration, u8)>,
    pub token_expired: bool,
    /// What `@original` names.
    pub original: Option<u64>,
    /// Whether the original is still the promise of an answer.
    pub deferred: bool,
    pub follow_ups: Vec<u64>,
    /// The message of the button that was pressed.
    pub pressed: Option<u64>,
    /// The interaction whose answer was the form that was sent.
    pub opened_by: Option<u64>,
    pub choices: Vec<Value>,
    pub form: Option<Value>,
    /// The body as Discord sends it.
    pub payload: Value,
}

/// A registered command; `guild` none: everywhere.
#[derive(Clone, Debug)]
pub struct Command {
    pub id: u64,
    pub guild: Option<u64>,
    pub body: Value,
}

pub struct State {
    pub world: World,
    pub people: BTreeMap<u64, Person>,
    pub channels: BTreeMap<u64, Channel>,
    /// By channel, then by id.
    pub messages: BTreeMap<u64, BTreeMap<u64, StoredMessage>>,
    /// Nonces by author and channel.
    pub nonces: BTreeMap<(u64, u64, String), (u64, Instant)>,
    pub interactions: BTreeMap<u64, Interaction>,
    pub commands: Vec<Command>,
    pub command_creates: u32,
    pub sessions: BTreeMap<String, Session>,
    pub connections: BTreeMap<u64, Connection>,
    pub log: Vec<Logged>,
    pub buckets: Buckets,
    pub faults: Faults,
    pub gateway_url: String,
    pub identifies: u32,
    pub resumes: u32,
    /// All websockets that were ever opened.
    pub opened: u64,
    pub token_revoked: bool,
    /// Whether interactions go to the gateway; otherwise to an endpoint of the test's own.
    pub interactions_by_gateway: bool,
    last_id: u64,
}

impl State {
    pub fn new(world: World, gateway_url: String) -> State {
        let text = |channel: &super::world::TextChannel| Channel {
            id: channel.id,
            name: channel.name.clone(),
            kind: ChannelKind::Text,
            overwrites: channel.overwrites.clone(),
        };
        State {
            people: world.people.iter().map(|person| (person.id, person.clone())).collect(),
            channels: world.channels.iter().map(|channel| (channel.id, text(channel))).collect(),
            messages: BTreeMap::new(),
            nonces: BTreeMap::new(),
            interactions: BTreeMap::new(),
            commands: Vec::new(),
            command_creates: 0,
            sessions: BTreeMap::new(),
            connections: BTreeMap::new(),
            log: Vec::new(),
            buckets: Buckets::default(),
            faults: Faults::default(),
            gateway_url,
            identifies: 0,
            resumes: 0,
            opened: 0,
            token_revoked: false,
            interactions_by_gateway: true,
            last_id: 0,
            world,
        }
    }

    /// An id as Discord makes them: its time in the upper bits, and greater than all before it.
    pub fn next_id(&mut self) -> u64 {
        let now = self.world.clock.as_ref().map_or_else(SystemTime::now, |clock| (clock.0)());
        let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let milliseconds = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let by_time = milliseconds.saturating_sub(EPOCH) << 22;
        self.last_id = by_time.max(self.last_id + 1);
        self.last_id
    }

    /// The message, if it stands in the channel for all to see.
    pub fn message(&self, channel: u64, id: u64) -> Option<&StoredMessage> {
        self.messages.get(&channel)?.get(&id).filter(|message| message.stands())
    }

    /// The message, ephemeral ones too, unless it was deleted.
    pub fn any_message_mut(&mut self, id: u64) -> Option<&mut StoredMessage> {
        let mut channels = self.messages.values_mut();
        channels.find_map(|messages| messages.get_mut(&id)).filter(|message| !message.deleted)
    }

    /// As [`State::any_message_mut`], to read.
    pub fn any_message(&self, id: u64) -> Option<&StoredMessage> {
        let mut channels = self.messages.values();
        channels.find_map(|messages| messages.get(&id)).filter(|message| !message.deleted)
    }

    /// The guild that a channel is in; none: it is a direct one.
    pub fn guild_of(&self, channel: u64) -> Option<u64> {
        match self.channels.get(&channel)?.kind {
            ChannelKind::Text | ChannelKind::Thread { .. } => Some(self.world.guild),
            ChannelKind::Direct { .. } => None,
        }
    }

    pub fn is_member(&self, user: u64) -> bool {
        self.people.get(&user).is_some_and(|person| person.member)
    }

    /// The direct channel with somebody, opened if there is none.
    pub fn direct_channel(&mut self, with: u64) -> u64 {
        let is_theirs = |channel: &&Channel| channel.kind == ChannelKind::Direct { with };
        if let Some(found) = self.channels.values().find(is_theirs) {
            return found.id;
        }
        let id = self.next_id();
        let kind = ChannelKind::Direct { with };
        self.channels.insert(id, Channel { id, name: String::new(), kind, overwrites: Vec::new() });
        id
    }

    /// A message that says nothing yet, under a new id.
    pub fn blank_message(&mut self, channel: u64, author: u64) -> StoredMessage {
        StoredMessage {
            id: self.next_id(),
            channel,
            author,
            content: String::new(),
            embeds: Vec::new(),
            components: Vec::new(),
            attachments: Vec::new(),
            flags: 0,
            reference: None,
            nonce: None,
            created_at: SystemTime::now(),
            edited_at: None,
            edits: Vec::new(),
            pinged: BTreeSet::new(),
            pinged_roles: BTreeSet::new(),
            pinged_everyone: false,
            deleted: false,
            reactions: Vec::new(),
            only_for: None,
            interaction: None,
        }
    }

    /// Stores a new message with its first version.
    pub fn keep_message(&mut self, mut message: StoredMessage) {
        message.keep_version();
        self.messages.entry(message.channel).or_default().insert(message.id, message);
    }
}
