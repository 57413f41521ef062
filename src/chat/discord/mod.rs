//! Discord: what the engine says becomes messages there, and what people do there becomes events.
//! What is promoted, who may do it, and what a line means is not known here.

mod asking;
mod catching_up;
pub mod check;
mod commands;
mod ears;
pub mod endpoint;
mod ids;
mod interactions;
mod limits;
mod listening;
mod markup;
mod people;
pub mod permissions;
mod press;
pub mod relay;
mod render;
mod rest;
mod sending;
pub mod signature;
mod strangers;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};
use serenity::http::{LightMethod, Route};
use tokio::sync::{OnceCell, watch};

pub use self::asking::Online;
use self::ids::{Asked, Spot, snowflake};
use self::interactions::Open;
pub use self::listening::{ListenError, Wire};
pub use self::people::Holders;
use self::people::People;
use self::rest::{Failure, Rest};
use self::sending::{Call, Draft, Sent, Turns, is_message_gone};
use crate::domain::card::{Card, CardAction};
use crate::domain::channel::Channels;
use crate::domain::form::{Form, Suggestion};
use crate::domain::id::{ChannelId, MessageId, PersonId, Role};
use crate::ports::{Chat, ChatError, ChatMemory, Clock, Place, Reaction, StoreError};

/// Discord's codes.
const TOO_MANY_EDITS_OF_AN_OLD_MESSAGE: i64 = 30_046;
const NO_SUCH_CHANNEL: i64 = 10_003;

/// What the settings say about Discord.
#[derive(Clone, Debug)]
pub struct Account {
    pub token: SecretString,
    pub holders: Holders,
    pub channels: Channels,
    /// What a line begins with that is for the bot and does not mention it.
    pub prefix: Option<String>,
    /// The role that is called when a plan waits for votes.
    pub call: Option<u64>,
}

/// What a filled-in form says, and what can be filled in.
#[derive(Clone)]
pub struct Forms {
    pub forms: Vec<Form>,
    pub line: Line,
    pub suggest: Suggest,
}

/// The line that says what a form was filled in with, or a sentence that says what is missing.
pub type Line =
    Arc<dyn Fn(&str, &BTreeMap<String, String>) -> Result<String, String> + Send + Sync>;

/// What a field may be filled in with.
pub type Suggest = Arc<dyn Fn(Typed) -> BoxFuture<'static, Vec<Suggestion>> + Send + Sync>;

/// A form while somebody types.
#[derive(Clone, Debug)]
pub struct Typed {
    pub form: String,
    pub field: String,
    pub text: String,
    /// The other fields, as far as they are filled in.
    pub filled: BTreeMap<String, String>,
}

/// Discord. Clones are the same.
#[derive(Clone)]
pub struct Discord(Arc<Inner>);

struct Inner {
    account: Account,
    rest: Rest,
    people: People,
    memory: Arc<dyn ChatMemory>,
    clock: Arc<dyn Clock>,
    sent: Sent,
    turns: Turns,
    open: Open,
    me: OnceCell<u64>,
    installation: OnceCell<String>,
    connected: watch::Sender<bool>,
    wire: Wire,
}

/// Why something was not sent.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Discord(#[from] Failure),
    /// What was posted before cannot be told: nothing is posted twice.
    #[error("the journal: {0}")]
    Memory(#[from] StoreError),
}

impl Discord {
    pub fn new(
        account: Account,
        wire: Wire,
        memory: Arc<dyn ChatMemory>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let token = account.token.expose_secret();
        let rest = Rest::new(token, wire.http.clone(), wire.api.as_deref());
        let people = People::new(account.holders.clone());
        let (connected, _) = watch::channel(false);
        Self(Arc::new(Inner {
            account,
            rest,
            people,
            memory,
            clock,
            sent: Sent::default(),
            turns: Turns::default(),
            open: Open::default(),
            me: OnceCell::new(),
            installation: OnceCell::new(),
            connected,
            wire,
        }))
    }

    /// Whether Discord tells what happens there.
    pub fn is_connected(&self) -> bool {
        *self.0.connected.borrow()
    }

    fn guild(&self) -> u64 {
        self.0.account.holders.guild
    }

    /// The bot's own id, which is also that of its application, or was for old ones.
    async fn me(&self) -> Result<u64, Failure> {
        let ask = || async {
            let me: people::User = self.0.rest.get(Route::UserMe, Vec::new()).await?;
            snowflake(&me.id)
                .ok_or_else(|| Failure::Unavailable("it did not tell who we are".to_owned()))
        };
        self.0.me.get_or_try_init(ask).await.copied()
    }

    async fn installation(&self) -> Result<&str, StoreError> {
        let ask = || self.0.memory.installation();
        self.0.installation.get_or_try_init(ask).await.map(String::as_str)
    }

    /// The channel for a conversation with a person alone.
    async fn direct_channel(&self, person: &PersonId) -> Result<u64, Failure> {
        let body = serde_json::json!({ "recipient_id": person.as_str() });
        let opened = self.0.rest.send(LightMethod::Post, Route::UserMeDmChannels, &body).await?;
        opened["id"]
            .as_str()
            .and_then(snowflake)
            .ok_or_else(|| Failure::Unavailable("it opened no conversation".to_owned()))
    }

