//! Requirements and votes in words: who has agreed, who is still needed, and what counted.

use crate::domain::card::{Card, CardAction, Link, Tone};
use crate::domain::deployment::Deployment;
use crate::domain::event::{Choice, Withdrawal};
use crate::domain::id::{DeploymentId, EnvironmentName, PersonId, PolicyId};
use crate::domain::policy::{Because, Opens, Requirement};
use jiff::Zoned;

use super::{asking, freezes, words};

/// Of so many plans at most that wait somebody is told at once.
const MOST_PLANS: usize = 5;

/// Adds what is asked, who has agreed so far, until when, and how to vote.
pub fn with_question(mut card: Card, deployment: &Deployment, now: &Zoned) -> Card {
    if let Some(moment) = deployment.scheduled {
        card = card
            .text(format!("Scheduled for {}.", words::moment(moment, now)))
            .text("All is checked again then, and it queues for its turn.");
        if deployment.requirements.is_empty() {
            return card
                .text("No votes are needed. To call it off: 🛑, or write:")
                .command(asking::cancel(deployment.id));
        }
    }
    if deployment.requirements.is_empty() {
        return card.text("No votes are needed: it starts when its turn comes.");
    }
    for requirement in &deployment.requirements {
        card = card.text(standing(deployment, requirement));
    }
    if let Some(end) = deployment.expires_at() {
        card = card.text(format!("Expires at {}.", words::clock(end, now)));
    } else {
        card = card.text("Votes are collected until then. What is not agreed is not run.");
    }
    let [yes, no, stop] = CardAction::ALL.map(CardAction::emoji);
    card.text(format!("Vote with {yes} or {no}, call it off with {stop}, or write:"))
        .command(asking::approve(deployment.id))
}

/// To those whose vote is missing: that it waits for them, and how to vote from where they are.
pub fn nudge_card(deployment: &Deployment, now: &Zoned) -> Card {
    let title = format!("{} waits for your vote", super::deployment::named(deployment));
    let mut card = Card::new(Tone::Waiting, title);
    for requirement in &deployment.requirements {
        card = card.text(standing(deployment, requirement));
    }
    if let Some(end) = deployment.expires_at() {
        card = card.text(format!("Expires at {}.", words::clock(end, now)));
    }
    if let Some(moment) = deployment.scheduled {
        card = card.text(format!("It is scheduled for {}.", words::moment(moment, now)));
    }
    card = card
        .text("Read the plan in the channel and vote there, or write here:")
        .command(asking::approve(deployment.id));
    let plan = deployment.message.iter().cloned();
    card.links.extend(plan.map(|message| Link { label: "the plan".to_owned(), message }));
    card
}

/// `Needs 1 more of release-manager (1 of 2: bob). production-needs-two: …`
fn standing(deployment: &Deployment, requirement: &Requirement) -> String {
    let voters: Vec<String> =
        deployment.votes_for(requirement).map(|vote| words::person(&vote.person.id)).collect();
    let missing = missing(deployment, requirement);
    let roles = words::either_role(&requirement.approvers);
    let asked = match (missing, voters.is_empty()) {
        (0, _) => format!("Agreed by {}", words::listed(voters.iter().map(String::as_str))),
        (missing, true) => {
            format!("Needs {} of {roles}", crate::domain::plural(missing as usize, "vote"))
        }
        (missing, false) => format!(
            "Needs {missing} more of {roles} ({} of {} agreed: {})",
            voters.len(),
            requirement.approvals,
            words::listed(voters.iter().map(String::as_str))
        ),
    };
    format!("{asked}. {}", policy(&requirement.policy, &requirement.reason))
}

/// `production-needs-two: production changes are agreed by two release managers.`
fn policy(id: &PolicyId, reason: &str) -> String {
    let reason = words::clean(reason);
    if reason.is_empty() {
        return format!("That is the policy {id}.");
    }
    words::sentence(&format!("{id}: {reason}"))
}

/// A policy that refuses, and what would change that where it is known:
/// `freezes-are-obeyed: the sale. production opens on Monday 30 November at 00:00
/// (Europe/Berlin): ask again then.`
pub fn decided(because: &Because, environment: &EnvironmentName, now: &Zoned) -> String {
    let why = policy(&because.policy, &because.reason);
    match because.opens {
        Some(Opens::At(until)) => {
            format!("{why} {}: ask again then.", freezes::opens(environment, Some(until), now))
        }
        Some(Opens::Unfrozen) => {
            format!("{why} {}.", freezes::opens(environment, None, now))
        }
        None => why,
    }
}

pub fn all_decided(by: &[Because], environment: &EnvironmentName, now: &Zoned) -> String {
    let told: Vec<String> = by.iter().map(|one| decided(one, environment, now)).collect();
    told.join(" ")
}

fn missing(deployment: &Deployment, requirement: &Requirement) -> u32 {
    deployment.needed().get(&requirement.policy).copied().unwrap_or(0)
}

