//! Ends and causes that the other promises do not come by: docs/rollout.md lists all of them.

use std::time::Duration;

use shipmate::domain::environment::Service;
use shipmate::sandbox::{Fault, FaultKind, ImageSpec, Mishap, Times};

use crate::world::{LONG, Plan, World};

fn denied() -> FaultKind {
    FaultKind::Refuse { error: "AccessDeniedException".to_owned() }
}

#[tokio::test]
async fn what_gets_no_better_for_too_long_goes_back() {
    let patience = Duration::from_millis(1500);
    let mut world = World::of(Plan { patience, ..Plan::default() }).await;
    // Whatever starts now is pulled for longer than anybody waits.
    let pulling = Duration::from_secs(3600);
    world.sandbox.set_times(Times { pulling, ..Times::fast() });
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.until_said("made no progress for").await;
    world.sandbox.set_times(Times::fast());
    for service in ["rest-api", "worker"] {
        for task in world.sandbox.tasks("staging", service) {
            if task.status != "RUNNING" {
                world.sandbox.befall(&task.id, Mishap::Rebalanced);
            }
        }
    }
    world.wait().await;
    assert_eq!(world.stage(1).await, "rolled-back", "{}", world.everything());
    world.assert_core("staging", "1.4.1");
}

#[tokio::test]
async fn what_aws_does_not_let_us_do_goes_back() {
    let mut world = World::hasty().await;
    world.sandbox.order(Fault::new("StopTask", 1, denied())).unwrap();
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.wait().await;
    let told = world.everything();
    assert_eq!(world.stage(1).await, "rolled-back", "{told}");
    assert!(world.card_text(1).contains("(AccessDeniedException)"), "{told}");
    world.assert_core("staging", "1.4.1");
}

#[tokio::test]
async fn several_images_come_back_together_when_the_second_tag_cannot_be_moved() {
    let mut world = World::hasty().await;
    // Both are kept; then one of the two moves arrives and the other does not.
    world.sandbox.order(Fault::new("PutImage", 2, FaultKind::Delay { millis: 1 })).unwrap();
    world.sandbox.order(Fault::new("PutImage", 1, denied())).unwrap();
    world.say("alice", "promote core:1.5.0 and web:2.1.0 to staging").await;
    world.wait().await;
    let told = world.everything();
    assert_eq!(world.stage(1).await, "rolled-back", "{told}");
    let moved: Vec<String> =
        world.tags_put().into_iter().filter(|put| put.contains("-latest")).collect();
    assert_eq!(moved.len(), 2, "one tag moves, and comes back: {moved:?}\n{told}");
    world.assert_core("staging", "1.4.1");
    assert_eq!(world.tag("web", "staging-latest"), "2.0.0", "{told}");
    assert!(world.told_to_stop().is_empty() && world.forced().is_empty(), "nothing is restarted");
}

#[tokio::test]
async fn several_images_come_back_where_they_can_when_others_moved_the_second_tag() {
    let mut world = World::hasty().await;
    world.sandbox.push("web", &ImageSpec::new("2.2.0")).unwrap();
    // While the images are kept, somebody else moves one of the tags.
    world.sandbox.order(Fault::new("PutImage", 2, FaultKind::Delay { millis: 500 })).unwrap();
    world.say_only("alice", "promote core:1.5.0 and web:2.1.0 to staging").await;
    while world.count_deployments().await == 0 || world.stage(1).await != "running" {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    world.sandbox.put_tag("web", "staging-latest", "2.2.0").unwrap();
    world.until_said("needs a person now").await;
    world.wait().await;
    let told = world.everything();
    assert_eq!(world.stage(1).await, "failed", "{told}");
    assert_eq!(world.tag("web", "staging-latest"), "2.2.0", "theirs is left: {told}");
    world.assert_core("staging", "1.4.1");
    assert!(world.told_to_stop().is_empty() && world.forced().is_empty(), "nothing is restarted");
    assert!(told.contains("somebody else moved it"), "{told}");
}

#[tokio::test]
async fn what_is_not_one_image_is_not_copied() {
    let mut world = World::start().await;
    world.sandbox.put_tag("core", "staging-latest", "1.5.0").unwrap();
    let one = world.sandbox.tasks("staging", "rest-api")[0].id.clone();
    world.sandbox.befall(&one, Mishap::Rebalanced);
    let mixed = world.sandbox.wait_for("staging", "rest-api", LONG, |view| {
        view.is_steady() && view.tasks.iter().all(|task| task.id != one)
    });
    assert!(mixed.await);
    world.say("alice", "promote everything from staging to production").await;
    let told = world.text();
    assert!(told.contains("What staging runs is not clear: the tasks of rest-api"), "{told}");
    assert_eq!(world.count_deployments().await, 0);
    world.assert_untouched();
}

/// What was agreed to is what is acted on, whatever its name means by now.
#[tokio::test]
async fn a_service_that_the_settings_call_something_else_by_now_is_left_alone() {
    let mut world = World::hasty().await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.until("a task has been stopped", || !world.told_to_stop().is_empty()).await;
    world.kill().await;
    let stopped = world.told_to_stop();
    let before = world.settings_without("worker");
    for change in [
        |service: &mut Service| "web".clone_into(&mut service.ecs_service),
        |service: &mut Service| "sidecar".clone_into(&mut service.container),
        |service: &mut Service| service.repository = "web".into(),
    ] {
        let mut changed = before.clone();
        let staging = changed.environments.0.get_mut(&"staging".into()).unwrap();
        staging.services.iter_mut().filter(|one| one.name.as_str() == "worker").for_each(change);
        world.set_settings(changed);
        world.begin().await;
        world.until_said("something else of worker").await;
        assert_eq!(world.told_to_stop(), stopped, "nothing is done meanwhile");
        world.kill().await;
    }
    world.set_settings(before);
    world.begin().await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
    world.assert_core("staging", "1.5.0");
}

#[tokio::test]
async fn without_its_service_in_the_settings_it_stands_still_and_says_so() {
    let mut world = World::hasty().await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.until("a task has been stopped", || !world.told_to_stop().is_empty()).await;
    world.kill().await;
    let stopped = world.told_to_stop();
    let settings = world.settings_without("worker");
    world.begin().await;
    world.until_said("Stands still where it is").await;
    assert_eq!(world.stage(1).await, "running");
    assert_eq!(world.told_to_stop(), stopped, "nothing is done meanwhile");
    world.kill().await;
    world.set_settings(settings);
    world.begin().await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
    world.assert_core("staging", "1.5.0");
}
