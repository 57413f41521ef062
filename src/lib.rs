//! Shipmate: a ChatOps deployment bot. The modules are listed in reading order;
//! ARCHITECTURE.md says which may import which.

pub mod aws;
pub mod chat;
pub mod domain;
pub mod engine;
pub mod grammar;
pub mod policy;
pub mod ports;
pub mod report;
pub mod sandbox;
pub mod settings;
pub mod store;
