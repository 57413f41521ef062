//! What becomes of a time that has come: one process claims it, makes the announcement, posts it
//! and writes that down; what it leaves, another takes up. A schedule that has no further time
//! ends when its last time has: not before, for until then somebody may have to post it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tokio::sync::SemaphorePermit;

use super::super::problem::Problem;
use super::super::{Engine, lock};
use super::LOOK_EVERY;
use crate::domain::id::{ChannelId, EnvironmentName};
use crate::domain::policy::Denial;
use crate::domain::schedule::{
    Content, Fate, Firing, GRACE, LEASE, MOST_GRACE, Posted, Schedule, ScheduleKey,
};
use crate::domain::timetable::Due;
use crate::ports::{ChatError, Pause, Place, StoreError};
use crate::report::{self, Announcement};

/// So often, a minute apart, whoever made a schedule is to be told what was missed.
const TELLINGS: u32 = 60;

impl Engine {
    /// Sees to what somebody claimed and did not post: announces it, or notes that it is too
    /// late. Tells when there may be more of that.
    pub(super) async fn take_up_left(&self) -> Result<Option<Timestamp>, Problem> {
        let store = &self.parts.store;
        let now = self.parts.clock.now();
        let mut next: Option<Timestamp> = None;
        for mut firing in store.claimed().await? {
            let free_at = match firing.fate {
                Fate::Claimed { at } => at.checked_add(LEASE).unwrap_or(Timestamp::MAX),
                Fate::Posted { .. }
                | Fate::Silent
                | Fate::Missed
                | Fate::CalledOff
                | Fate::Denied => continue,
            };
            if now < free_at {
                next = Some(next.map_or(free_at, |next| next.min(free_at)));
                continue;
            }
            let schedule = self.schedule(&firing.schedule);
            let grace = match (&schedule, &firing.schedule) {
                (Some(schedule), _) => schedule.grace,
                // Another process may have other settings, and see to it.
                (None, ScheduleKey::Named(_)) => MOST_GRACE,
                (None, ScheduleKey::Numbered(_)) => GRACE,
            };
            if InHand::holds(self, &firing) {
                continue;
            }
            let too_late = firing.late(now) > grace;
            let before = now.checked_sub(LEASE).unwrap_or(now);
            if !too_late && (schedule.is_none() || !store.take_over(&firing, before, now).await?) {
                continue;
            }
            firing.fate = Fate::Claimed { at: now };
            match schedule {
                Some(schedule) if !too_late => self.take_in_hand(schedule, firing),
                schedule => {
                    let (engine, work) = (self.clone(), self.begin_work());
                    tokio::spawn(async move {
                        engine.miss(schedule.as_ref(), &firing).await;
                        drop(work);
                    });
                }
            }
        }
        Ok(next)
    }

    /// Announces it, while others are looked after.
    fn take_in_hand(&self, schedule: Schedule, firing: Firing) {
        let hand = InHand::take(self, &firing);
        let (engine, work) = (self.clone(), self.begin_work());
        tokio::spawn(async move {
            Box::pin(engine.announce_firing(&schedule, &firing)).await;
            drop(hand);
            drop(work);
        });
    }

    /// Announces something that is due, unless another process does.
    pub(super) async fn fire(&self, due: Due) {
        let Some(schedule) = self.schedule(&due.schedule) else { return };
        let now = self.parts.clock.now();
        let Due { schedule: key, at, skipped, .. } = due.clone();
        let firing = Firing { schedule: key, due: at, fate: Fate::Claimed { at: now }, skipped };
        // It may have waited for others since it was found to be due.
        let due = Due { in_time: firing.late(now) <= schedule.grace, ..due };
        match self.parts.store.claim(&due, now).await {
            Ok(true) if due.in_time => self.take_in_hand(schedule, firing),
            Ok(true) => {
                let (engine, work) = (self.clone(), self.begin_work());
                tokio::spawn(async move {
                    engine.was_missed(&schedule, &firing).await;
                    drop(work);
                });
            }
            // Another has it, or nobody: it was paused or cancelled.
            Ok(false) => {}
            Err(error) => {
                tracing::error!(schedule = %due.schedule, %error, "could not be announced");
                // Read anew, it is due again.
                lock(&self.shared.announcements.timetable).remove(&due.schedule);
                let mut known = lock(&self.shared.announcements.known);
                known.changes = None;
                known.schedules.remove(&due.schedule);
            }
        }
    }

