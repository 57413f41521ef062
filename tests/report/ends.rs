//! Every end of a deployment, on its card and in the reply to the person who asked.

use std::time::Duration;

use shipmate::domain::after_check::{Answer, Moment, Unsatisfied};
use shipmate::domain::card::without_marks;
use shipmate::domain::event::{
    Cause, Choice, End, Event, RefusedWhy, Step, StepFailure, StopRequest,
};
use shipmate::domain::id::DeploymentId;
use shipmate::domain::observation::{StopCause, Stopped};
use shipmate::domain::refusal::Refusal;
use shipmate::report::{cause_sentence, deployment_card, end_reply};

use super::world::*;

/// The card and the reply.
fn told(tale: &Tale) -> String {
    let card = deployment_card(&tale.deployment, &tale.now());
    let reply = end_reply(&tale.deployment, &tale.now()).expect("an end has a reply");
    assert!(card.actions.is_empty(), "nothing can be done about an end");
    format!("{}\nreply: {}", plain(&card), plain(&reply))
}

fn asked(plan: shipmate::domain::plan::Plan) -> Tale {
    Tale::begin(requested(plan, vec![two_release_managers()]))
}

fn person_stops() -> StopRequest {
    StopRequest::Person { person: "bob".into(), because: Some("wrong image".into()) }
}

#[test]
fn succeeded() {
    let tale = with_canary()
        .then(40, Event::CanaryPassed { service: "rest-api".into() })
        .step(1, stop(&["b", "c"]))
        .progressed(40, "rest-api", 3, 3)
        .ended(30, End::Succeeded);
    let text = told(&tale);
    assert_eq!(text.matches("staging runs core:1.5.0").count(), 2);
    insta::assert_snapshot!(text);
}

#[test]
fn a_rollback_succeeded() {
    let tale =
        Tale::started(rollback_plan()).progressed(20, "rest-api", 3, 3).ended(30, End::Succeeded);
    let text = told(&tale);
    assert_eq!(text.matches("production runs core:1.4.1").count(), 2);
    insta::assert_snapshot!(text);
}

#[test]
fn several_images_succeeded_without_tasks() {
    insta::assert_snapshot!(told(&Tale::started(big_plan("staging")).ended(9, End::Succeeded)));
}

#[test]
fn rolled_back() {
    let tale = going_back(crash())
        .progressed(5, "rest-api", 3, 3)
        .ended(30, End::RolledBack { cause: crash() });
    let text = told(&tale);
    assert_eq!(text.matches("rolled back to core:1.4.1").count(), 2);
    assert_eq!(text.matches("exit code 1").count(), 2);
    insta::assert_snapshot!(text);
}

#[test]
fn a_rollback_that_did_not_work() {
    let forward = Step::MoveTag {
        repository: "core".into(),
        tag: "production-latest".into(),
        from: Some(version("core:1.5.0").digest),
        to: version("core:1.4.1").digest,
    };
    let tale = Tale::started(rollback_plan())
        .step(1, forward)
        .undo(crash())
        .ended(40, End::RolledBack { cause: crash() });
    insta::assert_snapshot!(told(&tale));
}

#[test]
fn failed_in_every_way() {
    let failure = StepFailure {
        transient: false,
        code: "tag-moved-by-others".to_owned(),
        detail: "staging-latest points at something else now".to_owned(),
    };
    let refused = Cause::StepFailed { step: back(), failure: failure.clone() };
    let stuck = Cause::NoProgress { service: "rest-api".into(), good: 1, total: 3, minutes: 10 };
    let tag_is_stuck = with_canary()
        .undo(crash())
        .then(1, Event::StepStarted { step: back() })
        .then(1, Event::StepFailed { step: back(), failure: failure.clone() })
        .ended(1, End::Failed { cause: crash(), undo: Some(refused) });
    let tasks_are_stuck = going_back(crash())
        .progressed(5, "rest-api", 1, 3)
        .ended(600, End::Failed { cause: crash(), undo: Some(stuck) });
    let untouched = Tale::started(small_plan("staging")).ended(
        1,
        End::Failed { cause: Cause::ServiceGone { service: "rest-api".into() }, undo: None },
    );
    let all = [tag_is_stuck, tasks_are_stuck, untouched];
    insta::assert_snapshot!(all.iter().map(told).collect::<Vec<_>>().join("\n"));
}

#[test]
fn called_off() {
    let cancelled =
        |undone| End::Cancelled { by: "bob".into(), because: Some("wrong image".into()), undone };
    let superseded = |undone| End::Superseded { by: DeploymentId(43), undone };
    let stopped = || Cause::Stopped { stop: person_stops() };
    let all = [
        asked(small_plan("production")).ended(60, cancelled(false)),
        going_back(stopped()).ended(60, cancelled(true)),
        Tale::started(small_plan("staging")).ended(60, cancelled(true)),
        asked(small_plan("production")).ended(60, superseded(false)),
        going_back(stopped()).ended(60, superseded(true)),
    ];
    insta::assert_snapshot!(all.iter().map(told).collect::<Vec<_>>().join("\n"));
}

