//! `approve`: the same as ✅, in words.

use insta::assert_snapshot;

use crate::world::World;

/// A world in which #1, core:1.5.0 to production, waits for two votes.
async fn asked() -> World {
    let mut world = World::start().await;
    world.verified_on_staging("core", "1.5.0").await;
    world.say("alice", "promote core:1.5.0 to production").await;
    world
}

#[tokio::test]
async fn two_release_managers_agree_in_words() {
    let mut world = asked().await;
    world.say("bob", "approve 1").await;
    assert_snapshot!("first_vote", world.text());
    world.assert_untouched();
    world.say("carol", "approve #1").await;
    world.wait().await;
    assert_snapshot!("last_vote", world.text());
    world.assert_core("production", "1.5.0");
}

#[tokio::test]
async fn without_a_number_it_is_the_only_one_that_waits() {
    let mut world = asked().await;
    world.say("bob", "approve").await;
    world.say("carol", "lgtm").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded");
}

#[tokio::test]
async fn the_same_person_counts_once_however_they_say_it() {
    let mut world = asked().await;
    world.say("bob", "approve 1").await;
    world.react("bob", "✅").await;
    world.say("bob", "approve 1").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "waiting");
    world.assert_untouched();
    // What was said in words stands when a reaction is taken back.
    world.unreact("bob", "✅").await;
    world.react("carol", "✅").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded");
}

#[tokio::test]
async fn who_may_not_vote_hears_why_in_private() {
    let mut world = asked().await;
    for (name, person) in [("requester", "alice"), ("on_call", "dave"), ("nobody", "eve")] {
        world.say(person, "approve 1").await;
        let messages = world.messages();
        assert!(messages.iter().all(|one| one.private_to().is_some()), "{}", world.text());
        assert_snapshot!(format!("may_not_vote_{name}"), world.text());
        // By reaction it is the same, and the reaction is taken off.
        world.react(person, "✅").await;
        let card = world.card(1);
        assert!(card.reactions.is_empty(), "{:?}", card.reactions);
    }
    assert!(world.deployment(1).await.votes.is_empty());
    world.assert_untouched();
}

#[tokio::test]
async fn a_release_manager_cannot_approve_their_own() {
    let mut world = World::start().await;
    world.verified_on_staging("core", "1.5.0").await;
    world.say("bob", "promote core:1.5.0 to production").await;
    world.react("bob", "✅").await;
    assert!(world.text().contains("you cannot approve what you asked for"), "{}", world.text());
    world.react("carol", "✅").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "waiting");
}

#[tokio::test]
async fn where_several_wait_it_asks_which() {
    let mut world = asked().await;
    world.sandbox.put_tag("web", "production-latest", "2.1.0").unwrap();
    world.say("alice", "promote web:2.0.0 to production").await;
    world.say("bob", "approve").await;
    assert_snapshot!(world.text());
    assert!(world.deployment(1).await.votes.is_empty());
    assert!(world.deployment(2).await.votes.is_empty());
}

#[tokio::test]
async fn nothing_to_approve() {
    let mut world = World::start().await;
    world.say("bob", "approve").await;
    assert_snapshot!("nothing_waits", world.text());
    world.say("bob", "approve 7").await;
    assert_snapshot!("no_such_number", world.text());
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.wait().await;
    world.say("bob", "approve 1").await;
    assert_snapshot!("ended_already", world.text());
}
