//! `show schedule`: one of them in full.

use crate::world::{Plan, SETTINGS, World};

#[tokio::test]
async fn who_made_it_and_what_became_of_it() {
    let mut world = World::start().await;
    world.say("alice", "announce tea every day at 10:05").await;
    world.set_clock("2026-11-24T09:05:10Z");
    world.until_said("Announcement").await;
    world.wait().await;
    world.say("bob", "schedule show 1").await;
    let told = world.text();
    for part in ["Schedule 1: tea", "Made by alice", "Next:", "Last times", ": announced"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    world.say("bob", "show schedule morning").await;
    assert!(world.text().contains("It stands in the settings."), "{}", world.text());
    world.say("bob", "show schedule 7").await;
    let told = world.text();
    assert!(told.contains("There is no schedule 7"), "{told}");
    assert!(told.contains("There are: 1, freeze, morning"), "{told}");
}

#[tokio::test]
async fn a_name_may_begin_with_a_digit() {
    let schedules = ["9am", "1st-monday", "2026-12-24"]
        .map(|name| format!("[schedules.{name}]\nat = \"0 9 * * *\"\ntemplate = \"morning\"\n"));
    let settings = format!("{SETTINGS}\n{}", schedules.concat());
    let mut world = World::of(Plan { settings, ..Plan::default() }).await;
    for name in ["9am", "1st-monday", "2026-12-24"] {
        world.say("bob", &format!("pause schedule {name}")).await;
        assert!(world.text().contains(&format!("Schedule {name} is paused")), "{}", world.text());
        world.say("bob", &format!("show schedule {name}")).await;
        assert!(world.text().contains(&format!("Schedule {name}: morning")), "{}", world.text());
    }
}
