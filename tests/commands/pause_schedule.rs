//! `pause schedule`: nothing of it is announced until it may go on.

use crate::world::World;

/// Tea, announced.
const TEA: &str = "Announcement\n   tea";

#[tokio::test]
async fn what_is_paused_is_neither_announced_nor_made_up_for() {
    let mut world = World::start().await;
    world.say("alice", "announce tea every day at 11:00").await;
    world.say("alice", "pause schedule 1").await;
    assert!(world.text().contains("Schedule 1 is paused"), "{}", world.text());
    world.set_clock("2026-11-24T10:00:10Z");
    world.wait().await;
    world.restart().await;
    world.wait().await;
    assert!(!world.everything().contains(TEA), "{}", world.everything());
    world.say("alice", "schedules").await;
    assert!(world.text().contains("1: tea, in ops, paused by alice"), "{}", world.text());
    world.say("alice", "pause schedule 1").await;
    assert!(world.text().contains("is paused already"), "{}", world.text());
    world.say("alice", "continue schedule 1").await;
    world.wait().await;
    assert!(!world.everything().contains(TEA), "{}", world.everything());
    world.set_clock("2026-11-25T10:00:10Z");
    world.until_said(TEA).await;
}

#[tokio::test]
async fn those_of_others_are_for_who_tends_them() {
    let mut world = World::start().await;
    world.say("bob", "announce tea every day at 11:00").await;
    for person in ["alice", "eve"] {
        world.say(person, "pause schedule 1").await;
        assert!(world.text().contains("the role release-manager or on-call"), "{}", world.text());
        assert!(world.text().contains("may not change schedule 1 where"), "{}", world.text());
    }
    world.say("dave", "pause schedule 1").await;
    assert!(world.text().contains("Schedule 1 is paused"), "{}", world.text());
    world.say("alice", "pause schedule morning").await;
    assert!(world.text().contains("the role release-manager or on-call"), "{}", world.text());
    world.say("carol", "pause schedule morning").await;
    assert!(world.text().contains("Schedule morning is paused"), "{}", world.text());
}
