//! Messages by REST: posting, reading, editing and deleting.

use serde_json::Value;

use super::super::events;
use super::super::permissions::{
    self, ATTACH_FILES, EMBED_LINKS, MANAGE_MESSAGES, READ_MESSAGE_HISTORY, SEND_MESSAGES,
    SEND_MESSAGES_IN_THREADS, VIEW_CHANNEL,
};
use super::super::render;
use super::super::state::{Attachment, ChannelKind, EPHEMERAL, LOADING, State, StoredMessage};
use super::Request;
use super::answer::{Answer, Refused};
use super::form::{self, Draft};
use super::mentions::{self, Pings, Written};
use super::parts::File;

/// `POST /channels/{channel}/messages`
pub fn post(
    state: &mut State,
    channel: u64,
    body: &Value,
    files: &[File],
) -> Result<Answer, Refused> {
    may_send(state, channel)?;
    let draft = form::read(body)?;
    let bot = state.world.bot;
    if let Some(id) = known_nonce(state, channel, &draft)
        && let Some(found) = state.message(channel, id)
    {
        return Ok(Answer::ok(render::message(state, found)));
    }
    let mut message = state.blank_message(channel, bot);
    fill(&mut message, &draft);
    if says_nothing(&message) {
        return Err(Refused::empty_message());
    }
    if !message.embeds.is_empty() {
        permissions::require(state, channel, EMBED_LINKS)?;
    }
    if !files.is_empty() {
        permissions::require(state, channel, ATTACH_FILES)?;
        message.attachments = attached(state, body, files)?;
    }
    message.reference = replied(state, channel, &draft)?;
    ping(state, &mut message, &draft);
    message.nonce.clone_from(&draft.nonce);
    let id = message.id;
    if let (Some(nonce), true) = (&draft.nonce, draft.enforce_nonce) {
        let now = std::time::Instant::now();
        state.nonces.insert((bot, channel, nonce.to_string()), (id, now));
    }
    state.keep_message(message);
    events::message(state, "MESSAGE_CREATE", channel, id);
    shown(state, channel, id)
}

/// The files with what the body says of them, by their numbers.
pub fn attached(
    state: &mut State,
    body: &Value,
    files: &[File],
) -> Result<Vec<Attachment>, Refused> {
    let told = body["attachments"].as_array().cloned().unwrap_or_default();
    let number = |one: &Value| one["id"].as_u64().or_else(|| one["id"].as_str()?.parse().ok());
    let mut attachments = Vec::new();
    for file in files {
        let told = told.iter().find(|one| number(one) == Some(file.number));
        let text = |key: &str| Some(told?[key].as_str()?.to_owned());
        let description = text("description");
        if description.as_ref().is_some_and(|text| text.chars().count() > 1024) {
            let message = "Must be 1024 or fewer in length.";
            return Err(Refused::form("attachments", "BASE_TYPE_MAX_LENGTH", message));
        }
        attachments.push(Attachment {
            id: state.next_id(),
            filename: text("filename").unwrap_or_else(|| file.filename.clone()),
            description,
            content_type: file.content_type.clone(),
            bytes: file.bytes.clone(),
        });
    }
    Ok(attachments)
}

fn may_send(state: &State, channel: u64) -> Result<(), Refused> {
    let found = state.channels.get(&channel).ok_or_else(Refused::unknown_channel)?;
    match found.kind {
        ChannelKind::Text => permissions::require(state, channel, SEND_MESSAGES),
        ChannelKind::Thread { .. } => {
            permissions::require(state, channel, SEND_MESSAGES_IN_THREADS)
        }
        ChannelKind::Direct { with } => {
            let closed = state.people.get(&with).is_none_or(|person| person.dms_closed);
            if closed {
                Err(Refused::new(403, 50007, "Cannot send messages to this user"))
            } else {
                Ok(())
            }
        }
    }
}

