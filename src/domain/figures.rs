//! How well deploying goes, in figures: how often, how long a change takes, how often it goes
//! wrong and for how long. Pure: made out of what the journal says ended. docs/announcements.md
//! says in words what is counted as what.

use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::id::{DeploymentId, EnvironmentName, PersonId};

/// A deployment that has ended, with what figures are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub id: DeploymentId,
    pub environment: EnvironmentName,
    /// What was promoted, as shown: `core:1.5.0 and web:2.1.0`.
    pub names: String,
    pub requester: PersonId,
    pub end: Ended,
    /// The deployment that it reverts, where it is a rollback.
    pub reverts: Option<DeploymentId>,
    /// When any of its images was first asked for anywhere, as far as the journal goes.
    pub first_asked_at: Timestamp,
    /// When it got the environment's turn; `None`: it never acted.
    pub started_at: Option<Timestamp>,
    pub ended_at: Timestamp,
    /// A rollback that reverts it has succeeded since.
    pub undone: bool,
}

/// How it ended, as far as figures care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Succeeded,
    /// It went wrong, and everything went back.
    RolledBack,
    /// It went wrong, and could not go back.
    Failed,
    /// People stopped it, or it never began.
    Otherwise,
}

impl Ended {
    /// Reads the code of an end.
    pub fn of_code(code: &str) -> Self {
        match code {
            "succeeded" => Self::Succeeded,
            "rolled-back" => Self::RolledBack,
            "failed" => Self::Failed,
            _ => Self::Otherwise,
        }
    }
}

/// A stretch of time, from its beginning up to but without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    pub from: Timestamp,
    pub to: Timestamp,
}

impl Period {
    /// So long until now.
    pub fn last(length: Duration, now: Timestamp) -> Self {
        Self { from: now.checked_sub(length).unwrap_or(Timestamp::MIN), to: now }
    }

    pub fn contains(&self, time: Timestamp) -> bool {
        self.from <= time && time < self.to
    }

    pub fn length(&self) -> Duration {
        Duration::try_from(self.to.duration_since(self.from)).unwrap_or_default()
    }
}

/// The figures of a period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figures {
    pub period: Period,
    /// Promotions that people used: they succeeded, whether or not they were undone later.
    pub deployments: u32,
    /// Promotions that went wrong: they went back by themselves, failed, or were rolled back.
    pub went_wrong: u32,
    /// Promotions that acted and came to an end by themselves: of so many the above are a share.
    pub judged: u32,
    /// From the first request for the image anywhere until the environment ran it: the median.
    pub lead_time: Option<Duration>,
    /// From when what went wrong was begun or, where it was rolled back later, had succeeded, until
    /// what people use was good again: the median.
    pub restore_time: Option<Duration>,
    /// Those that went wrong and are not good again.
    pub not_restored: u32,
    /// By days, the first of the period first; days on which nothing ended are there too.
    pub days: Vec<Day>,
}

/// What ended on one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    pub date: Date,
    pub good: u32,
    pub bad: u32,
}

impl Figures {
    /// Of a hundred promotions, how many went wrong; `None`: there were none.
    pub fn failure_percent(&self) -> Option<u32> {
        let (wrong, judged) = (u64::from(self.went_wrong), u64::from(self.judged));
        // Rounded, half up.
        let percent = (wrong * 200 + judged).checked_div(judged * 2)?;
        u32::try_from(percent).ok()
    }
}

/// The figures of the environments that count, over a period. `outcomes` also hold what came
/// after it, as far as that is known: something is made good again later than it went wrong.
pub fn figures(
    outcomes: &[Outcome],
    counts: &dyn Fn(&EnvironmentName) -> bool,
    period: Period,
    zone: &TimeZone,
) -> Figures {
    let mut days = days(period, zone);
    let (mut leads, mut restores) = (Vec::new(), Vec::new());
    let (mut deployments, mut went_wrong, mut judged, mut not_restored) = (0, 0, 0, 0);
    let here = outcomes.iter().filter(|one| counts(&one.environment));
    for one in here.filter(|one| one.reverts.is_none() && period.contains(one.ended_at)) {
        let wrong = match one.end {
            Ended::Succeeded => {
                deployments += 1;
                leads.push(between(one.first_asked_at, one.ended_at));
                one.undone
            }
            Ended::RolledBack | Ended::Failed => true,
            Ended::Otherwise => continue,
        };
        judged += 1;
        if let Some(day) = day_of(one.ended_at, &mut days, zone) {
            day.good += u32::from(!wrong);
            day.bad += u32::from(wrong);
        }
        if wrong {
            went_wrong += 1;
            match restored(one, outcomes) {
                Some(time) => restores.push(time),
                None => not_restored += 1,
            }
        }
    }
    Figures {
        period,
        deployments,
        went_wrong,
        judged,
        lead_time: median(leads),
        restore_time: median(restores),
        not_restored,
        days,
    }
}

/// How long it took until what people use was good again; `None`: it is not yet.
fn restored(wrong: &Outcome, outcomes: &[Outcome]) -> Option<Duration> {
    let later = |one: &&Outcome| {
        one.environment == wrong.environment
            && one.end == Ended::Succeeded
            && one.ended_at > wrong.ended_at
    };
    let began = wrong.started_at.unwrap_or(wrong.ended_at);
    match wrong.end {
        // It was good again when everything had gone back.
        Ended::RolledBack => Some(between(began, wrong.ended_at)),
        // Nobody knows when the harm began: from the moment at which people had it.
        Ended::Succeeded => {
            let reverting = outcomes.iter().filter(later).find(|one| one.reverts == Some(wrong.id));
            reverting.map(|one| between(wrong.ended_at, one.ended_at))
        }
        Ended::Failed => {
            let next = outcomes.iter().filter(later).map(|one| one.ended_at).min();
            next.map(|time| between(began, time))
        }
        Ended::Otherwise => None,
    }
}

