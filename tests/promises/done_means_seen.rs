//! A deployment has succeeded when every task runs the promoted digest, is good and has
//! settled, and not before.

use std::time::Duration;

use insta::assert_snapshot;
use shipmate::sandbox::{Behaviour, ImageSpec};

use crate::world::{Plan, World};

/// Promotes a broken image to staging; what is there before must be there after.
async fn goes_back(world: &mut World, image: &str) -> String {
    world.say("alice", &format!("promote core:{image} to staging")).await;
    world.wait().await;
    let told = world.everything();
    assert!(!told.contains("succeeded"), "{told}");
    assert!(!told.contains(&format!("staging runs core:{image}")), "{told}");
    assert_eq!(world.stage(1).await, "rolled-back", "{told}");
    world.assert_core("staging", "1.4.1");
    world.text()
}

#[tokio::test]
async fn an_image_that_crashes() {
    let mut world = World::patient().await;
    goes_back(&mut world, "1.6.0-crash").await;
}

#[tokio::test]
async fn an_image_that_never_becomes_healthy() {
    let mut world = World::patient().await;
    assert_snapshot!(goes_back(&mut world, "1.6.0-unhealthy").await);
}

#[tokio::test]
async fn an_image_that_cannot_be_pulled() {
    let settle = Duration::from_millis(300);
    let patience = Duration::from_secs(2);
    let mut world = World::of(Plan { settle, patience, ..Plan::default() }).await;
    goes_back(&mut world, "1.6.0-stuck").await;
}

#[tokio::test]
async fn an_image_that_crashes_after_it_was_healthy() {
    let mut world = World::patient().await;
    let behaviour = Behaviour::CrashLater { exit_code: 137, after_millis: 200 };
    world.sandbox.push("core", &ImageSpec::new("1.7.0").behaviour(behaviour)).unwrap();
    goes_back(&mut world, "1.7.0").await;
}

#[tokio::test]
async fn an_index_is_verified_by_what_each_kind_of_host_reports() {
    let mut world = World::start().await;
    let index = world.sandbox.digest("web", "2.1.0").unwrap();
    for (environment, child) in [("staging", false), ("production", true)] {
        let line = format!("promote web:2.1.0 to {environment} break glass because we must");
        world.say("dave", &line).await;
        world.wait().await;
        assert!(world.text().contains(&format!("{environment} runs web:2.1.0.")));
        for task in world.sandbox.tasks(environment, "web") {
            let reported = &task.digests["web"];
            assert_eq!(*reported != index, child, "{environment}");
        }
    }
}

#[tokio::test]
async fn a_tag_that_others_move_in_the_middle_is_no_success() {
    let mut world = World::patient().await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.until("a task has been stopped", || !world.told_to_stop().is_empty()).await;
    world.sandbox.put_tag("core", "staging-latest", "1.6.0").unwrap();
    world.wait().await;
    let told = world.everything();
    assert_eq!(world.stage(1).await, "failed", "{told}");
    assert!(!told.contains("succeeded"), "{told}");
    assert!(told.contains("somebody else moved it"), "{told}");
    // The tag of somebody else is left where it is, and nothing is stopped over and over.
    assert_eq!(world.tag("core", "staging-latest"), "1.6.0");
    assert!(world.told_to_stop().len() <= 4, "{:?}", world.told_to_stop());
}

#[tokio::test]
async fn a_tag_that_others_move_at_the_end_is_no_success() {
    let settle = Duration::from_millis(800);
    let mut world = World::of(Plan { settle, ..Plan::default() }).await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.until("all tasks were stopped", || world.told_to_stop().len() == 5).await;
    let digest = world.sandbox.digest("core", "1.5.0").unwrap();
    for service in ["rest-api", "worker"] {
        let on_it = world
            .sandbox
            .wait_for("staging", service, crate::world::LONG, |view| view.runs("app", &digest));
        assert!(on_it.await);
    }
    world.sandbox.put_tag("core", "staging-latest", "1.6.0").unwrap();
    world.wait().await;
    let told = world.everything();
    assert_eq!(world.stage(1).await, "failed", "{told}");
    assert_snapshot!(world.card_text(1));
    assert_eq!(world.tag("core", "staging-latest"), "1.6.0");
}

#[tokio::test]
async fn a_deployment_that_ecs_rolls_back_by_itself_is_no_success() {
    let mut world = World::patient().await;
    let behaviour = Behaviour::Crash { exit_code: 1 };
    world.sandbox.push("web", &ImageSpec::new("2.2.0").behaviour(behaviour)).unwrap();
    world.say("dave", "promote web:2.2.0 to production break glass because we must").await;
    world.wait().await;
    let told = world.everything();
    assert_eq!(world.stage(1).await, "rolled-back", "{told}");
    // The tag too, or the next deployment would roll forward again.
    assert_eq!(world.tag("web", "production-latest"), "2.0.0", "{told}");
    let digest = world.sandbox.digest("web", "2.0.0").unwrap();
    let view = world.sandbox.service("production", "web").unwrap();
    assert!(view.runs("web", &digest), "{view:#?}");
}

#[tokio::test]
async fn a_deployment_of_others_in_the_middle_is_no_success() {
    let mut world = World::patient().await;
    world.say("alice", "promote web:2.1.0 to staging").await;
    world.until("ECS deploys it", || !world.forced().is_empty()).await;
    world.force_by_hand("staging", "web").await;
    world.wait().await;
    let told = world.everything();
    assert_ne!(world.stage(1).await, "succeeded", "{told}");
    assert!(told.contains("Another ECS deployment of web took the place of ours."), "{told}");
}

#[tokio::test]
async fn a_task_that_others_stop_is_no_failure() {
    let mut world = World::patient().await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.until("a task has been stopped", || !world.told_to_stop().is_empty()).await;
    for service in ["rest-api", "worker"] {
        for task in world.sandbox.tasks("staging", service).iter().take(1) {
            world.sandbox.befall(&task.id, shipmate::sandbox::Mishap::SpotInterruption);
        }
    }
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
    world.assert_core("staging", "1.5.0");
}
