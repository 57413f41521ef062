//! `bans`: what is banned, by whom and why; and in the history, what was decided when.

use insta::assert_snapshot;

use crate::world::World;

#[tokio::test]
async fn they_are_listed_and_stand_in_the_history() {
    let mut world = World::start().await;
    world.say("eve", "bans").await;
    assert_snapshot!("none", world.text());
    world.say("bob", "ban core:1.6.0 because it loses orders").await;
    world.say("dave", "ban web:2.1.0 because it is slow").await;
    world.say("eve", "what is banned").await;
    assert_snapshot!("listed", world.text());
    world.say("bob", "unban web:2.1.0 because it was the database").await;
    world.say("eve", "history").await;
    assert_snapshot!("history", world.text());
}

#[tokio::test]
async fn they_outlive_the_process() {
    let mut world = World::start().await;
    world.say("bob", "ban core:1.6.0 because it loses orders").await;
    world.restart().await;
    assert_eq!(world.suggest("unban", "images", "").await, ["core:1.6.0"]);
    world.say("alice", "promote core:1.6.0 to staging").await;
    assert!(world.text().contains("is banned by bob"), "{}", world.text());
}
