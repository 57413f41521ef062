//! The whole bot as `shipmate run` starts it, on a fake Discord and a simulated AWS, with the
//! settings that the documentation shows. People write, press and react; what they then see is
//! looked at.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use shipmate::app::{Pieces, Running};
use shipmate::aws::Endpoint;
use shipmate::chat::discord::Wire;
use shipmate::clock::OffsetClock;
use shipmate::domain::deployment::Deployment;
use shipmate::domain::id::DeploymentId;
use shipmate::engine::Rhythm;
use shipmate::ports::{Clock as _, Store};
use shipmate::sandbox::{Mishap, Options, Times, World, demo_world};
use shipmate::settings::Settings;
use shipmate::store::SqliteStore;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::fake::{Clock, FakeDiscord, InteractionHandle, StoredMessage, World as Guild};
use crate::world::guild::{Way, wire};
use crate::world::iam::Policed;
use crate::world::{LONG, START};

/// A developer.
pub const ALICE: u64 = 4001;
/// Release managers.
pub const BOB: u64 = 4002;
pub const CAROL: u64 = 4003;
pub const FRANK: u64 = 4004;
/// On call.
pub const DAVE: u64 = 4005;
/// Nobody in particular.
pub const EVE: u64 = 4006;

/// For both environments, and for announcements.
pub const OPS: u64 = 2000;
/// For staging only.
pub const STAGING: u64 = 2001;

pub const RELEASE_MANAGER: u64 = 3002;

const TOKEN: &str = "MTAw.fake.token";

/// What the documentation tells a team to write, but for the token, which tests do not keep in
/// a file, and for what would differ from machine to machine.
pub fn settings() -> String {
    let shown = include_str!("../../docs/discord.toml");
    let changes = [
        ("token-file = \"/run/secrets/discord-token\"\n", ""),
        (", people = [\"4001\"]", ""),
        ("listen = \"127.0.0.1:8080\"", "listen = \"127.0.0.1:0\""),
    ];
    changes.into_iter().fold(shown.to_owned(), |text, (from, to)| replaced(&text, from, to))
}

pub fn replaced(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from} does not stand in\n{text}");
    text.replace(from, to)
}

/// What a bot is started with.
pub struct Setup {
    pub settings: String,
    pub token: String,
    pub aws: World,
    pub times: Times,
    pub guild: Guild,
    pub way: Way,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            settings: settings(),
            token: TOKEN.to_owned(),
            aws: demo_world(),
            times: Times::fast(),
            guild: Guild::shipmate().unlimited(),
            way: Way::Plain,
        }
    }
}

impl Setup {
    /// With something else in the settings.
    pub fn setting(mut self, from: &str, to: &str) -> Self {
        self.settings = replaced(&self.settings, from, to);
        self
    }

    /// With something else in the guild.
    pub fn guild(mut self, change: impl FnOnce(Guild) -> Guild) -> Self {
        self.guild = change(self.guild);
        self
    }

    /// Starts everything, and waits until Discord knows the commands.
    pub async fn start(self) -> Bot {
        let bot = self.launch().await;
        bot.until("it is ready", |fake| {
            fake.ready_connections() > 0 && !fake.commands().is_empty()
        })
        .await;
        bot
    }

    /// Starts everything, and waits for nothing.
    pub async fn launch(self) -> Bot {
        let mut bot = self.prepare().await;
        bot.begin().await;
        bot
    }

    /// Starts all but the bot itself.
    pub async fn prepare(mut self) -> Bot {
        let directory = tempfile::tempdir().unwrap();
        let variables = vec![("SHIPMATE__CHAT__DISCORD__TOKEN".to_owned(), self.token)];
        let mut settings = Settings::parse("discord.toml", &self.settings, variables).unwrap();
        settings.keep_journal_in(&directory.path().join("journal.db"));
        settings.set_tempo(Duration::from_millis(60), Duration::from_secs(20));
        let clock = Arc::new(OffsetClock::default());
        clock.set(START.parse().unwrap());
        let (wall, stamps) = (Arc::clone(&clock), Arc::clone(&clock));
        let options =
            Options { port: 0, clock: Arc::new(move || wall.system_time()), times: self.times };
        let sandbox = Policed::start(self.aws, options, &settings).await;
        self.guild.clock = Some(Clock(Arc::new(move || stamps.system_time())));
        let fake = FakeDiscord::start(self.guild).await;
        let journal = SqliteStore::open(settings.database.url.reveal()).await.unwrap();
        Bot {
            wire: wire(&fake, self.way),
            fake,
            sandbox,
            clock,
            settings,
            journal,
            process: None,
            _directory: directory,
        }
    }
}

/// A bot that runs, and the world around it.
pub struct Bot {
    pub fake: FakeDiscord,
    pub sandbox: Policed,
    pub clock: Arc<OffsetClock>,
    pub settings: Settings,
    pub journal: SqliteStore,
    pub wire: Wire,
    process: Option<Process>,
    /// Where the journal is, for as long as the bot is.
    _directory: TempDir,
}

