//! What runs in environments, whether that is what should run, and what is under way.

use jiff::{Timestamp, Zoned};

use crate::domain::card::{Card, Line, Tone};
use crate::domain::environment::Strategy;
use crate::domain::id::{DeploymentId, EnvironmentName, Repository, ServiceName, Tag};
use crate::domain::lock::Lock;
use crate::domain::obstacle::Obstacle;
use crate::domain::plan::Version;
use crate::domain::reservation::Reservation;

use super::freezes::{Freezes, coming, freeze_lines};
use super::history::{Entry, entry_line};
use super::{asking, locks, obstacle, reservations, words};

/// What is known of one environment now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentStatus {
    pub environment: EnvironmentName,
    /// The service that was asked for, where it was only one; `services` holds no other.
    pub only: Option<ServiceName>,
    /// The tag that its services follow.
    pub tag: Tag,
    pub services: Vec<ServiceStatus>,
    /// Deployments that have not ended, in the order in which they come.
    pub open: Vec<OpenDeployment>,
    pub hold: Option<HoldStatus>,
    pub lock: Option<Lock>,
    /// The programs that have it for themselves or stand in line for it, in their order.
    pub reservations: Vec<Reservation>,
    pub freezes: Freezes,
    /// The last deployment that ended.
    pub last: Option<Entry>,
    /// Why it could not be looked at; then `services` may be empty.
    pub unknown: Option<String>,
}

/// What is known of one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceStatus {
    pub name: ServiceName,
    pub repository: Repository,
    /// `None`: it cannot be promoted, or that was not worked out.
    pub strategy: Option<Strategy>,
    /// What the environment's tag points at; `None`: there is no such tag.
    pub tagged: Option<Version>,
    /// What the last deployment that succeeded left here, by the journal.
    pub journal: Option<Version>,
    pub desired: u32,
    /// Each version that tasks run, with their count.
    pub runs: Vec<Running>,
    /// ECS does not have it, or not active.
    pub missing: bool,
}

