//! Votes by reaction on Discord: from the one that decides to the first call that AWS gets, and
//! from one that does not yet to the card that shows it.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use shipmate::app::{Pieces, Running};
use shipmate::aws::Endpoint;
use shipmate::clock::OffsetClock;
use shipmate::ports::Clock as _;
use shipmate::settings::Settings;
use shipmate::store::SqliteStore;

use super::bots::{ALICE, OPS, variables};
use crate::fake_discord::{Clock, FakeDiscord, Logged, StoredMessage, World};
use crate::harness::{Budget, Figure, Row, Section};
use crate::ship;

const BOB: u64 = 4002;
const CAROL: u64 = 4003;
const LONG: Duration = Duration::from_secs(20);

pub async fn measure(full: bool) -> anyhow::Result<Section> {
    let rounds = if full { 100 } else { 15 };
    let clock = Arc::new(OffsetClock::default());
    // A Tuesday morning, when the shipped policies let people work.
    clock.set("2026-11-24T09:00:00Z".parse::<Timestamp>()?);
    let mut world = World::shipmate().unlimited();
    let wall = Arc::clone(&clock);
    world.clock = Some(Clock(Arc::new(move || wall.system_time())));
    let fake = FakeDiscord::start(world).await;
    fake.plain_text(true);
    let sandbox = ship::sandbox(shipmate::sandbox::demo_world(), ship::at_once()).await?;
    let directory = tempfile::tempdir()?;
    let text = include_str!("../../../docs/discord.toml");
    let mut settings = Settings::parse("discord.toml", text, variables(&fake, &directory)?)?;
    settings.set_tempo(Duration::from_millis(2), LONG);
    let store = Arc::new(SqliteStore::open(settings.database.url.reveal()).await?);
    let pieces = Pieces {
        memory: store.clone(),
        store,
        clock: clock.clone(),
        endpoint: Endpoint::Simulated { url: sandbox.url() },
        rhythm: ship::hurried(),
    };
    let chat = settings.chat.as_ref().context("the settings name no chat")?;
    let wire = shipmate::app::wire(chat)?;
    let running = Box::pin(Running::start_with(&settings, wire, pieces)).await?;
    anyhow::ensure!(fake.wait_for_client(LONG).await, "nobody connected");
    // Production takes only what was verified on staging.
    for version in ["1.5.0", "1.6.0"] {
        let (known, _) = say(&fake, &format!("promote core:{version} to staging"));
        ended(&fake, known).await?;
    }
    let (mut shown, mut called) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let version = if round % 2 == 0 { "1.5.0" } else { "1.6.0" };
        let (known, asked) = say(&fake, &format!("promote core:{version} to production"));
        let card = card_after(&fake, asked).await?;
        // What the plan was made from is no longer news, as before any real vote.
        clock.set(clock.now().checked_add(SignedDuration::from_secs(6))?);
        let before = fake.request_count();
        let raised = Instant::now();
        fake.react(BOB, OPS, card, "✅");
        let is_edit =
            |logged: &Logged| logged.method == "PATCH" && logged.path.ends_with(&card.to_string());
        let edit = request(&fake, before, is_edit).await.context("the vote was not shown")?;
        shown.push(edit.at.duration_since(raised));
        sandbox.clear_calls();
        let raised = SystemTime::now();
        fake.react(CAROL, OPS, card, "✅");
        ended(&fake, known).await?;
        let calls = sandbox.calls();
        let first = calls.first().context("AWS was not called")?;
        called.push(first.at.duration_since(raised)?);
    }
    drop(running);
    fake.stop();
    sandbox.stop().await;
    let mut section = Section::new("On Discord: from a vote to what it does");
    section.row(
        Row::new("the deciding vote → the first call to AWS", Figure::times(&called)?)
            .budget(Budget::Tail(10e-3)),
    );
    section.row(Row::new("another vote → the request that edits the card", Figure::times(&shown)?));
    section.note(
        "From the event of the reaction to the moment that stands in the simulated AWS's log beside the first call, or to the \
         arrival of the edit. A vote is what Discord says when it is asked: between the two Shipmate reads the message and who reacted, and each \
         voter's roles, by requests to the fake Discord over loopback in plain, without limits. Two release managers have to agree, and the \
         plan is older than 5 s, as after any real vote. The journal is on disk.",
    );
    Ok(section)
}

/// Alice says something to the bot; how many requests there were before, and her message.
fn say(fake: &FakeDiscord, text: &str) -> (usize, u64) {
    let known = fake.request_count();
    (known, fake.say(ALICE, OPS, &format!("<@{}> {text}", fake.bot())))
}

/// The first such request after so many.
async fn request(
    fake: &FakeDiscord,
    known: usize,
    is_it: impl Fn(&Logged) -> bool,
) -> Option<Logged> {
    let find = |fake: &FakeDiscord| fake.requests_since(known).into_iter().find(&is_it);
    let found = fake.wait_until(|fake| find(fake).is_some(), LONG).await;
    find(fake).filter(|_| found)
}

/// Waits for the reply that tells the end of a deployment, which must be a good one, and until
/// its card shows that, too.
async fn ended(fake: &FakeDiscord, known: usize) -> anyhow::Result<()> {
    let pings = |logged: &Logged| {
        logged.method == "POST" && logged.body["allowed_mentions"]["replied_user"] == true
    };
    let reply = request(fake, known, pings).await.context("it did not end")?;
    let title = &reply.body["embeds"][0]["title"];
    let good = title.as_str().is_some_and(|title| title.starts_with('✅'));
    anyhow::ensure!(good, "it ended: {title}");
    let settled = |fake: &FakeDiscord| fake.requests_since(known).iter().all(|one| one.status != 0);
    anyhow::ensure!(fake.wait_until(settled, LONG).await, "a request was not answered");
    Ok(())
}

/// Waits for the card that waits for votes, with the reactions that are offered on it.
async fn card_after(fake: &FakeDiscord, asked: u64) -> anyhow::Result<u64> {
    let waits = |fake: &FakeDiscord| {
        let mut posted = fake.messages_of_bot(OPS).into_iter();
        let is_it = |card: &StoredMessage| card.id > asked && card.reactions.len() == 3;
        posted.find(is_it).map(|card| card.id)
    };
    anyhow::ensure!(fake.wait_until(|fake| waits(fake).is_some(), LONG).await, "there is no card");
    waits(fake).context("the card is gone")
}
