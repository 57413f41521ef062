//! `reject`: the same as ❌, in words. One no from somebody who may vote ends it.

use insta::assert_snapshot;

use crate::world::World;

async fn asked() -> World {
    let mut world = World::start().await;
    world.verified_on_staging("core", "1.5.0").await;
    world.say("alice", "promote core:1.5.0 to production").await;
    world
}

#[tokio::test]
async fn a_no_in_words_ends_it_with_its_reason() {
    let mut world = asked().await;
    world.say("bob", "reject #1 because the changelog is wrong").await;
    world.wait().await;
    assert_snapshot!(world.text());
    world.say("carol", "approve 1").await;
    assert!(world.text().contains("#1 has ended: rejected"), "{}", world.text());
    world.assert_untouched();
}

#[tokio::test]
async fn a_no_by_reaction_ends_it() {
    let mut world = asked().await;
    world.react("carol", "✅").await;
    world.react("bob", "❌").await;
    world.wait().await;
    assert_snapshot!(world.text());
    assert_eq!(world.stage(1).await, "rejected");
    world.assert_untouched();
}

#[tokio::test]
async fn a_no_of_somebody_who_may_not_vote_ends_nothing() {
    let mut world = asked().await;
    world.say("eve", "reject 1").await;
    assert_snapshot!("nobody", world.text());
    world.react("alice", "❌").await;
    assert_snapshot!("requester", world.text());
    assert_eq!(world.stage(1).await, "waiting");
    assert!(world.card(1).reactions.is_empty());
}

#[tokio::test]
async fn who_says_both_has_said_no() {
    let mut world = asked().await;
    world.react("bob", "✅").await;
    world.react("bob", "❌").await;
    assert_eq!(world.stage(1).await, "rejected");
}

#[tokio::test]
async fn nothing_to_reject() {
    let mut world = World::start().await;
    world.say("bob", "reject").await;
    assert_snapshot!(world.text());
}
