//! When environments are closed, by the calendar of the settings and by people: what stands now
//! and what time brings about. Who may freeze is not decided here.

use jiff::Timestamp;

use super::problem::Problem;
use super::scheduler::{HOUR, earlier};
use super::{Engine, lock};
use crate::domain::decision::{Decision, Unfreezing};
use crate::domain::environment::Environment;
use crate::domain::freeze::{Closings, Freeze, Part, State};
use crate::domain::id::EnvironmentName;
use crate::ports::StoreError;

impl Engine {
    /// Whether a part of an environment is open or closed now.
    pub(super) async fn state_of(
        &self,
        environment: &Environment,
        part: Part<'_>,
    ) -> Result<State, StoreError> {
        self.state_at(environment, part, self.parts.clock.now()).await
    }

    /// The same at a moment, by what is known of it now.
    pub(super) async fn state_at(
        &self,
        environment: &Environment,
        part: Part<'_>,
        at: Timestamp,
    ) -> Result<State, StoreError> {
        let people = self.frozen_by_people(&environment.name).await?;
        let closings = Closings { calendar: &environment.calendar, people: &people };
        Ok(closings.state(part, at))
    }

    /// The freezes that people set on an environment, unless their time is over.
    pub(super) async fn frozen_by_people(
        &self,
        environment: &EnvironmentName,
    ) -> Result<Vec<Freeze>, StoreError> {
        let now = self.parts.clock.now();
        let mut freezes = self.parts.store.freezes().await?;
        freezes.retain(|freeze| freeze.environment == *environment && freeze.stands_at(now));
        Ok(freezes)
    }

    /// Sees to all freezes; tells when to look again.
    pub(super) async fn attend_freezes(&self) -> Result<Option<Timestamp>, Problem> {
        let now = self.parts.clock.now();
        self.end_freezes().await?;
        let mut next = None;
        for environment in self.parts.environments.iter() {
            let name = &environment.name;
            let people = self.frozen_by_people(name).await?;
            let closings = Closings { calendar: &environment.calendar, people: &people };
            let standing = closings.standing(now);
            let before = lock(&self.shared.standing).insert(name.clone(), standing.clone());
            if before.is_some_and(|before| before != standing) {
                tracing::info!(environment = %name, ?standing, "what closes it has changed");
                self.obstacles_changed(name).await;
            }
            next = earlier(next, closings.next_change(now));
        }
        // Never past the usual look at what waits.
        let usual = now.checked_add(HOUR).ok();
        Ok(next.map_or(next, |next| earlier(Some(next), usual)))
    }

    /// Ends the freezes whose time is over, each once.
    pub(super) async fn end_freezes(&self) -> Result<(), Problem> {
        let now = self.parts.clock.now();
        for freeze in self.parts.store.freezes().await? {
            if freeze.stands_at(now) {
                continue;
            }
            let environment = freeze.environment.clone();
            let over = Decision::Unfrozen {
                environment: environment.clone(),
                freeze: freeze.decision,
                of: freeze.by,
                why: Unfreezing::TimeOver { channel: freeze.channel },
            };
            if self.parts.store.decide(over, now).await? {
                tracing::info!(%environment, "the time of a freeze is over");
                self.obstacles_changed(&environment).await;
            }
        }
        Ok(())
    }
}
