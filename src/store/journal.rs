//! Reading and appending events. An append is one transaction: the events, their chain and
//! what is projected from them, or nothing. What the projections are for is not known here.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use sqlx::SqliteConnection;

use super::chain::{self, EventRow};
use super::projection::{self, Appended};
use super::{SqliteStore, sql, time};
use crate::domain::deployment::{Deployment, IllegalEvent};
use crate::domain::event::{Event, Recorded};
use crate::domain::id::DeploymentId;
use crate::ports::StoreError;

/// SQLite's plain BEGIN takes the write lock at the first write, when what was read before it
/// may be out of date; this one takes it at once.
pub const BEGIN: &str = "BEGIN IMMEDIATE";

/// The end of a deployment's journal, as the caller knows it.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub deployment: DeploymentId,
    pub version: u64,
}

/// Deployments that have not ended, as they were folded last. Each stands beside the hash of
/// its last event and is used only where that is still the last event in the database: so it
/// can be out of date, and does not matter.
#[derive(Default)]
pub struct Folded(Mutex<HashMap<DeploymentId, Fold>>);

/// A deployment and the hash of the last event in it.
#[derive(Clone)]
struct Fold {
    deployment: Deployment,
    hash: String,
}

impl Folded {
    fn get(&self, id: DeploymentId, hash: &str) -> Option<Fold> {
        // Each entry is written whole, so a thread that panicked has left none half done.
        let folds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        folds.get(&id).filter(|fold| fold.hash == hash).cloned()
    }

    fn put(&self, fold: &Fold) {
        let mut folds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let id = fold.deployment.id;
        if fold.deployment.end().is_some() {
            folds.remove(&id);
        } else {
            folds.insert(id, fold.clone());
        }
    }
}

pub async fn begin(
    store: &SqliteStore,
    first: Event,
    at: Timestamp,
) -> Result<Deployment, StoreError> {
    let at = time(at.as_millisecond())?;
    let mut writing = store.writer.begin_with(BEGIN).await?;
    let id: i64 = sqlx::query_scalar(sql::NEXT_DEPLOYMENT).fetch_one(&mut *writing).await?;
    let recorded = Recorded { deployment: DeploymentId(id), sequence: 1, at, event: first };
    let deployment = Deployment::begin(&recorded).map_err(unsound)?;
    if let Some(message) = &deployment.request.asked_in {
        let earlier: Option<i64> = sqlx::query_scalar(sql::ASKED_IN)
            .bind(message.as_str())
            .fetch_optional(&mut *writing)
            .await?;
        if let Some(earlier) = earlier {
            return Err(StoreError::Conflict(DeploymentId(earlier)));
        }
    }
    let hash = record(&mut writing, &recorded, &deployment, "").await?;
    writing.commit().await?;
    let fold = Fold { deployment, hash };
    store.folded.put(&fold);
    Ok(fold.deployment)
}

pub async fn append(
    store: &SqliteStore,
    place: Place,
    events: Vec<Event>,
    at: Timestamp,
) -> Result<Deployment, StoreError> {
    let at = time(at.as_millisecond())?;
    let mut writing = store.writer.begin_with(BEGIN).await?;
    let found = current(store, &mut writing, place.deployment).await?;
    let mut fold = found.ok_or(StoreError::NoSuchDeployment(place.deployment))?;
    if fold.deployment.version != place.version {
        return Err(StoreError::Conflict(place.deployment));
    }
    for event in events {
        let sequence = fold.deployment.version + 1;
        let recorded = Recorded { deployment: place.deployment, sequence, at, event };
        fold.deployment.apply(&recorded).map_err(unsound)?;
        fold.hash = record(&mut writing, &recorded, &fold.deployment, &fold.hash).await?;
    }
    writing.commit().await?;
    store.folded.put(&fold);
    Ok(fold.deployment)
}

