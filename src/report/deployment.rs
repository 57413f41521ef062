//! The one card of a deployment, drawn from its state at every stage.

use jiff::Zoned;

use crate::domain::card::{About, Card, CardAction, Control, Link, Tone};
use crate::domain::deployment::{Deployment, Ended, Stage};
use crate::domain::event::End;

use super::{asking, end, pause, plan, running, votes, words};

/// The card of a deployment now. `now` is the time where its environment is: times of day are
/// told in its time zone.
pub fn deployment_card(deployment: &Deployment, now: &Zoned) -> Card {
    let mut card = Card::new(tone(deployment, now), titled(deployment));
    card = match &deployment.stage {
        Stage::Waiting | Stage::Queued { .. } | Stage::Running(_) => {
            votes::with_broken_glass(card.text(asked(deployment, now)), deployment, now)
        }
        Stage::Ended(ended) => {
            let card = end::with_end(card, deployment, ended, now);
            votes::with_broken_glass(card, deployment, now).text(asked(deployment, now))
        }
    };
    card = match &deployment.stage {
        Stage::Waiting => {
            let card = plan::with_warnings(card, &deployment.plan, now);
            let card = pause::with_stay(card, deployment, now);
            plan::with_plan(votes::with_question(card, deployment, now), &deployment.plan)
        }
        Stage::Queued { since } => {
            let card = plan::with_warnings(card, &deployment.plan, now)
                .text(format!(
                    "In the queue since {}: one deployment runs in {} at a time. It is checked \
                     once more when its turn comes.",
                    words::clock(*since, now),
                    deployment.plan.terms.environment
                ))
                .text("To call it off: 🛑, or write:")
                .command(asking::cancel(deployment.id));
            plan::with_plan(pause::with_stay(card, deployment, now), &deployment.plan)
        }
        Stage::Running(rollout) => {
            let card = running::with_rollout(card, deployment, rollout, now);
            card.field("Images", plan::images(&deployment.plan))
        }
        Stage::Ended(_) => card.field("Images", plan::images(&deployment.plan)),
    };
    card.actions = actions(deployment);
    card.controls = controls(deployment);
    // There is no undo of an undo.
    let succeeded = deployment.end().is_some_and(|end| *end == End::Succeeded);
    card.rollback = succeeded && !deployment.is_rollback();
    card.about = Some(About {
        deployment: deployment.id,
        environment: deployment.plan.terms.environment.clone(),
    });
    let asked_in = deployment.request.asked_in.iter().cloned();
    card.links.extend(asked_in.map(|message| Link { label: "the request".to_owned(), message }));
    card
}

/// What an old card shows once its terms have changed: nothing that could still be voted on.
pub fn closed_card(deployment: &Deployment) -> Card {
    let title =
        format!("#{} {}: the plan changed", deployment.id, plan::purpose(&deployment.plan.terms));
    Card::new(Tone::Plain, title)
        .text("The plan changed, so votes here no longer count.")
        .text("A new message with the plan as it is now follows; vote there.")
}

/// `#42 promote core:1.5.0 to staging: waiting for votes`
pub fn titled(deployment: &Deployment) -> String {
    format!("{}: {}", named(deployment), stage_words(deployment))
}

/// `#42 promote core:1.5.0 to staging`
pub fn named(deployment: &Deployment) -> String {
    format!("#{} {}", deployment.id, plan::purpose(&deployment.plan.terms))
}

pub fn ended(deployment: &Deployment) -> Option<&Ended> {
    match &deployment.stage {
        Stage::Waiting | Stage::Queued { .. } | Stage::Running(_) => None,
        Stage::Ended(ended) => Some(ended),
    }
}

/// Where it is, as people say it.
pub fn stage_words(deployment: &Deployment) -> &'static str {
    match &deployment.stage {
        Stage::Waiting if deployment.is_scheduled() && deployment.needed().is_empty() => {
            "scheduled"
        }
        Stage::Waiting if deployment.is_scheduled() => "scheduled, waiting for votes",
        Stage::Waiting if deployment.requirements.is_empty() => "waiting",
        Stage::Waiting => "waiting for votes",
        Stage::Queued { .. } => "queued",
        Stage::Running(rollout) if rollout.goes_back() => "going back",
        Stage::Running(rollout) if rollout.paused().is_some() => "paused",
        Stage::Running(_) => "running",
        Stage::Ended(ended) => match &ended.end {
            End::Succeeded => "succeeded",
            // Its own rollback is what did not work; "rolled back" would say the opposite.
            End::RolledBack { .. } if deployment.is_rollback() => "did not work",
            End::RolledBack { .. } => "rolled back",
            End::Failed { .. } => "failed",
            End::Cancelled { .. } => "cancelled",
            End::Rejected { .. } => "rejected",
            End::Expired => "expired",
            End::Unapproved => "not agreed in time",
            End::Missed => "missed",
            End::Refused { .. } => "refused",
            End::Superseded { .. } => "superseded",
        },
    }
}

/// Who asked, when and why.
fn asked(deployment: &Deployment, now: &Zoned) -> String {
    let moment = deployment.request.scheduled;
    words::sentence(&format!(
        "Asked by {} at {}{}{}",
        words::person(&deployment.request.requester.id),
        words::clock(deployment.requested_at, now),
        // What waits for it says so by itself.
        moment.filter(|_| !deployment.is_scheduled()).map_or_else(String::new, |moment| {
            format!(", for {}", words::date_and_clock(moment, now))
        }),
        words::because(deployment.request.because.as_deref())
    ))
}

fn tone(deployment: &Deployment, now: &Zoned) -> Tone {
    match &deployment.stage {
        Stage::Waiting | Stage::Queued { .. } => Tone::Waiting,
        Stage::Running(rollout) if rollout.goes_back() => Tone::Warning,
        Stage::Running(rollout) if rollout.paused().is_some() => Tone::Waiting,
        Stage::Running(_) => Tone::Running,
        Stage::Ended(ended) => end::tell(deployment, ended, now).tone,
    }
}

/// How what runs can be held up, or let go on. Nothing holds an undo up.
fn controls(deployment: &Deployment) -> Vec<Control> {
    match &deployment.stage {
        Stage::Running(rollout) if rollout.goes_back() => Vec::new(),
        Stage::Running(rollout) if rollout.paused().is_some() => vec![Control::Continue],
        Stage::Running(_) if deployment.canaries_stay() => {
            vec![Control::Pause, Control::Continue]
        }
        Stage::Running(_) => vec![Control::Pause],
        Stage::Waiting | Stage::Queued { .. } | Stage::Ended(_) => Vec::new(),
    }
}

/// What people may still do about it. Nobody can stop an undo.
fn actions(deployment: &Deployment) -> Vec<CardAction> {
    match &deployment.stage {
        Stage::Waiting if deployment.requirements.is_empty() => vec![CardAction::Cancel],
        Stage::Waiting => CardAction::ALL.to_vec(),
        Stage::Queued { .. } => vec![CardAction::Cancel],
        Stage::Running(rollout) if rollout.undo.is_some() || rollout.stop.is_some() => Vec::new(),
        Stage::Running(_) => vec![CardAction::Cancel],
        Stage::Ended(_) => Vec::new(),
    }
}
