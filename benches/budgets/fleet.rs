//! Many services under AWS's rate limits: whether any call is throttled, whether tasks are
//! stopped as fast as our share of the limit allows, what memory and computing that takes, and
//! what a look at a thousand services costs.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context;
use shipmate::aws::Endpoint;
use shipmate::engine::Rhythm;
use shipmate::sandbox::{Call, Times, World};

use crate::harness::{Budget, Figure, Row, Section, Unit};
use crate::peers::shares;
use crate::process;
use crate::ship::{self, Berth, Medium, Ship};

/// How this binary is told to be the Shipmate of a fleet.
pub const CHILD: &str = "--carry-out-a-fleet";

const TASKS: u32 = 10;
const SETTLE: Duration = Duration::from_secs(1);
/// Half of AWS's, as long as others share the account.
const OUR_STOPS_PER_SECOND: f64 = 20.0;
const OUR_STOPS_AT_ONCE: usize = 50;

/// A task starts in 5 s and stops in 2 s.
fn times() -> Times {
    Times {
        provisioning: Duration::from_secs(1),
        pulling: Duration::from_secs(3),
        activating: Duration::from_secs(1),
        deactivating: Duration::from_millis(500),
        stopping: Duration::from_secs(1),
        deprovisioning: Duration::from_millis(500),
        scheduler_tick: Duration::from_millis(400),
        jitter: 0.2,
        ..Times::fast()
    }
}

fn names(services: usize) -> Vec<String> {
    (0..services).map(|number| format!("service-{number:04}")).collect()
}

fn world(services: usize) -> World {
    let mut world = World::new().repository(ship::app()).many_services(
        "staging",
        services,
        TASKS,
        "app:staging-latest",
    );
    for service in &mut world.services {
        service.minimum_healthy_percent = 50;
    }
    world
}

pub async fn measure(full: bool) -> anyhow::Result<Section> {
    let mut section = Section::new("Many services");
    let services = if full { 1_000 } else { 100 };
    let Restarted { calls, took, memory, computing } = under_limits(services).await?;
    let throttled = calls.iter().filter(|call| call.outcome.contains("Throttl")).count();
    let what = format!("{services} services of {TASKS} tasks restarted, limits on");
    section.row(
        Row::new(format!("throttled calls: {what}"), Figure::once(Unit::Count, throttled as f64))
            .beside(shares(&calls)),
    );
    let stops = stops(&calls);
    section.row(
        Row::new(
            "tasks stopped, from the first to the last",
            Figure::once(Unit::Rate, rate(&stops)?),
        )
        .budget(Budget::AtLeast(0.95 * OUR_STOPS_PER_SECOND)),
    );
    section.row(Row::new(
        format!("tasks stopped, once the burst of {OUR_STOPS_AT_ONCE} is used up"),
        Figure::once(Unit::Rate, rate(stops.get(OUR_STOPS_AT_ONCE..).unwrap_or_default())?),
    ));
    section.row(Row::new(
        "from the request to the word that every task runs the image",
        Figure::once(Unit::Time, took.as_secs_f64()),
    ));
    section.row(Row::new("memory, at most", Figure::once(Unit::Memory, memory)));
    section.row(Row::new("computing, of all cores together", Figure::once(Unit::Time, computing)));
    let (took, look) = one_look(1_000).await?;
    section.row(
        Row::new(
            "1,000 services, 10,000 tasks: calls of one look",
            Figure::once(Unit::Count, look.len() as f64),
        )
        .beside(shares(&look)),
    );
    section.row(Row::new(
        "the same, time of one look with no limit in the way",
        Figure::once(Unit::Time, took.as_secs_f64()),
    ));
    section.note(
        "The rollout under limits runs in a process of its own, as in production: the SDK's own settings lead it to the \
         simulated AWS, so it keeps to half of AWS's limits, of which the simulated AWS enforces the whole. A task starts in 5 s, \
         and counts when it has been good for 1 s. Memory is the most that was resident (VmHWM), computing what /proc says was \
         spent in the process and for it, both from its start; the simulated AWS runs in another.",
    );
    Ok(section)
}

