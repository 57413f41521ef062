//! `canary`: each canary stays alone for at least so long, and then it goes on by itself.

use std::time::Duration;

use crate::world::World;

/// How long passed between the first good canary and the first task that followed it.
async fn stayed(world: &World) -> jiff::SignedDuration {
    use shipmate::domain::event::{Event, Step};
    let journal = world.journal().await;
    let events = shipmate::ports::Store::events(&journal, shipmate::domain::id::DeploymentId(1));
    let events = events.await.unwrap();
    journal.close().await;
    let good = events.iter().find(|one| {
        matches!(&one.event, Event::Progressed { service, good: 1, .. } if service.as_str() == "worker")
    });
    let mut stops = events.iter().filter(|one| match &one.event {
        Event::StepStarted { step: Step::StopTasks { service, .. } } => {
            service.as_str() == "worker"
        }
        _ => false,
    });
    let second = stops.nth(1).expect("a second task of worker is stopped");
    second.at.duration_since(good.expect("its canary was good").at)
}

#[tokio::test]
async fn asked_while_it_runs() {
    let mut world = World::patient().await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.until_a_canary().await;
    world.say("alice", "canary 1 2s").await;
    let told = world.text();
    assert!(told.contains("#1: each canary stays alone for at least N s, then"), "{told}");
    let card = world.card_text(1);
    assert!(card.contains("Each canary stays alone for at least N s"), "{card}");
    assert!(card.contains("continue 1"), "{card}");
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
    world.assert_core("staging", "1.5.0");
    let stayed = stayed(&world).await;
    assert!(stayed >= jiff::SignedDuration::from_secs(2), "{stayed}");
}

#[tokio::test]
async fn asked_while_it_waits_and_kept_although_the_process_dies() {
    let mut world = World::patient().await;
    world.verified_on_staging("core", "1.5.0").await;
    world.say("alice", "promote core:1.5.0 to production").await;
    world.say("alice", "canary 1 3 seconds").await;
    let card = world.card_text(1);
    assert!(card.contains("Each canary stays alone for at least N s, as alice asked"), "{card}");
    world.react("bob", "✅").await;
    world.react("carol", "✅").await;
    world.until_a_canary().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let canaries = world.told_to_stop();
    assert!(canaries.len() <= 2, "{canaries:?}");
    world.restart().await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
    world.assert_core("production", "1.5.0");
}

#[tokio::test]
async fn asked_with_the_promotion() {
    let mut world = World::patient().await;
    world.say("alice", "dry run promote core:1.5.0 to staging with canary 2s").await;
    assert!(world.text().contains("would stay alone for at least N s"), "{}", world.text());
    world.say("alice", "promote core:1.5.0 to staging with canary 2s").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
    let stayed = stayed(&world).await;
    assert!(stayed >= jiff::SignedDuration::from_secs(2), "{stayed}");
}

#[tokio::test]
async fn a_canary_that_fails_meanwhile_is_all_that_fails() {
    let mut world = World::patient().await;
    world.say("alice", "promote core:1.6.0-crash to staging with canary 1h").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "rolled-back", "{}", world.everything());
    world.assert_core("staging", "1.4.1");
}

#[tokio::test]
async fn where_there_is_no_canary_it_says_so() {
    let mut world = World::patient().await;
    world.say("alice", "promote web:2.1.0 to staging").await;
    world.say("alice", "canary 1 10 minutes").await;
    assert!(world.text().contains("ECS restarts web by itself"), "{}", world.text());
    world.say("eve", "canary 1 10 minutes").await;
    assert!(world.text().contains("eve may not hold up #1"), "{}", world.text());
    world.say("alice", "canary 1").await;
    assert!(world.text().contains("needs a length of time"), "{}", world.text());
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded");
    world.say("alice", "canary 1 10 minutes").await;
    assert!(world.text().contains("has ended"), "{}", world.text());
}
