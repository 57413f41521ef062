//! States that there may be, to try templates on: one in which there is everything, and one in
//! which there is nothing. What they say is shown to nobody.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::domain::environment::Strategy;
use crate::domain::figures::{Ended, Figures, Outcome, Period, figures};
use crate::domain::freeze::{Closed, ClosedBy, Coming, State};
use crate::domain::id::{DeploymentId, Digest};
use crate::domain::lock::Lock;
use crate::domain::plan::Version;
use crate::domain::schedule::LEAVES;

use super::freezes::Freezes;
use super::live::ahead::{Asked, Scheduled};
use super::live::{Difference, Live, Seen, Waiting, live};
use super::status::{EnvironmentStatus, HoldStatus, Running, ServiceStatus};

/// Everything, and nothing.
pub fn samples() -> Vec<Live> {
    let now = Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
    let nothing = Seen {
        environments: Vec::new(),
        order: [].into(),
        zones: [].into(),
        ended: Vec::new(),
        since: None,
        open: Vec::new(),
        figures: measured(&[], &now),
        counted: Vec::new(),
        lock_is_old_after: Duration::ZERO,
        soon: Duration::MAX,
        due: now.timestamp(),
        leaves: LEAVES,
    };
    let outcomes = [outcome(Ended::Succeeded), outcome(Ended::Failed)];
    let everything = Seen {
        environments: vec![
            environment("staging", "1.5.0", "1.5.0"),
            // Another one runs than should: it drifts.
            environment("production", "1.4.2", "1.0.0"),
        ],
        order: [("production".into(), "staging".into())].into(),
        figures: measured(&outcomes, &now),
        counted: vec!["production".into()],
        ended: outcomes.into(),
        since: Some(now.timestamp()),
        ..nothing.clone()
    };
    let mut everything = live(&everything, &now);
    everything.waiting.push(Waiting::sample());
    everything.scheduled.push(Scheduled::sample());
    let asked = |one: &Difference| Difference { asked: Some(Asked::sample()), ..one.clone() };
    let asked: Vec<Difference> = everything.differences.iter().map(asked).collect();
    everything.differences.extend(asked);
    vec![everything, live(&nothing, &now)]
}

fn measured(outcomes: &[Outcome], now: &Zoned) -> Figures {
    let week = Duration::from_secs(7 * 24 * 3600);
    figures(outcomes, &|_| true, Period::last(week, now.timestamp()), now.time_zone())
}

fn outcome(end: Ended) -> Outcome {
    let before = Timestamp::from_second(-60).unwrap_or(Timestamp::MIN);
    Outcome {
        id: DeploymentId(1),
        environment: "production".into(),
        names: "core:1.5.0".to_owned(),
        requester: "alice".into(),
        end,
        reverts: None,
        first_asked_at: before,
        started_at: Some(before),
        ended_at: before,
        undone: false,
    }
}

fn environment(name: &str, tag: &str, runs: &str) -> EnvironmentStatus {
    let version = |tag: &str| Version {
        digest: Digest::of(tag.as_bytes()),
        children: Vec::new(),
        name: format!("core:{tag}"),
    };
    let running = Running { version: Some(version(runs)), tasks: 1, good: 1 };
    let closed = Closed {
        reason: "nothing changes at the weekend".to_owned(),
        by: ClosedBy::Calendar("weekend".into()),
        since: None,
        until: Some(Timestamp::UNIX_EPOCH),
        names: [].into(),
    };
    EnvironmentStatus {
        environment: name.into(),
        only: None,
        tag: "latest".into(),
        services: vec![ServiceStatus {
            name: "api".into(),
            repository: "core".into(),
            strategy: Some(Strategy::Stop),
            tagged: Some(version(tag)),
            journal: None,
            desired: 1,
            runs: vec![running],
            missing: false,
        }],
        open: Vec::new(),
        lock: Some(Lock {
            environment: name.into(),
            decision: 1,
            by: "alice".into(),
            because: "a load test".to_owned(),
            since: Timestamp::UNIX_EPOCH,
            said_at: Timestamp::UNIX_EPOCH,
            until: Some(Timestamp::UNIX_EPOCH),
            channel: "ops".into(),
            asked_at: None,
        }),
        reservations: Vec::new(),
        freezes: Freezes {
            environment: name.into(),
            state: State::Closed(closed.clone()),
            people: Vec::new(),
            next: Some(Coming { at: Timestamp::UNIX_EPOCH, closed }),
            parts: Vec::new(),
        },
        hold: Some(HoldStatus { deployment: DeploymentId(1), since: Timestamp::UNIX_EPOCH }),
        last: None,
        unknown: None,
    }
}
