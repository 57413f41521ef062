//! Each command of commands/, by the messages that people write: a file of the same name for
//! each, with the good way and every refusal.

mod approve;
mod ban;
mod bans;
mod canary;
mod cancel;
mod continue_;
mod end_reservation;
mod freeze;
mod freezes;
mod help;
mod history;
mod lock;
mod locks;
mod pause;
mod promote;
mod promote_refused;
mod queue;
mod reject;
mod release_hold;
mod reservations;
mod rollback;
mod schedules;
mod show;
mod status;
mod unban;
mod unlock;
mod unfreeze;
mod whoami;
