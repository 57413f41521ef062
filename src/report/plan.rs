//! What a plan will do, in words: images, services, tags, warnings. Knows nothing of votes or
//! of how far a rollout is.

use jiff::Zoned;

use crate::domain::card::Card;
use crate::domain::environment::{Batch, Strategy};
use crate::domain::id::{Digest, EnvironmentName, Repository, ServiceName};
use crate::domain::plan::{
    ImageMove, Kind, Outlook, Plan, PlannedService, Terms, Version, Warning, Why,
};
use crate::domain::policy::Requirement;

use super::words;
use crate::domain::words_of_time::When;

/// More lines than this in one part of a card are read by nobody.
const MOST_LINES: usize = 12;
/// More names than this make a title unreadable.
const MOST_NAMES: usize = 3;

/// `promote core:1.5.0 to staging`, `roll back production to core:1.4.1`.
pub fn purpose(terms: &Terms) -> String {
    let names = short_names(terms);
    match terms.kind {
        Kind::Promotion => format!("promote {names} to {}", terms.environment),
        Kind::Rollback { .. } => format!("roll back {} to {names}", terms.environment),
    }
}

/// What a dry run shows: the plan, what it would need, and that nothing happened.
pub fn dry_run_card(
    plan: &Plan,
    requirements: &[Requirement],
    when: Option<&When>,
    now: &Zoned,
) -> Card {
    let mut card =
        Card::new(crate::domain::card::Tone::Plain, format!("Dry run: {}", purpose(&plan.terms)))
            .text("Only a plan: nothing was changed and nobody was asked.");
    card = with_warnings(card, plan, now);
    if requirements.is_empty() {
        card = card.text("It would need no votes.");
    }
    for requirement in requirements {
        card = card.text(format!("It would need {}.", asked_for(requirement)));
    }
    card = match plan.terms.kind {
        Kind::Promotion => {
            card.text("To do it:").command(super::asking::promote_then(&plan.terms, when))
        }
        Kind::Rollback { .. } => {
            card.text("To do it:").command(super::asking::rollback(&plan.terms.environment))
        }
    };
    with_plan(card, plan)
}

/// `2 votes of release-manager within 30 min (production-needs-two: …)`
pub fn asked_for(requirement: &Requirement) -> String {
    format!(
        "{} of {} within {} ({}: {})",
        crate::domain::plural(requirement.approvals as usize, "vote"),
        words::either_role(&requirement.approvers),
        words::duration(requirement.expires),
        requirement.policy,
        words::clean(&requirement.reason)
    )
}

/// Adds the fields that say what will be done.
pub fn with_plan(card: Card, plan: &Plan) -> Card {
    card.field("Images", images(plan)).field("Services", services(plan)).field("Tags", tags(plan))
}

/// Adds what people should know before they agree.
pub fn with_warnings(mut card: Card, plan: &Plan, now: &Zoned) -> Card {
    let Plan { terms, outlook } = plan;
    let line = |one| warning(one, &terms.environment, now);
    let warnings = outlook.warnings.iter().filter_map(line).collect();
    for line in words::at_most(warnings, MOST_LINES) {
        card = card.warning(line);
    }
    card
}

/// What becomes of each image, and whether it was scanned.
pub fn images(plan: &Plan) -> Vec<String> {
    let mut lines: Vec<String> = plan.terms.images.iter().map(image_line).collect();
    lines = words::at_most(lines, MOST_LINES);
    if plan.outlook.critical_findings == Some(0) {
        lines.push("Scanned: no critical findings".to_owned());
    }
    lines
}

/// `core: 1.4.1 → 1.5.0 (0cc175b9c0f1 → 92eb5ffee6ae)`
fn image_line(image: &ImageMove) -> String {
    let repository = &image.repository;
    let to = bare_name(repository, &image.to);
    let to_digest = image.to.digest.short();
    match &image.from {
        Some(from) if from.digest == image.to.digest => {
            format!("{repository}: stays at {to} ({to_digest}), and all tasks are brought to it")
        }
        Some(from) => format!(
            "{repository}: {} → {to} ({} → {to_digest})",
            bare_name(repository, from),
            from.digest.short()
        ),
        None => format!("{repository}: nothing yet → {to} ({to_digest})"),
    }
}

fn services(plan: &Plan) -> Vec<String> {
    let lines = plan.terms.services.iter().map(|service| service_line(service, &plan.outlook));
    let mut lines = words::at_most(lines.collect(), MOST_LINES);
    let scaled: Vec<&str> = plan.outlook.warnings.iter().filter_map(takes_early).collect();
    if !scaled.is_empty() {
        lines.push(format!(
            "Tasks that autoscaling adds to {} take the new image as soon as the tag has moved",
            words::some_of(scaled.into_iter(), MOST_NAMES)
        ));
    }
    lines.extend(words::at_most(checks(plan), MOST_LINES));
    if let Some(expected) = plan.outlook.expected {
        lines.push(format!("Takes about {}", words::duration(expected)));
    }
    lines
}

