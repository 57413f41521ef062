//! The journal: what goes in comes out, whole and in order, whatever happens in between.

mod chain;
mod decisions;
mod durability;
mod history;
mod holds;
mod inbox;
mod journal;
mod projections;
mod schedules;
mod reservations;
mod support;
