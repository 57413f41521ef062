//! Where decisions meet the world: a message in, effects and cards out. Knows no chat,
//! database or simulator by name; decides nothing that `domain` or `policy` can decide.

mod announcements;
mod answer;
mod checks;
mod course;
mod decisions;
mod freezes;
mod gate;
mod inbox;
mod judge;
mod last_lines;
mod locks;
mod news;
mod observe;
mod obstacles;
mod problem;
mod reconciliation;
mod reporter;
mod reservations;
mod runner;
mod scheduler;
mod suggest;
mod tags;
mod votes;
mod watcher;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};

use self::observe::Looked;
use self::reporter::CardSlot;
use crate::aws::Aws;
use crate::domain::channel::Channels;
use crate::domain::environment::Environments;
use crate::domain::freeze::Standing;
use crate::domain::id::{DeploymentId, EnvironmentName, Repository, Tag};
use crate::domain::schedule::Schedule;
use crate::grammar::{Completion, Grammar, Vocabulary};
use crate::policy::Policies;
use crate::ports::{Chat, Clock, Raised, Store};
use crate::probe::Probe;
use crate::report::Templates;

/// What an engine is made of.
pub struct Parts {
    pub environments: Environments,
    pub grammar: Grammar,
    pub policies: Policies,
    pub aws: Aws,
    pub probe: Probe,
    pub store: Arc<dyn Store>,
    pub chat: Arc<dyn Chat>,
    pub clock: Arc<dyn Clock>,
    pub rhythm: Rhythm,
    pub manners: Manners,
    /// Those of the settings.
    pub schedules: Vec<Schedule>,
    pub templates: Templates,
}

/// Where it speaks, and when it speaks up.
#[derive(Clone, Debug, Default)]
pub struct Manners {
    pub channels: Channels,
    /// After how long those who can unblock a deployment are told directly that it waits for
    /// them; never where nothing is set.
    pub nudge_after: Option<Duration>,
    /// After how long the holder of a lock is asked directly whether it is still needed, and
    /// asked again; never where nothing is set.
    pub ask_about_locks_after: Option<Duration>,
}

/// How often a running deployment is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rhythm {
    /// While something is expected.
    pub shortest: Duration,
    /// While nothing changes.
    pub longest: Duration,
}

impl Default for Rhythm {
    fn default() -> Self {
        Self { shortest: Duration::from_secs(1), longest: Duration::from_secs(5) }
    }
}

/// The engine. Cloning gives another handle to the same one.
#[derive(Clone)]
pub struct Engine {
    parts: Arc<Parts>,
    shared: Arc<Shared>,
}

