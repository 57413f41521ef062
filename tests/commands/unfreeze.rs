//! `unfreeze`: what people froze is open again, and nothing else.

use insta::assert_snapshot;

use crate::world::World;

#[tokio::test]
async fn it_ends_what_several_people_froze() {
    let mut world = World::start().await;
    world.say("bob", "freeze production until monday 8:00 because the sale is on").await;
    world.say("dave", "freeze production for 1 hour because of an incident").await;
    assert_snapshot!("two", world.text());
    // One's own takes the place of the one before.
    world.say("dave", "freeze production for 3 hours because it is a large one").await;
    world.say("eve", "freezes of production").await;
    assert_snapshot!("listed", world.text());
    world.say("alice", "unfreeze production").await;
    assert!(world.text().contains("alice may not freeze or unfreeze"), "{}", world.text());
    world.say("carol", "unfreeze production because all is well").await;
    assert_snapshot!("unfrozen", world.text());
    world.say("eve", "freezes of production").await;
    assert!(world.text().contains("production is open"), "{}", world.text());
    world.say("eve", "history").await;
    assert_snapshot!("history", world.text());
}

#[tokio::test]
async fn what_the_calendar_closes_stays_closed() {
    let mut world = World::start().await;
    world.set_clock("2026-11-28T09:00:00Z");
    world.say("bob", "freeze production until tuesday 8:00 because the sale is on").await;
    world.say("bob", "unfreeze production").await;
    assert_snapshot!("weekend", world.text());
    world.say("bob", "unfreeze production").await;
    assert_snapshot!("nothing_by_people", world.text());
    world.say("bob", "unfreeze staging").await;
    assert_snapshot!("not_frozen", world.text());
}
