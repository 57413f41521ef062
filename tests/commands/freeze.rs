//! `freeze`: people close an environment, until a moment or until it is unfrozen.

use insta::assert_snapshot;

use crate::world::World;

const FREEZE: &str = "freeze staging until 18:00 because of the audit";

fn count(world: &World, text: &str) -> usize {
    world.everything().matches(text).count()
}

#[tokio::test]
async fn a_frozen_environment_takes_no_promotion_and_is_rolled_back_all_the_same() {
    let mut world = World::start().await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.wait().await;
    world.say("bob", FREEZE).await;
    assert_snapshot!("frozen", world.text());
    for person in ["alice", "bob"] {
        world.say(person, "promote web:2.1.0 to staging").await;
        assert_snapshot!(format!("refused_{person}"), world.text());
    }
    world.say("eve", "promote web:2.1.0 to staging").await;
    assert!(!world.text().contains("audit"), "{}", world.text());
    world.say("eve", "status staging").await;
    assert_snapshot!("status", world.text());
    world.say("eve", "status").await;
    assert!(world.text().contains("Frozen by bob since 09:00 UTC"), "{}", world.text());
    world.say("alice", "rollback staging").await;
    world.wait().await;
    assert_eq!(world.stage(2).await, "succeeded", "{}", world.everything());
}

#[tokio::test]
async fn what_is_wrong_with_a_freeze_is_told() {
    let mut world = World::start().await;
    for (name, person, line) in [
        ("no_reason", "bob", "freeze staging until 18:00"),
        ("no_environment", "bob", "freeze because of the audit"),
        ("past", "bob", "freeze staging until today at 8:00 because of the audit"),
        ("may_not", "alice", FREEZE),
    ] {
        world.say(person, line).await;
        assert_snapshot!(name, world.text());
    }
    world.say("eve", "freezes of staging").await;
    assert!(world.text().contains("staging is open"), "{}", world.text());
}

#[tokio::test]
async fn what_is_agreed_waits_and_goes_on_when_it_is_unfrozen() {
    let mut world = World::start().await;
    world.verified_on_staging("core", "1.5.0").await;
    world.say("alice", "promote core:1.5.0 to production").await;
    world.say("dave", "freeze production for 2 hours because of an incident").await;
    world.until_said("It waits: production is frozen until 12:00 CET").await;
    assert_snapshot!("meets_what_waits", world.text());
    // Votes are taken: they are about the plan.
    world.react("bob", "✅").await;
    world.react("carol", "✅").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "queued", "{}", world.everything());
    world.until_said("It waits: production is frozen until 12:00 CET").await;
    world.assert_untouched();
    world.say("eve", "queue production").await;
    assert_snapshot!("queue", world.text());
    world.say("eve", "status production").await;
    assert!(world.text().contains("queued, until the freeze ends"), "{}", world.text());
    // Whoever starts anew finds it as it is.
    world.restart().await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "queued", "{}", world.everything());
    assert!(world.card_text(1).contains("It waits"), "{}", world.card_text(1));
    world.say("dave", "unfreeze production").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
    assert!(!world.card_text(1).contains("It waits"), "{}", world.card_text(1));
}

#[tokio::test]
async fn it_ends_by_itself_once_and_what_waits_goes_on() {
    let mut world = World::start().await;
    world.verified_on_staging("core", "1.5.0").await;
    world.say("alice", "promote core:1.5.0 to production").await;
    world.say("dave", "freeze production for 20 minutes because of an incident").await;
    world.react("bob", "✅").await;
    world.react("carol", "✅").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "queued", "{}", world.everything());
    world.set_clock("2026-11-24T09:20:30Z");
    world.until_said("production is open again").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
    world.restart().await;
    world.wait().await;
    assert_eq!(count(&world, "The time of the freeze by dave is over."), 1);
    world.say("eve", "history production").await;
    assert!(world.text().contains("freeze of dave on production over"), "{}", world.text());
}

#[tokio::test]
async fn what_ends_while_nobody_runs_is_told_afterwards() {
    let mut world = World::start().await;
    world.say("dave", "freeze production for 20 minutes because of an incident").await;
    world.kill().await;
    world.set_clock("2026-11-24T10:00:00Z");
    world.begin().await;
    world.until_said("production is open again").await;
}

#[tokio::test]
async fn a_running_one_goes_on() {
    let mut world = World::patient().await;
    world.say("alice", "promote web:2.1.0 to staging").await;
    world.until("it runs", || !world.forced().is_empty()).await;
    world.say("bob", FREEZE).await;
    assert!(world.text().contains("#1 runs there already, and goes on."), "{}", world.text());
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
}

#[tokio::test]
async fn the_glass_can_be_broken_and_what_is_set_aside_is_said() {
    let mut world = World::start().await;
    world.say("bob", "freeze production until monday 8:00 because the sale is on").await;
    world.sandbox.put_tag("core", "production-latest", "1.4.0").unwrap();
    world.say("dave", "promote core:1.4.1 to production break glass because it is down").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
    let card = world.card_text(1);
    let said = "set aside freezes-are-obeyed: the sale is on. It would open on Monday 30 November \
                at 08:00 (Europe/Berlin).";
    assert!(card.contains(said), "{card}");
}

#[tokio::test]
async fn asked_twice_it_is_frozen_once() {
    let mut world = World::start().await;
    let event = world.say_only("bob", FREEZE).await;
    world.until_said("staging is frozen").await;
    world.raise(event).await;
    world.say("eve", "history staging").await;
    let said = world.text();
    assert_eq!(said.matches("staging frozen by bob").count(), 1, "{said}");
}
