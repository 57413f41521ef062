//! `release-hold`: after a rollback automation may move the environment again, without
//! anybody having promoted.

use super::super::Engine;
use super::super::problem::Problem;
use super::Topic;
use crate::domain::command::Command;
use crate::domain::decision::Decision;
use crate::domain::id::EnvironmentName;
use crate::domain::policy::Action;
use crate::domain::refusal::Refusal;
use crate::ports::Said;
use crate::report;

impl Engine {
    pub(super) async fn release_hold(
        &self,
        said: &Said,
        environment: &EnvironmentName,
        because: Option<&String>,
    ) {
        let command =
            Command::ReleaseHold { environment: environment.clone(), because: because.cloned() };
        match self.try_release_hold(said, environment, because).await {
            Ok(()) => {
                let card = report::hold_released_card(environment, &said.person);
                self.answer_with(said, &command, &card).await;
            }
            Err(problem) => {
                let topic = Topic {
                    action: Action::ReleaseHold,
                    environment: environment.clone(),
                    what: None,
                    command: Some(command),
                };
                self.explain(said, &topic, problem).await;
            }
        }
    }

    async fn try_release_hold(
        &self,
        said: &Said,
        environment: &EnvironmentName,
        because: Option<&String>,
    ) -> Result<(), Problem> {
        let person = self.person(&said.person).await?;
        let reason = because.map(String::as_str);
        self.judge_decision(&person, Action::ReleaseHold, environment, reason).await?;
        let none = || Refusal::NoHold { environment: environment.clone() };
        let hold = self.parts.store.hold(environment).await?.ok_or_else(none)?;
        let decision = Decision::HoldReleased {
            environment: environment.clone(),
            left_by: hold.deployment,
            by: said.person.clone(),
            because: because.cloned(),
        };
        // A promotion that started meanwhile, or another person, was quicker.
        if !self.parts.store.decide(decision, self.parts.clock.now()).await? {
            return Err(none().into());
        }
        tracing::info!(%environment, person = %said.person, "hold released");
        Ok(())
    }
}
