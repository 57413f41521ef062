//! Plays a story: says its line, lets happen what happens, and keeps what is to be judged.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use shipmate::domain::card::Tone;
use shipmate::domain::deployment::Deployment;
use shipmate::domain::event::Recorded;
use shipmate::domain::id::DeploymentId;
use shipmate::ports::Store;
use shipmate::sandbox::{Call, ServiceView, TaskView};

use super::story::{Act, OUTSIDER, REPOSITORIES, SERVICES, Story};
use crate::world::{Peer, Reply, Scene, World};

/// Longer than a promotion takes, whatever happens: that it always ends is a promise.
const LIMIT: Duration = Duration::from_secs(60);

/// What somebody did, and when.
pub struct Done {
    pub at: Instant,
    /// By the clock of the world.
    pub wall: SystemTime,
    pub act: Act,
    /// How many calls AWS had had before it was done, and when it was done.
    pub before: usize,
    pub after: usize,
    /// Whether AWS did it.
    pub arrived: bool,
}

/// What is left of a run.
pub struct Played {
    /// `None`: it was refused before it began.
    pub deployment: Option<Deployment>,
    pub journal: Vec<Recorded>,
    /// What really stood when it ended. `None`: it did not end.
    pub scene: Option<Scene>,
    pub calls: Vec<Call>,
    pub done: Vec<Done>,
    pub card: String,
    pub loud: bool,
    pub held: bool,
    /// The tasks of each service of the plan that have stopped.
    pub stopped: BTreeMap<&'static str, Vec<TaskView>>,
    /// How often a service was asked something over HTTP.
    pub asked: usize,
    /// The service outside the plan, before and after.
    pub outsider: (ServiceView, ServiceView),
    /// What the bot showed in the end.
    pub everything: String,
}

pub async fn play(story: &Story) -> Played {
    let passes = story.check.as_ref().is_none_or(|check| check.passes);
    let peer = Peer::start([Reply::status(if passes { 200 } else { 503 })]).await;
    let mut world = World::of(story.plan(&peer.url("/health"))).await;
    let outside = |world: &World| world.sandbox.service("staging", OUTSIDER).unwrap();
    let before = outside(&world);
    world.trap.look_at_ends(world.sandbox.handle(), REPOSITORIES);
    world.say("alice", &story.line()).await;
    let began = world.count_deployments().await > 0;
    let mut done = Vec::new();
    if began {
        act_out(story, &mut world, &mut done).await;
    }
    world.sandbox.clear_faults();
    let mut card = String::new();
    let mut loud = false;
    if world.trap.end_of(1).is_some() {
        world.wait().await;
        card = world.card_text(1);
        loud = world.card(1).card.tone == Tone::Bad;
    }
    let journal = world.journal().await;
    let deployment = if began { journal.deployment(DeploymentId(1)).await.unwrap() } else { None };
    let events = if began { journal.events(DeploymentId(1)).await.unwrap() } else { Vec::new() };
    let held = journal.hold(&"staging".into()).await.unwrap().is_some();
    journal.close().await;
    let stopped =
        SERVICES.iter().map(|(name, _)| (*name, world.sandbox.stopped_tasks("staging", name)));
    Played {
        deployment,
        journal: events,
        scene: world.trap.end_of(1),
        calls: world.sandbox.calls(),
        done,
        card,
        loud,
        held,
        stopped: stopped.collect(),
        asked: peer.asked().len(),
        outsider: (before, outside(&world)),
        everything: world.everything(),
    }
}

/// Lets happen what happens, until the deployment has ended.
async fn act_out(story: &Story, world: &mut World, done: &mut Vec<Done>) {
    let began = Instant::now();
    for (at, act) in &story.acts {
        while began.elapsed() < *at && world.trap.end_of(1).is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        if world.trap.end_of(1).is_some() {
            return;
        }
        let (at, wall) = (Instant::now(), world.clock.system_time());
        let before = world.sandbox.calls().len();
        let arrived = perform(world, act).await;
        let after = world.sandbox.calls().len();
        done.push(Done { at, wall, act: act.clone(), before, after, arrived });
    }
    while began.elapsed() < LIMIT && world.trap.end_of(1).is_none() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn perform(world: &mut World, act: &Act) -> bool {
    match act {
        Act::Odds(odds) => world.sandbox.let_happen(odds.clone()).is_ok(),
        Act::Calm => {
            world.sandbox.clear_faults();
            true
        }
        Act::Die { away } => {
            world.kill().await;
            let journal = world.journal().await;
            let written = journal.deployment(DeploymentId(1)).await.unwrap();
            journal.close().await;
            if written.is_some_and(|deployment| deployment.end().is_some()) {
                world.trap.believe_end_of(DeploymentId(1));
            }
            tokio::time::sleep(*away).await;
            world.begin().await;
            true
        }
        Act::Cancel => {
            world.say("bob", "cancel 1 because it is enough").await;
            true
        }
        Act::Pause => {
            world.say("bob", "pause 1 because I want to look").await;
            true
        }
        Act::Continue => {
            world.say("bob", "continue 1").await;
            true
        }
        Act::Tag { repository, to: Some(to) } => {
            world.sandbox.put_tag(repository, "staging-latest", to).is_some()
        }
        Act::Tag { repository, to: None } => world.sandbox.remove_tag(repository, "staging-latest"),
        Act::Deed { service, deed } => world.sandbox.lay_hands("staging", service, deed),
        Act::Tasks { service, mishap } => {
            let tasks = world.sandbox.tasks("staging", service);
            tasks.iter().filter(|task| world.sandbox.befall(&task.id, *mishap)).count() > 0
        }
    }
}

impl Played {
    pub fn stage(&self) -> String {
        let stage = self.deployment.as_ref().map(|deployment| deployment.stage.name());
        stage.unwrap_or("not begun").to_owned()
    }

    /// The whole story, for whoever has to understand it.
    pub fn told(&self, story: &Story) -> String {
        let began = self.done.first().map(|first| first.at);
        let done = self.done.iter().map(|one| {
            let after = began.map(|began| one.at.duration_since(began)).unwrap_or_default();
            let Done { before, after: calls, act, arrived, .. } = one;
            format!(
                "  {} +{after:.2?} between the calls {before} and {calls} {act:?} ({arrived})",
                stamp(one.wall)
            )
        });
        let journal =
            self.journal.iter().skip(1).map(|one| format!("  {} {:?}", one.at, one.event));
        let calls = self.calls.iter().enumerate().map(|(number, call)| {
            let Call { operation, parameters, outcome, key, .. } = call;
            format!("  {number} {} {key} {operation} {parameters}: {outcome}", stamp(call.at))
        });
        let lines = |lines: &mut dyn Iterator<Item = String>| lines.collect::<Vec<_>>().join("\n");
        format!(
            "{story:#?}\n\nothers:\n{}\n\njournal:\n{}\n\ncalls:\n{}\n\nwhen it ended: {:#?}\n\n{}",
            lines(&mut done.into_iter()),
            lines(&mut journal.into_iter()),
            lines(&mut calls.into_iter()),
            self.scene,
            self.everything,
        )
    }
}

fn stamp(time: SystemTime) -> String {
    jiff::Timestamp::try_from(time).map_or_else(|_| "?".to_owned(), |time| format!("{time:.3}"))
}
