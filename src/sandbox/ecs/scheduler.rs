//! The service scheduler: how many tasks of which deployment there should be, within the service's
//! percentages, and what a started or a failed task means for a deployment. Must not know how a
//! task lives, or who called.

use super::super::digest;
use super::super::state::{Due, State};
use super::super::times::Moment;
use super::super::world::{CircuitBreaker, Controller};
use super::deploy;
use super::lifecycle::{self, Origin};
use super::model::{
    Deployment, Event, Rebalancing, Rollout, Service, ServiceKey, ServiceStatus, Stage, Standing,
    Stop, Task, TaskKey,
};
use super::tell;

/// ECS keeps the last hundred events of a service.
const EVENTS: usize = 100;

/// Has the scheduler look at the service soon.
pub(super) fn wake(state: &mut State, key: ServiceKey, now: Moment) {
    let tick = state.times.scheduler_tick;
    wake_at(state, key, now.at + tick);
}

fn wake_at(state: &mut State, key: ServiceKey, at: tokio::time::Instant) {
    let service = &mut state.services[key.0];
    if service.look_at.is_none_or(|planned| at < planned) {
        service.look_at = Some(at);
        state.agenda.enter(at, Due::Service(key));
    }
}

/// Writes an event of the service.
pub(super) fn say(state: &mut State, key: ServiceKey, message: String, now: Moment) {
    let id = digest::uuid(&state.fresh_id("event"));
    let service = &mut state.services[key.0];
    let message = format!("(service {}) {message}", service.name);
    service.events.push_front(Event { id, at: now.wall, message });
    service.events.truncate(EVENTS);
}

/// A task of the service is RUNNING, or has become HEALTHY.
pub(super) fn started(state: &mut State, key: ServiceKey, task: TaskKey, now: Moment) {
    let Some(task) = state.tasks.get(&task) else {
        return;
    };
    let (number, healthy) = (task.deployment.clone(), task.is_healthy());
    let service = &mut state.services[key.0];
    service.failed_starts = 0;
    if let Some(deployment) =
        number.and_then(|number| service.deployment_mut(&number)).filter(|_| healthy)
    {
        deployment.failed_tasks = 0;
    }
    wake(state, key, now);
}

/// A task of the service failed: it did not start, an essential container exited, or its health
/// check did.
pub(super) fn failed(
    state: &mut State,
    key: ServiceKey,
    task: TaskKey,
    was_running: bool,
    now: Moment,
) {
    let Some(number) = state.tasks.get(&task).and_then(|task| task.deployment.clone()) else {
        return;
    };
    let backoff = state.times.backoff;
    let limit = state.times.backoff_limit;
    let service = &mut state.services[key.0];
    if !was_running {
        // Only tasks that fail before they run are held back.
        let factor = 2_u32.saturating_pow(service.failed_starts.min(20));
        let wait = backoff.saturating_mul(factor).min(limit);
        service.failed_starts += 1;
        service.start_again_at = Some(now.at + wait);
    }
    let threshold = service.threshold();
    let breaker = service.circuit_breaker;
    let failed_starts = service.failed_starts;
    // What is being rolled back to is not rolled back in its turn.
    let rolling_back = service.deployments.iter().any(|one| one.status.goes_back());
    let Some(deployment) = service.deployment_mut(&number) else {
        return;
    };
    if deployment.rollout == Rollout::InProgress {
        deployment.failed_tasks += 1;
        deployment.updated = now.wall;
        if breaker != CircuitBreaker::Off
            && deployment.standing == Standing::Primary
            && deployment.failed_tasks >= threshold
        {
            match rolling_back {
                true => deploy::give_up(state, key, now),
                false => deploy::trip(state, key, now),
            }
        }
    }
    if failed_starts == 3 {
        say(state, key, "is unable to consistently start tasks successfully.".to_owned(), now);
        tell::service(state, key, tell::Action::Impaired, now);
    }
}

/// The tasks of a service that are wanted, counted.
struct Count {
    /// Of the primary deployment, the youngest first.
    primary: Vec<TaskKey>,
    primary_healthy: usize,
    /// Of older deployments, those that are not healthy first.
    older: Vec<TaskKey>,
    older_healthy: usize,
    stopping: usize,
}

