//! What a promotion will do, worked out before anybody is asked: a pure function of what is
//! wanted and what was seen.

mod preflight;

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::decision::Ban;
use super::environment::{Batch, Environment, Restart, Service, Strategy};
use super::id::{
    DeploymentId, Digest, EcsDeploymentId, EnvironmentName, PolicyHash, Repository, ServiceName,
    Tag, TermsHash, TokenName, sha256_hex,
};
use super::image::Image;
use super::observation::{ContainerSeen, EcsService, ImageSeen, Observation};
use super::policy::Because;
use super::refusal::Refusal;

/// What a promotion will do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub terms: Terms,
    pub outlook: Outlook,
}

/// What votes bind. When any of this changes, everybody is asked anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    pub environment: EnvironmentName,
    pub kind: Kind,
    /// The tag that moves.
    pub tag: Tag,
    /// The tag that keeps what is replaced.
    pub previous_tag: Tag,
    /// One for each repository, in their order.
    pub images: Vec<ImageMove>,
    /// In the order of their names, so that the order of asking makes no other terms.
    pub services: Vec<PlannedService>,
    pub policies: PolicyHash,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Promotion,
    /// Reverts that deployment.
    Rollback {
        of: DeploymentId,
    },
}

/// One repository's part: the tag moves from one digest to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageMove {
    pub repository: Repository,
    /// `None`: the tag does not exist yet.
    pub from: Option<Version>,
    pub to: Version,
    /// What the previous-tag points at before the plan.
    pub previous: Option<Digest>,
}

/// A digest, and the digests inside where it is an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    pub digest: Digest,
    pub children: Vec<Digest>,
    /// The name shown.
    pub name: String,
}

impl Version {
    /// Whether a task that reports this digest runs this version.
    pub fn is(&self, digest: &Digest) -> bool {
        &self.digest == digest || self.children.contains(digest)
    }
}

/// One service's part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedService {
    pub name: ServiceName,
    pub ecs_service: String,
    pub container: String,
    pub repository: Repository,
    pub strategy: Strategy,
    /// The settings fix `stop`, and stopping a single task goes below the service's minimum:
    /// it is agreed to, and done one by one.
    pub below_minimum: bool,
    /// How many of its tasks are stopped at once. What holds by default is left out, so that
    /// votes on older plans still bind the same text.
    #[serde(default, skip_serializing_if = "Batch::is_room")]
    pub batch: Batch,
}

impl PlannedService {
    /// Whether it is restarted task by task, so that the first can be left alone.
    pub fn has_canary(&self) -> bool {
        self.strategy == Strategy::Stop
    }

    /// Whether all its tasks are stopped at once.
    pub fn all_at_once(&self) -> bool {
        self.strategy == Strategy::Stop && self.batch == Batch::All
    }
}

/// What is shown beside the terms and may change without asking anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outlook {
    pub services: Vec<ServiceOutlook>,
    /// How long it took before, where there is a before.
    pub expected: Option<Duration>,
    /// Findings of severity CRITICAL in what is promoted; `None`: no scan is known.
    pub critical_findings: Option<u32>,
    pub warnings: Vec<Warning>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceOutlook {
    pub name: ServiceName,
    pub desired: u32,
    pub serving: u32,
    /// How many of them the service must keep serving; `None` in plans of older versions.
    #[serde(default)]
    pub minimum: Option<u32>,
    pub why: Why,
    /// The ARN of its task definition; that and the next are what a rollout tells others'
    /// changes by.
    #[serde(default)]
    pub definition: Option<String>,
    /// Its primary ECS deployment.
    #[serde(default)]
    pub primary: Option<EcsDeploymentId>,
    /// The addresses that are asked once it runs the new image, as people may see them. What
    /// they should answer is in the settings when they are asked.
    #[serde(default)]
    pub checks: Vec<String>,
}

/// Why a service restarts the way it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// The settings fix it.
    Settings,
    /// A replaced task pulls the moved tag, and there is room to stop some.
    PullsMovedTag,
    /// ECS pins the digest for as long as its deployment lives.
    DigestPinned,
    /// Stopping even one task would go below the minimum.
    NoRoom,
    /// It runs no tasks.
    NoTasks,
    /// Only ECS's own deployments wait until the load balancer calls a task healthy.
    LoadBalanced,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "warning", rename_all = "kebab-case")]
