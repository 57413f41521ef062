//! What containers have written to their logs, where their task definition has the awslogs driver.
//! Must not know CloudWatch's calls.

use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::super::state::State;

/// A line of a log.
pub(in super::super) struct Line {
    pub(in super::super) at: SystemTime,
    pub(in super::super) text: String,
}

/// What there is of a log stream.
pub(in super::super) enum Written {
    /// No task definition writes to the group.
    NoGroup,
    /// No container that has started writes to the stream.
    NoStream,
    Lines(Vec<Line>),
}

/// What stands in a stream, `PREFIX/CONTAINER/TASK`, of a group.
pub(in super::super) fn written(state: &State, group: &str, stream: &str) -> Written {
    let mut definitions = state.definitions.values().flatten();
    let writes_there = |container: &Value| option(container, "awslogs-group") == Some(group);
    if !definitions.any(|definition| definition.shown_containers().any(writes_there)) {
        return Written::NoGroup;
    }
    lines(state, group, stream).map_or(Written::NoStream, Written::Lines)
}

fn lines(state: &State, group: &str, stream: &str) -> Option<Vec<Line>> {
    let mut parts = stream.rsplitn(3, '/');
    let (id, name, prefix) = (parts.next()?, parts.next()?, parts.next()?);
    let task = state.tasks.get(state.task_ids.get(id)?)?;
    let begun = task.started.or(task.pull_stopped)?;
    let mut shown = state.definition(&task.definition)?.shown_containers();
    let logged = shown.find(|one| one["name"] == name)?;
    let here = option(logged, "awslogs-group") == Some(group)
        && option(logged, "awslogs-stream-prefix") == Some(prefix);
    let container = task.containers.iter().find(|one| one.name == name && here)?;
    let line = |(number, text): (u64, &String)| Line {
        at: begun + Duration::from_millis(number),
        text: text.clone(),
    };
    Some((0..).zip(&container.log).map(line).collect())
}

/// An option of a container's awslogs driver.
fn option<'a>(container: &'a Value, name: &str) -> Option<&'a str> {
    let logs = container.get("logConfiguration")?;
    let driven = logs.get("logDriver")?.as_str() == Some("awslogs");
    logs.get("options").filter(|_| driven)?.get(name)?.as_str()
}
