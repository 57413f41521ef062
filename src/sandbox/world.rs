//! What a sandbox starts with, as plain data: repositories with images, clusters with services. The
//! same types are read from JSON by the admin path. Must not know how a service runs or how a
//! manifest looks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// An AWS account in one region.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct World {
    pub account: String,
    pub region: String,
    pub repositories: Vec<RepositorySpec>,
    /// Clusters without services; those that services name are made anyway.
    pub clusters: Vec<String>,
    pub services: Vec<ServiceSpec>,
}

impl Default for World {
    fn default() -> World {
        World {
            account: "123456789012".to_owned(),
            region: "eu-west-1".to_owned(),
            repositories: Vec::new(),
            clusters: Vec::new(),
            services: Vec::new(),
        }
    }
}

impl World {
    /// An account with nothing in it.
    pub fn new() -> World {
        World::default()
    }

    pub fn repository(mut self, repository: RepositorySpec) -> World {
        self.repositories.push(repository);
        self
    }

    pub fn cluster(mut self, name: &str) -> World {
        self.clusters.push(name.to_owned());
        self
    }

    pub fn service(mut self, service: ServiceSpec) -> World {
        self.services.push(service);
        self
    }

    /// `services` services of `tasks` tasks each in one cluster, named `service-0000` and so on,
    /// all of them on the image.
    pub fn many_services(
        mut self,
        cluster: &str,
        services: usize,
        tasks: u32,
        image: &str,
    ) -> World {
        for number in 0..services {
            let name = format!("service-{number:04}");
            let container = ContainerSpec::new("app", image).unpinned();
            self.services.push(ServiceSpec::new(cluster, &name, tasks, container));
        }
        self
    }
}

/// A repository of the registry.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RepositorySpec {
    pub name: String,
    #[serde(default)]
    pub mutability: Mutability,
    /// Tags that the mutability setting does not hold for, with `*` as a wildcard.
    #[serde(default)]
    pub exclusions: Vec<String>,
    #[serde(default)]
    pub images: Vec<ImageSpec>,
}

impl RepositorySpec {
    pub fn new(name: &str) -> RepositorySpec {
        RepositorySpec {
            name: name.to_owned(),
            mutability: Mutability::Mutable,
            exclusions: Vec::new(),
            images: Vec::new(),
        }
    }

    pub fn mutability(mut self, mutability: Mutability, exclusions: &[&str]) -> RepositorySpec {
        self.mutability = mutability;
        self.exclusions = exclusions.iter().map(|filter| (*filter).to_owned()).collect();
        self
    }

    pub fn image(mut self, image: ImageSpec) -> RepositorySpec {
        self.images.push(image);
        self
    }
}

/// Whether tags of a repository may be moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Mutability {
    #[default]
    Mutable,
    Immutable,
    ImmutableWithExclusion,
    MutableWithExclusion,
}

/// One image, or an index of one image for each platform. Its manifest and digest come out of
/// `version` and the rest, so that the same description has the same digest in every sandbox.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ImageSpec {
    /// What the image's label `org.opencontainers.image.version` says.
    pub version: String,
    pub tags: Vec<String>,
    /// How long before the start of the sandbox it was pushed, in seconds.
    #[serde(default)]
    pub pushed_seconds_ago: u64,
    #[serde(default)]
    pub behaviour: Behaviour,
    /// Further labels of the image.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// With platforms such as `linux/arm64` it is an OCI index; without, one `linux/amd64` image.
    #[serde(default)]
    pub platforms: Vec<String>,
    /// Whether the index has an attestation child, platform `unknown/unknown`.
    #[serde(default)]
    pub attestation: bool,
    /// How many findings of each severity the scan has; absent where there was no scan.
    #[serde(default)]
    pub scan: Option<BTreeMap<String, u32>>,
    #[serde(default)]
    pub archived: bool,
    /// What a container of it writes when it starts; where it is absent, what goes with its
    /// behaviour.
    #[serde(default)]
    pub log: Option<Vec<String>>,
}

impl ImageSpec {
    /// An image that works, scanned without findings, with its version as its only tag.
    pub fn new(version: &str) -> ImageSpec {
        ImageSpec {
            version: version.to_owned(),
            tags: vec![version.to_owned()],
            pushed_seconds_ago: 0,
            behaviour: Behaviour::Good,
            labels: BTreeMap::new(),
            platforms: Vec::new(),
            attestation: false,
            scan: Some(BTreeMap::new()),
            archived: false,
            log: None,
        }
    }

