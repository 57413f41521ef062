//! Questions about many deployments at once, answered from the projections alone, so that they
//! stay quick however long the journal gets.

use std::collections::BTreeMap;
use std::time::Duration;

use sqlx::SqlitePool;

use super::{sql, time};
use crate::domain::id::{DeploymentId, EnvironmentName, PersonId, Repository};
use crate::domain::image::Image;
use crate::ports::{Hold, StoreError, Summary};

#[derive(sqlx::FromRow)]
struct SummaryRow {
    id: i64,
    environment: String,
    stage: String,
    names: String,
    kind: String,
    requester: String,
    requested_at: i64,
    ended_at: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct HoldRow {
    deployment: i64,
    since: i64,
}

#[derive(sqlx::FromRow)]
struct RunRow {
    turn: i64,
    started_at: i64,
    ended_at: i64,
}

/// The deployment that a statement with one parameter finds.
pub async fn one_id(
    readers: &SqlitePool,
    statement: &'static str,
    parameter: &str,
) -> Result<Option<DeploymentId>, StoreError> {
    let id: Option<i64> =
        sqlx::query_scalar(statement).bind(parameter).fetch_optional(readers).await?;
    Ok(id.map(DeploymentId))
}

pub async fn history(
    readers: &SqlitePool,
    environment: Option<&EnvironmentName>,
    limit: u32,
) -> Result<Vec<Summary>, StoreError> {
    let query = match environment {
        None => sqlx::query_as(sql::HISTORY).bind(i64::from(limit)),
        Some(environment) => {
            sqlx::query_as(sql::HISTORY_OF).bind(environment.as_str()).bind(i64::from(limit))
        }
    };
    let rows: Vec<SummaryRow> = query.fetch_all(readers).await?;
    rows.into_iter().map(SummaryRow::read).collect()
}

pub async fn verified(
    readers: &SqlitePool,
    environment: &EnvironmentName,
    image: &Image,
) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar(sql::VERIFIED)
        .bind(environment.as_str())
        .bind(image.repository.as_str())
        .bind(image.digest.as_str())
        .fetch_one(readers)
        .await?)
}

pub async fn durations(
    readers: &SqlitePool,
    environment: &EnvironmentName,
    repositories: &[Repository],
    limit: u32,
) -> Result<Vec<Duration>, StoreError> {
    // One that moved several of them is found several times and counts once. A statement for
    // each repository, because databases do not agree on how a list is bound.
    let mut runs = BTreeMap::new();
    for repository in repositories {
        let rows: Vec<RunRow> = sqlx::query_as(sql::DURATIONS)
            .bind(environment.as_str())
            .bind(repository.as_str())
            .bind(i64::from(limit))
            .fetch_all(readers)
            .await?;
        runs.extend(rows.into_iter().map(|row| (row.turn, row)));
    }
    let newest_first = runs.into_values().rev();
    Ok(newest_first.take(limit as usize).map(|row| row.took()).collect())
}

pub async fn hold(
    readers: &SqlitePool,
    environment: &EnvironmentName,
) -> Result<Option<Hold>, StoreError> {
    let row: Option<HoldRow> =
        sqlx::query_as(sql::HOLD).bind(environment.as_str()).fetch_optional(readers).await?;
    let Some(HoldRow { deployment, since }) = row else { return Ok(None) };
    Ok(Some(Hold { deployment: DeploymentId(deployment), since: time(since)? }))
}

impl RunRow {
    /// From the start to the end; nothing, where the clock was set back in between.
    fn took(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.ended_at - self.started_at).unwrap_or(0))
    }
}

impl SummaryRow {
    fn read(self) -> Result<Summary, StoreError> {
        Ok(Summary {
            id: DeploymentId(self.id),
            environment: EnvironmentName::new(self.environment),
            stage: self.stage,
            names: self.names,
            rollback: self.kind == "rollback",
            requester: PersonId::new(self.requester),
            requested_at: time(self.requested_at)?,
            ended_at: self.ended_at.map(time).transpose()?,
        })
    }
}
