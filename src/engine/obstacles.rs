//! What keeps a deployment that is agreed from its turn, though nothing else runs there: it waits
//! in the queue for as long as that stands. Whether something does, is asked of the policies.

use super::Engine;
use super::judge::{Attempt, services_of};
use super::problem::Problem;
use crate::domain::deployment::{Deployment, Stage};
use crate::domain::freeze::{Part, State};
use crate::domain::id::EnvironmentName;
use crate::domain::obstacle::Obstacle;
use crate::domain::policy::Action;
use crate::domain::reservation;

impl Engine {
    /// What a deployment has to wait for now. Nothing, where the policies would refuse it anyway:
    /// that is the gate's to find.
    pub(super) async fn obstacle(
        &self,
        deployment: &Deployment,
    ) -> Result<Option<Obstacle>, Problem> {
        if let Some(obstacle) = self.kept_out(deployment).await? {
            return Ok(Some(obstacle));
        }
        self.reservation_in_the_way(deployment).await
    }

    /// A lock or a freeze.
    async fn kept_out(&self, deployment: &Deployment) -> Result<Option<Obstacle>, Problem> {
        let name = &deployment.plan.terms.environment;
        let Some(environment) = self.parts.environments.get(name) else { return Ok(None) };
        let services = services_of(&deployment.plan);
        // What waits for its moment is kept where it is closed now and then; a freeze that only
        // comes stands among the plan's warnings.
        let now = self.parts.clock.now();
        let later = deployment.scheduled.filter(|at| deployment.is_scheduled() && *at > now);
        let (at, part) = (later.unwrap_or(now), Part::Services(&services));
        let mut open = self.state_of(environment, part).await? == State::Open;
        if let (false, Some(later)) = (open, later) {
            open = self.state_at(environment, part, later).await? == State::Open;
        }
        let lock = self.standing_lock(name).await?.filter(|lock| lock.stands_at(at));
        // Without either nobody's roles have to be asked for.
        if open && lock.is_none() {
            return Ok(None);
        }
        let request = &deployment.request;
        let person = self.person(&request.requester.id).await?;
        let action = if deployment.is_rollback() { Action::Rollback } else { Action::Promote };
        let attempt = Attempt { action, environment: name, services: &services, at };
        self.kept_out_for_a_time(&person, attempt, |facts| {
            facts.critical_findings = deployment.plan.outlook.critical_findings;
            facts.reason_given = request.because.is_some();
            facts.break_glass = request.break_glass;
            facts.automated = request.automated;
        })
        .await
    }

    /// Which keeps what is queued, and nothing else.
    async fn reservation_in_the_way(
        &self,
        deployment: &Deployment,
    ) -> Result<Option<Obstacle>, Problem> {
        match deployment.stage {
            Stage::Queued { .. } => {
                let line = self.reservations_in(&deployment.plan.terms.environment).await?;
                Ok(reservation::obstacle(deployment, &line))
            }
            Stage::Waiting | Stage::Running(_) | Stage::Ended(_) => Ok(None),
        }
    }

    /// Something that keeps deployments from their turn has begun, changed or ended: that is
    /// shown, and whoever may go now does.
    pub(super) async fn obstacles_changed(&self, environment: &EnvironmentName) {
        let open = self.parts.store.open().await.unwrap_or_else(|error| {
            // The next change to each of them shows it, too.
            tracing::warn!(%environment, %error, "what waits could not be shown anew");
            Vec::new()
        });
        for deployment in open {
            let waits = match deployment.stage {
                Stage::Waiting | Stage::Queued { .. } => true,
                Stage::Running(_) | Stage::Ended(_) => false,
            };
            if waits && deployment.plan.terms.environment == *environment {
                self.want_card(&deployment, None);
            }
        }
        self.take_turns(environment);
    }
}
