//! The simulated CloudWatch Logs, as far as reading a stream goes. Must not know how tasks live:
//! ECS knows what their containers have written.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::ecs::written::{Line, Written, written};
use super::error::{ErrorName, Refusal};
use super::input::{Input, missing};
use super::state::State;

/// The operations of CloudWatch Logs that the sandbox answers.
pub(super) const OPERATIONS: &[&str] = &["GetLogEvents"];

/// The most events of one answer.
const PAGE: usize = 10_000;

/// Answers one call.
pub(super) fn call(state: &State, operation: &str, input: &Value) -> Result<Value, Refusal> {
    let input = Input::new(input)?;
    match operation {
        "GetLogEvents" => get_events(state, input),
        _ => {
            Err(Refusal::new(ErrorName::UnknownOperation, format!("{operation} is not simulated")))
        }
    }
}

fn get_events(state: &State, input: Input<'_>) -> Result<Value, Refusal> {
    let stream = input.required_text("logStreamName")?;
    let name = input.text("logGroupName")?;
    let group = match (name, input.text("logGroupIdentifier")?) {
        (Some(name), None) => name,
        (None, Some(identifier)) => identifier.rsplit("log-group:").next().unwrap_or_default(),
        (Some(_), Some(_)) => {
            return Err(Refusal::invalid(
                "LogGroupName and LogGroupIdentifier cannot both be given.",
            ));
        }
        (None, None) => return Err(missing("logGroupName")),
    };
    let size = match input.count("limit")?.map(|limit| limit as usize) {
        None => PAGE,
        Some(limit) if (1..=PAGE).contains(&limit) => limit,
        Some(_) => return Err(Refusal::invalid("limit must be between 1 and 10000.")),
    };
    let from_head = input.flag("startFromHead")?.unwrap_or(false);
    let (start, end) = (millis(input, "startTime")?, millis(input, "endTime")?);
    let token = input.text("nextToken")?.map(Token::read).transpose()?;
    let nothing = |what: &str| {
        let message = format!("The specified log {what} does not exist.");
        Refusal::new(ErrorName::ResourceNotFound, message)
    };
    let lines = match written(state, group, stream) {
        Written::NoGroup => return Err(nothing("group")),
        Written::NoStream => return Err(nothing("stream")),
        Written::Lines(lines) => lines,
    };
    let within = |line: &Line| {
        let at = since_epoch(line.at);
        start.is_none_or(|start| at >= start) && end.is_none_or(|end| at < end)
    };
    let lines: Vec<Line> = lines.into_iter().filter(within).collect();
    let (from, to) = match token {
        Some(Token::Forward(from)) => (from, from.saturating_add(size)),
        Some(Token::Backward(to)) => (to.saturating_sub(size), to),
        None if from_head => (0, size),
        None => (lines.len().saturating_sub(size), lines.len()),
    };
    let (from, to) = (from.min(lines.len()), to.min(lines.len()));
    let events: Vec<Value> = lines[from..to]
        .iter()
        .map(|line| {
            let at = since_epoch(line.at);
            json!({"timestamp": at, "message": line.text, "ingestionTime": at})
        })
        .collect();
    Ok(json!({
        "events": events,
        "nextForwardToken": Token::Forward(to).write(),
        "nextBackwardToken": Token::Backward(from).write(),
    }))
}

/// Between which two lines the next page begins or ends.
enum Token {
    Forward(usize),
    Backward(usize),
}

impl Token {
    fn read(text: &str) -> Result<Token, Refusal> {
        let bad = || Refusal::invalid("The specified nextToken is invalid.");
        let (way, number) = text.split_once('/').ok_or_else(bad)?;
        let number = number.parse().map_err(|_| bad())?;
        match way {
            "f" => Ok(Token::Forward(number)),
            "b" => Ok(Token::Backward(number)),
            _ => Err(bad()),
        }
    }

    fn write(&self) -> String {
        match self {
            Token::Forward(number) => format!("f/{number:056}"),
            Token::Backward(number) => format!("b/{number:056}"),
        }
    }
}

fn millis(input: Input<'_>, name: &str) -> Result<Option<u64>, Refusal> {
    let bad = || Refusal::new(ErrorName::Serialization, format!("{name} must be a long"));
    input.raw(name).map(|value| value.as_u64().ok_or_else(bad)).transpose()
}

fn since_epoch(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
