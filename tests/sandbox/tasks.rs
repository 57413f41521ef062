//! Tasks: what a stopped one is replaced with, how a task lives and ends, and how tasks are listed.

use aws_sdk_ecs::types::{DesiredStatus, TaskStopCode};
use shipmate::sandbox::{
    Behaviour, ContainerSpec, ImageSpec, LaunchType, Mishap, RepositorySpec, ServiceSpec, TaskView,
    World,
};

use super::{LONG, clients, demo, fast, pinned, runs, small, unpinned};

#[tokio::test]
async fn a_replacement_runs_the_moved_tag_where_consistency_is_disabled() {
    let sandbox = fast(small(unpinned())).await;
    let ecs = clients(&sandbox).await.ecs;
    sandbox.put_tag("app", "live", "2").unwrap();
    let deployment = sandbox.service("blue", "api").unwrap().deployment;
    for task in sandbox.tasks("blue", "api") {
        let call = ecs.stop_task().cluster("blue").task(&task.arn);
        let answer = call.send().await.unwrap();
        assert_eq!(answer.task().unwrap().desired_status(), Some("STOPPED"));
        let listed = ecs.list_tasks().cluster("blue").send().await.unwrap();
        assert!(!listed.task_arns().contains(&task.arn), "a stopping task vanishes at once");
    }
    assert!(runs(&sandbox, "2").await);
    let after = sandbox.service("blue", "api").unwrap();
    assert_eq!(after.deployment, deployment, "StopTask makes no deployment");
    assert!(after.tasks.iter().all(|task| task.started_by.as_ref() == Some(&deployment)));
}

#[tokio::test]
async fn a_replacement_runs_the_old_image_where_the_deployment_is_pinned() {
    let sandbox = fast(small(pinned())).await;
    let ecs = clients(&sandbox).await.ecs;
    sandbox.put_tag("app", "live", "2").unwrap();
    let stopped = sandbox.tasks("blue", "api")[0].id.clone();
    ecs.stop_task().cluster("blue").task(&stopped).send().await.unwrap();
    assert!(runs(&sandbox, "1").await);
    assert!(sandbox.tasks("blue", "api").iter().all(|task| task.id != stopped));
}

