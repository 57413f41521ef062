//! A verified rollout of ten tasks against the least time that it can take, and the calls it
//! makes. Beside it two tools that people use, against the same simulated AWS.

use std::time::Duration;

use anyhow::Context;
use shipmate::aws::Endpoint;
use shipmate::engine::Rhythm;
use shipmate::sandbox::{Call, Times};

use crate::harness::{Budget, Figure, Row, Section, Unit};
use crate::peers::{self, Redeployed};
use crate::ship::{self, Berth, Medium, Ship, Way};

const TASKS: u32 = 10;
/// Of Shipmate's own rollouts, all under way at once: they mostly wait.
const RUNS: usize = 5;

/// How long things take. At full length a task starts in 20 s and stops in 3 s, and must stay
/// good for 30 s; Shipmate looks every 1 to 5 s, its defaults. Shortened, all of it is a tenth.
#[derive(Clone, Copy)]
struct Pace {
    scale: f64,
}

impl Pace {
    const FULL: Self = Self { scale: 1.0 };
    const TENTH: Self = Self { scale: 0.1 };

    fn seconds(self, seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds * self.scale)
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
        let scaled = |duration: Duration| duration.mul_f64(self.scale);
        Rhythm { shortest: scaled(shortest), longest: scaled(longest) }
    }

    fn times(self) -> Times {
        let stop = self.seconds(1.0);
        Times {
            provisioning: self.start().mul_f64(0.2),
            pulling: self.start().mul_f64(0.6),
            activating: self.start().mul_f64(0.2),
            deactivating: stop,
            stopping: stop,
            deprovisioning: stop,
            scheduler_tick: self.tick(),
            // Every task takes the same, so that the floor is exact.
            jitter: 0.0,
            ..Times::realistic()
        }
    }

    /// The least time between asking and knowing.
    fn floor(self, way: Way) -> Duration {
        let replaced = self.tick() + self.start();
        match way {
            Way::Stop => {
                // Half of them may be missing at once; the canary has been replaced before.
                let room = TASKS / 2;
                let batches = (TASKS - 1).div_ceil(room);
                replaced + self.settle() + replaced * batches + self.settle()
            }
            Way::Deployment => replaced + self.settle(),
        }
    }
}

/// One rollout, carried out and verified.
struct Rollout {
    took: Duration,
    calls: Vec<Call>,
}

async fn roll_out(way: Way, pace: Pace) -> anyhow::Result<Rollout> {
    let sandbox = ship::sandbox(ship::one_service(way, TASKS), pace.times()).await?;
    let mut settings = ship::settings(&["api".to_owned()])?;
    settings.set_tempo(pace.settle(), Duration::from_secs(600));
    let mut ship = Ship::launch(Berth {
        settings,
        endpoint: Endpoint::Simulated { url: sandbox.url() },
        rhythm: pace.rhythm(),
        medium: Medium::Disk,
    })
    .await?;
    let asked = ship.say("alice", "promote app:2 to staging").await?;
    let ended = ship.end(pace.floor(way) * 2 + Duration::from_secs(10)).await?;
    let digest = sandbox.digest("app", "2").context("no digest")?;
    let service = sandbox.service("staging", "api").context("no service")?;
    anyhow::ensure!(service.runs("app", &digest), "told as done, and is not: {service:?}");
    let rollout = Rollout { took: ended.duration_since(asked), calls: sandbox.calls() };
    ship.strand().await;
    sandbox.stop().await;
    Ok(rollout)
}

async fn several(way: Way, pace: Pace, runs: usize) -> anyhow::Result<Vec<Rollout>> {
    futures::future::try_join_all((0..runs).map(|_| roll_out(way, pace))).await
}

