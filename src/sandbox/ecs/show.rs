//! Services, deployments and tasks as ECS's answers show them. Must not change or decide anything.

use serde_json::{Value, json};

use super::super::state::State;
use super::super::times::stamp;
use super::super::world::{CircuitBreaker, Controller};
use super::model::{Deployment, Service, Standing, Stop, Task, TaskContainer};
use super::scheduler::running_and_pending;

pub(super) fn service(state: &State, service: &Service, with_labels: bool) -> Value {
    let (running, pending) = running_and_pending(state, service, None);
    let mut shown = json!({
        "serviceArn": service.arn,
        "serviceName": service.name,
        "clusterArn": state.arn(&format!("cluster/{}", service.cluster)),
        "loadBalancers": [],
        "serviceRegistries": [],
        "status": service.status.name(),
        "desiredCount": service.desired,
        "runningCount": running,
        "pendingCount": pending,
        "launchType": service.launch_type.name(),
        "deploymentConfiguration": deployment_configuration(service),
        "events": service.events.iter().map(|event| {
            json!({"id": event.id, "createdAt": stamp(event.at), "message": event.message})
        }).collect::<Vec<_>>(),
        "createdAt": stamp(service.created),
        "createdBy": format!("arn:aws:iam::{}:root", state.account),
        "placementConstraints": [],
        "placementStrategy": [],
        "schedulingStrategy": service.scheduling.name(),
        "deploymentController": {"type": service.controller.name()},
        "enableECSManagedTags": false,
        "propagateTags": "NONE",
        "enableExecuteCommand": false,
        "availabilityZoneRebalancing": "DISABLED",
        "deployments": [],
    });
    if let Some(primary) = service.primary() {
        shown["taskDefinition"] = json!(primary.definition);
        shown["currentServiceRevisions"] = json!([]);
    }
    if let Some(primary) = service.primary().filter(|primary| primary.resolves) {
        shown["currentServiceRevisions"] = json!([{
            "arn": revision_arn(state, service, &primary.number),
            "requestedTaskCount": service.desired,
            "runningTaskCount": running_and_pending(state, service, Some(&primary.number)).0,
            "pendingTaskCount": running_and_pending(state, service, Some(&primary.number)).1,
        }]);
        shown["currentServiceDeployment"] = json!(deployment_arn(state, service, primary));
    }
    if service.controller == Controller::Ecs {
        let open = service
            .deployments
            .iter()
            .rev()
            .filter(|deployment| deployment.standing != Standing::Gone);
        shown["deployments"] =
            open.map(|deployment| of_service(state, service, deployment)).collect();
    } else {
        shown["taskSets"] = json!([]);
    }
    if with_labels {
        shown["tags"] = Value::Array(service.labels.clone());
    }
    for (name, value) in &service.kept {
        shown[name] = value.clone();
    }
    shown
}

pub(super) fn deployment_configuration(service: &Service) -> Value {
    json!({
        "deploymentCircuitBreaker": {
            "enable": service.circuit_breaker != CircuitBreaker::Off,
            "rollback": service.circuit_breaker == CircuitBreaker::Rollback,
        },
        "maximumPercent": service.maximum_percent,
        "minimumHealthyPercent": service.minimum_healthy_percent,
        "strategy": service.strategy.name(),
        "bakeTimeInMinutes": 0,
    })
}

/// An entry of a service's `deployments`.
fn of_service(state: &State, service: &Service, deployment: &Deployment) -> Value {
    let (running, pending) = running_and_pending(state, service, Some(&deployment.number));
    let primary = deployment.standing == Standing::Primary;
    json!({
        "id": deployment.id(),
        "status": if primary { "PRIMARY" } else { "ACTIVE" },
        "taskDefinition": deployment.definition,
        "desiredCount": if primary { service.desired } else { 0 },
        "pendingCount": pending,
        "runningCount": running,
        "failedTasks": deployment.failed_tasks,
        "createdAt": stamp(deployment.created),
        "updatedAt": stamp(deployment.updated),
        "launchType": service.launch_type.name(),
        "rolloutState": deployment.rollout.name(),
        "rolloutStateReason": deployment.rollout_reason,
    })
}

pub(super) fn deployment_arn(state: &State, service: &Service, deployment: &Deployment) -> String {
    state.arn(&format!(
        "service-deployment/{}/{}/{}",
        service.cluster, service.name, deployment.short
    ))
}

pub(super) fn revision_arn(state: &State, service: &Service, number: &str) -> String {
    state.arn(&format!("service-revision/{}/{}/{number}", service.cluster, service.name))
}

pub(super) fn task(state: &State, task: &Task, with_labels: bool) -> Value {
    let mut shown = json!({
        "taskArn": task.arn,
        "clusterArn": state.arn(&format!("cluster/{}", task.cluster)),
        "taskDefinitionArn": task.definition,
        "availabilityZone": format!("{}{}", state.region, ["a", "b", "c"][(task.key.0 % 3) as usize]),
        "connectivity": "CONNECTED",
        "connectivityAt": stamp(task.created),
        "attachments": [],
        "attributes": [],
        "containers": task.containers.iter().map(|one| container(state, task, one)).collect::<Vec<_>>(),
        "cpu": "256",
        "memory": "512",
        "createdAt": stamp(task.created),
        "desiredStatus": if task.wanted { "RUNNING" } else { "STOPPED" },
        "enableExecuteCommand": false,
        "group": task.group,
        "healthStatus": task.health().name(),
        "lastStatus": task.stage.name(),
        "launchType": task.launch_type.name(),
        "overrides": {"containerOverrides": [], "inferenceAcceleratorOverrides": []},
        "tags": if with_labels { task.labels.clone() } else { Vec::new() },
        "version": task.step,
    });
    for (name, time) in [
        ("pullStartedAt", task.pull_started),
        ("pullStoppedAt", task.pull_stopped),
        ("startedAt", task.started),
        ("stoppingAt", task.stopping),
        ("executionStoppedAt", task.execution_stopped),
        ("stoppedAt", task.stopped),
    ] {
        if let Some(time) = time {
            shown[name] = stamp(time);
        }
    }
    if let Some(started_by) = &task.started_by {
        shown["startedBy"] = json!(started_by);
    }
    if let Some(Stop { code, reason }) = &task.stop {
        shown["stopCode"] = json!(code);
        shown["stoppedReason"] = json!(reason);
    }
    shown
}

fn container(state: &State, task: &Task, container: &TaskContainer) -> Value {
    let mut shown = json!({
        "containerArn": state.arn(&format!("container/{}/{}/{}", task.cluster, task.id, container.name)),
        "taskArn": task.arn,
        "name": container.name,
        "image": container.image,
        "lastStatus": task.stage.name(),
        "networkBindings": [],
        "networkInterfaces": [],
        "healthStatus": container.health.name(),
        "cpu": "0",
    });
    if let Some(digest) = &container.digest
        && task.pull_stopped.is_some()
    {
        shown["imageDigest"] = json!(digest);
        shown["runtimeId"] = json!(format!("{}-{}", task.id, container.name));
    }
    if let Some(code) = container.exit_code {
        shown["exitCode"] = json!(code);
    }
    if let Some(reason) = &container.reason {
        shown["reason"] = json!(reason);
    }
    shown
}
