//! The log of calls that the sandbox has had. Must not know how they are answered.

use std::collections::VecDeque;
use std::time::SystemTime;

use serde_json::{Value, json};

use super::times::stamp;

/// The most calls that are remembered: the oldest are forgotten first.
const REMEMBERED: usize = 200_000;
/// The longest text in a call's parameters that is kept whole: manifests are longer.
const BRIEF: usize = 200;

/// One call of AWS's that somebody made.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// By the sandbox's wall clock.
    pub at: SystemTime,
    /// `ecs`, `ecr`, `logs` or `sts`.
    pub service: &'static str,
    pub operation: String,
    /// The id of the access key that it was signed with; empty, where it was not signed.
    pub key: String,
    /// What was asked, with long texts cut.
    pub parameters: Value,
    /// `ok`, or the name of the error, or the fault that it met.
    pub outcome: String,
}

impl Call {
    pub(super) fn show(&self) -> Value {
        json!({
            "at": stamp(self.at),
            "service": self.service,
            "operation": self.operation,
            "key": self.key,
            "parameters": self.parameters,
            "outcome": self.outcome,
        })
    }
}

#[derive(Default)]
pub(super) struct Log {
    calls: VecDeque<Call>,
}

impl Log {
    pub(super) fn write(&mut self, call: Call) {
        if self.calls.len() == REMEMBERED {
            self.calls.pop_front();
        }
        self.calls.push_back(call);
    }

    pub(super) fn clear(&mut self) {
        self.calls.clear();
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Call> {
        self.calls.iter()
    }
}

/// The same JSON with its long texts cut.
pub(super) fn brief(value: &Value) -> Value {
    match value {
        Value::String(text) if text.len() > BRIEF => {
            let head: String = text.chars().take(40).collect();
            Value::String(format!("{head}… ({} bytes)", text.len()))
        }
        Value::Array(values) => values.iter().map(brief).collect(),
        Value::Object(members) => Value::Object(
            members.iter().map(|(name, value)| (name.clone(), brief(value))).collect(),
        ),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}
