//! The promises of the design, each broken on purpose by what happens around the bot.

mod a_bad_image_does_little_harm;
mod batches;
mod default_deny;
mod done_means_seen;
mod every_end;
mod it_keeps_the_pace;
mod it_runs_at_once;
mod natively;
mod nobody_is_surprised;
mod nobody_waits_while_typing;
mod nothing_is_lost;
mod nothing_twice;
mod one_voice;
mod other_peoples_hands;
mod scheduled;
mod votes;

pub use scheduled::without_distance;
