//! The process dies at each place where dying makes a difference: before and after every write
//! to the journal and every message. The next one carries on, with the same end.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::stream::{self, StreamExt};
use shipmate::sandbox::{
    ContainerSpec, ImageSpec, LaunchType, RepositorySpec, ServiceSpec, World as Aws,
};

use crate::world::{Plan, World};

/// One service of each strategy, as small as they can be.
const SMALL: &str = r#"
[roles]
developer = { people = ["alice"] }
release-manager = { people = ["bob", "carol"] }
on-call = { people = ["dave"] }

[environments.staging]
region = "eu-west-1"
cluster = "staging"
tag = "staging-latest"

[services.api]
repository = "core"
container = "app"
environments = ["staging"]

[services.web]
repository = "web"
container = "web"
environments = ["staging"]
"#;

fn small() -> Plan {
    let repository = |name: &str| {
        RepositorySpec::new(name)
            .image(ImageSpec::new("1.0.0").tag("staging-latest"))
            .image(ImageSpec::new("2.0.0"))
    };
    let app = ContainerSpec::new("app", "core:staging-latest").unpinned();
    let web = ContainerSpec::new("web", "web:staging-latest");
    let aws = Aws::new()
        .repository(repository("core"))
        .repository(repository("web"))
        .service(
            ServiceSpec::new("staging", "api", 2, app)
                .launch_type(LaunchType::Ec2)
                .percent(50, 200),
        )
        .service(ServiceSpec::new("staging", "web", 1, web));
    Plan { aws, settings: SMALL.to_owned(), settle: Duration::from_millis(20), ..Plan::default() }
}

/// What a run is about: what is said, and what must be true at its end, wherever it died.
#[derive(Clone, Copy)]
struct Story {
    line: &'static str,
    tags: &'static [&'static str],
    stops: bool,
    forces: bool,
}

const CORE: Story = Story {
    line: "promote core:2.0.0 to staging",
    tags: &["core:staging-latest 2.0.0", "core:staging-previous 1.0.0"],
    stops: true,
    forces: false,
};

const WEB: Story = Story {
    line: "promote web:2.0.0 to staging",
    tags: &["web:staging-latest 2.0.0", "web:staging-previous 1.0.0"],
    stops: false,
    forces: true,
};

/// Plays the story and dies at the n-th place, where there are so many. 0: it lives. Gives how
/// many places there were.
async fn dies_at(story: Story, place: i64) -> i64 {
    let mut world = World::of(small()).await;
    let before = world.tasks("staging", "api");
    world.trap.set(place);
    world.say_only("alice", story.line).await;
    let caught =
        caught_or_calm(&world, || world.all_messages().iter().any(|one| one.key == "end-1"));
    let places = if caught.await {
        world.trap.set(0);
        world.restart().await;
        place
    } else {
        world.trap.passed()
    };
    world.wait().await;
    let told = format!("died at {place}\n{}", world.everything());
    assert_eq!(world.count_deployments().await, 1, "{told}");
    assert_eq!(world.stage(1).await, "succeeded", "{told}");
    let mut tags = world.tags_put();
    tags.sort();
    assert_eq!(tags, story.tags, "{told}");
    let stopped = if story.stops { before } else { BTreeSet::new() };
    assert_eq!(world.told_to_stop(), stopped, "{told}");
    let forced: &[&str] = if story.forces { &["web"] } else { &[] };
    assert_eq!(world.forced(), forced, "{told}");
    // One card that tells the end, and one reply that pings: none lost, none twice.
    assert!(world.card(1).card.title.ends_with(": succeeded"), "{told}");
    let replies = world.all_messages().into_iter().filter(|one| one.key != world.card(1).key);
    assert_eq!(replies.map(|one| one.key).collect::<Vec<_>>(), ["end-1"], "{told}");
    let journal = world.journal().await;
    let left = shipmate::ports::Store::unhandled(&journal).await.unwrap();
    journal.close().await;
    assert!(left.is_empty(), "{left:?}\n{told}");
    places
}

/// Waits until somebody is caught, or until it is over and nobody will come by any more.
async fn caught_or_calm(world: &World, over: impl Fn() -> bool) -> bool {
    let began = std::time::Instant::now();
    while began.elapsed() < crate::world::LONG {
        if world.trap.catches_within(Duration::from_millis(20)).await {
            return true;
        }
        if over() && world.is_calm() {
            return world.trap.catches_within(Duration::from_millis(50)).await;
        }
    }
    panic!("it neither dies nor ends\n{}", world.everything());
}

