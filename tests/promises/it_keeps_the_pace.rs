//! Calls to AWS keep to our share of its limits, and there are no more of them than what can
//! have changed asks for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use shipmate::sandbox::{
    Behaviour, ContainerSpec, Fault, FaultKind, ImageSpec, RepositorySpec, ServiceSpec,
    World as AwsWorld,
};

use crate::world::{Plan, World};

/// So many services of so many tasks in staging, all of the repository `app`, whose image 2 is
/// there to be promoted and behaves like this.
struct Fleet {
    services: usize,
    tasks: u32,
    behaviour: Behaviour,
    /// What is set of AWS's limits; the simulated AWS enforces them then.
    share: Option<&'static str>,
    /// Tasks in the same cluster that are none of ours.
    strangers: u32,
    /// How many tasks of a service stop at once, where it is set.
    batch: Option<&'static str>,
}

impl Default for Fleet {
    fn default() -> Self {
        Self {
            services: 1,
            tasks: 2,
            behaviour: Behaviour::Good,
            share: None,
            strangers: 0,
            batch: None,
        }
    }
}

impl Fleet {
    async fn start(self) -> World {
        let app = RepositorySpec::new("app")
            .image(ImageSpec::new("1").tag("staging-latest"))
            .image(ImageSpec::new("2").behaviour(self.behaviour));
        let mut aws = AwsWorld::new().repository(app).many_services(
            "staging",
            self.services,
            self.tasks,
            "app:staging-latest",
        );
        for service in &mut aws.services {
            service.minimum_healthy_percent = 0;
        }
        if self.strangers > 0 {
            let container = ContainerSpec::new("app", "app:1");
            aws = aws.service(ServiceSpec::new("staging", "stranger", self.strangers, container));
        }
        let mut settings = String::from(
            "[roles]\ndeveloper = { people = [\"alice\"] }\n\
             [environments.staging]\nregion = \"eu-west-1\"\ncluster = \"staging\"\n\
             tag = \"staging-latest\"\n",
        );
        if let Some(batch) = self.batch {
            settings.push_str(&format!("batch = \"{batch}\"\n"));
        }
        for number in 0..self.services {
            settings.push_str(&format!(
                "[services.service-{number:04}]\nrepository = \"app\"\ncontainer = \"app\"\n\
                 environments = [\"staging\"]\n"
            ));
        }
        if let Some(share) = self.share {
            settings.push_str(&format!("[aws]\nshare = \"{share}\"\n"));
        }
        let settle = Duration::from_millis(300);
        let plan = Plan { aws, settings, settle, ..Plan::default() };
        // How fast calls go is nothing that a chat changes.
        let world = World::with(plan, None).await;
        world.sandbox.limit_rates(self.share.is_some());
        world
    }
}

async fn promoted(world: &mut World) {
    world.sandbox.clear_calls();
    world.say("alice", "promote app:2 to staging").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
    let digest = world.sandbox.digest("app", "2").unwrap();
    let services = world.sandbox.services();
    let mut ours = services.iter().filter(|service| service.name != "stranger");
    assert!(ours.all(|service| service.runs("app", &digest)), "told as done, and is not");
}

/// How often each operation was called, before the first task was stopped.
fn before_acting(world: &World) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    let calls = world.sandbox.calls();
    for call in calls.iter().take_while(|call| call.operation != "StopTask") {
        *counts.entry(call.operation.clone()).or_default() += 1;
    }
    counts
}

fn stops(world: &World) -> Vec<SystemTime> {
    let calls = world.sandbox.calls();
    let stops = calls.iter().filter(|call| call.operation == "StopTask" && call.outcome == "ok");
    stops.map(|call| call.at).collect()
}

fn throttled(world: &World) -> usize {
    world.sandbox.calls().iter().filter(|call| call.outcome.contains("Throttl")).count()
}

#[tokio::test]
async fn one_service_in_a_large_cluster_is_looked_at_by_itself() {
    let mut world = Fleet { strangers: 500, ..Fleet::default() }.start().await;
    promoted(&mut world).await;
    let calls = world.sandbox.calls();
    for call in calls.iter().filter(|call| call.operation == "ListTasks") {
        assert!(call.parameters.get("serviceName").is_some(), "{call:?}");
    }
    let described = calls.iter().filter(|call| call.operation == "DescribeTasks");
    let most = described.map(|call| call.parameters["tasks"].as_array().unwrap().len()).max();
    assert!(most <= Some(6), "{most:?} tasks in one call");
    assert_eq!(world.sandbox.count_calls("DescribeClusters"), 0);
}

#[tokio::test]
async fn many_services_of_a_cluster_are_looked_at_together() {
    let mut world = Fleet { services: 60, tasks: 2, ..Fleet::default() }.start().await;
    promoted(&mut world).await;
    let counts = before_acting(&world);
    // One look and no more: the running, and those that have stopped, on two pages and one.
    assert!(counts["ListTasks"] <= 3, "{counts:?}");
    assert!(counts["DescribeTasks"] <= 2, "{counts:?}");
    assert_eq!(counts["DescribeServices"], 6, "{counts:?}");
}

