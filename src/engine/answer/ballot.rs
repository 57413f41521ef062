//! `approve`, `reject` and `cancel`: the same as ✅, ❌ and 🛑, in words.

use super::super::Engine;
use super::super::problem::Problem;
use super::Topic;
use crate::domain::card::{Card, CardAction, Tone};
use crate::domain::command::{Ballot, Command};
use crate::domain::deployment::{Deployment, Stage};
use crate::domain::event::Choice;
use crate::domain::id::DeploymentId;
use crate::domain::policy::Action;
use crate::ports::Said;
use crate::report;

impl Engine {
    pub(super) async fn approve(&self, said: &Said, ballot: &Ballot) {
        let waiting = |one: &Deployment| matches!(one.stage, Stage::Waiting);
        let Some(deployment) =
            self.meant(said, ballot.deployment, CardAction::Approve.label(), waiting).await
        else {
            return;
        };
        self.vote_in_words(said, &deployment, Choice::Yes, None).await;
    }

    pub(super) async fn reject(&self, said: &Said, ballot: &Ballot) {
        let waiting = |one: &Deployment| matches!(one.stage, Stage::Waiting);
        let Some(deployment) =
            self.meant(said, ballot.deployment, CardAction::Reject.label(), waiting).await
        else {
            return;
        };
        self.vote_in_words(said, &deployment, Choice::No, ballot.because.clone()).await;
    }

    pub(super) async fn cancel(&self, said: &Said, ballot: &Ballot) {
        let open = |one: &Deployment| one.end().is_none();
        let Some(deployment) =
            self.meant(said, ballot.deployment, CardAction::Cancel.label(), open).await
        else {
            return;
        };
        let cancelled = self.cancel_deployment(&said.person, &deployment, ballot.because.clone());
        match cancelled.await {
            Ok(sentence) => {
                let card = Card::new(Tone::Plain, sentence);
                self.answer_with(said, &Command::Cancel(ballot.clone()), &card).await;
            }
            Err(problem) => self.explain(said, &topic(Action::Cancel, &deployment), problem).await,
        }
    }

    async fn vote_in_words(
        &self,
        said: &Said,
        deployment: &Deployment,
        choice: Choice,
        because: Option<String>,
    ) {
        let voted = self.vote(said, deployment, choice, because).await;
        let ballot = Ballot { deployment: Some(deployment.id), because: None };
        let command = match choice {
            Choice::Yes => Command::Approve(ballot),
            Choice::No => Command::Reject(ballot),
        };
        match voted {
            Ok(card) => self.answer_with(said, &command, &card).await,
            Err(problem) => {
                self.explain(said, &topic(Action::Approve, deployment), problem).await;
            }
        }
    }

    /// The deployment that is meant: the one that is named, else the only one that can be.
    pub(super) async fn meant(
        &self,
        said: &Said,
        named: Option<DeploymentId>,
        label: &str,
        fits: impl Fn(&Deployment) -> bool,
    ) -> Option<Deployment> {
        match self.candidates(named).await {
            Err(Problem::Undecided(undecided)) => {
                self.undecided(said, &undecided).await;
                None
            }
            // Nothing is decided by looking for it.
            Err(Problem::Refused(_) | Problem::Denied(_)) => None,
            Ok(candidates) => {
                let here = |one: &Deployment| {
                    self.parts.manners.channels.allows(&said.channel, &one.plan.terms.environment)
                };
                let mut fitting: Vec<Deployment> =
                    candidates.iter().filter(|one| fits(one) && here(one)).cloned().collect();
                if fitting.len() == 1 {
                    return fitting.pop();
                }
                if let (Some(_), Some(elsewhere)) = (named, candidates.first())
                    && let Err(refusal) =
                        self.may_be_spoken_of(said, &elsewhere.plan.terms.environment)
                {
                    self.whisper(said, &report::refusal_card(&refusal, None)).await;
                    return None;
                }
                let card = match (named, candidates.first()) {
                    (Some(id), None) => report::no_such_deployment_card(id),
                    (Some(_), Some(one)) => report::not_open_card(one),
                    (None, _) => {
                        let choices: Vec<&Deployment> = fitting.iter().collect();
                        report::which_deployment_card(label, &choices)
                    }
                };
                self.whisper(said, &card).await;
                None
            }
        }
    }

    async fn candidates(&self, id: Option<DeploymentId>) -> Result<Vec<Deployment>, Problem> {
        match id {
            Some(id) => Ok(self.parts.store.deployment(id).await?.into_iter().collect()),
            None => Ok(self.parts.store.open().await?),
        }
    }
}

/// What is wanted of a deployment.
pub(super) fn topic(action: Action, deployment: &Deployment) -> Topic {
    Topic {
        action,
        environment: deployment.plan.terms.environment.clone(),
        what: Some(format!("#{}", deployment.id)),
        command: None,
    }
}
