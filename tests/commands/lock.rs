//! `lock`: a person closes an environment to others, until they open it or the time is over.

use std::time::Duration;

use futures::stream::{self, StreamExt};
use insta::assert_snapshot;
use shipmate::sandbox::{Fault, FaultKind};

use crate::world::{Plan, SETTINGS, World, said_by};

const LOCK: &str = "lock staging because I am testing the checkout";
const PROMOTE: &str = "promote core:1.5.0 to staging";

/// How often the bot has told this person something alone.
fn told_alone(world: &World, person: &str, text: &str) -> usize {
    let all = world.all_messages().into_iter();
    let alone = all.filter(|one| one.private_to().is_some_and(|to| to.as_str() == person));
    alone.filter(|one| said_by(std::slice::from_ref(one)).contains(text)).count()
}

/// What the bot has answered to the last line of a person, without the cards that it has edited
/// and what it has told others meanwhile.
fn answer(world: &World) -> String {
    let messages = world.messages().into_iter();
    said_by(&messages.filter(|one| one.key.starts_with("reply-")).collect::<Vec<_>>())
}

fn count(world: &World, text: &str) -> usize {
    world.everything().matches(text).count()
}

#[tokio::test]
async fn a_locked_environment_obeys_its_holder_and_nobody_else() {
    let mut world = World::start().await;
    world.say("alice", LOCK).await;
    assert_snapshot!("locked", world.text());
    world.say("bob", PROMOTE).await;
    assert_snapshot!("refused", world.text());
    assert_eq!(world.count_deployments().await, 0);
    // Breaking the glass does not set a lock aside.
    world.say("dave", "promote core:1.5.0 to staging break glass because it is down").await;
    assert!(world.text().contains("locks-are-obeyed"), "{}", world.text());
    assert!(!world.text().contains("break glass because"), "{}", world.text());
    assert_eq!(world.count_deployments().await, 0);
    // What would be refused anyway is not the lock's fault.
    world.say("eve", PROMOTE).await;
    assert!(!world.text().contains("Ask alice"), "{}", world.text());
    world.assert_untouched();
    world.say("bob", "status staging").await;
    assert_snapshot!("status", world.text());
    world.say("bob", "status").await;
    assert!(world.text().contains("Locked by alice since 09:00 UTC"), "{}", world.text());
    world.say("alice", PROMOTE).await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
    // A lock belongs to who set it, and not to a deployment that ends.
    world.say("bob", "locks").await;
    assert!(world.text().contains("staging: locked by alice"), "{}", world.text());
}

#[tokio::test]
async fn what_is_wrong_with_a_lock_is_told() {
    let mut world = World::start().await;
    for (name, person, line) in [
        ("no_reason", "alice", "lock staging"),
        ("no_environment", "alice", "lock because I am testing"),
        ("may_not", "eve", LOCK),
    ] {
        world.say(person, line).await;
        assert_snapshot!(name, world.text());
    }
    world.say("eve", "lock everything because I am testing").await;
    assert!(world.text().contains("eve may not lock"), "{}", world.text());
    world.say("bob", "locks").await;
    assert!(world.text().contains("Nothing is locked."), "{}", world.text());
}

#[tokio::test]
async fn said_again_it_has_another_reason_or_time() {
    let mut world = World::start().await;
    world.say("alice", LOCK).await;
    world.say("alice", "lock staging for 2 hours because the test takes longer").await;
    assert_snapshot!("changed", world.text());
    world.say("alice", "lock staging because the test is nearly done for 30 minutes").await;
    assert!(world.text().contains("until 09:30 UTC"), "{}", world.text());
    assert!(world.text().contains("because: the test is nearly done."), "{}", world.text());
    world.say("bob", "history staging").await;
    assert_snapshot!("history", world.text());
}

