//! Puts described clusters and services into the simulated ECS, as if they had been running for a
//! while. Must not know AWS's calls.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::super::state::State;
use super::super::times::Moment;
use super::super::world::{ContainerSpec, ServiceSpec};
use super::lifecycle::{self, Origin};
use super::model::{DeploymentStatus, Health, Rollout, Stage, TaskKey};
use super::{clusters, definitions, deploy, resolve, services};

pub(in super::super) fn cluster(state: &mut State, name: &str) {
    clusters::add(state, name);
}

/// Adds a service with all of its tasks RUNNING, and HEALTHY where there is a health check.
pub(in super::super) fn service(state: &mut State, spec: &ServiceSpec, now: Moment) {
    cluster(state, &spec.cluster);
    let then =
        now.wall.checked_sub(Duration::from_secs(spec.started_seconds_ago)).unwrap_or(now.wall);
    let then = Moment { wall: then, at: now.at };
    let family = format!("{}-{}", spec.cluster, spec.name);
    let containers: Vec<Value> =
        spec.containers.iter().map(|one| container(state, spec, one)).collect();
    let mut body = Map::new();
    body.insert("containerDefinitions".to_owned(), Value::Array(containers));
    body.insert("networkMode".to_owned(), json!("awsvpc"));
    body.insert("requiresCompatibilities".to_owned(), json!([spec.launch_type.name()]));
    body.insert("cpu".to_owned(), json!("256"));
    body.insert("memory".to_owned(), json!("512"));
    // What a ContainerSpec gives is a whole container definition, so that this is never refused.
    let Ok(arn) = definitions::add(state, &family, body, then) else {
        return;
    };
    let key = services::blank(state, &spec.cluster, &spec.name, then);
    let service = &mut state.services[key.0];
    service.desired = spec.desired;
    service.launch_type = spec.launch_type;
    service.minimum_healthy_percent = spec.minimum_healthy_percent;
    service.maximum_percent = spec.maximum_percent;
    service.circuit_breaker = spec.circuit_breaker;
    service.controller = spec.controller;
    service.scheduling = spec.scheduling;
    service.strategy = spec.strategy;
    deploy::begin(state, key, &arn, then);
    if let Some(primary) = state.services[key.0].primary_mut() {
        primary.resolves = !spec.predates_consistency;
    }
    let Some(definition) = state.definition(&arn).cloned() else {
        return;
    };
    let service = &state.services[key.0];
    let (number, id) = match service.primary() {
        Some(primary) => (primary.number.clone(), primary.id()),
        None => return,
    };
    for _ in 0..spec.desired {
        let origin = Origin {
            cluster: spec.cluster.clone(),
            service: Some(key),
            deployment: Some(number.clone()),
            started_by: Some(id.clone()),
            group: format!("service:{}", spec.name),
            launch_type: spec.launch_type,
        };
        let task = lifecycle::launch(state, origin, &definition, then);
        resolve::resolve(state, task);
        make_running(state, task, then);
    }
    let service = &mut state.services[key.0];
    service.said_steady = true;
    if let Some(primary) = service.primary_mut() {
        primary.rollout = Rollout::Completed;
        primary.rollout_reason = format!("ECS deployment {id} completed.");
        primary.status = DeploymentStatus::Successful;
        primary.started = Some(then.wall);
        primary.finished = Some(then.wall);
    }
}

fn make_running(state: &mut State, key: TaskKey, then: Moment) {
    let Some(task) = state.tasks.get_mut(&key) else {
        return;
    };
    // What was planned for its start is void.
    task.step += 1;
    task.stage = Stage::Running;
    task.pull_started = Some(then.wall);
    task.pull_stopped = Some(then.wall);
    task.started = Some(then.wall);
    for container in &mut task.containers {
        if container.health_check {
            container.health = Health::Healthy;
        }
    }
}

/// The whole of an image's reference. One without a registry's host is to the sandbox's own
/// registry.
pub(in super::super) fn reference(state: &State, image: &str) -> String {
    let has_host =
        image.split('/').next().is_some_and(|host| host.contains('.') && image.contains('/'));
    match has_host {
        true => image.to_owned(),
        false => format!("{}.dkr.ecr.{}.amazonaws.com/{image}", state.account, state.region),
    }
}

fn container(state: &State, service: &ServiceSpec, spec: &ContainerSpec) -> Value {
    let image = reference(state, &spec.image);
    let mut container = json!({"name": spec.name, "image": image, "essential": spec.essential});
    if !spec.version_consistency {
        container["versionConsistency"] = json!("disabled");
    }
    if let Some(group) = &spec.log_group {
        container["logConfiguration"] = json!({"logDriver": "awslogs", "options": {
            "awslogs-group": group,
            "awslogs-region": state.region,
            "awslogs-stream-prefix": service.name,
        }});
    }
    if spec.health_check {
        container["healthCheck"] = json!({
            "command": ["CMD-SHELL", "wget -q -O - http://localhost:8080/health"],
            "interval": 10, "timeout": 5, "retries": 3, "startPeriod": 5,
        });
    }
    container
}
