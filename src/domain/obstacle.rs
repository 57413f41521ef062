//! What keeps a deployment that is agreed from its turn, though nothing else runs there. It
//! waits, and goes on by itself when that ends.

use jiff::Timestamp;

use super::id::PersonId;

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
}