/// The bot itself, and the runtime that dies with it.
struct Process {
    running: Running,
    runtime: Runtime,
}

impl Bot {
    /// With the settings that the documentation shows.
    pub async fn start() -> Self {
        Setup::default().start().await
    }

    /// Starts the bot itself.
    pub async fn begin(&mut self) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (settings, wire) = (self.settings.clone(), self.wire.clone());
        let (clock, endpoint) =
            (self.clock.clone(), Endpoint::Simulated { url: self.sandbox.url() });
        let starting = runtime.spawn(async move {
            let store = Arc::new(SqliteStore::open(settings.database.url.reveal()).await.unwrap());
            let pieces = Pieces {
                memory: store.clone(),
                store,
                clock,
                endpoint,
                rhythm: Rhythm {
                    shortest: Duration::from_millis(30),
                    longest: Duration::from_millis(100),
                },
            };
            Box::pin(Running::start_with(&settings, wire, pieces)).await.unwrap()
        });
        let running = starting.await.unwrap();
        self.process = Some(Process { running, runtime });
    }

    /// The process dies, and another one is started on the same journal.
    pub async fn restart(&mut self) {
        self.kill().await;
        let identified = self.fake.identifies();
        self.begin().await;
        self.until("it is there again", |fake| {
            fake.identifies() > identified && fake.ready_connections() > 0
        })
        .await;
    }

    pub async fn kill(&mut self) {
        let Process { running, runtime } = self.process.take().expect("it runs");
        // That blocks until nothing runs there any more, so that it takes a thread of its own.
        let dead = tokio::task::spawn_blocking(move || {
            drop(running);
            runtime.shutdown_timeout(LONG);
        });
        dead.await.unwrap();
    }

    /// Waits until it ends by itself; why it did.
    pub async fn end(&mut self) -> anyhow::Error {
        let Process { running, runtime } = self.process.take().expect("it runs");
        let ending = runtime.spawn(running.until_it_ends());
        let ended = tokio::time::timeout(LONG, ending).await.expect("it ends").unwrap();
        runtime.shutdown_background();
        ended.expect_err("it cannot run like this")
    }

    pub fn running(&self) -> &Running {
        &self.process.as_ref().expect("it runs").running
    }

    /// Until this holds of what Discord has; all that the bot said is told where it never does.
    pub async fn until(&self, what: &str, holds: impl Fn(&FakeDiscord) -> bool) {
        let held = self.fake.wait_until(holds, LONG).await;
        assert!(held, "never: {what}\n{}\n{}", self.said(OPS), self.said(STAGING));
    }

    /// Somebody writes to the bot in a channel.
    pub fn says(&self, user: u64, channel: u64, text: &str) -> u64 {
        self.fake.say(user, channel, &format!("<@{}> {text}", self.fake.bot()))
    }

    /// What the bot replied to a message, once it did.
    pub async fn reply_to(&self, channel: u64, message: u64) -> StoredMessage {
        let reply = |fake: &FakeDiscord| {
            let all = fake.messages_of_bot(channel).into_iter();
            all.into_iter().find(|reply| reply.reference == Some(message))
        };
        self.until("there is a reply", |fake| reply(fake).is_some()).await;
        reply(&self.fake).unwrap()
    }

    /// Somebody writes to the bot, and it replies.
    pub async fn asks(&self, user: u64, channel: u64, text: &str) -> StoredMessage {
        let message = self.says(user, channel, text);
        self.reply_to(channel, message).await
    }

    /// Everything that the bot shows in a channel.
    pub fn said(&self, channel: u64) -> String {
        self.fake.messages_of_bot(channel).iter().map(shown).collect::<Vec<_>>().join("\n")
    }

    /// The newest card of a deployment, if it stands.
    pub fn find_card(&self, id: i64) -> Option<StoredMessage> {
        find_card(&self.fake, id)
    }

    /// The card of a deployment that waits for votes.
    pub async fn waiting(&self, id: i64) -> StoredMessage {
        let waits = |card: &StoredMessage| {
            shown(card).contains("waiting for votes") && !card.components.is_empty()
        };
        self.until("a plan waits", |fake| find_card(fake, id).as_ref().is_some_and(waits)).await;
        let card = self.find_card(id).unwrap();
        let message = format!("{}/{}", card.channel, card.id).as_str().into();
        // A button that is pressed before the bot knows where its card stands says so.
        while self.journal.by_message(&message).await.unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        card
    }

    /// The card of a deployment once it says this.
    pub async fn card_says(&self, id: i64, text: &str) -> StoredMessage {
        let says = |card: &StoredMessage| shown(card).contains(text);
        let what = format!("the card of #{id} says `{text}`");
        self.until(&what, |fake| find_card(fake, id).as_ref().is_some_and(says)).await;
        self.find_card(id).unwrap()
    }

    /// What the bot told somebody directly, once it says this.
    pub async fn told_directly(&self, user: u64, text: &str) -> StoredMessage {
        let find = |fake: &FakeDiscord| {
            let all = fake.messages_of_bot(fake.direct_channel(user)?);
            all.into_iter().find(|message| shown(message).contains(text))
        };
        self.until(&format!("{user} reads `{text}`"), |fake| find(fake).is_some()).await;
        find(&self.fake).unwrap()
    }

    /// What is shown for an interaction, once it is an answer that says this.
    pub async fn answers(&self, asked: &InteractionHandle, text: &str) -> String {
        let says = || answer(asked).contains(text);
        self.until(&format!("an answer says `{text}`"), |_| says()).await;
        answer(asked)
    }

    /// Staging runs this image by somebody else's hands: policies take it for verified there.
    pub async fn verified_on_staging(&self, repository: &str, version: &str) {
        let digest = self.sandbox.put_tag(repository, "staging-latest", version).unwrap();
        for task in self.sandbox.tasks("staging", "rest-api") {
            self.sandbox.befall(&task.id, Mishap::Rebalanced);
        }
        let runs =
            self.sandbox.wait_for("staging", "rest-api", LONG, |view| view.runs("app", &digest));
        assert!(runs.await, "rest-api never ran {repository}:{version}");
    }

    /// #1, core:1.5.0 to production, asked for by alice, waits for two votes.
    pub async fn with_a_plan(&self) -> StoredMessage {
        self.verified_on_staging("core", "1.5.0").await;
        self.says(ALICE, OPS, "promote core:1.5.0 to production");
        self.waiting(1).await
    }

    pub async fn deployment(&self, id: i64) -> Deployment {
        self.journal
            .deployment(DeploymentId(id))
            .await
            .unwrap()
            .expect("there is such a deployment")
    }

    pub async fn stage(&self, id: i64) -> String {
        self.deployment(id).await.stage.name().to_owned()
    }

    /// Where an environment's tag points.
    pub fn stands_at(&self, environment: &str, version: &str) -> bool {
        let tag = self.sandbox.digest("core", &format!("{environment}-latest"));
        tag == self.sandbox.digest("core", version)
    }

    /// Nothing was done to AWS by the bot.
    pub fn assert_untouched(&self) {
        for operation in ["PutImage", "StopTask", "UpdateService"] {
            assert_eq!(self.sandbox.count_calls(operation), 0, "{operation}");
        }
    }

    /// Time goes by on all clocks.
    pub fn pass(&self, time: jiff::SignedDuration) {
        self.clock.set(self.clock.now().checked_add(time).unwrap());
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        // A runtime must not be waited for where others are waited for.
        if let Some(Process { running, runtime }) = self.process.take() {
            drop(running);
            runtime.shutdown_background();
        }
    }
}

