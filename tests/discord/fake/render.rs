//! State as the JSON that Discord sends. Decides nothing, and who may see what is decided before.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::permissions;
use super::state::{Attachment, Channel, ChannelKind, Interaction, State, StoredMessage};
use super::world::Person;

const JOINED: &str = "2026-01-01T00:00:00.000000+00:00";

pub fn time(at: SystemTime) -> String {
    let timestamp = jiff::Timestamp::try_from(at).unwrap_or_default();
    timestamp.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string()
}

pub fn ids(ids: impl IntoIterator<Item = u64>) -> Vec<String> {
    ids.into_iter().map(|id| id.to_string()).collect()
}

pub fn user(person: &Person) -> Value {
    json!({
        "id": person.id.to_string(),
        "username": person.username,
        "discriminator": if person.bot { "0042" } else { "0" },
        "global_name": if person.bot { None } else { person.global_name.as_deref() },
        "avatar": null,
        "bot": person.bot,
        "public_flags": 0,
        "flags": 0,
        "primary_guild": null,
    })
}

/// A user by id; one that nobody knows is shown as deleted.
pub fn user_by_id(state: &State, id: u64) -> Value {
    match state.people.get(&id) {
        Some(person) => user(person),
        None => json!({
            "id": id.to_string(), "username": "deleted_user", "discriminator": "0",
            "global_name": null, "avatar": null, "public_flags": 0, "flags": 0,
            "primary_guild": null,
        }),
    }
}

/// A member without the user, as events carry it beside one.
pub fn partial_member(person: &Person) -> Value {
    json!({
        "nick": null,
        "avatar": null,
        "banner": null,
        "roles": ids(person.roles.iter().copied()),
        "joined_at": JOINED,
        "premium_since": null,
        "deaf": false,
        "mute": false,
        "pending": false,
        "communication_disabled_until": null,
        "flags": 0,
    })
}

pub fn member(person: &Person) -> Value {
    let mut member = partial_member(person);
    member["user"] = user(person);
    member
}

pub fn roles(state: &State) -> Vec<Value> {
    let role = |id: u64, name: &str, permissions: u64, position: usize| {
        json!({
            "id": id.to_string(), "name": name, "color": 0,
            "colors": {"primary_color": 0, "secondary_color": null, "tertiary_color": null},
            "hoist": false, "icon": null, "unicode_emoji": null, "position": position,
            "permissions": permissions.to_string(), "managed": false, "mentionable": false,
            "flags": 0,
        })
    };
    let mut roles = vec![role(state.world.guild, "@everyone", state.world.everyone, 0)];
    for (index, of) in state.world.roles.iter().enumerate() {
        let mut value = role(of.id, &of.name, of.permissions, index + 1);
        value["mentionable"] = of.mentionable.into();
        if of.managed {
            value["managed"] = true.into();
            value["tags"] = json!({"bot_id": state.world.bot.to_string()});
        }
        roles.push(value);
    }
    roles
}

pub fn channel(state: &State, of: &Channel) -> Value {
    let messages = state.messages.get(&of.id);
    let last = messages.and_then(|messages| messages.keys().next_back());
    let last = last.map(ToString::to_string);
    let guild = state.world.guild.to_string();
    match of.kind {
        ChannelKind::Text => json!({
            "id": of.id.to_string(), "type": 0, "guild_id": guild, "name": of.name,
            "position": 0, "topic": null, "nsfw": false, "parent_id": null, "flags": 0,
            "rate_limit_per_user": 0, "last_message_id": last, "last_pin_timestamp": null,
            "permission_overwrites": of.overwrites.iter().map(|overwrite| json!({
                "id": overwrite.id.to_string(),
                "type": u8::from(overwrite.of_member),
                "allow": overwrite.allow.to_string(),
                "deny": overwrite.deny.to_string(),
            })).collect::<Vec<_>>(),
        }),
        ChannelKind::Thread { parent, owner } => json!({
            "id": of.id.to_string(), "type": 11, "guild_id": guild, "name": of.name,
            "parent_id": parent.to_string(), "owner_id": owner.to_string(), "flags": 0,
            "rate_limit_per_user": 0, "last_message_id": last,
            "message_count": messages.map_or(0, std::collections::BTreeMap::len),
            "total_message_sent": messages.map_or(0, std::collections::BTreeMap::len),
            "member_count": 1,
            "thread_metadata": {
                "archived": false, "auto_archive_duration": 1440, "locked": false,
                "archive_timestamp": JOINED, "create_timestamp": JOINED,
            },
        }),
        ChannelKind::Direct { with } => json!({
            "id": of.id.to_string(), "type": 1, "flags": 0, "last_message_id": last,
            "recipients": [user_by_id(state, with)],
        }),
    }
}

