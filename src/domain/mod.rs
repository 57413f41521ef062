//! The words of Shipmate as types, the plan, and the state machine of a deployment.
//! Imports no other module of ours; no I/O, clock, randomness or async.

pub mod command;
pub mod environment;
pub mod id;
pub mod image;
pub mod policy;
