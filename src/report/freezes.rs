//! Freezes in words: what closes an environment and until when, what is answered to those who
//! freeze and unfreeze, and what everybody hears. Who may do either is not known here.

use jiff::{Timestamp, Zoned};

use crate::domain::card::{Card, Tone};
use crate::domain::decision::Unfreezing;
use crate::domain::freeze::{Closed, ClosedBy, Coming, Freeze, State};
use crate::domain::id::{DeploymentId, EnvironmentName, PersonId, ServiceName};

use super::{asking, words};

/// What closes an environment, and what will.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freezes {
    pub environment: EnvironmentName,
    pub state: State,
    /// What people set, and stands.
    pub people: Vec<Freeze>,
    /// What closes it after that.
    pub next: Option<Coming>,
    /// Services that are closed while the environment is open.
    pub parts: Vec<(ServiceName, Closed)>,
}

/// What came of freezing an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freezing {
    pub environment: EnvironmentName,
    /// What people have set there, this one among it.
    pub people: Vec<Freeze>,
    pub by: PersonId,
    /// Deployments that wait until it ends.
    pub waiting: Vec<DeploymentId>,
    /// Deployments that run there, and go on.
    pub running: Vec<DeploymentId>,
}

/// What came of ending what people froze.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfreezed {
    pub environment: EnvironmentName,
    pub by: PersonId,
    pub ended: Vec<Freeze>,
    pub still: State,
}

pub fn frozen_card(freezing: &Freezing, now: &Zoned) -> Card {
    let Freezing { environment, people, by, waiting, running } = freezing;
    let mut card = Card::new(Tone::Good, format!("{environment} is frozen"));
    let (mine, others): (Vec<&Freeze>, Vec<&Freeze>) =
        people.iter().partition(|freeze| freeze.by == *by);
    for freeze in mine {
        let until = match freeze.until {
            Some(until) => format!("until {}", words::moment(until, now)),
            None => "until it is unfrozen".to_owned(),
        };
        let because = words::because(Some(&freeze.because));
        card = card.text(words::sentence(&format!("By {}, {until}{because}", words::person(by))));
    }
    card = card.text("What is agreed waits until then. A rollback is possible at any time.");
    for freeze in others {
        card = card.warning(words::sentence(&format!("It stays {}", by_person(freeze, now))));
    }
    for waiting in waiting {
        card = card.text(format!("#{waiting} waits until it ends."));
    }
    for running in running {
        card = card.text(format!("#{running} runs there already, and goes on."));
    }
    card.text("To open it before that:").command(asking::unfreeze(environment))
}

pub fn unfrozen_card(unfreezed: &Unfreezed, now: &Zoned) -> Card {
    let Unfreezed { environment, by, ended, still } = unfreezed;
    let card = match still {
        State::Open => Card::new(Tone::Good, format!("{environment} is open again")).text(format!(
            "Unfrozen by {}: what waited goes on, as far as the policies let it.",
            words::person(by)
        )),
        State::Closed(_) => {
            Card::new(Tone::Warning, format!("{environment} is no longer frozen by people"))
                .text(format!("Unfrozen by {}.", words::person(by)))
        }
    };
    let others = ended.iter().filter(|freeze| freeze.by != *by);
    let card = others.fold(card, |card, freeze| {
        card.text(words::sentence(&format!("It was {}", by_person(freeze, now))))
    });
    still_closed(card, environment, still, now)
}

/// For everybody: the time of a person's freeze is over.
pub fn freeze_over_card(
    environment: &EnvironmentName,
    of: &PersonId,
    still: &State,
    now: &Zoned,
) -> Card {
    let over = format!("The time of the freeze by {} is over.", words::person(of));
    match still {
        State::Open => Card::new(Tone::Good, format!("{environment} is open again")).text(over),
        State::Closed(_) => {
            let title = format!("A freeze of {environment} is over, and it stays closed");
            still_closed(Card::new(Tone::Warning, title).text(over), environment, still, now)
        }
    }
}

fn still_closed(card: Card, environment: &EnvironmentName, still: &State, now: &Zoned) -> Card {
    match still {
        State::Open => card,
        State::Closed(closed) => card.warning(words::sentence(&format!(
            "{environment} is closed still, {}",
            closed_words(closed, now)
        ))),
    }
}