/// Dies once at each place.
async fn dies_everywhere(story: Story) {
    const AT_ONCE: usize = 4;
    let places = dies_at(story, 0).await;
    assert!(places > 20, "a promotion writes more than {places} times");
    let dying = stream::iter(1..=places).map(|place| dies_at(story, place));
    dying.buffer_unordered(AT_ONCE).for_each(async |_| ()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_tasks_goes_on_after_dying_anywhere() {
    dies_everywhere(CORE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_goes_on_after_dying_anywhere() {
    dies_everywhere(WEB).await;
}

/// An undo, too, is carried on: it ends rolled back wherever it died.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undo_goes_on_after_dying() {
    let dies = |place: i64| async move {
        let mut plan = small();
        plan.settle = Duration::from_millis(300);
        let mut world = World::of(plan).await;
        let crash = shipmate::sandbox::Behaviour::Crash { exit_code: 3 };
        world.sandbox.push("core", &ImageSpec::new("3.0.0").behaviour(crash)).unwrap();
        world.say("alice", "promote core:3.0.0 to staging").await;
        let moved = || world.tag("core", "staging-latest") == "3.0.0";
        world.until("the tag has moved", moved).await;
        world.trap.set(place);
        if caught_or_calm(&world, || true).await {
            world.trap.set(0);
            world.restart().await;
        }
        world.wait().await;
        let told = format!("died at {place}\n{}", world.everything());
        assert_eq!(world.stage(1).await, "rolled-back", "{told}");
        assert_eq!(world.tag("core", "staging-latest"), "1.0.0", "{told}");
        assert!(world.sandbox.service("staging", "api").unwrap().is_steady(), "{told}");
        assert_eq!(world.runs("staging", "api"), BTreeSet::from(["1.0.0".to_owned()]), "{told}");
        assert!(world.card(1).card.title.ends_with(": rolled back"), "{told}");
    };
    stream::iter([3, 6, 9, 12, 15, 18]).for_each_concurrent(4, dies).await;
}

/// What ECS was asked to roll back is not asked for twice, and nothing else is restarted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_that_is_called_back_is_so_wherever_it_dies() {
    let dies = |place: i64| async move {
        let mut plan = small();
        // Long enough for a process to begin anew and hear the word again, also on Discord.
        plan.times.pulling = Duration::from_secs(12);
        let mut world = World::of(plan).await;
        let before = world.tasks("staging", "web");
        world.say("alice", WEB.line).await;
        world.until("ECS deploys it", || !world.forced().is_empty()).await;
        world.trap.set(place);
        world.say_only("alice", "cancel 1").await;
        if caught_or_calm(&world, || true).await {
            world.trap.set(0);
            world.restart().await;
            // Whether the word itself was lost or not, it may be said again.
            world.say("alice", "cancel 1").await;
        }
        world.wait().await;
        let told = format!("died at {place}\n{}", world.everything());
        assert_eq!(world.stage(1).await, "cancelled", "{told}");
        assert_eq!(world.tag("web", "staging-latest"), "1.0.0", "{told}");
        assert!(world.forced().len() <= 2, "{told}");
        let good = world.sandbox.digest("web", "1.0.0").unwrap();
        let view = world.sandbox.service("staging", "web").unwrap();
        assert!(view.is_steady() && view.runs("web", &good), "{told}");
        if world.forced().len() == 1 {
            assert_eq!(world.tasks("staging", "web"), before, "{told}");
        }
    };
    stream::iter([2, 4, 6, 8, 10, 12, 14, 16]).for_each_concurrent(4, dies).await;
}

#[tokio::test]
async fn a_message_that_was_taken_in_is_answered_by_the_next_process() {
    let mut world = World::of(small()).await;
    // It dies right after it has written the message down.
    world.trap.set(1);
    world.say_only("alice", "status staging").await;
    assert!(world.trap.catches_within(crate::world::LONG).await);
    assert_eq!(world.text(), "");
    world.restart().await;
    world.wait().await;
    assert!(world.text().contains("staging runs core:1.0.0 and web:1.0.0"), "{}", world.text());
    // And not once more.
    world.restart().await;
    world.wait().await;
    assert_eq!(world.messages().len(), 1);
}

/// Dying while a changed plan is asked about anew must not let old votes count for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dying_while_asking_anew_carries_no_vote_over() {
    let dies = |place: i64| async move {
        let mut world = World::start().await;
        world.verified_on_staging("core", "1.5.0").await;
        world.say("alice", "promote core:1.5.0 to production").await;
        world.react("bob", "✅").await;
        world.sandbox.put_tag("core", "production-latest", "1.6.0").unwrap();
        let card = world.card(1).id;
        world.trap.set(place);
        world.react_only(&card, "carol", "✅").await;
        world.trap.catches_within(Duration::from_millis(1500)).await;
        world.trap.set(0);
        world.restart().await;
        world.wait().await;
        let told = format!("died at {place}\n{}", world.everything());
        assert_eq!(world.stage(1).await, "waiting", "{told}");
        assert!(world.deployment(1).await.votes.is_empty(), "{told}");
        assert_ne!(world.card(1).id, card, "{told}");
        world.assert_untouched();
    };
    stream::iter(1..=10).for_each_concurrent(4, dies).await;
}
