//! What Shipmate did to AWS, call by call: only what the plan names, each after it had looked
//! where the tag is.

use jiff::Timestamp;
use shipmate::domain::environment::Strategy;
use shipmate::domain::event::{Event, Step};
use shipmate::domain::id::Repository;
use shipmate::sandbox::Call;

use super::facts::{Facts, Side, TAG, digest_of, is, repository_of};
use super::story::Act;

/// A step that the journal says was begun.
struct Begun<'a> {
    at: Timestamp,
    step: &'a Step,
    side: Side,
}

/// The deeds that nobody asked for, as sentences.
pub fn judge(facts: &Facts<'_>, broken: &mut Vec<String>) {
    let begun = begun(facts);
    for (place, call) in facts.deeds() {
        let text = |name: &str| call.parameters[name].as_str().unwrap_or_default();
        let verdict = match call.operation.as_str() {
            "PutImage" => put(facts, place, call),
            "StopTask" => stop(facts, &begun, (place, call), text("task")),
            "UpdateService" => update(facts, &begun, (place, call), text("service")),
            "StopServiceDeployment" => call_back(facts, text("serviceDeploymentArn")),
            other => Err(format!("nobody asked it to {other}")),
        };
        if let Err(why) = verdict {
            broken.push(format!("{why}: {} {}", call.operation, call.parameters));
        }
    }
    forced_twice(facts, &begun, broken);
}

fn begun<'a>(facts: &Facts<'a>) -> Vec<Begun<'a>> {
    let mut side = Side::To;
    let mut begun = Vec::new();
    for recorded in &facts.played.journal {
        match &recorded.event {
            Event::UndoStarted { .. } => side = Side::From,
            Event::StepStarted { step } => begun.push(Begun { at: recorded.at, step, side }),
            _ => {}
        }
    }
    begun
}

/// The last of these steps that had begun when this call was made.
fn behind<'a, 'b>(
    begun: &'b [Begun<'a>],
    call: &Call,
    fits: impl Fn(&Step) -> bool,
) -> Option<&'b Begun<'a>> {
    begun.iter().rfind(|one| fits(one.step) && one.at <= time(call))
}

fn time(call: &Call) -> Timestamp {
    Timestamp::try_from(call.at).unwrap()
}

/// A tag is moved where the plan says so and where it was read just before that. ECR has no way
/// to move it only if it is where it was: what others do between that read and the call is lost,
/// and nobody can help it.
fn put(facts: &Facts<'_>, place: usize, call: &Call) -> Result<(), String> {
    let text = |name: &str| call.parameters[name].as_str().unwrap_or_default();
    let (repository, tag, digest) = (text("repositoryName"), text("imageTag"), text("imageDigest"));
    if facts.story.target(repository).is_none() {
        return Err("a repository outside the plan".to_owned());
    }
    let [to, from] = [Side::To, Side::From].map(|side| facts.version(repository, side));
    match tag {
        "staging-previous" if digest == to.digest.as_str() => {
            return Err("what is promoted is kept as what ran before".to_owned());
        }
        "staging-previous" => return Ok(()),
        TAG => {}
        _ => return Err("a tag outside the plan".to_owned()),
    }
    if ![to, from].iter().any(|version| version.digest.as_str() == digest) {
        return Err("an image outside the plan".to_owned());
    }
    let tries = facts.calls().filter(|(_, call)| {
        let of = &call.parameters;
        call.operation == "PutImage" && of["repositoryName"] == repository && of["imageTag"] == TAG
    });
    let before = tries.map(|(place, _)| place).take_while(|other| *other < place).last();
    let repository = Repository::new(repository);
    let reads = facts.reads_of(repository.as_str()).map(|(place, _)| place);
    let Some(read) = reads.take_while(|read| *read < place).last() else {
        return Err("it was never looked where the tag is".to_owned());
    };
    if before.is_some_and(|before| read < before) {
        return Err("it was not looked again where the tag is".to_owned());
    }
    match facts.tag_at(repository.as_str(), read) {
        Some(Some(seen)) if seen != to.digest.as_str() && seen != from.digest.as_str() => {
            Err("somebody else's tag is overwritten, although it was seen".to_owned())
        }
        Some(_) | None => Ok(()),
    }
}

