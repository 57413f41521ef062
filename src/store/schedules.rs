//! What is announced at set times. One of several processes has each time of a schedule: the one
//! that writes it down. What is announced, and when it is due, is not known here.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;

use super::journal::BEGIN;
use super::{SqliteStore, sql, time};
use crate::domain::figures::{Ended, Outcome};
use crate::domain::id::{ChannelId, DeploymentId, EnvironmentName, MessageId, PersonId};
use crate::domain::schedule::{Fate, Firing, Made, NewSchedule, Posted, ScheduleKey, Stored};
use crate::domain::timetable::Due;
use crate::ports::{MadeSchedule, Pause, Schedules, StoreError};

#[derive(sqlx::FromRow)]
struct ScheduleRow {
    id: i64,
    text: String,
    once_at: Option<i64>,
    rule: Option<String>,
    zone: String,
    channel: String,
    person: String,
    made_at: i64,
    ended_at: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct MarkRow {
    schedule: String,
    rule: String,
    settled: i64,
}

#[derive(sqlx::FromRow)]
struct PauseRow {
    schedule: String,
    person: String,
    since: i64,
}

#[derive(sqlx::FromRow)]
struct FiringRow {
    schedule: String,
    due: i64,
    skipped: i64,
    fate: String,
    claimed_at: i64,
    message: Option<String>,
}

#[derive(sqlx::FromRow)]
struct EndedRow {
    id: i64,
    environment: String,
    stage: String,
    names: String,
    reverts: Option<i64>,
    requester: String,
    started_at: Option<i64>,
    ended_at: i64,
    undone: bool,
    first_asked_at: i64,
}

impl SqliteStore {
    /// Ends what was claimed and is not announced. False: it had an end already.
    async fn not_announced(&self, firing: &Firing, fate: &str) -> Result<bool, StoreError> {
        let ended = sqlx::query(sql::NOT_ANNOUNCED)
            .bind(firing.schedule.to_string())
            .bind(firing.due.as_millisecond())
            .bind(fate)
            .execute(&self.writer)
            .await?;
        Ok(ended.rows_affected() == 1)
    }
}

#[async_trait]
impl Schedules for SqliteStore {
    async fn schedules(&self) -> Result<Vec<MadeSchedule>, StoreError> {
        let rows: Vec<ScheduleRow> =
            sqlx::query_as(sql::SCHEDULES).fetch_all(&self.readers).await?;
        rows.into_iter().map(ScheduleRow::read).collect()
    }

    async fn make_schedule(
        &self,
        new: &NewSchedule,
        rule: &str,
    ) -> Result<MadeSchedule, StoreError> {
        let (once_at, said) = match &new.when {
            Stored::Once(once) => (Some(once.as_millisecond()), None),
            Stored::Rule(rule) => (None, Some(rule.as_str())),
        };
        let mut writing = self.writer.begin_with(BEGIN).await?;
        let made = sqlx::query(sql::MAKE_SCHEDULE)
            .bind(&new.text)
            .bind(once_at)
            .bind(said)
            .bind(&new.zone)
            .bind(new.channel.as_str())
            .bind(new.by.as_str())
            .bind(new.asked_in.as_str())
            .bind(new.at.as_millisecond())
            .execute(&mut *writing)
            .await?;
        let row: ScheduleRow = sqlx::query_as(sql::SCHEDULE_ASKED_IN)
            .bind(new.asked_in.as_str())
            .fetch_one(&mut *writing)
            .await?;
        if made.rows_affected() > 0 {
            // Whenever somebody looks first: no time is lost between now and then.
            sqlx::query(sql::SET_MARK)
                .bind(row.id.to_string())
                .bind(rule)
                .bind(new.at.as_millisecond())
                .execute(&mut *writing)
                .await?;
            sqlx::query(sql::SCHEDULES_CHANGED).execute(&mut *writing).await?;
        }
        writing.commit().await?;
        row.read()
    }

