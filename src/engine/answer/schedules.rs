//! `schedules`: what is to happen at a moment of its own.

use super::super::Engine;
use super::super::problem::Problem;
use super::Topic;
use crate::domain::command::Command;
use crate::domain::deployment::Deployment;
use crate::domain::id::EnvironmentName;
use crate::domain::policy::Action;
use crate::ports::Said;
use crate::report;

impl Engine {
    pub(super) async fn schedules(&self, said: &Said) {
        let read = async {
            let promotions = self.scheduled_promotions(said).await?;
            Ok((promotions, self.visible(said).await?))
        };
        match read.await {
            Ok((promotions, announcements)) => {
                let zoned = |one: Deployment| {
                    let now = self.local_time(Some(&one.plan.terms.environment));
                    (one, now)
                };
                let promotions: Vec<_> = promotions.into_iter().map(zoned).collect();
                let now = self.zoned(&self.chat_zone());
                let card = report::schedules_card(&promotions, &announcements, &now);
                self.answer_with(said, &Command::Schedules, &card).await;
            }
            Err((environment, problem)) => {
                let topic = Topic { action: Action::Read, environment, what: None, command: None };
                self.explain(said, &topic, problem).await;
            }
        }
    }

    /// Those of all environments that this person may look at.
    async fn scheduled_promotions(
        &self,
        said: &Said,
    ) -> Result<Vec<Deployment>, (EnvironmentName, Problem)> {
        let readable = self.readable(said, None).await?;
        let Some(first) = readable.first().cloned() else { return Ok(Vec::new()) };
        let mut scheduled =
            self.parts.store.scheduled().await.map_err(|error| (first, error.into()))?;
        scheduled.retain(|one| readable.contains(&one.plan.terms.environment));
        Ok(scheduled)
    }
}
