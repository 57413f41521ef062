//! What was told to be recorded is there after a crash, and a URL keeps its secrets.

use shipmate::domain::event::{End, Event};
use shipmate::ports::{Store, StoreError};
use shipmate::store::{Chain, SqliteStore};

use super::support::{self, Journal, at, promotion, started};

#[tokio::test]
async fn a_killed_process_leaves_a_whole_journal() {
    let journal = Journal::new().await;
    let deployment = journal.begin(promotion("staging", &[("core", "1.5.0")]), at(1)).await;
    let deployment = journal.append(&deployment, started(), at(2)).await;

    // What lies on the disk while the file is open and nothing was told to the store: what a
    // process killed now would leave.
    let left = tempfile::tempdir().expect("a directory");
    for file in std::fs::read_dir(journal.directory.path()).expect("a listing") {
        let file = file.expect("an entry");
        // The index of the write-ahead log is shared memory; it is made anew.
        if !file.file_name().to_string_lossy().ends_with("-shm") {
            std::fs::copy(file.path(), left.path().join(file.file_name())).expect("a copy");
        }
    }
    let store = support::open(&left).await;
    assert_eq!(store.open().await.expect("a list"), std::slice::from_ref(&deployment));
    let sound = store.verify_chain(deployment.id).await.expect("a look");
    assert_eq!(sound, Chain::Sound { events: 3 });
    let end = vec![Event::Ended { end: End::Succeeded }];
    store.append(deployment.id, deployment.version, end, at(3)).await.expect("it goes on");
}

#[tokio::test]
async fn a_reopened_journal_reads_the_same() {
    let Journal { store, directory } = Journal::new().await;
    let deployment =
        store.begin(promotion("staging", &[("core", "1.5.0")]), at(1)).await.expect("it begins");
    let events = store.events(deployment.id).await.expect("events");
    store.close().await;
    for closes in [false, true] {
        let store = support::open(&directory).await;
        assert_eq!(store.events(deployment.id).await.expect("events"), events);
        assert_eq!(store.open().await.expect("a list"), std::slice::from_ref(&deployment));
        if closes {
            store.close().await;
        }
    }
}

#[tokio::test]
async fn a_dropped_append_is_there_or_not_and_blocks_nobody() {
    let journal = Journal::new().await;
    let mut deployment = journal.begin(promotion("staging", &[("core", "1.5.0")]), at(1)).await;
    for round in 0..40_u32 {
        let message = Event::Posted { message: format!("m{round}").as_str().into() };
        let append = journal.try_append(&deployment, vec![message], at(2));
        let patience = std::time::Duration::from_micros(u64::from(round) * 25);
        // Given up at some moment, as a runner is that shuts down.
        drop(tokio::time::timeout(patience, append).await);
        let found = journal.store.deployment(deployment.id).await.expect("an answer");
        let found = found.expect("it is there");
        // One that was given up while it committed may still get there.
        assert!(found.version >= deployment.version);
        deployment = found;
    }
    let found = loop {
        let found = journal.store.deployment(deployment.id).await.expect("an answer");
        let found = found.expect("it is there");
        match journal.try_append(&found, vec![Event::Approved], at(3)).await {
            Ok(approved) => break approved,
            Err(StoreError::Conflict(_)) => {}
            Err(other) => panic!("{other}"),
        }
    };
    let chain = journal.store.verify_chain(found.id).await.expect("a look");
    assert_eq!(chain, Chain::Sound { events: found.version });
}

#[tokio::test]
async fn urls_that_do_not_fit_are_refused_without_repeating_them() {
    let directory = tempfile::tempdir().expect("a directory");
    let missing = support::url(&directory.path().join("hunter2"));
    let parameters = format!("{}?key=hunter2", support::url(directory.path()));
    for url in [
        "postgres://shipmate:hunter2@db/shipmate",
        "sqlite://",
        "sqlite::memory:",
        "sqlite://:memory:?hunter2",
        "hunter2",
        &parameters,
        &missing,
    ] {
        let Err(error) = SqliteStore::open(url).await else { panic!("{url} was opened") };
        assert!(matches!(error, StoreError::Database(_)), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
}

#[tokio::test]
async fn a_file_of_a_newer_program_is_not_opened() {
    let journal = Journal::new().await;
    journal.store.close().await;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (99, 'of tomorrow', TRUE, x'00', 0)",
    )
    .execute(&mut journal.raw().await)
    .await
    .expect("it is done");
    let refused = SqliteStore::open(&support::url(journal.directory.path())).await;
    assert!(matches!(refused, Err(StoreError::Database(_))));
}
