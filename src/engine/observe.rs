//! The reads before a plan: what do ECR and ECS say now, and which image is meant?

use std::collections::{BTreeMap, BTreeSet};

use super::problem::Problem;
use super::{Engine, lock};
use crate::aws::{Account, Asked, AwsError, Listed, StoppedTasks};
use crate::domain::command::{ImageReference, Pick};
use crate::domain::environment::{Environment, Service};
use crate::domain::id::{Digest, EnvironmentName, Repository, ServiceName, Tag};
use crate::domain::image::{Image, compare_versions};
use crate::domain::observation::{EcsService, ImageSeen, Observation, ServiceSeen};
use crate::domain::refusal::Refusal;
use crate::grammar::nearest;

/// An image that is wanted, exactly, and the tag by which it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub repository: Repository,
    pub asked: Asked,
}

/// What was looked at for a plan.
pub(super) struct Looked {
    pub images: Vec<ImageSeen>,
    pub seen: Observation,
}

impl Engine {
    /// The environment of that name, and its clients.
    pub(super) fn place(
        &self,
        name: &EnvironmentName,
    ) -> Result<(&Environment, &Account), Problem> {
        let environments = &self.parts.environments;
        let environment = environments.get(name).ok_or_else(|| Refusal::NoSuchEnvironment {
            environment: name.clone(),
            known: environments.iter().map(|one| one.name.clone()).collect(),
        })?;
        let account = self.parts.aws.account(name).ok_or_else(|| AwsError::unknown(name))?;
        Ok((environment, account))
    }

    /// Which image of which repository a person means.
    pub(super) async fn target(
        &self,
        environment: &EnvironmentName,
        reference: &ImageReference,
    ) -> Result<Target, Problem> {
        let (environment, account) = self.place(environment)?;
        let repository = match &reference.repository {
            Some(repository) => repository.clone(),
            None => only_repository(environment, reference)?,
        };
        let asked = match &reference.pick {
            Pick::Tag(tag) if self.parts.environments.tags().contains(tag) => {
                return Err(Refusal::EnvironmentTag { tag: tag.clone() }.into());
            }
            Pick::Tag(tag) => Asked::Tag(tag.clone()),
            Pick::Digest(digest) => Asked::Digest(digest.clone()),
            Pick::Prefix(prefix) => {
                let listed = self.list(account, &repository).await?;
                Asked::Digest(by_prefix(&repository, prefix, &listed)?)
            }
        };
        Ok(Target { repository, asked })
    }

    /// Looks at the services that run these images and at the environment's tags.
    pub(super) async fn look(
        &self,
        environment: &EnvironmentName,
        targets: &[Target],
    ) -> Result<Looked, Problem> {
        let (environment, account) = self.place(environment)?;
        let repositories: BTreeSet<&Repository> =
            targets.iter().map(|target| &target.repository).collect();
        let at = self.parts.clock.now();
        let services = running(environment, &repositories);
        let ecs = self.look_at_services(environment, account, &services, StoppedTasks::All);
        let ecr = self.look_at_images(environment, account, targets);
        let (ecs, ecr) = tokio::join!(ecs, ecr);
        // A misspelt image is what a person would rather hear of.
        let (tags, images) = ecr?;
        let services = ecs?;
        Ok(Looked { images, seen: Observation { at, services, tags } })
    }

    async fn look_at_services(
        &self,
        environment: &Environment,
        account: &Account,
        services: &[&Service],
        stopped: StoppedTasks,
    ) -> Result<BTreeMap<ServiceName, ServiceSeen>, Problem> {
        let now = self.parts.clock.now();
        match account.ecs.look_once(services, stopped, now).await {
            Err(error) if error.code() == "ClusterNotFoundException" => {
                Err(Refusal::ClusterMissing {
                    environment: environment.name.clone(),
                    cluster: environment.cluster.clone(),
                    region: environment.region.clone(),
                }
                .into())
            }
            looked => Ok(looked?),
        }
    }

