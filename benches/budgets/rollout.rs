//! The same promotion by Shipmate, by the AWS CLI and by ecs-deploy, in turn, against the least
//! time that it can take: what each takes, calls and holds.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use shipmate::aws::Endpoint;
use shipmate::engine::Rhythm;
use shipmate::sandbox::{Call, Sandbox, Times};

use crate::harness::{Budget, Figure, Row, Section, Unit};
use crate::peers::{self, Peer};
use crate::ship::{self, Berth, Medium, Ship, Way};
use crate::{process, verified};

/// How this binary is told to be the Shipmate of one rollout.
pub const CHILD: &str = "--carry-out-a-rollout";

const TASKS: u32 = 10;
const BUDGET: f64 = 1.05;

/// How long things take. At full length a task starts in 20 s and stops in 10 s, and must stay
/// good for 30 s; Shipmate looks every 1 to 5 s, its defaults. Shortened, all of it is a tenth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    Full,
    Tenth,
}

impl Pace {
    fn seconds(self, seconds: f64) -> Duration {
        Duration::from_secs_f64(match self {
            Self::Full => seconds,
            Self::Tenth => seconds / 10.0,
        })
    }

    fn tick(self) -> Duration {
        self.seconds(0.2)
    }

    fn start(self) -> Duration {
        self.seconds(20.0)
    }

    fn settle(self) -> Duration {
        self.seconds(30.0)
    }

    fn rhythm(self) -> Rhythm {
        let Rhythm { shortest, longest } = Rhythm::default();
        let paced = |duration: Duration| self.seconds(duration.as_secs_f64());
        Rhythm { shortest: paced(shortest), longest: paced(longest) }
    }

    pub fn times(self) -> Times {
        let stop = self.seconds(10.0);
        Times {
            provisioning: self.start().mul_f64(0.2),
            pulling: self.start().mul_f64(0.6),
            activating: self.start().mul_f64(0.2),
            deactivating: stop.mul_f64(0.2),
            stopping: stop.mul_f64(0.6),
            deprovisioning: stop.mul_f64(0.2),
            crash_after: self.seconds(10.0),
            scheduler_tick: self.tick(),
            // Every task takes the same, so that the floor is exact.
            jitter: 0.0,
            ..Times::realistic()
        }
    }

    /// Until all tasks run the image, whoever brings it about.
    fn replaced(self) -> Duration {
        self.tick() + self.start()
    }

    /// The least time between asking and knowing.
    fn floor(self, way: Way) -> Duration {
        match way {
            Way::Stop => {
                // Half of them may be missing at once; the canary has been replaced before.
                let room = TASKS / 2;
                let batches = (TASKS - 1).div_ceil(room);
                self.replaced() + self.settle() + self.replaced() * batches + self.settle()
            }
            Way::Deployment => self.replaced() + self.settle(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Tenth => "tenth",
        }
    }

    fn named(name: &str) -> anyhow::Result<Self> {
        let all = [Self::Full, Self::Tenth];
        let named = all.into_iter().find(|pace| pace.name() == name);
        named.with_context(|| format!("no pace is called {name}"))
    }
}

/// A Shipmate with these times, on its way to the simulated AWS.
pub async fn launch(endpoint: Endpoint, pace: Pace) -> anyhow::Result<Ship> {
    let mut settings = ship::settings(&["api".to_owned()])?;
    settings.set_tempo(pace.settle(), Duration::from_secs(600));
    let (rhythm, medium) = (pace.rhythm(), Medium::Disk);
    Ship::launch(Berth { settings, endpoint, rhythm, medium }).await
}

/// What the other process tells of its rollout.
#[derive(Serialize, Deserialize)]
struct Account {
    /// When the promotion was asked for.
    asked: SystemTime,
    seconds: f64,
    /// In mebibytes.
    peak: f64,
}

/// What the other process does.
pub async fn carry_out(mut given: impl Iterator<Item = String>) -> anyhow::Result<()> {
    let pace = Pace::named(&given.next().context("at which pace?")?)?;
    let mut ship = launch(Endpoint::Ambient, pace).await?;
    // As at every start, and before the first promotion.
    ship.engine.refresh_vocabulary().await;
    let began = SystemTime::now();
    let asked = ship.say("alice", "promote app:2 to staging").await?;
    let ended = ship.end(pace.floor(Way::Stop) * 2 + Duration::from_secs(10)).await?;
    let seconds = ended.duration_since(asked).as_secs_f64();
    let peak = process::memory(std::process::id())?.peak;
    ship.strand().await;
    writeln!(
        std::io::stdout(),
        "{}",
        serde_json::to_string(&Account { asked: began, seconds, peak })?
    )?;
    Ok(())
}

/// One promotion, carried out, with all tasks on its image.
struct Rollout {
    took: Duration,
    /// In mebibytes.
    peak: f64,
    calls: Vec<Call>,
}

async fn by_shipmate(way: Way, pace: Pace) -> anyhow::Result<Rollout> {
    let sandbox = ship::sandbox(ship::one_service(way, TASKS), pace.times()).await?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args([CHILD, pace.name()]);
    peers::lead(&mut command, &sandbox);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    let complaint = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "Shipmate did not promote: {complaint}");
    let Account { asked, seconds, peak } = serde_json::from_slice(&output.stdout)?;
    let mut rollout = done(sandbox, Duration::from_secs_f64(seconds), peak).await?;
    rollout.calls.retain(|call| call.at >= asked);
    Ok(rollout)
}

