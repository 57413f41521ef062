//! What is scheduled begins at its moment, once, and not at all where it is not agreed by then.

use std::time::Duration;

use futures::{StreamExt as _, stream};
use insta::assert_snapshot;
use jiff::{SignedDuration, Timestamp};
use shipmate::ports::Clock as _;

use crate::world::World;

/// Each line, and the moment that it means on a Tuesday at 9:00, which staging is told in UTC.
const LINES: [(&str, &str); 7] = [
    ("promote core:1.5.0 to staging at 18:00", "2026-11-24T18:00:00Z"),
    ("promote core:1.5.0 to staging 6:01pm because it is quiet then", "2026-11-24T18:01:00Z"),
    ("promote core:1.5.0 to staging at 8:30", "2026-11-25T08:30:00Z"),
    ("promote core:1.5.0 to staging tomorrow at 9:30", "2026-11-25T09:30:00Z"),
    ("promote core:1.5.0 to staging on friday at 14:00", "2026-11-27T14:00:00Z"),
    ("I want core:1.5.0 in staging on monday 8:00", "2026-11-30T08:00:00Z"),
    ("make staging run core:1.5.0 on 2026-12-24 at 10:00", "2026-12-24T10:00:00Z"),
];

/// How far off something is depends on how long a test takes.
pub fn without_distance(text: &str) -> String {
    let line = |line: &str| match line.split_once("), in ") {
        Some((before, behind)) => {
            let rest = behind.trim_start_matches(|c: char| c.is_alphanumeric() || c == ' ');
            format!("{before}), in …{rest}")
        }
        None => line.to_owned(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn each_line_means_a_moment_where_the_environment_is() {
    let mut world = World::start().await;
    for (number, (line, moment)) in (1..).zip(LINES) {
        world.say("alice", line).await;
        let scheduled = world.deployment(number).await.scheduled.map(|moment| moment.to_string());
        assert_eq!(scheduled.as_deref(), Some(moment), "{line}\n{}", world.text());
    }
    world.wait().await;
    // A newer one takes the place of an older one for the same repository.
    assert_eq!(world.stage(6).await, "superseded");
    assert_eq!(world.stage(7).await, "scheduled");
    world.assert_untouched();
    // As exact as chats tell when something was said.
    let before = Timestamp::from_millisecond(world.clock.now().as_millisecond()).unwrap();
    world.say("alice", "promote web:2.1.0 to staging in 2 hours").await;
    let counted_from = world.deployment(8).await.scheduled.unwrap() - SignedDuration::from_hours(2);
    assert!((before..=world.deployment(8).await.requested_at).contains(&counted_from));
    world.say("alice", "promote core:1.5.0 and web:2.1.0 to staging").await;
    world.wait().await;
    assert_eq!(world.stage(8).await, "superseded");
    // Production is in Berlin.
    world.say("alice", "promote everything from staging to production at 18:00").await;
    let scheduled = world.deployment(10).await.scheduled.map(|moment| moment.to_string());
    assert_eq!(scheduled.as_deref(), Some("2026-11-24T17:00:00Z"), "{}", world.text());
}

#[tokio::test]
async fn what_is_no_moment_to_come_begins_nothing() {
    let mut world = World::start().await;
    for (when, told) in [
        ("at 25:00", "`25:00` is not a time of day; write one from 0:00 to 23:59"),
        ("today at 8:30", "`today at 08:30` is past: it is 24 November 2026, 09:00 UTC already"),
        ("on 2026-02-30 at 10:00", "`2026-02-30` is not a date"),
        ("on friday", "`on friday` lacks the time of day; write for example on friday at 14:00."),
        ("in 0 minutes", "`0 minutes` is no time at all"),
        ("at 18:00 at 19:00", "`at 18:00 at 19:00` is not a moment"),
        ("at 18:00 canary 10m at 19:00", "`at 18:00 at 19:00` says it twice"),
    ] {
        world.say("alice", &format!("promote core:1.5.0 to staging {when}")).await;
        assert!(world.text().contains(told), "{when}: {}", world.text());
    }
    assert_eq!(world.count_deployments().await, 0);
    world.say("alice", "promote core:1.5.0 to staging at 18:00 dry run").await;
    let told = world.text();
    let begin = "It would begin Tuesday 24 November at 18:00 (UTC), in ";
    assert!(told.contains(begin), "{told}");
    assert!(told.contains("› promote core:1.5.0 to staging at 18:00\n"), "{told}");
    assert_eq!(world.count_deployments().await, 0);
    world.assert_untouched();
}

#[tokio::test]
async fn it_begins_at_its_moment_and_keeps_nobody_waiting_before() {
    let mut world = World::start().await;
    world.say("alice", "promote core:1.5.0 to staging at 18:00").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "scheduled");
    assert_snapshot!("echoed", without_distance(&world.text()));
    world.say("bob", "promote web:2.1.0 to staging").await;
    world.wait().await;
    assert_eq!(world.stage(2).await, "succeeded", "{}", world.everything());
    assert_eq!(world.tag("core", "staging-latest"), "1.4.1");
    // The digest was fixed when it was said.
    let said = world.sandbox.digest("core", "1.5.0");
    world.sandbox.put_tag("core", "1.5.0", "1.6.0").unwrap();
    world.set_clock("2026-11-24T17:59:58Z");
    world.until_said("#1 promote core:1.5.0 to staging: succeeded").await;
    world.wait().await;
    assert_eq!(world.sandbox.digest("core", "staging-latest"), said);
    let rollout = world.deployment(1).await.rollout().unwrap().started_at;
    assert!(rollout >= "2026-11-24T18:00:00Z".parse().unwrap(), "{rollout}");
    world.say("eve", "show 1").await;
    assert!(world.text().contains("its moment came"), "{}", world.text());
}

#[tokio::test]
async fn votes_are_collected_until_then_and_may_be_taken_back() {
    let mut world = World::start().await;
    world.verified_on_staging("core", "1.5.0").await;
    world.say("alice", "promote core:1.5.0 to production tomorrow at 9:30").await;
    assert_snapshot!("asked_for_tomorrow", without_distance(&world.text()));
    world.react("bob", "✅").await;
    // Long after votes for what begins at once have expired.
    world.set_clock("2026-11-24T20:00:00Z");
    world.react("carol", "✅").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "scheduled", "{}", world.everything());
    world.unreact("carol", "✅").await;
    world.react("frank", "✅").await;
    world.wait().await;
    world.assert_untouched();
    world.set_clock("2026-11-25T08:30:02Z");
    world.until_said("#1 promote core:1.5.0 to production: succeeded").await;
    world.assert_core("production", "1.5.0");
}

/// Whoever asks for the same at the same time is told of it; what differs takes its place.
#[tokio::test]
async fn what_is_asked_for_already_keeps_its_votes() {
    let mut world = World::start().await;
    world.verified_on_staging("core", "1.5.0").await;
    let line = "promote core:1.5.0 to production tomorrow at 9:30";
    world.say("alice", line).await;
    world.react("bob", "✅").await;
    world.say("dave", line).await;
    let told = world.text();
    assert!(told.contains("#1 promote core:1.5.0 to production is asked for already"), "{told}");
    let who = "By alice, for Wednesday 25 November at 09:30 (Europe/Berlin), in ";
    assert!(told.contains(who), "{told}");
    assert!(told.contains("1 more release-manager needed"), "{told}");
    assert_eq!(world.deployment(1).await.votes.len(), 1);
    assert_eq!(world.count_deployments().await, 1);
    world.say("dave", "promote core:1.5.0 to production tomorrow at 9:45").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "superseded");
    assert_eq!(world.stage(2).await, "scheduled");
}

