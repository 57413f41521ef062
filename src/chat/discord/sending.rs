//! Messages on their way out: each posted once, whatever dies in between, and edited only where
//! something is new. Pings nobody but whom it is told to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde::Deserialize;
use serde_json::{Value, json};
use serenity::builder::CreateAttachment;
use serenity::http::{LightMethod, Multipart, MultipartUpload, Route};

use super::Discord;
use super::ids::{Spot, channel_id, snowflake, snowflake_at};
use super::render::{self, Frame, Rendered};
use super::rest::Failure;
use crate::domain::card::{Card, Picture};
use crate::domain::id::sha256_hex;
use crate::ports::Posting;

/// What has been sent last is remembered for so many messages.
const REMEMBERED: usize = 1000;
/// How much earlier than it was begun a message may seem to stand, by clocks that differ.
const CLOCKS_DIFFER: jiff::SignedDuration = jiff::SignedDuration::from_secs(120);
/// So many messages are read in search of one, at the most.
const SEARCHED: usize = 1000;
/// So many messages follow one that did not fit, at the most.
const FOLLOWING: usize = 6;

/// The longest text for those who do not see a picture.
const ALTERNATIVE: usize = 1024;

/// Discord's codes.
const NO_SUCH_MESSAGE: i64 = 10_008;
const THREAD_EXISTS: i64 = 160_004;

/// A message about to be posted.
pub struct Draft<'a> {
    pub channel: u64,
    pub card: &'a Card,
    /// The same for each try to post the same thing.
    pub key: &'a str,
    /// The message that it answers.
    pub to: Option<Spot>,
    pub call: Call,
    /// Where the rest goes that does not fit.
    pub rest: Rest,
}

/// Whom a message calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Nobody,
    /// The person, by naming them.
    Person(u64),
    /// The author of the message that it answers.
    Author,
    Role(u64),
}

/// Where what does not fit into a message is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    Thread,
    Following,
}

/// What was sent last to each message, so that nothing is sent twice.
#[derive(Default)]
pub struct Sent(Mutex<HashMap<Spot, String>>);

impl Sent {
    fn note(&self, spot: Spot, body: &Value) {
        let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sent.len() >= REMEMBERED {
            sent.clear();
        }
        sent.insert(spot, sha256_hex(body.to_string().as_bytes()));
    }

    fn is_news(&self, spot: Spot, body: &Value) -> bool {
        let sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sent.get(&spot) != Some(&sha256_hex(body.to_string().as_bytes()))
    }

