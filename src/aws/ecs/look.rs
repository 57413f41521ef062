//! One look at services and their tasks: by service or at the whole cluster, whichever costs
//! fewer calls, and only at what can have changed since the looks before.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use aws_sdk_ecs::types::{DesiredStatus, Service as SdkService, Task as SdkTask};
use futures::future::try_join_all;
use jiff::Timestamp;

use super::super::error::AwsError;
use super::tasks::TASKS_AT_ONCE;
use super::{Cluster, Known, read};
use crate::domain::environment::Service;
use crate::domain::id::{ServiceName, TaskArn};
use crate::domain::observation::{ServiceSeen, Task, count};

/// So many services are always listed one by one: it is not worth asking how large the cluster is.
const FEW: usize = 4;

/// Which tasks that have stopped are asked about, beside those that were seen before they did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoppedTasks {
    /// None.
    Unseen,
    /// Those of services where some must have come and gone between two looks.
    WhereMissed,
    /// All that ECS still shows.
    All,
}

/// What a look saw.
#[derive(Debug)]
pub struct Looked {
    pub services: BTreeMap<ServiceName, ServiceSeen>,
    /// Everything was asked for anew, and nothing is left that is not known.
    pub whole: bool,
}

/// How tasks are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    ByService,
    Cluster,
}

/// The services that are looked at, by the names that ECS knows them by: one ECS service may
/// have several containers of ours.
type Wanted<'a> = BTreeMap<&'a str, Vec<&'a Service>>;

/// Tasks by the ECS service that they belong to.
type Owners<'a> = HashMap<TaskArn, &'a str>;

impl Cluster {
    /// Looks at services for the first and only time.
    ///
    /// # Errors
    /// As for [`Cluster::look`].
    pub async fn look_once(
        &self,
        services: &[&Service],
        stopped: StoppedTasks,
        now: Timestamp,
    ) -> Result<BTreeMap<ServiceName, ServiceSeen>, AwsError> {
        // On the heap: all that await this would hold it.
        let looked = Box::pin(self.look(services, stopped, &mut Known::default(), now)).await?;
        Ok(looked.services)
    }

    /// Looks at services. Tasks that are known to be at rest are only listed, a few of them
    /// described again where a call has room for them.
    ///
    /// # Errors
    /// [`AwsError`]; a missing cluster is `ClusterNotFoundException`.
    pub async fn look(
        &self,
        services: &[&Service],
        stopped: StoppedTasks,
        known: &mut Known,
        now: Timestamp,
    ) -> Result<Looked, AwsError> {
        let mut wanted = Wanted::new();
        for service in services {
            wanted.entry(&service.ecs_service).or_default().push(service);
        }
        let names: Vec<&str> = wanted.keys().copied().collect();
        let mut found = self.describe_services(&names).await?;
        // One that was deleted is shown for a while, without a task definition.
        found.retain(|_, ecs| ecs.status() != Some("INACTIVE"));
        let definitions = found.values().filter_map(SdkService::task_definition).collect();
        wanted.retain(|name, _| found.contains_key(*name));
        let (containers, tasks) = tokio::try_join!(
            self.containers(definitions),
            self.look_at_tasks(&wanted, &found, known, now)
        )?;
        let Tasks { mut by_service, whole } = tasks;
        let missed = match stopped {
            StoppedTasks::Unseen => Vec::new(),
            StoppedTasks::WhereMissed => missed(&wanted, &found, known, &by_service),
            StoppedTasks::All => wanted.keys().copied().collect(),
        };
        let mut missed_from = wanted.clone();
        missed_from.retain(|name, _| missed.contains(name));
        if !missed_from.is_empty() {
            let way = self.way(&missed_from, &found, known).await?;
            let old = self.stopped(&missed_from, way, known, &by_service).await?;
            let mut tasks = Tasks { by_service, whole };
            for (owner, task) in &old {
                tasks.add(&missed_from, owner, |one| read::task(one, task, now));
            }
            by_service = tasks.by_service;
        }
        note(&wanted, &found, known, &by_service);
        let mut seen = BTreeMap::new();
        for service in services {
            let Some(ecs) = found.get(&service.ecs_service) else {
                seen.insert(service.name.clone(), ServiceSeen::Missing);
                continue;
            };
            let definition = ecs.task_definition().and_then(|arn| containers.get(arn));
            let containers = definition.map(|all| all.as_slice()).unwrap_or_default();
            let tasks = by_service.remove(&service.name).unwrap_or_default();
            let ecs = read::service(service, ecs, containers, tasks);
            seen.insert(service.name.clone(), ServiceSeen::Found(Box::new(ecs)));
        }
        Ok(Looked { services: seen, whole })
    }

