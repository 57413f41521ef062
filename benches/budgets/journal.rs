//! Status and history over a million events, asked through the store as the engine asks.

use std::time::{Duration, Instant};

use shipmate::aws::Endpoint;
use shipmate::domain::id::{Digest, EnvironmentName, Repository};
use shipmate::domain::image::Image;
use shipmate::ports::Store;
use shipmate::store::SqliteStore;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};

use crate::harness::{Budget, Figure, Row, Section};
use crate::ship::{self, Berth, Medium, Ship, Way};

const EVENTS: i64 = 1_000_000;
const ROUNDS: usize = 200;
const BUDGET: f64 = 10e-3;

pub async fn measure() -> anyhow::Result<Section> {
    let mut section = Section::new("A journal of a million events");
    let (directory, events, deployments) = large_journal().await?;
    let file = directory.path().join("journal.db");
    let megabytes = std::fs::metadata(&file)?.len() / 1_000_000;
    let store = SqliteStore::open(&format!("sqlite://{}", file.display())).await?;
    let production = EnvironmentName::from("production");
    let app = Repository::from("app");
    let status = async || {
        store.open().await?;
        store.history(Some(&production), 10).await?;
        store.last_success(&production).await?;
        store.hold(&production).await?;
        anyhow::Ok(())
    };
    section.row(
        Row::new("what `status production` asks of it", timed(ROUNDS, status).await?)
            .budget(Budget::Tail(BUDGET)),
    );
    let history = async || {
        anyhow::ensure!(store.history(Some(&production), 10).await?.len() == 10, "no history");
        Ok(())
    };
    section.row(
        Row::new("`history production`", timed(ROUNDS, history).await?)
            .budget(Budget::Tail(BUDGET)),
    );
    let whole = async || {
        anyhow::ensure!(store.history(None, 10).await?.len() == 10, "no history");
        Ok(())
    };
    section.row(Row::new("`history`", timed(ROUNDS, whole).await?).budget(Budget::Tail(BUDGET)));
    let verified = async || {
        let image = Image { repository: app.clone(), digest: Digest::of(b"never deployed") };
        anyhow::ensure!(!store.verified(&production, &image).await?, "verified");
        Ok(())
    };
    section.row(Row::new("whether an image was verified", timed(ROUNDS, verified).await?));
    let durations = async || {
        let repositories = std::slice::from_ref(&app);
        anyhow::ensure!(store.durations(&production, repositories, 5).await?.len() == 5, "none");
        Ok(())
    };
    section.row(Row::new("how long it took before", timed(ROUNDS, durations).await?));
    let unknown = async || {
        let repositories = [Repository::from("newcomer")];
        anyhow::ensure!(store.durations(&production, &repositories, 5).await?.is_empty(), "some");
        Ok(())
    };
    section.row(Row::new(
        "how long it took before, of a repository that is new there",
        timed(20, unknown).await?,
    ));
    section.note(format!(
        "{events} events of {deployments} deployments, {megabytes} MB. One deployment was carried out, and its rows were \
         copied by SQL under other numbers, in one transaction; the store under test is the real one.",
    ));
    store.close().await;
    Ok(section)
}

async fn timed(rounds: usize, ask: impl AsyncFn() -> anyhow::Result<()>) -> anyhow::Result<Figure> {
    let mut times = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let began = Instant::now();
        ask().await?;
        times.push(began.elapsed());
    }
    Figure::times(&times)
}

/// A journal with a million events, how many there are, and of how many deployments.
async fn large_journal() -> anyhow::Result<(tempfile::TempDir, i64, i64)> {
    let sandbox = ship::sandbox(ship::one_service(Way::Stop, 4), ship::at_once()).await?;
    let mut settings = ship::settings(&["api".to_owned()])?;
    settings.set_tempo(Duration::from_millis(2), Duration::from_secs(20));
    let mut ship = Ship::launch(Berth {
        settings,
        endpoint: Endpoint::Simulated { url: sandbox.url() },
        rhythm: ship::hurried(),
        medium: Medium::Disk,
    })
    .await?;
    ship.say("alice", "promote app:2 to staging").await?;
    ship.end(Duration::from_secs(20)).await?;
    let file = ship.journal();
    let directory = ship.strand().await;
    sandbox.stop().await;
    let mut raw = SqliteConnectOptions::new().filename(file).connect().await?;
    let (events, deployments) = copy(&mut raw).await?;
    raw.close().await?;
    Ok((directory, events, deployments))
}

/// Copies the one deployment until there are enough events.
async fn copy(raw: &mut SqliteConnection) -> anyhow::Result<(i64, i64)> {
    let each: i64 = sqlx::query_scalar("SELECT count(*) FROM events").fetch_one(&mut *raw).await?;
    let deployments = EVENTS / each + 1;
    let mut copying = raw.begin().await?;
    for statement in [
        "CREATE TEMP TABLE one_events AS SELECT * FROM events",
        "CREATE TEMP TABLE one_deployment AS SELECT * FROM deployments",
        "CREATE TEMP TABLE one_image AS SELECT * FROM deployment_images",
        "CREATE TEMP TABLE one_message AS SELECT * FROM messages",
        "CREATE TEMP TABLE numbers (id INTEGER PRIMARY KEY)",
    ] {
        sqlx::query(statement).execute(&mut *copying).await?;
    }
    sqlx::query(
        "WITH RECURSIVE n (id) AS (SELECT 2 UNION ALL SELECT id + 1 FROM n WHERE id < $1)
         INSERT INTO numbers SELECT id FROM n",
    )
    .bind(deployments)
    .execute(&mut *copying)
    .await?;
    for statement in [
        "INSERT INTO events
            (deployment, sequence, at, version, type, body, previous_hash, hash)
         SELECT n.id, e.sequence, e.at + n.id * 1000, e.version, e.type, e.body, e.previous_hash, e.hash
         FROM numbers AS n CROSS JOIN one_events AS e ORDER BY n.id, e.sequence",
        "INSERT INTO deployments
            (id, version, hash, environment, kind, reverts, terms_hash, names, requester, channel,
             requested_at, stage, turn, started_at, ended_at, undone)
         SELECT n.id, d.version, d.hash,
             CASE n.id % 2 WHEN 0 THEN 'production' ELSE d.environment END,
             d.kind, d.reverts, d.terms_hash, d.names, d.requester, d.channel,
             d.requested_at + n.id * 1000, d.stage, d.turn + (n.id - 1) * d.version,
             d.started_at + n.id * 1000, d.ended_at + n.id * 1000, d.undone
         FROM numbers AS n CROSS JOIN one_deployment AS d",
        "INSERT INTO deployment_images (deployment, repository, from_digest, to_digest)
         SELECT n.id, i.repository, printf('sha256:%064x', n.id - 1), printf('sha256:%064x', n.id)
         FROM numbers AS n CROSS JOIN one_image AS i",
        "INSERT INTO messages (deployment, message, present)
         SELECT n.id, m.message || '-' || n.id, m.present
         FROM numbers AS n CROSS JOIN one_message AS m",
    ] {
        sqlx::query(statement).execute(&mut *copying).await?;
    }
    let events: i64 =
        sqlx::query_scalar("SELECT count(*) FROM events").fetch_one(&mut *copying).await?;
    copying.commit().await?;
    Ok((events, deployments))
}
