//! ECS's calls about service deployments and service revisions. Must not know tasks beyond counting
//! them.

use serde_json::{Value, json};

use super::super::error::{ErrorName, Refusal};
use super::super::input::{Input, missing as absent, page, token};
use super::super::state::State;
use super::super::times::{Moment, stamp};
use super::super::world::{CircuitBreaker, LaunchType};
use super::model::{Deployment, DeploymentStatus, Service, Standing};
use super::scheduler::running_and_pending;
use super::show::{deployment_arn, deployment_configuration, revision_arn};
use super::{cluster, deploy, find_service, missing, with_token};

const STATUSES: [&str; 9] = [
    "PENDING",
    "SUCCESSFUL",
    "STOPPED",
    "STOP_REQUESTED",
    "IN_PROGRESS",
    "ROLLBACK_REQUESTED",
    "ROLLBACK_IN_PROGRESS",
    "ROLLBACK_SUCCESSFUL",
    "ROLLBACK_FAILED",
];

pub(super) fn list(state: &State, input: Input<'_>) -> Result<Value, Refusal> {
    let name = input.required_text("service")?;
    let size = input.page_size(20, 100)?;
    let statuses = input.texts("status")?.unwrap_or_default();
    if let Some(unknown) = statuses.iter().find(|status| !STATUSES.contains(status)) {
        return Err(Refusal::invalid(format!("{unknown} is not a status")));
    }
    let after = token(input)?;
    let cluster = match name.strip_prefix("arn:").and_then(|arn| arn.rsplit('/').nth(1)) {
        // A service's ARN says its cluster.
        Some(of_arn) if input.raw("cluster").is_none() => of_arn.to_owned(),
        Some(_) | None => cluster(state, input)?,
    };
    let service = find_service(state, &cluster, name)
        .ok_or_else(|| Refusal::new(ErrorName::ServiceNotFound, "Service not found."))?;
    let created = input.structure("createdAt")?;
    let (before, since) = match created {
        None => (None, None),
        Some(created) => (time(created, "before")?, time(created, "after")?),
    };
    let mut deployments: Vec<&Deployment> =
        service.deployments.iter().rev().filter(|one| one.resolves).collect();
    // One that was gone back to is the latest again, and no newer for it.
    deployments.sort_by_key(|one| std::cmp::Reverse(one.created));
    let rest = deployments
        .into_iter()
        .filter(|one| before.is_none_or(|before| seconds(one.created) < before))
        .filter(|one| since.is_none_or(|since| seconds(one.created) > since))
        .skip_while(|one| after.as_ref().is_some_and(|after| one.number != *after))
        .skip(usize::from(after.is_some()))
        .filter(|one| statuses.is_empty() || statuses.contains(&one.status.name()))
        .map(|one| {
            let mut brief = json!({
                "serviceDeploymentArn": deployment_arn(state, service, one),
                "serviceArn": service.arn,
                "clusterArn": state.arn(&format!("cluster/{}", service.cluster)),
                "createdAt": stamp(one.created),
                "targetServiceRevisionArn": revision_arn(state, service, &one.number),
                "status": one.status.name(),
            });
            finish(&mut brief, one);
            (one.number.clone(), brief)
        });
    let (briefs, next) = page(rest, size);
    Ok(with_token(json!({"serviceDeployments": briefs}), next))
}

fn time(input: Input<'_>, name: &str) -> Result<Option<f64>, Refusal> {
    let bad = || Refusal::new(ErrorName::Serialization, format!("{name} must be a timestamp"));
    input.raw(name).map(|value| value.as_f64().ok_or_else(bad)).transpose()
}

fn seconds(time: std::time::SystemTime) -> f64 {
    stamp(time).as_f64().unwrap_or_default()
}

fn finish(shown: &mut Value, deployment: &Deployment) {
    if let Some(started) = deployment.started {
        shown["startedAt"] = stamp(started);
    }
    if let Some(finished) = deployment.finished {
        shown["finishedAt"] = stamp(finished);
    }
    if let Some(reason) = &deployment.status_reason {
        shown["statusReason"] = json!(reason);
    }
}

/// The deployment of an ARN, `…:service-deployment/CLUSTER/SERVICE/ID` or the same with
/// `service-revision`.
fn find<'a>(state: &'a State, kind: &str, arn: &str) -> Option<(&'a Service, &'a Deployment)> {
    let rest = arn.strip_prefix(&state.arn(&format!("{kind}/")))?;
    let mut parts = rest.split('/');
    let (cluster, name, id) = (parts.next()?, parts.next()?, parts.next()?);
    let service = state.service_named(cluster, name)?;
    let found = service
        .deployments
        .iter()
        .filter(|one| one.resolves)
        .find(|one| one.short == id || one.number == id)?;
    Some((service, found))
}

fn arns<'a>(input: Input<'a>, name: &str) -> Result<Vec<&'a str>, Refusal> {
    let arns = input.texts(name)?.ok_or_else(|| absent(name))?;
    if arns.is_empty() || arns.len() > 20 {
        return Err(Refusal::invalid(format!("{name} must have between 1 and 20 members.")));
    }
    Ok(arns)
}

pub(super) fn describe(state: &State, input: Input<'_>) -> Result<Value, Refusal> {
    let mut shown = Vec::new();
    let mut failures = Vec::new();
    for arn in arns(input, "serviceDeploymentArns")? {
        match find(state, "service-deployment", arn) {
            Some((service, deployment)) => shown.push(show(state, service, deployment)),
            None => failures.push(missing(arn)),
        }
    }
    Ok(json!({"serviceDeployments": shown, "failures": failures}))
}

