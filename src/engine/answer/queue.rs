//! `queue`: what runs, what waits and what is queued, in the order in which it comes.

use super::super::Engine;
use super::super::problem::Problem;
use super::Topic;
use crate::domain::command::Command;
use crate::domain::deployment::{Deployment, Stage};
use crate::domain::id::EnvironmentName;
use crate::domain::policy::Action;
use crate::ports::Said;
use crate::report;

impl Engine {
    pub(super) async fn queue(&self, said: &Said, environment: Option<&EnvironmentName>) {
        match self.try_queue(said, environment).await {
            Ok((queues, obstacles)) => {
                let now = self.local_time(environment);
                let card = report::queue_card(&queues, &obstacles, &now);
                let command = Command::Queue { environment: environment.cloned() };
                self.answer_with(said, &command, &card).await;
            }
            Err((environment, problem)) => {
                let topic = Topic { action: Action::Read, environment, what: None, command: None };
                self.explain(said, &topic, problem).await;
            }
        }
    }

    async fn try_queue(
        &self,
        said: &Said,
        environment: Option<&EnvironmentName>,
    ) -> Result<(Vec<report::Queue>, report::Obstacles), (EnvironmentName, Problem)> {
        let readable = self.readable(said, environment).await?;
        let Some(first) = readable.first().cloned() else {
            return Ok((Vec::new(), report::Obstacles::new()));
        };
        let unread = |problem: Problem| (first.clone(), problem);
        let open = self.parts.store.open().await.map_err(|error| unread(error.into()))?;
        let reserved = self.reservations().await.map_err(unread)?;
        let locks = self.standing_locks().await.map_err(|error| unread(error.into()))?;
        let mut obstacles = report::Obstacles::new();
        for one in open.iter().filter(|one| matches!(one.stage, Stage::Queued { .. })) {
            let name = &one.plan.terms.environment;
            let obstacle = self.obstacle(one).await.map_err(|problem| (name.clone(), problem))?;
            obstacles.extend(obstacle.map(|obstacle| (one.id, obstacle)));
        }
        let queue = |environment: EnvironmentName| {
            let here = |one: &&Deployment| one.plan.terms.environment == environment;
            let mut deployments: Vec<Deployment> = open.iter().filter(here).cloned().collect();
            deployments.sort_by_key(Deployment::place);
            let reserved = reserved.iter().filter(|one| one.environment == environment);
            let reservations = reserved.cloned().collect();
            let lock = locks.iter().find(|lock| lock.environment == environment).cloned();
            report::Queue { environment, deployments, reservations, lock }
        };
        Ok((readable.into_iter().map(queue).collect(), obstacles))
    }
}