#[tokio::test]
async fn what_a_lock_with_an_end_keeps_out_is_offered_for_its_end() {
    let mut world = World::start().await;
    world.say("bob", "lock staging for 2h because of a load test").await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    let told = world.text();
    let line = told.lines().find(|line| line.contains("promote core:1.5.0 to staging on "));
    let line = line.unwrap_or_else(|| panic!("{told}")).trim_start_matches([' ', '›']).to_owned();
    let offers = |world: &World| world.messages().pop().expect("an answer").card.offers;
    let lines: Vec<String> = offers(&world).into_iter().map(|offer| offer.line).collect();
    assert_eq!(lines, [line.as_str()], "the same as a button");
    world.say("alice", &line).await;
    assert_eq!(world.stage(1).await, "scheduled", "{line}: {}", world.text());
    world.say("bob", "unlock staging").await;
    world.say("bob", "lock staging because of a longer one").await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    assert!(!world.text().contains("have it run when that ends"), "nobody knows: {}", world.text());
    assert_eq!(offers(&world), []);
}

#[tokio::test]
async fn what_others_have_asked_for_waits_and_goes_on_when_it_is_opened() {
    let mut world = World::start().await;
    world.verified_on_staging("core", "1.5.0").await;
    world.say("alice", "promote core:1.5.0 to production").await;
    world.say("dave", "lock production because of an incident").await;
    assert_snapshot!("meets_what_waits", answer(&world));
    // Votes pass: they are about the plan.
    world.react("bob", "✅").await;
    world.react("carol", "✅").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "queued", "{}", world.everything());
    world.until_said("It waits: production is locked by dave").await;
    world.assert_untouched();
    world.say("eve", "queue production").await;
    assert_snapshot!("queue", world.text());
    world.say("eve", "status production").await;
    assert!(world.text().contains("queued, until the lock of dave ends"), "{}", world.text());
    // Whoever starts anew finds it as it is.
    world.restart().await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "queued", "{}", world.everything());
    assert!(world.card_text(1).contains("It waits"), "{}", world.card_text(1));
    world.say("dave", "unlock production").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
    assert!(!world.card_text(1).contains("It waits"), "{}", world.card_text(1));
}

#[tokio::test]
async fn what_is_locked_while_the_gate_looks_waits_as_well() {
    let mut world = World::start().await;
    world.verified_on_staging("core", "1.5.0").await;
    world.say("alice", "promote core:1.5.0 to production").await;
    let card = world.card(1).id;
    world.react("bob", "✅").await;
    let slow = FaultKind::Delay { millis: 1500 };
    world.sandbox.order(Fault::new("DescribeServices", 1, slow)).unwrap();
    world.react_only(&card, "carol", "✅").await;
    while world.stage(1).await != "queued" {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    world.say("dave", "lock production because of an incident").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "queued", "{}", world.everything());
    world.assert_untouched();
    world.say("dave", "unlock production").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
}

/// Dave's promotion runs in staging, and stays on its canary; bob's is queued behind it.
async fn one_runs_and_one_is_queued() -> World {
    let mut world = World::patient().await;
    world.say("dave", "promote core:1.6.0 to staging with canary 5h").await;
    world.until_a_canary().await;
    world.say("bob", "promote web:2.1.0 to staging").await;
    world
}

#[tokio::test]
async fn whoever_waits_for_it_lets_its_holder_pass_and_can_be_cancelled() {
    let mut world = one_runs_and_one_is_queued().await;
    world.say("alice", LOCK).await;
    assert!(world.text().contains("#1 runs there already, and goes on."), "{}", world.text());
    assert!(world.text().contains("#2 waits until it ends."), "{}", world.text());
    world.say("dave", "continue 1").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
    assert_eq!(world.stage(2).await, "queued", "{}", world.everything());
    world.say("alice", PROMOTE).await;
    world.wait().await;
    assert_eq!(world.stage(3).await, "succeeded", "{}", world.everything());
    assert_eq!(world.stage(2).await, "queued", "{}", world.everything());
    world.say("bob", "cancel 2").await;
    world.wait().await;
    assert_eq!(world.stage(2).await, "cancelled", "{}", world.everything());
}

