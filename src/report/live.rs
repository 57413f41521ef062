//! What announcements can tell of: the state of everything at one moment, in words. Templates
//! read its fields by their names, so that those that have shipped keep their meaning. Whoever
//! adds something that announcements should know adds it here, to [`KNOWN`] and to
//! docs/announcements.md.

pub(super) mod ahead;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde::Serialize;

use super::history::succeeded_line;
use super::status::{self, EnvironmentStatus};
use super::{asking, deployment, figures, votes, words};
use crate::domain::deployment::{Deployment, Stage};
use crate::domain::figures::{Ended, Figures, Outcome};
use crate::domain::id::{EnvironmentName, Repository};
use crate::domain::plan::Version;

/// So many of a list are told: more than that nobody reads, and a chat cuts it off.
const MOST: usize = 20;

/// What is read from outside for an announcement.
#[derive(Clone, Debug)]
pub struct Seen {
    pub environments: Vec<EnvironmentStatus>,
    /// Which environment each comes after.
    pub order: BTreeMap<EnvironmentName, EnvironmentName>,
    /// In which zone a time of day is meant that is said of an environment.
    pub zones: BTreeMap<EnvironmentName, TimeZone>,
    /// What ended since the last announcement and before this one was due, oldest first.
    pub ended: Vec<Outcome>,
    /// When that was.
    pub since: Option<Timestamp>,
    /// What has not ended.
    pub open: Vec<Deployment>,
    pub figures: Figures,
    /// Of which environments they are.
    pub counted: Vec<EnvironmentName>,
    /// From when on a lock is old.
    pub lock_is_old_after: Duration,
    /// A freeze that begins within this time begins soon.
    pub soon: Duration,
    /// When it was due.
    pub due: Timestamp,
    /// So long after that leaves what it offers.
    pub leaves: Duration,
}

/// The names that a template can use, for errors and for the page.
pub const KNOWN: [(&str, &str); 16] = [
    ("now", "day, date, weekday, time"),
    ("since", "when this was announced last; none the first time"),
    ("environments", "name, headline, runs, warnings, under_way, held, drifts, unknown"),
    (
        "differences",
        "source, to, images, command, departure, zone, held, asked (number, name, by, at, ahead, needs, command)",
    ),
    ("compared", "how many environments were compared with the one before them, which stood still"),
    ("leaves", "at, ahead: when departures are"),
    ("promoted", "number, environment, images, by, line"),
    ("waiting", "number, name, environment, images, by, age, needs, command"),
    ("scheduled", "number, name, environment, images, by, at, ahead, needs"),
    ("holds", "environment, number, since"),
    ("locks", "environment, by, since, age, old, reason, until, command"),
    ("freezes", "environment, reason, until: those that are closed now"),
    ("next_freezes", "environment, at, ahead, soon, reason, until"),
    (
        "left_out",
        "promoted, waiting, scheduled, holds, locks, freezes, next_freezes: how many are left out of these lists, which hold 20 at most",
    ),
    (
        "figures",
        "counted, about, deployments, lead_time, failures, restore_time: counted is how many environments they are of",
    ),
    ("chart", "the figures as a picture: on a line of its own"),
];

/// The same, as templates see it.
#[derive(Clone, Debug, Serialize)]
pub struct Live {
    now: Now,
    since: Option<String>,
    environments: Vec<Environment>,
    pub(super) differences: Vec<Difference>,
    compared: usize,
    promoted: Vec<Promoted>,
    pub(super) waiting: Vec<Waiting>,
    pub(super) scheduled: Vec<ahead::Scheduled>,
    holds: Vec<Hold>,
    locks: Vec<ahead::Lock>,
    freezes: Vec<ahead::Freeze>,
    next_freezes: Vec<ahead::NextFreeze>,
    left_out: LeftOut,
    leaves: ahead::Leaves,
    figures: InWords,
    #[serde(skip)]
    pub(super) measured: Figures,
}

#[derive(Clone, Debug, Serialize)]
struct Now {
    /// `Tuesday 24 November`
    day: String,
    date: String,
    weekday: String,
    time: String,
}

#[derive(Clone, Debug, Serialize)]
struct Environment {
    name: String,
    headline: String,
    runs: String,
    warnings: Vec<String>,
    /// What runs or is queued, a line each.
    under_way: Vec<String>,
    held: bool,
    drifts: bool,
    /// It could not be looked at.
    unknown: bool,
}

/// What an environment lacks of what the one before it runs.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Difference {
    pub source: String,
    pub to: String,
    pub images: String,
    pub command: String,
    /// The same for the moment when the train leaves.
    pub departure: String,
    /// In which that moment is said.
    pub zone: String,
    pub held: bool,
    /// Somebody has asked for that already.
    pub asked: Option<ahead::Asked>,
}

