//! What is known of a run without believing Shipmate: what stood when it ended, and in which
//! order AWS was asked and others did what they did. There are no tolerances here, so that a
//! busy machine changes no verdict: what others did before something was read could be seen
//! in it, and what they did after the last read could not, however soon or late that was.

use std::collections::BTreeSet;

use shipmate::domain::environment::Strategy;
use shipmate::domain::plan::Version;
use shipmate::domain::rollout::Rollout;
use shipmate::sandbox::{Call, Deed, ServiceView, TaskView};

use super::play::{Done, Played};
use super::story::{Act, SERVICES, Story};
use crate::world::{OUR_KEY, Scene};

/// The environment's tag.
pub const TAG: &str = "staging-latest";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    To,
    From,
}

/// One run that has ended.
pub struct Facts<'a> {
    pub story: &'a Story,
    pub played: &'a Played,
    pub scene: &'a Scene,
    pub rollout: Option<&'a Rollout>,
}

/// A change of where a tag points: made after `since` calls, and surely after `by` of them.
struct Moved<'a> {
    since: usize,
    by: usize,
    to: Option<&'a str>,
}

impl<'a> Facts<'a> {
    // What Shipmate asked of AWS.

    /// Every call of Shipmate's until the end, with its place among all calls.
    pub fn calls(&self) -> impl Iterator<Item = (usize, &'a Call)> + use<'a> {
        let calls = self.played.calls.iter().enumerate().take(self.scene.calls);
        calls.filter(|(_, call)| call.key == OUR_KEY)
    }

    /// Those that were answered, and whose answers arrived.
    fn answered(&self, operation: &str) -> impl Iterator<Item = (usize, &'a Call)> {
        self.calls().filter(move |(_, call)| call.operation == operation && call.outcome == "ok")
    }

    /// Those that change something and were carried out, whether their answers arrived or not.
    pub fn deeds(&self) -> impl Iterator<Item = (usize, &'a Call)> + use<'a> {
        let read = ["Describe", "List", "Get", "BatchGet"];
        self.calls().filter(move |(_, call)| {
            call.outcome.starts_with("ok")
                && !read.iter().any(|read| call.operation.starts_with(read))
        })
    }

    /// The places of the calls that read where the environment's tag is in a repository.
    pub fn reads_of(&self, repository: &str) -> impl Iterator<Item = (usize, &'a Call)> {
        self.answered("BatchGetImage").filter(move |(_, call)| {
            let ids = call.parameters["imageIds"].as_array();
            let tag = ids.is_some_and(|ids| ids.iter().any(|id| id["imageTag"] == TAG));
            tag && call.parameters["repositoryName"] == repository
        })
    }

    /// The beginning of the last look at a service: its tasks are listed after that.
    pub fn last_look(&self, service: &str) -> Option<usize> {
        let looks = self.answered("DescribeServices");
        looks.filter(|(_, call)| names(&call.parameters["services"], service)).map(place).last()
    }

    /// When a task was described, the first and the last time.
    pub fn described(&self, task: &str) -> Option<(&'a Call, &'a Call)> {
        let described = self.answered("DescribeTasks");
        let mut of = described.filter(|(_, call)| names(&call.parameters["tasks"], task));
        let (_, first) = of.next()?;
        Some((first, of.last().map_or(first, |(_, last)| last)))
    }

    // What others did.

    pub fn arrived(&self) -> impl Iterator<Item = &'a Done> + use<'a> {
        let scene = self.scene;
        let done = self.played.done.iter();
        done.filter(|one| one.arrived && one.at < scene.at && one.before <= scene.calls)
    }

    /// Whether the last look at what somebody changed came after that.
    pub fn could_be_seen(&self, one: &Done) -> bool {
        let last = match &one.act {
            Act::Tag { repository, .. } => self.last_read(repository),
            Act::Deed { service, .. } | Act::Tasks { service, .. } => self.last_look(service),
            Act::Odds(_)
            | Act::Calm
            | Act::Die { .. }
            | Act::Cancel
            | Act::Pause
            | Act::Continue => None,
        };
        last.is_some_and(|last| one.after <= last)
    }

    fn last_read(&self, repository: &str) -> Option<usize> {
        self.reads_of(repository).map(place).last()
    }

    pub fn tag_moved_too_late(&self, repository: &str) -> bool {
        self.arrived().any(|one| match &one.act {
            Act::Tag { repository: moved, .. } => *moved == repository && !self.could_be_seen(one),
            _ => false,
        })
    }

    /// Whether others did something to a service, or moved the tag that it follows, after the
    /// last look at it began.
    pub fn touched_too_late(&self, name: &str) -> bool {
        let repository = repository_of(name);
        let last = self.last_look(name).unwrap_or(0);
        self.arrived().any(|one| match &one.act {
            Act::Deed { service, .. } | Act::Tasks { service, .. } => {
                *service == name && one.after > last
            }
            Act::Tag { repository: moved, .. } => Some(*moved) == repository && one.after > last,
            _ => false,
        })
    }

    /// Whether others made ECS replace tasks of a service, which goes on after they did it.
    pub fn is_churned(&self, name: &str) -> bool {
        self.arrived().any(|one| match &one.act {
            Act::Deed { service, deed } => {
                *service == name && !matches!(deed, Deed::Scale { .. } | Deed::Delete)
            }
            _ => false,
        })
    }

    /// Whether a deployment by others may still replace its tasks.
    pub fn is_churning(&self, name: &str) -> bool {
        let at_work = |view: &ServiceView| view.deployments > 1 || view.rollout == "IN_PROGRESS";
        self.is_churned(name) && self.service(name).is_some_and(at_work)
    }

    /// Where the environment's tag pointed when so many calls had been made; the outer `None`:
    /// somebody moved it at about that time.
    pub fn tag_at(&self, repository: &str, calls: usize) -> Option<Option<&'a str>> {
        let mut moves = vec![Moved { since: 0, by: 0, to: self.digest(repository, "1.0.0") }];
        for (place, call) in self.deeds().filter(|(_, call)| call.operation == "PutImage") {
            let of = &call.parameters;
            if of["repositoryName"] == repository && of["imageTag"] == TAG {
                let to = of["imageDigest"].as_str();
                moves.push(Moved { since: place, by: place + 1, to });
            }
        }
        for one in self.played.done.iter().filter(|one| one.arrived) {
            match &one.act {
                Act::Tag { repository: moved, to } if *moved == repository => {
                    let to = to.and_then(|version| self.digest(repository, version));
                    moves.push(Moved { since: one.before, by: one.after, to });
                }
                _ => {}
            }
        }
        let under_way = |moved: &Moved<'_>| moved.since <= calls && calls < moved.by;
        if moves.iter().skip(1).any(under_way) {
            return None;
        }
        let last = moves.iter().filter(|one| one.by <= calls).max_by_key(|one| one.by)?;
        let beside = |one: &Moved<'_>| one.by <= calls && one.by > last.since;
        let unsure = moves.iter().any(|one| !std::ptr::eq(one, last) && beside(one));
        (!unsure).then_some(last.to)
    }

    // What there is.

    pub fn version(&self, repository: &str, side: Side) -> &'a Version {
        let terms = &self.played.deployment.as_ref().unwrap().plan.terms;
        let image = terms.image(&repository.into()).expect("it is in the plan");
        match side {
            Side::To => &image.to,
            Side::From => image.from.as_ref().expect("something ran before"),
        }
    }