fn show(state: &State, service: &Service, deployment: &Deployment) -> Value {
    let summary = |number: &str| {
        let (running, pending) = running_and_pending(state, service, Some(number));
        let wanted =
            service.deployment(number).is_some_and(|one| one.standing == Standing::Primary);
        json!({
            "arn": revision_arn(state, service, number),
            "requestedTaskCount": if wanted { service.desired } else { 0 },
            "runningTaskCount": running,
            "pendingTaskCount": pending,
        })
    };
    let breaker = match (service.circuit_breaker, deployment.status) {
        (CircuitBreaker::Off, _) => "DISABLED",
        (_, DeploymentStatus::Pending | DeploymentStatus::InProgress) => "MONITORING",
        (_, DeploymentStatus::Successful) => "MONITORING_COMPLETE",
        (
            _,
            DeploymentStatus::Stopped
            | DeploymentStatus::RollbackRequested
            | DeploymentStatus::RollbackInProgress
            | DeploymentStatus::RollbackSuccessful
            | DeploymentStatus::RollbackFailed,
        ) if deployment.failed_tasks > 0 => "TRIGGERED",
        (
            _,
            DeploymentStatus::Stopped
            | DeploymentStatus::RollbackRequested
            | DeploymentStatus::RollbackInProgress
            | DeploymentStatus::RollbackSuccessful
            | DeploymentStatus::RollbackFailed,
        ) => "MONITORING_COMPLETE",
    };
    let mut shown = json!({
        "serviceDeploymentArn": deployment_arn(state, service, deployment),
        "serviceArn": service.arn,
        "clusterArn": state.arn(&format!("cluster/{}", service.cluster)),
        "createdAt": stamp(deployment.created),
        "updatedAt": stamp(deployment.updated),
        "sourceServiceRevisions": deployment.source.iter().map(|number| summary(number)).collect::<Vec<_>>(),
        "targetServiceRevision": summary(&deployment.number),
        "status": deployment.status.name(),
        "deploymentConfiguration": deployment_configuration(service),
        "deploymentCircuitBreaker": {
            "status": breaker,
            "failureCount": deployment.failed_tasks,
            "threshold": service.threshold(),
        },
        "alarms": {"status": "DISABLED", "alarmNames": [], "triggeredAlarmNames": []},
    });
    finish(&mut shown, deployment);
    if let Some(halted) = deployment.halted {
        shown["stoppedAt"] = stamp(halted);
    }
    if let Some(rollback) = &deployment.rollback {
        shown["rollback"] = json!({
            "reason": rollback.reason,
            "startedAt": stamp(rollback.started),
            "serviceRevisionArn": revision_arn(state, service, &rollback.to),
        });
    }
    shown
}

pub(super) fn describe_revisions(state: &State, input: Input<'_>) -> Result<Value, Refusal> {
    let mut shown = Vec::new();
    let mut failures = Vec::new();
    for arn in arns(input, "serviceRevisionArns")? {
        match find(state, "service-revision", arn) {
            Some((service, deployment)) => shown.push(revision(state, service, deployment)),
            None => failures.push(missing(arn)),
        }
    }
    Ok(json!({"serviceRevisions": shown, "failures": failures}))
}

fn revision(state: &State, service: &Service, deployment: &Deployment) -> Value {
    let containers =
        state.definition(&deployment.definition).map(|definition| &definition.containers);
    let images: Vec<Value> = containers
        .into_iter()
        .flatten()
        .map(|container| {
            let mut image = json!({"containerName": container.name, "image": container.image});
            if let Some(pin) = deployment.pins.get(&container.name) {
                image["imageDigest"] = json!(pin.digest);
            }
            image
        })
        .collect();
    let mut shown = json!({
        "serviceRevisionArn": revision_arn(state, service, &deployment.number),
        "serviceArn": service.arn,
        "clusterArn": state.arn(&format!("cluster/{}", service.cluster)),
        "taskDefinition": deployment.definition,
        "launchType": service.launch_type.name(),
        "containerImages": images,
        "guardDutyEnabled": false,
        "createdAt": stamp(deployment.created),
    });
    if service.launch_type == LaunchType::Fargate {
        let version = service.kept.get("platformVersion").filter(|version| *version != "LATEST");
        shown["platformVersion"] = version.cloned().unwrap_or_else(|| json!("1.4.0"));
        shown["platformFamily"] = json!("Linux");
    }
    for name in ["networkConfiguration", "loadBalancers", "serviceRegistries"] {
        if let Some(value) = service.kept.get(name) {
            shown[name] = value.clone();
        }
    }
    shown
}

pub(super) fn stop(state: &mut State, input: Input<'_>, now: Moment) -> Result<Value, Refusal> {
    let arn = input.required_text("serviceDeploymentArn")?;
    if input.choice("stopType", &["ABORT", "ROLLBACK"])? == Some("ABORT") {
        return Err(Refusal::invalid("The valid values of stopType are ROLLBACK."));
    }
    let found = find(state, "service-deployment", arn)
        .map(|(service, one)| (service.key, one.status, one.standing));
    let (key, status, standing) = found.ok_or_else(|| {
        Refusal::new(ErrorName::ServiceDeploymentNotFound, "The service deployment was not found.")
    })?;
    let conflict = |message: &str| Err(Refusal::new(ErrorName::Conflict, message));
    if !status.goes_on() || standing != Standing::Primary {
        return conflict("The service deployment is not in progress.");
    }
    let reason = "Service deployment rolled back by user request.";
    if !deploy::go_back(state, key, DeploymentStatus::RollbackRequested, reason, now) {
        return conflict("There is no completed deployment to roll back to.");
    }
    Ok(json!({"serviceDeploymentArn": arn}))
}
