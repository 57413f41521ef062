//! ECS's calls about services. Must not start or stop tasks itself: the scheduler does.

use std::collections::{BTreeSet, VecDeque};

use serde_json::{Map, Value, json};

use super::super::error::{ErrorName, Refusal};
use super::super::input::{Input, page, token};
use super::super::state::State;
use super::super::times::Moment;
use super::super::world::{CircuitBreaker, Controller, LaunchType, Scheduling, Strategy};
use super::model::{Service, ServiceKey, ServiceStatus};
use super::{
    cluster, definitions, deploy, find_service, missing, scheduler, service, show, with_token,
};

/// Members of a service that the sandbox keeps and gives back, without a meaning of their own here.
const KEPT: [&str; 8] = [
    "networkConfiguration",
    "loadBalancers",
    "serviceRegistries",
    "healthCheckGracePeriodSeconds",
    "platformVersion",
    "placementConstraints",
    "placementStrategy",
    "propagateTags",
];

pub(super) fn describe(state: &State, input: Input<'_>) -> Result<Value, Refusal> {
    let names = input.texts("services")?.ok_or_else(|| super::super::input::missing("services"))?;
    match names.len() {
        0 => return Err(Refusal::invalid("Services cannot be empty.")),
        1..=10 => {}
        _ => {
            return Err(Refusal::invalid("Services cannot have more than 10 elements."));
        }
    }
    let cluster = cluster(state, input)?;
    let with_labels = super::includes_tags(input)?;
    let mut services = Vec::new();
    let mut failures = Vec::new();
    for name in names {
        match find_service(state, &cluster, name) {
            Some(service) => services.push(show::service(state, service, with_labels)),
            None if name.starts_with("arn:") => failures.push(missing(name)),
            None => failures.push(missing(&state.arn(&format!("service/{cluster}/{name}")))),
        }
    }
    Ok(json!({"services": services, "failures": failures}))
}

pub(super) fn list(state: &State, input: Input<'_>) -> Result<Value, Refusal> {
    let size = input.page_size(10, 100)?;
    let cluster = cluster(state, input)?;
    let launch_type =
        input.choice("launchType", &["EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES"])?;
    let scheduling = input.choice("schedulingStrategy", &["REPLICA", "DAEMON"])?;
    let after = token(input)?;
    let rest = state
        .service_names
        .range((cluster.clone(), after.clone().unwrap_or_default())..)
        .take_while(|((of, _), _)| *of == cluster)
        .filter(|((_, name), _)| after.as_ref() != Some(name))
        .map(|((_, name), key)| (name.clone(), &state.services[key.0]))
        .filter(|(_, service)| service.status != ServiceStatus::Inactive)
        .filter(|(_, service)| {
            launch_type.is_none_or(|wanted| wanted == service.launch_type.name())
        })
        .filter(|(_, service)| scheduling.is_none_or(|wanted| wanted == service.scheduling.name()))
        .map(|(name, service)| (name, &service.arn));
    let (arns, next) = page(rest, size);
    Ok(with_token(json!({"serviceArns": arns}), next))
}

/// A service as it is made, before it has a deployment.
pub(super) fn blank(state: &mut State, cluster: &str, name: &str, now: Moment) -> ServiceKey {
    let key = ServiceKey(state.services.len());
    let service = Service {
        key,
        name: name.to_owned(),
        arn: state.arn(&format!("service/{cluster}/{name}")),
        cluster: cluster.to_owned(),
        status: ServiceStatus::Active,
        desired: 0,
        launch_type: LaunchType::Fargate,
        minimum_healthy_percent: 100,
        maximum_percent: 200,
        circuit_breaker: CircuitBreaker::Off,
        controller: Controller::Ecs,
        scheduling: Scheduling::Replica,
        strategy: Strategy::Rolling,
        created: now.wall,
        labels: Vec::new(),
        kept: Map::new(),
        deployments: Vec::new(),
        events: VecDeque::new(),
        live: BTreeSet::new(),
        stopped: VecDeque::new(),
        look_at: None,
        failed_starts: 0,
        start_again_at: None,
        said_steady: false,
        rebalancing: None,
    };
    state.services.push(service);
    state.service_names.insert((cluster.to_owned(), name.to_owned()), key);
    key
}

