//! How a deployment ended, in words: what stands now, why, and what to do next.

use jiff::Zoned;

use crate::domain::after_check::Moment;
use crate::domain::card::{Card, Tone};
use crate::domain::deployment::{Deployment, Ended, GRACE};
use crate::domain::event::{Cause, End, RefusedWhy, Step, StepFailure};
use crate::domain::id::{Digest, PersonId, Repository, ServiceName};
use crate::domain::others::is_tag_moved_by_others;
use crate::domain::plan::{ImageMove, Kind, Terms};
use crate::domain::rollout::{Phase, Rollout};

use super::running::{back_to, moves_tag, touched};
use super::{asking, cause, log, others, plan, refusal, votes, words};

const HELD: &str = "Automation is held here until somebody promotes or releases the hold.";

/// An end, told.
pub struct Told {
    pub tone: Tone,
    /// The key sentence: what stands now.
    pub headline: String,
    /// Why, and what else is to be known.
    pub details: Vec<String>,
    /// What to do next, and the commands for it.
    pub next: String,
    pub commands: Vec<String>,
}

/// Adds an end to a deployment's card.
pub fn with_end(mut card: Card, deployment: &Deployment, ended: &Ended, now: &Zoned) -> Card {
    let told = tell(deployment, ended, now);
    card.tone = told.tone;
    let loud = match told.tone {
        Tone::Bad => true,
        Tone::Plain | Tone::Waiting | Tone::Running | Tone::Good | Tone::Warning => false,
    };
    card = if loud { card.warning(told.headline) } else { card.text(told.headline) };
    for detail in told.details {
        card = card.text(detail);
    }
    for (repository, found) in ended.rollout.iter().flat_map(|rollout| &rollout.repaired) {
        card = card.warning(repaired(&deployment.plan.terms, repository, found));
    }
    if let Some(rollout) = &ended.rollout {
        card = others::with_changes(card, &deployment.plan.terms, rollout);
    }
    card = card.text(told.next);
    for command in told.commands {
        card = card.command(command);
    }
    if !deployment.suspects().is_empty() {
        let names = deployment.suspects().into_iter().map(|image| image.to.name.as_str());
        let names = words::listed(names);
        card = card
            .text(format!("If {names} is to blame, see to it that nobody promotes it again:"))
            .command(asking::ban_of(deployment.id));
        card.ban = true;
    }
    let last_lines = ended.rollout.as_ref().and_then(|rollout| rollout.last_lines.as_ref());
    if let Some(read) = last_lines {
        card = card
            .field(format!("Last lines of {}", words::clean(&read.container)), log::on_card(read));
    }
    match (&ended.end, &ended.rollout) {
        (End::Failed { .. }, Some(rollout)) if rollout.touched() => {
            card.field("What stands where now", standing(deployment, &ended.end, rollout))
        }
        (
            End::Succeeded
            | End::RolledBack { .. }
            | End::Failed { .. }
            | End::Cancelled { .. }
            | End::Rejected { .. }
            | End::Expired
            | End::Unapproved
            | End::Missed
            | End::Refused { .. }
            | End::Superseded { .. },
            _,
        ) => card,
    }
}

/// The short reply to the person who asked. `None`: it has not ended.
pub fn end_reply(deployment: &Deployment, now: &Zoned) -> Option<Card> {
    let ended = super::deployment::ended(deployment)?;
    let told = tell(deployment, ended, now);
    let mut card = Card::new(told.tone, super::deployment::titled(deployment)).text(told.headline);
    if let Some(detail) = told.details.into_iter().next() {
        card = card.text(detail);
    }
    match told.commands.into_iter().next() {
        Some(command) => Some(card.command(command)),
        None => Some(card),
    }
}

/// What was found when a tag was read again before the end, and put right.
pub fn repaired(terms: &Terms, repository: &Repository, found: &Digest) -> String {
    format!(
        "Read again before the end, {repository}:{} stood at {}: a late write of Shipmate's own, \
         which is put right.",
        terms.tag,
        plan::name_of(terms, repository, found)
    )
}

