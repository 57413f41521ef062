//! `reservations`: the environments that programs have for themselves, and who stands in line.

use insta::assert_snapshot;

use crate::reservations::{E2E, LOAD, Program, open};
use crate::world::World;

#[tokio::test]
async fn who_has_what_and_who_is_next() {
    let mut world = World::start().await;
    let web = open(&world).await;
    world.say("eve", "reservations").await;
    assert_snapshot!("none", world.text());
    let mut e2e = Program::ask(&web, E2E, "nightly%20run").await;
    e2e.until_held().await;
    let mut load = Program::ask(&web, LOAD, "").await;
    load.told().await;
    world.say("eve", "what is reserved").await;
    let told = world.text();
    assert!(told.contains("staging: reserved since"), "{told}");
    assert!(told.contains("by e2e, because: nightly run"), "{told}");
    assert!(told.contains("staging: in line to be reserved since"), "{told}");
    assert!(told.contains("by load"), "{told}");
    assert!(told.contains("end reservation on staging"), "{told}");
    e2e.release().await;
    load.until_held().await;
    load.release().await;
    world.say("eve", "show the reservations").await;
    assert!(world.text().contains("No program has an environment for itself."), "{}", world.text());
}
