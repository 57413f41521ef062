//! What is announced at set times: each time once, whatever the number of processes and wherever
//! one of them dies. The heap of next times is only remembered; who announces what is decided by
//! who writes it down.

mod firing;
mod live;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, Semaphore};

pub(super) use self::live::WEEK;
use super::problem::Problem;
use super::{Engine, Work, lock};
use crate::domain::calendar::Rule;
use crate::domain::id::{ChannelId, EnvironmentName};
use crate::domain::schedule::{Content, GRACE, LEAVES, Schedule, ScheduleKey, Stored, Timing};
use crate::domain::timetable::Timetable;
use crate::ports::{MadeSchedule, Pause, StoreError};
use crate::report;

/// The longest pause before another process's changes are noticed, and what a dead one left.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// The pause before something is tried again that somebody did not answer for.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// A clock that was set back is taken to be about to strike for so long.
const STRIKING: Duration = Duration::from_secs(60);
/// So many are made side by side.
const AT_ONCE: usize = 4;
/// How often what was announced long ago is forgotten.
const FORGET_EVERY: SignedDuration = SignedDuration::from_hours(24);
/// For how long it is remembered what was due: longer than a year, for what comes once in one.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(400 * 24);

/// What is remembered of schedules. All of it may be lost.
pub(super) struct Remembered {
    timetable: Mutex<Timetable>,
    known: Mutex<Known>,
    /// They are read by one at a time: two that overlap would look like a clock that was set.
    reading: tokio::sync::Mutex<()>,
    /// Something is due earlier than was thought, or the clock was set.
    pub wake: Notify,
    /// The clock was set, and nobody has looked since.
    set: Mutex<Option<Work>>,
    /// What this process announces just now, however long that takes.
    in_hand: Mutex<BTreeSet<(ScheduleKey, Timestamp)>>,
    /// Taken while one is made. Those that wait for it keep nothing else waiting.
    making: Semaphore,
}

impl Default for Remembered {
    fn default() -> Self {
        Self {
            timetable: Mutex::default(),
            known: Mutex::default(),
            reading: tokio::sync::Mutex::default(),
            wake: Notify::default(),
            set: Mutex::default(),
            in_hand: Mutex::default(),
            making: Semaphore::new(AT_ONCE),
        }
    }
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
        let mut forgotten_at = None;
        loop {
            let now = self.parts.clock.now();
            if forgotten_at.is_none_or(|at| now.duration_since(at) >= FORGET_EVERY) {
                forgotten_at = Some(now);
                self.forget_firings(now).await;
            }
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

    async fn forget_firings(&self, now: Timestamp) {
        let before = now.checked_sub(REMEMBERED).unwrap_or(Timestamp::MIN);
        if let Err(error) = self.parts.store.forget_firings(before).await {
            tracing::warn!(%error, "what was announced long ago is still remembered");
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
        for due in due {
            Box::pin(self.fire(due)).await;
        }
        drop(work);
        Ok([next, left].into_iter().flatten().min())
    }

    /// Reads the schedules where somebody has changed one, or the clock was set back.
    async fn read_schedules(&self) -> Result<(), StoreError> {
        let _reading = self.shared.announcements.reading.lock().await;
        let store = &self.parts.store;
        let now = self.parts.clock.now();
        let changes = store.schedule_changes().await?;
        let (read_at, seen) = {
            let known = lock(&self.shared.announcements.known);
            (known.at, known.changes)
        };
        let set_back = read_at.is_some_and(|at| is_set_back(at, now));
        if seen == Some(changes) && !set_back {
            lock(&self.shared.announcements.known).at = Some(now);
            return Ok(());
        }
        let pauses = store.pauses().await?;
        let settings = self.parts.schedules.iter().cloned();
        let made = store.schedules().await?.into_iter().filter_map(read_made);
        let mut schedules: BTreeMap<ScheduleKey, Schedule> =
            settings.chain(made).map(|one| (one.key.clone(), one)).collect();
        let rules: Vec<(ScheduleKey, String)> =
            schedules.values().map(|one| (one.key.clone(), one.timing.text())).collect();
        let settled = match rules.is_empty() {
            true => BTreeMap::new(),
            false => store.settled(&rules, now).await?,
        };
        for over in self.end_what_is_over(&schedules, &pauses, &settled).await? {
            schedules.remove(&over);
        }
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
                over: None,
            })
        });
        Ok(listed.collect())
    }

    /// Reads what is to be announced, so that all is due that the clock comes to from here on,
    /// however far it is set.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn learn_schedules(&self) -> Result<(), StoreError> {
        self.read_schedules().await
    }

    /// The clock was set: what is due by it is looked at.
    pub fn time_was_set(&self) {
        *lock(&self.shared.announcements.set) = Some(self.begin_work());
        self.shared.reschedule.notify_one();
        self.shared.announcements.wake.notify_one();
    }
}

/// Whether a clock was set. Those that are kept right step back by less all the time, by which
/// nothing becomes due again.
fn is_set_back(before: Timestamp, now: Timestamp) -> bool {
    Duration::try_from(before.duration_since(now)).is_ok_and(|back| back >= STRIKING)
}

/// A schedule of the store; `None`: its zone or its rule cannot be read any more, which is told.
pub(super) fn read_made(made: MadeSchedule) -> Option<Schedule> {
    let zone = match TimeZone::get(&made.zone) {
        Ok(zone) => zone,
        Err(error) => {
            tracing::error!(schedule = made.number, %error, "its zone is not known");
            return None;
        }
    };
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
        leaves: LEAVES,
        made: Some(made.made),
    })
}
