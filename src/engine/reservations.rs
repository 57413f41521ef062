//! Programs that want an environment for themselves: who is next, who has it, and when one that
//! is not heard of any more has it no longer. Knows no connection and no token's secret.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use ring::rand::{SecureRandom, SystemRandom};
use tokio::sync::watch;

use super::problem::Problem;
use super::{Engine, lock};
use crate::domain::deployment::{Deployment, Stage};
use crate::domain::id::{DeploymentId, EnvironmentName, ReservationId};
use crate::domain::reservation::{Behind, Over, Reservation, next_holder, place, that_count};
use crate::ports::{Asked, Desk, NotReserved, Reserving, Standing, StoreError, Ticket};
use crate::report;

/// How many may have or await an environment.
const LONGEST_LINE: u32 = 20;

/// How often those are looked at that another process has the connections of.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(15);

impl Engine {
    /// All reservations that live, in the order in which they were asked for.
    pub(super) async fn reservations(&self) -> Result<Vec<Reservation>, Problem> {
        Ok(self.living().await?)
    }

    /// Those in one environment.
    pub(super) async fn line_in(
        &self,
        environment: &EnvironmentName,
    ) -> Result<Vec<Reservation>, StoreError> {
        let mut all = self.living().await?;
        all.retain(|one| &one.environment == environment);
        Ok(all)
    }

    /// Those in one environment that keep others from it.
    pub(super) async fn reservations_in(
        &self,
        environment: &EnvironmentName,
    ) -> Result<Vec<Reservation>, Problem> {
        let lock = self.standing_lock(environment).await?;
        Ok(that_count(self.line_in(environment).await?, lock.as_ref()))
    }

    /// Gives an environment that nobody has to the program whose turn it is, if it is a
    /// program's. `passed_over`: queued deployments that something else keeps.
    pub(super) async fn give_to_the_next(
        &self,
        environment: &EnvironmentName,
        passed_over: &BTreeSet<DeploymentId>,
    ) -> Result<(), Problem> {
        // While a person has it locked, nobody who stands in line is among them.
        let line = self.reservations_in(environment).await?;
        if line.is_empty() {
            return Ok(());
        }
        let open = self.parts.store.open().await?;
        let in_line = open.iter().filter(|one| {
            &one.plan.terms.environment == environment && !passed_over.contains(&one.id)
        });
        let Some(next) = next_holder(&line, &in_line.collect::<Vec<_>>()) else { return Ok(()) };
        let now = self.parts.clock.now();
        // One that lapsed and that nobody has ended yet would still be in its way.
        let lapsed = self.parts.store.lapse_reservations(now).await?;
        for other in lapsed.iter().filter(|other| *other != environment) {
            self.take_turns(other);
        }
        if self.parts.store.hold_reservation(&next.id, now).await? {
            tracing::info!(%environment, token = %next.by, reservation = %next.id, "reserved");
        }
        Ok(())
    }

    /// Has everybody who stands in an environment's line look where they stand.
    pub(super) fn tell_the_line(&self, environment: &EnvironmentName) {
        if let Some(line) = lock(&self.shared.lines).get(environment) {
            line.send_replace(());
        }
    }

    /// Ends what was not heard of for too long, and lets the next ones have their turn; tells
    /// when to look again.
    pub(super) async fn lapse(&self) -> Result<Option<Timestamp>, Problem> {
        let now = self.parts.clock.now();
        for environment in self.parts.store.lapse_reservations(now).await? {
            tracing::info!(%environment, "a reservation was not heard of for too long: it is over");
            self.take_turns(&environment);
        }
        // Whoever has the connection may be another process, and tells nobody when it ends.
        let latest = now.checked_add(LOOK_AGAIN).ok();
        let lapsing = self.living().await?.into_iter().map(|one| one.lapses_at).min();
        Ok(lapsing.map(|lapsing| latest.map_or(lapsing, |latest| latest.min(lapsing))))
    }

    async fn living(&self) -> Result<Vec<Reservation>, StoreError> {
        let now = self.parts.clock.now();
        let mut all = self.parts.store.reservations().await?;
        all.retain(|one| one.lives(now));
        Ok(all)
    }

    /// The environment's deployments that have not ended.
    async fn unended_in(
        &self,
        environment: &EnvironmentName,
    ) -> Result<Vec<Deployment>, StoreError> {
        let mut open = self.parts.store.open().await?;
        open.retain(|one| &one.plan.terms.environment == environment);
        Ok(open)
    }

    /// Now, and when a connection is gone that is not heard of from now on.
    fn until(&self, grace: Duration) -> (Timestamp, Timestamp) {
        let now = self.parts.clock.now();
        (now, now.checked_add(grace).unwrap_or(Timestamp::MAX))
    }

