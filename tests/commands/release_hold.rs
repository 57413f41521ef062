//! `release-hold`: after a rollback automation may move an environment again.

use insta::assert_snapshot;

use crate::world::World;

/// Staging after a rollback that Shipmate did by itself.
async fn held() -> World {
    let mut world = World::patient().await;
    world.say("alice", "promote core:1.6.0-crash to staging").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "rolled-back", "{}", world.everything());
    world
}

#[tokio::test]
async fn who_may_releases_it_and_it_is_told() {
    let mut world = held().await;
    world.say("dave", "release the hold on staging because it was the image").await;
    assert_snapshot!("released", world.text());
    world.say("alice", "status staging").await;
    assert!(!world.text().contains("Held"), "{}", world.text());
    world.say("alice", "history staging").await;
    assert_snapshot!("history", world.text());
    world.say("alice", "history production").await;
    assert!(!world.text().contains("released"), "{}", world.text());
}

#[tokio::test]
async fn who_may_not_and_where_there_is_none() {
    let mut world = held().await;
    world.say("alice", "release hold on staging").await;
    assert_snapshot!("may_not", world.text());
    world.say("dave", "release hold on production").await;
    assert_snapshot!("none", world.text());
    world.say("dave", "release hold on").await;
    assert_snapshot!("no_environment", world.text());
    world.say("alice", "status staging").await;
    assert!(world.text().contains("Held"), "{}", world.text());
}

#[tokio::test]
async fn a_release_of_an_image_is_a_promotion() {
    let mut world = World::start().await;
    world.say("alice", "release core:1.5.0 to staging").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
}