/// `rest-api is checked at https://…, on its canary and at the end`
fn checks(plan: &Plan) -> Vec<String> {
    let line = |service: &PlannedService| {
        let seen = plan.outlook.services.iter().find(|seen| seen.name == service.name)?;
        let alone = service.has_canary() && !service.all_at_once();
        let canary = alone && seen.desired > 1;
        let when = if canary { "on its canary and at the end" } else { "at the end" };
        let addresses = super::cause::addresses(&seen.checks);
        (seen.desired > 0 && !seen.checks.is_empty())
            .then(|| format!("{} is checked at {addresses}, {when}", service.name))
    };
    plan.terms.services.iter().filter_map(line).collect()
}

/// `rest-api (3 tasks): stop and replace, one canary first — a replaced task pulls the moved tag`
fn service_line(service: &PlannedService, outlook: &Outlook) -> String {
    let name = &service.name;
    let Some(seen) = outlook.services.iter().find(|seen| seen.name == service.name) else {
        return format!("{name}: {}", how(service, 0, None));
    };
    let count = if seen.serving < seen.desired {
        format!("{}, {} of them serving", words::tasks(seen.desired), seen.serving)
    } else {
        words::tasks(seen.desired)
    };
    match seen.why {
        Why::NoTasks => {
            format!("{name}: nothing to restart — it runs no tasks; later ones take the new image")
        }
        Why::Settings
        | Why::PullsMovedTag
        | Why::DigestPinned
        | Why::LoadBalanced
        | Why::NoRoom
            if seen.desired == 0 && service.strategy == Strategy::Deployment =>
        {
            format!(
                "{name}: nothing to restart — it runs no tasks; a new ECS deployment, so that later \
                 ones take the new image"
            )
        }
        Why::Settings
        | Why::PullsMovedTag
        | Why::DigestPinned
        | Why::LoadBalanced
        | Why::NoRoom => {
            let how = how(service, seen.desired, seen.minimum);
            format!("{name} ({count}): {how} — {}", why(seen.why))
        }
    }
}

fn how(service: &PlannedService, desired: u32, minimum: Option<u32>) -> String {
    match service.strategy {
        Strategy::Stop if service.batch == Batch::All && desired > 1 => {
            "stop all at once and replace".to_owned()
        }
        Strategy::Stop if desired > 1 => {
            format!("stop and replace, one canary first{}", batches(service, desired, minimum))
        }
        Strategy::Stop => "stop and replace".to_owned(),
        Strategy::Deployment => "new ECS deployment".to_owned(),
    }
}

/// `, then up to 2 at a time, at least 1 of 3 serving`
fn batches(service: &PlannedService, desired: u32, minimum: Option<u32>) -> String {
    let Some(minimum) = minimum else { return String::new() };
    let room = if service.below_minimum { 1 } else { desired.saturating_sub(minimum) };
    // One is always stopped, whatever is set, or it would never end.
    let most = service.batch.most(desired).min(room).max(1);
    let serving = desired.saturating_sub(most);
    if desired < 3 {
        return format!(", at least {serving} of {desired} serving");
    }
    format!(", then up to {most} at a time, at least {serving} of {desired} serving")
}

fn why(why: Why) -> &'static str {
    match why {
        Why::Settings => "the settings say so",
        Why::PullsMovedTag => "a replaced task pulls the moved tag",
        Why::DigestPinned => "ECS pins the digest of a deployment",
        Why::LoadBalanced => "only an ECS deployment waits for the load balancer",
        Why::NoRoom => "stopping even one task would go below the minimum",
        Why::NoTasks => "it runs no tasks",
    }
}

/// Which tag moves and which keeps what it replaces.
fn tags(plan: &Plan) -> Vec<String> {
    let terms = &plan.terms;
    let moving: Vec<&ImageMove> = terms.images.iter().filter(|image| moves(image)).collect();
    if moving.is_empty() {
        return vec![format!("{} stays where it is", terms.tag)];
    }
    let in_which = if terms.images.len() > 1 {
        let names = moving.iter().map(|image| image.repository.as_str());
        format!(" in {}", words::some_of(names, MOST_NAMES))
    } else {
        String::new()
    };
    match terms.kind {
        Kind::Promotion => {
            let kept = moving.iter().filter_map(|image| Some(image.from.as_ref()?.name.as_str()));
            let kept = words::some_of(kept, MOST_NAMES);
            let keeps = if kept.is_empty() {
                "there is nothing to keep".to_owned()
            } else {
                format!("{} keeps {kept}", terms.previous_tag)
            };
            vec![format!("{} moves{in_which}, {keeps}", terms.tag)]
        }
        Kind::Rollback { of } => vec![
            format!("{} moves back{in_which}, {} is left alone", terms.tag, terms.previous_tag),
            format!("Reverts #{of}"),
        ],
    }
}

