//! What it costs to know which of many schedules is due, and to have one announced by one process
//! only.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use shipmate::domain::calendar::Rule;
use shipmate::domain::schedule::{
    Fate, Firing, GRACE, NewSchedule, Posted, ScheduleKey, Stored, Timing,
};
use shipmate::domain::timetable::{Due, Timetable};
use shipmate::ports::Schedules;
use shipmate::store::SqliteStore;

use crate::harness::{Figure, Row, Section};

/// How many schedules there are.
const COUNTS: [usize; 3] = [10, 1_000, 10_000];
/// So many firings are measured one by one.
const CLAIMS: i64 = 200;
/// So often all are read again.
const READINGS: usize = 5;

pub async fn measure(full: bool) -> anyhow::Result<Section> {
    let mut section = Section::new("Schedules of announcements");
    for count in COUNTS {
        let days = if full { 10 } else { 1 };
        let what = format!("the next of {count} daily schedules, found and set anew");
        let figure = Figure::times(&firings(count, days)?)?;
        let bare = Figure::times(&heap(count, days)?)?;
        let beside = format!(
            "a heap alone: {}; {:.2} times that",
            bare.show_median(),
            figure.median / bare.median
        );
        section.row(Row::new(what, figure).beside(beside));
    }
    section
        .row(Row::new("one firing claimed and noted, on disk", Figure::times(&claims().await?)?));
    let stored = if full { 10_000 } else { 200 };
    section.row(Row::new(
        format!("{stored} schedules made in chat, all read again because somebody changed one"),
        Figure::times(&readings(stored).await?)?,
    ));
    section.note(
        "The clock stands at each moment at which something is due; what is measured is each \
         schedule that is due then. The heap alone pops a time and pushes the next one of the same \
         rule: it knows nothing of schedules that change, of grace, or of what went by.",
    );
    Ok(section)
}

/// When the clock begins.
fn begin() -> anyhow::Result<Timestamp> {
    Ok("2026-11-24T00:00:00Z".parse()?)
}

/// So many daily rules, spread over the day, as people would not.
fn rules(count: usize) -> anyhow::Result<Vec<(Rule, String)>> {
    let zone = TimeZone::get("Europe/Berlin")?;
    let rule = |number: usize| {
        let minute = number * 7 % 1440;
        let text = format!("{} {} * * *", minute % 60, minute / 60);
        Ok((Rule::parse(&text, &zone)?, text))
    };
    (0..count).map(rule).collect()
}

/// The same times out of a heap and nothing else: what is due is taken out, and its rule's next
/// time put in.
fn heap(count: usize, days: i64) -> anyhow::Result<Vec<Duration>> {
    let (begin, rules) = (begin()?, rules(count)?);
    let end = begin.checked_add((24 * days).hours())?;
    let next = |number: usize, after| Some((rules.get(number)?.0.next_after(after)?, number));
    let mut heap: BinaryHeap<_> =
        (0..count).filter_map(|one| next(one, begin)).map(Reverse).collect();
    let mut times = Vec::new();
    while heap.peek().is_some_and(|Reverse((at, _))| *at <= end) {
        let began = Instant::now();
        if let Some(Reverse((at, number))) = heap.pop() {
            heap.extend(next(number, at).map(Reverse));
        }
        times.push(began.elapsed());
    }
    Ok(times)
}

/// How long each took that was due in so many days.
fn firings(count: usize, days: i64) -> anyhow::Result<Vec<Duration>> {
    let begin = begin()?;
    let mut table = Timetable::default();
    for (number, (rule, text)) in rules(count)?.into_iter().enumerate() {
        let key = ScheduleKey::Numbered(i64::try_from(number)?);
        table.set(key, Timing::Repeating { rule: Box::new(rule), text }, GRACE, begin);
    }
    let mut times = Vec::new();
    let end = begin.checked_add((24 * days).hours())?;
    while let Some(next) = table.next_due().filter(|next| *next <= end) {
        loop {
            let began = Instant::now();
            let due = table.take_due(next);
            let took = began.elapsed();
            if due.is_none() {
                break;
            }
            times.push(took);
        }
    }
    let expected = count * usize::try_from(days)?;
    anyhow::ensure!(times.len() == expected, "{} of {expected} were due", times.len());
    Ok(times)
}

/// What a process reads where somebody has made, paused or cancelled a schedule.
async fn readings(count: usize) -> anyhow::Result<Vec<Duration>> {
    let directory = tempfile::tempdir()?;
    let url = format!("sqlite://{}", directory.path().join("journal.db").display());
    let store = SqliteStore::open(&url).await?;
    let at = begin()?;
    let mut keys = Vec::new();
    for (number, (_, text)) in rules(count)?.into_iter().enumerate() {
        let new = NewSchedule {
            text: "tea".to_owned(),
            when: Stored::Rule(text.clone()),
            zone: "Europe/Berlin".to_owned(),
            channel: "ops".into(),
            by: "alice".into(),
            at,
            asked_in: format!("m{number}").as_str().into(),
        };
        let made = store.make_schedule(&new, &text).await?;
        keys.push((ScheduleKey::Numbered(made.number), text));
    }
    let zone = TimeZone::get("Europe/Berlin")?;
    let mut times = Vec::new();
    for _ in 0..READINGS {
        let began = Instant::now();
        let mut table = Timetable::default();
        let made = store.schedules().await?;
        let settled = store.settled(&keys, at).await?;
        for one in made {
            let (Stored::Rule(text), key) = (one.when, ScheduleKey::Numbered(one.number)) else {
                anyhow::bail!("schedule {} has no rule", one.number);
            };
            let rule = Box::new(Rule::parse(&text, &zone)?);
            let from = settled.get(&key).copied().unwrap_or(at);
            table.set(key, Timing::Repeating { rule, text }, GRACE, from);
        }
        times.push(began.elapsed());
        anyhow::ensure!(table.len() == count, "{} of {count} were read", table.len());
    }
    Ok(times)
}

async fn claims() -> anyhow::Result<Vec<Duration>> {
    let directory = tempfile::tempdir()?;
    let url = format!("sqlite://{}", directory.path().join("journal.db").display());
    let store = SqliteStore::open(&url).await?;
    let schedule = ScheduleKey::Named("morning".into());
    let posted = Posted { message: "1".into(), asks: false };
    let mut times = Vec::new();
    for second in 0..CLAIMS {
        let at = Timestamp::from_second(second)?;
        let due = Due { schedule: schedule.clone(), at, in_time: true, skipped: 0 };
        let began = Instant::now();
        anyhow::ensure!(store.claim(&due, at).await?, "somebody else has it");
        let fate = Fate::Claimed { at };
        let firing = Firing { schedule: schedule.clone(), due: at, fate, skipped: 0 };
        store.announced(&firing, Some(&posted)).await?;
        times.push(began.elapsed());
    }
    Ok(times)
}
