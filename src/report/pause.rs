//! A deployment that people hold up: pauses, canaries that stay alone, and what is answered to
//! those who ask for either. Decides nothing.

use std::time::Duration;

use jiff::{Timestamp, Zoned};

use crate::domain::card::{Card, Tone};
use crate::domain::command::Wish;
use crate::domain::deployment::{Deployment, Stage};
use crate::domain::plan::{PlannedService, Terms};
use crate::domain::rollout::{Rollout, Tally};

use super::{asking, words};

/// More names than this are counted.
const MOST_NAMES: usize = 3;

fn with_canary(terms: &Terms) -> impl Iterator<Item = &PlannedService> {
    terms.services.iter().filter(|service| service.has_canary())
}

fn tally(deployment: &Deployment, service: &PlannedService) -> Tally {
    let tallies = deployment.rollout().map(|rollout| &rollout.forward.services);
    tallies.and_then(|tallies| tallies.get(&service.name)).copied().unwrap_or_default()
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
    let Some(asked) = deployment.stay().filter(|_| deployment.canaries_to_come()) else {
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
    let stays = with_canary(&deployment.plan.terms).map(|service| tally(deployment, service));
    let since = stays.filter(|tally| !tally.canary_passed).filter_map(|tally| tally.good_since);
    since.max()?.checked_add(stay).ok()
}

/// What a dry run says of a canary that should stay alone.
pub fn canary_would_stay(terms: &Terms, stay: Duration) -> String {
    let names: Vec<&str> = with_canary(terms).map(|service| service.name.as_str()).collect();
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

/// The answer to `pause`, `continue` or `canary`. `done`: it did something; else it means nothing
/// where the deployment is.
pub fn wish_card(wish: Wish, done: bool, deployment: &Deployment, now: &Zoned) -> Card {
    if !done {
        return missed_card(wish, deployment, now);
    }
    let id = deployment.id;
    let card = |title: String| Card::new(Tone::Plain, title);
    match wish {
        Wish::Pause => {
            card(format!("#{id} is paused: no further step begins, and what is new is watched on"))
                .text("To let it go on:")
                .command(asking::go_on(id))
        }
        Wish::Continue if deployment.canaries_stay() => {
            card(format!("#{id} goes on; its canaries still stay for as long as was asked"))
        }
        Wish::Continue => card(format!("#{id} goes on")),
        Wish::Canary(stay) => {
            let stay = words::duration(stay);
            let card = card(format!(
                "#{id}: each canary stays alone for at least {stay}, then it goes on by itself"
            ));
            match deployment.stage {
                Stage::Running(_) => card.text("To go on sooner:").command(asking::go_on(id)),
                Stage::Waiting | Stage::Queued { .. } | Stage::Ended(_) => card,
            }
        }
    }
}

/// Why it does nothing, and what would.
fn missed_card(wish: Wish, deployment: &Deployment, now: &Zoned) -> Card {
    let id = deployment.id;
    let is_canary = matches!(wish, Wish::Canary(_));
    let warning = |title: String| Card::new(Tone::Warning, title);
    match &deployment.stage {
        Stage::Ended(_) => super::votes::not_open_card(deployment),
        Stage::Running(rollout) if rollout.goes_back() => {
            warning(format!("#{id} is going back, and nothing holds that up"))
        }
        Stage::Waiting | Stage::Queued { .. } | Stage::Running(_) if is_canary => {
            let terms = &deployment.plan.terms;
            if with_canary(terms).next().is_none() {
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
