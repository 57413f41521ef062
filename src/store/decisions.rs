//! Decisions beside deployments: one chain for all of them, and what stands because of them.
//! Who may decide what is not known here.

use jiff::Timestamp;
use sqlx::SqliteConnection;

use super::chain::{self, Chain, Head, Link};
use super::journal::{BEGIN, signed};
use super::{SqliteStore, sql, time};
use crate::domain::decision::{Ban, Decision, RecordedDecision};
use crate::domain::freeze::Freeze;
use crate::domain::id::{ChannelId, Digest, EnvironmentName, PersonId, Repository};
use crate::domain::image::Image;
use crate::domain::lock::Lock;
use crate::ports::StoreError;

/// The version of the shape of a decision that this program writes.
const VERSION: i64 = 1;

/// A decision as it is stored.
#[derive(sqlx::FromRow)]
struct DecisionRow {
    sequence: i64,
    at: i64,
    version: i64,
    #[sqlx(rename = "type")]
    kind: String,
    body: String,
    previous_hash: String,
    hash: String,
}

#[derive(sqlx::FromRow)]
struct BanRow {
    digest: String,
    repository: String,
    children: String,
    name: String,
    person: String,
    because: String,
    at: i64,
}

#[derive(sqlx::FromRow)]
struct LockRow {
    environment: String,
    #[sqlx(try_from = "i64")]
    decision: u64,
    person: String,
    because: String,
    since: i64,
    said_at: i64,
    until: Option<i64>,
    channel: String,
    asked_at: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct FreezeRow {
    environment: String,
    person: String,
    #[sqlx(try_from = "i64")]
    decision: u64,
    because: String,
    since: i64,
    until: Option<i64>,
    channel: String,
}

/// Writes a decision down with what it changes; false: it changes nothing, and is not written.
pub async fn decide(
    store: &SqliteStore,
    decision: Decision,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let at = at.as_millisecond();
    let mut writing = store.writer.begin_with(BEGIN).await?;
    let head: Option<Head> =
        sqlx::query_as(sql::DECISIONS_HEAD).fetch_optional(&mut *writing).await?;
    let (last, previous) =
        head.map_or((0, String::new()), |Head { sequence, hash }| (sequence, hash));
    let row = DecisionRow::write(signed(last + 1), at, &decision, previous)?;
    sqlx::query(sql::INSERT_DECISION)
        .bind(row.sequence)
        .bind(row.at)
        .bind(row.version)
        .bind(&row.kind)
        .bind(&row.body)
        .bind(&row.previous_hash)
        .bind(&row.hash)
        .execute(&mut *writing)
        .await?;
    if !project(&mut writing, &row, &decision).await? {
        // Dropped without a commit, it was never written.
        return Ok(false);
    }
    if decision.is_news() {
        sqlx::query(sql::INSERT_NEWS).bind(row.sequence).execute(&mut *writing).await?;
    }
    sqlx::query(sql::SET_DECISIONS_HEAD)
        .bind(row.sequence)
        .bind(&row.hash)
        .execute(&mut *writing)
        .await?;
    writing.commit().await?;
    Ok(true)
}

/// Whether it changed anything.
async fn project(
    writing: &mut SqliteConnection,
    row: &DecisionRow,
    decision: &Decision,
) -> Result<bool, StoreError> {
    let query = match decision {
        Decision::Banned { image, children, name, by, because } => sqlx::query(sql::INSERT_BAN)
            .bind(image.digest.as_str())
            .bind(image.repository.as_str())
            .bind(serde_json::to_string(children).map_err(unsound)?)
            .bind(name)
            .bind(by.as_str())
            .bind(because)
            .bind(row.at)
            .bind(row.sequence),
        Decision::Unbanned { image, .. } => {
            sqlx::query(sql::DELETE_BAN).bind(image.digest.as_str())
        }
        Decision::HoldReleased { environment, left_by, .. } => {
            sqlx::query(sql::RELEASE_HOLD).bind(environment.as_str()).bind(left_by.0)
        }
        Decision::ReservationEnded { reservation, by, because, .. } => {
            sqlx::query(sql::END_RESERVATION)
                .bind(reservation.as_str())
                .bind(row.at)
                .bind(by.as_str())
                .bind(because.as_deref())
        }
        Decision::Locked { environment, by, because, until, channel, asked_in: _, over } => {
            let statement = if over.is_some() { sql::REPLACE_LOCK } else { sql::INSERT_LOCK };
            let query = sqlx::query(statement)
                .bind(environment.as_str())
                .bind(row.sequence)
                .bind(by.as_str())
                .bind(because)
                .bind(row.at)
                .bind(until.map(Timestamp::as_millisecond))
                .bind(channel.as_str());
            match over {
                Some(over) => query.bind(signed(over.lock)),
                None => query,
            }
        }
        Decision::Unlocked { environment, lock, of: _, why: _ } => {
            sqlx::query(sql::DELETE_LOCK).bind(environment.as_str()).bind(signed(*lock))
        }
        Decision::Frozen { environment, by, because, until, channel, asked_in: _ } => {
            sqlx::query(sql::SET_FREEZE)
                .bind(environment.as_str())
                .bind(by.as_str())
                .bind(row.sequence)
                .bind(because)
                .bind(row.at)
                .bind(until.map(Timestamp::as_millisecond))
                .bind(channel.as_str())
        }
        Decision::Unfrozen { environment: _, freeze, of: _, why: _ } => {
            sqlx::query(sql::DELETE_FREEZE).bind(signed(*freeze))
        }
    };
    Ok(query.execute(writing).await?.rows_affected() > 0)
}

/// The bans that stand, the newest first.
pub async fn bans(store: &SqliteStore) -> Result<Vec<Ban>, StoreError> {
    let rows: Vec<BanRow> = sqlx::query_as(sql::BANS).fetch_all(&store.readers).await?;
    rows.into_iter().map(BanRow::read).collect()
}

/// The locks that were set and not lifted, by environment.
pub async fn locks(store: &SqliteStore) -> Result<Vec<Lock>, StoreError> {
    let rows: Vec<LockRow> = sqlx::query_as(sql::LOCKS).fetch_all(&store.readers).await?;
    rows.into_iter().map(LockRow::read).collect()
}

pub async fn lock(
    store: &SqliteStore,
    environment: &EnvironmentName,
) -> Result<Option<Lock>, StoreError> {
    let row: Option<LockRow> =
        sqlx::query_as(sql::LOCK).bind(environment.as_str()).fetch_optional(&store.readers).await?;
    row.map(LockRow::read).transpose()
}

/// Writes down that a lock's holder is asked about it; false: somebody else does that, or it is
/// another lock by now.
pub async fn ask_about(
    store: &SqliteStore,
    lock: &Lock,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let asked = sqlx::query(sql::ASK_ABOUT_LOCK)
        .bind(signed(lock.decision))
        .bind(lock.asked_at.map(Timestamp::as_millisecond))
        .bind(at.as_millisecond())
        .execute(&store.writer)
        .await?;
    Ok(asked.rows_affected() == 1)
}

/// The freezes that were set and not ended, by environment.
pub async fn freezes(store: &SqliteStore) -> Result<Vec<Freeze>, StoreError> {
    let rows: Vec<FreezeRow> = sqlx::query_as(sql::FREEZES).fetch_all(&store.readers).await?;
    rows.into_iter().map(FreezeRow::read).collect()
}

/// Decisions of which somebody has to be told, the oldest first.
pub async fn news(store: &SqliteStore) -> Result<Vec<RecordedDecision>, StoreError> {
    let rows: Vec<DecisionRow> = sqlx::query_as(sql::NEWS).fetch_all(&store.readers).await?;
    rows.iter().map(DecisionRow::read).collect()
}

pub async fn told(store: &SqliteStore, decision: u64) -> Result<(), StoreError> {
    sqlx::query(sql::DELETE_NEWS).bind(signed(decision)).execute(&store.writer).await?;
    Ok(())
}

/// The newest decisions first.
pub async fn newest(store: &SqliteStore, limit: u32) -> Result<Vec<RecordedDecision>, StoreError> {
    let rows: Vec<DecisionRow> =
        sqlx::query_as(sql::DECISIONS).bind(i64::from(limit)).fetch_all(&store.readers).await?;
    rows.iter().map(DecisionRow::read).collect()
}

/// Computes the chain of all decisions anew.
pub async fn verify(store: &SqliteStore) -> Result<Chain, StoreError> {
    let mut reading = store.readers.begin().await?;
    let mut rows: Vec<DecisionRow> =
        sqlx::query_as(sql::DECISIONS).bind(i64::MAX).fetch_all(&mut *reading).await?;
    rows.reverse();
    let head: Option<Head> =
        sqlx::query_as(sql::DECISIONS_HEAD).fetch_optional(&mut *reading).await?;
    reading.rollback().await?;
    if rows.is_empty() && head.is_none() {
        return Ok(Chain::Sound { events: 0 });
    }
    Ok(chain::check(rows.iter().map(DecisionRow::link), head.as_ref()))
}

impl DecisionRow {
    fn write(
        sequence: i64,
        at: i64,
        decision: &Decision,
        previous_hash: String,
    ) -> Result<Self, StoreError> {
        let body = serde_json::to_value(decision).map_err(unsound)?;
        let kind = body.get("type").and_then(serde_json::Value::as_str).unwrap_or_default();
        let (kind, body) = (kind.to_owned(), body.to_string());
        let hash = String::new();
        let mut row = Self { sequence, at, version: VERSION, kind, body, previous_hash, hash };
        row.hash = row.content_hash();
        Ok(row)
    }

