//! Discord: a fake of it, and what is held against it.

mod announcements;
mod aws_events;
mod bot;
mod buttons;
mod chaos;
mod description;
pub mod fake;
mod fake_itself;
mod fleet;
mod http_interactions;
mod limits;
mod locks;
mod main_job;
mod mentions;
mod nudges;
mod online;
mod outages;
mod pings;
pub mod process;
mod readiness;
mod review;
mod scenarios;
mod secrets;
mod slash;
mod threads;
mod twin;
mod votes;
