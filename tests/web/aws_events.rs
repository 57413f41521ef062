//! AWS's events by a real socket: they wake a deployment that waits between two looks, and
//! nothing that they say is believed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shipmate::engine::Rhythm;
use shipmate::ports::{Hook, NewsOf};
use shipmate::telemetry;
use shipmate::web::aws_events::AwsEvents;
use shipmate::web::{Doors, Web};

use super::metrics::value;
use super::{open, post};
use crate::world::{Plan, World};

const PATH: &str = "/aws/events";
const KEY: &str = "0123456789abcdef0123456789abcdef";

/// A world whose deployments look once in a long time, unless something wakes them.
async fn sleepy() -> World {
    let rhythm = Rhythm { shortest: Duration::from_secs(600), longest: Duration::from_secs(600) };
    World::of(Plan { rhythm, ..Plan::default() }).await
}

async fn door(world: &World) -> Web {
    let engine = world.engine();
    let door =
        AwsEvents::new("x-shipmate-key", KEY, Arc::new(move |news: &NewsOf| engine.hear(news)));
    let hook: Arc<dyn Hook> = Arc::new(door);
    open(Doors { hooks: [(PATH.to_owned(), hook)].into(), ..Doors::default() }).await
}

/// As EventBridge sends it.
fn event(kind: &str, cluster: &str) -> Value {
    let arn = |resource: &str| format!("arn:aws:ecs:eu-west-1:123456789012:{resource}");
    json!({
        "version": "0",
        "id": "3317b2af-7005-947d-b652-f55e762e571a",
        "detail-type": kind,
        "source": "aws.ecs",
        "account": "123456789012",
        "time": "2026-11-24T09:00:00Z",
        "region": "eu-west-1",
        "resources": [arn(&format!("task/{cluster}/c13b4cb40f1f4fe4a2971f76ae5a47ad"))],
        "detail": {
            "clusterArn": arn(&format!("cluster/{cluster}")),
            "lastStatus": "STOPPED",
            "stopCode": "EssentialContainerExited",
            "containers": [{ "name": "app", "exitCode": 1, "lastStatus": "STOPPED" }],
            "version": 5,
        },
    })
}

async fn send(web: &Web, event: &Value) -> u16 {
    send_with(web, &format!("X-Shipmate-Key: {KEY}\r\n"), event.to_string().as_bytes()).await
}

async fn send_with(web: &Web, head: &str, body: &[u8]) -> u16 {
    post(web, PATH, head, body).await.status
}

fn count(outcome: &str) -> u64 {
    let series = format!("shipmate_aws_events_total{{outcome=\"{outcome}\"}}");
    value(&telemetry::metrics().render(), &series)
}

fn looks(world: &World) -> usize {
    let calls = world.sandbox.calls().into_iter();
    calls.filter(|call| call.operation == "DescribeServices").count()
}

const TASK: &str = "ECS Task State Change";

