//! `freezes`: what is closed, and what will be.

use insta::assert_snapshot;

use crate::world::World;

#[tokio::test]
async fn they_say_what_stands_and_what_comes() {
    let mut world = World::start().await;
    world.say("eve", "freezes").await;
    assert_snapshot!("open", world.text());
    world.set_clock("2026-11-28T09:00:00Z");
    world.say("eve", "what is frozen").await;
    assert_snapshot!("weekend", world.text());
    world.say("bob", "freeze production until tuesday 8:00 because the sale is on").await;
    world.say("eve", "what is frozen in production").await;
    assert_snapshot!("both", world.text());
}
