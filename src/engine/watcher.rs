//! Looks at a running deployment's services again and again: remembers since when each task
//! has been as it is, and says how long to wait before the next look.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use jiff::Timestamp;

use super::Rhythm;
use crate::aws::{AwsError, Cluster, Following, KnownStopped};
use crate::domain::environment::Service;
use crate::domain::id::{Digest, EcsDeploymentId, ServiceName, TaskArn};
use crate::domain::observation::{Health, Observation, ServiceSeen, Task};
use crate::ports::Clock;

/// The condition of a task, as far as a change of it starts its settling anew.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Condition {
    wanted: bool,
    running: bool,
    health: Health,
    digest: Option<Digest>,
}

/// The looks at one deployment's services.
pub(super) struct Watcher {
    rhythm: Rhythm,
    pause: Duration,
    conditions: HashMap<TaskArn, (Condition, Timestamp)>,
    stopped: KnownStopped,
    following: Following,
}

impl Watcher {
    pub fn new(rhythm: Rhythm) -> Self {
        Self {
            rhythm,
            pause: rhythm.shortest,
            conditions: HashMap::new(),
            stopped: KnownStopped::new(),
            following: Following::default(),
        }
    }

    /// Adds what ECS tells of our own deployments as service deployments: whether it rolled one
    /// back, and what it resolved.
    pub async fn follow(
        &mut self,
        cluster: &Cluster,
        ours: &[(&Service, &EcsDeploymentId)],
        seen: &mut Observation,
    ) {
        cluster.follow(ours, &mut self.following).await;
        for (service, id) in ours {
            let Some(followed) = self.following.seen(service, id) else { continue };
            if let Some(ServiceSeen::Found(ecs)) = seen.services.get_mut(&service.name) {
                ecs.followed.insert((*id).clone(), followed.clone());
            }
        }
    }

    /// One look, with every task stamped with the time since which it has been seen so: the
    /// end of the look that saw it first, for a look can take long.
    ///
    /// # Errors
    /// [`AwsError`]: nothing is known of this moment.
    pub async fn look(
        &mut self,
        cluster: &Cluster,
        services: &[&Service],
        clock: &dyn Clock,
    ) -> Result<Observation, AwsError> {
        let at = clock.now();
        let seen = cluster.look(services, &self.stopped, at).await?;
        Ok(Observation { at, ..self.note(seen, clock.now()) })
    }

    /// Takes what somebody else has just looked at for the first look.
    pub fn begin(&mut self, seen: Observation) -> Observation {
        self.note(seen.services, seen.at)
    }

    fn note(
        &mut self,
        mut seen: BTreeMap<ServiceName, ServiceSeen>,
        now: Timestamp,
    ) -> Observation {
        let mut conditions = HashMap::new();
        let mut stopped = KnownStopped::new();
        let mut changed = false;
        let mut starting = false;
        let found = seen.values_mut().filter_map(|one| match one {
            ServiceSeen::Found(ecs) => Some(ecs),
            ServiceSeen::Missing => None,
        });
        for task in found.flat_map(|ecs| ecs.tasks.iter_mut()) {
            let condition = Condition::of(task);
            starting |= task.wanted && !task.running;
            match self.conditions.remove(&task.arn) {
                Some((before, since)) if before == condition => task.since = since,
                Some(_) | None => {
                    changed = true;
                    task.since = now;
                }
            }
            if task.stopped.is_some() {
                stopped.insert(task.arn.clone(), task.clone());
            }
            conditions.insert(task.arn.clone(), (condition, task.since));
        }
        self.conditions = conditions;
        self.stopped = stopped;
        self.pause = if changed || starting {
            self.rhythm.shortest
        } else {
            (self.pause * 3 / 2).min(self.rhythm.longest)
        };
        Observation { at: now, services: seen, tags: BTreeMap::new() }
    }

    /// Something was just done: look soon.
    pub fn expect_change(&mut self) {
        self.pause = self.rhythm.shortest;
    }

    /// How long to wait before the next look: not past the moment at which a task settles.
    pub fn pause(&self, settle: Duration, now: Timestamp) -> Duration {
        let settles =
            self.conditions.values().filter(|(condition, _)| condition.wanted).filter_map(
                |(_, since)| {
                    Duration::try_from(since.checked_add(settle).ok()?.duration_since(now)).ok()
                },
            );
        // A settling that is over would ask for no pause at all.
        let soonest = settles.filter(|left| !left.is_zero()).min();
        soonest.map_or(self.pause, |soonest| self.pause.min(soonest))
    }
}

impl Condition {
    fn of(task: &Task) -> Self {
        Self {
            wanted: task.wanted,
            running: task.running,
            health: task.health,
            digest: task.digest.clone(),
        }
    }
}
