//! Domain state to cards and sentences: pure functions. Imports only `domain`; knows no chat,
//! no clock but the time it is handed, and decides nothing.

mod announcement;
mod announcing;
mod answers;
mod asking;
mod bans;
mod cause;
mod chart;
mod denial;
mod deployment;
mod end;
mod figures;
mod freezes;
mod history;
mod live;
mod locks;
mod log;
mod obstacle;
mod others;
mod pause;
mod plan;
mod queue;
mod refusal;
mod reservations;
mod running;
mod samples;
mod schedules;
mod status;
mod votes;
mod words;

pub use announcement::{Announcement, TemplateError, Templates, Text, said_card, unmade_card};
pub use announcing::{
    Change, Listed, announced_card, in_settings_card, missed_card, no_such_channel_card,
    no_such_schedule_card, no_such_template_card, not_permitted_card, nothing_card, past_card,
    schedule_card, schedule_changed_card, scheduled_card, several_channels_card, unclear_card,
};
pub use answers::{Topic, help_card, misunderstood_card, say_again_card, whoami_card};
pub use bans::{
    StillRunning, banned_card, bans_card, hold_released_card, reason_to_ban, unbanned_card,
};
pub use cause::sentence as cause_sentence;
pub use denial::{Unasked, denial_card, stands_still, undecided_card, waits_for_answer};
pub use deployment::{closed_card, deployment_card};
pub use end::end_reply;
pub use figures::figures_card;
pub use freezes::{
    Freezes, Freezing, Unfreezed, freeze_over_card, freezes_card, frozen_card, unfrozen_card,
};
pub use history::{Entry, details, history_card, show_card};
pub use live::{KNOWN, Live, Seen, live};
pub use locks::{
    LockHow, Locked, Unlocked, lock_lifted_card, lock_over_card, lock_passed_card,
    lock_taken_over_card, locked_card, locks_card, still_needed_card, unlocked_card, with_lock,
};
pub use obstacle::with_obstacle;
pub use pause::{canary_would_stay, wish_card};
pub use plan::dry_run_card;
pub use queue::{Obstacles, Queue, queue_card};
pub use refusal::{refusal_card, sentence as refusal_sentence};
pub use reservations::{reservation_ended_card, reservations_card};
pub use samples::samples;
pub use schedules::{asked_already_card, schedules_card};
pub use status::{
    EnvironmentStatus, HoldStatus, OpenDeployment, Running, ServiceStatus, no_such_service_card,
    status_card,
};
pub use votes::{
    no_such_deployment_card, no_vote_card, not_counted_card, not_open_card, nudge_card, vote_card,
    vote_withdrawn_card, which_deployment_card,
};
pub use words::{ago, clean, duration, moment};
