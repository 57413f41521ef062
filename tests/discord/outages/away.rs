//! The process or its connection was away: what people said, voted and deleted meanwhile.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::fleet;
use super::SOON;
use crate::discord::fake::FakeDiscord;
use crate::world::guild::{self, OPS};
use crate::world::{Plan, Way, World};

/// Somebody speaks to the bot, which may be away.
fn say(fake: &FakeDiscord, person: &str, text: &str) -> u64 {
    fake.say(guild::user(person), OPS, &format!("<@{}> {text}", fake.bot()))
}

/// What the bot has answered to a message.
fn answers(fake: &FakeDiscord, message: u64) -> Vec<String> {
    let all = fake.messages_of_bot(OPS).into_iter();
    all.filter(|one| one.reference == Some(message)).map(|one| fleet::written(&one)).collect()
}

async fn until_answered(fake: &FakeDiscord, message: u64) {
    fleet::until(fake, "it is answered", SOON, |fake| !answers(fake, message).is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_meanwhile_is_answered_once() {
    let mut world = fleet::demo(Way::Tls).await;
    let fake = fleet::fake(&world);
    world.say("alice", "status staging").await;
    let heard = fake.messages(OPS).first().unwrap().id;
    world.kill().await;
    let missed = say(&fake, "alice", "status production");
    fake.say(guild::user("bob"), OPS, "this is for nobody");
    let asked = say(&fake, "alice", "promote core:1.5.0 to staging");
    world.begin().await;
    until_answered(&fake, missed).await;
    fleet::until_stage(&world, 1, "succeeded", SOON).await;
    fleet::until(&fake, "the end is told", SOON, |fake| fleet::is_told(fake, 1, ": succeeded"))
        .await;
    // Nor are they answered again by the next connection, or by the next process.
    fake.refuse_resume(true);
    let identifies = fake.identifies();
    fake.drop_sockets();
    fleet::until(&fake, "it is back", SOON, |fake| fake.identifies() > identifies).await;
    let after = say(&fake, "alice", "whoami");
    until_answered(&fake, after).await;
    world.restart().await;
    world.wait().await;
    assert_eq!(answers(&fake, heard).len(), 1);
    assert_eq!(answers(&fake, missed).len(), 1);
    assert_eq!(answers(&fake, asked).len(), 1, "the end, and nothing else");
    assert_eq!(answers(&fake, after).len(), 1);
    assert_eq!(world.count_deployments().await, 1);
    fleet::assert_told_once(&fake, 1, ": succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_too_long_ago_is_asked_for_again() {
    let mut world = fleet::demo(Way::Tls).await;
    let fake = fleet::fake(&world);
    world.kill().await;
    let old = say(&fake, "alice", "promote core:1.5.0 to staging");
    world.set_clock("2026-11-24T09:11:00Z");
    let fresh = say(&fake, "alice", "status staging");
    world.begin().await;
    until_answered(&fake, old).await;
    until_answered(&fake, fresh).await;
    world.wait().await;
    let [answer] = answers(&fake, old).try_into().unwrap();
    assert!(answer.contains("say it again"), "{answer}");
    assert!(answer.contains("promote core:1.5.0 to staging"), "{answer}");
    assert_eq!(world.count_deployments().await, 0);
    world.assert_untouched();
    // Once.
    world.restart().await;
    world.wait().await;
    assert_eq!(answers(&fake, old).len(), 1);
    assert_eq!(answers(&fake, fresh).len(), 1);
}

/// Also in a conversation of two that began just before the process died.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_directly_meanwhile_is_answered() {
    let mut world = fleet::demo(Way::Plain).await;
    let fake = fleet::fake(&world);
    let alice = guild::user("alice");
    fake.direct(alice, "status staging");
    let channel = fake.direct_channel(alice).unwrap();
    let answered =
        |times: usize| move |fake: &FakeDiscord| fake.messages_of_bot(channel).len() == times;
    fleet::until(&fake, "it is answered", SOON, answered(1)).await;
    world.kill().await;
    fake.direct(alice, "whoami");
    world.begin().await;
    fleet::until(&fake, "the second one is, too", SOON, answered(2)).await;
    let last = fake.messages_of_bot(channel).pop().unwrap();
    assert!(fleet::written(&last).contains("alice"), "{}", fleet::written(&last));
}

/// And in a thread of a channel that it listens in.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_in_a_thread_meanwhile_is_answered() {
    let mut world = fleet::demo(Way::Plain).await;
    let fake = fleet::fake(&world);
    let alice = guild::user("alice");
    let thread = fake.open_thread(alice, OPS, "later");
    let say = |text: &str| fake.say(alice, thread, &format!("<@{}> {text}", fake.bot()));
    let answered = |message: u64| {
        move |fake: &FakeDiscord| {
            fake.messages_of_bot(thread).iter().any(|answer| answer.reference == Some(message))
        }
    };
    let first = say("status staging");
    fleet::until(&fake, "it is answered", SOON, answered(first)).await;
    world.kill().await;
    let second = say("promote core:1.5.0 to staging");
    fake.say(alice, thread, "nobody is asked here");
    world.begin().await;
    fleet::until(&fake, "it is answered, too", SOON, answered(second)).await;
    world.wait().await;
    assert_eq!(fake.messages_of_bot(thread).len(), 2);
    assert_eq!(world.count_deployments().await, 1);
}

/// Production asks a crowd.
const CROWD: &str = r#"
@id("a-crowd-agrees")
@approvals("120")
@approvers("release-manager")
@expires("2h")
@reason("many agree")
forbid (principal, action == Action::"promote", resource == Environment::"production");
"#;

/// The first of the crowd.
const FIRST: u64 = 10_000;

/// More react than Discord tells at once, all while nobody listens.
#[tokio::test(flavor = "multi_thread")]
async fn votes_of_a_crowd_are_recounted() {
    let names: Vec<String> = (0..140).map(|number| format!("\"crowd{number}\"")).collect();
    let holders = format!("people = [\"bob\", \"carol\", \"frank\", {}]", names.join(", "));
    let mut plan = fleet::plan(Duration::from_millis(50));
    plan.settings = plan.settings.replace(r#"people = ["bob", "carol", "frank"]"#, &holders);
    let mut guilded = guild::people().unlimited().crowd(FIRST, 140, "crowd", &[3002]);
    guilded.people.iter_mut().for_each(|person| person.global_name = None);
    let mut world = World::with(plan, Some((Way::Tls, guilded))).await;
    let fake = fleet::fake(&world);
    world.add_policies("crowd.cedar", CROWD);
    world.restart().await;
    world.say("alice", "promote core:2.0.0 to production").await;
    world.say("alice", "promote web:2.0.0 to production").await;
    let (first, second) = (fleet::card(&world, 1), fleet::card(&world, 2));
    let react = |card: u64, numbers: std::ops::Range<u64>| {
        for number in numbers {
            fake.react(FIRST + number, OPS, card, "✅");
        }
    };

    // The process is away.
    world.kill().await;
    react(first, 0..110);
    react(second, 0..105);
    world.begin().await;
    until_so_many_agree(&world, 1, 110).await;
    until_so_many_agree(&world, 2, 105).await;
    let pages = fake.requests_to("GET", "/reactions/");
    assert!(pages.iter().any(|page| !page.path.contains("after=0")), "{pages:#?}");

    // Only the connection is away, and with it the session.
    fake.refuse_connections(true);
    fake.refuse_resume(true);
    fake.drop_sockets();
    for number in 0..5 {
        fake.unreact(FIRST + number, OPS, first, "✅");
        fake.unreact(FIRST + number, OPS, second, "✅");
    }
    react(first, 110..125);
    fake.refuse_connections(false);
    fleet::until_stage(&world, 1, "succeeded", SOON).await;
    until_so_many_agree(&world, 2, 100).await;

    // Each was counted once, and enough were there when it began.
    let cast = fleet::votes_cast(&world, 1).await;
    let people: BTreeSet<&String> = cast.iter().collect();
    assert_eq!(people.len(), cast.len(), "somebody's vote was counted twice");
    assert_eq!(cast.len(), 125);
    assert_eq!(fleet::votes_cast(&world, 2).await.len(), 105);
    assert_eq!(world.stage(2).await, "waiting");
}

async fn until_so_many_agree(world: &World, id: i64, many: usize) {
    let began = std::time::Instant::now();
    loop {
        let votes = fleet::voters(world, id).await.len();
        if votes == many {
            return;
        }
        assert!(began.elapsed() < SOON, "{votes} and not {many} agree to #{id}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_that_is_deleted_is_posted_anew() {
    let mut world = fleet::demo(Way::Tls).await;
    let fake = fleet::fake(&world);
    world.verified_on_staging("core", "1.5.0").await;
    world.say("alice", "promote core:1.5.0 to production").await;
    let first = fleet::card(&world, 1);
    fleet::react(&world, "bob", "✅", first);
    fleet::until_voters(&world, 1, &["bob"], SOON).await;

    // At once. What stood on the old card stands on it alone.
    fake.delete_message(OPS, first);
    let anew = |not: u64| {
        move |fake: &FakeDiscord| {
            let (cards, _) = fleet::telling(fake, 1);
            cards.len() == 1 && cards[0].id != not
        }
    };
    fleet::until(&fake, "a new card", SOON, anew(first)).await;
    world.wait().await;
    let second = fleet::card(&world, 1);
    assert_ne!(second, first);
    fleet::until(&fake, "it can be answered", SOON, |fake| fake.reactions(OPS, second).len() == 3)
        .await;

    // While nobody listened.
    world.kill().await;
    fake.delete_message(OPS, second);
    world.begin().await;
    fleet::until(&fake, "another one", SOON, anew(second)).await;
    world.wait().await;
    let third = fleet::card(&world, 1);
    for person in ["bob", "carol"] {
        fleet::react(&world, person, "✅", third);
    }
    fleet::until_stage(&world, 1, "succeeded", SOON).await;
    fleet::until(&fake, "it is told", SOON, |fake| fleet::is_told(fake, 1, ": succeeded")).await;
    world.wait().await;
    fleet::assert_told_once(&fake, 1, ": succeeded");
    world.assert_core("production", "1.5.0");
}

/// A card that is deleted while its deployment runs is posted anew, too, and the deployment
/// notices nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_card_that_is_deleted_while_it_shows_work_is_posted_anew() {
    let settle = Duration::from_millis(500);
    let plan = Plan { settle, ..Plan::default() };
    let discord = (Way::Plain, guild::people().unlimited());
    let mut world = World::with(plan, Some(discord)).await;
    let fake = fleet::fake(&world);
    world.say("alice", "promote core:1.5.0 to staging").await;
    fleet::until_stage(&world, 1, "running", SOON).await;
    let (cards, _) = fleet::telling(&fake, 1);
    fake.delete_message(OPS, cards[0].id);
    fleet::until_stage(&world, 1, "succeeded", SOON).await;
    fleet::until(&fake, "it is told", SOON, |fake| fleet::is_told(fake, 1, ": succeeded")).await;
    world.wait().await;
    fleet::assert_told_once(&fake, 1, ": succeeded");
    world.assert_core("staging", "1.5.0");
}