/// The guild as REST shows it.
pub fn guild(state: &State) -> Value {
    json!({
        "id": state.world.guild.to_string(),
        "name": state.world.guild_name,
        "icon": null, "splash": null, "discovery_splash": null,
        "owner_id": "1", "afk_channel_id": null, "afk_timeout": 300,
        "verification_level": 0, "default_message_notifications": 1, "explicit_content_filter": 0,
        "roles": roles(state), "emojis": [], "features": [], "mfa_level": 0,
        "application_id": null, "system_channel_id": null, "system_channel_flags": 0,
        "rules_channel_id": null, "vanity_url_code": null, "description": null, "banner": null,
        "premium_tier": 0, "preferred_locale": "en-US", "public_updates_channel_id": null,
        "nsfw_level": 0, "premium_progress_bar_enabled": false, "stickers": [],
        "safety_alerts_channel_id": null, "incidents_data": null, "home_header": null,
        "region": "deprecated", "widget_enabled": false, "widget_channel_id": null, "nsfw": false,
        "max_presences": null, "max_members": 500_000, "max_video_channel_users": 25,
        "max_stage_video_channel_users": 50, "premium_subscription_count": 0,
    })
}

/// The guild as GUILD_CREATE shows it: without the intent for members, of them only the bot itself.
pub fn guild_created(state: &State, with_members: bool) -> Value {
    let mut guild = guild(state);
    let members: Vec<&Person> = state.people.values().filter(|person| person.member).collect();
    guild["joined_at"] = JOINED.into();
    guild["large"] = (members.len() > 250).into();
    guild["unavailable"] = false.into();
    guild["member_count"] = members.len().into();
    let shown = members.iter().filter(|person| with_members || person.id == state.world.bot);
    guild["members"] = shown.map(|person| member(person)).collect();
    let of_kind = |thread: bool| -> Value {
        let wanted = state.channels.values().filter(|channel| match channel.kind {
            ChannelKind::Text => !thread,
            ChannelKind::Thread { .. } => thread,
            ChannelKind::Direct { .. } => false,
        });
        wanted.map(|of| channel(state, of)).collect()
    };
    guild["channels"] = of_kind(false);
    guild["threads"] = of_kind(true);
    for empty in [
        "voice_states",
        "presences",
        "stage_instances",
        "guild_scheduled_events",
        "soundboard_sounds",
    ] {
        guild[empty] = json!([]);
    }
    guild
}

/// The message as REST shows it, with everything in it.
pub fn message(state: &State, of: &StoredMessage) -> Value {
    let asked = of.interaction.and_then(|id| state.interactions.get(&id));
    let kind = match (asked, of.reference) {
        (Some(Interaction { kind: 2, .. }), _) => 20,
        (_, Some(_)) => 19,
        (_, None) => 0,
    };
    let mut value = json!({
        "id": of.id.to_string(),
        "channel_id": of.channel.to_string(),
        "author": user_by_id(state, of.author),
        "content": of.content,
        "timestamp": time(of.created_at),
        "edited_timestamp": of.edited_at.map(time),
        "tts": false,
        "mention_everyone": of.pinged_everyone,
        "mentions": of.pinged.iter().map(|id| user_by_id(state, *id)).collect::<Vec<_>>(),
        "mention_roles": ids(of.pinged_roles.iter().copied()),
        "attachments": attachments(of),
        "embeds": of.embeds.iter().map(|embed| with_image(of, embed)).collect::<Vec<_>>(),
        "components": numbered(&of.components, &mut 0),
        "pinned": false,
        "type": kind,
        "flags": of.flags,
    });
    if !of.reactions.is_empty() {
        value["reactions"] = reactions(state, of);
    }
    if let Some(nonce) = &of.nonce {
        value["nonce"] = nonce.clone();
    }
    if let Some(id) = of.reference {
        value["message_reference"] = json!({
            "type": 0, "message_id": id.to_string(), "channel_id": of.channel.to_string(),
        });
        if let Some(guild) = state.guild_of(of.channel) {
            value["message_reference"]["guild_id"] = guild.to_string().into();
        }
        // One level, as on Discord.
        value["referenced_message"] = match state.message(of.channel, id) {
            Some(found) => message(state, &StoredMessage { reference: None, ..found.clone() }),
            None => Value::Null,
        };
    }
    if let Some(asked) = asked {
        value["application_id"] = state.world.application.to_string().into();
        value["webhook_id"] = state.world.application.to_string().into();
        value["interaction_metadata"] = asked_by(state, asked, of.id);
    }
    if let Some(thread) = state.channels.get(&of.id) {
        value["thread"] = channel(state, thread);
    }
    value
}