async fn by_peer(peer: Peer, pace: Pace) -> anyhow::Result<Option<Rollout>> {
    let sandbox = ship::sandbox(ship::one_service(Way::Deployment, TASKS), pace.times()).await?;
    let Some(redeployed) = peers::redeploy(peer, &sandbox, || {}).await? else { return Ok(None) };
    let said = redeployed.last_word;
    anyhow::ensure!(redeployed.succeeded, "{} failed: {said}", peer.name());
    done(sandbox, redeployed.took, redeployed.peak).await.map(Some)
}

async fn done(sandbox: Sandbox, took: Duration, peak: f64) -> anyhow::Result<Rollout> {
    let digest = sandbox.digest("app", "2").context("no digest")?;
    let service = sandbox.service("staging", "api").context("no service")?;
    anyhow::ensure!(service.runs("app", &digest), "told as done, and is not: {service:?}");
    let calls = sandbox.calls();
    sandbox.stop().await;
    Ok(Rollout { took, peak, calls })
}

pub async fn measure(full: bool) -> anyhow::Result<Vec<Section>> {
    let (pace, rounds) = if full { (Pace::Full, 5) } else { (Pace::Tenth, 1) };
    let mut ours = Vec::new();
    let mut theirs = Peer::ALL.map(|peer| (peer, Vec::new()));
    // In turn, so that none is disturbed by another, and what disturbs all disturbs them alike.
    for round in 1..=rounds {
        eprintln!("  round {round} of {rounds}");
        ours.push(by_shipmate(Way::Deployment, pace).await?);
        for (peer, rollouts) in &mut theirs {
            rollouts.extend(by_peer(*peer, pace).await?);
        }
    }
    // These only wait, and nobody is measured beside them.
    let stops = (0..rounds).map(|_| by_shipmate(Way::Stop, pace));
    let stops = futures::future::try_join_all(stops).await?;
    let mut sections = vec![compared(pace, &ours, &theirs, &stops)?, calls(&ours, &stops)?];
    sections.push(verified::measure().await?);
    Ok(sections)
}

