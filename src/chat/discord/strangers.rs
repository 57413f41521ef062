//! Direct messages come from anybody who shares a server with the bot, or once did. Only members
//! of the guild are heard; all others are told so. Roles and policies are not known here.

use serenity::http::Route;
use tokio::sync::mpsc;

use super::Discord;
use super::ears::Hearing;
use super::ids::{Spot, snowflake};
use super::rest::Failure;
use super::sending::{Call, Draft, Rest};
use crate::domain::card::{Card, Tone};
use crate::domain::id::PersonId;
use crate::ports::{ChatEvent, Raised, Said};

impl Discord {
    /// Raises what members say directly, in order, for as long as there is somebody to hear it.
    pub(super) async fn hear_directly(
        &self,
        mut said: mpsc::UnboundedReceiver<Said>,
        hearing: &std::sync::Arc<Hearing>,
        events: &mpsc::Sender<Raised>,
    ) {
        while let Some(said) = said.recv().await {
            let spot = Spot::of(&said.message);
            // Where Discord does not say, the engine asks for roles and finds the same.
            if matches!(self.is_member(&said.person).await, Ok(false)) {
                if let Some(spot) = spot {
                    self.turn_away(spot).await;
                    hearing.end(spot);
                }
                continue;
            }
            let (handled, done) = tokio::sync::oneshot::channel();
            if events.send(Raised { event: ChatEvent::Said(said), handled }).await.is_err() {
                return;
            }
            let hearing = std::sync::Arc::clone(hearing);
            tokio::spawn(async move {
                if let (Ok(()), Some(spot)) = (done.await, spot) {
                    hearing.end(spot);
                }
            });
        }
    }

    async fn is_member(&self, person: &PersonId) -> Result<bool, Failure> {
        let Some(user) = snowflake(person.as_str()) else { return Ok(false) };
        let route = Route::GuildMember { guild_id: self.guild().into(), user_id: user.into() };
        match self.0.rest.get::<serde::de::IgnoredAny>(route, Vec::new()).await {
            Ok(_) => Ok(true),
            Err(Failure::Gone { code: 10_007 | 10_013, .. }) => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    async fn turn_away(&self, spot: Spot) {
        let card = Card::new(Tone::Warning, "I work for the members of my server only")
            .text("You are not in it, so nothing was done.");
        let key = format!("stranger-{}", spot.id());
        let (to, call, rest) = (Some(spot), Call::Nobody, Rest::Following);
        let draft = Draft { channel: spot.channel, card: &card, key: &key, to, call, rest };
        if let Err(error) = self.post_once(&draft).await {
            tracing::debug!(%error, "a stranger could not be told");
        }
    }
}
