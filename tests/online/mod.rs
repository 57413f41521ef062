//! What Shipmate needs on Discord, and what it says where it has not got it: against a made-up
//! Discord that answers from memory.

mod check;
mod permissions;

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::{Value, json};
use serenity::model::application::{Command, CurrentApplicationInfo};
use serenity::model::channel::GuildChannel;
use serenity::model::guild::{Member, PartialGuild};
use serenity::model::id::{ApplicationId, ChannelId, GuildId, UserId};
use serenity::model::user::CurrentUser;
use shipmate::chat::discord::check::{Asking, NoAnswer};

/// Shipmate's own user, and the application.
const SHIPMATE: u64 = 7000;
const GUILD: u64 = 1000;
/// The role that Discord made for Shipmate.
const OWN: u64 = 3900;

/// A Discord that answers so.
struct Answers {
    me: Result<CurrentUser, NoAnswer>,
    application: Result<CurrentApplicationInfo, NoAnswer>,
    guild: Result<PartialGuild, NoAnswer>,
    member: Result<Member, NoAnswer>,
    /// What is not among them does not exist.
    channels: BTreeMap<u64, Result<GuildChannel, NoAnswer>>,
    commands: Result<Vec<Command>, NoAnswer>,
}

#[async_trait]
impl Asking for Answers {
    async fn me(&self) -> Result<CurrentUser, NoAnswer> {
        self.me.clone()
    }

    async fn application(&self) -> Result<CurrentApplicationInfo, NoAnswer> {
        self.application.clone()
    }

    async fn guild(&self, guild: GuildId) -> Result<PartialGuild, NoAnswer> {
        assert_eq!(guild, GuildId::new(GUILD));
        self.guild.clone()
    }

    async fn member(&self, guild: GuildId, user: UserId) -> Result<Member, NoAnswer> {
        assert_eq!((guild.get(), user.get()), (GUILD, SHIPMATE));
        self.member.clone()
    }

    async fn channel(&self, channel: ChannelId) -> Result<GuildChannel, NoAnswer> {
        self.channels.get(&channel.get()).cloned().unwrap_or(Err(NoAnswer::NotFound))
    }

    async fn commands(
        &self,
        application: ApplicationId,
        guild: GuildId,
    ) -> Result<Vec<Command>, NoAnswer> {
        assert_eq!((application.get(), guild.get()), (SHIPMATE, GUILD));
        self.commands.clone()
    }
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn user() -> Value {
    json!({"id": SHIPMATE.to_string(), "username": "shipmate", "discriminator": "0000", "bot": true})
}

fn application(flags: u64) -> CurrentApplicationInfo {
    read(json!({
        "id": SHIPMATE.to_string(),
        "name": "Shipmate",
        "description": "",
        "bot_public": false,
        "bot_require_code_grant": false,
        "verify_key": "ab".repeat(32),
        "flags": flags,
    }))
}

fn role(id: u64, name: &str, permissions: u64) -> Value {
    json!({
        "id": id.to_string(),
        "name": name,
        "permissions": permissions.to_string(),
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": null, "tertiary_color": null},
        "hoist": false,
        "managed": id == OWN,
        "mentionable": false,
        "position": 1,
        "tags": if id == OWN { json!({"bot_id": SHIPMATE.to_string()}) } else { json!({}) },
    })
}

fn guild(roles: Vec<Value>) -> PartialGuild {
    read(json!({
        "id": GUILD.to_string(),
        "name": "Acme",
        "owner_id": "4000",
        "roles": roles,
        "emojis": [],
        "stickers": [],
        "features": [],
        "verification_level": 0,
        "default_message_notifications": 0,
        "explicit_content_filter": 0,
        "mfa_level": 0,
        "system_channel_flags": 0,
        "premium_tier": 0,
        "preferred_locale": "en-US",
        "nsfw_level": 0,
        "premium_progress_bar_enabled": false,
        "afk_timeout": 300,
    }))
}

fn member(roles: &[u64]) -> Member {
    let roles: Vec<String> = roles.iter().map(ToString::to_string).collect();
    read(json!({
        "user": user(),
        "roles": roles,
        "deaf": false,
        "mute": false,
        "flags": 0,
        "joined_at": "2026-01-01T00:00:00Z",
    }))
}

/// An overwrite of a role, or of Shipmate itself.
fn overwrite(id: u64, allow: u64, deny: u64) -> Value {
    json!({
        "id": id.to_string(),
        "type": u8::from(id == SHIPMATE),
        "allow": allow.to_string(),
        "deny": deny.to_string(),
    })
}

fn channel(id: u64, name: &str, overwrites: Vec<Value>) -> GuildChannel {
    read(json!({
        "id": id.to_string(),
        "type": 0,
        "guild_id": GUILD.to_string(),
        "name": name,
        "permission_overwrites": overwrites,
    }))
}
