//! The plan: what it refuses, how it chooses, what it leaves out.

use std::collections::BTreeSet;

use proptest::prelude::*;
use shipmate::domain::decision::Ban;
use shipmate::domain::environment::{Batch, Environment, Restart, Service, Strategy as Way};
use shipmate::domain::id::{Digest, EcsDeploymentId, PolicyHash};
use shipmate::domain::image::Image;
use shipmate::domain::mutability::Mutability;
use shipmate::domain::observation::{
    ContainerSeen, Controller, EcsService, ImageSeen, Observation, RolloutState, Scheduling,
    ServiceSeen,
};
use shipmate::domain::plan::{Kind, Plan, Wanted, Warning, Why, plan};
use shipmate::domain::refusal::Refusal;

use super::cases;
use super::nonsense::observations;
use super::scenario::{
    digest, image_seen, observation, one_service, repository, service_name, sketches,
};

/// What a plan is made from, to be spoiled in one place.
struct Given {
    environment: Environment,
    images: Vec<ImageSeen>,
    seen: Observation,
    turn_taken: bool,
    ours: BTreeSet<EcsDeploymentId>,
    bans: Vec<Ban>,
}

impl Given {
    fn new() -> Self {
        let sketch = one_service();
        Self {
            environment: sketch.environment(),
            images: vec![image_seen(0, &digest(0, "to"))],
            seen: observation(&sketch.world(), 1),
            turn_taken: false,
            ours: BTreeSet::new(),
            bans: Vec::new(),
        }
    }

    fn ecs(&mut self) -> &mut EcsService {
        match self.seen.services.get_mut(&service_name(0)) {
            Some(ServiceSeen::Found(ecs)) => ecs,
            Some(ServiceSeen::Missing) | None => panic!("it is there"),
        }
    }

    fn container(&mut self, pinned: bool) {
        if let ContainerSeen::Present { consistent, .. } = &mut self.ecs().container {
            *consistent = pinned;
        }
    }

    fn mutability(&mut self, mutability: Mutability) {
        self.seen.tags.get_mut(&repository(0)).unwrap().mutability = mutability;
    }

    fn service(&mut self) -> &mut Service {
        &mut self.environment.services[0]
    }

    fn plan(&self) -> Result<Plan, Refusal> {
        plan(&Wanted {
            environment: &self.environment,
            kind: Kind::Promotion,
            images: &self.images,
            environment_tags: &BTreeSet::new(),
            seen: &self.seen,
            policies: &PolicyHash::new("p"),
            expected: None,
            turn_taken: self.turn_taken,
            ours: &self.ours,
            bans: &self.bans,
        })
    }
}

fn ban(digest: &Digest) -> Ban {
    Ban {
        image: Image { repository: repository(0), digest: digest.clone() },
        children: Vec::new(),
        name: "core:1.6.0".to_owned(),
        by: "bob".into(),
        because: "it loses orders".to_owned(),
        at: jiff::Timestamp::UNIX_EPOCH,
    }
}

fn refused(spoil: impl Fn(&mut Given)) -> &'static str {
    let mut given = Given::new();
    spoil(&mut given);
    given.plan().expect_err("it is refused").code()
}

fn found(image: &str) -> impl Fn(&mut Given) + use<> {
    let image = image.to_owned();
    move |given: &mut Given| {
        if let ContainerSeen::Present { image: found, .. } = &mut given.ecs().container {
            found.clone_from(&image);
        }
    }
}

