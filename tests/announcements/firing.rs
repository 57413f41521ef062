//! When something is announced, and that it is so once.

use std::time::Duration;

use jiff::{Timestamp, ToSpan};
use shipmate::domain::schedule::{Fate, ScheduleKey};
use shipmate::ports::Schedules;
use shipmate::sandbox::{Fault, FaultKind};

use super::{ELEVEN, at, calls, posted, with};
use crate::world::{LONG, World};

const TIME: &str = "2026-11-24T10:00:00Z";

async fn until_posted(world: &World, count: usize) {
    let stands = || posted(world, "eleven").len() >= count;
    world.until(&format!("{count} announcements"), stands).await;
    world.wait().await;
    assert_eq!(posted(world, "eleven").len(), count, "{}", world.everything());
}

/// What became of the times of the schedule, the newest first.
async fn fates(world: &World) -> Vec<(Timestamp, Fate)> {
    let key = ScheduleKey::Named("eleven".into());
    let firings = world.journal().await.firings(&key, 1000).await.unwrap();
    firings.into_iter().map(|one| (one.due, one.fate)).collect()
}

#[tokio::test]
async fn at_its_time_and_not_again() {
    let mut world = with(ELEVEN).await;
    world.wait().await;
    assert_eq!(posted(&world, "eleven"), Vec::<String>::new());
    world.clock.set(at(TIME));
    until_posted(&world, 1).await;
    assert!(world.everything().contains("It is 11:00 CET"), "{}", world.everything());
    world.restart().await;
    world.clock.set(at(TIME) + 10.minutes());
    world.wait().await;
    assert_eq!(posted(&world, "eleven").len(), 1);
    world.clock.set(at(TIME) + 24.hours());
    until_posted(&world, 2).await;
    assert_eq!(calls(&world, "eleven"), 2);
}

#[tokio::test]
async fn who_was_away_makes_up_for_it_once_within_its_grace() {
    let mut world = with(ELEVEN).await;
    world.wait().await;
    world.kill().await;
    world.clock.set(at(TIME) + 14.minutes());
    world.begin().await;
    until_posted(&world, 1).await;
    world.kill().await;
    // Two days, and a quarter of an hour too late on the third.
    world.clock.set(at(TIME) + 72.hours().minutes(16));
    world.begin().await;
    let missed = async || fates(&world).await.first().map(|(_, fate)| fate.clone());
    while missed().await != Some(Fate::Missed) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(posted(&world, "eleven").len(), 1);
    assert_eq!(fates(&world).await.len(), 2);
    world.say("alice", "show schedule eleven").await;
    assert!(world.text().contains("missed"), "{}", world.text());
    assert!(world.text().contains("after 2 that went by"), "{}", world.text());
}

/// Dies at each place there is around a time: before it is claimed, after, before it stands in
/// the chat, after, before that is written down, and after.
#[tokio::test]
async fn wherever_it_dies_it_is_announced_once() {
    for place in 1..=6 {
        let mut world = with(ELEVEN).await;
        world.wait().await;
        world.trap.set(place);
        world.clock.set(at(TIME));
        assert!(world.trap.catches_within(LONG).await, "nobody comes by place {place}");
        world.kill().await;
        world.trap.set(0);
        // The next one does not know at once that nobody has it any more.
        world.clock.set(at(TIME) + 2.minutes());
        world.begin().await;
        until_posted(&world, 1).await;
        world.clock.set(at(TIME) + 5.minutes());
        let done = async || matches!(fates(&world).await.as_slice(), [(_, Fate::Posted { .. })]);
        while !done().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(posted(&world, "eleven").len(), 1, "place {place}");
    }
}

