//! A world on Discord with a service of twenty tasks in it, and what is asked of such worlds.
//! Knows no single outage.

use std::time::{Duration, Instant};

use serde_json::Value;
use shipmate::domain::event::Event;
use shipmate::domain::id::DeploymentId;
use shipmate::ports::Store;
use shipmate::sandbox::{
    ContainerSpec, ImageSpec, LaunchType, RepositorySpec, ServiceSpec, Times, World as Aws,
};

use super::fake::{FakeDiscord, StoredMessage, World as Guilded};
use crate::world::guild::{self, OPS};
use crate::world::{Plan, Way, World};

/// What such a world is told. Release managers agree on what goes to production.
const SETTINGS: &str = r#"
[roles]
developer = { people = ["alice"] }
release-manager = { people = ["bob", "carol", "frank"] }
on-call = { people = ["dave"] }

[environments.production]
region = "eu-west-1"
cluster = "production"
tag = "production-latest"
"#;

/// Twenty tasks of `core` in one service and two of `web`, all replaced by being stopped.
pub fn plan(settle: Duration) -> Plan {
    plan_of(&[("api", 20, "core"), ("web", 2, "web")], settle)
}

/// Services, each with so many tasks of a repository.
pub fn plan_of(services: &[(&str, u32, &str)], settle: Duration) -> Plan {
    let mut settings = SETTINGS.to_owned();
    let mut aws = Aws::new();
    for repository in ["core", "web"] {
        let repository = RepositorySpec::new(repository);
        let old = ImageSpec::new("1.0.0").tag("production-latest");
        aws = aws.repository(repository.image(old).image(ImageSpec::new("2.0.0")));
    }
    for (name, tasks, repository) in services {
        let app = ContainerSpec::new("app", &format!("{repository}:production-latest")).unpinned();
        let service = ServiceSpec::new("production", name, *tasks, app);
        aws = aws.service(service.launch_type(LaunchType::Ec2).percent(50, 200));
        settings += &format!(
            "[services.{name}]\nrepository = \"{repository}\"\ncontainer = \"app\"\n\
             environments = [\"production\"]\n"
        );
    }
    let patience = Duration::from_secs(300);
    Plan { aws, times: Times::fast(), settings, settle, patience, ..Plan::default() }
}

/// The demo's world on Discord, without any 429 that was not ordered.
pub async fn demo(way: Way) -> World {
    World::with(Plan::default(), Some((way, guild::people().unlimited()))).await
}

/// Twenty tasks on Discord.
pub async fn twenty(way: Way, settle: Duration, guilded: Guilded) -> World {
    World::with(plan(settle), Some((way, guilded))).await
}

pub fn fake(world: &World) -> FakeDiscord {
    world.guild.as_ref().expect("the people speak on Discord").fake.clone()
}

/// What is written on a message.
pub fn title(message: &StoredMessage) -> &str {
    message.embeds.first().and_then(|embed| embed["title"].as_str()).unwrap_or_default()
}

/// All of it, as it goes over the wire.
pub fn written(message: &StoredMessage) -> String {
    format!("{} {}", message.content, Value::from(message.embeds.clone()))
}

/// The messages in the channel that tell of a deployment: those that show it, and those that
/// answer whoever asked for it.
pub fn telling(fake: &FakeDiscord, id: i64) -> (Vec<StoredMessage>, Vec<StoredMessage>) {
    let named = format!("#{id} ");
    let all = fake.messages_of_bot(OPS).into_iter();
    all.filter(|message| title(message).contains(&named))
        .partition(|message| message.reference.is_none())
}

/// One card tells of the deployment, and one reply if it has ended, and both say the same.
pub fn assert_told_once(fake: &FakeDiscord, id: i64, ends: &str) {
    let (cards, replies) = telling(fake, id);
    let titles: Vec<&str> = cards.iter().chain(&replies).map(title).collect();
    assert_eq!((cards.len(), replies.len()), (1, 1), "#{id}: {titles:?}");
    assert!(titles.iter().all(|title| title.ends_with(ends)), "#{id}: {titles:?}");
}

