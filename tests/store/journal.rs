//! Appending: in order, once, and one at a time in each environment.

use shipmate::domain::deployment::Deployment;
use shipmate::domain::event::{Choice, End, Event, RefusedWhy, StopRequest, Via, Withdrawal};
use shipmate::domain::id::DeploymentId;
use shipmate::domain::plan::Kind;
use shipmate::domain::refusal::Refusal;
use shipmate::ports::{Store, StoreError};

use super::support::{self, Journal, at, promotion, started};

/// Stories that together have every event in every shape.
fn stories(first: &Deployment) -> Vec<Vec<Event>> {
    let plan = support::plan("staging", Kind::Promotion, &[("core", "first"), ("web", "2.0.0")]);
    let mut asked = vec![
        Event::Posted { message: "m1".into() },
        support::vote(first, "bob", Choice::Yes, Via::Reaction),
        support::vote(first, "carol", Choice::No, Via::Text),
        Event::VoteWithdrawn { person: "bob".into(), why: Withdrawal::TakenBack },
        Event::VoteWithdrawn { person: "carol".into(), why: Withdrawal::NoLongerEntitled },
        Event::OutlookChanged { outlook: support::outlook(7) },
        Event::Replanned {
            plan: Box::new(plan),
            requirements: support::requirements(),
            overridden: vec![support::because()],
        },
        Event::Posted { message: "m2".into() },
    ];
    let mut runs = started();
    for step in support::steps() {
        let outcome = support::outcome(&step);
        runs.push(Event::StepStarted { step: step.clone() });
        runs.push(Event::StepDone { step, outcome });
    }
    runs.push(Event::Progressed { service: "core".into(), good: 1, total: 2 });
    let by = || support::person("dave").id;
    let stay = std::time::Duration::from_secs(600);
    runs.push(Event::CanaryAsked { by: by(), stay });
    runs.push(Event::Paused { by: by(), because: Some("slow".to_owned()) });
    runs.push(Event::Continued { by: by() });
    runs.push(Event::Paused { by: by(), because: None });
    runs.push(Event::CanaryPassed { service: "core".into() });
    asked.extend(runs.clone());
    asked.push(Event::Ended { end: End::Succeeded });
    let mut stories = vec![asked];
    for cause in support::causes() {
        let mut story = runs.clone();
        let stop = StopRequest::Person { person: "bob".into(), because: Some("smoke".to_owned()) };
        story.push(Event::StopRequested { stop });
        let known_failures = ["task/7".into(), "task/8".into()].into();
        story.push(Event::UndoStarted { cause: cause.clone(), known_failures });
        let [step, ..] = support::steps();
        story.push(Event::StepStarted { step: step.clone() });
        story.push(Event::StepFailed { step, failure: support::failure() });
        story.push(Event::Ended { end: End::Failed { cause: cause.clone(), undo: Some(cause) } });
        stories.push(story);
    }
    let mut rolled_back = started();
    rolled_back.push(Event::StopRequested {
        stop: StopRequest::Rollback { deployment: DeploymentId(77) },
    });
    rolled_back.push(Event::Ended { end: End::RolledBack { cause: support::cause() } });
    stories.push(rolled_back);
    let by = support::person("dave").id;
    let because = Some("no".to_owned());
    let refusal = Refusal::NothingToRollBack { environment: "staging".into() };
    let ends = [
        End::Cancelled { by: by.clone(), because: because.clone(), undone: false },
        End::Rejected { by, because },
        End::Expired,
        End::Refused { why: RefusedWhy::Plan { refusal } },
        End::Refused { why: RefusedWhy::Policy { by: vec![support::because()] } },
        End::Superseded { by: DeploymentId(77), undone: false },
    ];
    stories.extend(ends.map(|end| vec![Event::Ended { end }]));
    stories
}

#[tokio::test]
async fn every_event_comes_out_as_it_went_in() {
    let Journal { mut store, directory } = Journal::new().await;
    // Fractions of a millisecond are not kept, and nobody is to see that they ever were.
    let now = at(1) + jiff::SignedDuration::from_nanos(1_234_567);
    let first = promotion("staging", &[("core", "1.5.0")]);
    let told = store.begin(first.clone(), now).await.expect("it begins");
    for (index, story) in stories(&told).into_iter().enumerate() {
        let deployment = store.begin(first.clone(), now).await.expect("it begins");
        let appended = store
            .append(deployment.id, 1, story.clone(), now)
            .await
            .unwrap_or_else(|error| panic!("story {index}: {error}"));

        drop(store);
        store = support::open(&directory).await;
        let reloaded = store.deployment(deployment.id).await.expect("an answer");
        assert_eq!(reloaded.as_ref(), Some(&appended), "story {index}");
        let events = store.events(deployment.id).await.expect("events");
        assert_eq!(events[0].event, first);
        assert!(events[1..].iter().map(|recorded| &recorded.event).eq(&story), "story {index}");
        for (recorded, sequence) in events.iter().zip(1..) {
            assert_eq!((recorded.deployment, recorded.sequence), (deployment.id, sequence));
            assert_eq!(recorded.at, at(1) + jiff::SignedDuration::from_millis(1));
        }
    }
}

#[tokio::test]
async fn deployments_count_from_one_and_open_ones_come_oldest_first() {
    let journal = Journal::new().await;
    assert_eq!(journal.store.deployment(DeploymentId(1)).await.expect("an answer"), None);
    assert_eq!(journal.store.events(DeploymentId(1)).await.expect("an answer"), []);
    let one = journal.begin(promotion("staging", &[("core", "1.5.0")]), at(1)).await;
    let two = journal.run(promotion("staging", &[("core", "1.6.0")]), End::Succeeded, 2).await;
    let three = journal.begin(promotion("production", &[("core", "1.5.0")]), at(1)).await;
    assert_eq!([one.id, two.id, three.id], [1, 2, 3].map(DeploymentId));
    assert_eq!(journal.store.open().await.expect("a list"), [one, three]);
}

