//! Shipmate: a ChatOps deployment bot. The modules are listed in reading order;
//! ARCHITECTURE.md says which may import which.

pub mod chat;
pub mod domain;
pub mod grammar;
pub mod policy;
pub mod sandbox;
pub mod settings;
