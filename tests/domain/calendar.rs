//! Rules and windows: what they fire is compared with a clock that is read minute by minute for a
//! year, in zones that change their clocks in different ways.

use std::time::Duration;

use jiff::civil::{DateTime, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use shipmate::domain::calendar::{Rule, Window};

/// Clocks are changed in the night, by an hour; at midnight; by half an hour.
const ZONES: [&str; 3] = ["Europe/Berlin", "America/Santiago", "Australia/Lord_Howe"];

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn moment(text: &str) -> Timestamp {
    text.parse::<Zoned>().unwrap().timestamp()
}

/// The firings after a moment, as clocks in Berlin show them.
fn firings(rule: &str, after: &str, count: usize) -> Vec<String> {
    let zone = zone("Europe/Berlin");
    let rule = Rule::parse(rule, &zone).unwrap_or_else(|error| panic!("{error}"));
    let mut at = moment(&format!("{after}[Europe/Berlin]"));
    let mut found = Vec::new();
    while let Some(next) = rule.next_after(at).filter(|_| found.len() < count) {
        assert!(next > at);
        found.push(next.to_zoned(zone.clone()).strftime("%F %R %Z").to_string());
        at = next;
    }
    found
}

/// Whether a rule fires in this minute of a clock, written without anything of the program's.
type Fires = fn(DateTime) -> bool;

const MINUTES_AND_HOURS: [(&str, Fires); 4] = [
    ("*/15 * * * *", |at| at.minute() % 15 == 0),
    ("30 2 * * *", |at| at.hour() == 2 && at.minute() == 30),
    ("0 */2 * * *", |at| at.hour() % 2 == 0 && at.minute() == 0),
    ("5,45 0-3 * * *", |at| at.hour() <= 3 && [5, 45].contains(&at.minute())),
];

const DAYS: [(&str, Fires); 7] = [
    ("0 16 * * FRI", |at| is_on(at, Weekday::Friday) && shows(at, 16, 0)),
    ("0 0 1,15 * *", |at| [1, 15].contains(&at.day()) && shows(at, 0, 0)),
    // Either of the days will do.
    ("0 12 13 * FRI", |at| (at.day() == 13 || is_on(at, Weekday::Friday)) && shows(at, 12, 0)),
    ("30 9 * 3,10 MON-FRI", |at| {
        let weekend = is_on(at, Weekday::Saturday) || is_on(at, Weekday::Sunday);
        [3, 10].contains(&at.month()) && !weekend && shows(at, 9, 30)
    }),
    ("0 12 L * *", |at| at.date().tomorrow().unwrap().day() == 1 && shows(at, 12, 0)),
    ("0 12 * * FRI#2", |at| {
        is_on(at, Weekday::Friday) && (8..=14).contains(&at.day()) && shows(at, 12, 0)
    }),
    ("15 10 * * FRIL", |at| is_last_friday(at) && shows(at, 10, 15)),
];

const RECURRENCES: [(&str, Fires); 7] = [
    ("DTSTART:20250101T023000 RRULE:FREQ=DAILY", |at| shows(at, 2, 30)),
    ("DTSTART:20250103T160000 RRULE:FREQ=WEEKLY;BYDAY=FR,SU", |at| {
        (is_on(at, Weekday::Friday) || is_on(at, Weekday::Sunday)) && shows(at, 16, 0)
    }),
    ("DTSTART:20251205T090000 RRULE:FREQ=WEEKLY;INTERVAL=2", |at| {
        let since = at.date() - jiff::civil::date(2025, 12, 5);
        since.get_days() % 14 == 0 && shows(at, 9, 0)
    }),
    ("DTSTART:20250131T101500 RRULE:FREQ=MONTHLY;BYDAY=-1FR", |at| {
        is_last_friday(at) && shows(at, 10, 15)
    }),
    ("DTSTART:20250101T000000 RRULE:FREQ=YEARLY;BYMONTH=3,10;BYDAY=-1SU;BYHOUR=2;BYMINUTE=0,30", {
        |at| {
            let is_last = at.date().day() + 7 > at.date().days_in_month();
            let sunday = is_on(at, Weekday::Sunday) && is_last && [3, 10].contains(&at.month());
            sunday && at.hour() == 2 && [0, 30].contains(&at.minute())
        }
    }),
    ("DTSTART:20250131T000000 RRULE:FREQ=MONTHLY", |at| at.day() == 31 && shows(at, 0, 0)),
    // The last working day of each month.
    ("DTSTART:20250101T170000 RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", |at| {
        let left = i8::from(is_on(at, Weekday::Friday)) * 2;
        let weekend = is_on(at, Weekday::Saturday) || is_on(at, Weekday::Sunday);
        at.day() + left >= at.date().days_in_month() && !weekend && shows(at, 17, 0)
    }),
];

fn is_on(at: DateTime, weekday: Weekday) -> bool {
    at.weekday() == weekday
}

fn shows(at: DateTime, hour: i8, minute: i8) -> bool {
    at.hour() == hour && at.minute() == minute
}

fn is_last_friday(at: DateTime) -> bool {
    is_on(at, Weekday::Friday) && at.day() + 7 > at.date().days_in_month()
}

/// The minutes of 2026, as a clock shows them one after another: what it shows first, and what
/// it skipped just before.
fn minutes(zone: &TimeZone) -> Vec<(Timestamp, Vec<DateTime>)> {
    let minute = SignedDuration::from_mins(1);
    let begin: Timestamp = "2026-01-01T00:00Z".parse().unwrap();
    let end: Timestamp = "2027-01-01T00:00Z".parse().unwrap();
    let mut minutes = Vec::new();
    let mut at = begin;
    let mut latest = zone.to_datetime(begin) - minute;
    while at < end {
        let now = zone.to_datetime(at);
        let mut first = Vec::new();
        while latest < now {
            latest += minute;
            first.push(latest);
        }
        minutes.push((at, first));
        at += minute;
    }
    minutes
}

#[test]
fn a_year_of_firings_is_what_a_clock_shows() {
    for name in ZONES {
        let zone = zone(name);
        let minutes = minutes(&zone);
        let (begin, end) = (minutes[0].0, minutes[minutes.len() - 1].0);
        let rules = MINUTES_AND_HOURS.iter().chain(&DAYS).chain(&RECURRENCES);
        for (text, fires) in rules {
            let expected: Vec<Timestamp> = minutes
                .iter()
                .filter(|(_, shown)| shown.iter().any(|one| fires(*one)))
                .map(|(at, _)| *at)
                .collect();
            let rule = Rule::parse(text, &zone).unwrap_or_else(|error| panic!("{error}"));
            let mut found = Vec::new();
            let mut at = begin - SignedDuration::from_secs(1);
            while let Some(next) = rule.next_after(at).filter(|next| *next <= end) {
                found.push(next);
                at = next;
            }
            let odd = found.iter().zip(&expected).find(|(one, other)| one != other);
            assert_eq!(odd, None, "{text} in {name}");
            assert_eq!(found.len(), expected.len(), "{text} in {name}");
            assert!(!found.is_empty(), "{text} in {name}");
        }
    }
}

#[test]
fn what_a_change_of_clocks_skips_happens_at_the_change_and_what_it_repeats_once() {
    assert_eq!(
        firings("30 2 * * *", "2026-03-28T12:00", 2),
        ["2026-03-29 03:00 CEST", "2026-03-30 02:30 CEST"]
    );
    assert_eq!(
        firings("30 2 * * *", "2026-10-24T12:00", 2),
        ["2026-10-25 02:30 CEST", "2026-10-26 02:30 CET"]
    );
    // In the middle of the hour that comes twice, what was shown before does not come again.
    assert_eq!(
        firings("*/20 * * * *", "2026-10-25T02:30+02:00", 3),
        ["2026-10-25 02:40 CEST", "2026-10-25 03:00 CET", "2026-10-25 03:20 CET"]
    );
    assert_eq!(firings("*/20 * * * *", "2026-10-25T02:30+01:00", 1), ["2026-10-25 03:00 CET"]);
}

#[test]
fn rare_days_are_found_and_impossible_ones_are_not() {
    assert_eq!(
        firings("0 0 29 2 *", "2096-01-01T00:00", 2),
        ["2096-02-29 00:00 CET", "2104-02-29 00:00 CET"]
    );
    let leap = "DTSTART:20240229T000000 RRULE:FREQ=YEARLY";
    assert_eq!(firings(leap, "2024-03-01T00:00", 1), ["2028-02-29 00:00 CET"]);
    for never in [
        "0 0 30 2 *",
        "0 0 31 4,6 *",
        "DTSTART:20260101T000000 RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "DTSTART:20260101T000000 RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "DTSTART:20260101T000000 RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=3",
        "DTSTART:20260101T000000 RRULE:FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=31;BYMONTH=6",
        "DTSTART:20260101T000000",
    ] {
        assert_eq!(firings(never, "2026-01-01T00:00", 1), [""; 0], "{never}");
    }
}

#[test]
fn a_recurrence_ends_where_it_says() {
    let start = "DTSTART:20261127T160000";
    let all = |rest: &str| firings(&format!("{start} {rest}"), "2026-01-01T00:00", 9);
    assert_eq!(all(""), ["2026-11-27 16:00 CET"]);
    let three = ["2026-11-27 16:00 CET", "2026-11-28 16:00 CET", "2026-11-29 16:00 CET"];
    assert_eq!(all("RRULE:FREQ=DAILY;COUNT=3"), three);
    assert_eq!(all("RRULE:FREQ=DAILY;UNTIL=20261129T160000"), three);
    assert_eq!(all("RRULE:FREQ=DAILY;UNTIL=20261129T150000Z"), three);
    assert_eq!(all("RRULE:FREQ=DAILY;UNTIL=20261129"), three);
    assert_eq!(all("RRULE:FREQ=DAILY;UNTIL=20261129T155900"), three[..2]);
    // What is left out counts all the same.
    let odd = "EXDATE:20261128T160000 RRULE:FREQ=DAILY;COUNT=3";
    assert_eq!(all(odd), [three[0], three[2]]);
    assert_eq!(all("RRULE:FREQ=DAILY;COUNT=3\nEXDATE;VALUE=DATE:20261127,20261129"), three[1..2]);
    assert_eq!(all("EXDATE:20261127T150000Z RRULE:FREQ=DAILY;COUNT=2"), three[1..2]);
    // A zone of its own goes before the one that is given.
    let own = "DTSTART;TZID=America/New_York:20261127T160000 RRULE:FREQ=DAILY;COUNT=1";
    assert_eq!(firings(own, "2026-01-01T00:00", 9), ["2026-11-27 22:00 CET"]);
    let utc = "DTSTART:20261127T150000Z RRULE:FREQ=DAILY;COUNT=1";
    assert_eq!(firings(utc, "2026-01-01T00:00", 9), three[..1]);
    // The week begins on Monday, unless it is said.
    let fortnight = "DTSTART:20261129T080000 RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;COUNT=3";
    let monday = ["2026-11-29 08:00 CET", "2026-12-07 08:00 CET", "2026-12-13 08:00 CET"];
    assert_eq!(firings(fortnight, "2026-01-01T00:00", 9), monday);
    let sunday = ["2026-11-29 08:00 CET", "2026-11-30 08:00 CET", "2026-12-13 08:00 CET"];
    assert_eq!(firings(&format!("{fortnight};WKST=SU"), "2026-01-01T00:00", 9), sunday);
}

#[test]
fn what_is_no_rule_says_what_to_write() {
    let zone = zone("Europe/Berlin");
    for (text, expected) in [
        (
            "every friday",
            "`every friday` is not a cron expression; write minute, hour, day of the month, \
             month and day of the week, such as `0 16 * * FRI`",
        ),
        ("60 * * * *", "`60` is no minute; write 0 to 59, *, 0-30 or */15"),
        ("0 24 * * *", "`24` is no hour; write 0 to 23, *, 9-17 or */2"),
        ("0 0 0 * *", "`0` is no day of the month; write 1 to 31, *, 1-7, */2, or L for the last"),
        ("0 0 * foo *", "`foo` is no month; write 1 to 12, JAN to DEC, *, 1-6 or */3"),
        ("*/0 * * * *", "`*/0` is no minute; write 0 to 59, *, 0-30 or */15"),
        ("30-10 * * * *", "`30-10` is no minute; write 0 to 59, *, 0-30 or */15"),
        (
            "0 0 * * FRI#6",
            "`fri#6` is no day of the week; write 0 to 7, SUN to SAT, *, MON-FRI, FRI#2 for the \
             second or FRIL for the last of a month",
        ),
        ("RRULE:FREQ=DAILY", "the recurrence lacks its start, such as `DTSTART:20261127T160000`"),
        (
            "DTSTART:20261127T160000 RRULE:BYDAY=FR",
            "the recurrence lacks its frequency, such as `FREQ=WEEKLY`",
        ),
        (
            "DTSTART:20261131T160000",
            "`20261131T160000` is wrong; write a date and time such as 20261127T160000, or a \
             date such as 20261127",
        ),
        (
            "DTSTART;TZID=Mars/Olympus:20261127T160000",
            "there is no timezone `Mars/Olympus`; write an IANA name such as Europe/Berlin",
        ),
        (
            "DTSTART:20261127T160000 RRULE:FREQ=DAILY;COUNT=2;UNTIL=20261129",
            "COUNT and UNTIL exclude each other; write one of them",
        ),
        (
            "DTSTART:20261127T160000 RRULE:FREQ=HOURLY",
            "`FREQ=HOURLY` is wrong; write YEARLY, MONTHLY, WEEKLY or DAILY, with BYHOUR for hours",
        ),
        (
            "DTSTART:20261127T160000 RRULE:FREQ=DAILY;BYWEEKNO=2",
            "`BYWEEKNO` cannot stand in a recurrence here; known are FREQ, INTERVAL, COUNT, \
             UNTIL, WKST, BYMONTH, BYMONTHDAY, BYDAY, BYHOUR, BYMINUTE and BYSETPOS",
        ),
        (
            "DTSTART:20261127T160000 RRULE:FREQ=DAILY;FREQ=DAILY",
            "`FREQ` stands twice in the recurrence; write it once",
        ),
        (
            "DTSTART:20261127T160000 RRULE:FREQ=WEEKLY;BYDAY=2FR",
            "`BYDAY=2FR` is wrong; write days of the week without numbers",
        ),
    ] {
        assert_eq!(Rule::parse(text, &zone).unwrap_err().to_string(), expected);
    }
}

#[test]
fn a_window_is_open_from_each_firing_on() {
    let window = |rule: &str, hours: u64| Window {
        rule: Rule::parse(rule, &zone("Europe/Berlin")).unwrap(),
        length: Duration::from_secs(hours * 3600),
        reason: "no changes at the weekend".to_owned(),
    };
    let berlin = |text: &str| moment(&format!("{text}[Europe/Berlin]"));
    let weekend = window("0 16 * * FRI", 64);
    let monday = berlin("2026-11-30T08:00");
    assert_eq!(weekend.contains(berlin("2026-11-27T15:59:59")), None);
    assert_eq!(weekend.contains(berlin("2026-11-27T16:00")), Some(monday));
    assert_eq!(weekend.contains(berlin("2026-11-30T07:59:59")), Some(monday));
    assert_eq!(weekend.contains(monday), None);
    let next = Some(berlin("2026-12-04T16:00"));
    assert_eq!(weekend.next_opening_after(berlin("2026-11-27T16:00")), next);
    // Days that follow each other are one long window, and a window without end is told as open.
    let days = window("0 0 24-26 12 *", 24);
    assert_eq!(days.contains(berlin("2026-12-24T12:00")), Some(berlin("2026-12-27T00:00")));
    // The day on which clocks are set back is an hour longer.
    let always = window("0 0 * * *", 25);
    assert!(always.contains(berlin("2026-12-24T12:00")).unwrap() > berlin("2027-12-24T00:00"));
}