fn known_nonce(state: &State, channel: u64, draft: &Draft) -> Option<u64> {
    let nonce = draft.nonce.as_ref().filter(|_| draft.enforce_nonce)?;
    let key = (state.world.bot, channel, nonce.to_string());
    let (id, at) = state.nonces.get(&key)?;
    (at.elapsed() < state.world.limits.nonce_lifetime).then_some(*id)
}

/// The message that a new one replies to, if it may.
fn replied(state: &State, channel: u64, draft: &Draft) -> Result<Option<u64>, Refused> {
    let Some(reference) = draft.reference else { return Ok(None) };
    if reference.channel.is_some_and(|named| named != channel) {
        return Err(Refused::form(
            "message_reference",
            "REPLIES_CANNOT_REFERENCE_OTHER_CHANNEL",
            "Cannot reply to a message in a different channel",
        ));
    }
    if permissions::of(state, state.world.bot, channel) & READ_MESSAGE_HISTORY == 0 {
        let message = "Cannot reply without permission to read message history";
        return Err(Refused::new(400, 160_002, message));
    }
    if state.message(channel, reference.message).is_some() {
        return Ok(Some(reference.message));
    }
    if reference.fail_if_not_exists {
        let code = "MESSAGE_REFERENCE_UNKNOWN_MESSAGE";
        return Err(Refused::form("message_reference", code, "Unknown message"));
    }
    Ok(None)
}

/// Puts into a message what a draft says; what it does not mention stays.
pub fn fill(message: &mut StoredMessage, draft: &Draft) {
    if let Some(content) = &draft.content {
        message.content.clone_from(content);
    }
    if let Some(embeds) = &draft.embeds {
        let shown = embeds.iter().filter(|embed| form::embed_says_something(embed));
        message.embeds = shown.map(rich).collect();
    }
    if let Some(components) = &draft.components {
        message.components.clone_from(components);
    }
    // What had only been promised is there now; who sees it stays.
    message.flags = match draft.flags {
        Some(flags) => message.flags & EPHEMERAL | flags,
        None => message.flags & !LOADING,
    };
}

fn rich(embed: &Value) -> Value {
    let mut embed = embed.clone();
    embed["type"] = "rich".into();
    let fields = embed.get_mut("fields").and_then(Value::as_array_mut);
    for field in fields.into_iter().flatten() {
        if field["inline"].is_null() {
            field["inline"] = false.into();
        }
    }
    embed
}

pub fn says_nothing(message: &StoredMessage) -> bool {
    message.content.is_empty() && message.embeds.is_empty() && message.components.is_empty()
}

/// Works out who is pinged by a message that is new.
pub fn ping(state: &State, message: &mut StoredMessage, draft: &Draft) {
    let replied = message.reference.and_then(|id| state.message(message.channel, id));
    let written = Written {
        author: message.author,
        channel: message.channel,
        text: &message.content,
        replied: replied.map(|message| message.author),
    };
    let Pings { users, roles, everyone } =
        mentions::pings(state, written, draft.allowed_mentions.as_ref());
    message.pinged = users;
    message.pinged_roles = roles;
    message.pinged_everyone = everyone;
}

fn shown(state: &State, channel: u64, id: u64) -> Result<Answer, Refused> {
    let message = state.message(channel, id).ok_or_else(Refused::unknown_message)?;
    Ok(Answer::ok(for_the_bot(state, message)))
}

/// As REST shows it to the bot: the content of others only where it may see it.
fn for_the_bot(state: &State, message: &StoredMessage) -> Value {
    let rendered = render::message(state, message);
    let enabled = state.world.privileged_intents & events::MESSAGE_CONTENT != 0;
    if enabled || render::content_is_open(state, message) {
        rendered
    } else {
        render::without_content(rendered)
    }
}

/// `GET /channels/{channel}/messages/{id}`
pub fn get(state: &State, channel: u64, id: u64) -> Result<Answer, Refused> {
    permissions::require(state, channel, READ_MESSAGE_HISTORY)?;
    shown(state, channel, id)
}

