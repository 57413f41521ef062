//! One connection of serenity's, from its request to its end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::timeout;

use super::RelaySettings;
use super::dial::{DialError, Upgraded, dial};
use super::head::Request;
use super::pass::{close, pass, stopped};
use super::turn::{Running, Turns};

/// What all connections share.
#[derive(Clone)]
pub(super) struct Guest {
    pub turns: Arc<Turns>,
    pub settings: RelaySettings,
    pub secret: Arc<str>,
}

/// How waiting for Discord ended.
enum Met {
    Discord(Upgraded, Running),
    Refusal,
    /// Serenity went away, or said something before it was answered.
    Nobody,
    Stop,
}

impl Guest {
    /// Serves one connection. `place` is given back once it has shown the secret.
    pub async fn serve(
        self,
        mut client: TcpStream,
        place: Option<OwnedSemaphorePermit>,
        mut stop: watch::Receiver<bool>,
    ) {
        let read = timeout(self.settings.head, Request::read(&mut client));
        let read = tokio::select! {
            read = read => read,
            () = stopped(&mut stop) => return,
        };
        let request = match read {
            Ok(Ok(request)) if request.path() == &*self.secret => request,
            Ok(Ok(_)) => return self.turn_away(client, "403 Forbidden").await,
            Ok(Err(_)) => return self.turn_away(client, "400 Bad Request").await,
            Err(_elapsed) => return self.turn_away(client, "408 Request Timeout").await,
        };
        drop(place);
        let met = tokio::select! {
            met = Box::pin(self.meet(&request)) => met,
            () = speaks(&client) => Met::Nobody,
            () = stopped(&mut stop) => Met::Stop,
        };
        match met {
            Met::Discord(upgraded, running) => {
                self.join(client, upgraded, running, &mut stop).await;
            }
            Met::Refusal => answer(client, "502 Bad Gateway", self.settings.linger).await,
            Met::Stop => answer(client, "503 Service Unavailable", self.settings.linger).await,
            Met::Nobody => {}
        }
    }

    /// Tries until Discord upgrades or the patience is over. Each attempt takes a turn.
    async fn meet(&self, request: &Request) -> Met {
        let mut since = None;
        loop {
            let (address, mut running) = self.turns.take().await;
            // Waiting for the first turn is no refusal of Discord's.
            let since = *since.get_or_insert_with(Instant::now);
            match dial(&address, self.turns.tls(), request, self.settings.handshake).await {
                Ok(upgraded) => {
                    running.upgraded();
                    tracing::info!(host = address.host(), "connected to Discord");
                    return Met::Discord(upgraded, running);
                }
                Err(error) => refused(&error, address.host()),
            }
            if since.elapsed() >= self.settings.patience {
                return Met::Refusal;
            }
        }
    }

    async fn join(
        &self,
        mut client: TcpStream,
        upgraded: Upgraded,
        running: Running,
        stop: &mut watch::Receiver<bool>,
    ) {
        // Frames are small, and each is waited for. Where that cannot be had it is merely slower.
        let _slower = client.set_nodelay(true);
        if client.write_all(&upgraded.said).await.is_ok() {
            pass(client, upgraded.wire, stop, self.settings.linger, running).await;
        }
    }

    /// Somebody who is not serenity.
    async fn turn_away(&self, client: TcpStream, status: &str) {
        metrics::counter!("shipmate_discord_relay_turned_away_total").increment(1);
        tracing::warn!(status, "a stranger at the relay was turned away");
        // He keeps his place until he is gone, and is not waited for as serenity is.
        answer(client, status, self.settings.head.min(self.settings.linger)).await;
    }
}

fn refused(error: &DialError, host: &str) {
    let reason = error.reason();
    metrics::counter!("shipmate_discord_refusals_total", "reason" => reason).increment(1);
    let cause = std::error::Error::source(error).map(tracing::field::display);
    tracing::warn!(host, %error, cause, "Discord's gateway could not be connected to");
}

/// Answers that there will be no websocket, and closes.
async fn answer(mut client: TcpStream, status: &str, linger: Duration) {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    // One that is gone needs no answer.
    let _gone = client.write_all(head.as_bytes()).await;
    close(client, linger).await;
}

/// Until the other side says something or ends, which are both wrong before it was answered.
async fn speaks(client: &TcpStream) {
    let _either = client.peek(&mut [0]).await;
}
