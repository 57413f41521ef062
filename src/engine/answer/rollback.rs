//! `rollback`: the last promotion that succeeded and was not undone is reverted, out of the
//! journal and never out of a tag.

use super::super::Engine;
use super::super::observe::Target;
use super::super::problem::Problem;
use super::Topic;
use super::promote::Proposal;
use crate::aws::Asked;
use crate::domain::command::Rollback;
use crate::domain::plan::{Kind, Warning};
use crate::domain::policy::Action;
use crate::domain::refusal::Refusal;
use crate::domain::reservation::Reservation;
use crate::ports::Said;

impl Engine {
    pub(super) async fn roll_back(&self, said: &Said, rollback: &Rollback) {
        let topic = Topic {
            action: Action::Rollback,
            environment: rollback.environment.clone(),
            what: None,
            command: None,
        };
        if let Err(problem) = self.try_roll_back(said, rollback).await {
            self.explain(said, &topic, problem).await;
        }
    }

    async fn try_roll_back(&self, said: &Said, rollback: &Rollback) -> Result<(), Problem> {
        let environment = &rollback.environment;
        let person = self.person(&said.person).await?;
        let nothing = || Refusal::NothingToRollBack { environment: environment.clone() };
        let last = self.parts.store.last_success(environment).await?.ok_or_else(nothing)?;
        // A button stands on the deployment that it means.
        if let Some(message) = &said.pressed_on {
            let of = self.parts.store.by_message(message).await?.ok_or_else(nothing)?;
            if of != last.id {
                let (environment, last) = (environment.clone(), Some(last.id));
                return Err(Refusal::NotTheLast { environment, of, last }.into());
            }
        }
        let mut targets = Vec::new();
        for image in &last.plan.terms.images {
            let from = image.from.as_ref().ok_or_else(nothing)?;
            targets.push(Target {
                repository: image.repository.clone(),
                asked: Asked::Digest(from.digest.clone()),
            });
        }
        let looked = match self.look(environment, &targets).await {
            Err(Problem::Refused(Refusal::NoSuchImage { .. })) => {
                let image = last.plan.terms.from_names();
                return Err(Refusal::RollbackTargetGone { image, of: last.id }.into());
            }
            looked => looked?,
        };
        let mut plan = self.plan(environment, Kind::Rollback { of: last.id }, &looked).await?;
        // Whoever says it may mean the one or the other.
        let running = self.running_in(environment).await?.filter(|one| !one.is_rollback());
        let undoes = running.map(|one| Warning::UndoesRunning { running: one.id });
        plan.outlook.warnings.extend(undoes);
        let reserved = self.reservations_in(environment).await?.into_iter();
        let held = reserved.filter(|one| one.held_since.is_some());
        plan.outlook.warnings.extend(held.map(|one| {
            let Reservation { by, reason, .. } = one;
            Warning::PassesReservation { by, reason }
        }));
        let proposal = Proposal {
            action: Action::Rollback,
            person,
            looked,
            plan,
            because: rollback.because.clone(),
            break_glass: false,
            canary: None,
            scheduled: None,
            dry_run: rollback.dry_run,
        };
        self.propose(said, proposal).await
    }
}
