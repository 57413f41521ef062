//! `whoami`: who the chat says you are, and what the policies let you do.

use super::super::Engine;
use super::super::problem::Problem;
use super::Topic;
use crate::domain::card::Card;
use crate::domain::command::Command;
use crate::domain::policy::Action;
use crate::ports::Said;
use crate::report;

impl Engine {
    pub(super) async fn whoami(&self, said: &Said) {
        let topic =
            Topic { action: Action::Read, environment: "".into(), what: None, command: None };
        match self.about(said).await {
            Ok(card) => self.answer_with(said, &Command::Whoami, &card).await,
            Err(problem) => self.explain(said, &topic, problem).await,
        }
    }

    async fn about(&self, said: &Said) -> Result<Card, Problem> {
        let person = self.person(&said.person).await?;
        let mut allowed = Vec::new();
        for environment in self.parts.environments.iter() {
            let actions = self.allowed_in(&person, &environment.name).await?;
            allowed.push((environment.name.clone(), actions));
        }
        Ok(report::whoami_card(&person, &allowed))
    }
}
