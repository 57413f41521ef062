//! What is asked about many deployments: history, the last success, what was verified, how
//! long it took.

use std::time::Duration;

use shipmate::domain::event::{End, Event};
use shipmate::domain::id::{DeploymentId, Repository};
use shipmate::domain::image::Image;
use shipmate::ports::{Store, Summary};

use super::support::{self, Journal, at, promotion, rollback, started};

async fn last_success(journal: &Journal) -> Option<DeploymentId> {
    let last = journal.store.last_success(&"staging".into()).await.expect("an answer");
    last.map(|deployment| deployment.id)
}

#[tokio::test]
async fn the_newest_come_first() {
    let journal = Journal::new().await;
    let both = [("core", "1.5.0"), ("web", "2.1.0")];
    let one = journal.run(promotion("staging", &both), End::Succeeded, 0).await;
    let two = journal.begin(promotion("production", &[("core", "1.5.0")]), at(5)).await;
    let three = journal.begin(rollback("staging", one.id), at(6)).await;
    let three = journal.append(&three, started(), at(7)).await;

    let summary = |id, environment: &str, stage: &str, names: &str| Summary {
        id,
        environment: environment.into(),
        stage: stage.to_owned(),
        names: names.to_owned(),
        rollback: false,
        requester: "alice".into(),
        requested_at: at(0),
        ended_at: None,
    };
    let first = Summary {
        ended_at: Some(at(2)),
        ..summary(one.id, "staging", "succeeded", "core:1.5.0 and web:2.1.0")
    };
    let second =
        Summary { requested_at: at(5), ..summary(two.id, "production", "waiting", "core:1.5.0") };
    let third = Summary {
        requested_at: at(6),
        rollback: true,
        ..summary(three.id, "staging", "running", "core:1.0.0")
    };
    let of = async |environment: Option<&str>, limit| {
        let environment = environment.map(Into::into);
        journal.store.history(environment.as_ref(), limit).await.expect("a list")
    };
    assert_eq!(of(None, 9).await, [third.clone(), second.clone(), first.clone()]);
    assert_eq!(of(None, 2).await, [third.clone(), second.clone()]);
    assert_eq!(of(Some("staging"), 9).await, [third.clone(), first]);
    assert_eq!(of(Some("staging"), 1).await, [third]);
    assert_eq!(of(Some("nowhere"), 9).await, []);
    assert_eq!(of(None, 0).await, []);
}

#[tokio::test]
async fn what_was_undone_is_not_the_last_success() {
    let journal = Journal::new().await;
    let promote = |version| promotion("staging", &[("core", version)]);
    assert_eq!(last_success(&journal).await, None);
    let one = journal.run(promote("1.4.0"), End::Succeeded, 0).await;
    let two = journal.run(promote("1.5.0"), End::Succeeded, 10).await;
    journal.run(promote("1.6.0"), End::RolledBack { cause: support::cause() }, 20).await;
    journal.run(promotion("production", &[("core", "1.5.0")]), End::Succeeded, 25).await;
    assert_eq!(last_success(&journal).await, Some(two.id));

    // A rollback that does not succeed undoes nothing.
    let failed = End::Failed { cause: support::cause(), undo: None };
    journal.run(rollback("staging", two.id), failed, 30).await;
    assert_eq!(last_success(&journal).await, Some(two.id));
    journal.run(rollback("staging", two.id), End::Succeeded, 40).await;
    assert_eq!(last_success(&journal).await, Some(one.id));
    journal.run(rollback("staging", one.id), End::Succeeded, 50).await;
    assert_eq!(last_success(&journal).await, None);
}

#[tokio::test]
async fn the_last_success_is_the_last_that_ran_whatever_the_clock_said() {
    let journal = Journal::new().await;
    // The first that was asked for runs last, and by then the clock was set back.
    let waits = journal.begin(promotion("staging", &[("core", "1.4.0")]), at(100)).await;
    journal.run(promotion("staging", &[("core", "1.5.0")]), End::Succeeded, 101).await;
    let waits = journal.append(&waits, started(), at(50)).await;
    let waits = journal.append(&waits, vec![Event::Ended { end: End::Succeeded }], at(49)).await;
    assert_eq!(last_success(&journal).await, Some(waits.id));
    let took = journal.store.durations(&"staging".into(), &["core".into()], 1).await;
    assert_eq!(took.expect("a list"), [Duration::ZERO]);
}

#[tokio::test]
async fn verified_is_what_succeeded_there() {
    let journal = Journal::new().await;
    let verified = async |environment: &str, repository: &str, version: &str| {
        let image = Image { repository: repository.into(), digest: support::digest(version) };
        journal.store.verified(&environment.into(), &image).await.expect("an answer")
    };
    let both = [("core", "1.5.0"), ("web", "2.1.0")];
    let deployment = journal.begin(promotion("staging", &both), at(0)).await;
    let deployment = journal.append(&deployment, started(), at(1)).await;
    assert!(!verified("staging", "core", "1.5.0").await, "it still runs");
    journal.append(&deployment, vec![Event::Ended { end: End::Succeeded }], at(2)).await;
    assert!(verified("staging", "core", "1.5.0").await);
    assert!(verified("staging", "web", "2.1.0").await);
    assert!(!verified("staging", "web", "1.5.0").await, "another repository's");
    assert!(!verified("production", "core", "1.5.0").await, "another environment's");
    assert!(!verified("staging", "core", "1.0.0").await, "what ran before");

    let gone_wrong = End::RolledBack { cause: support::cause() };
    journal.run(promotion("staging", &[("core", "1.6.0")]), gone_wrong, 10).await;
    assert!(!verified("staging", "core", "1.6.0").await);
}

#[tokio::test]
async fn durations_are_those_of_successes_that_moved_one_of_these() {
    let journal = Journal::new().await;
    for (minutes, images, end) in [
        (1, [("core", "1.1.0"), ("web", "2.1.0")].as_slice(), End::Succeeded),
        (2, &[("web", "2.2.0")], End::Succeeded),
        (3, &[("core", "1.2.0")], End::Succeeded),
        (4, &[("core", "1.3.0")], End::RolledBack { cause: support::cause() }),
        (5, &[("jobs", "3.0.0")], End::Succeeded),
    ] {
        let deployment = journal.begin(promotion("staging", images), at(0)).await;
        let deployment = journal.append(&deployment, started(), at(10)).await;
        journal.append(&deployment, vec![Event::Ended { end }], at(10 + minutes)).await;
    }
    let took = async |repositories: &[&str], limit| {
        let repositories: Vec<Repository> =
            repositories.iter().copied().map(Repository::from).collect();
        let took = journal.store.durations(&"staging".into(), &repositories, limit).await;
        let minutes = took.expect("a list").into_iter().map(|took| took.as_secs() / 60);
        minutes.collect::<Vec<u64>>()
    };
    assert_eq!(took(&["core"], 9).await, [3, 1]);
    assert_eq!(took(&["web", "core"], 9).await, [3, 2, 1]);
    assert_eq!(took(&["core", "web"], 2).await, [3, 2]);
    assert_eq!(took(&["jobs"], 9).await, [5]);
    assert!(took(&[], 9).await.is_empty());
}
