//! ECS: what a service and its tasks are doing, and restarting them.

mod native;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_ecs::Client;
use aws_sdk_ecs::config::retry::RetryConfig;
use aws_sdk_ecs::error::ProvideErrorMetadata;
use aws_sdk_ecs::types::{
    ContainerDefinition, DeploymentControllerType, DeploymentRolloutState, DeploymentStrategy,
    DesiredStatus, HealthStatus, SchedulingStrategy, Service as SdkService, Task as SdkTask,
    TaskStopCode, VersionConsistency,
};
use futures::future::try_join_all;
use jiff::Timestamp;

pub use self::native::Following;
use super::error::AwsError;
use super::pace::Pace;
use crate::domain::environment::Service;
use crate::domain::event::StepFailure;
use crate::domain::id::{Digest, EcsDeploymentId, ServiceName, TaskArn};
use crate::domain::observation::{
    ContainerSeen, Controller, EcsDeployment, EcsService, Health, RolloutState, Scheduling,
    ServiceSeen, StopCause, Stopped, Task,
};

/// How many services DescribeServices takes.
const SERVICES_AT_ONCE: usize = 10;
/// How many tasks DescribeTasks takes.
const TASKS_AT_ONCE: usize = 100;

/// The ECS cluster of an environment.
#[derive(Clone, Debug)]
pub struct Cluster {
    client: Client,
    name: String,
    pace: Arc<Pace>,
    /// Containers by task definition: a revision never changes.
    definitions: Arc<Mutex<HashMap<String, Arc<Vec<ContainerDefinition>>>>>,
}

/// Tasks that have stopped and were described: they do not change any more.
pub type KnownStopped = HashMap<TaskArn, Task>;

impl Cluster {
    pub(super) fn new(client: Client, name: String, pace: Arc<Pace>) -> Self {
        Self { client, name, pace, definitions: Arc::default() }
    }

    /// Looks at services and all their tasks. Stopped tasks in `known` are not asked for again.
    ///
    /// # Errors
    /// [`AwsError`]; a missing cluster is `ClusterNotFoundException`.
    pub async fn look(
        &self,
        services: &[&Service],
        known: &KnownStopped,
        now: Timestamp,
    ) -> Result<BTreeMap<ServiceName, ServiceSeen>, AwsError> {
        let mut seen = BTreeMap::new();
        for some in services.chunks(SERVICES_AT_ONCE) {
            // On the heap: the SDK's futures are large, and all that await this would hold them.
            let found = Box::pin(self.describe_services(some)).await?;
            let looks = some.iter().map(|service| {
                let ecs = found.iter().find(|ecs| ecs.service_name() == Some(&service.ecs_service));
                Box::pin(self.look_at(service, ecs, known, now))
            });
            for (service, one) in some.iter().zip(try_join_all(looks).await?) {
                seen.insert(service.name.clone(), one);
            }
        }
        Ok(seen)
    }

    async fn look_at(
        &self,
        service: &Service,
        ecs: Option<&SdkService>,
        known: &KnownStopped,
        now: Timestamp,
    ) -> Result<ServiceSeen, AwsError> {
        // One that was deleted is shown for a while, without a task definition.
        let there = ecs.filter(|ecs| ecs.status() != Some("INACTIVE"));
        let Some(ecs) = there else { return Ok(ServiceSeen::Missing) };
        let (containers, tasks) =
            tokio::try_join!(self.containers(ecs), self.tasks(service, known, now))?;
        Ok(ServiceSeen::Found(Box::new(read_service(service, ecs, &containers, tasks))))
    }

    /// Stops a task. Asking again does no harm, and a task that is gone is stopped.
    ///
    /// # Errors
    /// [`StepFailure`] when AWS does not do it.
    pub async fn stop_task(&self, task: &TaskArn, reason: &str) -> Result<(), StepFailure> {
        self.pace.stop_task.until_ready().await;
        let sent = self
            .client
            .stop_task()
            .cluster(&self.name)
            .task(task.as_str())
            .reason(reason)
            .send()
            .await;
        match sent {
            Ok(_) => Ok(()),
            Err(error) if task_is_gone(error.code(), error.message()) => Ok(()),
            Err(error) => Err(AwsError::new("ecs:StopTask", &error).into()),
        }
    }