/// What the engine remembers between events. All of it may be lost: the journal is enough.
#[derive(Default)]
struct Shared {
    /// How many pieces of work are under way: running and queued deployments.
    busy: AtomicUsize,
    /// Deployments whose runner lives in this process.
    running: Mutex<std::collections::HashSet<DeploymentId>>,
    /// One at a time decides about the turn of an environment.
    turns: Mutex<HashMap<EnvironmentName, Arc<tokio::sync::Mutex<()>>>>,
    /// Environments whose queue somebody goes on trying.
    retrying: Mutex<std::collections::HashSet<EnvironmentName>>,
    /// One at a time decides about a deployment's votes.
    ballots: Mutex<HashMap<DeploymentId, Arc<tokio::sync::Mutex<()>>>>,
    /// What each open deployment's card should show, and who draws it.
    cards: Mutex<HashMap<DeploymentId, CardSlot>>,
    /// Those whose card could not be brought up to date.
    stale: Mutex<std::collections::HashSet<DeploymentId>>,
    /// Those whose reactions could not be read.
    uncounted: Mutex<std::collections::HashSet<DeploymentId>>,
    /// Held by whoever tells the ends that could not be told before.
    telling: Arc<tokio::sync::Mutex<()>>,
    /// Held by whoever tells the decisions that are news.
    telling_decisions: Arc<tokio::sync::Mutex<()>>,
    /// What closed or opened environments when that was last looked at.
    standing: Mutex<HashMap<EnvironmentName, Standing>>,
    /// When the details of a deployment were last told.
    narrated: Mutex<HashMap<DeploymentId, jiff::Timestamp>>,
    /// Those whose voters were told that they wait.
    nudged: Mutex<std::collections::HashSet<DeploymentId>>,
    /// What a plan was made from, for as long as that is news.
    fresh: Mutex<HashMap<DeploymentId, Looked>>,
    /// Deployments that people may name: for completion.
    open: Mutex<std::collections::BTreeSet<DeploymentId>>,
    /// Tags that were seen last, for suggestions and completion.
    tags: Mutex<BTreeMap<Repository, Vec<Tag>>>,
    /// The names of what is banned, for suggestions.
    banned: Mutex<Vec<String>>,
    /// How old these are, and whether they are being read.
    refresh: suggest::Refresh,
    /// Who is woken when there is news of an environment: whoever runs a deployment there.
    wakes: Mutex<HashMap<EnvironmentName, Arc<Notify>>>,
    /// What is to be announced, and when.
    announcements: announcements::Remembered,
    /// Who is told when an environment's line may have moved: those who stand in it.
    lines: Mutex<HashMap<EnvironmentName, watch::Sender<()>>>,
    /// Something may expire earlier than the scheduler thinks.
    reschedule: Notify,
    /// When the scheduler looks next; nothing while it looks.
    due: Mutex<Option<jiff::Timestamp>>,
}

impl Engine {
    pub fn new(parts: Parts) -> Self {
        Self { parts: Arc::new(parts), shared: Arc::new(Shared::default()) }
    }

    /// Takes up what an earlier process left, then handles events until the chat's end of
    /// `events` is gone.
    ///
    /// # Errors
    /// The journal cannot be read at the start.
    pub async fn run(&self, events: mpsc::Receiver<Raised>) -> anyhow::Result<()> {
        self.resume().await?;
        let scheduler = tokio::spawn(self.clone().attend_forever());
        let announcing = tokio::spawn(self.clone().announce_forever());
        self.handle_all(events).await;
        scheduler.abort();
        announcing.abort();
        Ok(())
    }

    /// Whether any deployment runs or is queued, or is about to be: what is due by the clock
    /// counts, though the scheduler may not have woken up yet.
    pub fn is_busy(&self) -> bool {
        let due = lock(&self.shared.due).is_some_and(|due| due <= self.parts.clock.now());
        due || self.shared.busy.load(Ordering::SeqCst) > 0
    }

    /// The names that a line of chat may mean now.
    pub fn vocabulary(&self) -> Vocabulary {
        let environments = &self.parts.environments;
        let services = environments.iter().flat_map(|environment| environment.services.iter());
        let services: std::collections::BTreeSet<_> =
            services.map(|service| service.name.clone()).collect();
        Vocabulary {
            environments: environments.iter().map(|one| one.name.clone()).collect(),
            repositories: environments.repositories().into_iter().collect(),
            services: services.into_iter().collect(),
            tags: lock(&self.shared.tags).clone(),
            banned: lock(&self.shared.banned).clone(),
            deployments: lock(&self.shared.open).iter().rev().copied().collect(),
        }
    }

    /// What can follow a line that somebody is typing.
    pub fn complete(&self, line: &str) -> Vec<Completion> {
        self.parts.grammar.complete(line, &self.vocabulary())
    }

    fn begin_work(&self) -> Work {
        self.shared.busy.fetch_add(1, Ordering::SeqCst);
        Work(Arc::clone(&self.shared))
    }
}

/// Counts as work under way for as long as it lives.
struct Work(Arc<Shared>);

impl Drop for Work {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Locks a map whose holders never panic half way: each only inserts, removes or clones.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
