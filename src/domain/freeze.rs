//! When an environment is closed: by the calendar of the settings, or by people. What that keeps
//! from happening is the policies' to say.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::calendar::Window;
use super::id::{ChannelId, EnvironmentName, PersonId, ServiceName, WindowName};

/// After so many changes the search for an opening is given up: there is none that matters.
const MOST_CHANGES: usize = 1000;

/// A window of an environment's calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub name: WindowName,
    pub effect: Effect,
    pub window: Window,
    /// The services that it is about; all of them where none is named.
    pub services: BTreeSet<ServiceName>,
}

/// What a window of the calendar does for as long as it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A freeze: nothing else opens the environment meanwhile.
    Closes,
    /// Outside of all such windows, the environment is closed.
    Opens,
}

/// A freeze that a person set and nobody has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freeze {
    pub environment: EnvironmentName,
    /// The decision by which it was set. It tells a freeze from the next one.
    pub decision: u64,
    pub by: PersonId,
    pub because: String,
    pub since: Timestamp,
    /// When it ends by itself; `None`: never.
    pub until: Option<Timestamp>,
    /// Where its end is told.
    pub channel: ChannelId,
}

impl Freeze {
    /// Whether its time is not over yet.
    pub fn stands_at(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// Whether an environment may be changed now, as far as the calendar and people say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Open,
    Closed(Closed),
}

/// An environment is closed. Of several reasons the one that lasts longest is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    pub reason: String,
    pub by: ClosedBy,
    pub since: Option<Timestamp>,
    /// When it opens, whatever closes it until then; `None`: nobody knows.
    pub until: Option<Timestamp>,
    /// The freezes of the calendar that close it now.
    pub names: BTreeSet<WindowName>,
}

/// Who or what closes an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClosedBy {
    /// A freeze of the calendar.
    Calendar(WindowName),
    Person(PersonId),
    /// None of its windows is open. The next of them, or one that it has.
    Outside(WindowName),
}

/// A closing that comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coming {
    pub at: Timestamp,
    pub closed: Closed,
}

/// Of which services it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// Of the environment as such: what closes some of its services does not close it.
    Whole,
    /// Of all of these together.
    Services(&'a BTreeSet<ServiceName>),
}

/// Tells one standing set of closings from the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// By their places in the calendar.
    windows: BTreeSet<usize>,
    freezes: BTreeSet<u64>,
}

/// All that can close an environment.
#[derive(Clone, Copy, Debug)]
pub struct Closings<'a> {
    pub calendar: &'a [Entry],
    /// Of this environment.
    pub people: &'a [Freeze],
}

/// The moments that lie so long before an environment closes by its calendar.
#[derive(Clone, Debug)]
pub struct Ahead {
    pub lead: Duration,
    /// Of each environment that it is about.
    pub calendars: Vec<Vec<Entry>>,
}

/// One of the reasons for which an environment is closed.
struct Cause {
    reason: String,
    by: ClosedBy,
    since: Option<Timestamp>,
    /// When this one ends.
    until: Option<Timestamp>,
}

impl Ahead {
    /// The next one, strictly later.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let from = after.checked_add(self.lead).ok()?;
        let closes = |calendar: &Vec<Entry>| {
            Closings { calendar, people: &[] }.next_beginning(Part::Whole, from)
        };
        let next = self.calendars.iter().filter_map(closes).map(|coming| coming.at).min()?;
        next.checked_sub(self.lead).ok()
    }
}

