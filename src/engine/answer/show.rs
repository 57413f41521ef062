//! `show 42`: the whole story of a deployment, out of the journal.

use super::super::Engine;
use super::super::problem::Problem;
use super::Topic;
use crate::domain::card::Card;
use crate::domain::command::Command;
use crate::domain::id::DeploymentId;
use crate::domain::policy::Action;
use crate::ports::Said;
use crate::report;

impl Engine {
    pub(super) async fn show(&self, said: &Said, id: DeploymentId) {
        match self.story(said, id).await {
            Ok(Some(card)) => {
                self.answer_with(said, &Command::Show { deployment: id }, &card).await;
            }
            Ok(None) => self.whisper(said, &report::no_such_deployment_card(id)).await,
            Err((topic, problem)) => self.explain(said, &topic, problem).await,
        }
    }

    async fn story(&self, said: &Said, id: DeploymentId) -> Result<Option<Card>, (Topic, Problem)> {
        let unknown = Topic {
            action: Action::Read,
            environment: "".into(),
            what: Some(format!("#{id}")),
            command: None,
        };
        let read = async {
            let deployment = self.parts.store.deployment(id).await?;
            let events = self.parts.store.events(id).await?;
            Ok::<_, Problem>(deployment.map(|deployment| (deployment, events)))
        };
        let found = read.await.map_err(|problem| (unknown, problem))?;
        let Some((deployment, events)) = found else { return Ok(None) };
        let environment = &deployment.plan.terms.environment;
        let topic = |problem| {
            let environment = environment.clone();
            (
                Topic {
                    action: Action::Read,
                    environment,
                    what: Some(format!("#{id}")),
                    command: None,
                },
                problem,
            )
        };
        self.may_be_spoken_of(said, environment).map_err(|refusal| topic(refusal.into()))?;
        let person = self.person(&said.person).await.map_err(topic)?;
        self.judge_reading(&person, environment).await.map_err(topic)?;
        Ok(Some(report::show_card(&deployment, &events, &self.local_time(Some(environment)))))
    }
}
