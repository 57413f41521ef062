//! `shipmate run`: the bot on Discord, against the AWS that the environment says.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use secrecy::SecretString;
use tokio::sync::mpsc;

use super::{Surroundings, assemble_on, spawn};
use crate::aws::Endpoint;
use crate::chat::discord::endpoint::Endpoint as Interactions;
use crate::chat::discord::relay::RelaySettings;
use crate::chat::discord::signature::Seal;
use crate::chat::discord::{Account, Discord, Forms, Holders, Typed, Wire};
use crate::clock::OffsetClock;
use crate::engine::{Engine, Manners, Rhythm};
use crate::ports::{Chat, ChatMemory, Clock, Hook, NewsOf, Raised, Store};
use crate::settings::{self, Settings};
use crate::store::SqliteStore;
use crate::telemetry;
use crate::web::aws_events::AwsEvents;
use crate::web::reservations::{CONNECTIONS, Pulse, Reservations, Reserver};
use crate::web::{Doors, ReadyCheck, Web};

/// Where Discord's interactions come in.
const INTERACTIONS: &str = "/discord/interactions";
/// Where AWS's events come in.
const AWS_EVENTS: &str = "/aws/events";
/// The longest pause between two looks where AWS tells that something has happened.
const LONGEST_PAUSE_WITH_EVENTS: Duration = Duration::from_secs(15);
/// How often the tags that people may name are read anew, for suggestions.
const REFRESH: Duration = Duration::from_secs(300);

/// Runs until it is told to stop.
///
/// # Errors
/// Whatever a person must mend before it can run.
pub async fn run(path: &Path) -> anyhow::Result<()> {
    let settings = Settings::read(path, super::variables())?;
    let discord = settings.chat.as_ref().context(
        "the settings name no chat: write a [chat.discord] section, as docs/discord.toml shows",
    )?;
    if let Some(file) = discord.token_file_read_by_others() {
        tracing::warn!(file = %file.display(), "others on this machine can read the token");
    }
    let wire = wire(discord)?;
    let running = Box::pin(Running::start(&settings, wire, Endpoint::Ambient)).await?;
    tokio::select! {
        ended = running.until_it_ends() => ended,
        () = told_to_stop() => {
            tracing::info!("told to stop; what runs goes on at the next start");
            Ok(())
        }
    }
}

/// How Discord is reached from here: over the system's certificates.
///
/// # Errors
/// There are none, or TLS cannot be set up.
pub fn wire(discord: &settings::Discord) -> anyhow::Result<Wire> {
    let http = reqwest::Client::builder()
        .timeout(Duration::from_secs(15))
        .connect_timeout(Duration::from_secs(5))
        .build()
        .context("no client for Discord can be made")?;
    let mut roots = rustls::RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    anyhow::ensure!(
        !roots.is_empty() || discord.gateway.is_some(),
        "this system has no certificates to trust Discord by: install ca-certificates"
    );
    Ok(Wire {
        http,
        tls: Arc::new(tls(roots)?),
        api: discord.api.clone(),
        gateway: discord.gateway.clone(),
        relay: RelaySettings::default(),
    })
}

/// TLS with one provider, whatever else is linked.
///
/// # Errors
/// The provider knows no version of TLS, which does not happen.
pub fn tls(roots: rustls::RootCertStore) -> anyhow::Result<rustls::ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// A bot that runs. Dropping it ends everything at once, which loses nothing.
pub struct Running {
    pub engine: Engine,
    pub discord: Discord,
    pub web: Option<Web>,
    listening: tokio::task::JoinHandle<anyhow::Result<()>>,
    engine_task: tokio::task::JoinHandle<anyhow::Result<()>>,
    refreshing: tokio::task::JoinHandle<()>,
}

/// What a bot on Discord is made of, where it is not as the settings say.
pub struct Pieces {
    pub store: Arc<dyn Store>,
    pub memory: Arc<dyn ChatMemory>,
    pub clock: Arc<dyn Clock>,
    pub endpoint: Endpoint,
    pub rhythm: Rhythm,
}