    /// Makes and posts an announcement that is this process's to post. What fails is tried again
    /// when the claim has run out, for which the loop is woken to wait.
    async fn announce_firing(&self, schedule: &Schedule, firing: &Firing) {
        let key = format!("announcement-{}-{}", firing.schedule, firing.due.as_millisecond());
        let channels = &self.parts.manners.channels;
        // Where it may speak may have changed since somebody made it.
        let Some(channel) = self.channel_of(schedule).filter(|channel| channels.is_room(channel))
        else {
            tracing::error!(schedule = %schedule.key, "there is no channel to announce in");
            return self.miss(Some(schedule), firing).await;
        };
        match self.is_still_permitted(schedule, &channel).await {
            Ok(()) => {}
            Err((environment, Problem::Denied(denial))) => {
                return self.deny(schedule, firing, (&environment, &denial)).await;
            }
            Err((_, problem)) => {
                tracing::error!(schedule = %schedule.key, ?problem, "could not be decided");
                return self.shared.announcements.wake.notify_one();
            }
        }
        let Some((making, firing)) = self.turn_to_make(schedule, firing).await else {
            return self.shared.announcements.wake.notify_one();
        };
        let firing = &firing;
        let announcement = match self.announcement(schedule, &channel, firing.due).await {
            Ok(announcement) => announcement,
            Err(problem) => {
                tracing::error!(schedule = %schedule.key, ?problem, "could not be made");
                return self.shared.announcements.wake.notify_one();
            }
        };
        // A chat that takes nothing keeps no other from being made.
        drop(making);
        // It took its time to be made: it may be called off by now, or too late.
        let now = self.parts.clock.now();
        if firing.late(now) > schedule.grace {
            return self.miss(Some(schedule), firing).await;
        }
        match self.parts.store.renew(firing, now).await {
            Ok(true) => {}
            Ok(false) => {
                tracing::info!(schedule = %schedule.key, due = %firing.due, "called off, or another's");
                return;
            }
            Err(error) => {
                tracing::error!(schedule = %schedule.key, %error, "is not known to be wanted");
                return self.shared.announcements.wake.notify_one();
            }
        }
        let place = Place::Channel(channel);
        let posted = match announcement {
            Some(Announcement { card, asks }) => {
                let posted = self.parts.chat.post(&place, &card, &key).await;
                posted.map(|message| Some(Posted { message, asks }))
            }
            None => Ok(None),
        };
        let posted = match posted {
            Ok(posted) => posted,
            Err(error) => {
                tracing::error!(schedule = %schedule.key, %error, "could not be posted");
                return self.shared.announcements.wake.notify_one();
            }
        };
        match self.parts.store.announced(firing, posted.as_ref()).await {
            Ok(true) => {
                count(if posted.is_some() { "posted" } else { "silent" });
                tracing::info!(schedule = %schedule.key, due = %firing.due, posted = posted.is_some(), "announced");
                self.end_if_over(schedule).await;
            }
            // Somebody else was quicker.
            Ok(false) => {
                tracing::warn!(schedule = %schedule.key, due = %firing.due, "had an end already");
            }
            Err(error) => {
                tracing::error!(schedule = %schedule.key, %error, "may be tried again");
                self.shared.announcements.wake.notify_one();
            }
        }
    }