#[tokio::test]
async fn many_services_in_a_cluster_of_others_are_looked_at_one_by_one() {
    let fleet = Fleet { services: 6, strangers: 500, ..Fleet::default() };
    let mut world = fleet.start().await;
    promoted(&mut world).await;
    let calls = world.sandbox.calls();
    for call in calls.iter().filter(|call| call.operation == "ListTasks") {
        assert!(call.parameters.get("serviceName").is_some(), "{call:?}");
    }
}

#[tokio::test]
async fn nothing_is_throttled_at_our_share() {
    let fleet = Fleet { services: 4, tasks: 20, share: Some("50%"), ..Fleet::default() };
    let mut world = fleet.start().await;
    promoted(&mut world).await;
    assert_eq!(throttled(&world), 0);
    let stops = stops(&world);
    assert_eq!(stops.len(), 80);
    // A burst of 50, and 20 in a second, however the times are cut. Calls may be late, and then
    // come closer together.
    for (first, from) in stops.iter().enumerate() {
        for (last, to) in stops.iter().enumerate().skip(first) {
            let passed = to.duration_since(*from).unwrap_or_default() + Duration::from_millis(500);
            let most = 50.0 + 20.0 * passed.as_secs_f64();
            assert!(((last - first + 1) as f64) <= most, "{first} to {last} in {passed:?}");
        }
    }
}

/// Also of tasks that have settled and were only listed meanwhile.
#[tokio::test]
async fn before_a_good_end_every_task_is_described_once_more() {
    let mut world = Fleet { services: 12, tasks: 12, ..Fleet::default() }.start().await;
    promoted(&mut world).await;
    let calls = world.sandbox.calls();
    let last_list = calls.iter().rposition(|call| call.operation == "ListTasks").unwrap();
    let described = calls[last_list..].iter().filter(|call| call.operation == "DescribeTasks");
    let described: BTreeSet<String> = described
        .flat_map(|call| call.parameters["tasks"].as_array().unwrap().clone())
        .map(|arn| arn.as_str().unwrap().to_owned())
        .collect();
    let services = world.sandbox.services().into_iter();
    let running: BTreeSet<String> =
        services.flat_map(|service| service.tasks).map(|task| task.arn).collect();
    assert_eq!(running.len(), 144);
    assert_eq!(running.difference(&described).count(), 0, "{} were described", described.len());
}

/// What a look finds wrong stops what was not begun by then.
#[tokio::test]
async fn no_more_is_begun_than_can_be_done_soon() {
    let fleet = Fleet {
        services: 8,
        tasks: 10,
        behaviour: Behaviour::Crash { exit_code: 1 },
        // Four stops in a second, twenty in the five that are looked ahead.
        share: Some("10%"),
        batch: Some("all"),
        ..Fleet::default()
    };
    let mut world = fleet.start().await;
    world.say("alice", "promote app:2 to staging").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "rolled-back", "{}", world.everything());
    let deployment = world.deployment(1).await;
    let begun = deployment.rollout().unwrap().forward.restarts.len();
    assert!((1..=4).contains(&begun), "{begun} of 8 services were restarted");
}

#[tokio::test]
async fn a_throttled_call_slows_its_family_down_and_all_ends_well() {
    let fleet = Fleet { services: 2, tasks: 15, share: Some("50%"), ..Fleet::default() };
    let mut world = fleet.start().await;
    world.sandbox.order(Fault::new("StopTask", 2, FaultKind::Throttle)).unwrap();
    world.sandbox.order(Fault::new("DescribeTasks", 1, FaultKind::Throttle)).unwrap();
    promoted(&mut world).await;
    assert_eq!(throttled(&world), 3);
    let stops = stops(&world);
    let took = stops.last().unwrap().duration_since(stops[0]).unwrap();
    // As many as there are in a burst, which would take half a second.
    assert!(took >= Duration::from_secs(2), "30 tasks were stopped in {took:?}");
}

#[tokio::test]
async fn why_a_task_of_many_services_stopped_is_told_although_nobody_saw_it() {
    let fleet = Fleet { services: 20, behaviour: Behaviour::Stuck, ..Fleet::default() };
    let mut world = fleet.start().await;
    world.say("alice", "promote app:2 to staging").await;
    world.wait().await;
    let told = world.everything();
    assert_eq!(world.stage(1).await, "rolled-back", "{told}");
    assert!(told.contains("CannotPullContainerError"), "{told}");
}

#[tokio::test]
async fn a_crash_in_one_of_many_services_is_told() {
    let behaviour = Behaviour::Crash { exit_code: 3 };
    let mut world = Fleet { services: 20, behaviour, ..Fleet::default() }.start().await;
    world.say("alice", "promote app:2 to staging").await;
    world.wait().await;
    let told = world.everything();
    assert_eq!(world.stage(1).await, "rolled-back", "{told}");
    assert!(told.contains("exit code 3") || told.contains("exited with code 3"), "{told}");
    let digest = world.sandbox.digest("app", "1").unwrap();
    assert!(world.sandbox.services().iter().all(|service| service.runs("app", &digest)));
}
