//! Environments and the services in them, as the settings describe them once they are checked.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::num::{NonZeroU8, NonZeroU32};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::after_check::AfterCheck;
use super::freeze::Entry;
use super::id::{EnvironmentName, PersonId, Repository, Role, ServiceName, Tag};

/// Where services run: an AWS account and region, an ECS cluster, and the tag that its
/// services follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    pub name: EnvironmentName,
    pub region: String,
    pub cluster: String,
    pub tag: Tag,
    /// The environment in which an image should have been verified before.
    pub after: Option<EnvironmentName>,
    /// IANA name; facts about local time are told in it.
    pub timezone: jiff::tz::TimeZone,
    /// For how long a new task must stay good before it counts.
    pub settle: Duration,
    /// For how long a rollout may go without progress before it counts as failed.
    pub patience: Duration,
    /// The registry, where it is not that of the environment's own account and region.
    pub registry: Option<Registry>,
    /// The IAM role to assume for this environment.
    pub role_arn: Option<String>,
    /// The last lines of the log of a task that failed are shown.
    pub logs: bool,
    /// When it is closed, and when it is open.
    pub calendar: Vec<Entry>,
    pub services: Vec<Service>,
}

/// An ECR registry in another account or region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registry {
    pub account: String,
    pub region: String,
}

/// An ECS service, and the container in it that runs an image of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    pub name: ServiceName,
    /// The name by which ECS knows it in this environment.
    pub ecs_service: String,
    pub repository: Repository,
    pub container: String,
    pub restart: Restart,
    pub batch: Batch,
    /// What it must answer over HTTP once it runs a new image.
    pub verify: Vec<AfterCheck>,
}

/// What the settings say about how a service restarts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Restart {
    /// Whatever works: see `domain::plan`.
    #[default]
    Auto,
    Fixed(Strategy),
}

/// How a service restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// Its tasks are stopped and ECS replaces them.
    Stop,
    /// A new ECS deployment is forced.
    Deployment,
}

/// How many tasks of a service `stop` takes at once, once its canary has passed. ECS's own
/// percentages do the same for `deployment`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Batch {
    /// As many as the service's minimum leaves room for.
    #[default]
    Room,
    /// All of them, without a canary and whatever the minimum says.
    All,
    /// At most so many, as far as there is room.
    Tasks(NonZeroU32),
    /// At most this share of the tasks, and at least one, as far as there is room.
    Percent(NonZeroU8),
}

impl Batch {
    /// The most tasks that may be stopped at once of a service that should have so many.
    pub fn most(self, desired: u32) -> u32 {
        match self {
            Self::Room | Self::All => u32::MAX,
            Self::Tasks(most) => most.get(),
            Self::Percent(percent) => {
                let most = u64::from(desired) * u64::from(percent.get()) / 100;
                u32::try_from(most).unwrap_or(u32::MAX).max(1)
            }
        }
    }

    /// Whether it is what holds where nothing is set.
    pub fn is_room(&self) -> bool {
        *self == Self::Room
    }

    /// Reads what the settings say: `room`, `all`, a number of tasks, or a percentage.
    pub fn parse(text: &str) -> Option<Self> {
        match (text.trim(), text.trim().strip_suffix('%')) {
            ("room", _) => Some(Self::Room),
            ("all", _) => Some(Self::All),
            (_, Some(percent)) => {
                let percent: NonZeroU8 = percent.trim_end().parse().ok()?;
                (percent.get() <= 100).then_some(Self::Percent(percent))
            }
            (tasks, None) => tasks.parse().ok().map(Self::Tasks),
        }
    }
}

impl fmt::Display for Batch {
    /// As the settings say it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Room => formatter.write_str("room"),
            Self::All => formatter.write_str("all"),
            Self::Tasks(most) => write!(formatter, "{most}"),
            Self::Percent(percent) => write!(formatter, "{percent}%"),
        }
    }
}

/// All environments, by name.
#[derive(Clone, Debug, Default)]
pub struct Environments(pub BTreeMap<EnvironmentName, Environment>);

impl Environments {
    pub fn get(&self, name: &EnvironmentName) -> Option<&Environment> {
        self.0.get(name)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Environment> {
        self.0.values()
    }

    /// The last in the order of promotion, whose calendar matters: none comes after it.
    pub fn last(&self) -> Option<&Environment> {
        let is_before =
            |one: &Environment| self.iter().any(|other| other.after.as_ref() == Some(&one.name));
        let last = self.iter().find(|one| one.after.is_some() && !is_before(one));
        last.or_else(|| self.iter().next())
    }

    /// Every tag that some environment follows, and the one beside it that keeps what ran
    /// before: tags that never name an image.
    pub fn tags(&self) -> BTreeSet<Tag> {
        self.iter()
            .flat_map(|environment| [environment.tag.clone(), environment.previous_tag()])
            .collect()
    }

    /// Every repository that some service runs.
    pub fn repositories(&self) -> BTreeSet<Repository> {
        self.iter()
            .flat_map(|environment| environment.services.iter())
            .map(|service| service.repository.clone())
            .collect()
    }
}

impl Environment {
    /// The tag that keeps the digest that is being replaced, so that no lifecycle policy
    /// deletes what a rollback needs.
    pub fn previous_tag(&self) -> Tag {
        Tag::new(format!("{}-previous", self.name))
    }

    pub fn service(&self, name: &ServiceName) -> Option<&Service> {
        self.services.iter().find(|service| &service.name == name)
    }
}

/// Who holds which role, by the settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct People(pub BTreeMap<Role, BTreeSet<PersonId>>);

impl People {
    pub fn roles_of(&self, person: &PersonId) -> BTreeSet<Role> {
        let holds = |people: &BTreeSet<PersonId>| people.contains(person);
        self.0.iter().filter(|(_, people)| holds(people)).map(|(role, _)| role.clone()).collect()
    }

    /// Those who hold any of these roles.
    pub fn holders(&self, roles: &BTreeSet<Role>) -> BTreeSet<PersonId> {
        let meant = self.0.iter().filter(|(role, _)| roles.contains(role));
        meant.flat_map(|(_, people)| people).cloned().collect()
    }
}
