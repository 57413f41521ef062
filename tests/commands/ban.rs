//! `ban`: a digest that is never promoted again, under whatever name, until it is unbanned.

use insta::assert_snapshot;

use crate::world::World;

const BAD: &str = "ban image core:1.6.0 because it loses orders";

#[tokio::test]
async fn what_is_banned_is_refused_under_every_name() {
    let mut world = World::start().await;
    world.say("bob", BAD).await;
    assert_snapshot!("banned", world.text());
    world.sandbox.put_tag("core", "1.6", "1.6.0").unwrap();
    let digest = world.sandbox.digest("core", "1.6.0").unwrap();
    for (name, line) in [
        ("by_tag", "promote core:1.6.0 to staging".to_owned()),
        ("by_another_tag", "promote core:1.6 to staging".to_owned()),
        ("by_digest", format!("promote core@{digest} to staging")),
    ] {
        world.say("alice", &line).await;
        assert_snapshot!(format!("refused_{name}"), world.text());
    }
    assert_eq!(world.count_deployments().await, 0);
    // The tag is another image's by now: the digest was banned, and not the tag.
    world.sandbox.put_tag("core", "1.6.0", "1.5.0").unwrap();
    world.say("alice", "promote core:1.6.0 to staging").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
}

#[tokio::test]
async fn inside_everything_of_an_environment() {
    let mut world = World::start().await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.wait().await;
    world.say("dave", "ban core:1.5.0 because it loses orders").await;
    assert_snapshot!("runs_somewhere", world.text());
    world.sandbox.clear_calls();
    world.say("alice", "promote everything from staging to production").await;
    assert!(world.text().contains("core:1.5.0 is banned by dave"), "{}", world.text());
    world.assert_untouched();
}

#[tokio::test]
async fn what_waits_for_it_is_refused_and_what_runs_can_be_cancelled() {
    let mut world = World::patient().await;
    world.verified_on_staging("core", "1.5.0").await;
    world.say("alice", "promote core:1.5.0 to production").await;
    world.say("dave", "ban core:1.5.0 because it loses orders").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "refused", "{}", world.everything());
    assert_snapshot!("refused_while_it_waited", world.card_text(1));

    world.say("alice", "promote core:1.6.0 to staging").await;
    world.until("a task has been stopped", || !world.told_to_stop().is_empty()).await;
    world.say("dave", "ban core:1.6.0 because it loses orders").await;
    assert!(world.text().contains("cancel 2"), "{}", world.text());
    world.say("dave", "cancel 2").await;
    world.wait().await;
    assert_eq!(world.stage(2).await, "cancelled");
}

#[tokio::test]
async fn what_is_banned_while_it_is_voted_on_is_refused_at_the_gate() {
    let mut world = World::start().await;
    world.verified_on_staging("core", "1.5.0").await;
    world.say("alice", "promote core:1.5.0 to production").await;
    // By another replica, which knows nothing of what waits here.
    let journal = world.journal().await;
    let image = shipmate::domain::image::Image {
        repository: "core".into(),
        digest: shipmate::domain::id::Digest::parse(
            &world.sandbox.digest("core", "1.5.0").unwrap(),
        )
        .unwrap(),
    };
    let ban = shipmate::domain::decision::Decision::Banned {
        image,
        children: Vec::new(),
        name: "core:1.5.0".to_owned(),
        by: "bob".into(),
        because: "it loses orders".to_owned(),
    };
    use shipmate::ports::Store as _;
    assert!(journal.decide(ban, "2026-11-24T09:00:00Z".parse().unwrap()).await.unwrap());
    journal.close().await;
    world.react("bob", "✅").await;
    world.react("carol", "✅").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "refused", "{}", world.everything());
    world.assert_untouched();
}

#[tokio::test]
async fn no_rollback_goes_to_it() {
    let mut world = World::start().await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.wait().await;
    world.say("bob", "ban core:1.4.1 because it loses orders").await;
    world.sandbox.clear_calls();
    world.say("alice", "rollback staging").await;
    assert_snapshot!(world.text());
    world.assert_untouched();
}

#[tokio::test]
async fn what_goes_wrong_goes_back_to_it_all_the_same() {
    let mut world = World::patient().await;
    world.say("bob", "ban core:1.4.1 because it is slow").await;
    world.say("alice", "promote core:1.6.0-crash to staging").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "rolled-back", "{}", world.everything());
    world.assert_core("staging", "1.4.1");
}

#[tokio::test]
async fn a_rollout_that_went_back_proposes_it() {
    let mut world = World::patient().await;
    world.say("alice", "promote core:1.6.0-crash and web:2.1.0 to staging").await;
    world.wait().await;
    let card = world.card(1).card;
    assert!(card.ban, "{}", world.card_text(1));
    assert!(world.card_text(1).contains("ban image of 1"), "{}", world.card_text(1));
    world.say("bob", "ban image of 1").await;
    // Which service's canary failed first is told too, and differs from run to run.
    let text = world.text();
    assert!(text.contains("core:1.6.0-crash is banned"), "{text}");
    assert!(text.contains("because: it made #1 go back: A new task of "), "{text}");
    world.say("alice", "promote core:1.6.0-crash to staging").await;
    assert!(world.text().contains("is banned by bob"), "{}", world.text());
    // The other image was not to blame.
    world.say("alice", "promote web:2.1.0 to staging").await;
    world.wait().await;
    assert_eq!(world.stage(2).await, "succeeded", "{}", world.everything());
    world.say("dave", "ban image of 1").await;
    assert!(world.text().contains("Banned already"), "{}", world.text());
}

#[tokio::test]
async fn what_was_no_images_fault_proposes_none() {
    let mut world = World::patient().await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.until("a task has been stopped", || !world.told_to_stop().is_empty()).await;
    world.say("alice", "cancel 1").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "cancelled");
    assert!(!world.card(1).card.ban, "{}", world.card_text(1));
    world.say("bob", "ban image of 1").await;
    assert_snapshot!(world.text());
    world.say("bob", "ban image of 9").await;
    assert!(world.text().contains("No image is known to have made #9"), "{}", world.text());
}

/// Where nothing runs its images any more, it takes the right everywhere.
#[tokio::test]
async fn what_no_environment_runs_is_not_everybodys_to_ban() {
    let mut world = World::patient().await;
    world.say("alice", "promote core:1.6.0-crash to staging").await;
    world.wait().await;
    world.kill().await;
    for service in ["rest-api", "worker"] {
        world.settings_without(service);
    }
    world.begin().await;
    world.say("alice", "ban image of 1").await;
    assert!(world.text().contains("alice may not"), "{}", world.text());
    world.say("bob", "ban image of 1").await;
    assert!(world.text().contains("core:1.6.0-crash is banned"), "{}", world.text());
}

#[tokio::test]
async fn who_may_not_and_what_is_not_there() {
    let mut world = World::start().await;
    for (name, person, line) in [
        ("may_not", "alice", BAD),
        ("no_such_image", "bob", "ban core:1.6.1 because it loses orders"),
        ("no_reason", "bob", "ban core:1.6.0"),
        ("no_repository", "bob", "ban 1.9.9 because it loses orders"),
    ] {
        world.say(person, line).await;
        assert_snapshot!(name, world.text());
    }
    world.say("bob", "bans").await;
    assert!(world.text().contains("No image is banned."), "{}", world.text());
}