    async fn schedule_asked_in(
        &self,
        message: &MessageId,
    ) -> Result<Option<MadeSchedule>, StoreError> {
        let row: Option<ScheduleRow> = sqlx::query_as(sql::SCHEDULE_ASKED_IN)
            .bind(message.as_str())
            .fetch_optional(&self.readers)
            .await?;
        row.map(ScheduleRow::read).transpose()
    }

    async fn schedule(&self, number: i64) -> Result<Option<MadeSchedule>, StoreError> {
        let row: Option<ScheduleRow> =
            sqlx::query_as(sql::SCHEDULE).bind(number).fetch_optional(&self.readers).await?;
        row.map(ScheduleRow::read).transpose()
    }

    async fn end_schedule(&self, number: i64, at: Timestamp) -> Result<bool, StoreError> {
        let mut writing = self.writer.begin_with(BEGIN).await?;
        let ended = sqlx::query(sql::END_SCHEDULE)
            .bind(number)
            .bind(at.as_millisecond())
            .execute(&mut *writing)
            .await?;
        if ended.rows_affected() == 0 {
            return Ok(false);
        }
        let name = number.to_string();
        for forget in [sql::FORGET_MARK, sql::UNPAUSE_SCHEDULE, sql::CALL_OFF_ALL] {
            sqlx::query(forget).bind(&name).execute(&mut *writing).await?;
        }
        sqlx::query(sql::SCHEDULES_CHANGED).execute(&mut *writing).await?;
        writing.commit().await?;
        Ok(true)
    }

    async fn pauses(&self) -> Result<BTreeMap<ScheduleKey, Pause>, StoreError> {
        let rows: Vec<PauseRow> = sqlx::query_as(sql::PAUSES).fetch_all(&self.readers).await?;
        let read = |row: PauseRow| {
            let pause = Pause { by: PersonId::new(row.person), since: time(row.since)? };
            Ok((ScheduleKey::parse(&row.schedule), pause))
        };
        rows.into_iter().map(read).collect()
    }

    async fn pause_schedule(
        &self,
        schedule: &ScheduleKey,
        pause: &Pause,
    ) -> Result<bool, StoreError> {
        let name = schedule.to_string();
        let mut writing = self.writer.begin_with(BEGIN).await?;
        let paused = sqlx::query(sql::PAUSE_SCHEDULE)
            .bind(&name)
            .bind(pause.by.as_str())
            .bind(pause.since.as_millisecond())
            .execute(&mut *writing)
            .await?;
        if paused.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query(sql::CALL_OFF_ALL).bind(&name).execute(&mut *writing).await?;
        sqlx::query(sql::SCHEDULES_CHANGED).execute(&mut *writing).await?;
        writing.commit().await?;
        Ok(true)
    }

    async fn unpause_schedule(
        &self,
        schedule: &ScheduleKey,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let name = schedule.to_string();
        let mut writing = self.writer.begin_with(BEGIN).await?;
        let unpaused =
            sqlx::query(sql::UNPAUSE_SCHEDULE).bind(&name).execute(&mut *writing).await?;
        if unpaused.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query(sql::SETTLE)
            .bind(&name)
            .bind(at.as_millisecond())
            .execute(&mut *writing)
            .await?;
        sqlx::query(sql::SCHEDULES_CHANGED).execute(&mut *writing).await?;
        writing.commit().await?;
        Ok(true)
    }

