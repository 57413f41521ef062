//! What keeps a deployment that is agreed from its turn, though nothing else runs there. It
//! waits, and goes on by itself when that ends. The sentences are written in `report`.

use jiff::Timestamp;

use super::id::{PersonId, TokenName};

/// Why a deployment waits that could run otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// Somebody has locked the environment.
    Locked {
        by: PersonId,
        since: Timestamp,
        because: String,
        /// When it ends by itself, where that was said.
        until: Option<Timestamp>,
    },
    /// A program has the environment for itself, or stood in line for it before.
    Reserved {
        by: TokenName,
        reason: Option<String>,
        /// Since when it has it; `None`: it is about to get it.
        since: Option<Timestamp>,
    },
    /// The environment is closed, by the calendar or by people.
    Frozen {
        reason: String,
        /// When it opens; `None`: when somebody opens it.
        until: Option<Timestamp>,
    },
}
