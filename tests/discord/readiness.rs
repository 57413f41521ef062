//! Whether Discord tells what happens there, as `/readyz` says it: while it runs, too, and not
//! only at the start.

use std::sync::Arc;
use std::time::Duration;

use shipmate::chat::discord::{Account, Discord, Forms, Holders};
use shipmate::clock::OffsetClock;
use shipmate::domain::channel::Channels;
use shipmate::ports::Raised;
use shipmate::store::SqliteStore;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::fake::{FakeDiscord, World};
use crate::world::guild::{Way, wire};

/// Whether it comes to that before long.
async fn becomes(discord: &Discord, connected: bool) -> bool {
    let looking = async {
        while discord.is_connected() != connected {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(20), looking).await.is_ok()
}

#[tokio::test]
async fn a_connection_that_was_cut_is_none_until_the_next_one_stands() {
    let fake = FakeDiscord::start(World::shipmate().unlimited()).await;
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("journal.db").display());
    let memory = Arc::new(SqliteStore::open(&url).await.unwrap());
    let account = Account {
        token: fake.token().into(),
        holders: Holders { guild: 1000, ..Holders::default() },
        channels: Channels::default(),
        prefix: None,
        call: None,
    };
    let clock = Arc::new(OffsetClock::default());
    let discord = Discord::new(account, wire(&fake, Way::Plain), memory, clock);
    let forms = Forms {
        forms: Vec::new(),
        line: Arc::new(|_, _| Err("there are no forms".to_owned())),
        suggest: Arc::new(|_| Box::pin(async { Vec::new() })),
    };
    let (events, mut raised) = mpsc::channel(64);
    tokio::spawn(async move {
        while let Some(Raised { handled, .. }) = raised.recv().await {
            let _ = handled.send(());
        }
    });
    assert!(!discord.is_connected());
    let listening = tokio::spawn({
        let discord = discord.clone();
        async move { discord.listen(events, forms).await }
    });
    assert!(becomes(&discord, true).await, "it never connected");
    fake.refuse_connections(true);
    fake.drop_sockets();
    assert!(becomes(&discord, false).await, "the cut was not noticed");
    fake.refuse_connections(false);
    assert!(becomes(&discord, true).await, "it did not come back");
    listening.abort();
}
