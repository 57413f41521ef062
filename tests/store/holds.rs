//! Holds: every rollback leaves one, and the start of a promotion ends it.

use shipmate::domain::event::{End, Event, RefusedWhy};
use shipmate::domain::id::DeploymentId;
use shipmate::ports::{Hold, Store};

use super::support::{self, Journal, at, promotion, rollback, started};

async fn hold(journal: &Journal, environment: &str) -> Option<Hold> {
    journal.store.hold(&environment.into()).await.expect("an answer")
}

#[tokio::test]
async fn a_hold_lasts_from_a_rollback_to_the_start_of_a_promotion() {
    let journal = Journal::new().await;
    let promote = || promotion("staging", &[("core", "1.5.0")]);
    let first = journal.run(promote(), End::Succeeded, 0).await;
    assert_eq!(hold(&journal, "staging").await, None);

    let back = journal.run(rollback("staging", first.id), End::Succeeded, 10).await;
    let since_rollback = Hold { deployment: back.id, since: at(12) };
    assert_eq!(hold(&journal, "staging").await, Some(since_rollback.clone()));
    assert_eq!(hold(&journal, "production").await, None);

    // Asking and agreeing are not yet a start, and a rollback is no promotion.
    let next = journal.begin(promote(), at(20)).await;
    let next = journal.append(&next, vec![Event::Approved], at(21)).await;
    let again = journal.begin(rollback("staging", first.id), at(21)).await;
    let again = journal.append(&again, started(), at(22)).await;
    assert_eq!(hold(&journal, "staging").await, Some(since_rollback));
    let failed = End::Failed { cause: support::cause(), undo: Some(support::cause()) };
    journal.append(&again, vec![Event::Ended { end: failed }], at(23)).await;
    let since_failure = Hold { deployment: again.id, since: at(23) };
    assert_eq!(hold(&journal, "staging").await, Some(since_failure));

    let start = Event::Started { known_failures: [].into() };
    let next = journal.append(&next, vec![start], at(24)).await;
    assert_eq!(hold(&journal, "staging").await, None);
    journal.append(&next, vec![Event::Ended { end: End::Succeeded }], at(25)).await;
    assert_eq!(hold(&journal, "staging").await, None);
}

#[tokio::test]
async fn the_end_tells_whether_there_is_a_hold() {
    let cause = support::cause;
    let cancelled = |undone| End::Cancelled { by: "bob".into(), because: None, undone };
    let superseded = |undone| End::Superseded { by: DeploymentId(7), undone };
    let policy = RefusedWhy::Policy { by: vec![support::because()] };
    for (end, touched, held) in [
        (End::Succeeded, true, false),
        (End::RolledBack { cause: cause() }, true, true),
        (End::Failed { cause: cause(), undo: Some(cause()) }, true, true),
        (End::Failed { cause: cause(), undo: None }, true, true),
        (cancelled(true), true, true),
        (cancelled(true), false, false),
        (cancelled(false), false, false),
        (superseded(true), true, true),
        (superseded(true), false, false),
        (superseded(false), false, false),
        (End::Rejected { by: "bob".into(), because: None }, false, false),
        (End::Expired, false, false),
        (End::Unapproved, false, false),
        (End::Missed, false, false),
        (End::Refused { why: policy }, false, false),
    ] {
        let journal = Journal::new().await;
        let deployment = journal.begin(promotion("staging", &[("core", "1.5.0")]), at(1)).await;
        let ran = match end {
            End::Cancelled { undone, .. } | End::Superseded { undone, .. } => undone,
            _ => touched,
        };
        let mut events = if ran { started() } else { Vec::new() };
        if touched {
            events.extend(support::a_step());
        }
        events.push(Event::Ended { end: end.clone() });
        journal.append(&deployment, events, at(2)).await;
        assert_eq!(hold(&journal, "staging").await.is_some(), held, "{end:?}");
    }
}

#[tokio::test]
async fn a_program_that_promotes_ends_no_hold() {
    let journal = Journal::new().await;
    let first = journal.run(promotion("staging", &[("core", "1.5.0")]), End::Succeeded, 0).await;
    let back = journal.run(rollback("staging", first.id), End::Succeeded, 10).await;
    let left = Some(Hold { deployment: back.id, since: at(12) });
    let by_program = match promotion("staging", &[("core", "1.6.0")]) {
        Event::Requested(mut requested) => {
            requested.automated = true;
            Event::Requested(requested)
        }
        other => other,
    };
    journal.run(by_program, End::Succeeded, 20).await;
    assert_eq!(hold(&journal, "staging").await, left);
    journal.run(promotion("staging", &[("core", "1.7.0")]), End::Succeeded, 30).await;
    assert_eq!(hold(&journal, "staging").await, None);
}
