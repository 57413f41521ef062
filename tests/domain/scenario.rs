//! Situations in which a deployment may find the model: drawn by proptest, planned by the real
//! `plan`, and run to the end.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use shipmate::domain::after_check::{AfterCheck, CheckUrl};
use shipmate::domain::environment::{
    Batch, Environment, Registry, Restart, Service, Strategy as Way,
};
use shipmate::domain::event::{Event, Recorded, Requested};
use shipmate::domain::id::{DeploymentId, Digest, PolicyHash, Repository, ServiceName};
use shipmate::domain::image::Image;
use shipmate::domain::mutability::Mutability;
use shipmate::domain::next::{Tempo, failed_tasks};
use shipmate::domain::observation::{
    ImageSeen, Observation, RolloutState, StopCause, Stopped, TagsSeen,
};
use shipmate::domain::plan::{Kind, Plan, Wanted, plan};
use shipmate::domain::policy::Person;
use shipmate::domain::refusal::Refusal;

use super::runner::{Mishaps, Run};
use super::world::{Behaviour, Life, MOMENT, ModelDeployment, ModelService, World};

/// What runs in a service before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// What the tag points at.
    From,
    /// Already what is promoted.
    Target,
    /// Half of it.
    Half,
    /// Something that was tagged earlier.
    Older,
}

#[derive(Clone, Debug)]
pub struct ServiceSketch {
    pub repository: usize,
    pub desired: u32,
    pub percents: (u32, u32),
    pub check: bool,
    pub consistent: bool,
    pub restart: Restart,
    pub batch: Batch,
    pub breaker: u32,
    pub rolls_back: bool,
    pub before: Before,
    /// Tasks of an earlier attempt at the same image, still shown.
    pub old_failures: u32,
    /// It is asked over HTTP.
    pub checked: bool,
}

#[derive(Clone, Debug)]
pub struct ImageSketch {
    pub to: Behaviour,
    pub has_from: bool,
    /// Which digest the previous-tag keeps: none, another, or the target itself.
    pub previous: u8,
}

/// Somebody else does something to a service.
#[derive(Clone, Copy, Debug)]
pub enum Churn {
    Replace(usize),
    Scale(u32),
}

#[derive(Clone, Debug)]
pub struct Sketch {
    pub images: Vec<ImageSketch>,
    pub services: Vec<ServiceSketch>,
    pub churn: Vec<(u32, usize, Churn)>,
    pub lags: bool,
    /// Service deployments can be looked at.
    pub follows: bool,
    pub settle: u32,
    pub patience: u32,
    /// How many moments a stop, a pull and a first health check take.
    pub times: (u32, u32, u32),
    pub rollback: bool,
    pub mishaps: Mishaps,
}

pub fn digest(repository: usize, name: &str) -> Digest {
    Digest::of(format!("{repository}/{name}").as_bytes())
}

pub fn repository(index: usize) -> Repository {
    Repository::new(["core", "web"][index])
}

pub fn service_name(index: usize) -> ServiceName {
    ServiceName::new(["api", "jobs", "site"][index])
}

impl Sketch {
    pub fn make_good(&mut self) {
        self.images.iter_mut().for_each(|image| image.to = Behaviour::Good);
        // A task that others start before there is a tag fails, and nothing tells when.
        if self.images.iter().any(|image| !image.has_from) {
            self.churn.clear();
        }
    }

    pub fn tempo(&self) -> Tempo {
        let moments = |count: u32| Duration::from_secs(u64::from(count) * MOMENT as u64);
        Tempo { settle: moments(self.settle), patience: moments(self.patience) }
    }

    pub fn environment(&self) -> Environment {
        let services = self.services.iter().enumerate().map(|(index, sketch)| Service {
            name: service_name(index),
            ecs_service: service_name(index).to_string(),
            repository: repository(sketch.repository),
            container: "app".to_owned(),
            restart: sketch.restart,
            batch: sketch.batch,
            verify: if sketch.checked { vec![after_check()] } else { Vec::new() },
        });
        environment(services.collect())
    }