    /// Every task that ECS wants running, and those that it did not list although it did before.
    async fn look_at_tasks(
        &self,
        wanted: &Wanted<'_>,
        found: &HashMap<String, SdkService>,
        known: &mut Known,
        now: Timestamp,
    ) -> Result<Tasks, AwsError> {
        known.looks += 1;
        let way = self.way(wanted, found, known).await?;
        let names: Vec<&str> = wanted.keys().copied().collect();
        let listed = self.list(way, &names, DesiredStatus::Running).await?;
        if way == Way::Cluster {
            known.strangers.retain(|arn| listed.contains_key(arn));
        }
        let before = before(wanted, known);
        let (elsewhere, all) = elsewhere(wanted, known);
        let mut asked: Vec<TaskArn> = Vec::new();
        let mut kept: Vec<&TaskArn> = Vec::new();
        for arn in listed.keys() {
            if known.strangers.contains(arn) || elsewhere.contains(arn) {
                continue;
            }
            if before.contains_key(arn) && known.is_at_rest(arn) {
                kept.push(arn);
            } else {
                asked.push(arn.clone());
            }
        }
        // What a list leaves out may be on another page by now, or be gone: it is asked for.
        asked.extend(before.keys().filter(|arn| !listed.contains_key(*arn)).cloned());
        // A call takes so many: what is left of its room goes to those described longest ago.
        let room = (TASKS_AT_ONCE - asked.len() % TASKS_AT_ONCE) % TASKS_AT_ONCE;
        let room = if asked.is_empty() { TASKS_AT_ONCE } else { room };
        kept.sort_by_key(|arn| known.described.get(*arn).copied().unwrap_or_default());
        let again = kept.len().min(room);
        asked.extend(kept.iter().take(again).map(|arn| (*arn).clone()));
        let kept: HashSet<&TaskArn> = kept.into_iter().skip(again).collect();

        let described = self.describe_tasks(&asked).await?;
        let mut tasks = Tasks { by_service: HashMap::new(), whole: kept.is_empty() };
        let owner_of =
            |arn: &TaskArn| before.get(arn).copied().or_else(|| listed.get(arn).copied().flatten());
        let mut seen: HashSet<TaskArn> = HashSet::new();
        let mut strangers: Vec<TaskArn> = Vec::new();
        for task in &described {
            let Some(arn) = task.task_arn().map(TaskArn::new) else { continue };
            match owner_of(&arn).or_else(|| owner_by_group(task, wanted)) {
                Some(owner) => tasks.add(wanted, owner, |one| read::task(one, task, now)),
                None => strangers.push(arn.clone()),
            }
            known.ended.extend(ended(task));
            seen.insert(arn);
        }
        // One that was listed and is not described is there, and nothing is known of it.
        for arn in asked.iter().filter(|arn| listed.contains_key(*arn) && !seen.contains(*arn)) {
            match owner_of(arn) {
                Some(owner) => tasks.add(wanted, owner, |_| Some(read::unknown(arn, now))),
                None => tasks.whole = false,
            }
        }
        for service in wanted.values().flatten() {
            let unchanged = known.tasks_of(&service.name).iter().filter(|task| {
                kept.contains(&task.arn) || (task.failed() && !seen.contains(&task.arn))
            });
            let unchanged: Vec<Task> = unchanged.cloned().collect();
            tasks.by_service.entry(service.name.clone()).or_default().extend(unchanged);
        }
        let look = known.looks;
        known.described.extend(seen.into_iter().map(|arn| (arn, look)));
        // With all services looked at, what belongs to none of them is a stranger's.
        if all {
            known.strangers.extend(strangers);
        }
        Ok(tasks)
    }

