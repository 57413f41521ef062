//! `reservations`: the environments that programs have for themselves, and who stands in line.

use super::super::Engine;
use super::super::problem::Problem;
use super::Topic;
use crate::domain::command::Command;
use crate::domain::id::EnvironmentName;
use crate::domain::lock::Lock;
use crate::domain::policy::Action;
use crate::domain::reservation::Reservation;
use crate::ports::Said;
use crate::report;

impl Engine {
    pub(super) async fn list_reservations(&self, said: &Said) {
        match self.try_list_reservations(said).await {
            Ok((reservations, locks)) => {
                let now = self.local_time(None);
                let card = report::reservations_card(&reservations, &locks, &now);
                self.answer_with(said, &Command::Reservations, &card).await;
            }
            Err((environment, problem)) => {
                let topic = Topic { action: Action::Read, environment, what: None, command: None };
                self.explain(said, &topic, problem).await;
            }
        }
    }

    /// Those in environments that the person may look at, and the locks that stand.
    async fn try_list_reservations(
        &self,
        said: &Said,
    ) -> Result<(Vec<Reservation>, Vec<Lock>), (EnvironmentName, Problem)> {
        let readable = self.readable(said, None).await?;
        let Some(first) = readable.first() else { return Ok((Vec::new(), Vec::new())) };
        let unread = |problem: Problem| (first.clone(), problem);
        let mut all = self.reservations().await.map_err(unread)?;
        all.retain(|one| readable.contains(&one.environment));
        let locks = self.standing_locks().await.map_err(|error| unread(error.into()))?;
        Ok((all, locks))
    }
}
