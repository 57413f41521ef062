//! A deployment that people hold up: pauses, canaries that stay alone, and what is answered to
//! those who ask for either. Decides nothing.

use std::time::Duration;

use jiff::{Timestamp, Zoned};

use crate::domain::card::{Card, Tone};
use crate::domain::command::Command;
use crate::domain::deployment::{Deployment, Stage};
use crate::domain::environment::Strategy;
use crate::domain::plan::{PlannedService, Terms};
use crate::domain::rollout::{Rollout, Tally};

use super::{asking, words};

/// More names than this are counted.
const MOST_NAMES: usize = 3;

/// Whether somebody's word on a deployment did anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grip {
    Taken,
    /// Where the deployment is, it means nothing.
    Missed,
}

/// Whether any service's canary can still be told to stay alone.
pub fn canaries_to_come(deployment: &Deployment) -> bool {
    match &deployment.stage {
        Stage::Ended(_) => false,
        Stage::Running(rollout) if rollout.goes_back() => false,
        Stage::Waiting | Stage::Queued { .. } | Stage::Running(_) => {
            by_stop(&deployment.plan.terms).any(|service| !has_passed(deployment, service))
        }
    }
}

/// Whether some canary stays alone now, or will, because somebody asked for it.
pub fn canaries_stay(deployment: &Deployment) -> bool {
    deployment.canary_asked() && canaries_to_come(deployment)
}

fn by_stop(terms: &Terms) -> impl Iterator<Item = &PlannedService> {
    terms.services.iter().filter(|service| service.strategy == Strategy::Stop)
}

fn tally(deployment: &Deployment, service: &PlannedService) -> Tally {
    let tallies = deployment.rollout().map(|rollout| &rollout.forward.services);
    tallies.and_then(|tallies| tallies.get(&service.name)).copied().unwrap_or_default()
}

fn has_passed(deployment: &Deployment, service: &PlannedService) -> bool {
    tally(deployment, service).canary_passed
}

/// Says on the card of a running deployment that somebody has paused it.
pub fn with_pause(card: Card, deployment: &Deployment, rollout: &Rollout, now: &Zoned) -> Card {
    let Some(pause) = rollout.paused() else { return card };
    let card = card
        .warning(words::sentence(&format!(
            "Paused by {} at {}{}",
            words::person(&pause.by),
            words::clock(pause.since, now),
            words::because(pause.because.as_deref())
        )))
        .text(
            "No further step begins. What is new is watched, and goes back if it fails; nothing \
             is given up for want of progress.",
        );
    let rolling = rolling(deployment, rollout);
    let card = if rolling.is_empty() {
        card
    } else {
        let names = words::some_of(rolling.into_iter(), MOST_NAMES);
        card.text(format!(
            "ECS goes on with its own deployment of {names}: only going back stops that."
        ))
    };
    card.text("To let it go on:").command(asking::go_on(deployment.id))
}

/// The services that ECS restarts by itself.
fn rolling<'a>(deployment: &'a Deployment, rollout: &Rollout) -> Vec<&'a str> {
    let services = deployment.plan.terms.services.iter();
    services
        .filter(|service| rollout.forward.deployments.contains_key(&service.name))
        .filter(|service| {
            let tally = tally(deployment, service);
            tally.good < tally.total
        })
        .map(|service| service.name.as_str())
        .collect()
}

/// Says on the card for how long canaries stay alone, where somebody asked for that.
pub fn with_stay(card: Card, deployment: &Deployment, now: &Zoned) -> Card {
    let Some(asked) = deployment.stay().filter(|_| canaries_to_come(deployment)) else {
        return card;
    };
    let running = match &deployment.stage {
        Stage::Running(rollout) => Some(rollout),
        Stage::Waiting | Stage::Queued { .. } | Stage::Ended(_) => None,
    };
    let until = running.and_then(|_| until(deployment, asked.stay));
    let until = until.map_or_else(String::new, |end| format!(", until {}", words::clock(end, now)));
    let card = card.text(format!(
        "Each canary stays alone for at least {}{until}, as {} asked; then it goes on by itself.",
        words::duration(asked.stay),
        words::person(&asked.by)
    ));
    match running {
        Some(rollout) if rollout.paused().is_none() => {
            card.text("To go on sooner:").command(asking::go_on(deployment.id))
        }
        Some(_) | None => card,
    }
}

