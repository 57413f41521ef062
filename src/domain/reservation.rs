//! Reservations: a program has an environment for itself for as long as its connection lives.
//! Deployments that were agreed and reservations stand in one line, first come first served; a
//! rollback stands in none, and no program gets what a person has locked. How a connection is
//! seen to live, and who may reserve, is not known here.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::deployment::{Deployment, Stage};
use super::id::{DeploymentId, EnvironmentName, PersonId, ReservationId, TokenName};
use super::lock::Lock;
use super::obstacle::Obstacle;

/// An environment that is held, or waited for, by a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    pub id: ReservationId,
    pub environment: EnvironmentName,
    pub by: TokenName,
    pub reason: Option<String>,
    pub asked_at: Timestamp,
    /// Since when it has the environment; `None`: it stands in line.
    pub held_since: Option<Timestamp>,
    /// When it is over, unless its connection shows before that that it lives.
    pub lapses_at: Timestamp,
    /// Counts the connections that it has had. Only the last one speaks for it.
    pub fence: u64,
    pub over: Option<Over>,
}

/// Why a reservation is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum Over {
    /// Its connection was closed by who had it.
    Released,
    /// Nothing was heard of its connection for too long.
    Lapsed,
    /// A person ended it.
    Ended { by: PersonId, because: Option<String> },
}

/// What a program is told while its connection stands, as one message of JSON each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Told {
    /// It stands in line.
    Waiting {
        id: ReservationId,
        /// 1: it is the next one.
        place: usize,
        /// What is there now, if anything is.
        behind: Option<Behind>,
        pace: Pace,
    },
    /// The environment is its own.
    Held { id: ReservationId, since: Timestamp, pace: Pace },
    /// Somebody rolls the environment back in spite of it: a rollback waits for nobody.
    Rollback { deployment: DeploymentId, what: String },
    /// It is over.
    Over {
        why: Over,
        /// How the chat shows who ended it, where somebody did and it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    /// It goes on, but on another connection: this one was slower.
    TakenOver,
}

/// How a connection is seen to live, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    /// How often it is asked whether it lives.
    pub ping: u64,
    /// For how long it may be silent, or away, before the reservation is over.
    pub grace: u64,
}

/// What stands before a program in the line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Behind {
    Reservation {
        by: TokenName,
        reason: Option<String>,
        since: Timestamp,
    },
    Deployment {
        deployment: DeploymentId,
        what: String,
    },
    /// A person has locked the environment. Nobody gets it before that ends.
    Lock {
        by: PersonId,
        /// How the chat shows who that is, where it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        reason: String,
        since: Timestamp,
        /// When it ends by itself, if it does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
}

impl Reservation {
    /// Whether it counts at this time.
    pub fn lives(&self, now: Timestamp) -> bool {
        self.over.is_none() && now < self.lapses_at
    }

    fn obstacle(&self) -> Obstacle {
        let Self { by, reason, held_since, .. } = self.clone();
        Obstacle::Reserved { by, reason, since: held_since }
    }
}

/// Those of an environment's reservations that keep others from it. While a person has it locked,
/// whoever stands in line waits for that person, and keeps nobody.
pub fn that_count(mut line: Vec<Reservation>, lock: Option<&Lock>) -> Vec<Reservation> {
    line.retain(|one| lock.is_none() || one.held_since.is_some());
    line
}

/// What keeps a deployment from its turn, of the reservations that count in its environment, in
/// the order in which they were asked for. Where one is held, everything waits that is no
/// rollback; else what was agreed after somebody had asked to reserve.
pub fn obstacle(deployment: &Deployment, line: &[Reservation]) -> Option<Obstacle> {
    let agreed = match deployment.stage {
        Stage::Queued { since } => since,
        Stage::Waiting | Stage::Running(_) | Stage::Ended(_) => return None,
    };
    if deployment.is_rollback() {
        return None;
    }
    let held = line.iter().find(|one| one.held_since.is_some());
    let before = line.iter().find(|one| one.asked_at < agreed);
    held.or(before).map(Reservation::obstacle)
}

/// The reservation that may have the environment now: the first in line, once nobody has it,
/// nothing runs, and nothing is queued that was agreed before it was asked for. `line`: those that
/// count; `open`: the environment's deployments that have not ended and of which nothing else
/// keeps them.
pub fn next_holder<'a>(line: &'a [Reservation], open: &[&Deployment]) -> Option<&'a Reservation> {
    if line.iter().any(|one| one.held_since.is_some()) {
        return None;
    }
    let first = line.first()?;
    open.iter().all(|one| !goes_before(one, first)).then_some(first)
}

/// The place of a reservation that waits, and what is there now.
pub fn place(
    waiting: &Reservation,
    line: &[Reservation],
    open: &[&Deployment],
    lock: Option<&Lock>,
) -> (usize, Option<Behind>) {
    let earlier: Vec<&Reservation> = line.iter().take_while(|one| one.id != waiting.id).collect();
    let queued = |one: &&&Deployment| match one.stage {
        Stage::Queued { .. } => goes_before(one, waiting),
        Stage::Running(_) | Stage::Waiting | Stage::Ended(_) => false,
    };
    let ahead = earlier.iter().filter(|one| one.held_since.is_none()).count()
        + open.iter().filter(queued).count();
    let held = line.iter().find_map(|one| {
        let since = one.held_since?;
        Some(Behind::Reservation { by: one.by.clone(), reason: one.reason.clone(), since })
    });
    let running = || open.iter().find(|one| matches!(one.stage, Stage::Running(_)));
    let first = || open.iter().filter(queued).min_by_key(|one| one.place());
    let deployment =
        |one: &&Deployment| Behind::Deployment { deployment: one.id, what: one.plan.terms.names() };
    let locked = || {
        let Lock { by, because, since, until, .. } = lock?.clone();
        Some(Behind::Lock { by, name: None, reason: because, since, until })
    };
    // What is there comes before what may come.
    let behind = held
        .or_else(|| running().map(deployment))
        .or_else(locked)
        .or_else(|| first().map(deployment));
    (ahead + 1, behind)
}

/// Whether a deployment that has not ended comes before a reservation that waits.
fn goes_before(deployment: &Deployment, reservation: &Reservation) -> bool {
    match deployment.stage {
        Stage::Running(_) => true,
        Stage::Queued { since } => deployment.is_rollback() || since <= reservation.asked_at,
        // For votes it may wait for ever.
        Stage::Waiting | Stage::Ended(_) => false,
    }
}
