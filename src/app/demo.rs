//! `shipmate demo`: a simulated AWS, a journal in a temporary file, and a channel in the
//! terminal, in one process. Needs no account, no network and no token.

use std::io::{IsTerminal, Read};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::mpsc;

use super::{Surroundings, assemble, spawn};
use crate::aws::Endpoint;
use crate::chat::terminal::{self, Backstage, Candidate, Session, Style, Terminal, Transcript};
use crate::clock::OffsetClock;
use crate::domain::channel::Channels;
use crate::domain::id::PersonId;
use crate::engine::{Engine, Manners, Rhythm};
use crate::ports::Raised;
use crate::sandbox::{Options, Sandbox, Times, demo_world};
use crate::settings::Settings;

/// The settings that the demo runs with where none are given: those that ship as an example.
const SETTINGS: &str = include_str!("../../shipmate.toml");

/// The one channel that there is.
const CHANNEL: &str = "demo";

/// Someone without any role, to see what refusals look like.
const GUEST: &str = "eve";

/// How the demo is asked for.
#[derive(Clone, Debug, Default)]
pub struct Demo {
    /// Simulated times and settling are shortened.
    pub fast: bool,
    /// Another simulated AWS, on loopback, instead of a new one.
    pub aws: Option<String>,
    pub settings: Option<PathBuf>,
}

/// Why a demo does not start.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error(
        "--aws takes the address of a simulated AWS on this machine, such as http://127.0.0.1:4566; {0} is not one. The demo never talks to a real AWS."
    )]
    NotLoopback(String),
}

/// Runs the demo: a conversation where standard input is a terminal, else the script that it
/// reads there.
///
/// # Errors
/// Whatever keeps it from starting. A script that does not hold is no error but an exit code.
pub async fn demo(demo: Demo) -> anyhow::Result<ExitCode> {
    let mut settings = settings(&demo)?;
    let directory = tempfile::tempdir().context("no temporary directory can be made")?;
    settings.keep_journal_in(&directory.path().join("demo.db"));
    let clock = Arc::new(OffsetClock::default());
    let (sandbox, url) = simulated_aws(&demo, &clock).await?;
    let terminal =
        Terminal::new(CHANNEL.into(), "demo", settings.people.clone(), [PersonId::from(GUEST)]);
    let around = Surroundings {
        endpoint: Endpoint::Simulated { url },
        chat: Arc::new(terminal.clone()),
        clock: clock.clone(),
        rhythm: rhythm(demo.fast),
        manners: Manners {
            channels: Channels { announce: Some(CHANNEL.into()), ..Channels::default() },
            ask_about_locks_after: Some(settings.ask_about_locks_after),
            ..Manners::default()
        },
    };
    let engine = assemble(&settings, around).await?;
    let (events, receiver) = mpsc::channel(64);
    // A script may set the clock at once.
    engine.learn_schedules().await?;
    let running = spawn(&engine, receiver);
    engine.refresh_vocabulary().await;
    let code = if std::io::stdin().is_terminal() {
        converse(&terminal, &engine, events, &settings).await?
    } else {
        let zone = script_zone(&settings);
        let watching = engine.clone();
        let set_clock = move |time: jiff::civil::DateTime| {
            let zoned = time.to_zoned(zone.clone()).map_err(|error| error.to_string())?;
            clock.set(zoned.timestamp());
            watching.time_was_set();
            Ok(())
        };
        play(&terminal, &engine, events, Arc::new(set_clock)).await?
    };
    running.abort();
    if let Some(sandbox) = sandbox {
        sandbox.stop().await;
    }
    Ok(code)
}

fn settings(demo: &Demo) -> anyhow::Result<Settings> {
    let mut settings = match &demo.settings {
        Some(path) => Settings::read(path, super::variables())?,
        None => {
            let mut settings = Settings::parse("shipmate.toml", SETTINGS, Vec::new())?;
            // Long enough to see what settling is, short enough to watch.
            settings.set_tempo(Duration::from_secs(5), Duration::from_secs(120));
            settings
        }
    };
    let left_out = settings.check_only_on_loopback();
    if left_out > 0 {
        tracing::warn!(
            left_out,
            "the demo asks nobody but this machine: these after-checks are left out"
        );
    }
    if demo.fast {
        settings.set_tempo(Duration::from_millis(300), Duration::from_secs(10));
    }
    Ok(settings)
}

/// How often the demo looks: as fast as its simulated AWS moves.
fn rhythm(fast: bool) -> Rhythm {
    if fast {
        Rhythm { shortest: Duration::from_millis(20), longest: Duration::from_millis(100) }
    } else {
        Rhythm { shortest: Duration::from_millis(500), longest: Duration::from_secs(1) }
    }
}