    /// Waits until not too many are made; what was claimed long before is claimed anew. `None`: it
    /// is not known to be this process's any more.
    async fn turn_to_make(
        &self,
        schedule: &Schedule,
        firing: &Firing,
    ) -> Option<(Option<SemaphorePermit<'_>>, Firing)> {
        let making = &self.shared.announcements.making;
        match &schedule.content {
            // There is nothing to be looked at.
            Content::Said(_) => return Some((None, firing.clone())),
            Content::ReadyMade(_) | Content::Template { .. } => {}
        }
        if let Ok(permit) = making.try_acquire() {
            return Some((Some(permit), firing.clone()));
        }
        let permit = making.acquire().await.ok()?;
        let now = self.parts.clock.now();
        match self.parts.store.renew(firing, now).await {
            Ok(true) => {}
            Ok(false) => return None,
            Err(error) => {
                tracing::error!(schedule = %schedule.key, %error, "could not be claimed anew");
                return None;
            }
        }
        Some((Some(permit), Firing { fate: Fate::Claimed { at: now }, ..firing.clone() }))
    }

    /// Whoever made a schedule must still be permitted to announce there. Those of the settings
    /// need nobody's leave.
    async fn is_still_permitted(
        &self,
        schedule: &Schedule,
        channel: &ChannelId,
    ) -> Result<(), (EnvironmentName, Problem)> {
        match &schedule.made {
            Some(made) => self.may_announce(&made.by, channel, &made.by).await,
            None => Ok(()),
        }
    }

    /// Whoever made it may not announce there any more. They are told once, however often it
    /// would have been due; and before that is written down, so that it is not forgotten.
    async fn deny(
        &self,
        schedule: &Schedule,
        firing: &Firing,
        (environment, denial): (&EnvironmentName, &Denial),
    ) {
        tracing::warn!(schedule = %schedule.key, %environment, ?denial, "its maker may not announce it any more");
        let before = self.parts.store.firings(&schedule.key, 2).await.unwrap_or_default();
        let told = before.iter().any(|one| one.due < firing.due && one.fate == Fate::Denied);
        if let (Some(made), false) = (&schedule.made, told) {
            let now = self.parts.clock.now().to_zoned(schedule.zone.clone());
            let why = (environment, denial);
            let card = report::not_permitted_card(schedule, &made.by, firing, why, &now);
            let key = format!("denied-{}-{}", firing.schedule, firing.due.as_millisecond());
            let place = Place::Direct { person: made.by.clone() };
            match self.parts.chat.post(&place, &card, &key).await {
                Ok(_) => {}
                Err(ChatError::Unavailable(error)) => {
                    tracing::warn!(schedule = %schedule.key, error, "its maker was not told yet");
                    return self.shared.announcements.wake.notify_one();
                }
                Err(
                    error @ (ChatError::MessageGone | ChatError::PlaceGone | ChatError::Refused(_)),
                ) => {
                    tracing::warn!(schedule = %schedule.key, %error, "its maker cannot be told");
                }
            }
        }
        match self.parts.store.denied(firing).await {
            Ok(true) => count("denied"),
            // Somebody else was quicker.
            Ok(false) => return,
            Err(error) => {
                tracing::error!(schedule = %schedule.key, %error, "could not be noted as denied");
                return self.shared.announcements.wake.notify_one();
            }
        }
        self.end_if_over(schedule).await;
    }

    /// Notes that something claimed was not announced.
    async fn miss(&self, schedule: Option<&Schedule>, firing: &Firing) {
        match (self.parts.store.missed(firing).await, schedule) {
            (Ok(true), Some(schedule)) => self.was_missed(schedule, firing).await,
            (Ok(true), None) => note_missed(firing),
            // Somebody else was quicker.
            (Ok(false), _) => {}
            (Err(error), _) => {
                // It is found again when its claim has run out.
                tracing::error!(schedule = %firing.schedule, %error, "could not be noted as missed");
            }
        }
    }