#[tokio::test]
async fn what_nobody_took_up_in_time_is_missed() {
    let mut world = with(ELEVEN).await;
    world.wait().await;
    world.trap.set(2);
    world.clock.set(at(TIME));
    assert!(world.trap.catches_within(LONG).await);
    world.kill().await;
    world.trap.set(0);
    world.clock.set(at(TIME) + 20.minutes());
    world.begin().await;
    while fates(&world).await != [(at(TIME), Fate::Missed)] {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(posted(&world, "eleven"), Vec::<String>::new());
}

/// What AWS does not answer is told as not known. It keeps nothing from being announced, and is not
/// begun anew while it lasts.
#[tokio::test]
async fn an_aws_that_hangs_keeps_nothing_from_being_announced() {
    let morning = "[schedules.eleven]\nat = \"0 11 * * *\"\nzone = \"Europe/Berlin\"\n\
                   template = \"morning\"";
    let mut world = with(morning).await;
    world.say("alice", "announce lunch is ready at 11:00").await;
    world.wait().await;
    let hang = Fault::new("DescribeServices", 100, FaultKind::Hang);
    world.sandbox.order(hang).unwrap();
    world.clock.set(at(TIME));
    world.until("what needs no AWS is said", || posted(&world, "1").len() == 1).await;
    assert!(posted(&world, "eleven").is_empty());
    let asked = || world.sandbox.count_calls("DescribeServices");
    world.until("AWS is asked", || asked() > 0).await;
    world.clock.set(at(TIME) + 31.seconds());
    world.until("it is announced", || !posted(&world, "eleven").is_empty()).await;
    world.sandbox.clear_faults();
    world.wait().await;
    assert!(
        world.everything().contains("staging: could not be looked at"),
        "{}",
        world.everything()
    );
    assert_eq!(calls(&world, "eleven"), 1);
}

#[tokio::test]
async fn two_processes_announce_each_time_once() {
    let world = with(ELEVEN).await;
    let replica = world.replica().await;
    world.wait().await;
    for day in 0..6_i64 {
        let count = usize::try_from(day + 1).unwrap();
        world.clock.set(at(TIME).checked_add((24 * day).hours()).unwrap());
        until_posted(&world, count).await;
        world.until("the other is calm", || !replica.engine.is_busy()).await;
    }
    let keys: std::collections::BTreeSet<String> = posted(&world, "eleven").into_iter().collect();
    assert_eq!(keys.len(), 6);
    assert_eq!(calls(&world, "eleven"), 6);
    assert_eq!(fates(&world).await.len(), 6);
}

#[tokio::test]
async fn a_clock_that_was_set_back_repeats_nothing() {
    let world = with(ELEVEN).await;
    world.wait().await;
    world.clock.set(at(TIME) + 48.hours());
    until_posted(&world, 1).await;
    world.clock.set(at(TIME) - 1.minutes());
    world.engine().time_was_set();
    world.wait().await;
    world.clock.set(at(TIME) + 1.minutes());
    until_posted(&world, 2).await;
    world.clock.set(at(TIME) + 48.hours().minutes(1));
    world.wait().await;
    assert_eq!(posted(&world, "eleven").len(), 2);
    assert_eq!(calls(&world, "eleven"), 2);
}

/// A chat that takes no messages is asked again, for as long as the grace lasts.
#[tokio::test]
async fn what_the_chat_did_not_take_is_tried_again() {
    let world = with(ELEVEN).await;
    world.wait().await;
    world.chat.be_silent(true);
    world.clock.set(at(TIME));
    let claimed =
        || async { matches!(fates(&world).await.as_slice(), [(_, Fate::Claimed { .. })]) };
    while !claimed().await || world.engine().is_busy() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(posted(&world, "eleven").is_empty());
    world.chat.be_silent(false);
    world.clock.set(at(TIME) + 2.minutes());
    until_posted(&world, 1).await;
}

/// A rule of iCalendar, and what happened since the time before.
#[tokio::test]
async fn what_was_promoted_since_the_last_time_is_told() {
    let mut world = with(
        r##"
[schedules.eleven]
at = "DTSTART:20261124T110000 RRULE:FREQ=DAILY"
zone = "Europe/Berlin"
template = """
# Since {{ since }}
{% for one in promoted %}
{{ one.images }}
{% endfor %}
"""
"##,
    )
    .await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.wait().await;
    world.clock.set(at(TIME));
    until_posted(&world, 1).await;
    assert!(world.everything().contains("Since\n   core:1.5.0"), "{}", world.everything());
    world.say("alice", "promote web:2.1.0 to staging").await;
    world.wait().await;
    let before = world.everything().len();
    world.clock.set(at(TIME) + 24.hours());
    until_posted(&world, 2).await;
    let said = world.everything()[before..].to_owned();
    assert!(said.contains("Since Tue 24 Nov 11:00 CET"), "{said}");
    assert!(said.contains("web:2.1.0") && !said.contains("core:1.5.0"), "{said}");
}

/// People know a schedule by its name, not by where its template stands.
#[tokio::test]
async fn what_could_not_be_made_says_which_it_was() {
    let broken = "{% if now.date != '1970-01-01' %}{{ now.nope }}{% endif %}";
    let mut world = with(&ELEVEN.replace("# It is {{ now.time }}", broken)).await;
    world.wait().await;
    world.clock.set(at(TIME));
    until_posted(&world, 1).await;
    let title = "The announcement eleven could not be made\n   Line 1 of its template: ";
    assert!(world.everything().contains(title), "{}", world.everything());
    world.say("alice", "preview eleven").await;
    assert!(world.text().contains("The announcement eleven could not be made"), "{}", world.text());
}

/// What clocks skip is announced at the change, what they show twice the first time, also by a
/// process that begins in between.
#[tokio::test]
async fn clocks_that_are_changed_make_it_no_more_and_no_less() {
    let mut world = with(&ELEVEN.replace("0 11", "30 2")).await;
    world.wait().await;
    for (before, due, later) in [
        ("2027-03-27T12:00:00Z", "2027-03-28T01:00:00Z", "2027-03-28T01:30:00Z"),
        ("2027-10-30T12:00:00Z", "2027-10-31T00:30:00Z", "2027-10-31T01:30:00Z"),
    ] {
        world.kill().await;
        world.clock.set(at(before));
        world.begin().await;
        world.wait().await;
        let count = posted(&world, "eleven").len();
        world.kill().await;
        world.clock.set(at(due) + 1.minutes());
        world.begin().await;
        until_posted(&world, count + 1).await;
        let newest = fates(&world).await.into_iter().next();
        assert_eq!(newest.map(|(last, _)| last), Some(at(due)));
        world.restart().await;
        for minutes in [0, 1, 10] {
            world.clock.set(at(later).checked_add(minutes.minutes()).unwrap());
            world.wait().await;
        }
        assert_eq!(posted(&world, "eleven").len(), count + 1);
    }
}