pub fn find_card(fake: &FakeDiscord, id: i64) -> Option<StoredMessage> {
    let begins = format!(" #{id} ");
    let cards = [OPS, STAGING].into_iter().flat_map(|channel| fake.messages_of_bot(channel));
    let of_it = |message: &StoredMessage| {
        let title = message.embeds.first().and_then(|embed| embed["title"].as_str());
        let title = title.unwrap_or_default();
        // Replies at the end have the same title; they answer somebody.
        let reply = message.reference.is_some() || message.content.starts_with("<@4");
        title.contains(&begins) && !title.ends_with("the plan changed") && !reply
    };
    cards.filter(of_it).max_by_key(|card| card.id)
}

/// All that a message shows, footer and buttons left out.
pub fn shown(message: &StoredMessage) -> String {
    let mut text = message.content.clone();
    message.embeds.iter().for_each(|embed| text.push_str(&in_embed(embed)));
    text
}

fn in_embed(embed: &serde_json::Value) -> String {
    let mut text = String::new();
    let mut line = |value: &serde_json::Value| {
        let written = value.as_str().map(|value| writeln!(text, "{value}"));
        written.unwrap_or(Ok(())).unwrap();
    };
    line(&embed["title"]);
    line(&embed["description"]);
    for field in embed["fields"].as_array().into_iter().flatten() {
        line(&field["name"]);
        line(&field["value"]);
    }
    text
}

/// What somebody sees as the answer to what they pressed or asked; nothing while it loads.
pub fn answer(asked: &InteractionHandle) -> String {
    let messages = asked.shown().into_iter().filter(|message| message["loading"] == false);
    let text = |message: serde_json::Value| {
        let content = message["content"].as_str().unwrap_or_default().to_owned();
        let embeds = message["embeds"].as_array().into_iter().flatten().map(in_embed);
        content + &embeds.collect::<String>()
    };
    messages.map(text).collect()
}

/// Whether all that is shown for an interaction is for that person alone.
pub fn is_private(asked: &InteractionHandle) -> bool {
    let messages = asked.shown();
    !messages.is_empty() && messages.iter().all(|message| message["ephemeral"] == true)
}
