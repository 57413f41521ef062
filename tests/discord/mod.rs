//! Discord: a fake of it, and what is held against it.

mod description;
pub mod fake;
mod fake_itself;
mod online;
mod scenarios;
mod twin;