    fn read(&self) -> Result<RecordedDecision, StoreError> {
        if self.version != VERSION {
            return Err(unsound(format!(
                "{} has version {}, and this program reads version {VERSION}",
                self.sequence, self.version
            )));
        }
        Ok(RecordedDecision {
            sequence: u64::try_from(self.sequence).unwrap_or_default(),
            at: time(self.at)?,
            decision: serde_json::from_str(&self.body).map_err(unsound)?,
        })
    }

    fn content_hash(&self) -> String {
        let Self { sequence, at, version, kind, body, previous_hash, hash: _ } = self;
        chain::content_hash(format!("{sequence} {at} {version}"), [kind, body, previous_hash])
    }

    fn link(&self) -> Link<'_> {
        Link {
            sequence: u64::try_from(self.sequence).unwrap_or_default(),
            is_as_written: self.hash == self.content_hash(),
            previous: &self.previous_hash,
            hash: &self.hash,
        }
    }
}

impl BanRow {
    fn read(self) -> Result<Ban, StoreError> {
        Ok(Ban {
            image: Image {
                repository: Repository::new(self.repository),
                digest: Digest::parse(&self.digest).map_err(unsound)?,
            },
            children: serde_json::from_str(&self.children).map_err(unsound)?,
            name: self.name,
            by: PersonId::new(self.person),
            because: self.because,
            at: time(self.at)?,
        })
    }
}

impl LockRow {
    fn read(self) -> Result<Lock, StoreError> {
        Ok(Lock {
            environment: EnvironmentName::new(self.environment),
            decision: self.decision,
            by: PersonId::new(self.person),
            because: self.because,
            since: time(self.since)?,
            said_at: time(self.said_at)?,
            until: self.until.map(time).transpose()?,
            channel: ChannelId::new(self.channel),
            asked_at: self.asked_at.map(time).transpose()?,
        })
    }
}

impl FreezeRow {
    fn read(self) -> Result<Freeze, StoreError> {
        Ok(Freeze {
            environment: EnvironmentName::new(self.environment),
            decision: self.decision,
            by: PersonId::new(self.person),
            because: self.because,
            since: time(self.since)?,
            until: self.until.map(time).transpose()?,
            channel: ChannelId::new(self.channel),
        })
    }
}

fn unsound(error: impl std::fmt::Display) -> StoreError {
    StoreError::Database(format!("a decision cannot be read or written: {error}"))
}
