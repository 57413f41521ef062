//! `continue schedule`: it goes on with its next time.

use crate::world::World;

#[tokio::test]
async fn only_what_is_paused_goes_on() {
    let mut world = World::start().await;
    world.say("bob", "continue schedule morning").await;
    assert!(world.text().contains("Schedule morning is not paused"), "{}", world.text());
    world.say("bob", "pause schedule morning").await;
    world.say("dave", "resume schedule morning").await;
    let told = world.text();
    assert!(told.contains("Schedule morning goes on"), "{told}");
    assert!(told.contains("Next:"), "{told}");
}
