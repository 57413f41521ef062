//! What was said and done while nobody listened: messages are read from where the last process
//! stopped, and everything else is looked at by the engine. Decides nothing about what is old.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serenity::http::Route;

use super::Discord;
use super::ears::{Filter, Hearing, Spoke, Spoken};
use super::ids::{Spot, channel_id, snowflake, snowflake_at};
use super::rest::Failure;
use crate::ports::{Said, StoreError};

/// What is older than this is not even answered.
const LOOKED_BACK: SignedDuration = SignedDuration::from_hours(24);
/// So many messages are read of each channel, at the most.
const MOST: usize = 20_000;
/// How often it is written down how much was heard.
const REMEMBER_EVERY: Duration = Duration::from_secs(60);

/// What Discord tells of a channel, as far as it matters here.
#[derive(Deserialize)]
struct Told {
    /// `None`: a conversation of two.
    #[serde(default)]
    guild_id: Option<String>,
    /// Of a thread, the channel that it hangs in.
    #[serde(default)]
    parent_id: Option<String>,
}

impl Discord {
    /// What was said to us in our channels and their threads, and in conversations of two that we
    /// had before, since we last listened; oldest first.
    pub(super) async fn missed(
        &self,
        filter: &Filter,
        hearing: &Hearing,
    ) -> Result<Vec<Said>, super::Trouble> {
        let heard = self.0.memory.heard().await?;
        let mut places: Vec<(u64, Option<u64>)> = filter.rooms().map(|room| (room, None)).collect();
        for (channel, message) in heard {
            let (Some(channel), Some(message)) =
                (snowflake(channel.as_str()), snowflake(message.as_str()))
            else {
                continue;
            };
            match places.iter_mut().find(|(place, _)| *place == channel) {
                Some((_, from)) => *from = Some(message),
                None => places.push((channel, Some(message))),
            }
        }
        let now = self.0.clock.now();
        let oldest = snowflake_at(now.checked_sub(LOOKED_BACK).unwrap_or(Timestamp::MIN));
        let mut missed = Vec::new();
        for (channel, from) in places {
            let Some(from) = from else {
                // Never listened to before: what was said there was not said to us.
                hearing.note(Spot { channel, message: snowflake_at(now) });
                continue;
            };
            match self.spoken_since(channel, from.max(oldest), filter, hearing).await {
                Ok(said) => missed.extend(said),
                // A channel that is gone, or that we may not read, keeps nobody from the others.
                Err(error @ (Failure::Gone { .. } | Failure::Refused { .. })) => {
                    tracing::warn!(channel, %error, "what was missed there cannot be read");
                }
                Err(error) => return Err(error.into()),
            }
        }
        missed.sort_by_key(|said| Spot::of(&said.message).map(|spot| spot.message));
        Ok(missed)
    }

    async fn spoken_since(
        &self,
        channel: u64,
        from: u64,
        filter: &Filter,
        hearing: &Hearing,
    ) -> Result<Vec<Said>, Failure> {
        let mut said = Vec::new();
        let Some(place) = self.place(channel, filter).await? else { return Ok(said) };
        let mut after = from;
        let mut read = 0;
        while read < MOST {
            let route = Route::ChannelMessages { channel_id: channel.into() };
            let params = vec![("after", after.to_string()), ("limit", "100".to_owned())];
            let page: Vec<Spoken> = self.0.rest.get(route, params).await?;
            let Some(last) = page.iter().filter_map(|one| snowflake(&one.id)).max() else { break };
            for one in &page {
                if let Some(one) = filter.spoken(one, place) {
                    if let Some(spot) = Spot::of(&one.message) {
                        hearing.begin(spot);
                    }
                    said.push(one);
                }
            }
            hearing.note(Spot { channel, message: last });
            read += page.len();
            after = last;
        }
        if read >= MOST {
            tracing::warn!(
                channel,
                MOST,
                "more was said there than is read: what is newer is not answered"
            );
        }
        Ok(said)
    }

    /// What a channel that was listened to is now. `None`: nothing of ours, as one is that the
    /// settings no longer name. Taken for a conversation of two, everything in it would be.
    async fn place(&self, channel: u64, filter: &Filter) -> Result<Option<Spoke>, Failure> {
        if filter.is_room(channel) {
            return Ok(Some(Spoke { channel, room: Some(channel) }));
        }
        let route = Route::Channel { channel_id: channel.into() };
        let told: Told = self.0.rest.get(route, Vec::new()).await?;
        if told.guild_id.is_none() {
            return Ok(Some(Spoke { channel, room: None }));
        }
        let parent = told.parent_id.as_deref().and_then(snowflake);
        let Some(room) = parent.filter(|parent| filter.is_room(*parent)) else { return Ok(None) };
        filter.learn_thread(channel, room);
        Ok(Some(Spoke { channel, room: Some(room) }))
    }

    /// Writes down how much was heard, now and then, for ever.
    pub(super) async fn remember_forever(&self, hearing: &Hearing) {
        loop {
            tokio::time::sleep(REMEMBER_EVERY).await;
            if let Err(error) = self.remember(hearing).await {
                tracing::warn!(%error, "how much was heard could not be written down");
            }
            if let Err(error) = self.0.memory.forget_postings(self.0.clock.now()).await {
                tracing::warn!(%error, "old postings could not be forgotten");
            }
        }
    }

    pub(super) async fn remember(&self, hearing: &Hearing) -> Result<(), StoreError> {
        for spot in hearing.news() {
            let message = spot.message.to_string().as_str().into();
            self.0.memory.set_heard(&channel_id(spot.channel), &message).await?;
            hearing.remembered(spot);
        }
        Ok(())
    }
}
