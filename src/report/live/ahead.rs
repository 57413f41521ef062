//! What is closed, by whom and until when, and what is to come: locks, freezes, promotions that
//! wait for their moment, and when the train leaves.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{Timestamp, Zoned};
use serde::Serialize;

use super::Seen;
use crate::domain::deployment::Deployment;
use crate::domain::freeze::{Closed, State};
use crate::domain::id::{EnvironmentName, Repository};
use crate::domain::lock;
use crate::domain::plan::Version;
use crate::domain::words_of_time::When;
use crate::report::status::EnvironmentStatus;
use crate::report::{asking, deployment, votes, words};

#[derive(Clone, Debug, Serialize)]
pub struct Lock {
    environment: String,
    by: String,
    since: String,
    age: String,
    /// Its holder said so long ago that it is needed that they are asked again.
    old: bool,
    reason: String,
    until: Option<String>,
    command: String,
}

/// An environment that is closed now.
#[derive(Clone, Debug, Serialize)]
pub struct Freeze {
    environment: String,
    reason: String,
    until: Option<String>,
}

/// One that closes.
#[derive(Clone, Debug, Serialize)]
pub struct NextFreeze {
    environment: String,
    at: String,
    ahead: String,
    soon: bool,
    reason: String,
    until: Option<String>,
}

/// A promotion that waits for its moment.
#[derive(Clone, Debug, Serialize)]
pub struct Scheduled {
    number: i64,
    name: String,
    environment: String,
    images: String,
    by: String,
    at: String,
    ahead: String,
    needs: Option<String>,
}

/// A promotion that somebody has asked for already.
#[derive(Clone, Debug, Serialize)]
pub struct Asked {
    number: i64,
    name: String,
    by: String,
    /// When it is to run, and how far off that is; none: as soon as it may.
    at: Option<String>,
    ahead: Option<String>,
    needs: Option<String>,
    /// Agrees to it, where that is needed.
    pub command: Option<String>,
}

/// When what an announcement offers is to run.
#[derive(Clone, Debug, Serialize)]
pub struct Leaves {
    at: String,
    ahead: String,
}

/// Those first of which nobody has said for longest that they are needed.
pub fn locks(seen: &Seen, now: &Zoned) -> Vec<Lock> {
    let mut all: Vec<&lock::Lock> =
        seen.environments.iter().filter_map(|status| status.lock.as_ref()).collect();
    all.sort_by_key(|lock| lock.said_at);
    let told = all.into_iter().map(|lock| Lock {
        environment: lock.environment.to_string(),
        by: words::person(&lock.by),
        since: words::clock(lock.since, now),
        age: age(lock.since, now),
        old: words::between(lock.said_at, now.timestamp()) >= seen.lock_is_old_after,
        reason: words::clean(&lock.because),
        until: lock.until.map(|until| words::clock(until, now)),
        command: asking::unlock(&lock.environment),
    });
    told.collect()
}

pub fn freezes(seen: &Seen, now: &Zoned) -> Vec<Freeze> {
    let freeze = |status: &EnvironmentStatus| match &status.freezes.state {
        State::Open => None,
        State::Closed(Closed { reason, until, .. }) => Some(Freeze {
            environment: status.environment.to_string(),
            reason: words::clean(reason),
            until: until.map(|until| words::clock(until, &there(&status.environment, seen, now))),
        }),
    };
    seen.environments.iter().filter_map(freeze).collect()
}

/// The next of each environment, the first of all first.
pub fn next_freezes(seen: &Seen, now: &Zoned) -> Vec<NextFreeze> {
    let next = |status: &EnvironmentStatus| {
        let coming = status.freezes.next.clone()?;
        Some((coming.at, status.environment.clone(), coming.closed))
    };
    let mut all: Vec<(Timestamp, EnvironmentName, Closed)> =
        seen.environments.iter().filter_map(next).collect();
    all.sort_by_key(|(at, ..)| *at);
    let told = all.into_iter().map(|(at, environment, closed)| {
        let there = there(&environment, seen, now);
        NextFreeze {
            environment: environment.to_string(),
            at: words::clock(at, &there),
            ahead: words::ahead(at, now),
            soon: words::between(now.timestamp(), at) <= seen.soon,
            reason: words::clean(&closed.reason),
            until: closed.until.map(|until| words::clock(until, &there)),
        }
    });
    told.collect()
}

/// Now in the time of an environment, by which its calendar is meant.
pub fn there(environment: &EnvironmentName, seen: &Seen, now: &Zoned) -> Zoned {
    let zone = seen.zones.get(environment).unwrap_or(now.time_zone());
    now.with_time_zone(zone.clone())
}

