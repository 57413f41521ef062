//! The door for programs that want an environment for themselves: who they are by their token,
//! what they may reserve, and the upgrade to a WebSocket. What is said on it is in
//! `conversation`. Knows no deployment.

mod conversation;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, Path, Query, Request};
use axum::http::header::{
    AUTHORIZATION, CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION,
    UPGRADE, WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tokio::sync::{Semaphore, watch};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::secret::Secret;
use crate::domain::id::{EnvironmentName, ReservationId, TokenName};
use crate::ports::{Asked, Clock, Desk, NotReserved};
use conversation::Conversation;

/// Where programs ask.
pub(super) const PATH: &str = "/v1/reservations/{environment}";

/// How many may be connected to one process at once, of all environments.
pub const CONNECTIONS: usize = 128;

/// A program that may reserve.
pub struct Reserver {
    name: TokenName,
    secret: Secret,
    environments: BTreeSet<EnvironmentName>,
}

impl Reserver {
    pub fn new(name: TokenName, token: &str, environments: BTreeSet<EnvironmentName>) -> Self {
        Self { name, secret: Secret::new(token), environments }
    }
}

/// How connections are seen to live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pulse {
    /// How often each is asked whether it lives.
    pub ping: Duration,
    /// For how long it may be silent, or away.
    pub grace: Duration,
}

/// The door.
pub struct Reservations {
    reservers: Vec<Reserver>,
    desk: Arc<dyn Desk>,
    clock: Arc<dyn Clock>,
    pulse: Pulse,
    room: Arc<Semaphore>,
}

impl Reservations {
    /// `connections`: how many there may be at once.
    pub fn new(
        reservers: Vec<Reserver>,
        desk: Arc<dyn Desk>,
        clock: Arc<dyn Clock>,
        pulse: Pulse,
        connections: usize,
    ) -> Self {
        let room = Arc::new(Semaphore::new(connections));
        Self { reservers, desk, clock, pulse, room }
    }

    /// Answers a request, and goes on with it on a WebSocket where it may. `stopped` ends that.
    pub(super) async fn answer(
        &self,
        mut request: Request,
        stopped: watch::Receiver<bool>,
    ) -> Response {
        let upgraded = hyper::upgrade::on(&mut request);
        match self.admit(request).await {
            Ok((admitted, accept)) => {
                tokio::spawn(admitted.talk(upgraded, stopped));
                let headers = [
                    (UPGRADE, "websocket"),
                    (CONNECTION, "upgrade"),
                    (SEC_WEBSOCKET_ACCEPT, accept.as_str()),
                ];
                (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
            }
            Err(refused) => {
                metrics::counter!("shipmate_reservations_refused_total", "reason" => refused.code())
                    .increment(1);
                refused.answer()
            }
        }
    }

    /// Who is not known learns nothing else: least of all which environments there are.
    async fn admit(&self, request: Request) -> Result<(Conversation, String), Refused> {
        let (mut head, _body) = request.into_parts();
        let reserver = self.known(&head.headers).ok_or(Refused::Unauthorised)?;
        let accept = accept(&head.headers).ok_or(Refused::NoWebSocket)?;
        let path = Path::<String>::from_request_parts(&mut head, &()).await;
        let Path(environment) = path.map_err(|_| Refused::Malformed)?;
        let environment = EnvironmentName::new(environment);
        let query = Query::<Wanted>::from_request_parts(&mut head, &()).await;
        let Query(Wanted { reason, id }) = query.map_err(|_| Refused::Malformed)?;
        if !self.desk.has(&environment) {
            return Err(Refused::NoSuchEnvironment);
        }
        if !reserver.environments.contains(&environment) {
            return Err(Refused::Forbidden);
        }
        let room = Arc::clone(&self.room).try_acquire_owned().map_err(|_| Refused::NoRoom)?;
        let grace = self.pulse.grace;
        let asked = Asked { environment, by: reserver.name.clone(), reason, grace };
        let ticket = match id {
            None => self.desk.ask(asked).await?,
            Some(id) => self.desk.come_back(&ReservationId::new(id), asked).await?,
        };
        let desk = Arc::clone(&self.desk);
        let clock = Arc::clone(&self.clock);
        Ok((Conversation { desk, clock, ticket, pulse: self.pulse, room }, accept))
    }

    /// Whose token the request carries. All are compared, whichever it is.
    fn known(&self, headers: &HeaderMap) -> Option<&Reserver> {
        let shown = bearer(headers)?;
        let matching = |reserver: &&Reserver| reserver.secret.is(shown);
        self.reservers.iter().filter(matching).fold(None, |_, reserver| Some(reserver))
    }
}

/// What stands behind `?`.
#[derive(Deserialize)]
struct Wanted {
    /// What it is for.
    reason: Option<String>,
    /// What was asked for on an earlier connection.
    id: Option<String>,
}

/// The token of a request that carries just one.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(only), None) = (values.next(), values.next()) else { return None };
    let (scheme, token) = only.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// What proves to the other side that its handshake was understood, if it was one.
fn accept(headers: &HeaderMap) -> Option<String> {
    let has = |name: HeaderName, word: &str| {
        let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|one| one.trim().eq_ignore_ascii_case(word))
    };
    let speaks =
        has(UPGRADE, "websocket") && has(CONNECTION, "upgrade") && has(SEC_WEBSOCKET_VERSION, "13");
    let key = headers.get(SEC_WEBSOCKET_KEY).filter(|_| speaks)?;
    Some(derive_accept_key(key.as_bytes()))
}