#[tokio::test]
async fn a_rollback_passes_and_its_holder_is_told_once() {
    let mut world = World::start().await;
    world.say("alice", PROMOTE).await;
    world.wait().await;
    world.say("alice", LOCK).await;
    world.say("bob", "rollback staging because it loses orders").await;
    world.wait().await;
    assert_eq!(world.stage(2).await, "succeeded", "{}", world.everything());
    world.until_said("rolls staging back, which you have locked").await;
    assert_eq!(told_alone(&world, "alice", "A rollback passes a lock, and yours stands"), 1);
    world.restart().await;
    world.wait().await;
    assert_eq!(told_alone(&world, "alice", "A rollback passes a lock, and yours stands"), 1);
    world.say("alice", "locks").await;
    assert!(world.text().contains("staging: locked by alice"), "{}", world.text());
}

#[tokio::test]
async fn it_ends_by_itself_once_and_everybody_reads_that() {
    let mut world = World::start().await;
    world.say("alice", "lock staging for 2h because I am testing the checkout").await;
    assert!(world.text().contains("until 11:00 UTC"), "{}", world.text());
    world.say("bob", PROMOTE).await;
    assert_eq!(world.count_deployments().await, 0);
    world.set_clock("2026-11-24T11:00:01Z");
    world.until_said("The time of the lock by alice is over.").await;
    // Nobody was there to see this one end.
    world.say("alice", "lock staging for 1h because I am testing the checkout").await;
    world.kill().await;
    world.set_clock("2026-11-24T12:30:00Z");
    world.begin().await;
    world
        .until("both are told", || count(&world, "The time of the lock by alice is over.") == 2)
        .await;
    world.restart().await;
    world.wait().await;
    assert_eq!(count(&world, "The time of the lock by alice is over."), 2);
    world.say("bob", "history staging").await;
    assert_eq!(world.text().matches("over: its time had come").count(), 2, "{}", world.text());
    world.say("bob", PROMOTE).await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
}

#[tokio::test]
async fn what_waits_for_it_goes_on_when_its_time_is_over() {
    let mut world = one_runs_and_one_is_queued().await;
    world.say("alice", "lock staging for 2h because I am testing the checkout").await;
    world.say("dave", "continue 1").await;
    world.wait().await;
    assert_eq!(world.stage(2).await, "queued", "{}", world.everything());
    world.set_clock("2026-11-24T11:00:01Z");
    world.until_said("The time of the lock by alice is over.").await;
    world.wait().await;
    assert_eq!(world.stage(2).await, "succeeded", "{}", world.everything());
}

/// After as long as the team has said.
#[tokio::test]
async fn the_holder_is_asked_after_the_time_of_the_settings() {
    let settings = format!("{SETTINGS}\n[locks]\nask-after = \"45m\"\n");
    let mut world = World::of(Plan { settings, ..Plan::default() }).await;
    world.say("alice", LOCK).await;
    world.set_clock("2026-11-24T09:44:00Z");
    world.say("alice", "locks").await;
    assert_eq!(told_alone(&world, "alice", "still needed"), 0);
    world.set_clock("2026-11-24T09:45:05Z");
    world.until_said("Is your lock on staging still needed?").await;
    world.wait().await;
    assert_eq!(told_alone(&world, "alice", "still needed"), 1);
}

#[tokio::test]
async fn the_holder_of_an_old_one_is_asked_once_in_an_interval() {
    let mut world = World::start().await;
    world.say("alice", LOCK).await;
    world.set_clock("2026-11-24T16:59:00Z");
    world.say("alice", "locks").await;
    assert_eq!(told_alone(&world, "alice", "still needed"), 0);
    world.set_clock("2026-11-24T17:00:05Z");
    world.until_said("Is your lock on staging still needed?").await;
    assert_snapshot!("still_needed", {
        let all = world.all_messages().into_iter();
        let asked = all.filter(|one| one.card.title.contains("still needed"));
        said_by(&asked.collect::<Vec<_>>())
    });
    world.restart().await;
    world.set_clock("2026-11-25T00:59:00Z");
    world.say("alice", "locks").await;
    assert_eq!(told_alone(&world, "alice", "still needed"), 1);
    // Said again, it is needed.
    world.say("alice", LOCK).await;
    world.set_clock("2026-11-25T08:58:00Z");
    world.say("alice", "locks").await;
    assert_eq!(told_alone(&world, "alice", "still needed"), 1);
    world.set_clock("2026-11-25T09:00:05Z");
    world.until("it is asked again", || told_alone(&world, "alice", "still needed") == 2).await;
}

