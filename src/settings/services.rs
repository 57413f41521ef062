//! Services: where each runs, and that no two are the same. How tags are shared is checked
//! elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use super::check::{is_environment, required, word};
use super::error::Problem;
use super::findings::Findings;
use super::keys;
use super::raw::{ByEnvironment, RawService};
use super::verify;
use crate::domain::environment::{Batch, Environments, Restart, Service, Strategy};
use crate::domain::id::{EnvironmentName, Repository, ServiceName};

/// The service as it is in each environment where it runs. `batches`: what is set for each
/// environment.
pub(super) fn services(
    name: &str,
    raw: &RawService,
    batches: impl Fn(&str) -> Batch,
    findings: &mut Findings,
) -> Vec<(EnvironmentName, Service)> {
    let key = |key: &'static str| ["services", name, key];
    let repository = required(&key("repository"), raw.repository.as_ref(), findings);
    let container = required(&key("container"), raw.container.as_ref(), findings);
    let runs_in = environments(name, raw, findings);
    check_names(&key("ecs-service"), raw.ecs_service.as_ref(), &runs_in, findings);
    check_names(&key("restart"), raw.restart.as_ref(), &runs_in, findings);
    check_names(&key("batch"), raw.batch.as_ref(), &runs_in, findings);
    for (number, one) in &raw.verify {
        let number = number.to_string();
        let path = ["services", name, "verify", &number, "url"];
        check_names(&path, one.url.as_ref(), &runs_in, findings);
    }
    verify::check(name, raw, findings);
    runs_in
        .into_iter()
        .map(|environment| {
            let ecs_service = raw.ecs_service.as_ref().and_then(|names| names.get(environment));
            let service = Service {
                name: ServiceName::new(name),
                ecs_service: ecs_service.unwrap_or(name).to_owned(),
                repository: Repository::new(&repository),
                container: container.clone(),
                restart: restart(name, environment, raw, findings),
                batch: batch(name, environment, raw, batches(environment), findings),
                verify: verify::checks(environment, raw),
            };
            (EnvironmentName::new(environment), service)
        })
        .collect()
}

/// The environments that the service lists and that there are.
fn environments<'a>(name: &str, raw: &'a RawService, findings: &mut Findings) -> BTreeSet<&'a str> {
    let path = ["services", name, "environments"];
    let Some(listed) = &raw.environments else {
        required(&path, None, findings);
        return BTreeSet::new();
    };
    if listed.is_empty() {
        findings.report(&path, Problem::NoEnvironmentOfService { service: name.to_owned() });
    }
    let mut runs_in = BTreeSet::new();
    for (index, environment) in listed.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
        let index = index.to_string();
        let path = ["services", name, "environments", &index];
        if is_environment(&path, environment, findings) && !runs_in.insert(environment.as_str()) {
            let key = format!("services.{name}.environments");
            findings.report(&path, Problem::ListedTwice { key, item: environment.clone() });
        }
    }
    runs_in
}

/// A table by environment names only environments in which the service runs.
fn check_names(
    path: &[&str],
    given: Option<&ByEnvironment>,
    runs_in: &BTreeSet<&str>,
    findings: &mut Findings,
) {
    let Some(ByEnvironment::Each(texts)) = given else { return };
    let service = path.get(1).copied().unwrap_or_default();
    for environment in texts.keys() {
        let path = [path, &[environment.as_str()]].concat();
        if is_environment(&path, environment, findings) && !runs_in.contains(environment.as_str()) {
            let service = service.to_owned();
            let environment = environment.clone();
            findings.report(&path, Problem::NotInEnvironment { service, environment });
        }
    }
}

fn restart(name: &str, environment: &str, raw: &RawService, findings: &mut Findings) -> Restart {
    let given = raw.restart.as_ref();
    let text = given.and_then(|words| words.get(environment)).unwrap_or(keys::RESTART);
    let path = ["services", name, "restart", environment];
    match word(&path, text, &["auto", "stop", "deployment"], findings) {
        "stop" => Restart::Fixed(Strategy::Stop),
        "deployment" => Restart::Fixed(Strategy::Deployment),
        _ => Restart::Auto,
    }
}

/// What is set for the service; else what is set for the environment.
fn batch(
    name: &str,
    environment: &str,
    raw: &RawService,
    of_environment: Batch,
    findings: &mut Findings,
) -> Batch {
    let given = raw.batch.as_ref().and_then(|amounts| amounts.get(environment));
    let text = match given {
        Some(text) => text,
        None => return of_environment,
    };
    super::check::batch(&["services", name, "batch", environment], text, findings)
}

/// Two services that are the same container of the same ECS service would be restarted twice.
pub(super) fn check_distinct(environments: &Environments, findings: &mut Findings) {
    for environment in environments.iter() {
        let mut seen: BTreeMap<(&str, &str), &Service> = BTreeMap::new();
        for service in environment.services.iter().filter(|one| !one.container.is_empty()) {
            let same = (service.ecs_service.as_str(), service.container.as_str());
            let Some(first) = seen.insert(same, service) else { continue };
            // Told at whichever is given later in the file.
            let place = place(service, environment.name.as_str(), findings).max(place(
                first,
                environment.name.as_str(),
                findings,
            ));
            let problem = Problem::SameContainer {
                one: first.name.to_string(),
                other: service.name.to_string(),
                container: service.container.clone(),
                ecs_service: service.ecs_service.clone(),
                environment: environment.name.to_string(),
            };
            findings.report_at(place, problem);
        }
    }
}

/// Where the service's ECS name in this environment was given, or else the service.
fn place(service: &Service, environment: &str, findings: &Findings) -> super::Place {
    findings.place(&["services", service.name.as_str(), "ecs-service", environment])
}

/// An environment without services can never run anything.
pub(super) fn check_none_idle(environments: &Environments, findings: &mut Findings) {
    for environment in environments.iter().filter(|one| one.services.is_empty()) {
        let name = environment.name.to_string();
        let path = ["environments", name.as_str()];
        findings.report(&path, Problem::NoServices { environment: name.clone() });
    }
}
