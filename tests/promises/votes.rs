//! A question ends: by enough votes, by a no, by time, by a newer plan. What is taken back does
//! not count.

use insta::assert_snapshot;

use crate::world::World;

async fn asked() -> World {
    let mut world = World::start().await;
    world.verified_on_staging("core", "1.5.0").await;
    world.say("alice", "promote core:1.5.0 to production").await;
    world
}

#[tokio::test]
async fn half_an_hour_later_it_has_expired() {
    let mut world = asked().await;
    world.react("bob", "✅").await;
    world.set_clock("2026-11-24T09:29:00Z");
    world.wait().await;
    assert_eq!(world.stage(1).await, "waiting");
    world.set_clock("2026-11-24T09:30:05Z");
    world.until_said("expired").await;
    world.wait().await;
    assert_snapshot!(world.text());
    assert_eq!(world.stage(1).await, "expired");
    // Too late.
    let card = world.card(1).id;
    world.react_on(&card, "carol", "✅", true).await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "expired");
    world.assert_untouched();
}

#[tokio::test]
async fn it_expires_though_nobody_was_there_to_see_it() {
    let mut world = asked().await;
    world.react("bob", "✅").await;
    world.kill().await;
    world.set_clock("2026-11-24T12:00:00Z");
    world.begin().await;
    world.until_said("expired").await;
    assert_eq!(world.stage(1).await, "expired");
    world.assert_untouched();
}

#[tokio::test]
async fn a_vote_that_is_taken_back_does_not_count() {
    let mut world = asked().await;
    world.react("bob", "✅").await;
    world.unreact("bob", "✅").await;
    assert!(world.card_text(1).contains("Needs 2 votes of release-manager."));
    world.react("carol", "✅").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "waiting");
    world.assert_untouched();
    world.react("bob", "✅").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded");
}

#[tokio::test]
async fn other_emoji_mean_nothing() {
    let mut world = asked().await;
    let card = world.card(1).id;
    world.react_on(&card, "bob", "🎉", true).await;
    world.react_on(&card, "carol", "👍", true).await;
    assert!(world.deployment(1).await.votes.is_empty());
}

#[tokio::test]
async fn votes_given_while_the_bot_was_away_count_when_it_is_back() {
    let mut world = asked().await;
    world.kill().await;
    let card = world.card(1).id;
    for person in ["bob", "carol"] {
        world.react_only(&card, person, "✅").await;
    }
    world.assert_untouched();
    world.begin().await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
    world.assert_core("production", "1.5.0");
}

#[tokio::test]
async fn a_newer_plan_for_the_same_takes_the_place_of_the_older() {
    let mut world = asked().await;
    let old = world.card(1).id;
    world.react("bob", "✅").await;
    world.verified_on_staging("core", "1.6.0").await;
    world.say("alice", "promote core:1.6.0 to production").await;
    assert_snapshot!(world.card_text(1));
    assert_eq!(world.stage(1).await, "superseded");
    world.react_on(&old, "carol", "✅", true).await;
    world.wait().await;
    world.assert_untouched();
    world.react("bob", "✅").await;
    world.react("carol", "✅").await;
    world.wait().await;
    world.assert_core("production", "1.6.0");
}

#[tokio::test]
async fn one_that_waits_blocks_nobody() {
    let mut world = asked().await;
    world.say("dave", "promote web:2.1.0 to production break glass because we must").await;
    world.wait().await;
    assert_eq!(world.stage(2).await, "succeeded", "{}", world.everything());
    assert_eq!(world.stage(1).await, "waiting");
    world.react("bob", "✅").await;
    world.react("carol", "✅").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
}
