//! Sessions and their connections: what was sent in a session is kept, so that it can be sent
//! again.

use std::time::Instant;

use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

use super::super::state::State;

/// What goes to the task of a connection.
#[derive(Clone, Debug)]
pub enum Out {
    Text(String),
    /// An event, not before its time.
    Event {
        due: Instant,
        text: String,
    },
    /// An event, and who wants to know when its writing begins.
    Timed {
        text: String,
        written: UnboundedSender<Instant>,
    },
    Close(u16),
    /// The socket is gone without a word.
    Drop,
}

/// An open websocket.
pub struct Connection {
    pub sender: UnboundedSender<Out>,
    pub session: Option<String>,
}

impl Connection {
    pub fn send(&self, out: Out) {
        // A task that has ended has nobody to send to.
        let _gone = self.sender.send(out);
    }
}

/// What a client identified for; it outlives its connections.
pub struct Session {
    pub intents: u64,
    pub sequence: u64,
    /// All dispatches, by their sequence.
    pub sent: Vec<(u64, String)>,
    pub connection: Option<u64>,
}

impl State {
    /// Numbers an event, keeps it, and sends it if the session has a connection.
    pub fn send_to_session(&mut self, name: &str, event: &str, data: Value) {
        let Some(session) = self.sessions.get_mut(name) else { return };
        session.sequence += 1;
        let text = json!({"op": 0, "s": session.sequence, "t": event, "d": data}).to_string();
        session.sent.push((session.sequence, text.clone()));
        let connection = session.connection.and_then(|id| self.connections.get(&id));
        let Some(connection) = connection else { return };
        let due = Instant::now() + self.faults.event_delay;
        if self.faults.duplicate_events {
            connection.send(Out::Event { due, text: text.clone() });
        }
        connection.send(Out::Event { due, text });
    }

    /// Takes a connection off its session, which can be resumed unless the client said goodbye.
    pub fn disconnected(&mut self, connection: u64, goodbye: bool) {
        self.connections.remove(&connection);
        if goodbye {
            self.sessions.retain(|_, session| session.connection != Some(connection));
        }
        for session in self.sessions.values_mut() {
            if session.connection == Some(connection) {
                session.connection = None;
            }
        }
    }
}
