//! The life of a task: which state comes after which, and how it ends. Must not decide which tasks
//! there should be, or what a tag means.

use std::time::Duration;

use super::super::state::{Due, State};
use super::super::times::Moment;
use super::super::world::{Behaviour, LaunchType};
use super::model::{
    ContainerPlan, Definition, Health, ServiceKey, Stage, Stop, Task, TaskContainer, TaskKey,
};
use super::{resolve, scheduler, tell};

/// What a new task is of.
pub(super) struct Origin {
    pub(super) cluster: String,
    pub(super) service: Option<ServiceKey>,
    pub(super) deployment: Option<String>,
    pub(super) started_by: Option<String>,
    pub(super) group: String,
    pub(super) launch_type: LaunchType,
}

/// Makes a task. It is PROVISIONING, and goes on by itself.
pub(super) fn launch(
    state: &mut State,
    origin: Origin,
    definition: &Definition,
    now: Moment,
) -> TaskKey {
    let key = state.fresh_task_key();
    let id = state.fresh_id("task");
    let arn = state.arn(&format!("task/{}/{id}", origin.cluster));
    let container = |plan: &ContainerPlan| TaskContainer {
        name: plan.name.clone(),
        image: plan.image.clone(),
        digest: None,
        health_check: plan.health_check,
        essential: plan.essential,
        health: Health::Unknown,
        behaviour: Behaviour::Good,
        log: Vec::new(),
        exit_code: None,
        reason: None,
    };
    let task = Task {
        key,
        id: id.clone(),
        arn,
        cluster: origin.cluster,
        service: origin.service,
        deployment: origin.deployment,
        started_by: origin.started_by,
        group: origin.group,
        definition: definition.arn.clone(),
        launch_type: origin.launch_type,
        stage: Stage::Provisioning,
        step: 0,
        wanted: true,
        containers: definition.containers.iter().map(container).collect(),
        stop: None,
        created: now.wall,
        pull_started: None,
        pull_stopped: None,
        started: None,
        stopping: None,
        execution_stopped: None,
        stopped: None,
        labels: Vec::new(),
        told: None,
    };
    if let Some(service) = task.service {
        state.services[service.0].live.insert(key);
    }
    state.task_ids.insert(id, key);
    state.tasks.insert(key, task);
    let provisioning = state.times.provisioning;
    plan(state, key, provisioning, now);
    tell::task(state, key, now);
    key
}

/// Puts the next step of a task on the agenda, and voids what was planned before.
fn plan(state: &mut State, key: TaskKey, after: Duration, now: Moment) {
    let after = state.times.spread(after, key.0);
    if let Some(task) = state.tasks.get_mut(&key) {
        task.step += 1;
        state.agenda.enter(now.at + after, Due::Task(key, task.step));
    }
}

/// The task's time in its state is over.
pub(in super::super) fn go_on(state: &mut State, key: TaskKey, step: u32, now: Moment) {
    let times = state.times.clone();
    let Some(task) = state.tasks.get_mut(&key).filter(|task| task.step == step) else {
        return;
    };
    match task.stage {
        Stage::Provisioning => {
            task.stage = Stage::Pending;
            task.pull_started = Some(now.wall);
            plan(state, key, times.pulling, now);
            resolve::resolve(state, key);
        }
        Stage::Pending => pulled(state, key, now),
        Stage::Activating => {
            task.stage = Stage::Running;
            task.started = Some(now.wall);
            let service = task.service;
            let next = next_while_running(task, &times);
            match next {
                Some(after) => plan(state, key, after, now),
                None => task.step += 1,
            }
            if let Some(service) = service {
                scheduler::started(state, service, key, now);
            }
        }
        Stage::Running => while_running(state, key, now),
        Stage::Deactivating => {
            task.stage = Stage::Stopping;
            plan(state, key, times.stopping, now);
        }
        Stage::Stopping => {
            task.stage = Stage::Deprovisioning;
            task.execution_stopped = Some(now.wall);
            for container in &mut task.containers {
                // An application that does not handle SIGTERM ends with 128 + 15.
                container.exit_code.get_or_insert(143);
            }
            plan(state, key, times.deprovisioning, now);
        }
        Stage::Deprovisioning => {
            task.stage = Stage::Stopped;
            task.stopped = Some(now.wall);
            task.step += 1;
            if let Some(service) = task.service {
                let service = &mut state.services[service.0];
                service.live.remove(&key);
                service.stopped.push_back(key);
                let key = service.key;
                forget(state, key, now);
                scheduler::wake(state, key, now);
            }
        }
        Stage::Stopped => {}
    }
    tell::task(state, key, now);
}

/// Drops stopped tasks that can no longer be seen, so that a long run does not grow.
fn forget(state: &mut State, service: ServiceKey, now: Moment) {
    while let Some(key) = state.services[service.0].stopped.front().copied() {
        let Some(task) = state.tasks.get(&key) else {
            state.services[service.0].stopped.pop_front();
            continue;
        };
        if is_visible(task, state.times.stopped_visible, now) {
            return;
        }
        state.task_ids.remove(&task.id);
        state.tasks.remove(&key);
        state.services[service.0].stopped.pop_front();
    }
}