    /// Forces a new ECS deployment, unless one has already taken the place of `replacing`.
    ///
    /// `look_first`: an earlier try may have arrived. AWS has no token that makes this call
    /// idempotent, so it is never repeated without a look.
    ///
    /// # Errors
    /// [`StepFailure`] when AWS does not do it.
    pub async fn start_deployment(
        &self,
        service: &Service,
        replacing: &EcsDeploymentId,
        look_first: bool,
    ) -> Result<EcsDeploymentId, StepFailure> {
        let attempt = |again: bool| async move {
            if again || look_first {
                let found = self.describe_services(&[service]).await?;
                let primary = found.iter().find_map(primary_id);
                if let Some(id) = primary.filter(|id| id != replacing) {
                    return Ok(id);
                }
            }
            Ok(self.force_deployment(service).await?)
        };
        super::patiently(self.client.config().retry_config(), attempt).await
    }

    async fn force_deployment(&self, service: &Service) -> Result<EcsDeploymentId, AwsError> {
        let operation = "ecs:UpdateService";
        self.pace.update_service.until_ready().await;
        let once = aws_sdk_ecs::config::Builder::new().retry_config(RetryConfig::disabled());
        let answer = self
            .client
            .update_service()
            .cluster(&self.name)
            .service(&service.ecs_service)
            .force_new_deployment(true)
            .customize()
            .config_override(once)
            .send()
            .await
            .map_err(|error| AwsError::new(operation, &error))?;
        answer.service().and_then(primary_id).ok_or_else(|| AwsError::Nonsense {
            operation,
            detail: "the service has no primary deployment".to_owned(),
        })
    }

    async fn describe_services(&self, services: &[&Service]) -> Result<Vec<SdkService>, AwsError> {
        self.pace.read_services.until_ready().await;
        let names = services.iter().map(|service| service.ecs_service.clone()).collect();
        let answer = self
            .client
            .describe_services()
            .cluster(&self.name)
            .set_services(Some(names))
            .send()
            .await
            .map_err(|error| AwsError::new("ecs:DescribeServices", &error))?;
        Ok(answer.services.unwrap_or_default())
    }

    /// The containers of the task definition that a service runs.
    async fn containers(
        &self,
        ecs: &SdkService,
    ) -> Result<Arc<Vec<ContainerDefinition>>, AwsError> {
        let arn = ecs.task_definition().unwrap_or_default();
        let known =
            self.definitions.lock().unwrap_or_else(PoisonError::into_inner).get(arn).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let answer = self
            .client
            .describe_task_definition()
            .task_definition(arn)
            .send()
            .await
            .map_err(|error| AwsError::new("ecs:DescribeTaskDefinition", &error))?;
        let definition =
            answer.task_definition.and_then(|definition| definition.container_definitions);
        let containers = Arc::new(definition.unwrap_or_default());
        let mut definitions = self.definitions.lock().unwrap_or_else(PoisonError::into_inner);
        definitions.insert(arn.to_owned(), Arc::clone(&containers));
        Ok(containers)
    }

