//! `history`: the newest deployments, out of the journal.

use insta::assert_snapshot;

use crate::world::World;

#[tokio::test]
async fn every_kind_of_end() {
    let mut world = World::patient().await;
    world.say("eve", "history").await;
    assert_snapshot!("empty", world.text());
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.wait().await;
    world.say("alice", "promote everything from staging to production").await;
    world.say("bob", "reject 2").await;
    world.say("alice", "promote core:1.6.0-crash to staging").await;
    world.wait().await;
    world.say("alice", "rollback staging").await;
    world.wait().await;
    world.say("eve", "history").await;
    assert_snapshot!("all", world.text());
    world.say("eve", "what happened in production?").await;
    assert_snapshot!("one", world.text());
}