fn count(state: &State, service: &Service) -> Count {
    let primary = service.primary().map(|deployment| deployment.number.as_str());
    let wanted: Vec<&Task> = service
        .live
        .iter()
        .filter_map(|key| state.tasks.get(key))
        .filter(|task| task.wanted)
        .collect();
    let (mut of_primary, mut older): (Vec<&Task>, Vec<&Task>) =
        wanted.iter().partition(|task| task.deployment.as_deref() == primary);
    of_primary.sort_by_key(|task| (task.is_healthy(), std::cmp::Reverse(task.key)));
    older.sort_by_key(|task| (task.is_healthy(), task.key));
    Count {
        primary_healthy: of_primary.iter().filter(|task| task.is_healthy()).count(),
        primary: of_primary.iter().map(|task| task.key).collect(),
        older_healthy: older.iter().filter(|task| task.is_healthy()).count(),
        older: older.iter().map(|task| task.key).collect(),
        stopping: service.live.len() - wanted.len(),
    }
}

/// Looks at a service and brings it a step nearer to what it should be.
pub(in super::super) fn look(state: &mut State, key: ServiceKey, now: Moment) {
    let service = &mut state.services[key.0];
    if service.look_at != Some(now.at) {
        // An earlier look has taken this one's place, or a later one is planned.
        return;
    }
    service.look_at = None;
    if service.status == ServiceStatus::Inactive || service.controller == Controller::External {
        return;
    }
    deploy::proceed(state, key, now);
    let service = &state.services[key.0];
    let counted = count(state, service);
    let desired = service.desired as usize;
    let failed = service.primary().is_some_and(|primary| primary.rollout == Rollout::Failed);
    let most = most(service);
    let least = (desired * service.minimum_healthy_percent as usize).div_ceil(100);

    let extra = rebalance(state, key, &counted, now);

    // A failed deployment starts nothing any more, and nothing is taken away for it.
    if !failed {
        let total = counted.primary.len() + counted.older.len();
        let wanted = desired + extra;
        let missing = wanted.saturating_sub(counted.primary.len()).min(most.saturating_sub(total));
        start(state, key, missing, now);
        let surplus: Vec<TaskKey> = counted
            .primary
            .iter()
            .take(counted.primary.len().saturating_sub(wanted))
            .copied()
            .collect();
        stop(state, key, &surplus, now);
        // Where there is room for more tasks than desired, old ones go as new ones become healthy;
        // where there is none, old ones make room, down to the minimum.
        let floor = if most > desired { desired } else { least };
        let healthy = counted.primary_healthy + counted.older_healthy;
        let sick = counted.older.len() - counted.older_healthy;
        let room = healthy.saturating_sub(floor);
        let leaving: Vec<TaskKey> = counted.older.iter().take(sick + room).copied().collect();
        stop(state, key, &leaving, now);
    }
    settle(state, key, now);
}

/// The most tasks that a service may have at once.
pub(super) fn most(service: &Service) -> usize {
    let desired = service.desired as usize;
    (desired * service.maximum_percent as usize / 100).max(usize::from(desired > 0))
}

/// Whether something is being deployed, or tasks of an older deployment are still there.
pub(super) fn is_deploying(service: &Service) -> bool {
    let open = service.deployments.iter().filter(|one| one.standing != Standing::Gone);
    open.count() > 1
        || service.primary().is_some_and(|primary| primary.rollout == Rollout::InProgress)
}

/// Goes on with rebalancing, where it is under way, and says how many tasks it wants beside the
/// desired ones. The task that was to go goes once all others are healthy.
fn rebalance(state: &mut State, key: ServiceKey, counted: &Count, now: Moment) -> usize {
    let service = &mut state.services[key.0];
    let Some(Rebalancing { leaving }) = service.rebalancing else {
        return 0;
    };
    let desired = service.desired as usize;
    // Whatever else took the task away has done the work.
    if !counted.primary.contains(&leaving) {
        service.rebalancing = None;
        return 0;
    }
    if counted.primary_healthy <= desired {
        return 1;
    }
    service.rebalancing = None;
    let id = state.tasks.get(&leaving).map(|task| task.id.clone()).unwrap_or_default();
    let reason = "Task stopped by availability zone rebalancing".to_owned();
    lifecycle::end(state, leaving, Stop { code: "ServiceSchedulerInitiated", reason }, now);
    say(state, key, format!("has stopped 1 running tasks to AZ rebalance: (task {id})."), now);
    // It is counted still: without the extra one, another would be taken for one too many.
    1
}