impl Running {
    /// Starts everything that the settings ask for.
    ///
    /// # Errors
    /// Whatever a person must mend before it can run.
    pub async fn start(
        settings: &Settings,
        wire: Wire,
        endpoint: Endpoint,
    ) -> anyhow::Result<Self> {
        let store = Arc::new(SqliteStore::open(settings.database.url.reveal()).await?);
        let pieces = Pieces {
            memory: store.clone(),
            store,
            clock: Arc::new(OffsetClock::default()),
            endpoint,
            rhythm: rhythm(settings),
        };
        Box::pin(Self::start_with(settings, wire, pieces)).await
    }

    /// The same, of other pieces.
    ///
    /// # Errors
    /// As for [`Running::start`].
    pub async fn start_with(
        settings: &Settings,
        wire: Wire,
        pieces: Pieces,
    ) -> anyhow::Result<Self> {
        let chat = settings.chat.as_ref().context("the settings name no chat")?;
        let account = account(settings, chat)?;
        let Pieces { store, memory, clock, endpoint, rhythm } = pieces;
        // Counted from the first thing that happens.
        let metrics = telemetry::metrics();
        let discord = Discord::new(account, wire, memory, Arc::clone(&clock));
        let manners = Manners {
            channels: chat.channels.clone(),
            nudge_after: chat.nudge_after,
            ask_about_locks_after: Some(settings.ask_about_locks_after),
        };
        let speaking: Arc<dyn Chat> = Arc::new(discord.clone());
        let around =
            Surroundings { endpoint, chat: speaking, clock: clock.clone(), rhythm, manners };
        let engine = assemble_on(store, settings, around).await?;
        let (events, receiver) = mpsc::channel(64);
        let web = web(settings, &discord, &engine, (&events, clock, metrics)).await?;
        let engine_task = spawn(&engine, receiver);
        let listening = {
            let (discord, forms) = (discord.clone(), forms(&engine));
            tokio::spawn(async move { Ok(discord.listen(events, forms).await?) })
        };
        let refreshing = {
            let engine = engine.clone();
            tokio::spawn(async move {
                loop {
                    engine.refresh_vocabulary().await;
                    tokio::time::sleep(REFRESH).await;
                }
            })
        };
        Ok(Self { engine, discord, web, listening, engine_task, refreshing })
    }