fn moves(image: &ImageMove) -> bool {
    image.from.as_ref().is_none_or(|from| from.digest != image.to.digest)
}

/// A warning as a line of its own; `None` where it is told beside the services.
fn warning(warning: &Warning, environment: &EnvironmentName, now: &Zoned) -> Option<String> {
    match warning {
        Warning::BelowMinimum { service, minimum, serving } => Some(format!(
            "{service} goes below its minimum: {serving} of {minimum} needed tasks serve, and the \
             settings fix stop and replace"
        )),
        Warning::AllAtOnce { service, tasks, minimum } => {
            Some(all_at_once(service, *tasks, *minimum))
        }
        Warning::ScalingTakesNewImage { .. } => None,
        Warning::Drift { service, on_tag, tasks } => Some(format!(
            "Drift: {service} has only {on_tag} of {} on what the tag says",
            words::tasks(*tasks)
        )),
        Warning::UndoesRunning { running } => Some(format!(
            "Two things happen: #{running}, which runs now, is undone first, and then this goes \
             back further, to what ran before the last success. To undo #{running} only, say \
             `{}` instead",
            super::asking::cancel(*running)
        )),
        Warning::PassesReservation { by, reason } => Some(format!(
            "A program has the environment for itself: {}. A rollback does not wait for it; the \
             program is told",
            super::reservations::holder(by, reason.as_deref())
        )),
        Warning::NothingToGoBackTo { repository } => Some(format!(
            "No way back: nothing ran from {repository} before, so this cannot be undone"
        )),
        Warning::CriticalFindings { image, count } => Some(format!(
            "{} in {image}",
            crate::domain::plural(*count as usize, "critical finding")
        )),
        Warning::NeverScanned { image } => {
            Some(format!("{image} was never scanned: its findings are not known"))
        }
        Warning::RefusedThen { by } => Some(format!(
            "At that moment it would be refused, as things are: {}",
            super::votes::all_decided(by, environment, now)
        )),
        Warning::FrozenThen { reason, until } => {
            let opens = super::freezes::opens(environment, *until, now);
            let reason = words::clean(reason);
            let reason = reason.trim_end_matches('.');
            Some(format!(
                "At that moment {environment} is frozen: {reason}. {opens}, and this \
                 waits until then"
            ))
        }
    }
}

fn all_at_once(service: &ServiceName, tasks: u32, minimum: u32) -> String {
    let what = match tasks {
        1 => format!("Stops the only task of {service}"),
        tasks => {
            format!("Stops all {} of {service} at once, without a canary", words::tasks(tasks))
        }
    };
    let below = match minimum {
        0 => String::new(),
        minimum => format!(" (its minimum is {minimum})"),
    };
    format!("{what}: {service} is down until they are back{below}. The settings say so")
}

/// The service of the warning that is told beside the services.
fn takes_early(warning: &Warning) -> Option<&str> {
    match warning {
        Warning::ScalingTakesNewImage { service } => Some(service.as_str()),
        Warning::BelowMinimum { .. }
        | Warning::AllAtOnce { .. }
        | Warning::Drift { .. }
        | Warning::UndoesRunning { .. }
        | Warning::PassesReservation { .. }
        | Warning::NothingToGoBackTo { .. }
        | Warning::CriticalFindings { .. }
        | Warning::NeverScanned { .. }
        | Warning::RefusedThen { .. }
        | Warning::FrozenThen { .. } => None,
    }
}

/// The name of a version where its repository has been named: `1.5.0` of `core:1.5.0`.
pub fn bare_name<'a>(repository: &Repository, version: &'a Version) -> &'a str {
    let rest = version.name.strip_prefix(repository.as_str());
    rest.and_then(|rest| rest.strip_prefix([':', '@'])).unwrap_or(&version.name)
}

/// The name of a digest that a step speaks of.
pub fn name_of(terms: &Terms, repository: &Repository, digest: &Digest) -> String {
    let image = terms.image(repository);
    let known = image.and_then(|image| {
        [Some(&image.to), image.from.as_ref()].into_iter().flatten().find(|v| v.is(digest))
    });
    known.map_or_else(|| format!("{repository}@{}", digest.short()), |version| version.name.clone())
}

/// How many tasks a service should have, where no count has come in yet.
pub fn desired(plan: &Plan, service: &ServiceName) -> u32 {
    let seen = plan.outlook.services.iter().find(|seen| &seen.name == service);
    seen.map_or(0, |seen| seen.desired)
}

fn short_names(terms: &Terms) -> String {
    words::some_of(terms.images.iter().map(|image| image.to.name.as_str()), MOST_NAMES)
}
