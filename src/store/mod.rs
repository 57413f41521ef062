//! The journal in SQL: a SQLite file with one connection that writes and several that read.
//! Knows `domain` and `ports`; must not know chats, AWS, or what a deployment should do next.

mod chain;
mod decisions;
mod history;
mod inbox;
mod journal;
mod memory;
mod projection;
mod reservations;
mod schedules;
mod sql;

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use crate::domain::decision::{Ban, Decision, RecordedDecision};
use crate::domain::deployment::Deployment;
use crate::domain::event::{Event, Recorded};
use crate::domain::freeze::Freeze;
use crate::domain::id::{DeploymentId, EnvironmentName, MessageId, Repository};
use crate::domain::image::Image;
use crate::domain::lock::Lock;
use crate::ports::{Hold, Said, Store, StoreError, Summary, Unhandled};

pub use chain::{Chain, Fault};

/// Enough for the channel, the runner and the board to read at once.
const READERS: u32 = 4;

/// For how long a statement waits while another process, such as an audit, holds the file.
const BUSY: Duration = Duration::from_secs(5);

/// The journal in a SQLite file. Several processes may open the same file.
pub struct SqliteStore {
    /// One connection: those who write wait for each other here, not for SQLite's lock.
    writer: SqlitePool,
    readers: SqlitePool,
    folded: journal::Folded,
}

impl SqliteStore {
    /// Opens the journal in a file, making the file and bringing its tables up to date where
    /// needed. The URL reads `sqlite://` and a path, which may be relative.
    ///
    /// # Errors
    /// [`StoreError::Database`] for another URL, which is not repeated in the message, and
    /// where the file cannot be opened or was written by a newer program.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let options =
            SqliteConnectOptions::new().filename(path(url)?).foreign_keys(true).busy_timeout(BUSY);
        let writing = options
            .clone()
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // With NORMAL, a power cut could take back what was told to be recorded.
            .synchronous(SqliteSynchronous::Full);
        let writer = pool(1).connect_with(writing).await?;
        migrator().run(&writer).await.map_err(|error| StoreError::Database(error.to_string()))?;
        let readers = pool(READERS).connect_lazy_with(options.read_only(true));
        Ok(Self { writer, readers, folded: journal::Folded::default() })
    }

    /// Closes the file. Nothing is lost without it; it only leaves the directory tidier.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// Computes a deployment's chain of hashes anew and finds the first event that does not
    /// fit it.
    ///
    /// # Errors
    /// [`StoreError::NoSuchDeployment`] where neither events nor a projection of it exist, and
    /// [`StoreError::Database`].
    pub async fn verify_chain(&self, deployment: DeploymentId) -> Result<Chain, StoreError> {
        chain::verify(&self.readers, deployment).await
    }

    /// Computes the chain of all decisions beside deployments anew, and finds the first that
    /// does not fit it.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn verify_decisions(&self) -> Result<Chain, StoreError> {
        decisions::verify(self).await
    }
}

fn pool(connections: u32) -> SqlitePoolOptions {
    // A connection to a file does not go stale: it needs neither a test nor an age limit.
    SqlitePoolOptions::new()
        .max_connections(connections)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
}

/// The path in a URL. It is read here and not by the driver, whose errors repeat the URL, and
/// a URL meant for another database has a password in it.
fn path(url: &str) -> Result<&str, StoreError> {
    let refuse = |why: &str| Err(StoreError::Database(why.to_owned()));
    let Some(path) = url.strip_prefix("sqlite://") else {
        return refuse("its URL must read sqlite:// and the path of a file");
    };
    if path.is_empty() || path.starts_with(":memory:") {
        return refuse("its URL names no file, and what is in memory would be lost");
    }
    if path.contains('?') {
        return refuse("its URL takes no parameters");
    }
    Ok(path)
}

fn migrator() -> Migrator {
    let journal = include_str!("../../migrations/0001_journal.sql");
    let migration = |version, name: &'static str, text: &'static str| {
        Migration::new(version, name.into(), MigrationType::Simple, text.into_sql_str(), false)
    };
    let chat = include_str!("../../migrations/0002_chat.sql");
    let decisions = include_str!("../../migrations/0003_decisions.sql");
    let locks = include_str!("../../migrations/0004_locks.sql");
    let reservations = include_str!("../../migrations/0007_reservations.sql");
    let freezes = include_str!("../../migrations/0008_freezes.sql");
    let schedules = include_str!("../../migrations/0005_schedules.sql");
    let scheduled = include_str!("../../migrations/0006_scheduled.sql");
    Migrator::with_migrations(vec![
        migration(1, "journal", journal),
        migration(2, "chat", chat),
        migration(3, "decisions", decisions),
        migration(4, "locks", locks),
        migration(7, "reservations", reservations),
        migration(8, "freezes", freezes),
        migration(5, "schedules", schedules),
        migration(6, "scheduled", scheduled),
    ])
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.to_string())
    }
}

/// A time as it is stored: milliseconds since the Unix epoch.
fn time(milliseconds: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(milliseconds)
        .map_err(|error| StoreError::Database(format!("a time cannot be read: {error}")))
}

#[async_trait]
impl Store for SqliteStore {
    async fn receive(&self, said: &Said, at: Timestamp) -> Result<bool, StoreError> {
        inbox::receive(&self.writer, said, at).await
    }

    async fn handled(&self, message: &MessageId, at: Timestamp) -> Result<(), StoreError> {
        inbox::handled(&self.writer, message, at).await
    }

    async fn unhandled(&self) -> Result<Vec<Unhandled>, StoreError> {
        inbox::unhandled(&self.readers).await
    }

    async fn untold(&self) -> Result<Vec<Deployment>, StoreError> {
        journal::untold(self).await
    }