#[tokio::test]
async fn a_refused_begin_uses_no_number() {
    let journal = Journal::new().await;
    let refused = journal.store.begin(Event::Approved, at(1)).await;
    assert!(matches!(refused, Err(StoreError::Unsound { .. })), "{refused:?}");
    let first = journal.begin(promotion("staging", &[("core", "1.5.0")]), at(1)).await;
    assert_eq!(first.id, DeploymentId(1));
}

#[tokio::test]
async fn who_appends_second_is_told_to_read_again() {
    let journal = Journal::new().await;
    let seen = journal.begin(promotion("staging", &[("core", "1.5.0")]), at(1)).await;
    journal.append(&seen, vec![Event::Approved], at(2)).await;
    let late = journal.try_append(&seen, vec![Event::Approved], at(2)).await;
    assert!(matches!(late, Err(StoreError::Conflict(id)) if id == seen.id), "{late:?}");
    let nobody = journal.store.append(DeploymentId(9), 1, vec![Event::Approved], at(2)).await;
    assert!(matches!(nobody, Err(StoreError::NoSuchDeployment(DeploymentId(9)))), "{nobody:?}");
}

#[tokio::test]
async fn two_programs_on_one_file_do_not_both_win() {
    let journal = Journal::new().await;
    let other = support::open(&journal.directory).await;
    let seen = journal.begin(promotion("staging", &[("core", "1.5.0")]), at(1)).await;
    // Both have it in memory before either writes.
    assert_eq!(other.deployment(seen.id).await.expect("an answer").as_ref(), Some(&seen));
    let ours = journal.store.append(seen.id, 1, vec![Event::Approved], at(2));
    let theirs = other.append(seen.id, 1, vec![Event::Posted { message: "m".into() }], at(2));
    let (ours, theirs) = tokio::join!(ours, theirs);
    assert!(ours.is_ok() != theirs.is_ok(), "{ours:?} {theirs:?}");
    let here = journal.store.deployment(seen.id).await.expect("an answer");
    let there = other.deployment(seen.id).await.expect("an answer");
    assert_eq!(here, there);
}

#[tokio::test]
async fn events_go_in_all_or_none() {
    let journal = Journal::new().await;
    let seen = journal.begin(promotion("staging", &[("core", "1.5.0")]), at(1)).await;
    let events = vec![Event::Posted { message: "m".into() }, Event::Approved, Event::Approved];
    let refused = journal.try_append(&seen, events, at(2)).await;
    assert!(matches!(refused, Err(StoreError::Unsound { .. })), "{refused:?}");
    assert_eq!(journal.store.by_message(&"m".into()).await.expect("an answer"), None);
    assert_eq!(journal.store.deployment(seen.id).await.expect("an answer"), Some(seen));
}

#[tokio::test]
async fn one_deployment_runs_in_an_environment() {
    let journal = Journal::new().await;
    let one = journal.begin(promotion("staging", &[("core", "1.5.0")]), at(1)).await;
    let two = journal.begin(promotion("staging", &[("web", "1.5.0")]), at(1)).await;
    let elsewhere = journal.begin(promotion("production", &[("core", "1.5.0")]), at(1)).await;
    let one = journal.append(&one, started(), at(2)).await;
    journal.append(&elsewhere, started(), at(2)).await;

    // Also where it would be over within the same append.
    let mut at_once = started();
    at_once.push(Event::Ended { end: End::Succeeded });
    for events in [started(), at_once] {
        let taken = journal.try_append(&two, events, at(3)).await;
        assert!(matches!(taken, Err(StoreError::TurnTaken)), "{taken:?}");
    }
    assert_eq!(journal.store.deployment(two.id).await.expect("an answer").as_ref(), Some(&two));

    journal.append(&one, vec![Event::Ended { end: End::Succeeded }], at(4)).await;
    journal.append(&two, started(), at(5)).await;
}

#[tokio::test]
async fn a_message_asks_for_one_deployment() {
    let journal = Journal::new().await;
    assert_eq!(journal.store.asked_in(&"ask".into()).await.expect("an answer"), None);
    let first = journal.begin(support::asked_in("ask"), at(1)).await;
    let again = journal.store.begin(support::asked_in("ask"), at(2)).await;
    assert!(matches!(again, Err(StoreError::Conflict(id)) if id == first.id), "{again:?}");
    assert_eq!(journal.store.asked_in(&"ask".into()).await.expect("an answer"), Some(first.id));
    journal.begin(support::asked_in("ask otherwise"), at(1)).await;
}

#[tokio::test]
async fn only_the_present_card_leads_to_the_deployment() {
    let journal = Journal::new().await;
    let deployment = journal.begin(promotion("staging", &[("core", "1.5.0")]), at(1)).await;
    let posted = |message: &str| vec![Event::Posted { message: message.into() }];
    let deployment = journal.append(&deployment, posted("old"), at(2)).await;
    let deployment = journal.append(&deployment, posted("new"), at(3)).await;
    let by_message = async |message: &str| journal.store.by_message(&message.into()).await;
    assert_eq!(by_message("old").await.expect("an answer"), None);
    assert_eq!(by_message("new").await.expect("an answer"), Some(deployment.id));
    assert_eq!(by_message("none").await.expect("an answer"), None);
}
