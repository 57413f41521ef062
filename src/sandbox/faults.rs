//! Faults on order: what goes wrong with which call, and how often, or how likely. Must not know
//! what the calls do.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::chance::{Chance, Odds};
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
    /// 503 ServiceUnavailable, and nothing is done.
    Unavailable,
    /// The error of that name, such as `AccessDeniedException`, and nothing is done.
    Refuse { error: String },
    /// It is done and answered, so much later.
    Delay { millis: u64 },
    /// It is not done, and there is no answer for as long as the sandbox lives.
    Hang,
    /// It is answered from what was when the fault was ordered. Only for calls that read.
    Stale,
    /// The connection is reset, and nothing is done.
    ResetBefore,
    /// It is done, and the connection is reset before there is an answer.
    ResetAfter,
    /// It is done, and the answer is a 500.
    LoseAnswer,
    /// It is done, and the connection breaks in the middle of the answer.
    CutAnswer,
}

impl FaultKind {
    /// The fault made ready for a call.
    fn ready(&self, state: &State) -> Result<Trouble, String> {
        Ok(match self {
            FaultKind::Throttle => Trouble::Throttle,
            FaultKind::ServerError => Trouble::ServerError,
            FaultKind::Unavailable => Trouble::Refuse(ErrorName::ServiceUnavailable),
            FaultKind::Refuse { error } => Trouble::Refuse(
                ErrorName::of(error).ok_or_else(|| format!("no error is named {error}"))?,
            ),
            FaultKind::Delay { millis } => Trouble::Delay(Duration::from_millis(*millis)),
            FaultKind::Hang => Trouble::Hang,
            FaultKind::Stale => Trouble::Stale(Arc::new(state.clone())),
            FaultKind::ResetBefore => Trouble::ResetBefore,
            FaultKind::ResetAfter => Trouble::ResetAfter,
            FaultKind::LoseAnswer => Trouble::LoseAnswer,
            FaultKind::CutAnswer => Trouble::CutAnswer,
        })
    }
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
    ResetBefore,
    ResetAfter,
    LoseAnswer,
    CutAnswer,
}

/// Whether the operation changes nothing.
fn is_read(operation: &str) -> bool {
    ["Describe", "List", "Get", "BatchGet", "BatchCheck"]
        .iter()
        .any(|prefix| operation.starts_with(prefix))
}

/// The orders that are open, in their order, and what happens by chance.
#[derive(Default)]
pub(super) struct Faults {
    open: Vec<(String, u32, Trouble)>,
    chance: Chance,
}

impl Faults {
    /// Takes an order. What could never hold for a call is refused, so that a slip of the pen is
    /// seen.
    pub(super) fn order(&mut self, fault: &Fault, state: &State) -> Result<(), String> {
        let operation = fault.operation.as_str();
        if operation != "*" && !super::is_operation(operation) {
            return Err(format!("no operation is named {operation}"));
        }
        if fault.kind == FaultKind::Stale && !is_read(operation) {
            return Err(format!("{operation} does not only read, so that it cannot be stale"));
        }
        let trouble = fault.kind.ready(state)?;
        self.open.push((fault.operation.clone(), fault.times, trouble));
        Ok(())
    }

    /// From now on faults happen by these odds, and no longer by earlier ones.
    pub(super) fn happen(&mut self, odds: Odds) -> Result<(), String> {
        odds.check()?;
        self.chance.set(Some(odds));
        Ok(())
    }

    pub(super) fn clear(&mut self) {
        self.open.clear();
        self.chance.set(None);
    }

    /// What the next call of an operation meets: the oldest order that holds for it, or else what
    /// happens by chance.
    pub(super) fn meet(&mut self, operation: &str, state: &State) -> Option<Trouble> {
        let chance = self.chance.meet(operation);
        self.open.retain(|(_, times, _)| *times > 0);
        let order = self.open.iter_mut().find(|(scope, _, _)| scope == operation || scope == "*");
        if let Some((_, times, trouble)) = order {
            *times -= 1;
            return Some(trouble.clone());
        }
        // What happens by chance names no error, so that it can always be made ready.
        chance.and_then(|kind| kind.ready(state).ok())
    }
}