    /// What stands there is not known any more.
    pub fn forget(&self, spot: Spot) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&spot);
    }

    pub fn forget_all(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Who posts something just now. Nobody posts the same beside them: whether it stands already
/// can only be told once they are done.
#[derive(Default)]
pub struct Turns(Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>);

impl Turns {
    fn of(&self, key: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = turns.get(key).and_then(Weak::upgrade) {
            return turn;
        }
        turns.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::default();
        turns.insert(key.to_owned(), Arc::downgrade(&turn));
        turn
    }
}

/// A message as Discord tells of it: only what is looked at.
#[derive(Debug, Deserialize)]
pub struct Found {
    pub id: String,
    pub author: super::people::User,
    #[serde(default)]
    pub embeds: Vec<FoundEmbed>,
    #[serde(default)]
    pub reactions: Vec<FoundReaction>,
}

#[derive(Debug, Deserialize)]
pub struct FoundEmbed {
    #[serde(default)]
    pub footer: Option<FoundFooter>,
}

#[derive(Debug, Deserialize)]
pub struct FoundFooter {
    pub text: String,
}

#[derive(Debug, Deserialize)]
pub struct FoundReaction {
    pub count: u64,
    #[serde(default)]
    pub me: bool,
    pub emoji: FoundEmoji,
}

#[derive(Debug, Deserialize)]
pub struct FoundEmoji {
    #[serde(default)]
    pub name: Option<String>,
}

impl Discord {
    /// Posts a message, or finds the one that an earlier try has posted.
    pub(super) async fn post_once(&self, draft: &Draft<'_>) -> Result<Spot, super::Trouble> {
        let turn = self.0.turns.of(draft.key);
        let _turn = turn.lock().await;
        let memory = &self.0.memory;
        let mark = self.mark(draft.key).await?;
        let begun = match memory.begin_posting(draft.key, self.0.clock.now()).await? {
            Posting::Posted { message } => {
                if let Some(spot) = Spot::of(&message) {
                    self.bring_up_to_date(draft, spot).await;
                    return Ok(spot);
                }
                None
            }
            Posting::Begun { at } => Some(at),
            Posting::New => None,
        };
        let found = match begun {
            // The nonce holds for some minutes; the mark in the footer for ever.
            Some(at) => self.find_marked(draft.channel, &mark, at).await?,
            None => None,
        };
        let spot = match found {
            Some(spot) => spot,
            None => self.post(draft, &mark).await?,
        };
        memory.end_posting(draft.key, &spot.id()).await?;
        if found.is_some() {
            self.bring_up_to_date(draft, spot).await;
        }
        Ok(spot)
    }

    /// What an earlier try has posted of a card that is edited shows what was so then.
    async fn bring_up_to_date(&self, draft: &Draft<'_>, spot: Spot) {
        if draft.rest == Rest::Following {
            return;
        }
        if let Err(error) = self.edit_message(spot, draft.card).await {
            // The next change to it finds that, too.
            tracing::warn!(message = %spot.id(), %error, "a card could not be brought up to date");
        }
    }

    /// What tells this posting from all others, of every installation.
    async fn mark(&self, key: &str) -> Result<String, super::Trouble> {
        let installation = self.installation().await?;
        let mut mark = sha256_hex(format!("{installation} {key}").as_bytes());
        mark.truncate(24);
        Ok(mark)
    }

    async fn post(&self, draft: &Draft<'_>, mark: &str) -> Result<Spot, Failure> {
        let rendered = self.render(draft.card, Some(mark), None);
        let (content, allowed) = match draft.call {
            Call::Nobody => (None, json!({ "parse": [] })),
            Call::Person(id) => (Some(format!("<@{id}>")), json!({ "users": [id.to_string()] })),
            Call::Author => (None, json!({ "parse": [], "replied_user": true })),
            Call::Role(id) => (Some(format!("<@&{id}>")), json!({ "roles": [id.to_string()] })),
        };
        let mut body = json!({
            "embeds": [rendered.embed],
            "components": rendered.components,
            "allowed_mentions": allowed,
            "nonce": mark,
            "enforce_nonce": true,
        });
        if let Some(content) = content {
            body["content"] = content.into();
        }
        if let Some(to) = draft.to {
            body["message_reference"] = json!({
                "message_id": to.message.to_string(),
                "channel_id": to.channel.to_string(),
                // An answer to a question that is gone is still worth reading.
                "fail_if_not_exists": false,
            });
        }
        let spot = match &draft.card.picture {
            Some(picture) => match self.create_with(draft.channel, body.clone(), picture).await {
                // Files may not be attached there: the card says the same in words.
                Err(Failure::Refused { status: 403, message, .. }) => {
                    tracing::warn!(channel = draft.channel, message, "a picture may not be shown");
                    self.create(draft.channel, &body).await?
                }
                posted => posted?,
            },
            None => self.create(draft.channel, &body).await?,
        };
        if !rendered.rest.is_empty() {
            self.send_rest(draft, spot, &rendered.rest, mark).await;
        }
        Ok(spot)
    }

    async fn create(&self, channel: u64, body: &Value) -> Result<Spot, Failure> {
        let route = Route::ChannelMessages { channel_id: channel.into() };
        let created = self.0.rest.send(LightMethod::Post, route, body).await?;
        created_in(channel, &created)
    }

    /// The same with a picture in its embed.
    async fn create_with(
        &self,
        channel: u64,
        body: Value,
        picture: &Picture,
    ) -> Result<Spot, Failure> {
        let route = Route::ChannelMessages { channel_id: channel.into() };
        let parts = with_picture(body, picture);
        let created = self.0.rest.send_parts(LightMethod::Post, route, parts).await?;
        created_in(channel, &created)
    }

    /// What did not fit: in the message's thread, with a link to it, or in messages that follow.
    /// The message itself stands already; what fails here is only told in the log.
    async fn send_rest(&self, draft: &Draft<'_>, spot: Spot, rest: &[String], mark: &str) {
        let mut chunks = render::chunks(rest);
        let left_out = chunks.len().saturating_sub(FOLLOWING);
        chunks.truncate(FOLLOWING);
        if left_out > 0 {
            chunks.push(format!("… and {} more.", crate::domain::plural(left_out, "part")));
        }
        let sent = async {
            let channel = match draft.rest {
                Rest::Thread => self.thread_of(spot, &draft.card.title).await?,
                Rest::Following => spot.channel,
            };
            for (part, chunk) in chunks.iter().enumerate() {
                let body = json!({
                    "content": chunk,
                    "allowed_mentions": { "parse": [] },
                    "nonce": format!("{}-{part}", short(mark)),
                    "enforce_nonce": true,
                });
                self.create(channel, &body).await?;
            }
            if draft.rest == Rest::Thread {
                // Where it stands is not written down yet: it must still be found by its mark.
                self.edit_marked(spot, draft.card, Some(mark)).await?;
            }
            Ok::<_, Failure>(())
        };
        if let Err(error) = sent.await {
            tracing::warn!(%error, "what did not fit into a message could not be posted");
        }
    }

    /// Edits a message of ours where it does not show this already. It loses its mark, for it is
    /// known where it stands.
    pub(super) async fn edit_message(&self, spot: Spot, card: &Card) -> Result<(), Failure> {
        self.edit_marked(spot, card, None).await
    }

    async fn edit_marked(
        &self,
        spot: Spot,
        card: &Card,
        mark: Option<&str>,
    ) -> Result<(), Failure> {
        let thread = format!("https://discord.com/channels/{}/{}", self.guild(), spot.message);
        let rendered = self.render(card, mark, Some(&thread));
        let mut body = json!({
            "embeds": [rendered.embed],
            "components": rendered.components,
            "allowed_mentions": { "parse": [] },
        });
        if let Some(picture) = &card.picture {
            // It was attached when the message was posted, and stays.
            show_picture(&mut body, picture);
        }
        if !self.0.sent.is_news(spot, &body) {
            return Ok(());
        }
        let route = Route::ChannelMessage {
            channel_id: spot.channel.into(),
            message_id: spot.message.into(),
        };
        match self.0.rest.send(LightMethod::Patch, route, &body).await {
            Ok(_) => {
                self.0.sent.note(spot, &body);
                Ok(())
            }
            Err(failure) => {
                self.0.sent.forget(spot);
                Err(failure)
            }
        }
    }

    /// The channel of a message's thread, which is made where there is none yet. On Discord it
    /// has the message's own number; another server may tell of another one when it is made.
    pub(super) async fn thread_of(&self, spot: Spot, name: &str) -> Result<u64, Failure> {
        let name = crate::domain::card::without_marks(name);
        let name = render::cut(if name.is_empty() { "Details" } else { &name }, 100);
        let body = json!({ "name": name, "auto_archive_duration": 1440 });
        let route = Route::ChannelMessageThreads {
            channel_id: spot.channel.into(),
            message_id: spot.message.into(),
        };
        match self.0.rest.send(LightMethod::Post, route, &body).await {
            Ok(made) => Ok(made["id"].as_str().and_then(snowflake).unwrap_or(spot.message)),
            Err(failure) if failure.code() == THREAD_EXISTS => Ok(spot.message),
            Err(failure) => Err(failure),
        }
    }

    /// The message of ours with this mark, of those posted since.
    async fn find_marked(
        &self,
        channel: u64,
        mark: &str,
        since: jiff::Timestamp,
    ) -> Result<Option<Spot>, Failure> {
        let me = self.me().await?;
        let since = since.checked_sub(CLOCKS_DIFFER).unwrap_or(since);
        let mut after = snowflake_at(since);
        let mut read = 0;
        while read < SEARCHED {
            let page = self.messages_after(channel, after).await?;
            let Some(last) = page.iter().filter_map(|one| snowflake(&one.id)).max() else { break };
            let marked = |one: &&Found| {
                let footers = one.embeds.iter().filter_map(|embed| embed.footer.as_ref());
                let short = short(mark);
                one.author.id == me.to_string()
                    && footers.into_iter().any(|footer| footer.text.ends_with(short))
            };
            if let Some(message) = page.iter().find(marked).and_then(|one| snowflake(&one.id)) {
                return Ok(Some(Spot { channel, message }));
            }
            read += page.len();
            after = last;
        }
        Ok(None)
    }

    async fn messages_after(&self, channel: u64, after: u64) -> Result<Vec<Found>, Failure> {
        let route = Route::ChannelMessages { channel_id: channel.into() };
        let params = vec![("after", after.to_string()), ("limit", "100".to_owned())];
        self.0.rest.get(route, params).await
    }

    /// The message as it stands now.
    pub(super) async fn message(&self, spot: Spot) -> Result<Found, Failure> {
        let route = Route::ChannelMessage {
            channel_id: spot.channel.into(),
            message_id: spot.message.into(),
        };
        self.0.rest.get(route, Vec::new()).await
    }

    pub(super) fn render(
        &self,
        card: &Card,
        mark: Option<&str>,
        rest_at: Option<&str>,
    ) -> Rendered {
        let name_of = |id: &str| self.0.people.name_of(id);
        let rooms = &self.0.account.channels.rooms;
        let frame = Frame {
            guild: self.guild(),
            name_of: &name_of,
            marker: mark.map(short),
            rest_at,
            is_room: &|channel| rooms.contains_key(&channel_id(channel)),
        };
        render::render(card, &frame)
    }
}

/// A message with a picture in its embed.
pub(super) fn with_picture(mut body: Value, picture: &Picture) -> Multipart {
    show_picture(&mut body, picture);
    body["attachments"] = json!([{
        "id": "0",
        "filename": picture.name,
        "description": render::cut(&picture.text, ALTERNATIVE),
    }]);
    let file = CreateAttachment::bytes(picture.bytes.0.to_vec(), &picture.name);
    Multipart {
        upload: MultipartUpload::Attachments(vec![file]),
        fields: Vec::new(),
        payload_json: Some(body.to_string()),
    }
}

/// Shows an attached picture in the embed, and not below it.
fn show_picture(body: &mut Value, picture: &Picture) {
    body["embeds"][0]["image"] = json!({ "url": format!("attachment://{}", picture.name) });
}

fn created_in(channel: u64, created: &Value) -> Result<Spot, Failure> {
    let id = created["id"].as_str().and_then(snowflake);
    let message = id.ok_or_else(|| {
        Failure::Unavailable("it did not tell the id of a new message".to_owned())
    })?;
    Ok(Spot { channel, message })
}

/// Whether a failure means that the message itself is gone, and not something about it.
pub fn is_message_gone(failure: &Failure) -> bool {
    matches!(failure, Failure::Gone { code: NO_SUCH_MESSAGE, .. })
}

/// The part of a mark that stands in the footer.
fn short(mark: &str) -> &str {
    mark.get(..10).unwrap_or(mark)
}
