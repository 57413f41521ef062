//! What AWS or the chat makes come twice is done once.

use std::collections::BTreeSet;

use shipmate::sandbox::{Fault, FaultKind};

use crate::world::World;

/// Everything that staging's two images need was done, each thing once.
async fn done_once(world: &World, before: BTreeSet<String>) {
    let told = world.everything();
    assert_eq!(world.stage(1).await, "succeeded", "{told}");
    world.assert_core("staging", "1.5.0");
    let mut tags = world.tags_put();
    tags.sort();
    let expected = [
        "core:staging-latest 1.5.0",
        "core:staging-previous 1.4.1",
        "web:staging-latest 2.1.0",
        "web:staging-previous 2.0.0",
    ];
    assert_eq!(tags, expected, "{told}");
    assert_eq!(world.told_to_stop(), before, "{told}");
    assert_eq!(world.forced(), ["web"], "{told}");
}

fn stoppable(world: &World) -> BTreeSet<String> {
    let mut tasks = world.tasks("staging", "rest-api");
    tasks.extend(world.tasks("staging", "worker"));
    tasks
}

#[tokio::test]
async fn answers_that_are_lost() {
    for kind in [FaultKind::LoseAnswer, FaultKind::CutAnswer] {
        let mut world = World::start().await;
        let before = stoppable(&world);
        for (operation, times) in [("PutImage", 2), ("StopTask", 2), ("UpdateService", 1)] {
            world.sandbox.order(Fault::new(operation, times, kind.clone())).unwrap();
        }
        world.say("alice", "promote core:1.5.0 and web:2.1.0 to staging").await;
        world.wait().await;
        done_once(&world, before).await;
    }
}

#[tokio::test]
async fn calls_that_are_throttled_or_fail_for_a_while() {
    let mut world = World::start().await;
    let before = stoppable(&world);
    for (operation, kind) in [
        ("PutImage", FaultKind::Throttle),
        ("StopTask", FaultKind::ServerError),
        ("UpdateService", FaultKind::ServerError),
        ("DescribeTasks", FaultKind::Throttle),
        ("DescribeServices", FaultKind::ServerError),
    ] {
        world.sandbox.order(Fault::new(operation, 1, kind)).unwrap();
    }
    world.say("alice", "promote core:1.5.0 and web:2.1.0 to staging").await;
    world.wait().await;
    done_once(&world, before).await;
}

#[tokio::test]
async fn lists_that_lag_behind() {
    let mut world = World::start().await;
    let before = stoppable(&world);
    world.say("alice", "promote core:1.5.0 and web:2.1.0 to staging").await;
    world.until("a task has been stopped", || !world.told_to_stop().is_empty()).await;
    for operation in ["ListTasks", "DescribeTasks", "DescribeServices"] {
        world.sandbox.order(Fault::new(operation, 4, FaultKind::Stale)).unwrap();
    }
    world.wait().await;
    done_once(&world, before).await;
}

#[tokio::test]
async fn the_same_message_twice() {
    let mut world = World::start().await;
    let before = stoppable(&world);
    let text = "promote core:1.5.0 and web:2.1.0 to staging";
    let event = world.say_only("alice", text).await;
    world.raise(event.clone()).await;
    world.wait().await;
    world.raise(event.clone()).await;
    world.restart().await;
    world.raise(event).await;
    world.wait().await;
    assert_eq!(world.count_deployments().await, 1);
    done_once(&world, before).await;
}

#[tokio::test]
async fn tasks_that_are_not_of_the_plan_are_left_alone() {
    let mut world = World::start().await;
    // One task runs the image already: it is not stopped again.
    world.sandbox.put_tag("core", "staging-latest", "1.5.0").unwrap();
    let fresh = world.sandbox.tasks("staging", "rest-api")[0].id.clone();
    world.sandbox.befall(&fresh, shipmate::sandbox::Mishap::Rebalanced);
    let on_both = world.sandbox.wait_for("staging", "rest-api", crate::world::LONG, |view| {
        view.is_steady() && view.tasks.iter().all(|task| task.id != fresh)
    });
    assert!(on_both.await);
    let digest = world.sandbox.digest("core", "1.5.0").unwrap();
    let on_it: BTreeSet<String> = world
        .sandbox
        .tasks("staging", "rest-api")
        .into_iter()
        .filter(|task| task.digests.get("app") == Some(&digest))
        .map(|task| task.arn)
        .collect();
    assert_eq!(on_it.len(), 1);
    world.sandbox.put_tag("core", "staging-latest", "1.4.1").unwrap();
    let others: BTreeSet<String> = world
        .sandbox
        .services()
        .iter()
        .filter(|view| view.cluster == "production")
        .flat_map(|view| view.tasks.iter().map(|task| task.arn.clone()))
        .chain(world.tasks("staging", "web"))
        .chain(on_it)
        .collect();
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.wait().await;
    world.assert_core("staging", "1.5.0");
    assert!(world.told_to_stop().is_disjoint(&others), "{:?}", world.told_to_stop());
    assert_eq!(world.told_to_stop().len(), 4);
}
