//! The gateway's sockets: who connects, what is sent when, and how it ends. What the operations
//! mean is in `operations`.

mod operations;
pub mod session;

use std::collections::VecDeque;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use futures::{SinkExt, StreamExt};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{
    ErrorResponse, Request as Handshake, Response as Upgrade,
};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::Shared;
use session::{Connection, Out};

/// Sends of a client in a minute.
const MOST_SENDS: usize = 120;

/// Takes connections until the task is aborted, and all of them with it.
pub async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _unset = stream.set_nodelay(true);
        if shared.lock().faults.refuse_connections {
            reset(&stream);
            continue;
        }
        connections.spawn(talk(stream, Arc::clone(&shared)));
        // Those that have ended need not be kept.
        while connections.try_join_next().is_some() {}
    }
}

/// Closing is then a reset.
fn reset(stream: &TcpStream) {
    let _unset = stream.set_zero_linger();
}

#[expect(clippy::result_large_err, reason = "the library asks for a whole response")]
async fn talk(stream: TcpStream, shared: Arc<Shared>) {
    let mut query = String::new();
    let look = |request: &Handshake, response: Upgrade| -> Result<Upgrade, ErrorResponse> {
        query = request.uri().query().unwrap_or_default().to_owned();
        Ok(response)
    };
    let Ok(mut socket) = tokio_tungstenite::accept_hdr_async(stream, look).await else { return };
    let (id, incoming, heartbeat) = {
        let mut state = shared.lock();
        state.opened += 1;
        if state.faults.reset_after_upgrade {
            reset(socket.get_ref());
            drop(state);
            shared.announce();
            return;
        }
        let (sender, incoming) = unbounded_channel();
        let id = state.opened;
        state.connections.insert(id, Connection { sender, session: None });
        (id, incoming, state.world.limits.heartbeat)
    };
    shared.announce();
    if !fits(&query) {
        close(&mut socket, 4012).await;
        shared.lock().disconnected(id, false);
        return;
    }
    let hello = json!({
        "op": 10, "s": null, "t": null,
        "d": {"heartbeat_interval": heartbeat.as_millis(), "_trace": []},
    });
    let said = socket.send(Message::Text(hello.to_string())).await;
    let goodbye = match said {
        Ok(()) => {
            let line = Line { socket, id, compress: false, sends: VecDeque::new() };
            line.serve(incoming, &shared, heartbeat).await
        }
        Err(_) => false,
    };
    shared.lock().disconnected(id, goodbye);
    shared.announce();
}

/// Only version 10 in JSON is spoken.
fn fits(query: &str) -> bool {
    let value = |wanted: &str| {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.into_iter().find(|(name, _)| *name == wanted).map(|(_, value)| value)
    };
    value("v") == Some("10")
        && value("encoding").is_none_or(|encoding| encoding == "json")
        && value("compress").is_none()
}

async fn close(socket: &mut WebSocketStream<TcpStream>, code: u16) {
    let reason = match code {
        4004 => "Authentication failed.",
        4012 => "Invalid API version.",
        4013 => "Invalid intent(s).",
        4014 => "Disallowed intent(s).",
        _ => "",
    };
    let frame = CloseFrame { code: CloseCode::from(code), reason: reason.into() };
    // Nobody is left to hear of a close that fails.
    let _closed = socket.close(Some(frame)).await;
    // The other side's close is waited for, so that the frame is not lost in a reset.
    let rest = async { while let Some(Ok(_)) = socket.next().await {} };
    let _late = tokio::time::timeout(Duration::from_millis(500), rest).await;
}

/// A connection that has said hello.
struct Line {
    socket: WebSocketStream<TcpStream>,
    id: u64,
    compress: bool,
    /// When the client sent something, within the last minute.
    sends: VecDeque<Instant>,
}

impl Line {
    /// Until it ends; whether the client closed its session.
    async fn serve(
        mut self,
        mut outgoing: UnboundedReceiver<Out>,
        shared: &Arc<Shared>,
        heartbeat: Duration,
    ) -> bool {
        let mut waiting: VecDeque<Out> = VecDeque::new();
        let mut alive = Instant::now();
        loop {
            let now = Instant::now();
            let due = match waiting.front() {
                Some(Out::Event { due, .. }) => Some(*due),
                Some(Out::Text(_) | Out::Timed { .. } | Out::Close(_) | Out::Drop) => Some(now),
                None => None,
            };
            if due.is_some_and(|due| due <= now)
                && let Some(out) = waiting.pop_front()
            {
                if !self.send(out).await {
                    return false;
                }
                continue;
            }
            // A client whose heart has stopped is let go.
            let dead = alive + heartbeat * 2;
            let wake = tokio::time::Instant::from_std(due.map_or(dead, |due| due.min(dead)));
            tokio::select! {
                biased;
                out = outgoing.recv() => match out {
                    // What is not an event overtakes events that wait for their time.
                    Some(event @ (Out::Event { .. } | Out::Timed { .. })) => waiting.push_back(event),
                    Some(out) => waiting.push_front(out),
                    None => return false,
                },
                message = self.socket.next() => match message {
                    Some(Ok(Message::Text(text))) => {
                        alive = Instant::now();
                        if !self.hear(&text, shared).await {
                            return false;
                        }
                    }
                    Some(Ok(Message::Close(frame))) => {
                        return frame.is_some_and(|frame| matches!(u16::from(frame.code), 1000 | 1001));
                    }
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return false,
                },
                () = tokio::time::sleep_until(wake) => {
                    if Instant::now() >= dead {
                        close(&mut self.socket, 4009).await;
                        return false;
                    }
                }
            }
        }
    }

    /// Whether the connection lives on.
    async fn send(&mut self, out: Out) -> bool {
        match out {
            Out::Text(text) | Out::Event { text, .. } => self.say(text).await,
            Out::Timed { text, written } => {
                // Who asked may have stopped listening.
                let _heard = written.send(Instant::now());
                self.say(text).await
            }
            Out::Close(code) => {
                close(&mut self.socket, code).await;
                false
            }
            Out::Drop => {
                reset(self.socket.get_ref());
                false
            }
        }
    }

    /// Whether the connection lives on.
    async fn say(&mut self, text: String) -> bool {
        let message =
            if self.compress { Message::Binary(compressed(&text)) } else { Message::Text(text) };
        self.socket.send(message).await.is_ok()
    }

    /// Whether the connection lives on.
    async fn hear(&mut self, text: &str, shared: &Arc<Shared>) -> bool {
        let now = Instant::now();
        self.sends.push_back(now);
        self.sends.retain(|at| now.duration_since(*at) < Duration::from_secs(60));
        let heard = if self.sends.len() > MOST_SENDS {
            Err(4008)
        } else {
            operations::hear(&mut shared.lock(), self.id, text)
        };
        shared.announce();
        match heard {
            Ok(compress) => {
                self.compress = compress.unwrap_or(self.compress);
                true
            }
            Err(code) => {
                close(&mut self.socket, code).await;
                false
            }
        }
    }
}

fn compressed(text: &str) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    // Writing into memory does not fail.
    let written = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish());
    written.unwrap_or_default()
}
