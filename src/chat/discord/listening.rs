//! The connection to Discord's gateway, by serenity: held, taken up again when it breaks, and
//! told apart from what can only be mended by a person. What is heard goes to the engine in
//! order.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::json;
use serenity::all::{ClientBuilder, GatewayIntents, Interaction};
use serenity::gateway::GatewayError;
use serenity::http::{HttpBuilder, Route};
use tokio::sync::{mpsc, oneshot};

use super::ears::{Ears, Filter, Heard, Hearing};
use super::ids::Spot;
use super::relay::{AskError, Gateway, Relay, RelaySettings, Sessions, Upstream};
use super::rest::Failure;
use super::{Discord, Forms};
use crate::ports::{ChatEvent, Raised, Said};

/// The pause before catching up is tried again.
const CATCH_UP_AGAIN: Duration = Duration::from_secs(15);
/// The pause before a connection that serenity gave up is begun anew. The relay brakes, too.
const CONNECT_AGAIN: Duration = Duration::from_secs(5);
/// The pause before commands are registered again.
const REGISTER_AGAIN: Duration = Duration::from_secs(60);
/// How often somebody is told where we listen, in each channel.
const ELSEWHERE_AGAIN: Duration = Duration::from_secs(600);

/// How Discord is reached. Handed in, so that tests reach another one.
#[derive(Clone)]
pub struct Wire {
    /// For requests.
    pub http: reqwest::Client,
    /// For the gateway.
    pub tls: Arc<rustls::ClientConfig>,
    /// Another server that speaks Discord's API.
    pub api: Option<String>,
    /// Another gateway than the one that the API names.
    pub gateway: Option<String>,
    pub relay: RelaySettings,
}

/// What only a person can mend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListenError {
    #[error(
        "Discord does not know the token. Make a new one in the developer portal (your \
         application, Bot, Reset Token) and put it where chat.discord.token-file points."
    )]
    Token,
    #[error(
        "Discord refuses the MESSAGE_CONTENT intent, which chat.discord.prefix needs. Switch it \
         on in the developer portal (your application, Bot, Privileged Gateway Intents), or take \
         the prefix out of the settings and mention the bot instead."
    )]
    MessageContent,
    #[error("Discord refuses what the bot asks to hear of (an intent)")]
    Intents,
    #[error("no connection to Discord can be begun: {0}")]
    Machine(String),
}

#[derive(Deserialize)]
struct GatewayBot {
    url: String,
    session_start_limit: SessionStartLimit,
}

#[derive(Deserialize)]
struct SessionStartLimit {
    total: u32,
    remaining: u32,
    /// In milliseconds.
    reset_after: u64,
}

impl Discord {
    /// Hears what happens in Discord and raises it, for ever.
    ///
    /// # Errors
    /// Only what a person must mend: everything else is tried again.
    pub async fn listen(
        &self,
        events: mpsc::Sender<Raised>,
        forms: Forms,
    ) -> Result<(), ListenError> {
        let filter = Arc::new(Filter::new(&self.0.account));
        let hearing = Arc::new(Hearing::default());
        let (heard, hears) = mpsc::unbounded_channel();
        let (interactions, presses) = mpsc::unbounded_channel();
        let (direct, said_directly) = mpsc::unbounded_channel();
        let listener = Listener {
            discord: self.clone(),
            filter: Arc::clone(&filter),
            hearing: Arc::clone(&hearing),
            events,
            direct,
            forms,
            recounts: Arc::default(),
            trying: Arc::default(),
        };
        let relay = self.relay().await?;
        let connect = async {
            loop {
                let ears = Ears {
                    discord: self.clone(),
                    filter: Arc::clone(&filter),
                    hearing: Arc::clone(&hearing),
                    heard: heard.clone(),
                    interactions: interactions.clone(),
                };
                let ended = self.connection(ears, relay.url()).await;
                self.0.connected.send_replace(false);
                if let Err(error) = ended {
                    return error;
                }
                tokio::time::sleep(CONNECT_AGAIN).await;
            }
        };
        tokio::select! {
            error = connect => Err(error),
            () = listener.hear(hears) => Ok(()),
            () = listener.take_interactions(presses) => Ok(()),
            () = self.hear_directly(said_directly, &hearing, &listener.events) => Ok(()),
            () = self.remember_forever(&hearing) => Ok(()),
            () = listener.events.closed() => Ok(()),
        }
    }