fn compared(
    pace: Pace,
    ours: &[Rollout],
    theirs: &[(Peer, Vec<Rollout>)],
    stops: &[Rollout],
) -> anyhow::Result<Section> {
    let mut section = Section::new("The same promotion by three tools");
    let floor = pace.floor(Way::Deployment);
    let verified = "compares every task's digest, and waits until all have stayed good";
    section.row(Row::new("Shipmate: until it tells the end", times(ours)?).beside(verified));
    section.row(
        Row::new(by_floor("Shipmate", floor), ratios(ours, floor, Duration::ZERO)?)
            .budget(Budget::Median(BUDGET)),
    );
    let unsettled =
        format!("{}, the time to settle taken off", by_floor("Shipmate", pace.replaced()));
    section.row(Row::new(unsettled, ratios(ours, pace.replaced(), pace.settle())?));
    section.row(Row::new("Shipmate: calls", counts(ours)?));
    section.row(Row::new("Shipmate: memory, at most", peaks(ours)?));
    for (peer, rollouts) in theirs {
        let name = peer.name();
        if rollouts.is_empty() {
            section.note(format!("{name} was not installed, see tests/peers/install.sh."));
            continue;
        }
        let what = match peer {
            Peer::AwsCli => "until its waiter returns",
            Peer::EcsDeploy => "until it ends",
        };
        let unverified = "compares no digest, waits for nothing once tasks run";
        section.row(Row::new(format!("{name}: {what}"), times(rollouts)?).beside(unverified));
        let ratio = ratios(rollouts, pace.replaced(), Duration::ZERO)?;
        section.row(Row::new(by_floor(name, pace.replaced()), ratio));
        let shares = rollouts.first().map(|one| peers::shares(&one.calls)).unwrap_or_default();
        section.row(Row::new(format!("{name}: calls"), counts(rollouts)?).beside(shares));
        let memory = Row::new(format!("{name}: memory, at most"), peaks(rollouts)?);
        section.row(match peer {
            Peer::AwsCli => memory.beside("the largest of its four processes"),
            Peer::EcsDeploy => memory,
        });
    }
    let floor = pace.floor(Way::Stop);
    section.row(
        Row::new(
            by_floor("Shipmate, by stopping tasks", floor),
            ratios(stops, floor, Duration::ZERO)?,
        )
        .budget(Budget::Median(BUDGET)),
    );
    section.note(
        "One service of ten tasks goes from one image to another. The three go one after the other, round after round, each in a simulated AWS \
         of its own, with their own intervals: Shipmate looks every 1 to 5 s, the AWS CLI's waiter every 15 s, ecs-deploy every second. \
         Shipmate is a process of its own, as in production, and keeps to half of AWS's limits; its time begins with the message. That of the others \
         begins with their start. By hand with the AWS CLI are: `ecr batch-get-image`, `ecr put-image`, `ecs update-service --force-new-deployment` and \
         `ecs wait services-stable`. ecs-deploy puts the digest into a new task definition. Memory is what /proc says was resident at most (VmHWM).",
    );
    section.note(
        "The floor is what nobody can do without, calls counted as nothing. ECS's scheduler takes 0.2 s to see a change (tick), a task starts in 20 s (start). \
         Until all tasks run the image: tick + start, since ECS starts all ten beside the old ones; how long those take to stop (10 s) is on no path. \
         Shipmate's floor has the time for which a task must stay good (settle, 30 s) in it: tick + start + settle. By stopping tasks, where a \
         service allows it: the canary (tick + start + settle), then the other nine in batches of five, which is the room that a minimum of 50% leaves \
         (2 × (tick + start)), then settle; these rounds are under way at once, after the others.",
    );
    Ok(section)
}

fn calls(ours: &[Rollout], stops: &[Rollout]) -> anyhow::Result<Section> {
    let mut section = Section::new("Calls to AWS for one service");
    let acts =
        |call: &Call| ["PutImage", "StopTask", "UpdateService"].contains(&call.operation.as_str());
    let restarts = |call: &Call| ["StopTask", "UpdateService"].contains(&call.operation.as_str());
    let before = |is_act: fn(&Call) -> bool| {
        let count = |one: &Rollout| one.calls.iter().position(is_act).unwrap_or(one.calls.len());
        Figure::of(Unit::Count, ours.iter().map(|one| count(one) as f64).collect())
    };
    section.row(
        Row::new("before the first that changes something", before(acts)?)
            .budget(Budget::Median(8.0)),
    );
    section.row(Row::new("before the first task is restarted", before(restarts)?));
    section.row(Row::new("all of a promotion, watched to its end, by a deployment", counts(ours)?));
    section.row(Row::new("the same, by stopping tasks", counts(stops)?));
    if let Some(one) = ours.first() {
        let until: Vec<Call> = one.calls.iter().take_while(|call| !acts(call)).cloned().collect();
        section.note(format!(
            "Before acting: {}. Whether the tag can be moved was read at the start, like the \
             repositories' tags, which `shipmate run` does by itself; that is not in it.",
            peers::shares(&until)
        ));
        section.note(format!("In all, by a deployment: {}.", peers::shares(&one.calls)));
    }
    Ok(section)
}

fn by_floor(who: &str, floor: Duration) -> String {
    format!("{who}: by the floor of {}", Unit::Time.show(floor.as_secs_f64()))
}

fn times(rollouts: &[Rollout]) -> anyhow::Result<Figure> {
    Figure::of(Unit::Time, rollouts.iter().map(|one| one.took.as_secs_f64()).collect())
}

/// By the floor, once a time that is in none of it is taken off.
fn ratios(rollouts: &[Rollout], floor: Duration, off: Duration) -> anyhow::Result<Figure> {
    let ratio = |one: &Rollout| one.took.saturating_sub(off).as_secs_f64() / floor.as_secs_f64();
    Figure::of(Unit::Ratio, rollouts.iter().map(ratio).collect())
}

fn counts(rollouts: &[Rollout]) -> anyhow::Result<Figure> {
    Figure::of(Unit::Count, rollouts.iter().map(|one| one.calls.len() as f64).collect())
}

fn peaks(rollouts: &[Rollout]) -> anyhow::Result<Figure> {
    Figure::of(Unit::Memory, rollouts.iter().map(|one| one.peak).collect())
}
