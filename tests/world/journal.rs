//! A place to die in: the journal with a trap before and after each write. Between two writes
//! lies exactly one deed, so that the traps are all the places where dying makes a difference.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::Timestamp;
use shipmate::domain::decision::{Ban, Decision, RecordedDecision};
use shipmate::domain::deployment::Deployment;
use shipmate::domain::event::{Event, Recorded};
use shipmate::domain::figures::Outcome;
use shipmate::domain::freeze::Freeze;
use shipmate::domain::id::{DeploymentId, EnvironmentName, MessageId, Repository, ReservationId};
use shipmate::domain::image::Image;
use shipmate::domain::lock::Lock;
use shipmate::domain::reservation::Reservation;
use shipmate::domain::schedule::{Firing, NewSchedule, Posted, ScheduleKey};
use shipmate::domain::timetable::Due;
use shipmate::ports::{
    Asked, Hold, MadeSchedule, Pause, ReservationStore, Reserving, Said, Schedules, Store,
    StoreError, Summary, Ticket, Unhandled,
};
use shipmate::sandbox::{Handle, ServiceView};
use shipmate::store::SqliteStore;
use tokio::sync::Notify;

/// Counts the places that are passed; at one of them whoever passes stays for ever.
#[derive(Default)]
pub struct Trap {
    /// Counts down to the place; below zero nobody is caught.
    left: AtomicI64,
    caught: Notify,
    /// How what stands is looked at when a deployment ends, and what was seen then.
    look: Mutex<Option<Look>>,
    ends: Mutex<BTreeMap<DeploymentId, Scene>>,
    /// The same for what is being written down just now.
    nearly: Mutex<BTreeMap<DeploymentId, Scene>>,
}

type Look = Box<dyn Fn() -> Scene + Send + Sync>;

/// What really stood just before a deployment's end was written down.
#[derive(Clone, Debug)]
pub struct Scene {
    pub at: Instant,
    /// How many calls AWS had had by then.
    pub calls: usize,
    pub services: Vec<ServiceView>,
    /// Tags with their digests, by repository.
    pub tags: BTreeMap<String, BTreeMap<String, String>>,
}

impl Trap {
    /// The n-th place from here on is one from which nobody returns. Counts from 1.
    pub fn set(&self, place: i64) {
        self.left.store(place, Ordering::SeqCst);
    }

    /// How many places were passed since it was set to none.
    pub fn passed(&self) -> i64 {
        -self.left.load(Ordering::SeqCst)
    }

    /// From now on what really stands is looked at when a deployment ends.
    pub fn look_at_ends(&self, sandbox: Handle, repositories: &'static [&'static str]) {
        let tags = move |sandbox: &Handle| {
            let names = repositories.iter();
            names.map(|name| ((*name).to_owned(), sandbox.tags(name))).collect()
        };
        let look = move || Scene {
            at: Instant::now(),
            calls: sandbox.calls().len(),
            services: sandbox.services(),
            tags: tags(&sandbox),
        };
        *self.look.lock().unwrap() = Some(Box::new(look));
    }

    /// What stood when this deployment ended, if it has.
    pub fn end_of(&self, deployment: i64) -> Option<Scene> {
        self.ends.lock().unwrap().get(&DeploymentId(deployment)).cloned()
    }

    /// It turned out that the end of this deployment was written down: whoever did so may have
    /// died before hearing of it.
    pub fn believe_end_of(&self, deployment: DeploymentId) {
        if let Some(scene) = self.nearly.lock().unwrap().remove(&deployment) {
            self.ends.lock().unwrap().insert(deployment, scene);
        }
    }

    fn look(&self) -> Option<Scene> {
        self.look.lock().unwrap().as_ref().map(|look| look())
    }

    pub async fn pass(&self) {
        // Others may still come by in the process that is about to die: they do not matter.
        if self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.caught.notify_one();
            std::future::pending::<()>().await;
        }
    }

    /// Whether somebody is caught within this time.
    pub async fn catches_within(&self, limit: Duration) -> bool {
        tokio::time::timeout(limit, self.caught.notified()).await.is_ok()
    }
}

/// The journal, with traps.
pub struct WatchedStore {
    inner: SqliteStore,
    trap: Arc<Trap>,
}

impl WatchedStore {
    pub fn new(inner: SqliteStore, trap: Arc<Trap>) -> Self {
        Self { inner, trap }
    }
}

/// What is held beside deployments is no deed that dying could cut in two: no traps there.
#[async_trait]
impl ReservationStore for WatchedStore {
    async fn reserve(&self, reserving: &Reserving) -> Result<bool, StoreError> {
        self.inner.reserve(reserving).await
    }

    async fn take_up_reservation(
        &self,
        id: &ReservationId,
        asked: &Asked,
        until: (Timestamp, Timestamp),
    ) -> Result<Option<u64>, StoreError> {
        self.inner.take_up_reservation(id, asked, until).await
    }

    async fn extend_reservation(
        &self,
        ticket: &Ticket,
        until: (Timestamp, Timestamp),
    ) -> Result<bool, StoreError> {
        self.inner.extend_reservation(ticket, until).await
    }

