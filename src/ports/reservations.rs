//! What a store keeps of reservations, and the desk at which programs ask for them: the engine,
//! as the server sees it.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::watch;

use super::StoreError;
use crate::domain::id::{DeploymentId, EnvironmentName, ReservationId, TokenName};
use crate::domain::reservation::{Behind, Over, Reservation};

/// What a program asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub environment: EnvironmentName,
    pub by: TokenName,
    pub reason: Option<String>,
    /// For how long its connection may be silent, or away.
    pub grace: Duration,
}

/// One connection's right to speak for a reservation. A later connection takes it away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    pub id: ReservationId,
    pub environment: EnvironmentName,
    pub fence: u64,
    pub grace: Duration,
}

/// A reservation that begins, at the end of its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reserving {
    pub id: ReservationId,
    pub asked: Asked,
    pub at: Timestamp,
    pub lapses_at: Timestamp,
    /// How many there may be in the environment, this one among them.
    pub most: u32,
}

/// Reservations in the database. Each call is one statement: replicas need nothing else to
/// agree on who has what.
#[async_trait]
pub trait ReservationStore: Send + Sync {
    /// Stands at the end of the line, as its first connection; false: the line is too long.
    async fn reserve(&self, reserving: &Reserving) -> Result<bool, StoreError>;

    /// Another connection speaks for it from now on, if it was this token's and lives; gives
    /// that connection's fence.
    async fn take_up_reservation(
        &self,
        id: &ReservationId,
        asked: &Asked,
        (now, lapses_at): (Timestamp, Timestamp),
    ) -> Result<Option<u64>, StoreError>;

    /// Its connection lives; false: it is over, or has another connection by now.
    async fn extend_reservation(
        &self,
        ticket: &Ticket,
        (now, lapses_at): (Timestamp, Timestamp),
    ) -> Result<bool, StoreError>;

    /// It has the environment from now on; false: something runs there, somebody else has it,
    /// or it is over.
    async fn hold_reservation(
        &self,
        id: &ReservationId,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Its connection gives it back; false: it is over, or has another connection by now.
    async fn release_reservation(
        &self,
        ticket: &Ticket,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Ends those of which nothing was heard for too long; gives the environments.
    async fn lapse_reservations(&self, now: Timestamp) -> Result<Vec<EnvironmentName>, StoreError>;

    async fn reservation(&self, id: &ReservationId) -> Result<Option<Reservation>, StoreError>;

    /// All that are not over, in the order in which they were asked for.
    async fn reservations(&self) -> Result<Vec<Reservation>, StoreError>;
}

/// Where a reservation stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    Waiting {
        place: usize,
        behind: Option<Behind>,
    },
    Held {
        since: Timestamp,
        /// Somebody rolls the environment back meanwhile, and to what.
        rollback: Option<(DeploymentId, String)>,
    },
    Over {
        why: Over,
        /// How the chat shows who ended it.
        name: Option<String>,
    },
    /// Another connection speaks for it.
    TakenOver,
}

/// Why somebody does not even stand in line.
#[derive(Debug, thiserror::Error)]
pub enum NotReserved {
    #[error("there is no such environment")]
    NoSuchEnvironment,
    #[error("too many stand in line for it")]
    LineTooLong,
    /// What should be taken up again is over, or never was.
    #[error("this reservation is over")]
    Over,
    #[error("it could not be decided: {0}")]
    Undecided(#[from] StoreError),
}

/// Where programs ask for environments. Who may, has been decided before.
#[async_trait]
pub trait Desk: Send + Sync {
    /// Whether there is such an environment.
    fn has(&self, environment: &EnvironmentName) -> bool;

    /// Stands in line.
    async fn ask(&self, asked: Asked) -> Result<Ticket, NotReserved>;

    /// Goes on with what was asked for on an earlier connection.
    async fn come_back(&self, id: &ReservationId, asked: Asked) -> Result<Ticket, NotReserved>;

    /// The connection lives; false: this ticket is worth nothing any more.
    async fn lives(&self, ticket: &Ticket) -> Result<bool, StoreError>;

    async fn standing(&self, ticket: &Ticket) -> Result<Standing, StoreError>;

    /// The program does not need it any more.
    async fn give_back(&self, ticket: &Ticket) -> Result<(), StoreError>;

    /// Changes whenever something in this process may have moved the environment's line.
    fn moves(&self, environment: &EnvironmentName) -> watch::Receiver<()>;
}
