//! Which digest a task's containers run: when a tag is looked up, and when what a deployment's
//! first task found holds instead. Must not know the states of a task.

use super::super::digest::sha256;
use super::super::state::State;
use super::super::world::{Behaviour, LaunchType};
use super::model::{Pin, TaskKey};

/// Finds out which digest each container will run. The first task of a deployment pins what it
/// finds; containers without version consistency look the tag up each time.
pub(super) fn resolve(state: &mut State, key: TaskKey) {
    let Some(task) = state.tasks.get(&key) else {
        return;
    };
    let (service, number) = (task.service, task.deployment.clone());
    let resolves = service
        .and_then(|service| state.services[service.0].deployment(number.as_deref()?))
        .is_none_or(|deployment| deployment.resolves);
    let pinned: Vec<bool> = state
        .definition(&task.definition)
        .map(|definition| {
            definition.containers.iter().map(|plan| plan.pinned && resolves).collect()
        })
        .unwrap_or_default();
    let mut found = Vec::new();
    for (container, pinned) in task.containers.iter().zip(pinned) {
        let pin = service
            .filter(|_| pinned)
            .and_then(|service| state.services[service.0].deployment(number.as_deref()?))
            .and_then(|deployment| deployment.pins.get(&container.name));
        let pull = pull(state, &container.image, pin);
        found.push((container.name.clone(), pinned, pull));
    }
    for (name, pinned, pull) in &found {
        let (Some(service), Some(number), Some(pull), true) = (service, &number, pull, pinned)
        else {
            continue;
        };
        if let Some(deployment) = state.services[service.0].deployment_mut(number) {
            deployment.pins.entry(name.clone()).or_insert(Pin { digest: pull.index.clone() });
        }
    }
    let Some(task) = state.tasks.get_mut(&key) else {
        return;
    };
    for (container, (_, _, pull)) in task.containers.iter_mut().zip(found) {
        match pull {
            Some(pull) => {
                container.digest = Some(match task.launch_type {
                    LaunchType::Ec2 => pull.index,
                    LaunchType::Fargate => pull.platform,
                });
                container.behaviour = pull.behaviour;
                container.log = pull.log;
            }
            None => container.behaviour = Behaviour::Stuck,
        }
    }
}

struct Pull {
    index: String,
    platform: String,
    behaviour: Behaviour,
    log: Vec<String>,
}

/// What a container's image is now, in the sandbox's registry or in somebody else's, where there is
/// always an image and it always works.
fn pull(state: &State, image: &str, pin: Option<&Pin>) -> Option<Pull> {
    let host = format!("{}.dkr.ecr.{}.amazonaws.com/", state.account, state.region);
    let Some(path) = image.strip_prefix(&host) else {
        let digest = sha256(image.as_bytes());
        return Some(Pull {
            index: digest.clone(),
            platform: digest,
            behaviour: Behaviour::Good,
            log: Vec::new(),
        });
    };
    let (path, digest) = match path.split_once('@') {
        Some((path, digest)) => (path, Some(digest)),
        None => (path, None),
    };
    let (repository, tag) = path.rsplit_once(':').unwrap_or((path, "latest"));
    let wanted = pin.map(|pin| pin.digest.as_str()).or(digest).unwrap_or(tag);
    let pulled = state.registry.pull(repository, wanted)?;
    Some(Pull {
        index: pulled.digest,
        platform: pulled.platform_digest,
        behaviour: pulled.behaviour,
        log: pulled.log,
    })
}