#[tokio::test]
async fn a_release_manager_takes_it_over_and_its_holder_is_told() {
    let mut world = World::start().await;
    world.say("alice", LOCK).await;
    world.say("dave", "lock staging because of an incident").await;
    assert_snapshot!("not_taken_over", world.text());
    world.say("bob", "lock staging because of an incident").await;
    assert_snapshot!("taken_over", answer(&world));
    world.until_said("has taken your lock on staging over").await;
    assert_eq!(told_alone(&world, "alice", "has taken your lock on staging over"), 1);
    world.say("alice", PROMOTE).await;
    assert!(world.text().contains("staging is locked by bob since"), "{}", world.text());
    world.restart().await;
    world.wait().await;
    assert_eq!(told_alone(&world, "alice", "has taken your lock on staging over"), 1);
}

#[tokio::test]
async fn everything_but_what_others_hold() {
    let mut world = World::start().await;
    world.say("alice", LOCK).await;
    world.say("bob", "lock everything for 1h because the database is being moved").await;
    assert_snapshot!("everything", world.text());
    world.say("eve", "locks").await;
    assert_snapshot!("locks", world.text());
    world.say("bob", "unlock everything").await;
    assert_snapshot!("unlocked_everything", world.text());
    world.say("bob", "unlock everything").await;
    assert!(world.text().contains("No lock of yours stands"), "{}", world.text());
    assert!(world.text().contains("staging stays locked by alice"), "{}", world.text());
}

/// The process dies at each place where dying makes a difference; said once, it is locked once,
/// and whose lock it was hears of it once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dying_anywhere_it_is_locked_once() {
    let dies = |place: i64| async move {
        let mut world = World::start().await;
        world.say("alice", LOCK).await;
        world.trap.set(place);
        world.say_only("bob", "lock staging for 2h because of an incident").await;
        let died = world.trap.catches_within(Duration::from_millis(500)).await;
        world.trap.set(0);
        if died {
            world.restart().await;
        }
        world.until_said("has taken your lock on staging over").await;
        world.wait().await;
        world.say("bob", "history staging").await;
        let history = world.text();
        assert_eq!(history.matches("taken over from alice by bob").count(), 1, "{history}");
        let told = format!("died at {place}\n{}", world.everything());
        assert_eq!(told_alone(&world, "alice", "has taken your lock on staging over"), 1, "{told}");
        assert_eq!(count(&world, "It was locked by alice, who is told."), 1, "{told}");
    };
    stream::iter(1..=12).for_each_concurrent(4, dies).await;
}

/// A lock that ends by itself ends once and is told once, wherever the process dies.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dying_anywhere_it_ends_once() {
    let dies = |place: i64| async move {
        let mut world = World::start().await;
        world.say("alice", "lock staging for 2h because I am testing the checkout").await;
        world.wait().await;
        world.trap.set(place);
        world.set_clock("2026-11-24T11:00:01Z");
        let died = world.trap.catches_within(Duration::from_millis(500)).await;
        world.trap.set(0);
        if died {
            world.restart().await;
        }
        world.until_said("The time of the lock by alice is over.").await;
        world.wait().await;
        world.say("bob", "history staging").await;
        let history = world.text();
        assert_eq!(history.matches("over: its time had come").count(), 1, "{history}");
        let told = format!("died at {place}\n{}", world.everything());
        assert_eq!(count(&world, "The time of the lock by alice is over."), 1, "{told}");
    };
    stream::iter(1..=6).for_each_concurrent(3, dies).await;
}