#[tokio::test]
async fn a_task_lives_through_its_states() {
    let sandbox = fast(small(unpinned().percent(50, 200))).await;
    let ecs = clients(&sandbox).await.ecs;
    let first = sandbox.tasks("blue", "api")[0].id.clone();
    ecs.stop_task().cluster("blue").task(&first).reason("canary").send().await.unwrap();
    let (mut new, mut old) = (Vec::new(), Vec::new());
    let see = |list: &mut Vec<String>, status: &str| {
        if list.last().is_none_or(|last| last != status) {
            list.push(status.to_owned());
        }
    };
    for _ in 0..400 {
        let tasks = sandbox.tasks("blue", "api");
        if let Some(task) = tasks.get(2) {
            see(&mut new, &task.status);
        }
        if let Some(task) = sandbox.stopped_tasks("blue", "api").first() {
            see(&mut old, &task.status);
        }
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    let order = ["PROVISIONING", "PENDING", "ACTIVATING", "RUNNING"];
    assert!(is_within(&new, &order), "{new:?}");
    let order = ["DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED"];
    assert!(is_within(&old, &order), "{old:?}");
    let shown = ecs.describe_tasks().cluster("blue").tasks(&first).send().await.unwrap();
    let task = &shown.tasks()[0];
    assert_eq!(task.stop_code(), Some(&TaskStopCode::UserInitiated));
    assert_eq!(task.stopped_reason(), Some("canary"));
    assert!(task.stopped_at().is_some() && task.stopping_at().is_some());
    assert_eq!(task.containers()[0].exit_code(), Some(143));
}

/// Whether what was seen is in this order and ends where it does. A busy machine may miss a state.
fn is_within(seen: &[String], order: &[&str]) -> bool {
    let mut rest = order.iter();
    seen.iter().all(|state| rest.any(|next| next == state))
        && seen.last().map(String::as_str) == order.last().copied()
}

/// A service in whose repository `bad` behaves in that way, and what becomes of its first new task.
async fn outcome(behaviour: Behaviour) -> (TaskView, Option<String>) {
    let app = RepositorySpec::new("app")
        .image(ImageSpec::new("1").tag("live"))
        .image(ImageSpec::new("bad").behaviour(behaviour));
    let container = ContainerSpec::new("app", "app:live").unpinned().health_check();
    let world = World::new()
        .repository(app)
        .service(ServiceSpec::new("blue", "api", 1, container).launch_type(LaunchType::Ec2));
    let sandbox = fast(world).await;
    let bad = sandbox.put_tag("app", "live", "bad");
    let first = sandbox.tasks("blue", "api")[0].id.clone();
    assert!(sandbox.befall(&first, Mishap::SpotInterruption));
    let until = std::time::Instant::now() + LONG;
    loop {
        let stopped = sandbox.stopped_tasks("blue", "api");
        if let Some(task) = stopped.iter().find(|task| task.id != first && task.status == "STOPPED")
        {
            return (task.clone(), bad);
        }
        assert!(std::time::Instant::now() < until, "no new task has stopped");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_crashing_image_exits() {
    let (task, digest) = outcome(Behaviour::Crash { exit_code: 1 }).await;
    assert_eq!(task.stop_code.as_deref(), Some("EssentialContainerExited"));
    assert_eq!(task.digests.get("app"), digest.as_ref());
    assert_ne!(task.health, "HEALTHY");
}

#[tokio::test]
async fn an_unhealthy_image_is_stopped_by_the_scheduler() {
    let (task, digest) = outcome(Behaviour::Unhealthy).await;
    assert_eq!(task.stop_code.as_deref(), Some("ServiceSchedulerInitiated"));
    assert_eq!(task.stopped_reason.as_deref(), Some("Task failed container health checks"));
    assert_eq!(task.health, "UNHEALTHY");
    assert_eq!(task.digests.get("app"), digest.as_ref());
}

#[tokio::test]
async fn an_image_that_cannot_be_pulled_never_starts() {
    let (task, _) = outcome(Behaviour::Stuck).await;
    assert_eq!(task.stop_code.as_deref(), Some("TaskFailedToStart"));
    assert!(task.stopped_reason.unwrap().starts_with("CannotPullContainerError"));
    assert!(task.digests.is_empty(), "what was not pulled has no digest");
}

#[tokio::test]
async fn an_image_that_crashes_later_is_healthy_before() {
    let (task, _) = outcome(Behaviour::CrashLater { exit_code: 3, after_millis: 150 }).await;
    assert_eq!(task.stop_code.as_deref(), Some("EssentialContainerExited"));
    assert_eq!(task.health, "HEALTHY");
}

#[tokio::test]
async fn fargate_reports_the_child_of_an_index_and_ec2_the_index() {
    let sandbox = demo().await;
    let index = sandbox.digest("web", "2.1.0").unwrap();
    let ecs = clients(&sandbox).await.ecs;
    for cluster in ["staging", "production"] {
        sandbox.put_tag("web", &format!("{cluster}-latest"), "2.1.0").unwrap();
        let update = ecs.update_service().cluster(cluster).service("web");
        update.force_new_deployment(true).send().await.unwrap();
        let old = sandbox.digest("web", "2.0.0").unwrap();
        let moved = sandbox.wait_for(cluster, "web", LONG, |service| {
            service.is_steady() && service.tasks.iter().all(|task| task.digests["web"] != old)
        });
        assert!(moved.await);
    }
    let of = |cluster| sandbox.tasks(cluster, "web")[0].digests["web"].clone();
    assert_eq!(of("staging"), index);
    assert_ne!(of("production"), index);
    let ecr = clients(&sandbox).await.ecr;
    let id = aws_sdk_ecr::types::ImageIdentifier::builder().image_digest(&index).build();
    let got = ecr.batch_get_image().repository_name("web").image_ids(id).send().await.unwrap();
    let manifest = got.images()[0].image_manifest().unwrap();
    assert!(manifest.contains(&of("production")) && manifest.contains("unknown"));
}

#[tokio::test]
async fn a_sidecar_has_a_digest_of_its_own() {
    let sandbox = demo().await;
    let task = &sandbox.tasks("staging", "rest-api")[0];
    assert_eq!(task.digests["app"], sandbox.digest("core", "1.4.1").unwrap());
    assert_ne!(task.digests["proxy"], task.digests["app"]);
}

#[tokio::test]
async fn tasks_are_listed_by_the_hundred() {
    let world = World::new()
        .repository(RepositorySpec::new("app").image(ImageSpec::new("1").tag("live")))
        .many_services("blue", 25, 10, "app:live");
    let sandbox = fast(world).await;
    let ecs = clients(&sandbox).await.ecs;
    let mut pages = Vec::new();
    let mut token = None;
    loop {
        let page = ecs.list_tasks().cluster("blue").set_next_token(token).send().await.unwrap();
        pages.push(page.task_arns().to_vec());
        token = page.next_token().map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [100, 100, 50]);
    let mut all: Vec<String> = pages.concat();
    let one_more = format!("{}0", all[0]);
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 250);
    let hundred = ecs.describe_tasks().cluster("blue").set_tasks(Some(all[..100].to_vec()));
    assert_eq!(hundred.send().await.unwrap().tasks().len(), 100);
    let too_many =
        ecs.describe_tasks().cluster("blue").set_tasks(Some(all[..101].to_vec())).send().await;
    assert!(too_many.unwrap_err().into_service_error().is_invalid_parameter_exception());
    let too_long = ecs.list_tasks().cluster("blue").max_results(101).send().await;
    assert!(too_long.unwrap_err().into_service_error().is_invalid_parameter_exception());
    let missing = ecs.describe_tasks().cluster("blue").tasks(one_more).send().await.unwrap();
    assert_eq!(missing.failures()[0].reason(), Some("MISSING"));
    let no_cluster = ecs.list_tasks().cluster("green").send().await;
    assert!(no_cluster.unwrap_err().into_service_error().is_cluster_not_found_exception());
}

#[tokio::test]
async fn stopped_tasks_can_be_seen_for_an_hour_of_the_wall_clock() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::{Duration, SystemTime};

    let ahead = Arc::new(AtomicU64::new(0));
    let clock = {
        let ahead = ahead.clone();
        Arc::new(move || SystemTime::now() + Duration::from_secs(ahead.load(Ordering::Relaxed)))
    };
    let options =
        shipmate::sandbox::Options { port: 0, clock, times: shipmate::sandbox::Times::fast() };
    let sandbox = shipmate::sandbox::Sandbox::start(small(unpinned()), options).await.unwrap();
    let ecs = clients(&sandbox).await.ecs;
    let first = sandbox.tasks("blue", "api")[0].arn.clone();
    ecs.stop_task().cluster("blue").task(&first).send().await.unwrap();
    let gone = || sandbox.stopped_tasks("blue", "api").iter().any(|task| task.status == "STOPPED");
    assert!(sandbox.wait_for("blue", "api", LONG, |_| gone()).await);
    let list = || {
        ecs.list_tasks()
            .cluster("blue")
            .service_name("api")
            .desired_status(DesiredStatus::Stopped)
            .send()
    };
    ahead.store(3_500, Ordering::Relaxed);
    assert!(list().await.unwrap().task_arns().contains(&first));
    ahead.store(3_700, Ordering::Relaxed);
    assert!(list().await.unwrap().task_arns().is_empty());
    let shown = ecs.describe_tasks().cluster("blue").tasks(first).send().await.unwrap();
    assert_eq!(shown.failures()[0].reason(), Some("MISSING"));
}
