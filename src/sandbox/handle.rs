//! What can be seen of a sandbox and done to it beside AWS's calls, and the task that lets time
//! pass in it. Must not know HTTP.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::bus::Destination;
use super::calls::{Call, Log};
use super::chance::Odds;
use super::ecs::{seed, view};
use super::faults::{Fault, Faults};
use super::iam::Policies;
use super::limits::Limits;
use super::state::State;
use super::times::{Moment, Times};
use super::world::{RepositorySpec, ServiceSpec, World};
use super::{ServiceView, TaskView, ecr};

/// A sandbox's inside. Clones are of the same sandbox.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

struct Shared {
    inside: Mutex<Inside>,
    /// Something is due sooner than the driver expects.
    sooner: Notify,
    /// There are events to be sent.
    posted: Notify,
    clock: Arc<dyn Fn() -> SystemTime + Send + Sync>,
}

pub(super) struct Inside {
    pub(super) state: State,
    pub(super) faults: Faults,
    pub(super) limits: Limits,
    pub(super) policies: Policies,
    pub(super) log: Log,
    destination: Option<Destination>,
    /// The answers to events that were sent.
    sent: Vec<u16>,
    /// When the driver will wake, if anything is due at all.
    expected: Option<Instant>,
}

fn fill(world: &World, base_url: &str, times: Times, now: Moment) -> State {
    let mut state = State::new(&world.account, &world.region, base_url, times);
    for repository in &world.repositories {
        state.registry.add(repository, now.wall);
    }
    for cluster in &world.clusters {
        seed::cluster(&mut state, cluster);
    }
    for service in &world.services {
        seed::service(&mut state, service, now);
    }
    state
}

