//! What happened, on its way to the sessions that asked for it. Only intents, the sight of a
//! channel and the content of messages are weighed here; sockets are the gateway's.

use serde_json::{Value, json};

use super::permissions::{self, VIEW_CHANNEL};
use super::render;
use super::state::{State, StoredMessage};

pub const GUILDS: u64 = 1 << 0;
pub const GUILD_MEMBERS: u64 = 1 << 1;
pub const GUILD_PRESENCES: u64 = 1 << 8;
pub const GUILD_MESSAGES: u64 = 1 << 9;
pub const GUILD_MESSAGE_REACTIONS: u64 = 1 << 10;
pub const DIRECT_MESSAGES: u64 = 1 << 12;
pub const DIRECT_MESSAGE_REACTIONS: u64 = 1 << 13;
pub const MESSAGE_CONTENT: u64 = 1 << 15;

/// The intents that must be switched on for an application.
pub const PRIVILEGED: u64 = GUILD_MEMBERS | GUILD_PRESENCES | MESSAGE_CONTENT;

/// All bits that are intents.
pub const KNOWN: u64 = 0x1_ffff | 1 << 20 | 1 << 21 | 1 << 24 | 1 << 25;

/// One thing that happened.
pub struct Event {
    pub name: &'static str,
    pub data: Value,
    /// One of these is enough; none needed: 0.
    pub intents: u64,
    /// Where the bot must see it to hear of it.
    pub channel: Option<u64>,
    /// What a session without the intent for message content gets instead.
    pub without_content: Option<Value>,
}

impl Event {
    pub fn new(name: &'static str, data: Value, intents: u64) -> Event {
        Event { name, data, intents, channel: None, without_content: None }
    }
}

/// Numbers the event in each session that hears it, and sends it where a connection is open.
pub fn dispatch(state: &mut State, event: &Event) {
    let bot = state.world.bot;
    let seen = event
        .channel
        .is_none_or(|channel| permissions::of(state, bot, channel) & VIEW_CHANNEL != 0);
    if !seen {
        return;
    }
    let names: Vec<String> = state.sessions.keys().cloned().collect();
    for name in names {
        let Some(session) = state.sessions.get(&name) else { continue };
        if event.intents != 0 && session.intents & event.intents == 0 {
            continue;
        }
        let data = match &event.without_content {
            Some(emptied) if session.intents & MESSAGE_CONTENT == 0 => emptied.clone(),
            Some(_) | None => event.data.clone(),
        };
        state.send_to_session(&name, event.name, data);
    }
}

/// MESSAGE_CREATE and MESSAGE_UPDATE.
pub fn message(state: &mut State, name: &'static str, channel: u64, id: u64) {
    let Some(found) = state.message(channel, id) else { return };
    let mut data = render::message(state, found);
    add_place(state, &mut data, found);
    let open = render::content_is_open(state, found);
    let without_content = (!open).then(|| render::without_content(data.clone()));
    let intents = message_intents(state, channel);
    dispatch(state, &Event { name, data, intents, channel: Some(channel), without_content });
}

/// In a guild events say which, and as what member the author wrote.
pub fn add_place(state: &State, data: &mut Value, message: &StoredMessage) {
    let Some(guild) = state.guild_of(message.channel) else { return };
    data["guild_id"] = guild.to_string().into();
    if message.interaction.is_none()
        && let Some(author) = state.people.get(&message.author).filter(|author| author.member)
    {
        data["member"] = render::partial_member(author);
    }
    let Some(mentions) = data["mentions"].as_array_mut() else { return };
    for mention in mentions {
        let id = mention["id"].as_str().and_then(|id| id.parse().ok()).unwrap_or(0);
        if let Some(person) = state.people.get(&id).filter(|person| person.member) {
            mention["member"] = render::partial_member(person);
        }
    }
}

fn message_intents(state: &State, channel: u64) -> u64 {
    if state.guild_of(channel).is_some() { GUILD_MESSAGES } else { DIRECT_MESSAGES }
}

fn reaction_intents(state: &State, channel: u64) -> u64 {
    if state.guild_of(channel).is_some() {
        GUILD_MESSAGE_REACTIONS
    } else {
        DIRECT_MESSAGE_REACTIONS
    }
}

/// The ids of a channel and its guild, with more fields.
fn placed(state: &State, channel: u64, mut data: Value) -> Value {
    data["channel_id"] = channel.to_string().into();
    if let Some(guild) = state.guild_of(channel) {
        data["guild_id"] = guild.to_string().into();
    }
    data
}

pub fn message_deleted(state: &mut State, channel: u64, id: u64) {
    let data = placed(state, channel, json!({"id": id.to_string()}));
    let intents = message_intents(state, channel);
    let event = Event::new("MESSAGE_DELETE", data, intents);
    dispatch(state, &Event { channel: Some(channel), ..event });
}

/// Where a reaction was set or taken off.
#[derive(Clone, Copy)]
pub struct At {
    pub channel: u64,
    pub message: u64,
}

/// MESSAGE_REACTION_ADD with the member who reacted, MESSAGE_REACTION_REMOVE without.
pub fn reaction(state: &mut State, name: &'static str, at: At, user: u64, emoji: &str) {
    let mut data = json!({
        "user_id": user.to_string(),
        "message_id": at.message.to_string(),
        "emoji": {"id": null, "name": emoji},
        "burst": false,
        "type": 0,
    });
    if name == "MESSAGE_REACTION_ADD" {
        if let Some(message) = state.message(at.channel, at.message) {
            data["message_author_id"] = message.author.to_string().into();
        }
        if state.guild_of(at.channel).is_some()
            && let Some(person) = state.people.get(&user).filter(|person| person.member)
        {
            data["member"] = render::member(person);
        }
    }
    send_reaction(state, name, at, data);
}

pub fn reactions_cleared(state: &mut State, at: At, emoji: Option<&str>) {
    let mut data = json!({"message_id": at.message.to_string()});
    match emoji {
        Some(emoji) => {
            data["emoji"] = json!({"id": null, "name": emoji});
            send_reaction(state, "MESSAGE_REACTION_REMOVE_EMOJI", at, data);
        }
        None => send_reaction(state, "MESSAGE_REACTION_REMOVE_ALL", at, data),
    }
}

fn send_reaction(state: &mut State, name: &'static str, at: At, data: Value) {
    let data = placed(state, at.channel, data);
    let intents = reaction_intents(state, at.channel);
    let event = Event::new(name, data, intents);
    dispatch(state, &Event { channel: Some(at.channel), ..event });
}

/// CHANNEL_CREATE and THREAD_CREATE.
pub fn channel(state: &mut State, name: &'static str, id: u64) {
    let Some(found) = state.channels.get(&id) else { return };
    let mut data = render::channel(state, found);
    if name == "THREAD_CREATE" {
        data["newly_created"] = true.into();
    }
    dispatch(state, &Event { channel: Some(id), ..Event::new(name, data, GUILDS) });
}

/// GUILD_MEMBER_UPDATE: of others only with the privileged intent, of the bot itself always.
pub fn member_updated(state: &mut State, user: u64) {
    let Some(person) = state.people.get(&user) else { return };
    let mut data = render::member(person);
    data["guild_id"] = state.world.guild.to_string().into();
    let intents = if user == state.world.bot { 0 } else { GUILD_MEMBERS };
    dispatch(state, &Event::new("GUILD_MEMBER_UPDATE", data, intents));
}