    pub fn tag(mut self, tag: &str) -> ImageSpec {
        self.tags.push(tag.to_owned());
        self
    }

    pub fn pushed_days_ago(mut self, days: u64) -> ImageSpec {
        self.pushed_seconds_ago = days * 86_400;
        self
    }

    pub fn behaviour(mut self, behaviour: Behaviour) -> ImageSpec {
        self.behaviour = behaviour;
        self
    }

    pub fn label(mut self, name: &str, value: &str) -> ImageSpec {
        self.labels.insert(name.to_owned(), value.to_owned());
        self
    }

    pub fn platforms(mut self, platforms: &[&str]) -> ImageSpec {
        self.platforms = platforms.iter().map(|platform| (*platform).to_owned()).collect();
        self
    }

    pub fn attestation(mut self) -> ImageSpec {
        self.attestation = true;
        self
    }

    pub fn findings(mut self, severity: &str, count: u32) -> ImageSpec {
        self.scan.get_or_insert_default().insert(severity.to_owned(), count);
        self
    }

    pub fn unscanned(mut self) -> ImageSpec {
        self.scan = None;
        self
    }

    pub fn archived(mut self) -> ImageSpec {
        self.archived = true;
        self
    }

    /// What a container of it writes when it starts.
    pub fn logs(mut self, lines: &[&str]) -> ImageSpec {
        self.log = Some(lines.iter().map(|line| (*line).to_owned()).collect());
        self
    }

    pub(super) fn written(&self, repository: &str) -> Vec<String> {
        if let Some(log) = &self.log {
            return log.clone();
        }
        let last = match self.behaviour {
            Behaviour::Good => "listening on port 8080",
            Behaviour::Crash { .. } => "fatal: DATABASE_URL is not set",
            Behaviour::CrashLater { .. } => "listening on port 8080, waiting for the queue",
            Behaviour::OutOfMemory => "filling the cache: 1 of 4 million entries",
            Behaviour::Unhealthy => "the database does not answer, trying again",
            Behaviour::Stuck => return Vec::new(),
        };
        vec![format!("{repository} {} starts", self.version), last.to_owned()]
    }
}

/// What a container of an image does once a task runs it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Behaviour {
    /// It starts, and is healthy.
    #[default]
    Good,
    /// It starts, and exits after `Times::crash_after`, before any health check has passed.
    Crash { exit_code: i32 },
    /// It is healthy, and exits with that code so many milliseconds after its start.
    CrashLater { exit_code: i32, after_millis: u64 },
    /// It runs out of memory after `Times::crash_after`.
    OutOfMemory,
    /// Its health check never passes. Without a health check nothing is seen.
    Unhealthy,
    /// It cannot be pulled, so that its tasks never start.
    Stuck,
}

/// A service of a cluster, with a task definition family of its own.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ServiceSpec {
    pub cluster: String,
    pub name: String,
    pub desired: u32,
    pub containers: Vec<ContainerSpec>,
    #[serde(default)]
    pub launch_type: LaunchType,
    #[serde(default = "hundred")]
    pub minimum_healthy_percent: u32,
    #[serde(default = "two_hundred")]
    pub maximum_percent: u32,
    #[serde(default)]
    pub circuit_breaker: CircuitBreaker,
    #[serde(default)]
    pub controller: Controller,
    #[serde(default)]
    pub scheduling: Scheduling,
    #[serde(default)]
    pub strategy: Strategy,
    /// Whether nobody has deployed it since before ECS kept versions consistent: it has no revision
    /// then, and each new task looks its tag up.
    #[serde(default)]
    pub predates_consistency: bool,
    /// How long before the start of the sandbox its tasks were started, in seconds.
    #[serde(default = "three_days")]
    pub started_seconds_ago: u64,
}

fn hundred() -> u32 {
    100
}

fn two_hundred() -> u32 {
    200
}

fn three_days() -> u64 {
    3 * 86_400
}

impl ServiceSpec {
    /// A Fargate service with ECS's defaults.
    pub fn new(cluster: &str, name: &str, desired: u32, container: ContainerSpec) -> ServiceSpec {
        ServiceSpec {
            cluster: cluster.to_owned(),
            name: name.to_owned(),
            desired,
            containers: vec![container],
            launch_type: LaunchType::Fargate,
            minimum_healthy_percent: hundred(),
            maximum_percent: two_hundred(),
            circuit_breaker: CircuitBreaker::Off,
            controller: Controller::Ecs,
            scheduling: Scheduling::Replica,
            strategy: Strategy::Rolling,
            predates_consistency: false,
            started_seconds_ago: three_days(),
        }
    }

