//! Service deployments: how one begins, completes, fails and is rolled back. Must not start or stop
//! tasks.

use std::collections::BTreeMap;

use super::super::state::State;
use super::super::times::Moment;
use super::super::world::CircuitBreaker;
use super::model::{Deployment, DeploymentStatus, Rollback, Rollout, ServiceKey, Standing};
use super::scheduler::{say, wake};
use super::tell::{self, Turn};

/// Deployments that a service remembers, beside those under way.
const HISTORY: usize = 50;

/// Begins a deployment of the service: it resolves its images anew.
pub(super) fn begin(state: &mut State, key: ServiceKey, definition: &str, now: Moment) {
    let number = state.fresh_number("deployment");
    let mut short = state.fresh_id("service deployment");
    short.truncate(21);
    let service = &mut state.services[key.0];
    let source = service.primary().map(|deployment| deployment.number.clone());
    for deployment in &mut service.deployments {
        if deployment.standing == Standing::Primary {
            deployment.standing = Standing::Active;
            deployment.updated = now.wall;
        }
        if deployment.status.goes_on() || deployment.status.goes_back() {
            deployment.status = DeploymentStatus::Stopped;
            deployment.status_reason = Some("A newer deployment took its place.".to_owned());
            deployment.finished = Some(now.wall);
            deployment.halted = Some(now.wall);
        }
    }
    let id = format!("ecs-svc/{number}");
    service.deployments.push(Deployment {
        number,
        short,
        definition: definition.to_owned(),
        standing: Standing::Primary,
        rollout: Rollout::InProgress,
        rollout_reason: format!("ECS deployment {id} in progress."),
        status: DeploymentStatus::Pending,
        status_reason: None,
        created: now.wall,
        started: None,
        updated: now.wall,
        finished: None,
        halted: None,
        failed_tasks: 0,
        resolves: true,
        pins: BTreeMap::new(),
        source,
        rollback: None,
    });
    // A new deployment starts with a clean slate: what failed before was another image.
    service.failed_starts = 0;
    service.start_again_at = None;
    service.said_steady = false;
    // A deployment places all of its tasks anew.
    service.rebalancing = None;
    while service.deployments.len() > HISTORY
        && let Some(at) =
            service.deployments.iter().position(|deployment| deployment.standing == Standing::Gone)
    {
        service.deployments.remove(at);
    }
    let reason = format!("ECS deployment {id} in progress.");
    tell::deployment(state, key, Turn::InProgress, (&id, &reason), now);
    wake(state, key, now);
}

/// The scheduler looks: what was only wanted until now begins.
pub(super) fn proceed(state: &mut State, key: ServiceKey, now: Moment) {
    for deployment in &mut state.services[key.0].deployments {
        let next = match deployment.status {
            DeploymentStatus::Pending => DeploymentStatus::InProgress,
            DeploymentStatus::RollbackRequested => DeploymentStatus::RollbackInProgress,
            DeploymentStatus::InProgress
            | DeploymentStatus::Successful
            | DeploymentStatus::Stopped
            | DeploymentStatus::RollbackInProgress
            | DeploymentStatus::RollbackSuccessful
            | DeploymentStatus::RollbackFailed => continue,
        };
        deployment.status = next;
        deployment.started.get_or_insert(now.wall);
        deployment.updated = now.wall;
    }
}

/// The primary deployment is complete, if it was not already.
pub(super) fn complete(state: &mut State, key: ServiceKey, now: Moment) {
    let service = &mut state.services[key.0];
    let Some(primary) =
        service.primary_mut().filter(|primary| primary.rollout == Rollout::InProgress)
    else {
        return;
    };
    let id = primary.id();
    let number = primary.number.clone();
    primary.rollout = Rollout::Completed;
    primary.rollout_reason = format!("ECS deployment {id} completed.");
    primary.updated = now.wall;
    primary.failed_tasks = 0;
    if primary.status.goes_on() {
        primary.status = DeploymentStatus::Successful;
        primary.finished = Some(now.wall);
    }
    for undone in &mut service.deployments {
        let was_for_this = undone.rollback.as_ref().is_some_and(|rollback| rollback.to == number);
        if was_for_this && undone.status.goes_back() {
            undone.status = DeploymentStatus::RollbackSuccessful;
            undone.finished = Some(now.wall);
            undone.updated = now.wall;
        }
    }
    say(state, key, format!("(deployment {id}) deployment completed."), now);
    let reason = format!("ECS deployment {id} completed.");
    tell::deployment(state, key, Turn::Completed, (&id, &reason), now);
}

