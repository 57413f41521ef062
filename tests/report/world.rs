//! Plans, deployments and their events to draw cards of, and cards as plain text.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{Timestamp, ToSpan, Zoned};
use shipmate::domain::card::{Card, Line};
use shipmate::domain::deployment::Deployment;
use shipmate::domain::environment::{Batch, Strategy};
use shipmate::domain::event::{
    Cause, Choice, End, Event, Recorded, Requested, Step, StepOutcome, Via, Vote,
};
use shipmate::domain::id::{DeploymentId, Digest, EcsDeploymentId, TaskArn};
use shipmate::domain::observation::{StopCause, Stopped};
use shipmate::domain::plan::{
    ImageMove, Kind, Outlook, Plan, PlannedService, ServiceOutlook, Terms, Version, Warning, Why,
};
use shipmate::domain::policy::{Because, Person, Requirement};

/// 10:00 on a Tuesday in Berlin.
pub fn start() -> Timestamp {
    "2026-11-24T09:00:00Z".parse().expect("a valid time")
}

/// So many seconds after [`start`], where the environment is.
pub fn at(seconds: i64) -> Zoned {
    let berlin = jiff::tz::TimeZone::get("Europe/Berlin").expect("a known time zone");
    moment(seconds).to_zoned(berlin)
}

pub fn moment(seconds: i64) -> Timestamp {
    start() + seconds.seconds()
}

pub fn version(name: &str) -> Version {
    Version { digest: Digest::of(name.as_bytes()), children: Vec::new(), name: name.to_owned() }
}

pub fn person(name: &str, roles: &[&str]) -> Person {
    Person { id: name.into(), roles: roles.iter().copied().map(Into::into).collect() }
}

pub fn because(policy: &str, reason: &str) -> Because {
    Because::new(policy.into(), reason.to_owned())
}

pub fn two_release_managers() -> Requirement {
    Requirement {
        policy: "production-needs-two".into(),
        reason: "production changes are agreed by two release managers".to_owned(),
        approvals: 2,
        approvers: BTreeSet::from(["release-manager".into()]),
        expires: Duration::from_secs(30 * 60),
    }
}

fn image(repository: &str, from: Option<&str>, to: &str) -> ImageMove {
    let version = |tag: &str| version(&format!("{repository}:{tag}"));
    ImageMove {
        repository: repository.into(),
        from: from.map(version),
        to: version(to),
        previous: None,
    }
}

fn service(name: &str, repository: &str, strategy: Strategy) -> PlannedService {
    PlannedService {
        name: name.into(),
        ecs_service: format!("acme-{name}"),
        container: "app".to_owned(),
        repository: repository.into(),
        strategy,
        below_minimum: false,
        batch: Batch::Room,
    }
}

fn outlook(name: &str, desired: u32, why: Why) -> ServiceOutlook {
    ServiceOutlook {
        name: name.into(),
        desired,
        serving: desired,
        minimum: Some(desired / 2),
        why,
        definition: None,
        primary: None,
        checks: Vec::new(),
    }
}

/// `core:1.5.0` for `rest-api`, one service by `stop`.
pub fn small_plan(environment: &str) -> Plan {
    Plan {
        terms: Terms {
            environment: environment.into(),
            kind: Kind::Promotion,
            tag: format!("{environment}-latest").as_str().into(),
            previous_tag: format!("{environment}-previous").as_str().into(),
            images: vec![image("core", Some("1.4.1"), "1.5.0")],
            services: vec![service("rest-api", "core", Strategy::Stop)],
            policies: "p".into(),
        },
        outlook: Outlook {
            services: vec![outlook("rest-api", 3, Why::PullsMovedTag)],
            expected: Some(Duration::from_secs(130)),
            critical_findings: Some(0),
            warnings: vec![Warning::ScalingTakesNewImage { service: "rest-api".into() }],
        },
    }
}