async fn simulated_aws(
    demo: &Demo,
    clock: &Arc<OffsetClock>,
) -> anyhow::Result<(Option<Sandbox>, String)> {
    if let Some(url) = &demo.aws {
        return Ok((None, loopback(url)?));
    }
    let clock = Arc::clone(clock);
    let times = if demo.fast { Times::fast() } else { Times::realistic() };
    let options = Options { port: 0, clock: Arc::new(move || clock.system_time()), times };
    let sandbox =
        Sandbox::start(demo_world(), options).await.context("no simulated AWS can be started")?;
    let url = sandbox.url();
    Ok((Some(sandbox), url))
}

/// Takes an address for a simulated AWS only if it cannot be anything else.
fn loopback(url: &str) -> Result<String, DemoError> {
    let refuse = || DemoError::NotLoopback(url.to_owned());
    let address = url.strip_prefix("http://").ok_or_else(refuse)?;
    let address = address.trim_end_matches('/');
    let (host, port) = address.rsplit_once(':').ok_or_else(refuse)?;
    let _port: u16 = port.parse().map_err(|_| refuse())?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let ip: IpAddr = if host == "localhost" {
        IpAddr::from([127, 0, 0, 1])
    } else {
        host.parse().map_err(|_| refuse())?
    };
    if ip.is_loopback() { Ok(format!("http://{address}")) } else { Err(refuse()) }
}

/// A script's times are local times of the last environment in the order of promotion: the
/// one whose calendar matters.
fn script_zone(settings: &Settings) -> jiff::tz::TimeZone {
    let last = settings.environments.last();
    last.map_or(jiff::tz::TimeZone::UTC, |environment| environment.timezone.clone())
}

async fn converse(
    terminal: &Terminal,
    engine: &Engine,
    events: mpsc::Sender<Raised>,
    settings: &Settings,
) -> anyhow::Result<ExitCode> {
    let first = settings.people.0.values().flatten().next().cloned();
    let completing = engine.clone();
    let complete = move |line: &str| {
        let candidates = completing.complete(line).into_iter();
        candidates
            .map(|one| Candidate {
                replace_from: one.replace_from,
                text: one.text,
                hint: one.hint.unwrap_or_default(),
            })
            .collect()
    };
    let session = Session {
        events,
        person: first.unwrap_or_else(|| PersonId::from(GUEST)),
        complete: Arc::new(complete),
        examples: [
            "promote image core:1.5.0 to staging",
            "promote everything from staging to production",
            "status",
            "help",
        ]
        .map(str::to_owned)
        .to_vec(),
        history: history_file(),
        style: Style::of_stdout(),
    };
    terminal::chat(terminal, session).await?;
    Ok(ExitCode::SUCCESS)
}

/// Where typed lines are kept, if the user has a place for such things.
fn history_file() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".local").join("state"));
    let directory = state.or_else(home)?.join("shipmate");
    std::fs::create_dir_all(&directory).ok()?;
    Some(directory.join("demo-history"))
}

#[expect(clippy::print_stdout, reason = "the verdict ends the transcript")]
async fn play(
    terminal: &Terminal,
    engine: &Engine,
    events: mpsc::Sender<Raised>,
    set_clock: Arc<dyn Fn(jiff::civil::DateTime) -> Result<(), String> + Send + Sync>,
) -> anyhow::Result<ExitCode> {
    let mut script = String::new();
    std::io::stdin().read_to_string(&mut script).context("the script cannot be read")?;
    let watched = engine.clone();
    let backstage = Backstage {
        events,
        set_clock,
        busy: Arc::new(move || watched.is_busy()),
        handled_within: Backstage::HANDLED_WITHIN,
        calm_within: Backstage::CALM_WITHIN,
    };
    let mut transcript = Transcript::stdout(Style::of_stdout(), 78);
    let verdict = terminal::play(&script, terminal, &backstage, &mut transcript).await;
    println!("{verdict}");
    Ok(verdict.exit_code())
}

#[cfg(test)]
mod tests {
    use super::loopback;

    #[test]
    fn only_an_address_on_this_machine_is_taken_for_a_simulated_aws() {
        for good in [
            "http://127.0.0.1:4566",
            "http://localhost:80/",
            "http://[::1]:9",
            "http://127.8.9.1:1",
        ] {
            assert!(loopback(good).is_ok(), "{good}");
        }
        for bad in [
            "https://127.0.0.1:4566",
            "http://127.0.0.1",
            "http://10.0.0.1:80",
            "http://ecs.eu-west-1.amazonaws.com:80",
            "http://127.0.0.1.example.com:80",
            "http://user@127.0.0.1:80",
            "http://localhost.example.com:80",
            "127.0.0.1:80",
        ] {
            assert!(loopback(bad).is_err(), "{bad}");
        }
    }
}