/// Why somebody does not even get a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    Unauthorised,
    Forbidden,
    NoSuchEnvironment,
    Over,
    LineTooLong,
    NoRoom,
    NoWebSocket,
    Malformed,
    Undecided,
}

impl From<NotReserved> for Refused {
    fn from(why: NotReserved) -> Self {
        match why {
            NotReserved::NoSuchEnvironment => Self::NoSuchEnvironment,
            NotReserved::LineTooLong => Self::LineTooLong,
            NotReserved::Over => Self::Over,
            NotReserved::Undecided(error) => {
                tracing::error!(%error, "could not decide about a reservation");
                Self::Undecided
            }
        }
    }
}

impl Refused {
    fn code(self) -> &'static str {
        match self {
            Self::Unauthorised => "unauthorised",
            Self::Forbidden => "forbidden",
            Self::NoSuchEnvironment => "no-such-environment",
            Self::Over => "over",
            Self::LineTooLong => "line-too-long",
            Self::NoRoom => "no-room",
            Self::NoWebSocket => "no-web-socket",
            Self::Malformed => "malformed",
            Self::Undecided => "undecided",
        }
    }

    /// The status, and a sentence for whoever tries by hand.
    fn answer(self) -> Response {
        let (status, sentence) = match self {
            Self::Unauthorised => {
                let challenge = [(WWW_AUTHENTICATE, "Bearer")];
                let sentence = "this takes a bearer token that the settings know\n";
                return (StatusCode::UNAUTHORIZED, challenge, sentence).into_response();
            }
            Self::Forbidden => {
                (StatusCode::FORBIDDEN, "this token may not reserve that environment")
            }
            Self::NoSuchEnvironment => (StatusCode::NOT_FOUND, "there is no such environment"),
            Self::Over => (StatusCode::GONE, "this reservation is over"),
            Self::LineTooLong => {
                (StatusCode::TOO_MANY_REQUESTS, "too many stand in line for that environment")
            }
            Self::NoRoom => (StatusCode::SERVICE_UNAVAILABLE, "too many are connected"),
            Self::NoWebSocket => (StatusCode::UPGRADE_REQUIRED, "this path speaks WebSocket"),
            Self::Malformed => (StatusCode::BAD_REQUEST, "the address cannot be read"),
            Self::Undecided => {
                (StatusCode::SERVICE_UNAVAILABLE, "this could not be decided just now")
            }
        };
        (status, format!("{sentence}\n")).into_response()
    }
}
