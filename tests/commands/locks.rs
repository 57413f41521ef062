//! `locks`: what is locked, by whom, why and until when.

use insta::assert_snapshot;

use crate::reservations::{E2E, LOAD, Program, open};
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

/// A program keeps others out, too.
#[tokio::test]
async fn what_programs_have_stands_there_as_well() {
    let mut world = World::start().await;
    let web = open(&world).await;
    let mut e2e = Program::ask(&web, E2E, "nightly%20run").await;
    e2e.until_held().await;
    let mut load = Program::ask(&web, LOAD, "").await;
    load.told().await;
    world.say("eve", "locks").await;
    let told = world.text();
    assert!(told.contains("🤖 staging: reserved since"), "{told}");
    assert!(told.contains("by e2e, because: nightly run"), "{told}");
    assert!(told.contains("🤖 staging: in line to be reserved since"), "{told}");
    assert!(told.contains("by load"), "{told}");
    assert!(told.contains("end reservation on staging"), "{told}");
    assert!(!told.contains("Nothing is locked"), "{told}");
    assert!(!told.contains("unlock"), "there is no lock to open: {told}");
    world.say("alice", "lock staging because of a load test").await;
    world.say("eve", "what is locked").await;
    let told = world.text();
    assert!(told.contains("🔒 staging: locked by alice"), "{told}");
    assert!(told.contains("unlock staging"), "{told}");
    assert!(told.contains("in line to be reserved once the lock of alice ends, since"), "{told}");
    e2e.release().await;
    world.say("alice", "unlock staging").await;
    load.until_held().await;
    load.release().await;
    world.say("eve", "locks").await;
    assert!(world.text().contains("Nothing is locked."), "{}", world.text());
}