/// Tells an end.
pub fn tell(deployment: &Deployment, ended: &Ended, now: &Zoned) -> Told {
    match &ended.end {
        End::Succeeded => succeeded(deployment, ended),
        End::RolledBack { cause } => rolled_back(&deployment.plan.terms, cause),
        End::Failed { cause, undo } => failed(deployment, ended, cause, undo.as_ref()),
        End::Cancelled { by, because, undone } => {
            let what =
                format!("Cancelled by {}{}", words::person(by), words::because(because.as_deref()));
            called_off(deployment, ended, &words::sentence(&what), *undone)
        }
        End::Rejected { by, because } => rejected(deployment, by, because.as_deref()),
        End::Expired => expired(deployment),
        End::Unapproved => unapproved(deployment),
        End::Missed => missed(deployment),
        End::Refused { why } => refused(deployment, why, now),
        End::Superseded { by, undone } => {
            let mut told = called_off(deployment, ended, &format!("Superseded by #{by}."), *undone);
            told.next = format!("See how #{by} goes:");
            told.commands = vec![asking::show(*by)];
            told
        }
    }
}

fn succeeded(deployment: &Deployment, ended: &Ended) -> Told {
    let terms = &deployment.plan.terms;
    let environment = &terms.environment;
    let rollout = ended.rollout.as_ref();
    let tasks = rollout.map_or(0, |rollout| rollout.forward.totals().1);
    let took = rollout.map_or_else(String::new, |rollout| {
        format!(" in {}", words::duration(words::between(rollout.started_at, ended.at)))
    });
    let checked = if tasks == 0 {
        format!("No task runs now; the next ones start from it. Done{took}.")
    } else {
        format!("Checked digest by digest on {}{took}.", words::tasks(tasks))
    };
    let idle = idle_services(deployment, rollout);
    let checked = if tasks == 0 || idle.is_empty() {
        checked
    } else {
        let run = if idle.len() == 1 { "runs" } else { "run" };
        let names = words::listed(idle.into_iter());
        format!("{checked} Nothing was restarted in {names}, which {run} no tasks.")
    };
    let asked: Vec<&str> = rollout.map_or_else(Vec::new, |rollout| checked_services(rollout));
    let checked = if asked.is_empty() {
        checked
    } else {
        format!("{checked} After-checks passed: {}.", words::some_of(asked.into_iter(), 3))
    };
    let unasked = rollout.iter().flat_map(|rollout| &rollout.forward.unasked);
    let unasked: Vec<&str> = unasked.map(ServiceName::as_str).collect();
    let checked = if unasked.is_empty() {
        checked
    } else {
        let names = words::some_of(unasked.into_iter(), 3);
        format!("{checked} Not asked, since the settings name no check any more: {names}.")
    };
    let again = if deployment.is_rollback() { " again" } else { "" };
    let headline = format!("{environment} runs {}{again}.", terms.names());
    let (details, next, commands) = match terms.kind {
        Kind::Promotion => {
            (vec![checked], "If it was a mistake:".to_owned(), vec![asking::rollback(environment)])
        }
        Kind::Rollback { .. } => (
            vec![checked, HELD.to_owned()],
            "When the cause is mended, promote what is right. To look around:".to_owned(),
            vec![asking::status(environment)],
        ),
    };
    Told { tone: Tone::Good, headline, details, next, commands }
}

/// The services of the plan that ran no task from its beginning to its end.
fn idle_services<'a>(deployment: &'a Deployment, rollout: Option<&Rollout>) -> Vec<&'a str> {
    let ran = |name| rollout.and_then(|rollout| rollout.forward.services.get(name));
    let services = deployment.plan.outlook.services.iter();
    let idle = services
        .filter(|seen| seen.desired == 0 && ran(&seen.name).is_none_or(|tally| tally.total == 0));
    idle.map(|seen| seen.name.as_str()).collect()
}

/// The services that passed their check at the end.
fn checked_services(rollout: &Rollout) -> Vec<&str> {
    let passed = rollout.forward.done.iter().filter_map(|step| match step {
        Step::Check { service, moment: Moment::End, .. } => {
            (!rollout.forward.unasked.contains(service)).then_some(service.as_str())
        }
        Step::MoveTag { .. }
        | Step::KeepTag { .. }
        | Step::StopTasks { .. }
        | Step::StartDeployment { .. }
        | Step::StopDeployment { .. }
        | Step::Check { .. } => None,
    });
    passed.collect()
}

fn rolled_back(terms: &Terms, cause: &Cause) -> Told {
    let environment = &terms.environment;
    let before = back_to(terms);
    let headline = match terms.kind {
        Kind::Promotion => format!("{environment} is rolled back to {before}."),
        Kind::Rollback { .. } => {
            format!("The rollback did not work: {environment} is back at {before}.")
        }
    };
    Told {
        tone: Tone::Warning,
        headline,
        details: vec![cause::sentence(cause, terms), HELD.to_owned()],
        next: format!("{} To see what runs:", cause::next_step(cause)),
        commands: vec![asking::status(environment)],
    }
}

