//! `show 42`: a deployment's whole story.

use insta::assert_snapshot;

use crate::world::World;

#[tokio::test]
async fn the_story_of_one_that_was_rejected() {
    let mut world = World::start().await;
    world.verified_on_staging("core", "1.5.0").await;
    world.say("alice", "promote core:1.5.0 to production because it is faster").await;
    world.react("carol", "✅").await;
    world.unreact("carol", "✅").await;
    world.say("bob", "reject 1 because not today").await;
    // Everybody may look.
    world.say("eve", "show #1").await;
    assert_snapshot!(world.text());
}

#[tokio::test]
async fn the_story_of_one_that_succeeded_has_every_step() {
    let mut world = World::start().await;
    world.say("alice", "promote core:1.5.0 and web:2.1.0 to staging").await;
    world.wait().await;
    world.say("alice", "show 1").await;
    let text = world.text();
    for step in [
        "core:1.4.1 as staging-previous",
        "web:2.0.0 as staging-previous",
        "staging-latest of core to core:1.5.0",
        "staging-latest of web to web:2.1.0",
        "1 task of rest-api",
        "a new ECS deployment of web",
        "canary",
        "HH:MM:SS",
    ] {
        assert!(text.contains(step), "`{step}` is missing:\n{text}");
    }
}

#[tokio::test]
async fn no_such_number() {
    let mut world = World::start().await;
    world.say("eve", "show 42").await;
    assert_snapshot!("no_such_deployment", world.text());
    world.say("eve", "show").await;
    assert_snapshot!("no_number", world.text());
}