    /// For interactions that come by HTTP: what to answer to each.
    pub fn deliver(&self, events: mpsc::Sender<Raised>, forms: Forms) -> super::endpoint::Deliver {
        let discord = self.clone();
        Arc::new(move |interaction| {
            let (discord, events, forms) = (discord.clone(), events.clone(), forms.clone());
            Box::pin(async move { discord.interaction_by_http(interaction, &forms, &events).await })
        })
    }

    async fn relay(&self) -> Result<Relay, ListenError> {
        let discord = self.clone();
        let ask = move || {
            let discord = discord.clone();
            async move { discord.gateway().await }
        };
        let wire = &self.0.wire;
        let away = self.clone();
        let upstream = Upstream::new(Arc::clone(&wire.tls), ask).when_cut(move || {
            away.0.connected.send_replace(false);
        });
        let relay = Relay::start(upstream, wire.relay.clone()).await;
        relay.map_err(|error| ListenError::Machine(error.to_string()))
    }

    /// Where the gateway is, and how often we may still introduce ourselves today.
    async fn gateway(&self) -> Result<Gateway, AskError> {
        let told: Result<GatewayBot, _> = self.0.rest.get(Route::GatewayBot, Vec::new()).await;
        let sessions = |limit: SessionStartLimit| Sessions {
            total: limit.total,
            remaining: limit.remaining,
            reset_after: Duration::from_millis(limit.reset_after),
        };
        match (told, &self.0.wire.gateway) {
            (Ok(told), other) => Ok(Gateway {
                address: other.clone().unwrap_or(told.url),
                sessions: Some(sessions(told.session_start_limit)),
            }),
            // Another server need not know all of Discord's API.
            (Err(_), Some(other)) => Ok(Gateway { address: other.clone(), sessions: None }),
            (Err(error), None) => Err(error.into()),
        }
    }

    fn intents(&self) -> GatewayIntents {
        let intents = GatewayIntents::GUILDS
            | GatewayIntents::GUILD_MESSAGES
            | GatewayIntents::GUILD_MESSAGE_REACTIONS
            | GatewayIntents::DIRECT_MESSAGES;
        match self.0.account.prefix {
            Some(_) => intents | GatewayIntents::MESSAGE_CONTENT,
            None => intents,
        }
    }

    /// One life of a serenity client. It hands each event to a task of its own, so that only a
    /// runtime that runs them one after the other keeps their order: it gets one, and a thread.
    async fn connection(&self, ears: Ears, url: String) -> Result<(), ListenError> {
        let (ended, end) = oneshot::channel();
        let (alive, dead) = oneshot::channel::<()>();
        let token = self.0.account.token.clone();
        let intents = self.intents();
        let prefixed = self.0.account.prefix.is_some();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| ListenError::Machine(error.to_string()))?;
        let serve = async move {
            // It asks for the gateway's address, which is the relay's: only that is connected to,
            // and nothing is asked for with this client.
            let http = HttpBuilder::new(token.expose_secret())
                .proxy("http://127.0.0.1:1")
                .ratelimiter_disabled(true)
                .build();
            let client = ClientBuilder::new_with_http(http, intents).raw_event_handler(ears);
            let mut client = match client.await {
                Ok(client) => client,
                Err(error) => return Some(error),
            };
            *client.ws_url.lock().await = url;
            let shards = Arc::clone(&client.shard_manager);
            tokio::select! {
                ended = client.start() => ended.err(),
                // Whoever listens is gone.
                _ = dead => {
                    shards.shutdown_all().await;
                    None
                }
            }
        };
        std::thread::Builder::new()
            .name("discord".to_owned())
            .spawn(move || {
                // Nobody may wait for it any more.
                let _ = ended.send(runtime.block_on(serve));
                runtime.shutdown_background();
            })
            .map_err(|error| ListenError::Machine(error.to_string()))?;
        let ended = end.await.ok().flatten();
        drop(alive);
        match ended {
            Some(serenity::Error::Gateway(error)) =>
            {
                #[expect(
                    clippy::wildcard_enum_match_arm,
                    reason = "the others pass, and serenity's list grows"
                )]
                match error {
                    GatewayError::InvalidAuthentication => Err(ListenError::Token),
                    GatewayError::DisallowedGatewayIntents if prefixed => {
                        Err(ListenError::MessageContent)
                    }
                    GatewayError::DisallowedGatewayIntents
                    | GatewayError::InvalidGatewayIntents => Err(ListenError::Intents),
                    error => {
                        tracing::warn!(%error, "the connection to Discord ended");
                        Ok(())
                    }
                }
            }
            Some(error) => {
                tracing::warn!(%error, "the connection to Discord ended");
                Ok(())
            }
            None => Ok(()),
        }
    }
}

