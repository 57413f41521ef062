//! ECS's calls about clusters, and tags of any resource. Must not know tasks beyond counting them.

use serde_json::{Value, json};

use super::super::error::{ErrorName, Refusal};
use super::super::input::{Input, page, token};
use super::super::state::State;
use super::model::{Cluster, ServiceStatus};
use super::scheduler::running_and_pending;
use super::{missing, short, with_token};

pub(super) fn create(state: &mut State, input: Input<'_>) -> Result<Value, Refusal> {
    let name = input.text("clusterName")?.unwrap_or("default").to_owned();
    let labels = input.list("tags")?.unwrap_or_default().to_vec();
    add(state, &name);
    if let Some(cluster) = state.clusters.get_mut(&name) {
        cluster.labels = labels;
    }
    Ok(json!({"cluster": show(state, &state.clusters[&name], true)}))
}

/// Adds a cluster, unless it is there.
pub(super) fn add(state: &mut State, name: &str) {
    let arn = state.arn(&format!("cluster/{name}"));
    let cluster = Cluster { name: name.to_owned(), arn, labels: Vec::new() };
    state.clusters.entry(name.to_owned()).or_insert(cluster);
}

pub(super) fn describe(state: &State, input: Input<'_>) -> Result<Value, Refusal> {
    let names =
        input.texts("clusters")?.filter(|names| !names.is_empty()).unwrap_or(vec!["default"]);
    if names.len() > 100 {
        return Err(Refusal::invalid("Clusters cannot have more than 100 elements."));
    }
    let with_labels = super::includes_tags(input)?;
    let mut clusters = Vec::new();
    let mut failures = Vec::new();
    for name in names {
        match state.clusters.get(short(name)) {
            Some(cluster) => clusters.push(show(state, cluster, with_labels)),
            None => failures.push(missing(&state.arn(&format!("cluster/{}", short(name))))),
        }
    }
    Ok(json!({"clusters": clusters, "failures": failures}))
}

fn show(state: &State, cluster: &Cluster, with_labels: bool) -> Value {
    let services = state.services.iter().filter(|service| service.cluster == cluster.name);
    let active = services.clone().filter(|service| service.status == ServiceStatus::Active).count();
    let (running, pending) = services
        .map(|service| running_and_pending(state, service, None))
        .fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    json!({
        "clusterArn": cluster.arn,
        "clusterName": cluster.name,
        "status": "ACTIVE",
        "registeredContainerInstancesCount": 0,
        "runningTasksCount": running,
        "pendingTasksCount": pending,
        "activeServicesCount": active,
        "statistics": [],
        "tags": if with_labels { cluster.labels.clone() } else { Vec::new() },
        "settings": [{"name": "containerInsights", "value": "disabled"}],
        "capacityProviders": [],
        "defaultCapacityProviderStrategy": [],
    })
}

pub(super) fn list(state: &State, input: Input<'_>) -> Result<Value, Refusal> {
    let size = input.page_size(100, 100)?;
    let after = token(input)?;
    let rest = state
        .clusters
        .iter()
        .filter(|(name, _)| after.as_ref().is_none_or(|after| *name > after))
        .map(|(name, cluster)| (name.clone(), &cluster.arn));
    let (arns, next) = page(rest, size);
    Ok(with_token(json!({"clusterArns": arns}), next))
}

/// The tags of a resource of any kind, by its ARN.
fn labels<'a>(state: &'a mut State, arn: &str) -> Result<&'a mut Vec<Value>, Refusal> {
    let refusal =
        || Refusal::new(ErrorName::ResourceNotFound, "The specified resource wasn't found.");
    let resource =
        arn.strip_prefix(&state.arn("")).ok_or_else(|| Refusal::invalid("Invalid ARN"))?;
    let parts: Vec<&str> = resource.split('/').collect();
    match parts.as_slice() {
        ["cluster", name] => {
            state.clusters.get_mut(*name).map(|cluster| &mut cluster.labels).ok_or_else(refusal)
        }
        ["service", cluster, name] => {
            let key = state
                .service_named(cluster, name)
                .map(|service| service.key)
                .ok_or_else(refusal)?;
            Ok(&mut state.services[key.0].labels)
        }
        ["task", _, id] => {
            let key = state.task_ids.get(*id).copied().ok_or_else(refusal)?;
            state.tasks.get_mut(&key).map(|task| &mut task.labels).ok_or_else(refusal)
        }
        ["task-definition", name] => {
            let (family, revision) = name.rsplit_once(':').ok_or_else(refusal)?;
            let at = revision.parse::<usize>().ok().and_then(|revision| revision.checked_sub(1));
            let revisions = state.definitions.get_mut(family).ok_or_else(refusal)?;
            at.and_then(|at| revisions.get_mut(at))
                .map(|definition| &mut definition.labels)
                .ok_or_else(refusal)
        }
        _ => Err(Refusal::invalid("Invalid ARN")),
    }
}

pub(super) fn list_labels(state: &mut State, input: Input<'_>) -> Result<Value, Refusal> {
    let arn = input.required_text("resourceArn")?;
    // This call has no error of its own for a resource that is not there.
    let labels = labels(state, arn).map_err(|refusal| Refusal::invalid(refusal.message))?;
    Ok(json!({"tags": labels}))
}

pub(super) fn add_labels(state: &mut State, input: Input<'_>) -> Result<Value, Refusal> {
    let arn = input.required_text("resourceArn")?;
    let tags = input.required_list("tags")?;
    let labels = labels(state, arn)?;
    for tag in tags {
        let key = Input::new(tag)?.required_text("key")?;
        labels.retain(|label| label["key"] != key);
        labels.push(tag.clone());
    }
    Ok(json!({}))
}

pub(super) fn remove_labels(state: &mut State, input: Input<'_>) -> Result<Value, Refusal> {
    let arn = input.required_text("resourceArn")?;
    let keys = input.texts("tagKeys")?.ok_or_else(|| super::super::input::missing("tagKeys"))?;
    labels(state, arn)?.retain(|label| !keys.iter().any(|key| label["key"] == *key));
    Ok(json!({}))
}
