//! Locks in words: what is answered to those who set and lift them, and what the others hear.
//! Who may do either is not known here.

use std::time::Duration;

use jiff::{Timestamp, Zoned};

use crate::domain::card::{Card, Tone};
use crate::domain::decision::{LockBefore, Unlocking};
use crate::domain::deployment::Deployment;
use crate::domain::id::{DeploymentId, EnvironmentName, PersonId};
use crate::domain::lock::Lock;
use crate::domain::reservation::Reservation;

use super::{asking, obstacle, reservations, words};

/// How a lock came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LockHow {
    /// None stood there.
    New,
    /// The person's own said otherwise.
    Changed,
    TakenOver {
        from: PersonId,
    },
}

/// What came of locking one environment or several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Locked {
    pub set: Vec<(Lock, LockHow)>,
    /// Somebody else's, which stay.
    pub theirs: Vec<Lock>,
    /// Those that the person may not lock.
    pub denied: Vec<EnvironmentName>,
    /// Those of which that could not be decided.
    pub undecided: Vec<EnvironmentName>,
    /// Deployments that wait until it ends.
    pub waiting: Vec<DeploymentId>,
    /// Deployments that run there, and go on.
    pub running: Vec<DeploymentId>,
}

/// What came of unlocking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unlocked {
    pub by: PersonId,
    /// Whose lock it was on each environment.
    pub lifted: Vec<(EnvironmentName, PersonId)>,
    /// Somebody else's, which stay.
    pub theirs: Vec<Lock>,
    /// Those that could not be unlocked with the others.
    pub still: Vec<EnvironmentName>,
}

impl LockHow {
    /// What a lock of this person is over the one that stood before.
    pub fn over(by: &PersonId, before: Option<&LockBefore>) -> Self {
        match before {
            None => Self::New,
            Some(before) if before.by == *by => Self::Changed,
            Some(before) => Self::TakenOver { from: before.by.clone() },
        }
    }
}

pub fn locked_card(locked: &Locked, now: &Zoned) -> Card {
    let names: Vec<&EnvironmentName> =
        locked.set.iter().map(|(lock, _)| &lock.environment).collect();
    let mut card = match locked.set.as_slice() {
        [] => Card::new(Tone::Warning, "Nothing was locked"),
        [(lock, LockHow::Changed)] => {
            let title = format!("The lock on {} has changed", lock.environment);
            with_terms(Card::new(Tone::Good, title), lock, now)
        }
        [(lock, _), ..] => {
            let title = format!("{} {} locked", listed(&names), is(names.len()));
            with_terms(Card::new(Tone::Good, title), lock, now)
        }
    };
    if [locked.set.len(), locked.theirs.len(), locked.denied.len(), locked.undecided.len()]
        == [0; 4]
    {
        card = card.text("It is over already. If it is still needed, say so again.");
    }
    for (_, how) in &locked.set {
        if let LockHow::TakenOver { from } = how {
            let from = words::person(from);
            card = card.text(format!("It was locked by {from}, who is told."));
        }
    }
    for waiting in &locked.waiting {
        card = card.text(format!("#{waiting} waits until it ends."));
    }
    for running in &locked.running {
        card = card.text(format!("#{running} runs there already, and goes on."));
    }
    card = with_theirs(card, &locked.theirs, now);
    for denied in &locked.denied {
        card = card.warning(format!("You may not lock {denied}."));
    }
    for undecided in &locked.undecided {
        card = card.warning(format!(
            "{undecided} is not locked: whether you may could not be decided. Try again."
        ));
    }
    match names.as_slice() {
        [] => card,
        [one] => card.text("To open it again:").command(asking::unlock(one)),
        [_, ..] => card.text("To open them again:").command(asking::unlock_everything()),
    }
}

/// Who closed it, why and for how long.
fn with_terms(card: Card, lock: &Lock, now: &Zoned) -> Card {
    let until = match lock.until {
        Some(until) => format!(" until {}", words::clock(until, now)),
        None => " until it is unlocked".to_owned(),
    };
    let because = words::because(Some(&lock.because));
    let who = words::person(&lock.by);
    card.text(words::sentence(&format!("By {who}{until}{because}")))
}

fn with_theirs(card: Card, theirs: &[Lock], now: &Zoned) -> Card {
    theirs.iter().fold(card, |card, lock| {
        card.warning(words::sentence(&format!("{} stays {}", lock.environment, held(lock, now))))
    })
}

pub fn unlocked_card(unlocked: &Unlocked, now: &Zoned) -> Card {
    let Unlocked { by, lifted, theirs, still } = unlocked;
    if lifted.is_empty() {
        return with_theirs(Card::new(Tone::Plain, "No lock of yours stands"), theirs, now);
    }
    let names: Vec<&EnvironmentName> = lifted.iter().map(|(environment, _)| environment).collect();
    let title = format!("{} {} open again", listed(&names), is(names.len()));
    let mut card = Card::new(Tone::Good, title)
        .text(format!("Unlocked by {}: the policies decide again.", words::person(by)));
    for (_, of) in lifted.iter().filter(|(_, of)| of != by) {
        card = card.text(format!("It was locked by {}, who is told.", words::person(of)));
    }
    for still in still {
        card = card.warning(format!("{still} could not be unlocked just now. Try again."));
    }
    with_theirs(card, theirs, now)
}

