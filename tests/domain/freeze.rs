//! When an environment is closed: the calendar and people, over weekends, changes of clocks, and
//! each other.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::civil::Weekday;
use jiff::{Timestamp, Zoned};
use shipmate::domain::calendar::{Rule, Window};
use shipmate::domain::freeze::{
    Ahead, Closed, ClosedBy, Closings, Coming, Effect, Entry, Freeze, Part, Standing, State,
};
use shipmate::domain::id::ServiceName;

const HOUR: u64 = 3600;

/// A moment in Berlin.
fn at(local: &str) -> Timestamp {
    let zoned: Zoned = format!("{local}[Europe/Berlin]").parse().unwrap();
    zoned.timestamp()
}

fn entry(name: &str, effect: Effect, at: &str, hours: u64) -> Entry {
    let zone = jiff::tz::TimeZone::get("Europe/Berlin").unwrap();
    let rule = Rule::parse(at, &zone).unwrap();
    let length = Duration::from_secs(hours * HOUR);
    let window = Window { rule, length, reason: format!("it is {name}") };
    Entry { name: name.into(), effect, window, services: BTreeSet::new() }
}

/// From 16:00 on Friday, and Saturday and Sunday.
fn usual() -> Vec<Entry> {
    vec![
        entry("friday", Effect::Closes, "0 16 * * FRI", 8),
        entry("weekend", Effect::Closes, "0 0 * * SAT", 48),
    ]
}

fn by(person: &str, decision: u64, until: Option<&str>) -> Freeze {
    Freeze {
        environment: "production".into(),
        decision,
        by: person.into(),
        because: format!("{person} says so"),
        since: at("2026-11-23T09:00"),
        until: until.map(at),
        channel: "ops".into(),
    }
}

fn state(calendar: &[Entry], people: &[Freeze], now: &str) -> State {
    Closings { calendar, people }.state(Part::Whole, at(now))
}

fn closed(calendar: &[Entry], people: &[Freeze], now: &str) -> Closed {
    match state(calendar, people, now) {
        State::Closed(closed) => closed,
        State::Open => panic!("it is open at {now}"),
    }
}

#[test]
fn the_weekend_begins_on_friday_and_ends_on_monday() {
    let usual = usual();
    for open in ["2026-11-27T15:59:59", "2026-11-30T00:00", "2026-11-26T23:59"] {
        assert_eq!(state(&usual, &[], open), State::Open, "{open}");
    }
    let friday = closed(&usual, &[], "2026-11-27T16:00");
    assert_eq!(friday.by, ClosedBy::Calendar("friday".into()));
    assert_eq!(friday.reason, "it is friday");
    assert_eq!(friday.since, Some(at("2026-11-27T16:00")));
    // The one that follows at once counts, too.
    assert_eq!(friday.until, Some(at("2026-11-30T00:00")));
    assert_eq!(friday.names, ["friday".into()].into());
    let sunday = closed(&usual, &[], "2026-11-29T23:59:59");
    assert_eq!(sunday.by, ClosedBy::Calendar("weekend".into()));
    assert_eq!(sunday.since, Some(at("2026-11-28T00:00")));
    assert_eq!(sunday.until, Some(at("2026-11-30T00:00")));
}

#[test]
fn a_day_is_a_day_when_clocks_change() {
    let usual = usual();
    // Sunday has 25 hours in October, and 23 in March.
    for (last, monday) in
        [("2026-10-25T23:59:59", "2026-10-26T00:00"), ("2026-03-29T23:59:59", "2026-03-30T00:00")]
    {
        assert_eq!(closed(&usual, &[], last).until, Some(at(monday)), "{last}");
        assert_eq!(state(&usual, &[], monday), State::Open, "{monday}");
    }
    // The hour that clocks show twice is closed both times.
    let night = [entry("night", Effect::Closes, "0 2 * * *", 2)];
    let first = Timestamp::from_second(at("2026-10-25T01:00").as_second() + 3600).unwrap();
    for minutes in [0, 59, 60, 119, 120, 179] {
        let now = Timestamp::from_second(first.as_second() + minutes * 60).unwrap();
        let state = Closings { calendar: &night, people: &[] }.state(Part::Whole, now);
        assert_ne!(state, State::Open, "{minutes} minutes after clocks first showed two");
    }
    assert_eq!(state(&night, &[], "2026-10-25T04:00"), State::Open);
}

#[test]
fn it_is_said_what_closes_it_next() {
    let usual = usual();
    let closings = Closings { calendar: &usual, people: &[] };
    let Some(Coming { at: when, closed }) =
        closings.next_closing(Part::Whole, at("2026-11-24T10:00"))
    else {
        panic!("nothing comes");
    };
    assert_eq!((when, closed.reason.as_str()), (at("2026-11-27T16:00"), "it is friday"));
    assert_eq!(closed.until, Some(at("2026-11-30T00:00")));
    assert_eq!(closings.next_change(at("2026-11-27T16:00")), Some(at("2026-11-28T00:00")));
    let nothing = Closings { calendar: &[], people: &[] };
    assert_eq!(nothing.next_closing(Part::Whole, at("2026-11-24T10:00")), None);
}

