//! Looks at a running deployment's services again and again: remembers since when each task
//! has been as it is, chooses what is worth another look, and says how long to wait before it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Rhythm;
use crate::aws::{AwsError, Cluster, Following, Known, StoppedTasks};
use crate::domain::environment::Service;
use crate::domain::id::{Digest, EcsDeploymentId, ServiceName, TaskArn};
use crate::domain::observation::{EcsService, Health, Observation, ServiceSeen, Task, count};
use crate::ports::Clock;

/// So few services are all looked at each time: it costs next to nothing.
const FEW: usize = 10;
/// For how long a service is looked at again and again after something was done to it: twice as
/// long as ECS may take to show that.
const EXPECTED: SignedDuration = SignedDuration::from_secs(20);
/// The longest time for which a service of many is not looked at while others are.
const UNSEEN: SignedDuration = SignedDuration::from_secs(30);

/// The condition of a task, as far as a change of it starts its settling anew.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Condition {
    wanted: bool,
    running: bool,
    health: Health,
    digest: Option<Digest>,
}

/// A task's condition, and since when it has been so.
struct Standing {
    condition: Condition,
    since: Timestamp,
    /// It serves.
    good: bool,
}

/// The looks at one deployment's services.
pub(super) struct Watcher {
    rhythm: Rhythm,
    settle: SignedDuration,
    pause: Duration,
    known: Known,
    following: Following,
    standings: HashMap<ServiceName, HashMap<TaskArn, Standing>>,
    /// Services in which something is expected to change, or did lately.
    lively: BTreeSet<ServiceName>,
    /// When something was last done to each service.
    expected: BTreeMap<ServiceName, Timestamp>,
    /// When all services were last looked at.
    all_seen_at: Option<Timestamp>,
    whole: bool,
}

impl Watcher {
    pub fn new(rhythm: Rhythm, settle: Duration) -> Self {
        Self {
            rhythm,
            settle: SignedDuration::try_from(settle).unwrap_or(SignedDuration::MAX),
            pause: rhythm.shortest,
            known: Known::default(),
            following: Following::default(),
            standings: HashMap::new(),
            lively: BTreeSet::new(),
            expected: BTreeMap::new(),
            all_seen_at: None,
            whole: false,
        }
    }

    /// One look, with every task stamped with the time since which it has been seen so: the
    /// end of the look that saw it first, for a look can take long. Of many services those in
    /// which nothing is expected are looked at now and then; all are, if it must be `whole`.
    ///
    /// # Errors
    /// [`AwsError`]: nothing is known of this moment.
    pub async fn look(
        &mut self,
        cluster: &Cluster,
        services: &[&Service],
        clock: &dyn Clock,
        whole: bool,
    ) -> Result<Observation, AwsError> {
        let at = clock.now();
        let stale = self.all_seen_at.is_none_or(|seen| at.duration_since(seen) >= UNSEEN);
        let all = whole || stale || services.len() <= FEW || self.lively.is_empty();
        let some: Vec<&Service> =
            services.iter().filter(|one| all || self.lively.contains(&one.name)).copied().collect();
        if whole {
            self.known.doubt();
        }
        let stopped = StoppedTasks::WhereMissed;
        let looked = Box::pin(cluster.look(&some, stopped, &mut self.known, at)).await?;
        if all {
            self.all_seen_at = Some(at);
        }
        self.whole = all && looked.whole;
        Ok(self.note(looked.services, at, clock.now()))
    }

    /// Adds what ECS tells of our own deployments as service deployments: whether it rolled one
    /// back, and what it resolved.
    pub async fn follow(
        &mut self,
        cluster: &Cluster,
        ours: &[(&Service, EcsDeploymentId)],
        seen: &mut Observation,
    ) {
        let named: Vec<_> = ours.iter().map(|(service, id)| (*service, id)).collect();
        cluster.follow(&named, &mut self.following).await;
        for (service, id) in ours {
            let Some(followed) = self.following.seen(service, id) else { continue };
            if let Some(ServiceSeen::Found(ecs)) = seen.services.get_mut(&service.name) {
                ecs.followed.insert(id.clone(), followed.clone());
            }
        }
    }

    /// Takes what somebody else has just looked at for the first look. Nothing ends well on it.
    pub fn begin(&mut self, seen: Observation) -> Observation {
        self.all_seen_at = Some(seen.at);
        self.note(seen.services, seen.at, seen.at)
    }

    /// Whether the last look described every task of every service.
    pub fn saw_all(&self) -> bool {
        self.whole
    }

