//! Decisions beside deployments: what stands because of them, and that nobody changes them
//! afterwards.

use shipmate::domain::decision::{Ban, Decision, LockBefore, Unfreezing, Unlocking};
use shipmate::domain::event::End;
use shipmate::domain::id::DeploymentId;
use shipmate::domain::image::Image;
use shipmate::domain::lock::Lock;
use shipmate::ports::Store;
use shipmate::store::{Chain, Fault};
use sqlx::{AssertSqlSafe, Connection};

use super::support::{Journal, at, digest, promotion, rollback};

fn image(version: &str) -> Image {
    Image { repository: "core".into(), digest: digest(version) }
}

fn banned(version: &str) -> Decision {
    Decision::Banned {
        image: image(version),
        children: vec![digest("arm64")],
        name: format!("core:{version}"),
        by: "bob".into(),
        because: "it loses orders “ünïcode”\n".to_owned(),
    }
}

fn unbanned(version: &str) -> Decision {
    let name = format!("core:{version}");
    Decision::Unbanned { image: image(version), name, by: "dave".into(), because: None }
}

fn released(environment: &str, left_by: DeploymentId) -> Decision {
    let (environment, by) = (environment.into(), "dave".into());
    Decision::HoldReleased { environment, left_by, by, because: None }
}

/// Locked by somebody, in the place of another lock.
fn locked(by: &str, over: Option<(u64, &str)>) -> Decision {
    Decision::Locked {
        environment: "staging".into(),
        by: by.into(),
        because: "a load test".to_owned(),
        until: Some(at(600)),
        channel: "ops".into(),
        asked_in: "m1".into(),
        over: over.map(|(lock, by)| LockBefore { lock, by: by.into() }),
    }
}

fn unlocked(lock: u64, of: &str, why: Unlocking) -> Decision {
    Decision::Unlocked { environment: "staging".into(), lock, of: of.into(), why }
}

fn lifted(by: &str) -> Unlocking {
    Unlocking::Lifted { by: by.into(), because: None, asked_in: "m2".into() }
}

async fn lock(journal: &Journal) -> Option<Lock> {
    journal.store.lock(&"staging".into()).await.expect("a look")
}

async fn news(journal: &Journal) -> Vec<u64> {
    let news = journal.store.news().await.expect("news");
    news.into_iter().map(|one| one.sequence).collect()
}

async fn decide(journal: &Journal, decision: Decision, minute: i64) -> bool {
    journal.store.decide(decision, at(minute)).await.expect("it is decided")
}

async fn names(journal: &Journal) -> Vec<String> {
    let bans: Vec<Ban> = journal.store.bans().await.expect("bans");
    bans.into_iter().map(|ban| ban.name).collect()
}

#[tokio::test]
async fn a_ban_stands_until_it_is_lifted() {
    let journal = Journal::new().await;
    assert!(!decide(&journal, unbanned("1.5.0"), 0).await, "there is none to lift");
    assert!(decide(&journal, banned("1.5.0"), 1).await);
    assert!(decide(&journal, banned("1.6.0"), 2).await);
    assert!(!decide(&journal, banned("1.5.0"), 3).await, "it stands already");
    let bans = journal.store.bans().await.expect("bans");
    let Decision::Banned { image, children, name, by, because } = banned("1.6.0") else {
        panic!("it is a ban")
    };
    assert_eq!(bans[0], Ban { image, children, name, by, because, at: at(2) });
    assert_eq!(names(&journal).await, ["core:1.6.0", "core:1.5.0"]);
    assert!(decide(&journal, unbanned("1.6.0"), 4).await);
    assert_eq!(names(&journal).await, ["core:1.5.0"]);
    assert!(decide(&journal, banned("1.6.0"), 5).await, "it can be banned again");

    // What changed nothing was not written; all else stands there for ever.
    let decisions = journal.store.decisions(10).await.expect("decisions");
    let told: Vec<(u64, Decision)> =
        decisions.into_iter().map(|one| (one.sequence, one.decision)).collect();
    let expected =
        [(4, banned("1.6.0")), (3, unbanned("1.6.0")), (2, banned("1.6.0")), (1, banned("1.5.0"))];
    assert_eq!(told, expected);
    assert_eq!(journal.store.decisions(1).await.expect("decisions").len(), 1);
    let chain = journal.store.verify_decisions().await.expect("a look");
    assert_eq!(chain, Chain::Sound { events: 4 });
}

