//! Puts everything together: the only module that knows every adapter.

mod announcements;
mod check;
mod demo;
mod files;
mod online;
mod reserve;
mod run;

use std::sync::Arc;

use anyhow::Context;
use tokio::sync::mpsc;

pub use self::check::check;
pub use self::demo::{Demo, DemoError, demo};
pub use self::online::check_online;
pub use self::reserve::{Reserve, reserve};
pub use self::run::{Pieces, Running, run, tls, wire};
use crate::aws::{Aws, Endpoint};
use crate::domain::environment::Environments;
use crate::engine::{Engine, Manners, Parts, Rhythm};
use crate::grammar::Grammar;
use crate::policy::Policies;
use crate::ports::{Chat, Clock, Raised, Store};
use crate::probe::Probe;
use crate::report::Templates;
use crate::sandbox::{Options, Sandbox, Times, demo_world};
use crate::settings::Settings;
use crate::store::SqliteStore;

/// What differs from one way of running Shipmate to another.
pub struct Surroundings {
    pub endpoint: Endpoint,
    pub chat: Arc<dyn Chat>,
    pub clock: Arc<dyn Clock>,
    pub rhythm: Rhythm,
    pub manners: Manners,
}

/// Makes an engine out of settings. Nothing runs yet: see [`Engine::run`].
///
/// # Errors
/// Commands or policies that cannot be loaded, or a journal that cannot be opened.
pub async fn assemble(settings: &Settings, around: Surroundings) -> anyhow::Result<Engine> {
    let store = SqliteStore::open(settings.database.url.reveal()).await?;
    assemble_on(Arc::new(store), settings, around).await
}

/// The same on a journal that is open already.
///
/// # Errors
/// Commands or policies that cannot be loaded.
pub async fn assemble_on(
    store: Arc<dyn Store>,
    settings: &Settings,
    around: Surroundings,
) -> anyhow::Result<Engine> {
    let (grammar, policies) = rules(settings)?;
    let Surroundings { endpoint, chat, clock, rhythm, manners } = around;
    let environments: Environments = settings.environments.clone();
    let schedules = announcements::schedules(&settings.schedules)?;
    let aws = Aws::connect(&environments, &endpoint, settings.share).await;
    let probe = match &endpoint {
        Endpoint::Ambient => Probe::default(),
        // What belongs to a simulated AWS is on this machine.
        Endpoint::Simulated { .. } => Probe::direct(),
    };
    Ok(Engine::new(Parts {
        environments,
        grammar,
        policies,
        aws,
        probe,
        store,
        chat,
        clock,
        rhythm,
        manners,
        schedules,
        templates: Templates::default(),
    }))
}

/// The commands and policies that the settings ask for.
fn rules(settings: &Settings) -> anyhow::Result<(Grammar, Policies)> {
    let commands = files::commands(settings.commands.as_ref())?;
    let sources = files::policies(settings.policies.as_ref())?;
    let grammar = Grammar::load(commands)?;
    let policies = Policies::of(&sources)?;
    Ok((grammar, policies))
}

/// Runs an engine until its chat is gone.
pub fn spawn(
    engine: &Engine,
    events: mpsc::Receiver<Raised>,
) -> tokio::task::JoinHandle<anyhow::Result<()>> {
    let engine = engine.clone();
    tokio::spawn(async move { engine.run(events).await })
}

/// Serves the simulated AWS alone until it is interrupted. 0 picks a free port.
///
/// # Errors
/// The port cannot be had.
#[expect(clippy::print_stdout, reason = "where the sandbox answers is what the command says")]
pub async fn sandbox(port: u16, fast: bool) -> anyhow::Result<()> {
    let times = if fast { Times::fast() } else { Times::realistic() };
    let options = Options { port, times, ..Options::default() };
    let sandbox = Sandbox::start(demo_world(), options)
        .await
        .with_context(|| format!("port {port} cannot be had"))?;
    let url = sandbox.url();
    println!("A simulated AWS answers at {url}");
    println!("  export AWS_ENDPOINT_URL={url} AWS_REGION=eu-west-1");
    println!("  export AWS_ACCESS_KEY_ID=simulated AWS_SECRET_ACCESS_KEY=simulated");
    println!("  its calls: {url}/_sandbox/calls; its world: {url}/_sandbox/world");
    println!("Ctrl-C stops it.");
    tokio::signal::ctrl_c().await?;
    sandbox.stop().await;
    Ok(())
}

/// Shipmate's environment variables as the settings take them. What is not Unicode cannot be
/// meant for it.
pub fn variables() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
