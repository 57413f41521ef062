//! Shipmate: a ChatOps deployment bot. The modules are listed in reading order;
//! ARCHITECTURE.md says which may import which.

pub mod app;
pub mod settings;
pub mod telemetry;
pub mod domain;
pub mod grammar;
pub mod policy;
pub mod report;
pub mod ports;
pub mod clock;
pub mod aws;
pub mod probe;
pub mod engine;
pub mod chat;
pub mod store;
pub mod web;
pub mod reserve;
pub mod sandbox;