    async fn hold_reservation(
        &self,
        id: &ReservationId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.inner.hold_reservation(id, now).await
    }

    async fn release_reservation(
        &self,
        ticket: &Ticket,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.inner.release_reservation(ticket, now).await
    }

    async fn lapse_reservations(&self, now: Timestamp) -> Result<Vec<EnvironmentName>, StoreError> {
        self.inner.lapse_reservations(now).await
    }

    async fn reservation(&self, id: &ReservationId) -> Result<Option<Reservation>, StoreError> {
        self.inner.reservation(id).await
    }

    async fn reservations(&self) -> Result<Vec<Reservation>, StoreError> {
        self.inner.reservations().await
    }
}

#[async_trait]
impl Schedules for WatchedStore {
    async fn schedules(&self) -> Result<Vec<MadeSchedule>, StoreError> {
        self.inner.schedules().await
    }

    async fn make_schedule(
        &self,
        new: &NewSchedule,
        rule: &str,
    ) -> Result<MadeSchedule, StoreError> {
        self.trap.pass().await;
        let made = self.inner.make_schedule(new, rule).await;
        self.trap.pass().await;
        made
    }

    async fn schedule(&self, number: i64) -> Result<Option<MadeSchedule>, StoreError> {
        self.inner.schedule(number).await
    }

    async fn renew(&self, firing: &Firing, now: Timestamp) -> Result<bool, StoreError> {
        self.inner.renew(firing, now).await
    }

    async fn schedule_asked_in(
        &self,
        message: &MessageId,
    ) -> Result<Option<MadeSchedule>, StoreError> {
        self.inner.schedule_asked_in(message).await
    }

    async fn end_schedule(&self, number: i64, at: Timestamp) -> Result<bool, StoreError> {
        self.inner.end_schedule(number, at).await
    }

    async fn pauses(&self) -> Result<BTreeMap<ScheduleKey, Pause>, StoreError> {
        self.inner.pauses().await
    }

    async fn pause_schedule(
        &self,
        schedule: &ScheduleKey,
        pause: &Pause,
    ) -> Result<bool, StoreError> {
        self.inner.pause_schedule(schedule, pause).await
    }

    async fn unpause_schedule(
        &self,
        schedule: &ScheduleKey,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.inner.unpause_schedule(schedule, at).await
    }

    async fn schedule_changes(&self) -> Result<i64, StoreError> {
        self.inner.schedule_changes().await
    }

    async fn settled(
        &self,
        schedules: &[(ScheduleKey, String)],
        now: Timestamp,
    ) -> Result<BTreeMap<ScheduleKey, Timestamp>, StoreError> {
        self.inner.settled(schedules, now).await
    }

    async fn claim(&self, due: &Due, now: Timestamp) -> Result<bool, StoreError> {
        self.trap.pass().await;
        let claimed = self.inner.claim(due, now).await;
        self.trap.pass().await;
        claimed
    }

    async fn take_over(
        &self,
        firing: &Firing,
        before: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.trap.pass().await;
        let taken = self.inner.take_over(firing, before, now).await;
        self.trap.pass().await;
        taken
    }

    async fn claimed(&self) -> Result<Vec<Firing>, StoreError> {
        self.inner.claimed().await
    }

    async fn announced(
        &self,
        firing: &Firing,
        posted: Option<&Posted>,
    ) -> Result<bool, StoreError> {
        self.trap.pass().await;
        let announced = self.inner.announced(firing, posted).await;
        self.trap.pass().await;
        announced
    }

    async fn missed(&self, firing: &Firing) -> Result<bool, StoreError> {
        self.inner.missed(firing).await
    }

    async fn denied(&self, firing: &Firing) -> Result<bool, StoreError> {
        self.inner.denied(firing).await
    }

    async fn announced_before(
        &self,
        schedule: &ScheduleKey,
        due: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.inner.announced_before(schedule, due).await
    }

    async fn firings(&self, schedule: &ScheduleKey, limit: u32) -> Result<Vec<Firing>, StoreError> {
        self.inner.firings(schedule, limit).await
    }

    async fn firing_that_asks(&self, message: &MessageId) -> Result<Option<Firing>, StoreError> {
        self.inner.firing_that_asks(message).await
    }

    async fn forget_firings(&self, before: Timestamp) -> Result<(), StoreError> {
        self.inner.forget_firings(before).await
    }

    async fn ended_since(&self, from: Timestamp) -> Result<Vec<Outcome>, StoreError> {
        self.inner.ended_since(from).await
    }
}

#[async_trait]
impl Store for WatchedStore {
    async fn receive(&self, said: &Said, at: Timestamp) -> Result<bool, StoreError> {
        let received = self.inner.receive(said, at).await;
        self.trap.pass().await;
        received
    }

    async fn handled(&self, message: &MessageId, at: Timestamp) -> Result<(), StoreError> {
        self.trap.pass().await;
        self.inner.handled(message, at).await
    }

    async fn unhandled(&self) -> Result<Vec<Unhandled>, StoreError> {
        self.inner.unhandled().await
    }