pub(super) fn create(state: &mut State, input: Input<'_>, now: Moment) -> Result<Value, Refusal> {
    let name = input.required_text("serviceName")?;
    let cluster = cluster(state, input)?;
    let definition = definition(state, input)?
        .ok_or_else(|| Refusal::invalid("TaskDefinition cannot be empty."))?;
    let launch_type = match input.choice("launchType", &["EC2", "FARGATE"])? {
        Some("FARGATE") => LaunchType::Fargate,
        Some(_) | None => LaunchType::Ec2,
    };
    let controller = controller(input)?;
    let scheduling = match input.choice("schedulingStrategy", &["REPLICA", "DAEMON"])? {
        Some("DAEMON") => Scheduling::Daemon,
        Some(_) | None => Scheduling::Replica,
    };
    let configuration = Configuration::read(input)?;
    if find_service(state, &cluster, name)
        .is_some_and(|service| service.status != ServiceStatus::Inactive)
    {
        return Err(Refusal::invalid("Creation of service was not idempotent."));
    }
    let desired = input.count("desiredCount")?.unwrap_or(0);
    let labels = input.list("tags")?.unwrap_or_default().to_vec();
    let key = blank(state, &cluster, name, now);
    let service = &mut state.services[key.0];
    service.desired = desired;
    service.launch_type = launch_type;
    service.controller = controller;
    service.scheduling = scheduling;
    service.labels = labels;
    configuration.apply(service);
    keep(service, input);
    deploy::begin(state, key, &definition, now);
    Ok(json!({"service": show::service(state, &state.services[key.0], true)}))
}

pub(super) fn update(state: &mut State, input: Input<'_>, now: Moment) -> Result<Value, Refusal> {
    let name = input.required_text("service")?;
    let cluster = cluster(state, input)?;
    let definition = definition(state, input)?;
    let configuration = Configuration::read(input)?;
    let force = input.flag("forceNewDeployment")?.unwrap_or(false);
    let desired = input.count("desiredCount")?;
    let key = service(state, &cluster, name)?;
    let service = &mut state.services[key.0];
    if service.controller == Controller::CodeDeploy && (force || definition.is_some()) {
        return Err(Refusal::invalid(
            "Cannot force a new deployment or update the task definition of a service with a CODE_DEPLOY deployment controller.",
        ));
    }
    configuration.apply(service);
    keep(service, input);
    if let Some(desired) = desired {
        service.desired = desired;
        service.said_steady = false;
    }
    let current = service.primary().map(|primary| primary.definition.clone());
    let wanted = definition.or_else(|| current.clone());
    match wanted {
        Some(wanted) if force || Some(&wanted) != current.as_ref() => {
            deploy::begin(state, key, &wanted, now)
        }
        Some(_) | None => scheduler::wake(state, key, now),
    }
    Ok(json!({"service": show::service(state, &state.services[key.0], false)}))
}

pub(super) fn delete(state: &mut State, input: Input<'_>, now: Moment) -> Result<Value, Refusal> {
    let name = input.required_text("service")?;
    let cluster = cluster(state, input)?;
    let force = input.flag("force")?.unwrap_or(false);
    let found = find_service(state, &cluster, name).map(|service| (service.key, service.desired));
    let (key, desired) =
        found.ok_or_else(|| Refusal::new(ErrorName::ServiceNotFound, "Service not found."))?;
    if desired > 0 && !force {
        return Err(Refusal::invalid("The service cannot be stopped while it is scaled above 0."));
    }
    let service = &mut state.services[key.0];
    service.desired = 0;
    service.status = ServiceStatus::Draining;
    scheduler::wake(state, key, now);
    Ok(json!({"service": show::service(state, &state.services[key.0], false)}))
}

