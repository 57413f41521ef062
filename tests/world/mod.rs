//! A world of stateful peers: a simulated AWS at the wire, a channel, a journal in a file and a
//! clock, with the real engine between them. A message goes in, and what the bot said is looked
//! at. The engine runs in a runtime of its own, so that it can be killed like a process.

mod chat;
mod clock;
mod forms;
mod peer;
pub mod guild;
pub mod iam;
mod journal;
mod steps;
mod words;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use shipmate::app::{Surroundings, assemble_on};
use shipmate::aws::Endpoint;
use shipmate::chat::discord::Discord;
use shipmate::chat::terminal::{Message, Revision, Terminal};
use shipmate::domain::card::CardAction;
use shipmate::domain::channel::Channels;
use shipmate::domain::deployment::Deployment;
use shipmate::domain::id::{DeploymentId, MessageId, PersonId};
use shipmate::engine::{Engine, Manners, Rhythm};
use shipmate::ports::{ChatEvent, Place, Raised, Said, Store};
use shipmate::sandbox::{Options, Times, demo_world};
use shipmate::settings::Settings;
use shipmate::store::SqliteStore;
use shipmate::web::{Doors, Web};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};

pub use self::chat::WatchedChat;
pub use self::clock::WorldClock;
use self::guild::Guild;
pub use self::guild::Way;
pub use self::iam::OUR_KEY;
use self::iam::Policed;
pub use self::journal::{Scene, Trap, WatchedStore};
pub use self::peer::{Peer, Reply};
pub use self::words::said_by;
use crate::discord::fake::World as Guilded;

/// Says where the conversations take place: `terminal`, `discord` or `discord-plain`.
pub const CHAT: &str = "SHIPMATE_TEST_CHAT";

/// The settings that ship.
pub const SETTINGS: &str = include_str!("../../shipmate.toml");

/// Longer than anything here takes, also on a machine that is busy with something else.
pub const LONG: Duration = Duration::from_secs(60);

/// 10:00 on a Tuesday in Berlin.
pub const START: &str = "2026-11-24T09:00:00Z";

/// What a world is made of, before it starts.
pub struct Plan {
    pub aws: shipmate::sandbox::World,
    pub times: Times,
    pub settings: String,
    pub settle: Duration,
    pub patience: Duration,
    /// How many times faster than the machine's the clock runs. The simulated AWS does not.
    pub speed: u32,
    /// How often a deployment that runs is looked at, as that clock counts.
    pub rhythm: Rhythm,
}

impl Default for Plan {
    /// The demo's people, services and images; new tasks settle at once, more or less.
    fn default() -> Self {
        Self {
            aws: demo_world(),
            times: Times::fast(),
            settings: SETTINGS.to_owned(),
            settle: Duration::from_millis(60),
            patience: Duration::from_secs(20),
            speed: 1,
            rhythm: Rhythm {
                shortest: Duration::from_millis(30),
                longest: Duration::from_millis(100),
            },
        }
    }
}

/// Everything, and one engine in it.
pub struct World {
    pub sandbox: Policed,
    pub terminal: Terminal,
    /// The conversation is on Discord, and the terminal stands empty.
    pub guild: Option<Guild>,
    pub chat: Arc<WatchedChat>,
    pub clock: Arc<WorldClock>,
    pub trap: Arc<Trap>,
    settings: Settings,
    speed: u32,
    rhythm: Rhythm,
    process: Option<Process>,
    /// The last line of a person.
    since: Revision,
    directory: TempDir,
}

/// A second engine.
pub struct Replica {
    pub engine: Engine,
    _events: mpsc::Sender<Raised>,
    running: tokio::task::JoinHandle<anyhow::Result<()>>,
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// An engine, and the runtime that dies with it.
struct Process {
    engine: Engine,
    events: mpsc::Sender<Raised>,
    runtime: Runtime,
}

impl World {
    /// The world of the demo.
    pub async fn start() -> Self {
        Self::of(Plan::default()).await
    }

