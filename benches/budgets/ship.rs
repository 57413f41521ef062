//! A whole Shipmate against a simulated AWS, with a stopwatch between it and its chat.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use async_trait::async_trait;
use jiff::Timestamp;
use shipmate::app::{Surroundings, assemble, spawn};
use shipmate::aws::Endpoint;
use shipmate::chat::terminal::Terminal;
use shipmate::clock::OffsetClock;
use shipmate::domain::card::{Card, CardAction, Tone};
use shipmate::domain::id::{ChannelId, MessageId, PersonId, Role};
use shipmate::engine::{Engine, Manners, Rhythm};
use shipmate::ports::{Chat, ChatError, ChatEvent, Place, Raised, Reaction};
use shipmate::sandbox::{
    ContainerSpec, ImageSpec, LaunchType, Options, RepositorySpec, Sandbox, ServiceSpec, Times,
    World,
};
use shipmate::settings::Settings;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// The people that the shipped policies are about.
const ROLES: &str = r#"
[database]
url = "sqlite://journal.db"

[roles]
developer = { people = ["alice"] }
release-manager = { people = ["bob", "carol"] }
on-call = { people = ["dave"] }
"#;

/// What a Shipmate is made for.
pub struct Berth {
    pub settings: Settings,
    pub endpoint: Endpoint,
    pub rhythm: Rhythm,
    pub medium: Medium,
}

/// Where the journal is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// Where temporary files are, each event synchronised to it.
    Disk,
    /// A file system in memory: what is left of a time when the disk is taken out of it.
    Memory,
}

impl Medium {
    pub const ALL: [Self; 2] = [Self::Disk, Self::Memory];

    pub fn name(self) -> &'static str {
        match self {
            Self::Disk => "journal on disk",
            Self::Memory => "journal in memory",
        }
    }

    pub fn directory(self) -> std::io::Result<tempfile::TempDir> {
        match self {
            Self::Disk => tempfile::tempdir(),
            Self::Memory => tempfile::tempdir_in("/dev/shm"),
        }
    }
}

/// A card on its way to the chat.
pub struct Told {
    pub at: Instant,
    pub place: Place,
    pub card: Card,
}

/// A running Shipmate.
pub struct Ship {
    pub engine: Engine,
    pub terminal: Terminal,
    pub clock: Arc<OffsetClock>,
    events: mpsc::Sender<Raised>,
    told: mpsc::UnboundedReceiver<Told>,
    directory: tempfile::TempDir,
    running: JoinHandle<anyhow::Result<()>>,
}

impl Ship {
    pub async fn launch(berth: Berth) -> anyhow::Result<Self> {
        let Berth { mut settings, endpoint, rhythm, medium } = berth;
        let directory = medium.directory()?;
        settings.keep_journal_in(&directory.path().join("journal.db"));
        let clock = Arc::new(OffsetClock::default());
        // A Tuesday morning, when the shipped policies let people work.
        clock.set("2026-11-24T09:00:00Z".parse::<Timestamp>()?);
        let people = settings.people.clone();
        let terminal = Terminal::new("bench".into(), "bench", people, []);
        let (sender, told) = mpsc::unbounded_channel();
        let chat = Stopwatch { terminal: terminal.clone(), told: sender };
        let around = Surroundings {
            endpoint,
            chat: Arc::new(chat),
            clock: clock.clone(),
            rhythm,
            manners: Manners::default(),
        };
        let engine = assemble(&settings, around).await?;
        let (events, receiver) = mpsc::channel(64);
        let running = spawn(&engine, receiver);
        Ok(Self { engine, terminal, clock, events, told, directory, running })
    }

    /// Where the journal is.
    pub fn journal(&self) -> PathBuf {
        self.directory.path().join("journal.db")
    }

    /// Stops it, and leaves its journal.
    pub async fn strand(self) -> tempfile::TempDir {
        let Self { events, running, directory, engine, .. } = self;
        drop(events);
        // Its end of the channel is gone, so it ends.
        let _ended = running.await;
        drop(engine);
        directory
    }

    /// Raises an event and waits until it is handled; says when it was raised.
    pub async fn raise(&mut self, event: ChatEvent) -> anyhow::Result<Instant> {
        while self.told.try_recv().is_ok() {}
        let (handled, done) = oneshot::channel();
        let at = Instant::now();
        self.events.send(Raised { event, handled }).await.ok().context("nobody listens")?;
        done.await?;
        Ok(at)
    }

    /// Somebody says something; the time until the first card about it is on its way.
    pub async fn reply_time(&mut self, person: &str, text: &str) -> anyhow::Result<Duration> {
        let (event, _) = self.terminal.say(&PersonId::from(person), text);
        let raised = self.raise(event).await?;
        let told = self.told.try_recv().with_context(|| format!("no reply to `{text}`"))?;
        Ok(told.at.duration_since(raised))
    }

    pub async fn react(&mut self, person: &str) -> anyhow::Result<Instant> {
        let person = PersonId::from(person);
        let message = self.terminal.awaiting(&person)?;
        let (event, _) = self.terminal.react(&message, &person, Some(CardAction::Approve), true)?;
        self.raise(event).await
    }