    /// The tags of each target's repository, and the images that are meant.
    pub(super) async fn look_at_images(
        &self,
        environment: &Environment,
        account: &Account,
        targets: &[Target],
    ) -> Result<(BTreeMap<Repository, crate::domain::observation::TagsSeen>, Vec<ImageSeen>), Problem>
    {
        let mut tags = BTreeMap::new();
        let mut images: Vec<ImageSeen> = Vec::new();
        for target in targets {
            let repository = &target.repository;
            let previous = environment.previous_tag();
            let looked = account
                .ecr
                .look(repository, &environment.tag, &previous, Some(&target.asked))
                .await;
            let (seen, image) = match looked {
                Err(error) if error.code() == "RepositoryNotFoundException" => {
                    return Err(
                        Refusal::RepositoryMissing { repository: repository.clone() }.into()
                    );
                }
                looked => looked?,
            };
            let Some(image) = image else {
                return Err(self.no_such_image(account, target).await);
            };
            if images.iter().any(|other| other.image.repository == *repository) {
                return Err(Refusal::TwoImages { repository: repository.clone() }.into());
            }
            images.push(image);
            tags.insert(repository.clone(), seen);
        }
        Ok((tags, images))
    }

    /// The images that an environment runs, exactly, of the repositories that `into` runs too.
    pub(super) async fn everything_in(
        &self,
        source: &EnvironmentName,
        into: &EnvironmentName,
    ) -> Result<Vec<Target>, Problem> {
        if source == into {
            return Err(Refusal::SameEnvironment { environment: source.clone() }.into());
        }
        let (from, account) = self.place(source)?;
        let (to, _) = self.place(into)?;
        let wanted: BTreeSet<&Repository> = to.services.iter().map(|one| &one.repository).collect();
        let services: Vec<&Service> =
            from.services.iter().filter(|one| wanted.contains(&one.repository)).collect();
        let seen = self.look_at_services(from, account, &services, StoppedTasks::Unseen).await?;
        let mut running: BTreeMap<&Repository, Digest> = BTreeMap::new();
        for service in &services {
            let unsettled = || Refusal::Unsettled {
                environment: source.clone(),
                service: service.name.clone(),
            };
            let ecs = seen.get(&service.name).and_then(ServiceSeen::found).ok_or_else(unsettled)?;
            if ecs.desired == 0 {
                continue;
            }
            let previous = from.previous_tag();
            let (tags, _) =
                account.ecr.look(&service.repository, &from.tag, &previous, None).await?;
            let digest = one_digest(ecs, tags.current.as_ref()).ok_or_else(unsettled)?;
            if running.insert(&service.repository, digest.clone()).is_some_and(|old| old != digest)
            {
                return Err(unsettled().into());
            }
        }
        if running.is_empty() {
            let repository = wanted.into_iter().next().cloned();
            let repository = repository.unwrap_or_else(|| Repository::new("any image"));
            return Err(Refusal::NothingRuns { repository, environment: source.clone() }.into());
        }
        let target = |(repository, digest): (&Repository, Digest)| Target {
            repository: repository.clone(),
            asked: Asked::Digest(digest),
        };
        Ok(running.into_iter().map(target).collect())
    }

    async fn list(
        &self,
        account: &Account,
        repository: &Repository,
    ) -> Result<Vec<Listed>, Problem> {
        match account.ecr.list(repository).await {
            Err(error) if error.code() == "RepositoryNotFoundException" => {
                Err(Refusal::RepositoryMissing { repository: repository.clone() }.into())
            }
            listed => Ok(listed?),
        }
    }

    /// Says that it is archived, or names the nearest tags, or the newest where none is near.
    async fn no_such_image(&self, account: &Account, target: &Target) -> Problem {
        let hidden = self.parts.environments.tags();
        let listed = match account.ecr.list(&target.repository).await {
            Ok(listed) => listed,
            Err(error) => return error.into(),
        };
        let meant = listed.iter().find(|image| match &target.asked {
            Asked::Tag(tag) => image.tags.contains(tag),
            Asked::Digest(digest) => &image.digest == digest,
        });
        // ECR lists what is archived, and does not hand it out.
        if let Some(image) = meant.filter(|image| image.archived) {
            let asked = target.asked.tag();
            let known =
                Image { repository: target.repository.clone(), digest: image.digest.clone() };
            return Refusal::Archived { image: known.shown(asked, &image.tags, &hidden) }.into();
        }
        let there = listed.into_iter().filter(|image| !image.archived);
        let mut tags: Vec<Tag> = there.flat_map(|image| image.tags).collect();
        tags.retain(|tag| !hidden.contains(tag));
        lock(&self.shared.tags).insert(target.repository.clone(), tags.clone());
        let (asked, near) = match &target.asked {
            // No tag is near a digest.
            Asked::Digest(digest) => (digest.as_str(), Vec::new()),
            Asked::Tag(tag) => {
                let near = nearest(tag.as_str(), tags.iter().map(Tag::as_str));
                let near: Vec<Tag> = near.into_iter().map(Tag::from).collect();
                let newest = || {
                    tags.sort_by(|a, b| compare_versions(b, a));
                    tags.into_iter().take(3).collect()
                };
                (tag.as_str(), if near.is_empty() { newest() } else { near })
            }
        };
        Refusal::NoSuchImage {
            repository: target.repository.clone(),
            asked: asked.to_owned(),
            nearest: near,
        }
        .into()
    }

