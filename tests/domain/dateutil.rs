//! Recurrences held against those of dateutil, which much of Python's world reads calendars with:
//! rules at random, and both must fire at the same times.

use std::io::Write;
use std::process::{Command, Stdio};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use shipmate::domain::calendar::Rule;

use crate::sandbox::peers::tool;

/// So many rules are drawn.
const RULES: usize = 400;

/// So many firings of each are compared, of those in so many days: what never fires is looked for
/// in all years to come by dateutil.
const FIRINGS: usize = 12;
const DAYS: i64 = 12 * 366;

/// Reads a rule and a moment from each line, and prints the firings after it.
const PROGRAM: &str = r#"
import sys, datetime, itertools
from dateutil.rrule import rrulestr
for line in sys.stdin:
    after, count, days, text = line.rstrip("\n").split("|")
    after = datetime.datetime.fromisoformat(after)
    end = after + datetime.timedelta(days=int(days))
    if "UNTIL" not in text:
        start, rule, *rest = text.split(" ")
        text = " ".join([start, rule + end.strftime(";UNTIL=%Y%m%dT%H%M%S"), *rest])
    rule = rrulestr(text.replace(" ", "\n"))
    found = itertools.takewhile(lambda at: at < end, rule.xafter(after, count=int(count)))
    print(" ".join(at.isoformat() for at in found), flush=True)
"#;

/// Draws the parts of rules; the same ones each time.
struct Draw(fastrand::Rng);

impl Draw {
    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.0.usize(..of.len())]
    }

    /// One or several, with commas between them.
    fn some(&mut self, of: &[&str]) -> String {
        let count = self.0.usize(1..=3);
        let mut drawn: Vec<&str> = (0..count).map(|_| self.one(of)).collect();
        drawn.sort_unstable();
        drawn.dedup();
        drawn.join(",")
    }

    fn rule(&mut self) -> String {
        let start = self.one(&[
            "20240229T091500",
            "20260131T160000",
            "20261127T163000",
            "20251228T000000",
            "20260401T235900",
        ]);
        let frequency = self.one(&["YEARLY", "MONTHLY", "WEEKLY", "DAILY"]);
        let mut text = format!("DTSTART:{start} RRULE:FREQ={frequency}");
        let mut part = |key: &str, value: &str| text.push_str(&format!(";{key}={value}"));
        if self.0.bool() {
            part("INTERVAL", self.one(&["1", "2", "3", "4", "5"]));
        }
        let (mut narrowed, mut by_month_day) = (false, false);
        if self.0.u8(..3) == 0 {
            part("BYMONTH", &self.some(&["1", "2", "6", "10", "12"]));
            narrowed = true;
        }
        if frequency != "WEEKLY" && self.0.u8(..3) == 0 {
            part("BYMONTHDAY", &self.some(&["1", "13", "29", "31", "-1", "-5"]));
            narrowed = true;
            by_month_day = true;
        }
        if self.0.bool() {
            let days: &[&str] = match frequency {
                // Not among those without a number: dateutil wants a day to be both.
                "MONTHLY" if !by_month_day && self.0.bool() => &["1TU", "-1FR", "5WE", "2SU"],
                _ => &["MO", "WE", "FR", "SA", "SU"],
            };
            part("BYDAY", &self.some(days));
            narrowed = true;
        }
        if self.0.u8(..3) == 0 {
            part("BYHOUR", &self.some(&["0", "9", "16", "23"]));
        }
        if self.0.u8(..3) == 0 {
            part("BYMINUTE", &self.some(&["0", "15", "59"]));
        }
        // Of the week that it starts in, dateutil numbers only the days that are left, and not, as
        // RFC 5545 has it, all of them. Where a day has no such firing, it looks for ever.
        if narrowed && ["YEARLY", "MONTHLY"].contains(&frequency) && self.0.u8(..3) == 0 {
            part("BYSETPOS", self.one(&["1", "2", "-1", "-2"]));
        }
        if frequency == "WEEKLY" && self.0.bool() {
            part("WKST", self.one(&["MO", "SU"]));
        }
        match self.0.u8(..4) {
            0 => part("COUNT", self.one(&["1", "7", "40"])),
            1 => part("UNTIL", self.one(&["20270101T000000", "20290630T120000"])),
            _ => {}
        }
        if self.0.u8(..4) == 0 {
            text.push_str(&format!(" EXDATE:{start}"));
        }
        text
    }
}

fn ours(text: &str, after: Timestamp) -> Vec<String> {
    let rule =
        Rule::recurrence(text, &TimeZone::UTC).unwrap_or_else(|error| panic!("{text}: {error}"));
    let end = after.checked_add(jiff::SignedDuration::from_hours(DAYS * 24)).unwrap();
    let firings = std::iter::successors(rule.next_after(after), |at| rule.next_after(*at));
    let firings = firings.take_while(|at| *at < end).take(FIRINGS);
    firings.map(|at| TimeZone::UTC.to_datetime(at).to_string()).collect()
}

#[test]
fn recurrences_fire_when_dateutils_do() {
    let Some(python) = tool("recurrences_fire_when_dateutils_do", "python") else { return };
    let mut draw = Draw(fastrand::Rng::with_seed(5545));
    let moments = ["2024-01-01T00:00:00", "2026-11-27T16:30:00", "2027-03-28T01:59:00"];
    let asked: Vec<(String, &str)> =
        (0..RULES).map(|_| (draw.rule(), draw.one(&moments))).collect();
    let mut child = Command::new(python)
        .args(["-c", PROGRAM])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines: String =
        asked.iter().map(|(rule, after)| format!("{after}|{FIRINGS}|{DAYS}|{rule}\n")).collect();
    let mut stdin = child.stdin.take().unwrap();
    let writing = std::thread::spawn(move || stdin.write_all(lines.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    assert!(output.status.success());
    let answers = String::from_utf8(output.stdout).unwrap();
    assert_eq!(answers.lines().count(), asked.len());
    let mut fired = 0;
    for ((rule, after), theirs) in asked.iter().zip(answers.lines()) {
        let theirs: Vec<&str> = theirs.split_whitespace().collect();
        let ours = ours(rule, format!("{after}Z").parse().unwrap());
        fired += theirs.len();
        assert_eq!(ours, theirs, "{rule} after {after}");
    }
    assert!(fired > RULES, "{fired} firings compared are few");
}
