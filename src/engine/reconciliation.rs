//! What an earlier process left, or happened while the chat was away: running deployments are
//! carried on, queues move, votes are counted anew, ends are told, and messages whose handling
//! was cut short are handled.

use std::collections::BTreeSet;

use super::{Engine, lock};
use crate::domain::deployment::{Deployment, Stage};
use crate::domain::id::EnvironmentName;

impl Engine {
    /// Takes everything up again. What was under way is looked at on AWS before it is done
    /// again: see `runner`.
    pub(super) async fn resume(&self) -> anyhow::Result<()> {
        let open = self.parts.store.open().await?;
        let bans = self.parts.store.bans().await?;
        *lock(&self.shared.banned) = bans.into_iter().map(|ban| ban.name).collect();
        // What acts comes first: nobody's chat keeps it waiting.
        for deployment in open.iter().filter(|one| matches!(one.stage, Stage::Running(_))) {
            tracing::info!(deployment.id = %deployment.id, "is carried on");
            self.run_deployment(deployment, None);
        }
        let environments: BTreeSet<&EnvironmentName> =
            open.iter().map(|one| &one.plan.terms.environment).collect();
        for environment in environments {
            self.take_turns(environment);
        }
        // Before the first new message is taken in: those are not left, but on their way.
        let left = self.parts.store.unhandled().await?;
        let engine = self.clone();
        let work = self.begin_work();
        tokio::spawn(async move {
            for deployment in open {
                lock(&engine.shared.open).insert(deployment.id);
                engine.take_up(deployment).await;
            }
            engine.shared.reschedule.notify_one();
            // In the order in which they came, one after the other: a later one may build on
            // an earlier one.
            for one in left {
                tracing::info!(message = %one.said.message, "is handled again");
                engine.answer_again(&one).await;
            }
            drop(work);
        });
        Ok(())
    }

    /// The chat was away: what people did there meanwhile is read, and what happened meanwhile is
    /// shown, ends included.
    pub(super) async fn catch_up(&self) {
        let _work = self.begin_work();
        match self.parts.store.open().await {
            Ok(open) => {
                for deployment in open {
                    self.take_up(deployment).await;
                }
            }
            Err(error) => tracing::error!(%error, "could not catch up with the chat"),
        }
        self.shared.reschedule.notify_one();
    }

    /// Shows an open deployment as it is, and reads what people did on its card meanwhile.
    async fn take_up(&self, deployment: Deployment) {
        let id = deployment.id;
        let taken_up = match deployment.stage {
            // Nobody has seen its plan yet.
            Stage::Waiting if deployment.message.is_none() => self.put_forward(deployment).await,
            Stage::Waiting | Stage::Queued { .. } | Stage::Running(_) => {
                self.refresh_card(&deployment).await;
                self.offer_actions(&deployment).await;
                let counted = self.recount(id).await;
                if counted.is_err() {
                    self.count_later(id);
                }
                counted
            }
            Stage::Ended(_) => Ok(()),
        };
        if let Err(problem) = taken_up {
            tracing::warn!(deployment.id = %id, ?problem, "is looked at again later");
            self.shared.reschedule.notify_one();
        }
    }
}