#[test]
fn it_refuses_what_cannot_work() {
    let spoil = |code: &str, spoil: &dyn Fn(&mut Given)| assert_eq!(refused(spoil), code);
    spoil("archived", &|given| given.images[0].archived = true);
    spoil("banned", &|given| given.bans.push(ban(&digest(0, "to"))));
    spoil("banned", &|given| {
        given.images[0].children.push(digest(0, "child"));
        given.bans.push(ban(&digest(0, "child")));
    });
    spoil("children-missing", &|given| given.images[0].missing.push(digest(0, "child")));
    spoil("tags-immutable", &|given| given.mutability(Mutability::Immutable { but: Vec::new() }));
    let but = |filter: &str| vec![filter.to_owned()];
    spoil("tags-immutable", &|given| {
        given.mutability(Mutability::Mutable { but: but("*-latest") })
    });
    spoil("tags-immutable", &|given| {
        // The tag that keeps what ran before must be movable, too.
        given.mutability(Mutability::Immutable { but: but("*-latest") });
    });
    let many = || (0..1000).map(|number| number.to_string().as_str().into()).collect();
    spoil("too-many-tags", &|given| given.images[0].tags = many());
    spoil("too-many-tags", &|given| {
        let tags = given.seen.tags.get_mut(&repository(0)).unwrap();
        tags.current.as_mut().unwrap().tags = many();
    });
    spoil("nothing-runs", &|given| given.images[0] = image_seen(1, &digest(1, "to")));
    spoil("two-images", &|given| given.images.push(image_seen(0, &digest(0, "older"))));
    spoil("nothing-to-do", &|given| given.images[0] = image_seen(0, &digest(0, "from")));
    spoil("service-missing", &|given| given.seen.services.clear());
    spoil("service-missing", &|given| {
        given.seen.services.insert(service_name(0), ServiceSeen::Missing);
    });
    spoil("service-inactive", &|given| given.ecs().active = false);
    spoil("controller-not-ecs", &|given| given.ecs().controller = Controller::External);
    spoil("blue-green", &|given| given.ecs().controller = Controller::BlueGreen);
    spoil("daemon", &|given| given.ecs().scheduling = Scheduling::Daemon);
    spoil("container-missing", &|given| {
        given.ecs().container = ContainerSeen::Absent { names: vec!["web".to_owned()] };
    });
    spoil("tag-not-followed", &found("1.dkr/core:1.0.0"));
    spoil("tag-not-followed", &found("1.dkr/team/core:staging-latest"));
    spoil("tag-not-followed", &found("core:staging-latest"));
    spoil("tag-not-followed", &found("1.dkr/core@sha256:00"));
    let other = |account: &str, region: &str| {
        found(&format!("{account}.dkr.ecr.{region}.amazonaws.com/core:staging-latest"))
    };
    spoil("other-registry", &other("2", "eu-west-1"));
    spoil("other-registry", &other("1", "eu-west-2"));
    spoil("other-registry", &found("ghcr.io/core:staging-latest"));
    spoil("foreign-deployment", &|given| {
        given.ecs().deployments[0].rollout = RolloutState::InProgress;
    });
    spoil("stop-keeps-old-image", &|given| {
        given.container(true);
        given.service().restart = Restart::Fixed(Way::Stop);
    });
}

#[test]
fn what_can_be_done_all_the_same() {
    let plan = |spoil: &dyn Fn(&mut Given)| {
        let mut given = Given::new();
        spoil(&mut given);
        given.plan().unwrap_or_else(|refusal| panic!("{}", refusal.code()));
    };
    let but = |filters: &[&str]| filters.iter().map(|filter| (*filter).to_owned()).collect();
    plan(&|given| {
        given.mutability(Mutability::Immutable { but: but(&["*-latest", "*-previous"]) });
    });
    plan(&|given| given.mutability(Mutability::Mutable { but: but(&["1.*"]) }));
    // One of the thousand is the tag itself.
    plan(&|given| {
        given.images[0].tags = (0..999).map(|number| number.to_string().as_str().into()).collect();
        given.images[0].tags.push("staging-latest".into());
    });
    // It was not told whose registry it is.
    plan(&|given| given.seen.tags.get_mut(&repository(0)).unwrap().registry = None);
}

#[test]
fn what_is_under_way_is_ours_while_the_turn_is_taken() {
    let mut given = Given::new();
    given.ecs().deployments[0].rollout = RolloutState::InProgress;
    given.turn_taken = true;
    assert!(given.plan().is_ok());
}

#[test]
fn what_an_earlier_deployment_left_unfinished_does_not_stand_in_the_way() {
    let mut given = Given::new();
    let left = RolloutState::Failed { reason: "tasks failed to start".to_owned() };
    given.ecs().deployments[0].rollout = left;
    assert!(given.plan().is_err());
    let id = given.ecs().deployments[0].id.clone();
    given.ours.insert(id);
    assert!(given.plan().is_ok());
}

#[test]
fn it_chooses_how_a_service_restarts() {
    let choice = |spoil: &dyn Fn(&mut Given)| {
        let mut given = Given::new();
        spoil(&mut given);
        let plan = given.plan().unwrap();
        (plan.terms.services[0].strategy, plan.outlook.services[0].why)
    };
    assert_eq!(choice(&|_| {}), (Way::Stop, Why::PullsMovedTag));
    assert_eq!(choice(&|given| given.container(true)), (Way::Deployment, Why::DigestPinned));
    let no_room = |given: &mut Given| given.ecs().minimum_healthy_percent = 100;
    assert_eq!(choice(&no_room), (Way::Deployment, Why::NoRoom));
    // Three of four may not go below the two that half of four is; of one, none may go.
    assert_eq!(choice(&|given| given.ecs().minimum_healthy_percent = 75).0, Way::Stop);
    assert_eq!(choice(&|given| given.ecs().minimum_healthy_percent = 76).0, Way::Deployment);
    let no_tasks = |given: &mut Given| {
        given.ecs().desired = 0;
        given.ecs().tasks.clear();
    };
    assert_eq!(choice(&no_tasks), (Way::Stop, Why::NoTasks));
    let fixed = |way: Way| move |given: &mut Given| given.service().restart = Restart::Fixed(way);
    assert_eq!(choice(&fixed(Way::Deployment)), (Way::Deployment, Why::Settings));
    assert_eq!(choice(&fixed(Way::Stop)), (Way::Stop, Why::Settings));
}

