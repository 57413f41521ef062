//! `announce`: a text in a channel, now or at set times.

use insta::assert_snapshot;

use crate::world::World;

/// How often this was announced.
fn count(world: &World, text: &str) -> usize {
    let everything = world.everything();
    everything.matches(&format!("Announcement\n   {text}")).count()
}

#[tokio::test]
async fn now_where_it_was_said() {
    let mut world = World::start().await;
    world.say("alice", "announce *lunch* is ready, @everyone").await;
    assert_snapshot!("now", world.text());
    world.say("alice", "announce in the hall there is cake in #ops").await;
    assert_eq!(count(&world, "in the hall there is cake"), 1, "{}", world.everything());
    world.say("alice", "announce \"we meet at 12:00\"").await;
    assert_eq!(count(&world, "we meet at 12:00"), 1, "{}", world.everything());
}

#[tokio::test]
async fn at_a_time_and_once() {
    let mut world = World::start().await;
    world.say("alice", "announce lunch is ready in #ops at 12:00").await;
    let told = world.text();
    assert!(told.contains("Schedule 1: lunch is ready"), "{told}");
    assert!(told.contains("cancel schedule 1"), "{told}");
    assert_eq!(count(&world, "lunch is ready"), 0);
    // 12:00 in Berlin.
    world.set_clock("2026-11-24T11:00:30Z");
    world.until("it is announced", || count(&world, "lunch is ready") == 1).await;
    world.wait().await;
    world.restart().await;
    world.wait().await;
    assert_eq!(count(&world, "lunch is ready"), 1);
    world.say("alice", "schedules").await;
    assert!(!world.text().contains("lunch"), "{}", world.text());
}

#[tokio::test]
async fn again_and_again() {
    let mut world = World::start().await;
    world.say("bob", "announce stand up every weekday at 10:30").await;
    assert!(
        world.text().contains("by the rule 30 10 * * 1-5 in Europe/Berlin"),
        "{}",
        world.text()
    );
    for (time, times) in [("2026-11-24T09:30:01Z", 1), ("2026-11-25T09:30:01Z", 2)] {
        world.set_clock(time);
        world.until("it is announced", || count(&world, "stand up") == times).await;
        world.wait().await;
    }
    world.say("bob", "announce hello every `15 9 1 * *`").await;
    assert!(world.text().contains("by the rule 15 9 1 * *"), "{}", world.text());
}

#[tokio::test]
async fn what_is_not_clear_or_may_not_be() {
    let mut world = World::start().await;
    for (name, person, line) in [
        ("two_times", "alice", "announce we meet at 12:00 in #ops at 11:00"),
        ("no_time", "alice", "announce freeze in #ops at 25:00"),
        ("no_channel", "alice", "announce freeze in #nowhere"),
        ("no_right", "eve", "announce the freeze begins"),
    ] {
        world.say(person, line).await;
        assert_snapshot!(name, world.text());
    }
    assert_eq!(world.everything().matches("Announcement").count(), 0);
}
