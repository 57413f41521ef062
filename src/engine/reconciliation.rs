//! What an earlier process left: running deployments are carried on, queues move, votes are
//! counted anew, and messages whose handling was cut short are handled.

use std::collections::BTreeSet;

use super::Engine;
use super::reporter::promised;
use crate::domain::deployment::Stage;
use crate::domain::id::EnvironmentName;

impl Engine {
    /// Takes everything up again. What was under way is looked at on AWS before it is done
    /// again: see `runner`.
    pub(super) async fn resume(&self) -> anyhow::Result<()> {
        let mut environments: BTreeSet<EnvironmentName> = BTreeSet::new();
        for deployment in self.parts.store.open().await? {
            let id = deployment.id;
            environments.insert(deployment.plan.terms.environment.clone());
            match deployment.stage {
                Stage::Running(_) => {
                    tracing::info!(deployment.id = %id, "is carried on");
                    self.run_deployment(&deployment, None);
                }
                // Nobody has seen its plan yet.
                Stage::Waiting if deployment.message.is_none() => {
                    if let Err(problem) = self.put_forward(deployment).await {
                        tracing::warn!(deployment.id = %id, ?problem, "the plan could not be shown");
                    }
                }
                Stage::Waiting => {
                    self.refresh_card(&deployment).await;
                    let counted = match self.recount(id).await {
                        Ok(()) => self.count_votes(id).await,
                        error => error,
                    };
                    if let Err(problem) = counted {
                        tracing::warn!(deployment.id = %id, ?problem, "votes will be counted later");
                    }
                }
                Stage::Queued { .. } => self.refresh_card(&deployment).await,
                Stage::Ended(_) => {}
            }
        }
        for environment in &environments {
            self.take_turns(environment);
        }
        for left in self.parts.store.unhandled().await? {
            tracing::info!(message = %left.said.message, "is handled again");
            let engine = self.clone();
            let work = self.begin_work();
            tokio::spawn(async move {
                match promised(&left.said.message) {
                    None => engine.answer_again(&left.said).await,
                    Some(id) => {
                        if let Err(error) = engine.tell_again(id).await {
                            tracing::error!(deployment.id = %id, %error, "the end could not be told");
                        }
                    }
                }
                drop(work);
            });
        }
        Ok(())
    }
}
