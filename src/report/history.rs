//! Deployments of the past: a line for each, and the whole story of one.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, Zoned};

use crate::domain::after_check::Unsatisfied;
use crate::domain::card::{Card, Line, Tone};
use crate::domain::decision::RecordedDecision;
use crate::domain::deployment::Deployment;
use crate::domain::event::{
    Choice, End, Event, Recorded, RefusedWhy, Step, StepOutcome, Via, Withdrawal,
};
use crate::domain::figures::Outcome;
use crate::domain::id::{DeploymentId, EnvironmentName, PersonId, ServiceName};
use crate::domain::plan::Terms;

use super::cause::StepWords;
use super::{asking, bans, cause, deployment, end, log, others, plan, refusal, votes, words};

/// A story longer than this leaves its middle out.
const LONGEST_STORY: usize = 60;

/// So many lines of details go into one message.
const LINES_OF_DETAILS: usize = 15;

/// Of more details at once than these, the usual ones are summed up: nobody reads a thousand, and
/// a chat takes only so many messages in a while.
const MOST_DETAILS: usize = 14 * LINES_OF_DETAILS;

/// A deployment in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub id: DeploymentId,
    pub environment: EnvironmentName,
    /// `waiting`, `scheduled`, `queued`, `running`, or the code of its end.
    pub stage: String,
    /// What is promoted, as shown: `core:1.5.0 and web:2.1.0`.
    pub names: String,
    pub rollback: bool,
    pub requester: PersonId,
    pub requested_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

/// The last deployments and what was decided beside them, newest first as they are given.
pub fn history_card(
    environment: Option<&EnvironmentName>,
    entries: &[Entry],
    decisions: &[RecordedDecision],
    now: &Zoned,
) -> Card {
    let of = environment.map_or_else(String::new, |environment| format!(" of {environment}"));
    let card = Card::new(Tone::Plain, format!("History{of}"));
    let decided = decisions.iter().map(|one| bans::decision_line(one, now)).collect();
    let card = card.field("Bans, holds, locks and freezes", decided);
    let Some(newest) = entries.first() else {
        return card.text("Nothing was deployed yet.");
    };
    let card = entries.iter().fold(card, |card, entry| card.text(entry_line(entry, now)));
    card.text("One of them step by step:").command(asking::show(newest.id))
}

/// `#42 ✅ succeeded: core:1.5.0 to staging, by alice 3 min ago, ended after 1 min 40 s`
pub fn entry_line(entry: &Entry, now: &Zoned) -> String {
    let what = what(&entry.environment, &entry.names, entry.rollback);
    let took = entry.ended_at.map_or_else(String::new, |ended| {
        format!(", ended after {}", words::duration(words::between(entry.requested_at, ended)))
    });
    format!(
        "#{} {} {}: {what}, by {} {}{took}",
        entry.id,
        sign(&entry.stage),
        entry.stage.replace('-', " "),
        words::person(&entry.requester),
        words::ago(entry.requested_at, now)
    )
}

/// `#42 ✅ succeeded: core:1.5.0 to staging, by alice 3 min ago`: one that succeeded, and when.
pub fn succeeded_line(outcome: &Outcome, now: &Zoned) -> String {
    format!(
        "#{} {} succeeded: {}, by {} {}",
        outcome.id,
        Tone::Good.sign(),
        what(&outcome.environment, &outcome.names, outcome.reverts.is_some()),
        words::person(&outcome.requester),
        words::ago(outcome.ended_at, now)
    )
}

/// `core:1.5.0 to staging`
fn what(environment: &EnvironmentName, names: &str, rollback: bool) -> String {
    if rollback {
        format!("{environment} back to {names}")
    } else {
        format!("{names} to {environment}")
    }
}

/// The sign of a stage. The names are those of [`crate::domain::deployment::Stage::name`].
fn sign(stage: &str) -> &'static str {
    match stage {
        "succeeded" => Tone::Good.sign(),
        "failed" => Tone::Bad.sign(),
        "rolled-back" => "↩️",
        "waiting" | "scheduled" | "queued" => Tone::Waiting.sign(),
        "running" => Tone::Running.sign(),
        _ => Tone::Plain.sign(),
    }
}

