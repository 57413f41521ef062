//! Other people's hands, and ECS's own, in the simulated AWS: what they do, and that no call is
//! logged for it.

use std::collections::BTreeSet;

use aws_sdk_ecs::types::TaskStopCode;
use serde_json::{Value, json};
use shipmate::sandbox::{Behaviour, Deed, ImageSpec, Mishap, ServiceView};

use super::faults::http;
use super::{LONG, clients, fast, pinned, runs, small, unpinned};

fn ids(service: &ServiceView) -> BTreeSet<String> {
    service.tasks.iter().map(|task| task.id.clone()).collect()
}

#[tokio::test]
async fn zones_are_rebalanced_by_one_more_task_and_then_one_less() {
    let sandbox = fast(small(pinned())).await;
    let before = sandbox.service("blue", "api").unwrap();
    assert!(sandbox.lay_hands("blue", "api", &Deed::Rebalance));
    let (mut most, mut fewest) = (0, u32::MAX);
    let until = std::time::Instant::now() + LONG;
    let after = loop {
        let service = sandbox.service("blue", "api").unwrap();
        most = most.max(service.tasks.len());
        fewest = fewest.min(service.healthy);
        assert_eq!(
            (service.deployment.as_str(), service.rollout.as_str()),
            (before.deployment.as_str(), "COMPLETED")
        );
        if service.is_steady() && ids(&service) != ids(&before) {
            break service;
        }
        assert!(std::time::Instant::now() < until, "it never ends: {service:#?}");
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    };
    assert_eq!((most, fewest), (4, 3), "one is started before one is stopped");
    assert_eq!(ids(&before).intersection(&ids(&after)).count(), 2);
    let stopped = &sandbox.stopped_tasks("blue", "api")[0];
    assert_eq!(stopped.stop_code.as_deref(), Some("ServiceSchedulerInitiated"));
    assert!(stopped.stopped_reason.as_ref().unwrap().contains("rebalancing"));
    assert!(sandbox.calls().is_empty());
}

#[tokio::test]
async fn zones_are_not_rebalanced_without_room_or_during_a_deployment() {
    let sandbox = fast(small(pinned().percent(50, 100))).await;
    assert!(!sandbox.lay_hands("blue", "api", &Deed::Rebalance), "there is no room");
    assert!(sandbox.lay_hands("blue", "api", &Deed::SetPercent { minimum: 100, maximum: 200 }));
    assert!(sandbox.lay_hands("blue", "api", &Deed::Deploy));
    assert!(!sandbox.lay_hands("blue", "api", &Deed::Rebalance), "something is deployed");
    assert!(!sandbox.lay_hands("blue", "none", &Deed::Rebalance));
}

#[tokio::test]
async fn somebody_deploys_scales_and_sets_percentages() {
    let sandbox = fast(small(pinned())).await;
    let before = sandbox.service("blue", "api").unwrap().deployment;
    assert!(sandbox.lay_hands("blue", "api", &Deed::SetPercent { minimum: 0, maximum: 150 }));
    assert!(sandbox.lay_hands("blue", "api", &Deed::Scale { desired: 5 }));
    let scaled = |service: &ServiceView| service.desired == 5 && service.is_steady();
    assert!(sandbox.wait_for("blue", "api", LONG, scaled).await);
    let ecs = clients(&sandbox).await.ecs;
    let shown = ecs.describe_services().cluster("blue").services("api").send().await.unwrap();
    let configuration = shown.services()[0].deployment_configuration().unwrap();
    assert_eq!(configuration.minimum_healthy_percent(), Some(0));
    assert_eq!(configuration.maximum_percent(), Some(150));
    assert_eq!(sandbox.service("blue", "api").unwrap().deployment, before, "neither deploys");

    sandbox.put_tag("app", "live", "2").unwrap();
    assert!(sandbox.lay_hands("blue", "api", &Deed::Deploy));
    assert!(runs(&sandbox, "2").await);
    assert_ne!(sandbox.service("blue", "api").unwrap().deployment, before);
    assert!(!sandbox.lay_hands("blue", "none", &Deed::Deploy));
}

