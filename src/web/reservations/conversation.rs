//! What is said on one connection of a program that reserves: where it stands, whenever that
//! changes, and whether it lives. A connection that closes in order gives the environment back;
//! one that breaks leaves the grace to come back in. Who may connect is not known here.

use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::Pulse;
use crate::domain::id::DeploymentId;
use crate::domain::reservation::{Over, Pace, Told};
use crate::ports::{Clock, Desk, Standing, Ticket};

/// The longest message that is read, in bytes: nothing is ever asked on the socket.
const LONGEST: usize = 4096;

/// How often it is looked where it stands: another process may have moved the line.
const LOOK: Duration = Duration::from_secs(2);

/// For what is on its way when a connection ends.
const FAREWELL: Duration = Duration::from_secs(5);

type Socket = WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>;

/// A connection, and what it speaks for.
pub(super) struct Conversation {
    pub desk: Arc<dyn Desk>,
    pub clock: Arc<dyn Clock>,
    pub ticket: Ticket,
    pub pulse: Pulse,
    /// Its place among the connections that there may be.
    pub room: OwnedSemaphorePermit,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The other side has said that it needs nothing any more.
    Closed,
    /// It is gone without a word, or does not read: it may come back.
    Broken,
    /// Everything has been said.
    Over,
    /// This process ends: another one may be asked.
    Away,
    /// It says what nobody asked for.
    Talks,
}

/// What was told last.
#[derive(Default)]
struct Last {
    told: Option<Told>,
    rollback: Option<DeploymentId>,
    counted: Option<Counted>,
}

impl Conversation {
    /// Talks until one of the two has enough.
    pub async fn talk(self, upgrade: OnUpgrade, stopped: watch::Receiver<bool>) {
        let Ok(Ok(upgraded)) = timeout(FAREWELL, upgrade).await else {
            return self.give_back().await;
        };
        let config = WebSocketConfig {
            max_message_size: Some(LONGEST),
            max_frame_size: Some(LONGEST),
            ..WebSocketConfig::default()
        };
        let io = TokioIo::new(upgraded);
        let mut socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
        let end = self.until_it_ends(&mut socket, stopped).await;
        let code = match end {
            End::Closed => {
                self.give_back().await;
                None
            }
            End::Broken => None,
            End::Over => Some(CloseCode::Normal),
            End::Away => Some(CloseCode::Away),
            End::Talks => Some(CloseCode::Unsupported),
        };
        if let Some(code) = code {
            let frame = CloseFrame { code, reason: "".into() };
            let _gone = timeout(FAREWELL, socket.close(Some(frame))).await;
        }
        // The answer to a close goes out as what comes is read.
        let rest = async { while let Some(Ok(_)) = socket.next().await {} };
        if end != End::Broken {
            let _gone = timeout(FAREWELL, rest).await;
        }
        drop(self.room);
    }

    async fn until_it_ends(&self, socket: &mut Socket, mut stopped: watch::Receiver<bool>) -> End {
        let mut moves = self.desk.moves(&self.ticket.environment);
        let mut last = Last::default();
        let mut ping = self.clock.sleep(self.pulse.ping);
        let mut look = self.clock.sleep(Duration::ZERO);
        // Of answers that nobody asked for none counts.
        let mut asked = false;
        loop {
            let ended = tokio::select! {
                heard = socket.next() => match heard {
                    Some(Ok(Message::Pong(_))) if std::mem::take(&mut asked) => self.lived().await,
                    heard => ending(heard),
                },
                () = &mut ping => {
                    ping = self.clock.sleep(self.pulse.ping);
                    asked = true;
                    self.send(socket, Message::Ping(Vec::new())).await
                }
                () = &mut look => {
                    look = self.clock.sleep(LOOK.min(self.pulse.ping));
                    self.tell(socket, &mut last).await
                }
                _moved = moves.changed() => self.tell(socket, &mut last).await,
                () = async { drop(stopped.wait_for(|stopped| *stopped).await) } => Some(End::Away),
            };
            if let Some(end) = ended {
                return end;
            }
        }
    }