/// Whether the card and the reply tell this end.
pub fn is_told(fake: &FakeDiscord, id: i64, ends: &str) -> bool {
    let (cards, replies) = telling(fake, id);
    let tells = |messages: &[StoredMessage]| messages.iter().any(|one| title(one).ends_with(ends));
    tells(&cards) && tells(&replies)
}

/// Somebody reacts to the card of a deployment, and nobody waits for what comes of it.
pub fn react(world: &World, person: &str, emoji: &str, card: u64) {
    fake(world).react(guild::user(person), OPS, card, emoji);
}

pub fn unreact(world: &World, person: &str, emoji: &str, card: u64) {
    fake(world).unreact(guild::user(person), OPS, card, emoji);
}

/// The message that shows a deployment now.
pub fn card(world: &World, id: i64) -> u64 {
    guild::spot(&world.card(id).id).expect("a message of Discord's").1
}

/// Who has voted on a deployment, by name, in the order of their names.
pub async fn voters(world: &World, id: i64) -> Vec<String> {
    let deployment = world.deployment(id).await;
    let name = |person| guild::person_name(person).to_string();
    let mut names: Vec<String> = deployment.votes.keys().map(name).collect();
    names.sort();
    names
}

/// The journal of a deployment.
pub async fn events(world: &World, id: i64) -> Vec<Event> {
    let journal = world.journal().await;
    let recorded = journal.events(DeploymentId(id)).await.unwrap();
    journal.close().await;
    recorded.into_iter().map(|recorded| recorded.event).collect()
}

/// Whose votes were ever counted, each as often as it was, in the order of their names.
pub async fn votes_cast(world: &World, id: i64) -> Vec<String> {
    let cast = |event: Event| match event {
        Event::VoteCast(vote) => Some(guild::person_name(&vote.person.id).to_string()),
        _ => None,
    };
    let mut cast: Vec<String> = events(world, id).await.into_iter().filter_map(cast).collect();
    cast.sort();
    cast
}

/// Until a deployment is at this stage.
pub async fn until_stage(world: &World, id: i64, stage: &str, limit: Duration) {
    let began = Instant::now();
    loop {
        let begun = world.count_deployments().await as i64 >= id;
        let now = if begun { world.stage(id).await } else { "not asked for yet".to_owned() };
        if now == stage {
            return;
        }
        let told = world.everything();
        assert!(began.elapsed() < limit, "#{id} is {now} and not {stage} in {limit:?}:\n{told}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Until exactly these people's votes stand on a deployment.
pub async fn until_voters(world: &World, id: i64, expected: &[&str], limit: Duration) {
    let began = Instant::now();
    loop {
        let now = voters(world, id).await;
        if now == expected {
            return;
        }
        assert!(began.elapsed() < limit, "{now:?} and not {expected:?} agree to #{id}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Until this holds of what stands on Discord.
pub async fn until(
    fake: &FakeDiscord,
    what: &str,
    limit: Duration,
    holds: impl Fn(&FakeDiscord) -> bool,
) {
    let titles = || fake.messages_of_bot(OPS).iter().map(|one| title(one).to_owned()).collect();
    let held = fake.wait_until(holds, limit).await;
    assert!(held, "never: {what}; {:#?}", {
        let all: Vec<String> = titles();
        all
    });
}

/// What AWS was told to do and did, each as often as it did it: the tasks stopped and the tags
/// put.
pub fn deeds(world: &World) -> (Vec<String>, Vec<String>) {
    let stops = world.deeds().into_iter().filter(|call| call.operation == "StopTask");
    let task = |call: shipmate::sandbox::Call| {
        let task = call.parameters["task"].as_str().unwrap_or_default();
        task.rsplit('/').next().unwrap_or_default().to_owned()
    };
    let mut stops: Vec<String> = stops.map(task).collect();
    stops.sort();
    let mut tags = world.tags_put();
    tags.sort();
    (stops, tags)
}
