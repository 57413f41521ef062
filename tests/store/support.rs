//! A journal in a directory of its own, and events that make a plausible story.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use shipmate::domain::after_check::{Answer, Moment, Unsatisfied};
use shipmate::domain::deployment::{Deployment, Stage};
use shipmate::domain::environment::{Batch, Strategy};
use shipmate::domain::event::{
    Cause, Choice, End, Event, Requested, Step, StepFailure, StepOutcome, StopRequest, Via, Vote,
};
use shipmate::domain::id::{DeploymentId, Digest, MessageId, TaskArn};
use shipmate::domain::observation::{StopCause, Stopped};
use shipmate::domain::plan::{
    ImageMove, Kind, Outlook, Plan, PlannedService, ServiceOutlook, Terms, Version, Warning, Why,
};
use shipmate::domain::policy::{Because, Person, Requirement};
use shipmate::ports::{Store, StoreError};
use shipmate::store::SqliteStore;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Row};

/// A journal that is gone when this is.
pub struct Journal {
    pub store: SqliteStore,
    pub directory: tempfile::TempDir,
}

impl Journal {
    pub async fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let store = open(&directory).await;
        Self { store, directory }
    }

    /// A connection of somebody who goes behind the program's back.
    pub async fn raw(&self) -> SqliteConnection {
        let file = self.directory.path().join("journal.db");
        SqliteConnectOptions::new().filename(file).connect().await.expect("a connection")
    }

    pub async fn begin(&self, first: Event, at: Timestamp) -> Deployment {
        self.store.begin(first, at).await.expect("it begins")
    }

    pub async fn append(
        &self,
        deployment: &Deployment,
        events: Vec<Event>,
        at: Timestamp,
    ) -> Deployment {
        self.try_append(deployment, events, at).await.expect("it fits")
    }

    pub async fn try_append(
        &self,
        deployment: &Deployment,
        events: Vec<Event>,
        at: Timestamp,
    ) -> Result<Deployment, StoreError> {
        self.store.append(deployment.id, deployment.version, events, at).await
    }

    /// Begins a deployment, runs it and ends it, a minute for each.
    pub async fn run(&self, request: Event, end: End, minute: i64) -> Deployment {
        let deployment = self.begin(request, at(minute)).await;
        let deployment = self.append(&deployment, started(), at(minute + 1)).await;
        self.append(&deployment, vec![Event::Ended { end }], at(minute + 2)).await
    }
}

pub async fn open(directory: &tempfile::TempDir) -> SqliteStore {
    SqliteStore::open(&url(directory.path())).await.expect("a store")
}

pub fn url(directory: &std::path::Path) -> String {
    format!("sqlite://{}", directory.join("journal.db").display())
}

/// So many minutes after the beginning of the story.
pub fn at(minutes: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + minutes * 60).expect("a time")
}

pub fn person(name: &str) -> Person {
    Person { id: name.into(), roles: BTreeSet::from(["release-manager".into()]) }
}

pub fn digest(version: &str) -> Digest {
    Digest::of(version.as_bytes())
}

fn version(repository: &str, version: &str) -> Version {
    Version {
        digest: digest(version),
        children: vec![digest(&format!("{version} on arm64"))],
        name: format!("{repository}:{version}"),
    }
}

/// A plan that takes each repository from version 1.0.0 to this one.
pub fn plan(environment: &str, kind: Kind, images: &[(&str, &str)]) -> Plan {
    let moves = images.iter().map(|(repository, to)| ImageMove {
        repository: (*repository).into(),
        from: (*to != "first").then(|| version(repository, "1.0.0")),
        to: version(repository, to),
        previous: Some(digest("0.9.0")),
    });
    let services = images.iter().map(|(repository, _)| PlannedService {
        name: (*repository).into(),
        ecs_service: format!("{repository}-service"),
        container: "app".to_owned(),
        repository: (*repository).into(),
        strategy: Strategy::Stop,
        below_minimum: false,
        batch: Batch::Room,
    });
    let terms = Terms {
        environment: environment.into(),
        kind,
        tag: format!("{environment}-latest").as_str().into(),
        previous_tag: format!("{environment}-previous").as_str().into(),
        images: moves.collect(),
        services: services.collect(),
        policies: shipmate::domain::id::PolicyHash::new("5e"),
    };
    Plan { terms, outlook: outlook(2) }
}