#[tokio::test]
async fn a_hold_is_released_only_as_long_as_it_is_the_same() {
    let journal = Journal::new().await;
    let first = journal.run(promotion("staging", &[("core", "1.5.0")]), End::Succeeded, 0).await;
    let back = journal.run(rollback("staging", first.id), End::Succeeded, 10).await;
    let hold = || async { journal.store.hold(&"staging".into()).await.expect("an answer") };
    assert!(!decide(&journal, released("production", back.id), 20).await);
    assert!(!decide(&journal, released("staging", first.id), 20).await, "another one left it");
    assert!(hold().await.is_some());
    assert!(decide(&journal, released("staging", back.id), 20).await);
    assert!(hold().await.is_none());
    assert!(!decide(&journal, released("staging", back.id), 21).await);
}

fn frozen(by: &str, until: Option<i64>) -> Decision {
    Decision::Frozen {
        environment: "production".into(),
        by: by.into(),
        because: "the sale is on".to_owned(),
        until: until.map(at),
        channel: "ops".into(),
        asked_in: "message-1".into(),
    }
}

fn unfrozen(freeze: u64, why: Unfreezing) -> Decision {
    Decision::Unfrozen { environment: "production".into(), freeze, of: "bob".into(), why }
}

#[tokio::test]
async fn each_person_has_one_freeze_and_its_end_by_itself_is_news() {
    let journal = Journal::new().await;
    let over = || Unfreezing::TimeOver { channel: "ops".into() };
    assert!(decide(&journal, frozen("bob", None), 1).await);
    assert!(decide(&journal, frozen("dave", None), 2).await);
    assert!(decide(&journal, frozen("bob", Some(60)), 3).await, "it takes the place of the first");
    let freezes = journal.store.freezes().await.expect("freezes");
    let told: Vec<_> = freezes.iter().map(|one| (one.by.as_str(), one.decision)).collect();
    assert_eq!(told, [("bob", 3), ("dave", 2)]);
    assert_eq!((freezes[0].since, freezes[0].until), (at(3), Some(at(60))));
    assert!(!decide(&journal, unfrozen(1, over()), 60).await, "it stands no more");
    assert!(decide(&journal, unfrozen(3, over()), 60).await);
    assert!(!decide(&journal, unfrozen(3, over()), 60).await, "it ends once");
    let lifted =
        Unfreezing::Lifted { by: "dave".into(), because: None, asked_in: "message-2".into() };
    assert!(decide(&journal, unfrozen(2, lifted), 61).await);
    assert_eq!(journal.store.freezes().await.expect("freezes"), []);
    let news = journal.store.news().await.expect("news");
    assert_eq!(news.iter().map(|one| one.sequence).collect::<Vec<_>>(), [4]);
    journal.store.news_told(4).await.expect("it is told");
    assert_eq!(journal.store.news().await.expect("news"), []);
    let chain = journal.store.verify_decisions().await.expect("a look");
    assert_eq!(chain, Chain::Sound { events: 5 });
}

async fn after(tampering: &str) -> Chain {
    let journal = Journal::new().await;
    for (minute, version) in [(1, "1.5.0"), (2, "1.6.0"), (3, "1.7.0")] {
        assert!(decide(&journal, banned(version), minute).await);
    }
    let mut raw = journal.raw().await;
    let triggers = ["changed", "deleted"]
        .map(|name| format!("DROP TRIGGER decisions_are_not_{name};"))
        .join(" ");
    let statements = format!("PRAGMA foreign_keys = off; {triggers} {tampering}");
    sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut raw).await.expect("it is done");
    raw.close().await.expect("closed");
    journal.store.verify_decisions().await.expect("a look")
}

