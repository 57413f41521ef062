//! The one test binary: a world of stateful peers, a file for each command and each promise.

mod settings;
mod policy;
mod store;
mod grammar;
mod terminal;
mod sandbox;
mod report;
mod world;
mod commands;
mod promises;
mod tidy;