    pub fn container(mut self, container: ContainerSpec) -> ServiceSpec {
        self.containers.push(container);
        self
    }

    /// Nobody has deployed it since before ECS kept versions consistent.
    pub fn predates_consistency(mut self) -> ServiceSpec {
        self.predates_consistency = true;
        self
    }

    pub fn launch_type(mut self, launch_type: LaunchType) -> ServiceSpec {
        self.launch_type = launch_type;
        self
    }

    /// `minimumHealthyPercent` and `maximumPercent`.
    pub fn percent(mut self, minimum: u32, maximum: u32) -> ServiceSpec {
        self.minimum_healthy_percent = minimum;
        self.maximum_percent = maximum;
        self
    }

    pub fn circuit_breaker(mut self, circuit_breaker: CircuitBreaker) -> ServiceSpec {
        self.circuit_breaker = circuit_breaker;
        self
    }

    pub fn controller(mut self, controller: Controller) -> ServiceSpec {
        self.controller = controller;
        self
    }

    pub fn scheduling(mut self, scheduling: Scheduling) -> ServiceSpec {
        self.scheduling = scheduling;
        self
    }

    pub fn strategy(mut self, strategy: Strategy) -> ServiceSpec {
        self.strategy = strategy;
        self
    }
}

/// A container of a task definition.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ContainerSpec {
    pub name: String,
    /// `repository:tag` in the sandbox's own registry, or a whole reference with a registry's host.
    pub image: String,
    #[serde(default)]
    pub health_check: bool,
    /// `versionConsistency`: false is `disabled`.
    #[serde(default = "yes")]
    pub version_consistency: bool,
    #[serde(default = "yes")]
    pub essential: bool,
    /// The CloudWatch log group that it writes to, if any; the prefix of its streams is the
    /// service's name.
    #[serde(default)]
    pub log_group: Option<String>,
}

fn yes() -> bool {
    true
}

impl ContainerSpec {
    /// An essential container without a health check, whose image ECS pins.
    pub fn new(name: &str, image: &str) -> ContainerSpec {
        ContainerSpec {
            name: name.to_owned(),
            image: image.to_owned(),
            health_check: false,
            version_consistency: true,
            essential: true,
            log_group: None,
        }
    }

    /// It writes to a CloudWatch log group.
    pub fn logs_to(mut self, group: &str) -> ContainerSpec {
        self.log_group = Some(group.to_owned());
        self
    }

    /// `versionConsistency: disabled`.
    pub fn unpinned(mut self) -> ContainerSpec {
        self.version_consistency = false;
        self
    }

    pub fn health_check(mut self) -> ContainerSpec {
        self.health_check = true;
        self
    }

    pub fn inessential(mut self) -> ContainerSpec {
        self.essential = false;
        self
    }
}

/// Where tasks run. EC2 reports an index's own digest, Fargate the digest of the platform's child.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum LaunchType {
    Ec2,
    #[default]
    Fargate,
}

impl LaunchType {
    pub(super) fn name(self) -> &'static str {
        match self {
            LaunchType::Ec2 => "EC2",
            LaunchType::Fargate => "FARGATE",
        }
    }
}

/// The deployment circuit breaker of a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CircuitBreaker {
    #[default]
    Off,
    /// A deployment that fails stays failed.
    Fail,
    /// A deployment that fails is rolled back to the last one that completed.
    Rollback,
}

/// Who deploys a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Controller {
    #[default]
    Ecs,
    CodeDeploy,
    External,
}

impl Controller {
    pub(super) fn name(self) -> &'static str {
        match self {
            Controller::Ecs => "ECS",
            Controller::CodeDeploy => "CODE_DEPLOY",
            Controller::External => "EXTERNAL",
        }
    }
}

/// How many tasks a service has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Scheduling {
    #[default]
    Replica,
    Daemon,
}

impl Scheduling {
    pub(super) fn name(self) -> &'static str {
        match self {
            Scheduling::Replica => "REPLICA",
            Scheduling::Daemon => "DAEMON",
        }
    }
}

/// ECS's own deployment strategies. The sandbox says BLUE_GREEN and rolls all the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Strategy {
    #[default]
    Rolling,
    BlueGreen,
}

impl Strategy {
    pub(super) fn name(self) -> &'static str {
        match self {
            Strategy::Rolling => "ROLLING",
            Strategy::BlueGreen => "BLUE_GREEN",
        }
    }
}
