//! `pause`: no further step begins, and what is new is watched on.

use insta::assert_snapshot;
use shipmate::sandbox::{ImageSpec, Mishap};

use crate::world::World;

/// A promotion whose canaries have been told to stop.
async fn on_its_way(image: &str) -> World {
    let mut world = World::patient().await;
    world.say("alice", &format!("promote {image} to staging")).await;
    world.until_a_canary().await;
    world
}

#[tokio::test]
async fn nothing_further_is_stopped_until_it_may_go_on() {
    let mut world = on_its_way("core:1.5.0").await;
    world.say("alice", "pause 1 because latencies went up").await;
    let told = world.text();
    assert!(told.contains("#1 is paused: no further step begins"), "{told}");
    let stopped = world.told_to_stop();
    // Much longer than all of it takes.
    world.pass_looks(20).await;
    assert_eq!(world.told_to_stop(), stopped);
    let card = world.card_text(1);
    assert!(card.contains("paused"), "{card}");
    assert!(card.contains("because: latencies went up"), "{card}");
    assert!(card.contains("continue 1"), "{card}");
    assert_eq!(world.deployment(1).await.stage.name(), "running");
    world.say("alice", "continue").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
    world.assert_core("staging", "1.5.0");
    assert_eq!(world.told_to_stop().len(), 5, "each task once");
}

#[tokio::test]
async fn a_paused_one_outlives_the_process() {
    let mut world = on_its_way("core:1.5.0").await;
    world.say("alice", "pause 1").await;
    let stopped = world.told_to_stop();
    world.restart().await;
    world.pass_looks(20).await;
    assert_eq!(world.told_to_stop(), stopped);
    assert!(world.card_text(1).contains("Paused by alice"), "{}", world.card_text(1));
    world.say("bob", "continue 1").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
    world.assert_core("staging", "1.5.0");
}

#[tokio::test]
async fn what_fails_meanwhile_still_goes_back() {
    let mut world = on_its_way("core:1.5.0").await;
    world.say("alice", "pause 1").await;
    let new = world.sandbox.digest("core", "1.5.0").unwrap();
    let is_new = |task: &shipmate::sandbox::TaskView| task.digests.get("app") == Some(&new);
    let came = world
        .sandbox
        .wait_for("staging", "rest-api", crate::world::LONG, |view| view.tasks.iter().any(is_new));
    assert!(came.await);
    let task = world.sandbox.tasks("staging", "rest-api").into_iter().find(is_new).unwrap();
    assert!(world.sandbox.befall(&task.id, Mishap::Exits(1)));
    world.wait().await;
    assert_eq!(world.stage(1).await, "rolled-back", "{}", world.everything());
    world.assert_core("staging", "1.4.1");
}

#[tokio::test]
async fn a_paused_one_can_be_called_off() {
    let mut world = on_its_way("core:1.5.0").await;
    world.say("alice", "pause 1").await;
    world.say("alice", "cancel 1").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "cancelled", "{}", world.everything());
    world.assert_core("staging", "1.4.1");
}

#[tokio::test]
async fn patience_does_not_run() {
    let mut world = World::of(crate::world::Plan {
        settle: std::time::Duration::from_millis(300),
        patience: std::time::Duration::from_millis(900),
        ..crate::world::Plan::default()
    })
    .await;
    world.sandbox.push("core", &ImageSpec::new("1.5.1")).unwrap();
    world.say("alice", "promote core:1.5.1 to staging").await;
    world.until_a_canary().await;
    world.say("alice", "pause 1").await;
    tokio::time::sleep(std::time::Duration::from_millis(2000)).await;
    assert_eq!(world.stage(1).await, "running", "{}", world.everything());
    world.say("alice", "continue 1").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
}

#[tokio::test]
async fn others_may_not() {
    let mut world = on_its_way("core:1.5.0").await;
    world.say("eve", "pause 1").await;
    let told = world.text();
    assert!(told.contains("eve may not hold up #1 in staging"), "{told}");
    assert!(told.contains("(release-managers-pause)"), "{told}");
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded");
}

#[tokio::test]
async fn where_it_means_nothing_it_says_what_would() {
    let mut world = World::patient().await;
    world.say("alice", "pause").await;
    assert_snapshot!("nothing_to_pause", world.text());
    world.verified_on_staging("core", "1.5.0").await;
    world.say("alice", "promote core:1.5.0 to production").await;
    world.say("alice", "pause 1").await;
    assert_snapshot!("not_begun", world.text());
    world.say("alice", "cancel 1").await;
    world.say("alice", "pause 1").await;
    assert!(world.text().contains("#1 has ended: cancelled"), "{}", world.text());
    world.sandbox.put_tag("core", "staging-latest", "1.5.0").unwrap();
    world.say("alice", "promote core:1.6.0 to staging").await;
    world.until_a_canary().await;
    world.say("alice", "pause 2").await;
    world.say("bob", "pause 2").await;
    assert!(world.text().contains("#2 is paused already, by alice"), "{}", world.text());
    world.say("alice", "cancel 2").await;
    world.say("bob", "pause 2").await;
    let told = world.text();
    assert!(told.contains("is going back") || told.contains("has ended"), "{told}");
}

#[tokio::test]
async fn what_ecs_restarts_by_itself_is_said_to_go_on() {
    let mut world = World::patient().await;
    world.say("alice", "promote web:2.1.0 to staging").await;
    world.until("ECS deploys", || !world.forced().is_empty()).await;
    world.say("alice", "pause 1").await;
    let card = world.card_text(1);
    assert!(card.contains("ECS goes on with its own deployment of web"), "{card}");
    world.pass_looks(20).await;
    assert_eq!(world.stage(1).await, "running", "a paused one does not end");
    world.say("alice", "continue 1").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
}
