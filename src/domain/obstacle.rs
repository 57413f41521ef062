//! What keeps a deployment that was agreed from its turn, beside another one that runs. The
//! sentences are written in `report`.

use jiff::Timestamp;

use super::id::TokenName;

/// Why it waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// A program has the environment for itself, or stood in line for it before.
    Reserved {
        by: TokenName,
        reason: Option<String>,
        /// Since when it has it; `None`: it is about to get it.
        since: Option<Timestamp>,
    },
}