    /// Whichever lists the tasks of these services with fewer calls.
    async fn way(
        &self,
        wanted: &Wanted<'_>,
        found: &HashMap<String, SdkService>,
        known: &Known,
    ) -> Result<Way, AwsError> {
        if wanted.len() <= FEW {
            return Ok(Way::ByService);
        }
        let sizes: Vec<usize> =
            wanted.keys().filter_map(|name| found.get(*name)).map(size).collect();
        let by_service: usize =
            sizes.iter().map(|tasks| tasks.div_ceil(TASKS_AT_ONCE).max(1)).sum();
        let all = self.size().await?;
        let expected = known.count().max(sizes.iter().sum());
        // Tasks of others have to be described once before it is known that they are.
        let strangers = all.saturating_sub(expected);
        let whole = all.div_ceil(TASKS_AT_ONCE).saturating_add(strangers.div_ceil(TASKS_AT_ONCE));
        Ok(if whole < by_service { Way::Cluster } else { Way::ByService })
    }

    /// The tasks, each with its owner where the list tells.
    async fn list<'a>(
        &self,
        way: Way,
        names: &[&'a str],
        desired: DesiredStatus,
    ) -> Result<HashMap<TaskArn, Option<&'a str>>, AwsError> {
        match way {
            Way::Cluster => {
                let arns = self.list_tasks(None, desired).await?;
                Ok(arns.into_iter().map(|arn| (arn, None)).collect())
            }
            Way::ByService => {
                let lists = names.iter().map(|name| {
                    let desired = desired.clone();
                    async move { Ok((*name, self.list_tasks(Some(name), desired).await?)) }
                });
                let lists = try_join_all(lists).await?;
                let owned = |(name, arns): (&'a str, Vec<TaskArn>)| {
                    arns.into_iter().map(move |arn| (arn, Some(name)))
                };
                Ok(lists.into_iter().flat_map(owned).collect())
            }
        }
    }

    /// The tasks of these services that ECS does not want any more and still shows, without
    /// those that are known.
    async fn stopped<'a>(
        &self,
        wanted: &Wanted<'a>,
        way: Way,
        known: &mut Known,
        by_service: &HashMap<ServiceName, Vec<Task>>,
    ) -> Result<Vec<(&'a str, SdkTask)>, AwsError> {
        let names: Vec<&str> = wanted.keys().copied().collect();
        let listed = self.list(way, &names, DesiredStatus::Stopped).await?;
        let described: HashSet<&TaskArn> =
            by_service.values().flatten().map(|task| &task.arn).collect();
        let is_new = |arn: &&TaskArn| !described.contains(*arn) && !known.ended.contains(*arn);
        let new: Vec<TaskArn> = listed.keys().filter(is_new).cloned().collect();
        let tasks = self.describe_tasks(&new).await?;
        known.ended.extend(tasks.iter().filter_map(ended));
        let owned = tasks.into_iter().filter_map(|task| {
            let listed = listed.get(&TaskArn::new(task.task_arn()?)).copied().flatten();
            Some((listed.or_else(|| owner_by_group(&task, wanted))?, task))
        });
        Ok(owned.collect())
    }
}

/// The tasks of each service, and whether nothing is left that is not known.
struct Tasks {
    by_service: HashMap<ServiceName, Vec<Task>>,
    whole: bool,
}