/// An hour ahead of each closing of a year, weekends that follow at once being one with their
/// Fridays, also when clocks change in between.
#[test]
fn what_lies_ahead_of_freezes_comes_once_for_each() {
    let ahead = Ahead { lead: Duration::from_secs(HOUR), calendars: vec![usual()] };
    let mut now = at("2026-01-01T00:00");
    let mut fridays = 0;
    while let Some(next) = ahead.next_after(now).filter(|next| *next < at("2027-01-01T00:00")) {
        let local = next.in_tz("Europe/Berlin").unwrap();
        assert_eq!((local.weekday(), local.hour()), (Weekday::Friday, 15), "{local}");
        // Within the hour and at its beginning the next is that of the week after.
        now = next + Duration::from_secs(HOUR);
        fridays += 1;
    }
    assert_eq!(fridays, 52);
    // From within a freeze, the next that begins after it has ended.
    let sunday = at("2026-11-29T12:00");
    assert_eq!(ahead.next_after(sunday), Some(at("2026-12-04T15:00")));
    // The first of several calendars; and what is ahead of one may lie within another.
    let nights = vec![entry("night", Effect::Closes, "0 22 * * *", 8)];
    let both = Ahead { calendars: vec![usual(), nights], ..ahead.clone() };
    assert_eq!(both.next_after(at("2026-11-27T14:00")), Some(at("2026-11-27T15:00")));
    assert_eq!(both.next_after(at("2026-11-27T15:00")), Some(at("2026-11-27T21:00")));
    // Longer ahead than from one to the next.
    let days = Ahead { lead: Duration::from_secs(8 * 24 * HOUR), ..ahead };
    assert_eq!(days.next_after(at("2026-11-24T10:00")), Some(at("2026-11-26T16:00")));
    let nothing = Ahead { lead: Duration::from_secs(HOUR), calendars: Vec::new() };
    assert_eq!(nothing.next_after(sunday), None);
}

#[test]
fn what_people_froze_stands_beside_the_calendar() {
    let usual = usual();
    let monday = [by("bob", 1, Some("2026-11-30T08:00"))];
    let told = closed(&usual, &monday, "2026-11-28T10:00");
    assert_eq!(told.by, ClosedBy::Person("bob".into()));
    assert_eq!(told.until, Some(at("2026-11-30T08:00")));
    assert_eq!(told.names, ["weekend".into()].into());
    // One that ends in the weekend opens nothing then.
    let saturday = [by("bob", 1, Some("2026-11-28T12:00"))];
    let told = closed(&usual, &saturday, "2026-11-27T10:00");
    assert_eq!(told.by, ClosedBy::Person("bob".into()));
    assert_eq!(told.until, Some(at("2026-11-30T00:00")));
    assert_eq!(told.names, BTreeSet::new());
    let both = [by("bob", 1, Some("2026-11-24T12:00")), by("dave", 2, None)];
    let told = closed(&[], &both, "2026-11-24T10:00");
    assert_eq!((told.by, told.until), (ClosedBy::Person("dave".into()), None));
    assert_eq!(state(&[], &both[..1], "2026-11-24T12:00"), State::Open);
}

#[test]
fn outside_of_its_windows_it_is_closed_and_a_freeze_wins() {
    let mut calendar = vec![entry("office", Effect::Opens, "0 9 * * MON-FRI", 8)];
    assert_eq!(state(&calendar, &[], "2026-11-24T09:00"), State::Open);
    let evening = closed(&calendar, &[], "2026-11-27T17:00");
    assert_eq!(evening.by, ClosedBy::Outside("office".into()));
    assert_eq!(evening.until, Some(at("2026-11-30T09:00")));
    assert_eq!(evening.names, BTreeSet::new());
    let closings = Closings { calendar: &calendar, people: &[] };
    let next = closings.next_closing(Part::Whole, at("2026-11-24T10:00")).unwrap();
    assert_eq!(next.at, at("2026-11-24T17:00"));
    calendar.push(entry("lunch", Effect::Closes, "0 12 * * *", 1));
    let lunch = closed(&calendar, &[], "2026-11-24T12:30");
    assert_eq!(lunch.by, ClosedBy::Calendar("lunch".into()));
    assert_eq!(lunch.until, Some(at("2026-11-24T13:00")));
}

#[test]
fn what_is_about_some_services_closes_those() {
    let mut audit = entry("audit", Effect::Closes, "0 9 24 11 *", 8);
    audit.services = ["web".into()].into();
    let mut canaries = entry("mornings", Effect::Opens, "0 6 * * *", 3);
    canaries.services = ["worker".into()].into();
    let calendar = [audit, canaries];
    let closings = Closings { calendar: &calendar, people: &[] };
    let of = |names: &[&str]| {
        let services: BTreeSet<ServiceName> = names.iter().map(|name| (*name).into()).collect();
        closings.state(Part::Services(&services), at("2026-11-24T10:00"))
    };
    assert_eq!(closings.state(Part::Whole, at("2026-11-24T10:00")), State::Open);
    assert_eq!(of(&["rest-api"]), State::Open);
    assert!(matches!(of(&["web"]), State::Closed(_)));
    let State::Closed(both) = of(&["rest-api", "web", "worker"]) else { panic!("it is closed") };
    // The window of the one opens at a time at which the other is open as well.
    assert_eq!(both.until, Some(at("2026-11-25T06:00")));
}

#[test]
fn what_stands_is_told_apart() {
    let usual = usual();
    let freeze = [by("bob", 1, Some("2026-11-28T12:00"))];
    let standing =
        |people: &[Freeze], now: &str| Closings { calendar: &usual, people }.standing(at(now));
    assert_eq!(standing(&[], "2026-11-24T10:00"), Standing::default());
    assert_ne!(standing(&[], "2026-11-27T15:00"), standing(&[], "2026-11-27T16:00"));
    assert_ne!(standing(&[], "2026-11-27T16:00"), standing(&[], "2026-11-28T00:00"));
    assert_eq!(standing(&[], "2026-11-28T00:00"), standing(&freeze, "2026-11-28T12:00"));
    assert_ne!(standing(&freeze, "2026-11-28T00:00"), standing(&freeze, "2026-11-28T12:00"));
}