/// When the last canary that is good by now has stayed for long enough.
fn until(deployment: &Deployment, stay: Duration) -> Option<Timestamp> {
    let stays = by_stop(&deployment.plan.terms).map(|service| tally(deployment, service));
    let since = stays.filter(|tally| !tally.canary_passed).filter_map(|tally| tally.good_since);
    since.max()?.checked_add(stay).ok()
}

/// What a dry run says of a canary that should stay alone.
pub fn canary_would_stay(terms: &Terms, stay: Duration) -> String {
    let names: Vec<&str> = by_stop(terms).map(|service| service.name.as_str()).collect();
    if names.is_empty() {
        return no_canary(terms);
    }
    format!(
        "The canary of {} would stay alone for at least {}.",
        words::some_of(names.into_iter(), MOST_NAMES),
        words::duration(stay)
    )
}

fn no_canary(terms: &Terms) -> String {
    let names = terms.services.iter().map(|service| service.name.as_str());
    format!(
        "No canary can be left alone: ECS restarts {} by itself.",
        words::some_of(names, MOST_NAMES)
    )
}

/// The answer to `pause`, `continue` or `canary`.
pub fn grip_card(command: &Command, grip: Grip, deployment: &Deployment, now: &Zoned) -> Card {
    let id = deployment.id;
    match (command, grip) {
        (Command::Pause(_), Grip::Taken) => Card::new(
            Tone::Plain,
            format!("#{id} is paused: no further step begins, and what is new is watched on"),
        )
        .text("To let it go on:")
        .command(asking::go_on(id)),
        (Command::Continue(_), Grip::Taken) => {
            let what = if canaries_stay(deployment) {
                "goes on; its canaries still stay for as long as was asked"
            } else {
                "goes on"
            };
            Card::new(Tone::Plain, format!("#{id} {what}"))
        }
        (Command::Canary(canary), Grip::Taken) => {
            let stay = words::duration(canary.stay);
            let card = Card::new(
                Tone::Plain,
                format!(
                    "#{id}: each canary stays alone for at least {stay}, then it goes on by itself"
                ),
            );
            match deployment.stage {
                Stage::Running(_) => card.text("To go on sooner:").command(asking::go_on(id)),
                Stage::Waiting | Stage::Queued { .. } | Stage::Ended(_) => card,
            }
        }
        (
            Command::Pause(_)
            | Command::Continue(_)
            | Command::Canary(_)
            | Command::Promote(_)
            | Command::Rollback(_)
            | Command::Status { .. }
            | Command::Show { .. }
            | Command::History { .. }
            | Command::Approve(_)
            | Command::Reject(_)
            | Command::Cancel(_)
            | Command::Queue { .. }
            | Command::Help { .. }
            | Command::Whoami,
            _,
        ) => missed_card(command, deployment, now),
    }
}

/// Why it does nothing, and what would.
fn missed_card(command: &Command, deployment: &Deployment, now: &Zoned) -> Card {
    let id = deployment.id;
    let is_canary = matches!(command, Command::Canary(_));
    let warning = |title: String| Card::new(Tone::Warning, title);
    match &deployment.stage {
        Stage::Ended(_) => super::votes::not_open_card(deployment),
        Stage::Running(rollout) if rollout.goes_back() => {
            warning(format!("#{id} is going back, and nothing holds that up"))
        }
        Stage::Waiting | Stage::Queued { .. } | Stage::Running(_) if is_canary => {
            let terms = &deployment.plan.terms;
            if by_stop(terms).next().is_none() {
                return warning(format!("#{id} has no canary")).text(no_canary(terms));
            }
            warning(format!("The canaries of #{id} have passed already"))
                .text("To keep it where it is now:")
                .command(asking::pause(id))
        }
        Stage::Waiting | Stage::Queued { .. } => {
            warning(format!("#{id} has not begun: there is nothing to hold up"))
                .text("To call it off:")
                .command(asking::cancel(id))
        }
        Stage::Running(rollout) => match rollout.paused() {
            Some(pause) => warning(format!(
                "#{id} is paused already, by {} since {}",
                words::person(&pause.by),
                words::clock(pause.since, now)
            ))
            .text("To let it go on:")
            .command(asking::go_on(id)),
            None => warning(format!("#{id} is not paused"))
                .text("To hold it up:")
                .command(asking::pause(id)),
        },
    }
}