/// Two images, three services, both strategies, every warning.
pub fn big_plan(environment: &str) -> Plan {
    let mut plan = small_plan(environment);
    plan.terms.images = vec![image("core", Some("1.4.1"), "1.5.0"), image("web", None, "2.1.0")];
    plan.terms.services = vec![
        service("rest-api", "core", Strategy::Stop),
        service("worker", "core", Strategy::Stop),
        service("web", "web", Strategy::Deployment),
    ];
    plan.outlook.services = vec![
        ServiceOutlook { serving: 2, ..outlook("rest-api", 3, Why::Settings) },
        outlook("worker", 0, Why::NoTasks),
        outlook("web", 2, Why::DigestPinned),
    ];
    plan.outlook.critical_findings = Some(2);
    plan.outlook.warnings = vec![
        Warning::BelowMinimum { service: "rest-api".into(), minimum: 3, serving: 2 },
        Warning::AllAtOnce { service: "worker".into(), tasks: 4, minimum: 2 },
        Warning::UndoesRunning { running: DeploymentId(41) },
        Warning::AllAtOnce { service: "cron".into(), tasks: 1, minimum: 0 },
        Warning::ScalingTakesNewImage { service: "rest-api".into() },
        Warning::Drift { service: "rest-api".into(), on_tag: 1, tasks: 3 },
        Warning::PassesReservation { by: "e2e".into(), reason: Some("nightly".into()) },
        Warning::NothingToGoBackTo { repository: "web".into() },
        Warning::CriticalFindings { image: "core:1.5.0".into(), count: 2 },
        Warning::NeverScanned { image: "web:2.1.0".into() },
    ];
    plan
}

pub fn rollback_plan() -> Plan {
    let mut plan = small_plan("production");
    plan.terms.kind = Kind::Rollback { of: DeploymentId(41) };
    plan.terms.images = vec![image("core", Some("1.5.0"), "1.4.1")];
    plan
}

pub fn requested(plan: Plan, requirements: Vec<Requirement>) -> Requested {
    Requested {
        requester: person("alice", &["developer"]),
        channel: "deployments".into(),
        asked_in: Some("m1".into()),
        because: Some("the login is broken".to_owned()),
        break_glass: false,
        canary: None,
        scheduled: None,
        plan,
        requirements,
        overridden: Vec::new(),
        automated: false,
    }
}

/// A deployment and the events of which it is the fold.
pub struct Tale {
    pub deployment: Deployment,
    pub events: Vec<Recorded>,
    seconds: i64,
}

impl Tale {
    pub fn begin(requested: Requested) -> Self {
        let first = Recorded {
            deployment: DeploymentId(42),
            sequence: 1,
            at: start(),
            event: Event::Requested(Box::new(requested)),
        };
        let deployment = Deployment::begin(&first).expect("a first event");
        Self { deployment, events: vec![first], seconds: 0 }
    }

    /// The small promotion to staging, which needs nobody, at its start.
    pub fn started(plan: Plan) -> Self {
        Self::begin(requested(plan, Vec::new()))
            .then(1, Event::Posted { message: "card".into() })
            .then(0, Event::Approved)
            .then(1, Event::Started { known_failures: BTreeSet::new() })
    }

    /// One more event, so many seconds after the last.
    pub fn then(mut self, seconds: i64, event: Event) -> Self {
        self.seconds += seconds;
        let recorded = Recorded {
            deployment: self.deployment.id,
            sequence: self.deployment.version + 1,
            at: moment(self.seconds),
            event,
        };
        self.deployment.apply(&recorded).expect("an event that fits");
        self.events.push(recorded);
        self
    }

    pub fn vote(self, seconds: i64, name: &str, choice: Choice) -> Self {
        let terms = self.deployment.plan.terms.hash();
        let person = person(name, &["release-manager"]);
        self.then(seconds, Event::VoteCast(Vote { person, choice, via: Via::Reaction, terms }))
    }

