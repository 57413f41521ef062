//! A small model of ECR and ECS: tags, services, tasks, and what a moment changes in them. It
//! knows nothing of deployments of ours; what it is told to do it does.

use std::collections::BTreeMap;

use jiff::Timestamp;
use shipmate::domain::id::{Digest, EcsDeploymentId, Repository, ServiceName, Tag, TaskArn};
use shipmate::domain::observation::{
    ContainerSeen, Controller, EcsDeployment, EcsService, Health, RolloutState, Scheduling,
    ServiceDeployment, ServiceDeploymentState, ServiceSeen, StopCause, Stopped, Task,
};

/// How many seconds a moment has.
pub const MOMENT: i64 = 5;
/// For how many moments a stopped task is shown.
const SHOWN: u32 = 60;

/// What an image does when it is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    Good,
    /// It exits so many moments after it began to run.
    Exits(u32),
    /// It cannot be pulled.
    NeverStarts,
    /// It runs, and no health check ever passes.
    NeverHealthy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    Pulling,
    Running { healthy: bool },
    Stopping,
    Stopped,
}

#[derive(Clone, Debug)]
pub struct ModelTask {
    pub arn: TaskArn,
    pub deployment: u32,
    pub life: Life,
    pub digest: Option<Digest>,
    /// Moments in this life.
    pub age: u32,
    /// Moments for which it has served without a break.
    pub served: u32,
    pub stopped: Option<Stopped>,
}

#[derive(Clone, Debug)]
pub struct ModelDeployment {
    pub id: u32,
    /// What its first task resolved, where versions are consistent.
    pub pinned: Option<Digest>,
    pub state: RolloutState,
    pub failures: u32,
    pub rolled_back: bool,
}

#[derive(Clone, Debug)]
pub struct ModelService {
    pub repository: Repository,
    pub tag: Tag,
    pub desired: u32,
    pub minimum_percent: u32,
    pub maximum_percent: u32,
    pub check: bool,
    pub consistent: bool,
    /// How many failures open the circuit breaker; 0: it has none.
    pub breaker: u32,
    pub rolls_back: bool,
    /// The hosts do not pull: they start what they have.
    pub cached: Option<Digest>,
    /// The primary last.
    pub deployments: Vec<ModelDeployment>,
    pub tasks: Vec<ModelTask>,
}

#[derive(Clone, Debug)]
pub struct World {
    pub now: Timestamp,
    pub images: BTreeMap<Digest, Behaviour>,
    pub tags: BTreeMap<(Repository, Tag), Digest>,
    pub services: BTreeMap<ServiceName, ModelService>,
    /// Lists show the moment before.
    pub lags: bool,
    /// Service deployments can be looked at.
    pub follows: bool,
    before: BTreeMap<ServiceName, ServiceSeen>,
    numbers: u32,
    /// How many moments a stop, a pull and a first health check take.
    pub stop_time: u32,
    pub pull_time: u32,
    pub health_time: u32,
}

impl ModelTask {
    pub fn wanted(&self) -> bool {
        match self.life {
            Life::Pulling | Life::Running { .. } => true,
            Life::Stopping | Life::Stopped => false,
        }
    }

    pub fn serves(&self, check: bool) -> bool {
        match self.life {
            Life::Running { healthy } => healthy || !check,
            Life::Pulling | Life::Stopping | Life::Stopped => false,
        }
    }

    fn stop(&mut self, cause: StopCause, reason: &str, exit_code: Option<i32>) {
        self.stopped =
            Some(Stopped { cause, reason: reason.to_owned(), exit_code, container: None });
        self.served = 0;
        self.age = 0;
        self.life = if cause == StopCause::Other { Life::Stopping } else { Life::Stopped };
    }
}

impl ModelService {
    pub fn wanted(&self) -> impl Iterator<Item = &ModelTask> {
        self.tasks.iter().filter(|task| task.wanted())
    }

    pub fn serving(&self) -> usize {
        self.wanted().filter(|task| task.serves(self.check)).count()
    }

    pub fn minimum(&self) -> usize {
        (self.desired * self.minimum_percent).div_ceil(100) as usize
    }

