//! The connection to Discord: away for long, full of nonsense, out of order, or cut each time.

use std::time::{Duration, Instant};

use serde_json::json;
use shipmate::domain::event::{End, Event};
use shipmate::telemetry;
use tokio::sync::mpsc;

use super::super::fleet;
use super::{SOON, alone, no_forms};
use crate::discord::fake::{FakeDiscord, Matcher, Span};
use crate::world::guild::{self, OPS};
use crate::world::{Plan, Way, World};

/// How Discord is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Away {
    /// It says so at once.
    Ill,
    /// It takes requests and answers none.
    Silent,
}

/// A deployment that has started ends in time, whatever Discord does; and when Discord is back,
/// the card and the reply tell of it.
async fn ends_without_discord(way: Way, away: Away) {
    let settle = Duration::from_millis(500);
    let discord = (way, guild::people().unlimited());
    let mut world = World::with(Plan { settle, ..Plan::default() }, Some(discord)).await;
    let fake = fleet::fake(&world);
    world.say_only("alice", "promote core:1.5.0 to staging").await;
    let moved = || world.tag("core", "staging-latest") == "1.5.0";
    world.until("the tag has moved", moved).await;
    let began = Instant::now();
    fake.refuse_connections(true);
    fake.drop_sockets();
    match away {
        Away::Ill => fake.fail(Matcher::any(), 503, Span::Always),
        Away::Silent => fake.slow(Matcher::any(), Duration::from_secs(3600)),
    }
    fleet::until_stage(&world, 1, "succeeded", SOON).await;
    assert!(began.elapsed() < Duration::from_secs(25), "{away:?}: {:?}", began.elapsed());
    let told = |fake: &FakeDiscord| fleet::is_told(fake, 1, ": succeeded");
    assert!(!told(&fake), "{away:?}: Discord is away");
    // What somebody asks meanwhile is answered later.
    let asked = fake.say(guild::user("alice"), OPS, &format!("<@{}> whoami", fake.bot()));

    fake.mend();
    fake.refuse_connections(false);
    fleet::until(&fake, "the end is told", SOON, told).await;
    let answered = |fake: &FakeDiscord| {
        fake.messages_of_bot(OPS).iter().any(|one| one.reference == Some(asked))
    };
    fleet::until(&fake, "the question is answered", SOON, answered).await;
    fleet::assert_told_once(&fake, 1, ": succeeded");
    assert_eq!(fake.messages_of_bot(OPS).len(), 3, "the card, the end, the answer");
    world.assert_core("staging", "1.5.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_ends_while_discord_is_ill() {
    tokio::join!(
        ends_without_discord(Way::Tls, Away::Ill),
        ends_without_discord(Way::Plain, Away::Ill)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_ends_while_discord_is_silent() {
    tokio::join!(
        ends_without_discord(Way::Tls, Away::Silent),
        ends_without_discord(Way::Plain, Away::Silent)
    );
}

/// The count of events that could not be read, so far.
fn unparsed() -> u64 {
    let rendered = telemetry::metrics().render();
    let name = "shipmate_discord_events_unparsed_total ";
    let line = rendered.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_counted_and_harms_nothing() {
    // Counted from here on.
    let before = unparsed();
    let mut world = fleet::demo(Way::Tls).await;
    let fake = fleet::fake(&world);
    fake.inject("MESSAGE_CREATE", &json!({ "id": "not a number", "content": [] }));
    fake.inject("MESSAGE_REACTION_ADD", &json!({ "emoji": 7 }));
    fake.inject("INTERACTION_CREATE", &json!({ "id": "1", "type": "none" }));
    fake.inject("SOMETHING_NEW", &json!({ "id": "1" }));
    let identifies = fake.identifies();
    world.say("alice", "promote core:1.5.0 to staging").await;
    fleet::until_stage(&world, 1, "succeeded", SOON).await;
    world.wait().await;
    fleet::assert_told_once(&fake, 1, ": succeeded");
    let counted = unparsed() - before;
    assert!(counted >= 4, "{counted} were counted");
    assert_eq!((fake.identifies(), fake.resumes()), (identifies, 0), "it lost its connection");
}

/// A word and its contrary, said within a millisecond: what was said first is done first.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_on_a_deployment_is_done_in_order() {
    let mut world = fleet::demo(Way::Plain).await;
    let fake = fleet::fake(&world);
    world.verified_on_staging("core", "1.5.0").await;
    let say = |person: &str, text: &str| {
        fake.say(guild::user(person), OPS, &format!("<@{}> {text}", fake.bot()))
    };
    for id in 1..=50 {
        world.say("alice", "promote core:1.5.0 to production").await;
        let (approve, cancel) = (format!("approve {id}"), format!("cancel {id}"));
        let approved_first = id % 2 == 1;
        if approved_first {
            say("bob", &approve);
            say("alice", &cancel);
        } else {
            say("alice", &cancel);
            say("bob", &approve);
        }
        fleet::until_stage(&world, id, "cancelled", SOON).await;
        let events = fleet::events(&world, id).await;
        let vote = events.iter().position(|event| matches!(event, Event::VoteCast(_)));
        let end = events
            .iter()
            .position(|event| matches!(event, Event::Ended { end: End::Cancelled { .. } }));
        assert_eq!(vote.is_some(), approved_first, "#{id}: {events:#?}");
        assert!(end.is_some() && vote.is_none_or(|vote| Some(vote) < end), "#{id}: {events:#?}");
    }
}

/// Each connection is cut as soon as it stands: no more are begun than the brake lets, and the
/// first that holds is used.
#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_reconnects_is_braked() {
    let storms = |way: Way| async move {
        let fake = FakeDiscord::start(guild::people().unlimited()).await;
        let mut wire = guild::wire(&fake, way);
        let window = Duration::from_secs(2);
        wire.relay.brake.cap = 5;
        wire.relay.brake.window = window;
        fake.reset_after_upgrade(true);
        let alone = alone(&fake, wire).await;
        let (events, mut heard) = mpsc::channel(8);
        let discord = alone.discord.clone();
        let listening = tokio::spawn(async move { discord.listen(events, no_forms()).await });
        let began = Instant::now();
        let storm = Duration::from_secs(6);
        tokio::time::sleep(storm).await;
        let opened = fake.connections_ever();
        // Each window takes the cap, and one begins with the storm.
        let windows = began.elapsed().as_millis() / window.as_millis() + 1;
        assert!(opened >= 2, "{way:?}: it did not try");
        assert!(u128::from(opened) <= 5 * windows, "{way:?}: {opened} connections in {storm:?}");
        assert_eq!(fake.identifies(), 0);
        let asked = fake.requests_to("GET", "/gateway").len();
        assert!(asked as u64 <= opened + 3, "{way:?}: {asked} requests for {opened} connections");
        assert!(!alone.discord.is_connected());

        fake.reset_after_upgrade(false);
        assert!(fake.wait_for_client(SOON).await, "{way:?}: it never came back");
        let raised = tokio::time::timeout(SOON, heard.recv()).await;
        assert!(raised.is_ok(), "{way:?}: nobody was told that it is back");
        assert!(alone.discord.is_connected());
        assert_eq!(fake.identifies(), 1);
        listening.abort();
    };
    tokio::join!(storms(Way::Tls), storms(Way::Plain));
}

/// However a connection ends: what is said just then is answered, once.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_missed_however_a_connection_ends() {
    let mut guilded = guild::people().unlimited();
    guilded.limits.heartbeat = Duration::from_secs(1);
    let world = World::with(Plan::default(), Some((Way::Tls, guilded))).await;
    let fake = fleet::fake(&world);
    type End = fn(&FakeDiscord);
    let ends: [(&str, End); 8] = [
        ("dropped", FakeDiscord::drop_sockets),
        ("unknown error", |fake| fake.close_sockets(4000)),
        ("invalid sequence", |fake| fake.close_sockets(4007)),
        ("session timed out", |fake| fake.close_sockets(4009)),
        ("asked to reconnect", FakeDiscord::ask_to_reconnect),
        ("invalid, to be resumed", |fake| fake.invalidate_sessions(true)),
        ("invalid", |fake| fake.invalidate_sessions(false)),
        // Heartbeats are not answered any more.
        ("silent", |fake| fake.stop_acknowledging(true)),
    ];
    for (how, end) in ends {
        let connections = fake.connections_ever();
        end(&fake);
        let ask = || fake.say(guild::user("alice"), OPS, &format!("<@{}> whoami", fake.bot()));
        let mut asked = vec![ask()];
        let again = |fake: &FakeDiscord| {
            fake.connections_ever() > connections && fake.ready_connections() > 0
        };
        assert!(fake.wait_until(again, SOON).await, "{how}: it never connected again");
        fake.stop_acknowledging(false);
        asked.push(ask());
        let answers = |fake: &FakeDiscord, asked: u64| {
            fake.messages_of_bot(OPS).iter().filter(|one| one.reference == Some(asked)).count()
        };
        let all = |fake: &FakeDiscord| asked.iter().all(|asked| answers(fake, *asked) > 0);
        assert!(fake.wait_until(all, SOON).await, "{how}: not everything is answered");
        for asked in asked {
            assert_eq!(answers(&fake, asked), 1, "{how}");
        }
    }
}