#[tokio::test]
async fn what_is_not_agreed_by_then_is_not_run_and_says_so() {
    let mut world = World::start().await;
    world.verified_on_staging("core", "1.5.0").await;
    world.say("alice", "promote core:1.5.0 to production tomorrow at 9:30").await;
    world.react("bob", "✅").await;
    world.set_clock("2026-11-25T08:30:02Z");
    world.until_said("not agreed in time").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "unapproved");
    assert_snapshot!("not_agreed", world.card_text(1));
    world.assert_untouched();
}

#[tokio::test]
async fn a_policy_that_would_refuse_then_is_told_now_and_refuses_then() {
    let mut world = World::start().await;
    world.add_policies(
        "thursdays.cedar",
        r#"
@id("thursdays-end") @reason("nobody is here after 16:00 on Thursday")
forbid (principal, action == Action::"promote", resource == Environment::"production")
when { context.weekday == Weekday::"thursday" && context.minute >= 16 * 60 };
"#,
    );
    world.restart().await;
    world.verified_on_staging("core", "1.5.0").await;
    world.say("alice", "promote core:1.5.0 to production on thursday at 17:00").await;
    let told = world.text();
    assert!(told.contains("At that moment it would be refused, as things are:"), "{told}");
    world.react("bob", "✅").await;
    world.react("carol", "✅").await;
    world.wait().await;
    world.set_clock("2026-11-26T16:00:02Z");
    world.until_said("#1 promote core:1.5.0 to production: refused").await;
    world.assert_untouched();
    // On Sunday it is frozen; what is asked for on Monday is judged as on Monday.
    world.set_clock("2026-11-29T10:00:00Z");
    world.say("alice", "promote core:1.5.0 to production tomorrow at 9:30").await;
    assert_eq!(world.stage(2).await, "scheduled", "{}", world.text());
    assert!(!world.text().contains("would be refused"), "{}", world.text());
}