#[tokio::test]
async fn what_is_changed_behind_the_programs_back_shows() {
    let broken = |sequence, fault| Chain::Broken { sequence, fault };
    assert_eq!(after("").await, Chain::Sound { events: 3 });
    let change = "UPDATE decisions SET body = replace(body, 'bob', 'eve') WHERE sequence = 2";
    assert_eq!(after(change).await, broken(2, Fault::Altered));
    let cut = |sequence: u64| format!("DELETE FROM decisions WHERE sequence = {sequence}");
    assert_eq!(after(&cut(2)).await, broken(2, Fault::Missing));
    assert_eq!(after(&cut(3)).await, broken(3, Fault::Missing));
    assert_eq!(after("DELETE FROM decisions").await, broken(1, Fault::Missing));
}

#[tokio::test]
async fn decisions_cannot_be_changed() {
    let journal = Journal::new().await;
    assert!(decide(&journal, banned("1.5.0"), 1).await);
    let mut raw = journal.raw().await;
    for statement in [
        "UPDATE decisions SET at = 0",
        "DELETE FROM decisions",
        "INSERT OR REPLACE INTO decisions SELECT * FROM decisions",
    ] {
        let error = sqlx::raw_sql(statement).execute(&mut raw).await.expect_err(statement);
        assert!(error.to_string().contains("append-only"), "{statement}: {error}");
    }
}

#[tokio::test]
async fn a_lock_is_one_and_changes_or_ends_only_as_long_as_it_is_the_same() {
    let journal = Journal::new().await;
    assert!(!decide(&journal, unlocked(1, "alice", lifted("alice")), 0).await, "there is none");
    assert!(!decide(&journal, locked("alice", Some((1, "alice"))), 0).await, "there is none");
    assert!(decide(&journal, locked("alice", None), 1).await);
    assert!(!decide(&journal, locked("bob", None), 2).await, "it stands already");
    let stands = lock(&journal).await.expect("a lock");
    assert_eq!((stands.decision, stands.since, stands.said_at), (1, at(1), at(1)));
    assert_eq!((stands.until, stands.asked_at), (Some(at(600)), None));
    assert_eq!(news(&journal).await, Vec::<u64>::new());

    // The person's own keeps its beginning; what was asked about it is old.
    assert!(journal.store.ask_about_lock(&stands, at(3)).await.expect("asked"));
    assert!(!journal.store.ask_about_lock(&stands, at(4)).await.expect("a look"), "it was asked");
    assert!(decide(&journal, locked("alice", Some((1, "alice"))), 5).await);
    let stands = lock(&journal).await.expect("a lock");
    assert_eq!((stands.decision, stands.since, stands.said_at), (2, at(1), at(5)));
    assert_eq!(stands.asked_at, None);
    assert!(!decide(&journal, unlocked(1, "alice", lifted("alice")), 6).await, "it has changed");

    // Taken over, it begins anew, and whose it was must hear of it.
    assert!(decide(&journal, locked("bob", Some((2, "alice"))), 7).await);
    let stands = lock(&journal).await.expect("a lock");
    assert_eq!((stands.decision, stands.by.as_str(), stands.since), (3, "bob", at(7)));
    let over = Unlocking::TimeOver { channel: "ops".into() };
    assert!(decide(&journal, unlocked(3, "bob", over.clone()), 600).await);
    assert!(!decide(&journal, unlocked(3, "bob", over), 600).await, "it ends once");
    assert_eq!(lock(&journal).await, None);
    assert_eq!(journal.store.locks().await.expect("locks"), []);
    assert_eq!(news(&journal).await, [3, 4]);
    journal.store.news_told(3).await.expect("told");
    assert_eq!(news(&journal).await, [4]);
    let chain = journal.store.verify_decisions().await.expect("a look");
    assert_eq!(chain, Chain::Sound { events: 4 });
}