    pub fn primary(&self) -> u32 {
        self.deployments.last().map_or(0, |deployment| deployment.id)
    }

    pub fn steady(&self) -> bool {
        self.deployments.len() == 1 && self.deployments[0].state == RolloutState::Completed
    }
}

impl World {
    pub fn new(now: Timestamp) -> Self {
        Self {
            now,
            images: BTreeMap::new(),
            tags: BTreeMap::new(),
            services: BTreeMap::new(),
            lags: false,
            follows: true,
            before: BTreeMap::new(),
            numbers: 0,
            stop_time: 1,
            pull_time: 1,
            health_time: 1,
        }
    }

    pub fn number(&mut self) -> u32 {
        self.numbers += 1;
        self.numbers
    }

    /// A task that has long run.
    pub fn settled_task(&mut self, deployment: u32, digest: &Digest) -> ModelTask {
        let arn = TaskArn::new(format!("task/{}", self.number()));
        ModelTask {
            arn,
            deployment,
            life: Life::Running { healthy: true },
            digest: Some(digest.clone()),
            age: 1000,
            served: 1000,
            stopped: None,
        }
    }

    /// A moment passes.
    pub fn tick(&mut self) {
        self.before = self.truth();
        self.now += jiff::SignedDuration::from_secs(MOMENT);
        let names: Vec<ServiceName> = self.services.keys().cloned().collect();
        for name in names {
            let Some(mut service) = self.services.remove(&name) else { continue };
            self.live(&mut service);
            break_circuit(&mut service, &mut self.numbers);
            self.schedule(&mut service);
            self.services.insert(name, service);
        }
    }

    fn live(&self, service: &mut ModelService) {
        let tag = self.tags.get(&(service.repository.clone(), service.tag.clone())).cloned();
        for task in &mut service.tasks {
            task.age += 1;
            match task.life {
                Life::Pulling if task.age >= self.pull_time => {
                    let of = service.deployments.iter_mut().find(|one| one.id == task.deployment);
                    let digest = match of {
                        _ if service.cached.is_some() => service.cached.clone(),
                        Some(of) if service.consistent => {
                            if of.pinned.is_none() {
                                of.pinned.clone_from(&tag);
                            }
                            of.pinned.clone()
                        }
                        Some(_) | None => tag.clone(),
                    };
                    let behaviour = digest.as_ref().and_then(|digest| self.images.get(digest));
                    match behaviour {
                        None | Some(Behaviour::NeverStarts) => {
                            task.stop(StopCause::NeverStarted, "CannotPullContainerError", None);
                        }
                        Some(Behaviour::Good | Behaviour::Exits(_) | Behaviour::NeverHealthy) => {
                            task.digest = digest;
                            task.age = 0;
                            task.life = Life::Running { healthy: false };
                        }
                    }
                }
                Life::Running { .. } => self.run(task, service.check),
                Life::Stopping if task.age >= self.stop_time => task.life = Life::Stopped,
                Life::Pulling | Life::Stopping | Life::Stopped => {}
            }
            if task.stopped.as_ref().is_some_and(|stopped| stopped.cause != StopCause::Other)
                && task.age == 0
                && let Some(of) =
                    service.deployments.iter_mut().find(|one| one.id == task.deployment)
            {
                of.failures += 1;
            }
            task.served = if task.serves(service.check) { task.served + 1 } else { 0 };
        }
        service.tasks.retain(|task| task.life != Life::Stopped || task.age < SHOWN);
    }

    fn run(&self, task: &mut ModelTask, check: bool) {
        let behaviour = task.digest.as_ref().and_then(|digest| self.images.get(digest));
        match behaviour {
            Some(Behaviour::Exits(after)) if task.age >= *after => {
                task.stop(StopCause::Exited, "Essential container in task exited", Some(1));
            }
            Some(Behaviour::NeverHealthy) if check => {
                if task.age >= self.health_time + 4 {
                    task.stop(StopCause::Unhealthy, "Task failed container health checks", None);
                }
            }
            Some(
                Behaviour::Good
                | Behaviour::Exits(_)
                | Behaviour::NeverStarts
                | Behaviour::NeverHealthy,
            )
            | None => {
                task.life = Life::Running { healthy: task.age >= self.health_time };
            }
        }
    }