/// `GET /channels/{channel}/messages`, the newest first.
pub fn list(state: &State, channel: u64, request: &Request) -> Result<Answer, Refused> {
    permissions::require(state, channel, VIEW_CHANNEL)?;
    let limit = request.limit(50, 100)?;
    let (before, after, around) =
        (request.id("before")?, request.id("after")?, request.id("around")?);
    if permissions::of(state, state.world.bot, channel) & READ_MESSAGE_HISTORY == 0 {
        return Ok(Answer::ok(Value::Array(Vec::new())));
    }
    let all = state.messages.get(&channel);
    let standing: Vec<&StoredMessage> =
        all.into_iter().flatten().map(|(_, message)| message).filter(|m| m.stands()).collect();
    let mut chosen: Vec<&StoredMessage> = if let Some(around) = around {
        let at = standing.partition_point(|message| message.id < around);
        let from = at.saturating_sub(limit / 2);
        standing.into_iter().skip(from).take(limit).collect()
    } else if let Some(after) = after {
        standing.into_iter().filter(|message| message.id > after).take(limit).collect()
    } else {
        let older = standing.into_iter().filter(|message| before.is_none_or(|id| message.id < id));
        let older: Vec<_> = older.collect();
        let from = older.len().saturating_sub(limit);
        older.into_iter().skip(from).collect()
    };
    chosen.reverse();
    let shown = chosen.into_iter().map(|message| for_the_bot(state, message));
    Ok(Answer::ok(shown.collect()))
}

/// `PATCH /channels/{channel}/messages/{id}`
pub fn edit(state: &mut State, channel: u64, id: u64, body: &Value) -> Result<Answer, Refused> {
    permissions::require(state, channel, VIEW_CHANNEL)?;
    let found = state.message(channel, id).ok_or_else(Refused::unknown_message)?;
    if found.author != state.world.bot {
        let message = "Cannot edit a message authored by another user";
        return Err(Refused::new(403, 50005, message));
    }
    let draft = form::read(body)?;
    if draft.embeds.as_ref().is_some_and(|embeds| !embeds.is_empty()) {
        permissions::require(state, channel, EMBED_LINKS)?;
    }
    change(state, id, &draft)?;
    shown(state, channel, id)
}

/// Edits a message, ephemeral ones too. Nobody is pinged by an edit.
pub fn change(state: &mut State, id: u64, draft: &Draft) -> Result<(), Refused> {
    let mut message = state.any_message(id).ok_or_else(Refused::unknown_message)?.clone();
    fill(&mut message, draft);
    if says_nothing(&message) {
        return Err(Refused::empty_message());
    }
    message.edited_at = Some(std::time::SystemTime::now());
    message.keep_version();
    let channel = message.channel;
    state.messages.entry(channel).or_default().insert(id, message);
    events::message(state, "MESSAGE_UPDATE", channel, id);
    Ok(())
}

/// `DELETE /channels/{channel}/messages/{id}`
pub fn delete(state: &mut State, channel: u64, id: u64) -> Result<Answer, Refused> {
    permissions::require(state, channel, VIEW_CHANNEL)?;
    let found = state.message(channel, id).ok_or_else(Refused::unknown_message)?;
    if found.author != state.world.bot {
        if state.guild_of(channel).is_none() {
            let message = "Cannot execute action on a DM channel";
            return Err(Refused::new(403, 50003, message));
        }
        permissions::require(state, channel, MANAGE_MESSAGES)?;
    }
    remove(state, id);
    Ok(Answer::nothing())
}

/// Takes a message away, and tells it where everybody could see it.
pub fn remove(state: &mut State, id: u64) {
    let Some(message) = state.any_message_mut(id) else { return };
    message.deleted = true;
    let (channel, secret) = (message.channel, message.only_for.is_some());
    if !secret {
        events::message_deleted(state, channel, id);
    }
}