fn start(state: &mut State, key: ServiceKey, tasks: usize, now: Moment) {
    if tasks == 0 {
        return;
    }
    let service = &mut state.services[key.0];
    if let Some(at) = service.start_again_at {
        if now.at < at {
            wake_at(state, key, at);
            return;
        }
        service.start_again_at = None;
    }
    let service = &state.services[key.0];
    let Some(primary) = service.primary() else {
        return;
    };
    let Some(definition) = state.definition(&primary.definition).cloned() else {
        return;
    };
    let (number, id) = (primary.number.clone(), primary.id());
    let (cluster, name, launch_type) =
        (service.cluster.clone(), service.name.clone(), service.launch_type);
    state.services[key.0].said_steady = false;
    let mut started = Vec::new();
    for _ in 0..tasks {
        let origin = Origin {
            cluster: cluster.clone(),
            service: Some(key),
            deployment: Some(number.clone()),
            started_by: Some(id.clone()),
            group: format!("service:{name}"),
            launch_type,
        };
        let task = lifecycle::launch(state, origin, &definition, now);
        started.extend(state.tasks.get(&task).map(|task| format!("(task {})", task.id)));
    }
    say(state, key, format!("has started {tasks} tasks: {}.", started.join(" ")), now);
}

fn stop(state: &mut State, key: ServiceKey, tasks: &[TaskKey], now: Moment) {
    if tasks.is_empty() {
        return;
    }
    let service = &mut state.services[key.0];
    service.said_steady = false;
    let id = service.primary().map(Deployment::id).unwrap_or_default();
    let mut stopped = Vec::new();
    for task in tasks {
        stopped.extend(state.tasks.get(task).map(|task| format!("(task {})", task.id)));
        let reason = format!("Scaling activity initiated by (deployment {id})");
        lifecycle::end(state, *task, Stop { code: "ServiceSchedulerInitiated", reason }, now);
    }
    let number = tasks.len();
    say(state, key, format!("has stopped {number} running tasks: {}.", stopped.join(" ")), now);
}

/// Sees which deployments are done, and whether the service is steady.
fn settle(state: &mut State, key: ServiceKey, now: Moment) {
    let counted = count(state, &state.services[key.0]);
    let (desired, status) = (state.services[key.0].desired as usize, state.services[key.0].status);
    let older: Vec<String> =
        counted.older.iter().filter_map(|task| state.tasks.get(task)?.deployment.clone()).collect();
    let service = &mut state.services[key.0];
    for deployment in &mut service.deployments {
        if deployment.standing == Standing::Active && !older.contains(&deployment.number) {
            deployment.standing = Standing::Gone;
            deployment.updated = now.wall;
        }
    }
    if status == ServiceStatus::Draining {
        if service.live.is_empty() {
            service.status = ServiceStatus::Inactive;
            service
                .deployments
                .iter_mut()
                .for_each(|deployment| deployment.standing = Standing::Gone);
        }
        return;
    }
    let complete = counted.older.is_empty()
        && counted.primary.len() == desired
        && counted.primary_healthy == desired;
    if !complete {
        return;
    }
    deploy::complete(state, key, now);
    let service = &mut state.services[key.0];
    if !service.said_steady && counted.stopping == 0 {
        service.said_steady = true;
        say(state, key, "has reached a steady state.".to_owned(), now);
        tell::service(state, key, tell::Action::Steady, now);
    }
}

/// RUNNING tasks and tasks on their way there, of one deployment or of all of a service.
pub(super) fn running_and_pending(
    state: &State,
    service: &Service,
    number: Option<&str>,
) -> (usize, usize) {
    let tasks = service.live.iter().filter_map(|key| state.tasks.get(key));
    let tasks =
        tasks.filter(|task| number.is_none_or(|number| task.deployment.as_deref() == Some(number)));
    tasks.filter(|task| task.wanted).fold((0, 0), |(running, pending), task| match task.stage {
        Stage::Running => (running + 1, pending),
        Stage::Provisioning | Stage::Pending | Stage::Activating => (running, pending + 1),
        Stage::Deactivating | Stage::Stopping | Stage::Deprovisioning | Stage::Stopped => {
            (running, pending)
        }
    })
}