    async fn send(&self, place: &Place, card: &Card, key: &str) -> Result<MessageId, Trouble> {
        let draft = |channel, to, call| Draft {
            channel,
            card,
            key,
            to,
            call,
            rest: sending::Rest::Following,
        };
        let posted = match place {
            Place::Channel(channel) => {
                let waits = card.actions.contains(&CardAction::Approve);
                let call = self.0.account.call.filter(|_| waits).map_or(Call::Nobody, Call::Role);
                let rest = sending::Rest::Thread;
                self.post_once(&Draft { rest, ..draft(channel_of(channel)?, None, call) }).await?
            }
            Place::Reply { channel, to, person, ping } => match Spot::of(to) {
                Some(spot) => {
                    let call = if *ping { Call::Author } else { Call::Nobody };
                    self.post_once(&draft(spot.channel, Some(spot), call)).await?
                }
                // An interaction is no message to answer.
                None => {
                    let person = snowflake(person.as_str()).filter(|_| *ping);
                    let call = person.map_or(Call::Nobody, Call::Person);
                    let thread = Asked::of(to).and_then(|asked| asked.thread);
                    let channel = thread.map_or_else(|| channel_of(channel), Ok)?;
                    self.post_once(&draft(channel, None, call)).await?
                }
            },
            Place::Private { channel, to, person } => {
                if let Some(asked) = to.as_ref().and_then(Asked::of)
                    && self.answer_interaction(asked.interaction, card).await?
                {
                    return Ok(asked.id());
                }
                match to.as_ref().and_then(Spot::of) {
                    Some(spot) => {
                        self.post_once(&draft(spot.channel, Some(spot), Call::Nobody)).await?
                    }
                    // An interaction that it is too late to answer.
                    None => match self.directly(person, card, key).await? {
                        Some(posted) => posted,
                        None => {
                            let key = &format!("{key}-openly");
                            let draft = draft(channel_of(channel)?, None, Call::Nobody);
                            self.post_once(&Draft { key, ..draft }).await?
                        }
                    },
                }
            }
            Place::Direct { person } => {
                let channel = self.direct_channel(person).await?;
                self.post_once(&draft(channel, None, Call::Nobody)).await?
            }
            Place::Aside { about, person } => match self.directly(person, card, key).await? {
                Some(posted) => posted,
                None => {
                    let beside = Spot::of(about).ok_or_else(|| no_message(about))?;
                    let channel = self.thread_of(beside, "").await?;
                    let key = &format!("{key}-beside");
                    let draft = draft(channel, None, Call::Nobody);
                    self.post_once(&Draft { key, ..draft }).await?
                }
            },
            Place::Thread { of } => {
                let spot = Spot::of(of).ok_or_else(|| no_message(of))?;
                let channel = self.thread_of(spot, "").await?;
                self.post_once(&draft(channel, None, Call::Nobody)).await?
            }
        };
        Ok(posted.id())
    }

    /// Posts to a person alone; `None`: they take no direct messages.
    async fn directly(
        &self,
        person: &PersonId,
        card: &Card,
        key: &str,
    ) -> Result<Option<Spot>, Trouble> {
        let posted = async {
            let channel = self.direct_channel(person).await?;
            let (to, call, rest) = (None, Call::Nobody, sending::Rest::Following);
            self.post_once(&Draft { channel, card, key, to, call, rest }).await
        };
        match posted.await {
            Ok(spot) => Ok(Some(spot)),
            Err(Trouble::Discord(Failure::Refused { .. })) => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }
}

fn channel_of(channel: &crate::domain::id::ChannelId) -> Result<u64, Failure> {
    snowflake(channel.as_str()).ok_or_else(|| Failure::Refused {
        status: 0,
        code: 0,
        message: format!("{channel} is no channel of Discord's"),
    })
}

fn no_message(message: &MessageId) -> Failure {
    Failure::Refused {
        status: 0,
        code: 0,
        message: format!("{message} is no message of Discord's"),
    }
}

impl From<Failure> for ChatError {
    fn from(failure: Failure) -> Self {
        match failure {
            failure if is_message_gone(&failure) => Self::MessageGone,
            Failure::Gone { code: NO_SUCH_CHANNEL, .. } => Self::PlaceGone,
            Failure::Refused { code: TOO_MANY_EDITS_OF_AN_OLD_MESSAGE, message, .. } => {
                Self::Unavailable(message)
            }
            // A token that is not known says nothing about what was asked for: another one will do.
            Failure::Refused { status: 401, .. } => Self::Unavailable(failure.to_string()),
            Failure::Gone { .. } | Failure::Refused { .. } => Self::Refused(failure.to_string()),
            Failure::Unavailable(why) => Self::Unavailable(why),
        }
    }
}

impl From<Trouble> for ChatError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Discord(failure) => failure.into(),
            Trouble::Memory(error) => Self::Unavailable(error.to_string()),
        }
    }
}