    async fn schedule_changes(&self) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar(sql::SCHEDULE_CHANGES).fetch_one(&self.readers).await?)
    }

    async fn settled(
        &self,
        schedules: &[(ScheduleKey, String)],
        now: Timestamp,
    ) -> Result<BTreeMap<ScheduleKey, Timestamp>, StoreError> {
        // One that begins now may be due now: it is not dealt with yet.
        let just_before = now.as_millisecond() - 1;
        let mut writing = self.writer.begin_with(BEGIN).await?;
        let rows: Vec<MarkRow> = match schedules {
            [(one, _)] => {
                sqlx::query_as(sql::MARK).bind(one.to_string()).fetch_all(&mut *writing).await?
            }
            _ => sqlx::query_as(sql::MARKS).fetch_all(&mut *writing).await?,
        };
        let known: BTreeMap<String, (String, i64)> =
            rows.into_iter().map(|row| (row.schedule, (row.rule, row.settled))).collect();
        let mut settled = BTreeMap::new();
        for (schedule, rule) in schedules {
            let name = schedule.to_string();
            let mark = known.get(&name).filter(|(known, _)| known == rule);
            let mark = match mark {
                Some((_, settled)) => *settled,
                None => {
                    sqlx::query(sql::SET_MARK)
                        .bind(name)
                        .bind(rule)
                        .bind(just_before)
                        .execute(&mut *writing)
                        .await?;
                    just_before
                }
            };
            settled.insert(schedule.clone(), time(mark)?);
        }
        writing.commit().await?;
        Ok(settled)
    }

    async fn claim(&self, due: &Due, now: Timestamp) -> Result<bool, StoreError> {
        let name = due.schedule.to_string();
        let number = match &due.schedule {
            ScheduleKey::Numbered(number) => Some(*number),
            ScheduleKey::Named(_) => None,
        };
        let mut writing = self.writer.begin_with(BEGIN).await?;
        let claimed = sqlx::query(sql::CLAIM)
            .bind(&name)
            .bind(due.at.as_millisecond())
            .bind(i64::from(due.skipped))
            .bind(if due.in_time { CLAIMED } else { MISSED })
            .bind(now.as_millisecond())
            .bind(number)
            .execute(&mut *writing)
            .await?;
        if claimed.rows_affected() == 0 {
            // Dropped without a commit, it was never written.
            return Ok(false);
        }
        sqlx::query(sql::SETTLE)
            .bind(&name)
            .bind(due.at.as_millisecond())
            .execute(&mut *writing)
            .await?;
        writing.commit().await?;
        Ok(true)
    }

    async fn take_over(
        &self,
        firing: &Firing,
        before: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let taken = sqlx::query(sql::TAKE_OVER)
            .bind(firing.schedule.to_string())
            .bind(firing.due.as_millisecond())
            .bind(now.as_millisecond())
            .bind(before.as_millisecond())
            .execute(&self.writer)
            .await?;
        Ok(taken.rows_affected() == 1)
    }

    async fn renew(&self, firing: &Firing, now: Timestamp) -> Result<bool, StoreError> {
        let Fate::Claimed { at: claimed_at } = firing.fate else { return Ok(false) };
        let renewed = sqlx::query(sql::RENEW)
            .bind(firing.schedule.to_string())
            .bind(firing.due.as_millisecond())
            .bind(now.as_millisecond())
            .bind(claimed_at.as_millisecond())
            .execute(&self.writer)
            .await?;
        Ok(renewed.rows_affected() == 1)
    }

    async fn claimed(&self) -> Result<Vec<Firing>, StoreError> {
        let rows: Vec<FiringRow> = sqlx::query_as(sql::CLAIMED).fetch_all(&self.readers).await?;
        rows.into_iter().map(FiringRow::read).collect()
    }

    async fn announced(
        &self,
        firing: &Firing,
        posted: Option<&Posted>,
    ) -> Result<bool, StoreError> {
        let ended = sqlx::query(sql::ANNOUNCED)
            .bind(firing.schedule.to_string())
            .bind(firing.due.as_millisecond())
            .bind(if posted.is_some() { POSTED } else { SILENT })
            .bind(posted.map(|posted| posted.message.as_str()))
            .bind(i64::from(posted.is_some_and(|posted| posted.asks)))
            .execute(&self.writer)
            .await?;
        Ok(ended.rows_affected() == 1)
    }

    async fn missed(&self, firing: &Firing) -> Result<bool, StoreError> {
        self.not_announced(firing, MISSED).await
    }

    async fn denied(&self, firing: &Firing) -> Result<bool, StoreError> {
        self.not_announced(firing, DENIED).await
    }

    async fn announced_before(
        &self,
        schedule: &ScheduleKey,
        due: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let before: Option<i64> = sqlx::query_scalar(sql::ANNOUNCED_BEFORE)
            .bind(schedule.to_string())
            .bind(due.as_millisecond())
            .fetch_optional(&self.readers)
            .await?;
        Ok(before.map(time).transpose()?)
    }

    async fn firings(&self, schedule: &ScheduleKey, limit: u32) -> Result<Vec<Firing>, StoreError> {
        let rows: Vec<FiringRow> = sqlx::query_as(sql::FIRINGS)
            .bind(schedule.to_string())
            .bind(i64::from(limit))
            .fetch_all(&self.readers)
            .await?;
        rows.into_iter().map(FiringRow::read).collect()
    }

    async fn firing_that_asks(&self, message: &MessageId) -> Result<Option<Firing>, StoreError> {
        let row: Option<FiringRow> = sqlx::query_as(sql::FIRING_THAT_ASKS)
            .bind(message.as_str())
            .fetch_optional(&self.readers)
            .await?;
        row.map(FiringRow::read).transpose()
    }

    async fn forget_firings(&self, before: Timestamp) -> Result<(), StoreError> {
        sqlx::query(sql::FORGET_FIRINGS)
            .bind(before.as_millisecond())
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    async fn ended_since(&self, from: Timestamp) -> Result<Vec<Outcome>, StoreError> {
        let rows: Vec<EndedRow> = sqlx::query_as(sql::ENDED_SINCE)
            .bind(from.as_millisecond())
            .fetch_all(&self.readers)
            .await?;
        rows.into_iter().map(EndedRow::read).collect()
    }
}