fn failed(deployment: &Deployment, ended: &Ended, cause: &Cause, undo: Option<&Cause>) -> Told {
    let terms = &deployment.plan.terms;
    let environment = &terms.environment;
    let touched = ended.rollout.as_ref().is_some_and(Rollout::touched);
    if !touched && undo.is_none() {
        return Told {
            tone: Tone::Bad,
            headline: format!("FAILED before anything was changed in {environment}."),
            details: vec![cause::sentence(cause, terms)],
            next: format!("{} To ask again:", cause::next_step(cause)),
            commands: vec![asking::again(deployment)],
        };
    }
    let mut details = vec![cause::sentence(cause, terms)];
    let next = match undo {
        Some(undo) if undo == cause => {
            details.push("What could come back is back; that could not.".to_owned());
            cause::next_step(cause)
        }
        Some(undo) => {
            details.push(format!("It was not undone: {}", cause::sentence(undo, terms)));
            cause::next_step(undo)
        }
        None => {
            details.push("It was not undone.".to_owned());
            cause::next_step(cause)
        }
    };
    details.push(HELD.to_owned());
    let mut commands = vec![asking::status(environment)];
    let before = terms.from_names();
    if !before.is_empty() {
        commands.push(asking::promote(&before, environment));
    }
    Told {
        tone: Tone::Bad,
        headline: format!("FAILED: {environment} needs a person now; it may run a mixture."),
        details,
        next: format!("{next} Then look, and promote what should run:"),
        commands,
    }
}

fn called_off(deployment: &Deployment, ended: &Ended, headline: &str, undone: bool) -> Told {
    let terms = &deployment.plan.terms;
    let touched = ended.rollout.as_ref().is_some_and(Rollout::touched);
    let stands = if undone && touched {
        format!("Everything is back: {} runs {}.", terms.environment, back_to(terms))
    } else {
        "Nothing was changed.".to_owned()
    };
    Told {
        tone: Tone::Plain,
        headline: headline.to_owned(),
        details: vec![stands],
        next: "To ask again:".to_owned(),
        commands: vec![asking::again(deployment)],
    }
}

fn rejected(deployment: &Deployment, by: &PersonId, because: Option<&str>) -> Told {
    let person = words::person(by);
    let headline = words::sentence(&format!("Rejected by {person}{}", words::because(because)));
    Told {
        tone: Tone::Warning,
        headline,
        details: vec!["Nothing was changed.".to_owned()],
        next: format!("Talk to {person}; to ask again:"),
        commands: vec![asking::again(deployment)],
    }
}

fn expired(deployment: &Deployment) -> Told {
    let missing =
        votes::still_needed(deployment).map_or_else(String::new, |needed| format!(": {needed}"));
    let within = deployment.requirements.iter().map(|requirement| requirement.expires).min();
    let within =
        within.map_or_else(String::new, |within| format!(" within {}", words::duration(within)));
    Told {
        tone: Tone::Warning,
        headline: format!("Expired: not enough votes{within}{missing}."),
        details: vec!["Nothing was changed.".to_owned()],
        next: "Find who can vote, and ask again:".to_owned(),
        commands: vec![asking::again(deployment)],
    }
}

fn unapproved(deployment: &Deployment) -> Told {
    let missing =
        votes::still_needed(deployment).map_or_else(String::new, |needed| format!(": {needed}"));
    Told {
        tone: Tone::Warning,
        headline: match deployment.scheduled {
            Some(_) => format!("Not run: it was not agreed by its moment{missing}."),
            // It was, and had not begun.
            None => format!("Not run: what was agreed to did not stand any more{missing}."),
        },
        details: vec!["Nothing was changed.".to_owned()],
        next: "Find who can vote, and ask again, at once or for another moment:".to_owned(),
        commands: vec![asking::again(deployment)],
    }
}

fn missed(deployment: &Deployment) -> Told {
    Told {
        tone: Tone::Warning,
        headline: "Not run: its moment passed while Shipmate could not begin it.".to_owned(),
        details: vec![format!(
            "Nothing was changed. What is late by more than {} is not made up for.",
            words::duration(GRACE)
        )],
        next: "To ask again, at once or for another moment:".to_owned(),
        commands: vec![asking::again(deployment)],
    }
}