/// Raises what was heard.
struct Listener {
    discord: Discord,
    filter: Arc<Filter>,
    hearing: Arc<Hearing>,
    events: mpsc::Sender<Raised>,
    /// For what is said to the bot alone.
    direct: mpsc::UnboundedSender<Said>,
    forms: Forms,
    recounts: Arc<Recounts>,
    /// Somebody goes on trying to read what was missed.
    trying: Arc<AtomicBool>,
}

/// Messages whose reactions are being read, and whether they have changed since.
#[derive(Default)]
struct Recounts(Mutex<HashMap<Spot, bool>>);

impl Recounts {
    /// Whether nobody reads this message's reactions; else whoever does reads them once more.
    fn begin(&self, spot: Spot) -> bool {
        let mut recounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recounts.insert(spot, true).is_none()
    }

    /// Whether they must be read (again); if not, nobody does any more.
    fn again(&self, spot: Spot) -> bool {
        let mut recounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = recounts.get_mut(&spot).is_some_and(std::mem::take);
        if !changed {
            recounts.remove(&spot);
        }
        changed
    }
}

impl Listener {
    /// In the order in which it was heard.
    async fn hear(&self, mut hears: mpsc::UnboundedReceiver<Heard>) {
        let mut registered = false;
        let mut told_elsewhere = HashMap::new();
        while let Some(heard) = hears.recv().await {
            match heard {
                Heard::Ready => {
                    tracing::info!("Discord tells what happens there");
                    self.catch_up().await;
                    if !registered {
                        registered = true;
                        self.register();
                    }
                }
                Heard::Resumed => {
                    tracing::info!("Discord has told what was missed");
                    self.raise(ChatEvent::Returned).await;
                }
                Heard::Said(said) => {
                    let (said, user) = *said;
                    self.discord.0.people.note_name(&user.id, user.shown());
                    self.raise_said(said).await;
                }
                Heard::Elsewhere(spot) => {
                    let now = tokio::time::Instant::now();
                    let told = told_elsewhere.get(&spot.channel);
                    if told.is_none_or(|told| now.duration_since(*told) > ELSEWHERE_AGAIN) {
                        told_elsewhere.insert(spot.channel, now);
                        self.tell_elsewhere(spot);
                    }
                }
                Heard::Reactions(spot) => self.recount(spot),
                Heard::Deleted(spot) => {
                    self.discord.0.sent.forget(spot);
                    self.raise(ChatEvent::MessageGone { message: spot.id() }).await;
                }
            }
        }
    }

    async fn take_interactions(&self, mut presses: mpsc::UnboundedReceiver<Interaction>) {
        while let Some(interaction) = presses.recv().await {
            let (discord, forms) = (self.discord.clone(), self.forms.clone());
            let events = self.events.clone();
            tokio::spawn(async move {
                discord.interaction(interaction, &forms, &events).await;
            });
        }
    }

    /// Raises an event, and waits for nobody to handle it.
    async fn raise(&self, event: ChatEvent) -> oneshot::Receiver<()> {
        let (handled, done) = oneshot::channel();
        // Without anybody to hear it, the process ends.
        let _ = self.events.send(Raised { event, handled }).await;
        done
    }

    async fn raise_said(&self, said: Said) {
        let spot = Spot::of(&said.message);
        if spot.is_some_and(|spot| !self.filter.is_room(spot.channel)) {
            // A room stands in the settings; that there is a thread or a conversation of two is
            // known only from what is heard in it, and the next process must know where to look.
            if let Err(error) = self.discord.remember(&self.hearing).await {
                tracing::warn!(%error, "how much was heard could not be written down");
            }
        }
        if !self.filter.is_ours(&said) {
            // As above: without anybody to hear it, the process ends.
            let _ = self.direct.send(said);
            return;
        }
        let done = self.raise(ChatEvent::Said(said)).await;
        let hearing = Arc::clone(&self.hearing);
        tokio::spawn(async move {
            let handled = done.await.is_ok();
            if let (Some(spot), true) = (spot, handled) {
                hearing.end(spot);
            }
        });
    }