/// The next of them first.
pub fn scheduled(seen: &Seen, now: &Zoned) -> Vec<Scheduled> {
    let mut all: Vec<(Timestamp, &Deployment)> = seen
        .open
        .iter()
        .filter(|one| one.is_scheduled())
        .filter_map(|one| Some((one.scheduled?, one)))
        .collect();
    all.sort_by_key(|(at, _)| *at);
    let told = all.into_iter().map(|(at, one)| Scheduled {
        number: one.id.0,
        name: deployment::named(one),
        environment: one.plan.terms.environment.to_string(),
        images: one.plan.terms.names(),
        by: words::person(&one.request.requester.id),
        at: words::clock(at, now),
        ahead: words::ahead(at, now),
        needs: votes::still_needed(one),
    });
    told.collect()
}

/// The first promotion to come that brings all of this news to an environment.
pub fn asked(
    to: &EnvironmentName,
    news: &BTreeMap<&Repository, &Version>,
    seen: &Seen,
    now: &Zoned,
) -> Option<Asked> {
    let brings = |deployment: &Deployment| {
        let terms = &deployment.plan.terms;
        let brought = |(repository, version): (&&Repository, &&Version)| {
            let mut moves = terms.images.iter();
            moves.any(|one| one.repository == **repository && one.to.digest == version.digest)
        };
        terms.environment == *to && news.iter().all(brought)
    };
    let moment = |one: &Deployment| one.scheduled.filter(|_| one.is_scheduled());
    let first = seen.open.iter().filter(|one| brings(one)).min_by_key(|one| moment(one))?;
    let needs = votes::still_needed(first);
    Some(Asked {
        number: first.id.0,
        name: deployment::named(first),
        by: words::person(&first.request.requester.id),
        at: moment(first).map(|at| words::clock(at, now)),
        ahead: moment(first).map(|at| words::ahead(at, now)),
        command: needs.is_some().then(|| asking::approve(first.id)),
        needs,
    })
}

impl Scheduled {
    /// One to try templates on.
    pub fn sample() -> Self {
        let text = str::to_owned;
        Self {
            number: 2,
            name: text("#2 promote web:2.1.0 to production"),
            environment: text("production"),
            images: text("web:2.1.0"),
            by: text("alice"),
            at: text("18:00 UTC"),
            ahead: text("in 3 hours"),
            needs: Some(text("1 more release-manager needed")),
        }
    }
}

impl Asked {
    /// One to try templates on.
    pub fn sample() -> Self {
        let text = str::to_owned;
        Self {
            number: 2,
            name: text("#2 promote web:2.1.0 to production"),
            by: text("alice"),
            at: Some(text("18:00 UTC")),
            ahead: Some(text("in 3 hours")),
            needs: Some(text("1 more release-manager needed")),
            command: Some(text("approve 2")),
        }
    }
}

pub fn leaves(seen: &Seen, now: &Zoned) -> Leaves {
    let at = departure(seen, now).timestamp();
    Leaves { at: words::clock(at, now), ahead: words::ahead(at, now) }
}

/// Everything from one environment to the next at that moment, as it is said in chat: in the time
/// of the environment where it arrives.
pub fn departure_command(
    (source, to): (&EnvironmentName, &EnvironmentName),
    seen: &Seen,
    now: &Zoned,
) -> String {
    let when = When::minute_of(&there(to, seen, &departure(seen, now)));
    let when = when.map_or_else(String::new, |when| format!(" {when}"));
    format!("{}{when}", asking::promote_everything(source, to))
}

/// A whole minute, however late the announcement is; unless it would have left by now.
fn departure(seen: &Seen, now: &Zoned) -> Zoned {
    let after = |time: &Zoned| {
        let whole = time.with().second(0).subsec_nanosecond(0).build();
        let whole = whole.unwrap_or_else(|_| time.clone());
        whole.checked_add(seen.leaves).unwrap_or(whole)
    };
    let planned = after(&seen.due.to_zoned(now.time_zone().clone()));
    if planned > *now { planned } else { after(now) }
}

/// `Europe/Berlin`
pub fn zone_of(environment: &EnvironmentName, seen: &Seen, now: &Zoned) -> String {
    let there = there(environment, seen, now);
    there.time_zone().iana_name().unwrap_or("UTC").to_owned()
}

/// For how long something has been so.
pub fn age(since: Timestamp, now: &Zoned) -> String {
    let age = words::between(since, now.timestamp());
    words::duration(Duration::from_secs(age.as_secs()))
}