fn refused(deployment: &Deployment, why: &RefusedWhy, now: &Zoned) -> Told {
    let mut details = Vec::new();
    let next = match why {
        RefusedWhy::Plan { refusal } => {
            details.push(refusal::sentence(refusal));
            "To ask again:"
        }
        RefusedWhy::Policy { by } => {
            let environment = &deployment.plan.terms.environment;
            details.extend(by.iter().map(|one| votes::decided(one, environment, now)));
            "When that no longer stands against it, ask again:"
        }
    };
    details.push("Nothing was changed.".to_owned());
    Told {
        tone: Tone::Bad,
        headline: "Refused: it could be done when it was asked for and cannot now.".to_owned(),
        details,
        next: next.to_owned(),
        commands: vec![asking::again(deployment)],
    }
}

/// After an undo that did not end well: each tag and each service.
fn standing(deployment: &Deployment, end: &End, rollout: &Rollout) -> Vec<String> {
    let terms = &deployment.plan.terms;
    let stands = |image| tag_stands(terms, rollout, image, end);
    let mut lines: Vec<String> = terms.images.iter().map(stands).collect();
    let back = rollout.undo.is_some();
    for (name, tally) in &rollout.phase().services {
        let service = terms.services.iter().find(|service| &service.name == name);
        let image = service.and_then(|service| terms.image(&service.repository));
        let Some(image) = image else { continue };
        let was_touched = touched(rollout, terms).any(|touched| touched == image);
        let goal = match (&image.from, back) {
            (_, true) if !was_touched => continue,
            (Some(from), true) => &from.name,
            (None, true) | (_, false) => &image.to.name,
        };
        let total = tally.total.max(plan::desired(&deployment.plan, name));
        lines.push(format!("{name}: {} on {goal}", words::good_of(tally.good, total)));
    }
    words::at_most(lines, 16)
}

/// Whether an environment's tag was found moved by somebody else since the last turn: by a look
/// before the end, or by a step that found it so.
fn was_moved_since(end: &End, terms: &Terms, rollout: &Rollout, of: &Repository) -> bool {
    let found_by = |step: &Step, failure: &StepFailure| {
        is_tag_moved_by_others(failure) && is_about(step, terms, of)
    };
    let by_end = match end {
        End::Failed { undo: Some(Cause::StepFailed { step, failure }), .. }
        | End::Failed { cause: Cause::StepFailed { step, failure }, undo: None } => {
            found_by(step, failure)
        }
        End::Failed { .. }
        | End::Succeeded
        | End::RolledBack { .. }
        | End::Cancelled { .. }
        | End::Rejected { .. }
        | End::Expired
        | End::Unapproved
        | End::Missed
        | End::Refused { .. }
        | End::Superseded { .. } => false,
    };
    let failures = &rollout.phase().failures;
    by_end || failures.iter().any(|(step, failure)| found_by(step, failure))
}

/// Whether it moves this repository's tag, or restarts a service that runs from it.
fn is_about(step: &Step, terms: &Terms, repository: &Repository) -> bool {
    let restarted = step.restarted_service();
    let service = terms.services.iter().find(|service| Some(&service.name) == restarted);
    moves_tag(step, terms, repository)
        || service.is_some_and(|service| service.repository == *repository)
}

/// Where an environment's tag stands in one repository, as far as the steps tell.
fn tag_stands(terms: &Terms, rollout: &Rollout, image: &ImageMove, end: &End) -> String {
    let (tag, repository) = (&terms.tag, &image.repository);
    let before = image.from.as_ref().map_or("nothing", |from| from.name.as_str());
    let after = image.to.name.as_str();
    let begun = |phase: &Phase| phase.begun().any(|step| moves_tag(step, terms, repository));
    let done = |phase: &Phase| phase.done.iter().any(|step| moves_tag(step, terms, repository));
    let undo = rollout.undo.as_ref().map(|undo| &undo.phase);
    let moved = was_moved_since(end, terms, rollout, repository);
    let since = if moved { ", and somebody else moved it since" } else { "" };
    if !begun(&rollout.forward) {
        format!("{repository}: {tag} was not moved from {before}")
    } else if undo.is_some_and(done) {
        format!("{repository}: {tag} was moved back to {before}{since}")
    } else if undo.is_some_and(begun) || !done(&rollout.forward) {
        format!("{repository}: {tag} may not be at {before}; {after} was to be undone")
    } else {
        format!("{repository}: {tag} was moved to {after} and not back{since}")
    }
}
