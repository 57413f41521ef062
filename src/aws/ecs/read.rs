//! What ECS answers, as the domain's types. Calls nothing.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{
    ContainerDefinition, DeploymentControllerType, DeploymentRolloutState, DeploymentStrategy,
    HealthStatus, SchedulingStrategy, Service as SdkService, Task as SdkTask, VersionConsistency,
};
use jiff::Timestamp;

use super::super::stops::read_stop;
use crate::domain::environment::Service;
use crate::domain::id::{Digest, EcsDeploymentId, TaskArn};
use crate::domain::observation::{
    ContainerSeen, Controller, EcsDeployment, EcsService, Health, RolloutState, Scheduling, Task,
};

pub(super) fn primary_id(service: &SdkService) -> Option<EcsDeploymentId> {
    let primary = service.deployments().iter().find(|one| one.status() == Some("PRIMARY"))?;
    primary.id().map(EcsDeploymentId::new)
}

pub(super) fn service(
    service: &Service,
    ecs: &SdkService,
    containers: &[ContainerDefinition],
    tasks: Vec<Task>,
) -> EcsService {
    let controller = ecs.deployment_controller().map(|controller| controller.r#type());
    let configuration = ecs.deployment_configuration();
    let strategy = configuration.and_then(|configuration| configuration.strategy());
    let controller = match (controller, strategy) {
        (Some(DeploymentControllerType::CodeDeploy | DeploymentControllerType::External), _) => {
            Controller::External
        }
        (_, None | Some(DeploymentStrategy::Rolling)) => Controller::Rolling,
        (_, Some(_)) => Controller::BlueGreen,
    };
    let minimum = configuration.and_then(|configuration| configuration.minimum_healthy_percent());
    EcsService {
        active: ecs.status() == Some("ACTIVE"),
        desired: u32::try_from(ecs.desired_count()).unwrap_or(0),
        definition: ecs.task_definition().unwrap_or_default().to_owned(),
        // What ECS takes for replica services where nothing is set.
        minimum_healthy_percent: minimum
            .and_then(|percent| u32::try_from(percent).ok())
            .unwrap_or(100),
        controller,
        scheduling: match ecs.scheduling_strategy() {
            Some(SchedulingStrategy::Daemon) => Scheduling::Daemon,
            Some(_) | None => Scheduling::Replica,
        },
        load_balanced: !ecs.load_balancers().is_empty(),
        deployments: ecs.deployments().iter().filter_map(deployment).collect(),
        followed: BTreeMap::new(),
        container: container(service, containers),
        tasks,
    }
}

fn deployment(deployment: &aws_sdk_ecs::types::Deployment) -> Option<EcsDeployment> {
    let reason = deployment.rollout_state_reason().unwrap_or("ECS gave no reason").to_owned();
    Some(EcsDeployment {
        id: EcsDeploymentId::new(deployment.id()?),
        primary: deployment.status() == Some("PRIMARY"),
        rollout: match deployment.rollout_state() {
            Some(DeploymentRolloutState::InProgress) => RolloutState::InProgress,
            Some(DeploymentRolloutState::Completed) => RolloutState::Completed,
            Some(DeploymentRolloutState::Failed) => RolloutState::Failed { reason },
            Some(_) | None => RolloutState::Unknown,
        },
    })
}

fn container(service: &Service, containers: &[ContainerDefinition]) -> ContainerSeen {
    let found = containers.iter().find(|container| container.name() == Some(&service.container));
    match found {
        None => ContainerSeen::Absent {
            names: containers.iter().filter_map(|one| Some(one.name()?.to_owned())).collect(),
        },
        Some(container) => ContainerSeen::Present {
            image: container.image().unwrap_or_default().to_owned(),
            consistent: container.version_consistency() != Some(&VersionConsistency::Disabled),
            has_health_check: container.health_check().is_some(),
        },
    }
}

pub(super) fn task(service: &Service, task: &SdkTask, now: Timestamp) -> Option<Task> {
    let container = task.containers().iter().find(|one| one.name() == Some(&service.container));
    let digest = container.and_then(|one| one.image_digest());
    Some(Task {
        arn: TaskArn::new(task.task_arn()?),
        wanted: task.desired_status() == Some("RUNNING"),
        running: task.last_status() == Some("RUNNING"),
        health: match container.and_then(|one| one.health_status()) {
            Some(HealthStatus::Healthy) => Health::Healthy,
            Some(HealthStatus::Unhealthy) => Health::Unhealthy,
            Some(_) | None => Health::Unknown,
        },
        digest: digest.and_then(|digest| Digest::parse(digest).ok()),
        stopped: (task.last_status() == Some("STOPPED"))
            .then(|| read_stop(task, &service.container)),
        since: now,
    })
}

/// A task that ECS wants running and of which it says no more.
pub(super) fn unknown(arn: &TaskArn, now: Timestamp) -> Task {
    Task {
        arn: arn.clone(),
        wanted: true,
        running: false,
        health: Health::Unknown,
        digest: None,
        stopped: None,
        since: now,
    }
}
