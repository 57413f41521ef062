//! A deployment that runs or goes back, in words: steps, canaries, counts and times.

use std::time::Duration;

use jiff::Zoned;

use crate::domain::card::{Card, Progress};
use crate::domain::deployment::Deployment;
use crate::domain::environment::Strategy;
use crate::domain::event::Step;
use crate::domain::id::Repository;
use crate::domain::plan::{ImageMove, PlannedService, Terms};
use crate::domain::rollout::{Phase, Rollout, Tally, Undo};

use super::cause::StepWords;
use super::{asking, cause, others, pause, plan, words};

/// More lines than this hide the rest of the card.
const MOST_LINES: usize = 12;

/// Adds how far a running deployment is, in the direction in which it goes.
pub fn with_rollout(card: Card, deployment: &Deployment, rollout: &Rollout, now: &Zoned) -> Card {
    let terms = &deployment.plan.terms;
    let elapsed = words::between(rollout.started_at, now.timestamp());
    let card = match &rollout.undo {
        None => {
            let card = pause::with_pause(card, deployment, rollout, now);
            let card = with_forward(card, deployment, rollout);
            let card = pause::with_stay(card, deployment, now);
            card.text(elapsed_of(elapsed, deployment.plan.outlook.expected))
        }
        Some(undo) => with_undo(card, terms, rollout, undo).text(format!(
            "{} on the way back, {} in all.",
            words::duration(words::between(undo.phase.began_at, now.timestamp())),
            words::duration(elapsed)
        )),
    };
    let card = others::with_changes(card, terms, rollout);
    let mut card = card.field("Services", services(deployment, rollout));
    card.progress = progress(deployment, rollout);
    match (&rollout.undo, &rollout.stop) {
        (None, None) => card
            .text("To stop it and go back: 🛑, or write:")
            .command(asking::cancel(deployment.id)),
        (Some(_), _) | (None, Some(_)) => card,
    }
}

/// How long it has run, beside how long it took before.
fn elapsed_of(elapsed: Duration, expected: Option<Duration>) -> String {
    let so_far = words::duration(elapsed);
    match expected {
        None => format!("{so_far} so far."),
        Some(usual) if elapsed > usual => {
            format!("{so_far} so far, longer than the usual {}.", words::duration(usual))
        }
        Some(usual) => format!("{so_far} so far, usually about {} in all.", words::duration(usual)),
    }
}

fn with_forward(card: Card, deployment: &Deployment, rollout: &Rollout) -> Card {
    let terms = &deployment.plan.terms;
    if let Some(stop) = &rollout.stop {
        return card.warning(format!("{} Everything goes back.", cause::stop_sentence(stop)));
    }
    if !rollout.touched() {
        return card.text("Its turn has come.");
    }
    let card = with_steps(card, terms, &rollout.forward);
    let canaries = canaries(deployment, &rollout.forward);
    match (rollout.forward.under_way.is_empty(), canaries.is_empty()) {
        (_, false) => card.text(format!(
            "Canary of {}: one task goes first, the rest follow once it has stayed good.",
            words::some_of(canaries.into_iter(), 3)
        )),
        (true, true) => {
            card.text("Watching: every new task must run the promoted digest and stay good.")
        }
        (false, true) => card,
    }
}

fn with_undo(card: Card, terms: &Terms, rollout: &Rollout, undo: &Undo) -> Card {
    let card = card
        .warning(cause::sentence(&undo.cause, terms))
        .text(format!("Going back to {}.", back_to(terms)));
    let card = with_steps(card, terms, &undo.phase);
    if undo.phase.under_way.is_empty() && touched(rollout, terms).next().is_some() {
        return card.text("Watching: every task must run what ran before and stay good.");
    }
    card
}

/// What ran before, by name.
pub fn back_to(terms: &Terms) -> String {
    let names = terms.from_names();
    if names.is_empty() { "what ran before".to_owned() } else { names }
}