pub enum Warning {
    /// The settings' `stop` goes below the service's own minimum.
    BelowMinimum {
        service: ServiceName,
        minimum: u32,
        serving: u32,
    },
    /// The settings' batch stops all tasks at once: nothing serves until they are back.
    AllAtOnce {
        service: ServiceName,
        tasks: u32,
        /// How many the service should keep serving.
        minimum: u32,
    },
    /// Tasks that ECS starts by itself take the new image as soon as the tag has moved.
    ScalingTakesNewImage {
        service: ServiceName,
    },
    /// Not all tasks run what the tag says.
    Drift {
        service: ServiceName,
        on_tag: u32,
        tasks: u32,
    },
    /// This rollback undoes what runs first, and then goes back further.
    UndoesRunning {
        running: DeploymentId,
    },
    /// A program has the environment for itself, which keeps no rollback.
    PassesReservation {
        by: TokenName,
        reason: Option<String>,
    },
    NothingToGoBackTo {
        repository: Repository,
    },
    CriticalFindings {
        image: String,
        count: u32,
    },
    NeverScanned {
        image: String,
    },
    /// At the moment for which it is scheduled, these policies would refuse as they stand.
    RefusedThen {
        by: Vec<Because>,
    },
    /// At the moment for which it is scheduled, it has to wait for a freeze.
    FrozenThen {
        reason: String,
        /// When it opens; `None`: when somebody opens it.
        until: Option<Timestamp>,
    },
}

impl Terms {
    /// The hash that votes bind. Names are left out: digests say what runs, and a tag that
    /// is added to an image changes nothing.
    pub fn hash(&self) -> TermsHash {
        let mut bound = self.clone();
        for image in &mut bound.images {
            image.to.name.clear();
            if let Some(from) = &mut image.from {
                from.name.clear();
            }
        }
        // Fields serialise in the order in which they are declared, and no map is among them,
        // so equal terms give equal text. All keys are texts: it cannot fail.
        let text = serde_json::to_vec(&bound).unwrap_or_default();
        TermsHash::new(sha256_hex(&text))
    }

    /// Takes over the names under which these terms were shown before.
    pub fn keep_names(&mut self, shown: &Self) {
        for image in &mut self.images {
            let Some(before) = shown.image(&image.repository) else { continue };
            if image.to.digest == before.to.digest {
                image.to.name.clone_from(&before.to.name);
            }
        }
    }

    pub fn image(&self, repository: &Repository) -> Option<&ImageMove> {
        self.images.iter().find(|image| &image.repository == repository)
    }

    /// The images that will run, for facts and history.
    pub fn targets(&self) -> impl Iterator<Item = Image> {
        self.images.iter().map(|image| Image {
            repository: image.repository.clone(),
            digest: image.to.digest.clone(),
        })
    }

    /// `core:1.5.0 and web:2.1.0`
    pub fn names(&self) -> String {
        listed(self.images.iter().map(|image| image.to.name.as_str()))
    }

    /// The names of what ran before, where anything did.
    pub fn from_names(&self) -> String {
        listed(self.images.iter().filter_map(|image| Some(image.from.as_ref()?.name.as_str())))
    }
}

/// `a`, `a and b`, `a, b and c`.
pub fn listed<'a>(items: impl Iterator<Item = &'a str>) -> String {
    let items: Vec<&str> = items.collect();
    match items.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// What is wanted of an environment, with everything that the plan may look at.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    pub environment: &'a Environment,
    pub kind: Kind,
    /// One for each repository; two are refused.
    pub images: &'a [ImageSeen],
    /// Tags that never name an image.
    pub environment_tags: &'a BTreeSet<Tag>,
    pub seen: &'a Observation,
    pub policies: &'a PolicyHash,
    pub expected: Option<Duration>,
    /// A deployment of ours runs in the environment now: what ECS has under way is ours, and
    /// it is looked at again when the turn comes.
    pub turn_taken: bool,
    /// ECS deployments that earlier deployments of ours forced. One that never completed must
    /// not stand in the way of what mends it.
    pub ours: &'a BTreeSet<EcsDeploymentId>,
    /// What may not be promoted.
    pub bans: &'a [Ban],
}

