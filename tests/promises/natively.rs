//! What ECS does by itself is seen for what it is, and used where it is the better way back.

use std::time::Duration;

use shipmate::domain::event::Cause;
use shipmate::sandbox::{
    Behaviour, ContainerSpec, Fault, FaultKind, ImageSpec, RepositorySpec, ServiceSpec, Times,
    World as Aws,
};

use crate::world::{Plan, World};

/// Time enough between a restart and its first pull.
fn slow_to_pull() -> Plan {
    let times = Times { pulling: Duration::from_secs(3), ..Times::fast() };
    Plan { times, settle: Duration::from_millis(300), ..Plan::default() }
}

/// What is told when a promotion is cancelled while ECS deploys it.
async fn called_back(world: &mut World) -> String {
    world.say("alice", "promote web:2.1.0 to staging").await;
    world.until("ECS deploys it", || !world.forced().is_empty()).await;
    world.say("alice", "cancel 1").await;
    world.wait().await;
    let told = world.everything();
    assert_eq!(world.stage(1).await, "cancelled", "{told}");
    assert_eq!(world.tag("web", "staging-latest"), "2.0.0", "{told}");
    told
}

#[tokio::test]
async fn a_rollback_of_the_circuit_breaker_is_told_for_what_it_is() {
    let mut world = World::patient().await;
    world.sandbox.push("web", &ImageSpec::new("2.2.0").behaviour(Behaviour::Stuck)).unwrap();
    world.say("dave", "promote web:2.2.0 to production break glass because we must").await;
    let web = "web".into();
    while world
        .deployment(1)
        .await
        .rollout()
        .is_none_or(|rollout| !rollout.forward.deployments.contains_key(&web))
    {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Nobody looks while it happens.
    world.kill().await;
    let good = world.sandbox.digest("web", "2.0.0").unwrap();
    let back = world.sandbox.wait_for("production", "web", crate::world::LONG, |view| {
        view.is_steady() && view.runs("web", &good)
    });
    assert!(back.await, "the circuit breaker rolls back");
    world.begin().await;
    world.wait().await;
    let told = world.everything();
    assert_eq!(world.stage(1).await, "rolled-back", "{told}");
    assert_eq!(world.tag("web", "production-latest"), "2.0.0", "{told}");
    let card = world.card_text(1);
    assert!(card.contains("ECS rolled web back by itself to service revision"), "{card}");
    assert!(card.contains("circuit breaker"), "{card}");
    assert_eq!(world.forced(), ["web"], "ECS was back already: {told}");
}

#[tokio::test]
async fn what_is_in_progress_is_called_back_by_ecs_itself() {
    let mut world = World::of(slow_to_pull()).await;
    let before = world.tasks("staging", "web");
    let told = called_back(&mut world).await;
    assert_eq!(world.sandbox.count_calls("StopServiceDeployment"), 1, "{told}");
    assert_eq!(world.forced(), ["web"], "no new deployment was needed: {told}");
    // What had not been replaced was never touched.
    assert_eq!(world.tasks("staging", "web"), before, "{told}");
}

#[tokio::test]
async fn where_ecs_does_not_roll_back_a_new_deployment_does() {
    let mut world = World::of(slow_to_pull()).await;
    let error = "AccessDeniedException".to_owned();
    let refuse = Fault::new("StopServiceDeployment", 9, FaultKind::Refuse { error });
    world.sandbox.order(refuse).unwrap();
    let told = called_back(&mut world).await;
    assert_eq!(world.forced(), ["web", "web"], "{told}");
    let good = world.sandbox.digest("web", "2.0.0").unwrap();
    assert!(world.sandbox.service("staging", "web").unwrap().runs("web", &good), "{told}");
}

#[tokio::test]
async fn an_answer_that_is_lost_calls_nothing_back_twice() {
    let mut world = World::of(slow_to_pull()).await;
    world.sandbox.order(Fault::new("StopServiceDeployment", 1, FaultKind::LoseAnswer)).unwrap();
    let told = called_back(&mut world).await;
    assert_eq!(world.forced(), ["web"], "{told}");
    assert_eq!(world.sandbox.count_calls("StopServiceDeployment"), 1, "{told}");
}

#[tokio::test]
async fn a_tag_that_others_move_before_the_first_pull_is_seen_early() {
    let mut world = World::of(slow_to_pull()).await;
    world.sandbox.push("web", &ImageSpec::new("3.0.0")).unwrap();
    world.say("alice", "promote web:2.1.0 to staging").await;
    world.until("ECS deploys it", || !world.forced().is_empty()).await;
    world.sandbox.put_tag("web", "staging-latest", "3.0.0").unwrap();
    world.wait().await;
    let told = world.everything();
    let deployment = world.deployment(1).await;
    let undo = deployment.rollout().unwrap().undo.as_ref().expect("it goes back");
    assert!(matches!(undo.cause, Cause::ResolvedAnother { .. }), "{told}");
    assert!(told.contains("somebody moved it in between"), "{told}");
    // The tag is somebody else's now: it is left there, and said.
    assert_eq!(world.tag("web", "staging-latest"), "3.0.0", "{told}");
    assert_eq!(world.stage(1).await, "failed", "{told}");
}

#[tokio::test]
async fn service_deployments_that_may_not_be_looked_at_are_no_reason_to_fail() {
    let mut world = World::patient().await;
    for operation in ["ListServiceDeployments", "DescribeServiceDeployments"] {
        let error = "AccessDeniedException".to_owned();
        world.sandbox.order(Fault::new(operation, 99, FaultKind::Refuse { error })).unwrap();
    }
    world.say("alice", "promote web:2.1.0 to staging").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
    assert_eq!(world.sandbox.count_calls("ListServiceDeployments"), 1, "it is asked once");
}

/// Two images in containers of one ECS service.
fn side_by_side(unpinned: bool, bad: Behaviour) -> Plan {
    let settings = r#"
[roles]
developer = { people = ["alice"] }

[environments.staging]
region = "eu-west-1"
cluster = "staging"
tag = "staging-latest"

[services.api]
repository = "core"
container = "app"
ecs-service = "shop"
environments = ["staging"]

[services.proxy]
repository = "web"
container = "proxy"
ecs-service = "shop"
environments = ["staging"]
"#;
    let container = |name: &str, image: &str| {
        let container = ContainerSpec::new(name, &format!("{image}:staging-latest"));
        if unpinned { container.unpinned() } else { container }
    };
    let service = ServiceSpec::new("staging", "shop", 2, container("app", "core"))
        .container(container("proxy", "web"))
        .percent(50, 200);
    let mut aws = Aws::new().service(service);
    for name in ["core", "web"] {
        let old = ImageSpec::new("1.0.0").tag("staging-latest");
        let bad = ImageSpec::new("3.0.0").behaviour(bad);
        aws = aws.repository(
            RepositorySpec::new(name).image(old).image(ImageSpec::new("2.0.0")).image(bad),
        );
    }
    // Longer than what crashes lives.
    let settle = Duration::from_millis(300);
    Plan { aws, settings: settings.to_owned(), settle, ..Plan::default() }
}

#[tokio::test]
async fn two_containers_of_one_ecs_service_are_restarted_once() {
    for unpinned in [true, false] {
        let mut world = World::of(side_by_side(unpinned, Behaviour::Good)).await;
        world.say("alice", "promote core:2.0.0 and web:2.0.0 to staging").await;
        world.wait().await;
        assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
        let restarts = (world.told_to_stop().len(), world.forced().len());
        assert_eq!(restarts, if unpinned { (2, 0) } else { (0, 1) }, "{}", world.everything());
        for task in world.sandbox.tasks("staging", "shop") {
            for (container, repository) in [("app", "core"), ("proxy", "web")] {
                let wanted = world.sandbox.digest(repository, "2.0.0");
                assert_eq!(task.digests.get(container), wanted.as_ref());
            }
        }
    }
}

#[tokio::test]
async fn two_containers_of_one_ecs_service_go_back_together() {
    for unpinned in [true, false] {
        let crash = Behaviour::Crash { exit_code: 1 };
        let mut world = World::of(side_by_side(unpinned, crash)).await;
        world.say("alice", "promote core:2.0.0 and web:3.0.0 to staging").await;
        world.wait().await;
        assert_eq!(world.stage(1).await, "rolled-back", "{}", world.everything());
        for (container, repository) in [("app", "core"), ("proxy", "web")] {
            assert_eq!(world.tag(repository, "staging-latest"), "1.0.0");
            let wanted = world.sandbox.digest(repository, "1.0.0");
            for task in world.sandbox.tasks("staging", "shop") {
                assert_eq!(task.digests.get(container), wanted.as_ref(), "{}", world.everything());
            }
        }
    }
}
