//! `promote`: every way to name what is wanted, the card at each stage, dry runs and breaking
//! the glass.

use insta::assert_snapshot;

use crate::world::{LONG, Plan, SETTINGS, World};

#[tokio::test]
async fn on_staging_it_runs_at_once() {
    let mut world = World::start().await;
    world.say("alice", "promote image core:1.5.0 to staging").await;
    world.wait().await;
    assert_snapshot!(world.text());
    world.assert_core("staging", "1.5.0");
    assert_eq!(world.tags_put(), ["core:staging-previous 1.4.1", "core:staging-latest 1.5.0"]);
    assert_eq!(world.told_to_stop().len(), 5, "three of rest-api and two of worker");
    assert!(world.forced().is_empty(), "nothing of the plan needs a deployment");
}

#[tokio::test]
async fn each_wording_and_each_way_to_name_an_image_is_the_same_plan() {
    let mut world = World::start().await;
    let digest = world.sandbox.digest("core", "1.5.0").unwrap();
    let hex = digest.strip_prefix("sha256:").unwrap();
    let ways = [
        "dry run promote core:1.5.0 to staging".to_owned(),
        "deploy image core:1.5.0 to staging dry run".to_owned(),
        format!("ship core@{digest} to staging dry run"),
        format!("release core@{} onto staging dry run", &hex[..8]),
        format!("make staging run core@{} dry run", &hex[..12]),
        "I want core:1.5.0 to be our staging image dry run".to_owned(),
    ];
    let mut plans = Vec::new();
    for way in &ways {
        world.say("alice", way).await;
        plans.push((way, world.text()));
    }
    assert_snapshot!(plans[0].1);
    for (way, plan) in &plans {
        assert_eq!(plan, &plans[0].1, "{way}");
    }
    world.assert_untouched();
    assert_eq!(world.count_deployments().await, 0, "a dry run begins nothing");
}

#[tokio::test]
async fn a_dry_run_says_what_must_be_agreed_and_changes_nothing() {
    let mut world = World::start().await;
    // What runs on staging now counts as verified there.
    let runs_there = world.sandbox.put_tag("core", "staging-latest", "1.4.1");
    assert!(runs_there.is_some());
    world.sandbox.put_tag("core", "production-latest", "1.4.0").unwrap();
    world.say("alice", "promote core:1.4.1 to production dry run because we try it").await;
    world.wait().await;
    assert_snapshot!(world.text());
    world.assert_untouched();
    assert_eq!(world.count_deployments().await, 0);
}

#[tokio::test]
async fn several_images_move_together() {
    let mut world = World::start().await;
    world.say("alice", "promote core:1.5.0 and web:2.1.0 to staging").await;
    world.wait().await;
    assert_snapshot!(world.text());
    world.assert_core("staging", "1.5.0");
    assert_eq!(world.tag("web", "staging-latest"), "2.1.0");
    assert_eq!(world.forced(), ["web"], "its digest is pinned, so that ECS must deploy it");
    let mut tags = world.tags_put();
    let moved = tags.split_off(2);
    // All that keep something come before any that moves.
    tags.sort();
    assert_eq!(tags, ["core:staging-previous 1.4.1", "web:staging-previous 2.0.0"]);
    assert_eq!(moved.len(), 2);
}

#[tokio::test]
async fn everything_from_staging_waits_for_votes_on_production() {
    let mut world = World::start().await;
    world.say("alice", "promote core:1.5.0 and web:2.1.0 to staging").await;
    world.wait().await;
    world.say("alice", "promote everything from staging to production").await;
    world.wait().await;
    assert_snapshot!(world.text());
    let untouched = world.deeds().len();
    world.react("bob", "✅").await;
    world.wait().await;
    assert_snapshot!("everything_from_staging_after_one_vote", world.text());
    assert_eq!(world.deeds().len(), untouched, "one vote is not enough");
    world.react("carol", "✅").await;
    world.wait().await;
    assert_snapshot!("everything_from_staging_done", world.text());
    world.assert_core("production", "1.5.0");
    assert_eq!(world.tag("web", "production-latest"), "2.1.0");
}

