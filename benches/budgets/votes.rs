//! From the vote that decides to the first call that AWS gets: the reaction is read, judged,
//! recorded and counted, the deployment approved and let through the gate in between.

use std::time::{Duration, SystemTime};

use anyhow::Context;
use shipmate::aws::Endpoint;
use shipmate::ports::Clock;

use crate::harness::{Budget, Figure, Row, Section};
use crate::ship::{self, Berth, Medium, Ship};

const ROUNDS: usize = 60;
const LONG: Duration = Duration::from_secs(20);

pub async fn measure() -> anyhow::Result<Section> {
    let mut section = Section::new("From the deciding vote to AWS");
    for medium in Medium::ALL {
        with(medium, &mut section).await?;
    }
    section.note(
        "From the event of the reaction to the moment that stands in the simulated AWS's log beside the first \
         call, one loopback connection included. Two release managers have to agree; the second one's vote is timed.",
    );
    Ok(section)
}

async fn with(medium: Medium, section: &mut Section) -> anyhow::Result<()> {
    let sandbox = ship::sandbox(shipmate::sandbox::demo_world(), ship::at_once()).await?;
    let mut settings = ship::shipped_settings()?;
    settings.set_tempo(Duration::from_millis(2), LONG);
    let mut ship = Ship::launch(Berth {
        settings,
        endpoint: Endpoint::Simulated { url: sandbox.url() },
        rhythm: ship::hurried(),
        medium,
    })
    .await?;
    // Production takes only what was verified on staging.
    for version in ["1.5.0", "1.6.0"] {
        ship.say("alice", &format!("promote core:{version} to staging")).await?;
        ship.end(LONG).await?;
    }
    let mut fresh = Vec::with_capacity(ROUNDS);
    let mut stale = Vec::with_capacity(ROUNDS);
    for round in 0..ROUNDS * 2 {
        let version = if round % 2 == 0 { "1.5.0" } else { "1.6.0" };
        ship.say("alice", &format!("promote core:{version} to production")).await?;
        ship.react("bob").await?;
        // Two rounds of each, so that each version is seen by both.
        let is_stale = round % 4 >= 2;
        if is_stale {
            // What the plan was made from is no longer news, as after any real vote.
            ship.clock.set(ship.clock.now().checked_add(jiff::SignedDuration::from_secs(6))?);
        }
        sandbox.clear_calls();
        let raised = SystemTime::now();
        ship.react("carol").await?;
        ship.end(LONG).await?;
        let calls = sandbox.calls();
        let first = calls.first().context("AWS was not called")?;
        let times = if is_stale { &mut stale } else { &mut fresh };
        times.push(first.at.duration_since(raised)?);
    }
    for (what, times) in [
        ("plan older than 5 s, as after a real vote: looks again", &stale),
        ("plan younger than 5 s: the rollout's first look", &fresh),
    ] {
        let row = Row::new(format!("{what}, {}", medium.name()), Figure::times(times)?);
        section.row(row.budget(Budget::Tail(10e-3)));
    }
    ship.strand().await;
    sandbox.stop().await;
    Ok(())
}