    pub async fn say(&mut self, person: &str, text: &str) -> anyhow::Result<Instant> {
        let (event, _) = self.terminal.say(&PersonId::from(person), text);
        self.raise(event).await
    }

    /// Waits for the reply that tells the end of a deployment, which must be a good one.
    pub async fn end(&mut self, within: Duration) -> anyhow::Result<Instant> {
        let told = self.ending(within).await?;
        anyhow::ensure!(told.card.tone == Tone::Good, "it ended: {}", told.card.title);
        Ok(told.at)
    }

    /// The reply that tells the end of a deployment, whatever it is.
    pub async fn ending(&mut self, within: Duration) -> anyhow::Result<Told> {
        let ending = async {
            loop {
                let told = self.told.recv().await.context("the chat is gone")?;
                if let Place::Reply { ping: true, .. } = told.place {
                    return Ok(told);
                }
                anyhow::ensure!(told.card.tone != Tone::Bad, "refused: {:?}", told.card);
            }
        };
        tokio::time::timeout(within, ending).await.context("it did not end")?
    }
}

/// The terminal, with the time at which each card comes by.
struct Stopwatch {
    terminal: Terminal,
    told: mpsc::UnboundedSender<Told>,
}

#[async_trait]
impl Chat for Stopwatch {
    async fn post(&self, place: &Place, card: &Card, key: &str) -> Result<MessageId, ChatError> {
        let told = Told { at: Instant::now(), place: place.clone(), card: card.clone() };
        // Who measures may have stopped listening.
        let _heard = self.told.send(told);
        self.terminal.post(place, card, key).await
    }

    async fn edit(&self, message: &MessageId, card: &Card) -> Result<(), ChatError> {
        self.terminal.edit(message, card).await
    }

    async fn offer(&self, message: &MessageId, actions: &[CardAction]) -> Result<(), ChatError> {
        self.terminal.offer(message, actions).await
    }

    async fn take_off(&self, message: &MessageId, reaction: &Reaction) -> Result<(), ChatError> {
        self.terminal.take_off(message, reaction).await
    }

    async fn reactions(&self, message: &MessageId) -> Result<BTreeSet<Reaction>, ChatError> {
        self.terminal.reactions(message).await
    }

    async fn roles(&self, person: &PersonId) -> Result<BTreeSet<Role>, ChatError> {
        self.terminal.roles(person).await
    }

    async fn holders(&self, roles: &BTreeSet<Role>) -> Result<BTreeSet<PersonId>, ChatError> {
        self.terminal.holders(roles).await
    }

    fn name_of(&self, person: &PersonId) -> Option<String> {
        self.terminal.name_of(person)
    }

    async fn channels_named(&self, name: &str) -> Result<Vec<ChannelId>, ChatError> {
        self.terminal.channels_named(name).await
    }
}

/// The settings of the project's own example.
pub fn shipped_settings() -> anyhow::Result<Settings> {
    Ok(Settings::parse("shipmate.toml", include_str!("../../shipmate.toml"), Vec::new())?)
}

/// Settings with one environment, staging, and these services of the repository `app`.
pub fn settings(services: &[String]) -> anyhow::Result<Settings> {
    let mut text = ROLES.to_owned();
    text.push_str(
        "[environments.staging]\nregion = \"eu-west-1\"\ncluster = \"staging\"\ntag = \"staging-latest\"\n",
    );
    for service in services {
        text.push_str(&format!(
            "[services.{service}]\nrepository = \"app\"\ncontainer = \"app\"\nenvironments = [\"staging\"]\n"
        ));
    }
    Ok(Settings::parse("bench.toml", &text, Vec::new())?)
}

/// The repository `app`, whose version 1 runs on staging and whose version 2 is there to go to.
pub fn app() -> RepositorySpec {
    RepositorySpec::new("app")
        .image(ImageSpec::new("1").tag("staging-latest"))
        .image(ImageSpec::new("2"))
}

/// How a service is restarted in what is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Its tasks are stopped, half of them at once at most.
    Stop,
    /// ECS's own rolling deployment, all new tasks at once.
    Deployment,
}

/// A world with one service, `api`, of this many tasks.
pub fn one_service(way: Way, tasks: u32) -> World {
    let container = ContainerSpec::new("app", "app:staging-latest");
    let service = match way {
        Way::Stop => {
            ServiceSpec::new("staging", "api", tasks, container.unpinned()).percent(50, 200)
        }
        Way::Deployment => ServiceSpec::new("staging", "api", tasks, container),
    };
    World::new().repository(app()).service(service.launch_type(LaunchType::Ec2))
}

pub async fn sandbox(world: World, times: Times) -> anyhow::Result<Sandbox> {
    Ok(Sandbox::start(world, Options { times, ..Options::default() }).await?)
}

/// Everything takes next to no time.
pub fn at_once() -> Times {
    let moment = Duration::from_millis(2);
    Times {
        provisioning: moment,
        pulling: moment,
        activating: moment,
        healthy_after: moment,
        deactivating: moment,
        stopping: moment,
        deprovisioning: moment,
        scheduler_tick: moment,
        jitter: 0.0,
        ..Times::fast()
    }
}

/// To go with [`at_once`].
pub fn hurried() -> Rhythm {
    Rhythm { shortest: Duration::from_millis(2), longest: Duration::from_millis(10) }
}
