//! Where people talk to Shipmate. Adapters render cards and raise events; what a promotion is
//! or who may do what is not known here.

pub mod discord;
pub mod script;
pub mod terminal;
