//! ECS's calls about task definitions. Must not know which services use them.

use serde_json::{Map, Value, json};

use super::super::error::{ErrorName, Refusal};
use super::super::input::{Input, page, token};
use super::super::state::State;
use super::super::times::{Moment, stamp};
use super::model::{ContainerPlan, Definition};
use super::{short, with_token};

pub(super) fn register(state: &mut State, input: Input<'_>, now: Moment) -> Result<Value, Refusal> {
    let family = input.required_text("family")?.to_owned();
    let containers = input.required_list("containerDefinitions")?;
    if containers.is_empty() {
        return Err(client("Container list cannot be empty."));
    }
    let mut body = Map::new();
    for name in [
        "taskRoleArn",
        "executionRoleArn",
        "networkMode",
        "volumes",
        "placementConstraints",
        "requiresCompatibilities",
        "cpu",
        "memory",
        "pidMode",
        "ipcMode",
        "proxyConfiguration",
        "inferenceAccelerators",
        "ephemeralStorage",
        "runtimePlatform",
        "enableFaultInjection",
    ] {
        if let Some(value) = input.raw(name) {
            body.insert(name.to_owned(), value.clone());
        }
    }
    body.insert("containerDefinitions".to_owned(), Value::Array(containers.to_vec()));
    let labels = input.list("tags")?.unwrap_or_default().to_vec();
    let arn = add(state, &family, body, now)?;
    let definition =
        state.definition(&arn).ok_or_else(|| client("Unable to describe task definition."))?;
    let shown = Value::Object(definition.body.clone());
    let mut answer = json!({"taskDefinition": shown});
    if !labels.is_empty() {
        answer["tags"] = Value::Array(labels.clone());
    }
    if let Some(definition) =
        state.definitions.get_mut(&family).and_then(|revisions| revisions.last_mut())
    {
        definition.labels = labels;
    }
    Ok(answer)
}

/// Adds a revision to a family and says its ARN.
pub(super) fn add(
    state: &mut State,
    family: &str,
    mut body: Map<String, Value>,
    now: Moment,
) -> Result<String, Refusal> {
    let plans = match body.get_mut("containerDefinitions") {
        Some(Value::Array(containers)) => {
            containers.iter_mut().map(complete).collect::<Result<Vec<_>, Refusal>>()?
        }
        _ => Vec::new(),
    };
    let revision = state.definitions.get(family).map_or(0, Vec::len) + 1;
    let arn = state.arn(&format!("task-definition/{family}:{revision}"));
    body.insert("taskDefinitionArn".to_owned(), json!(arn));
    body.insert("family".to_owned(), json!(family));
    body.insert("revision".to_owned(), json!(revision));
    body.insert("status".to_owned(), json!("ACTIVE"));
    body.insert("registeredAt".to_owned(), stamp(now.wall));
    body.insert("registeredBy".to_owned(), json!(format!("arn:aws:iam::{}:root", state.account)));
    body.insert("compatibilities".to_owned(), json!(["EC2", "FARGATE"]));
    body.entry("volumes").or_insert_with(|| json!([]));
    body.entry("placementConstraints").or_insert_with(|| json!([]));
    let definition =
        Definition { arn: arn.clone(), containers: plans, body, active: true, labels: Vec::new() };
    state.definitions.entry(family.to_owned()).or_default().push(definition);
    Ok(arn)
}

/// Reads a container definition, and adds to it what ECS adds.
fn complete(container: &mut Value) -> Result<ContainerPlan, Refusal> {
    let input = Input::new(container)?;
    let essential = input.flag("essential")?.unwrap_or(true);
    let consistency = input.choice("versionConsistency", &["enabled", "disabled"])?;
    let plan = ContainerPlan {
        name: input
            .required_text("name")
            .map_err(|_| client("Container.name should not be null or empty."))?
            .to_owned(),
        image: input
            .required_text("image")
            .map_err(|_| client("Container.image should not be null or empty."))?
            .to_owned(),
        pinned: consistency != Some("disabled"),
        health_check: input.structure("healthCheck")?.is_some(),
        essential,
    };
    if let Value::Object(members) = container {
        members.insert("essential".to_owned(), json!(essential));
        members.entry("cpu").or_insert_with(|| json!(0));
        for list in ["portMappings", "environment", "mountPoints", "volumesFrom", "systemControls"]
        {
            members.entry(list).or_insert_with(|| json!([]));
        }
    }
    Ok(plan)
}

pub(super) fn describe(state: &State, input: Input<'_>) -> Result<Value, Refusal> {
    let name = input.required_text("taskDefinition")?;
    let with_labels = super::includes_tags(input)?;
    let definition =
        find(state, name).ok_or_else(|| client("Unable to describe task definition."))?;
    let mut answer = json!({"taskDefinition": definition.body});
    if with_labels {
        answer["tags"] = Value::Array(definition.labels.clone());
    }
    Ok(answer)
}

/// The definition of an ARN, of `family:revision`, or the latest active one of a family.
pub(super) fn find<'a>(state: &'a State, name: &str) -> Option<&'a Definition> {
    let name = short(name);
    if name.contains(':') {
        return state.definition(name);
    }
    state.definitions.get(name)?.iter().rev().find(|definition| definition.active)
}

pub(super) fn deregister(
    state: &mut State,
    input: Input<'_>,
    now: Moment,
) -> Result<Value, Refusal> {
    let name = input.required_text("taskDefinition")?;
    let arn = find(state, name).map(|definition| definition.arn.clone());
    let arn = arn.filter(|_| short(name).contains(':'));
    let arn = arn.ok_or_else(|| client("The specified task definition does not exist."))?;
    let found = state.definitions.values_mut().flatten().find(|definition| definition.arn == arn);
    let definition =
        found.ok_or_else(|| client("The specified task definition does not exist."))?;
    definition.active = false;
    definition.body.insert("status".to_owned(), json!("INACTIVE"));
    definition.body.insert("deregisteredAt".to_owned(), stamp(now.wall));
    Ok(json!({"taskDefinition": definition.body}))
}

pub(super) fn list(state: &State, input: Input<'_>) -> Result<Value, Refusal> {
    let size = input.page_size(100, 100)?;
    let family = input.text("familyPrefix")?;
    let active = match input.choice("status", &["ACTIVE", "INACTIVE", "DELETE_IN_PROGRESS"])? {
        None | Some("ACTIVE") => true,
        Some(_) => false,
    };
    let descending = input.choice("sort", &["ASC", "DESC"])? == Some("DESC");
    let after = token(input)?;
    // The key sorts revisions as numbers, where the ARN would put 10 before 9.
    let mut arns: Vec<(String, &String)> = state
        .definitions
        .iter()
        .filter(|(name, _)| family.is_none_or(|family| family == name.as_str()))
        .flat_map(|(name, revisions)| {
            revisions
                .iter()
                .enumerate()
                .filter(|(_, definition)| definition.active == active)
                .map(move |(at, definition)| (format!("{name}:{at:010}"), &definition.arn))
        })
        .collect();
    if descending {
        arns.reverse();
    }
    let from = after
        .and_then(|after| arns.iter().position(|(key, _)| *key == after))
        .map_or(0, |at| at + 1);
    let (arns, next) = page(arns.into_iter().skip(from), size);
    Ok(with_token(json!({"taskDefinitionArns": arns}), next))
}

fn client(message: &str) -> Refusal {
    Refusal::new(ErrorName::Client, message)
}