impl Closings<'_> {
    pub fn state(&self, part: Part<'_>, now: Timestamp) -> State {
        let causes = self.causes(part, now);
        let names = causes.iter().filter_map(|cause| match &cause.by {
            ClosedBy::Calendar(name) => Some(name.clone()),
            ClosedBy::Person(_) | ClosedBy::Outside(_) => None,
        });
        let names = names.collect();
        // One without an end lasts longest.
        let longest = |cause: &Cause| (cause.until.is_none(), cause.until);
        let Some(cause) = causes.into_iter().max_by_key(longest) else { return State::Open };
        let Cause { reason, by, since, .. } = cause;
        let until = self.opening(part, now);
        State::Closed(Closed { reason, by, since, until, names })
    }

    /// When it closes next after this moment, at which it is open.
    pub fn next_closing(&self, part: Part<'_>, after: Timestamp) -> Option<Coming> {
        let mut at = after;
        for _ in 0..MOST_CHANGES {
            at = self.next_change(at)?;
            if let State::Closed(closed) = self.state(part, at) {
                return Some(Coming { at, closed });
            }
        }
        None
    }

    /// When it closes next after this moment, whether or not it is open then.
    pub fn next_beginning(&self, part: Part<'_>, after: Timestamp) -> Option<Coming> {
        let open_from = match self.state(part, after) {
            State::Open => after,
            State::Closed(closed) => closed.until?,
        };
        self.next_closing(part, open_from)
    }

    /// When a window begins or ends next, or a person's freeze ends.
    pub fn next_change(&self, after: Timestamp) -> Option<Timestamp> {
        let windows = self.calendar.iter().flat_map(|entry| {
            [entry.window.contains(after), entry.window.next_opening_after(after)]
        });
        let people = self.people.iter().map(|freeze| freeze.until);
        windows.chain(people).flatten().filter(|change| *change > after).min()
    }

    /// What stands at this moment.
    pub fn standing(&self, now: Timestamp) -> Standing {
        let windows = self.calendar.iter().enumerate();
        let windows = windows.filter(|(_, entry)| entry.window.contains(now).is_some());
        let freezes = self.people.iter().filter(|freeze| freeze.stands_at(now));
        Standing {
            windows: windows.map(|(place, _)| place).collect(),
            freezes: freezes.map(|freeze| freeze.decision).collect(),
        }
    }

    /// The first moment from this one on at which nothing closes it.
    fn opening(&self, part: Part<'_>, from: Timestamp) -> Option<Timestamp> {
        let mut at = from;
        for _ in 0..MOST_CHANGES {
            let causes = self.causes(part, at);
            if causes.is_empty() {
                return Some(at);
            }
            for cause in causes {
                at = at.max(cause.until?);
            }
        }
        None
    }

    fn causes(&self, part: Part<'_>, at: Timestamp) -> Vec<Cause> {
        let people = self.people.iter().filter(|freeze| freeze.stands_at(at));
        let mut causes: Vec<Cause> = people
            .map(|freeze| Cause {
                reason: freeze.because.clone(),
                by: ClosedBy::Person(freeze.by.clone()),
                since: Some(freeze.since),
                until: freeze.until,
            })
            .collect();
        let closing = self.calendar.iter().filter(|entry| entry.effect == Effect::Closes);
        for entry in closing.filter(|entry| entry.is_about(part)) {
            let Some((since, until)) = entry.window.around(at) else { continue };
            causes.push(Cause {
                reason: entry.window.reason.clone(),
                by: ClosedBy::Calendar(entry.name.clone()),
                since: Some(since),
                until: Some(until),
            });
        }
        match part {
            Part::Whole => causes.extend(self.outside(None, at)),
            Part::Services(services) => {
                causes.extend(services.iter().filter_map(|one| self.outside(Some(one), at)));
            }
        }
        causes
    }

    /// Why it is closed outside of windows: it has some, and none of them is open.
    fn outside(&self, service: Option<&ServiceName>, at: Timestamp) -> Option<Cause> {
        let about = |entry: &&Entry| {
            entry.services.is_empty()
                || service.is_some_and(|service| entry.services.contains(service))
        };
        let opening = self.calendar.iter().filter(|entry| entry.effect == Effect::Opens);
        let windows: Vec<&Entry> = opening.filter(about).collect();
        if windows.iter().any(|entry| entry.window.contains(at).is_some()) {
            return None;
        }
        let next = |entry: &&Entry| entry.window.next_opening_after(at);
        // One that never opens again comes last.
        let first = |entry: &&Entry| (next(entry).is_none(), next(entry));
        let entry = windows.into_iter().min_by_key(first)?;
        Some(Cause {
            reason: entry.window.reason.clone(),
            by: ClosedBy::Outside(entry.name.clone()),
            since: None,
            until: next(&entry),
        })
    }
}

impl Entry {
    /// Whether it concerns these services.
    fn is_about(&self, part: Part<'_>) -> bool {
        match part {
            Part::Whole => self.services.is_empty(),
            Part::Services(services) => {
                self.services.is_empty() || !self.services.is_disjoint(services)
            }
        }
    }
}
