//! What keeps a deployment that is agreed from its turn, though nothing else runs there. It
//! waits, and goes on by itself when that ends.

use jiff::Timestamp;

/// Why a deployment waits that could run otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The environment is closed, by the calendar or by people.
    Frozen {
        reason: String,
        /// When it opens; `None`: when somebody opens it.
        until: Option<Timestamp>,
    },
}
