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
    world.say("alice", "announce \"we meet at 12:00\" at 11:30").await;
    assert!(!world.text().contains("put the text in quotes"), "{}", world.text());
    world.say("alice", "announce \"we meet at 12:00\"").await;
    assert_eq!(count(&world, "we meet at 12:00"), 1, "{}", world.everything());
}

#[tokio::test]
async fn at_a_time_and_once() {
    let mut world = World::start().await;
    world.say("alice", "announce lunch is ready in #ops at 12:00").await;
    let told = world.text();
    assert_snapshot!("once", told);
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

/// The lines that follow are a part of it, also quotes and code.
#[tokio::test]
async fn in_several_lines() {
    let mut world = World::start().await;
    let said = "announce maintenance tonight in #ops at 12:00\n- the database moves at 22:00\n\n\
                > back by midnight\n`status` tells";
    world.say("alice", said).await;
    assert_snapshot!("several_lines", world.text());
    world.set_clock("2026-11-24T11:00:01Z");
    let whole = "maintenance tonight\n   - the database moves at 22:00\n   > back by midnight\n   \
                 `status` tells";
    world.until("it is announced", || count(&world, whole) == 1).await;
    for (said, whole) in [
        ("announce tea\n> with cake", "tea\n   > with cake"),
        ("announce log:\n```\nfine\n```", "log:\n   ```\n   fine\n   ```"),
        ("> announce milk\nannounce milk\nand sugar", "milk\n   and sugar"),
    ] {
        world.say("alice", said).await;
        assert_eq!(count(&world, whole), 1, "{said}: {}", world.everything());
    }
    // Two commands are two.
    world.say("alice", "announce lunch\nstatus staging").await;
    assert!(world.text().contains("That is more than one command"), "{}", world.text());
    assert_eq!(count(&world, "lunch"), 0);
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
    // A rule may have a zone of its own.
    let rule = "DTSTART;TZID=America/New_York:20261127T090000 RRULE:FREQ=DAILY";
    world.say("bob", &format!("announce tea every `{rule}`")).await;
    assert!(world.text().contains("in America/New_York"), "{}", world.text());
    assert!(
        world.text().contains("Friday 27 November at 15:00 (Europe/Berlin)"),
        "{}",
        world.text()
    );
}

#[tokio::test]
async fn what_is_not_clear_or_may_not_be() {
    let mut world = World::start().await;
    for (name, person, line) in [
        ("two_times", "alice", "announce we meet at 12:00 in #ops at 11:00"),
        ("no_time", "alice", "announce freeze in #ops at 25:00"),
        ("no_channel", "alice", "announce freeze in #nowhere"),
        ("no_right", "eve", "announce the freeze begins"),
        ("never", "alice", "announce tea every `0 0 30 2 *`"),
        ("no_ending", "alice", "announce we test backups every day and night"),
    ] {
        world.say(person, line).await;
        assert_snapshot!(name, world.text());
    }
    assert_eq!(world.everything().matches("Announcement").count(), 0);
}