pub async fn measure(full: bool) -> anyhow::Result<Vec<Section>> {
    let (stops, deployments) = tokio::try_join!(
        several(Way::Stop, Pace::TENTH, RUNS),
        several(Way::Deployment, Pace::TENTH, RUNS)
    )?;
    let whole = async {
        if !full {
            return Ok(None);
        }
        let stop = several(Way::Stop, Pace::FULL, 1);
        let deployment = several(Way::Deployment, Pace::FULL, 1);
        tokio::try_join!(stop, deployment).map(Some)
    };
    let theirs = peers::measure(ship::one_service(Way::Deployment, TASKS), Pace::FULL.times());
    let (whole, theirs) = tokio::try_join!(whole, theirs)?;

    let mut rollouts = Section::new("A verified rollout of ten tasks");
    let peers_floor = Pace::FULL.tick() + Pace::FULL.start();
    let beside = beside(&theirs, |done| {
        let ratio = done.took.as_secs_f64() / peers_floor.as_secs_f64();
        format!("×{ratio:.3} of a floor without settling, no digest verified")
    });
    let ratios = |way: Way, pace: Pace, all: &[Rollout]| {
        let floor = pace.floor(way).as_secs_f64();
        Figure::of(Unit::Ratio, all.iter().map(|one| one.took.as_secs_f64() / floor).collect())
    };
    let row = |what: &str, way, pace: Pace, all: &[Rollout]| {
        let floor = Unit::Time.show(pace.floor(way).as_secs_f64());
        anyhow::Ok(
            Row::new(format!("{what}, by the floor of {floor}"), ratios(way, pace, all)?)
                .budget(Budget::Median(1.05)),
        )
    };
    rollouts.row(row("by stopping tasks, times at a tenth", Way::Stop, Pace::TENTH, &stops)?);
    rollouts.row(
        row(
            "by a deployment of ECS, times at a tenth",
            Way::Deployment,
            Pace::TENTH,
            &deployments,
        )?
        .beside(beside),
    );
    if let Some((stop, deployment)) = &whole {
        rollouts.row(row("by stopping tasks, full length", Way::Stop, Pace::FULL, stop)?);
        rollouts.row(row("by a deployment, full length", Way::Deployment, Pace::FULL, deployment)?);
    }
    rollouts.note(
        "The floor is what nobody can do without, calls counted as nothing. At full length ECS's scheduler takes 0.2 s to see a \
         change (tick), a task starts in 20 s (start) and must then stay good for 30 s (settle). By stopping: the canary (tick + start + settle), then \
         the other nine in batches of five, which is the room that a minimum of 50% leaves (2 × (tick + start)), then settle. By a deployment: \
         tick + start + settle, since ECS starts all ten beside the old ones. How long tasks take to stop is on no path: \
         their replacements do not wait for it. Shipmate looks every 1 to 5 s at full length, which are its defaults, and a tenth of that at a tenth.",
    );
    rollouts.note(
        "The tools beside it run at full length, because the AWS CLI's waiter looks every 15 s and cannot be told otherwise. \
         They stop looking once tasks run: neither waits whether a task stays good, neither compares a digest.",
    );

    let mut calls = Section::new("Calls to AWS for one service");
    let before = |all: &[Rollout], is_act: fn(&Call) -> bool| {
        let count = |one: &Rollout| one.calls.iter().position(is_act).unwrap_or(one.calls.len());
        Figure::of(Unit::Count, all.iter().map(|one| count(one) as f64).collect())
    };
    let acts =
        |call: &Call| ["PutImage", "StopTask", "UpdateService"].contains(&call.operation.as_str());
    let restarts = |call: &Call| ["StopTask", "UpdateService"].contains(&call.operation.as_str());
    calls.row(
        Row::new("before the first that changes something", before(&deployments, acts)?)
            .budget(Budget::Median(8.0)),
    );
    calls.row(Row::new("before the first task is restarted", before(&deployments, restarts)?));
    let total = |all: &[Rollout]| {
        Figure::of(Unit::Count, all.iter().map(|one| one.calls.len() as f64).collect())
    };
    calls.row(
        Row::new(
            "all of a redeployment, watched to its end (by a deployment)",
            total(&deployments)?,
        )
        .beside(self::beside(&theirs, |done| {
            format!("{} calls ({})", done.calls.len(), peers::shares(&done.calls))
        })),
    );
    calls.row(Row::new("all of a redeployment (by stopping)", total(&stops)?));
    if let Some(one) = deployments.first() {
        let until: Vec<Call> = one.calls.iter().take_while(|call| !acts(call)).cloned().collect();
        calls.note(format!("Before acting: {}.", peers::shares(&until)));
        calls.note(format!("In all: {}.", peers::shares(&one.calls)));
    }
    Ok(vec![rollouts, calls])
}

fn beside(
    theirs: &[(&'static str, Option<Redeployed>)],
    say: impl Fn(&Redeployed) -> String,
) -> String {
    let each = theirs.iter().map(|(name, done)| match done {
        Some(done) => format!("{name}: {}", say(done)),
        None => format!("{name}: not installed, see tests/peers/install.sh"),
    });
    each.collect::<Vec<_>>().join("; ")
}