    pub fn world(&self) -> World {
        let mut world = World::new(Timestamp::from_second(1_800_000_000).unwrap());
        world.lags = self.lags;
        world.follows = self.follows;
        (world.stop_time, world.pull_time, world.health_time) = self.times;
        for (index, image) in self.images.iter().enumerate() {
            for name in ["from", "older", "kept"] {
                world.images.insert(digest(index, name), Behaviour::Good);
            }
            world.images.insert(digest(index, "to"), image.to);
            let key = |tag: &str| (repository(index), tag.into());
            if image.has_from {
                world.tags.insert(key("staging-latest"), digest(index, "from"));
            }
            match image.previous {
                0 => {}
                1 => drop(world.tags.insert(key("staging-previous"), digest(index, "kept"))),
                _ => drop(world.tags.insert(key("staging-previous"), digest(index, "to"))),
            }
        }
        for (index, sketch) in self.services.iter().enumerate() {
            let service = sketch.service(&mut world);
            world.services.insert(service_name(index), service);
        }
        world
    }

    pub fn plan(&self, world: &World) -> Result<Plan, Refusal> {
        let targets: Vec<ImageSeen> =
            (0..self.images.len()).map(|index| image_seen(index, &digest(index, "to"))).collect();
        let kind =
            if self.rollback { Kind::Rollback { of: DeploymentId(1) } } else { Kind::Promotion };
        plan(&Wanted {
            environment: &self.environment(),
            kind,
            images: &targets,
            environment_tags: &BTreeSet::new(),
            seen: &observation(world, self.images.len()),
            policies: &PolicyHash::new("policies"),
            expected: None,
            turn_taken: false,
            ours: &BTreeSet::new(),
            bans: &[],
        })
    }

    /// Ready to run; `None`: the plan refuses.
    pub fn start(&self, world: &World) -> Option<Run> {
        let plan = self.plan(world).ok()?;
        let known_failures = failed_tasks(&plan.terms, &observation(world, 0));
        let events = vec![
            Event::Requested(Box::new(request(plan))),
            Event::Approved,
            Event::Started { known_failures },
        ];
        let mut run = Run::new(journal(events, world.now), self.tempo(), self.mishaps);
        run.exact = !self.lags;
        Some(run)
    }

    /// Runs it until it has ended; not for ever.
    pub fn run(&self) -> Option<(Run, World)> {
        let mut world = self.world();
        let mut run = self.start(&world)?;
        let mut asleep = 0;
        for moment in 0..1500 {
            if asleep == 0 {
                asleep = run.pump(&mut world, moment);
                if run.deployment.end().is_some() {
                    break;
                }
            }
            asleep -= 1;
            for (at, index, churn) in &self.churn {
                if *at == moment {
                    stir(&mut world, &service_name(index % self.services.len()), *churn);
                }
            }
            world.tick();
        }
        Some((run, world))
    }
}

fn stir(world: &mut World, name: &ServiceName, churn: Churn) {
    match churn {
        Churn::Replace(which) => {
            let tasks: Vec<_> =
                world.services[name].wanted().map(|task| task.arn.clone()).collect();
            if !tasks.is_empty() {
                world.stop_task(name, &tasks[which % tasks.len()]);
            }
        }
        Churn::Scale(desired) => {
            if let Some(service) = world.services.get_mut(name) {
                service.desired = desired;
            }
        }
    }
}

impl ServiceSketch {
    fn service(&self, world: &mut World) -> ModelService {
        let id = world.number();
        let digest_of = |name: &str| digest(self.repository, name);
        let ran = |at: u32| match self.before {
            Before::From => digest_of("from"),
            Before::Target => digest_of("to"),
            Before::Half if at.is_multiple_of(2) => digest_of("to"),
            Before::Half => digest_of("from"),
            Before::Older => digest_of("older"),
        };
        let mut tasks: Vec<_> =
            (0..self.desired).map(|at| world.settled_task(id, &ran(at))).collect();
        for _ in 0..self.old_failures {
            let mut task = world.settled_task(id, &digest_of("to"));
            task.life = Life::Stopped;
            task.age = 1;
            task.stopped = Some(Stopped {
                container: None,
                cause: StopCause::Exited,
                reason: "Essential container in task exited".to_owned(),
                exit_code: Some(1),
            });
            tasks.push(task);
        }
        let pinned = (self.consistent && self.desired > 0).then(|| ran(0));
        let state = RolloutState::Completed;
        ModelService {
            repository: repository(self.repository),
            tag: "staging-latest".into(),
            desired: self.desired,
            minimum_percent: self.percents.0,
            maximum_percent: self.percents.1,
            check: self.check,
            consistent: self.consistent,
            breaker: self.breaker,
            rolls_back: self.rolls_back,
            cached: None,
            deployments: vec![ModelDeployment {
                id,
                pinned,
                state,
                failures: 0,
                rolled_back: false,
            }],
            tasks,
        }
    }
}