/// Tasks of a service that run the same version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// `None`: ECS does not say yet; these are starting.
    pub version: Option<Version>,
    pub tasks: u32,
    /// Those of them that serve.
    pub good: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenDeployment {
    pub id: DeploymentId,
    /// `waiting`, `scheduled`, `queued` or `running`.
    pub stage: &'static str,
    /// When it begins, where it waits for a moment.
    pub scheduled: Option<Timestamp>,
    pub names: String,
    pub rollback: bool,
    /// What keeps it from its turn.
    pub obstacle: Option<Obstacle>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldStatus {
    pub deployment: DeploymentId,
    pub since: Timestamp,
}

/// One environment in full, or each of several in a field of its own. `now` carries the time
/// zone in which times of day are told.
pub fn status_card(environments: &[EnvironmentStatus], now: &Zoned) -> Card {
    match environments {
        [] => Card::new(Tone::Plain, "There are no environments in the settings"),
        [one] => {
            let card = Card::new(tone(one), headline(one));
            let card = lines(one, now).into_iter().fold(card, with_line);
            let services = one.services.iter().map(service_line).collect();
            let card = card.field("Services", words::at_most(services, 24));
            let last = one.last.iter().map(|entry| entry_line(entry, now)).collect();
            card.field("Last deployment", last)
        }
        several => {
            let worst = if several.iter().any(|one| tone(one) == Tone::Warning) {
                Tone::Warning
            } else {
                Tone::Plain
            };
            let card = Card::new(worst, "Status");
            several
                .iter()
                .fold(card, |card, one| card.field(one.environment.as_str(), brief(one, now)))
        }
    }
}

/// The answer where nothing that may be looked at has the service. `places`: the environments
/// that have it.
pub fn no_such_service_card(
    service: &ServiceName,
    environment: Option<&EnvironmentName>,
    places: &[EnvironmentName],
) -> Card {
    match environment {
        Some(environment) => {
            let places = words::listed(places.iter().map(EnvironmentName::as_str));
            Card::new(Tone::Warning, format!("{environment} has no service {service}"))
                .text(format!("It runs in {places}."))
                .command(asking::status(environment))
        }
        None => Card::new(Tone::Warning, format!("You may not look at any service {service}")),
    }
}

/// `staging runs core:1.5.0 and web:2.1.0`, where that is the whole truth.
pub fn headline(status: &EnvironmentStatus) -> String {
    let environment = match &status.only {
        None => status.environment.to_string(),
        Some(service) => format!("{service} in {}", status.environment),
    };
    if status.unknown.is_some() {
        return format!("{environment}: could not be looked at");
    }
    if drifts(status) {
        return format!("{environment} drifts: what runs is not what should run");
    }
    if !moving(status) && status.services.iter().any(short) {
        return format!("{environment}: not all tasks are good");
    }
    match names(status) {
        names if names.is_empty() => format!("{environment} runs nothing"),
        names if moving(status) => format!("{environment} is changing: {names} serve now"),
        names => format!("{environment} runs {names}"),
    }
}

/// What serves, by name, each once.
pub fn names(status: &EnvironmentStatus) -> String {
    let mut names: Vec<&str> = Vec::new();
    for running in status.services.iter().flat_map(|service| service.runs.iter()) {
        if let Some(version) = running.version.as_ref().filter(|_| running.tasks > 0)
            && !names.contains(&version.name.as_str())
        {
            names.push(&version.name);
        }
    }
    words::listed(names.into_iter())
}

fn tone(status: &EnvironmentStatus) -> Tone {
    let wrong = status.services.iter().any(|service| service.missing || short(service));
    if status.unknown.is_some() {
        Tone::Warning
    } else if moving(status) {
        Tone::Running
    } else if wrong || drifts(status) {
        Tone::Warning
    } else {
        Tone::Good
    }
}

/// What lies outside the single services.
fn lines(status: &EnvironmentStatus, now: &Zoned) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Some(why) = &status.unknown {
        lines.push(Line::Warning(words::sentence(why)));
        lines.push(Line::Text("To look again:".to_owned()));
        lines.push(Line::Command(asking::status(&status.environment)));
    }
    for open in &status.open {
        let what = if open.rollback { "rollback to " } else { "" };
        let stage = stage(open, now);
        lines.push(Line::Text(format!("#{} {what}{}: {stage}.", open.id, open.names)));
    }
    if let Some(lock) = &status.lock {
        let held = words::capital(&locks::held(lock, now));
        lines.push(Line::Warning(words::sentence(&held)));
    }
    for one in &status.reservations {
        let line = reservations::line(one, status.lock.as_ref(), now);
        lines.push(Line::Text(format!("{}.", words::capital(&line))));
    }
    lines.extend(freeze_lines(&status.freezes, now).into_iter().map(Line::Warning));
    if let Some(hold) = status.hold {
        lines.push(Line::Warning(format!(
            "Held since {} (#{}): automation may move nothing here until somebody promotes.",
            words::clock(hold.since, now),
            hold.deployment
        )));
        lines.push(Line::Text("To let automation move it before that:".to_owned()));
        lines.push(Line::Command(asking::release_hold(&status.environment)));
    }
    lines.extend(coming(&status.freezes, now).map(Line::Text));
    if drifts(status) {
        lines.extend(status.services.iter().filter_map(drift).map(Line::Warning));
        if let Some(name) = status.services.iter().find_map(expected_name) {
            lines.push(Line::Text("To bring it back to what should run:".to_owned()));
            lines.push(Line::Command(asking::promote(&name, &status.environment)));
        }
    }
    lines
}

/// What somebody should know of it, without what can be done about it.
pub fn warnings(status: &EnvironmentStatus, now: &Zoned) -> Vec<String> {
    let warning = |line: Line| match line {
        Line::Text(_) | Line::Command(_) => None,
        Line::Warning(text) => Some(text),
    };
    lines(status, now).into_iter().filter_map(warning).collect()
}

/// One environment among several.
fn brief(status: &EnvironmentStatus, now: &Zoned) -> Vec<String> {
    let mut brief = vec![headline(status)];
    for text in warnings(status, now) {
        brief.push(format!("{} {text}", Tone::Warning.sign()));
    }
    for one in &status.reservations {
        brief.push(reservations::line(one, status.lock.as_ref(), now));
    }
    for open in &status.open {
        brief.push(open_line(open, now));
    }
    brief
}

/// What runs or is queued, a line each.
pub fn under_way(status: &EnvironmentStatus, now: &Zoned) -> Vec<String> {
    let waits = |open: &&OpenDeployment| ["waiting", "scheduled"].contains(&open.stage);
    let open = status.open.iter().filter(|open| !waits(open));
    open.map(|open| open_line(open, now)).collect()
}

