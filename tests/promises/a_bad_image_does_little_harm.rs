//! One task goes first; when it goes wrong everything comes back by itself, and automation is
//! held until a person promotes.

use std::time::Duration;

use insta::assert_snapshot;

use crate::world::{Plan, World};

#[tokio::test]
async fn one_task_of_each_service_meets_a_bad_image() {
    let mut world = World::patient().await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.wait().await;
    let before = [
        ("rest-api", world.tasks("staging", "rest-api")),
        ("worker", world.tasks("staging", "worker")),
    ];
    world.say("alice", "promote core:1.6.0-crash to staging").await;
    world.wait().await;
    for (service, tasks) in before {
        let stopped = tasks.intersection(&world.told_to_stop()).count();
        assert!(stopped <= 1, "{stopped} tasks of {service} were stopped");
        let bad = world.sandbox.digest("core", "1.6.0-crash").unwrap();
        let saw = world.sandbox.stopped_tasks("staging", service).into_iter();
        let saw = saw.filter(|task| task.digests.get("app") == Some(&bad)).count();
        // ECS may try it again before the tag is back.
        assert!(saw <= 2, "{saw} tasks of {service} ran it");
    }
    world.assert_core("staging", "1.5.0");
    assert_eq!(world.tag("core", "staging-previous"), "1.4.1", "what a rollback needs is kept");
    assert_eq!(world.stage(2).await, "rolled-back");
}

#[tokio::test]
async fn several_images_come_back_together() {
    let mut world = World::patient().await;
    world.say("alice", "promote core:1.6.0-crash and web:2.1.0 to staging").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "rolled-back", "{}", world.everything());
    world.assert_core("staging", "1.4.1");
    assert_eq!(world.tag("web", "staging-latest"), "2.0.0");
    let digest = world.sandbox.digest("web", "2.0.0").unwrap();
    let view = world.sandbox.service("staging", "web").unwrap();
    assert!(view.runs("web", &digest), "{view:#?}");
}

#[tokio::test]
async fn the_hold_is_shown_and_ends_when_a_person_promotes() {
    let mut world = World::patient().await;
    world.say("alice", "promote core:1.6.0-crash to staging").await;
    world.wait().await;
    world.say("alice", "status staging").await;
    assert_snapshot!(world.text());
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.wait().await;
    world.say("alice", "status staging").await;
    assert!(!world.text().contains("Held"), "{}", world.text());
}

#[tokio::test]
async fn a_rollback_by_a_person_holds_too() {
    let mut world = World::start().await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.wait().await;
    world.say("alice", "rollback staging").await;
    world.wait().await;
    world.say("alice", "status staging").await;
    assert!(world.text().contains("Held since"), "{}", world.text());
}

#[tokio::test]
async fn a_rollback_does_not_wait_for_what_runs() {
    let mut world = World::patient().await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.wait().await;
    world.say("alice", "promote core:1.6.0 to staging").await;
    let six = world.sandbox.digest("core", "1.6.0").unwrap();
    let begun = world.sandbox.wait_for("staging", "worker", crate::world::LONG, |view| {
        view.tasks.iter().any(|task| task.digests.get("app") == Some(&six))
    });
    assert!(begun.await);
    world.say("bob", "rollback staging").await;
    world.wait().await;
    let told = world.everything();
    assert_eq!(world.stage(2).await, "superseded", "{told}");
    assert_eq!(world.stage(3).await, "succeeded", "{told}");
    // By the journal: what ran before the last success.
    world.assert_core("staging", "1.4.1");
    assert!(world.card_text(2).contains("Superseded by #3."), "{told}");
}

#[tokio::test]
async fn a_rollback_while_something_runs_says_both_things_that_happen() {
    let mut world = World::patient().await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.wait().await;
    world.say("alice", "promote core:1.6.0 to staging").await;
    world.until("a task has been stopped", || world.told_to_stop().len() > 5).await;
    world.say("bob", "dry run rollback staging").await;
    let told = world.text();
    assert!(told.contains("#2, which runs now, is undone first"), "{told}");
    assert!(told.contains("`cancel 2`"), "{told}");
    world.wait().await;
    world.say("bob", "dry run rollback staging").await;
    assert!(!world.text().contains("undone first"), "{}", world.text());
}

#[tokio::test]
async fn a_rollback_goes_to_the_head_of_the_queue() {
    // The second one must still run when the rollback is asked for, however slow the chat is.
    let settle = Duration::from_secs(2);
    let mut world = World::of(Plan { settle, ..Plan::default() }).await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.wait().await;
    world.say("alice", "promote web:2.1.0 to staging").await;
    world.say("alice", "promote core:1.6.0 to staging").await;
    world.say("bob", "rollback staging").await;
    world.wait().await;
    let told = world.everything();
    let started = async |id: i64| {
        let deployment = world.deployment(id).await;
        deployment.rollout().map(|rollout| rollout.started_at)
    };
    let (rollback, queued) = (started(4).await, started(3).await);
    assert!(rollback.is_some(), "{told}");
    assert!(queued.is_none_or(|queued| queued > rollback.unwrap()), "{told}");
}

#[tokio::test]
async fn an_undo_that_cannot_work_says_so_and_holds() {
    let mut world = World::patient().await;
    world.say("alice", "promote core:1.6.0-crash to staging").await;
    world.until("the tag has moved", || world.tag("core", "staging-latest") == "1.6.0-crash").await;
    // A lifecycle policy that knows no mercy.
    assert!(world.sandbox.delete_image("core", "1.4.1"));
    world.wait().await;
    assert_eq!(world.stage(1).await, "failed", "{}", world.everything());
    let text = world.card_text(1);
    assert!(text.contains("needs a person now"), "{text}");
    world.say("alice", "status staging").await;
    assert!(world.text().contains("Held since"), "{}", world.text());
}
