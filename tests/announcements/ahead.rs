//! What announcements tell of that is to come, and of what is closed: freezes, locks, and when the
//! release train leaves.

use shipmate::domain::schedule::Fate;
use shipmate::domain::schedule::ScheduleKey;
use shipmate::ports::Schedules;

use super::{at, newest, posted, with};

#[tokio::test]
async fn a_freeze_is_announced_an_hour_before_it_begins() {
    let world = with("[schedules.ahead]\nat = \"1h before freezes\"\ntemplate = \"freeze\"").await;
    world.wait().await;
    world.clock.set(at("2026-11-27T14:59:00Z"));
    // It was due at 14:00, and nobody looked before: by now that is too late.
    let said = newest(&world, "ahead", 0).await;
    assert!(!said.contains("A freeze begins"), "{said}");
    world.clock.set(at("2026-12-04T14:00:00Z"));
    let said = newest(&world, "ahead", 1).await;
    assert!(said.contains("A freeze begins in 1 hour"), "{said}");
    let line = "production is frozen from 16:00 CET until Mon 7 Dec 00:00 CET: production does not \
                change late on Friday";
    assert!(said.contains(line), "{said}");
    // The weekend that follows at once is the same freeze.
    world.clock.set(at("2026-12-06T12:00:00Z"));
    newest(&world, "ahead", 1).await;
    world.clock.set(at("2026-12-11T14:00:00Z"));
    newest(&world, "ahead", 2).await;
}

#[tokio::test]
async fn a_lock_is_told_once_it_is_old() {
    let mut world = with("[schedules.old]\nat = \"0 11,19 * * *\"\ntemplate = \"locks\"").await;
    world.say("alice", "lock staging because a load test").await;
    let fates = async || {
        let key = ScheduleKey::Named("old".into());
        world.journal().await.firings(&key, 10).await.unwrap()
    };
    world.clock.set(at("2026-11-24T11:00:00Z"));
    while fates().await.first().map(|one| one.fate.clone()) != Some(Fate::Silent) {
        world.wait().await;
    }
    assert!(posted(&world, "old").is_empty());
    world.clock.set(at("2026-11-24T19:00:00Z"));
    let said = newest(&world, "old", 1).await;
    assert!(said.contains("A lock is old"), "{said}");
    assert!(said.contains("staging has been locked by alice for "), "{said}");
    assert!(said.contains(": a load test"), "{said}");
    assert!(said.contains("› unlock staging"), "{said}");
}

/// However late it is announced, unless it has left by then.
#[tokio::test]
async fn a_train_that_is_announced_late_leaves_on_time() {
    let mut world = with(
        "[schedules.train]\nat = \"0 14 * * *\"\nzone = \"Europe/Berlin\"\nleaves = \"30m\"\n\
         grace = \"2h\"\ntemplate = \"release-train\"",
    )
    .await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.wait().await;
    world.say("alice", "preview train").await;
    assert!(world.text().contains("at 14:30 CET"), "{}", world.text());
    for (begins, count, leaves) in [
        ("2026-11-24T13:12:00Z", 1, "leaves in 18 minutes, at 14:30 CET"),
        ("2026-11-25T13:40:00Z", 2, "leaves in 30 minutes, at 15:10 CET"),
    ] {
        world.kill().await;
        world.clock.set(at(begins));
        world.begin().await;
        let said = newest(&world, "train", count).await;
        assert!(said.contains(leaves), "{said}");
    }
}

/// Who asks for it by the line that stands there, asks for the moment at which it leaves.
#[tokio::test]
async fn the_release_train_leaves_when_it_says() {
    let mut world = with(
        "[schedules.train]\nat = \"0 14 * * *\"\nzone = \"Europe/Berlin\"\nleaves = \"90m\"\n\
         template = \"release-train\"",
    )
    .await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.wait().await;
    world.clock.set(at("2026-11-24T13:00:00Z"));
    let said = newest(&world, "train", 1).await;
    let title = "The release train leaves in 1 hour 30 minutes, at 15:30 CET";
    assert!(said.contains(title), "{said}");
    assert!(said.contains("core:1.5.0 can go from staging to production"), "{said}");
    let line = said.lines().find_map(|line| line.trim().strip_prefix("› ")).unwrap().to_owned();
    world.say("alice", &line).await;
    assert_eq!(world.deployment(2).await.scheduled, Some(at("2026-11-24T14:30:00Z")));
    // It is not to be asked for twice.
    world.say("bob", "preview train").await;
    let told = world.text();
    let asked = "core:1.5.0 from staging to production is asked for by alice: #2 promote";
    assert!(told.contains(asked) && told.contains(", at 15:30 CET."), "{told}");
    assert!(told.contains("2 more release-manager needed. To agree, put your ✅"), "{told}");
    assert!(told.contains("› approve 2") && !told.contains("Ask for"), "{told}");
    world.say("bob", "approve 2").await;
    world.say("carol", "approve 2").await;
    assert_eq!(world.stage(2).await, "scheduled");
    world.clock.set(at("2026-11-24T14:30:00Z"));
    world.until_said("production runs core:1.5.0").await;
    // Everything runs everywhere by then.
    world.wait().await;
    world.say("alice", "preview release-train").await;
    assert!(world.text().contains("The release train stays"), "{}", world.text());
}
