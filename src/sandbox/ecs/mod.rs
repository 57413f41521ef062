//! The simulated Amazon ECS: which call is answered by which function. Must not know ECR's calls,
//! only what pulling an image gives.

mod clusters;
mod definitions;
mod deploy;
mod deployments;
pub(super) mod hands;
pub(super) mod lifecycle;
pub(super) mod model;
mod resolve;
pub(super) mod scheduler;
pub(super) mod seed;
mod services;
mod show;
mod tasks;
mod tell;
pub(super) mod view;
pub(super) mod written;

use serde_json::{Value, json};

use super::error::{ErrorName, Refusal};
use super::input::Input;
use super::state::State;
use super::times::Moment;
use model::{Service, ServiceKey, ServiceStatus};

/// The operations of ECS that the sandbox answers.
pub(super) const OPERATIONS: &[&str] = &[
    "CreateCluster",
    "CreateService",
    "DeleteService",
    "DeregisterTaskDefinition",
    "DescribeClusters",
    "DescribeServiceDeployments",
    "DescribeServiceRevisions",
    "DescribeServices",
    "DescribeTaskDefinition",
    "DescribeTasks",
    "ListClusters",
    "ListServiceDeployments",
    "ListServices",
    "ListTagsForResource",
    "ListTaskDefinitions",
    "ListTasks",
    "RegisterTaskDefinition",
    "RunTask",
    "StopServiceDeployment",
    "StopTask",
    "TagResource",
    "UntagResource",
    "UpdateService",
];

/// Answers one call.
pub(super) fn call(
    state: &mut State,
    operation: &str,
    input: &Value,
    now: Moment,
) -> Result<Value, Refusal> {
    let input = Input::new(input)?;
    match operation {
        "CreateCluster" => clusters::create(state, input),
        "CreateService" => services::create(state, input, now),
        "DeleteService" => services::delete(state, input, now),
        "DeregisterTaskDefinition" => definitions::deregister(state, input, now),
        "DescribeClusters" => clusters::describe(state, input),
        "DescribeServiceDeployments" => deployments::describe(state, input),
        "DescribeServiceRevisions" => deployments::describe_revisions(state, input),
        "DescribeServices" => services::describe(state, input),
        "DescribeTaskDefinition" => definitions::describe(state, input),
        "DescribeTasks" => tasks::describe(state, input, now),
        "ListClusters" => clusters::list(state, input),
        "ListServiceDeployments" => deployments::list(state, input),
        "ListServices" => services::list(state, input),
        "ListTagsForResource" => clusters::list_labels(state, input),
        "ListTaskDefinitions" => definitions::list(state, input),
        "ListTasks" => tasks::list(state, input, now),
        "RegisterTaskDefinition" => definitions::register(state, input, now),
        "RunTask" => tasks::run(state, input, now),
        "StopServiceDeployment" => deployments::stop(state, input, now),
        "StopTask" => tasks::stop(state, input, now),
        "TagResource" => clusters::add_labels(state, input),
        "UntagResource" => clusters::remove_labels(state, input),
        "UpdateService" => services::update(state, input, now),
        _ => {
            Err(Refusal::new(ErrorName::UnknownOperation, format!("{operation} is not simulated")))
        }
    }
}

/// The name in a name or an ARN.
fn short(name_or_arn: &str) -> &str {
    name_or_arn.rsplit('/').next().unwrap_or(name_or_arn)
}

/// The name of the cluster that a call is about: `default`, where it names none.
fn cluster(state: &State, input: Input<'_>) -> Result<String, Refusal> {
    let name = short(input.text("cluster")?.unwrap_or("default"));
    if !state.clusters.contains_key(name) {
        return Err(Refusal::new(ErrorName::ClusterNotFound, "Cluster not found."));
    }
    Ok(name.to_owned())
}

/// The service that a call names. One that has been deleted is not active.
fn service(state: &State, cluster: &str, name_or_arn: &str) -> Result<ServiceKey, Refusal> {
    let service = find_service(state, cluster, name_or_arn)
        .ok_or_else(|| Refusal::new(ErrorName::ServiceNotFound, "Service not found."))?;
    match service.status {
        ServiceStatus::Active => Ok(service.key),
        ServiceStatus::Draining | ServiceStatus::Inactive => {
            Err(Refusal::new(ErrorName::ServiceNotActive, "Service was not ACTIVE."))
        }
    }
}

fn find_service<'a>(state: &'a State, cluster: &str, name_or_arn: &str) -> Option<&'a Service> {
    state.service_named(cluster, short(name_or_arn))
}

/// An entry of `failures`.
fn missing(arn: &str) -> Value {
    json!({"arn": arn, "reason": "MISSING"})
}

fn with_token(mut answer: Value, next: Option<String>) -> Value {
    if let Some(next) = next {
        answer["nextToken"] = json!(next);
    }
    answer
}

/// Whether the call asks for the tags of what it describes.
fn includes_tags(input: Input<'_>) -> Result<bool, Refusal> {
    Ok(input.texts("include")?.is_some_and(|include| include.contains(&"TAGS")))
}