    /// Reads a message's reactions: once at a time, and again where they change meanwhile.
    fn recount(&self, spot: Spot) {
        if !self.recounts.begin(spot) {
            return;
        }
        let (recounts, events) = (Arc::clone(&self.recounts), self.events.clone());
        tokio::spawn(async move {
            while recounts.again(spot) {
                let event = ChatEvent::ReactionsChanged { message: spot.id() };
                let (handled, done) = oneshot::channel();
                if events.send(Raised { event, handled }).await.is_err() {
                    return;
                }
                let _ = done.await;
            }
        });
    }

    /// Raises what was missed, then has everything looked at.
    async fn catch_up(&self) {
        self.discord.0.sent.forget_all();
        match self.discord.missed(&self.filter, &self.hearing).await {
            Ok(missed) => {
                for said in missed {
                    tracing::info!(message = %said.message, "was said while nobody listened");
                    self.raise_said(said).await;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "what was missed cannot be read; trying again");
                self.try_again();
            }
        }
        if let Err(error) = self.discord.remember(&self.hearing).await {
            tracing::warn!(%error, "how much was heard could not be written down");
        }
        self.raise(ChatEvent::Returned).await;
    }

    fn try_again(&self) {
        if self.trying.swap(true, Ordering::SeqCst) {
            return;
        }
        let trying = Arc::clone(&self.trying);
        let (discord, events, direct) =
            (self.discord.clone(), self.events.clone(), self.direct.clone());
        let (filter, hearing) = (Arc::clone(&self.filter), Arc::clone(&self.hearing));
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(CATCH_UP_AGAIN).await;
                // Whoever fails from now on sees to it again.
                trying.store(false, Ordering::SeqCst);
                let missed = match discord.missed(&filter, &hearing).await {
                    Ok(missed) => missed,
                    Err(error) => {
                        tracing::warn!(%error, "what was missed cannot be read; trying again");
                        if trying.swap(true, Ordering::SeqCst) {
                            return;
                        }
                        continue;
                    }
                };
                for said in missed {
                    let spot = Spot::of(&said.message);
                    if !filter.is_ours(&said) {
                        // As in `raise_said`.
                        let _ = direct.send(said);
                        continue;
                    }
                    let (handled, done) = oneshot::channel();
                    if events.send(Raised { event: ChatEvent::Said(said), handled }).await.is_err()
                    {
                        return;
                    }
                    if let (Ok(()), Some(spot)) = (done.await, spot) {
                        hearing.end(spot);
                    }
                }
                return;
            }
        });
    }

    /// Tells Discord of our commands, as soon as it listens. Without them people can still say
    /// what they want.
    fn register(&self) {
        let (discord, forms) = (self.discord.clone(), self.forms.forms.clone());
        tokio::spawn(async move {
            while let Err(error) = discord.register(&forms).await {
                tracing::error!(%error, "slash commands could not be registered");
                if !matches!(error, Failure::Unavailable(_)) {
                    return;
                }
                tokio::time::sleep(REGISTER_AGAIN).await;
            }
        });
    }

    /// Tells somebody who speaks to us where we do not work where we do.
    fn tell_elsewhere(&self, spot: Spot) {
        let rooms: Vec<String> = self.filter.rooms().map(|room| format!("<#{room}>")).collect();
        let body = json!({
            "content": format!("I do not work in this channel. I listen in {}.", rooms.join(", ")),
            "allowed_mentions": { "parse": [] },
            "message_reference": {
                "message_id": spot.message.to_string(), "fail_if_not_exists": false,
            },
        });
        let discord = self.discord.clone();
        tokio::spawn(async move {
            let route = Route::ChannelMessages { channel_id: spot.channel.into() };
            let method = serenity::http::LightMethod::Post;
            if let Err(error) = discord.0.rest.send(method, route, &body).await {
                tracing::debug!(%error, "could not tell where we listen");
            }
        });
    }
}
