//! Whatever happens to a deployment, as long as it is legal: after each event the tables say
//! what the fold of the events says.

use proptest::test_runner::{Config, TestRunner};
use shipmate::domain::deployment::Deployment;
use shipmate::domain::event::{
    Choice, End, Event, Recorded, RefusedWhy, StopRequest, Via, Withdrawal,
};
use shipmate::domain::id::DeploymentId;
use shipmate::domain::plan::{Kind, Plan};
use shipmate::ports::Store;
use shipmate::store::Chain;
use sqlx::sqlite::SqliteConnection;

use super::support::{self, Journal, at};

/// How many legal stories are told, and how many events each has at most.
const STORIES: u32 = 24;
const EVENTS: usize = 24;

#[test]
fn projections_tell_what_the_fold_tells() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (journal, raw) = runtime.block_on(async {
        let journal = Journal::new().await;
        let raw = journal.raw().await;
        (journal, tokio::sync::Mutex::new(raw))
    });
    let config = Config { cases: STORIES, failure_persistence: None, ..Config::default() };
    let choices = proptest::collection::vec(proptest::num::u32::ANY, 1..EVENTS);
    TestRunner::new(config)
        .run(&choices, |choices| {
            runtime.block_on(async { tell(&journal, &mut *raw.lock().await, &choices).await });
            Ok(())
        })
        .expect("projections and fold agree");
}

/// Tells the story that these numbers choose, in an environment of its own.
async fn tell(journal: &Journal, raw: &mut SqliteConnection, choices: &[u32]) {
    let next = journal.store.history(None, 1).await.expect("a list");
    let environment = format!("environment-{}", next.first().map_or(0, |last| last.id.0));
    let kind = match choices[0] % 2 {
        0 => Kind::Promotion,
        _ => Kind::Rollback { of: DeploymentId(1) },
    };
    let plan = support::plan(&environment, kind, &[("core", "1.5.0")]);
    let mut deployment = journal.begin(support::request(plan), at(0)).await;
    assert_eq!(support::projected(raw, deployment.id).await, support::folded(&deployment));
    for (choice, minute) in choices.iter().zip(1..) {
        let legal: Vec<Event> = imaginable(&deployment, *choice)
            .into_iter()
            .filter(|event| fits(&deployment, event))
            .collect();
        let Some(index) = (*choice as usize).checked_rem(legal.len()) else { break };
        let event = legal[index].clone();
        deployment = journal.append(&deployment, vec![event], at(minute)).await;
        assert_eq!(support::projected(raw, deployment.id).await, support::folded(&deployment));
    }
    let events = journal.store.events(deployment.id).await.expect("events");
    assert_eq!(Deployment::fold(&events), Ok(Some(deployment.clone())));
    let chain = journal.store.verify_chain(deployment.id).await.expect("a look");
    assert_eq!(chain, Chain::Sound { events: deployment.version });
    if deployment.end().is_none() && deployment.rollout().is_none() {
        // So that what waits in the file does not grow from story to story.
        journal.append(&deployment, vec![Event::Ended { end: End::Expired }], at(99)).await;
    }
}

fn fits(deployment: &Deployment, event: &Event) -> bool {
    let recorded = Recorded {
        deployment: deployment.id,
        sequence: deployment.version + 1,
        at: at(0),
        event: event.clone(),
    };
    deployment.clone().apply(&recorded).is_ok()
}

/// Events of every kind, legal or not.
fn imaginable(deployment: &Deployment, choice: u32) -> Vec<Event> {
    let name = ["bob", "carol", "frank"][(choice / 7 % 3) as usize];
    let yes_or_no = if (choice / 5).is_multiple_of(3) { Choice::No } else { Choice::Yes };
    let via = if (choice / 3).is_multiple_of(2) { Via::Text } else { Via::Reaction };
    let step = support::steps()[(choice / 11 % 6) as usize].clone();
    let causes = support::causes();
    let cause = causes[choice as usize / 13 % causes.len()].clone();
    let ends = ends();
    let end = ends[choice as usize / 17 % ends.len()].clone();
    let message = format!("m{}", choice / 19 % 4);
    vec![
        Event::Posted { message: message.as_str().into() },
        support::vote(deployment, name, yes_or_no, via),
        Event::VoteWithdrawn { person: name.into(), why: Withdrawal::TakenBack },
        Event::Approved,
        Event::OutlookChanged { outlook: support::outlook(choice % 9) },
        Event::Replanned {
            plan: Box::new(replanned(deployment, choice)),
            requirements: support::requirements(),
            overridden: Vec::new(),
        },
        Event::Started { known_failures: [].into() },
        Event::StepStarted { step: step.clone() },
        Event::StepDone { outcome: support::outcome(&step), step: step.clone() },
        Event::StepFailed { step, failure: support::failure() },
        Event::Progressed { service: "core".into(), good: choice % 3, total: 3 },
        Event::CanaryPassed { service: "core".into() },
        Event::Paused { by: "eve".into(), because: None },
        Event::CanaryAsked { by: "eve".into(), stay: std::time::Duration::from_secs(60) },
        Event::Continued { by: "eve".into() },
        Event::StopRequested { stop: StopRequest::Rollback { deployment: DeploymentId(9) } },
        Event::UndoStarted { cause, known_failures: [].into() },
        Event::Ended { end },
    ]
}

fn replanned(deployment: &Deployment, choice: u32) -> Plan {
    let terms = &deployment.plan.terms;
    let images = [("core", "first"), ("core", "1.6.0"), ("web", "2.0.0")];
    let images = if (choice / 23).is_multiple_of(2) { &images[..1] } else { &images[1..] };
    support::plan(terms.environment.as_str(), terms.kind.clone(), images)
}

fn ends() -> Vec<End> {
    let cancelled = |undone| End::Cancelled { by: "bob".into(), because: None, undone };
    let superseded = |undone| End::Superseded { by: DeploymentId(9), undone };
    vec![
        End::Succeeded,
        End::RolledBack { cause: support::cause() },
        End::Failed { cause: support::cause(), undo: Some(support::cause()) },
        cancelled(true),
        cancelled(false),
        superseded(true),
        superseded(false),
        End::Rejected { by: "bob".into(), because: None },
        End::Expired,
        End::Refused { why: RefusedWhy::Policy { by: Vec::new() } },
    ]
}
