//! Listing and describing tasks, of one service or of the whole cluster.

use aws_sdk_ecs::types::{DesiredStatus, Task as SdkTask};
use futures::future::try_join_all;

use super::super::error::AwsError;
use super::super::pace::Family;
use super::Cluster;
use crate::domain::id::TaskArn;

/// How many tasks DescribeTasks takes, and a page of ListTasks has.
pub(super) const TASKS_AT_ONCE: usize = 100;

impl Cluster {
    /// Tasks that ECS wants running, or those that it still shows although it does not; of one
    /// service, or of the whole cluster. One that moves from page to page may come twice.
    pub(super) async fn list_tasks(
        &self,
        service: Option<&str>,
        desired: DesiredStatus,
    ) -> Result<Vec<TaskArn>, AwsError> {
        let mut call = self
            .client
            .list_tasks()
            .cluster(&self.name)
            .set_service_name(service.map(str::to_owned))
            .desired_status(desired);
        let mut arns = Vec::new();
        loop {
            let answer = self.pace.call(Family::TaskReads, || Box::pin(call.clone().send())).await;
            let answer = answer.map_err(|error| AwsError::new("ecs:ListTasks", &error))?;
            arns.extend(answer.task_arns().iter().map(|arn| TaskArn::new(arn.as_str())));
            match answer.next_token {
                Some(token) => call = call.next_token(token),
                None => return Ok(arns),
            }
        }
    }

    /// What ECS says of these tasks. One that it knows nothing of, or not yet, is left out.
    pub(super) async fn describe_tasks(&self, arns: &[TaskArn]) -> Result<Vec<SdkTask>, AwsError> {
        let calls = arns.chunks(TASKS_AT_ONCE).map(|some| async move {
            let some = some.iter().map(|arn| arn.as_str().to_owned()).collect();
            let call = self.client.describe_tasks().cluster(&self.name).set_tasks(Some(some));
            let answer = self.pace.call(Family::TaskReads, || Box::pin(call.clone().send())).await;
            answer.map_err(|error| AwsError::new("ecs:DescribeTasks", &error))
        });
        let answers = try_join_all(calls).await?;
        Ok(answers.into_iter().flat_map(|answer| answer.tasks.unwrap_or_default()).collect())
    }
}
