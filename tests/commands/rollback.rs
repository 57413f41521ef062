//! `rollback`: what ran before the last success, out of the journal and never out of a tag.

use insta::assert_snapshot;

use crate::world::World;

/// Production runs core:1.5.0 by a promotion of ours, with the glass broken.
async fn promoted() -> World {
    let mut world = World::start().await;
    world.say("dave", "promote core:1.5.0 to production break glass because we must").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
    world.sandbox.clear_calls();
    world
}

#[tokio::test]
async fn on_call_rolls_production_back_alone() {
    let mut world = promoted().await;
    world.say("dave", "rollback production because payments fail").await;
    world.wait().await;
    assert_snapshot!(world.text());
    world.assert_core("production", "1.4.1");
    // The undone digest is written nowhere.
    assert_eq!(world.tags_put(), ["core:production-latest 1.4.1"]);
}

#[tokio::test]
async fn it_goes_to_what_the_journal_says_whatever_the_tag_says() {
    let mut world = promoted().await;
    world.sandbox.put_tag("core", "production-previous", "1.6.0").unwrap();
    world.say("dave", "rollback production").await;
    world.wait().await;
    world.assert_core("production", "1.4.1");
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let mut world = promoted().await;
    world.say("dave", "roll production back dry run").await;
    world.wait().await;
    assert_snapshot!(world.text());
    world.assert_untouched();
    assert_eq!(world.count_deployments().await, 1);
}

#[tokio::test]
async fn it_passes_freezes_and_the_order_of_environments() {
    let mut world = promoted().await;
    world.set_clock("2026-11-29T10:00:00Z");
    world.say("bob", "rollback production").await;
    world.wait().await;
    world.assert_core("production", "1.4.1");
}

#[tokio::test]
async fn who_may_not() {
    let mut world = promoted().await;
    for (name, person) in [("developer", "alice"), ("nobody", "eve")] {
        world.say(person, "rollback production").await;
        assert!(world.messages().iter().all(|one| one.private_to().is_some()));
        assert_snapshot!(format!("may_not_roll_back_{name}"), world.text());
    }
    world.assert_untouched();
    // On staging developers may.
    world.say("alice", "rollback staging").await;
    assert_snapshot!("nothing_to_roll_back", world.text());
}

#[tokio::test]
async fn there_is_no_undo_of_an_undo() {
    let mut world = promoted().await;
    world.say("dave", "rollback production").await;
    world.wait().await;
    world.say("dave", "rollback production").await;
    world.wait().await;
    assert!(world.text().contains("Nothing to roll back in production"), "{}", world.text());
    world.assert_core("production", "1.4.1");
}

#[tokio::test]
async fn two_promotions_are_rolled_back_one_after_the_other() {
    let mut world = promoted().await;
    world.say("dave", "promote core:1.6.0 to production break glass because we must").await;
    world.wait().await;
    world.assert_core("production", "1.6.0");
    world.say("dave", "rollback production").await;
    world.wait().await;
    world.assert_core("production", "1.5.0");
    world.say("dave", "rollback production").await;
    world.wait().await;
    world.assert_core("production", "1.4.1");
}

#[tokio::test]
async fn what_ran_before_must_still_be_there() {
    let mut world = promoted().await;
    assert!(world.sandbox.delete_image("core", "1.4.1"));
    world.say("dave", "rollback production").await;
    world.wait().await;
    assert_snapshot!(world.text());
    world.assert_untouched();
}

#[tokio::test]
async fn no_environment_is_assumed() {
    let mut world = promoted().await;
    world.say("dave", "rollback").await;
    world.wait().await;
    assert_snapshot!(world.text());
    world.assert_untouched();
}