impl Tasks {
    /// Adds a task of an ECS service, for each container of it that is ours.
    fn add(&mut self, wanted: &Wanted<'_>, owner: &str, read: impl Fn(&Service) -> Option<Task>) {
        for service in wanted.get(owner).into_iter().flatten() {
            let tasks = self.by_service.entry(service.name.clone()).or_default();
            tasks.extend(read(service));
        }
    }
}

/// The tasks of these services that had not ended when they were seen last.
fn before<'a>(wanted: &Wanted<'a>, known: &Known) -> Owners<'a> {
    let mut before = Owners::new();
    for (name, services) in wanted {
        for service in services {
            let going = known.tasks_of(&service.name).iter().filter(|task| task.stopped.is_none());
            before.extend(going.map(|task| (task.arn.clone(), *name)));
        }
    }
    before
}

/// The tasks that are known to belong to services at which nobody looks now, and whether there
/// are no such services.
fn elsewhere(wanted: &Wanted<'_>, known: &Known) -> (HashSet<TaskArn>, bool) {
    let looked_at: BTreeSet<&ServiceName> =
        wanted.values().flatten().map(|service| &service.name).collect();
    let others = known.services().iter().filter(|(name, _)| !looked_at.contains(name));
    let others: Vec<&ServiceSeen> = others.map(|(_, seen)| seen).collect();
    let tasks = others.iter().filter_map(|seen| seen.found()).flat_map(|ecs| &ecs.tasks);
    (tasks.map(|task| task.arn.clone()).collect(), others.is_empty())
}

/// The ARN of a task that changes no more.
fn ended(task: &SdkTask) -> Option<TaskArn> {
    task.task_arn().filter(|_| task.last_status() == Some("STOPPED")).map(TaskArn::new)
}

fn owner_by_group<'a>(task: &SdkTask, wanted: &Wanted<'a>) -> Option<&'a str> {
    let name = task.group()?.strip_prefix("service:")?;
    wanted.get_key_value(name).map(|(name, _)| *name)
}

fn size(ecs: &SdkService) -> usize {
    usize::try_from(ecs.running_count() + ecs.pending_count()).unwrap_or(0)
}

fn failures(ecs: &SdkService) -> i32 {
    ecs.deployments().iter().map(|deployment| deployment.failed_tasks()).sum()
}

fn is_short(ecs: &SdkService, tasks: Option<&Vec<Task>>) -> bool {
    let wanted = tasks.map_or(0, |tasks| count(tasks.iter().filter(|task| task.wanted)));
    wanted < u32::try_from(ecs.desired_count()).unwrap_or(0)
}

/// Services of which a task may have come and gone unseen: they are short of tasks for longer
/// than it takes to replace one, or ECS counts more failures than before.
fn missed<'a>(
    wanted: &Wanted<'a>,
    found: &HashMap<String, SdkService>,
    known: &Known,
    by_service: &HashMap<ServiceName, Vec<Task>>,
) -> Vec<&'a str> {
    let few = wanted.len() <= FEW;
    let missed = |name: &str, service: &Service| {
        let Some(ecs) = found.get(name) else { return false };
        let before = known.failing.get(&service.name).copied().unwrap_or(0);
        let short = is_short(ecs, by_service.get(&service.name));
        failures(ecs) > before || (short && (few || known.short.contains(&service.name)))
    };
    let services = wanted
        .iter()
        .filter(|(name, services)| services.first().is_some_and(|service| missed(name, service)));
    services.map(|(name, _)| *name).collect()
}

/// Remembers what the next look compares with.
fn note(
    wanted: &Wanted<'_>,
    found: &HashMap<String, SdkService>,
    known: &mut Known,
    by_service: &HashMap<ServiceName, Vec<Task>>,
) {
    for (name, services) in wanted {
        let Some(ecs) = found.get(*name) else { continue };
        for service in services {
            known.failing.insert(service.name.clone(), failures(ecs));
            if is_short(ecs, by_service.get(&service.name)) {
                known.short.insert(service.name.clone());
            } else {
                known.short.remove(&service.name);
            }
        }
    }
}
