//! A reservation lives as long as its connection, or another one that takes it up in time.

use std::time::Duration;

use shipmate::domain::reservation::{Behind, Over, Told};
use shipmate::ports::{Asked, ReservationStore, Ticket};
use shipmate::web::Web;
use shipmate::web::reservations::{CONNECTIONS, Pulse};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::{ANY, E2E, LOAD, PULSE, Program, doors, doors_of, open};
use crate::world::{START, World};

/// After the grace of [`PULSE`].
const LATER: &str = "2026-11-24T09:11:00Z";

#[tokio::test]
async fn a_connection_that_breaks_can_be_followed_by_another() {
    let mut world = World::start().await;
    let web = open(&world).await;
    let mut e2e = Program::ask(&web, E2E, "nightly").await;
    let id = e2e.until_held().await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.until_said("A program has staging for itself").await;
    e2e.vanish();
    let mut again = Program::come_back(&web, E2E, &id).await.unwrap();
    assert_eq!(again.until_held().await, id);
    // What stands in between closes with other codes than a program that is done.
    again.close_with(CloseCode::Away).await;
    let mut again = Program::come_back(&web, E2E, &id).await.unwrap();
    assert_eq!(again.until_held().await, id);
    world.wait().await;
    assert_eq!(world.stage(1).await, "queued");
    again.release().await;
    world.until_said("#1 promote core:1.5.0 to staging: succeeded").await;
}

#[tokio::test]
async fn after_the_grace_it_is_gone() {
    let mut world = World::start().await;
    let web = open(&world).await;
    let mut e2e = Program::ask(&web, E2E, "nightly").await;
    let id = e2e.until_held().await;
    e2e.vanish();
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.until_said("A program has staging for itself").await;
    world.set_clock(LATER);
    world.until_said("#1 promote core:1.5.0 to staging: succeeded").await;
    assert_eq!(Program::come_back(&web, E2E, &id).await.err(), Some(410));
}

/// A network that swallows everything closes no connection.
#[tokio::test]
async fn who_does_not_answer_is_gone_as_well() {
    let mut world = World::start().await;
    let web = open(&world).await;
    let mut silent = Program::ask(&web, E2E, "nightly").await;
    silent.until_held().await;
    // From here on nobody reads there, nor answers; the connection stands.
    let mut next = Program::ask(&web, LOAD, "next").await;
    next.told().await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.set_clock("2026-11-24T09:09:00Z");
    // Who answers is there for as long again; the others have had their time.
    next.answer_pings(3).await;
    world.set_clock(LATER);
    next.until_held().await;
    next.release().await;
    world.until_said("#1 promote core:1.5.0 to staging: succeeded").await;
    silent.vanish();
}

#[tokio::test]
async fn who_answers_late_is_told_that_it_is_over() {
    let world = World::start().await;
    // It is not asked before the clock has moved.
    let pulse = Pulse { ping: Duration::from_secs(300), ..PULSE };
    let web = world.serve(ANY, doors(&world, pulse)).await;
    let mut e2e = Program::ask(&web, E2E, "nightly").await;
    e2e.until_held().await;
    world.set_clock(LATER);
    let told = e2e.until(|told| matches!(told, Told::Over { .. })).await;
    assert_eq!(told, Told::Over { why: Over::Lapsed, name: None });
    assert_eq!(e2e.closed().await, Some(CloseCode::Normal));
}

/// Another replica over the same database takes a reservation over. The one that had it may be
/// late, and can then neither extend it nor give it back.
#[tokio::test]
async fn only_the_last_connection_speaks_for_it() {
    let world = World::start().await;
    let web = open(&world).await;
    let mut e2e = Program::ask(&web, E2E, "nightly").await;
    let id = e2e.until_held().await;
    let other = world.journal().await;
    let grace = Duration::from_secs(60);
    let asked = Asked { environment: "staging".into(), by: "e2e".into(), reason: None, grace };
    let now = START.parse().unwrap();
    let until = (now, now + jiff::SignedDuration::from_secs(3600));
    assert_eq!(other.take_up_reservation(&id, &asked, until).await.unwrap(), Some(2));
    let told = e2e.until(|told| !matches!(told, Told::Held { .. })).await;
    assert_eq!(told, Told::TakenOver);
    e2e.closed().await;
    let ticket = |fence| Ticket { id: id.clone(), environment: "staging".into(), fence, grace };
    assert!(!other.extend_reservation(&ticket(1), until).await.unwrap());
    assert!(!other.release_reservation(&ticket(1), now).await.unwrap());
    assert!(other.extend_reservation(&ticket(2), until).await.unwrap());
    assert!(other.release_reservation(&ticket(2), now).await.unwrap());
    assert!(!other.release_reservation(&ticket(2), now).await.unwrap());
    assert_eq!(other.reservation(&id).await.unwrap().unwrap().over, Some(Over::Released));
}

/// Two processes over one database, each with a server of its own.
#[tokio::test]
async fn another_replica_keeps_the_same_line() {
    let mut world = World::start().await;
    let first = open(&world).await;
    let replica = world.replica().await;
    let door = doors_of(replica.engine.clone(), &world, PULSE, CONNECTIONS);
    let second = Web::serve(ANY, door).await.unwrap();
    let mut e2e = Program::ask(&first, E2E, "nightly").await;
    e2e.until_held().await;
    let mut load = Program::ask(&second, LOAD, "next").await;
    let told = load.told().await;
    let Told::Waiting { id, place: 1, behind: Some(Behind::Reservation { by, .. }), .. } = told
    else {
        panic!("{told:?}");
    };
    assert_eq!(by.as_str(), "e2e");
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.until_said("A program has staging for itself").await;
    e2e.release().await;
    load.until_held().await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "queued", "it was agreed after the program had asked");
    // To the one, and when that is gone back to the other.
    load.vanish();
    let mut load = Program::come_back(&first, LOAD, &id).await.unwrap();
    assert!(matches!(load.told().await, Told::Held { .. }));
    world.kill().await;
    drop((first, load));
    let mut load = Program::come_back(&second, LOAD, &id).await.unwrap();
    assert!(matches!(load.told().await, Told::Held { .. }));
    load.answer_pings(2).await;
    assert_eq!(world.stage(1).await, "queued");
    load.release().await;
    world.until_said("#1 promote core:1.5.0 to staging: succeeded").await;
}

#[tokio::test]
async fn it_outlives_the_process_that_had_its_connection() {
    let mut world = World::start().await;
    let web = open(&world).await;
    let mut e2e = Program::ask(&web, E2E, "nightly").await;
    let id = e2e.until_held().await;
    let mut load = Program::ask(&web, LOAD, "next").await;
    let Told::Waiting { id: next, .. } = load.told().await else { panic!("it waits") };
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.kill().await;
    drop((e2e, load));
    world.begin().await;
    let web = open(&world).await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "queued", "{}", world.everything());
    let mut load = Program::come_back(&web, LOAD, &next).await.unwrap();
    assert_eq!(super::place(&load.told().await), 1);
    let mut e2e = Program::come_back(&web, E2E, &id).await.unwrap();
    assert_eq!(e2e.until_held().await, id);
    e2e.release().await;
    load.until_held().await;
    load.release().await;
    world.until_said("#1 promote core:1.5.0 to staging: succeeded").await;
}
