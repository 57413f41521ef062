//! What is done to services and tasks without a call of whoever is tested: by autoscaling, by ECS
//! itself, by the machines. Must not know AWS's calls.

use serde::{Deserialize, Serialize};

use super::super::state::State;
use super::super::times::Moment;
use super::lifecycle;
use super::model::{Health, Rebalancing, ServiceStatus, Stage, Stop, TaskKey};
use super::scheduler;

/// Autoscaling changes the desired count. It says whether there is such a service.
pub(in super::super) fn set_desired(
    state: &mut State,
    cluster: &str,
    name: &str,
    desired: u32,
    now: Moment,
) -> bool {
    let Some(key) = state.service_named(cluster, name).map(|service| service.key) else {
        return false;
    };
    let service = &mut state.services[key.0];
    service.desired = desired;
    service.said_steady = false;
    scheduler::wake(state, key, now);
    true
}

/// ECS begins to rebalance availability zones: it starts a task, and stops the oldest once the new
/// one is healthy. It says whether it does: not while a deployment is under way, and not where the
/// service has no room for one more.
pub(in super::super) fn rebalance(
    state: &mut State,
    cluster: &str,
    name: &str,
    now: Moment,
) -> bool {
    let Some(service) = state.service_named(cluster, name) else {
        return false;
    };
    let key = service.key;
    let wanted = |task: &&TaskKey| state.tasks.get(task).is_some_and(|task| task.wanted);
    let Some(oldest) = service.live.iter().find(wanted).copied() else {
        return false;
    };
    let most = scheduler::most(service);
    if service.status != ServiceStatus::Active
        || scheduler::is_deploying(service)
        || most <= service.desired as usize
    {
        return false;
    }
    state.services[key.0].rebalancing = Some(Rebalancing { leaving: oldest });
    scheduler::wake(state, key, now);
    true
}

/// How a task is brought to its end by something other than a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mishap {
    /// An essential container exits with the code.
    Exits(i32),
    /// Its health check fails.
    FailsHealthCheck,
    /// Fargate takes the capacity back.
    SpotInterruption,
    /// Availability zones are rebalanced, and the task is stopped without another one being there
    /// first.
    Rebalanced,
    /// Somebody stops it in the console.
    StoppedByHand,
}

/// Something happens to a task. It says whether there is such a task, and it is not stopping
/// already.
pub(in super::super) fn befall(state: &mut State, id: &str, mishap: Mishap, now: Moment) -> bool {
    let key = id.rsplit('/').next().and_then(|id| state.task_ids.get(id)).copied();
    let Some(task) = key.and_then(|key| state.tasks.get_mut(&key)).filter(|task| task.wanted)
    else {
        return false;
    };
    let key = task.key;
    // What does not run yet is not checked yet.
    if task.stage < Stage::Running && matches!(mishap, Mishap::FailsHealthCheck) {
        return false;
    }
    let (code, reason) = match mishap {
        Mishap::Exits(exit_code) => {
            if let Some(container) =
                task.containers.iter_mut().find(|container| container.essential)
            {
                container.exit_code = Some(exit_code);
            }
            ("EssentialContainerExited", "Essential container in task exited".to_owned())
        }
        Mishap::FailsHealthCheck => {
            for container in task.containers.iter_mut().filter(|container| container.health_check) {
                container.health = Health::Unhealthy;
            }
            ("ServiceSchedulerInitiated", "Task failed container health checks".to_owned())
        }
        Mishap::SpotInterruption => {
            ("SpotInterruption", "Your Spot Task was interrupted.".to_owned())
        }
        Mishap::Rebalanced => (
            "ServiceSchedulerInitiated",
            "Task stopped by availability zone rebalancing".to_owned(),
        ),
        Mishap::StoppedByHand => ("UserInitiated", "Task stopped by user".to_owned()),
    };
    lifecycle::end(state, key, Stop { code, reason }, now);
    true
}
