//! ECS's calls about tasks. Must not decide how many tasks a service has.

use serde_json::{Value, json};

use super::super::error::{ErrorName, Refusal};
use super::super::input::{Input, page, token};
use super::super::state::State;
use super::super::times::Moment;
use super::super::world::LaunchType;
use super::lifecycle::{self, Origin};
use super::model::{Stop, Task, TaskKey};
use super::{cluster, definitions, find_service, missing, short, show, with_token};

pub(super) fn list(state: &State, input: Input<'_>, now: Moment) -> Result<Value, Refusal> {
    let size = input.page_size(100, 100)?;
    let cluster = cluster(state, input)?;
    let wanted = match input.choice("desiredStatus", &["RUNNING", "PENDING", "STOPPED"])? {
        None | Some("RUNNING") => Some(true),
        Some("STOPPED") => Some(false),
        // ECS never wants a task to be PENDING.
        Some(_) => None,
    };
    let family = input.text("family")?;
    let started_by = input.text("startedBy")?;
    let launch_type =
        input.choice("launchType", &["EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES"])?;
    let service = match input.text("serviceName")? {
        None => None,
        Some(name) => Some(
            find_service(state, &cluster, name)
                .ok_or_else(|| Refusal::new(ErrorName::ServiceNotFound, "Service not found."))?,
        ),
    };
    if started_by.is_some() && (service.is_some() || family.is_some()) {
        return Err(Refusal::invalid("startedBy must be the only filter."));
    }
    let bad_token = || Refusal::invalid("Invalid token in request.");
    let after = match token(input)? {
        None => TaskKey(0),
        Some(after) => TaskKey(after.parse().map_err(|_| bad_token())?),
    };
    let is_listed = |task: &Task| {
        task.cluster == cluster
            && Some(task.wanted) == wanted
            && family.is_none_or(|family| of_family(&task.definition, family))
            && started_by.is_none_or(|by| task.started_by.as_deref() == Some(by))
            && launch_type.is_none_or(|wanted| wanted == task.launch_type.name())
            && lifecycle::is_visible(task, state.times.stopped_visible, now)
    };
    let rest: Box<dyn Iterator<Item = &Task>> = match service {
        Some(service) => {
            let mut keys: Vec<TaskKey> =
                service.live.iter().chain(&service.stopped).copied().collect();
            keys.sort_unstable();
            Box::new(
                keys.into_iter()
                    .filter(move |key| *key > after)
                    .filter_map(|key| state.tasks.get(&key)),
            )
        }
        None => Box::new(
            state.tasks.range(after..).map(|(_, task)| task).filter(move |task| task.key > after),
        ),
    };
    let (arns, next) =
        page(rest.filter(|task| is_listed(task)).map(|task| (task.key.0, &task.arn)), size);
    Ok(with_token(json!({"taskArns": arns}), next))
}

fn of_family(definition: &str, family: &str) -> bool {
    short(definition).rsplit_once(':').is_some_and(|(of, _)| of == family)
}

/// The task that an id or an ARN names, in a cluster, as long as it can be seen.
fn find<'a>(state: &'a State, cluster: &str, id_or_arn: &str, now: Moment) -> Option<&'a Task> {
    let task = state.tasks.get(state.task_ids.get(short(id_or_arn))?)?;
    let visible = lifecycle::is_visible(task, state.times.stopped_visible, now);
    (task.cluster == cluster && visible).then_some(task)
}

pub(super) fn describe(state: &State, input: Input<'_>, now: Moment) -> Result<Value, Refusal> {
    let ids = input.texts("tasks")?.ok_or_else(|| super::super::input::missing("tasks"))?;
    match ids.len() {
        0 => return Err(Refusal::invalid("Tasks cannot be empty.")),
        1..=100 => {}
        _ => {
            return Err(Refusal::invalid("Tasks cannot have more than 100 elements."));
        }
    }
    let cluster = cluster(state, input)?;
    let with_labels = super::includes_tags(input)?;
    let mut tasks = Vec::new();
    let mut failures = Vec::new();
    for id in ids {
        match find(state, &cluster, id, now) {
            Some(task) => tasks.push(show::task(state, task, with_labels)),
            None if id.starts_with("arn:") => failures.push(missing(id)),
            None => failures.push(missing(&state.arn(&format!("task/{cluster}/{id}")))),
        }
    }
    Ok(json!({"tasks": tasks, "failures": failures}))
}

pub(super) fn stop(state: &mut State, input: Input<'_>, now: Moment) -> Result<Value, Refusal> {
    let id = input.required_text("task")?;
    let reason = input.text("reason")?.unwrap_or("Task stopped by user").to_owned();
    let cluster = cluster(state, input)?;
    let key = find(state, &cluster, id, now).map(|task| task.key);
    let key = key.ok_or_else(|| Refusal::invalid("The referenced task was not found."))?;
    lifecycle::end(state, key, Stop { code: "UserInitiated", reason }, now);
    Ok(json!({"task": show::task(state, &state.tasks[&key], false)}))
}

pub(super) fn run(state: &mut State, input: Input<'_>, now: Moment) -> Result<Value, Refusal> {
    let name = input.required_text("taskDefinition")?;
    let cluster = cluster(state, input)?;
    let count = input.count("count")?.unwrap_or(1);
    if !(1..=10).contains(&count) {
        return Err(Refusal::invalid("count must be between 1 and 10."));
    }
    let launch_type = match input.choice("launchType", &["EC2", "FARGATE"])? {
        Some("FARGATE") => LaunchType::Fargate,
        Some(_) | None => LaunchType::Ec2,
    };
    let started_by = input.text("startedBy")?.map(str::to_owned);
    let definition = definitions::find(state, name).filter(|definition| definition.active).cloned();
    let definition =
        definition.ok_or_else(|| Refusal::new(ErrorName::Client, "TaskDefinition not found."))?;
    let family = short(&definition.arn).rsplit_once(':').map_or("", |(family, _)| family);
    let group = input.text("group")?.map_or_else(|| format!("family:{family}"), str::to_owned);
    let mut tasks = Vec::new();
    for _ in 0..count {
        let origin = Origin {
            cluster: cluster.clone(),
            service: None,
            deployment: None,
            started_by: started_by.clone(),
            group: group.clone(),
            launch_type,
        };
        let key = lifecycle::launch(state, origin, &definition, now);
        tasks.push(show::task(state, &state.tasks[&key], false));
    }
    Ok(json!({"tasks": tasks, "failures": []}))
}
