//! The script of the main job, played by people in the terminal and by people on Discord: it
//! ends with the same tags, the same tasks, the same journal and the same messages.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use shipmate::chat::script::{self, Line, Numbered};
use shipmate::chat::terminal::plain;
use shipmate::ports::Store;

use crate::world::guild;
use crate::world::{Plan, Way, World, said_by};

const DEMO: &str = include_str!("../../docs/demo.script");
const README: &str = include_str!("../../README.md");

/// How everything is when a script is over.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    /// Of each repository.
    tags: BTreeMap<&'static str, BTreeMap<String, String>>,
    /// Of each task that is wanted, by cluster and service: what its containers run.
    running: BTreeMap<String, Vec<BTreeMap<String, String>>>,
    /// Each deployment: what it was about, and how it ended.
    ends: Vec<String>,
    cards: Vec<String>,
    replies: Vec<String>,
    expectations: usize,
}

/// Plays a script in a world, as the terminal's player does, and holds it to what is expected.
async fn play(script: &str, on: Option<Way>) -> Outcome {
    let on_discord = on.map(|way| (way, guild::people().unlimited()));
    let mut world = World::with(Plan::default(), on_discord).await;
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let mut expectations = 0;
    for Numbered { number, line } in script::parse(script).unwrap() {
        match line {
            Line::At(time) => world.clock.set(time.to_zoned(zone.clone()).unwrap().timestamp()),
            Line::Say { person, text } => world.say(person.as_str(), &text).await,
            Line::React { person, emoji } => world.react(person.as_str(), emoji.as_str()).await,
            Line::Unreact { person, emoji } => world.unreact(person.as_str(), emoji.as_str()).await,
            Line::Wait => world.wait().await,
            Line::Expect(text) => {
                expectations += 1;
                let said = world.text();
                assert!(stands(&world, &text), "{on:?}, line {number}: no `{text}` in\n{said}");
            }
            Line::ExpectNot(text) => {
                expectations += 1;
                let said = world.text();
                assert!(!stands(&world, &text), "{on:?}, line {number}: `{text}` in\n{said}");
            }
        }
    }
    world.wait().await;
    outcome(&world, expectations).await
}

/// Whether this stands in what the bot has said since a person's last line.
fn stands(world: &World, text: &str) -> bool {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let wanted = words(text);
    world.messages().iter().any(|message| words(&plain(&message.card)).contains(&wanted))
}

async fn outcome(world: &World, expectations: usize) -> Outcome {
    let repositories = ["core", "web"];
    let tags = repositories.map(|repository| (repository, world.sandbox.tags(repository)));
    let services = world.sandbox.services().into_iter();
    let running = services.map(|view| {
        let tasks = view.tasks.into_iter().map(|task| task.digests).collect();
        (format!("{}/{}", view.cluster, view.name), tasks)
    });
    let journal = world.journal().await;
    let mut history = journal.history(None, 1000).await.unwrap();
    journal.close().await;
    history.sort_by_key(|one| one.id);
    let ends = history.iter().map(|one| {
        let asked = guild::person_name(&one.requester);
        let (id, names, environment) = (one.id, &one.names, &one.environment);
        format!("#{id} {names} to {environment} by {asked}: {}", one.stage)
    });
    let told = |kind: &str| {
        let messages = world.all_messages().into_iter();
        let mut told: Vec<String> = messages
            .filter(|message| message.key.starts_with(kind))
            .map(|message| lasting(&said_by(&[message])))
            .collect();
        told.sort();
        told
    };
    Outcome {
        tags: tags.into_iter().collect(),
        running: running.collect(),
        ends: ends.collect(),
        cards: told("card-"),
        replies: told("end-"),
        expectations,
    }
}

/// A text without times of day, which Discord shows in each reader's zone, and without which of
/// two services that failed was quicker.
fn lasting(text: &str) -> String {
    let word = |word: &str| {
        if let Some((_, behind)) = word.strip_prefix("<t:").and_then(|word| word.split_once('>')) {
            return format!("HH:MM{behind}");
        }
        let bare = word.trim_matches(|one: char| !one.is_ascii_alphanumeric());
        let digits = |one: char| one.is_ascii_digit() || one == ':';
        if bare.len() == 5 && bare.contains(':') && bare.chars().all(digits) {
            word.replace(bare, "HH:MM")
        } else {
            word.to_owned()
        }
    };
    let line = |line: &str| {
        let line = line.split(' ').map(word).collect::<Vec<_>>().join(" ");
        ["CET", "UTC"]
            .iter()
            .fold(line, |line, zone| line.replace(&format!("HH:MM {zone}"), "HH:MM"))
    };
    let text = text.lines().map(line).collect::<Vec<_>>().join("\n");
    let day = regex::Regex::new(r"\w+day \d+ \w+ at HH:MM \([^)]*\)").unwrap();
    let text = day.replace_all(&text, "HH:MM").into_owned();
    // Of two canaries of a bad image, either may be the first that is seen to fail.
    ["worker", "rest-api"].iter().fold(text, |text, service| {
        let text = text.replace(&format!("{service}, task"), "SERVICE, task");
        text.replace(&format!("task of {service} ended"), "task of SERVICE ended")
    })
}

/// The script that the README shows.
fn readme() -> &'static str {
    let (_, script) = README.split_once("```shipmate-script\n").unwrap();
    script.split_once("```").unwrap().0
}

async fn plays_the_same(script: &str, least: usize) {
    let places = [None, Some(Way::Tls), Some(Way::Plain)];
    let [terminal, tls, plainly] = places.map(|place| Box::pin(play(script, place)));
    let (terminal, tls, plainly) = tokio::join!(terminal, tls, plainly);
    assert!(terminal.expectations >= least, "the script expects {}", terminal.expectations);
    assert!(terminal.ends.len() > 2 && !terminal.cards.is_empty(), "{terminal:#?}");
    for (on, outcome) in [(Way::Tls, tls), (Way::Plain, plainly)] {
        similar_asserts(on, &outcome, &terminal);
    }
}

/// Says of what differs only that.
fn similar_asserts(on: Way, discord: &Outcome, terminal: &Outcome) {
    assert_eq!(discord.ends, terminal.ends, "{on:?}");
    assert_eq!(discord.tags, terminal.tags, "{on:?}");
    assert_eq!(discord.running, terminal.running, "{on:?}");
    for (discord, terminal) in discord.cards.iter().zip(&terminal.cards) {
        assert_eq!(discord, terminal, "{on:?}");
    }
    assert_eq!(discord, terminal, "{on:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_script_of_the_demo() {
    plays_the_same(DEMO, 6).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_script_of_the_readme() {
    plays_the_same(readme(), 6).await;
}
