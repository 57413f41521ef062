//! What ECS tells EventBridge, in EventBridge's envelopes, where somebody listens. Must not know
//! who does.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::super::digest;
use super::super::state::State;
use super::super::times::Moment;
use super::model::{ServiceKey, TaskKey};
use super::show;

/// What becomes of a deployment.
#[derive(Clone, Copy)]
pub(super) enum Turn {
    InProgress,
    Completed,
    Failed,
}

/// What a service tells of itself.
#[derive(Clone, Copy)]
pub(super) enum Action {
    Steady,
    Impaired,
}

/// Tells a task's state, where it is another one than was told last.
pub(super) fn task(state: &mut State, key: TaskKey, now: Moment) {
    if state.outbox.is_none() {
        return;
    }
    let Some(task) =
        state.tasks.get_mut(&key).filter(|task| task.told != Some((task.stage, task.wanted)))
    else {
        return;
    };
    task.told = Some((task.stage, task.wanted));
    let arn = task.arn.clone();
    let Some(task) = state.tasks.get(&key) else { return };
    let mut detail = show::task(state, task, false);
    if let Value::Object(members) = &mut detail {
        // An event has neither, and writes times as text.
        members.retain(|name, _| !["healthStatus", "tags"].contains(&name.as_str()));
        for (name, value) in members.iter_mut().filter(|(name, _)| name.ends_with("At")) {
            if let Some(seconds) = value.as_f64() {
                let since = std::time::Duration::from_secs_f64(seconds.max(0.0));
                *value = json!(written(SystemTime::UNIX_EPOCH + since, name));
            }
        }
        members.insert("updatedAt".to_owned(), json!(written(now.wall, "updatedAt")));
    }
    for container in detail["containers"].as_array_mut().into_iter().flatten() {
        if let Value::Object(members) = container {
            members.retain(|name, _| name != "healthStatus");
        }
    }
    post(state, "ECS Task State Change", arn, detail, now);
}

/// Tells what becomes of a deployment of a service.
pub(super) fn deployment(
    state: &mut State,
    key: ServiceKey,
    turn: Turn,
    (id, reason): (&str, &str),
    now: Moment,
) {
    let (kind, name) = match turn {
        Turn::InProgress => ("INFO", "SERVICE_DEPLOYMENT_IN_PROGRESS"),
        Turn::Completed => ("INFO", "SERVICE_DEPLOYMENT_COMPLETED"),
        Turn::Failed => ("ERROR", "SERVICE_DEPLOYMENT_FAILED"),
    };
    let service = &state.services[key.0];
    let detail = json!({
        "eventType": kind,
        "eventName": name,
        "clusterArn": state.arn(&format!("cluster/{}", service.cluster)),
        "deploymentId": id,
        "updatedAt": written(now.wall, "updatedAt"),
        "reason": reason,
    });
    let arn = service.arn.clone();
    post(state, "ECS Deployment State Change", arn, detail, now);
}

/// Tells what a service tells of itself.
pub(super) fn service(state: &mut State, key: ServiceKey, action: Action, now: Moment) {
    let (kind, name) = match action {
        Action::Steady => ("INFO", "SERVICE_STEADY_STATE"),
        Action::Impaired => ("WARN", "SERVICE_TASK_START_IMPAIRED"),
    };
    let service = &state.services[key.0];
    let detail = json!({
        "eventType": kind,
        "eventName": name,
        "clusterArn": state.arn(&format!("cluster/{}", service.cluster)),
        "createdAt": written(now.wall, "createdAt"),
    });
    let arn = service.arn.clone();
    post(state, "ECS Service Action", arn, detail, now);
}

fn post(state: &mut State, kind: &str, resource: String, detail: Value, now: Moment) {
    let (account, region) = (state.account.clone(), state.region.clone());
    let Some(outbox) = &mut state.outbox else { return };
    outbox.posted += 1;
    let id = digest::uuid(&digest::id(&format!("posted {}", outbox.posted)));
    outbox.events.push(json!({
        "version": "0",
        "id": id,
        "detail-type": kind,
        "source": "aws.ecs",
        "account": account,
        "time": written(now.wall, "time"),
        "region": region,
        "resources": [resource],
        "detail": detail,
    }));
}

/// A time as events write it: to the second in the envelope, and to the millisecond inside.
fn written(time: SystemTime, member: &str) -> String {
    let time = jiff::Timestamp::try_from(time).unwrap_or_default();
    if member == "time" { format!("{time:.0}") } else { format!("{time:.3}") }
}
