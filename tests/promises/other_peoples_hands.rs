//! Other people's hands in the middle of a rollout: what they do is seen, told and never
//! overwritten, and the deployment ends in the right way. docs/rollout.md lists each case.

use std::time::Duration;

use aws_sdk_ecs::types::{ContainerDefinition, VersionConsistency};
use shipmate::sandbox::{Mishap, ServiceView, Times};

use crate::world::{LONG, Plan, World};

/// A promotion of core:1.5.0 to staging, whose canaries are on their way.
async fn begun() -> World {
    let mut world = World::hasty().await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.until("a task has been stopped", || !world.told_to_stop().is_empty()).await;
    world
}

/// A promotion of web:2.1.0 to staging, which ECS deploys.
async fn deploying() -> World {
    deploying_in(World::hasty().await).await
}

async fn deploying_in(mut world: World) -> World {
    world.say("alice", "promote web:2.1.0 to staging").await;
    world.until("ECS deploys it", || !world.forced().is_empty()).await;
    world
}

async fn ends(world: &World, code: &str) -> String {
    world.wait().await;
    let told = world.everything();
    assert_eq!(world.stage(1).await, code, "{told}");
    told
}

fn seen(world: &World, service: &str) -> ServiceView {
    world.sandbox.service("staging", service).unwrap()
}

/// Somebody registers a revision of a service's task definition, and gives it to the service.
async fn redefine(world: &World, service: &str, container: ContainerDefinition) -> String {
    let ecs = crate::sandbox::clients(&world.sandbox).await.ecs;
    let family = format!("{service}-by-hand");
    let registered = ecs.register_task_definition().family(family);
    let registered = registered.container_definitions(container).send().await.unwrap();
    let arn = registered.task_definition().unwrap().task_definition_arn().unwrap().to_owned();
    let updated = ecs.update_service().cluster("staging").service(service);
    updated.task_definition(&arn).send().await.unwrap();
    arn
}

fn container(name: &str, image: &str) -> ContainerDefinition {
    let image = format!("123456789012.dkr.ecr.eu-west-1.amazonaws.com/{image}");
    let container = ContainerDefinition::builder().name(name).image(image).essential(true);
    container.version_consistency(VersionConsistency::Disabled).build()
}

async fn definition(world: &World, service: &str) -> String {
    let ecs = crate::sandbox::clients(&world.sandbox).await.ecs;
    let described = ecs.describe_services().cluster("staging").services(service);
    let described = described.send().await.unwrap();
    described.services()[0].task_definition().unwrap().to_owned()
}

fn web_is_back(world: &World, told: &str) {
    assert_eq!(world.tag("web", "staging-latest"), "2.0.0", "{told}");
    let digest = world.sandbox.digest("web", "2.0.0").unwrap();
    assert!(seen(world, "web").runs("web", &digest), "{told}");
}

#[tokio::test]
async fn a_service_that_is_scaled_out_in_the_middle() {
    let world = begun().await;
    assert!(world.sandbox.set_desired("staging", "rest-api", 5));
    let told = ends(&world, "succeeded").await;
    world.assert_core("staging", "1.5.0");
    assert_eq!(seen(&world, "rest-api").tasks.len(), 5);
    assert!(told.contains("rest-api was scaled from 3 to 5 tasks meanwhile"), "{told}");
}

#[tokio::test]
async fn a_service_that_is_scaled_while_it_goes_back_stays_scaled() {
    let mut world = begun().await;
    world.say("alice", "cancel 1").await;
    assert!(world.sandbox.set_desired("staging", "rest-api", 4));
    ends(&world, "cancelled").await;
    world.assert_core("staging", "1.4.1");
    assert_eq!(seen(&world, "rest-api").tasks.len(), 4);
}

#[tokio::test]
async fn tasks_that_are_rebalanced_in_the_middle() {
    let world = begun().await;
    for service in ["rest-api", "worker"] {
        for task in world.sandbox.tasks("staging", service) {
            world.sandbox.befall(&task.id, Mishap::Rebalanced);
        }
    }
    ends(&world, "succeeded").await;
    world.assert_core("staging", "1.5.0");
}

#[tokio::test]
async fn a_task_that_somebody_stops_by_hand() {
    let world = begun().await;
    let ecs = crate::sandbox::clients(&world.sandbox).await.ecs;
    for task in world.sandbox.tasks("staging", "rest-api") {
        ecs.stop_task().cluster("staging").task(task.arn).send().await.unwrap();
    }
    ends(&world, "succeeded").await;
    world.assert_core("staging", "1.5.0");
}

#[tokio::test]
async fn a_service_that_is_deleted_in_the_middle() {
    let world = begun().await;
    let ecs = crate::sandbox::clients(&world.sandbox).await.ecs;
    let deleted = ecs.delete_service().cluster("staging").service("rest-api").force(true);
    deleted.send().await.unwrap();
    let told = ends(&world, "failed").await;
    assert!(told.contains("rest-api is gone: ECS has no active service of that name."), "{told}");
    // What can come back does, and nobody makes the service again.
    assert_eq!(world.tag("core", "staging-latest"), "1.4.1", "{told}");
    let digest = world.sandbox.digest("core", "1.4.1").unwrap();
    assert!(seen(&world, "worker").runs("app", &digest), "{told}");
    assert_eq!(world.sandbox.count_calls("CreateService"), 0);
}

