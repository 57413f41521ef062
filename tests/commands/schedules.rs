//! `schedules`: what waits for a moment of its own, the next first.

use insta::assert_snapshot;

use crate::promises::without_distance;
use crate::world::World;

#[tokio::test]
async fn no_promotion_is_scheduled() {
    let mut world = World::start().await;
    world.say("eve", "schedules").await;
    assert_snapshot!(world.text());
}

#[tokio::test]
async fn the_next_first_with_what_each_needs() {
    let mut world = World::start().await;
    world.verified_on_staging("core", "1.5.0").await;
    world.say("alice", "promote core:1.5.0 to production tomorrow at 9:30").await;
    world.say("bob", "promote web:2.1.0 to staging at 18:00").await;
    world.say("eve", "what is scheduled").await;
    assert_snapshot!("listed", without_distance(&world.text()));
    world.say("eve", "queue").await;
    let told = world.text();
    let staging = "scheduled for Tuesday 24 November at 18:00 (UTC)";
    assert!(told.contains(staging), "{told}");
    world.say("eve", "queue production").await;
    let told = world.text();
    let production = "scheduled for Wednesday 25 November at 09:30 (Europe/Berlin), 2 more";
    assert!(told.contains(production), "{told}");
    world.say("eve", "status staging").await;
    assert!(world.text().contains(&format!("web:2.1.0: {staging}.")), "{}", world.text());
    world.say("eve", "cancel 2").await;
    assert!(world.text().contains("may not cancel"), "{}", world.text());
    world.say("carol", "cancel 2").await;
    world.say("eve", "schedules").await;
    assert!(!world.text().contains("#2 promote"), "{}", world.text());
}

#[tokio::test]
async fn what_is_announced_stands_beside_it() {
    let mut world = World::start().await;
    world.say("alice", "announce tea every day at 16:00").await;
    world.say("eve", "what is announced?").await;
    let told = world.text();
    assert!(told.contains("1: tea, in ops, next"), "{told}");
    assert!(told.contains("morning: morning, in ops, next"), "{told}");
    // The next first.
    assert!(told.contains("show schedule votes"), "{told}");
    assert!(told.find("1: tea") < told.find("morning: morning"), "{told}");
}
