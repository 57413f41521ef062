//! What a seed stands for: a world, a line of chat, and what happens meanwhile. Drawn once, so
//! that a seed is the same story each time, whatever the machine is busy with.

use std::time::Duration;

use shipmate::sandbox::{
    Behaviour, CircuitBreaker, ContainerSpec, Deed, ImageSpec, LaunchType, Mishap, Odds,
    RepositorySpec, ServiceSpec, Times, World as Aws,
};

use super::chance::Chance;
use crate::world::Plan;

/// How many times faster than the machine's the clock runs.
pub const SPEED: u32 = 20;
/// A task counts once it has been good for so long: longer than what crashes late lives.
pub const SETTLE: Duration = Duration::from_secs(6);
/// Longer than any time for which AWS is out of order here.
const PATIENCE: Duration = Duration::from_secs(160);

pub const REPOSITORIES: &[&str] = &["core", "web"];

/// The services of the settings: name, repository.
pub const SERVICES: [(&str, &str); 3] = [("api", "core"), ("jobs", "core"), ("web", "web")];

/// A service of the same cluster that the settings do not know.
pub const OUTSIDER: &str = "legacy";

const SETTINGS: &str = r#"
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

[services.jobs]
repository = "core"
container = "app"
environments = ["staging"]

[services.web]
repository = "web"
container = "app"
environments = ["staging"]
"#;

