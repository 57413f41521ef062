//! People end what a program has, and the program is told by whom and why.

use shipmate::domain::reservation::{Over, Told};

use super::{E2E, LOAD, Program, open};
use crate::world::World;

#[tokio::test]
async fn a_person_takes_it_back_and_the_next_one_has_it() {
    let mut world = World::start().await;
    let web = open(&world).await;
    let mut e2e = Program::ask(&web, E2E, "nightly").await;
    e2e.until_held().await;
    let mut load = Program::ask(&web, LOAD, "next").await;
    load.told().await;
    world.say("alice", "end reservation on staging").await;
    world.say("bob", "end the reservation on staging because it hangs").await;
    let told = e2e.until(|told| matches!(told, Told::Over { .. })).await;
    let because = Some("it hangs".to_owned());
    assert_eq!(told, Told::Over { why: Over::Ended { by: "bob".into(), because }, name: None });
    load.until_held().await;
    load.release().await;
    world.say("eve", "history staging").await;
    let told = world.text();
    assert!(told.contains("reservation of staging by e2e ended by bob"), "{told}");
    world.say("bob", "end reservation on staging").await;
    assert!(world.text().contains("No program has staging for itself."), "{}", world.text());
}