/// The whole story of one deployment.
pub fn show_card(deployment: &Deployment, events: &[Recorded], now: &Zoned) -> Card {
    let mut card = deployment::deployment_card(deployment, now);
    card.actions.clear();
    card.controls.clear();
    card.progress = None;
    let terms = &deployment.plan.terms;
    let mut story = Vec::new();
    let mut day = None;
    for recorded in thinned(events) {
        let local = recorded.at.to_zoned(now.time_zone().clone());
        if day.replace(local.date()) != Some(local.date()) {
            story.push(words::date(&local));
        }
        let line = event_line(&recorded.event, terms, now);
        story.push(format!("{} {line}", words::second(recorded.at, now)));
    }
    card.field("What happened", without_middle(story))
}

/// What happened, step by step, for those who want to know all of it: beside the card, in as many
/// parts as it takes. What the card itself tells is left out.
pub fn details(terms: &Terms, events: &[Recorded], now: &Zoned) -> Vec<Card> {
    let told = |recorded: &&Recorded| match &recorded.event {
        Event::StepDone { .. }
        | Event::StepFailed { .. }
        | Event::Progressed { .. }
        | Event::CanaryPassed { .. }
        | Event::Paused { .. }
        | Event::Continued { .. }
        | Event::CanaryAsked { .. }
        | Event::StopRequested { .. }
        | Event::UndoStarted { .. }
        | Event::TagRepaired { .. }
        | Event::OthersChanged { .. }
        | Event::LogRead(_)
        | Event::Ended { .. } => true,
        Event::Requested(_)
        | Event::Posted { .. }
        | Event::VoteCast(_)
        | Event::VoteWithdrawn { .. }
        | Event::Due
        | Event::Approved
        | Event::OutlookChanged { .. }
        | Event::Replanned { .. }
        | Event::Started { .. }
        | Event::StepStarted { .. } => false,
    };
    let line = |recorded: &Recorded| {
        let tasks = tasks_of(&recorded.event);
        let line = event_line(&recorded.event, terms, now);
        Line::Text(format!("{} {line}{tasks}", words::second(recorded.at, now)))
    };
    let events: Vec<&Recorded> = thinned(events).into_iter().filter(told).collect();
    let Some(first) = events.first() else { return Vec::new() };
    // With the zone, which the seconds that follow do not say.
    let date = Line::Text(words::date(&first.at.to_zoned(now.time_zone().clone())));
    let told = |recorded: &Recorded| std::iter::once(line(recorded)).chain(quoted(&recorded.event));
    let told: Vec<Line> = if events.len() <= MOST_DETAILS {
        events.into_iter().flat_map(told).collect()
    } else {
        let (usual, unusual): (Vec<_>, Vec<_>) =
            events.into_iter().partition(|recorded| is_usual(&recorded.event));
        let sum = Line::Text(sum(&usual, now));
        std::iter::once(sum).chain(unusual.into_iter().flat_map(told)).collect()
    };
    let lines: Vec<Line> = std::iter::once(date).chain(told).collect();
    let part = |lines: &[Line]| Card { lines: lines.to_vec(), ..Card::default() };
    lines.chunks(LINES_OF_DETAILS).map(part).collect()
}

/// Whether it is one of the many that make up a rollout which goes well.
fn is_usual(event: &Event) -> bool {
    matches!(
        event,
        Event::Progressed { .. }
            | Event::CanaryPassed { .. }
            | Event::StepDone { step: Step::StopTasks { .. } | Step::StartDeployment { .. }, .. }
    )
}

