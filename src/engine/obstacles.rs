//! What keeps a deployment from its turn, beside another one that runs: asked by the gate before
//! it goes through, and shown on its card.

use super::Engine;
use super::problem::Problem;
use crate::domain::deployment::{Deployment, Stage};
use crate::domain::obstacle::Obstacle;
use crate::domain::reservation;

impl Engine {
    /// What keeps a queued deployment; nothing keeps one that is not.
    pub(super) async fn obstacle(
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
}
