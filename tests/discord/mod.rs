//! Discord: a fake of it, and what is held against it.

mod bot;
mod buttons;
pub mod fake;
mod fake_itself;
mod http_interactions;
mod limits;
mod mentions;
mod nudges;
mod online;
mod pings;
mod process;
mod scenarios;
mod secrets;
mod slash;
mod threads;
mod votes;
