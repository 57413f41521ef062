//! Events as rows, each of which carries the hash of the one before it in its deployment, so
//! that a change behind the program's back shows. Which events may follow each other is not
//! known here.

use sqlx::{SqliteConnection, SqlitePool};

use super::{sql, time};
use crate::domain::event::{EVENT_VERSION, Event, Recorded};
use crate::domain::id::{DeploymentId, sha256_hex};
use crate::ports::StoreError;

/// What a look at a deployment's chain found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chain {
    /// Every event is as it was written, from the first to the last.
    Sound { events: u64 },
    /// The first event that is not.
    Broken { sequence: u64, fault: Fault },
}

/// What is wrong with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It should be there and is not.
    Missing,
    /// Its own hash does not match what it says.
    Altered,
    /// It does not carry the hash of the event before it.
    Unlinked,
    /// It is sound in itself, and not where the deployment's projection says the journal ends:
    /// the chain was computed anew by somebody, or went on behind the program's back.
    NotTheHead,
}

/// The end of a deployment's chain.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Head {
    #[sqlx(try_from = "i64")]
    pub sequence: u64,
    pub hash: String,
}

/// An event as it is stored.
#[derive(sqlx::FromRow)]
pub struct EventRow {
    pub deployment: i64,
    #[sqlx(try_from = "i64")]
    pub sequence: u64,
    pub at: i64,
    pub version: i64,
    #[sqlx(rename = "type")]
    pub kind: String,
    pub body: String,
    pub previous_hash: String,
    pub hash: String,
}

impl EventRow {
    /// The row for an event that follows the one with the hash `previous` (none: empty).
    pub fn write(recorded: &Recorded, previous: &str) -> Result<Self, StoreError> {
        let unsound = |detail: String| StoreError::Unsound {
            deployment: recorded.deployment,
            detail: format!("event {} cannot be written: {detail}", recorded.sequence),
        };
        let body = serde_json::to_value(&recorded.event).map_err(|e| unsound(e.to_string()))?;
        let kind = body.get("type").and_then(serde_json::Value::as_str);
        let mut row = Self {
            deployment: recorded.deployment.0,
            sequence: recorded.sequence,
            at: recorded.at.as_millisecond(),
            version: i64::from(EVENT_VERSION),
            kind: kind.ok_or_else(|| unsound("it has no type".to_owned()))?.to_owned(),
            body: body.to_string(),
            previous_hash: previous.to_owned(),
            hash: String::new(),
        };
        row.hash = row.content_hash();
        Ok(row)
    }

    pub fn read(&self) -> Result<Recorded, StoreError> {
        let deployment = DeploymentId(self.deployment);
        let unsound = |detail: String| StoreError::Unsound {
            deployment,
            detail: format!("event {} cannot be read: {detail}", self.sequence),
        };
        if self.version != i64::from(EVENT_VERSION) {
            return Err(unsound(format!(
                "it has version {}, and this program reads version {EVENT_VERSION}",
                self.version
            )));
        }
        let event: Event = serde_json::from_str(&self.body).map_err(|e| unsound(e.to_string()))?;
        Ok(Recorded { deployment, sequence: self.sequence, at: time(self.at)?, event })
    }

    /// The hash over everything that the row says, with the hash of the event before it.
    fn content_hash(&self) -> String {
        let Self { deployment, sequence, at, version, kind, body, previous_hash, hash: _ } = self;
        let numbers = format!("{deployment} {sequence} {at} {version}");
        content_hash(numbers, [kind, body, previous_hash])
    }

    fn link(&self) -> Link<'_> {
        Link {
            sequence: self.sequence,
            is_as_written: self.hash == self.content_hash(),
            previous: &self.previous_hash,
            hash: &self.hash,
        }
    }
}

/// The hash over all that a row says. Texts are preceded by their length, so that no two rows
/// read the same.
pub fn content_hash(numbers: String, texts: [&String; 3]) -> String {
    let mut content = numbers;
    for text in texts {
        content.push_str(&format!(" {}:{text}", text.len()));
    }
    sha256_hex(content.as_bytes())
}

/// A row as a link of its chain.
pub struct Link<'a> {
    pub sequence: u64,
    /// Its own hash matches what it says.
    pub is_as_written: bool,
    /// The hash of the row before it, as it says; empty for the first.
    pub previous: &'a str,
    pub hash: &'a str,
}

/// The last event of a deployment.
pub async fn head(
    connection: &mut SqliteConnection,
    deployment: DeploymentId,
) -> Result<Option<Head>, StoreError> {
    Ok(sqlx::query_as(sql::HEAD).bind(deployment.0).fetch_optional(connection).await?)
}

/// Every event of a deployment, in order.
pub async fn rows(
    connection: &mut SqliteConnection,
    deployment: DeploymentId,
) -> Result<Vec<EventRow>, StoreError> {
    Ok(sqlx::query_as(sql::EVENTS).bind(deployment.0).fetch_all(connection).await?)
}

pub async fn verify(readers: &SqlitePool, deployment: DeploymentId) -> Result<Chain, StoreError> {
    // Both are read in one transaction, so that they tell of the same moment.
    let mut reading = readers.begin().await?;
    let rows = rows(&mut reading, deployment).await?;
    let projected: Option<Head> = sqlx::query_as(sql::PROJECTED_HEAD)
        .bind(deployment.0)
        .fetch_optional(&mut *reading)
        .await?;
    reading.rollback().await?;
    if rows.is_empty() && projected.is_none() {
        return Err(StoreError::NoSuchDeployment(deployment));
    }
    Ok(check(rows.iter().map(EventRow::link), projected.as_ref()))
}

/// Walks a chain from its first link to where its projection says that it ends.
pub fn check<'a>(links: impl Iterator<Item = Link<'a>>, projected: Option<&Head>) -> Chain {
    let mut sequence = 0;
    let mut previous = "";
    for link in links {
        sequence += 1;
        let fault = if link.sequence != sequence {
            Some(Fault::Missing)
        } else if !link.is_as_written {
            Some(Fault::Altered)
        } else if link.previous != previous {
            Some(Fault::Unlinked)
        } else {
            None
        };
        if let Some(fault) = fault {
            return Chain::Broken { sequence, fault };
        }
        previous = link.hash;
    }
    match projected {
        Some(head) if head.sequence > sequence => {
            Chain::Broken { sequence: sequence + 1, fault: Fault::Missing }
        }
        Some(head) if head.sequence == sequence && head.hash == previous => {
            Chain::Sound { events: sequence }
        }
        Some(_) | None => Chain::Broken { sequence, fault: Fault::NotTheHead },
    }
}
