//! One line for deployments and programs: first come, first served, and nobody waits for ever.

use shipmate::domain::reservation::{Behind, Told};
use shipmate::sandbox::{Fault, FaultKind};

use super::{E2E, LOAD, Program, open, place};
use crate::world::World;

#[tokio::test]
async fn a_promotion_waits_for_a_program_and_says_for_which() {
    let mut world = World::start().await;
    let web = open(&world).await;
    let mut e2e = Program::ask(&web, E2E, "nightly%20run").await;
    e2e.until_held().await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.until_said("A program has staging for itself").await;
    let card = world.card_text(1);
    assert!(card.contains("e2e, because: nightly run"), "{card}");
    assert!(card.contains("end reservation on staging"), "{card}");
    world.wait().await;
    assert_eq!(world.stage(1).await, "queued", "{card}");
    world.say("eve", "queue staging").await;
    let told = world.text();
    assert!(told.contains("reserved since"), "{told}");
    assert!(told.contains("queued behind the reservation of e2e"), "{told}");
    world.say("eve", "status staging").await;
    assert!(world.text().contains("by e2e, because: nightly run"), "{}", world.text());
    e2e.release().await;
    world.until_said("#1 promote core:1.5.0 to staging: succeeded").await;
    let card = world.card_text(1);
    assert!(!card.contains("for itself"), "{card}");
}

#[tokio::test]
async fn programs_get_it_one_after_the_other() {
    let world = World::start().await;
    let web = open(&world).await;
    let mut first = Program::ask(&web, E2E, "first").await;
    first.until_held().await;
    let mut second = Program::ask(&web, LOAD, "second").await;
    let told = second.told().await;
    assert_eq!(place(&told), 1);
    let Told::Waiting { behind: Some(Behind::Reservation { by, reason, .. }), .. } = told else {
        panic!("{told:?}");
    };
    assert_eq!((by.as_str(), reason.as_deref()), ("e2e", Some("first")));
    let mut third = Program::ask(&web, E2E, "third").await;
    assert_eq!(place(&third.told().await), 2);
    first.release().await;
    second.until_held().await;
    let told = third.until(|told| matches!(told, Told::Waiting { place: 1, .. })).await;
    let Told::Waiting { behind: Some(Behind::Reservation { by, .. }), .. } = told else {
        panic!("{told:?}");
    };
    assert_eq!(by.as_str(), "load");
    second.release().await;
    third.until_held().await;
}

#[tokio::test]
async fn a_program_waits_for_what_runs() {
    let mut world = World::patient().await;
    let web = open(&world).await;
    world.say("alice", "promote core:1.5.0 to staging with canary 1h").await;
    world.until_a_canary().await;
    let mut e2e = Program::ask(&web, E2E, "nightly").await;
    let told = e2e.told().await;
    assert_eq!(place(&told), 1);
    let Told::Waiting { behind: Some(Behind::Deployment { deployment, what }), .. } = told else {
        panic!("{told:?}");
    };
    assert_eq!((deployment.0, what.as_str()), (1, "core:1.5.0"));
    world.say("eve", "queue staging").await;
    assert!(world.text().contains("in line to be reserved since"), "{}", world.text());
    world.say("alice", "continue 1").await;
    e2e.until_held().await;
    assert_eq!(world.stage(1).await, "succeeded");
}

/// What was agreed before a program asked goes before it, and what was agreed afterwards goes
/// after it: neither kind can keep the other out.
#[tokio::test]
async fn deployments_and_programs_take_turns() {
    let mut world = World::patient().await;
    let web = open(&world).await;
    let mut first = Program::ask(&web, E2E, "first").await;
    first.until_held().await;
    world.say("alice", "promote core:1.5.0 to staging with canary 1h").await;
    world.until_said("A program has staging for itself").await;
    let mut second = Program::ask(&web, LOAD, "second").await;
    assert_eq!(place(&second.told().await), 2, "behind a deployment");
    world.say("bob", "promote web:2.1.0 to staging").await;
    world.wait().await;
    first.release().await;
    world.until_a_canary().await;
    let told = second.until(|told| matches!(told, Told::Waiting { place: 1, .. })).await;
    let Told::Waiting { behind: Some(Behind::Deployment { deployment, .. }), .. } = told else {
        panic!("{told:?}");
    };
    assert_eq!(deployment.0, 1);
    assert_eq!(world.stage(2).await, "queued");
    world.say("alice", "continue 1").await;
    second.until_held().await;
    assert_eq!(world.stage(1).await, "succeeded");
    assert_eq!(world.stage(2).await, "queued", "it was agreed after the program had asked");
    second.release().await;
    world.until_said("#2 promote web:2.1.0 to staging: succeeded").await;
}

/// What cannot be decided about keeps nobody else waiting, and no program. Once it can be, it is
/// first again.
#[tokio::test]
async fn one_that_nobody_can_decide_about_keeps_no_program() {
    let mut world = World::start().await;
    let web = open(&world).await;
    let mut first = Program::ask(&web, E2E, "first").await;
    first.until_held().await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.until_said("A program has staging for itself").await;
    let mut second = Program::ask(&web, LOAD, "second").await;
    assert_eq!(place(&second.told().await), 2);
    let error = "InvalidParameterException".to_owned();
    let fault = Fault::new("DescribeImageScanFindings", 10_000, FaultKind::Refuse { error });
    world.sandbox.order(fault).unwrap();
    first.release().await;
    second.until_held().await;
    assert_eq!(world.stage(1).await, "queued");
    world.sandbox.clear_faults();
    second.release().await;
    world.until_said("#1 promote core:1.5.0 to staging: succeeded").await;
}

/// For votes one may wait for ever.
#[tokio::test]
async fn one_that_waits_for_votes_keeps_no_program() {
    let mut world = World::start().await;
    let web = open(&world).await;
    world.verified_on_staging("core", "1.5.0").await;
    world.say("alice", "promote core:1.5.0 to production").await;
    let mut e2e = Program::at(web.address(), E2E, "production").await.unwrap();
    e2e.until_held().await;
    world.react("bob", "✅").await;
    world.react("carol", "✅").await;
    world.until_said("A program has production for itself").await;
    e2e.release().await;
    world.until_said("#1 promote core:1.5.0 to production: succeeded").await;
}

#[tokio::test]
async fn a_rollback_waits_for_nobody_and_the_program_is_told() {
    let mut world = World::start().await;
    let web = open(&world).await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.wait().await;
    let mut e2e = Program::ask(&web, E2E, "nightly").await;
    e2e.until_held().await;
    world.say("alice", "dry run rollback staging").await;
    let told = world.text();
    assert!(told.contains("A program has the environment for itself: e2e"), "{told}");
    world.say("alice", "rollback staging").await;
    let told = e2e.until(|told| matches!(told, Told::Rollback { .. })).await;
    let Told::Rollback { deployment, what } = told else { panic!("{told:?}") };
    assert_eq!((deployment.0, what.as_str()), (2, "core:1.4.1"));
    world.wait().await;
    assert_eq!(world.stage(2).await, "succeeded", "{}", world.everything());
    // It has it all the same.
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.until_said("A program has staging for itself").await;
    e2e.release().await;
    world.wait().await;
}
