//! `end-reservation`: an environment is taken back from the program that has it for itself.

use super::super::Engine;
use super::super::problem::Problem;
use super::Topic;
use crate::domain::command::Command;
use crate::domain::decision::Decision;
use crate::domain::id::{EnvironmentName, TokenName};
use crate::domain::policy::Action;
use crate::domain::refusal::Refusal;
use crate::ports::Said;
use crate::report;

impl Engine {
    pub(super) async fn end_reservation(
        &self,
        said: &Said,
        environment: &EnvironmentName,
        because: Option<&String>,
    ) {
        let command =
            Command::EndReservation { environment: environment.clone(), because: because.cloned() };
        match self.try_end_reservation(said, environment, because).await {
            Ok(token) => {
                let card = report::reservation_ended_card(environment, &token, &said.person);
                self.answer_with(said, &command, &card).await;
            }
            Err(problem) => {
                let topic = Topic {
                    action: Action::Unlock,
                    environment: environment.clone(),
                    what: None,
                    command: Some(command),
                };
                self.explain(said, &topic, problem).await;
            }
        }
    }

    async fn try_end_reservation(
        &self,
        said: &Said,
        environment: &EnvironmentName,
        because: Option<&String>,
    ) -> Result<TokenName, Problem> {
        let person = self.person(&said.person).await?;
        let reason = because.map(String::as_str);
        self.judge_decision(&person, Action::Unlock, environment, reason).await?;
        let none = || Refusal::NoReservation { environment: environment.clone() };
        let mut reserved = self.reservations_in(environment).await?.into_iter();
        let held = reserved.find(|one| one.held_since.is_some()).ok_or_else(none)?;
        let decision = Decision::ReservationEnded {
            environment: environment.clone(),
            reservation: held.id,
            token: held.by.clone(),
            by: said.person.clone(),
            because: because.cloned(),
        };
        // The program may have given it back meanwhile.
        if !self.parts.store.decide(decision, self.parts.clock.now()).await? {
            return Err(none().into());
        }
        tracing::info!(%environment, token = %held.by, person = %said.person, "reservation ended");
        self.take_turns(environment);
        Ok(held.by)
    }
}