/// The circuit breaker has counted enough: the primary deployment has failed.
pub(super) fn trip(state: &mut State, key: ServiceKey, now: Moment) {
    let service = &mut state.services[key.0];
    let rolls_back = service.circuit_breaker == CircuitBreaker::Rollback;
    let Some(primary) = service.primary_mut() else {
        return;
    };
    let id = primary.id();
    primary.rollout = Rollout::Failed;
    primary.rollout_reason = "ECS deployment circuit breaker: tasks failed to start.".to_owned();
    primary.status = DeploymentStatus::Stopped;
    primary.status_reason = Some("Service deployment failed: tasks failed to start.".to_owned());
    primary.finished = Some(now.wall);
    primary.halted = Some(now.wall);
    primary.updated = now.wall;
    say(state, key, format!("(deployment {id}) deployment failed: tasks failed to start."), now);
    let reason = "ECS deployment circuit breaker: tasks failed to start.";
    tell::deployment(state, key, Turn::Failed, (&id, reason), now);
    if rolls_back {
        let reason = "Service deployment rolled back because of deployment circuit breaker.";
        go_back(state, key, DeploymentStatus::RollbackInProgress, reason, now);
    }
}

/// What was gone back to does not start either: it stays as it is.
pub(super) fn give_up(state: &mut State, key: ServiceKey, now: Moment) {
    let service = &mut state.services[key.0];
    let Some(primary) = service.primary_mut() else {
        return;
    };
    let id = primary.id();
    primary.rollout = Rollout::Failed;
    primary.rollout_reason = "ECS deployment circuit breaker: tasks failed to start.".to_owned();
    primary.updated = now.wall;
    for undone in service.deployments.iter_mut().filter(|one| one.status.goes_back()) {
        undone.status = DeploymentStatus::RollbackFailed;
        undone.status_reason = Some("Rollback failed: tasks failed to start.".to_owned());
        undone.finished = Some(now.wall);
        undone.updated = now.wall;
    }
    say(state, key, format!("(deployment {id}) deployment failed: tasks failed to start."), now);
    let reason = "ECS deployment circuit breaker: tasks failed to start.";
    tell::deployment(state, key, Turn::Failed, (&id, reason), now);
}

/// Makes the last deployment that completed primary again, as it was pinned, and gives the one that
/// it undoes that status. It says whether there was one.
pub(super) fn go_back(
    state: &mut State,
    key: ServiceKey,
    status: DeploymentStatus,
    reason: &str,
    now: Moment,
) -> bool {
    let service = &mut state.services[key.0];
    let Some(failed) =
        service.deployments.iter().rposition(|one| one.standing == Standing::Primary)
    else {
        return false;
    };
    let completed = |one: &Deployment| one.rollout == Rollout::Completed;
    let Some(target) = service.deployments[..failed].iter().rposition(completed) else {
        return false;
    };
    let (to, to_id) =
        (service.deployments[target].number.clone(), service.deployments[target].id());
    let undone = &mut service.deployments[failed];
    undone.standing = Standing::Active;
    undone.rollout = Rollout::Failed;
    undone.status = status;
    undone.status_reason = Some(reason.to_owned());
    undone.finished = None;
    undone.halted = (status == DeploymentStatus::RollbackRequested).then_some(now.wall);
    undone.updated = now.wall;
    undone.rollback = Some(Rollback { reason: reason.to_owned(), started: now.wall, to });
    // The latest deployment stands last, and this one is the latest again.
    let mut again = service.deployments.remove(target);
    again.standing = Standing::Primary;
    again.rollout = Rollout::InProgress;
    again.rollout_reason =
        format!("ECS deployment circuit breaker: rolling back to deploymentId {to_id}.");
    again.failed_tasks = 0;
    again.updated = now.wall;
    service.deployments.push(again);
    service.failed_starts = 0;
    service.start_again_at = None;
    service.said_steady = false;
    service.rebalancing = None;
    say(state, key, format!("rolling back to deployment {to_id}."), now);
    let reason = format!("ECS deployment circuit breaker: rolling back to deploymentId {to_id}.");
    tell::deployment(state, key, Turn::InProgress, (&to_id, &reason), now);
    wake(state, key, now);
    true
}
