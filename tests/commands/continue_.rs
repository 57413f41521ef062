//! `continue`: ends a pause or, where there is none, the canary's stay.

use std::time::Duration;

use shipmate::sandbox::Times;

use crate::world::{Plan, World};

#[tokio::test]
async fn a_canary_need_not_stay_any_longer() {
    let mut world = World::patient().await;
    world.say("alice", "promote core:1.5.0 to staging with canary 1 hour").await;
    world.until_a_canary().await;
    world.pass_looks(20).await;
    assert!(world.told_to_stop().len() <= 2, "only canaries");
    world.say("bob", "continue 1").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
    world.assert_core("staging", "1.5.0");
}

/// ECS may have moved the canary away long after it was good, and what comes in its place has
/// all the time that a new task has.
#[tokio::test]
async fn a_canary_that_only_just_starts_has_its_time() {
    let times = Times { pulling: Duration::from_secs(3), ..Times::fast() };
    let settle = Duration::from_millis(300);
    let mut world = World::of(Plan { times, settle, ..Plan::default() }).await;
    world.say("alice", "promote core:1.5.0 to staging with canary 5h").await;
    world.until_a_canary().await;
    world.pass_looks(2).await;
    world.set_clock("2026-11-24T13:00:00Z");
    world.say("bob", "continue 1").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
    world.assert_core("staging", "1.5.0");
}

#[tokio::test]
async fn first_the_pause_then_the_canary() {
    let mut world = World::patient().await;
    world.say("alice", "promote core:1.5.0 to staging with canary 1h").await;
    world.until_a_canary().await;
    world.say("alice", "pause 1").await;
    world.say("alice", "continue 1").await;
    assert!(world.text().contains("its canaries still stay"), "{}", world.text());
    world.pass_looks(10).await;
    assert!(world.told_to_stop().len() <= 2, "only canaries");
    world.say("alice", "continue 1").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
}

#[tokio::test]
async fn others_may_not_and_what_is_not_held_up_says_so() {
    let mut world = World::patient().await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.until_a_canary().await;
    world.say("bob", "continue 1").await;
    assert!(world.text().contains("#1 is not paused"), "{}", world.text());
    world.say("alice", "continue").await;
    assert!(world.text().contains("There is nothing to continue"), "{}", world.text());
    world.say("bob", "pause 1").await;
    world.say("eve", "continue 1").await;
    assert!(world.text().contains("eve may not hold up #1 in staging"), "{}", world.text());
    world.say("bob", "continue 1").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded");
}
