//! Everything that goes wrong with Discord, in one run, while twenty tasks are replaced and
//! people vote on something else: it ends as if nothing had been wrong. `SHIPMATE_CHAOS=20`
//! plays it twenty times.

use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt};

use super::fake::{FakeDiscord, Matcher, Span};
use super::fleet;
use crate::world::guild::{self, OPS};
use crate::world::{Way, World};

/// How long Discord answers 429, or 503.
const OUTAGE: Duration = Duration::from_secs(10);
/// Longer than anything takes that goes well, with several worlds at a time.
const LONG: Duration = Duration::from_secs(150);
/// How many worlds there are at a time.
const AT_ONCE: usize = 4;

/// What a run was like.
struct Figures {
    way: Way,
    lasted: Duration,
    requests: usize,
    limited: usize,
    failed: usize,
    edits: usize,
    identifies: u32,
    resumes: u32,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_ends_the_same_whatever_discord_does() {
    let times = std::env::var("SHIPMATE_CHAOS").map_or(1, |times| times.parse().unwrap());
    let ways = [Way::Tls, Way::Plain].into_iter().cycle().take(times);
    let mut runs = stream::iter(ways).map(run).buffer_unordered(AT_ONCE);
    let mut number = 0;
    while let Some(Figures { way, lasted, requests, limited, failed, edits, identifies, resumes }) =
        runs.next().await
    {
        number += 1;
        eprintln!(
            "run {number} of {times}, {way:?}: {lasted:.1?}, {requests} requests ({limited} \
             answered 429, {failed} 503), {edits} edits, {identifies} Identifies, {resumes} Resumes"
        );
    }
}

async fn run(way: Way) -> Figures {
    let began = Instant::now();
    let mut world = fleet::twenty(way, Duration::from_secs(17), guild::people()).await;
    let fake = fleet::fake(&world);
    let ids = |service| {
        let tasks = world.sandbox.tasks("production", service).into_iter();
        tasks.map(|task| task.id).collect::<Vec<_>>()
    };
    let mut before = ids("api");
    assert_eq!(before.len(), 20);
    before.extend(ids("web"));
    before.sort();
    world.say("alice", "promote core:2.0.0 to production").await;
    world.say("alice", "promote web:2.0.0 to production").await;
    let (first, second) = (fleet::card(&world, 1), fleet::card(&world, 2));

    votes_while_away(&world, &fake, (first, second)).await;
    dropped_and_resumed(&world, &fake, second).await;
    limited_late_and_twice(&world, &fake, second).await;
    limited_altogether(&fake).await;
    assert_eq!(world.stage(1).await, "running", "it was to run while all of this happens");
    without_service(&world, &fake, second).await;

    fleet::until_stage(&world, 1, "succeeded", LONG).await;
    fleet::until(&fake, "#1 is told", LONG, |fake| fleet::is_told(fake, 1, ": succeeded")).await;
    fleet::until_voters(&world, 2, &["bob"], LONG).await;
    fleet::until(&fake, "who may not vote is told", LONG, eve_is_told(second)).await;
    fleet::react(&world, "carol", "✅", second);
    fleet::until_stage(&world, 2, "succeeded", LONG).await;
    fleet::until(&fake, "#2 is told", LONG, |fake| fleet::is_told(fake, 2, ": succeeded")).await;
    world.wait().await;
    assert_the_end(&world, &fake, before).await;

    let answered = |status| fake.requests().iter().filter(|one| one.status == status).count();
    Figures {
        way,
        lasted: began.elapsed(),
        requests: fake.request_count(),
        limited: answered(429),
        failed: answered(503),
        edits: fake.requests_to("PATCH", "/channels/").len(),
        identifies: fake.identifies(),
        resumes: fake.resumes(),
    }
}

/// The socket is gone and cannot be taken up again: votes given meanwhile count, and those that
/// were taken back meanwhile do not.
async fn votes_while_away(world: &World, fake: &FakeDiscord, (first, second): (u64, u64)) {
    fleet::react(world, "bob", "✅", first);
    fleet::until_voters(world, 1, &["bob"], LONG).await;
    fake.refuse_connections(true);
    fake.refuse_resume(true);
    fake.drop_sockets();
    fleet::react(world, "carol", "✅", first);
    fleet::react(world, "frank", "✅", first);
    fleet::unreact(world, "frank", "✅", first);
    fleet::react(world, "carol", "✅", second);
    fleet::unreact(world, "carol", "✅", second);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(fleet::voters(world, 1).await, ["bob"]);
    let identifies = fake.identifies();
    fake.refuse_connections(false);
    fleet::until_stage(world, 1, "running", LONG).await;
    fake.refuse_resume(false);
    assert!(fake.identifies() > identifies, "it resumed what cannot be resumed");
    assert_eq!(fleet::voters(world, 1).await, ["bob", "carol"]);
}

/// The socket is gone, and the session is taken up again with what was missed.
async fn dropped_and_resumed(world: &World, fake: &FakeDiscord, second: u64) {
    let resumes = fake.resumes();
    fake.refuse_connections(true);
    fake.drop_sockets();
    fleet::react(world, "bob", "✅", second);
    tokio::time::sleep(Duration::from_millis(100)).await;
    fake.refuse_connections(false);
    fleet::until_voters(world, 2, &["bob"], LONG).await;
    assert!(fake.resumes() > resumes, "it did not resume");
}

/// 429 for each request, and events come late and twice.
async fn limited_late_and_twice(world: &World, fake: &FakeDiscord, second: u64) {
    fake.delay_events(Duration::from_secs(5));
    fake.duplicate_events(true);
    fake.answer_429(OUTAGE, false, Duration::from_secs(1));
    // One who may not vote, one who thinks better of it, and one who only asks.
    fleet::react(world, "eve", "✅", second);
    fleet::react(world, "frank", "✅", second);
    let text = format!("<@{}> status", fake.bot());
    fake.say(guild::user("alice"), OPS, &text);
    tokio::time::sleep(OUTAGE / 2 - Duration::from_secs(1)).await;
    fleet::unreact(world, "frank", "✅", second);
    tokio::time::sleep(OUTAGE / 2 + Duration::from_secs(1)).await;
}

async fn limited_altogether(fake: &FakeDiscord) {
    fake.answer_429(OUTAGE, true, Duration::from_secs(2));
    tokio::time::sleep(OUTAGE).await;
}

/// 503 for each request, and the socket is gone, too.
async fn without_service(world: &World, fake: &FakeDiscord, second: u64) {
    fake.fail(Matcher::any(), 503, Span::For(OUTAGE));
    fake.drop_sockets();
    fleet::react(world, "frank", "✅", second);
    fleet::unreact(world, "frank", "✅", second);
    tokio::time::sleep(OUTAGE).await;
    fake.delay_events(Duration::ZERO);
    fake.duplicate_events(false);
}

async fn assert_the_end(world: &World, fake: &FakeDiscord, before: Vec<String>) {
    let (stopped, tags) = fleet::deeds(world);
    assert_eq!(stopped, before, "each task is stopped exactly once");
    let expected = [
        "core:production-latest 2.0.0",
        "core:production-previous 1.0.0",
        "web:production-latest 2.0.0",
        "web:production-previous 1.0.0",
    ];
    assert_eq!(tags, expected, "each tag moves exactly once");
    for (service, repository) in [("api", "core"), ("web", "web")] {
        let digest = world.sandbox.digest(repository, "2.0.0").unwrap();
        let view = world.sandbox.service("production", service).unwrap();
        assert!(view.runs("app", &digest), "{view:#?}");
    }
    for id in [1, 2] {
        fleet::assert_told_once(fake, id, ": succeeded");
        assert_eq!(fleet::votes_cast(world, id).await, ["bob", "carol"], "#{id}");
    }
    // Two cards, two ends, and one answer.
    let said = fake.messages_of_bot(OPS);
    let titles: Vec<&str> = said.iter().map(fleet::title).collect();
    assert_eq!(said.len(), 5, "{titles:#?}");
    let told = fake.direct_channel(guild::user("eve")).map(|channel| fake.messages_of_bot(channel));
    assert_eq!(told.unwrap_or_default().len(), 1, "eve is told once why");
}

/// Whether the vote of one who may not vote is off the card, and she knows why.
fn eve_is_told(card: u64) -> impl Fn(&FakeDiscord) -> bool {
    move |fake| {
        let eve = guild::user("eve");
        let approves = fake.reactions(OPS, card).remove("✅").unwrap_or_default();
        let told = fake.direct_channel(eve).map(|channel| fake.messages_of_bot(channel));
        !approves.contains(&eve) && told.is_some_and(|told| !told.is_empty())
    }
}
