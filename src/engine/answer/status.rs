//! `status`: what runs, whether that is what should run, and what is under way.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::super::Engine;
use super::super::problem::Problem;
use super::Topic;
use super::history::entry;
use crate::aws::{Account, AwsError, StoppedTasks};
use crate::domain::command::Command;
use crate::domain::deployment::{Deployment, Stage};
use crate::domain::environment::{Environment, Service};
use crate::domain::id::{Digest, EnvironmentName, Repository, ServiceName};
use crate::domain::observation::{EcsService, ImageSeen, ServiceSeen};
use crate::domain::plan::Version;
use crate::domain::policy::Action;
use crate::ports::Said;
use crate::report::{
    EnvironmentStatus, HoldStatus, OpenDeployment, Running, ServiceStatus, no_such_service_card,
    refusal_sentence, status_card,
};

/// What ECR says of an environment's images: what its tag points at, and the names by digest.
struct Names {
    tagged: BTreeMap<Repository, Version>,
    by_digest: BTreeMap<Digest, Version>,
}

impl Engine {
    /// Of one environment or all, and of all services or one.
    pub(super) async fn status(
        &self,
        said: &Said,
        environment: Option<&EnvironmentName>,
        service: Option<&ServiceName>,
    ) {
        match self.try_status(said, environment, service).await {
            Ok(all) => {
                let command = Command::Status {
                    environment: environment.cloned(),
                    service: service.cloned(),
                };
                let card = match service {
                    Some(service) if all.is_empty() => {
                        no_such_service_card(service, environment, &self.places_of(service))
                    }
                    Some(_) | None => status_card(&all, &self.local_time(environment)),
                };
                self.answer_with(said, &command, &card).await;
            }
            Err((environment, problem)) => {
                let topic = Topic { action: Action::Read, environment, what: None, command: None };
                self.explain(said, &topic, problem).await;
            }
        }
    }

    async fn try_status(
        &self,
        said: &Said,
        environment: Option<&EnvironmentName>,
        service: Option<&ServiceName>,
    ) -> Result<Vec<EnvironmentStatus>, (EnvironmentName, Problem)> {
        let mut all = Vec::new();
        let places = service.map(|service| self.places_of(service));
        let mut readable = self.readable(said, environment).await?;
        readable.retain(|name| places.as_ref().is_none_or(|places| places.contains(name)));
        for name in readable {
            let status = self.status_of(&name, service, None).await;
            all.push(status.map_err(|problem| (name, problem))?);
        }
        Ok(all)
    }

    /// The environments that have a service, by the settings.
    fn places_of(&self, service: &ServiceName) -> Vec<EnvironmentName> {
        let has = |environment: &&Environment| environment.service(service).is_some();
        self.parts.environments.iter().filter(has).map(|one| one.name.clone()).collect()
    }

    /// What is known of an environment now, and of all its services or one. `at_most`: for how long
    /// AWS is asked; after that nothing is known.
    pub(in super::super) async fn status_of(
        &self,
        name: &EnvironmentName,
        service: Option<&ServiceName>,
        at_most: Option<Duration>,
    ) -> Result<EnvironmentStatus, Problem> {
        let (environment, account) = self.place(name)?;
        let open = self.parts.store.open().await?;
        let history = self.parts.store.history(Some(name), 10).await?;
        let last_success = self.parts.store.last_success(name).await?;
        let hold = self.parts.store.hold(name).await?;
        let lock = self.standing_lock(name).await?;
        let reservations = self.line_in(name).await?;
        let wanted = |one: &&Service| service.is_none_or(|name| one.name == *name);
        let wanted: Vec<&Service> = environment.services.iter().filter(wanted).collect();
        let looked = self.look_for_status((environment, account), &wanted, last_success.as_ref());
        let too_long = async {
            match at_most {
                Some(at_most) => self.parts.clock.sleep(at_most).await,
                None => std::future::pending().await,
            }
        };
        let looked = tokio::select! {
            looked = Box::pin(looked) => Some(looked),
            () = too_long => None,
        };
        let (services, unknown) = match looked {
            Some(Ok(services)) => (services, None),
            None => (Vec::new(), Some("AWS did not answer in time".to_owned())),
            Some(Err(error)) => {
                let refusal = error.refusal().as_ref().map(refusal_sentence);
                (Vec::new(), Some(refusal.unwrap_or_else(|| error.to_string())))
            }
        };
        let open = self.open_in(name, &open).await?;
        Ok(EnvironmentStatus {
            environment: name.clone(),
            only: service.cloned(),
            tag: environment.tag.clone(),
            services,
            open,
            lock,
            freezes: self.freezes_of(name).await?,
            hold: hold.map(|hold| HoldStatus { deployment: hold.deployment, since: hold.since }),
            reservations,
            last: history.into_iter().find(|one| one.ended_at.is_some()).map(entry),
            unknown,
        })
    }