pub fn environment(services: Vec<Service>) -> Environment {
    Environment {
        name: "staging".into(),
        region: "eu-west-1".to_owned(),
        cluster: "main".to_owned(),
        tag: "staging-latest".into(),
        after: None,
        timezone: jiff::tz::TimeZone::UTC,
        settle: Duration::from_secs(30),
        patience: Duration::from_secs(600),
        registry: None,
        role_arn: None,
        logs: false,
        calendar: Vec::new(),
        services,
    }
}

pub fn after_check() -> AfterCheck {
    AfterCheck {
        url: CheckUrl::new("http://api.internal/health"),
        expect: 200,
        body: None,
        within: Duration::from_secs(60),
    }
}

pub fn image_seen(index: usize, digest: &Digest) -> ImageSeen {
    ImageSeen {
        image: Image { repository: repository(index), digest: digest.clone() },
        children: Vec::new(),
        tags: vec!["1.0.0".into()],
        asked: None,
        pushed_at: None,
        critical_findings: Some(0),
        archived: false,
        missing: Vec::new(),
    }
}

/// What is seen of the model before a plan.
pub fn observation(world: &World, images: usize) -> Observation {
    let tags = (0..images).map(|index| {
        let at = |tag: &str| world.tags.get(&(repository(index), tag.into())).cloned();
        let seen = TagsSeen {
            current: at("staging-latest").map(|digest| image_seen(index, &digest)),
            previous: at("staging-previous"),
            mutability: Mutability::default(),
            registry: Some(Registry { account: "1".to_owned(), region: "eu-west-1".to_owned() }),
        };
        (repository(index), seen)
    });
    Observation { at: world.now, services: world.truth(), tags: tags.collect() }
}

pub fn request(plan: Plan) -> Requested {
    Requested {
        requester: Person { id: "alice".into(), roles: BTreeSet::new() },
        channel: "deployments".into(),
        asked_in: None,
        because: None,
        break_glass: false,
        canary: None,
        scheduled: None,
        plan,
        requirements: Vec::new(),
        overridden: Vec::new(),
        automated: false,
    }
}

pub fn journal(events: Vec<Event>, at: Timestamp) -> Vec<Recorded> {
    let numbered = (1..).zip(events);
    numbered
        .map(|(sequence, event)| Recorded { deployment: DeploymentId(7), sequence, at, event })
        .collect()
}

/// One image, one service, nothing special.
pub fn one_service() -> Sketch {
    Sketch {
        images: vec![ImageSketch { to: Behaviour::Good, has_from: true, previous: 1 }],
        services: vec![ServiceSketch {
            repository: 0,
            desired: 4,
            percents: (50, 200),
            check: true,
            consistent: false,
            restart: Restart::Auto,
            batch: Batch::Room,
            breaker: 0,
            rolls_back: false,
            before: Before::From,
            old_failures: 0,
            checked: false,
        }],
        churn: Vec::new(),
        lags: false,
        follows: true,
        settle: 2,
        patience: 40,
        times: (1, 1, 1),
        rollback: false,
        mishaps: Mishaps::default(),
    }
}

// How situations are drawn.

fn behaviours() -> impl Strategy<Value = Behaviour> {
    prop_oneof![
        4 => Just(Behaviour::Good),
        1 => (0..3_u32).prop_map(Behaviour::Exits),
        1 => Just(Behaviour::NeverStarts),
        1 => Just(Behaviour::NeverHealthy),
    ]
}

