//! The journal: events survive being written and read, and folding them gives what was there.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use shipmate::domain::deployment::Deployment;
use shipmate::domain::event::{
    Cause, Choice, End, Event, RefusedWhy, StopRequest, Via, Vote, Withdrawal,
};
use shipmate::domain::id::DeploymentId;
use shipmate::domain::observation::{StopCause, Stopped};
use shipmate::domain::plan::Plan;
use shipmate::domain::policy::{Because, Opens, Person, Requirement};
use shipmate::domain::refusal::Refusal;

use super::cases;
use super::scenario::{request, sketches};

fn same(event: &Event) -> Result<(), TestCaseError> {
    let text = serde_json::to_string(event).unwrap();
    let back: Event = serde_json::from_str(&text).unwrap();
    prop_assert_eq!(&back, event, "{}", text);
    Ok(())
}

/// Those that a run of the model does not write.
fn others(plan: &Plan) -> Vec<Event> {
    let eve = || Person { id: "eve".into(), roles: BTreeSet::from(["developer".into()]) };
    let because = Because {
        opens: Some(Opens::At(Timestamp::UNIX_EPOCH)),
        ..Because::new("p".into(), "it is \"so\"\n".to_owned())
    };
    let requirement = Requirement {
        policy: "p".into(),
        reason: String::new(),
        approvals: 2,
        approvers: BTreeSet::from(["release-manager".into()]),
        expires: Duration::from_millis(1_500),
    };
    let stopped = Stopped {
        cause: StopCause::NeverStarted,
        reason: "ü".to_owned(),
        exit_code: Some(-1),
        container: None,
    };
    let ended = [
        End::Succeeded,
        End::Expired,
        End::Unapproved,
        End::Missed,
        End::Rejected { by: "eve".into(), because: None },
        End::Cancelled { by: "eve".into(), because: Some(String::new()), undone: false },
        End::Superseded { by: DeploymentId(2), undone: true },
        End::Refused { why: RefusedWhy::Policy { by: vec![because.clone()] } },
        End::Refused {
            why: RefusedWhy::Plan { refusal: Refusal::Daemon { service: "api".into() } },
        },
        End::RolledBack {
            cause: Cause::TaskFailed { service: "api".into(), task: "t".into(), stopped },
        },
        End::Failed {
            cause: Cause::EcsGaveUp { service: "api".into(), reason: String::new() },
            undo: Some(Cause::Overtaken { service: "api".into() }),
        },
        End::Failed { cause: Cause::ServiceGone { service: "api".into() }, undo: None },
    ];
    let mut events: Vec<Event> = ended.into_iter().map(|end| Event::Ended { end }).collect();
    events.extend([
        Event::Posted { message: "m".into() },
        Event::VoteCast(Vote {
            person: eve(),
            choice: Choice::No,
            via: Via::Text,
            terms: plan.terms.hash(),
        }),
        Event::VoteWithdrawn { person: "eve".into(), why: Withdrawal::NoLongerEntitled },
        Event::Due,
        Event::OutlookChanged { outlook: plan.outlook.clone() },
        Event::Replanned {
            plan: Box::new(plan.clone()),
            requirements: vec![requirement],
            overridden: vec![because],
        },
        Event::Paused { by: "eve".into(), because: Some("slow".to_owned()) },
        Event::CanaryAsked { by: "eve".into(), stay: std::time::Duration::from_secs(60) },
        Event::Continued { by: "eve".into() },
        Event::StopRequested { stop: StopRequest::Rollback { deployment: DeploymentId(9) } },
        Event::Requested(Box::new(request(plan.clone()))),
    ]);
    events
}

proptest! {
    #![proptest_config(cases(50))]

    #[test]
    fn events_survive_json(mut sketch in sketches(), cancelled in prop::option::of(0..20_u32)) {
        sketch.mishaps.cancelled = cancelled;
        let Some((run, _)) = sketch.run() else { return Ok(()) };
        for recorded in &run.journal {
            same(&recorded.event)?;
        }
        for event in others(&run.deployment.plan) {
            same(&event)?;
        }
    }

    #[test]
    fn folding_gives_what_was_there(sketch in sketches()) {
        let Some((run, _)) = sketch.run() else { return Ok(()) };
        for (events, state) in (4..).zip(&run.states) {
            let folded = Deployment::fold(&run.journal[..events]).unwrap().unwrap();
            prop_assert_eq!(&folded, state);
        }
    }

    #[test]
    fn what_does_not_fit_changes_nothing(sketch in sketches(), at in any::<prop::sample::Index>()) {
        let Some((run, _)) = sketch.run() else { return Ok(()) };
        let state = at.get(&run.states);
        for mut recorded in run.journal.clone() {
            recorded.sequence = state.version + 1;
            let mut after = state.clone();
            if after.apply(&recorded).is_err() {
                prop_assert_eq!(&after, state);
            }
            // A second event with the same number never fits.
            recorded.sequence = state.version;
            prop_assert!(state.clone().apply(&recorded).is_err());
        }
    }
}