#[tokio::test]
async fn one_whose_moment_is_in_a_freeze_waits_for_its_end() {
    let mut world = World::start().await;
    world.verified_on_staging("core", "1.5.0").await;
    world.say("alice", "promote core:1.5.0 to production on friday at 17:00").await;
    let told = world.text();
    assert!(told.contains("At that moment production is frozen: "), "{told}");
    assert!(told.contains("production opens on Monday 30 November at 00:00"), "{told}");
    assert!(!told.contains("would be refused"), "{told}");
    world.react("bob", "✅").await;
    world.react("carol", "✅").await;
    world.wait().await;
    world.set_clock("2026-11-27T16:00:02Z");
    world.until_said("It waits: production is frozen until Mon 30 Nov 00:00 CET").await;
    world.assert_untouched();
    world.set_clock("2026-11-29T23:00:02Z");
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
}

/// Deployment 1, for 9:30 of the next day in Berlin.
async fn agreed_for_tomorrow() -> World {
    let mut world = World::start().await;
    world.verified_on_staging("core", "1.5.0").await;
    world.say("alice", "promote core:1.5.0 to production tomorrow at 9:30").await;
    world.react("bob", "✅").await;
    world.react("carol", "✅").await;
    world
}

/// Somebody who agreed may not any more, or the tag stands elsewhere than it did: nobody is asked
/// again for something that should have begun by now.
#[tokio::test]
async fn what_does_not_stand_any_more_at_its_moment_is_not_run() {
    for change in ["role", "tag"] {
        let mut world = agreed_for_tomorrow().await;
        match change {
            "role" => world.chat.dismiss("bob"),
            _ => drop(world.sandbox.put_tag("core", "production-latest", "1.6.0").unwrap()),
        }
        let tags = world.sandbox.tags("core");
        world.set_clock("2026-11-25T08:30:02Z");
        world.until_said("Not run: what was agreed to did not stand any more").await;
        world.wait().await;
        assert_eq!(world.stage(1).await, "unapproved", "{change}: {}", world.everything());
        assert_eq!(world.sandbox.tags("core"), tags, "{change}");
        // Nobody can make it run by agreeing late.
        world.say("frank", "approve 1").await;
        world.wait().await;
        assert_eq!(world.stage(1).await, "unapproved", "{change}");
    }
}

