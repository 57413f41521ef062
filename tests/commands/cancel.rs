//! `cancel`: the same as 🛑, in words. What waits is called off, what runs is undone.

use insta::assert_snapshot;

use crate::world::World;

async fn asked() -> World {
    let mut world = World::start().await;
    world.verified_on_staging("core", "1.5.0").await;
    world.say("alice", "promote core:1.5.0 to production").await;
    world
}

#[tokio::test]
async fn who_asked_calls_it_off_while_it_waits() {
    let mut world = asked().await;
    world.say("alice", "cancel because the tests were wrong").await;
    world.wait().await;
    assert_snapshot!(world.text());
    assert_eq!(world.stage(1).await, "cancelled");
    world.assert_untouched();
}

#[tokio::test]
async fn by_reaction() {
    let mut world = asked().await;
    world.react("dave", "🛑").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "cancelled");
    assert!(world.text().contains("Cancelled by dave."), "{}", world.text());
    world.assert_untouched();
}

#[tokio::test]
async fn others_may_not() {
    let mut world = asked().await;
    world.say("eve", "cancel 1").await;
    assert_snapshot!("may_not_cancel", world.text());
    world.react("eve", "🛑").await;
    assert_eq!(world.stage(1).await, "waiting");
    assert!(world.card(1).reactions.is_empty(), "what may not count is taken off");
}

#[tokio::test]
async fn what_runs_is_undone() {
    let mut world = World::patient().await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.until("a task has been stopped", || !world.told_to_stop().is_empty()).await;
    world.say("alice", "cancel 1 because it is the wrong version").await;
    assert!(world.text().contains("#1 is called off"), "{}", world.text());
    world.wait().await;
    assert_snapshot!(world.card_text(1));
    assert_eq!(world.stage(1).await, "cancelled");
    world.assert_core("staging", "1.4.1");
    world.say("alice", "cancel 1").await;
    assert!(world.text().contains("#1 has ended: cancelled"), "{}", world.text());
}

#[tokio::test]
async fn what_runs_is_undone_by_reaction_too() {
    let mut world = World::patient().await;
    world.say("alice", "promote core:1.5.0 and web:2.1.0 to staging").await;
    world.until("ECS deploys", || !world.forced().is_empty()).await;
    world.react("eve", "🛑").await;
    assert!(world.text().contains("eve may not cancel #1 in staging"), "{}", world.text());
    world.react("bob", "🛑").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "cancelled", "{}", world.everything());
    world.assert_core("staging", "1.4.1");
    assert_eq!(world.tag("web", "staging-latest"), "2.0.0");
    let digest = world.sandbox.digest("web", "2.0.0").unwrap();
    assert!(world.sandbox.service("staging", "web").unwrap().runs("web", &digest));
}

#[tokio::test]
async fn what_is_queued_never_starts() {
    let mut world = World::patient().await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.say("alice", "promote web:2.1.0 to staging").await;
    world.say("bob", "cancel 2").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded");
    assert_eq!(world.stage(2).await, "cancelled");
    assert_eq!(world.tag("web", "staging-latest"), "2.0.0");
    assert!(world.forced().is_empty());
}

#[tokio::test]
async fn nothing_to_cancel_and_several() {
    let mut world = World::start().await;
    world.say("alice", "cancel").await;
    assert_snapshot!("nothing_to_cancel", world.text());
    world.verified_on_staging("core", "1.5.0").await;
    world.say("alice", "promote core:1.5.0 to production").await;
    world.sandbox.put_tag("web", "production-latest", "2.1.0").unwrap();
    world.say("alice", "promote web:2.0.0 to production").await;
    world.say("alice", "cancel").await;
    assert_snapshot!("cancel_which", world.text());
    assert_eq!(world.stage(1).await, "waiting");
    assert_eq!(world.stage(2).await, "waiting");
}