    /// Something has begun that ends by itself when nothing is heard of it.
    fn watch_over(&self, environment: &EnvironmentName) {
        self.shared.reschedule.notify_one();
        self.take_turns(environment);
    }
}

#[async_trait]
impl Desk for Engine {
    fn has(&self, environment: &EnvironmentName) -> bool {
        self.parts.environments.get(environment).is_some()
    }

    async fn ask(&self, asked: Asked) -> Result<Ticket, NotReserved> {
        if !self.has(&asked.environment) {
            return Err(NotReserved::NoSuchEnvironment);
        }
        let (at, lapses_at) = self.until(asked.grace);
        let (environment, grace) = (asked.environment.clone(), asked.grace);
        let reason = asked.reason.as_deref().map(report::clean).filter(|text| !text.is_empty());
        let asked = Asked { reason, ..asked };
        let id = new_id()?;
        let reserving = Reserving { id: id.clone(), asked, at, lapses_at, most: LONGEST_LINE };
        if !self.parts.store.reserve(&reserving).await? {
            return Err(NotReserved::LineTooLong);
        }
        tracing::info!(%environment, token = %reserving.asked.by, reservation = %id, "asked for");
        self.watch_over(&environment);
        Ok(Ticket { id, environment, fence: 1, grace })
    }

    async fn come_back(&self, id: &ReservationId, asked: Asked) -> Result<Ticket, NotReserved> {
        if !self.has(&asked.environment) {
            return Err(NotReserved::NoSuchEnvironment);
        }
        let until = self.until(asked.grace);
        let fence = self.parts.store.take_up_reservation(id, &asked, until).await?;
        let fence = fence.ok_or(NotReserved::Over)?;
        let Asked { environment, by, grace, .. } = asked;
        tracing::info!(%environment, token = %by, reservation = %id, "came back");
        self.watch_over(&environment);
        Ok(Ticket { id: id.clone(), environment, fence, grace })
    }

    async fn lives(&self, ticket: &Ticket) -> Result<bool, StoreError> {
        self.parts.store.extend_reservation(ticket, self.until(ticket.grace)).await
    }

    async fn standing(&self, ticket: &Ticket) -> Result<Standing, StoreError> {
        let Some(mine) = self.parts.store.reservation(&ticket.id).await? else {
            // Nobody remembers it any more.
            return Ok(Standing::Over { why: Over::Lapsed, name: None });
        };
        if let Some(why) = mine.over {
            let name = match &why {
                Over::Ended { by, .. } => self.parts.chat.name_of(by),
                Over::Released | Over::Lapsed => None,
            };
            return Ok(Standing::Over { why, name });
        }
        if mine.fence != ticket.fence {
            return Ok(Standing::TakenOver);
        }
        if !mine.lives(self.parts.clock.now()) {
            return Ok(Standing::Over { why: Over::Lapsed, name: None });
        }
        // With the line in one reading: else it could have got it meanwhile, and stand behind
        // itself.
        let line = self.line_in(&ticket.environment).await?;
        let mine = line.iter().find(|one| one.id == mine.id).cloned().unwrap_or(mine);
        if mine.fence != ticket.fence {
            return Ok(Standing::TakenOver);
        }
        let open = self.unended_in(&ticket.environment).await?;
        if let Some(since) = mine.held_since {
            // Nothing else runs beside it.
            let running = open.into_iter().find(|one| matches!(one.stage, Stage::Running(_)));
            let rollback = running.map(|one| (one.id, one.plan.terms.names()));
            return Ok(Standing::Held { since, rollback });
        }
        let lock = self.standing_lock(&ticket.environment).await?;
        let open = open.iter().collect::<Vec<_>>();
        let (place, mut behind) = place(&mine, &line, &open, lock.as_ref());
        if let Some(Behind::Lock { by, name, .. }) = &mut behind {
            *name = self.parts.chat.name_of(by);
        }
        Ok(Standing::Waiting { place, behind })
    }

    async fn give_back(&self, ticket: &Ticket) -> Result<(), StoreError> {
        if self.parts.store.release_reservation(ticket, self.parts.clock.now()).await? {
            let environment = &ticket.environment;
            tracing::info!(%environment, reservation = %ticket.id, "given back");
            self.take_turns(environment);
        }
        Ok(())
    }

    fn moves(&self, environment: &EnvironmentName) -> watch::Receiver<()> {
        let mut lines = lock(&self.shared.lines);
        let line = lines.entry(environment.clone()).or_insert_with(|| watch::channel(()).0);
        line.subscribe()
    }
}

/// A number that nobody can guess.
fn new_id() -> Result<ReservationId, StoreError> {
    let mut random = [0_u8; 16];
    SystemRandom::new()
        .fill(&mut random)
        .map_err(|_| StoreError::Database("no random number can be had".to_owned()))?;
    Ok(ReservationId::new(random.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
}