/// Components with the numbers that Discord gives to those that were sent without one, and with
/// what it fills in for menus.
fn numbered(components: &[Value], last: &mut u64) -> Value {
    let number = |component: &Value| {
        let mut component = component.clone();
        *last += 1;
        if component["id"].is_null() {
            component["id"] = (*last).into();
        }
        if component["type"].as_u64().is_some_and(|kind| kind == 3 || (5..=8).contains(&kind)) {
            for name in ["min_values", "max_values"] {
                if component[name].is_null() {
                    component[name] = 1.into();
                }
            }
        }
        if let Some(inside) = component["components"].as_array() {
            component["components"] = numbered(inside, last);
        }
        component
    };
    components.iter().map(number).collect()
}

/// Which interaction a message answers, and which one opened the form that was sent.
fn asked_by(state: &State, asked: &Interaction, answer: u64) -> Value {
    let mut metadata = json!({
        "id": asked.id.to_string(), "type": asked.kind,
        "user": user_by_id(state, asked.user),
        "authorizing_integration_owners": {"0": state.world.guild.to_string()},
    });
    if asked.kind == 2 {
        metadata["name"] = asked.payload["data"]["name"].clone();
    }
    if let (3, Some(pressed)) = (asked.kind, asked.pressed) {
        metadata["interacted_message_id"] = pressed.to_string().into();
    }
    if let Some(original) = asked.original.filter(|original| *original != answer) {
        metadata["original_response_message_id"] = original.to_string().into();
    }
    if let Some(opened) = asked.opened_by.and_then(|id| state.interactions.get(&id)) {
        metadata["triggering_interaction_metadata"] = asked_by(state, opened, answer);
    }
    metadata
}

fn attachment(of: &Attachment) -> Value {
    let url = address(of);
    let mut value = json!({
        "id": of.id.to_string(),
        "filename": of.filename,
        "content_type": of.content_type,
        "size": of.bytes.len(),
        "url": url,
        "proxy_url": url,
    });
    if let Some(description) = &of.description {
        value["description"] = description.as_str().into();
    }
    value
}

/// The files of a message.
pub fn attachments(of: &StoredMessage) -> Vec<Value> {
    of.attachments.iter().map(attachment).collect()
}

fn address(of: &Attachment) -> String {
    format!("https://cdn.discordapp.com/attachments/{}/{}", of.id, of.filename)
}

/// An embed whose picture is a file of its message, with the address of that.
fn with_image(of: &StoredMessage, embed: &Value) -> Value {
    let mut embed = embed.clone();
    let name = embed["image"]["url"].as_str().and_then(|url| url.strip_prefix("attachment://"));
    let found = of.attachments.iter().find(|one| Some(one.filename.as_str()) == name);
    if let Some(found) = found {
        embed["image"] = json!({ "url": address(found), "proxy_url": address(found) });
    }
    embed
}

fn reactions(state: &State, of: &StoredMessage) -> Value {
    let each = of.reactions.iter().map(|(emoji, users)| {
        json!({
            "emoji": {"id": null, "name": emoji},
            "count": users.len(),
            "count_details": {"burst": 0, "normal": users.len()},
            "me": users.contains(&state.world.bot),
            "me_burst": false,
            "burst_colors": [],
        })
    });
    each.collect()
}

/// Takes out what an application sees only with the intent for message content.
pub fn without_content(mut message: Value) -> Value {
    message["content"] = "".into();
    for list in ["embeds", "components", "attachments"] {
        message[list] = json!([]);
    }
    if message["referenced_message"].is_object() {
        let referenced = message["referenced_message"].take();
        message["referenced_message"] = without_content(referenced);
    }
    message
}

/// Whether the bot sees what is in a message whatever its intents are.
pub fn content_is_open(state: &State, of: &StoredMessage) -> bool {
    let bot = state.world.bot;
    of.author == bot || of.pinged.contains(&bot) || state.guild_of(of.channel).is_none()
}

/// The present permissions of somebody in a channel, as interactions carry them.
pub fn permissions_in(state: &State, user: u64, channel: u64) -> String {
    permissions::of(state, user, channel).to_string()
}
