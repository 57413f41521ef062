//! What would not work, found before anybody is asked: images that cannot be put under the
//! environment's tag, and services that a moved tag would not reach.

use super::{ImageMove, Terms, Version, Wanted, follows};
use crate::domain::decision::{Ban, ban_on};
use crate::domain::environment::{Registry, Service};
use crate::domain::id::Tag;
use crate::domain::mutability::Mutability;
use crate::domain::observation::{
    ContainerSeen, Controller, EcsService, ImageSeen, Scheduling, ServiceSeen,
};
use crate::domain::plan::Kind;
use crate::domain::refusal::{BannedImage, Refusal};

/// So many tags ECR puts on one image, and not one more.
const MOST_TAGS: usize = 1000;

/// Refuses an image that cannot be put under the environment's tag.
pub(super) fn check_image(
    wanted: &Wanted<'_>,
    target: &ImageSeen,
    image_move: &ImageMove,
) -> Result<(), Refusal> {
    let image = || image_move.to.name.clone();
    if let Some(refusal) = banned(wanted.bans, &wanted.kind, &image_move.to) {
        return Err(refusal);
    }
    if target.archived {
        return Err(Refusal::Archived { image: image() });
    }
    if !target.missing.is_empty() {
        let missing = target.missing.iter().map(|digest| digest.short().to_owned()).collect();
        return Err(Refusal::ChildrenMissing { image: image(), missing });
    }
    // A tag that stays where it is, is not put.
    if image_move.from.as_ref().is_some_and(|from| from.digest == image_move.to.digest) {
        return Ok(());
    }
    check_mutability(wanted, image_move)?;
    check_room_for_tags(wanted, target, image_move)
}

/// Refuses a version that is banned, under whatever name.
fn banned(bans: &[Ban], kind: &Kind, to: &Version) -> Option<Refusal> {
    let ban = ban_on(bans, &to.digest, &to.children)?;
    Some(Refusal::Banned(Box::new(BannedImage {
        image: to.name.clone(),
        banned_as: ban.name.clone(),
        digest: ban.image.digest.clone(),
        repository: ban.image.repository.clone(),
        by: ban.by.clone(),
        because: ban.because.clone(),
        reverts: match kind {
            Kind::Promotion => None,
            Kind::Rollback { of } => Some(*of),
        },
    })))
}

impl Terms {
    /// The first of its images that was banned.
    pub fn banned(&self, bans: &[Ban]) -> Option<Refusal> {
        self.images.iter().find_map(|image| banned(bans, &self.kind, &image.to))
    }
}

/// The environment's tag, and where something is kept the tag that keeps it.
fn tags_to_move(wanted: &Wanted<'_>, image_move: &ImageMove) -> Vec<Tag> {
    let keeps = image_move.from.is_some() && wanted.kind == Kind::Promotion;
    let previous = keeps.then(|| wanted.environment.previous_tag());
    [Some(wanted.environment.tag.clone()), previous].into_iter().flatten().collect()
}

/// Also a tag that is not there yet must be one that can be moved: nothing could be undone.
fn check_mutability(wanted: &Wanted<'_>, image_move: &ImageMove) -> Result<(), Refusal> {
    let repository = &image_move.repository;
    let Some(seen) = wanted.seen.tags.get(repository) else { return Ok(()) };
    let mut tags = tags_to_move(wanted, image_move);
    tags.retain(|tag| !seen.mutability.lets_move(tag));
    if tags.is_empty() {
        return Ok(());
    }
    let (filters, excluded) = match &seen.mutability {
        Mutability::Immutable { but } => (but.clone(), false),
        Mutability::Mutable { but } => (but.clone(), true),
    };
    Err(Refusal::TagsImmutable { repository: repository.clone(), tags, filters, excluded })
}

fn check_room_for_tags(
    wanted: &Wanted<'_>,
    target: &ImageSeen,
    image_move: &ImageMove,
) -> Result<(), Refusal> {
    let full = |seen: &ImageSeen, name: &str, tag: Tag| {
        let is_full = seen.tags.len() >= MOST_TAGS && !seen.tags.contains(&tag);
        is_full.then(|| Refusal::TooManyTags {
            image: name.to_owned(),
            tags: seen.tags.len(),
            needed: tag,
        })
    };
    let moved = full(target, &image_move.to.name, wanted.environment.tag.clone());
    let kept = || {
        let current = wanted.seen.tags.get(&image_move.repository)?.current.as_ref()?;
        let from = image_move.from.as_ref().filter(|_| wanted.kind == Kind::Promotion)?;
        full(current, &from.name, wanted.environment.previous_tag())
    };
    moved.or_else(kept).map_or(Ok(()), Err)
}

