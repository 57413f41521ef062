//! `locks`: what is locked, by whom, why and until when.

use insta::assert_snapshot;

use crate::world::World;

#[tokio::test]
async fn each_with_its_holder_reason_and_end() {
    let mut world = World::start().await;
    world.say("alice", "what is locked").await;
    assert_snapshot!("none", world.text());
    world.say("alice", "lock staging for 90 minutes because I am testing the checkout").await;
    world.say("dave", "lock production because of an incident").await;
    world.say("eve", "locks").await;
    assert_snapshot!("locks", world.text());
}
