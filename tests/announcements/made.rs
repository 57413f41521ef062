//! What people have announced at a time of their own: it is made once, announced once, and whoever
//! asked for it is told where it was not.

use std::time::Duration;

use jiff::ToSpan;
use shipmate::domain::schedule::{Fate, ScheduleKey};
use shipmate::ports::{Place, Schedules};

use super::{at, calls, posted};
use crate::world::{LONG, World};

/// 12:00 in Berlin, two hours after the beginning.
const NOON: &str = "2026-11-24T11:00:00Z";

const LUNCH: &str = "announce lunch is ready at 12:00";

async fn until_posted(world: &World) {
    world.until("lunch is announced", || !posted(world, "1").is_empty()).await;
    world.wait().await;
    assert_eq!(posted(world, "1").len(), 1, "{}", world.everything());
}

async fn fates(world: &World) -> Vec<Fate> {
    let firings = world.journal().await.firings(&ScheduleKey::Numbered(1), 10).await.unwrap();
    firings.into_iter().map(|one| one.fate).collect()
}

async fn until_fate(world: &World, is_it: impl Fn(&[Fate]) -> bool) {
    while !is_it(&fates(world).await) || world.engine().is_busy() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// How many schedules made in chat stand.
async fn standing(world: &World) -> usize {
    world.journal().await.schedules().await.unwrap().len()
}

#[tokio::test]
async fn a_chat_that_is_silent_at_the_time_is_asked_again() {
    let mut world = World::start().await;
    world.say("alice", LUNCH).await;
    world.chat.be_silent(true);
    world.clock.set(at(NOON));
    until_fate(&world, |fates| matches!(fates, [Fate::Claimed { .. }])).await;
    assert_eq!(standing(&world).await, 1);
    world.chat.be_silent(false);
    world.clock.set(at(NOON) + 2.minutes());
    until_posted(&world).await;
    until_fate(&world, |fates| matches!(fates, [Fate::Posted { .. }])).await;
    // It has had its only time.
    assert_eq!(standing(&world).await, 0);
}

/// Dies at each place around the making of it and around its time.
#[tokio::test]
async fn wherever_it_dies_it_is_made_and_announced_once() {
    for place in 1..=3 {
        let mut world = World::start().await;
        world.trap.set(place);
        world.say_only("alice", LUNCH).await;
        assert!(world.trap.catches_within(LONG).await, "nobody comes by place {place}");
        world.kill().await;
        world.trap.set(0);
        world.clock.set(at(NOON) - 1.minutes());
        world.begin().await;
        world.wait().await;
        if place < 3 {
            // Nothing stood yet, and by now it may mean something else: it is asked for again.
            assert_eq!(standing(&world).await, 0, "place {place}");
            continue;
        }
        // It stands as it was meant, and that is the answer.
        let stands = "It is said in ops on Tuesday 24 November at 12:00 (Europe/Berlin)";
        assert!(world.everything().contains(stands), "{}", world.everything());
        world.clock.set(at(NOON));
        until_posted(&world).await;
    }
    for place in 1..=6 {
        let mut world = World::start().await;
        world.say("alice", LUNCH).await;
        world.wait().await;
        world.trap.set(place);
        world.clock.set(at(NOON));
        assert!(world.trap.catches_within(LONG).await, "nobody comes by place {place}");
        world.kill().await;
        world.trap.set(0);
        world.clock.set(at(NOON) + 2.minutes());
        world.begin().await;
        until_posted(&world).await;
        world.clock.set(at(NOON) + 5.minutes());
        until_fate(&world, |fates| matches!(fates, [Fate::Posted { .. }])).await;
        while standing(&world).await > 0 {
            // Whoever should have ended it has died: the next start does.
            world.restart().await;
            world.wait().await;
        }
        assert_eq!(posted(&world, "1").len(), 1, "place {place}");
    }
}

#[tokio::test]
async fn one_of_two_processes_announces_it() {
    let mut world = World::start().await;
    let replica = world.replica().await;
    world.say("alice", LUNCH).await;
    world.wait().await;
    world.clock.set(at(NOON));
    until_posted(&world).await;
    world.until("the other is calm", || !replica.engine.is_busy()).await;
    // A chat shows one message for a key, however often it is asked to: nobody asked twice.
    assert_eq!(calls(&world, "1"), 1);
}

#[tokio::test]
async fn who_asked_is_told_where_it_was_not_announced() {
    let mut world = World::start().await;
    world.say("alice", LUNCH).await;
    world.wait().await;
    world.kill().await;
    // Two hours, and more than it may be late.
    world.clock.set(at(NOON) + 30.minutes());
    world.begin().await;
    until_fate(&world, |fates| fates == [Fate::Missed]).await;
    assert!(posted(&world, "1").is_empty());
    let told = world.chat.posted();
    let told = told.iter().find(|one| one.key.starts_with("missed-1-")).unwrap();
    assert_eq!(told.place, Place::Direct { person: "alice".into() });
    let everything = world.everything();
    assert!(everything.contains("Not announced: lunch is ready"), "{everything}");
    assert!(everything.contains("It was due at 12:00 CET"), "{everything}");
    assert_eq!(standing(&world).await, 0);
    // It can be read for as long as somebody may ask.
    world.say("bob", "show schedule 1").await;
    let told = world.text();
    for part in ["Schedule 1: lunch is ready", "It is over.", "missed"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    world.say("alice", "cancel schedule 1").await;
    assert!(world.text().contains("Schedule 1 is over already"), "{}", world.text());
}

/// What waits for a chat that does not answer is no longer announced once it is paused.
#[tokio::test]
async fn what_is_paused_meanwhile_is_not_announced() {
    let mut world = World::start().await;
    world.say("alice", "announce tea every day at 12:00").await;
    world.chat.be_silent(true);
    world.clock.set(at(NOON));
    until_fate(&world, |fates| matches!(fates, [Fate::Claimed { .. }])).await;
    world.chat.be_silent(false);
    world.say("alice", "pause schedule 1").await;
    assert_eq!(fates(&world).await, [Fate::CalledOff]);
    world.clock.set(at(NOON) + 5.minutes());
    world.wait().await;
    assert!(posted(&world, "1").is_empty());
    world.say("alice", "continue schedule 1").await;
    world.clock.set(at(NOON) + 24.hours());
    until_posted(&world).await;
}

/// Rights are asked for each time: whoever lost theirs is not spoken for any more.
#[tokio::test]
async fn who_may_not_announce_any_more_is_told_once() {
    let mut world = World::start().await;
    world.say("alice", "announce tea every day at 12:00").await;
    world.wait().await;
    // Who does not answer which roles they hold has not said that they hold none.
    world.chat.keep_roles_secret(true);
    world.clock.set(at(NOON));
    until_fate(&world, |fates| matches!(fates, [Fate::Claimed { .. }])).await;
    world.chat.keep_roles_secret(false);
    world.chat.dismiss("alice");
    // Whom nobody can tell it just now is told later.
    world.chat.be_silent(true);
    world.clock.set(at(NOON) + 2.minutes());
    world.wait().await;
    until_fate(&world, |fates| matches!(fates, [Fate::Claimed { .. }])).await;
    world.chat.be_silent(false);
    world.clock.set(at(NOON) + 4.minutes());
    until_fate(&world, |fates| fates == [Fate::Denied]).await;
    world.clock.set(at(NOON) + 24.hours());
    until_fate(&world, |fates| fates == [Fate::Denied, Fate::Denied]).await;
    assert!(posted(&world, "1").is_empty(), "{}", world.everything());
    let told = world.chat.posted();
    let told: Vec<_> = told.iter().filter(|one| one.key.starts_with("denied-1-")).collect();
    let [told] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(told.place, Place::Direct { person: "alice".into() });
    insta::assert_snapshot!("denied", world.everything());
}

/// What was said is meant as it was said, however late it is heard.
#[tokio::test]
async fn a_moment_that_came_before_it_was_heard_is_past() {
    for (line, told) in [
        ("announce lunch at 10:03", "`at 10:03` is past"),
        ("announce lunch in 3 minutes", "`in 3m` is past"),
        ("promote core:1.5.0 to staging at 9:03", "`at 09:03` is past"),
        ("lock staging for 3 minutes because of lunch", "It is over already."),
        ("freeze staging until 9:03 because of lunch", "`at 09:03` is past"),
    ] {
        let mut world = World::start().await;
        world.trap.set(1);
        world.say_only("dave", line).await;
        assert!(world.trap.catches_within(LONG).await, "{line}");
        world.kill().await;
        world.trap.set(0);
        world.clock.set(at("2026-11-24T09:05:00Z"));
        world.begin().await;
        world.until_said(told).await;
        world.wait().await;
        assert_eq!(standing(&world).await, 0, "{line}");
        assert_eq!(world.count_deployments().await, 0, "{line}");
        assert!(!world.everything().contains("is locked"), "{line}: {}", world.everything());
    }
}

/// Clocks that are kept right step back by a little all the time.
#[tokio::test]
async fn a_clock_that_steps_back_a_little_announces_nothing_from_before() {
    let mut world = World::start().await;
    world.clock.set(at(NOON) + 10.seconds());
    world.say("alice", "announce tea every day at 12:00").await;
    world.wait().await;
    world.clock.set(at(NOON) + 5.seconds());
    world.wait().await;
    world.say("alice", "announce cake every day at 13:00").await;
    world.wait().await;
    assert!(posted(&world, "1").is_empty(), "{}", world.everything());
    world.clock.set(at(NOON) + 24.hours());
    until_posted(&world).await;
}
