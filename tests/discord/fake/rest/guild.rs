//! The bot itself, its application, and the guild with its roles, channels and members.

use serde_json::{Value, json};

use super::super::events::{GUILD_MEMBERS, GUILD_PRESENCES, MESSAGE_CONTENT};
use super::super::render;
use super::super::state::{ChannelKind, State};
use super::Request;
use super::answer::{Answer, Refused};

/// `GET /gateway`
pub fn gateway(state: &State) -> Answer {
    Answer::ok(json!({"url": state.gateway_url}))
}

/// `GET /gateway/bot`
pub fn gateway_bot(state: &State) -> Answer {
    let total = state.world.limits.identifies;
    Answer::ok(json!({
        "url": state.gateway_url,
        "shards": 1,
        "session_start_limit": {
            "total": total,
            "remaining": total.saturating_sub(state.identifies),
            "reset_after": 14_400_000,
            "max_concurrency": 1,
        },
    }))
}

/// `GET /users/@me`
pub fn myself(state: &State) -> Answer {
    let mut me = render::user_by_id(state, state.world.bot);
    me["mfa_enabled"] = true.into();
    me["verified"] = true.into();
    me["locale"] = "en-US".into();
    Answer::ok(me)
}

/// `GET /users/{user}`
pub fn user(state: &State, user: u64) -> Result<Answer, Refused> {
    let person = state.people.get(&user).ok_or_else(Refused::unknown_user)?;
    Ok(Answer::ok(render::user(person)))
}

/// The flags that tell which privileged intents a small application has switched on.
pub fn application_flags(state: &State) -> u64 {
    let flags = [(GUILD_PRESENCES, 1 << 13), (GUILD_MEMBERS, 1 << 15), (MESSAGE_CONTENT, 1 << 19)];
    let on = flags.into_iter().filter(|(intent, _)| state.world.privileged_intents & intent != 0);
    on.map(|(_, flag)| flag).sum()
}

/// `GET /applications/@me` and `GET /oauth2/applications/@me`
pub fn application(state: &State) -> Answer {
    Answer::ok(json!({
        "id": state.world.application.to_string(),
        "name": "shipmate",
        "icon": null,
        "description": "",
        "bot_public": false,
        "bot_require_code_grant": false,
        "verify_key": super::super::signing::public_key_hex(),
        "type": null,
        "flags": application_flags(state),
        "flags_new": application_flags(state).to_string(),
        "explicit_content_filter": 0,
        "eligible_oauth2_scopes": [],
        "approximate_user_authorization_count": 0,
        "team": null,
        "owner": render::user_by_id(state, 1),
        "interactions_endpoint_url": null,
        "role_connections_verification_url": null,
        "approximate_guild_count": 1,
        "approximate_user_install_count": 0,
        "redirect_uris": [],
        "bot": render::user_by_id(state, state.world.bot),
    }))
}

/// `GET /users/@me/guilds`
pub fn guilds(state: &State) -> Answer {
    Answer::ok(json!([{
        "id": state.world.guild.to_string(), "name": state.world.guild_name, "icon": null,
        "owner": false, "features": [],
        "permissions": super::super::permissions::base(state, state.world.bot).to_string(),
    }]))
}

/// `GET /guilds/{guild}/…`
pub fn below(state: &State, request: &Request, rest: &[&str]) -> Result<Answer, Refused> {
    match rest {
        [] => Ok(Answer::ok(render::guild(state))),
        ["roles"] => Ok(Answer::ok(Value::Array(render::roles(state)))),
        ["channels"] => Ok(Answer::ok(channels(state))),
        ["members"] => members(state, request),
        ["members", "search"] => search(state, request),
        ["members", user] => {
            let user = super::route::id(user)?;
            let person = state.people.get(&user).ok_or_else(Refused::unknown_user)?;
            if person.member {
                Ok(Answer::ok(render::member(person)))
            } else {
                Err(Refused::unknown_member())
            }
        }
        _ => Err(Refused::no_route()),
    }
}

fn channels(state: &State) -> Value {
    let text = state.channels.values().filter(|channel| channel.kind == ChannelKind::Text);
    text.map(|channel| render::channel(state, channel)).collect()
}

/// All members can be listed only where the privileged intent is switched on.
fn members(state: &State, request: &Request) -> Result<Answer, Refused> {
    if state.world.privileged_intents & GUILD_MEMBERS == 0 {
        return Err(Refused::missing_access());
    }
    let limit = request.limit(1, 1000)?;
    let after = request.id("after")?.unwrap_or(0);
    let people = state.people.values().filter(|person| person.member && person.id > after);
    Ok(Answer::ok(people.take(limit).map(render::member).collect()))
}

/// Members whose name begins with a text.
fn search(state: &State, request: &Request) -> Result<Answer, Refused> {
    let limit = request.limit(1, 1000)?;
    let Some(query) = request.query.get("query").map(|query| query.to_lowercase()) else {
        return Err(Refused::form("query", "BASE_TYPE_REQUIRED", "This field is required"));
    };
    let begins = |name: &str| name.to_lowercase().starts_with(&query);
    let people = state.people.values().filter(|person| {
        person.member
            && (begins(&person.username) || person.global_name.as_deref().is_some_and(begins))
    });
    Ok(Answer::ok(people.take(limit).map(render::member).collect()))
}

/// Whether the guild is the bot's.
pub fn known(state: &State, guild: u64) -> Result<(), Refused> {
    if guild == state.world.guild { Ok(()) } else { Err(Refused::unknown_guild()) }
}
