//! Discord's limits and its illnesses: what it says to wait for is waited for, what it could not
//! do is tried again, and nobody edits a message faster than Discord takes it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use shipmate::domain::card::{Card, Tone};
use shipmate::domain::id::{MessageId, PersonId};
use shipmate::ports::{Chat, ChatError, Place};

use super::super::fleet;
use super::{Alone, SOON, alone};
use crate::discord::fake::{FakeDiscord, Limits, Logged, Matcher, Span};
use crate::world::guild::{self, OPS};
use crate::world::{Way, World};

/// A request that was on its way when Discord began to say no may still arrive.
const UNDER_WAY: Duration = Duration::from_millis(500);

const EACH: [Way; 2] = [Way::Tls, Way::Plain];

fn card(text: &str) -> Card {
    Card::new(Tone::Plain, text)
}

fn ops() -> Place {
    Place::Channel(OPS.to_string().as_str().into())
}

/// An adapter, and a message of its own.
async fn speaking(way: Way) -> (FakeDiscord, Alone, MessageId) {
    let fake = FakeDiscord::start(guild::people().unlimited()).await;
    let alone = alone(&fake, guild::wire(&fake, way)).await;
    let message = alone.discord.post(&ops(), &card("one"), "one").await.unwrap();
    (fake, alone, message)
}

/// What one request shares its limit with.
fn bucket(logged: &Logged) -> String {
    let path = logged.path.split('?').next().unwrap_or_default();
    let words = path.split('/').map(|word| if word.parse::<u64>().is_ok() { "ID" } else { word });
    format!("{} {}", logged.method, words.collect::<Vec<_>>().join("/"))
}

/// Nothing arrived while Discord had said to wait; gives how many times it said so.
fn assert_obeyed(requests: &[Logged], wait: Duration, global: bool) -> usize {
    let mut told: Vec<&Logged> = requests.iter().filter(|one| one.status == 429).collect();
    let times = told.len();
    // Those that were under way together were told so together.
    told.dedup_by(|next, first| {
        next.at.duration_since(first.at) < UNDER_WAY && (global || bucket(next) == bucket(first))
    });
    for refused in told {
        let early = requests.iter().filter(|one| global || bucket(one) == bucket(refused));
        let early = early.filter(|one| {
            let after = one.at.saturating_duration_since(refused.at);
            after > UNDER_WAY && after + Duration::from_millis(20) < wait
        });
        let early: Vec<String> = early
            .map(|one| format!("{} after {:?}", bucket(one), one.at.duration_since(refused.at)))
            .collect();
        assert!(early.is_empty(), "{} was told to wait for {wait:?}: {early:#?}", bucket(refused));
    }
    times
}

