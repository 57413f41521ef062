//! What a client says on the gateway, and what follows from it. Knows no sockets: answers go to the
//! connection's queue, and an error is the code that it is closed with.

use std::time::Instant;

use serde_json::{Value, json};

use super::super::events::{GUILD_MEMBERS, GUILDS, KNOWN, PRIVILEGED};
use super::super::render;
use super::super::rest;
use super::super::state::State;
use super::session::{Out, Session};

const UNKNOWN_OPERATION: u16 = 4001;
const UNREADABLE: u16 = 4002;
const NOT_IDENTIFIED: u16 = 4003;
const WRONG_TOKEN: u16 = 4004;
const IDENTIFIED_ALREADY: u16 = 4005;
const WRONG_SEQUENCE: u16 = 4007;
const WRONG_SHARD: u16 = 4010;
const WRONG_INTENTS: u16 = 4013;
const FORBIDDEN_INTENTS: u16 = 4014;

/// Takes one message. Some: whether frames are compressed from now on.
pub fn hear(state: &mut State, connection: u64, text: &str) -> Result<Option<bool>, u16> {
    let message: Value = serde_json::from_str(text).map_err(|_| UNREADABLE)?;
    let data = &message["d"];
    let session = state.connections.get(&connection).and_then(|found| found.session.clone());
    match message["op"].as_u64() {
        Some(1) => {
            if !state.faults.no_acknowledgement {
                let text = r#"{"op":11,"d":null,"s":null,"t":null}"#.to_owned();
                send(state, connection, Out::Text(text));
            }
            Ok(None)
        }
        Some(2 | 6) if session.is_some() => Err(IDENTIFIED_ALREADY),
        Some(2) => identify(state, connection, data).map(Some),
        Some(6) => resume(state, connection, data).map(|()| None),
        Some(3 | 4 | 8 | 31) if session.is_none() => Err(NOT_IDENTIFIED),
        Some(8) => {
            members(state, session.as_deref().unwrap_or_default(), data)?;
            Ok(None)
        }
        // Presence, voice and sounds are heard and change nothing.
        Some(3 | 4 | 31) => Ok(None),
        Some(_) => Err(UNKNOWN_OPERATION),
        None => Err(UNREADABLE),
    }
}

fn send(state: &State, connection: u64, out: Out) {
    if let Some(connection) = state.connections.get(&connection) {
        connection.send(out);
    }
}

fn token_is_right(state: &State, data: &Value) -> bool {
    let token = data["token"].as_str().unwrap_or_default();
    let token = token.strip_prefix("Bot ").unwrap_or(token);
    !state.token_revoked && token == state.world.token
}

fn identify(state: &mut State, connection: u64, data: &Value) -> Result<bool, u16> {
    if !token_is_right(state, data) {
        return Err(WRONG_TOKEN);
    }
    if state.identifies >= state.world.limits.identifies {
        // Whoever identifies more often than allowed loses the token.
        state.token_revoked = true;
        return Err(WRONG_TOKEN);
    }
    state.identifies += 1;
    if !data["properties"].is_object() {
        return Err(UNREADABLE);
    }
    let shard = &data["shard"];
    // One shard is enough below 2,500 guilds.
    if !shard.is_null() && *shard != json!([0, 1]) {
        return Err(WRONG_SHARD);
    }
    let intents = data["intents"].as_u64().ok_or(WRONG_INTENTS)?;
    if intents & !KNOWN != 0 {
        return Err(WRONG_INTENTS);
    }
    if intents & PRIVILEGED & !state.world.privileged_intents != 0 {
        return Err(FORBIDDEN_INTENTS);
    }
    let name = format!("session-{:x}", state.next_id());
    let session = Session { intents, sequence: 0, sent: Vec::new(), connection: Some(connection) };
    state.sessions.insert(name.clone(), session);
    if let Some(connection) = state.connections.get_mut(&connection) {
        connection.session = Some(name.clone());
    }
    state.send_to_session(&name, "READY", ready(state, &name, shard));
    if intents & GUILDS != 0 {
        let created = render::guild_created(state, intents & GUILD_MEMBERS != 0);
        state.send_to_session(&name, "GUILD_CREATE", created);
    }
    Ok(data["compress"].as_bool().unwrap_or(false) && !state.faults.plain_text)
}

fn ready(state: &State, session: &str, shard: &Value) -> Value {
    let mut user = render::user_by_id(state, state.world.bot);
    user["verified"] = true.into();
    user["mfa_enabled"] = true.into();
    let mut ready = json!({
        "v": 10,
        "user": user,
        "guilds": [{"id": state.world.guild.to_string(), "unavailable": true}],
        "session_id": session,
        "session_type": "normal",
        "resume_gateway_url": state.gateway_url,
        "application": {
            "id": state.world.application.to_string(),
            "flags": rest::application_flags(state),
        },
        "private_channels": [],
        "relationships": [],
        "_trace": [],
    });
    if !shard.is_null() {
        ready["shard"] = shard.clone();
    }
    ready
}

fn resume(state: &mut State, connection: u64, data: &Value) -> Result<(), u16> {
    if !token_is_right(state, data) {
        return Err(WRONG_TOKEN);
    }
    let name = data["session_id"].as_str().ok_or(UNREADABLE)?.to_owned();
    let from = data["seq"].as_u64().ok_or(UNREADABLE)?;
    if state.faults.refuse_resume || !state.sessions.contains_key(&name) {
        state.sessions.remove(&name);
        let text = r#"{"op":9,"d":false,"s":null,"t":null}"#.to_owned();
        send(state, connection, Out::Text(text));
        return Ok(());
    }
    let Some(session) = state.sessions.get_mut(&name) else { return Ok(()) };
    if from > session.sequence {
        return Err(WRONG_SEQUENCE);
    }
    // An older connection of the session is replaced.
    let old = session.connection.replace(connection);
    let missed: Vec<String> = session
        .sent
        .iter()
        .filter(|(sequence, _)| *sequence > from)
        .map(|(_, text)| text.clone())
        .collect();
    if let Some(old) = old.filter(|old| *old != connection) {
        send(state, old, Out::Drop);
    }
    if let Some(connection) = state.connections.get_mut(&connection) {
        connection.session = Some(name.clone());
    }
    for text in missed {
        send(state, connection, Out::Event { due: Instant::now(), text });
    }
    state.resumes += 1;
    state.send_to_session(&name, "RESUMED", json!({"_trace": []}));
    Ok(())
}

/// A request for members: all or by name only with the privileged intent, by ids always.
fn members(state: &mut State, session: &str, data: &Value) -> Result<(), u16> {
    let intents = state.sessions.get(session).map_or(0, |session| session.intents);
    let ids = &data["user_ids"];
    let by_id = !ids.is_null();
    if !by_id && intents & GUILD_MEMBERS == 0 {
        return Err(FORBIDDEN_INTENTS);
    }
    let wanted: Vec<String> = match ids {
        Value::Array(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Value::String(one) => vec![one.clone()],
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    };
    let query = data["query"].as_str().unwrap_or_default();
    let chosen = state.people.values().filter(|person| {
        let named = wanted.contains(&person.id.to_string());
        person.member && if by_id { named } else { person.username.starts_with(query) }
    });
    let members: Vec<Value> = chosen.map(render::member).collect();
    let chunk = json!({
        "guild_id": state.world.guild.to_string(), "members": members,
        "chunk_index": 0, "chunk_count": 1, "not_found": [], "nonce": data["nonce"],
    });
    state.send_to_session(session, "GUILD_MEMBERS_CHUNK", chunk);
    Ok(())
}