/// Refuses a service that cannot be promoted, before anything is moved.
pub(super) fn check_service<'a>(
    wanted: &'a Wanted<'_>,
    service: &Service,
) -> Result<&'a EcsService, Refusal> {
    let name = service.name.clone();
    let environment = wanted.environment;
    let ecs = match wanted.seen.services.get(&service.name) {
        None | Some(ServiceSeen::Missing) => {
            return Err(Refusal::ServiceMissing {
                service: name,
                ecs_service: service.ecs_service.clone(),
                cluster: environment.cluster.clone(),
            });
        }
        Some(ServiceSeen::Found(ecs)) => ecs,
    };
    if !ecs.active {
        return Err(Refusal::ServiceInactive { service: name });
    }
    match ecs.controller {
        Controller::Rolling => {}
        Controller::BlueGreen => return Err(Refusal::BlueGreen { service: name }),
        Controller::External => return Err(Refusal::ControllerNotEcs { service: name }),
    }
    match ecs.scheduling {
        Scheduling::Replica => {}
        Scheduling::Daemon => return Err(Refusal::Daemon { service: name }),
    }
    match &ecs.container {
        ContainerSeen::Absent { names } => {
            return Err(Refusal::ContainerMissing {
                service: name,
                container: service.container.clone(),
                names: names.clone(),
            });
        }
        ContainerSeen::Present { image, .. } => check_reference(wanted, service, image)?,
    }
    let ours = ecs.primary().is_some_and(|primary| wanted.ours.contains(&primary.id));
    if !ecs.steady() && !wanted.turn_taken && !ours {
        return Err(Refusal::ForeignDeployment { service: name });
    }
    Ok(ecs)
}

/// The image of the task definition must be the tag that moves, in the registry where it moves.
fn check_reference(wanted: &Wanted<'_>, service: &Service, image: &str) -> Result<(), Refusal> {
    let tag = &wanted.environment.tag;
    if !follows(image, &service.repository, tag) {
        return Err(Refusal::TagNotFollowed {
            service: service.name.clone(),
            found: image.to_owned(),
            expected: format!("{}:{tag}", service.repository),
        });
    }
    let host = image.split_once('/').map_or("", |(host, _)| host);
    let tags = wanted.seen.tags.get(&service.repository);
    let Some(registry) = tags.and_then(|tags| tags.registry.as_ref()) else { return Ok(()) };
    if registry_of(host)
        .is_some_and(|(account, region)| account == registry.account && region == registry.region)
    {
        return Ok(());
    }
    Err(Refusal::OtherRegistry {
        service: service.name.clone(),
        found: host.to_owned(),
        expected: host_of(registry),
    })
}

fn host_of(registry: &Registry) -> String {
    format!("{}.dkr.ecr.{}.amazonaws.com", registry.account, registry.region)
}

/// The account and region of a private registry of ECR's, by any of the names that it has;
/// `None`: a registry of somebody else's.
fn registry_of(host: &str) -> Option<(&str, &str)> {
    let (account, rest) = host.split_once('.')?;
    // The names with IPv4 alone, FIPS, and both versions of IP.
    let single = ["dkr.ecr.", "dkr.ecr-fips."].into_iter().find_map(|kind| {
        let rest = rest.strip_prefix(kind)?;
        rest.strip_suffix(".amazonaws.com").or_else(|| rest.strip_suffix(".amazonaws.com.cn"))
    });
    let dual = || {
        let rest = ["dkr-ecr.", "dkr-ecr-fips."].into_iter().find_map(|k| rest.strip_prefix(k))?;
        rest.strip_suffix(".on.aws").or_else(|| rest.strip_suffix(".on.amazonwebservices.com.cn"))
    };
    Some((account, single.or_else(dual)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_is_known_by_any_of_its_names() {
        let frankfurt = Some(("123456789012", "eu-central-1"));
        for host in [
            "123456789012.dkr.ecr.eu-central-1.amazonaws.com",
            "123456789012.dkr.ecr-fips.eu-central-1.amazonaws.com",
            "123456789012.dkr-ecr.eu-central-1.on.aws",
        ] {
            assert_eq!(registry_of(host), frankfurt, "{host}");
        }
        let beijing = "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn";
        assert_eq!(registry_of(beijing), Some(("123456789012", "cn-north-1")));
        for host in ["docker.io", "public.ecr.aws", "ghcr.io", "localhost:5000", ""] {
            assert_eq!(registry_of(host), None, "{host}");
        }
    }
}