    fn note(
        &mut self,
        mut seen: BTreeMap<ServiceName, ServiceSeen>,
        at: Timestamp,
        now: Timestamp,
    ) -> Observation {
        let (mut changed, mut starting) = (false, false);
        for (name, service) in &mut seen {
            let before = self.standings.remove(name).unwrap_or_default();
            let after = match service {
                ServiceSeen::Missing => HashMap::new(),
                ServiceSeen::Found(ecs) => {
                    starting |= ecs.wanted_tasks().any(|task| !task.running);
                    stand(ecs, before, now, &mut changed)
                }
            };
            self.standings.insert(name.clone(), after);
        }
        let at_rest = self.at_rest(at);
        for (name, service) in &seen {
            let quiet = service.found().is_none_or(|ecs| is_quiet(ecs, &at_rest));
            let expected = self.expected.get(name).copied();
            let expected = expected.is_some_and(|since| at.duration_since(since) < EXPECTED);
            if quiet && !expected {
                self.lively.remove(name);
                self.expected.remove(name);
            } else {
                self.lively.insert(name.clone());
            }
        }
        self.known.take(seen, at_rest);
        self.pause = if changed || starting {
            self.rhythm.shortest
        } else {
            (self.pause * 3 / 2).min(self.rhythm.longest)
        };
        let services = self.known.services().clone();
        Observation { at, services, tags: BTreeMap::new() }
    }

    /// The tasks that have served for so long that they have settled, on whichever version.
    fn at_rest(&self, now: Timestamp) -> HashSet<TaskArn> {
        let rests = |(arn, standing): (&TaskArn, &Standing)| {
            let settled = now.duration_since(standing.since) >= self.settle;
            (standing.good && settled).then(|| arn.clone())
        };
        self.standings.values().flatten().filter_map(rests).collect()
    }

    /// Something was just done: look soon.
    pub fn expect_change(&mut self) {
        self.pause = self.rhythm.shortest;
    }

    /// Something is being done to this service: look at it again and again.
    pub fn expect(&mut self, service: ServiceName, now: Timestamp) {
        self.lively.insert(service.clone());
        self.expected.insert(service, now);
    }

    /// How long to wait before the next look: not past the moment at which a task settles.
    pub fn pause(&self, now: Timestamp) -> Duration {
        let wanted = self.standings.values().flat_map(HashMap::values);
        let settles = wanted.filter(|standing| standing.condition.wanted).filter_map(|standing| {
            let settled = standing.since.checked_add(self.settle).ok()?;
            Duration::try_from(settled.duration_since(now)).ok()
        });
        // A settling that is over would ask for no pause at all.
        let soonest = settles.filter(|left| !left.is_zero()).min();
        soonest.map_or(self.pause, |soonest| self.pause.min(soonest))
    }
}

/// Stamps a service's tasks, and says how each stands now.
fn stand(
    ecs: &mut EcsService,
    mut before: HashMap<TaskArn, Standing>,
    now: Timestamp,
    changed: &mut bool,
) -> HashMap<TaskArn, Standing> {
    let check = ecs.container.has_health_check();
    let mut after = HashMap::new();
    for task in &mut ecs.tasks {
        let condition = Condition::of(task);
        match before.remove(&task.arn) {
            Some(standing) if standing.condition == condition => task.since = standing.since,
            Some(_) | None => {
                *changed = true;
                task.since = now;
            }
        }
        let standing = Standing { condition, since: task.since, good: task.serves(check) };
        after.insert(task.arn.clone(), standing);
    }
    after
}

/// Whether nothing is under way in a service: it has all its tasks, and all have settled.
fn is_quiet(ecs: &EcsService, at_rest: &HashSet<TaskArn>) -> bool {
    ecs.steady()
        && count(ecs.wanted_tasks()) >= ecs.desired
        && ecs.wanted_tasks().all(|task| at_rest.contains(&task.arn))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::observation::{
        ContainerSeen, Controller, EcsDeployment, RolloutState, Scheduling,
    };

    fn idle() -> ServiceSeen {
        ServiceSeen::Found(Box::new(EcsService {
            active: true,
            desired: 0,
            definition: "api:1".to_owned(),
            minimum_healthy_percent: 100,
            controller: Controller::Rolling,
            scheduling: Scheduling::Replica,
            load_balanced: false,
            deployments: vec![EcsDeployment {
                id: "ecs-svc/1".into(),
                primary: true,
                rollout: RolloutState::Completed,
            }],
            followed: BTreeMap::new(),
            container: ContainerSeen::Absent { names: Vec::new() },
            tasks: Vec::new(),
        }))
    }

    /// ECS's lists may still show what was, as if nothing were under way.
    #[test]
    fn a_service_that_was_just_restarted_is_looked_at_until_that_must_show() {
        let rhythm = Rhythm::default();
        let mut watcher = Watcher::new(rhythm, Duration::ZERO);
        let start = Timestamp::UNIX_EPOCH;
        let name = ServiceName::new("api");
        watcher.expect(name.clone(), start);
        let lively = [1, 15, 21].map(|second| {
            let at = start + SignedDuration::from_secs(second);
            watcher.note([(name.clone(), idle())].into(), at, at);
            watcher.lively.contains(&name)
        });
        assert_eq!(lively, [true, true, false]);
    }
}
