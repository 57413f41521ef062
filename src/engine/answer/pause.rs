//! `pause`, `continue` and `canary`: how people hold up a deployment that runs. What follows of it
//! is decided by `domain::next` at the next look.

use super::super::Engine;
use super::super::problem::Problem;
use super::ballot::topic;
use crate::domain::command::{Ballot, Canary, Command, Wish};
use crate::domain::deployment::{Deployment, Stage};
use crate::domain::event::Event;
use crate::domain::policy::Action;
use crate::ports::Said;
use crate::report;

impl Engine {
    pub(super) async fn pause(&self, said: &Said, ballot: &Ballot) {
        let command = Command::Pause(ballot.clone());
        let wanted = self.meant(said, ballot.deployment, "pause", |one| match one.stage {
            Stage::Running(_) => true,
            // Who names one is told why there is nothing to hold up.
            Stage::Waiting | Stage::Queued { .. } => ballot.deployment.is_some(),
            Stage::Ended(_) => false,
        });
        let Some(deployment) = wanted.await else { return };
        let event = |now: &Deployment| match &now.stage {
            Stage::Running(rollout) if rollout.pause.is_none() && !rollout.goes_back() => {
                let (by, because) = (said.person.clone(), ballot.because.clone());
                Some(Event::Paused { by, because })
            }
            Stage::Running(_) | Stage::Waiting | Stage::Queued { .. } | Stage::Ended(_) => None,
        };
        self.hold_up(said, (&command, Wish::Pause), &deployment, event).await;
    }

    pub(super) async fn go_on(&self, said: &Said, ballot: &Ballot) {
        let command = Command::Continue(ballot.clone());
        let wanted = self.meant(said, ballot.deployment, "continue", |one| {
            one.is_held_up() || (ballot.deployment.is_some() && one.end().is_none())
        });
        let Some(deployment) = wanted.await else { return };
        let event = |now: &Deployment| {
            now.is_held_up().then(|| Event::Continued { by: said.person.clone() })
        };
        self.hold_up(said, (&command, Wish::Continue), &deployment, event).await;
    }

    pub(super) async fn canary(&self, said: &Said, canary: &Canary) {
        let (command, stay) = (Command::Canary(canary.clone()), canary.stay);
        let open = |one: &Deployment| one.end().is_none();
        let wanted = self.meant(said, canary.deployment, "canary", open);
        let Some(deployment) = wanted.await else { return };
        let event = |now: &Deployment| {
            let by = || said.person.clone();
            now.canaries_to_come().then(|| Event::CanaryAsked { by: by(), stay })
        };
        self.hold_up(said, (&command, Wish::Canary(stay)), &deployment, event).await;
    }

    /// Records what somebody may want of a deployment, and tells what it is then.
    async fn hold_up(
        &self,
        said: &Said,
        (command, wish): (&Command, Wish),
        deployment: &Deployment,
        event: impl Fn(&Deployment) -> Option<Event>,
    ) {
        match self.try_to_hold_up(said, deployment, event).await {
            Ok((now, done)) => {
                let time = self.local_time(Some(&now.plan.terms.environment));
                let card = report::wish_card(wish, done, &now, &time);
                self.answer_with(said, command, &card).await;
            }
            Err(problem) => self.explain(said, &topic(Action::Pause, deployment), problem).await,
        }
    }

    /// The deployment as it is then, and whether anything was recorded.
    async fn try_to_hold_up(
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
                tracing::info!(deployment.id = %after.id, person = %person.id, line = said.text, "held up, or let go on");
                self.refresh_card(&after).await;
                Ok((after, true))
            }
            None => Ok((self.reload(deployment.id).await?, false)),
        }
    }
}
