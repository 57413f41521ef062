//! `preview`: what would be announced, for the person who asks alone.

use shipmate::sandbox::{Fault, FaultKind};

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
    assert!(told.contains("core:1.5.0 can go from staging to production"), "{told}");
    let command = "promote everything from staging to production on 2026-11-24 at 12:00";
    assert!(told.contains(command), "{told}");
    // What a tag says and nothing runs was verified nowhere.
    world.sandbox.put_tag("web", "staging-latest", "2.1.0").unwrap();
    world.say("alice", "preview release-train").await;
    let told = world.text();
    assert!(told.contains("The release train stays: nothing can be compared"), "{told}");
    assert!(told.contains("staging drifts: what runs is not what should run"), "{told}");
    assert!(!told.contains("promote everything"), "{told}");
    // Nothing is said of what is not known.
    let refused = FaultKind::Refuse { error: "AccessDeniedException".to_owned() };
    world.sandbox.order(Fault::new("DescribeServices", 100, refused)).unwrap();
    world.say("alice", "preview release-train").await;
    let told = world.text();
    assert!(told.contains("The release train stays: nothing can be compared"), "{told}");
    assert!(told.contains("staging: could not be looked at"), "{told}");
}