    /// Starts and stops tasks until there are as many as wanted, all of the primary.
    fn schedule(&mut self, service: &mut ModelService) {
        let Some(primary) = service.deployments.last().cloned() else { return };
        let ours = |task: &&ModelTask| task.wanted() && task.deployment == primary.id;
        let new = service.tasks.iter().filter(ours).count();
        let total = service.wanted().count();
        let desired = service.desired as usize;
        // A service whose percentages leave ECS no room to roll is stuck, and not our matter.
        let most = (service.desired * service.maximum_percent / 100) as usize;
        let most = most.max(service.minimum() + 1);
        let given_up = matches!(primary.state, RolloutState::Failed { .. });
        if !given_up {
            let start = desired.saturating_sub(new).min(most.max(desired).saturating_sub(total));
            for _ in 0..start {
                let arn = TaskArn::new(format!("task/{}", self.number()));
                service.tasks.push(ModelTask {
                    arn,
                    deployment: primary.id,
                    life: Life::Pulling,
                    digest: None,
                    age: 0,
                    served: 0,
                    stopped: None,
                });
            }
            let mut room = service.serving().saturating_sub(service.minimum());
            let check = service.check;
            for task in &mut service.tasks {
                if task.wanted() && task.deployment != primary.id {
                    if task.serves(check) {
                        if room == 0 {
                            continue;
                        }
                        room -= 1;
                    }
                    task.stop(StopCause::Other, "Scaling activity initiated by deployment", None);
                }
            }
        }
        let surplus = new.saturating_sub(desired);
        let scaled = service.tasks.iter_mut().rev().filter(|task| task.wanted());
        for task in scaled.filter(|task| task.deployment == primary.id).take(surplus) {
            task.stop(StopCause::Other, "Scaling activity initiated", None);
        }
        complete(service);
    }

    // What people and programs may do.

    pub fn stop_task(&mut self, name: &ServiceName, arn: &TaskArn) {
        let Some(service) = self.services.get_mut(name) else { return };
        if let Some(task) = service.tasks.iter_mut().find(|task| task.arn == *arn && task.wanted())
        {
            task.stop(StopCause::Other, "Task stopped by user", None);
        }
    }

    pub fn force_deployment(&mut self, name: &ServiceName) -> Option<EcsDeploymentId> {
        let id = self.number();
        let service = self.services.get_mut(name)?;
        let state = RolloutState::InProgress;
        service.deployments.push(ModelDeployment {
            id,
            pinned: None,
            state,
            failures: 0,
            rolled_back: false,
        });
        Some(shown_id(id))
    }

    /// What ECS says of every service; `lags`: what it would have said a moment ago.
    pub fn look(&self) -> BTreeMap<ServiceName, ServiceSeen> {
        if self.lags && !self.before.is_empty() { self.before.clone() } else { self.truth() }
    }

    pub fn truth(&self) -> BTreeMap<ServiceName, ServiceSeen> {
        let seen = |service: &ModelService| ServiceSeen::Found(Box::new(self.show(service)));
        self.services.iter().map(|(name, service)| (name.clone(), seen(service))).collect()
    }

    fn show(&self, service: &ModelService) -> EcsService {
        let primary = service.primary();
        let deployments = service.deployments.iter().rev().map(|one| EcsDeployment {
            id: shown_id(one.id),
            primary: one.id == primary,
            rollout: one.state.clone(),
        });
        let repository = &service.repository;
        EcsService {
            active: true,
            desired: service.desired,
            definition: String::new(),
            minimum_healthy_percent: service.minimum_percent,
            controller: Controller::Rolling,
            scheduling: Scheduling::Replica,
            load_balanced: false,
            deployments: deployments.collect(),
            followed: self.follow(service),
            container: ContainerSeen::Present {
                image: format!("1.dkr.ecr.eu-west-1.amazonaws.com/{repository}:{}", service.tag),
                consistent: service.consistent,
                has_health_check: service.check,
            },
            tasks: service.tasks.iter().map(|task| self.show_task(task, service.check)).collect(),
        }
    }