#[tokio::test]
async fn somebody_deploys_another_task_definition() {
    let sandbox = fast(small(unpinned())).await;
    let ecs = clients(&sandbox).await.ecs;
    let of_service = async || {
        let shown = ecs.describe_services().cluster("blue").services("api").send().await.unwrap();
        let name = shown.services()[0].task_definition().unwrap().to_owned();
        let shown = ecs.describe_task_definition().task_definition(&name).send().await.unwrap();
        let containers = shown.task_definition.unwrap().container_definitions.unwrap();
        (name, containers[0].clone())
    };
    let (old, old_container) = of_service().await;
    let deed = Deed::Redefine { container: "app".to_owned(), image: "app:2".to_owned() };
    assert!(sandbox.lay_hands("blue", "api", &deed));
    assert!(runs(&sandbox, "2").await);
    let (new, container) = of_service().await;
    assert_eq!(old.strip_suffix(":1"), new.strip_suffix(":2"));
    assert!(container.image().unwrap().ends_with(".amazonaws.com/app:2"));
    assert_eq!(container.version_consistency(), old_container.version_consistency());
    let unknown = Deed::Redefine { container: "none".to_owned(), image: "app:2".to_owned() };
    assert!(!sandbox.lay_hands("blue", "api", &unknown));
}

#[tokio::test]
async fn somebody_deletes_a_service() {
    let sandbox = fast(small(unpinned())).await;
    let ecs = clients(&sandbox).await.ecs;
    assert!(sandbox.lay_hands("blue", "api", &Deed::Delete));
    let status = async || {
        let shown = ecs.describe_services().cluster("blue").services("api").send().await.unwrap();
        shown.services()[0].status().unwrap().to_owned()
    };
    assert!(["DRAINING", "INACTIVE"].contains(&status().await.as_str()));
    let until = std::time::Instant::now() + LONG;
    while status().await != "INACTIVE" {
        assert!(std::time::Instant::now() < until, "its tasks do not end");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert!(sandbox.tasks("blue", "api").is_empty());
    assert!(!sandbox.lay_hands("blue", "api", &Deed::Deploy), "it is not active");
}

#[tokio::test]
async fn somebody_sends_a_deployment_back() {
    let sandbox = fast(small(pinned())).await;
    sandbox.push("app", &ImageSpec::new("3").behaviour(Behaviour::Stuck)).unwrap();
    assert!(!sandbox.lay_hands("blue", "api", &Deed::RollBack), "nothing is under way");
    let before = sandbox.service("blue", "api").unwrap().deployment;
    sandbox.put_tag("app", "live", "3").unwrap();
    assert!(sandbox.lay_hands("blue", "api", &Deed::Deploy));
    assert!(sandbox.lay_hands("blue", "api", &Deed::RollBack));
    assert!(runs(&sandbox, "1").await);
    assert_eq!(sandbox.service("blue", "api").unwrap().deployment, before);
}

#[tokio::test]
async fn somebody_archives_an_image_and_stops_a_task() {
    let sandbox = fast(small(unpinned())).await;
    let old = sandbox.digest("app", "1").unwrap();
    assert!(sandbox.archive_image("app", "2"));
    assert!(!sandbox.archive_image("app", "none"));
    sandbox.put_tag("app", "live", "2").unwrap();
    let task = sandbox.tasks("blue", "api")[0].clone();
    assert!(sandbox.befall(&task.id, Mishap::StoppedByHand));
    let ecs = clients(&sandbox).await.ecs;
    let shown = ecs.describe_tasks().cluster("blue").tasks(&task.arn).send().await.unwrap();
    assert_eq!(shown.tasks()[0].stop_code(), Some(&TaskStopCode::UserInitiated));
    let failed = |_: &ServiceView| {
        let stopped = sandbox.stopped_tasks("blue", "api");
        stopped.iter().any(|one| one.stop_code.as_deref() == Some("TaskFailedToStart"))
    };
    assert!(sandbox.wait_for("blue", "api", LONG, failed).await, "what is archived is not pulled");
    let service = sandbox.service("blue", "api").unwrap();
    let running = service.tasks.iter().filter(|task| task.status == "RUNNING");
    assert!(running.clone().all(|task| task.digests["app"] == old) && running.count() == 2);
}

#[tokio::test]
async fn deeds_are_done_by_the_admin_path_too() {
    let sandbox = fast(small(unpinned())).await;
    let admin = async |deed: Value| -> Value {
        let body = json!({"cluster": "blue", "service": "api", "deed": deed}).to_string();
        serde_json::from_str(&http(&sandbox, "POST", "/_sandbox/deeds", &body).await).unwrap()
    };
    assert_eq!(admin(json!({"scale": {"desired": 1}})).await, json!({}));
    let scaled = |service: &ServiceView| service.desired == 1 && service.is_steady();
    assert!(sandbox.wait_for("blue", "api", LONG, scaled).await);
    let redefine = json!({"redefine": {"container": "app", "image": "app:2"}});
    assert_eq!(admin(redefine).await, json!({}));
    assert!(runs(&sandbox, "2").await);
    assert_eq!(admin(json!("delete")).await, json!({}));
    assert!(admin(json!("deploy")).await["error"].is_string());
    assert!(admin(json!("paint")).await["error"].is_string());
}
