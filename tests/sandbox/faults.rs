//! Faults on order, rate limits, the log of calls and the admin path.

use std::time::Duration;

use aws_sdk_ecr::types::ImageIdentifier;
use aws_sdk_ecs::error::{ProvideErrorMetadata, SdkError};
use serde_json::{Value, json};
use shipmate::sandbox::{Fault, FaultKind, Sandbox};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{clients, demo};

/// One HTTP request on a connection of its own; the answer's body.
pub(super) async fn http(sandbox: &Sandbox, method: &str, path: &str, body: &str) -> String {
    exchange(sandbox, method, path, "", body).await.1
}

/// The same with headers, each ended by a line break; the answer's status and body.
pub(super) async fn exchange(
    sandbox: &Sandbox,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> (u16, String) {
    let mut stream = tokio::net::TcpStream::connect(sandbox.address()).await.unwrap();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: sandbox\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}

#[tokio::test]
async fn faults_hold_for_so_many_calls_of_an_operation() {
    let sandbox = demo().await;
    let ecs = clients(&sandbox).await.ecs;
    let list = || ecs.list_tasks().cluster("staging").send();
    for (kind, code) in [
        (FaultKind::Throttle, "ThrottlingException"),
        (FaultKind::ServerError, "ServerException"),
        (FaultKind::Refuse { error: "AccessDeniedException".to_owned() }, "AccessDeniedException"),
        (FaultKind::LoseAnswer, "ServerException"),
    ] {
        sandbox.order(Fault::new("ListTasks", 2, kind)).unwrap();
        ecs.list_clusters().send().await.unwrap();
        for _ in 0..2 {
            assert_eq!(list().await.unwrap_err().code(), Some(code));
        }
        list().await.unwrap();
    }
    assert!(
        sandbox
            .order(Fault::new("*", 1, FaultKind::Refuse { error: "NoSuchException".to_owned() }))
            .is_err()
    );
    let no_operation = Fault::new("ListTask", 1, FaultKind::Throttle);
    assert!(sandbox.order(no_operation).is_err());
    let no_read = Fault::new("StopTask", 1, FaultKind::Stale);
    assert!(sandbox.order(no_read).is_err());
    sandbox.order(Fault::new("*", 9, FaultKind::Throttle)).unwrap();
    list().await.unwrap_err();
    sandbox.clear_faults();
    list().await.unwrap();
}

#[tokio::test]
async fn an_answer_can_be_lost_after_the_effect() {
    let sandbox = demo().await;
    let ecs = clients(&sandbox).await.ecs;
    for kind in [FaultKind::LoseAnswer, FaultKind::CutAnswer] {
        let task = sandbox.tasks("staging", "worker")[0].id.clone();
        let cut = kind == FaultKind::CutAnswer;
        sandbox.order(Fault::new("StopTask", 1, kind)).unwrap();
        let lost = ecs.stop_task().cluster("staging").task(&task).send().await.unwrap_err();
        assert_eq!(!matches!(lost, SdkError::ServiceError(_)), cut, "{lost:?}");
        assert!(sandbox.tasks("staging", "worker").iter().all(|one| one.id != task));
    }
}

#[tokio::test]
async fn reads_can_be_stale() {
    let sandbox = demo().await;
    let ecr = clients(&sandbox).await.ecr;
    let old = sandbox.digest("core", "staging-latest");
    sandbox.order(Fault::new("BatchGetImage", 1, FaultKind::Stale)).unwrap();
    sandbox.put_tag("core", "staging-latest", "1.5.0").unwrap();
    let id = ImageIdentifier::builder().image_tag("staging-latest").build();
    let get = || ecr.batch_get_image().repository_name("core").image_ids(id.clone()).send();
    let digest = |answer: aws_sdk_ecr::operation::batch_get_image::BatchGetImageOutput| {
        answer.images()[0].image_id().unwrap().image_digest().map(str::to_owned)
    };
    assert_eq!(digest(get().await.unwrap()), old);
    assert_eq!(digest(get().await.unwrap()), sandbox.digest("core", "1.5.0"));
}

#[tokio::test]
async fn calls_can_be_late_or_hang_and_a_hanging_sandbox_stops() {
    let sandbox = demo().await;
    let ecs = clients(&sandbox).await.ecs;
    sandbox.order(Fault::new("ListClusters", 1, FaultKind::Delay { millis: 120 })).unwrap();
    let began = std::time::Instant::now();
    ecs.list_clusters().send().await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(120));
    sandbox.order(Fault::new("ListClusters", 1, FaultKind::Hang)).unwrap();
    let hanging = tokio::spawn({
        let call = ecs.list_clusters();
        async move { call.send().await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!hanging.is_finished());
    let address = sandbox.address();
    tokio::time::timeout(Duration::from_secs(5), sandbox.stop())
        .await
        .expect("it stops although a call hangs");
    assert!(hanging.await.unwrap().is_err());
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "the port is free");
}

#[tokio::test]
async fn dropping_the_sandbox_frees_its_port() {
    let sandbox = demo().await;
    assert!(sandbox.address().ip().is_loopback());
    let address = sandbox.address();
    clients(&sandbox).await.ecs.list_clusters().send().await.unwrap();
    drop(sandbox);
    for _ in 0..200 {
        if tokio::net::TcpStream::connect(address).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the port is still open");
}

#[tokio::test]
async fn rate_limits_are_awss_when_they_are_on() {
    let sandbox = demo().await;
    let ecs = clients(&sandbox).await.ecs;
    let update =
        || ecs.update_service().cluster("staging").service("worker").desired_count(2).send();
    for _ in 0..60 {
        update().await.unwrap();
    }
    sandbox.limit_rates(true);
    let mut throttled = 0;
    let began = std::time::Instant::now();
    for _ in 0..80 {
        throttled += u32::from(
            update().await.is_err_and(|error| error.code() == Some("ThrottlingException")),
        );
    }
    // The bucket holds 50 and gains 5 a second.
    let gained = 1 + began.elapsed().as_secs() as u32 * 5 + 5;
    assert!(throttled <= 30 && throttled + gained >= 30, "{throttled}");
}

#[tokio::test]
async fn the_admin_path_does_what_a_handle_does() {
    let sandbox = demo().await;
    let ecs = clients(&sandbox).await.ecs;
    let admin = async |method: &str, path: &str, body: Value| -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        serde_json::from_str(&http(&sandbox, method, &format!("/_sandbox/{path}"), &body).await)
            .unwrap()
    };
    let fault = json!({"operation": "ListTasks", "times": 1, "kind": "throttle"});
    assert_eq!(admin("POST", "faults", fault).await, json!({}));
    ecs.list_tasks().cluster("staging").send().await.unwrap_err();
    ecs.list_tasks().cluster("staging").send().await.unwrap();
    let calls = admin("GET", "calls", Value::Null).await;
    let outcomes: Vec<_> =
        calls.as_array().unwrap().iter().map(|call| call["outcome"].clone()).collect();
    assert_eq!(outcomes, ["ThrottlingException", "ok"]);
    assert_eq!(calls[1]["parameters"]["cluster"], "staging");
    admin("DELETE", "calls", Value::Null).await;
    assert!(sandbox.calls().is_empty());

    let moved =
        admin("POST", "tags", json!({"repository": "core", "tag": "x", "to": "1.5.0"})).await;
    assert_eq!(moved["digest"].as_str(), sandbox.digest("core", "x").as_deref());
    let world = admin("GET", "world", Value::Null).await;
    assert_eq!(world["repositories"]["core"]["x"], moved["digest"]);
    assert_eq!(world["clusters"]["production"]["rest-api"]["tasks"].as_array().unwrap().len(), 4);
    let seeded = admin(
        "POST",
        "seed",
        json!({
            "repositories": [{"name": "app", "images": [{"version": "1", "tags": ["1", "live"]}, {
                "version": "2", "tags": ["2"], "behaviour": {"crash": {"exitCode": 2}},
            }]}],
            "services": [{
                "cluster": "blue", "name": "api", "desired": 2, "launchType": "EC2", "circuitBreaker": "rollback",
                "containers": [{"name": "app", "image": "app:live", "versionConsistency": false, "healthCheck": true}],
            }],
        }),
    );
    let seeded = seeded.await;
    assert_eq!(seeded["clusters"]["blue"]["api"]["healthy"], 2);
    assert_eq!(sandbox.tasks("blue", "api").len(), 2);
    assert!(admin("POST", "seed", json!({"repositorys": []})).await["error"].is_string());
    assert!(admin("GET", "nothing", Value::Null).await["error"].is_string());
}
