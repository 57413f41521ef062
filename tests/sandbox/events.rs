//! What ECS tells EventBridge, as it arrives at the address of an API destination.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use shipmate::sandbox::{
    Behaviour, CircuitBreaker, Deed, Delivery, Destination, ImageSpec, Mishap, Sandbox, ServiceView,
};

use super::faults::http;
use super::{LONG, fast, pinned, runs, small, unpinned};

/// The receiving end, on a loopback port.
struct Receiver {
    url: String,
    seen: Arc<Mutex<Vec<Value>>>,
    /// What it answers, the next one last; 200, when there are no more.
    answers: Arc<Mutex<Vec<u16>>>,
}

impl Receiver {
    async fn start() -> Receiver {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/aws/events", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Vec<Value>>> = Arc::default();
        let answers: Arc<Mutex<Vec<u16>>> = Arc::default();
        let (kept, given) = (seen.clone(), answers.clone());
        let receive = move |headers: HeaderMap, body: Bytes| async move {
            assert_eq!(headers["x-api-key"], "a key");
            assert_eq!(headers["content-type"], "application/json");
            let status = given.lock().unwrap().pop().unwrap_or(200);
            if status == 200 {
                kept.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
            }
            StatusCode::from_u16(status).unwrap()
        };
        let router = Router::new().route("/aws/events", axum::routing::post(receive));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Receiver { url, seen, answers }
    }

    fn destination(&self, delivery: Delivery) -> Destination {
        let (header, key) = ("X-Api-Key".to_owned(), "a key".to_owned());
        Destination { url: self.url.clone(), header, key, delivery }
    }