    /// What is open in an environment, and what keeps it from its turn.
    async fn open_in(
        &self,
        name: &EnvironmentName,
        open: &[Deployment],
    ) -> Result<Vec<OpenDeployment>, Problem> {
        let mut here = Vec::new();
        for one in open.iter().filter(|one| &one.plan.terms.environment == name) {
            let obstacle = match one.stage {
                Stage::Queued { .. } => self.obstacle(one).await?,
                Stage::Waiting | Stage::Running(_) | Stage::Ended(_) => None,
            };
            here.push(OpenDeployment {
                id: one.id,
                stage: one.stage_name(),
                scheduled: one.scheduled.filter(|_| one.is_scheduled()),
                names: one.plan.terms.names(),
                rollback: one.is_rollback(),
                obstacle,
            });
        }
        Ok(here)
    }

    async fn look_for_status(
        &self,
        (environment, account): (&Environment, &Account),
        services: &[&Service],
        last: Option<&Deployment>,
    ) -> Result<Vec<ServiceStatus>, AwsError> {
        let now = self.parts.clock.now();
        let ecs = account.ecs.look_once(services, StoppedTasks::Unseen, now);
        let names = self.names_in(environment, account, services);
        let (seen, names) = tokio::try_join!(ecs, names)?;
        let status = |service: &&Service| {
            let found = seen.get(&service.name).and_then(ServiceSeen::found);
            let found = found.filter(|ecs| ecs.active);
            let journal = last.and_then(|last| last.plan.terms.image(&service.repository));
            ServiceStatus {
                name: service.name.clone(),
                repository: service.repository.clone(),
                strategy: found.and_then(|ecs| crate::domain::plan::strategy(service, ecs)),
                tagged: names.tagged.get(&service.repository).cloned(),
                journal: journal.map(|image| image.to.clone()),
                desired: found.map_or(0, |ecs| ecs.desired),
                runs: found.map(|ecs| runs(ecs, &names)).unwrap_or_default(),
                missing: found.is_none(),
            }
        };
        Ok(services.iter().map(status).collect())
    }

    async fn names_in(
        &self,
        environment: &Environment,
        account: &Account,
        services: &[&Service],
    ) -> Result<Names, AwsError> {
        let hidden = self.parts.environments.tags();
        let mut names = Names { tagged: BTreeMap::new(), by_digest: BTreeMap::new() };
        let repositories: BTreeSet<&Repository> =
            services.iter().map(|service| &service.repository).collect();
        for repository in repositories {
            let previous = environment.previous_tag();
            let (tags, _) = account.ecr.look(repository, &environment.tag, &previous, None).await?;
            for listed in account.ecr.list(repository).await? {
                let image = crate::domain::image::Image {
                    repository: repository.clone(),
                    digest: listed.digest.clone(),
                };
                let name = image.shown(None, &listed.tags, &hidden);
                let version = Version { digest: listed.digest.clone(), children: Vec::new(), name };
                names.by_digest.insert(listed.digest, version);
            }
            if let Some(ImageSeen { image, children, tags, .. }) = tags.current {
                let name = image.shown(None, &tags, &hidden);
                let version = Version { digest: image.digest, children, name };
                for digest in version.children.iter().chain([&version.digest]) {
                    names.by_digest.insert(digest.clone(), version.clone());
                }
                names.tagged.insert(repository.clone(), version);
            }
        }
        Ok(names)
    }
}

/// Each version that tasks of a service run.
fn runs(ecs: &EcsService, names: &Names) -> Vec<Running> {
    let check = ecs.container.has_health_check();
    let mut runs: Vec<Running> = Vec::new();
    for task in ecs.wanted_tasks() {
        let version = task.digest.as_ref().map(|digest| {
            names.by_digest.get(digest).cloned().unwrap_or_else(|| Version {
                digest: digest.clone(),
                children: Vec::new(),
                name: digest.short().to_owned(),
            })
        });
        let good = u32::from(task.serves(check));
        match runs.iter_mut().find(|running| running.version == version) {
            Some(running) => {
                running.tasks += 1;
                running.good += good;
            }
            None => runs.push(Running { version, tasks: 1, good }),
        }
    }
    runs
}