    /// Returns when it cannot go on.
    ///
    /// # Errors
    /// What a person must mend.
    pub async fn until_it_ends(mut self) -> anyhow::Result<()> {
        tokio::select! {
            ended = &mut self.listening => ended?,
            ended = &mut self.engine_task => {
                ended??;
                // It ends in peace only when nobody listens any more, and why knows the listener.
                (&mut self.listening).await?
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.listening.abort();
        self.engine_task.abort();
        self.refreshing.abort();
    }
}

/// Who hears of what happens need not look so often.
fn rhythm(settings: &Settings) -> Rhythm {
    let rhythm = Rhythm::default();
    match settings.web.as_ref().and_then(|web| web.aws_events.as_ref()) {
        None => rhythm,
        Some(_) => Rhythm { longest: LONGEST_PAUSE_WITH_EVENTS, ..rhythm },
    }
}

fn account(settings: &Settings, chat: &settings::Discord) -> anyhow::Result<Account> {
    let token = chat.token()?;
    let roles = settings.role_holders.iter().map(|(id, roles)| (id.0, roles.clone())).collect();
    Ok(Account {
        token: SecretString::from(token.reveal().to_owned()),
        holders: Holders { guild: chat.guild.0, roles, named: settings.people.clone() },
        channels: chat.channels.clone(),
        prefix: chat.prefix.clone(),
        call: chat.call.map(|role| role.0),
    })
}

/// The engine's forms, as the chat asks for them.
fn forms(engine: &Engine) -> Forms {
    let saying = engine.clone();
    let line = move |form: &str, values: &BTreeMap<String, String>| {
        saying.line(form, values).map_err(|why| why.to_string())
    };
    let suggesting = engine.clone();
    let suggest = move |typed: Typed| {
        let engine = suggesting.clone();
        let suggested = async move {
            let Typed { form, field, text, filled } = typed;
            engine.suggest(&form, &field, &text, &filled).await
        };
        Box::pin(suggested) as futures::future::BoxFuture<'static, _>
    };
    Forms { forms: engine.forms(), line: Arc::new(line), suggest: Arc::new(suggest) }
}

async fn web(
    settings: &Settings,
    discord: &Discord,
    engine: &Engine,
    (events, clock, metrics): (&mpsc::Sender<Raised>, Arc<dyn Clock>, telemetry::Metrics),
) -> anyhow::Result<Option<Web>> {
    let Some(at) = &settings.web else { return Ok(None) };
    let mut hooks: BTreeMap<String, Arc<dyn Hook>> = BTreeMap::new();
    if let Some(key) = settings.chat.as_ref().and_then(|chat| chat.public_key) {
        let deliver = discord.deliver(events.clone(), forms(engine));
        let endpoint = Interactions::new(Seal::new(key), Arc::clone(&clock), deliver);
        hooks.insert(INTERACTIONS.to_owned(), Arc::new(endpoint));
    }
    if let Some(events) = &at.aws_events {
        let key = events.key()?;
        let hearing = engine.clone();
        let tell = Arc::new(move |news: &NewsOf| hearing.hear(news));
        let door = AwsEvents::new(&events.header, key.reveal(), tell);
        hooks.insert(AWS_EVENTS.to_owned(), Arc::new(door));
    }
    let door = at.reservations.as_ref().map(|door| reservations(door, engine, Arc::clone(&clock)));
    let reservations = door.transpose()?.map(Arc::new);
    let connected = discord.clone();
    let ready: ReadyCheck =
        Arc::new(
            move || {
                if connected.is_connected() { Ok(()) } else { Err("Discord is not connected") }
            },
        );
    let metrics: crate::web::Metrics = Arc::new(move || metrics.render());
    let metrics = Some(metrics);
    let doors = Doors { hooks, reservations, metrics, ready: vec![ready], ..Doors::default() };
    let web = Web::serve(at.listen, doors).await?;
    tracing::info!(address = %web.address(), "answers by HTTP");
    Ok(Some(web))
}

/// The door for programs that reserve environments.
fn reservations(
    door: &settings::Reservations,
    engine: &Engine,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Reservations> {
    let reservers = door.reservers()?.into_iter();
    let reservers =
        reservers.map(|one| Reserver::new(one.name, one.key.reveal(), one.environments)).collect();
    let pulse = Pulse { ping: door.ping, grace: door.grace };
    Ok(Reservations::new(reservers, Arc::new(engine.clone()), clock, pulse, CONNECTIONS))
}

/// Returns when the process is asked to end.
async fn told_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let interrupted = tokio::signal::ctrl_c();
    match signal(SignalKind::terminate()) {
        Ok(mut terminated) => {
            tokio::select! {
                _ = interrupted => {}
                _ = terminated.recv() => {}
            }
        }
        // It can still be interrupted.
        Err(_) => drop(interrupted.await),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: &str = r#"
[roles]
[environments.staging]
region = "eu-west-1"
cluster = "staging"
tag = "staging-latest"
[services.core]
repository = "core"
container = "app"
environments = ["staging"]
[web]
listen = "127.0.0.1:0"
"#;

    #[test]
    fn who_hears_of_what_happens_need_not_look_so_often() {
        let longest = |more: &str| {
            let settings =
                Settings::parse("shipmate.toml", &format!("{SETTINGS}{more}"), Vec::new());
            rhythm(&settings.unwrap_or_else(|error| panic!("{error}"))).longest
        };
        assert_eq!(longest(""), Rhythm::default().longest);
        let heard = longest("[web.aws-events]\nkey-file = \"/run/key\"\n");
        assert_eq!(heard, LONGEST_PAUSE_WITH_EVENTS);
        assert!(heard > Rhythm::default().longest);
    }
}