    fn seen(&self) -> Vec<Value> {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until an event of that name has come, and gives all until then.
    async fn until(&self, name: &str) -> Vec<Value> {
        let until = std::time::Instant::now() + LONG;
        loop {
            let seen = self.seen();
            if seen.iter().any(|event| event["detail"]["eventName"] == name) {
                return seen;
            }
            assert!(std::time::Instant::now() < until, "never {name}: {seen:#?}");
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
}

fn members(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn names(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["detail"]["eventName"].as_str()).collect()
}

/// What was told of each task, in the order in which it came.
fn by_task(events: &[Value]) -> BTreeMap<String, Vec<Value>> {
    let mut told: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for event in events.iter().filter(|event| event["detail-type"] == "ECS Task State Change") {
        let arn = event["resources"][0].as_str().unwrap().to_owned();
        assert_eq!(event["detail"]["taskArn"], arn.as_str());
        told.entry(arn).or_default().push(event["detail"].clone());
    }
    told
}

async fn deployed(sandbox: &Sandbox) {
    sandbox.put_tag("app", "live", "2").unwrap();
    assert!(sandbox.lay_hands("blue", "api", &Deed::Deploy));
    assert!(runs(sandbox, "2").await);
}

#[tokio::test]
async fn a_deployment_is_told_in_order() {
    let sandbox = fast(small(pinned())).await;
    let receiver = Receiver::start().await;
    sandbox.send_events(Some(receiver.destination(Delivery::InOrder))).unwrap();
    deployed(&sandbox).await;
    let events = receiver.until("SERVICE_STEADY_STATE").await;
    for event in &events {
        let envelope = [
            "account",
            "detail",
            "detail-type",
            "id",
            "region",
            "resources",
            "source",
            "time",
            "version",
        ];
        assert_eq!(members(event), envelope.into());
        assert_eq!((&event["source"], &event["version"]), (&json!("aws.ecs"), &json!("0")));
        assert_eq!(event["account"], "123456789012");
        assert_eq!(event["id"].as_str().unwrap().len(), 36);
        let time = event["time"].as_str().unwrap();
        assert!(time.len() == 20 && time.ends_with('Z'), "{time}");
    }
    let ids: BTreeSet<&str> = events.iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), events.len());
    let story =
        ["SERVICE_DEPLOYMENT_IN_PROGRESS", "SERVICE_DEPLOYMENT_COMPLETED", "SERVICE_STEADY_STATE"];
    assert_eq!(names(&events), story);
    let deployment = &events[0];
    assert_eq!(deployment["detail-type"], "ECS Deployment State Change");
    assert_eq!(deployment["resources"][0], "arn:aws:ecs:eu-west-1:123456789012:service/blue/api");
    let primary = sandbox.service("blue", "api").unwrap().deployment;
    assert_eq!(deployment["detail"]["deploymentId"], primary.as_str());

    let digest = sandbox.digest("app", "2").unwrap();
    let started = sandbox.tasks("blue", "api");
    let told = by_task(&events);
    for task in &started {
        let states: Vec<&str> =
            told[&task.arn].iter().map(|detail| detail["lastStatus"].as_str().unwrap()).collect();
        assert_eq!(states, ["PROVISIONING", "PENDING", "ACTIVATING", "RUNNING"]);
        let versions: Vec<u64> =
            told[&task.arn].iter().map(|detail| detail["version"].as_u64().unwrap()).collect();
        assert!(versions.is_sorted_by(|one, next| one < next), "{versions:?}");
        let last = told[&task.arn].last().unwrap();
        assert_eq!(last["containers"][0]["imageDigest"], digest.as_str());
        assert_eq!(last["startedBy"], primary.as_str());
        assert!(last["createdAt"].as_str().unwrap().ends_with('Z'), "{last}");
        assert!(last.get("tags").is_none() && last.get("healthStatus").is_none());
    }
    assert_eq!(told.len(), 6, "three started and three stopped");
    assert!(sandbox.event_answers().iter().all(|status| *status == 200));
}

#[tokio::test]
async fn what_goes_wrong_is_told() {
    let service = pinned().circuit_breaker(CircuitBreaker::Rollback);
    let sandbox = fast(small(service)).await;
    sandbox.push("app", &ImageSpec::new("3").behaviour(Behaviour::Stuck)).unwrap();
    sandbox.put_tag("app", "live", "3").unwrap();
    let receiver = Receiver::start().await;
    sandbox.send_events(Some(receiver.destination(Delivery::InOrder))).unwrap();
    assert!(sandbox.lay_hands("blue", "api", &Deed::Deploy));
    let events = receiver.until("SERVICE_DEPLOYMENT_COMPLETED").await;
    let story = [
        "SERVICE_DEPLOYMENT_IN_PROGRESS",
        "SERVICE_DEPLOYMENT_FAILED",
        "SERVICE_DEPLOYMENT_IN_PROGRESS",
        "SERVICE_TASK_START_IMPAIRED",
        "SERVICE_DEPLOYMENT_COMPLETED",
    ];
    assert_eq!(names(&events)[..story.len()], story);
    let failed =
        events.iter().find(|event| event["detail"]["eventName"] == "SERVICE_DEPLOYMENT_FAILED");
    let failed = &failed.unwrap()["detail"];
    assert_eq!(failed["eventType"], "ERROR");
    assert!(failed["reason"].as_str().unwrap().contains("circuit breaker"));
    let stuck = by_task(&events);
    let stopped = stuck.values().flatten().find(|detail| detail["stopCode"] == "TaskFailedToStart");
    let reason = stopped.unwrap()["stoppedReason"].as_str().unwrap();
    assert!(reason.starts_with("CannotPullContainerError"), "{reason}");
    let task = sandbox.tasks("blue", "api")[0].arn.clone();
    assert!(sandbox.befall(&task, Mishap::Exits(7)));
    let until = std::time::Instant::now() + LONG;
    loop {
        let told = by_task(&receiver.seen());
        let last = told.get(&task).and_then(|details| details.last()).cloned().unwrap_or_default();
        if last["lastStatus"] == "STOPPED" {
            assert_eq!(last["containers"][0]["exitCode"], 7);
            assert_eq!(last["stopCode"], "EssentialContainerExited");
            break;
        }
        assert!(std::time::Instant::now() < until, "{last}");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn events_come_twice_or_shuffled_on_order() {
    for delivery in [Delivery::Twice, Delivery::Shuffled] {
        let sandbox = fast(small(unpinned())).await;
        let receiver = Receiver::start().await;
        sandbox.send_events(Some(receiver.destination(delivery))).unwrap();
        deployed(&sandbox).await;
        let all = || {
            let told = by_task(&receiver.seen());
            let ends = told.values().flatten().filter(|one| one["lastStatus"] == "STOPPED").count();
            ends >= if delivery == Delivery::Twice { 6 } else { 3 }
        };
        assert!(sandbox.wait_for("blue", "api", LONG, |_| all()).await, "{delivery:?}");
        let mut seen = receiver.seen();
        if delivery == Delivery::Twice {
            // The second of the last two may still be on its way.
            seen.truncate(seen.len() / 2 * 2);
        }
        let ids: BTreeSet<&str> = seen.iter().map(|event| event["id"].as_str().unwrap()).collect();
        let sorted = by_task(&seen)
            .values()
            .all(|details| details.is_sorted_by_key(|detail| detail["version"].as_u64()));
        match delivery {
            Delivery::Twice => {
                assert_eq!(seen.len(), 2 * ids.len());
                assert!(seen.chunks(2).all(|pair| pair[0] == pair[1]) && sorted);
            }
            Delivery::Shuffled => assert!(!sorted && seen.len() == ids.len()),
            Delivery::InOrder => assert!(sorted, "a_deployment_is_told_in_order looks closer"),
        }
    }
}

#[tokio::test]
async fn what_was_not_taken_is_sent_again_as_eventbridge_does() {
    let sandbox = fast(small(unpinned())).await;
    let receiver = Receiver::start().await;
    *receiver.answers.lock().unwrap() = vec![200, 401, 503, 500];
    sandbox.send_events(Some(receiver.destination(Delivery::InOrder))).unwrap();
    let task = sandbox.tasks("blue", "api")[0].id.clone();
    assert!(sandbox.befall(&task, Mishap::SpotInterruption));
    let sent = |_: &ServiceView| sandbox.event_answers().len() >= 2;
    assert!(sandbox.wait_for("blue", "api", LONG, sent).await);
    assert_eq!(sandbox.event_answers()[..2], [401, 200], "refused is refused");

    let sandbox = fast(small(unpinned())).await;
    let closed = Destination {
        url: "http://127.0.0.1:9/".to_owned(),
        ..receiver.destination(Delivery::InOrder)
    };
    sandbox.send_events(Some(closed)).unwrap();
    let task = sandbox.tasks("blue", "api")[0].id.clone();
    assert!(sandbox.befall(&task, Mishap::SpotInterruption));
    let tried = |_: &ServiceView| !sandbox.event_answers().is_empty();
    assert!(sandbox.wait_for("blue", "api", LONG, tried).await);
    assert_eq!(sandbox.event_answers()[0], 0, "nobody listens there");
}

#[tokio::test]
async fn events_go_to_this_machine_only() {
    let sandbox = fast(small(unpinned())).await;
    let receiver = Receiver::start().await;
    let right = receiver.destination(Delivery::InOrder);
    for url in ["http://192.0.2.1/aws/events", "https://127.0.0.1/", "http://example.com/", "here"]
    {
        let wrong = Destination { url: url.to_owned(), ..right.clone() };
        assert!(sandbox.send_events(Some(wrong)).is_err(), "{url}");
    }
    assert!(
        sandbox
            .send_events(Some(Destination { header: "a b".to_owned(), ..right.clone() }))
            .is_err()
    );
    assert!(sandbox.send_events(Some(Destination { key: "a\nb".to_owned(), ..right })).is_err());
    let body =
        json!({"url": receiver.url, "header": "x-api-key", "key": "a key", "delivery": "twice"});
    let answer = http(&sandbox, "POST", "/_sandbox/events", &body.to_string()).await;
    assert_eq!(answer, "{}");
    assert!(sandbox.lay_hands("blue", "api", &Deed::Deploy));
    receiver.until("SERVICE_DEPLOYMENT_IN_PROGRESS").await;
    assert_eq!(http(&sandbox, "DELETE", "/_sandbox/events", "").await, "{}");
}
