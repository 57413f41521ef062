//! Service deployments: what they resolve, how they roll, fail and go back.

use std::time::Duration;

use aws_sdk_ecs::operation::list_service_deployments::ListServiceDeploymentsOutput;
use aws_sdk_ecs::types::{
    CreatedAt, DeploymentRolloutState, ServiceDeployment, ServiceDeploymentRollbackMonitorsStatus,
    ServiceDeploymentStatus, StopServiceDeploymentStopType,
};
use shipmate::sandbox::{
    Behaviour, CircuitBreaker, ContainerSpec, ImageSpec, Options, RepositorySpec, Sandbox,
    ServiceSpec, Times, World,
};

use super::{LONG, clients, demo, fast, pinned, runs, small, unpinned};

#[tokio::test]
async fn a_forced_deployment_resolves_the_tag_anew() {
    let sandbox = fast(small(pinned())).await;
    let ecs = clients(&sandbox).await.ecs;
    let before = sandbox.service("blue", "api").unwrap().deployment;
    let moved = sandbox.put_tag("app", "live", "2").unwrap();
    let update = ecs.update_service().cluster("blue").service("api").force_new_deployment(true);
    let service = update.send().await.unwrap().service.unwrap();
    let statuses: Vec<_> = service.deployments().iter().filter_map(|one| one.status()).collect();
    assert_eq!(statuses, ["PRIMARY", "ACTIVE"]);
    assert_eq!(service.deployments()[1].id(), Some(before.as_str()));

    // The tag moves once more while the deployment is under way: its tasks are pinned to what was
    // first.
    let first_pulled = |service: &shipmate::sandbox::ServiceView| {
        service.tasks.iter().any(|task| task.digests.get("app") == Some(&moved))
    };
    assert!(sandbox.wait_for("blue", "api", LONG, first_pulled).await);
    sandbox.put_tag("app", "live", "1").unwrap();
    assert!(runs(&sandbox, "2").await);

    let shown = ecs.describe_services().cluster("blue").services("api").send().await.unwrap();
    let service = &shown.services()[0];
    assert_eq!(service.deployments().len(), 1);
    assert_eq!(service.deployments()[0].rollout_state(), Some(&DeploymentRolloutState::Completed));
    let revision = service.current_service_revisions()[0].arn().unwrap();
    let revisions =
        ecs.describe_service_revisions().service_revision_arns(revision).send().await.unwrap();
    assert_eq!(
        revisions.service_revisions()[0].container_images()[0].image_digest(),
        Some(moved.as_str())
    );
}