/// `1 more release-manager needed`, over all requirements; `None`: nobody more is needed.
pub fn still_needed(deployment: &Deployment) -> Option<String> {
    let open: Vec<String> = deployment
        .requirements
        .iter()
        .map(|requirement| (missing(deployment, requirement), requirement))
        .filter(|(missing, _)| *missing > 0)
        .map(|(missing, requirement)| {
            format!("{missing} more {}", words::either_role(&requirement.approvers))
        })
        .collect();
    (!open.is_empty()).then(|| format!("{} needed", words::listed(open.iter().map(String::as_str))))
}

/// Adds, loudly, what breaking the glass set aside.
pub fn with_broken_glass(card: Card, deployment: &Deployment, now: &Zoned) -> Card {
    let who = words::person(&deployment.request.requester.id);
    deployment.overridden.iter().fold(card, |card, because| {
        let what = policy(&because.policy, &because.reason);
        let until = match because.opens {
            Some(Opens::At(until)) => {
                format!(" It would open on {}.", words::date_and_clock(until, now))
            }
            Some(Opens::Unfrozen) | None => String::new(),
        };
        card.warning(format!("GLASS BROKEN by {who}: set aside {what}{until}"))
    })
}

/// To who put a vote on an announcement: that it counts for nothing, and which plans wait for
/// votes; `None`: it is not known which of them are meant.
pub fn no_vote_card(waiting: Option<&[Deployment]>) -> Card {
    let title = "A vote on an announcement counts for nothing";
    let mut card = Card::new(Tone::Warning, title)
        .text("It shows no plan, and nobody agrees to what they have not seen.");
    let Some(waiting) = waiting else {
        return card.text("Votes are given on a plan, in the channel where it stands.");
    };
    let needed: Vec<(&Deployment, String)> =
        waiting.iter().filter_map(|one| Some((one, still_needed(one)?))).collect();
    if needed.is_empty() {
        return card.text(
            "No plan waits for votes. Somebody has to ask first, by the line in the announcement or \
             the button under it; the others vote on the plan that comes of it.",
        );
    }
    for (deployment, needed) in needed.into_iter().take(MOST_PLANS) {
        let named = super::deployment::named(deployment);
        card =
            card.text(format!("{named}: {needed}. Read its plan and vote there, or write here:"));
        card = card.command(asking::approve(deployment.id));
        let plan = deployment.message.iter().cloned();
        let label = format!("the plan of #{}", deployment.id);
        card.links.extend(plan.map(|message| Link { label: label.clone(), message }));
    }
    card
}

/// Says that a vote counts, and what is still needed.
pub fn vote_card(deployment: &Deployment, choice: Choice) -> Card {
    let id = deployment.id;
    match choice {
        Choice::Yes => {
            let rest = still_needed(deployment)
                .unwrap_or_else(|| "that was the last one needed".to_owned());
            Card::new(Tone::Plain, format!("#{id}: your ✅ counts: {rest}"))
        }
        Choice::No => Card::new(Tone::Plain, format!("#{id}: your ❌ counts and ends it")),
    }
}

/// Says that a person's vote is gone, and why.
pub fn vote_withdrawn_card(deployment: &Deployment, person: &PersonId, why: Withdrawal) -> Card {
    let person = words::person(person);
    let what = match why {
        Withdrawal::TakenBack => format!("{person} took the vote back"),
        Withdrawal::NoLongerEntitled => {
            format!("the vote of {person} no longer counts: the role for it is gone")
        }
    };
    let rest = still_needed(deployment).unwrap_or_else(|| "no more votes are needed".to_owned());
    Card::new(Tone::Plain, format!("#{}: {what}; {rest}", deployment.id))
}

/// The answer to a word on a deployment that cannot be voted on or called off any more.
pub fn not_open_card(deployment: &Deployment) -> Card {
    let stage = super::deployment::stage_words(deployment);
    let is = if deployment.end().is_some() { "has ended:" } else { "is" };
    Card::new(Tone::Warning, format!("#{} {is} {stage}. That changes nothing now", deployment.id))
        .text("To see it:")
        .command(asking::show(deployment.id))
}

/// The answer to a vote for a plan that changed while it was given.
pub fn not_counted_card(id: DeploymentId) -> Card {
    Card::new(Tone::Warning, format!("#{id} has moved on: your vote was not counted"))
        .text("Read the newest message about it. If you still mean it, say it again.")
        .command(asking::show(id))
}

/// The answer to a number that no deployment has.
pub fn no_such_deployment_card(id: DeploymentId) -> Card {
    Card::new(Tone::Warning, format!("There is no deployment #{id}"))
        .text("To see which there are:")
        .command("history")
}

/// The answer to a word without a number, where none or several could be meant.
/// `label`: the word of the command, to which a number is added.
pub fn which_deployment_card(label: &str, choices: &[&Deployment]) -> Card {
    if choices.is_empty() {
        return Card::new(Tone::Warning, format!("There is nothing to {label}"))
            .text("No deployment is open that this could mean. To see the last ones:")
            .command("history");
    }
    let mut card = Card::new(Tone::Warning, format!("Which deployment do you want to {label}?"));
    for deployment in choices {
        card = card
            .text(format!("{}:", super::deployment::named(deployment)))
            .command(format!("{label} {}", deployment.id));
    }
    card
}