    async fn untold(&self) -> Result<Vec<Deployment>, StoreError> {
        self.inner.untold().await
    }

    async fn told(&self, id: DeploymentId) -> Result<(), StoreError> {
        self.trap.pass().await;
        self.inner.told(id).await
    }

    async fn narrated(&self, id: DeploymentId) -> Result<u64, StoreError> {
        self.inner.narrated(id).await
    }

    async fn set_narrated(&self, id: DeploymentId, sequence: u64) -> Result<(), StoreError> {
        self.trap.pass().await;
        self.inner.set_narrated(id, sequence).await
    }

    async fn nudge(&self, id: DeploymentId, at: Timestamp) -> Result<bool, StoreError> {
        self.trap.pass().await;
        self.inner.nudge(id, at).await
    }

    async fn asked_in(&self, message: &MessageId) -> Result<Option<DeploymentId>, StoreError> {
        self.inner.asked_in(message).await
    }

    async fn begin(&self, first: Event, at: Timestamp) -> Result<Deployment, StoreError> {
        self.trap.pass().await;
        let begun = self.inner.begin(first, at).await;
        self.trap.pass().await;
        begun
    }

    async fn append(
        &self,
        deployment: DeploymentId,
        version: u64,
        events: Vec<Event>,
        at: Timestamp,
    ) -> Result<Deployment, StoreError> {
        self.trap.pass().await;
        let ends = events.iter().any(|event| matches!(event, Event::Ended { .. }));
        if let Some(scene) = ends.then(|| self.trap.look()).flatten() {
            self.trap.nearly.lock().unwrap().insert(deployment, scene);
        }
        let appended = self.inner.append(deployment, version, events, at).await;
        if ends && appended.is_ok() {
            self.trap.believe_end_of(deployment);
        }
        self.trap.pass().await;
        appended
    }

    async fn deployment(&self, id: DeploymentId) -> Result<Option<Deployment>, StoreError> {
        self.inner.deployment(id).await
    }

    async fn events(&self, id: DeploymentId) -> Result<Vec<Recorded>, StoreError> {
        self.inner.events(id).await
    }

    async fn events_after(
        &self,
        id: DeploymentId,
        sequence: u64,
    ) -> Result<Vec<Recorded>, StoreError> {
        self.inner.events_after(id, sequence).await
    }

    async fn open(&self) -> Result<Vec<Deployment>, StoreError> {
        self.inner.open().await
    }

    async fn scheduled(&self) -> Result<Vec<Deployment>, StoreError> {
        self.inner.scheduled().await
    }

    async fn by_message(&self, message: &MessageId) -> Result<Option<DeploymentId>, StoreError> {
        self.inner.by_message(message).await
    }

    async fn history(
        &self,
        environment: Option<&EnvironmentName>,
        limit: u32,
    ) -> Result<Vec<Summary>, StoreError> {
        self.inner.history(environment, limit).await
    }

    async fn last_success(
        &self,
        environment: &EnvironmentName,
    ) -> Result<Option<Deployment>, StoreError> {
        self.inner.last_success(environment).await
    }

    async fn verified(
        &self,
        environment: &EnvironmentName,
        image: &Image,
    ) -> Result<bool, StoreError> {
        self.inner.verified(environment, image).await
    }

    async fn durations(
        &self,
        environment: &EnvironmentName,
        repositories: &[Repository],
        limit: u32,
    ) -> Result<Vec<Duration>, StoreError> {
        self.inner.durations(environment, repositories, limit).await
    }

    async fn hold(&self, environment: &EnvironmentName) -> Result<Option<Hold>, StoreError> {
        self.inner.hold(environment).await
    }

    async fn decide(&self, decision: Decision, at: Timestamp) -> Result<bool, StoreError> {
        self.trap.pass().await;
        let decided = self.inner.decide(decision, at).await;
        self.trap.pass().await;
        decided
    }

    async fn bans(&self) -> Result<Vec<Ban>, StoreError> {
        self.inner.bans().await
    }

    async fn decisions(&self, limit: u32) -> Result<Vec<RecordedDecision>, StoreError> {
        self.inner.decisions(limit).await
    }

    async fn lock(&self, environment: &EnvironmentName) -> Result<Option<Lock>, StoreError> {
        self.inner.lock(environment).await
    }

    async fn locks(&self) -> Result<Vec<Lock>, StoreError> {
        self.inner.locks().await
    }

    async fn ask_about_lock(&self, lock: &Lock, at: Timestamp) -> Result<bool, StoreError> {
        self.trap.pass().await;
        let asked = self.inner.ask_about_lock(lock, at).await;
        self.trap.pass().await;
        asked
    }

    async fn freezes(&self) -> Result<Vec<Freeze>, StoreError> {
        self.inner.freezes().await
    }

    async fn news(&self) -> Result<Vec<RecordedDecision>, StoreError> {
        self.inner.news().await
    }

    async fn news_told(&self, decision: u64) -> Result<(), StoreError> {
        self.trap.pass().await;
        let told = self.inner.news_told(decision).await;
        self.trap.pass().await;
        told
    }
}