/// `10:00:00 to 10:00:09: 240 tasks of 48 services were told to stop, 30 canaries passed`
fn sum(events: &[&Recorded], now: &Zoned) -> String {
    let mut stopped: BTreeMap<&ServiceName, usize> = BTreeMap::new();
    let (mut deployments, mut canaries, mut counts) = (0, 0, BTreeSet::new());
    for recorded in events {
        if let Some(service) = progressed(recorded) {
            counts.insert(service);
        } else if let Event::StepDone { step, .. } = &recorded.event {
            match step {
                Step::StopTasks { service, tasks } => {
                    *stopped.entry(service).or_default() += tasks.len();
                }
                Step::StartDeployment { .. } => deployments += 1,
                Step::MoveTag { .. }
                | Step::KeepTag { .. }
                | Step::StopDeployment { .. }
                | Step::Check { .. } => {}
            }
        } else {
            canaries += 1;
        }
    }
    let plural = crate::domain::plural;
    let mut parts = Vec::new();
    if !stopped.is_empty() {
        let tasks = plural(stopped.values().sum(), "task");
        let services = plural(stopped.len(), "service");
        parts.push(format!("{tasks} of {services} were told to stop"));
    }
    if deployments > 0 {
        parts.push(format!("{} started", plural(deployments, "new ECS deployment")));
    }
    match canaries {
        0 => {}
        1 => parts.push("1 canary passed".to_owned()),
        many => parts.push(format!("{many} canaries passed")),
    }
    if !counts.is_empty() {
        parts.push(format!(
            "the count of good tasks changed in {}",
            plural(counts.len(), "service")
        ));
    }
    let time = |recorded: Option<&&Recorded>| {
        recorded.map_or_else(String::new, |one| words::second(one.at, now))
    };
    format!("{} to {}: {}", time(events.first()), time(events.last()), parts.join(", "))
}

/// The lines of a log that was read, each as a line of its own.
fn quoted(event: &Event) -> Vec<Line> {
    let Event::LogRead(log) = event else { return Vec::new() };
    log::lines(log).into_iter().map(Line::Text).collect()
}

/// ` (080bcae6777c, 1f0a…)`: the tasks that an event is about, by what ECS calls them.
fn tasks_of(event: &Event) -> String {
    let Event::StepDone { step: Step::StopTasks { tasks, .. }, .. } = event else {
        return String::new();
    };
    let names = tasks.iter().map(|task| task.as_str().rsplit('/').next().unwrap_or_default());
    format!(" ({})", names.collect::<Vec<_>>().join(", "))
}

/// Of counts of a service that follow each other, the last: the ones between say nothing more.
fn thinned(events: &[Recorded]) -> Vec<&Recorded> {
    let mut kept: Vec<&Recorded> = Vec::new();
    for recorded in events {
        if let (Some(last), Some(service)) = (kept.last(), progressed(recorded))
            && progressed(last) == Some(service)
        {
            kept.pop();
        }
        kept.push(recorded);
    }
    kept
}

fn progressed(recorded: &Recorded) -> Option<&ServiceName> {
    recorded.event.progress().map(|(service, ..)| service)
}

fn without_middle(mut story: Vec<String>) -> Vec<String> {
    if story.len() > LONGEST_STORY {
        let left_out = story.len() - LONGEST_STORY;
        let middle = LONGEST_STORY / 2;
        let gap = format!("… {} left out …", crate::domain::plural(left_out, "line"));
        story.splice(middle..middle + left_out, [gap]);
    }
    story
}

