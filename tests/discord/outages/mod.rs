//! What must not go wrong when Discord is away, slow, or strict: one test for each promise.

mod away;
mod connection;
mod limits;
mod posting;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use shipmate::chat::discord::{Account, Discord, Forms, Holders, Wire};
use shipmate::clock::OffsetClock;
use shipmate::domain::channel::Channels;
use shipmate::domain::environment::People;
use shipmate::store::SqliteStore;
use tempfile::TempDir;

use super::fake::FakeDiscord;
use crate::world::guild::OPS;

/// Longer than anything takes that goes well.
const SOON: Duration = Duration::from_secs(60);

/// The adapter alone, without an engine behind it.
struct Alone {
    discord: Discord,
    /// Lives as long as the adapter writes into it.
    _directory: TempDir,
}

async fn alone(fake: &FakeDiscord, wire: Wire) -> Alone {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", directory.path().join("memory.db").display());
    let memory = SqliteStore::open(&url).await.unwrap();
    let ops = OPS.to_string().as_str().into();
    let account = Account {
        token: fake.token().into(),
        holders: Holders { guild: 1000, named: People::default(), ..Holders::default() },
        channels: Channels {
            rooms: BTreeMap::from([(ops, [].into_iter().collect())]),
            announce: None,
        },
        prefix: None,
        call: None,
    };
    let clock = Arc::new(OffsetClock::default());
    let discord = Discord::new(account, wire, Arc::new(memory), clock);
    Alone { discord, _directory: directory }
}

/// Nothing can be filled in.
fn no_forms() -> Forms {
    Forms {
        forms: Vec::new(),
        line: Arc::new(|_, _| Err("there are no forms".to_owned())),
        suggest: Arc::new(|_| Box::pin(async { Vec::new() })),
    }
}
