//! Moments and lengths as people write them: which moment is meant, and that what is shown reads
//! back.

use std::time::Duration;

use jiff::civil::{Date, Time, Weekday};
use jiff::{SignedDuration, Zoned};
use proptest::prelude::*;
use shipmate::domain::words_of_time::{Day, LONGEST, TimeError, When, length, spelled};

/// The moment that a text means at `now`, without its zone; or what is wrong with it.
fn meant(text: &str, now: &str) -> Result<String, String> {
    let now: Zoned = now.parse().unwrap();
    let when = When::parse(text).map_err(|error| error.to_string())?;
    let moment = when.resolve(&now).map_err(|error| error.to_string())?;
    assert!(moment.timestamp() > now.timestamp(), "{text}: {moment}");
    assert_eq!(moment.time_zone(), now.time_zone());
    Ok(moment.strftime("%Y-%m-%d %H:%M:%S %Z").to_string())
}

/// A Friday.
const NOW: &str = "2026-11-27T15:00[Europe/Berlin]";

#[test]
fn moments_are_read_as_people_name_them() {
    for (text, expected) in [
        ("at 18:00", "2026-11-27 18:00:00 CET"),
        ("18:00", "2026-11-27 18:00:00 CET"),
        ("6pm", "2026-11-27 18:00:00 CET"),
        ("at 6:30 PM", "2026-11-27 18:30:00 CET"),
        ("12am", "2026-11-28 00:00:00 CET"),
        ("12pm", "2026-11-28 12:00:00 CET"),
        ("23:59:30", "2026-11-27 23:59:30 CET"),
        // Past today, so tomorrow is meant; the very minute as well.
        ("at 9:30", "2026-11-28 09:30:00 CET"),
        ("at 15:00", "2026-11-28 15:00:00 CET"),
        ("today at 18:00", "2026-11-27 18:00:00 CET"),
        ("tomorrow at 9:30", "2026-11-28 09:30:00 CET"),
        ("at 9:30 tomorrow", "2026-11-28 09:30:00 CET"),
        ("on friday at 16:00", "2026-11-27 16:00:00 CET"),
        ("on Friday, at 14:00", "2026-12-04 14:00:00 CET"),
        ("friday 14:00", "2026-12-04 14:00:00 CET"),
        ("18:00 on mon", "2026-11-30 18:00:00 CET"),
        ("monday 8:00", "2026-11-30 08:00:00 CET"),
        ("in 2 hours", "2026-11-27 17:00:00 CET"),
        ("in 1h 30m", "2026-11-27 16:30:00 CET"),
        ("in a week", "2026-12-04 15:00:00 CET"),
        ("2026-12-24 at 10:00", "2026-12-24 10:00:00 CET"),
        ("on 2027-07-01 10:00", "2027-07-01 10:00:00 CEST"),
        ("2026-12-24T10:00", "2026-12-24 10:00:00 CET"),
    ] {
        assert_eq!(meant(text, NOW).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn what_is_no_moment_says_what_to_write() {
    for (text, expected) in [
        ("25:00", "`25:00` is not a time of day; write one from 0:00 to 23:59, or such as 6pm"),
        ("at 18", "`18` is not a time of day; write one from 0:00 to 23:59, or such as 6pm"),
        ("13pm", "`13pm` is not a time of day; write one from 0:00 to 23:59, or such as 6pm"),
        ("9:5", "`9:5` is not a time of day; write one from 0:00 to 23:59, or such as 6pm"),
        ("friday", "`friday` lacks the time of day; write for example friday at 14:00"),
        (
            "2026-02-30 at 10:00",
            "`2026-02-30` is not a date; write one that the calendar has, such as 2026-12-24",
        ),
        (
            "24.12.2026 10:00",
            "`24.12.2026` is not a date; write one that the calendar has, such as 2026-12-24",
        ),
        (
            "soon",
            "`soon` is not a moment; write for example at 18:00, tomorrow at 9:30, on friday at \
             14:00, in 2 hours or on 2026-12-24 at 10:00",
        ),
        ("in 2", "`2` lacks a unit; write for example 30s, 10m or 1h30m"),
        ("in 0 hours", "`0 hours` is no time at all; write for example 30s, 10m or 1h30m"),
        (
            "today at 9:30",
            "`today at 09:30` is past: it is 27 November 2026, 15:00 CET already; write a moment \
             that is still to come",
        ),
        (
            "2026-11-27 14:59",
            "`on 2026-11-27 at 14:59` is past: it is 27 November 2026, 15:00 CET already; write \
             a moment that is still to come",
        ),
        (
            "9999-12-31 at 10:00",
            "`on 9999-12-31 at 10:00` is too far away; write a moment within 3650d",
        ),
    ] {
        assert_eq!(meant(text, NOW).unwrap_err(), expected);
    }
    for text in ["", "at", "on", "tomorrow friday 8:00", "at 8:00 at 9:00", "friday 8:00 monday"] {
        let error = When::parse(text).unwrap_err();
        assert!(matches!(error, TimeError::NotAMoment { .. }), "{text}: {error}");
    }
}

#[test]
fn clocks_that_are_changed_leave_one_moment() {
    // Forward at 2:00, back at 3:00.
    let march = "2026-03-28T22:00[Europe/Berlin]";
    assert_eq!(meant("at 2:30", march).as_deref(), Ok("2026-03-29 03:00:00 CEST"));
    assert_eq!(meant("at 3:00", march).as_deref(), Ok("2026-03-29 03:00:00 CEST"));
    let october = "2026-10-24T22:00[Europe/Berlin]";
    assert_eq!(meant("at 2:30", october).as_deref(), Ok("2026-10-25 02:30:00 CEST"));
    // Between the two, the first is past.
    let between = "2026-10-25T02:45+02:00[Europe/Berlin]";
    assert_eq!(meant("at 2:30", between).as_deref(), Ok("2026-10-26 02:30:00 CET"));
    // A length is counted, not read off a clock.
    assert_eq!(meant("in 12 hours", march).as_deref(), Ok("2026-03-29 11:00:00 CEST"));
    // Where the whole hour of midnight is skipped.
    let santiago = "2026-09-05T20:00[America/Santiago]";
    assert_eq!(meant("tomorrow at 0:30", santiago).as_deref(), Ok("2026-09-06 01:00:00 -03"));
}

fn day() -> impl Strategy<Value = Day> {
    let weekday = (0..7_i8).prop_map(|at| Weekday::from_monday_zero_offset(at).unwrap());
    let date = (1..=9999_i16, 1..=12_i8, 1..=28_i8)
        .prop_map(|(year, month, day)| Date::new(year, month, day).unwrap());
    prop_oneof![
        Just(Day::Next),
        Just(Day::Today),
        Just(Day::Tomorrow),
        weekday.prop_map(Day::On),
        date.prop_map(Day::Date),
    ]
}

fn time() -> impl Strategy<Value = Time> {
    (0..24_i8, 0..60_i8, 0..60_i8)
        .prop_map(|(hour, minute, second)| Time::new(hour, minute, second, 0).unwrap())
}

proptest! {
    #![proptest_config(super::cases(500))]

    #[test]
    fn a_length_that_is_shown_reads_back(milliseconds in 1..=LONGEST.as_millis() as u64) {
        let one = Duration::from_millis(milliseconds);
        prop_assert_eq!(length(&spelled(one)), Ok(one));
    }

    #[test]
    fn a_moment_that_is_shown_reads_back(day in day(), time in time()) {
        let when = When::At { day, time };
        prop_assert_eq!(When::parse(&when.to_string()), Ok(when));
    }

    #[test]
    fn a_distance_that_is_shown_reads_back(seconds in 1..=LONGEST.as_secs()) {
        let when = When::In(Duration::from_secs(seconds));
        prop_assert_eq!(When::parse(&when.to_string()), Ok(when));
    }

    #[test]
    fn a_moment_that_is_meant_is_later_and_within_reach(
        day in day(), time in time(), now in 0..4_000_000_000_i64,
    ) {
        for zone in ["Europe/Berlin", "America/Santiago", "Australia/Lord_Howe"] {
            let now = jiff::Timestamp::from_second(now).unwrap().in_tz(zone).unwrap();
            match (When::At { day, time }.resolve(&now), day) {
                (Ok(moment), _) => prop_assert!(moment.timestamp() > now.timestamp()),
                (Err(error), Day::Next | Day::On(_) | Day::Tomorrow) => {
                    prop_assert!(false, "{error}");
                }
                (Err(_), Day::Today | Day::Date(_)) => {}
            }
        }
    }

    #[test]
    fn no_text_is_too_odd(text in "\\PC{0,40}") {
        let _ = (length(&text), When::parse(&text));
        let _ = When::parse(&format!("in {text}"));
    }
}

#[test]
fn the_minute_of_a_moment_is_never_before_it() {
    for (moment, minute) in [
        ("2026-11-30T00:00[Europe/Berlin]", "on 2026-11-30 at 00:00"),
        ("2026-11-30T00:00:00.3[Europe/Berlin]", "on 2026-11-30 at 00:01"),
        ("2026-11-30T23:59:30[Europe/Berlin]", "on 2026-12-01 at 00:00"),
        // Clocks show these twice, and the first time is what people mean.
        ("2026-10-25T02:29:30+02:00[Europe/Berlin]", "on 2026-10-25 at 02:30"),
        ("2026-10-25T02:30+01:00[Europe/Berlin]", "on 2026-10-25 at 03:00"),
    ] {
        let moment: Zoned = moment.parse().unwrap();
        let when = When::minute_of(&moment).unwrap();
        assert_eq!(when.to_string(), minute, "{moment}");
        let before = moment.checked_sub(SignedDuration::from_hours(2)).unwrap();
        assert!(when.resolve(&before).unwrap() >= moment, "{moment}");
    }
}