pub fn outlook(desired: u32) -> Outlook {
    Outlook {
        services: vec![ServiceOutlook {
            name: "core".into(),
            desired,
            serving: desired,
            minimum: Some(desired / 2),
            why: Why::PullsMovedTag,
            definition: Some("core:7".to_owned()),
            primary: Some("ecs-svc/1".into()),
            checks: vec!["https://core.example.com/health".to_owned()],
        }],
        expected: Some(Duration::from_millis(90_500)),
        critical_findings: None,
        warnings: vec![Warning::NeverScanned { image: "core:1.5.0 “ünïcode”\n".to_owned() }],
    }
}

pub fn request(plan: Plan) -> Event {
    Event::Requested(Box::new(Requested {
        requester: person("alice"),
        channel: "deploys".into(),
        asked_in: None,
        because: Some("it is time".to_owned()),
        break_glass: true,
        canary: Some(Duration::from_secs(600)),
        scheduled: None,
        plan,
        requirements: requirements(),
        overridden: vec![because()],
        automated: false,
    }))
}

pub fn asked_in(message: &str) -> Event {
    match request(plan("staging", Kind::Promotion, &[("core", "1.5.0")])) {
        Event::Requested(mut requested) => {
            requested.asked_in = Some(message.into());
            Event::Requested(requested)
        }
        other => other,
    }
}

pub fn promotion(environment: &str, images: &[(&str, &str)]) -> Event {
    request(plan(environment, Kind::Promotion, images))
}

pub fn rollback(environment: &str, of: DeploymentId) -> Event {
    request(plan(environment, Kind::Rollback { of }, &[("core", "1.0.0")]))
}

pub fn started() -> Vec<Event> {
    vec![Event::Approved, Event::Started { known_failures: BTreeSet::from(["task/old".into()]) }]
}

/// A step, begun and done.
pub fn a_step() -> Vec<Event> {
    let [step, ..] = steps();
    let outcome = outcome(&step);
    vec![Event::StepStarted { step: step.clone() }, Event::StepDone { step, outcome }]
}

pub fn requirements() -> Vec<Requirement> {
    vec![Requirement {
        policy: "production-needs-two".into(),
        reason: "two release managers agree".to_owned(),
        approvals: 2,
        approvers: BTreeSet::from(["release-manager".into()]),
        expires: Duration::from_secs(1800),
    }]
}

pub fn because() -> Because {
    Because::new("freeze".into(), "not at the weekend".to_owned())
}

pub fn vote(deployment: &Deployment, name: &str, choice: Choice, via: Via) -> Event {
    let terms = deployment.plan.terms.hash();
    Event::VoteCast(Vote { person: person(name), choice, via, terms })
}

/// One of each, for the environment's tag in `core`.
pub fn steps() -> [Step; 6] {
    [
        Step::KeepTag {
            repository: "core".into(),
            tag: "staging-previous".into(),
            digest: digest("1.0.0"),
        },
        Step::MoveTag {
            repository: "core".into(),
            tag: "staging-latest".into(),
            from: Some(digest("1.0.0")),
            to: digest("1.5.0"),
        },
        Step::StopTasks { service: "core".into(), tasks: vec!["task/1".into(), "task/2".into()] },
        Step::StartDeployment { service: "core".into(), replacing: "ecs-svc/1".into() },
        Step::StopDeployment { service: "core".into(), deployment: "ecs-svc/2".into() },
        Step::Check {
            service: "core".into(),
            moment: Moment::End,
            urls: vec!["https://core.example.com/health".to_owned()],
        },
    ]
}

pub fn outcome(step: &Step) -> StepOutcome {
    match step {
        Step::KeepTag { .. } | Step::MoveTag { .. } | Step::StopTasks { .. } => StepOutcome::Done,
        Step::StartDeployment { .. } => StepOutcome::DeploymentStarted { id: "ecs-svc/2".into() },
        Step::StopDeployment { .. } => StepOutcome::NotTaken,
        Step::Check { .. } => StepOutcome::Unsatisfied { found: unsatisfied() },
    }
}

pub fn failure() -> StepFailure {
    StepFailure {
        transient: false,
        code: "tag-moved-by-others".to_owned(),
        detail: "Somebody moved it.".to_owned(),
    }
}

pub fn unsatisfied() -> Unsatisfied {
    Unsatisfied {
        url: "https://core.example.com/health".to_owned(),
        expect: 200,
        within: Duration::from_millis(60_500),
        answer: Answer::Lacks { text: "“ready”".to_owned() },
    }
}

