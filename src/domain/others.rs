//! Other people's hands: what somebody else changed in the middle of a rollout. It is written
//! down and told, and never overwritten. What it means for the rollout is decided in
//! `domain::next`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::environment::Strategy;
use super::event::StepFailure;
use super::id::{Digest, EcsDeploymentId, Repository, ServiceName, Tag};
use super::observation::{EcsService, Observation, ServiceSeen};
use super::plan::{Outlook, PlannedService, Terms};

/// What was seen of a service when its plan was made, as far as only others change it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub desired: u32,
    /// The ARN of its task definition. `None`: not written down by an older program.
    pub definition: Option<String>,
    /// Its primary ECS deployment.
    pub primary: Option<EcsDeploymentId>,
}

/// What somebody else changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub enum Change {
    Scaled {
        service: ServiceName,
        from: u32,
        to: u32,
    },
    /// The service was given another task definition.
    Redefined {
        service: ServiceName,
        definition: String,
    },
    /// Another ECS deployment of a service that is restarted task by task.
    Deployed {
        service: ServiceName,
        deployment: EcsDeploymentId,
    },
    /// `None`: the tag is gone.
    TagMoved {
        repository: Repository,
        found: Option<Digest>,
    },
}

/// How the services of a plan stood when it was made.
pub fn standing(outlook: &Outlook) -> BTreeMap<ServiceName, Standing> {
    let of = outlook.services.iter().map(|service| {
        let standing = Standing {
            desired: service.desired,
            definition: service.definition.clone(),
            primary: service.primary.clone(),
        };
        (service.name.clone(), standing)
    });
    of.collect()
}

/// What is otherwise than it stood, and not by this rollout. A new ECS deployment of a service
/// that this rollout deploys itself is found by `domain::next`.
pub fn changes(
    terms: &Terms,
    standing: &BTreeMap<ServiceName, Standing>,
    seen: &Observation,
) -> Vec<Change> {
    let of = |service: &PlannedService| {
        let standing = standing.get(&service.name)?;
        let ecs = seen.services.get(&service.name).and_then(ServiceSeen::found)?;
        ecs.active.then(|| changes_of(service, standing, ecs))
    };
    terms.services.iter().filter_map(of).flatten().collect()
}

fn changes_of(service: &PlannedService, standing: &Standing, ecs: &EcsService) -> Vec<Change> {
    let name = || service.name.clone();
    let mut changes = Vec::new();
    if standing.desired != ecs.desired {
        changes.push(Change::Scaled { service: name(), from: standing.desired, to: ecs.desired });
    }
    let redefined = standing.definition.as_ref().is_some_and(|known| *known != ecs.definition);
    if redefined {
        let definition = ecs.definition.clone();
        changes.push(Change::Redefined { service: name(), definition });
    }
    let known = standing.primary.as_ref().filter(|_| service.strategy == Strategy::Stop);
    let deployed = known.and_then(|known| ecs.primary().filter(|now| now.id != *known));
    if let Some(primary) = deployed {
        let deployment = primary.id.clone();
        changes.push(Change::Deployed { service: name(), deployment });
    }
    changes
}

impl Change {
    /// From here on this is how it stands.
    pub fn note(&self, standing: &mut BTreeMap<ServiceName, Standing>) {
        match self {
            Self::Scaled { service, to, .. } => {
                if let Some(standing) = standing.get_mut(service) {
                    standing.desired = *to;
                }
            }
            Self::Redefined { service, definition } => {
                if let Some(standing) = standing.get_mut(service) {
                    standing.definition = Some(definition.clone());
                }
            }
            Self::Deployed { service, deployment } => {
                if let Some(standing) = standing.get_mut(service) {
                    standing.primary = Some(deployment.clone());
                }
            }
            Self::TagMoved { .. } => {}
        }
    }
}

/// Whether a step could not be done because somebody else had moved its tag.
pub fn is_tag_moved_by_others(failure: &StepFailure) -> bool {
    failure.code == "tag-moved-by-others"
}

/// Why nothing more can be done about a tag that points at something else than where this
/// rollout wants it. `wanted`: that, in words. `found`: where it points; `None`: it is gone.
pub fn tag_moved_by_others(
    repository: &Repository,
    tag: &Tag,
    wanted: &str,
    found: Option<&Digest>,
) -> StepFailure {
    let found = found.map_or_else(|| "nothing".to_owned(), |found| found.short().to_owned());
    StepFailure {
        transient: false,
        code: "tag-moved-by-others".to_owned(),
        detail: format!(
            "{repository}:{tag} points at {found} now, not at {wanted}; somebody else moved it"
        ),
    }
}