    /// It is written down as missed: whoever asked for it should know.
    async fn was_missed(&self, schedule: &Schedule, firing: &Firing) {
        note_missed(firing);
        if !self.tell_missed(schedule, firing).await {
            // The chat may be why it was missed: it is given time.
            let (engine, schedule, firing) = (self.clone(), schedule.clone(), firing.clone());
            tokio::spawn(async move {
                for _ in 0..TELLINGS {
                    engine.parts.clock.sleep(LOOK_EVERY).await;
                    if engine.tell_missed(&schedule, &firing).await {
                        break;
                    }
                }
            });
        }
        self.end_if_over(schedule).await;
    }

    /// False: the chat did not answer. Who takes no direct messages is told where it should have
    /// been announced.
    async fn tell_missed(&self, schedule: &Schedule, firing: &Firing) -> bool {
        let Some(made) = &schedule.made else { return true };
        let channels = &self.parts.manners.channels;
        let room = self.channel_of(schedule).filter(|channel| channels.is_room(channel));
        let now = self.parts.clock.now().to_zoned(schedule.zone.clone());
        let card = report::missed_card(schedule, firing, room.is_some(), &now);
        let key = format!("missed-{}-{}", firing.schedule, firing.due.as_millisecond());
        let direct = Place::Direct { person: made.by.clone() };
        for place in std::iter::once(direct).chain(room.map(Place::Channel)) {
            match self.parts.chat.post(&place, &card, &key).await {
                Ok(_) => return true,
                Err(ChatError::Unavailable(error)) => {
                    tracing::warn!(schedule = %schedule.key, error, "nobody was told of it yet");
                    return false;
                }
                Err(
                    error @ (ChatError::MessageGone | ChatError::PlaceGone | ChatError::Refused(_)),
                ) => {
                    tracing::warn!(schedule = %schedule.key, ?place, %error, "could not be told there");
                }
            }
        }
        true
    }

    /// What a schedule announces at this moment; `None`: there is nothing to say.
    async fn announcement(
        &self,
        schedule: &Schedule,
        channel: &ChannelId,
        due: Timestamp,
    ) -> Result<Option<Announcement>, Problem> {
        let template = match &schedule.content {
            Content::Said(text) => {
                let by = schedule.made.as_ref().map(|made| &made.by);
                return Ok(Some(report::said_card(text, by).into()));
            }
            Content::ReadyMade(ready) => report::Text::from(*ready),
            Content::Template { name, text } => {
                report::Text { name: name.clone(), text: text.clone() }
            }
        };
        let since = self.parts.store.announced_before(&schedule.key, due).await?;
        let about = self.spoken_of_in(channel, schedule.environments.as_ref());
        let now = self.parts.clock.now().to_zoned(schedule.zone.clone());
        let seen = self.see_live(&about, since, Some((schedule, due)), &now).await?;
        Ok(self.made_of(&template, &seen, &now))
    }

    /// What a template makes of this, or why it makes nothing of it.
    pub(in super::super) fn made_of(
        &self,
        template: &report::Text,
        seen: &report::Seen,
        now: &jiff::Zoned,
    ) -> Option<Announcement> {
        let live = report::live(seen, now);
        match self.parts.templates.render(template, &live) {
            Ok(announcement) => announcement,
            Err(error) => {
                tracing::error!(%error, "a template could not be filled in");
                Some(report::unmade_card(&error).into())
            }
        }
    }

