//! What runs, and the history.

use shipmate::domain::decision::{Decision, LockBefore, RecordedDecision, Unlocking};
use shipmate::domain::environment::Strategy;
use shipmate::domain::freeze::State;
use shipmate::domain::id::{DeploymentId, Digest};
use shipmate::domain::image::Image;
use shipmate::domain::lock::Lock;
use shipmate::domain::obstacle::Obstacle;
use shipmate::report::{
    Entry, EnvironmentStatus, Freezes, HoldStatus, OpenDeployment, Running, ServiceStatus,
    history_card, status_card,
};

use super::world::*;

fn runs(name: &str, tasks: u32, good: u32) -> Running {
    Running { version: Some(version(name)), tasks, good }
}

fn service(name: &str, runs: Vec<Running>) -> ServiceStatus {
    ServiceStatus {
        name: name.into(),
        repository: "core".into(),
        strategy: Some(Strategy::Stop),
        tagged: Some(version("core:1.5.0")),
        journal: Some(version("core:1.5.0")),
        desired: 3,
        runs,
        missing: false,
    }
}

fn entry(id: i64, stage: &str, rollback: bool) -> Entry {
    Entry {
        id: DeploymentId(id),
        environment: "staging".into(),
        stage: stage.to_owned(),
        names: "core:1.5.0".to_owned(),
        rollback,
        requester: "alice".into(),
        requested_at: start(),
        ended_at: (stage != "running" && stage != "waiting").then(|| moment(100)),
    }
}

/// Nothing closes it, and nothing will.
fn open(environment: &str) -> Freezes {
    Freezes {
        environment: environment.into(),
        state: State::Open,
        people: Vec::new(),
        next: None,
        parts: Vec::new(),
    }
}

fn staging(services: Vec<ServiceStatus>) -> EnvironmentStatus {
    EnvironmentStatus {
        environment: "staging".into(),
        only: None,
        tag: "staging-latest".into(),
        services,
        open: Vec::new(),
        hold: None,
        lock: None,
        reservations: Vec::new(),
        freezes: open("staging"),
        last: Some(entry(42, "succeeded", false)),
        unknown: None,
    }
}

/// Bob's, for an hour.
fn lock() -> Lock {
    Lock {
        environment: "staging".into(),
        decision: 1,
        by: "bob".into(),
        because: "a load test".to_owned(),
        since: start(),
        said_at: start(),
        until: Some(moment(3600)),
        channel: "ops".into(),
        asked_at: None,
    }
}

fn well() -> EnvironmentStatus {
    let web = ServiceStatus {
        repository: "web".into(),
        strategy: Some(Strategy::Deployment),
        tagged: Some(version("web:2.1.0")),
        journal: None,
        ..service("web", vec![runs("web:2.1.0", 3, 3)])
    };
    staging(vec![service("rest-api", vec![runs("core:1.5.0", 3, 3)]), web])
}