    /// Whether every service of the environment that runs the image's repository runs exactly
    /// this image, healthy, now.
    pub(super) async fn runs_everywhere(
        &self,
        environment: &EnvironmentName,
        image: &ImageSeen,
    ) -> Result<bool, Problem> {
        let (environment, account) = self.place(environment)?;
        let services = running(environment, &BTreeSet::from([&image.image.repository]));
        let seen =
            self.look_at_services(environment, account, &services, StoppedTasks::Unseen).await?;
        let on = |digest: &Digest| *digest == image.image.digest || image.children.contains(digest);
        let good = |one: &ServiceSeen| {
            one.found().is_some_and(|ecs| {
                let check = ecs.container.has_health_check();
                ecs.desired > 0
                    && ecs.serving() >= ecs.desired
                    && ecs
                        .wanted_tasks()
                        .all(|task| task.serves(check) && task.digest.as_ref().is_some_and(on))
            })
        };
        Ok(!seen.is_empty() && seen.values().all(good))
    }
}

/// The services of an environment that run any of these repositories.
pub(super) fn running<'a>(
    environment: &'a Environment,
    repositories: &BTreeSet<&Repository>,
) -> Vec<&'a Service> {
    environment.services.iter().filter(|one| repositories.contains(&one.repository)).collect()
}

/// Where no repository was named, the environment must run only one.
fn only_repository(
    environment: &Environment,
    reference: &ImageReference,
) -> Result<Repository, Refusal> {
    let repositories: BTreeSet<&Repository> =
        environment.services.iter().map(|service| &service.repository).collect();
    let mut choices = repositories.into_iter().cloned();
    match (choices.next(), choices.next()) {
        (Some(only), None) => Ok(only),
        (first, second) => Err(Refusal::WhichRepository {
            asked: reference.to_string(),
            choices: first.into_iter().chain(second).chain(choices).collect(),
        }),
    }
}

fn by_prefix(repository: &Repository, prefix: &str, listed: &[Listed]) -> Result<Digest, Refusal> {
    let begins: BTreeSet<&Digest> = listed
        .iter()
        .map(|image| &image.digest)
        .filter(|digest| digest.hex().starts_with(prefix))
        .collect();
    let mut found = begins.iter();
    match (found.next(), found.next()) {
        (Some(only), None) => Ok((*only).clone()),
        (None, _) => Err(Refusal::NoSuchImage {
            repository: repository.clone(),
            asked: prefix.to_owned(),
            nearest: Vec::new(),
        }),
        (Some(_), Some(_)) => Err(Refusal::AmbiguousDigest {
            repository: repository.clone(),
            prefix: prefix.to_owned(),
            choices: begins.iter().map(|digest| digest.hex().to_owned()).collect(),
        }),
    }
}

/// The one digest that all tasks of a service serve on; that of the index, where the tasks
/// report a child of the index under the environment's tag.
fn one_digest(ecs: &EcsService, current: Option<&ImageSeen>) -> Option<Digest> {
    let check = ecs.container.has_health_check();
    let mut digests = BTreeSet::new();
    for task in ecs.wanted_tasks() {
        if !task.serves(check) {
            return None;
        }
        let digest = task.digest.as_ref()?;
        let index = current.filter(|image| image.children.contains(digest));
        digests.insert(index.map_or(digest, |image| &image.image.digest).clone());
    }
    let mut digests = digests.into_iter();
    match (digests.next(), digests.next()) {
        (Some(only), None) => Some(only),
        (None | Some(_), _) => None,
    }
}