#[derive(Clone, Debug, Serialize)]
struct Promoted {
    number: i64,
    environment: String,
    images: String,
    by: String,
    line: String,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Waiting {
    number: i64,
    name: String,
    environment: String,
    images: String,
    by: String,
    age: String,
    needs: String,
    command: String,
}

#[derive(Clone, Debug, Serialize)]
struct Hold {
    environment: String,
    number: i64,
    since: String,
}

/// How many of each list are not told.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct LeftOut {
    promoted: usize,
    waiting: usize,
    scheduled: usize,
    holds: usize,
    locks: usize,
    freezes: usize,
    next_freezes: usize,
}

#[derive(Clone, Debug, Serialize)]
struct InWords {
    /// How many environments they are of.
    counted: usize,
    /// Of which environments they are.
    about: String,
    deployments: String,
    lead_time: String,
    failures: String,
    restore_time: String,
}

impl Live {
    /// Whether a command asks for a promotion that is possible, or agrees to one.
    pub(super) fn asks_by(&self, command: &str) -> bool {
        let promotions = self.differences.iter().flat_map(|one| [&one.command, &one.departure]);
        let asked = self.differences.iter().filter_map(|one| one.asked.as_ref()?.command.as_ref());
        let votes = self.waiting.iter().map(|one| &one.command);
        promotions.chain(asked).chain(votes).any(|one| one == command)
    }

    /// Without what is more than people read.
    fn cut(mut self) -> Self {
        self.left_out = LeftOut {
            promoted: keep_last(&mut self.promoted),
            waiting: keep_first(&mut self.waiting),
            scheduled: keep_first(&mut self.scheduled),
            holds: keep_first(&mut self.holds),
            locks: keep_first(&mut self.locks),
            freezes: keep_first(&mut self.freezes),
            next_freezes: keep_first(&mut self.next_freezes),
        };
        self
    }
}

/// Leaves out what follows the first of a list, and gives how many that are.
fn keep_first<T>(list: &mut Vec<T>) -> usize {
    let left_out = list.len().saturating_sub(MOST);
    list.truncate(MOST);
    left_out
}

/// The same for what stands before the last.
fn keep_last<T>(list: &mut Vec<T>) -> usize {
    let left_out = list.len().saturating_sub(MOST);
    list.drain(..left_out);
    left_out
}

/// Puts what was seen into words. `now` carries the zone in which times of day are told.
pub fn live(seen: &Seen, now: &Zoned) -> Live {
    let [deployments, lead_time, failures, restore_time] = figures::sentences(&seen.figures);
    let all = Live {
        now: Now {
            day: now.strftime("%A %-d %B").to_string(),
            date: now.date().to_string(),
            weekday: now.strftime("%A").to_string(),
            time: words::clock(now.timestamp(), now),
        },
        since: seen.since.map(|since| words::clock(since, now)),
        environments: seen.environments.iter().map(|one| environment(one, seen, now)).collect(),
        differences: differences(seen, now),
        compared: compared(seen).len(),
        promoted: seen.ended.iter().filter_map(|one| promoted(one, now)).collect(),
        waiting: seen.open.iter().filter_map(|one| waiting(one, now)).collect(),
        scheduled: ahead::scheduled(seen, now),
        holds: seen.environments.iter().filter_map(|one| hold(one, now)).collect(),
        locks: ahead::locks(seen, now),
        freezes: ahead::freezes(seen, now),
        next_freezes: ahead::next_freezes(seen, now),
        left_out: LeftOut::default(),
        leaves: ahead::leaves(seen, now),
        figures: InWords {
            counted: seen.counted.len(),
            about: figures::about(&seen.counted),
            deployments,
            lead_time,
            failures,
            restore_time,
        },
        measured: seen.figures.clone(),
    };
    all.cut()
}

fn environment(status: &EnvironmentStatus, seen: &Seen, now: &Zoned) -> Environment {
    let there = ahead::there(&status.environment, seen, now);
    Environment {
        name: status.environment.to_string(),
        headline: status::headline(status),
        runs: status::names(status),
        warnings: status::warnings(status, &there),
        under_way: status::under_way(status, &there),
        held: status.hold.is_some(),
        drifts: status::drifts(status),
        unknown: status.unknown.is_some(),
    }
}

/// Environments of which something is known, each with the one before it, unless that is changing
/// or runs something else than its tags say: what it will run was not verified yet.
fn compared(seen: &Seen) -> Vec<(&EnvironmentStatus, &EnvironmentStatus)> {
    let find = |name: &EnvironmentName| {
        let mut all = seen.environments.iter();
        all.find(|one| one.environment == *name && one.unknown.is_none())
    };
    let pairs = seen.order.iter().filter_map(|(to, source)| Some((find(to)?, find(source)?)));
    pairs.filter(|(_, ahead)| !status::moving(ahead) && !status::drifts(ahead)).collect()
}

