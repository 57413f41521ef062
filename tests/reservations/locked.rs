//! A person's lock keeps programs out: they wait, are told for whom, and have their turn when it
//! ends.

use shipmate::domain::reservation::{Behind, Over, Told};

use super::{E2E, LOAD, Program, open, place};
use crate::world::{Plan, Way, World, guild};

/// Whose lock a program waits for, and why that stands.
fn behind_a_lock(told: &Told) -> (&str, &str) {
    match told {
        Told::Waiting { behind: Some(Behind::Lock { by, reason, .. }), .. } => {
            (by.as_str(), reason.as_str())
        }
        other => panic!("it does not wait for a lock: {other:?}"),
    }
}

#[tokio::test]
async fn who_asks_waits_until_it_is_lifted() {
    let mut world = World::start().await;
    let web = open(&world).await;
    world.say("alice", "lock staging because I measure something").await;
    let mut e2e = Program::ask(&web, E2E, "nightly").await;
    let told = e2e.told().await;
    assert_eq!(place(&told), 1);
    assert_eq!(behind_a_lock(&told), ("alice", "I measure something"));
    let mut load = Program::ask(&web, LOAD, "next").await;
    let told = load.told().await;
    assert_eq!(place(&told), 2);
    assert_eq!(behind_a_lock(&told), ("alice", "I measure something"));
    for question in ["reservations", "queue staging", "status staging"] {
        world.say("eve", question).await;
        let told = world.text().to_lowercase();
        let line = "in line to be reserved once the lock of alice ends, since";
        assert!(told.contains(line), "{question}: {told}");
    }
    world.say("alice", "lock staging because it takes longer").await;
    let told = e2e.until(|told| matches!(told, Told::Waiting { .. })).await;
    assert_eq!(behind_a_lock(&told), ("alice", "it takes longer"));
    world.say("alice", "unlock staging").await;
    e2e.until_held().await;
    e2e.release().await;
    load.until_held().await;
    load.release().await;
}

/// On Discord people are numbers, which say nothing to who reads a log.
#[tokio::test]
async fn who_has_locked_it_is_called_by_name() {
    let people = Some((Way::Plain, guild::people().unlimited()));
    let mut world = World::with(Plan::default(), people).await;
    let web = open(&world).await;
    world.say("bob", "lock staging for 2h because I measure something").await;
    let mut e2e = Program::ask(&web, E2E, "nightly").await;
    let Told::Waiting { behind: Some(Behind::Lock { by, name, until, .. }), .. } = e2e.told().await
    else {
        panic!("it does not wait for a lock")
    };
    assert_eq!((by.as_str(), name.as_deref()), ("4002", Some("bob")));
    assert!(until.is_some());
    world.say("bob", "unlock staging").await;
    e2e.until_held().await;
    world.say("bob", "end reservation on staging because it hangs").await;
    let told = e2e.until(|told| matches!(told, Told::Over { .. })).await;
    let Told::Over { why: Over::Ended { .. }, name } = told else { panic!("{told:?}") };
    assert_eq!(name.as_deref(), Some("bob"));
}

/// The message, since the wire is a promise to clients that others have written.
#[tokio::test]
async fn a_lock_is_told_as_the_protocol_says() {
    let mut world = World::start().await;
    let web = open(&world).await;
    world.say("alice", "lock staging because I measure something").await;
    let told = Program::ask(&web, E2E, "nightly").await.told().await;
    let told = serde_json::to_value(&told).unwrap();
    let behind = &told["behind"];
    assert_eq!(behind["kind"], "lock");
    assert_eq!(behind["by"], "alice");
    assert_eq!(behind["reason"], "I measure something");
    assert!(behind["since"].as_str().unwrap().starts_with("2026-11-24T09:0"), "{behind}");
}

#[tokio::test]
async fn a_lock_with_an_end_lets_it_through_at_that() {
    let mut world = World::start().await;
    let web = open(&world).await;
    world.say("alice", "lock staging for 5 minutes because I measure something").await;
    let mut e2e = Program::ask(&web, E2E, "nightly").await;
    behind_a_lock(&e2e.told().await);
    world.set_clock("2026-11-24T09:04:00Z");
    e2e.answer_pings(2).await;
    world.set_clock("2026-11-24T09:06:00Z");
    e2e.until_held().await;
    e2e.release().await;
}

/// A lock takes nothing away; what comes after is its own.
#[tokio::test]
async fn who_has_it_keeps_it() {
    let mut world = World::start().await;
    let web = open(&world).await;
    let mut e2e = Program::ask(&web, E2E, "nightly").await;
    let id = e2e.until_held().await;
    world.say("alice", "lock staging because I measure something").await;
    let mut load = Program::ask(&web, LOAD, "next").await;
    let told = load.told().await;
    let Told::Waiting { behind: Some(Behind::Reservation { by, .. }), .. } = told else {
        panic!("{told:?}");
    };
    assert_eq!(by.as_str(), "e2e");
    e2e.answer_pings(2).await;
    // On another connection as well.
    e2e.vanish();
    let mut e2e = Program::come_back(&web, E2E, &id).await.unwrap();
    assert!(matches!(e2e.told().await, Told::Held { .. }));
    // Nor does whoever has locked it go before it.
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.until_said("A program has staging for itself").await;
    e2e.release().await;
    let lock =
        |told: &Told| matches!(told, Told::Waiting { behind: Some(Behind::Lock { .. }), .. });
    load.until(lock).await;
    world.until_said("#1 promote core:1.5.0 to staging: succeeded").await;
    world.say("alice", "unlock staging").await;
    load.until_held().await;
    load.release().await;
}

/// Who has locked an environment works in it: a program that waits for that keeps nobody. What
/// others want waits for the lock, and has its turn in the line afterwards.
#[tokio::test]
async fn whoever_has_locked_it_does_not_wait_for_those_who_wait() {
    let mut world = World::start().await;
    let web = open(&world).await;
    world.say("alice", "lock staging because I measure something").await;
    let mut e2e = Program::ask(&web, E2E, "nightly").await;
    behind_a_lock(&e2e.told().await);
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.until_said("#1 promote core:1.5.0 to staging: succeeded").await;
    world.say("alice", "unlock staging").await;
    e2e.until_held().await;
    e2e.release().await;
}

/// Whoever starts anew finds the lock and the line as they were.
#[tokio::test]
async fn it_waits_behind_it_after_a_restart_too() {
    let mut world = World::start().await;
    let web = open(&world).await;
    world.say("alice", "lock staging because I measure something").await;
    let mut e2e = Program::ask(&web, E2E, "nightly").await;
    let Told::Waiting { id, .. } = e2e.told().await else { panic!("it waits") };
    world.kill().await;
    drop(e2e);
    world.begin().await;
    let web = open(&world).await;
    let mut e2e = Program::come_back(&web, E2E, &id).await.unwrap();
    behind_a_lock(&e2e.told().await);
    world.say("alice", "unlock staging").await;
    e2e.until_held().await;
    e2e.release().await;
}