#[test]
fn one_environment() {
    let starting = Running { version: None, tasks: 1, good: 0 };
    let cases = [
        well(),
        staging(vec![service(
            "rest-api",
            vec![runs("core:1.5.0", 2, 2), runs("core:1.4.1", 1, 1)],
        )]),
        staging(vec![ServiceStatus {
            journal: Some(version("core:1.4.1")),
            ..service("rest-api", vec![runs("core:1.5.0", 3, 3)])
        }]),
        staging(vec![ServiceStatus { tagged: None, ..service("rest-api", Vec::new()) }]),
        staging(vec![service("rest-api", vec![runs("core:1.5.0", 2, 1), starting])]),
        staging(vec![ServiceStatus { missing: true, ..service("rest-api", Vec::new()) }]),
        staging(vec![ServiceStatus { desired: 0, ..service("rest-api", Vec::new()) }]),
        EnvironmentStatus {
            open: vec![
                OpenDeployment {
                    id: DeploymentId(43),
                    stage: "running",
                    scheduled: None,
                    names: "core:1.6.0".into(),
                    rollback: false,
                    obstacle: None,
                },
                OpenDeployment {
                    id: DeploymentId(44),
                    stage: "waiting",
                    scheduled: None,
                    names: "core:1.4.1".into(),
                    rollback: true,
                    obstacle: None,
                },
                OpenDeployment {
                    id: DeploymentId(45),
                    stage: "queued",
                    scheduled: None,
                    names: "core:1.6.0".into(),
                    rollback: false,
                    obstacle: Some(Obstacle::Locked {
                        by: "bob".into(),
                        since: start(),
                        because: "a load test".to_owned(),
                        until: None,
                    }),
                },
                OpenDeployment {
                    id: DeploymentId(46),
                    stage: "scheduled",
                    scheduled: Some("2026-11-27T17:00:00Z".parse().unwrap()),
                    names: "web:2.1.0".into(),
                    rollback: false,
                    obstacle: None,
                },
            ],
            lock: Some(lock()),
            hold: Some(HoldStatus { deployment: DeploymentId(42), since: start() }),
            ..staging(vec![service(
                "rest-api",
                vec![runs("core:1.5.0", 1, 1), runs("core:1.4.1", 2, 2)],
            )])
        },
        EnvironmentStatus {
            unknown: Some("AWS did not answer".to_owned()),
            last: None,
            ..staging(Vec::new())
        },
    ];
    let cards = cases.map(|status| status_card(&[status], &at(3600)));
    insta::assert_snapshot!(plain_all(&cards));
}

#[test]
fn several_environments() {
    let drifting = staging(vec![service("rest-api", vec![runs("core:1.4.1", 3, 3)])]);
    let production = EnvironmentStatus {
        environment: "production".into(),
        hold: Some(HoldStatus { deployment: DeploymentId(40), since: start() }),
        ..well()
    };
    insta::assert_snapshot!(plain_all(&[
        status_card(&[drifting, production], &at(86_400)),
        status_card(&[], &at(0)),
    ]));
}

/// One of each kind, the newest first.
fn decisions() -> Vec<RecordedDecision> {
    let image = || Image { repository: "core".into(), digest: Digest::of(b"core:1.6.0") };
    let name = || "core:1.6.0".to_owned();
    let locked = |over: Option<&str>| Decision::Locked {
        environment: "staging".into(),
        by: "bob".into(),
        because: "a load test".to_owned(),
        until: Some(moment(3600)),
        channel: "ops".into(),
        asked_in: "m1".into(),
        over: over.map(|by| LockBefore { lock: 1, by: by.into() }),
    };
    let unlocked =
        |why| Decision::Unlocked { environment: "staging".into(), lock: 1, of: "bob".into(), why };
    let lifted = |by: &str| Unlocking::Lifted {
        by: by.into(),
        because: Some("it is done".to_owned()),
        asked_in: "m2".into(),
    };
    let all = [
        unlocked(Unlocking::TimeOver { channel: "ops".into() }),
        unlocked(lifted("dave")),
        unlocked(lifted("bob")),
        locked(Some("alice")),
        locked(Some("bob")),
        locked(None),
        Decision::HoldReleased {
            environment: "staging".into(),
            left_by: DeploymentId(39),
            by: "dave".into(),
            because: None,
        },
        Decision::Unbanned {
            image: image(),
            name: name(),
            by: "bob".into(),
            because: Some("it was the database".to_owned()),
        },
        Decision::Banned {
            image: image(),
            children: Vec::new(),
            name: name(),
            by: "bob".into(),
            because: "it loses orders".to_owned(),
        },
    ];
    let recorded = |(at, decision)| RecordedDecision {
        sequence: 10 - at,
        at: moment(7000 - 600 * i64::try_from(at).unwrap()),
        decision,
    };
    (1_u64..).zip(all).map(recorded).collect()
}

#[test]
fn history() {
    let stages = ["waiting", "running", "succeeded", "rolled-back", "failed", "expired"];
    let mut entries: Vec<Entry> =
        (37..).zip(stages).map(|(id, stage)| entry(id, stage, stage == "failed")).collect();
    entries.reverse();
    insta::assert_snapshot!(plain_all(&[
        history_card(Some(&"staging".into()), &entries, &decisions(), &at(7200)),
        history_card(None, &[], &[], &at(0)),
    ]));
}
