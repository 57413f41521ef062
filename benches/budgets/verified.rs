//! Whether a tool's word can be trusted: what each says when another image runs in the end than the
//! one that was promoted. Times are a tenth, since nothing is timed here.

use std::time::{Duration, Instant};

use anyhow::Context;
use shipmate::aws::Endpoint;
use shipmate::domain::card::Tone;
use shipmate::sandbox::{
    Behaviour, Call, CircuitBreaker, ContainerSpec, ImageSpec, LaunchType, RepositorySpec, Sandbox,
    ServiceSpec, World,
};

use crate::harness::{Section, Table};
use crate::peers::{self, Peer};
use crate::rollout::{self, Pace};
use crate::ship;

const TASKS: u32 = 4;
const LONG: Duration = Duration::from_secs(120);

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// The promoted image crashes, and ECS's circuit breaker goes back to the one before.
    Crash,
    /// Somebody moves the tag to a third image as soon as the tool has moved it.
    TagMoved,
}

impl Trouble {
    fn name(self) -> &'static str {
        match self {
            Self::Crash => "the image crashes, and ECS's circuit breaker goes back",
            Self::TagMoved => "somebody else moves the tag once more, before the restart",
        }
    }

    async fn sandbox(self) -> anyhow::Result<Sandbox> {
        let promoted = match self {
            Self::Crash => ImageSpec::new("2").behaviour(Behaviour::Crash { exit_code: 1 }),
            Self::TagMoved => ImageSpec::new("2"),
        };
        let app = RepositorySpec::new("app")
            .image(ImageSpec::new("1").tag("staging-latest"))
            .image(promoted)
            .image(ImageSpec::new("3"));
        let container = ContainerSpec::new("app", "app:staging-latest").health_check();
        let service = ServiceSpec::new("staging", "api", TASKS, container)
            .launch_type(LaunchType::Ec2)
            .circuit_breaker(CircuitBreaker::Rollback);
        let world = World::new().repository(app).service(service);
        ship::sandbox(world, Pace::Tenth.times()).await
    }
}

pub async fn measure() -> anyhow::Result<Section> {
    let mut section = Section::new("When another image runs than was promoted");
    let mut table = Table::new(["what happens", "tool", "its word", "what runs then"]);
    // All at once: they mostly wait, and nothing is timed.
    let (crash, tag_moved) = tokio::try_join!(told(Trouble::Crash), told(Trouble::TagMoved))?;
    for (trouble, told) in [(Trouble::Crash, crash), (Trouble::TagMoved, tag_moved)] {
        for (tool, told) in told {
            table.row([trouble.name(), tool].map(str::to_owned), told);
        }
    }
    section.table(table);
    section.note(
        "Everybody is asked to make version 2 what runs, in place of version 1; in the second case somebody else moves the tag to version 3. \
         ecs-deploy moves no tag: it writes the digest into the task definition.",
    );
    Ok(section)
}

/// Each tool that can meet this trouble and is there, with its word and what runs then.
async fn told(trouble: Trouble) -> anyhow::Result<Vec<(&'static str, [String; 2])>> {
    let (ours, by_hand, by_ecs_deploy) = tokio::try_join!(
        shipmate(trouble),
        told_by(Peer::AwsCli, trouble),
        told_by(Peer::EcsDeploy, trouble)
    )?;
    let theirs = [(Peer::AwsCli, by_hand), (Peer::EcsDeploy, by_ecs_deploy)];
    let theirs = theirs.into_iter().filter_map(|(peer, told)| Some((peer.name(), told?)));
    Ok(std::iter::once(("Shipmate", ours)).chain(theirs).collect())
}

/// A tool's word, and what runs once all is quiet.
async fn told_by(peer: Peer, trouble: Trouble) -> anyhow::Result<Option<[String; 2]>> {
    match (peer, trouble) {
        (Peer::EcsDeploy, Trouble::TagMoved) => return Ok(None),
        (Peer::AwsCli, Trouble::Crash | Trouble::TagMoved) | (Peer::EcsDeploy, Trouble::Crash) => {}
    }
    let sandbox = trouble.sandbox().await?;
    let meddle = || {
        if trouble == Trouble::TagMoved {
            // It is there: the sandbox was made with it.
            let _digest = sandbox.put_tag("app", "staging-latest", "3");
        }
    };
    let Some(redeployed) = peers::redeploy(peer, &sandbox, meddle).await? else { return Ok(None) };
    let exit = if redeployed.succeeded { "success" } else { "failure" };
    let said = redeployed.last_word.trim();
    let word = if said.is_empty() || said.starts_with('}') {
        format!("{exit}, without a word")
    } else {
        format!("{exit}: “{said}”")
    };
    let runs = quiet(&sandbox).await?;
    sandbox.stop().await;
    Ok(Some([word, runs]))
}

async fn shipmate(trouble: Trouble) -> anyhow::Result<[String; 2]> {
    let sandbox = trouble.sandbox().await?;
    let endpoint = Endpoint::Simulated { url: sandbox.url() };
    let mut ship = rollout::launch(endpoint, Pace::Tenth).await?;
    let meddler = (trouble == Trouble::TagMoved).then(|| {
        let handle = sandbox.handle();
        tokio::spawn(async move {
            let moved = |call: &Call| {
                call.operation == "PutImage" && call.parameters["imageTag"] == "staging-latest"
            };
            while !handle.calls().iter().any(moved) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            handle.put_tag("app", "staging-latest", "3")
        })
    });
    ship.say("alice", "promote app:2 to staging").await?;
    let told = ship.ending(LONG).await?;
    if let Some(meddler) = meddler {
        meddler.await?.context("the tag could not be moved")?;
    }
    let exit = if told.card.tone == Tone::Good { "success" } else { "failure" };
    let runs = quiet(&sandbox).await?;
    ship.strand().await;
    sandbox.stop().await;
    Ok([format!("{exit}: “{}”", told.card.title), runs])
}

/// Which versions run once nothing changes any more.
async fn quiet(sandbox: &Sandbox) -> anyhow::Result<String> {
    let until = Instant::now() + LONG;
    loop {
        let service = sandbox.service("staging", "api").context("no service")?;
        if service.is_steady() {
            let runs = |version: &&str| {
                let digest = sandbox.digest("app", version);
                digest.is_some_and(|digest| service.runs("app", &digest))
            };
            let version = ["1", "2", "3"].into_iter().find(runs);
            return Ok(version.map_or("several".to_owned(), |version| format!("version {version}")));
        }
        anyhow::ensure!(Instant::now() < until, "it does not come to rest: {service:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
