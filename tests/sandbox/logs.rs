//! CloudWatch Logs: what containers have written, as far as the end of a log is read.

use serde_json::{Value, json};
use shipmate::sandbox::{
    Behaviour, ContainerSpec, ImageSpec, Mishap, RepositorySpec, Sandbox, ServiceSpec, World,
};

use super::faults::exchange;
use super::{LONG, demo, fast};

async fn ask(sandbox: &Sandbox, input: Value) -> (u16, Value) {
    let target = "x-amz-target: Logs_20140328.GetLogEvents\r\n";
    let (status, body) = exchange(sandbox, "POST", "/", target, &input.to_string()).await;
    (status, serde_json::from_str(&body).unwrap())
}

fn messages(answer: &Value) -> Vec<&str> {
    let events = answer["events"].as_array().unwrap().iter();
    events.map(|event| event["message"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn what_a_crashing_task_wrote_can_be_read_afterwards() {
    let bad = ImageSpec::new("bad").behaviour(Behaviour::Crash { exit_code: 1 });
    let app = RepositorySpec::new("app")
        .image(ImageSpec::new("1").tag("live"))
        .image(bad.logs(&["one", "two", "three"]));
    let container = ContainerSpec::new("app", "app:live").unpinned().logs_to("/ecs/api");
    let service = ServiceSpec::new("blue", "api", 1, container);
    let sandbox = fast(World::new().repository(app).service(service)).await;
    sandbox.put_tag("app", "live", "bad").unwrap();
    let first = sandbox.tasks("blue", "api")[0].id.clone();
    assert!(sandbox.befall(&first, Mishap::SpotInterruption));
    let crashed = || {
        let stopped = sandbox.stopped_tasks("blue", "api");
        stopped.into_iter().find(|task| task.id != first && task.status == "STOPPED")
    };
    assert!(sandbox.wait_for("blue", "api", LONG, |_| crashed().is_some()).await);
    let stream = format!("api/app/{}", crashed().unwrap().id);
    let of = |more: Value| {
        let mut input = json!({"logGroupName": "/ecs/api", "logStreamName": stream});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ask(&sandbox, input)
    };
    let (status, all) = of(json!({})).await;
    assert_eq!((status, messages(&all)), (200, vec!["one", "two", "three"]));
    let (_, last) = of(json!({"limit": 2})).await;
    assert_eq!(messages(&last), ["two", "three"], "without startFromHead the end comes first");
    let (_, before) = of(json!({"limit": 2, "nextToken": last["nextBackwardToken"]})).await;
    assert_eq!(messages(&before), ["one"]);
    let (_, head) = of(json!({"limit": 2, "startFromHead": true})).await;
    assert_eq!(messages(&head), ["one", "two"]);
    let (_, after) = of(json!({"limit": 2, "nextToken": head["nextForwardToken"]})).await;
    assert_eq!(messages(&after), ["three"]);
    let (_, end) = of(json!({"limit": 2, "nextToken": after["nextForwardToken"]})).await;
    assert!(messages(&end).is_empty());
    assert_eq!(end["nextForwardToken"], after["nextForwardToken"], "the end gives the same token");
    let second = all["events"][1]["timestamp"].clone();
    let (_, from) = of(json!({"startTime": second})).await;
    assert_eq!(messages(&from), ["two", "three"]);
    let (_, until) = of(json!({"endTime": second})).await;
    assert_eq!(messages(&until), ["one"]);
    for (bad, error) in [
        (json!({"limit": 0}), "InvalidParameterException"),
        (json!({"nextToken": "x"}), "InvalidParameterException"),
        (json!({"logGroupName": "/ecs/none"}), "ResourceNotFoundException"),
        (json!({"logStreamName": "web/app/1"}), "ResourceNotFoundException"),
        (json!({"logStreamName": format!("other/app/{first}")}), "ResourceNotFoundException"),
    ] {
        let (status, answer) = of(bad.clone()).await;
        assert_eq!((status, answer["__type"].as_str()), (400, Some(error)), "{bad}");
    }
}

#[tokio::test]
async fn images_write_what_goes_with_their_behaviour() {
    let sandbox = demo().await;
    let task = sandbox.tasks("staging", "worker")[0].id.clone();
    let stream = format!("worker/app/{task}");
    let input = json!({"logGroupName": "/ecs/staging/worker", "logStreamName": stream});
    let (_, answer) = ask(&sandbox, input).await;
    assert_eq!(messages(&answer), ["core 1.4.1 starts", "listening on port 8080"]);
    let call = sandbox.calls().pop().unwrap();
    assert_eq!((call.service, call.operation.as_str()), ("logs", "GetLogEvents"));
}