/// Several kinds of requests at once, for as long as this.
async fn ask_much(alone: &Alone, message: &MessageId, lasting: Duration) {
    let until = Instant::now() + lasting;
    let discord = &alone.discord;
    let edit = async {
        let mut number = 0;
        while Instant::now() < until {
            number += 1;
            discord.edit(message, &card(&format!("edit {number}"))).await.unwrap();
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    };
    let read = async {
        while Instant::now() < until {
            discord.reactions(message).await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let people = |person: u64| async move {
        let person = PersonId::new(person.to_string());
        while Instant::now() < until {
            discord.roles(&person).await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let post = async {
        let mut number = 0;
        while Instant::now() < until {
            number += 1;
            let key = format!("post {number}");
            discord.post(&ops(), &card(&key), &key).await.unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::join!(edit, read, people(4001), people(4002), people(4003), post);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_discord_says_to_wait_for_is_waited_for() {
    let obeys = |way: Way, global: bool| async move {
        let (fake, alone, message) = speaking(way).await;
        let wait = Duration::from_secs(2);
        let trouble = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            fake.answer_429(Duration::from_millis(2500), global, wait);
        };
        tokio::join!(ask_much(&alone, &message, Duration::from_secs(5)), trouble);
        let requests = fake.requests();
        let times = assert_obeyed(&requests, wait, global);
        assert!(times >= 2, "{way:?}: Discord said {times} times that it is too much");
        // Afterwards it goes on.
        let last = requests.last().unwrap();
        assert_eq!(last.status, 200, "{way:?}: {last:?}");
        (way, global, times, requests.len())
    };
    let all = EACH.into_iter().flat_map(|way| [(way, true), (way, false)]);
    let told = futures::future::join_all(all.map(|(way, global)| obeys(way, global))).await;
    for (way, global, times, requests) in told {
        // Each kind of request is told so once or twice, and not once for each that is waiting.
        assert!(times <= 16, "{way:?}, global {global}: {times} of {requests} were too early");
    }
}

/// An answer to an interaction has no limit that serenity knows of: it waits all the same.
#[tokio::test(flavor = "multi_thread")]
async fn answers_to_interactions_wait_as_well() {
    for way in EACH {
        let mut world = fleet::demo(way).await;
        let fake = fleet::fake(&world);
        let commands = |fake: &FakeDiscord| !fake.commands().is_empty();
        fleet::until(&fake, "there are commands", SOON, commands).await;
        world.say("alice", "whoami").await;
        let wait = Duration::from_secs(1);
        fake.answer_429(Duration::from_millis(300), false, wait);
        let asked = fake.slash(guild::user("alice"), OPS, "whoami", &[]).unwrap();
        assert!(asked.wait_acknowledged(SOON).await, "{way:?}: never acknowledged");
        assert_obeyed(&fake.requests(), wait, false);
        let calls = fake.requests_to("POST", "/callback");
        assert!(calls[0].status == 429, "{way:?}: {calls:?}");
        let between = calls[1].at.duration_since(calls[0].at);
        assert!(between >= wait, "{way:?}: it was tried again after {between:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_discord_could_not_do_is_tried_again() {
    for way in EACH {
        for status in [500, 502, 503, 504] {
            let (fake, alone, message) = speaking(way).await;
            fake.fail(Matcher::new("PATCH", ""), status, Span::Times(3));
            alone.discord.edit(&message, &card("two")).await.unwrap();
            let edits = fake.requests_to("PATCH", "");
            let statuses: Vec<u16> = edits.iter().map(|one| one.status).collect();
            assert_eq!(statuses, [status, status, status, 200], "{way:?}");
            // Each pause is longer than the one before.
            let pauses: Vec<Duration> =
                edits.windows(2).map(|two| two[1].at.duration_since(two[0].at)).collect();
            assert!(pauses.is_sorted(), "{way:?}: {pauses:?}");
            // What Discord did refuse is not asked again.
            fake.fail(Matcher::new("PATCH", ""), 403, Span::Times(1));
            let refused = alone.discord.edit(&message, &card("three")).await;
            assert!(matches!(refused, Err(ChatError::Refused(_))), "{way:?}: {refused:?}");
            assert_eq!(fake.requests_to("PATCH", "").len(), 5, "{way:?}");
        }
    }
}

/// An illness that does not pass is told, after half a minute and a few tries.
#[tokio::test(flavor = "multi_thread")]
async fn what_discord_cannot_do_is_given_up_within_a_budget() {
    let gives_up = |way: Way| async move {
        let (fake, alone, message) = speaking(way).await;
        fake.fail(Matcher::new("PATCH", ""), 503, Span::Always);
        let began = Instant::now();
        let failed = alone.discord.edit(&message, &card("two")).await;
        assert!(matches!(failed, Err(ChatError::Unavailable(_))), "{way:?}: {failed:?}");
        let (lasted, tries) = (began.elapsed(), fake.requests_to("PATCH", "").len());
        assert!(lasted < Duration::from_secs(40), "{way:?}: {lasted:?}");
        assert!((5..=15).contains(&tries), "{way:?}: {tries} tries");
    };
    tokio::join!(gives_up(Way::Tls), gives_up(Way::Plain));
}

/// Twenty tasks change faster than Discord takes edits, and its answers are slow: one edit is
/// under way at a time, and the last one tells the end.
#[tokio::test(flavor = "multi_thread")]
async fn edits_are_coalesced() {
    const ANSWER: Duration = Duration::from_millis(300);
    let coalesces = |way: Way| async move {
        let guilded = guild::people().limits(Limits::default());
        let names: Vec<String> = (0..10).map(|number| format!("api{number}")).collect();
        let services: Vec<_> = names.iter().map(|name| (name.as_str(), 2, "core")).collect();
        let plan = fleet::plan_of(&services, Duration::from_millis(600));
        let mut world = World::with(plan, Some((way, guilded))).await;
        let fake = fleet::fake(&world);
        world.say("alice", "promote core:2.0.0 to production").await;
        let message = fleet::card(&world, 1);
        fake.slow(Matcher::new("PATCH", ""), ANSWER);
        for person in ["bob", "carol"] {
            fleet::react(&world, person, "✅", message);
        }
        fleet::until_stage(&world, 1, "succeeded", SOON).await;
        fleet::until(&fake, "it is told", SOON, |fake| fleet::is_told(fake, 1, ": succeeded"))
            .await;
        world.wait().await;
        fleet::assert_told_once(&fake, 1, ": succeeded");

        let mut edits: BTreeMap<String, Vec<Instant>> = BTreeMap::new();
        for edit in fake.requests_to("PATCH", "/messages/") {
            assert_ne!(edit.status, 429, "{way:?}: {}", edit.path);
            edits.entry(edit.path).or_default().push(edit.at);
        }
        for (path, times) in &edits {
            for two in times.windows(2) {
                let apart = two[1].duration_since(two[0]);
                assert!(apart >= ANSWER, "{way:?}: two edits of {path} within {apart:?}");
            }
        }
        let count: usize = edits.values().map(Vec::len).sum();
        let changes = fleet::events(&world, 1).await.len();
        assert!(changes >= 60, "{way:?}: only {changes} things happened");
        assert!(count >= 3 && count * 3 <= changes, "{way:?}: {count} edits for {changes} changes");
        let limited = fake.requests().iter().filter(|one| one.status == 429).count();
        assert_eq!(limited, 0, "{way:?}: it asked for more than Discord allows");
    };
    tokio::join!(coalesces(Way::Tls), coalesces(Way::Plain));
}