/// What stands and what comes, each environment with its own time.
pub fn freezes_card(told: &[(Freezes, Zoned)]) -> Card {
    let closed = told.iter().filter(|(one, _)| one.state != State::Open);
    let closed: Vec<&str> = closed.map(|(one, _)| one.environment.as_str()).collect();
    let title = match (told, closed.as_slice()) {
        ([], _) => return Card::new(Tone::Plain, "There are no environments that you may look at"),
        ([(one, _)], []) => format!("{} is open", one.environment),
        (_, []) => "Nothing is frozen".to_owned(),
        (_, [one]) => format!("{one} is frozen"),
        (_, [_, ..]) => format!("{} are frozen", words::listed(closed.iter().copied())),
    };
    let card = Card::new(Tone::Plain, title);
    let card = told.iter().fold(card, |card, (one, now)| {
        let mut lines = freeze_lines(one, now);
        if lines.is_empty() {
            lines.push("Open.".to_owned());
        }
        match coming(one, now) {
            Some(coming) => lines.push(coming),
            None => lines.push("Nothing closes it that is known.".to_owned()),
        }
        card.field(one.environment.as_str(), lines)
    });
    let people = told.iter().find(|(one, _)| !one.people.is_empty());
    match people {
        Some((one, _)) => {
            card.text("To end what people froze:").command(asking::unfreeze(&one.environment))
        }
        None => card,
    }
}

/// What closes an environment, or services of it, now; each a sentence.
pub fn freeze_lines(freezes: &Freezes, now: &Zoned) -> Vec<String> {
    let mut lines = Vec::new();
    if let State::Closed(closed) = &freezes.state {
        lines.push(words::sentence(&format!("Frozen {}", closed_words(closed, now))));
        let told = |freeze: &&Freeze| closed.by != ClosedBy::Person(freeze.by.clone());
        let others = freezes.people.iter().filter(told);
        lines
            .extend(others.map(|freeze| words::sentence(&words::capital(&by_person(freeze, now)))));
    }
    for (service, closed) in &freezes.parts {
        lines.push(words::sentence(&format!("{service} is frozen {}", closed_words(closed, now))));
    }
    lines
}

/// `Closes next on Friday 27 November at 16:00 (Europe/Berlin), because: …`
pub fn coming(freezes: &Freezes, now: &Zoned) -> Option<String> {
    let coming = freezes.next.as_ref()?;
    let again = if freezes.state == State::Open { "next" } else { "again" };
    Some(words::sentence(&format!(
        "Closes {again} on {}{}",
        words::moment(coming.at, now),
        words::because(Some(&coming.closed.reason))
    )))
}

/// `by the calendar (weekend) until Monday 30 November at 00:00 (Europe/Berlin), in 2 days,
/// because: nothing changes at the weekend`
fn closed_words(closed: &Closed, now: &Zoned) -> String {
    let by = match &closed.by {
        ClosedBy::Calendar(name) => format!("by the calendar ({name})"),
        ClosedBy::Outside(name) => format!("outside of its windows (next: {name})"),
        ClosedBy::Person(person) => format!("by {}", words::person(person)),
    };
    let since = match (&closed.by, closed.since) {
        (ClosedBy::Person(_), Some(since)) => format!(" since {}", words::clock(since, now)),
        (ClosedBy::Calendar(_) | ClosedBy::Outside(_), _) | (ClosedBy::Person(_), None) => {
            String::new()
        }
    };
    let until = closed
        .until
        .map_or_else(String::new, |until| format!(" until {}", words::moment(until, now)));
    format!("{by}{since}{until}{}", words::because(Some(&closed.reason)))
}

/// `frozen by bob since 10:00 CET until 12:00 CET, because: the sale`
fn by_person(freeze: &Freeze, now: &Zoned) -> String {
    format!(
        "frozen by {} since {}{}",
        words::person(&freeze.by),
        words::clock(freeze.since, now),
        terms(freeze.until, &freeze.because, now)
    )
}

/// `production opens on Monday 30 November at 00:00 (Europe/Berlin)`
pub fn opens(environment: &EnvironmentName, until: Option<Timestamp>, now: &Zoned) -> String {
    match until {
        Some(until) => format!("{environment} opens on {}", words::date_and_clock(until, now)),
        None => format!("{environment} opens when somebody unfreezes it"),
    }
}

/// ` until 12:00 CET, because: the sale`
pub fn terms(until: Option<Timestamp>, because: &str, now: &Zoned) -> String {
    let until =
        until.map_or_else(String::new, |until| format!(" until {}", words::clock(until, now)));
    format!("{until}{}", words::because(Some(because)))
}

/// A freeze that has ended, for the history.
pub fn ended_words(environment: &EnvironmentName, of: &PersonId, why: &Unfreezing) -> String {
    let whose = words::person(of);
    match why {
        Unfreezing::Lifted { by, because, .. } => {
            let (who, because) = (words::person(by), words::because(because.as_deref()));
            if by == of {
                format!("{environment} unfrozen by {who}{because}")
            } else {
                format!("freeze of {whose} on {environment} ended by {who}{because}")
            }
        }
        Unfreezing::TimeOver { .. } => {
            format!("freeze of {whose} on {environment} over: its time had come")
        }
    }
}