    /// The world of the demo for images that are broken: long enough settling that one which
    /// crashes late is seen.
    pub async fn patient() -> Self {
        let settle = Duration::from_millis(300);
        Self::of(Plan { settle, ..Plan::default() }).await
    }

    /// The same, with time running faster: for what waits until AWS's lists have caught up.
    pub async fn hasty() -> Self {
        let settle = Duration::from_secs(3);
        let patience = Duration::from_secs(200);
        Self::of(Plan { settle, patience, speed: 10, ..Plan::default() }).await
    }

    pub async fn of(plan: Plan) -> Self {
        let way = match std::env::var(CHAT).as_deref() {
            Err(_) | Ok("terminal") => None,
            Ok("discord") => Some(Way::Tls),
            Ok("discord-plain") => Some(Way::Plain),
            Ok(other) => panic!("there is no chat {other}"),
        };
        Self::with(plan, way.map(|way| (way, guild::people().unlimited()))).await
    }

    /// A world whose people speak on Discord, or in the terminal where there is none, whatever
    /// the environment says.
    pub async fn with(plan: Plan, on_discord: Option<(Way, Guilded)>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut settings = Settings::parse("shipmate.toml", &plan.settings, Vec::new()).unwrap();
        settings.keep_journal_in(&directory.path().join("journal.db"));
        settings.set_tempo(plan.settle, plan.patience);
        let clock = Arc::new(WorldClock::new(plan.speed));
        clock.set(START.parse().unwrap());
        let wall = Arc::clone(&clock);
        let options =
            Options { port: 0, clock: Arc::new(move || wall.system_time()), times: plan.times };
        let sandbox = Policed::start(plan.aws, options, &settings).await;
        let guests = ["eve".into()];
        let terminal = Terminal::new("ops".into(), "test", settings.people.clone(), guests);
        let trap = Arc::new(Trap::default());
        let chat = Arc::new(WatchedChat::new(Arc::new(terminal.clone()), Arc::clone(&trap)));
        let since = Revision::default();
        let guild = match on_discord {
            None => None,
            Some((way, guilded)) => {
                let wall = Arc::clone(&clock);
                let wall: guild::Wall = Arc::new(move || wall.system_time());
                let guild = Guild::start(way, wall, guilded).await;
                Some(Guild { times: chat.times.clone(), ..guild })
            }
        };
        let mut world = Self {
            sandbox,
            terminal,
            guild,
            chat,
            clock,
            trap,
            settings,
            speed: plan.speed,
            rhythm: plan.rhythm,
            process: None,
            since,
            directory,
        };
        world.begin().await;
        world
    }

    /// Starts an engine, and waits until it has taken up what an earlier one left.
    pub async fn begin(&mut self) {
        assert!(self.process.is_none(), "an engine runs already");
        let settings = self.settings.clone();
        let around = Surroundings {
            endpoint: Endpoint::Simulated { url: self.sandbox.url() },
            chat: self.chat.clone(),
            clock: self.clock.clone(),
            rhythm: Rhythm {
                shortest: self.rhythm.shortest * self.speed,
                longest: self.rhythm.longest * self.speed,
            },
            manners: Manners {
                channels: Channels { announce: Some("ops".into()), ..Channels::default() },
                ask_about_locks_after: Some(settings.ask_about_locks_after),
                ..Manners::default()
            },
        };
        let mut around = around;
        if self.guild.is_some() {
            around.manners.channels = guild::channels(&settings);
        }
        let on_discord = self.guild.as_ref().map(|guild| (guild.account(&settings), guild.wire()));
        let watched = Arc::clone(&self.chat);
        let clock = self.clock.clone();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let trap = Arc::clone(&self.trap);
        let (events, receiver) = mpsc::channel(64);
        let assembling = runtime.spawn(async move {
            let store = SqliteStore::open(settings.database.url.reveal()).await.unwrap();
            let memory = SqliteStore::open(settings.database.url.reveal()).await.unwrap();
            let discord = on_discord
                .map(|(account, wire)| Discord::new(account, wire, Arc::new(memory), clock));
            if let Some(discord) = &discord {
                watched.speak_through(Arc::new(discord.clone()));
            }
            let store = Arc::new(WatchedStore::new(store, trap));
            let engine = assemble_on(store, &settings, around).await.unwrap();
            shipmate::app::spawn(&engine, receiver);
            (engine, discord)
        });
        let (engine, discord) = within("the engine starts", assembling).await.unwrap();
        let returned = self.guild.as_ref().map(Guild::returned);
        if let (Some(guild), Some(discord)) = (&self.guild, discord) {
            let _inside = runtime.enter();
            guild.listen(discord, &engine, events.clone());
        }
        self.process = Some(Process { engine, events, runtime });
        if let (Some(guild), Some(returned)) = (&self.guild, returned) {
            self.until("Discord was listened to", || guild.returned() > returned).await;
        }
        // Events are handled only once everything has been taken up.
        self.raise(ChatEvent::ReactionsChanged { message: "nowhere".into() }).await;
    }

