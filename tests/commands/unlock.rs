//! `unlock`: the holder of a lock or a release manager opens an environment again.

use insta::assert_snapshot;

use crate::world::{World, said_by};

const LOCK: &str = "lock staging because I am testing the checkout";

#[tokio::test]
async fn its_holder_opens_it_again() {
    let mut world = World::start().await;
    world.say("alice", LOCK).await;
    world.say("alice", "unlock staging").await;
    assert_snapshot!("unlocked", world.text());
    world.say("bob", "promote core:1.5.0 to staging").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
    world.say("bob", "history staging").await;
    assert!(world.text().contains("🔓 staging unlocked by alice"), "{}", world.text());
}

#[tokio::test]
async fn a_release_manager_does_and_its_holder_is_told() {
    let mut world = World::start().await;
    world.say("alice", LOCK).await;
    world.say("bob", "unlock staging because alice is on holiday").await;
    let messages = world.messages().into_iter();
    let answers: Vec<_> = messages.filter(|one| one.key.starts_with("reply-")).collect();
    assert_snapshot!("lifted", said_by(&answers));
    world.until_said("has lifted your lock on staging").await;
    let all = world.all_messages().into_iter();
    let told = all.filter(|one| one.private_to().is_some_and(|to| to.as_str() == "alice"));
    assert_snapshot!("told", said_by(&told.collect::<Vec<_>>()));
}

#[tokio::test]
async fn who_may_not_and_what_is_not_locked() {
    let mut world = World::start().await;
    world.say("bob", LOCK).await;
    for (name, person, line) in [
        ("may_not", "alice", "unlock staging"),
        ("on_call_may_not", "dave", "unlock staging"),
        ("not_locked", "bob", "unlock production"),
        ("no_environment", "bob", "unlock"),
    ] {
        world.say(person, line).await;
        assert_snapshot!(name, world.text());
    }
    world.say("alice", "locks").await;
    assert!(world.text().contains("staging: locked by bob"), "{}", world.text());
}
