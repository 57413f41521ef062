//! What is announced at set times: each time once, whatever the number of processes and wherever
//! one of them dies. The heap of next times is only remembered; who announces what is decided by
//! who writes it down.

mod live;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

pub(super) use self::live::WEEK;
use super::problem::Problem;
use super::{Engine, Work, lock};
use crate::domain::calendar::Rule;
use crate::domain::card::Card;
use crate::domain::id::{ChannelId, EnvironmentName};
use crate::domain::schedule::{
    Content, Fate, Firing, GRACE, LEASE, Schedule, ScheduleKey, Stored, Timing,
};
use crate::domain::timetable::{Due, Timetable};
use crate::ports::{MadeSchedule, Pause, Place};
use crate::report;

/// The longest pause before another process's changes are noticed, and what a dead one left.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// The pause before something is tried again that somebody did not answer for.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// A clock that was set back is taken to be about to strike for so long.
const STRIKING: Duration = Duration::from_secs(60);
/// So many are made and posted side by side.
const AT_ONCE: usize = 4;
/// For how long it is remembered what was due: longer than a year, for what comes once in one.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(400 * 24);

/// What is remembered of schedules. All of it may be lost.
#[derive(Default)]
pub(super) struct Remembered {
    timetable: Mutex<Timetable>,
    known: Mutex<Known>,
    /// Something is due earlier than was thought, or the clock was set.
    pub wake: Notify,
    /// The clock was set, and nobody has looked since.
    set: Mutex<Option<Work>>,
}

/// All schedules, as they were read last.
#[derive(Default)]
struct Known {
    /// The count of changes that they were read at; `None`: never.
    changes: Option<i64>,
    /// When they were read: a clock that shows less was set back.
    at: Option<Timestamp>,
    schedules: BTreeMap<ScheduleKey, Schedule>,
    pauses: BTreeMap<ScheduleKey, Pause>,
}