/// Works out the plan, or says why it cannot work.
///
/// # Errors
/// The first [`Refusal`] in the order in which a person would meet it: images, then services.
pub fn plan(wanted: &Wanted<'_>) -> Result<Plan, Refusal> {
    let environment = wanted.environment;
    let mut images = Vec::new();
    let mut services = Vec::new();
    let mut outlook = Vec::new();
    let mut warnings = Vec::new();
    let mut in_place = Vec::new();

    for target in wanted.images {
        let repository = &target.image.repository;
        let same = |other: &&ImageSeen| &other.image.repository == repository;
        if wanted.images.iter().filter(same).count() > 1 {
            return Err(Refusal::TwoImages { repository: repository.clone() });
        }
        let image_move = image_move(wanted, target);
        preflight::check_image(wanted, target, &image_move)?;
        let runs: Vec<&Service> =
            environment.services.iter().filter(|s| &s.repository == repository).collect();
        if runs.is_empty() {
            return Err(Refusal::NothingRuns {
                repository: repository.clone(),
                environment: environment.name.clone(),
            });
        }
        let mut planned = Vec::new();
        let mut planned_outlook = Vec::new();
        let mut planned_warnings = Vec::new();
        let mut moved =
            image_move.from.as_ref().map(|from| &from.digest) != Some(&image_move.to.digest);
        for service in runs {
            let ecs = preflight::check_service(wanted, service)?;
            moved |= ecs.wanted_tasks().any(|task| !runs_version(task, &image_move.to));
            let (strategy, why) = choose_strategy(service, ecs)?;
            planned_warnings.extend(service_warnings(service, ecs, (strategy, why), &image_move));
            planned_outlook.push(ServiceOutlook {
                name: service.name.clone(),
                desired: ecs.desired,
                serving: ecs.serving(),
                minimum: Some(ecs.minimum()),
                why,
                definition: Some(ecs.definition.clone()),
                primary: ecs.primary().map(|primary| primary.id.clone()),
                checks: service.verify.iter().map(|check| check.url.to_string()).collect(),
            });
            planned.push(PlannedService {
                name: service.name.clone(),
                ecs_service: service.ecs_service.clone(),
                container: service.container.clone(),
                repository: repository.clone(),
                strategy,
                below_minimum: below_minimum(service, ecs, strategy, why),
                // Where ECS restarts a service by itself there is nothing to batch, and a batch
                // that is set for later makes no other terms.
                batch: match strategy {
                    Strategy::Stop => service.batch,
                    Strategy::Deployment => Batch::Room,
                },
            });
        }
        if !moved {
            in_place.push(image_move.to.name);
            continue;
        }
        warnings.extend(image_warnings(target, &image_move));
        warnings.append(&mut planned_warnings);
        outlook.append(&mut planned_outlook);
        services.append(&mut planned);
        images.push(image_move);
    }
    if images.is_empty() {
        return Err(Refusal::NothingToDo {
            environment: environment.name.clone(),
            running: in_place,
        });
    }
    images.sort_by(|a, b| a.repository.cmp(&b.repository));
    services.sort_by(|a, b| a.name.cmp(&b.name));
    outlook.sort_by(|a, b| a.name.cmp(&b.name));
    let critical_findings = critical_findings(wanted.images, &images);
    Ok(Plan {
        terms: Terms {
            environment: environment.name.clone(),
            kind: wanted.kind.clone(),
            tag: environment.tag.clone(),
            previous_tag: environment.previous_tag(),
            images,
            services,
            policies: wanted.policies.clone(),
        },
        outlook: Outlook {
            services: outlook,
            expected: wanted.expected,
            critical_findings,
            warnings,
        },
    })
}

fn runs_version(task: &super::observation::Task, version: &Version) -> bool {
    task.digest.as_ref().is_some_and(|digest| version.is(digest))
}

fn image_move(wanted: &Wanted<'_>, target: &ImageSeen) -> ImageMove {
    let tags = wanted.seen.tags.get(&target.image.repository).cloned().unwrap_or_default();
    let version = |seen: &ImageSeen| Version {
        digest: seen.image.digest.clone(),
        children: seen.children.clone(),
        name: seen.image.shown(seen.asked.as_ref(), &seen.tags, wanted.environment_tags),
    };
    ImageMove {
        repository: target.image.repository.clone(),
        from: tags.current.as_ref().map(version),
        to: version(target),
        previous: tags.previous,
    }
}