#[derive(Clone, Debug)]
pub enum Act {
    /// AWS fails with these odds.
    Odds(Odds),
    /// AWS is itself again.
    Calm,
    /// The process dies, and another one is started so much later.
    Die { away: Duration },
    /// A person calls it off.
    Cancel,
    /// A person holds it up.
    Pause,
    /// And lets it go on.
    Continue,
    /// Somebody moves the tag; `None`: takes it away.
    Tag { repository: &'static str, to: Option<&'static str> },
    /// Somebody does something to a service.
    Deed { service: &'static str, deed: Deed },
    /// Something happens to each task of a service.
    Tasks { service: &'static str, mishap: Mishap },
}

/// What a service is asked over HTTP, on its canary and at the end.
#[derive(Clone, Debug)]
pub struct Check {
    pub service: &'static str,
    /// Whether it answers as it should.
    pub passes: bool,
}

#[derive(Clone, Debug)]
pub struct Story {
    pub seed: u64,
    /// What is promoted: repository, version.
    pub targets: Vec<(&'static str, &'static str)>,
    /// Both images of version 3 behave like this.
    pub bad: Behaviour,
    pub counts: [u32; 3],
    pub health_check: bool,
    pub breaker: CircuitBreaker,
    /// ECS keeps the versions of `jobs` consistent, so that it is deployed and not stopped task
    /// by task as `api` is.
    pub jobs_are_deployed: bool,
    pub check: Option<Check>,
    /// What happens so long after it began to run, in order.
    pub acts: Vec<(Duration, Act)>,
}

impl Story {
    pub fn of(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let chance = &mut chance;
        // Nothing in it is a reason to go back.
        let gentle = chance.percent(25);
        let version = |chance: &mut Chance| {
            if gentle || chance.percent(60) { "2.0.0" } else { "3.0.0" }
        };
        let repositories: &[&str] = chance.pick(&[&["core"][..], &["web"], REPOSITORIES]);
        let targets = repositories.iter().map(|name| (*name, version(chance))).collect();
        let bad = chance.pick(&[
            Behaviour::Crash { exit_code: 1 },
            Behaviour::CrashLater { exit_code: 137, after_millis: 150 },
            Behaviour::OutOfMemory,
            Behaviour::Unhealthy,
            Behaviour::Stuck,
        ]);
        let mut many = || u32::try_from(chance.between(1, 4)).unwrap();
        let counts = [many(), many(), many()];
        let mut story = Self {
            seed,
            targets,
            bad,
            counts,
            health_check: chance.percent(50),
            breaker: chance.pick(&[
                CircuitBreaker::Off,
                CircuitBreaker::Fail,
                CircuitBreaker::Rollback,
            ]),
            jobs_are_deployed: chance.percent(35),
            check: None,
            acts: Vec::new(),
        };
        if chance.percent(30) {
            let (service, _) = chance.pick(&SERVICES);
            story.check = Some(Check { service, passes: gentle || chance.percent(65) });
        }
        if gentle {
            story.draw_gentle(chance);
        } else {
            story.draw_faults(chance);
            story.draw_people(chance);
        }
        story.acts.sort_by_key(|(at, _)| *at);
        story
    }

    /// What happens to services that are well.
    fn draw_gentle(&mut self, chance: &mut Chance) {
        for _ in 0..chance.between(1, 3) {
            let (service, _) = chance.pick(&SERVICES);
            let act = match chance.between(0, 9) {
                0..=4 => {
                    let desired = u32::try_from(chance.between(0, 6)).unwrap();
                    Act::Deed { service, deed: Deed::Scale { desired } }
                }
                5 => Act::Deed { service, deed: Deed::Rebalance },
                6 => Act::Tasks { service, mishap: Mishap::StoppedByHand },
                7 => Act::Tasks { service, mishap: Mishap::SpotInterruption },
                _ => Act::Die { away: millis(chance.between(0, 600)) },
            };
            self.acts.push((millis(chance.between(0, 1_500)), act));
        }
    }

    fn draw_faults(&mut self, chance: &mut Chance) {
        let seed = self.seed;
        for _ in 0..chance.between(0, 2) {
            let nothing = Odds { seed, delay_millis: chance.between(20, 150), ..Odds::default() };
            let odds = match chance.between(0, 5) {
                0 => Odds { throttle: 0.5, ..nothing },
                1 => Odds { throttle: 0.5, server_error: 0.1, unavailable: 0.1, ..nothing },
                2 => Odds { reset_before: 0.1, reset_after: 0.15, ..nothing },
                3 => Odds { lose_answer: 0.15, cut_answer: 0.15, ..nothing },
                4 => Odds { server_error: 0.2, delay: 0.4, ..nothing },
                _ => Odds {
                    throttle: 0.2,
                    server_error: 0.05,
                    unavailable: 0.05,
                    delay: 0.2,
                    reset_before: 0.05,
                    reset_after: 0.1,
                    lose_answer: 0.1,
                    cut_answer: 0.05,
                    ..nothing
                },
            };
            let at = millis(chance.between(0, 1_500));
            let until = at + millis(chance.between(300, 2_500));
            self.acts.push((at, Act::Odds(odds)));
            self.acts.push((until, Act::Calm));
        }
    }

    fn draw_people(&mut self, chance: &mut Chance) {
        for _ in 0..chance.pick(&[0, 0, 1, 1, 2, 3]) {
            let act = self.draw_act(chance);
            self.acts.push((millis(chance.between(0, 2_000)), act));
        }
        if chance.percent(10) {
            let at = millis(chance.between(0, 1_500));
            self.acts.push((at, Act::Pause));
            self.acts.push((at + millis(chance.between(100, 1_000)), Act::Continue));
        }
    }

    fn draw_act(&self, chance: &mut Chance) -> Act {
        let (service, repository) = chance.pick(&SERVICES);
        let deed = |deed| Act::Deed { service, deed };
        match chance.between(0, 19) {
            0..=2 => Act::Die { away: millis(chance.between(0, 600)) },
            3 | 4 => Act::Cancel,
            5 => Act::Tag { repository, to: Some("9.0.0") },
            6 => Act::Tag { repository, to: chance.pick(&[None, Some("1.0.0"), Some("2.0.0")]) },
            7..=9 => deed(Deed::Scale { desired: u32::try_from(chance.between(0, 6)).unwrap() }),
            10 => deed(Deed::Deploy),
            11 => deed(redefined(&format!("{repository}:staging-latest"))),
            12 => deed(redefined(&format!("{repository}:9.0.0"))),
            13 => deed(Deed::RollBack),
            14 => deed(Deed::Delete),
            15 | 16 => deed(Deed::Rebalance),
            17 => Act::Tasks { service, mishap: Mishap::StoppedByHand },
            18 => Act::Tasks { service, mishap: Mishap::SpotInterruption },
            _ => Act::Tasks { service, mishap: Mishap::Exits(1) },
        }
    }

    /// `promote core:2.0.0 and web:3.0.0 to staging`
    pub fn line(&self) -> String {
        let images =
            self.targets.iter().map(|(repository, version)| format!("{repository}:{version}"));
        format!("promote {} to staging", images.collect::<Vec<_>>().join(" and "))
    }

    pub fn target(&self, repository: &str) -> Option<&'static str> {
        self.targets.iter().find(|(name, _)| *name == repository).map(|(_, version)| *version)
    }

    /// Whether what is promoted cannot stay: an image that does not run, or an answer over HTTP
    /// that is not the right one.
    pub fn is_bad(&self) -> bool {
        let fails = self.check.as_ref().is_some_and(|check| !check.passes);
        self.targets.iter().any(|(_, version)| *version == "3.0.0") || (fails && self.is_checked())
    }

    /// Whether the service that is asked over HTTP is one that is promoted.
    pub fn is_checked(&self) -> bool {
        self.check.as_ref().is_some_and(|check| {
            let of = SERVICES.iter().find(|(name, _)| *name == check.service);
            of.is_some_and(|(_, repository)| self.target(repository).is_some())
        })
    }

    /// The settings, in which a service is asked at this address.
    fn settings(&self, url: &str) -> String {
        let Some(check) = &self.check else { return SETTINGS.to_owned() };
        let service = check.service;
        format!("{SETTINGS}\n[[services.{service}.verify]]\nurl = \"{url}\"\nwithin = \"20s\"\n")
    }

    pub fn plan(&self, url: &str) -> Plan {
        let mut aws = Aws::new();
        for name in REPOSITORIES {
            aws = aws.repository(
                RepositorySpec::new(name)
                    .image(ImageSpec::new("0.9.0").tag("staging-previous"))
                    .image(ImageSpec::new("1.0.0").tag("staging-latest"))
                    .image(ImageSpec::new("2.0.0"))
                    .image(ImageSpec::new("3.0.0").behaviour(self.bad))
                    .image(ImageSpec::new("9.0.0")),
            );
        }
        for ((name, repository), count) in SERVICES.into_iter().zip(self.counts) {
            let image = format!("{repository}:staging-latest");
            let mut container = ContainerSpec::new("app", &image);
            if repository == "core" && !(name == "jobs" && self.jobs_are_deployed) {
                container = container.unpinned();
            }
            if self.health_check {
                container = container.health_check();
            }
            let service = ServiceSpec::new("staging", name, count, container);
            aws = aws.service(if repository == "core" {
                service.launch_type(LaunchType::Ec2).percent(50, 200)
            } else {
                service.circuit_breaker(self.breaker)
            });
        }
        let container = ContainerSpec::new("app", "core:1.0.0").unpinned();
        aws = aws.service(ServiceSpec::new("staging", OUTSIDER, 2, container));
        Plan {
            aws,
            settings: self.settings(url),
            settle: SETTLE,
            patience: PATIENCE,
            speed: SPEED,
            times: Times::fast(),
            ..Plan::default()
        }
    }
}

fn redefined(image: &str) -> Deed {
    Deed::Redefine { container: "app".to_owned(), image: image.to_owned() }
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
