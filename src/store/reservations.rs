//! Reservations, each statement of which is a whole decision: replicas over one database never
//! give an environment to two. What a connection is, is not known here.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use super::journal::signed;
use super::{SqliteStore, sql, time};
use crate::domain::id::{EnvironmentName, PersonId, ReservationId, TokenName};
use crate::domain::reservation::{Over, Reservation};
use crate::ports::{Asked, ReservationStore, Reserving, StoreError, Ticket};

/// For how long one that is over is remembered: long enough for whoever comes back to be told.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24);

#[derive(sqlx::FromRow)]
struct ReservationRow {
    id: String,
    environment: String,
    token: String,
    reason: Option<String>,
    asked_at: i64,
    held_since: Option<i64>,
    lapses_at: i64,
    fence: i64,
    ending: Option<String>,
    ended_by: Option<String>,
    because: Option<String>,
}

#[async_trait]
impl ReservationStore for SqliteStore {
    async fn reserve(&self, reserving: &Reserving) -> Result<bool, StoreError> {
        let Reserving { id, asked, at, lapses_at, most } = reserving;
        let forgotten = at.checked_sub(REMEMBERED).unwrap_or(Timestamp::MIN);
        sqlx::query(sql::FORGET_RESERVATIONS)
            .bind(forgotten.as_millisecond())
            .execute(&self.writer)
            .await?;
        let written = sqlx::query(sql::ASK_RESERVATION)
            .bind(id.as_str())
            .bind(asked.environment.as_str())
            .bind(asked.by.as_str())
            .bind(asked.reason.as_deref())
            .bind(at.as_millisecond())
            .bind(lapses_at.as_millisecond())
            .bind(i64::from(*most))
            .execute(&self.writer)
            .await?;
        Ok(written.rows_affected() == 1)
    }

    async fn take_up_reservation(
        &self,
        id: &ReservationId,
        asked: &Asked,
        (now, lapses_at): (Timestamp, Timestamp),
    ) -> Result<Option<u64>, StoreError> {
        let fence: Option<i64> = sqlx::query_scalar(sql::TAKE_RESERVATION_UP)
            .bind(id.as_str())
            .bind(asked.environment.as_str())
            .bind(asked.by.as_str())
            .bind(now.as_millisecond())
            .bind(lapses_at.as_millisecond())
            .fetch_optional(&self.writer)
            .await?;
        fence.map(counted).transpose()
    }

    async fn extend_reservation(
        &self,
        ticket: &Ticket,
        (now, lapses_at): (Timestamp, Timestamp),
    ) -> Result<bool, StoreError> {
        let extended = sqlx::query(sql::EXTEND_RESERVATION)
            .bind(ticket.id.as_str())
            .bind(signed(ticket.fence))
            .bind(now.as_millisecond())
            .bind(lapses_at.as_millisecond())
            .execute(&self.writer)
            .await?;
        Ok(extended.rows_affected() == 1)
    }

    async fn hold_reservation(
        &self,
        id: &ReservationId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let held = sqlx::query(sql::HOLD_RESERVATION)
            .bind(id.as_str())
            .bind(now.as_millisecond())
            .execute(&self.writer)
            .await;
        match held {
            Ok(held) => Ok(held.rows_affected() == 1),
            // The statement changes nothing else that must be unique.
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn release_reservation(
        &self,
        ticket: &Ticket,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let released = sqlx::query(sql::RELEASE_RESERVATION)
            .bind(ticket.id.as_str())
            .bind(signed(ticket.fence))
            .bind(now.as_millisecond())
            .execute(&self.writer)
            .await?;
        Ok(released.rows_affected() == 1)
    }

    async fn lapse_reservations(&self, now: Timestamp) -> Result<Vec<EnvironmentName>, StoreError> {
        let environments: Vec<String> = sqlx::query_scalar(sql::LAPSE_RESERVATIONS)
            .bind(now.as_millisecond())
            .fetch_all(&self.writer)
            .await?;
        Ok(environments.into_iter().map(EnvironmentName::new).collect())
    }

    async fn reservation(&self, id: &ReservationId) -> Result<Option<Reservation>, StoreError> {
        let row: Option<ReservationRow> = sqlx::query_as(sql::RESERVATION)
            .bind(id.as_str())
            .fetch_optional(&self.readers)
            .await?;
        row.map(ReservationRow::read).transpose()
    }

    async fn reservations(&self) -> Result<Vec<Reservation>, StoreError> {
        let rows: Vec<ReservationRow> =
            sqlx::query_as(sql::RESERVATIONS).fetch_all(&self.readers).await?;
        rows.into_iter().map(ReservationRow::read).collect()
    }
}

impl ReservationRow {
    fn read(self) -> Result<Reservation, StoreError> {
        let over = match (self.ending.as_deref(), self.ended_by) {
            (None, _) => None,
            (Some("released"), _) => Some(Over::Released),
            (Some("lapsed"), _) => Some(Over::Lapsed),
            (Some("ended"), Some(by)) => {
                Some(Over::Ended { by: PersonId::new(by), because: self.because })
            }
            (Some(other), _) => {
                let what = format!("a reservation cannot have ended by {other}");
                return Err(StoreError::Database(what));
            }
        };
        Ok(Reservation {
            id: ReservationId::new(self.id),
            environment: EnvironmentName::new(self.environment),
            by: TokenName::new(self.token),
            reason: self.reason,
            asked_at: time(self.asked_at)?,
            held_since: self.held_since.map(time).transpose()?,
            lapses_at: time(self.lapses_at)?,
            fence: counted(self.fence)?,
            over,
        })
    }
}

fn counted(fence: i64) -> Result<u64, StoreError> {
    u64::try_from(fence)
        .map_err(|_| StoreError::Database(format!("connections cannot count {fence}")))
}
