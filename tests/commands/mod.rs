//! Each command of commands/, by the messages that people write: a file of the same name for
//! each, with the good way and every refusal.

mod approve;
mod cancel;
mod help;
mod history;
mod promote;
mod promote_refused;
mod reject;
mod rollback;
mod show;
mod status;
mod whoami;