fn definition(state: &State, input: Input<'_>) -> Result<Option<String>, Refusal> {
    let Some(name) = input.text("taskDefinition")? else {
        return Ok(None);
    };
    match definitions::find(state, name) {
        Some(definition) if definition.active => Ok(Some(definition.arn.clone())),
        Some(_) => Err(Refusal::new(ErrorName::Client, "TaskDefinition is inactive")),
        None => Err(Refusal::new(ErrorName::Client, "TaskDefinition not found.")),
    }
}

fn controller(input: Input<'_>) -> Result<Controller, Refusal> {
    let Some(controller) = input.structure("deploymentController")? else {
        return Ok(Controller::Ecs);
    };
    match controller.choice("type", &["ECS", "CODE_DEPLOY", "EXTERNAL"])? {
        Some("CODE_DEPLOY") => Ok(Controller::CodeDeploy),
        Some("EXTERNAL") => Ok(Controller::External),
        Some(_) => Ok(Controller::Ecs),
        None => Err(super::super::input::missing("type")),
    }
}

fn keep(service: &mut Service, input: Input<'_>) {
    for name in KEPT {
        if let Some(value) = input.raw(name) {
            service.kept.insert(name.to_owned(), value.clone());
        }
    }
}

/// `deploymentConfiguration`, as far as it is given.
struct Configuration {
    minimum: Option<u32>,
    maximum: Option<u32>,
    circuit_breaker: Option<CircuitBreaker>,
    strategy: Option<Strategy>,
}

impl Configuration {
    fn read(input: Input<'_>) -> Result<Configuration, Refusal> {
        let nothing =
            Configuration { minimum: None, maximum: None, circuit_breaker: None, strategy: None };
        let Some(input) = input.structure("deploymentConfiguration")? else {
            return Ok(nothing);
        };
        let minimum = input.count("minimumHealthyPercent")?;
        let maximum = input.count("maximumPercent")?;
        if let (Some(minimum), Some(maximum)) = (minimum, maximum)
            && minimum == 100
            && maximum == 100
        {
            let message = "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments.";
            return Err(Refusal::invalid(message));
        }
        let circuit_breaker = match input.structure("deploymentCircuitBreaker")? {
            None => None,
            Some(breaker) => {
                let enable = breaker
                    .flag("enable")?
                    .ok_or_else(|| super::super::input::missing("enable"))?;
                let rollback = breaker
                    .flag("rollback")?
                    .ok_or_else(|| super::super::input::missing("rollback"))?;
                Some(match (enable, rollback) {
                    (false, _) => CircuitBreaker::Off,
                    (true, false) => CircuitBreaker::Fail,
                    (true, true) => CircuitBreaker::Rollback,
                })
            }
        };
        let strategy =
            match input.choice("strategy", &["ROLLING", "BLUE_GREEN", "LINEAR", "CANARY"])? {
                None => None,
                Some("ROLLING") => Some(Strategy::Rolling),
                Some("BLUE_GREEN") => Some(Strategy::BlueGreen),
                Some(_) => {
                    return Err(Refusal::new(
                        ErrorName::UnsupportedFeature,
                        "The strategy is not simulated.",
                    ));
                }
            };
        Ok(Configuration { minimum, maximum, circuit_breaker, strategy })
    }

    fn apply(&self, service: &mut Service) {
        service.minimum_healthy_percent = self.minimum.unwrap_or(service.minimum_healthy_percent);
        service.maximum_percent = self.maximum.unwrap_or(service.maximum_percent);
        service.circuit_breaker = self.circuit_breaker.unwrap_or(service.circuit_breaker);
        service.strategy = self.strategy.unwrap_or(service.strategy);
    }
}