/// Writes one event and what it changes; gives its hash.
async fn record(
    writing: &mut SqliteConnection,
    recorded: &Recorded,
    deployment: &Deployment,
    previous: &str,
) -> Result<String, StoreError> {
    let row = EventRow::write(recorded, previous)?;
    let position: i64 = sqlx::query_scalar(sql::INSERT_EVENT)
        .bind(row.deployment)
        .bind(signed(row.sequence))
        .bind(row.at)
        .bind(row.version)
        .bind(row.kind)
        .bind(row.body)
        .bind(row.previous_hash)
        .bind(&row.hash)
        .fetch_one(&mut *writing)
        .await?;
    let appended = Appended { recorded, deployment, position, hash: &row.hash };
    projection::project(writing, &appended).await?;
    Ok(row.hash)
}

/// A sequence as the database counts: no deployment has so many events that it would not fit.
pub fn signed(sequence: u64) -> i64 {
    i64::try_from(sequence).unwrap_or(i64::MAX)
}

/// The deployment as it is in the database now.
async fn current(
    store: &SqliteStore,
    connection: &mut SqliteConnection,
    id: DeploymentId,
) -> Result<Option<Fold>, StoreError> {
    let Some(head) = chain::head(connection, id).await? else { return Ok(None) };
    if let Some(fold) = store.folded.get(id, &head.hash) {
        return Ok(Some(fold));
    }
    let rows = chain::rows(connection, id).await?;
    let Some(last) = rows.last() else { return Ok(None) };
    let hash = last.hash.clone();
    let events = read(&rows)?;
    Ok(Deployment::fold(&events).map_err(unsound)?.map(|deployment| Fold { deployment, hash }))
}

pub async fn deployment(
    store: &SqliteStore,
    id: DeploymentId,
) -> Result<Option<Deployment>, StoreError> {
    let mut reading = store.readers.acquire().await?;
    let Some(fold) = current(store, &mut reading, id).await? else { return Ok(None) };
    store.folded.put(&fold);
    Ok(Some(fold.deployment))
}

pub async fn events_after(
    store: &SqliteStore,
    id: DeploymentId,
    sequence: u64,
) -> Result<Vec<Recorded>, StoreError> {
    let rows = sqlx::query_as::<_, EventRow>(sql::EVENTS_AFTER)
        .bind(id.0)
        .bind(signed(sequence))
        .fetch_all(&store.readers)
        .await?;
    read(&rows)
}

/// Ended deployments whose end was not yet told.
pub async fn untold(store: &SqliteStore) -> Result<Vec<Deployment>, StoreError> {
    let ids: Vec<i64> = sqlx::query_scalar(sql::UNTOLD).fetch_all(&store.readers).await?;
    let mut untold = Vec::new();
    for id in ids {
        untold.extend(deployment(store, DeploymentId(id)).await?);
    }
    Ok(untold)
}

pub async fn told(store: &SqliteStore, id: DeploymentId) -> Result<(), StoreError> {
    sqlx::query(sql::TOLD).bind(id.0).execute(&store.writer).await?;
    Ok(())
}

pub async fn open(store: &SqliteStore) -> Result<Vec<Deployment>, StoreError> {
    let ids: Vec<i64> = sqlx::query_scalar(sql::OPEN).fetch_all(&store.readers).await?;
    let mut open = Vec::new();
    for id in ids {
        // It may have ended since the list was read.
        let found = deployment(store, DeploymentId(id)).await?;
        open.extend(found.filter(|deployment| deployment.end().is_none()));
    }
    Ok(open)
}

/// Those that wait for their moment, the next first.
pub async fn scheduled(store: &SqliteStore) -> Result<Vec<Deployment>, StoreError> {
    let ids: Vec<i64> = sqlx::query_scalar(sql::SCHEDULED).fetch_all(&store.readers).await?;
    let mut scheduled = Vec::new();
    for id in ids {
        // Its moment may have come since the list was read.
        let found = deployment(store, DeploymentId(id)).await?;
        scheduled.extend(found.filter(Deployment::is_scheduled));
    }
    Ok(scheduled)
}

fn read(rows: &[EventRow]) -> Result<Vec<Recorded>, StoreError> {
    rows.iter().map(EventRow::read).collect()
}

fn unsound(illegal: IllegalEvent) -> StoreError {
    StoreError::Unsound { deployment: illegal.deployment, detail: illegal.to_string() }
}
