//! Many services under AWS's rate limits: whether any call is throttled, whether tasks are
//! stopped as fast as our share of the limit allows, and what a look at a thousand services
//! costs.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context;
use shipmate::aws::Endpoint;
use shipmate::engine::Rhythm;
use shipmate::sandbox::{Call, Times, World};

use crate::harness::{Budget, Figure, Row, Section, Unit};
use crate::peers::shares;
use crate::ship::{self, Berth, Medium, Ship};

/// How this binary is told to be the Shipmate of a fleet.
pub const CHILD: &str = "--carry-out-a-fleet";

const TASKS: u32 = 10;
const SETTLE: Duration = Duration::from_millis(300);
/// Half of AWS's, as long as others share the account.
const OUR_STOPS_PER_SECOND: f64 = 20.0;
const OUR_STOPS_AT_ONCE: usize = 50;
const OUR_TASK_READS_PER_SECOND: f64 = 10.0;

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
    let services = if full { 100 } else { 20 };
    let calls = under_limits(services).await?;
    let throttled = calls.iter().filter(|call| call.outcome.contains("Throttl")).count();
    let what = format!("{services} services of {TASKS} tasks restarted, limits on");
    section.row(
        Row::new(format!("throttled calls: {what}"), Figure::once(Unit::Count, throttled as f64))
            .beside(shares(&calls)),
    );
    section.row(
        Row::new(
            "tasks stopped, from the first to the last",
            Figure::once(Unit::Rate, rate(&stops(&calls))?),
        )
        .budget(Budget::AtLeast(0.95 * OUR_STOPS_PER_SECOND)),
    );
    section.row(Row::new(
        format!(
            "tasks stopped, in the longest row, once the burst of {OUR_STOPS_AT_ONCE} is used up"
        ),
        Figure::once(Unit::Rate, rate_in_a_row(&stops(&calls))?),
    ));
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
    let reads = look
        .iter()
        .filter(|call| ["ListTasks", "DescribeTasks"].contains(&call.operation.as_str()));
    section.row(Row::new(
        "the same, at our share of AWS's limit for reading tasks (computed)",
        Figure::once(Unit::Time, reads.count() as f64 / OUR_TASK_READS_PER_SECOND),
    ));
    section.note(
        "The rollout under limits runs in a process of its own, as in production: the SDK's own settings lead it to the \
         simulated AWS, so it keeps to half of AWS's limits. Between two rows of stops it looks at all services, and a look lists \
         the tasks of each service by itself: that is what the whole rollout waits for, and why a thousand services are not rolled out here.",
    );
    Ok(section)
}

/// Has another process restart a fleet, and gives its calls.
async fn under_limits(services: usize) -> anyhow::Result<Vec<Call>> {
    let sandbox = ship::sandbox(world(services), Times::fast()).await?;
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
    Ok(calls)
}

/// What the other process does.
pub async fn carry_out(services: usize) -> anyhow::Result<()> {
    let mut settings = ship::settings(&names(services))?;
    settings.set_tempo(SETTLE, Duration::from_secs(600));
    let rhythm =
        Rhythm { shortest: Duration::from_millis(100), longest: Duration::from_millis(500) };
    let mut ship =
        Ship::launch(Berth { settings, endpoint: Endpoint::Ambient, rhythm, medium: Medium::Disk })
            .await?;
    ship.say("alice", "promote app:2 to staging").await?;
    ship.end(Duration::from_secs(3_600)).await?;
    ship.strand().await;
    writeln!(std::io::stdout(), "done")?;
    Ok(())
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

/// How many in a second, of the longest row without a break, once the burst is over.
fn rate_in_a_row(stops: &[SystemTime]) -> anyhow::Result<f64> {
    let is_near = |one: &SystemTime, next: &SystemTime| {
        next.duration_since(*one).is_ok_and(|gap| gap < Duration::from_secs(1))
    };
    let longest = stops.chunk_by(is_near).max_by_key(|row| row.len()).unwrap_or_default();
    rate(longest.get(OUR_STOPS_AT_ONCE..).unwrap_or_default())
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
