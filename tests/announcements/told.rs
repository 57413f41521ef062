//! What the templates that ship tell where something is amiss, out of a real state.

use std::time::Duration;

use jiff::ToSpan;

use super::{at, newest, with};
use crate::world::{Plan, SETTINGS, World};

/// Each environment's lines are in its own time, wherever the schedule's clock hangs.
#[tokio::test]
async fn the_morning_tells_what_is_amiss_and_what_is_to_come() {
    let schedule =
        "[schedules.tokyo]\nat = \"30 0 * * *\"\nzone = \"Asia/Tokyo\"\ntemplate = \"morning\"";
    let settings = format!("{SETTINGS}\n{schedule}");
    let settle = Duration::from_millis(300);
    let mut world = World::of(Plan { settings, settle, ..Plan::default() }).await;
    world.clock.set(at("2026-11-26T13:00:00Z"));
    world.say("alice", "promote core:1.6.0-crash to staging").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "rolled-back", "{}", world.everything());
    world.say("bob", "lock production because a load test for 20h").await;
    // Somebody else moves a tag.
    world.sandbox.put_tag("web", "staging-latest", "2.1.0").unwrap();
    world.clock.set(at("2026-11-26T15:30:00Z"));
    let said = newest(&world, "tokyo", 1).await;
    for part in [
        "Good morning: Friday 27 November",
        "staging drifts: what runs is not what should run",
        "⚠️ Drift: 2 tasks of web run web:2.0.0; the tag says web:2.1.0.",
        "⚠️ Held since 13:0",
        " UTC (#1): automation may move nothing here",
        "⚠️ Locked by bob since 14:0",
        " CET, because: a load test.",
        "Freezes to come\n     production from Fri 27 Nov 16:00 CET until Mon 30 Nov 00:00 CET: \
         production does not change late on Friday",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("production lacks"), "{said}");
}

#[tokio::test]
async fn the_train_to_a_held_environment_says_who_has_to_ask() {
    let mut world = with(
        "[schedules.train]\nat = \"0 14 * * *\"\nzone = \"Europe/Berlin\"\n\
         template = \"release-train\"",
    )
    .await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.wait().await;
    world.say("dave", "promote core:1.5.0 to production break glass because we must").await;
    world.wait().await;
    world.say("dave", "rollback production").await;
    world.wait().await;
    world.clock.set(at("2026-11-24T13:00:00Z"));
    let said = newest(&world, "train", 1).await;
    assert!(said.contains("core:1.5.0 can go from staging to production"), "{said}");
    assert!(said.contains("production is held: a person has to ask for it."), "{said}");
    let line = "› promote everything from staging to production on 2026-11-24 at 16:00";
    assert!(said.contains(line), "{said}");
}

#[tokio::test]
async fn the_week_comes_at_its_time_with_its_picture() {
    let mut world = with(
        "[schedules.week]\nat = \"0 16 * * TUE\"\nzone = \"Europe/Berlin\"\n\
         template = \"weekly\"\n\
         [schedules.idle]\nat = \"0 17 * * TUE\"\ntemplate = \"weekly\"\n\
         environments = [\"staging\"]",
    )
    .await;
    world.say("dave", "promote core:1.5.0 to production break glass because it is urgent").await;
    world.wait().await;
    world.clock.set(at("2026-11-24T15:00:00Z"));
    let said = newest(&world, "week", 1).await;
    for part in [
        "The week until Tuesday 24 November",
        "Promotions to production",
        "1 deployment in 7 days",
        "Went wrong: 0 % (0 of 1)",
        "#1 ✅ succeeded: core:1.5.0 to production, by dave ",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let picture = |schedule: &str| {
        let begins = format!("announcement-{schedule}-");
        let messages = world.all_messages();
        let message = messages.iter().find(|one| one.key.starts_with(&begins)).unwrap();
        message.card.picture.clone()
    };
    let shown = picture("week").unwrap();
    assert!(shown.text.contains("1 deployment in 7 days"), "{}", shown.text);
    assert!(shown.bytes.0.starts_with(b"\x89PNG"));
    // Where nothing counts there is nothing to measure.
    world.clock.set(at("2026-11-24T17:00:00Z"));
    let said = newest(&world, "idle", 1).await;
    assert!(said.contains("Nothing here counts"), "{said}");
    assert!(!said.contains("Lead time") && !said.contains("nothing to measure"), "{said}");
    assert_eq!(picture("idle"), None);
}

/// What ended after it was due is the next one's to tell: it begins there.
#[tokio::test]
async fn what_a_late_announcement_might_tell_is_not_told_twice() {
    let mut world = with(
        "[schedules.late]\nat = \"0 11 * * *\"\nzone = \"Europe/Berlin\"\ngrace = \"2h\"\n\
         template = \"{% for one in promoted %}{{ one.images }}\\n{% endfor %}\"",
    )
    .await;
    let due = at("2026-11-24T10:00:00Z");
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.wait().await;
    world.kill().await;
    // A process that knows nothing of the schedule lets its time go by.
    let settings = world.settings_without("nothing");
    world.set_settings({
        let mut without = settings.clone();
        without.schedules.clear();
        without
    });
    world.clock.set(due + 1.minutes());
    world.begin().await;
    world.say("alice", "promote web:2.1.0 to staging").await;
    world.wait().await;
    world.kill().await;
    world.set_settings(settings);
    world.clock.set(due + 1.hours());
    world.begin().await;
    let said = newest(&world, "late", 1).await;
    assert!(said.contains("core:1.5.0") && !said.contains("web:2.1.0"), "{said}");
    world.clock.set(due + 24.hours());
    let said = newest(&world, "late", 2).await;
    assert!(said.contains("web:2.1.0") && !said.contains("core:1.5.0"), "{said}");
}