#[async_trait]
impl Chat for Discord {
    async fn post(&self, place: &Place, card: &Card, key: &str) -> Result<MessageId, ChatError> {
        Ok(Box::pin(self.send(place, card, key)).await?)
    }

    async fn edit(&self, message: &MessageId, card: &Card) -> Result<(), ChatError> {
        let spot = Spot::of(message).ok_or_else(|| no_message(message))?;
        Ok(self.edit_message(spot, card).await?)
    }

    async fn offer(&self, message: &MessageId, actions: &[CardAction]) -> Result<(), ChatError> {
        let spot = Spot::of(message).ok_or_else(|| no_message(message))?;
        let (discord, actions) = (self.clone(), actions.to_vec());
        // Discord takes four a second: whoever posts a plan does not wait for its decoration.
        tokio::spawn(async move {
            for action in actions {
                let emoji = percent(action.emoji());
                let route = Route::ChannelMessageReactionMe {
                    channel_id: spot.channel.into(),
                    message_id: spot.message.into(),
                    reaction: &emoji,
                };
                if let Err(error) = discord.0.rest.change(LightMethod::Put, route).await {
                    // People can still answer by buttons and in words.
                    tracing::warn!(message = %spot.id(), %error, "a reaction could not be offered");
                    return;
                }
            }
        });
        Ok(())
    }

    async fn take_off(&self, message: &MessageId, reaction: &Reaction) -> Result<(), ChatError> {
        let spot = Spot::of(message).ok_or_else(|| no_message(message))?;
        let Some(user) = snowflake(reaction.person.as_str()) else { return Ok(()) };
        // Some keyboards spell an emoji otherwise: it is taken off as it stands there.
        let standing = self.message(spot).await?.reactions.into_iter();
        let names = standing.filter_map(|seen| seen.emoji.name);
        for name in names.filter(|name| CardAction::of_emoji(name) == Some(reaction.action)) {
            let emoji = percent(&name);
            let route = Route::ChannelMessageReaction {
                channel_id: spot.channel.into(),
                message_id: spot.message.into(),
                user_id: user.into(),
                reaction: &emoji,
            };
            self.0.rest.change(LightMethod::Delete, route).await?;
        }
        Ok(())
    }

    async fn reactions(&self, message: &MessageId) -> Result<BTreeSet<Reaction>, ChatError> {
        let spot = Spot::of(message).ok_or_else(|| no_message(message))?;
        let found = self.message(spot).await?;
        let mut reactions = BTreeSet::new();
        for seen in found.reactions {
            let name = seen.emoji.name.unwrap_or_default();
            let Some(action) = CardAction::of_emoji(&name) else { continue };
            // Our own alone is nobody's answer.
            if seen.count > u64::from(seen.me) {
                for person in self.reacting(spot, &name).await? {
                    reactions.insert(Reaction { person, action });
                }
            }
        }
        Ok(reactions)
    }

    async fn roles(&self, person: &PersonId) -> Result<BTreeSet<Role>, ChatError> {
        Ok(self.0.people.roles(&self.0.rest, person).await?)
    }

    async fn holders(&self, roles: &BTreeSet<Role>) -> Result<BTreeSet<PersonId>, ChatError> {
        Ok(self.0.people.holding(&self.0.rest, roles).await?)
    }

    fn name_of(&self, person: &PersonId) -> Option<String> {
        self.0.people.known_name(person.as_str())
    }

    async fn channels_named(&self, name: &str) -> Result<Vec<ChannelId>, ChatError> {
        #[derive(serde::Deserialize)]
        struct Channel {
            id: String,
            #[serde(default)]
            name: Option<String>,
        }
        let route = Route::GuildChannels { guild_id: self.guild().into() };
        let all: Vec<Channel> = self.0.rest.get(route, Vec::new()).await?;
        let called = |one: &Channel| one.name.as_deref() == Some(name);
        Ok(all.into_iter().filter(called).map(|one| ChannelId::new(one.id)).collect())
    }
}

impl Discord {
    /// The people, not bots, who put this emoji on a message.
    async fn reacting(&self, spot: Spot, emoji: &str) -> Result<Vec<PersonId>, Failure> {
        const PAGE: usize = 100;
        let mut people = Vec::new();
        let mut after = "0".to_owned();
        let emoji = percent(emoji);
        loop {
            let route = Route::ChannelMessageReactionEmoji {
                channel_id: spot.channel.into(),
                message_id: spot.message.into(),
                reaction: &emoji,
            };
            let params = vec![("limit", PAGE.to_string()), ("after", after.clone())];
            let page: Vec<people::User> = self.0.rest.get(route, params).await?;
            let full = page.len() >= PAGE;
            if let Some(last) = page.last() {
                after.clone_from(&last.id);
            }
            people.extend(page.into_iter().filter(|user| !user.bot).map(|user| {
                self.0.people.note_name(&user.id, user.shown());
                PersonId::new(user.id)
            }));
            if !full {
                return Ok(people);
            }
        }
    }
}

/// A text as a part of an address.
fn percent(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if plain(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
        encoded
    })
}

/// How long Discord waits for an interaction to be acknowledged, with some time to spare.
const ACKNOWLEDGE: Duration = Duration::from_millis(2500);
