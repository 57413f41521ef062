//! ECS's service deployments: the one behind a deployment of ours, what becomes of it, and having
//! ECS roll it back. All of this tells more than is needed: where it cannot be asked, a rollout
//! goes by what ECS says of the service itself.

use std::collections::HashMap;

use aws_sdk_ecs::types::{
    ServiceDeployment as SdkDeployment, ServiceDeploymentRollbackMonitorsStatus as Monitor,
    ServiceDeploymentStatus as Status, StopServiceDeploymentStopType,
};

use super::super::error::AwsError;
use super::super::pace::Family;
use super::Cluster;
use crate::domain::environment::Service;
use crate::domain::id::{Digest, EcsDeploymentId, ServiceName};
use crate::domain::observation::{ServiceDeployment, ServiceDeploymentState};

/// How many ARNs a call takes.
const ARNS_AT_ONCE: usize = 20;
/// How many are looked for in one look: that takes a call for each service.
const FOUND_AT_ONCE: usize = 10;
/// How many are looked at in one look: of more, those that were looked at longest ago.
const SEEN_AT_ONCE: usize = 100;

/// What is known of the service deployments that are followed.
#[derive(Debug, Default)]
pub struct Following {
    found: HashMap<(ServiceName, EcsDeploymentId), Found>,
    looks: u64,
    /// When each was last looked for in vain.
    missed: HashMap<(ServiceName, EcsDeploymentId), u64>,
    /// AWS does not let us look: it is not asked again.
    denied: bool,
}

#[derive(Debug)]
struct Found {
    arn: String,
    revision: String,
    container: String,
    seen: ServiceDeployment,
    /// The last look at it.
    looked: u64,
    /// Nothing about it changes any more.
    over: bool,
}

impl Following {
    /// What was seen of a deployment, if it was found.
    pub fn seen(&self, service: &Service, id: &EcsDeploymentId) -> Option<&ServiceDeployment> {
        self.found.get(&key(service, id)).map(|found| &found.seen)
    }
}

impl Cluster {
    /// Looks at these deployments of ours once more. What cannot be asked stays as it was seen.
    pub async fn follow(&self, ours: &[(&Service, &EcsDeploymentId)], following: &mut Following) {
        if following.denied || ours.is_empty() {
            return;
        }
        // On the heap: the SDK's futures are large, and all that await this would hold them.
        match Box::pin(self.try_to_follow(ours, following)).await {
            Ok(()) => {}
            Err(error @ AwsError::Denied { .. }) => {
                tracing::warn!(%error, "service deployments are not followed");
                following.denied = true;
            }
            Err(error) => {
                tracing::warn!(%error, "service deployments could not be looked at");
            }
        }
    }

    async fn try_to_follow(
        &self,
        ours: &[(&Service, &EcsDeploymentId)],
        following: &mut Following,
    ) -> Result<(), AwsError> {
        let known = |service: &Service, id: &EcsDeploymentId| {
            following.found.contains_key(&key(service, id))
        };
        let mut new: Vec<_> =
            ours.iter().filter(|(service, id)| !known(service, id)).copied().collect();
        // Those that ECS does not tell of keep none of the others from being found.
        new.sort_by_key(|(service, id)| following.missed.get(&key(service, id)).copied());
        new.truncate(FOUND_AT_ONCE);
        for (service, id) in new {
            following.missed.insert(key(service, id), following.looks + 1);
            if let Some((arn, revision)) = self.find(service, id).await? {
                let container = service.container.clone();
                let state = ServiceDeploymentState::Standing;
                let seen = ServiceDeployment { state, resolved: None };
                let found = Found { arn, revision, container, seen, looked: 0, over: false };
                following.missed.remove(&key(service, id));
                following.found.insert(key(service, id), found);
            }
        }
        following.looks += 1;
        let look = following.looks;
        let mut open: Vec<&mut Found> =
            following.found.values_mut().filter(|found| !found.over).collect();
        open.sort_by_key(|found| found.looked);
        open.truncate(SEEN_AT_ONCE);
        open.iter_mut().for_each(|found| found.looked = look);
        for some in open.chunks_mut(ARNS_AT_ONCE) {
            let arns = some.iter().map(|found| found.arn.clone()).collect();
            for deployment in self.describe_service_deployments(arns).await? {
                let arn = deployment.service_deployment_arn();
                let Some(found) = some.iter_mut().find(|found| Some(&*found.arn) == arn) else {
                    continue;
                };
                found.seen.state = state(&deployment);
                found.over = is_over(deployment.status());
            }
        }
        open.retain(|found| found.seen.resolved.is_none());
        for some in open.chunks_mut(ARNS_AT_ONCE) {
            self.resolve(some).await?;
        }
        Ok(())
    }

    /// What the revisions' containers were resolved to.
    async fn resolve(&self, some: &mut [&mut Found]) -> Result<(), AwsError> {
        let arns = some.iter().map(|found| found.revision.clone()).collect();
        let call = self.client.describe_service_revisions().set_service_revision_arns(Some(arns));
        let answer =
            self.pace.call(Family::DeploymentReads, || Box::pin(call.clone().send())).await;
        let answer =
            answer.map_err(|error| AwsError::new("ecs:DescribeServiceRevisions", &error))?;
        for revision in answer.service_revisions() {
            let arn = revision.service_revision_arn();
            for found in some.iter_mut().filter(|found| Some(&*found.revision) == arn) {
                let ours = |name: Option<&str>| name == Some(&found.container);
                let mut images = revision.container_images().iter();
                let image = images.find(|image| ours(image.container_name()));
                let digest = image.and_then(|image| image.image_digest());
                found.seen.resolved = digest.and_then(|digest| Digest::parse(digest).ok());
            }
        }
        Ok(())
    }

