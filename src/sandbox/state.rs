//! Everything that the simulated account holds at one moment, and what is due when. Changes only
//! when it is told what time it is; must not know of sockets, threads or clocks.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};

use tokio::time::Instant;

use super::bus::Outbox;
use super::digest;
use super::ecr::registry::Registry;
use super::ecs::model::{Cluster, Definition, Service, ServiceKey, Task, TaskKey};
use super::ecs::{lifecycle, scheduler};
use super::times::{Moment, Times};

#[derive(Clone)]
pub(super) struct State {
    pub(super) account: String,
    pub(super) region: String,
    /// Where the sandbox itself listens: layers are downloaded from it.
    pub(super) base_url: String,
    pub(super) times: Times,
    pub(super) registry: Registry,
    pub(super) clusters: BTreeMap<String, Cluster>,
    /// Revisions by family, the first being revision 1.
    pub(super) definitions: BTreeMap<String, Vec<Definition>>,
    /// Services are never removed, only made INACTIVE, so that a key is an index.
    pub(super) services: Vec<Service>,
    /// The latest service of that name in a cluster.
    pub(super) service_names: BTreeMap<(String, String), ServiceKey>,
    pub(super) tasks: BTreeMap<TaskKey, Task>,
    pub(super) task_ids: HashMap<String, TaskKey>,
    pub(super) agenda: Agenda,
    /// What ECS tells EventBridge; nothing where nobody listens.
    pub(super) outbox: Option<Outbox>,
    serial: u64,
    /// Calls are counted apart, so that ids of tasks do not depend on how often somebody looked.
    requests: u64,
}

/// What will happen by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// The task goes on from its step of that number. If it has gone on already, this is void.
    Task(TaskKey, u32),
    /// The scheduler looks at the service.
    Service(ServiceKey),
}

/// What is due when, the soonest first.
#[derive(Clone, Default)]
pub(super) struct Agenda {
    heap: BinaryHeap<Reverse<(Instant, u64, Due)>>,
    entered: u64,
}

impl Agenda {
    pub(super) fn enter(&mut self, at: Instant, due: Due) {
        self.entered += 1;
        self.heap.push(Reverse((at, self.entered, due)));
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _, _))| *at)
    }

    fn take(&mut self, until: Instant) -> Option<(Instant, Due)> {
        if self.next()? > until {
            return None;
        }
        self.heap.pop().map(|Reverse((at, _, due))| (at, due))
    }
}

impl State {
    pub(super) fn new(account: &str, region: &str, base_url: &str, times: Times) -> State {
        State {
            account: account.to_owned(),
            region: region.to_owned(),
            base_url: base_url.to_owned(),
            times,
            registry: Registry::default(),
            clusters: BTreeMap::new(),
            definitions: BTreeMap::new(),
            services: Vec::new(),
            service_names: BTreeMap::new(),
            tasks: BTreeMap::new(),
            task_ids: HashMap::new(),
            agenda: Agenda::default(),
            outbox: None,
            serial: 0,
            requests: 0,
        }
    }

    /// Lets everything happen that is due by now, in its order.
    pub(super) fn run_until(&mut self, now: Moment) {
        while let Some((at, due)) = self.agenda.take(now.at) {
            // What is late happens at the moment that it was due, so that delays do not add up.
            let moment = Moment { wall: now.wall, at };
            match due {
                Due::Task(task, step) => lifecycle::go_on(self, task, step, moment),
                Due::Service(service) => scheduler::look(self, service, moment),
            }
        }
    }

    fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    pub(super) fn request_id(&mut self) -> String {
        self.requests += 1;
        digest::id(&format!("request {}", self.requests))
    }

    /// An id of 32 hexadecimal digits that no other thing here has.
    pub(super) fn fresh_id(&mut self, kind: &str) -> String {
        let serial = self.next_serial();
        digest::id(&format!("{kind} {serial}"))
    }

    /// A number of 19 digits that no other thing here has.
    pub(super) fn fresh_number(&mut self, kind: &str) -> String {
        let serial = self.next_serial();
        digest::number(&format!("{kind} {serial}"))
    }

    pub(super) fn fresh_task_key(&mut self) -> TaskKey {
        TaskKey(self.next_serial())
    }

    /// The name of an ECS resource: `arn:aws:ecs:REGION:ACCOUNT:` and the rest.
    pub(super) fn arn(&self, rest: &str) -> String {
        format!("arn:aws:ecs:{}:{}:{rest}", self.region, self.account)
    }

    pub(super) fn service_named(&self, cluster: &str, name: &str) -> Option<&Service> {
        let key = self.service_names.get(&(cluster.to_owned(), name.to_owned()))?;
        self.services.get(key.0)
    }

    pub(super) fn definition(&self, arn: &str) -> Option<&Definition> {
        let (family, revision) = arn.rsplit('/').next()?.rsplit_once(':')?;
        let revision: usize = revision.parse().ok()?;
        self.definitions.get(family)?.get(revision.checked_sub(1)?)
    }
}