impl Handle {
    pub(super) fn new(
        world: &World,
        base_url: &str,
        times: Times,
        clock: Arc<dyn Fn() -> SystemTime + Send + Sync>,
    ) -> Handle {
        let now = Moment { wall: clock(), at: Instant::now() };
        let inside = Inside {
            state: fill(world, base_url, times, now),
            faults: Faults::default(),
            limits: Limits::default(),
            policies: Policies::default(),
            log: Log::default(),
            destination: None,
            sent: Vec::new(),
            expected: None,
        };
        let (sooner, posted) = (Notify::new(), Notify::new());
        Handle { shared: Arc::new(Shared { inside: Mutex::new(inside), sooner, posted, clock }) }
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        // Nothing in here is left half done by a panic that could be made worse by going on.
        self.shared.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Moment {
        Moment { wall: (self.shared.clock)(), at: Instant::now() }
    }

    /// Brings the sandbox up to now, does something in it, and sees that what follows is not
    /// missed.
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut Inside, Moment) -> T) -> T {
        let mut inside = self.lock();
        let now = self.now();
        inside.state.run_until(now);
        let result = act(&mut inside, now);
        let next = inside.state.agenda.next();
        if next.is_some_and(|next| inside.expected.is_none_or(|expected| next < expected)) {
            inside.expected = next;
            self.shared.sooner.notify_one();
        }
        self.announce(&inside);
        result
    }

    /// Wakes whoever sends events, where there are some.
    fn announce(&self, inside: &Inside) {
        if inside.state.outbox.as_ref().is_some_and(|outbox| !outbox.events.is_empty()) {
            self.shared.posted.notify_one();
        }
    }

    /// Waits for events to be sent, and says where to.
    pub(super) async fn posted(&self) -> (Destination, Vec<Value>) {
        loop {
            let events = self.take_posted();
            let destination = self.lock().destination.clone();
            match destination {
                Some(destination) if !events.is_empty() => return (destination, events),
                Some(_) | None => self.shared.posted.notified().await,
            }
        }
    }

    pub(super) fn take_posted(&self) -> Vec<Value> {
        let mut inside = self.lock();
        let outbox = inside.state.outbox.as_mut();
        outbox.map(|outbox| std::mem::take(&mut outbox.events)).unwrap_or_default()
    }

    pub(super) fn sent(&self, status: u16) {
        self.lock().sent.push(status);
    }

    /// From now on what ECS tells EventBridge is sent there, or nowhere.
    ///
    /// # Errors
    /// If the address is not one on this machine, or the header cannot be sent.
    pub fn send_events(&self, destination: Option<Destination>) -> Result<(), String> {
        destination.as_ref().map_or(Ok(()), Destination::check)?;
        self.with(|inside, _| {
            let outbox = inside.state.outbox.take().unwrap_or_default();
            inside.state.outbox = destination.as_ref().map(|_| outbox);
            inside.destination = destination;
        });
        Ok(())
    }

    /// The last answer to each event that was sent, 0 where there was none.
    pub fn event_answers(&self) -> Vec<u16> {
        self.lock().sent.clone()
    }

    /// Lets time pass, for ever: sleeps until something is due.
    pub(super) async fn drive(self) {
        loop {
            let next = {
                let mut inside = self.lock();
                let now = self.now();
                inside.state.run_until(now);
                inside.expected = inside.state.agenda.next();
                self.announce(&inside);
                inside.expected
            };
            match next {
                None => self.shared.sooner.notified().await,
                Some(at) => tokio::select! {
                    () = tokio::time::sleep_until(at) => {}
                    () = self.shared.sooner.notified() => {}
                },
            }
        }
    }

    /// The calls so far, the oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.lock().log.all().cloned().collect()
    }

    /// How often the operation has been called, whatever came of it.
    pub fn count_calls(&self, operation: &str) -> usize {
        self.lock().log.all().filter(|call| call.operation == operation).count()
    }

    pub fn clear_calls(&self) {
        self.lock().log.clear();
    }

    /// Orders something to go wrong.
    ///
    /// # Errors
    /// If it names an operation that the sandbox or an error that AWS does not have, or is for a
    /// stale answer of a call that does not only read.
    pub fn order(&self, fault: Fault) -> Result<(), String> {
        self.with(|inside, _| inside.faults.order(&fault, &inside.state))
    }

    /// Lets calls go wrong at random, with these odds: the same calls meet the same faults. What
    /// was ordered comes first.
    ///
    /// # Errors
    /// If the odds are together more than 1, or it names an operation that the sandbox does not
    /// have.
    pub fn let_happen(&self, odds: Odds) -> Result<(), String> {
        self.lock().faults.happen(odds)
    }

    /// Withdraws all orders, and nothing happens at random any more. Calls that hang already go on
    /// hanging.
    pub fn clear_faults(&self) {
        self.lock().faults.clear();
    }

    /// Switches AWS's rate limits on or off. They are off at first.
    pub fn limit_rates(&self, on: bool) {
        self.lock().limits.switch(on);
    }

    /// From now on calls that are signed with this access key need the leave of this IAM policy.
    /// Other keys are administrators'.
    ///
    /// # Errors
    /// If it is no policy, or has what the sandbox does not know.
    pub fn enforce(&self, key: &str, policy: &Value) -> Result<(), String> {
        self.lock().policies.enforce(key, policy)
    }

    /// No policy is enforced any more.
    pub fn lift_policies(&self) {
        self.lock().policies.lift();
    }

    /// What policies have refused since this was asked last, in AWS's words.
    pub fn take_denials(&self) -> Vec<String> {
        self.lock().policies.take_denials()
    }

    /// Changes how long things take from now on.
    pub fn set_times(&self, times: Times) {
        self.with(|inside, _| inside.state.times = times);
    }

    /// Replaces the whole world. The log, the orders, the limits and the policies stay.
    pub fn seed(&self, world: &World) {
        self.with(|inside, now| {
            let (base_url, times) = (inside.state.base_url.clone(), inside.state.times.clone());
            let outbox = inside.state.outbox.take();
            inside.state = fill(world, &base_url, times, now);
            inside.state.outbox = outbox;
        });
    }

    /// The digest that a tag of a repository points to.
    pub fn digest(&self, repository: &str, tag: &str) -> Option<String> {
        self.lock().state.registry.get(repository)?.tags.get(tag).cloned()
    }

    /// The tags of a repository with their digests.
    pub fn tags(&self, repository: &str) -> BTreeMap<String, String> {
        self.lock()
            .state
            .registry
            .get(repository)
            .map(|found| found.tags.clone())
            .unwrap_or_default()
    }

    pub fn add_repository(&self, repository: &RepositorySpec) {
        self.with(|inside, now| inside.state.registry.add(repository, now.wall));
    }

    /// Adds a service whose tasks are RUNNING already.
    pub fn add_service(&self, service: &ServiceSpec) {
        self.with(|inside, now| seed::service(&mut inside.state, service, now));
    }

    /// A service with its tasks that are wanted.
    pub fn service(&self, cluster: &str, name: &str) -> Option<ServiceView> {
        self.with(|inside, _| view::service(&inside.state, cluster, name))
    }

    /// Every service.
    pub fn services(&self) -> Vec<ServiceView> {
        self.with(|inside, _| view::services(&inside.state))
    }

    /// The tasks of a service that are wanted, the oldest first.
    pub fn tasks(&self, cluster: &str, service: &str) -> Vec<TaskView> {
        self.service(cluster, service).map(|service| service.tasks).unwrap_or_default()
    }

    /// The tasks of a service that are stopping or have stopped and can still be seen, the oldest
    /// first.
    pub fn stopped_tasks(&self, cluster: &str, service: &str) -> Vec<TaskView> {
        self.with(|inside, _| view::stopped(&inside.state, cluster, service))
    }

    /// Waits until the service is as the condition says, and says whether it came to be within the
    /// time.
    pub async fn wait_for(
        &self,
        cluster: &str,
        service: &str,
        within: Duration,
        condition: impl Fn(&ServiceView) -> bool,
    ) -> bool {
        let until = Instant::now() + within;
        loop {
            if self.service(cluster, service).is_some_and(|service| condition(&service)) {
                return true;
            }
            if Instant::now() >= until {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Tags with their digests, and services with their tasks, as JSON.
    pub fn summary(&self) -> Value {
        self.with(|inside, _| {
            let repositories: BTreeMap<&String, &BTreeMap<String, String>> = inside
                .state
                .registry
                .all()
                .map(|(name, repository)| (name, &repository.tags))
                .collect();
            let mut clusters: BTreeMap<String, BTreeMap<String, ServiceView>> =
                inside.state.clusters.keys().map(|name| (name.clone(), BTreeMap::new())).collect();
            for service in view::services(&inside.state) {
                clusters
                    .entry(service.cluster.clone())
                    .or_default()
                    .insert(service.name.clone(), service);
            }
            json!({
                "account": inside.state.account,
                "region": inside.state.region,
                "repositories": repositories,
                "clusters": clusters,
            })
        })
    }

    /// The content of a blob of a repository.
    pub(super) fn blob(&self, repository: &str, digest: &str) -> Option<Vec<u8>> {
        ecr::images::blob(&self.lock().state, repository, digest)
    }
}