    pub fn step(self, seconds: i64, step: Step) -> Self {
        let started = Event::StepStarted { step: step.clone() };
        let outcome = match &step {
            Step::StartDeployment { .. } => {
                StepOutcome::DeploymentStarted { id: EcsDeploymentId::from("ecs-svc/2") }
            }
            Step::MoveTag { .. }
            | Step::KeepTag { .. }
            | Step::StopTasks { .. }
            | Step::StopDeployment { .. }
            | Step::Check { .. } => StepOutcome::Done,
        };
        self.then(seconds, started).then(1, Event::StepDone { step, outcome })
    }

    pub fn progressed(self, seconds: i64, service: &str, good: u32, total: u32) -> Self {
        self.then(seconds, Event::Progressed { service: service.into(), good, total })
    }

    pub fn undo(self, cause: Cause) -> Self {
        self.then(2, Event::UndoStarted { cause, known_failures: BTreeSet::new() })
    }

    pub fn ended(self, seconds: i64, end: End) -> Self {
        self.then(seconds, Event::Ended { end })
    }

    /// The time of the last event.
    pub fn now(&self) -> Zoned {
        at(self.seconds)
    }
}

pub fn keep() -> Step {
    Step::KeepTag {
        repository: "core".into(),
        tag: "staging-previous".into(),
        digest: version("core:1.4.1").digest,
    }
}

pub fn forward() -> Step {
    Step::MoveTag {
        repository: "core".into(),
        tag: "staging-latest".into(),
        from: Some(version("core:1.4.1").digest),
        to: version("core:1.5.0").digest,
    }
}

pub fn back() -> Step {
    Step::MoveTag {
        repository: "core".into(),
        tag: "staging-latest".into(),
        from: Some(version("core:1.5.0").digest),
        to: version("core:1.4.1").digest,
    }
}

pub fn stop(tasks: &[&str]) -> Step {
    let tasks = tasks.iter().copied().map(arn).collect();
    Step::StopTasks { service: "rest-api".into(), tasks }
}

pub fn arn(id: &str) -> TaskArn {
    TaskArn::new(format!("arn:aws:ecs:eu-west-1:123456789012:task/acme/{id}"))
}

pub fn crash() -> Cause {
    Cause::TaskFailed {
        service: "rest-api".into(),
        task: arn("9f0c1d2e3f40"),
        stopped: Stopped {
            container: None,
            cause: StopCause::Exited,
            reason: "Essential container in task exited".to_owned(),
            exit_code: Some(1),
        },
    }
}

/// A promotion on its way, with its canary out.
pub fn with_canary() -> Tale {
    Tale::started(small_plan("staging"))
        .progressed(1, "rest-api", 0, 3)
        .step(1, keep())
        .step(1, forward())
        .step(1, stop(&["a"]))
}

/// A promotion that goes back.
pub fn going_back(cause: Cause) -> Tale {
    with_canary().undo(cause).step(1, back())
}

/// A card as plain text, with everything in it.
pub fn plain(card: &Card) -> String {
    let card = card.with_bare_ids();
    let mut text = format!("{} {}\n", card.tone.sign(), card.title);
    for line in &card.lines {
        text += &match line {
            Line::Text(line) => format!("{line}\n"),
            Line::Warning(line) => format!("!! {line}\n"),
            Line::Command(line) => format!("    {line}\n"),
        };
    }
    for field in &card.fields {
        text += &format!("[{}]\n", field.name);
        for line in &field.lines {
            text += &format!("  {line}\n");
        }
    }
    if let Some(progress) = &card.progress {
        text += &format!("({}/{}) {}\n", progress.done, progress.total, progress.label);
    }
    if !card.actions.is_empty() {
        let labels: Vec<&str> = card.actions.iter().map(|action| action.label()).collect();
        text += &format!("<{}>\n", labels.join("> <"));
    }
    text
}

pub fn plain_all<'a>(cards: impl IntoIterator<Item = &'a Card>) -> String {
    cards.into_iter().map(plain).collect::<Vec<_>>().join("\n")
}
