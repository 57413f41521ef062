//! The demo's world: what it begins with, and what its broken images do where the demo promotes
//! them to.

use shipmate::sandbox::{Sandbox, ServiceView};

use super::{LONG, clients, demo};

#[tokio::test]
async fn both_environments_begin_steady() {
    let sandbox = demo().await;
    let mut seen = Vec::new();
    for service in sandbox.services() {
        assert!(service.is_steady() && service.rollout == "COMPLETED", "{service:?}");
        let (container, repository) = match service.name.as_str() {
            "web" => ("web", "web"),
            _ => ("app", "core"),
        };
        let latest = sandbox.digest(repository, &format!("{}-latest", service.cluster)).unwrap();
        assert!(service.runs(container, &latest));
        seen.push(format!("{}/{} {}", service.cluster, service.name, service.desired));
    }
    let expected = [
        "production/rest-api 4",
        "production/web 3",
        "production/worker-prod 3",
        "staging/rest-api 3",
        "staging/web 2",
        "staging/worker 2",
    ];
    assert_eq!(seen, expected);
    assert_eq!(sandbox.digest("core", "staging-latest"), sandbox.digest("core", "1.4.1"));
    assert_eq!(sandbox.digest("web", "production-latest"), sandbox.digest("web", "2.0.0"));
    let again = demo().await;
    assert_eq!(sandbox.tags("core"), again.tags("core"), "digests are the same in every sandbox");
}

/// Moves staging's tag to an image, stops one task of rest-api, and waits for the first new task to
/// fail.
async fn first_failure(sandbox: &Sandbox, tag: &str) -> (Option<String>, Option<String>) {
    sandbox.put_tag("core", "staging-latest", tag).unwrap();
    let stopped = sandbox.tasks("staging", "rest-api")[0].id.clone();
    let ecs = clients(sandbox).await.ecs;
    ecs.stop_task().cluster("staging").task(&stopped).send().await.unwrap();
    let failed = || {
        let tasks = sandbox.stopped_tasks("staging", "rest-api");
        tasks.into_iter().find(|task| task.id != stopped && task.stop_code.is_some())
    };
    let waits = |_: &ServiceView| failed().is_some();
    assert!(sandbox.wait_for("staging", "rest-api", LONG, waits).await, "{tag} did not fail");
    let task = failed().unwrap();
    (task.stop_code, task.stopped_reason)
}

#[tokio::test]
async fn each_broken_image_breaks_in_its_own_way() {
    for (tag, code, reason) in [
        ("1.6.0-crash", "EssentialContainerExited", "Essential container in task exited"),
        ("1.6.0-unhealthy", "ServiceSchedulerInitiated", "Task failed container health checks"),
        ("1.6.0-stuck", "TaskFailedToStart", "CannotPullContainerError"),
    ] {
        let sandbox = demo().await;
        let (seen_code, seen_reason) = first_failure(&sandbox, tag).await;
        assert_eq!(seen_code.as_deref(), Some(code));
        assert!(seen_reason.unwrap().starts_with(reason));
    }
}

#[tokio::test]
async fn putting_the_tag_back_heals_a_service() {
    let sandbox = demo().await;
    first_failure(&sandbox, "1.6.0-stuck").await;
    let good = sandbox.put_tag("core", "staging-latest", "1.4.1").unwrap();
    let healed =
        sandbox.wait_for("staging", "rest-api", LONG, |service| service.runs("app", &good));
    assert!(healed.await);
}
