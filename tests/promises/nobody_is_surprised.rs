//! What was approved is what runs: votes bind the terms, and everything is looked at once more
//! just before acting.

use insta::assert_snapshot;

use crate::world::World;

/// #1, core:1.5.0 to production, waits for two votes.
async fn asked() -> World {
    let mut world = World::start().await;
    world.verified_on_staging("core", "1.5.0").await;
    world.say("alice", "promote core:1.5.0 to production").await;
    world
}

#[tokio::test]
async fn a_tag_that_others_moved_is_asked_about_anew() {
    let mut world = asked().await;
    let old = world.card(1).id;
    world.react("bob", "✅").await;
    world.sandbox.put_tag("core", "production-latest", "1.6.0").unwrap();
    world.react("carol", "✅").await;
    world.wait().await;
    // The old card is closed and the new one asks; nothing has been done.
    assert_snapshot!(world.text());
    world.assert_untouched();
    assert_ne!(world.card(1).id, old);
    assert_eq!(world.stage(1).await, "waiting");
    assert!(world.deployment(1).await.votes.is_empty());
    // Votes stand on the closed card, and more are put there: they count for nothing.
    world.react_on(&old, "frank", "✅", true).await;
    world.react_on(&old, "bob", "✅", true).await;
    world.wait().await;
    assert!(world.deployment(1).await.votes.is_empty());
    world.assert_untouched();
    // A no on the closed card ends nothing.
    world.react_on(&old, "frank", "❌", true).await;
    assert_eq!(world.stage(1).await, "waiting");
    world.react("bob", "✅").await;
    world.react("carol", "✅").await;
    world.wait().await;
    world.assert_core("production", "1.5.0");
    assert_eq!(
        world.tags_put(),
        ["core:production-previous 1.6.0", "core:production-latest 1.5.0"]
    );
}

#[tokio::test]
async fn what_only_changes_the_outlook_is_not_asked_about_again() {
    let mut world = asked().await;
    let card = world.card(1).id;
    world.react("bob", "✅").await;
    // Another name for the same image, another one for what runs, and one task more.
    world.sandbox.put_tag("core", "9.9.9", "1.5.0").unwrap();
    world.sandbox.put_tag("core", "0.0.1", "1.4.1").unwrap();
    assert!(world.sandbox.set_desired("production", "rest-api", 5));
    let grown = world
        .sandbox
        .wait_for("production", "rest-api", crate::world::LONG, |view| view.is_steady());
    assert!(grown.await);
    world.react("carol", "✅").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
    assert_eq!(world.card(1).id, card);
    let text = world.card_text(1);
    assert!(text.contains("production runs core:1.5.0."), "{text}");
    assert!(text.contains("8 tasks"), "{text}");
}

#[tokio::test]
async fn a_policy_that_begins_to_forbid_between_the_votes_refuses() {
    let mut world = asked().await;
    world.add_policies(
        "fridays.cedar",
        r#"
@id("fridays-end") @reason("nobody is here after 16:00 on Friday")
forbid (principal, action == Action::"promote", resource == Environment::"production")
when { context.weekday == Weekday::"friday" && context.minute >= 16 * 60 };
"#,
    );
    world.restart().await;
    // A minute to four on Friday in Berlin.
    world.set_clock("2026-11-27T14:59:00Z");
    world.say("alice", "promote core:1.5.0 to production").await;
    world.react("bob", "✅").await;
    world.set_clock("2026-11-27T15:00:30Z");
    world.react("carol", "✅").await;
    world.wait().await;
    assert_snapshot!(world.text());
    assert_eq!(world.stage(2).await, "refused");
    world.assert_untouched();
}

#[tokio::test]
async fn who_lost_the_role_no_longer_counts() {
    let mut world = asked().await;
    world.react("bob", "✅").await;
    world.chat.dismiss("bob");
    world.react("carol", "✅").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "waiting");
    let votes = world.deployment(1).await.votes;
    let voters: Vec<_> = votes.keys().map(crate::world::guild::person_name).collect();
    assert_eq!(voters, ["carol".into()]);
    world.assert_untouched();
    world.react("frank", "✅").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded");
}

#[tokio::test]
async fn a_requester_who_lost_the_role_gets_nothing_done() {
    let mut world = asked().await;
    world.react("bob", "✅").await;
    world.chat.dismiss("alice");
    world.react("carol", "✅").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "refused", "{}", world.everything());
    assert_snapshot!(world.card_text(1));
    world.assert_untouched();
}

#[tokio::test]
async fn an_image_that_was_deleted_meanwhile_is_refused() {
    let mut world = asked().await;
    world.react("bob", "✅").await;
    assert!(world.sandbox.delete_image("core", "1.5.0"));
    world.react("carol", "✅").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "refused", "{}", world.everything());
    assert_snapshot!(world.card_text(1));
    world.assert_untouched();
}

#[tokio::test]
async fn a_foreign_deployment_that_began_meanwhile_is_refused() {
    let mut world = World::start().await;
    world.sandbox.put_tag("web", "production-latest", "2.1.0").unwrap();
    world.say("alice", "promote web:2.0.0 to production").await;
    world.react("bob", "✅").await;
    let mut slow = shipmate::sandbox::Times::fast();
    slow.pulling = std::time::Duration::from_secs(60);
    world.sandbox.set_times(slow);
    world.force_by_hand("production", "web").await;
    world.sandbox.clear_calls();
    world.react("carol", "✅").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "refused", "{}", world.everything());
    world.assert_untouched();
}

#[tokio::test]
async fn what_was_planned_while_another_ran_is_planned_anew() {
    let mut world = World::start().await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.until("its tag has moved", || world.tag("core", "staging-latest") == "1.5.0").await;
    world.say("bob", "promote core:1.6.0 to staging").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded");
    assert_eq!(world.stage(2).await, "succeeded", "{}", world.everything());
    world.assert_core("staging", "1.6.0");
    assert_eq!(world.tag("core", "staging-previous"), "1.5.0");
}
