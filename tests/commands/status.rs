//! `status`: what runs, whether that is what should run, and what is under way.

use insta::assert_snapshot;
use shipmate::sandbox::{Fault, FaultKind};

use crate::world::{Plan, SETTINGS, World};

#[tokio::test]
async fn of_one_environment_and_of_all() {
    let mut world = World::start().await;
    world.say("eve", "status staging").await;
    assert_snapshot!("one", world.text());
    world.say("eve", "status").await;
    assert_snapshot!("all", world.text());
    world.say("eve", "what is running in production?").await;
    assert!(world.text().contains("production runs core:1.4.1 and web:2.0.0"), "{}", world.text());
    world.assert_untouched();
}

#[tokio::test]
async fn of_one_service() {
    let mut world = World::start().await;
    world.say("eve", "status of web in staging").await;
    assert_snapshot!("one_service", world.text());
    world.say("eve", "status service web").await;
    assert_snapshot!("one_service_everywhere", world.text());
    world.say("eve", "status of wbe in staging").await;
    assert_snapshot!("no_such_service", world.text());
    world.say("eve", "status web").await;
    assert!(world.text().contains("status service web"), "{}", world.text());
    world.assert_untouched();
}

#[tokio::test]
async fn of_a_service_that_an_environment_does_not_have() {
    let only = "[services.batch]\nrepository = \"core\"\ncontainer = \"app\"\nenvironments = [\"staging\"]\n";
    let settings = format!("{SETTINGS}\n{only}");
    let mut world = World::of(Plan { settings, ..Plan::default() }).await;
    world.say("eve", "status of batch in production").await;
    assert_snapshot!("service_elsewhere", world.text());
}

#[tokio::test]
async fn an_index_is_told_by_its_name_on_ec2_and_on_fargate() {
    let mut world = World::start().await;
    for environment in ["staging", "production"] {
        let text = format!("promote web:2.1.0 to {environment} break glass because we must");
        world.say("dave", &text).await;
        world.wait().await;
        world.say("dave", &format!("status {environment}")).await;
        let expected = format!("{environment} runs core:1.4.1 and web:2.1.0");
        assert!(world.text().contains(&expected), "{}", world.text());
    }
}

#[tokio::test]
async fn what_waits_is_told() {
    let mut world = World::start().await;
    world.verified_on_staging("core", "1.5.0").await;
    world.say("alice", "promote core:1.5.0 to production").await;
    world.say("alice", "status production").await;
    assert_snapshot!(world.text());
}

#[tokio::test]
async fn drift_is_told() {
    let mut world = World::start().await;
    world.sandbox.put_tag("core", "staging-latest", "1.6.0").unwrap();
    world.say("alice", "status staging").await;
    assert_snapshot!(world.text());
}

#[tokio::test]
async fn aws_that_does_not_let_us_look_is_told() {
    let mut world = World::start().await;
    let error = "AccessDeniedException".to_owned();
    world.sandbox.order(Fault::new("ListTasks", 100, FaultKind::Refuse { error })).unwrap();
    world.say("alice", "status staging").await;
    assert_snapshot!(world.text());
}

#[tokio::test]
async fn no_such_environment() {
    let mut world = World::start().await;
    world.say("alice", "status qa").await;
    assert_snapshot!(world.text());
}
