//! Restarting a service's tasks. Each call can be made again without harm, or looks first.

use std::time::Duration;

use aws_sdk_ecs::error::ProvideErrorMetadata;

use super::super::error::AwsError;
use super::super::pace::Family;
use super::{Cluster, read};
use crate::domain::environment::Service;
use crate::domain::event::StepFailure;
use crate::domain::id::{EcsDeploymentId, TaskArn};

/// How many steps can be done within some time, by the pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    pub stops: usize,
    pub deployments: usize,
}

impl Cluster {
    /// What can be done in this time.
    pub fn room_in(&self, time: Duration) -> Room {
        Room {
            stops: self.pace.calls_in(Family::TaskChanges, time),
            deployments: self.pace.calls_in(Family::ServiceChanges, time),
        }
    }

    /// Stops a task. Asking again does no harm, and a task that is gone is stopped.
    ///
    /// # Errors
    /// [`StepFailure`] when AWS does not do it.
    pub async fn stop_task(&self, task: &TaskArn, reason: &str) -> Result<(), StepFailure> {
        let call = self.client.stop_task().cluster(&self.name).task(task.as_str()).reason(reason);
        match self.pace.call(Family::TaskChanges, || Box::pin(call.clone().send())).await {
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
                let found = self.describe_services(&[&service.ecs_service]).await?;
                let primary = found.values().find_map(read::primary_id);
                if let Some(id) = primary.filter(|id| id != replacing) {
                    return Ok(id);
                }
            }
            Ok(self.force_deployment(service).await?)
        };
        super::super::patiently(self.pace.first_pause(), attempt).await
    }

    async fn force_deployment(&self, service: &Service) -> Result<EcsDeploymentId, AwsError> {
        let operation = "ecs:UpdateService";
        let call = self
            .client
            .update_service()
            .cluster(&self.name)
            .service(&service.ecs_service)
            .force_new_deployment(true);
        let answer = self.pace.once(Family::ServiceChanges, Box::pin(call.send())).await;
        let answer = answer.map_err(|error| AwsError::new(operation, &error))?;
        answer.service().and_then(read::primary_id).ok_or_else(|| AwsError::Nonsense {
            operation,
            detail: "the service has no primary deployment".to_owned(),
        })
    }
}

/// ECS forgets a stopped task after about an hour and then does not know its ARN.
fn task_is_gone(code: Option<&str>, message: Option<&str>) -> bool {
    code == Some("InvalidParameterException")
        && message.is_some_and(|text| text.contains("not found"))
}
