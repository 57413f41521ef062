//! `pause`, `continue` and `canary`: people's grip on a deployment that runs. What follows of it
//! is decided by `domain::next` at the next look.

use super::super::Engine;
use super::super::problem::Problem;
use super::ballot::topic;
use crate::domain::command::{Ballot, Canary, Command};
use crate::domain::deployment::{Deployment, Stage};
use crate::domain::event::Event;
use crate::domain::policy::Action;
use crate::domain::rollout::Rollout;
use crate::ports::Said;
use crate::report::{self, Grip};

impl Engine {
    pub(super) async fn pause(&self, said: &Said, ballot: &Ballot) {
        let (by, because) = (said.person.clone(), ballot.because.clone());
        let command = Command::Pause(ballot.clone());
        let runs = |one: &Deployment| matches!(one.stage, Stage::Running(_));
        let wanted = self.meant(said, ballot.deployment, "pause", |one| {
            ballot.deployment.is_some() && one.end().is_none() || runs(one)
        });
        let Some(deployment) = wanted.await else { return };
        let event = |now: &Deployment| match &now.stage {
            Stage::Running(rollout) if rollout.pause.is_none() && !rollout.goes_back() => {
                Some(Event::Paused { by: by.clone(), because: because.clone() })
            }
            Stage::Running(_) | Stage::Waiting | Stage::Queued { .. } | Stage::Ended(_) => None,
        };
        self.grip(said, &command, &deployment, event).await;
    }

    pub(super) async fn go_on(&self, said: &Said, ballot: &Ballot) {
        let by = said.person.clone();
        let command = Command::Continue(ballot.clone());
        let held =
            |one: &Deployment| matches!(&one.stage, Stage::Running(now) if is_held(one, now));
        let wanted = self.meant(said, ballot.deployment, "continue", |one| {
            ballot.deployment.is_some() && one.end().is_none() || held(one)
        });
        let Some(deployment) = wanted.await else { return };
        let event = |now: &Deployment| match &now.stage {
            Stage::Running(rollout) if is_held(now, rollout) => {
                Some(Event::Continued { by: by.clone() })
            }
            Stage::Running(_) | Stage::Waiting | Stage::Queued { .. } | Stage::Ended(_) => None,
        };
        self.grip(said, &command, &deployment, event).await;
    }

    pub(super) async fn canary(&self, said: &Said, canary: &Canary) {
        let (by, stay) = (said.person.clone(), canary.stay);
        let command = Command::Canary(canary.clone());
        let open = |one: &Deployment| one.end().is_none();
        let wanted = self.meant(said, canary.deployment, "canary", open);
        let Some(deployment) = wanted.await else { return };
        let event = |now: &Deployment| {
            report::canaries_to_come(now).then(|| Event::CanaryAsked { by: by.clone(), stay })
        };
        self.grip(said, &command, &deployment, event).await;
    }

    /// Records what somebody may do to a deployment, and tells what it is then.
    async fn grip(
        &self,
        said: &Said,
        command: &Command,
        deployment: &Deployment,
        event: impl Fn(&Deployment) -> Option<Event>,
    ) {
        match self.try_grip(said, deployment, event).await {
            Ok((now, done)) => {
                let grip = if done { Grip::Taken } else { Grip::Missed };
                let time = self.local_time(Some(&now.plan.terms.environment));
                let card = report::grip_card(command, grip, &now, &time);
                self.answer_with(said, command, &card).await;
            }
            Err(problem) => self.explain(said, &topic(Action::Pause, deployment), problem).await,
        }
    }

    /// The deployment as it is then, and whether anything was recorded.
    async fn try_grip(
        &self,
        said: &Said,
        deployment: &Deployment,
        event: impl Fn(&Deployment) -> Option<Event>,
    ) -> Result<(Deployment, bool), Problem> {
        let person = self.person(&said.person).await?;
        self.judge_deployment(&person, Action::Pause, deployment).await?;
        let after = self.append_if(deployment.id, |now| event(now).into_iter().collect());
        match after.await? {
            Some(after) => {
                tracing::info!(deployment.id = %after.id, person = %person.id, line = said.text, "gripped");
                self.refresh_card(&after).await;
                Ok((after, true))
            }
            None => Ok((self.reload(deployment.id).await?, false)),
        }
    }
}

/// Whether somebody holds it up, by a pause or at its canary.
fn is_held(deployment: &Deployment, rollout: &Rollout) -> bool {
    rollout.paused().is_some() || report::canaries_stay(deployment)
}
