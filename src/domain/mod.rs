//! The words of Shipmate as types, the plan, and the state machine of a deployment.
//! Imports no other module of ours; no I/O, clock, randomness or async.

pub mod after_check;
pub mod announcing;
pub mod calendar;
pub mod card;
pub mod channel;
pub mod command;
pub mod decision;
pub mod deployment;
pub mod diagnosis;
pub mod environment;
pub mod event;
pub mod figures;
pub mod form;
pub mod freeze;
pub mod id;
pub mod image;
pub mod lock;
pub mod mutability;
pub mod next;
pub mod observation;
pub mod obstacle;
pub mod others;
pub mod plan;
pub mod policy;
pub mod refusal;
pub mod reservation;
pub mod rollout;
pub mod schedule;
pub mod share;
pub mod timetable;
pub mod words_of_time;

/// `1 task`, `2 tasks`.
pub fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