#[tokio::test]
async fn the_events_of_a_service_tell_its_story() {
    let sandbox = fast(small(pinned())).await;
    let ecs = clients(&sandbox).await.ecs;
    let update = ecs.update_service().cluster("blue").service("api").force_new_deployment(true);
    update.send().await.unwrap();
    let until = std::time::Instant::now() + LONG;
    let messages = loop {
        let shown = ecs.describe_services().cluster("blue").services("api").send().await.unwrap();
        let events = shown.services()[0].events().iter().rev();
        let messages: Vec<String> =
            events.map(|event| event.message().unwrap().to_owned()).collect();
        if messages.iter().any(|message| message.ends_with("has reached a steady state.")) {
            break messages;
        }
        assert!(std::time::Instant::now() < until, "{messages:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert!(messages[0].starts_with("(service api) has started 3 tasks: (task "));
    assert!(messages.iter().any(|message| message.contains("running tasks: (task ")));
    assert!(messages.iter().any(|message| message.ends_with("deployment completed.")));
}

#[tokio::test]
async fn a_service_from_before_consistency_has_no_revision_until_it_is_deployed() {
    let sandbox = fast(small(pinned().predates_consistency())).await;
    let ecs = clients(&sandbox).await.ecs;
    let revisions = || async {
        let shown = ecs.describe_services().cluster("blue").services("api").send().await.unwrap();
        shown.services()[0].current_service_revisions().len()
    };
    assert_eq!(revisions().await, 0);
    sandbox.put_tag("app", "live", "2").unwrap();
    for task in sandbox.tasks("blue", "api") {
        ecs.stop_task().cluster("blue").task(task.arn).send().await.unwrap();
    }
    assert!(runs(&sandbox, "2").await, "its tasks look the tag up");
    let update = ecs.update_service().cluster("blue").service("api").force_new_deployment(true);
    update.send().await.unwrap();
    assert_eq!(revisions().await, 1);
    assert!(sandbox.wait_for("blue", "api", LONG, |service| service.is_steady()).await);
    sandbox.put_tag("app", "live", "1").unwrap();
    let task = sandbox.tasks("blue", "api")[0].id.clone();
    ecs.stop_task().cluster("blue").task(task).send().await.unwrap();
    assert!(runs(&sandbox, "2").await, "now they are pinned");
}

#[tokio::test]
async fn a_service_without_consistency_is_pinned_to_nothing() {
    let sandbox = fast(small(unpinned())).await;
    let ecs = clients(&sandbox).await.ecs;
    let shown = ecs.describe_services().cluster("blue").services("api").send().await.unwrap();
    let service = &shown.services()[0];
    let revision = service.current_service_revisions()[0].arn().unwrap();
    let revisions =
        ecs.describe_service_revisions().service_revision_arns(revision).send().await.unwrap();
    assert_eq!(revisions.service_revisions()[0].container_images()[0].image_digest(), None);
    let definition =
        ecs.describe_task_definition().task_definition(service.task_definition().unwrap());
    let definition = definition.send().await.unwrap().task_definition.unwrap();
    let consistency = definition.container_definitions()[0].version_consistency().unwrap();
    assert_eq!(consistency.as_str(), "disabled");
}

#[tokio::test]
async fn percentages_hold_throughout_a_deployment() {
    let cases = [(100, 200, 4, 8), (50, 100, 2, 4), (100, 150, 4, 6), (50, 200, 2, 8)];
    for (minimum, maximum, least, most) in cases {
        let spec = ServiceSpec::new(
            "blue",
            "api",
            4,
            ContainerSpec::new("app", "app:live").health_check(),
        );
        let sandbox = fast(small(spec.percent(minimum, maximum))).await;
        let ecs = clients(&sandbox).await.ecs;
        sandbox.put_tag("app", "live", "2").unwrap();
        ecs.update_service()
            .cluster("blue")
            .service("api")
            .force_new_deployment(true)
            .send()
            .await
            .unwrap();
        let (mut fewest, mut highest) = (u32::MAX, 0);
        let digest = sandbox.digest("app", "2").unwrap();
        loop {
            let service = sandbox.service("blue", "api").unwrap();
            fewest = fewest.min(service.healthy);
            highest = highest.max(service.tasks.len());
            if service.runs("app", &digest) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(fewest >= least && highest <= most, "{minimum}/{maximum}: {fewest} to {highest}");
        assert!(highest > 4 || maximum == 100, "{minimum}/{maximum}: there was room for more");
    }
}

fn breaker(circuit_breaker: CircuitBreaker, behaviour: Behaviour) -> World {
    let app = RepositorySpec::new("app")
        .image(ImageSpec::new("1").tag("live"))
        .image(ImageSpec::new("bad").behaviour(behaviour));
    let container = ContainerSpec::new("app", "app:live").health_check();
    World::new()
        .repository(app)
        .service(ServiceSpec::new("blue", "api", 3, container).circuit_breaker(circuit_breaker))
}

#[tokio::test]
async fn the_circuit_breaker_rolls_back_and_leaves_the_tag() {
    for behaviour in [Behaviour::Stuck, Behaviour::Crash { exit_code: 1 }, Behaviour::Unhealthy] {
        let sandbox = fast(breaker(CircuitBreaker::Rollback, behaviour)).await;
        let ecs = clients(&sandbox).await.ecs;
        let before = sandbox.service("blue", "api").unwrap().deployment;
        let bad = sandbox.put_tag("app", "live", "bad").unwrap();
        let update = ecs.update_service().cluster("blue").service("api").force_new_deployment(true);
        update.send().await.unwrap();
        let failed = sandbox.service("blue", "api").unwrap().deployment;
        assert_ne!(failed, before);
        let back = |service: &shipmate::sandbox::ServiceView| {
            service.deployment == before && service.is_steady()
        };
        assert!(sandbox.wait_for("blue", "api", LONG, back).await, "{behaviour:?}");
        assert!(runs(&sandbox, "1").await, "it runs what the old deployment was pinned to");
        assert_eq!(
            sandbox.digest("app", "live"),
            Some(bad),
            "a native rollback does not move the tag"
        );

        let list =
            ecs.list_service_deployments().cluster("blue").service("api").send().await.unwrap();
        let rolled = list
            .service_deployments()
            .iter()
            .find(|one| one.status() == Some(&ServiceDeploymentStatus::RollbackSuccessful));
        let arn = rolled.unwrap().service_deployment_arn().unwrap();
        let described =
            ecs.describe_service_deployments().service_deployment_arns(arn).send().await.unwrap();
        let described = &described.service_deployments()[0];
        let monitors = described.deployment_circuit_breaker().unwrap();
        assert_eq!(monitors.status(), Some(&ServiceDeploymentRollbackMonitorsStatus::Triggered));
        assert_eq!(monitors.threshold(), 3);
        assert!(described.rollback().unwrap().reason().unwrap().contains("circuit breaker"));
    }
}

#[tokio::test]
async fn without_rollback_the_deployment_stays_failed() {
    let sandbox = fast(breaker(CircuitBreaker::Fail, Behaviour::Stuck)).await;
    let ecs = clients(&sandbox).await.ecs;
    sandbox.put_tag("app", "live", "bad").unwrap();
    ecs.update_service()
        .cluster("blue")
        .service("api")
        .force_new_deployment(true)
        .send()
        .await
        .unwrap();
    assert!(sandbox.wait_for("blue", "api", LONG, |service| service.rollout == "FAILED").await);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let service = sandbox.service("blue", "api").unwrap();
    assert_eq!(
        (service.healthy, service.pending, service.deployments),
        (3, 0, 2),
        "old tasks go on"
    );
}

#[tokio::test]
async fn without_a_circuit_breaker_a_deployment_tries_for_ever() {
    let sandbox = fast(breaker(CircuitBreaker::Off, Behaviour::Stuck)).await;
    let ecs = clients(&sandbox).await.ecs;
    sandbox.put_tag("app", "live", "bad").unwrap();
    ecs.update_service()
        .cluster("blue")
        .service("api")
        .force_new_deployment(true)
        .send()
        .await
        .unwrap();
    let unable = || async {
        let shown = ecs.describe_services().cluster("blue").services("api").send().await.unwrap();
        let service = &shown.services()[0];
        let said = service.events().iter().any(|event| event.message().unwrap().contains("unable"));
        said && service.deployments()[0].rollout_state()
            == Some(&DeploymentRolloutState::InProgress)
    };
    for _ in 0..1_000 {
        if unable().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the service never said that it is unable to start tasks");
}

#[tokio::test]
async fn a_deployment_can_be_stopped_and_goes_back() {
    let sandbox = fast(breaker(CircuitBreaker::Off, Behaviour::Stuck)).await;
    let ecs = clients(&sandbox).await.ecs;
    sandbox.put_tag("app", "live", "bad").unwrap();
    let update = ecs.update_service().cluster("blue").service("api").force_new_deployment(true);
    let arn = update.send().await.unwrap().service.unwrap().current_service_deployment.unwrap();
    ecs.stop_service_deployment().service_deployment_arn(&arn).send().await.unwrap();
    assert!(runs(&sandbox, "1").await);
    let again = ecs.stop_service_deployment().service_deployment_arn(&arn).send().await;
    assert!(again.unwrap_err().into_service_error().is_conflict_exception());
}

#[tokio::test]
async fn services_scale_and_are_described_by_the_ten() {
    let sandbox = demo().await;
    let ecs = clients(&sandbox).await.ecs;
    let before = sandbox.service("staging", "worker").unwrap().deployment;
    ecs.update_service()
        .cluster("staging")
        .service("worker")
        .desired_count(5)
        .send()
        .await
        .unwrap();
    assert!(
        sandbox
            .wait_for("staging", "worker", LONG, |one| one.desired == 5 && one.is_steady())
            .await
    );
    assert!(sandbox.set_desired("staging", "worker", 1));
    assert!(
        sandbox
            .wait_for("staging", "worker", LONG, |one| one.desired == 1 && one.is_steady())
            .await
    );
    assert_eq!(
        sandbox.service("staging", "worker").unwrap().deployment,
        before,
        "scaling is no deployment"
    );

    let eleven = (0..11).map(|number| format!("service-{number}")).collect();
    let too_many =
        ecs.describe_services().cluster("staging").set_services(Some(eleven)).send().await;
    assert!(too_many.unwrap_err().into_service_error().is_invalid_parameter_exception());
    let missing =
        ecs.describe_services().cluster("staging").services("nothing").send().await.unwrap();
    assert_eq!(missing.failures()[0].reason(), Some("MISSING"));
    let unknown = ecs.update_service().cluster("staging").service("nothing").send().await;
    assert!(unknown.unwrap_err().into_service_error().is_service_not_found_exception());
    ecs.delete_service().cluster("staging").service("worker").force(true).send().await.unwrap();
    let inactive =
        ecs.update_service().cluster("staging").service("worker").desired_count(1).send().await;
    assert!(inactive.unwrap_err().into_service_error().is_service_not_active_exception());
}

/// What DescribeServiceDeployments shows of one.
async fn described(ecs: &aws_sdk_ecs::Client, arn: &str) -> ServiceDeployment {
    let shown = ecs.describe_service_deployments().service_deployment_arns(arn).send().await;
    shown.unwrap().service_deployments.unwrap().remove(0)
}

/// The digest of the first container of a service revision.
async fn pinned_to(ecs: &aws_sdk_ecs::Client, revision: &str) -> Option<String> {
    let shown = ecs.describe_service_revisions().service_revision_arns(revision).send().await;
    let revision = shown.unwrap().service_revisions.unwrap().remove(0);
    revision.container_images()[0].image_digest().map(str::to_owned)
}

/// Slow enough that each state is seen.
async fn slow(world: World) -> Sandbox {
    let scheduler_tick = Duration::from_millis(400);
    let stopping = Duration::from_millis(400);
    let times = Times { scheduler_tick, stopping, ..Times::fast() };
    Sandbox::start(world, Options { times, ..Options::default() }).await.unwrap()
}

/// The states of a service deployment up to this one, each once.
async fn states(ecs: &aws_sdk_ecs::Client, arn: &str, last: &str) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    let until = std::time::Instant::now() + LONG;
    while seen.last().is_none_or(|state| state != last) {
        assert!(std::time::Instant::now() < until, "never {last}: {seen:?}");
        let shown = described(ecs, arn).await;
        let state = shown.status().unwrap().as_str().to_owned();
        assert_eq!(shown.started_at().is_some(), state != "PENDING");
        if seen.last() != Some(&state) {
            seen.push(state);
        }
    }
    seen
}

/// Forces a deployment, and gives the ARN of the service deployment.
async fn forced(ecs: &aws_sdk_ecs::Client) -> String {
    let update = ecs.update_service().cluster("blue").service("api").force_new_deployment(true);
    update.send().await.unwrap().service.unwrap().current_service_deployment.unwrap()
}

#[tokio::test]
async fn a_service_deployment_goes_through_its_states() {
    let sandbox = slow(small(pinned())).await;
    let ecs = clients(&sandbox).await.ecs;
    let old = sandbox.digest("app", "1");
    let new = sandbox.put_tag("app", "live", "2");
    let arn = forced(&ecs).await;
    let seen = states(&ecs, &arn, "SUCCESSFUL").await;
    assert_eq!(seen, ["PENDING", "IN_PROGRESS", "SUCCESSFUL"]);
    let shown = described(&ecs, &arn).await;
    assert!(shown.finished_at().is_some() && shown.stopped_at().is_none());
    let target = shown.target_service_revision().unwrap();
    assert_eq!((target.requested_task_count(), target.running_task_count()), (3, 3));
    assert_eq!(pinned_to(&ecs, target.arn().unwrap()).await, new);
    assert_eq!(pinned_to(&ecs, shown.source_service_revisions()[0].arn().unwrap()).await, old);

    // A newer one takes the place of one that is under way.
    let first = forced(&ecs).await;
    let second = forced(&ecs).await;
    let shown = described(&ecs, &first).await;
    assert_eq!(shown.status(), Some(&ServiceDeploymentStatus::Stopped));
    assert!(shown.stopped_at().is_some() && shown.rollback().is_none());
    let list = || ecs.list_service_deployments().cluster("blue").service("api");
    let arns = |listed: ListServiceDeploymentsOutput| -> Vec<String> {
        let all = listed.service_deployments().iter();
        all.map(|one| one.service_deployment_arn().unwrap().to_owned()).collect()
    };
    let all = arns(list().send().await.unwrap());
    assert_eq!(all[..3], [second.clone(), first.clone(), arn.clone()], "the newest first");
    let stopped = list().status(ServiceDeploymentStatus::Stopped).send().await.unwrap();
    assert_eq!(arns(stopped).as_slice(), std::slice::from_ref(&first));
    let hour =
        aws_sdk_ecs::primitives::DateTime::from_secs(shown.created_at().unwrap().secs() - 3_600);
    let recent = list().created_at(CreatedAt::builder().after(hour).build()).send().await.unwrap();
    assert_eq!(arns(recent), [second, first, arn], "the first one is three days old");
    let early = list().created_at(CreatedAt::builder().before(hour).build()).send().await.unwrap();
    assert_eq!(arns(early).len(), all.len() - 3);
}

#[tokio::test]
async fn a_stopped_deployment_tells_what_it_went_back_to() {
    let sandbox = slow(breaker(CircuitBreaker::Off, Behaviour::Stuck)).await;
    let ecs = clients(&sandbox).await.ecs;
    sandbox.put_tag("app", "live", "bad").unwrap();
    let arn = forced(&ecs).await;
    assert_eq!(states(&ecs, &arn, "IN_PROGRESS").await, ["PENDING", "IN_PROGRESS"]);
    let source =
        described(&ecs, &arn).await.source_service_revisions()[0].arn().unwrap().to_owned();
    let stop = || ecs.stop_service_deployment().service_deployment_arn(&arn);
    let abort = stop().stop_type(StopServiceDeploymentStopType::Abort).send().await;
    assert!(abort.unwrap_err().into_service_error().is_invalid_parameter_exception());
    stop().stop_type(StopServiceDeploymentStopType::Rollback).send().await.unwrap();
    let seen = states(&ecs, &arn, "ROLLBACK_SUCCESSFUL").await;
    let order = ["ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS", "ROLLBACK_SUCCESSFUL"];
    // The tasks of the old version still run, so that going back can be over before a look.
    let places = seen.iter().map(|state| order.iter().position(|one| one == state));
    let places: Vec<usize> = places.collect::<Option<_>>().expect("no other state is seen");
    assert!(places.is_sorted() && places[0] == 0, "{seen:?}");
    let end = described(&ecs, &arn).await;
    let rollback = end.rollback().unwrap();
    assert_eq!(rollback.service_revision_arn(), Some(source.as_str()));
    assert!(rollback.reason().unwrap().contains("user request"));
    assert!(end.stopped_at().is_some() && end.finished_at().is_some());
    assert_eq!(pinned_to(&ecs, &source).await, sandbox.digest("app", "1"));
    assert!(runs(&sandbox, "1").await);
}

#[tokio::test]
async fn a_rollback_to_an_image_that_is_gone_fails() {
    let sandbox = fast(breaker(CircuitBreaker::Rollback, Behaviour::Crash { exit_code: 1 })).await;
    let ecs = clients(&sandbox).await.ecs;
    sandbox.put_tag("app", "live", "bad").unwrap();
    // All tasks go, so that going back means starting what is gone.
    let percent = aws_sdk_ecs::types::DeploymentConfiguration::builder()
        .minimum_healthy_percent(0)
        .maximum_percent(100);
    let update = ecs.update_service().cluster("blue").service("api");
    update.deployment_configuration(percent.build()).send().await.unwrap();
    let arn = forced(&ecs).await;
    assert!(sandbox.delete_image("app", "1"));
    let until = std::time::Instant::now() + LONG;
    loop {
        let shown = described(&ecs, &arn).await;
        if shown.status() == Some(&ServiceDeploymentStatus::RollbackFailed) {
            assert!(shown.finished_at().is_some() && shown.rollback().is_some());
            break;
        }
        assert!(std::time::Instant::now() < until, "{shown:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(sandbox.service("blue", "api").unwrap().rollout, "FAILED");
}