    /// Every task that ECS wants running, and the stopped ones that it still shows.
    async fn tasks(
        &self,
        service: &Service,
        known: &KnownStopped,
        now: Timestamp,
    ) -> Result<Vec<Task>, AwsError> {
        let (wanted, stopped) = tokio::try_join!(
            self.list_tasks(service, DesiredStatus::Running),
            self.list_tasks(service, DesiredStatus::Stopped),
        )?;
        let mut tasks: Vec<Task> = stopped
            .iter()
            .filter_map(|arn| known.get(&TaskArn::new(arn.as_str())).cloned())
            .collect();
        let unseen_stops =
            stopped.into_iter().filter(|arn| !known.contains_key(&TaskArn::new(arn.as_str())));
        let running: HashSet<String> = wanted.iter().cloned().collect();
        let ask: Vec<String> = wanted.into_iter().chain(unseen_stops).collect();
        for some in ask.chunks(TASKS_AT_ONCE) {
            self.pace.read_tasks.until_ready().await;
            let answer = self
                .client
                .describe_tasks()
                .cluster(&self.name)
                .set_tasks(Some(some.to_vec()))
                .send()
                .await
                .map_err(|error| AwsError::new("ecs:DescribeTasks", &error))?;
            let seen: Vec<Task> =
                answer.tasks().iter().filter_map(|task| read_task(service, task, now)).collect();
            // One that was listed and is not described is there, and nothing is known of it.
            let known: HashSet<&str> = seen.iter().map(|task| task.arn.as_str()).collect();
            let unseen = some.iter().filter(|arn| !known.contains(arn.as_str()));
            tasks.extend(unseen.filter(|arn| running.contains(*arn)).map(|arn| unknown(arn, now)));
            tasks.extend(seen);
        }
        Ok(tasks)
    }

    async fn list_tasks(
        &self,
        service: &Service,
        desired: DesiredStatus,
    ) -> Result<Vec<String>, AwsError> {
        let mut arns = Vec::new();
        let mut next_token = None;
        loop {
            self.pace.read_tasks.until_ready().await;
            let answer = self
                .client
                .list_tasks()
                .cluster(&self.name)
                .service_name(&service.ecs_service)
                .desired_status(desired.clone())
                .set_next_token(next_token.take())
                .send()
                .await
                .map_err(|error| AwsError::new("ecs:ListTasks", &error))?;
            arns.extend_from_slice(answer.task_arns());
            match answer.next_token {
                Some(token) => next_token = Some(token),
                None => return Ok(arns),
            }
        }
    }
}

/// ECS forgets a stopped task after about an hour and then does not know its ARN.
fn task_is_gone(code: Option<&str>, message: Option<&str>) -> bool {
    code == Some("InvalidParameterException")
        && message.is_some_and(|text| text.contains("not found"))
}

fn primary_id(service: &SdkService) -> Option<EcsDeploymentId> {
    let primary = service.deployments().iter().find(|one| one.status() == Some("PRIMARY"))?;
    primary.id().map(EcsDeploymentId::new)
}

fn read_service(
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
        deployments: ecs.deployments().iter().filter_map(read_deployment).collect(),
        followed: BTreeMap::new(),
        container: read_container(service, containers),
        tasks,
    }
}

fn read_deployment(deployment: &aws_sdk_ecs::types::Deployment) -> Option<EcsDeployment> {
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

fn read_container(service: &Service, containers: &[ContainerDefinition]) -> ContainerSeen {
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

fn read_task(service: &Service, task: &SdkTask, now: Timestamp) -> Option<Task> {
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
        stopped: (task.last_status() == Some("STOPPED")).then(|| read_stop(task, container)),
        since: now,
    })
}

/// A task that ECS wants running and of which it says no more.
fn unknown(arn: &str, now: Timestamp) -> Task {
    Task {
        arn: TaskArn::new(arn),
        wanted: true,
        running: false,
        health: Health::Unknown,
        digest: None,
        stopped: None,
        since: now,
    }
}

fn read_stop(task: &SdkTask, container: Option<&aws_sdk_ecs::types::Container>) -> Stopped {
    let reason = task.stopped_reason().unwrap_or_default();
    let cause = match task.stop_code() {
        Some(TaskStopCode::EssentialContainerExited) => StopCause::Exited,
        Some(TaskStopCode::TaskFailedToStart) => StopCause::NeverStarted,
        Some(TaskStopCode::ServiceSchedulerInitiated) if reason.contains("health check") => {
            StopCause::Unhealthy
        }
        Some(_) | None => StopCause::Other,
    };
    let detail = container.and_then(|one| one.reason()).filter(|detail| !reason.contains(*detail));
    Stopped {
        cause,
        reason: match detail {
            Some(detail) if reason.is_empty() => detail.to_owned(),
            Some(detail) => format!("{reason}: {detail}"),
            None => reason.to_owned(),
        },
        exit_code: container.and_then(|one| one.exit_code()),
    }
}