/// What restarting a fleet took.
struct Restarted {
    calls: Vec<Call>,
    took: Duration,
    /// In mebibytes.
    memory: f64,
    /// In seconds.
    computing: f64,
}

/// Has another process restart a fleet.
async fn under_limits(services: usize) -> anyhow::Result<Restarted> {
    let sandbox = ship::sandbox(world(services), times()).await?;
    sandbox.limit_rates(true);
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args([CHILD, &services.to_string()])
        .env("AWS_ENDPOINT_URL", sandbox.url())
        .env("AWS_ACCESS_KEY_ID", "simulated")
        .env("AWS_SECRET_ACCESS_KEY", "simulated")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env_remove("AWS_PROFILE")
        .stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    let complaint = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "the fleet was not restarted: {complaint}");
    let digest = sandbox.digest("app", "2").context("no digest")?;
    let all = sandbox.services().iter().all(|service| service.runs("app", &digest));
    anyhow::ensure!(all, "told as done, and is not");
    let calls = sandbox.calls();
    sandbox.stop().await;
    let said = String::from_utf8_lossy(&output.stdout);
    let mut numbers = said.split_whitespace().map(str::parse::<f64>);
    let mut number = || numbers.next().context("the other process said too little");
    let (took, memory, computing) = (number()??, number()??, number()??);
    Ok(Restarted { calls, took: Duration::from_secs_f64(took), memory, computing })
}

/// What the other process does; it says how long it took, its memory and its computing.
pub async fn carry_out(services: usize) -> anyhow::Result<()> {
    let mut settings = ship::settings(&names(services))?;
    settings.set_tempo(SETTLE, Duration::from_secs(600));
    let mut ship = Ship::launch(Berth {
        settings,
        endpoint: Endpoint::Ambient,
        rhythm: Rhythm::default(),
        medium: Medium::Disk,
    })
    .await?;
    let began = Instant::now();
    ship.say("alice", "promote app:2 to staging").await?;
    ship.end(Duration::from_secs(3_600)).await?;
    let took = began.elapsed().as_secs_f64();
    ship.strand().await;
    let memory = process::memory(std::process::id())?.peak;
    writeln!(std::io::stdout(), "{took} {memory} {}", computing()?)?;
    Ok(())
}

/// What this process has computed so far, in seconds.
fn computing() -> anyhow::Result<f64> {
    let said = std::fs::read_to_string("/proc/self/stat")?;
    // The program's name, which may hold anything, stands in brackets before the numbers.
    let (_, numbers) = said.rsplit_once(')').context("/proc says it in another way")?;
    let ticks = numbers.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    let ticks: f64 = ticks.sum::<Result<f64, _>>()?;
    // Linux has told programs of hundredths of a second for as long as it has told them.
    Ok(ticks / 100.0)
}

fn stops(calls: &[Call]) -> Vec<SystemTime> {
    let stops = calls.iter().filter(|call| call.operation == "StopTask");
    stops.map(|call| call.at).collect()
}

/// How many in a second.
fn rate(times: &[SystemTime]) -> anyhow::Result<f64> {
    let (Some(first), Some(last)) = (times.first(), times.last()) else {
        anyhow::bail!("too few tasks were stopped to see a rate");
    };
    Ok((times.len() - 1) as f64 / last.duration_since(*first)?.as_secs_f64())
}

/// What `status` asks of so many services, without limits, in a process that has looked before.
async fn one_look(services: usize) -> anyhow::Result<(Duration, Vec<Call>)> {
    let sandbox = ship::sandbox(world(services), Times::fast()).await?;
    let mut ship = Ship::launch(Berth {
        settings: ship::settings(&names(services))?,
        endpoint: Endpoint::Simulated { url: sandbox.url() },
        rhythm: Rhythm::default(),
        medium: Medium::Disk,
    })
    .await?;
    ship.say("alice", "status staging").await?;
    sandbox.clear_calls();
    let began = Instant::now();
    ship.say("alice", "status staging").await?;
    let took = began.elapsed();
    let calls = sandbox.calls();
    ship.strand().await;
    sandbox.stop().await;
    Ok((took, calls))
}