    /// The process dies at once, whatever it was doing.
    pub async fn kill(&mut self) {
        let Process { runtime, engine, events } = self.process.take().expect("an engine runs");
        // A runtime that is shut down drops each task where it stands. That blocks, so that it
        // takes a thread of its own.
        let (dead, died) = oneshot::channel();
        std::thread::spawn(move || {
            runtime.shutdown_timeout(LONG);
            let _nobody_waits = dead.send(());
        });
        within("the engine dies", died).await.unwrap();
        drop((engine, events));
    }

    /// The process dies at once, and another one is started on the same journal.
    pub async fn restart(&mut self) {
        self.kill().await;
        self.begin().await;
    }

    /// The policies are replaced by these, beside which those that ship stand; from the next
    /// start on.
    pub fn add_policies(&mut self, name: &str, text: &str) {
        let directory = self.directory.path().join("policies");
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join(name), text).unwrap();
        let mode = shipmate::settings::Mode::Add;
        self.settings.policies = Some(shipmate::settings::Extra { directory, mode });
    }

    /// The settings lose a service, from the next start on; they are given as they were before.
    pub fn settings_without(&mut self, service: &str) -> Settings {
        let before = self.settings.clone();
        for environment in self.settings.environments.0.values_mut() {
            environment.services.retain(|one| one.name.as_str() != service);
        }
        before
    }

    /// From the next start on.
    pub fn set_settings(&mut self, settings: Settings) {
        self.settings = settings;
    }

    /// Another process on the same journal, beside the one that runs; until what is given is
    /// dropped.
    pub async fn replica(&self) -> Replica {
        let channels = Channels { announce: Some("ops".into()), ..Channels::default() };
        let around = Surroundings {
            endpoint: Endpoint::Simulated { url: self.sandbox.url() },
            chat: self.chat.clone(),
            clock: self.clock.clone(),
            rhythm: self.rhythm,
            manners: Manners { channels, ..Manners::default() },
        };
        let (events, receiver) = mpsc::channel(64);
        let engine = shipmate::app::assemble(&self.settings, around).await.unwrap();
        let running = shipmate::app::spawn(&engine, receiver);
        Replica { engine, _events: events, running }
    }

    /// Serves this beside the engine, in its process, and dies with it.
    pub async fn serve(&self, listen: SocketAddr, doors: Doors) -> Web {
        let serving = self.process().runtime.spawn(Web::serve(listen, doors));
        within("it listens", serving).await.unwrap().unwrap()
    }

    /// The engine that runs now.
    pub fn engine(&self) -> Engine {
        self.process().engine.clone()
    }

    fn process(&self) -> &Process {
        self.process.as_ref().expect("an engine runs")
    }