/// The day of this moment, of days that follow each other.
fn day_of<'a>(time: Timestamp, days: &'a mut [Day], zone: &TimeZone) -> Option<&'a mut Day> {
    let first = days.first()?.date;
    let behind = first.until(time.to_zoned(zone.clone()).date()).ok()?.get_days();
    days.get_mut(usize::try_from(behind).ok()?)
}

/// Every day that the period touches.
fn days(period: Period, zone: &TimeZone) -> Vec<Day> {
    let date = |time: Timestamp| time.to_zoned(zone.clone()).date();
    let last_moment = period.to.checked_sub(1.nanosecond()).unwrap_or(period.to);
    let last = date(last_moment);
    let mut days = Vec::new();
    let mut day = date(period.from);
    while day <= last {
        days.push(Day { date: day, good: 0, bad: 0 });
        match day.tomorrow() {
            Ok(next) => day = next,
            Err(_) => break,
        }
    }
    days
}

fn between(earlier: Timestamp, later: Timestamp) -> Duration {
    Duration::try_from(later.duration_since(earlier)).unwrap_or_default()
}

/// The middle one; of an even number, the mean of the two in the middle.
fn median(mut lengths: Vec<Duration>) -> Option<Duration> {
    lengths.sort();
    let middle = lengths.len() / 2;
    let upper = *lengths.get(middle)?;
    if lengths.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = *lengths.get(middle.checked_sub(1)?)?;
    Some((lower + upper) / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("2026-11-{text}:00Z").parse().expect("a time")
    }

    fn outcome(id: i64, end: Ended, (from, to): (&str, &str)) -> Outcome {
        Outcome {
            id: DeploymentId(id),
            environment: "production".into(),
            names: "core:1.5.0".to_owned(),
            requester: "alice".into(),
            end,
            reverts: None,
            first_asked_at: at(from),
            started_at: Some(at(from)),
            ended_at: at(to),
            undone: false,
        }
    }

    fn week(outcomes: &[Outcome]) -> Figures {
        let period = Period { from: at("16T00:00"), to: at("23T00:00") };
        figures(outcomes, &|name| name.as_str() == "production", period, &TimeZone::UTC)
    }

    #[test]
    fn nothing_happened() {
        let figures = week(&[]);
        assert_eq!((figures.deployments, figures.judged), (0, 0));
        assert_eq!(figures.failure_percent(), None);
        assert_eq!((figures.lead_time, figures.restore_time), (None, None));
        assert_eq!(figures.days.len(), 7);
    }

    #[test]
    fn each_figure_is_what_the_page_says() {
        let minutes = |minutes: u64| Some(Duration::from_secs(60 * minutes));
        let mut undone = outcome(2, Ended::Succeeded, ("17T10:00", "17T10:30"));
        undone.undone = true;
        let mut undoing = outcome(3, Ended::Succeeded, ("17T11:00", "17T11:10"));
        undoing.reverts = Some(DeploymentId(2));
        let mut elsewhere = outcome(6, Ended::Failed, ("17T11:00", "17T11:10"));
        elsewhere.environment = "staging".into();
        let all = [
            outcome(1, Ended::Succeeded, ("16T10:00", "16T10:10")),
            undone,
            undoing,
            outcome(4, Ended::RolledBack, ("18T10:00", "18T10:20")),
            outcome(5, Ended::Otherwise, ("18T11:00", "18T11:20")),
            elsewhere,
            // Before the period, and what stands behind it.
            outcome(7, Ended::Succeeded, ("15T10:00", "15T23:59")),
            outcome(8, Ended::Failed, ("22T20:00", "22T20:10")),
            outcome(9, Ended::Succeeded, ("23T01:00", "23T02:00")),
        ];
        let figures = week(&all);
        assert_eq!((figures.deployments, figures.went_wrong, figures.judged), (2, 3, 4));
        assert_eq!(figures.failure_percent(), Some(75));
        // Ten minutes and half an hour.
        assert_eq!(figures.lead_time, minutes(20));
        // Gone back in 20 minutes, rolled back after 40, mended by the next after 6 hours.
        assert_eq!(figures.restore_time, minutes(40));
        assert_eq!(figures.not_restored, 0);
        let days: Vec<(u32, u32)> = figures.days.iter().map(|day| (day.good, day.bad)).collect();
        assert_eq!(days, [(1, 0), (0, 1), (0, 1), (0, 0), (0, 0), (0, 0), (0, 1)]);
        let before_it_was_mended = week(all.get(..8).expect("eight"));
        assert_eq!(before_it_was_mended.not_restored, 1);
        assert_eq!(before_it_was_mended.restore_time, minutes(30));
    }

    #[test]
    fn a_day_of_25_hours_is_one_day() {
        let zone = TimeZone::get("Europe/Berlin").expect("a zone");
        let (from, to) = ("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z");
        let period = Period { from: from.parse().expect("a"), to: to.parse().expect("b") };
        assert_eq!(figures(&[], &|_| true, period, &zone).days.len(), 1);
    }
}