/// Sends events for as long as this does not hold.
async fn wake_until(world: &World, web: &Web, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    let kinds = [TASK, "ECS Deployment State Change", "ECS Service Action"];
    for kind in kinds.iter().cycle() {
        if holds() {
            return;
        }
        assert!(began.elapsed() < crate::world::LONG, "never\n{}", world.everything());
        assert_eq!(send(web, &event(kind, "staging")).await, 202);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

#[tokio::test]
async fn an_event_cuts_the_pause_between_two_looks_short() {
    let mut world = sleepy().await;
    let web = door(&world).await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.until("it waits", || !world.told_to_stop().is_empty()).await;
    let woke = {
        telemetry::metrics();
        count("woke")
    };
    wake_until(&world, &web, || world.is_calm()).await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
    world.assert_core("staging", "1.5.0");
    assert!(count("woke") > woke);
}

#[tokio::test]
async fn a_burst_makes_few_looks() {
    let mut world = sleepy().await;
    let web = door(&world).await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.until("it waits", || !world.told_to_stop().is_empty()).await;
    // Nothing is done meanwhile that would be reason for another look.
    world.say("alice", "pause 1").await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let (before, began) = (looks(&world), Instant::now());
    let one = event(TASK, "staging");
    for _ in 0..1000 {
        assert_eq!(send(&web, &one).await, 202);
    }
    // At most two in a second, and one for the last.
    let most = usize::try_from(began.elapsed().as_millis()).unwrap() / 500 + 2;
    let looked = looks(&world) - before;
    assert!((1..=most).contains(&looked), "{looked} looks of at most {most}");
}

#[tokio::test]
async fn lies_change_nothing() {
    let mut world = World::start().await;
    let web = door(&world).await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    // It says that a task has died, over and over, which none has.
    let lie = event(TASK, "staging");
    while !world.is_calm() {
        assert_eq!(send(&web, &lie).await, 202);
    }
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
    let stopped = world.told_to_stop().len();
    assert_eq!(stopped, 5, "each task once");
}

#[tokio::test]
async fn who_calls_it_off_does_not_wait_for_the_next_look() {
    let mut world = sleepy().await;
    let web = door(&world).await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.until("it waits", || !world.told_to_stop().is_empty()).await;
    world.say("alice", "cancel 1").await;
    world.until("the tag is back", || world.tag("core", "staging-latest") == "1.4.1").await;
    wake_until(&world, &web, || world.is_calm()).await;
    assert_eq!(world.stage(1).await, "cancelled", "{}", world.everything());
}

#[tokio::test]
async fn only_who_has_the_key_is_heard() {
    telemetry::metrics();
    let world = World::start().await;
    let web = door(&world).await;
    let body = event(TASK, "staging").to_string();
    let before = count("refused");
    let long = format!("X-Shipmate-Key: {KEY}0\r\n");
    let twice = format!("X-Shipmate-Key: {KEY}\r\nX-Shipmate-Key: {KEY}\r\n");
    let short = format!("X-Shipmate-Key: {}\r\n", &KEY[..31]);
    let elsewhere = format!("X-Api-Key: {KEY}\r\n");
    for head in ["", "X-Shipmate-Key: \r\n", &long, &short, &twice, &elsewhere] {
        assert_eq!(send_with(&web, head, body.as_bytes()).await, 401, "{head}");
    }
    assert!(count("refused") >= before + 6);
}

#[tokio::test]
async fn what_is_of_no_use_is_counted_and_answered() {
    telemetry::metrics();
    let world = World::start().await;
    let web = door(&world).await;
    let mut other_region = event(TASK, "staging");
    other_region["detail"]["clusterArn"] =
        json!("arn:aws:ecs:us-east-1:123456789012:cluster/staging");
    let deployment_event = {
        let mut event = event("ECS Deployment State Change", "staging");
        event["detail"] = json!({ "eventName": "SERVICE_DEPLOYMENT_COMPLETED" });
        event["resources"] = json!(["arn:aws:ecs:eu-west-1:123456789012:service/staging/web"]);
        event
    };
    let mut of_ec2 = event(TASK, "staging");
    of_ec2["source"] = json!("aws.ec2");
    let nowhere = json!({ "source": "aws.ecs", "detail-type": TASK, "detail": {} });
    for (outcome, status, event) in [
        ("idle", 202, event(TASK, "staging")),
        ("idle", 202, deployment_event),
        ("elsewhere", 202, event(TASK, "elsewhere")),
        ("elsewhere", 202, other_region),
        ("ignored", 202, event("ECS Container Instance State Change", "staging")),
        ("ignored", 202, of_ec2),
        ("unreadable", 400, nowhere),
        ("unreadable", 400, json!({ "detail": { "clusterArn": 5 } })),
        ("unreadable", 400, json!([])),
    ] {
        let before = count(outcome);
        assert_eq!(send(&web, &event).await, status, "{event}");
        assert!(count(outcome) > before, "{outcome}: {event}");
    }
    let key = format!("X-Shipmate-Key: {KEY}\r\n");
    assert_eq!(send_with(&web, &key, b"\xff{").await, 400);
}