fn images() -> impl Strategy<Value = ImageSketch> {
    let has_from = prop_oneof![9 => Just(true), 1 => Just(false)];
    (behaviours(), has_from, 0..3_u8).prop_map(|(to, has_from, previous)| ImageSketch {
        to,
        has_from,
        previous,
    })
}

fn services() -> impl Strategy<Value = ServiceSketch> {
    let percents = prop_oneof![
        Just((0, 100)),
        Just((50, 100)),
        Just((50, 200)),
        Just((100, 200)),
        Just((75, 150)),
    ];
    let restart = prop_oneof![
        3 => Just(Restart::Auto),
        1 => Just(Restart::Fixed(Way::Stop)),
        1 => Just(Restart::Fixed(Way::Deployment)),
    ];
    let before = prop_oneof![
        6 => Just(Before::From),
        1 => Just(Before::Target),
        1 => Just(Before::Half),
        1 => Just(Before::Older),
    ];
    let ecs = (0..2_usize, 0..6_u32, percents, any::<bool>(), any::<bool>());
    let batch = prop_oneof![
        4 => Just("room"),
        1 => Just("all"),
        1 => Just("1"),
        1 => Just("3"),
        1 => Just("25%"),
        1 => Just("60%"),
    ];
    let batch = batch.prop_map(|text| Batch::parse(text).unwrap());
    let breaker = prop_oneof![Just(0_u32), Just(3)];
    let ours = ((restart, batch), breaker, any::<bool>(), before, 0..2_u32);
    (ecs, ours, prop::bool::weighted(0.3)).prop_map(|(ecs, ours, checked)| {
        let (repository, desired, percents, check, consistent) = ecs;
        let ((restart, batch), breaker, rolls_back, before, old_failures) = ours;
        ServiceSketch {
            repository,
            desired,
            percents,
            check,
            // A fixed `stop` is refused where versions are consistent.
            consistent: consistent && restart != Restart::Fixed(Way::Stop),
            restart,
            batch,
            breaker,
            rolls_back,
            before,
            old_failures,
            checked,
        }
    })
}

fn churn() -> impl Strategy<Value = (u32, usize, Churn)> {
    let what =
        prop_oneof![(0..5_usize).prop_map(Churn::Replace), (0..6_u32).prop_map(Churn::Scale),];
    (0..40_u32, 0..3_usize, what)
}

/// Any situation in which nothing goes wrong but the images themselves.
pub fn sketches() -> impl Strategy<Value = Sketch> {
    let parts = (
        prop::collection::vec(images(), 1..=2),
        prop::collection::vec(services(), 1..=3),
        prop::collection::vec(churn(), 0..3),
        (prop::bool::weighted(0.3), prop::bool::weighted(0.7)),
        // Never settling longer than patience lasts is the settings' business; here it may be.
        (0..7_u32, 40..60_u32, (0..3_u32, 0..3_u32, 0..3_u32)),
        prop::bool::weighted(0.2),
    );
    parts.prop_map(|(images, mut services, churn, (lags, follows), times, rollback)| {
        let (settle, patience, times) = times;
        for service in &mut services {
            service.repository %= images.len();
            let image = &images[service.repository];
            // A bad image that runs already says nothing new when it goes on failing.
            if image.to != Behaviour::Good && service.before != Before::Older {
                service.before = Before::From;
            }
        }
        // The plan refuses an image that nothing runs.
        for index in 0..images.len() {
            if !services.iter().any(|service| service.repository == index) {
                services[0].repository = index;
            }
        }
        let used: BTreeSet<usize> = services.iter().map(|service| service.repository).collect();
        let images = if used.len() < images.len() {
            services.iter_mut().for_each(|service| service.repository = 0);
            images.into_iter().take(1).collect()
        } else {
            images
        };
        for service in &mut services {
            if images[service.repository].to != Behaviour::Good
                && matches!(service.before, Before::Target | Before::Half)
            {
                service.before = Before::From;
            }
        }
        let mishaps = Mishaps::default();
        Sketch {
            images,
            services,
            churn,
            lags,
            follows,
            settle,
            patience,
            times,
            rollback,
            mishaps,
        }
    })
}