/// One event. Digests are named by the terms of the plan as it is now.
fn event_line(event: &Event, terms: &Terms, now: &Zoned) -> String {
    match event {
        Event::Requested(requested) => format!(
            "{} asked to {}{}{}",
            words::person(&requested.requester.id),
            plan::purpose(&requested.plan.terms),
            words::because(requested.because.as_deref()),
            if requested.break_glass { " — BREAKING THE GLASS" } else { "" }
        ),
        Event::Posted { .. } => "the plan was shown in the channel".to_owned(),
        Event::VoteCast(vote) => format!(
            "{} voted {}{}",
            words::person(&vote.person.id),
            match vote.choice {
                Choice::Yes => "yes ✅",
                Choice::No => "no ❌",
            },
            match vote.via {
                Via::Reaction => "",
                Via::Button => " by a button",
                Via::Text => " in writing",
            }
        ),
        Event::VoteWithdrawn { person, why } => match why {
            Withdrawal::TakenBack => format!("{} took the vote back", words::person(person)),
            Withdrawal::NoLongerEntitled => {
                format!("the vote of {} no longer counted", words::person(person))
            }
        },
        Event::Due => "its moment came".to_owned(),
        Event::Approved => "agreed; queued".to_owned(),
        Event::OutlookChanged { .. } => "what is shown beside the plan was updated".to_owned(),
        Event::Replanned { plan, .. } => {
            format!("the plan changed, votes were void: {}", plan::purpose(&plan.terms))
        }
        Event::Started { .. } => "its turn came".to_owned(),
        Event::StepStarted { step } => format!("{} …", StepWords::of(step, terms).doing()),
        Event::StepDone { step, outcome } => {
            let done = StepWords::of(step, terms).done();
            match outcome {
                StepOutcome::Done => done,
                StepOutcome::DeploymentStarted { id } => format!("{done}: {id}"),
                StepOutcome::NotTaken => match step {
                    Step::Check { service, .. } => {
                        format!("{service} was asked nothing: the settings name no check any more")
                    }
                    Step::MoveTag { .. }
                    | Step::KeepTag { .. }
                    | Step::StopTasks { .. }
                    | Step::StartDeployment { .. }
                    | Step::StopDeployment { .. } => {
                        let to = StepWords::of(step, terms).to();
                        format!("could not {to}: it was too late")
                    }
                },
                StepOutcome::Unsatisfied { found } => unsatisfied(step, found),
            }
        }
        Event::StepFailed { step, failure } => format!(
            "could not {}: {} ({})",
            StepWords::of(step, terms).to(),
            words::clean(&failure.detail),
            words::clean(&failure.code)
        ),
        Event::Progressed { service, good, total } => {
            format!("{service}: {}", words::good_of(*good, *total))
        }
        Event::CanaryPassed { service } => format!("{service}: the canary passed"),
        Event::Paused { by, because } => {
            format!("{} paused it{}", words::person(by), words::because(because.as_deref()))
        }
        Event::Continued { by } => format!("{} let it go on", words::person(by)),
        Event::CanaryAsked { by, stay } => format!(
            "{} wants each canary to stay alone for {}",
            words::person(by),
            words::duration(*stay)
        ),
        Event::StopRequested { stop } => cause::stop_sentence(stop),
        Event::UndoStarted { cause, .. } => {
            format!("going back: {}", cause::sentence(cause, terms))
        }
        Event::Ended { end } => end_line(end, terms, now),
        Event::TagRepaired { repository, found } => end::repaired(terms, repository, found),
        Event::OthersChanged { change } => others::sentence(change, terms),
        Event::LogRead(log) => log::sentence(log),
    }
}

/// An after-check that did not pass.
fn unsatisfied(step: &Step, found: &Unsatisfied) -> String {
    match step {
        Step::Check { service, moment, .. } => cause::check_failed(service, *moment, found),
        Step::MoveTag { .. }
        | Step::KeepTag { .. }
        | Step::StopTasks { .. }
        | Step::StartDeployment { .. }
        | Step::StopDeployment { .. } => String::new(),
    }
}

fn end_line(end: &End, terms: &Terms, now: &Zoned) -> String {
    let because = |reason: &Option<String>| words::because(reason.as_deref());
    match end {
        End::Succeeded => format!("succeeded: {} runs {}", terms.environment, terms.names()),
        End::RolledBack { cause } => format!("rolled back: {}", cause::sentence(cause, terms)),
        End::Failed { cause, undo } => {
            let undo = undo.as_ref().map_or_else(String::new, |undo| {
                format!(" Not undone: {}", cause::sentence(undo, terms))
            });
            format!("FAILED: {}{undo}", cause::sentence(cause, terms))
        }
        End::Cancelled { by, because: why, .. } => {
            format!("cancelled by {}{}", words::person(by), because(why))
        }
        End::Rejected { by, because: why } => {
            format!("rejected by {}{}", words::person(by), because(why))
        }
        End::Expired => "expired: not enough votes in time".to_owned(),
        End::Unapproved => "not run: it was not agreed by its moment".to_owned(),
        End::Missed => "not run: its moment passed".to_owned(),
        End::Refused { why } => match why {
            RefusedWhy::Plan { refusal } => format!("refused: {}", refusal::sentence(refusal)),
            RefusedWhy::Policy { by } => {
                format!("refused: {}", votes::all_decided(by, &terms.environment, now))
            }
        },
        End::Superseded { by, .. } => format!("superseded by #{by}"),
    }
}