    /// What ECS tells of the deployments that it lists; nobody asks about more here.
    fn follow(&self, service: &ModelService) -> BTreeMap<EcsDeploymentId, ServiceDeployment> {
        if !self.follows {
            return BTreeMap::new();
        }
        let followed = service.deployments.iter().map(|one| {
            let state = match &one.state {
                RolloutState::Failed { reason } if one.rolled_back => {
                    let reason = reason.clone();
                    ServiceDeploymentState::RolledBack { to: Some("1".to_owned()), reason }
                }
                RolloutState::Failed { .. }
                | RolloutState::InProgress
                | RolloutState::Completed
                | RolloutState::Unknown => ServiceDeploymentState::Standing,
            };
            let resolved = one.pinned.clone().filter(|_| service.consistent);
            (shown_id(one.id), ServiceDeployment { state, resolved })
        });
        followed.collect()
    }

    /// Has ECS roll a deployment back; false: it is not in progress, or there is nothing to go
    /// back to.
    pub fn call_back(&mut self, name: &ServiceName, id: &EcsDeploymentId) -> bool {
        let Some(mut service) = self.services.remove(name) else { return false };
        let last = service.deployments.last();
        let in_progress = last
            .is_some_and(|last| shown_id(last.id) == *id && last.state == RolloutState::InProgress);
        let taken = in_progress && roll_back(&mut service, &mut self.numbers, "on request");
        self.services.insert(name.clone(), service);
        taken
    }

    fn show_task(&self, task: &ModelTask, check: bool) -> Task {
        let (running, healthy) = match task.life {
            Life::Running { healthy } => (true, healthy),
            Life::Pulling | Life::Stopping | Life::Stopped => (false, false),
        };
        Task {
            arn: task.arn.clone(),
            wanted: task.wanted(),
            running,
            health: if check && healthy { Health::Healthy } else { Health::Unknown },
            digest: task.digest.clone(),
            stopped: task.stopped.clone().filter(|_| task.life == Life::Stopped),
            since: self.now,
        }
    }
}

pub fn shown_id(id: u32) -> EcsDeploymentId {
    EcsDeploymentId::new(format!("ecs-svc/{id}"))
}

/// The primary is complete once it alone has tasks and as many as wanted serve.
fn complete(service: &mut ModelService) {
    let primary = service.primary();
    let desired = service.desired as usize;
    let check = service.check;
    let serving =
        service.wanted().filter(|task| task.deployment == primary && task.serves(check)).count();
    let tasks = &service.tasks;
    let alive = |id: u32| tasks.iter().any(|task| task.wanted() && task.deployment == id);
    service.deployments.retain(|one| one.id == primary || alive(one.id));
    let alone = service.deployments.len() == 1;
    if let Some(last) = service.deployments.last_mut()
        && alone
        && serving >= desired
        && last.state == RolloutState::InProgress
    {
        last.state = RolloutState::Completed;
        last.failures = 0;
    }
}

/// ECS gives up on the primary; where it rolls back, the one before is deployed anew with the
/// digests that it had resolved.
fn break_circuit(service: &mut ModelService, numbers: &mut u32) {
    let breaker = service.breaker;
    let Some(last) = service.deployments.last_mut() else { return };
    let open = breaker > 0 && last.failures >= breaker && last.state == RolloutState::InProgress;
    if !open {
        return;
    }
    let reason = "tasks failed to start";
    last.state = RolloutState::Failed { reason: reason.to_owned() };
    if service.rolls_back {
        roll_back(service, numbers, reason);
    }
}

/// The one before the last is deployed anew with the digests that it had resolved.
fn roll_back(service: &mut ModelService, numbers: &mut u32, reason: &str) -> bool {
    let [.., before, last] = service.deployments.as_mut_slice() else { return false };
    last.state = RolloutState::Failed { reason: reason.to_owned() };
    last.rolled_back = true;
    let pinned = before.pinned.clone().filter(|_| service.consistent);
    *numbers += 1;
    service.deployments.push(ModelDeployment {
        id: *numbers,
        pinned,
        state: RolloutState::InProgress,
        failures: 0,
        rolled_back: false,
    });
    true
}