    /// The ARNs of a deployment as a service deployment, and of the revision that it goes to.
    async fn find(
        &self,
        service: &Service,
        id: &EcsDeploymentId,
    ) -> Result<Option<(String, String)>, AwsError> {
        let call = self
            .client
            .list_service_deployments()
            .cluster(&self.name)
            .service(&service.ecs_service);
        let answer =
            self.pace.call(Family::DeploymentReads, || Box::pin(call.clone().send())).await;
        let answer = answer.map_err(|error| AwsError::new("ecs:ListServiceDeployments", &error))?;
        // The newest come first. A deployment is called by the number of its service revision.
        let number = id.as_str().strip_prefix("ecs-svc/").unwrap_or(id.as_str());
        let found = answer.service_deployments().iter().find_map(|brief| {
            let revision = brief.target_service_revision_arn()?;
            let same = last_part(revision) == number;
            same.then(|| Some((brief.service_deployment_arn()?.to_owned(), revision.to_owned())))?
        });
        Ok(found)
    }

    async fn describe_service_deployments(
        &self,
        arns: Vec<String>,
    ) -> Result<Vec<SdkDeployment>, AwsError> {
        let call =
            self.client.describe_service_deployments().set_service_deployment_arns(Some(arns));
        let answer =
            self.pace.call(Family::DeploymentReads, || Box::pin(call.clone().send())).await;
        let answer =
            answer.map_err(|error| AwsError::new("ecs:DescribeServiceDeployments", &error))?;
        Ok(answer.service_deployments.unwrap_or_default())
    }

    /// Has ECS roll a deployment of ours back while it is in progress; whether it does, or did
    /// by itself. Never an error: what cannot be rolled back is replaced by a new deployment.
    pub async fn stop_deployment(&self, service: &Service, id: &EcsDeploymentId) -> bool {
        let attempt = |_| async move { Ok(self.try_to_stop(service, id).await?) };
        match super::super::patiently(self.pace.first_pause(), attempt).await {
            Ok(taken) => taken,
            Err(failure) => {
                tracing::warn!(service = %service.name, error = failure.detail, "ECS does not roll back");
                false
            }
        }
    }

    /// Looks first: an earlier try may have arrived.
    async fn try_to_stop(&self, service: &Service, id: &EcsDeploymentId) -> Result<bool, AwsError> {
        let Some((arn, _)) = self.find(service, id).await? else { return Ok(false) };
        let found = self.describe_service_deployments(vec![arn.clone()]).await?;
        let status = found.first().and_then(SdkDeployment::status);
        match status {
            Some(Status::Pending | Status::InProgress) => {}
            Some(
                Status::StopRequested
                | Status::RollbackRequested
                | Status::RollbackInProgress
                | Status::RollbackSuccessful,
            ) => return Ok(true),
            Some(_) | None => return Ok(false),
        }
        let call = self
            .client
            .stop_service_deployment()
            .service_deployment_arn(arn)
            .stop_type(StopServiceDeploymentStopType::Rollback);
        let stopped = self.pace.once(Family::ServiceChanges, Box::pin(call.send())).await;
        let stopped = stopped.map_err(|error| AwsError::new("ecs:StopServiceDeployment", &error));
        match stopped {
            Ok(_) => Ok(true),
            // Over by now, or there is no service revision to go back to.
            Err(AwsError::Rejected { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// One ECS service may have several containers of ours.
fn key(service: &Service, id: &EcsDeploymentId) -> (ServiceName, EcsDeploymentId) {
    (service.name.clone(), id.clone())
}

fn last_part(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

fn state(deployment: &SdkDeployment) -> ServiceDeploymentState {
    match deployment.status() {
        Some(
            Status::RollbackRequested
            | Status::RollbackInProgress
            | Status::RollbackSuccessful
            | Status::RollbackFailed,
        ) => {
            let rollback = deployment.rollback();
            let to = rollback.and_then(|rollback| rollback.service_revision_arn());
            let reason = rollback.and_then(|rollback| rollback.reason());
            let reason = reason.or(deployment.status_reason()).unwrap_or("ECS gave no reason");
            ServiceDeploymentState::RolledBack {
                to: to.map(|arn| last_part(arn).to_owned()),
                reason: format!("{}{}", reason.trim_end_matches('.'), breaker(deployment)),
            }
        }
        // Whether it failed otherwise, ECS's rollout state tells.
        Some(_) | None => ServiceDeploymentState::Standing,
    }
}

/// What the circuit breaker counted, where it is what made ECS go back.
fn breaker(deployment: &SdkDeployment) -> String {
    let breaker = deployment.deployment_circuit_breaker();
    match breaker.filter(|breaker| breaker.status() == Some(&Monitor::Triggered)) {
        None => String::new(),
        Some(breaker) => format!(
            " (its circuit breaker counted {} failed tasks of {})",
            breaker.failure_count(),
            breaker.threshold()
        ),
    }
}

fn is_over(status: Option<&Status>) -> bool {
    match status {
        Some(
            Status::Successful
            | Status::Stopped
            | Status::RollbackSuccessful
            | Status::RollbackFailed,
        ) => true,
        Some(_) | None => false,
    }
}
