//! Whatever AWS answers, what is decided can be recorded, and nothing panics.

use std::collections::BTreeMap;

use jiff::Timestamp;
use proptest::prelude::*;
use shipmate::domain::event::{Event, Recorded, Step, StepFailure, StepOutcome};
use shipmate::domain::id::{EcsDeploymentId, TaskArn};
use shipmate::domain::next::next;
use shipmate::domain::observation::{
    ContainerSeen, Controller, EcsDeployment, EcsService, Health, Observation, RolloutState,
    Scheduling, ServiceDeployment, ServiceDeploymentState, ServiceSeen, StopCause, Stopped,
    TagsSeen, Task,
};

use super::cases;
use super::scenario::{digest, image_seen, repository, service_name, sketches};
use super::world::shown_id;

fn times() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        (1_799_999_000..1_800_009_000_i64).prop_map(|at| Timestamp::from_second(at).unwrap()),
        Just(Timestamp::MIN),
        Just(Timestamp::MAX),
    ]
}

fn tasks() -> impl Strategy<Value = Task> {
    let health = prop_oneof![Just(Health::Healthy), Just(Health::Unhealthy), Just(Health::Unknown)];
    let of = prop_oneof![
        Just(None),
        (0..2_usize, prop_oneof![Just("to"), Just("from"), Just("older")])
            .prop_map(|(index, name)| Some(digest(index, name))),
    ];
    let cause = prop_oneof![
        Just(StopCause::Exited),
        Just(StopCause::NeverStarted),
        Just(StopCause::Unhealthy),
        Just(StopCause::Other)
    ];
    let stopped = prop::option::weighted(0.2, cause);
    (0..12_u32, any::<bool>(), any::<bool>(), health, of, stopped, times()).prop_map(
        |(number, wanted, running, health, digest, cause, since)| Task {
            arn: TaskArn::new(format!("task/{number}")),
            wanted,
            running,
            health,
            digest,
            stopped: cause.map(|cause| Stopped {
                cause,
                reason: String::new(),
                exit_code: None,
                container: None,
            }),
            since,
        },
    )
}

fn counts() -> impl Strategy<Value = u32> {
    prop_oneof![4 => 0..6_u32, 1 => any::<u32>()]
}

fn followed() -> impl Strategy<Value = BTreeMap<EcsDeploymentId, ServiceDeployment>> {
    let state = prop_oneof![
        3 => Just(ServiceDeploymentState::Standing),
        1 => Just(ServiceDeploymentState::RolledBack { to: None, reason: String::new() }),
    ];
    let resolved = prop::option::of(prop_oneof![Just("to"), Just("from"), Just("older")]);
    let one = (0..8_u32, state, resolved, 0..2_usize).prop_map(|(id, state, name, index)| {
        let resolved = name.map(|name| digest(index, name));
        (shown_id(id), ServiceDeployment { state, resolved })
    });
    prop::collection::vec(one, 0..3).prop_map(|all| all.into_iter().collect())
}

pub fn services() -> impl Strategy<Value = ServiceSeen> {
    let rollout = prop_oneof![
        Just(RolloutState::Completed),
        Just(RolloutState::InProgress),
        Just(RolloutState::Unknown),
        Just(RolloutState::Failed { reason: "it is so".to_owned() }),
    ];
    let deployments = (0..8_u32, any::<bool>(), rollout)
        .prop_map(|(id, primary, rollout)| EcsDeployment { id: shown_id(id), primary, rollout });
    let controller = prop_oneof![
        8 => Just(Controller::Rolling),
        1 => Just(Controller::BlueGreen),
        1 => Just(Controller::External)
    ];
    let image = prop_oneof![
        8 => (0..2_usize).prop_map(|i| format!("1.dkr/{}:staging-latest", repository(i))),
        1 => "[a-z/:]{0,20}",
    ];
    let container = prop_oneof![
        1 => Just(ContainerSeen::Absent { names: Vec::new() }),
        9 => (image, any::<bool>(), any::<bool>()).prop_map(|(image, consistent, check)| {
            ContainerSeen::Present { image, consistent, has_health_check: check }
        }),
    ];
    let parts = (
        prop::bool::weighted(0.95),
        counts(),
        counts(),
        controller,
        prop::collection::vec(deployments, 0..3),
        container,
        (prop::collection::vec(tasks(), 0..8), followed()),
    );
    let found = parts.prop_map(
        |(active, desired, minimum_healthy_percent, controller, deployments, container, rest)| {
            let (tasks, followed) = rest;
            ServiceSeen::Found(Box::new(EcsService {
                active,
                desired,
                definition: String::new(),
                minimum_healthy_percent,
                controller,
                scheduling: Scheduling::Replica,
                load_balanced: false,
                deployments,
                followed,
                container,
                tasks,
            }))
        },
    );
    prop_oneof![1 => Just(ServiceSeen::Missing), 19 => found]
}

