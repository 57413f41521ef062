//! The calendar, through the conversation: what it refuses and lets wait while time goes on, what
//! windows leave open, and what holds where the settings say nothing.

use std::time::Duration;

use insta::assert_snapshot;
use shipmate::domain::card::Offer;

use crate::world::{Plan, SETTINGS, World};

/// The shipped settings with this behind them.
async fn world(more: &str) -> World {
    World::of(Plan { settings: format!("{SETTINGS}\n{more}\n"), ..Plan::default() }).await
}

/// The shipped settings without their calendar.
fn silent() -> String {
    let (before, rest) = SETTINGS.split_once("# When production is closed").unwrap();
    let (_, services) = rest.split_once("# A service is an ECS service").unwrap();
    format!("{before}#{services}")
}

#[tokio::test]
async fn what_was_agreed_too_late_waits_over_the_weekend() {
    let mut world = World::start().await;
    world.verified_on_staging("core", "1.5.0").await;
    // A minute to four on Friday in Berlin.
    world.set_clock("2026-11-27T14:59:00Z");
    world.say("alice", "promote core:1.5.0 to production").await;
    world.react("bob", "✅").await;
    world.set_clock("2026-11-27T15:00:30Z");
    // It is told when the freeze begins, whether or not somebody votes.
    world.until_said("It waits: production is frozen until Mon 30 Nov 00:00 CET").await;
    world.react("carol", "✅").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "queued", "{}", world.everything());
    // Through the midnight between two freezes, and to the last minute.
    for time in ["2026-11-27T23:00:00Z", "2026-11-28T12:00:00Z", "2026-11-29T22:59:30Z"] {
        world.set_clock(time);
        world.say("eve", "queue production").await;
        assert!(world.text().contains("waits: frozen until"), "{time}: {}", world.text());
        assert_eq!(world.stage(1).await, "queued", "{time}");
    }
    world.assert_untouched();
    world.restart().await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "queued", "{}", world.everything());
    world.set_clock("2026-11-29T23:00:00Z");
    world.until_said("production runs core:1.5.0").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
}

/// A freeze of the calendar that begins meanwhile.
#[tokio::test]
async fn what_runs_goes_on_and_what_is_queued_waits() {
    let freeze = r#"
[freezes.move]
at           = "5 9 * * *"
length       = "2h"
environments = ["staging"]
reason       = "the database moves"
"#;
    let settings = format!("{SETTINGS}\n{freeze}\n");
    let settle = Duration::from_millis(300);
    let mut world = World::of(Plan { settings, settle, ..Plan::default() }).await;
    world.say("dave", "promote core:1.6.0 to staging with canary 5h").await;
    world.until_a_canary().await;
    world.say("bob", "promote web:2.1.0 to staging").await;
    world.set_clock("2026-11-24T09:05:01Z");
    world.until_said("It waits: staging is frozen until 11:05 UTC").await;
    world.say("dave", "continue 1").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
    assert_eq!(world.stage(2).await, "queued", "{}", world.everything());
    world.set_clock("2026-11-24T11:05:01Z");
    world.until_said("#2 promote web:2.1.0 to staging: succeeded").await;
}

#[tokio::test]
async fn what_waits_may_be_cancelled() {
    let mut world = World::start().await;
    world.verified_on_staging("core", "1.5.0").await;
    world.say("alice", "promote core:1.5.0 to production").await;
    world.say("dave", "freeze production for 2 hours because of an incident").await;
    world.react("bob", "✅").await;
    world.react("carol", "✅").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "queued", "{}", world.everything());
    world.say("alice", "cancel 1").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "cancelled", "{}", world.everything());
}

#[tokio::test]
async fn what_a_freeze_keeps_from_being_asked_for_is_offered_for_its_end() {
    let mut world = World::start().await;
    world.verified_on_staging("core", "1.5.0").await;
    world.set_clock("2026-11-28T12:00:00Z");
    world.say("alice", "promote core:1.5.0 to production because it is smaller").await;
    let told = world.text();
    assert!(told.contains("To have it run when that ends:"), "{told}");
    let line = "promote core:1.5.0 to production on 2026-11-30 at 00:00 because it is smaller";
    assert!(told.contains(line), "{told}");
    let Some(refused) = world.messages().pop() else { panic!("{told}") };
    let button = Offer { label: "When it ends".to_owned(), sign: '⏰', line: line.to_owned() };
    assert_eq!(refused.card.offers, [button]);
    world.say("alice", line).await;
    assert_eq!(world.stage(1).await, "scheduled", "{}", world.everything());
    world.react("bob", "✅").await;
    world.react("carol", "✅").await;
    world.set_clock("2026-11-29T23:00:02Z");
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
}

