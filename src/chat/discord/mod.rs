//! Discord: what Shipmate needs there, and whether it has it. Renders cards and raises events
//! like every chat; what a promotion is or who may do what is not known here.

pub mod check;
pub mod permissions;