pub fn observations() -> impl Strategy<Value = Observation> {
    let services =
        prop::collection::btree_map((0..3_usize).prop_map(service_name), services(), 0..4);
    let current = prop::option::of(prop_oneof![Just("to"), Just("from")]);
    let tags = prop::collection::btree_map(0..2_usize, current, 0..3);
    (times(), services, tags).prop_map(|(at, services, tags)| {
        let tags: BTreeMap<_, _> = tags
            .into_iter()
            .map(|(index, name)| {
                let current = name.map(|name| image_seen(index, &digest(index, name)));
                (repository(index), TagsSeen { current, ..TagsSeen::default() })
            })
            .collect();
        Observation { at, services, tags }
    })
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn whatever_is_seen_what_is_decided_can_be_recorded(
        mut sketch in sketches(),
        cancelled in prop::option::of(0..20_u32),
        paused in prop::option::of((0..10_u32, 0..20_u32)),
        canary in prop::option::of((0..10_u32, 0..20_u32)),
        looks in prop::collection::vec((observations(), times(), any::<bool>()), 1..6),
        from in any::<prop::sample::Index>(),
    ) {
        sketch.mishaps.cancelled = cancelled;
        sketch.mishaps.paused = paused;
        sketch.mishaps.canary = canary;
        let Some((run, _)) = sketch.run() else { return Ok(()) };
        let running: Vec<_> = run.states.iter().filter(|one| one.end().is_none()).collect();
        prop_assume!(!running.is_empty());
        let mut deployment = from.get(&running).to_owned().clone();
        for (seen, now, works) in looks {
            let Some(rollout) = deployment.rollout().filter(|_| deployment.end().is_none()) else {
                break;
            };
            let terms = deployment.plan.terms.clone();
            let under_way = rollout.phase().under_way.clone();
            let decided = next(&terms, rollout, &seen, sketch.tempo(), now);
            let mut events = decided.events;
            let ends = events.iter().any(|event| matches!(event, Event::Ended { .. }));
            prop_assert!(!ends || decided.steps.is_empty());
            let news = decided.steps.iter().filter(|step| !under_way.contains(*step));
            events.extend(news.map(|step| Event::StepStarted { step: step.clone() }));
            events.extend(decided.steps.iter().map(|step| {
                let step = step.clone();
                if works {
                    let outcome = match &step {
                        Step::StartDeployment { .. } => {
                            StepOutcome::DeploymentStarted { id: shown_id(5) }
                        }
                        Step::StopDeployment { .. } if now < Timestamp::UNIX_EPOCH => {
                            StepOutcome::NotTaken
                        }
                        Step::MoveTag { .. }
                        | Step::KeepTag { .. }
                        | Step::StopTasks { .. }
                        | Step::StopDeployment { .. }
                        | Step::Check { .. } => StepOutcome::Done,
                    };
                    Event::StepDone { step, outcome }
                } else {
                    let failure = StepFailure { transient: false, code: "no".to_owned(), detail: String::new() };
                    Event::StepFailed { step, failure }
                }
            }));
            for event in events {
                let sequence = deployment.version + 1;
                let recorded = Recorded { deployment: deployment.id, sequence, at: now, event };
                let applied = deployment.apply(&recorded);
                prop_assert!(applied.is_ok(), "{applied:?} {recorded:?}");
            }
        }
    }
}
