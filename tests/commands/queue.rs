//! `queue`: what runs, waits and is queued, in order, with what each waits for.

use insta::assert_snapshot;

use crate::world::World;

#[tokio::test]
async fn in_order_with_what_each_waits_for() {
    let mut world = World::patient().await;
    world.verified_on_staging("core", "1.5.0").await;
    world.sandbox.put_tag("core", "staging-latest", "1.4.1").unwrap();
    world.say("alice", "promote core:1.5.0 to production").await;
    world.say("alice", "promote core:1.6.0 to staging with canary 1h").await;
    world.until_a_canary().await;
    world.say("alice", "pause 2").await;
    world.say("bob", "promote web:2.1.0 to staging").await;
    world.say("eve", "queue").await;
    let told = world.text();
    assert!(told.contains("#2 promote core:1.6.0 to staging"), "{told}");
    assert!(told.contains("paused by alice"), "{told}");
    assert!(told.contains("queued behind #2"), "{told}");
    assert!(told.contains("waits for votes, 2 more release-manager needed"), "{told}");
    let (_, queue) = told.split_once("What comes next").unwrap();
    let (first, second) = (queue.find("#2 promote").unwrap(), queue.find("#3 promote").unwrap());
    assert!(first < second, "{told}");
    world.say("eve", "what is next in production").await;
    let told = world.text();
    assert!(told.contains("#1 promote core:1.5.0 to production"), "{told}");
    let (_, queue) = told.split_once("What comes next").unwrap();
    assert!(!queue.contains("#2"), "{told}");
    world.say("alice", "cancel 3").await;
    world.say("alice", "cancel 2").await;
    world.wait().await;
    world.say("eve", "queue staging").await;
    assert_snapshot!("nothing_is_queued", world.text());
}