/// Environments whose tags point at something else than those of the one before.
fn differences(seen: &Seen, now: &Zoned) -> Vec<Difference> {
    let difference = |(behind, ahead): (&EnvironmentStatus, &EnvironmentStatus)| {
        let (source, to) = (&ahead.environment, &behind.environment);
        let theirs = tagged(behind);
        let is_news = |(repository, version): &(&Repository, &Version)| {
            theirs.get(repository).is_some_and(|other| other.digest != version.digest)
        };
        let news: BTreeMap<&Repository, &Version> =
            tagged(ahead).into_iter().filter(is_news).collect();
        let images = news.values().map(|version| version.name.as_str());
        (!news.is_empty()).then(|| Difference {
            source: source.to_string(),
            to: to.to_string(),
            images: words::listed(images),
            asked: ahead::asked(to, &news, seen, now),
            command: asking::promote_everything(source, to),
            zone: ahead::zone_of(to, seen, now),
            departure: ahead::departure_command((source, to), seen, now),
            held: behind.hold.is_some(),
        })
    };
    compared(seen).into_iter().filter_map(difference).collect()
}

/// What an environment's tags point at.
fn tagged(status: &EnvironmentStatus) -> BTreeMap<&Repository, &Version> {
    let services = status.services.iter();
    services.filter_map(|one| Some((&one.repository, one.tagged.as_ref()?))).collect()
}

fn promoted(outcome: &Outcome, now: &Zoned) -> Option<Promoted> {
    if outcome.end != Ended::Succeeded {
        return None;
    }
    Some(Promoted {
        number: outcome.id.0,
        environment: outcome.environment.to_string(),
        images: outcome.names.clone(),
        by: words::person(&outcome.requester),
        line: succeeded_line(outcome, now),
    })
}

fn waiting(deployment: &Deployment, now: &Zoned) -> Option<Waiting> {
    match deployment.stage {
        Stage::Waiting => {}
        Stage::Queued { .. } | Stage::Running(_) | Stage::Ended(_) => return None,
    }
    let terms = &deployment.plan.terms;
    Some(Waiting {
        number: deployment.id.0,
        name: deployment::named(deployment),
        environment: terms.environment.to_string(),
        images: terms.names(),
        by: words::person(&deployment.request.requester.id),
        age: ahead::age(deployment.asked_at, now),
        // One that is agreed waits for its moment, and is told as such.
        needs: votes::still_needed(deployment)?,
        command: asking::approve(deployment.id),
    })
}

impl Waiting {
    /// One to try templates on.
    pub fn sample() -> Self {
        let text = str::to_owned;
        Self {
            number: 1,
            name: text("#1 promote core:1.5.0 to production"),
            environment: text("production"),
            images: text("core:1.5.0"),
            by: text("alice"),
            age: text("10 min"),
            needs: text("2 more release-manager needed"),
            command: text("approve 1"),
        }
    }
}

fn hold(status: &EnvironmentStatus, now: &Zoned) -> Option<Hold> {
    let hold = status.hold?;
    Some(Hold {
        environment: status.environment.to_string(),
        number: hold.deployment.0,
        since: words::clock(hold.since, now),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::schedule::ReadyMade;
    use crate::report::{Templates, Text, samples};

    fn fill<T: Clone>(list: &mut Vec<T>) {
        let one = list.first().cloned().expect("the sample has one of everything");
        list.resize(MOST + 5, one);
    }

    #[test]
    fn of_a_long_list_the_rest_is_counted_and_told() {
        let mut live = samples().swap_remove(0);
        fill(&mut live.promoted);
        fill(&mut live.waiting);
        fill(&mut live.scheduled);
        fill(&mut live.holds);
        fill(&mut live.locks);
        fill(&mut live.freezes);
        fill(&mut live.next_freezes);
        if let Some(newest) = live.promoted.last_mut() {
            "the newest".clone_into(&mut newest.line);
        }
        let live = live.cut();
        assert_eq!(live.left_out.holds + live.left_out.freezes, 10);
        assert_eq!((live.holds.len(), live.freezes.len()), (MOST, MOST));
        for (ready, parts) in [
            (
                ReadyMade::Morning,
                [
                    "\"The newest 20 of 25:\"",
                    "\"the newest\"",
                    "\"… and 5 more\"",
                    "\"… and 5 more that begin later\"",
                ]
                .as_slice(),
            ),
            (ReadyMade::Weekly, &["\"The newest 20 of 25:\""]),
            (ReadyMade::Votes, &["25 plans wait for votes", "\"… and 5 more\""]),
            (ReadyMade::Freeze, &["\"… and 5 more that begin later\"", "\"… and 5 more\""]),
            (ReadyMade::Locks, &["\"… and 5 more locks\""]),
        ] {
            let made = Templates::default().render(&Text::from(ready), &live);
            let card = format!("{:?}", made.expect("it can be filled in").expect("a card").card);
            for part in parts {
                assert!(card.contains(part), "{part}: {card}");
            }
        }
    }
}