/// Whether ECS still shows the task: stopped ones are shown for an hour by the wall clock.
pub(in super::super) fn is_visible(task: &Task, visible: Duration, now: Moment) -> bool {
    match task.stopped {
        None => true,
        Some(stopped) => {
            now.wall.duration_since(stopped).is_ok_and(|since| since < visible)
                || now.wall < stopped
        }
    }
}

fn pulled(state: &mut State, key: TaskKey, now: Moment) {
    let activating = state.times.activating;
    let Some(task) = state.tasks.get_mut(&key) else {
        return;
    };
    task.pull_stopped = Some(now.wall);
    let stuck =
        task.containers.iter_mut().find(|container| container.behaviour == Behaviour::Stuck);
    let Some(container) = stuck else {
        task.stage = Stage::Activating;
        plan(state, key, activating, now);
        return;
    };
    let reason = format!(
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref {}: not found",
        container.image,
    );
    container.reason = Some(reason.clone());
    for container in &mut task.containers {
        // What was never pulled has no digest.
        container.digest = None;
    }
    end(state, key, Stop { code: "TaskFailedToStart", reason }, now);
}

/// When something next happens to a task that has just started to run.
fn next_while_running(task: &Task, times: &super::super::times::Times) -> Option<Duration> {
    let one = |container: &TaskContainer| match container.behaviour {
        Behaviour::Crash { .. } | Behaviour::OutOfMemory => Some(times.crash_after),
        Behaviour::CrashLater { after_millis, .. } if container.health_check => {
            Some(times.healthy_after.min(Duration::from_millis(after_millis)))
        }
        Behaviour::CrashLater { after_millis, .. } => Some(Duration::from_millis(after_millis)),
        Behaviour::Unhealthy => container.health_check.then_some(times.unhealthy_after),
        Behaviour::Good | Behaviour::Stuck => container.health_check.then_some(times.healthy_after),
    };
    task.containers.iter().filter_map(one).min()
}

fn while_running(state: &mut State, key: TaskKey, now: Moment) {
    let times = state.times.clone();
    let Some(task) = state.tasks.get_mut(&key) else {
        return;
    };
    if task.health() == Health::Unhealthy {
        let reason = "Task failed container health checks".to_owned();
        end(state, key, Stop { code: "ServiceSchedulerInitiated", reason }, now);
        return;
    }
    let mut exited = false;
    let mut next = None;
    for container in &mut task.containers {
        match container.behaviour {
            Behaviour::Crash { exit_code } => {
                container.exit_code = Some(exit_code);
                exited = true;
            }
            Behaviour::OutOfMemory => {
                container.exit_code = Some(137);
                container.reason =
                    Some("OutOfMemoryError: Container killed due to memory usage".to_owned());
                exited = true;
            }
            Behaviour::CrashLater { exit_code, after_millis } => {
                if container.health_check && container.health == Health::Unknown {
                    container.health = Health::Healthy;
                    next = Some(
                        Duration::from_millis(after_millis).saturating_sub(times.healthy_after),
                    );
                } else {
                    container.exit_code = Some(exit_code);
                    exited = true;
                }
            }
            Behaviour::Unhealthy if container.health_check => {
                container.health = Health::Unhealthy;
                next = Some(times.scheduler_tick);
            }
            Behaviour::Good | Behaviour::Stuck if container.health_check => {
                container.health = Health::Healthy
            }
            Behaviour::Unhealthy | Behaviour::Good | Behaviour::Stuck => {}
        }
    }
    if exited {
        let reason = "Essential container in task exited".to_owned();
        end(state, key, Stop { code: "EssentialContainerExited", reason }, now);
        return;
    }
    let service = task.service;
    match next {
        Some(after) => plan(state, key, after, now),
        None => task.step += 1,
    }
    if let Some(service) = service {
        scheduler::started(state, service, key, now);
    }
}

/// Begins to end a task, if it is not ending already: from now on nobody wants it, and it goes
/// through the states that are left.
pub(super) fn end(state: &mut State, key: TaskKey, stop: Stop, now: Moment) {
    let times = state.times.clone();
    let Some(task) = state.tasks.get_mut(&key).filter(|task| task.wanted) else {
        return;
    };
    let was_running = task.stage == Stage::Running;
    let failed = matches!(stop.code, "TaskFailedToStart" | "EssentialContainerExited")
        || stop.reason == "Task failed container health checks";
    task.wanted = false;
    task.stopping = Some(now.wall);
    task.stop = Some(stop);
    let exited = task
        .containers
        .iter()
        .any(|container| container.essential && container.exit_code.is_some());
    let after = if was_running && !exited {
        task.stage = Stage::Deactivating;
        times.deactivating
    } else if was_running {
        // The application has gone: there is nothing to send a signal to.
        task.stage = Stage::Stopping;
        Duration::ZERO
    } else {
        task.stage = Stage::Deprovisioning;
        times.deprovisioning
    };
    let service = task.service;
    plan(state, key, after, now);
    tell::task(state, key, now);
    if let Some(service) = service {
        if failed {
            scheduler::failed(state, service, key, was_running, now);
        }
        scheduler::wake(state, service, now);
    }
}