/// A moment that is kept out as well is offered later, and one after it is its own.
#[tokio::test]
async fn a_moment_within_a_freeze_is_offered_for_its_end() {
    let mut world = World::start().await;
    world.verified_on_staging("core", "1.5.0").await;
    world.set_clock("2026-11-28T12:00:00Z");
    world.say("alice", "promote core:1.5.0 to production tomorrow at 9:30").await;
    let line = "promote core:1.5.0 to production on 2026-11-30 at 00:00";
    assert!(world.text().contains(line), "{}", world.text());
    assert_eq!(world.count_deployments().await, 0);
    world.say("alice", "promote core:1.5.0 to production on tuesday at 9:30").await;
    assert_eq!(world.stage(1).await, "scheduled", "{}", world.everything());
    // What ends before a moment has nothing to do with it: the one that is meant is the next.
    world.say("alice", "promote core:1.5.0 to production on sunday at 9:30").await;
    assert!(world.text().contains(line), "{}", world.text());
}

/// What waits for its moment does not wait for a lock that ends before, nor yet for a freeze that
/// comes.
#[tokio::test]
async fn what_stands_now_and_not_then_keeps_nothing() {
    let mut world = World::start().await;
    world.verified_on_staging("core", "1.5.0").await;
    world.say("alice", "promote core:1.5.0 to production on saturday at 9:30").await;
    assert_eq!(world.stage(1).await, "scheduled", "{}", world.everything());
    world.say("bob", "lock production for 2h because I am testing").await;
    world.wait().await;
    let card = world.card_text(1);
    assert!(card.contains("At that moment production is frozen: "), "{card}");
    assert!(!card.contains("It waits"), "{card}");
}

#[tokio::test]
async fn who_says_nothing_has_the_usual_freezes() {
    let mut world = World::of(Plan { settings: silent(), ..Plan::default() }).await;
    world.sandbox.put_tag("core", "production-latest", "1.4.0").unwrap();
    world.set_clock("2026-11-27T15:30:00Z");
    world.say("alice", "promote core:1.4.1 to production").await;
    assert_snapshot!(world.text());
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
}

#[tokio::test]
async fn outside_of_its_windows_an_environment_is_closed() {
    let mut world = world(
        r#"
[windows.office]
at           = "0 9 * * MON-FRI"
length       = "8h"
zone         = "Europe/Berlin"
environments = ["staging"]
reason       = "staging changes while somebody is here"
"#,
    )
    .await;
    world.say("eve", "freezes of staging").await;
    assert_snapshot!("open", world.text());
    world.set_clock("2026-11-24T16:30:00Z");
    world.say("alice", "promote core:1.5.0 to staging").await;
    assert_snapshot!("closed", world.text());
    world.set_clock("2026-11-25T08:00:00Z");
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
}

#[tokio::test]
async fn a_freeze_of_some_services_leaves_the_others() {
    let mut world = world(
        r#"
[freezes.audit]
at           = "0 8 24 11 *"
length       = "8h"
environments = ["staging"]
services     = ["web"]
reason       = "the web is audited"
"#,
    )
    .await;
    world.say("alice", "promote web:2.1.0 to staging").await;
    assert!(world.text().contains("freezes-are-obeyed: the web is audited"), "{}", world.text());
    world.say("eve", "status staging").await;
    assert!(world.text().contains("web is frozen by the calendar (audit)"), "{}", world.text());
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
}

#[tokio::test]
async fn teams_forbid_to_set_a_freeze_aside_by_its_name() {
    let mut world = World::start().await;
    world.add_policies(
        "weekends.cedar",
        r#"
@id("weekends-are-holy") @reason("not even then")
forbid (principal, action == Action::"promote", resource)
when { context.freezes.contains("weekend") };
"#,
    );
    world.restart().await;
    world.sandbox.put_tag("core", "production-latest", "1.4.0").unwrap();
    world.set_clock("2026-11-27T15:30:00Z");
    world.say("dave", "promote core:1.4.1 to production break glass because it is down").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
    world.set_clock("2026-11-28T09:00:00Z");
    world.say("dave", "promote core:1.4.0 to production break glass because it is down").await;
    assert!(world.text().contains("weekends-are-holy"), "{}", world.text());
    assert_eq!(world.count_deployments().await, 1);
}
