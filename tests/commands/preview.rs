//! `preview`: what would be announced, for the person who asks alone.

use crate::world::World;

#[tokio::test]
async fn for_who_asks_alone() {
    let mut world = World::start().await;
    world.say("eve", "preview morning").await;
    let [message] = world.messages().try_into().unwrap();
    assert_eq!(message.private_to().map(|person| person.as_str()), Some("eve"));
    let told = world.text();
    assert!(told.contains("Good morning: Tuesday 24 November"), "{told}");
    assert!(told.contains("staging runs core:1.4.1"), "{told}");
    world.say("eve", "preview votes").await;
    assert!(world.text().contains("votes would announce nothing now"), "{}", world.text());
    world.say("eve", "preview moring").await;
    let told = world.text();
    assert!(told.contains("There is nothing called moring to preview"), "{told}");
    assert!(told.contains("release-train"), "{told}");
}

#[tokio::test]
async fn the_train_takes_what_differs() {
    let mut world = World::start().await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.wait().await;
    world.say("alice", "preview release-train").await;
    let told = world.text();
    assert!(told.contains("core:1.5.0 would go from staging to production"), "{told}");
    assert!(told.contains("promote everything from staging to production"), "{told}");
}