/// Whether an image, as a task definition names it, is what this tag points at.
pub fn follows(image: &str, repository: &Repository, tag: &Tag) -> bool {
    // Behind the registry's host all must be equal: `team/core` is not `core`.
    let found = image.split_once('/').map(|(_host, name)| name);
    found.is_some_and(|found| found == format!("{repository}:{tag}"))
}

/// How a service would restart now; `None`: it could not.
pub fn strategy(service: &Service, ecs: &EcsService) -> Option<Strategy> {
    choose_strategy(service, ecs).ok().map(|(strategy, _)| strategy)
}

/// `stop` where a replaced task pulls the moved tag, there is room, and no load balancer has
/// a say; else `deployment`.
fn choose_strategy(service: &Service, ecs: &EcsService) -> Result<(Strategy, Why), Refusal> {
    let pinned = match ecs.container {
        ContainerSeen::Present { consistent, .. } => consistent,
        ContainerSeen::Absent { .. } => true,
    };
    match service.restart {
        Restart::Fixed(Strategy::Stop) if pinned => {
            Err(Refusal::StopKeepsOldImage { service: service.name.clone() })
        }
        Restart::Fixed(strategy) => Ok((strategy, Why::Settings)),
        Restart::Auto if pinned => Ok((Strategy::Deployment, Why::DigestPinned)),
        Restart::Auto if ecs.load_balanced => Ok((Strategy::Deployment, Why::LoadBalanced)),
        Restart::Auto if ecs.desired == 0 => Ok((Strategy::Stop, Why::NoTasks)),
        Restart::Auto if ecs.room() < 1 && service.batch != Batch::All => {
            Ok((Strategy::Deployment, Why::NoRoom))
        }
        Restart::Auto => Ok((Strategy::Stop, Why::PullsMovedTag)),
    }
}

fn below_minimum(service: &Service, ecs: &EcsService, strategy: Strategy, why: Why) -> bool {
    let fixed = strategy == Strategy::Stop && why == Why::Settings;
    // All at once says it louder.
    fixed && service.batch != Batch::All && ecs.desired > 0 && ecs.never_room()
}

fn service_warnings(
    service: &Service,
    ecs: &EcsService,
    (strategy, why): (Strategy, Why),
    image_move: &ImageMove,
) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if strategy == Strategy::Stop && ecs.desired > 0 {
        if service.batch == Batch::All {
            warnings.push(Warning::AllAtOnce {
                service: service.name.clone(),
                tasks: ecs.desired,
                minimum: ecs.minimum(),
            });
        }
        if below_minimum(service, ecs, strategy, why) {
            warnings.push(Warning::BelowMinimum {
                service: service.name.clone(),
                minimum: ecs.minimum(),
                serving: ecs.serving(),
            });
        }
        warnings.push(Warning::ScalingTakesNewImage { service: service.name.clone() });
    }
    if let Some(from) = &image_move.from {
        let tasks = super::observation::count(ecs.wanted_tasks());
        let on_tag =
            super::observation::count(ecs.wanted_tasks().filter(|task| runs_version(task, from)));
        if on_tag < tasks {
            warnings.push(Warning::Drift { service: service.name.clone(), on_tag, tasks });
        }
    }
    warnings
}

fn image_warnings(target: &ImageSeen, image_move: &ImageMove) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if image_move.from.is_none() {
        warnings.push(Warning::NothingToGoBackTo { repository: image_move.repository.clone() });
    }
    match target.critical_findings {
        Some(0) => {}
        Some(count) => {
            warnings.push(Warning::CriticalFindings { image: image_move.to.name.clone(), count });
        }
        None => warnings.push(Warning::NeverScanned { image: image_move.to.name.clone() }),
    }
    warnings
}

/// The sum over what really moves; unknown as soon as one of them was never scanned, unless
/// another has findings, which are worse than not knowing.
fn critical_findings(seen: &[ImageSeen], moves: &[ImageMove]) -> Option<u32> {
    let moving =
        |image: &&ImageSeen| moves.iter().any(|one| one.repository == image.image.repository);
    let counts: Vec<Option<u32>> =
        seen.iter().filter(moving).map(|image| image.critical_findings).collect();
    let known = counts.iter().flatten().fold(0_u32, |sum, count| sum.saturating_add(*count));
    if known == 0 && counts.contains(&None) { None } else { Some(known) }
}