/// The words of `fate`.
const CLAIMED: &str = "claimed";
const POSTED: &str = "posted";
const SILENT: &str = "silent";
const MISSED: &str = "missed";
const CALLED_OFF: &str = "called-off";
const DENIED: &str = "denied";

impl ScheduleRow {
    fn read(self) -> Result<MadeSchedule, StoreError> {
        let when = match (self.once_at, self.rule) {
            (Some(at), None) => Stored::Once(time(at)?),
            (None, Some(rule)) => Stored::Rule(rule),
            (Some(_), Some(_)) | (None, None) => {
                let why = format!("schedule {} says not when it is due", self.id);
                return Err(StoreError::Database(why));
            }
        };
        Ok(MadeSchedule {
            number: self.id,
            text: self.text,
            when,
            zone: self.zone,
            channel: ChannelId::new(self.channel),
            made: Made { by: PersonId::new(self.person), at: time(self.made_at)? },
            ended_at: self.ended_at.map(time).transpose()?,
        })
    }
}

impl FiringRow {
    fn read(self) -> Result<Firing, StoreError> {
        let fate = match (self.fate.as_str(), self.message) {
            (CLAIMED, None) => Fate::Claimed { at: time(self.claimed_at)? },
            (MISSED, None) => Fate::Missed,
            (CALLED_OFF, None) => Fate::CalledOff,
            (DENIED, None) => Fate::Denied,
            (SILENT, None) => Fate::Silent,
            (POSTED, Some(message)) => Fate::Posted { message: MessageId::new(message) },
            (other, _) => {
                let why = format!("a firing of {} has the fate {other}", self.schedule);
                return Err(StoreError::Database(why));
            }
        };
        Ok(Firing {
            schedule: ScheduleKey::parse(&self.schedule),
            due: time(self.due)?,
            fate,
            skipped: u32::try_from(self.skipped).unwrap_or_default(),
        })
    }
}

impl EndedRow {
    fn read(self) -> Result<Outcome, StoreError> {
        Ok(Outcome {
            id: DeploymentId(self.id),
            environment: EnvironmentName::new(self.environment),
            names: self.names,
            requester: PersonId::new(self.requester),
            end: Ended::of_code(&self.stage),
            reverts: self.reverts.map(DeploymentId),
            first_asked_at: time(self.first_asked_at)?,
            started_at: self.started_at.map(time).transpose()?,
            ended_at: time(self.ended_at)?,
            undone: self.undone,
        })
    }
}
