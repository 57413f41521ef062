//! What `check --online` asks, asked over the same requests as everything else.

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serenity::http::Route;
use serenity::model::application::{Command, CurrentApplicationInfo};
use serenity::model::channel::GuildChannel;
use serenity::model::guild::{Member, PartialGuild};
use serenity::model::id::{ApplicationId, ChannelId, GuildId, UserId};
use serenity::model::user::CurrentUser;

use super::Wire;
use super::check::{Asking, NoAnswer};
use super::rest::{Failure, Rest};

/// Who only asks, and neither listens nor posts.
pub struct Online(Rest);

impl Online {
    pub fn new(token: &str, wire: &Wire) -> Self {
        Self(Rest::new(token, wire.http.clone(), wire.api.as_deref()))
    }

    async fn told<T: DeserializeOwned>(&self, route: Route<'_>) -> Result<T, NoAnswer> {
        self.0.get(route, Vec::new()).await.map_err(|failure| match failure {
            Failure::Gone { .. } => NoAnswer::NotFound,
            Failure::Refused { status: 401, .. } => NoAnswer::Unauthorized,
            Failure::Refused { status: 403, .. } => NoAnswer::Forbidden,
            Failure::Refused { .. } | Failure::Unavailable(_) => {
                NoAnswer::Unavailable(failure.to_string())
            }
        })
    }
}

#[async_trait]
impl Asking for Online {
    async fn me(&self) -> Result<CurrentUser, NoAnswer> {
        self.told(Route::UserMe).await
    }

    async fn application(&self) -> Result<CurrentApplicationInfo, NoAnswer> {
        self.told(Route::Oauth2ApplicationCurrent).await
    }

    async fn guild(&self, guild: GuildId) -> Result<PartialGuild, NoAnswer> {
        self.told(Route::Guild { guild_id: guild }).await
    }

    async fn member(&self, guild: GuildId, user: UserId) -> Result<Member, NoAnswer> {
        let route = Route::GuildMember { guild_id: guild, user_id: user };
        let mut member: serde_json::Value = self.told(route).await?;
        // Asked by guild, Discord leaves it out, and serenity wants it.
        member["guild_id"] = guild.to_string().into();
        serde_json::from_value(member).map_err(|error| NoAnswer::Unavailable(error.to_string()))
    }

    async fn channel(&self, channel: ChannelId) -> Result<GuildChannel, NoAnswer> {
        let told: serde_json::Value = self.told(Route::Channel { channel_id: channel }).await?;
        // One that is in no server is none of ours.
        if told.get("guild_id").is_none() {
            return Err(NoAnswer::NotFound);
        }
        serde_json::from_value(told).map_err(|error| NoAnswer::Unavailable(error.to_string()))
    }

    async fn commands(
        &self,
        application: ApplicationId,
        guild: GuildId,
    ) -> Result<Vec<Command>, NoAnswer> {
        self.told(Route::GuildCommands { application_id: application, guild_id: guild }).await
    }
}
