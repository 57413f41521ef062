//! Discord: a fake of it, and what is held against it.

pub mod fake;
mod fake_itself;
mod review;
mod scenarios;
