//! Each command of commands/, by the messages that people write: a file of the same name for
//! each, with the good way and every refusal.

mod announce;
mod approve;
mod ban;
mod bans;
mod canary;
mod cancel;
mod cancel_schedule;
mod continue_;
mod continue_schedule;
mod figures;
mod end_reservation;
mod freeze;
mod freezes;
mod help;
mod history;
mod lock;
mod locks;
mod pause;
mod pause_schedule;
mod preview;
mod promote;
mod promote_refused;
mod queue;
mod reject;
mod release_hold;
mod reservations;
mod rollback;
mod schedules;
mod show;
mod show_schedule;
mod status;
mod unban;
mod unlock;
mod unfreeze;
mod whoami;