#[tokio::test]
async fn a_service_that_is_given_another_image_in_the_middle() {
    let world = begun().await;
    let theirs = redefine(&world, "rest-api", container("app", "core:1.6.0")).await;
    let told = ends(&world, "failed").await;
    let cause = "rest-api no longer follows core:staging-latest: its task definition was changed";
    assert!(told.contains(cause), "{told}");
    // Theirs is theirs: neither their definition nor the tasks of it are touched.
    assert_eq!(definition(&world, "rest-api").await, theirs);
    let digest = world.sandbox.digest("core", "1.6.0").unwrap();
    let runs = |view: &ServiceView| view.runs("app", &digest);
    assert!(world.sandbox.wait_for("staging", "rest-api", LONG, runs).await, "{told}");
    // What is ours is back.
    assert_eq!(world.tag("core", "staging-latest"), "1.4.1", "{told}");
    let digest = world.sandbox.digest("core", "1.4.1").unwrap();
    assert!(seen(&world, "worker").runs("app", &digest), "{told}");
}

#[tokio::test]
async fn a_service_that_is_updated_and_still_follows_the_tag() {
    let world = begun().await;
    let theirs = redefine(&world, "rest-api", container("app", "core:staging-latest")).await;
    let told = ends(&world, "succeeded").await;
    world.assert_core("staging", "1.5.0");
    assert_eq!(definition(&world, "rest-api").await, theirs);
    assert!(told.contains("rest-api was given another task definition meanwhile"), "{told}");
}

#[tokio::test]
async fn a_service_that_is_stopped_task_by_task_and_deployed_by_others_as_well() {
    let world = begun().await;
    world.force_by_hand("staging", "rest-api").await;
    let told = ends(&world, "succeeded").await;
    world.assert_core("staging", "1.5.0");
    assert!(told.contains("rest-api was deployed meanwhile"), "{told}");
}

#[tokio::test]
async fn a_service_that_others_deploy_while_ours_is_under_way() {
    let world = deploying().await;
    world.force_by_hand("staging", "web").await;
    let told = ends(&world, "rolled-back").await;
    assert!(told.contains("Another ECS deployment of web took the place of ours."), "{told}");
    web_is_back(&world, &told);
}

#[tokio::test]
async fn a_service_that_others_update_while_ours_is_under_way() {
    let world = deploying().await;
    let theirs = redefine(&world, "web", container("web", "web:staging-latest")).await;
    let told = ends(&world, "rolled-back").await;
    web_is_back(&world, &told);
    assert_eq!(definition(&world, "web").await, theirs, "their definition stays");
}

#[tokio::test]
async fn a_deployment_that_somebody_rolls_back_in_ecs() {
    // Slow enough that it is still in progress when somebody does.
    let times = Times { pulling: Duration::from_secs(3), ..Times::fast() };
    let world = deploying_in(World::of(Plan { times, ..Plan::default() }).await).await;
    let ecs = crate::sandbox::clients(&world.sandbox).await.ecs;
    let listed = ecs.list_service_deployments().cluster("staging").service("web");
    let listed = listed.send().await.unwrap();
    let ours = listed.service_deployments()[0].service_deployment_arn().unwrap().to_owned();
    ecs.stop_service_deployment().service_deployment_arn(ours).send().await.unwrap();
    let told = ends(&world, "rolled-back").await;
    // The tag too, or the next deployment would roll forward again.
    web_is_back(&world, &told);
}

/// There is no undo of an undo: theirs is left, and said at once.
#[tokio::test]
async fn a_way_back_that_somebody_rolls_back_in_ecs() {
    let times = Times { pulling: Duration::from_secs(1), ..Times::fast() };
    let settle = Duration::from_secs(20);
    let mut world = deploying_in(World::of(Plan { times, settle, ..Plan::default() }).await).await;
    let new = world.sandbox.digest("web", "2.1.0").unwrap();
    let there = world
        .sandbox
        .wait_for("staging", "web", LONG, |view| view.is_steady() && view.runs("web", &new));
    assert!(there.await, "ECS deploys it");
    world.say("alice", "cancel 1").await;
    world.until("it goes back", || world.forced().len() == 2).await;
    let ecs = crate::sandbox::clients(&world.sandbox).await.ecs;
    let listed = ecs.list_service_deployments().cluster("staging").service("web");
    let listed = listed.send().await.unwrap();
    let ours = listed.service_deployments()[0].service_deployment_arn().unwrap().to_owned();
    ecs.stop_service_deployment().service_deployment_arn(ours).send().await.unwrap();
    let told = ends(&world, "failed").await;
    assert_eq!(world.tag("web", "staging-latest"), "2.0.0", "{told}");
    assert!(told.contains("Another ECS deployment of web took the place of ours."), "{told}");
    assert_eq!(world.forced().len(), 2, "{told}");
}

#[tokio::test]
async fn a_tag_that_others_take_away_in_the_middle() {
    let world = begun().await;
    assert!(world.sandbox.remove_tag("core", "staging-latest"));
    let told = ends(&world, "rolled-back").await;
    world.assert_core("staging", "1.4.1");
    assert!(!told.contains("succeeded"), "{told}");
}

#[tokio::test]
async fn a_tag_that_others_move_while_it_goes_back() {
    let mut world = begun().await;
    world.say("alice", "cancel 1").await;
    world.until("it is back", || world.tag("core", "staging-latest") == "1.4.1").await;
    world.sandbox.put_tag("core", "staging-latest", "1.6.0").unwrap();
    let told = ends(&world, "failed").await;
    assert_eq!(world.tag("core", "staging-latest"), "1.6.0", "{told}");
    // Also in the list of what stands, where the way back alone would say otherwise.
    let stands = "staging-latest was moved back to core:1.4.1, and somebody else moved it since";
    assert!(world.card_text(1).contains(stands), "{told}");
}