fn stop(
    facts: &Facts<'_>,
    begun: &[Begun<'_>],
    (place, call): (usize, &Call),
    task: &str,
) -> Result<(), String> {
    let stops = |step: &Step| match step {
        Step::StopTasks { tasks, .. } => tasks.iter().any(|one| one.as_str() == task),
        _ => false,
    };
    let step = behind(begun, call, stops).ok_or("a task that no recorded step stops")?;
    let service = step.step.restarted_service().ok_or("a step of no service")?.as_str();
    let planned = facts.strategy(service).ok_or("a service outside the plan")?;
    if planned != Strategy::Stop {
        return Err("a service that is deployed is stopped task by task".to_owned());
    }
    let repository = repository_of(service).ok_or("a service outside the plan")?;
    tag_was_right(facts, repository, step, place)?;
    let standing = facts.scene.services.iter().flat_map(|service| &service.tasks);
    let mut all = facts.played.stopped.values().flatten().chain(standing);
    let Some(view) = all.find(|view| view.arn == task) else { return Ok(()) };
    let version = facts.version(repository, step.side);
    match digest_of(view) {
        Some(digest) if is(version, digest) => {
            Err(format!("a task that runs its target ({:?}) already is stopped", step.side))
        }
        Some(_) | None => Ok(()),
    }
}

fn update(
    facts: &Facts<'_>,
    begun: &[Begun<'_>],
    (place, call): (usize, &Call),
    service: &str,
) -> Result<(), String> {
    if !facts.may_be_deployed(service).ok_or("a service outside the plan")? {
        return Err("a service that goes task by task is deployed".to_owned());
    }
    for foreign in ["desiredCount", "taskDefinition", "deploymentConfiguration"] {
        if !call.parameters[foreign].is_null() {
            return Err(format!("{foreign} is not Shipmate's to set"));
        }
    }
    let step = behind(begun, call, |step| forces(step, service));
    let step = step.ok_or("a deployment that no recorded step forces")?;
    let repository = repository_of(service).ok_or("a service outside the plan")?;
    tag_was_right(facts, repository, step, place)
}

fn forces(step: &Step, service: &str) -> bool {
    match step {
        Step::StartDeployment { service: forced, .. } => forced.as_str() == service,
        _ => false,
    }
}

/// What restarts comes back on what the tag points at: it was read after the step had begun,
/// and was where this direction wants it.
fn tag_was_right(
    facts: &Facts<'_>,
    repository: &'static str,
    step: &Begun<'_>,
    place: usize,
) -> Result<(), String> {
    let wanted = facts.version(repository, step.side).digest.as_str();
    let reads = facts.reads_of(repository);
    let mut reads = reads.filter(|(read, call)| *read < place && time(call) >= step.at).peekable();
    if reads.peek().is_none() {
        return Err("restarted without a look where the tag is".to_owned());
    }
    let right = |at: Option<Option<&str>>| at.is_none_or(|at| at == Some(wanted));
    if reads.any(|(read, _)| right(facts.tag_at(repository, read))) {
        return Ok(());
    }
    Err("restarted although the tag was seen elsewhere".to_owned())
}

/// Only a deployment of a service of the plan that is deployed, while it goes back.
fn call_back(facts: &Facts<'_>, deployment: &str) -> Result<(), String> {
    let of = |service: &&str| deployment.contains(&format!("/staging/{service}/"));
    let service = ["api", "jobs", "web"].into_iter().find(of);
    let service = service.ok_or("a service outside the plan")?;
    if facts.may_be_deployed(service) != Some(true) {
        return Err("a service that goes task by task is rolled back".to_owned());
    }
    let begun = facts.rollout.and_then(|rollout| rollout.undo.as_ref());
    let begun = begun.is_some_and(|undo| {
        undo.phase.begun().any(|step| match step {
            Step::StopDeployment { service: back, .. } => back.as_str() == service,
            _ => false,
        })
    });
    if begun { Ok(()) } else { Err("a rollback that no recorded step asks for".to_owned()) }
}

/// AWS has no token that makes forcing a deployment idempotent: that it is not done twice is
/// for Shipmate to see to, also when an answer was lost or the process died. Where ECS or
/// somebody else brought the old deployment back meanwhile, it looks as if ours never was.
fn forced_twice(facts: &Facts<'_>, begun: &[Begun<'_>], broken: &mut Vec<String>) {
    for (service, _) in super::story::SERVICES {
        let others = facts.arrived().any(|one| match &one.act {
            Act::Deed { service: touched, .. } => *touched == service,
            _ => false,
        });
        if others || facts.story.is_bad() {
            continue;
        }
        let steps = begun.iter().filter(|one| forces(one.step, service)).count();
        let forced = facts.deeds().filter(|(_, call)| {
            call.operation == "UpdateService" && call.parameters["service"] == service
        });
        let forced = forced.count();
        if forced > steps {
            broken
                .push(format!("{steps} steps deploy {service}, and it was forced {forced} times"));
        }
    }
}
