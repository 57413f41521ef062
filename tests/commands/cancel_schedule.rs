//! `cancel schedule`: it is announced no more.

use crate::world::World;

#[tokio::test]
async fn for_good() {
    let mut world = World::start().await;
    world.say("alice", "announce tea in 30 minutes").await;
    world.say("alice", "cancel schedule 1").await;
    assert!(world.text().contains("Schedule 1 is cancelled"), "{}", world.text());
    world.set_clock("2026-11-24T09:31:00Z");
    world.wait().await;
    world.restart().await;
    world.wait().await;
    assert!(!world.everything().contains("Announcement"), "{}", world.everything());
    world.say("alice", "cancel schedule 1").await;
    assert!(world.text().contains("Schedule 1 is over already"), "{}", world.text());
    world.say("bob", "cancel schedule morning").await;
    let told = world.text();
    assert!(told.contains("Schedule morning stands in the settings"), "{told}");
    assert!(told.contains("pause schedule morning"), "{told}");
}