    /// Somebody writes, and the bot has dealt with it.
    pub async fn say(&mut self, person: &str, text: &str) {
        if let Some(guild) = &self.guild {
            self.since = guild::moment();
            let message = guild.say(person, text);
            let handled = || guild.is_handled(&message);
            return self.until("the bot deals with a message", handled).await;
        }
        let (event, since) = self.terminal.say(&person.into(), text);
        self.since = since;
        self.raise(event).await;
    }

    /// Somebody writes, and nobody waits for what the bot does about it. Gives the event, which
    /// a chat may deliver again.
    pub async fn say_only(&mut self, person: &str, text: &str) -> ChatEvent {
        if let Some(guild) = &self.guild {
            self.since = guild::moment();
            let message = guild.say(person, text);
            return ChatEvent::Said(Said {
                message,
                channel: guild::OPS.to_string().as_str().into(),
                person: guild::user(person).to_string().as_str().into(),
                text: text.to_owned(),
                at: None,
                pressed_on: None,
            });
        }
        let (event, since) = self.terminal.say(&person.into(), text);
        self.since = since;
        self.raise_only(event.clone()).await;
        event
    }

    /// The chat raises this, and the bot has dealt with it.
    pub async fn raise(&self, event: ChatEvent) {
        let (handled, done) = oneshot::channel();
        self.process().events.send(Raised { event, handled }).await.unwrap();
        within("the bot deals with an event", done).await.expect("the bot deals with it");
    }

    /// The chat raises this, and nobody waits for what the bot does about it.
    pub async fn raise_only(&self, event: ChatEvent) {
        let (handled, _) = oneshot::channel();
        self.process().events.send(Raised { event, handled }).await.unwrap();
    }

    /// Whether nothing runs and nothing is queued at this moment.
    pub fn is_calm(&self) -> bool {
        !self.process().engine.is_busy()
    }

    /// Somebody puts a reaction on the newest message that offers it.
    pub async fn react(&mut self, person: &str, emoji: &str) {
        let message = self.offering(person, emoji);
        self.react_on(&message, person, emoji, true).await;
    }

    /// Somebody takes a reaction back from the newest message that offers it.
    pub async fn unreact(&mut self, person: &str, emoji: &str) {
        let message = self.offering(person, emoji);
        self.react_on(&message, person, emoji, false).await;
    }

    /// The newest message that offers this reaction, of those that the person sees.
    fn offering(&self, person: &str, emoji: &str) -> MessageId {
        let action = CardAction::of_emoji(emoji).expect("an emoji that means something");
        let person = PersonId::from(person);
        let messages = self.all_messages().into_iter().rev();
        let mut fitting =
            messages.filter(|one| one.card.actions.contains(&action) && one.is_seen_by(&person));
        fitting.next().expect("a message that offers this reaction").id
    }

    /// Somebody puts a reaction on a message, and nobody waits for what the bot does about it.
    pub async fn react_only(&mut self, message: &MessageId, person: &str, emoji: &str) {
        if let Some(guild) = &self.guild {
            guild.react(message, person, emoji, true);
            return;
        }
        let action = CardAction::of_emoji(emoji);
        let (event, _) = self.terminal.react(message, &person.into(), action, true).unwrap();
        if self.process.is_some() {
            self.raise_only(event).await;
        }
    }

    pub async fn react_on(&mut self, message: &MessageId, person: &str, emoji: &str, on: bool) {
        if let Some(guild) = &self.guild {
            self.since = guild::moment();
            let mark = guild.mark_reactions(message);
            if !guild.react(message, person, emoji, on) {
                return;
            }
            let read = || guild.reactions_read(message, mark);
            return self.until("the bot reads the reactions", read).await;
        }
        let action = CardAction::of_emoji(emoji);
        let person = PersonId::from(person);
        let (event, since) = self.terminal.react(message, &person, action, on).unwrap();
        self.since = since;
        self.raise(event).await;
    }

