//! The one test binary: a world of stateful peers, a file for each command and each promise.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, also in its helpers, and says there what it skipped"
)]

mod domain;
mod docs;
mod settings;
mod policy;
mod store;
mod grammar;
mod online;
mod terminal;
mod discord_relay;
mod sandbox;
mod report;
mod world;
mod commands;
mod promises;
mod rollout;
mod web;
mod after_checks;
mod announcements;
mod last_lines;
mod reservations;
mod freezes;
mod discord;
mod tidy;