#[test]
fn a_fixed_stop_below_the_minimum_says_so() {
    let mut given = Given::new();
    given.ecs().minimum_healthy_percent = 100;
    given.service().restart = Restart::Fixed(Way::Stop);
    let plan = given.plan().unwrap();
    assert!(plan.terms.services[0].below_minimum);
    let warnings = plan.outlook.warnings;
    let below = Warning::BelowMinimum { service: service_name(0), minimum: 4, serving: 4 };
    assert!(warnings.contains(&below), "{warnings:?}");
}

#[test]
fn all_at_once_needs_no_room_and_says_what_it_costs() {
    let mut given = Given::new();
    given.ecs().minimum_healthy_percent = 100;
    given.service().batch = Batch::All;
    let plan = given.plan().unwrap();
    let planned = &plan.terms.services[0];
    assert_eq!((planned.strategy, planned.batch), (Way::Stop, Batch::All));
    assert!(!planned.below_minimum);
    let loud = Warning::AllAtOnce { service: service_name(0), tasks: 4, minimum: 4 };
    assert!(plan.outlook.warnings.contains(&loud), "{:?}", plan.outlook.warnings);
    // Where ECS restarts the service by itself, there is nothing to be stopped at once.
    given.container(true);
    let plan = given.plan().unwrap();
    assert_eq!(plan.terms.services[0].batch, Batch::Room);
    assert!(!plan.outlook.warnings.contains(&loud));
}

#[test]
fn a_batch_is_a_share_of_the_tasks_and_at_least_one() {
    let most = |text: &str, desired: u32| Batch::parse(text).unwrap().most(desired);
    assert_eq!((most("25%", 10), most("25%", 3), most("100%", 7), most("1%", 0)), (2, 1, 7, 1));
    assert_eq!((most("2", 10), most("room", 10), most("all", 10)), (2, u32::MAX, u32::MAX));
    for wrong in ["", "0", "0%", "101%", "some", "-1", "1.5", "%"] {
        assert_eq!(Batch::parse(wrong), None, "{wrong}");
    }
    for right in ["room", "all", "2", "25%"] {
        assert_eq!(Batch::parse(right).unwrap().to_string(), right);
    }
}

#[test]
fn it_leaves_out_what_is_in_place() {
    let mut sketch = one_service();
    sketch.images.push(sketch.images[0].clone());
    sketch.services.push(sketch.services[0].clone());
    sketch.services[1].repository = 1;
    let mut given = Given::new();
    given.environment = sketch.environment();
    given.seen = observation(&sketch.world(), 2);
    given.images = vec![image_seen(1, &digest(1, "to")), image_seen(0, &digest(0, "from"))];
    let terms = given.plan().unwrap().terms;
    assert_eq!(terms.images.len(), 1);
    assert_eq!(terms.images[0].repository, repository(1));
    assert_eq!(terms.services.len(), 1);
    assert_eq!(terms.services[0].name, service_name(1));
}

#[test]
fn a_task_on_something_else_is_reason_enough() {
    let mut given = Given::new();
    given.images = vec![image_seen(0, &digest(0, "from"))];
    given.ecs().tasks[0].digest = Some(digest(0, "older"));
    let plan = given.plan().unwrap();
    let drift = Warning::Drift { service: service_name(0), on_tag: 3, tasks: 4 };
    assert!(plan.outlook.warnings.contains(&drift));
    // One of the digests inside is the image too.
    let mut given = Given::new();
    given.images = vec![image_seen(0, &digest(0, "from"))];
    given.images[0].children = vec![digest(0, "inside")];
    given.ecs().tasks[0].digest = Some(digest(0, "inside"));
    assert_eq!(given.plan().unwrap_err().code(), "nothing-to-do");
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn it_never_panics(sketch in sketches(), seen in observations(), turn_taken: bool) {
        let mut given = Given::new();
        given.environment = sketch.environment();
        given.images = (0..2).map(|index| image_seen(index, &digest(index, "to"))).collect();
        given.images[0].critical_findings = Some(u32::MAX);
        given.images[1].critical_findings = Some(1);
        given.images.truncate(sketch.images.len());
        given.seen = seen;
        given.turn_taken = turn_taken;
        if let Ok(plan) = given.plan() {
            prop_assert!(!plan.terms.images.is_empty());
            for service in &plan.terms.services {
                prop_assert!(plan.terms.image(&service.repository).is_some());
            }
        }
    }

    #[test]
    fn the_order_of_asking_makes_no_other_terms(sketch in sketches()) {
        let world = sketch.world();
        let mut given = Given::new();
        given.environment = sketch.environment();
        given.seen = observation(&world, sketch.images.len());
        given.images =
            (0..sketch.images.len()).map(|index| image_seen(index, &digest(index, "to"))).collect();
        let there = given.plan().map(|plan| plan.terms.hash());
        given.images.reverse();
        let back = given.plan().map(|plan| plan.terms.hash());
        prop_assert_eq!(there.ok(), back.ok());
    }
}