#[tokio::test]
async fn a_reason_stands_on_the_card() {
    let mut world = World::start().await;
    world.say("alice", "promote core:1.5.0 to staging because the export is slow").await;
    world.wait().await;
    assert!(world.text().contains("because: the export is slow"), "{}", world.text());
}

#[tokio::test]
async fn on_call_may_break_the_glass_with_a_reason() {
    let mut world = World::start().await;
    let text = "promote core:1.6.0 to production break glass because checkout is down";
    world.say("dave", text).await;
    world.wait().await;
    assert_snapshot!(world.text());
    world.assert_core("production", "1.6.0");
}

#[tokio::test]
async fn the_glass_breaks_neither_without_a_reason_nor_for_everybody() {
    let mut world = World::start().await;
    world.say("dave", "promote core:1.6.0 to production break glass").await;
    assert_snapshot!("glass_without_a_reason", world.text());
    world.say("alice", "promote core:1.6.0 to production break glass because I want it").await;
    assert_snapshot!("glass_for_a_developer", world.text());
    world.wait().await;
    world.assert_untouched();
    assert_eq!(world.count_deployments().await, 0);
}

#[tokio::test]
async fn a_second_promotion_of_another_image_queues_and_then_runs() {
    let mut world = World::patient().await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.say("bob", "promote web:2.1.0 to staging").await;
    assert_snapshot!(world.card_text(2));
    world.wait().await;
    world.assert_core("staging", "1.5.0");
    assert_eq!(world.tag("web", "staging-latest"), "2.1.0");
    let deployments = [world.deployment(1).await, world.deployment(2).await];
    let [first, second] = deployments.map(|one| match one.stage {
        shipmate::domain::deployment::Stage::Ended(ended) => {
            (ended.rollout.unwrap().started_at, ended.at)
        }
        other => panic!("{other:?}"),
    });
    assert!(second.0 >= first.1, "one runs at a time");
}

#[tokio::test]
async fn without_a_repository_it_is_the_only_one_there_is() {
    // An environment that runs images of one repository only.
    let settings = SETTINGS.replace(
        "environments = [\"staging\", \"production\"]\nrestart",
        "environments = [\"production\"]\nrestart",
    );
    let mut world = World::of(Plan { settings, ..Plan::default() }).await;
    let digest = world.sandbox.digest("core", "1.5.0").unwrap();
    world.say("alice", &format!("promote {digest} to staging dry run")).await;
    assert!(world.text().contains("core: 1.4.1 → "), "{}", world.text());
}

#[tokio::test]
async fn a_service_without_tasks_is_promoted_without_a_restart() {
    let mut world = World::start().await;
    for service in ["worker", "web"] {
        assert!(world.sandbox.set_desired("staging", service, 0));
        let stopped = world
            .sandbox
            .wait_for("staging", service, LONG, |view| view.tasks.is_empty() && view.is_steady());
        assert!(stopped.await, "{service} never stopped");
    }
    world.sandbox.clear_calls();
    world.say("alice", "promote core:1.5.0 and web:2.1.0 to staging dry run").await;
    assert_snapshot!("no_tasks_plan", world.text());
    world.say("alice", "promote core:1.5.0 and web:2.1.0 to staging").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
    assert_snapshot!("no_tasks_end", world.card_text(1));
    assert_eq!(world.told_to_stop().len(), 3, "those of rest-api");
    // ECS would start later tasks of web from the digest that its deployment pinned.
    assert_eq!(world.forced(), ["web"]);
    world.say("alice", "promote core:1.6.0 to staging dry run").await;
    assert!(world.text().contains("worker: nothing to restart"), "{}", world.text());
}
