//! Describing services, their task definitions and the cluster.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use aws_sdk_ecs::types::{ContainerDefinition, Service as SdkService};
use futures::future::try_join_all;
use tokio::time::Instant;

use super::super::error::AwsError;
use super::super::logs::LogPlace;
use super::super::pace::Family;
use super::Cluster;
use crate::domain::environment::Service;
use crate::domain::id::TaskArn;

/// How many services DescribeServices takes.
const SERVICES_AT_ONCE: usize = 10;
/// How many task definitions are kept: many more than a cluster has in use.
const DEFINITIONS_KEPT: usize = 10_000;
/// For how long the number of a cluster's tasks is good enough to choose by.
const SIZE_KEPT: Duration = Duration::from_secs(60);

impl Cluster {
    /// The services that there are, by the names that ECS knows them by.
    pub(super) async fn describe_services(
        &self,
        names: &[&str],
    ) -> Result<HashMap<String, SdkService>, AwsError> {
        let calls = names.chunks(SERVICES_AT_ONCE).map(|some| async move {
            let some = some.iter().map(|name| (*name).to_owned()).collect();
            let call = self.client.describe_services().cluster(&self.name).set_services(Some(some));
            let answer =
                self.pace.call(Family::ServiceReads, || Box::pin(call.clone().send())).await;
            answer.map_err(|error| AwsError::new("ecs:DescribeServices", &error))
        });
        let answers = try_join_all(calls).await?;
        let services = answers.into_iter().flat_map(|one| one.services.unwrap_or_default());
        Ok(services.filter_map(|one| Some((one.service_name()?.to_owned(), one))).collect())
    }

    /// The containers of these task definitions.
    pub(super) async fn containers(
        &self,
        definitions: BTreeSet<&str>,
    ) -> Result<HashMap<String, Arc<Vec<ContainerDefinition>>>, AwsError> {
        let calls = definitions
            .into_iter()
            .map(|arn| async move { Ok((arn.to_owned(), self.containers_of(arn).await?)) });
        Ok(try_join_all(calls).await?.into_iter().collect())
    }

    async fn containers_of(&self, arn: &str) -> Result<Arc<Vec<ContainerDefinition>>, AwsError> {
        let known =
            self.definitions.lock().unwrap_or_else(PoisonError::into_inner).get(arn).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let call = self.client.describe_task_definition().task_definition(arn);
        let answer =
            self.pace.call(Family::DefinitionReads, || Box::pin(call.clone().send())).await;
        let answer = answer.map_err(|error| AwsError::new("ecs:DescribeTaskDefinition", &error))?;
        let definition =
            answer.task_definition.and_then(|definition| definition.container_definitions);
        let containers = Arc::new(definition.unwrap_or_default());
        let mut definitions = self.definitions.lock().unwrap_or_else(PoisonError::into_inner);
        if definitions.len() >= DEFINITIONS_KEPT {
            definitions.clear();
        }
        definitions.insert(arn.to_owned(), Arc::clone(&containers));
        Ok(containers)
    }

    /// Where a container of one of a service's tasks writes its log; `None`: where it cannot be
    /// read.
    ///
    /// # Errors
    /// [`AwsError`].
    pub async fn log_of(
        &self,
        service: &Service,
        task: &TaskArn,
        container: &str,
    ) -> Result<Option<LogPlace>, AwsError> {
        let found = self.describe_services(&[service.ecs_service.as_str()]).await?;
        let definition = found.values().find_map(SdkService::task_definition);
        let Some(definition) = definition else { return Ok(None) };
        let containers = self.containers_of(definition).await?;
        let container = containers.iter().find(|one| one.name() == Some(container));
        Ok(container.and_then(|container| LogPlace::of(container, task)))
    }

    /// About how many tasks the cluster has, of whichever services.
    ///
    /// Only a choice hangs on it, so that a role which may not ask goes without.
    pub(super) async fn size(&self) -> Result<usize, AwsError> {
        let kept = *self.size.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, size)) = kept.filter(|(at, _)| at.elapsed() < SIZE_KEPT) {
            return Ok(size);
        }
        let call = self.client.describe_clusters().clusters(&self.name);
        let answer = self.pace.call(Family::ClusterReads, || Box::pin(call.clone().send())).await;
        let answer = answer.map_err(|error| AwsError::new("ecs:DescribeClusters", &error));
        let count = |cluster: &aws_sdk_ecs::types::Cluster| {
            let tasks = cluster.running_tasks_count() + cluster.pending_tasks_count();
            usize::try_from(tasks).unwrap_or(0)
        };
        let size = match answer {
            // One that it does not show is nothing to list as a whole.
            Ok(answer) => answer.clusters().first().map_or(usize::MAX, count),
            Err(error @ AwsError::Denied { .. }) => {
                tracing::warn!(%error, "the tasks of each service are listed by themselves");
                usize::MAX
            }
            Err(error) => return Err(error),
        };
        let mut kept = self.size.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = Some((Instant::now(), size));
        Ok(size)
    }
}
