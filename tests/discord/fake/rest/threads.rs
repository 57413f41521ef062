//! Threads that hang from a message, and direct channels.

use serde_json::Value;

use super::super::events;
use super::super::permissions::{self, CREATE_PUBLIC_THREADS, READ_MESSAGE_HISTORY};
use super::super::render;
use super::super::state::{Channel, ChannelKind, State};
use super::answer::{Answer, FormErrors, Refused};
use super::form::snowflake;

/// `POST /channels/{channel}/messages/{message}/threads`: the thread has the id of its message.
pub fn start(
    state: &mut State,
    channel: u64,
    message: u64,
    body: &Value,
) -> Result<Answer, Refused> {
    permissions::require(state, channel, CREATE_PUBLIC_THREADS | READ_MESSAGE_HISTORY)?;
    let parent = state.channels.get(&channel).ok_or_else(Refused::unknown_channel)?;
    if parent.kind != ChannelKind::Text {
        let text = "Cannot execute action on this channel type";
        return Err(Refused::new(400, 50024, text));
    }
    state.message(channel, message).ok_or_else(Refused::unknown_message)?;
    let mut wrong = FormErrors::default();
    wrong.text("name", &body["name"], (1, 100));
    if let Some(minutes) = body["auto_archive_duration"].as_u64()
        && ![60, 1440, 4320, 10080].contains(&minutes)
    {
        let text = "Value must be one of (60, 1440, 4320, 10080).";
        wrong.add("auto_archive_duration", "BASE_TYPE_CHOICES", text);
    }
    wrong.check()?;
    if state.channels.contains_key(&message) {
        let text = "A thread has already been created for this message";
        return Err(Refused::new(400, 160_004, text));
    }
    let name = body["name"].as_str().unwrap_or_default().to_owned();
    let kind = ChannelKind::Thread { parent: channel, owner: state.world.bot };
    let thread = Channel { id: message, name, kind, overwrites: Vec::new() };
    let shown = render::channel(state, &thread);
    state.channels.insert(message, thread);
    events::channel(state, "THREAD_CREATE", message);
    Ok(Answer::created(shown))
}

/// `POST /users/@me/channels`
pub fn open_direct(state: &mut State, body: &Value) -> Result<Answer, Refused> {
    let Some(with) = snowflake(&body["recipient_id"]) else {
        return Err(Refused::form("recipient_id", "NUMBER_TYPE_COERCE", "Value is not snowflake."));
    };
    if !state.people.contains_key(&with) {
        return Err(Refused::unknown_user());
    }
    if with == state.world.bot {
        return Err(Refused::new(400, 50033, "Invalid Recipient(s)"));
    }
    let id = state.direct_channel(with);
    show(state, id)
}

/// `GET /channels/{channel}`
pub fn get(state: &State, channel: u64) -> Result<Answer, Refused> {
    permissions::require(state, channel, permissions::VIEW_CHANNEL)?;
    show(state, channel)
}

fn show(state: &State, channel: u64) -> Result<Answer, Refused> {
    let found = state.channels.get(&channel).ok_or_else(Refused::unknown_channel)?;
    Ok(Answer::ok(render::channel(state, found)))
}
