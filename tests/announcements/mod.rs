//! What is announced at set times, by the real engine: each time once, whatever dies when, and
//! however many processes there are.

mod ahead;
mod firing;
mod made;
mod templates;
mod told;

use jiff::Timestamp;

use crate::world::{Plan, SETTINGS, World};

/// The demo's world, in which these schedules stand beside those that ship.
async fn with(schedules: &str) -> World {
    World::of(Plan { settings: format!("{SETTINGS}\n{schedules}"), ..Plan::default() }).await
}

/// Every day at 11:00 in Berlin, an hour after the beginning.
const ELEVEN: &str = r##"
[schedules.eleven]
at = "0 11 * * *"
zone = "Europe/Berlin"
template = "# It is {{ now.time }}"
"##;

/// What of a schedule stands in the channel: the keys by which it was posted.
fn posted(world: &World, schedule: &str) -> Vec<String> {
    let begins = format!("announcement-{schedule}-");
    let keys = world.chat.posted().into_iter().map(|one| one.key);
    keys.filter(|key| key.starts_with(&begins)).collect()
}

/// How often the chat was asked to show something of a schedule: it shows it once for a key.
fn calls(world: &World, schedule: &str) -> u32 {
    let begins = format!("announcement-{schedule}-");
    let posted = world.chat.posted();
    posted.iter().filter(|one| one.key.starts_with(&begins)).map(|one| one.calls).sum()
}

/// Waits until this many announcements of a schedule stand in the channel, and gives the newest.
async fn newest(world: &World, schedule: &str, count: usize) -> String {
    let stand = || posted(world, schedule).len() >= count;
    world.until(&format!("{count} of {schedule}"), stand).await;
    world.wait().await;
    assert_eq!(posted(world, schedule).len(), count, "{}", world.everything());
    let everything = world.everything();
    everything.split("\n•").last().unwrap_or_default().to_owned()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}