    /// `None`: it is not in the plan.
    pub fn strategy(&self, service: &str) -> Option<Strategy> {
        let terms = &self.played.deployment.as_ref()?.plan.terms;
        terms.services.iter().find(|one| one.name.as_str() == service).map(|one| one.strategy)
    }

    /// Whether ECS may be told to deploy it: the plan says so, or others scaled it, so that no
    /// task may be left that can be stopped. `None`: it is not in the plan.
    pub fn may_be_deployed(&self, service: &str) -> Option<bool> {
        let scaled = self.arrived().any(|one| match &one.act {
            Act::Deed { service: of, deed: Deed::Scale { .. } } => *of == service,
            _ => false,
        });
        self.strategy(service).map(|strategy| scaled || strategy == Strategy::Deployment)
    }

    /// Whether it is in the plan, and the plan was carried out.
    pub fn concerns(&self, service: &str) -> bool {
        self.strategy(service).is_some() && self.rollout.is_some()
    }

    pub fn restarted(&self, service: &str) -> bool {
        self.rollout.is_some_and(|rollout| rollout.forward.restarted(&service.into()))
    }

    pub fn touched(&self) -> bool {
        self.rollout.is_some_and(Rollout::touched)
    }

    pub fn tag(&self, repository: &str) -> Option<&'a str> {
        self.digest(repository, TAG)
    }

    pub fn digest(&self, repository: &str, tag: &str) -> Option<&'a str> {
        self.scene.tags.get(repository)?.get(tag).map(String::as_str)
    }

    pub fn service(&self, name: &str) -> Option<&'a ServiceView> {
        self.scene.services.iter().find(|view| view.name == name)
    }
}

fn place((place, _): (usize, &Call)) -> usize {
    place
}

fn names(list: &serde_json::Value, wanted: &str) -> bool {
    list.as_array().is_some_and(|list| list.iter().any(|one| one == wanted))
}

pub fn services_of(repository: &str) -> BTreeSet<&'static str> {
    let of = SERVICES.iter().filter(|(_, other)| *other == repository);
    of.map(|(name, _)| *name).collect()
}

pub fn repository_of(service: &str) -> Option<&'static str> {
    SERVICES.iter().find(|(name, _)| *name == service).map(|(_, repository)| *repository)
}

pub fn digest_of(task: &TaskView) -> Option<&str> {
    task.digests.get("app").map(String::as_str)
}

pub fn is(version: &Version, digest: &str) -> bool {
    version.digest.as_str() == digest || version.children.iter().any(|one| one.as_str() == digest)
}

pub fn is_on_other(task: &TaskView, version: &Version) -> bool {
    digest_of(task).is_some_and(|digest| !is(version, digest))
}

/// The tasks that are wanted, run the version, and are healthy as far as that is checked.
pub fn good<'a>(view: &'a ServiceView, version: &'a Version) -> impl Iterator<Item = &'a TaskView> {
    view.tasks.iter().filter(|task| {
        task.wanted
            && task.status == "RUNNING"
            && task.health != "UNHEALTHY"
            && digest_of(task).is_some_and(|digest| is(version, digest))
    })
}