    /// Ends a schedule once its last time has an end.
    async fn end_if_over(&self, schedule: &Schedule) {
        let (key, now) = (schedule.key.clone(), self.parts.clock.now());
        let ScheduleKey::Numbered(number) = key else { return };
        if schedule.timing.next_after(now).is_some() {
            return;
        }
        let _reading = self.shared.announcements.reading.lock().await;
        let ended = async {
            let made = self.parts.store.schedule(number).await?;
            if made.is_none_or(|made| made.ended_at.is_some()) {
                return Ok((Vec::new(), self.parts.store.schedule_changes().await?));
            }
            let rules = [(key.clone(), schedule.timing.text())];
            let settled = self.parts.store.settled(&rules, now).await?;
            let pauses = self.parts.store.pauses().await?;
            let this = BTreeMap::from([(key, schedule.clone())]);
            let over = self.end_what_is_over(&this, &pauses, &settled).await?;
            Ok::<_, StoreError>((over, self.parts.store.schedule_changes().await?))
        };
        match ended.await {
            Ok((over, changes)) => self.note_ended(&over, changes),
            Err(problem) => {
                // It is found to be over at the next start.
                tracing::warn!(schedule = %schedule.key, ?problem, "still stands, and has no further time");
            }
        }
    }

    /// Where nothing else has changed, nobody has to read all schedules again for these.
    fn note_ended(&self, over: &[ScheduleKey], changes: i64) {
        if over.is_empty() {
            return;
        }
        let mut timetable = lock(&self.shared.announcements.timetable);
        let mut known = lock(&self.shared.announcements.known);
        let ours = i64::try_from(over.len()).unwrap_or(i64::MAX);
        if known.changes.map(|before| before.saturating_add(ours)) == Some(changes) {
            known.changes = Some(changes);
            for key in over {
                timetable.remove(key);
                known.schedules.remove(key);
            }
        }
    }

    /// Ends what was made in chat, has no further time, and is neither about to be announced nor
    /// paused: whoever should have ended it has died, or its only time fell into a pause.
    pub(super) async fn end_what_is_over(
        &self,
        schedules: &BTreeMap<ScheduleKey, Schedule>,
        pauses: &BTreeMap<ScheduleKey, Pause>,
        settled: &BTreeMap<ScheduleKey, Timestamp>,
    ) -> Result<Vec<ScheduleKey>, StoreError> {
        let is_over = |(key, schedule): &(&ScheduleKey, &Schedule)| {
            let further = settled.get(key).map(|from| schedule.timing.next_after(*from));
            schedule.made.is_some() && further == Some(None) && !pauses.contains_key(key)
        };
        let mut over: Vec<ScheduleKey> =
            schedules.iter().filter(is_over).map(|(key, _)| key.clone()).collect();
        if !over.is_empty() {
            let claimed = self.parts.store.claimed().await?;
            over.retain(|key| !claimed.iter().any(|firing| firing.schedule == *key));
        }
        let mut ended = Vec::new();
        for key in over {
            if let ScheduleKey::Numbered(number) = key
                && self.parts.store.end_schedule(number, self.parts.clock.now()).await?
            {
                ended.push(key);
            }
        }
        Ok(ended)
    }
}

/// What this process has in hand. Where its claim runs out meanwhile another process may take it
/// over, and this one finds out before it posts; but it does not take it over from itself.
struct InHand {
    engine: Engine,
    one: (ScheduleKey, Timestamp),
}

impl InHand {
    fn take(engine: &Engine, firing: &Firing) -> Self {
        let one = (firing.schedule.clone(), firing.due);
        lock(&engine.shared.announcements.in_hand).insert(one.clone());
        Self { engine: engine.clone(), one }
    }

    fn holds(engine: &Engine, firing: &Firing) -> bool {
        let one = (firing.schedule.clone(), firing.due);
        lock(&engine.shared.announcements.in_hand).contains(&one)
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        lock(&self.engine.shared.announcements.in_hand).remove(&self.one);
    }
}

fn note_missed(firing: &Firing) {
    count("missed");
    tracing::warn!(schedule = %firing.schedule, due = %firing.due, "was not announced in time");
}

fn count(outcome: &'static str) {
    metrics::counter!("shipmate_announcements_total", "outcome" => outcome).increment(1);
}
