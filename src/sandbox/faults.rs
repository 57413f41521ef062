//! Faults on order: what goes wrong with which call, and how often. Must not know what the calls do.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::error::ErrorName;
use super::state::State;

/// An order for the next calls of an operation to go wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// The operation's name, such as `StopTask`; `*` is every operation.
    pub operation: String,
    /// How many calls it holds for.
    pub times: u32,
    pub kind: FaultKind,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum FaultKind {
    /// ThrottlingException, and nothing is done.
    Throttle,
    /// 500 ServerException, and nothing is done.
    ServerError,
    /// The error of that name, such as `AccessDeniedException`, and nothing is done.
    Refuse { error: String },
    /// It is done and answered, so much later.
    Delay { millis: u64 },
    /// It is not done, and there is no answer for as long as the sandbox lives.
    Hang,
    /// It is answered from what was when the fault was ordered. Only for calls that read.
    Stale,
    /// It is done, and the answer is a 500.
    LoseAnswer,
    /// It is done, and the connection breaks in the middle of the answer.
    CutAnswer,
}

impl Fault {
    pub fn new(operation: &str, times: u32, kind: FaultKind) -> Fault {
        Fault { operation: operation.to_owned(), times, kind }
    }
}

/// What a call meets: a fault made ready.
#[derive(Clone)]
pub(super) enum Trouble {
    Throttle,
    ServerError,
    Refuse(ErrorName),
    Delay(Duration),
    Hang,
    Stale(Arc<State>),
    LoseAnswer,
    CutAnswer,
}

/// Whether the operation changes nothing.
fn is_read(operation: &str) -> bool {
    ["Describe", "List", "Get", "BatchGet", "BatchCheck"]
        .iter()
        .any(|prefix| operation.starts_with(prefix))
}

/// The orders that are open, in their order.
#[derive(Default)]
pub(super) struct Faults {
    open: Vec<(String, u32, Trouble)>,
}

impl Faults {
    /// Takes an order. What could never hold for a call is refused, so that a slip of the pen is seen.
    pub(super) fn order(&mut self, fault: &Fault, state: &State) -> Result<(), String> {
        let operation = fault.operation.as_str();
        if operation != "*" && !super::operations().any(|(_, known)| known == operation) {
            return Err(format!("no operation is named {operation}"));
        }
        let trouble = match &fault.kind {
            FaultKind::Stale if !is_read(operation) => {
                return Err(format!("{operation} does not only read, so that it cannot be stale"));
            }
            FaultKind::Throttle => Trouble::Throttle,
            FaultKind::ServerError => Trouble::ServerError,
            FaultKind::Refuse { error } => {
                let name =
                    ErrorName::of(error).ok_or_else(|| format!("no error is named {error}"))?;
                Trouble::Refuse(name)
            }
            FaultKind::Delay { millis } => Trouble::Delay(Duration::from_millis(*millis)),
            FaultKind::Hang => Trouble::Hang,
            FaultKind::Stale => Trouble::Stale(Arc::new(state.clone())),
            FaultKind::LoseAnswer => Trouble::LoseAnswer,
            FaultKind::CutAnswer => Trouble::CutAnswer,
        };
        self.open.push((fault.operation.clone(), fault.times, trouble));
        Ok(())
    }

    pub(super) fn clear(&mut self) {
        self.open.clear();
    }

    /// What the next call of an operation meets: the oldest order that holds for it.
    pub(super) fn meet(&mut self, operation: &str) -> Option<Trouble> {
        self.open.retain(|(_, times, _)| *times > 0);
        let (_, times, trouble) =
            self.open.iter_mut().find(|(scope, _, _)| scope == operation || scope == "*")?;
        *times -= 1;
        Some(trouble.clone())
    }
}