/// What people and programs keep from others.
pub fn locks_card(locks: &[Lock], reservations: &[Reservation], now: &Zoned) -> Card {
    let mut card = Card::new(Tone::Plain, "Locks");
    if locks.is_empty() && reservations.is_empty() {
        return card.text("Nothing is locked.");
    }
    for lock in locks {
        card = card.text(format!("🔒 {}: {}", lock.environment, held(lock, now)));
    }
    for one in reservations {
        let lock = locks.iter().find(|lock| lock.environment == one.environment);
        let line = reservations::line(one, lock, now);
        card = card.text(format!("🤖 {}: {line}", one.environment));
    }
    if let Some(lock) = locks.first() {
        card = card.text("To open one again:").command(asking::unlock(&lock.environment));
    }
    if let Some(held) = reservations.iter().find(|one| one.held_since.is_some()) {
        let command = asking::end_reservation(&held.environment);
        card = card.text("To take one back from its program:").command(command);
    }
    card
}

/// `locked by alice since 10:00 CET until 12:00 CET, because: a load test`
pub fn held(lock: &Lock, now: &Zoned) -> String {
    obstacle::locked((&lock.by, &lock.because), (lock.since, lock.until), now)
}

/// Says with a refusal whose lock it is that is in the way, and what would change that.
pub fn with_lock(card: Card, lock: &Lock, now: &Zoned) -> Card {
    let environment = &lock.environment;
    card.text(words::sentence(&format!("{environment} is {}", held(lock, now))))
        .text(format!("Ask {} to open it. Whoever may do that can write:", words::person(&lock.by)))
        .command(asking::unlock(environment))
}

/// Asks the holder of an old lock. `again`: after how long they are asked once more.
pub fn still_needed_card(lock: &Lock, again: Option<Duration>, now: &Zoned) -> Card {
    let environment = &lock.environment;
    let again = again
        .map_or_else(String::new, |again| format!("I ask again in {}. ", words::duration(again)));
    let since = format!(
        "You locked it {} (at {}){}",
        words::ago(lock.since, now),
        words::clock(lock.since, now),
        words::because(Some(&lock.because))
    );
    let mut card = Card::new(Tone::Waiting, format!("Is your lock on {environment} still needed?"))
        .text(words::sentence(&since))
        .text("If it is not:")
        .command(asking::unlock(environment))
        .text(format!("If it is, it stays. {again}To say for how long:"))
        .command(asking::lock_for(environment, &lock.because));
    card.unlock = Some(environment.clone());
    card
}

/// For whom the lock was before.
pub fn lock_taken_over_card(environment: &EnvironmentName, by: &PersonId, because: &str) -> Card {
    let by = words::person(by);
    let title = format!("{by} has taken your lock on {environment} over");
    let why = format!("{environment} is locked by {by} now{}", words::because(Some(because)));
    Card::new(Tone::Warning, title).text(words::sentence(&why))
}

/// For whose lock it was.
pub fn lock_lifted_card(
    environment: &EnvironmentName,
    by: &PersonId,
    because: Option<&str>,
) -> Card {
    let by = words::person(by);
    let why = format!("{environment} is open to others again{}", words::because(because));
    Card::new(Tone::Warning, format!("{by} has lifted your lock on {environment}"))
        .text(words::sentence(&why))
}

/// For everybody.
pub fn lock_over_card(environment: &EnvironmentName, of: &PersonId) -> Card {
    Card::new(Tone::Good, format!("{environment} is open again"))
        .text(format!("The time of the lock by {} is over.", words::person(of)))
}

/// For whose lock a rollback passes.
pub fn lock_passed_card(rollback: &Deployment) -> Card {
    let environment = &rollback.plan.terms.environment;
    let by = words::person(&rollback.request.requester.id);
    let title = format!("{by} rolls {environment} back, which you have locked");
    let why = words::because(rollback.request.because.as_deref());
    Card::new(Tone::Warning, title)
        .text(words::sentence(&format!("A rollback passes a lock, and yours stands{why}")))
        .command(asking::show(rollback.id))
}

/// ` until 12:00 CET, because: a load test`
pub fn terms(until: Option<Timestamp>, because: &str, now: &Zoned) -> String {
    format!("{}{}", obstacle::until_words(until, now), words::because(Some(because)))
}

/// A lock that was set, for the history.
pub fn set_words(
    environment: &EnvironmentName,
    (by, before): (&PersonId, Option<&LockBefore>),
    terms: &str,
) -> String {
    let who = words::person(by);
    match LockHow::over(by, before) {
        LockHow::New => format!("🔒 {environment} locked by {who}{terms}"),
        LockHow::Changed => format!("🔒 lock on {environment} changed by {who}{terms}"),
        LockHow::TakenOver { from } => {
            let from = words::person(&from);
            format!("🔒 lock on {environment} taken over from {from} by {who}{terms}")
        }
    }
}

/// A lock that has ended, for the history.
pub fn ended_words(environment: &EnvironmentName, of: &PersonId, why: &Unlocking) -> String {
    let whose = words::person(of);
    match why {
        Unlocking::Lifted { by, because, .. } => {
            let (who, because) = (words::person(by), words::because(because.as_deref()));
            if by == of {
                format!("🔓 {environment} unlocked by {who}{because}")
            } else {
                format!("🔓 lock of {whose} on {environment} lifted by {who}{because}")
            }
        }
        Unlocking::TimeOver { .. } => {
            format!("🔓 lock of {whose} on {environment} over: its time had come")
        }
    }
}

fn listed(names: &[&EnvironmentName]) -> String {
    words::listed(names.iter().map(|name| name.as_str()))
}

fn is(count: usize) -> &'static str {
    if count == 1 { "is" } else { "are" }
}
