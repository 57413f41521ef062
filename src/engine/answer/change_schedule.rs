//! `show schedule`, `pause schedule`, `continue schedule` and `cancel schedule`: what people do
//! about what is announced at set times.

use super::super::Engine;
use super::super::problem::Problem;
use super::Topic;
use crate::domain::command::Command;
use crate::domain::id::{EnvironmentName, PersonId};
use crate::domain::policy::Action;
use crate::domain::schedule::ScheduleKey;
use crate::engine::announcements::read_made;
use crate::ports::{Pause, Said};
use crate::report::{self, Change, Listed};

/// So many of a schedule's last times are shown.
const SHOWN: u32 = 5;

type Failed = (EnvironmentName, Problem);

impl Engine {
    pub(super) async fn show_schedule(&self, said: &Said, key: &ScheduleKey) {
        let shown = async {
            let Some(one) = self.find(said, key).await? else { return Ok(None) };
            let firings = self.parts.store.firings(key, SHOWN).await.map_err(any)?;
            Ok(Some((one, firings)))
        };
        match shown.await {
            Ok(Some((one, firings))) => {
                let now = self.zoned(&one.schedule.zone);
                let command = Command::ShowSchedule { schedule: key.clone() };
                let card = report::schedule_card(&one, &firings, &now);
                self.answer_with(said, &command, &card).await;
            }
            // Those that exist were told.
            Ok(None) => {}
            Err(failed) => self.schedule_failed(said, Action::Read, key, failed).await,
        }
    }

    pub(super) async fn pause_schedule(&self, said: &Said, key: &ScheduleKey) {
        self.change(said, key, Change::Paused).await;
    }

    pub(super) async fn continue_schedule(&self, said: &Said, key: &ScheduleKey) {
        self.change(said, key, Change::Continued).await;
    }

    pub(super) async fn cancel_schedule(&self, said: &Said, key: &ScheduleKey) {
        self.change(said, key, Change::Cancelled).await;
    }

    async fn change(&self, said: &Said, key: &ScheduleKey, change: Change) {
        match self.try_change(said, key, change).await {
            Ok(Some((one, done))) => {
                let schedule = key.clone();
                let command = match change {
                    Change::Paused => Command::PauseSchedule { schedule },
                    Change::Continued => Command::ContinueSchedule { schedule },
                    Change::Cancelled => Command::CancelSchedule { schedule },
                };
                let now = self.zoned(&one.schedule.zone);
                let card = report::schedule_changed_card(&one, change, done, &now);
                self.answer_with(said, &command, &card).await;
            }
            // Why not was told.
            Ok(None) => {}
            Err(failed) => self.schedule_failed(said, Action::Announce, key, failed).await,
        }
    }

    /// The schedule, as it is then, and whether it was changed.
    async fn try_change(
        &self,
        said: &Said,
        key: &ScheduleKey,
        change: Change,
    ) -> Result<Option<(Listed, bool)>, Failed> {
        let Some(one) = self.find(said, key).await? else { return Ok(None) };
        let nobody = PersonId::new("");
        let maker = one.schedule.made.as_ref().map_or(&nobody, |made| &made.by);
        self.may_announce(&said.person, &one.channel, maker).await?;
        if one.over.is_some() {
            return Ok(Some((one, false)));
        }
        let (store, now) = (&self.parts.store, self.parts.clock.now());
        let done = match (change, key) {
            (Change::Paused, _) => {
                let pause = Pause { by: said.person.clone(), since: now };
                store.pause_schedule(key, &pause).await
            }
            (Change::Continued, _) => store.unpause_schedule(key, now).await,
            (Change::Cancelled, ScheduleKey::Numbered(number)) => {
                store.end_schedule(*number, now).await
            }
            (Change::Cancelled, ScheduleKey::Named(_)) => {
                self.whisper(said, &report::in_settings_card(key)).await;
                return Ok(None);
            }
        };
        let done = done.map_err(any)?;
        if done {
            tracing::info!(schedule = %key, person = %said.person, ?change, "a schedule was changed");
            self.shared.announcements.wake.notify_one();
        }
        let after = self.listed().await.map_err(anywhere)?;
        let after = after.into_iter().find(|other| other.schedule.key == *key);
        Ok(Some((after.unwrap_or(one), done)))
    }

    /// The schedule that is meant; where there is none, the person is told which there are.
    async fn find(&self, said: &Said, key: &ScheduleKey) -> Result<Option<Listed>, Failed> {
        let all = self.visible(said).await?;
        let known: Vec<ScheduleKey> = all.iter().map(|one| one.schedule.key.clone()).collect();
        let found = match all.into_iter().find(|one| one.schedule.key == *key) {
            Some(found) => Some(found),
            None => self.ended(said, key).await?,
        };
        if found.is_none() {
            self.whisper(said, &report::no_such_schedule_card(key, &known)).await;
        }
        Ok(found)
    }

    /// One that was made in chat and is over, about something that the person may look at.
    async fn ended(&self, said: &Said, key: &ScheduleKey) -> Result<Option<Listed>, Failed> {
        let ScheduleKey::Numbered(number) = key else { return Ok(None) };
        let made = self.parts.store.schedule(*number).await.map_err(any)?;
        let Some(made) = made.filter(|made| made.ended_at.is_some()) else { return Ok(None) };
        let (channel, over) = (made.channel.clone(), made.ended_at);
        let Some(schedule) = read_made(made) else { return Ok(None) };
        let one = Listed { schedule, channel, next: None, paused: None, over };
        let readable = self.readable(said, None).await?;
        Ok(Some(one).filter(|one| self.is_readable(one, &readable)))
    }

    fn is_readable(&self, one: &Listed, readable: &[EnvironmentName]) -> bool {
        let about = self.spoken_of_in(&one.channel, one.schedule.environments.as_ref());
        about.iter().all(|name| readable.contains(name))
    }

    /// The schedules about something that the person may look at.
    pub(super) async fn visible(&self, said: &Said) -> Result<Vec<Listed>, Failed> {
        let readable = self.readable(said, None).await?;
        let mut all = self.listed().await.map_err(anywhere)?;
        all.retain(|one| self.is_readable(one, &readable));
        Ok(all)
    }

    async fn schedule_failed(
        &self,
        said: &Said,
        action: Action,
        key: &ScheduleKey,
        failed: Failed,
    ) {
        let (environment, problem) = failed;
        let what = Some(format!("change schedule {key}"));
        let topic = Topic { action, environment, what, command: None };
        self.explain(said, &topic, problem).await;
    }
}

fn anywhere(problem: Problem) -> Failed {
    (EnvironmentName::new("any"), problem)
}

fn any(error: crate::ports::StoreError) -> Failed {
    anywhere(error.into())
}
