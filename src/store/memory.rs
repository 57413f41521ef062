//! What a chat remembers: what it was about to post, and up to where it has listened. Which chat
//! that is, and what is said there, is not known here.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use super::{SqliteStore, sql, time};
use crate::domain::id::{ChannelId, MessageId, sha256_hex};
use crate::ports::{ChatMemory, Posting, StoreError};

/// For how long postings are remembered. Nothing is tried again after so long.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(7 * 24);

#[async_trait]
impl ChatMemory for SqliteStore {
    async fn installation(&self) -> Result<String, StoreError> {
        let mut random = [0_u8; 16];
        ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut random)
            .map_err(|_| StoreError::Database("no random number can be had".to_owned()))?;
        sqlx::query(sql::SET_INSTALLATION).bind(sha256_hex(&random)).execute(&self.writer).await?;
        Ok(sqlx::query_scalar(sql::INSTALLATION).fetch_one(&self.writer).await?)
    }

    async fn begin_posting(&self, key: &str, at: Timestamp) -> Result<Posting, StoreError> {
        let begun = sqlx::query(sql::BEGIN_POSTING)
            .bind(key)
            .bind(at.as_millisecond())
            .execute(&self.writer)
            .await?;
        if begun.rows_affected() == 1 {
            return Ok(Posting::New);
        }
        let (begun_at, message): (i64, Option<String>) =
            sqlx::query_as(sql::POSTING).bind(key).fetch_one(&self.writer).await?;
        Ok(match message {
            Some(message) => Posting::Posted { message: MessageId::new(message) },
            None => Posting::Begun { at: time(begun_at)? },
        })
    }

    async fn end_posting(&self, key: &str, message: &MessageId) -> Result<(), StoreError> {
        sqlx::query(sql::END_POSTING)
            .bind(key)
            .bind(message.as_str())
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    async fn forget_postings(&self, now: Timestamp) -> Result<(), StoreError> {
        let before = now.checked_sub(REMEMBERED).unwrap_or(Timestamp::MIN);
        sqlx::query(sql::FORGET_POSTINGS)
            .bind(before.as_millisecond())
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    async fn heard(&self) -> Result<Vec<(ChannelId, MessageId)>, StoreError> {
        let rows: Vec<(String, String)> =
            sqlx::query_as(sql::HEARD).fetch_all(&self.readers).await?;
        let heard = |(channel, message)| (ChannelId::new(channel), MessageId::new(message));
        Ok(rows.into_iter().map(heard).collect())
    }

    async fn set_heard(&self, channel: &ChannelId, message: &MessageId) -> Result<(), StoreError> {
        sqlx::query(sql::SET_HEARD)
            .bind(channel.as_str())
            .bind(message.as_str())
            .execute(&self.writer)
            .await?;
        Ok(())
    }
}