    async fn told(&self, id: DeploymentId) -> Result<(), StoreError> {
        journal::told(self, id).await
    }

    async fn narrated(&self, id: DeploymentId) -> Result<u64, StoreError> {
        let told: Option<i64> =
            sqlx::query_scalar(sql::NARRATED).bind(id.0).fetch_optional(&self.readers).await?;
        Ok(told.and_then(|told| u64::try_from(told).ok()).unwrap_or_default())
    }

    async fn set_narrated(&self, id: DeploymentId, sequence: u64) -> Result<(), StoreError> {
        sqlx::query(sql::SET_NARRATED)
            .bind(id.0)
            .bind(journal::signed(sequence))
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    async fn nudge(&self, id: DeploymentId, at: Timestamp) -> Result<bool, StoreError> {
        let nudged = sqlx::query(sql::NUDGE)
            .bind(id.0)
            .bind(at.as_millisecond())
            .execute(&self.writer)
            .await?;
        Ok(nudged.rows_affected() == 1)
    }

    async fn asked_in(&self, message: &MessageId) -> Result<Option<DeploymentId>, StoreError> {
        history::one_id(&self.readers, sql::ASKED_IN, message.as_str()).await
    }

    async fn begin(&self, first: Event, at: Timestamp) -> Result<Deployment, StoreError> {
        journal::begin(self, first, at).await
    }

    async fn append(
        &self,
        deployment: DeploymentId,
        version: u64,
        events: Vec<Event>,
        at: Timestamp,
    ) -> Result<Deployment, StoreError> {
        journal::append(self, journal::Place { deployment, version }, events, at).await
    }

    async fn deployment(&self, id: DeploymentId) -> Result<Option<Deployment>, StoreError> {
        journal::deployment(self, id).await
    }

    async fn events(&self, id: DeploymentId) -> Result<Vec<Recorded>, StoreError> {
        journal::events_after(self, id, 0).await
    }

    async fn events_after(
        &self,
        id: DeploymentId,
        sequence: u64,
    ) -> Result<Vec<Recorded>, StoreError> {
        journal::events_after(self, id, sequence).await
    }

    async fn open(&self) -> Result<Vec<Deployment>, StoreError> {
        journal::open(self).await
    }

    async fn scheduled(&self) -> Result<Vec<Deployment>, StoreError> {
        journal::scheduled(self).await
    }

    async fn by_message(&self, message: &MessageId) -> Result<Option<DeploymentId>, StoreError> {
        history::one_id(&self.readers, sql::BY_MESSAGE, message.as_str()).await
    }

    async fn history(
        &self,
        environment: Option<&EnvironmentName>,
        limit: u32,
    ) -> Result<Vec<Summary>, StoreError> {
        history::history(&self.readers, environment, limit).await
    }

    async fn last_success(
        &self,
        environment: &EnvironmentName,
    ) -> Result<Option<Deployment>, StoreError> {
        let last = history::one_id(&self.readers, sql::LAST_SUCCESS, environment.as_str()).await?;
        match last {
            None => Ok(None),
            Some(id) => journal::deployment(self, id).await,
        }
    }

    async fn verified(
        &self,
        environment: &EnvironmentName,
        image: &Image,
    ) -> Result<bool, StoreError> {
        history::verified(&self.readers, environment, image).await
    }

    async fn durations(
        &self,
        environment: &EnvironmentName,
        repositories: &[Repository],
        limit: u32,
    ) -> Result<Vec<Duration>, StoreError> {
        history::durations(&self.readers, environment, repositories, limit).await
    }

    async fn hold(&self, environment: &EnvironmentName) -> Result<Option<Hold>, StoreError> {
        history::hold(&self.readers, environment).await
    }

    async fn decide(&self, decision: Decision, at: Timestamp) -> Result<bool, StoreError> {
        decisions::decide(self, decision, at).await
    }

    async fn bans(&self) -> Result<Vec<Ban>, StoreError> {
        decisions::bans(self).await
    }

    async fn decisions(&self, limit: u32) -> Result<Vec<RecordedDecision>, StoreError> {
        decisions::newest(self, limit).await
    }

    async fn lock(&self, environment: &EnvironmentName) -> Result<Option<Lock>, StoreError> {
        decisions::lock(self, environment).await
    }

    async fn locks(&self) -> Result<Vec<Lock>, StoreError> {
        decisions::locks(self).await
    }

    async fn ask_about_lock(&self, lock: &Lock, at: Timestamp) -> Result<bool, StoreError> {
        decisions::ask_about(self, lock, at).await
    }

    async fn freezes(&self) -> Result<Vec<Freeze>, StoreError> {
        decisions::freezes(self).await
    }

    async fn news(&self) -> Result<Vec<RecordedDecision>, StoreError> {
        decisions::news(self).await
    }

    async fn news_told(&self, decision: u64) -> Result<(), StoreError> {
        decisions::told(self, decision).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_written_is_on_disk_and_readers_cannot_write() {
        let directory = tempfile::tempdir().expect("a directory");
        let url = format!("sqlite://{}", directory.path().join("journal.db").display());
        let store = SqliteStore::open(&url).await.expect("a store");
        let full: i64 = sqlx::query_scalar("PRAGMA synchronous")
            .fetch_one(&store.writer)
            .await
            .expect("an answer");
        assert_eq!(full, 2);
        let log: String = sqlx::query_scalar("PRAGMA journal_mode")
            .fetch_one(&store.readers)
            .await
            .expect("an answer");
        assert_eq!(log, "wal");
        sqlx::query(sql::END_HOLD)
            .bind("staging")
            .execute(&store.readers)
            .await
            .expect_err("a reader has no hand to write with");
    }
}