fn open_line(open: &OpenDeployment, now: &Zoned) -> String {
    format!("#{} {}: {}", open.id, open.names, stage(open, now))
}

/// `queued`, with its moment where it has one, and what keeps it from its turn.
fn stage(open: &OpenDeployment, now: &Zoned) -> String {
    let moment = open.scheduled.map(|moment| words::date_and_clock(moment, now));
    let moment = moment.map_or_else(String::new, |moment| format!(" for {moment}"));
    let obstacle = open.obstacle.as_ref().map(obstacle::brief);
    let obstacle = obstacle.map_or_else(String::new, |obstacle| format!(", {obstacle}"));
    format!("{}{moment}{obstacle}", open.stage)
}

/// `rest-api: core:1.5.0, 3/3 tasks good — stop and replace`
fn service_line(service: &ServiceStatus) -> String {
    let name = &service.name;
    if service.missing {
        return format!("{name}: not found in ECS, or not active");
    }
    let how = match service.strategy {
        Some(Strategy::Stop) => " — stop and replace",
        Some(Strategy::Deployment) => " — new ECS deployment",
        None => "",
    };
    let running: Vec<&Running> = service.runs.iter().filter(|running| running.tasks > 0).collect();
    let what = match running.as_slice() {
        [] if service.desired == 0 => "no tasks wanted".to_owned(),
        [] => format!("no tasks, {} wanted", service.desired),
        [one] => format!(
            "{}, {}",
            version_name(one),
            words::good_of(one.good, one.tasks.max(service.desired))
        ),
        several => {
            let parts: Vec<String> = several.iter().map(|one| part(one)).collect();
            parts.join(", ")
        }
    };
    format!("{name}: {what}{how}")
}

/// Some of a service's tasks: `2/2 tasks good on core:1.5.0`, `1 task starting`.
fn part(running: &Running) -> String {
    match &running.version {
        Some(version) => {
            format!("{} on {}", words::good_of(running.good, running.tasks), version.name)
        }
        None => format!("{} starting", words::tasks(running.tasks)),
    }
}

fn version_name(running: &Running) -> &str {
    running.version.as_ref().map_or("an image that is still being pulled", |v| v.name.as_str())
}

/// Tasks that should serve and do not.
fn short(service: &ServiceStatus) -> bool {
    service.missing
        || service.runs.iter().map(|running| running.good).sum::<u32>() < service.desired
}

/// While a deployment runs, tag and tasks differ because it is moving them.
pub fn drifts(status: &EnvironmentStatus) -> bool {
    !moving(status) && status.services.iter().any(|service| drift(service).is_some())
}

/// Whether a deployment runs there.
pub fn moving(status: &EnvironmentStatus) -> bool {
    status.open.iter().any(|open| open.stage == "running")
}

/// How what runs, the tag and the journal differ, as a sentence.
fn drift(service: &ServiceStatus) -> Option<String> {
    let name = &service.name;
    let journal = service.journal.as_ref();
    let Some(tagged) = &service.tagged else {
        return journal.map(|journal| {
            format!("Drift: {name} should run {}, and its tag is gone.", journal.name)
        });
    };
    if let Some(journal) = journal.filter(|journal| journal.digest != tagged.digest) {
        return Some(format!(
            "Drift: the tag of {} says {}, the journal {}: somebody else moved the tag.",
            service.repository, tagged.name, journal.name
        ));
    }
    let other: Vec<&Running> = service
        .runs
        .iter()
        .filter(|running| running.tasks > 0)
        .filter(|running| running.version.as_ref().is_some_and(|v| !tagged.is(&v.digest)))
        .collect();
    let count: u32 = other.iter().map(|running| running.tasks).sum();
    let names: Vec<&str> = other.iter().map(|running| version_name(running)).collect();
    (count > 0).then(|| {
        let verb = if count == 1 { "runs" } else { "run" };
        format!(
            "Drift: {} of {name} {verb} {}; the tag says {}.",
            words::tasks(count),
            words::some_of(names.into_iter(), 3),
            tagged.name
        )
    })
}

/// The image that a drifting service should run: the journal's word, else the tag's.
fn expected_name(service: &ServiceStatus) -> Option<String> {
    drift(service)?;
    let version = service.journal.as_ref().or(service.tagged.as_ref())?;
    Some(version.name.clone())
}

fn with_line(mut card: Card, line: Line) -> Card {
    card.lines.push(line);
    card
}