    /// It has answered: its reservation goes on for as long as it may be silent.
    async fn lived(&self) -> Option<End> {
        if let Err(error) = self.desk.lives(&self.ticket).await {
            // If that stays so, it lapses, and is told so.
            tracing::warn!(reservation = %self.ticket.id, %error, "could not be extended");
        }
        None
    }

    /// Says where it stands, if that is news.
    async fn tell(&self, socket: &mut Socket, last: &mut Last) -> Option<End> {
        let standing = match self.desk.standing(&self.ticket).await {
            Ok(standing) => standing,
            Err(error) => {
                tracing::warn!(reservation = %self.ticket.id, %error, "could not be looked at");
                return None;
            }
        };
        let (id, pace) = (self.ticket.id.clone(), pace(self.pulse));
        let mut also = None;
        let (told, state, end) = match standing {
            Standing::Waiting { place, behind } => {
                (Told::Waiting { id, place, behind, pace }, Some("waiting"), None)
            }
            Standing::Held { since, rollback } => {
                let news = rollback.filter(|(deployment, _)| last.rollback != Some(*deployment));
                also = news.map(|(deployment, what)| {
                    last.rollback = Some(deployment);
                    Told::Rollback { deployment, what }
                });
                (Told::Held { id, since, pace }, Some("held"), None)
            }
            Standing::Over { why, name } => {
                log_end(&self.ticket, &why);
                (Told::Over { why, name }, None, Some(End::Over))
            }
            Standing::TakenOver => (Told::TakenOver, None, Some(End::Over)),
        };
        if last.counted.as_ref().map(|counted| counted.0) != state {
            last.counted = None;
            last.counted = state.map(Counted::new);
        }
        let news = (last.told.as_ref() != Some(&told)).then_some(told);
        for told in news.iter().chain(&also) {
            let Ok(text) = serde_json::to_string(told) else { continue };
            if let Some(broken) = self.send(socket, Message::Text(text)).await {
                return Some(broken);
            }
        }
        last.told = news.or(last.told.take());
        end
    }

    /// Who does not read for so long is not there.
    async fn send(&self, socket: &mut Socket, message: Message) -> Option<End> {
        match timeout(self.pulse.grace, socket.send(message)).await {
            Ok(Ok(())) => None,
            Ok(Err(_)) | Err(_) => Some(End::Broken),
        }
    }

    async fn give_back(&self) {
        if let Err(error) = self.desk.give_back(&self.ticket).await {
            tracing::warn!(reservation = %self.ticket.id, %error, "lapses: could not be given back");
        }
    }
}

/// Whether what came ends the connection, and how.
fn ending(heard: Option<Result<Message, Error>>) -> Option<End> {
    match heard {
        Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => None,
        Some(Ok(Message::Text(_) | Message::Binary(_))) => Some(End::Talks),
        // What stands between the two closes with another code, if it says anything.
        Some(Ok(Message::Close(frame))) => match frame.map(|frame| frame.code) {
            None | Some(CloseCode::Normal) => Some(End::Closed),
            Some(_) => Some(End::Broken),
        },
        None | Some(Err(_)) => Some(End::Broken),
    }
}

fn pace(pulse: Pulse) -> Pace {
    let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    Pace { ping: milliseconds(pulse.ping), grace: milliseconds(pulse.grace) }
}

fn log_end(ticket: &Ticket, why: &Over) {
    tracing::info!(reservation = %ticket.id, environment = %ticket.environment, ?why, "over");
}

/// One that is counted for as long as it is so.
struct Counted(&'static str);

impl Counted {
    fn new(state: &'static str) -> Self {
        metrics::gauge!("shipmate_reservations", "state" => state).increment(1.0);
        Self(state)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        metrics::gauge!("shipmate_reservations", "state" => self.0).decrement(1.0);
    }
}