    /// Until nothing runs and nothing is queued.
    pub async fn wait(&self) {
        let mut calm = 0;
        self.until("it is calm", || {
            calm = if self.is_calm() { calm + 1 } else { 0 };
            calm > 2
        })
        .await;
    }

    /// Until this holds; the bot's words are told where it never does.
    pub async fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let began = Instant::now();
        while !holds() {
            assert!(began.elapsed() < LONG, "never: {what}\n{}", self.everything());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Until some service's canary has been stopped.
    pub async fn until_a_canary(&self) {
        self.until("a canary has been stopped", || !self.told_to_stop().is_empty()).await;
    }

    /// Until the bot has looked at tasks so many times more.
    pub async fn pass_looks(&self, looks: usize) {
        let before = self.sandbox.count_calls("DescribeTasks");
        let passed = || self.sandbox.count_calls("DescribeTasks") >= before + looks;
        self.until("the bot looks again", passed).await;
    }

    /// Until the bot says this somewhere.
    pub async fn until_said(&self, text: &str) {
        self.until(&format!("somebody reads `{text}`"), || self.everything().contains(text)).await;
    }

    pub fn set_clock(&self, time: &str) {
        let time: Timestamp = time.parse().unwrap();
        self.clock.set(time);
    }

    /// A look into the journal by somebody else.
    pub async fn journal(&self) -> SqliteStore {
        SqliteStore::open(self.settings.database.url.reveal()).await.unwrap()
    }

    pub async fn deployment(&self, id: i64) -> Deployment {
        let journal = self.journal().await;
        let found = journal.deployment(DeploymentId(id)).await.unwrap();
        journal.close().await;
        found.unwrap_or_else(|| panic!("there is no deployment {id}"))
    }

    /// The code of a deployment's stage or end.
    pub async fn stage(&self, id: i64) -> String {
        self.deployment(id).await.stage_name().to_owned()
    }

    /// How many deployments there have been.
    pub async fn count_deployments(&self) -> usize {
        let journal = self.journal().await;
        let history = journal.history(None, 1000).await.unwrap();
        journal.close().await;
        history.len()
    }

    /// The messages that the bot has posted, oldest first; what stands beside a card is left out,
    /// for the terminal has no such place.
    pub fn all_messages(&self) -> Vec<Message> {
        let Some(guild) = &self.guild else { return self.terminal.messages() };
        let mut messages = guild.messages(&self.chat.posted());
        messages.retain(|message| !matches!(message.place, Place::Thread { .. }));
        messages
    }

    /// The messages that the bot posted or edited since the last line of a person.
    pub fn messages(&self) -> Vec<Message> {
        let mut messages = self.all_messages();
        messages.retain(|message| message.touched > self.since);
        messages
    }

    /// What they say, without what differs from run to run.
    pub fn text(&self) -> String {
        said_by(&self.messages())
    }

    /// All that the bot shows now.
    pub fn everything(&self) -> String {
        said_by(&self.all_messages())
    }

    /// The card of a deployment: the only message in the channel that tells of it and is not a
    /// reply. Closed cards of earlier plans do not count.
    pub fn card(&self, id: i64) -> Message {
        let begins = format!("#{id} ");
        let messages = self.all_messages().into_iter();
        let cards = messages.filter(|message| message.key.starts_with("card-"));
        let cards: Vec<Message> = cards
            .filter(|message| message.card.title.starts_with(&begins))
            .filter(|message| !message.card.title.ends_with("the plan changed"))
            .collect();
        let [card] = cards.as_slice() else {
            panic!("{} cards tell of #{id}:\n{}", cards.len(), self.everything());
        };
        card.clone()
    }

    pub fn card_text(&self, id: i64) -> String {
        said_by(&[self.card(id)])
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // A runtime must not be waited for where others are waited for.
        if let Some(process) = self.process.take() {
            process.runtime.shutdown_background();
        }
    }
}

/// What a future gives, if it does so in time.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, future).await.unwrap_or_else(|_| panic!("never: {what}"))
}