#[test]
fn not_agreed() {
    let rejected = End::Rejected { by: "carol".into(), because: Some("not before lunch".into()) };
    let plan =
        RefusedWhy::Plan { refusal: Refusal::ForeignDeployment { service: "rest-api".into() } };
    let policy = RefusedWhy::Policy {
        by: vec![because("freezes-are-obeyed", "production does not change at the weekend")],
    };
    let all = [
        asked(small_plan("production")).vote(9, "carol", Choice::No).ended(0, rejected),
        asked(small_plan("production")).vote(9, "bob", Choice::Yes).ended(1800, End::Expired),
        asked(small_plan("production")).ended(60, End::Refused { why: plan }),
        asked(small_plan("production")).ended(60, End::Refused { why: policy }),
    ];
    insta::assert_snapshot!(all.iter().map(told).collect::<Vec<_>>().join("\n"));
}

#[test]
fn every_cause() {
    let stopped = |cause, reason: &str, exit_code| Cause::TaskFailed {
        service: "rest-api".into(),
        task: arn("9f0c"),
        stopped: Stopped { cause, reason: reason.to_owned(), exit_code, container: None },
    };
    let in_sidecar = Cause::TaskFailed {
        service: "rest-api".into(),
        task: arn("9f0c"),
        stopped: Stopped {
            cause: StopCause::Exited,
            reason: "Essential container in task exited".to_owned(),
            exit_code: Some(2),
            container: Some("proxy".to_owned()),
        },
    };
    let replacing = Step::StartDeployment { service: "web".into(), replacing: "ecs-svc/1".into() };
    let failure = StepFailure {
        transient: false,
        code: "AccessDenied".into(),
        detail: "ecs:UpdateService is missing".into(),
    };
    let unchecked = |moment, answer| Cause::CheckFailed {
        service: "web".into(),
        moment,
        found: Unsatisfied {
            url: "https://acme.example.com/health".into(),
            expect: 200,
            within: Duration::from_secs(60),
            answer,
        },
    };
    let causes = [
        crash(),
        stopped(StopCause::Exited, "OutOfMemoryError: container killed", Some(137)),
        stopped(StopCause::Exited, "", Some(0)),
        stopped(StopCause::NeverStarted, "CannotPullContainerError: not found", None),
        stopped(StopCause::Unhealthy, "Task failed container health checks", None),
        stopped(StopCause::Other, "Scaling activity", None),
        stopped(
            StopCause::Unhealthy,
            "Task failed ELB health checks in (target-group arn:aws:elasticloadbalancing:x)",
            None,
        ),
        stopped(StopCause::NeverStarted, "CannotPullContainerError: pull access denied", None),
        stopped(StopCause::NeverStarted, "CannotPullContainerError: i/o timeout", None),
        stopped(StopCause::NeverStarted, "CannotPullContainerError: toomanyrequests", None),
        stopped(StopCause::NeverStarted, "CannotPullContainerError: no space left on device", None),
        stopped(StopCause::NeverStarted, "CannotPullContainerError: context canceled", None),
        in_sidecar,
        Cause::NoProgress { service: "web".into(), good: 0, total: 1, minutes: 10 },
        Cause::EcsGaveUp { service: "web".into(), reason: "tasks failed to start.".into() },
        Cause::Overtaken { service: "web".into() },
        Cause::RolledBackByEcs {
            service: "web".into(),
            to: Some("4980306466373577095".to_owned()),
            reason: "its circuit breaker counted 3 failed tasks of 3".to_owned(),
            stopped: None,
        },
        Cause::ResolvedAnother {
            service: "web".into(),
            found: shipmate::domain::id::Digest::of(b"another"),
        },
        Cause::ServiceGone { service: "web".into() },
        Cause::StepFailed { step: keep(), failure: failure.clone() },
        Cause::StepFailed { step: stop(&["a", "b"]), failure: failure.clone() },
        Cause::StepFailed { step: replacing, failure: failure.clone() },
        Cause::StepFailed {
            step: Step::StopDeployment { service: "web".into(), deployment: "ecs-svc/2".into() },
            failure,
        },
        unchecked(Moment::Canary, Answer::Status { status: 503 }),
        unchecked(Moment::End, Answer::Lacks { text: "ready".into() }),
        unchecked(Moment::End, Answer::Late),
        unchecked(Moment::End, Answer::Silent { why: "Connection refused (os error 111)".into() }),
        Cause::Stopped { stop: person_stops() },
        Cause::Stopped { stop: StopRequest::Rollback { deployment: DeploymentId(43) } },
    ];
    let terms = small_plan("staging").terms;
    let told = causes.iter().map(|cause| without_marks(&cause_sentence(cause, &terms)));
    let told: Vec<String> = told.collect();
    insta::assert_snapshot!(told.join("\n"));
}
