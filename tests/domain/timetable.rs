//! A year of schedules, stepped through by a clock: each time comes once, whenever it is looked
//! at, at changes of clocks, on leap days, and whoever was away.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil::date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;
use shipmate::domain::calendar::Rule;
use shipmate::domain::schedule::{GRACE, ScheduleKey, Timing};
use shipmate::domain::timetable::Timetable;

fn every(rule: &str, zone: &str) -> Timing {
    let zone = TimeZone::get(zone).unwrap();
    let parsed = Box::new(Rule::parse(rule, &zone).unwrap());
    Timing::Repeating { rule: parsed, text: rule.to_owned() }
}

fn key(number: i64) -> ScheduleKey {
    ScheduleKey::Numbered(number)
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// All that is due from one moment to another, by a clock that goes in steps.
fn due(table: &mut Timetable, from: Timestamp, to: Timestamp, step: jiff::Span) -> Vec<Timestamp> {
    let mut now = from;
    let mut times = Vec::new();
    while now <= to {
        while let Some(due) = table.take_due(now) {
            assert!(due.in_time, "{due:?}");
            assert_eq!(due.skipped, 0, "{due:?}");
            times.push(due.at);
        }
        now = now.checked_add(step).unwrap();
    }
    times
}

#[test]
fn a_year_of_mornings_in_two_zones() {
    for zone in ["Europe/Berlin", "America/New_York"] {
        let mut table = Timetable::default();
        let tz = TimeZone::get(zone).unwrap();
        let begin = date(2027, 1, 1).to_zoned(tz.clone()).unwrap();
        let end = begin.checked_add(1.year()).unwrap();
        table.set(key(1), every("0 9 * * *", zone), GRACE, begin.timestamp());
        let times = due(&mut table, begin.timestamp(), end.timestamp(), 10.minutes());
        assert_eq!(times.len(), 365, "{zone}");
        for (day, time) in (0..).zip(&times) {
            let local = time.to_zoned(tz.clone());
            let expected = begin.date().checked_add(i64::from(day).days()).unwrap();
            assert_eq!((local.date(), local.hour(), local.minute()), (expected, 9, 0), "{zone}");
        }
    }
}

#[test]
fn what_a_change_of_clocks_skips_or_repeats_comes_once() {
    // Half past is not there on the one day, and there twice on the other.
    let cases = [
        ("30 2 * * *", "Europe/Berlin", "2027-03-27T12:00:00Z", "2027-03-28T01:00:00Z"),
        ("30 2 * * *", "Europe/Berlin", "2027-10-30T12:00:00Z", "2027-10-31T00:30:00Z"),
        ("30 2 * * *", "America/New_York", "2027-03-13T12:00:00Z", "2027-03-14T07:00:00Z"),
        ("30 1 * * *", "America/New_York", "2027-11-06T12:00:00Z", "2027-11-07T05:30:00Z"),
    ];
    for (rule, zone, before, expected) in cases {
        let mut table = Timetable::default();
        table.set(key(1), every(rule, zone), GRACE, at(before));
        let to = at(before).checked_add(24.hours()).unwrap();
        assert_eq!(due(&mut table, at(before), to, 1.minute()), [at(expected)], "{zone}");
    }
}

#[test]
fn leap_days_come_when_they_do() {
    let mut table = Timetable::default();
    table.set(key(1), every("0 9 29 2 *", "UTC"), GRACE, at("2027-01-01T00:00:00Z"));
    let times =
        due(&mut table, at("2027-01-01T00:00:00Z"), at("2032-12-31T00:00:00Z"), 15.minutes());
    assert_eq!(times, [at("2028-02-29T09:00:00Z"), at("2032-02-29T09:00:00Z")]);
}

#[test]
fn who_was_away_makes_up_for_one_or_for_none() {
    let night = at("2027-01-04T00:00:00Z");
    let mut table = Timetable::default();
    table.set(key(1), every("*/5 * * * *", "UTC"), GRACE, night);
    table.set(key(2), every("0 1 * * *", "UTC"), GRACE, night);
    let morning = at("2027-01-04T08:03:00Z");
    let mut found = BTreeMap::new();
    while let Some(due) = table.take_due(morning) {
        assert!(found.insert(due.schedule.clone(), due).is_none(), "one of each");
    }
    let often = &found[&key(1)];
    assert_eq!((often.at, often.in_time, often.skipped), (at("2027-01-04T08:00:00Z"), true, 95));
    let once = &found[&key(2)];
    assert_eq!((once.at, once.in_time, once.skipped), (at("2027-01-04T01:00:00Z"), false, 0));
    assert_eq!(table.next_due(), Some(at("2027-01-04T08:05:00Z")));
}

#[test]
fn years_of_minutes_are_passed_over_at_once() {
    let mut table = Timetable::default();
    table.set(key(1), every("* * * * *", "UTC"), GRACE, at("2020-01-01T00:00:00Z"));
    let due = table.take_due(at("2027-01-04T08:03:20Z")).unwrap();
    assert_eq!((due.at, due.in_time), (at("2027-01-04T08:03:00Z"), true));
    assert!(due.skipped >= 10_000);
}

#[test]
fn what_was_changed_or_removed_is_not_due() {
    let begin = at("2027-01-01T00:00:00Z");
    let mut table = Timetable::default();
    for number in 1..=3 {
        table.set(key(number), every("0 9 * * *", "UTC"), GRACE, begin);
    }
    table.remove(&key(1));
    table.set(key(2), every("0 10 * * *", "UTC"), GRACE, begin);
    assert_eq!(table.len(), 2);
    let due = table.take_due(at("2027-01-01T09:00:00Z")).unwrap();
    assert_eq!(due.schedule, key(3));
    assert_eq!(table.take_due(at("2027-01-01T09:00:00Z")), None);
    assert_eq!(table.next_due(), Some(at("2027-01-01T10:00:00Z")));
    table.set(key(4), Timing::Once(at("2027-01-01T09:30:00Z")), GRACE, begin);
    assert_eq!(table.take_due(at("2027-01-01T09:31:00Z")).unwrap().schedule, key(4));
    assert_eq!(table.next_due(), Some(at("2027-01-01T10:00:00Z")));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whenever somebody looks, no time is told twice, none is told early, and each is told or
    /// counted.
    #[test]
    fn each_time_is_told_or_counted_once(
        minutes in 1_i64..50,
        looks in prop::collection::vec(1_u64..20_000, 1..60),
    ) {
        let begin = at("2027-03-28T00:00:00Z");
        let mut table = Timetable::default();
        let rule = format!("*/{minutes} * * * *");
        let timing = every(&rule, "Europe/Berlin");
        table.set(key(1), timing.clone(), GRACE, begin);
        let (mut now, mut told, mut last) = (begin, 0_u32, begin);
        for seconds in looks {
            now = now.checked_add(Duration::from_secs(seconds)).unwrap();
            if let Some(due) = table.take_due(now) {
                prop_assert!(due.at > last && due.at <= now);
                prop_assert!(timing.next_after(due.at).unwrap() > now);
                last = due.at;
                told += 1 + due.skipped;
            }
            prop_assert_eq!(table.take_due(now), None);
        }
        let mut all = 0;
        let mut time = begin;
        while let Some(next) = timing.next_after(time).filter(|next| *next <= now) {
            (time, all) = (next, all + 1);
        }
        prop_assert_eq!(told, all);
    }
}