/// One of each cause.
pub fn causes() -> Vec<Cause> {
    let [step, ..] = steps();
    let stopped = Stopped {
        container: Some("app".to_owned()),
        cause: StopCause::Exited,
        reason: "Essential container exited".to_owned(),
        exit_code: Some(137),
    };
    let task = TaskArn::new("task/9");
    let by_person = StopRequest::Person { person: "bob".into(), because: None };
    let by_rollback = StopRequest::Rollback { deployment: DeploymentId(99) };
    vec![
        Cause::TaskFailed { service: "core".into(), task, stopped },
        Cause::NoProgress { service: "core".into(), good: 1, total: 2, minutes: 10 },
        Cause::EcsGaveUp { service: "core".into(), reason: "circuit breaker".to_owned() },
        Cause::Overtaken { service: "core".into() },
        Cause::RolledBackByEcs {
            service: "core".into(),
            to: Some("12".to_owned()),
            reason: "so it is".to_owned(),
            stopped: None,
        },
        Cause::ResolvedAnother { service: "core".into(), found: digest("other") },
        Cause::ServiceGone { service: "core".into() },
        Cause::StepFailed { step, failure: failure() },
        Cause::CheckFailed { service: "core".into(), moment: Moment::Canary, found: unsatisfied() },
        Cause::Stopped { stop: by_person },
        Cause::Stopped { stop: by_rollback },
    ]
}

pub fn cause() -> Cause {
    Cause::Overtaken { service: "core".into() }
}

/// What the projections say about a deployment, in words that can be compared.
pub async fn projected(raw: &mut SqliteConnection, id: DeploymentId) -> String {
    let questions = [
        "SELECT version, environment, kind, reverts, terms_hash, names, requester, channel,
            asked_in, requested_at, stage, started_at, ended_at FROM deployments WHERE id = $1",
        "SELECT repository, from_digest, to_digest FROM deployment_images
            WHERE deployment = $1 ORDER BY repository",
        "SELECT person, choice, via, terms_hash FROM votes WHERE deployment = $1 ORDER BY person",
        "SELECT message, present FROM messages WHERE deployment = $1 ORDER BY message",
    ];
    let mut told = String::new();
    for question in questions {
        let rows = sqlx::query(question).bind(id.0).fetch_all(&mut *raw).await.expect("rows");
        for row in rows {
            for column in 0..row.len() {
                let number =
                    row.try_get::<Option<i64>, _>(column).map(|n| n.map(|n| n.to_string()));
                let text = || row.get::<Option<String>, _>(column);
                told.push_str(&number.unwrap_or_else(|_| text()).unwrap_or("-".to_owned()));
                told.push('|');
            }
            told.push('\n');
        }
    }
    told
}

/// The same words, out of the folded deployment.
pub fn folded(deployment: &Deployment) -> String {
    let terms = &deployment.plan.terms;
    let (kind, reverts) = match terms.kind {
        Kind::Promotion => ("promotion", None),
        Kind::Rollback { of } => ("rollback", Some(of)),
    };
    let time = |time: Option<Timestamp>| maybe(time.map(|time| time.as_millisecond()));
    let ended_at = match &deployment.stage {
        Stage::Ended(ended) => Some(ended.at),
        Stage::Waiting | Stage::Queued { .. } | Stage::Running(_) => None,
    };
    let mut told = format!(
        "{}|{}|{kind}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|\n",
        deployment.version,
        terms.environment,
        maybe(reverts),
        terms.hash(),
        terms.names(),
        deployment.request.requester.id,
        deployment.request.channel,
        maybe(deployment.request.asked_in.as_ref()),
        deployment.requested_at.as_millisecond(),
        deployment.stage.name(),
        time(deployment.rollout().map(|rollout| rollout.started_at)),
        time(ended_at),
    );
    let mut lines: Vec<String> = Vec::new();
    for image in &terms.images {
        let from = maybe(image.from.as_ref().map(|from| from.digest.to_string()));
        lines.push(format!("{}|{from}|{}|\n", image.repository, image.to.digest));
    }
    for vote in deployment.votes.values() {
        let choice = if vote.choice == Choice::Yes { "yes" } else { "no" };
        let via = if vote.via == Via::Text { "text" } else { "reaction" };
        lines.push(format!("{}|{choice}|{via}|{}|\n", vote.person.id, vote.terms));
    }
    let shown = deployment.old_messages.iter().chain(&deployment.message);
    for message in shown.collect::<BTreeSet<&MessageId>>() {
        let present = Some(message) == deployment.message.as_ref();
        lines.push(format!("{message}|{}|\n", i64::from(present)));
    }
    told.extend(lines);
    told
}

fn maybe(value: Option<impl ToString>) -> String {
    value.map_or("-".to_owned(), |value| value.to_string())
}
