//! Each command of commands/, by the messages that people write: a file of the same name for
//! each, with the good way and every refusal.

mod approve;
mod ban;
mod bans;
mod canary;
mod cancel;
mod continue_;
mod help;
mod history;
mod pause;
mod promote;
mod promote_refused;
mod queue;
mod reject;
mod release_hold;
mod rollback;
mod schedules;
mod show;
mod status;
mod unban;
mod whoami;
