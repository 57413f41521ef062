//! The chain of hashes: what is changed behind the program's back shows.

use shipmate::domain::event::{End, Event};
use shipmate::domain::id::DeploymentId;
use shipmate::ports::{Store, StoreError};
use shipmate::store::{Chain, Fault};
use sqlx::{AssertSqlSafe, Connection};

use super::support::{self, Journal, at, promotion, started};

/// A journal with two deployments of five and of one event, after somebody ran this.
async fn after(tampering: &str) -> Chain {
    let journal = Journal::new().await;
    let deployment = journal.begin(promotion("staging", &[("core", "1.5.0")]), at(1)).await;
    let deployment =
        journal.append(&deployment, vec![Event::Posted { message: "m".into() }], at(1)).await;
    let deployment = journal.append(&deployment, started(), at(2)).await;
    let end = Event::Ended { end: End::Succeeded };
    let deployment = journal.append(&deployment, vec![end], at(3)).await;
    journal.begin(promotion("staging", &[("core", "1.6.0")]), at(1)).await;

    let mut raw = journal.raw().await;
    let statements = format!(
        "DROP TRIGGER events_are_not_changed; DROP TRIGGER events_are_not_deleted; {tampering}"
    );
    sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut raw).await.expect("it is done");
    raw.close().await.expect("closed");

    let other = journal.store.verify_chain(DeploymentId(2)).await.expect("a look");
    assert_eq!(other, Chain::Sound { events: 1 }, "the other deployment's chain is its own");
    journal.store.verify_chain(deployment.id).await.expect("a look")
}

fn broken(sequence: u64, fault: Fault) -> Chain {
    Chain::Broken { sequence, fault }
}

#[tokio::test]
async fn an_untouched_chain_is_sound() {
    assert_eq!(after("").await, Chain::Sound { events: 5 });
    let journal = Journal::new().await;
    let nothing = journal.store.verify_chain(DeploymentId(1)).await;
    assert!(matches!(nothing, Err(StoreError::NoSuchDeployment(_))), "{nothing:?}");
}

#[tokio::test]
async fn a_changed_event_is_found() {
    let of_first = "WHERE deployment = 1 AND sequence";
    for change in [
        "body = replace(body, '\"m\"', '\"n\"')",
        "at = at + 1",
        "version = 2",
        "type = 'approved'",
        "previous_hash = 'abc'",
        "hash = 'abc'",
    ] {
        let found = after(&format!("UPDATE events SET {change} {of_first} = 2")).await;
        assert_eq!(found, broken(2, Fault::Altered), "{change}");
    }
    let found = after(&format!("UPDATE events SET body = '{{}}' {of_first} IN (3, 5)")).await;
    assert_eq!(found, broken(3, Fault::Altered), "the first is told");
}

#[tokio::test]
async fn a_missing_event_is_found_wherever_it_stood() {
    for sequence in 1..=5 {
        let cut = format!("DELETE FROM events WHERE deployment = 1 AND sequence = {sequence}");
        assert_eq!(after(&cut).await, broken(sequence, Fault::Missing));
    }
    let all = after("DELETE FROM events WHERE deployment = 1").await;
    assert_eq!(all, broken(1, Fault::Missing));
}

#[tokio::test]
async fn an_event_that_was_put_in_is_found() {
    // A copy of another deployment's first event is sound in itself.
    let copy = "INSERT INTO events (deployment, sequence, at, version, type, body, previous_hash,
            hash) SELECT 1, 6, at, version, type, body, previous_hash, hash
        FROM events WHERE deployment = 2";
    assert_eq!(after(copy).await, broken(6, Fault::Altered));
    // So is the end of an older copy of the file.
    let cut = "DELETE FROM events WHERE deployment = 1 AND sequence = 5;
        UPDATE deployments SET version = 4 WHERE id = 1";
    assert_eq!(after(cut).await, broken(4, Fault::NotTheHead));
}

#[tokio::test]
async fn events_can_only_be_added() {
    let journal = Journal::new().await;
    let deployment = journal.begin(promotion("staging", &[("core", "1.5.0")]), at(1)).await;
    let mut raw = journal.raw().await;
    for change in [
        "UPDATE events SET at = 0",
        "DELETE FROM events",
        "REPLACE INTO events SELECT * FROM events",
        "INSERT OR REPLACE INTO events SELECT position + 9, deployment, sequence, 0, version, type,
            body, previous_hash, hash FROM events",
    ] {
        let refused = sqlx::query(change).execute(&mut raw).await.expect_err("it is refused");
        assert!(refused.to_string().contains("append-only"), "{change}: {refused}");
    }
    let chain = journal.store.verify_chain(deployment.id).await.expect("a look");
    assert_eq!(chain, Chain::Sound { events: 1 });
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_told_with_its_number() {
    for (change, told) in [
        ("version = 9", "event 1 cannot be read: it has version 9"),
        ("body = '{\"type\":\"dance\"}'", "event 1 cannot be read: unknown variant `dance`"),
    ] {
        let journal = Journal::new().await;
        let deployment = journal.begin(promotion("staging", &[("core", "1.5.0")]), at(1)).await;
        let mut raw = journal.raw().await;
        let statements = format!("DROP TRIGGER events_are_not_changed; UPDATE events SET {change}");
        sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut raw).await.expect("it is done");
        let store = support::open(&journal.directory).await;
        let error = store.deployment(deployment.id).await.expect_err("it is unsound");
        assert!(matches!(error, StoreError::Unsound { .. }));
        assert!(error.to_string().contains(told), "{error}");
    }
}