/// By whom it was asked for and what is to run are checked again as well.
#[tokio::test]
async fn what_may_not_or_cannot_be_any_more_is_refused_at_its_moment() {
    for change in ["requester", "image"] {
        let world = agreed_for_tomorrow().await;
        match change {
            "requester" => world.chat.dismiss("alice"),
            _ => assert!(world.sandbox.delete_image("core", "1.5.0")),
        }
        world.set_clock("2026-11-25T08:30:02Z");
        world.until_said("#1 promote core:1.5.0 to production: refused").await;
        world.wait().await;
        assert_eq!(world.stage(1).await, "refused", "{change}: {}", world.everything());
        world.assert_untouched();
    }
}

/// What is over by then keeps it from nothing.
#[tokio::test]
async fn a_freeze_and_a_lock_that_end_before_it_are_not_its_business() {
    let mut world = World::start().await;
    world.say("alice", "promote core:1.5.0 to staging tomorrow at 9:30").await;
    for line in [
        "freeze staging for 2 hours because of an incident",
        "lock staging for 2h because I am testing",
    ] {
        world.say("dave", line).await;
        world.wait().await;
        assert!(!world.text().contains("#1 waits"), "{line}: {}", world.text());
        assert!(!world.card_text(1).contains("It waits"), "{line}: {}", world.card_text(1));
    }
    world.say("dave", "lock staging because I am testing").await;
    assert!(world.text().contains("#1 waits until it ends."), "{}", world.text());
}

#[tokio::test]
async fn what_is_called_off_before_does_not_begin() {
    let mut world = World::start().await;
    world.say("alice", "promote core:1.5.0 to staging at 18:00").await;
    world.say("alice", "cancel 1").await;
    world.set_clock("2026-11-24T18:00:02Z");
    world.wait().await;
    assert_eq!(world.stage(1).await, "cancelled");
    world.assert_untouched();
}

#[tokio::test]
async fn what_goes_at_once_stays_before_what_is_scheduled_and_may_take_its_place() {
    let mut world = World::start().await;
    world.verified_on_staging("core", "1.5.0").await;
    world.say("alice", "promote core:1.5.0 to production").await;
    world.say("alice", "promote core:1.5.0 to production at 18:00").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "waiting");
    assert_eq!(world.stage(2).await, "scheduled");
    world.say("alice", "promote core:1.5.0 to production").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "superseded");
    assert_eq!(world.stage(2).await, "superseded");
}

#[tokio::test]
async fn one_that_became_due_while_nobody_was_there_begins_a_little_late_or_not_at_all() {
    for (back, stage) in [("2026-11-24T18:14:00Z", "succeeded"), ("2026-11-24T18:15:30Z", "missed")]
    {
        let mut world = World::start().await;
        world.say("alice", "promote core:1.5.0 to staging at 18:00").await;
        world.kill().await;
        world.set_clock(back);
        world.begin().await;
        world.until_said("#1 promote core:1.5.0 to staging: ").await;
        world.until_said(stage).await;
        world.wait().await;
        assert_eq!(world.stage(1).await, stage, "{}", world.everything());
        if stage == "missed" {
            assert_snapshot!("missed", world.card_text(1));
            world.assert_untouched();
        }
    }
}

/// Dies at the n-th place after its moment has come, and at the same once more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dying_at_its_moment_it_runs_once() {
    let dies = |place: i64| async move {
        let mut world = World::start().await;
        world.say("alice", "promote core:1.5.0 to staging at 18:00").await;
        world.wait().await;
        world.set_clock("2026-11-24T18:00:00Z");
        for _ in 0..2 {
            world.trap.set(place);
            world.trap.catches_within(Duration::from_millis(500)).await;
            world.trap.set(0);
            world.restart().await;
        }
        world.until_said("#1 promote core:1.5.0 to staging: succeeded").await;
        world.wait().await;
        let told = format!("died at {place}\n{}", world.everything());
        let tags = ["core:staging-previous 1.4.1", "core:staging-latest 1.5.0"];
        assert_eq!(world.tags_put(), tags, "{told}");
        let replies = world.all_messages().into_iter().filter(|one| one.key == "end-1");
        assert_eq!(replies.count(), 1, "{told}");
    };
    stream::iter(1..=8).for_each_concurrent(4, dies).await;
}
