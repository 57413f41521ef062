//! Faults on order, rate limits, the log of calls and the admin path.

use std::time::Duration;

use aws_sdk_ecr::types::ImageIdentifier;
use aws_sdk_ecs::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_types::retry::RetryConfig;
use serde_json::{Value, json};
use shipmate::sandbox::{Fault, FaultKind, Odds, Sandbox};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{clients, configuration, demo};

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
        (FaultKind::Unavailable, "ServiceUnavailable"),
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

/// A client that tries again as AWS's clients do unless told otherwise, only sooner.
async fn patient(sandbox: &Sandbox) -> aws_sdk_ecs::Client {
    let retry = RetryConfig::standard().with_initial_backoff(Duration::from_millis(1));
    let config = configuration(&sandbox.url()).await.into_builder().retry_config(retry).build();
    aws_sdk_ecs::Client::new(&config)
}

#[tokio::test]
async fn the_sdk_takes_each_fault_for_what_it_is() {
    let sandbox = demo().await;
    let ecs = patient(&sandbox).await;
    let passing = [
        FaultKind::Throttle,
        FaultKind::ServerError,
        FaultKind::Unavailable,
        FaultKind::ResetBefore,
        FaultKind::ResetAfter,
        FaultKind::LoseAnswer,
        FaultKind::CutAnswer,
    ];
    for kind in passing {
        sandbox.clear_calls();
        sandbox.order(Fault::new("ListClusters", 2, kind.clone())).unwrap();
        ecs.list_clusters().send().await.unwrap_or_else(|error| panic!("{kind:?}: {error:?}"));
        assert_eq!(sandbox.count_calls("ListClusters"), 3, "{kind:?}");
    }
    sandbox.clear_calls();
    let denied = FaultKind::Refuse { error: "AccessDeniedException".to_owned() };
    sandbox.order(Fault::new("ListClusters", 1, denied)).unwrap();
    ecs.list_clusters().send().await.unwrap_err();
    assert_eq!(sandbox.count_calls("ListClusters"), 1, "what AWS rejects is not tried again");
}

#[tokio::test]
async fn a_call_can_be_cut_off_before_and_after_its_effect() {
    let sandbox = demo().await;
    let ecs = clients(&sandbox).await.ecs;
    for (kind, answered, done) in [
        (FaultKind::ResetBefore, false, false),
        (FaultKind::ResetAfter, false, true),
        (FaultKind::LoseAnswer, true, true),
        (FaultKind::CutAnswer, false, true),
    ] {
        let task = sandbox.tasks("staging", "rest-api")[0].id.clone();
        sandbox.order(Fault::new("StopTask", 1, kind.clone())).unwrap();
        let lost = ecs.stop_task().cluster("staging").task(&task).send().await.unwrap_err();
        assert_eq!(matches!(lost, SdkError::ServiceError(_)), answered, "{kind:?}: {lost:?}");
        let there = sandbox.tasks("staging", "rest-api").iter().any(|one| one.id == task);
        assert_eq!(there, !done, "{kind:?}");
    }
}

#[tokio::test]
async fn a_reset_is_a_reset_and_a_cut_answer_a_half() {
    let sandbox = demo().await;
    let target = "x-amz-target: AmazonEC2ContainerServiceV20141113.ListClusters\r\n";
    let (_, whole) = exchange(&sandbox, "POST", "/", target, "{}").await;
    sandbox.order(Fault::new("ListClusters", 1, FaultKind::CutAnswer)).unwrap();
    let (_, half) = exchange(&sandbox, "POST", "/", target, "{}").await;
    assert_eq!(half, whole[..whole.len() / 2]);

    for kind in [FaultKind::ResetBefore, FaultKind::ResetAfter] {
        sandbox.order(Fault::new("ListClusters", 1, kind)).unwrap();
        let mut stream = tokio::net::TcpStream::connect(sandbox.address()).await.unwrap();
        let request =
            format!("POST / HTTP/1.1\r\nhost: x\r\n{target}content-length: 2\r\n\r\n{{}}");
        stream.write_all(request.as_bytes()).await.unwrap();
        let read = stream.read(&mut [0; 100]).await;
        assert_eq!(read.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    }
}

#[tokio::test]
async fn faults_happen_at_random_and_again_with_the_same_seed() {
    let odds =
        Odds { seed: 3, throttle: 0.5, server_error: 0.2, reset_after: 0.1, ..Odds::default() };
    let mut outcomes = Vec::new();
    for seed in [3, 3, 4] {
        let sandbox = demo().await;
        let ecs = clients(&sandbox).await.ecs;
        sandbox.let_happen(Odds { seed, ..odds.clone() }).unwrap();
        for _ in 0..100 {
            let _whatever = ecs.list_clusters().send().await;
        }
        outcomes.push(sandbox.calls().into_iter().map(|call| call.outcome).collect::<Vec<_>>());
        sandbox.clear_faults();
        ecs.list_clusters().send().await.unwrap();
    }
    assert_eq!(outcomes[0], outcomes[1]);
    assert_ne!(outcomes[0], outcomes[2]);
    let count = |text: &str| outcomes[0].iter().filter(|outcome| *outcome == text).count();
    assert!((40..60).contains(&count("ThrottlingException")), "{:?}", outcomes[0]);
    assert!((10..30).contains(&count("ServerException")), "{:?}", outcomes[0]);
    assert!((3..20).contains(&count("ok (reset)")), "{:?}", outcomes[0]);
}

#[tokio::test]
async fn chance_is_narrowed_to_operations_and_orders_come_first() {
    let sandbox = demo().await;
    let ecs = clients(&sandbox).await.ecs;
    let operations = vec!["ListTasks".to_owned()];
    sandbox.let_happen(Odds { throttle: 1.0, operations, ..Odds::default() }).unwrap();
    ecs.list_clusters().send().await.unwrap();
    let list = || ecs.list_tasks().cluster("staging").send();
    sandbox.order(Fault::new("ListTasks", 1, FaultKind::Unavailable)).unwrap();
    assert_eq!(list().await.unwrap_err().code(), Some("ServiceUnavailable"));
    assert_eq!(list().await.unwrap_err().code(), Some("ThrottlingException"));
    assert!(sandbox.let_happen(Odds { throttle: 0.7, delay: 0.7, ..Odds::default() }).is_err());
    assert!(list().await.is_err(), "what was refused changes nothing");
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
    let always = json!({"throttle": 1, "operations": ["ListClusters"], "seed": 5});
    assert_eq!(admin("POST", "chance", always).await, json!({}));
    ecs.list_clusters().send().await.unwrap_err();
    assert!(admin("POST", "chance", json!({"throttle": 2})).await["error"].is_string());
    admin("DELETE", "faults", Value::Null).await;
    let calls = admin("GET", "calls", Value::Null).await;
    let outcomes: Vec<_> =
        calls.as_array().unwrap().iter().map(|call| call["outcome"].clone()).collect();
    assert_eq!(outcomes, ["ThrottlingException", "ok", "ThrottlingException"]);
    assert_eq!(calls[1]["parameters"]["cluster"], "staging");
    assert_eq!(calls[1]["key"], "test");
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
