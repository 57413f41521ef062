//! What people wrote, recorded once. Who answers, and how, is not known here.

use jiff::Timestamp;
use sqlx::SqlitePool;

use super::{sql, time};
use crate::domain::id::{ChannelId, MessageId, PersonId};
use crate::ports::{Said, StoreError, Unhandled};

#[derive(sqlx::FromRow)]
struct InboxRow {
    message: String,
    channel: String,
    person: String,
    text: String,
    received_at: i64,
    said_at: Option<i64>,
    pressed_on: Option<String>,
}

pub async fn receive(writer: &SqlitePool, said: &Said, at: Timestamp) -> Result<bool, StoreError> {
    let done = sqlx::query(sql::RECEIVE)
        .bind(said.message.as_str())
        .bind(said.channel.as_str())
        .bind(said.person.as_str())
        .bind(&said.text)
        .bind(at.as_millisecond())
        .bind(said.at.map(Timestamp::as_millisecond))
        .bind(said.pressed_on.as_ref().map(MessageId::as_str))
        .execute(writer)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// The first time counts; a message that was never received is none of our business.
pub async fn handled(
    writer: &SqlitePool,
    message: &MessageId,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(sql::HANDLED)
        .bind(message.as_str())
        .bind(at.as_millisecond())
        .execute(writer)
        .await?;
    Ok(())
}

pub async fn unhandled(readers: &SqlitePool) -> Result<Vec<Unhandled>, StoreError> {
    let rows: Vec<InboxRow> = sqlx::query_as(sql::UNHANDLED).fetch_all(readers).await?;
    rows.into_iter().map(InboxRow::read).collect()
}

impl InboxRow {
    fn read(self) -> Result<Unhandled, StoreError> {
        Ok(Unhandled {
            received_at: time(self.received_at)?,
            said: Said {
                message: MessageId::new(self.message),
                channel: ChannelId::new(self.channel),
                person: PersonId::new(self.person),
                text: self.text,
                at: self.said_at.map(time).transpose()?,
                pressed_on: self.pressed_on.map(MessageId::new),
            },
        })
    }
}
