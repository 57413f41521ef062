//! `continue`: ends a pause or, where there is none, the canary's stay.

use crate::world::World;

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