fn with_steps(card: Card, terms: &Terms, phase: &Phase) -> Card {
    if phase.under_way.is_empty() {
        return card;
    }
    let steps = phase.under_way.iter().map(|step| StepWords::of(step, terms).doing());
    let steps: Vec<String> = steps.collect();
    card.text(format!("{}.", words::capital(&words::some_of(steps.iter().map(String::as_str), 3))))
}

/// Services of which one task has been replaced, or is being, and has not passed yet.
fn canaries<'a>(deployment: &'a Deployment, phase: &'a Phase) -> Vec<&'a str> {
    let services = deployment.plan.terms.services.iter();
    services
        .filter(|service| service.strategy == Strategy::Stop && phase.restarted(&service.name))
        .filter(|service| !service.all_at_once() || deployment.stay().is_some())
        .filter(|service| {
            let tally = tally(deployment, phase, service);
            !tally.canary_passed && tally.total > 1 && tally.good < tally.total
        })
        .map(|service| service.name.as_str())
        .collect()
}

/// The count of a service; before the first count came in, of as many as it should have.
fn tally(deployment: &Deployment, phase: &Phase, service: &PlannedService) -> Tally {
    let mut tally = phase.services.get(&service.name).copied().unwrap_or_default();
    if tally.total == 0 {
        tally.total = plan::desired(&deployment.plan, &service.name);
    }
    tally
}

/// The services that the present direction is about: on the way back, those whose tag moved.
fn concerned<'a>(
    deployment: &'a Deployment,
    rollout: &'a Rollout,
) -> impl Iterator<Item = &'a PlannedService> {
    let terms = &deployment.plan.terms;
    let touched: Vec<&ImageMove> = touched(rollout, terms).collect();
    terms.services.iter().filter(move |service| {
        rollout.undo.is_none() || touched.iter().any(|image| image.repository == service.repository)
    })
}

/// The images whose tag may have moved.
pub fn touched<'a>(rollout: &'a Rollout, terms: &'a Terms) -> impl Iterator<Item = &'a ImageMove> {
    terms.images.iter().filter(|image| {
        rollout.forward.begun().any(|step| moves_tag(step, terms, &image.repository))
    })
}

pub fn moves_tag(step: &Step, terms: &Terms, repository: &Repository) -> bool {
    match step {
        Step::MoveTag { repository: moved, tag, .. } => moved == repository && tag == &terms.tag,
        Step::KeepTag { .. }
        | Step::StopTasks { .. }
        | Step::StartDeployment { .. }
        | Step::StopDeployment { .. }
        | Step::Check { .. } => false,
    }
}

/// `rest-api: 2/3 tasks good, canary passed`
fn services(deployment: &Deployment, rollout: &Rollout) -> Vec<String> {
    let phase = rollout.phase();
    let line = |service: &PlannedService| {
        let tally = tally(deployment, phase, service);
        let canary = if tally.canary_passed && tally.total > 1 { ", canary passed" } else { "" };
        let ours = if phase.deployments.contains_key(&service.name) {
            ", new ECS deployment started"
        } else {
            ""
        };
        format!("{}: {}{canary}{ours}", service.name, words::good_of(tally.good, tally.total))
    };
    words::at_most(concerned(deployment, rollout).map(line).collect(), MOST_LINES)
}

fn progress(deployment: &Deployment, rollout: &Rollout) -> Option<Progress> {
    let phase = rollout.phase();
    let tallies: Vec<Tally> =
        concerned(deployment, rollout).map(|service| tally(deployment, phase, service)).collect();
    let sum = |count: fn(&Tally) -> u32| {
        tallies.iter().fold(0_u32, |sum, tally| sum.saturating_add(count(tally)))
    };
    let total = sum(|tally| tally.total);
    let done = sum(|tally| tally.good).min(total);
    let noun = if total == 1 { "task" } else { "tasks" };
    let what = if rollout.undo.is_some() { "back and good" } else { "good" };
    (total > 0).then(|| Progress { done, total, label: format!("{noun} {what}") })
}
