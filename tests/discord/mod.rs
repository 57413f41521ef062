//! Discord: a fake of it, and what is held against it.

mod chaos;
pub mod fake;
mod fake_itself;
mod fleet;
mod main_job;
mod outages;
mod readiness;
mod description;
mod online;
mod scenarios;
mod twin;
