//! `end-reservation`: an environment is taken back from the program that has it for itself.

use insta::assert_snapshot;

use crate::reservations::{E2E, Program, open};
use crate::world::World;

#[tokio::test]
async fn who_may_ends_it_and_what_waited_goes_on() {
    let mut world = World::start().await;
    let web = open(&world).await;
    let mut e2e = Program::ask(&web, E2E, "nightly").await;
    e2e.until_held().await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.until_said("A program has staging for itself").await;
    world.say("bob", "end the reservation of staging because it hangs").await;
    let told = world.text();
    assert!(told.contains("The reservation of staging is ended"), "{told}");
    assert!(told.contains("By bob: e2e is told, and what waited goes on."), "{told}");
    world.until_said("#1 promote core:1.5.0 to staging: succeeded").await;
}

#[tokio::test]
async fn who_may_not_and_where_there_is_none() {
    let mut world = World::start().await;
    let web = open(&world).await;
    let mut e2e = Program::ask(&web, E2E, "nightly").await;
    e2e.until_held().await;
    world.say("alice", "end reservation on staging").await;
    assert_snapshot!("may_not", world.text());
    world.say("eve", "reservations").await;
    assert!(world.text().contains("by e2e"), "{}", world.text());
    e2e.release().await;
    world.say("bob", "end reservation on staging").await;
    assert_snapshot!("none", world.text());
}