impl Engine {
    /// Announces what is due, for ever.
    pub(super) async fn announce_forever(self) {
        let before = self.parts.clock.now().checked_sub(REMEMBERED).unwrap_or(Timestamp::MIN);
        if let Err(error) = self.parts.store.forget_firings(before).await {
            tracing::warn!(%error, "what was announced long ago is still remembered");
        }
        loop {
            let wake = self.shared.announcements.wake.notified();
            let next = match self.attend_announcements().await {
                Ok(next) => next,
                Err(problem) => {
                    tracing::error!(?problem, "could not look at what is to be announced");
                    self.parts.clock.now().checked_add(ASK_AGAIN).ok()
                }
            };
            let due = async {
                match next {
                    Some(time) => self.parts.clock.sleep_until(time).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = due => {}
                () = self.parts.clock.sleep(LOOK_EVERY) => {}
                () = wake => {}
            }
        }
    }

    /// Announces what is due now, and tells when to look again.
    async fn attend_announcements(&self) -> Result<Option<Timestamp>, Problem> {
        let work = self.begin_work();
        // Whoever waits for what is due by a clock that was set waits from here on.
        drop(lock(&self.shared.announcements.set).take());
        self.read_schedules().await?;
        let left = self.take_up_left().await?;
        let now = self.parts.clock.now();
        let mut due = Vec::new();
        let next = {
            let mut timetable = lock(&self.shared.announcements.timetable);
            while let Some(one) = timetable.take_due(now) {
                due.push(one);
            }
            timetable.next_due()
        };
        if !due.is_empty() {
            // A chat that does not answer keeps nothing else from being announced.
            let engine = self.clone();
            tokio::spawn(async move {
                let fire = |due| Box::pin(engine.fire(due));
                stream::iter(due).for_each_concurrent(AT_ONCE, fire).await;
                drop(work);
            });
        }
        Ok([next, left].into_iter().flatten().min())
    }

    /// Reads the schedules where somebody has changed one, or the clock was set back.
    async fn read_schedules(&self) -> Result<(), Problem> {
        let store = &self.parts.store;
        let now = self.parts.clock.now();
        let changes = store.schedule_changes().await?;
        let (read_at, seen) = {
            let known = lock(&self.shared.announcements.known);
            (known.at, known.changes)
        };
        let set_back = read_at.is_some_and(|at| now < at);
        lock(&self.shared.announcements.known).at = Some(now);
        if seen == Some(changes) && !set_back {
            return Ok(());
        }
        let pauses = store.pauses().await?;
        let settings = self.parts.schedules.iter().cloned();
        let made = store.schedules().await?.into_iter().filter_map(read);
        let schedules: BTreeMap<ScheduleKey, Schedule> =
            settings.chain(made).map(|one| (one.key.clone(), one)).collect();
        let rules: Vec<(ScheduleKey, String)> =
            schedules.values().map(|one| (one.key.clone(), one.timing.text())).collect();
        let settled = match rules.is_empty() {
            true => BTreeMap::new(),
            false => store.settled(&rules, now).await?,
        };
        let mut timetable = lock(&self.shared.announcements.timetable);
        let mut known = lock(&self.shared.announcements.known);
        let was = std::mem::take(&mut *known);
        for key in was.schedules.keys().filter(|key| !schedules.contains_key(key)) {
            timetable.remove(key);
        }
        for (key, schedule) in &schedules {
            if pauses.contains_key(key) {
                timetable.remove(key);
                continue;
            }
            let same = was.schedules.get(key).is_some_and(|before| {
                before.timing.text() == schedule.timing.text() && !was.pauses.contains_key(key)
            });
            if same && !set_back {
                continue;
            }
            // Nothing is announced twice all the same: what was is written down. Who sets a clock
            // back to nine means it to strike nine.
            let latest = if set_back { now.checked_sub(STRIKING).unwrap_or(now) } else { now };
            let settled = settled.get(key).copied().unwrap_or(latest).min(latest);
            timetable.set(key.clone(), schedule.timing.clone(), schedule.grace, settled);
        }
        *known = Known { changes: Some(changes), at: Some(now), schedules, pauses };
        Ok(())
    }

    /// Sees to what somebody claimed and did not post: announces it, or notes that it is too
    /// late. Tells when there may be more of that.
    async fn take_up_left(&self) -> Result<Option<Timestamp>, Problem> {
        let store = &self.parts.store;
        let now = self.parts.clock.now();
        let mut next: Option<Timestamp> = None;
        for firing in store.claimed().await? {
            let claimed_at = match firing.fate {
                Fate::Claimed { at } => at,
                Fate::Posted { .. } | Fate::Silent | Fate::Missed => continue,
            };
            let free_at = claimed_at.checked_add(LEASE).unwrap_or(Timestamp::MAX);
            if now < free_at {
                next = Some(next.map_or(free_at, |next| next.min(free_at)));
                continue;
            }
            let schedule = self.schedule(&firing.schedule);
            let grace = schedule.as_ref().map_or(GRACE, |schedule| schedule.grace);
            let late = Duration::try_from(now.duration_since(firing.due)).unwrap_or_default();
            match schedule {
                Some(schedule) if late <= grace => {
                    let before = now.checked_sub(LEASE).unwrap_or(now);
                    if store.take_over(&firing, before, now).await? {
                        let (engine, work) = (self.clone(), self.begin_work());
                        tokio::spawn(async move {
                            Box::pin(engine.announce_firing(&schedule, &firing)).await;
                            drop(work);
                        });
                    }
                }
                Some(_) | None => {
                    store.missed(&firing).await?;
                    count("missed");
                    tracing::warn!(schedule = %firing.schedule, due = %firing.due, "was not announced in time");
                }
            }
        }
        Ok(next)
    }

    /// Announces something that is due, unless another process does.
    async fn fire(&self, due: Due) {
        let Some(schedule) = self.schedule(&due.schedule) else { return };
        let now = self.parts.clock.now();
        // It may have waited for others since it was found to be due.
        let late = Duration::try_from(now.duration_since(due.at)).unwrap_or_default();
        let due = Due { in_time: late <= schedule.grace, ..due };
        match self.parts.store.claim(&due, now).await {
            Ok(true) if due.in_time => {
                let Due { schedule: key, at, skipped, .. } = due;
                let fate = Fate::Claimed { at: now };
                let firing = Firing { schedule: key, due: at, fate, skipped };
                self.announce_firing(&schedule, &firing).await;
            }
            Ok(true) => {
                count("missed");
                tracing::warn!(schedule = %due.schedule, due = %due.at, "was not announced in time");
            }
            Ok(false) => {}
            Err(error) => {
                tracing::error!(schedule = %due.schedule, %error, "could not be announced");
                // Read anew, it is due again.
                lock(&self.shared.announcements.known).changes = None;
                lock(&self.shared.announcements.timetable).remove(&due.schedule);
                lock(&self.shared.announcements.known).schedules.remove(&due.schedule);
            }
        }
        self.end_if_over(&schedule, due.at).await;
    }

    /// Makes and posts an announcement that is this process's to post. What fails is tried again
    /// when the claim has run out.
    async fn announce_firing(&self, schedule: &Schedule, firing: &Firing) {
        let key = format!("announcement-{}-{}", firing.schedule, firing.due.as_millisecond());
        let Some(channel) = self.channel_of(schedule) else {
            tracing::error!(schedule = %schedule.key, "there is no channel to announce in");
            return;
        };
        let card = match self.announcement(schedule, &channel, firing.due).await {
            Ok(card) => card,
            Err(problem) => {
                tracing::error!(schedule = %schedule.key, ?problem, "could not be made");
                return;
            }
        };
        let place = Place::Channel(channel);
        let posted = match card {
            Some(card) => self.parts.chat.post(&place, &card, &key).await.map(Some),
            None => Ok(None),
        };
        match posted {
            Ok(message) => {
                if let Err(error) = self.parts.store.announced(firing, message.as_ref()).await {
                    tracing::error!(schedule = %schedule.key, %error, "may be tried again");
                    return;
                }
                count("posted");
                tracing::info!(schedule = %schedule.key, due = %firing.due, "announced");
            }
            Err(error) => {
                tracing::error!(schedule = %schedule.key, %error, "could not be posted");
            }
        }
    }

    /// The card of a schedule at this moment; `None`: there is nothing to say.
    async fn announcement(
        &self,
        schedule: &Schedule,
        channel: &ChannelId,
        due: Timestamp,
    ) -> Result<Option<Card>, Problem> {
        let template = match &schedule.content {
            Content::Said(text) => {
                let by = schedule.made.as_ref().map(|made| &made.by);
                return Ok(Some(report::said_card(text, by)));
            }
            Content::ReadyMade(ready) => report::Text::from(*ready),
            Content::Template { name, text } => {
                report::Text { name: name.clone(), text: text.clone() }
            }
        };
        let before = self.parts.store.firings(&schedule.key, 10).await?.into_iter();
        let posted = |one: &Firing| match one.fate {
            Fate::Posted { .. } | Fate::Silent => one.due < due,
            Fate::Claimed { .. } | Fate::Missed => false,
        };
        let since = before.filter(posted).map(|one| one.due).max();
        let about = self.spoken_of_in(channel, schedule.environments.as_ref());
        let now = self.parts.clock.now().to_zoned(schedule.zone.clone());
        let seen = self.see_live(&about, since, &now).await?;
        Ok(self.made_of(&template, &seen, &now))
    }

    /// A template's card, or one that says why there is none.
    pub(super) fn made_of(
        &self,
        template: &report::Text,
        seen: &report::Seen,
        now: &jiff::Zoned,
    ) -> Option<Card> {
        let live = report::live(seen, now);
        match self.parts.templates.render(template, &live) {
            Ok(card) => card,
            Err(error) => {
                tracing::error!(%error, "a template could not be filled in");
                Some(report::unmade_card(&template.name, &error.to_string()))
            }
        }
    }

    /// What was announced for the last time is no longer a schedule.
    async fn end_if_over(&self, schedule: &Schedule, due: Timestamp) {
        let ScheduleKey::Numbered(number) = schedule.key else { return };
        if schedule.timing.next_after(due).is_some() {
            return;
        }
        if let Err(error) = self.parts.store.end_schedule(number, self.parts.clock.now()).await {
            tracing::warn!(schedule = %schedule.key, %error, "still stands, and has no further time");
        }
    }

    /// A schedule as it was read last.
    pub(super) fn schedule(&self, key: &ScheduleKey) -> Option<Schedule> {
        lock(&self.shared.announcements.known).schedules.get(key).cloned()
    }

    /// Where a schedule is announced.
    pub(super) fn channel_of(&self, schedule: &Schedule) -> Option<ChannelId> {
        let channels = &self.parts.manners.channels;
        schedule.channel.clone().or_else(|| channels.announcements().cloned())
    }

    /// The environments that may be told of in a channel, of those that are wanted.
    pub(super) fn spoken_of_in(
        &self,
        channel: &ChannelId,
        wanted: Option<&BTreeSet<EnvironmentName>>,
    ) -> Vec<EnvironmentName> {
        let allowed = |name: &EnvironmentName| self.parts.manners.channels.allows(channel, name);
        let wanted = |name: &EnvironmentName| wanted.is_none_or(|wanted| wanted.contains(name));
        let all = self.parts.environments.iter().map(|one| &one.name);
        all.filter(|name| allowed(name) && wanted(name)).cloned().collect()
    }

    /// Every schedule as it stands now, with when it is due next.
    pub(super) async fn listed(&self) -> Result<Vec<report::Listed>, Problem> {
        self.read_schedules().await?;
        let now = self.parts.clock.now();
        let known = lock(&self.shared.announcements.known);
        let listed = known.schedules.values().filter_map(|schedule| {
            let paused = known.pauses.get(&schedule.key);
            Some(report::Listed {
                channel: self.channel_of(schedule)?,
                next: schedule.timing.next_after(now).filter(|_| paused.is_none()),
                paused: paused.map(|pause| (pause.by.clone(), pause.since)),
                schedule: schedule.clone(),
            })
        });
        Ok(listed.collect())
    }

    /// The clock was set: what is due by it is looked at.
    pub fn time_was_set(&self) {
        *lock(&self.shared.announcements.set) = Some(self.begin_work());
        self.shared.reschedule.notify_one();
        self.shared.announcements.wake.notify_one();
    }
}

/// A schedule of the store; `None`: its rule cannot be read any more, which is told.
fn read(made: MadeSchedule) -> Option<Schedule> {
    let zone = jiff::tz::TimeZone::get(&made.zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let timing = match made.when {
        Stored::Once(at) => Timing::Once(at),
        Stored::Rule(text) => match Rule::parse(&text, &zone) {
            Ok(rule) => Timing::Repeating { rule: Box::new(rule), text },
            Err(error) => {
                tracing::error!(schedule = made.number, %error, "its rule cannot be read");
                return None;
            }
        },
    };
    Some(Schedule {
        key: ScheduleKey::Numbered(made.number),
        timing,
        zone,
        channel: Some(made.channel),
        content: Content::Said(made.text),
        grace: GRACE,
        environments: None,
        made: Some(made.made),
    })
}

fn count(outcome: &'static str) {
    metrics::counter!("shipmate_announcements_total", "outcome" => outcome).increment(1);
}
