//! Much talk in a channel, made cheaply: what is said is told to whoever is connected and kept
//! nowhere, so that it can neither be read by REST nor be sent again on a Resume. For measuring.

use std::time::Instant;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::FakeDiscord;
use super::events::{self, MESSAGE_CONTENT};
use super::gateway::session::{Connection, Out, Session};
use super::render;
use super::rest::mentions::{self, Written};
use super::state::State;

/// What is said in a channel, over and over.
pub struct Talk {
    /// The events' data without the message's id, for sessions with and without the content.
    said: Vec<[String; 2]>,
    next: usize,
}

impl FakeDiscord {
    /// Prepares what these people will say in a channel.
    pub fn talk(&self, channel: u64, said: &[(u64, String)]) -> Talk {
        let mut state = self.lock();
        let each = said.iter().map(|(user, text)| prepared(&mut state, channel, (*user, text)));
        Talk { said: each.collect(), next: 0 }
    }

    /// Tells the next `count` messages of a talk. Out comes when the last of them begins to be
    /// written, for each connection.
    pub fn tell(&self, talk: &mut Talk, count: usize) -> UnboundedReceiver<Instant> {
        let (written, moments) = unbounded_channel();
        let mut state = self.lock();
        for left in (0..count).rev() {
            let id = state.next_id();
            let said = &talk.said[talk.next % talk.said.len()];
            talk.next += 1;
            let State { sessions, connections, .. } = &mut *state;
            for session in sessions.values_mut() {
                let Some(connection) = session.connection.and_then(|id| connections.get(&id))
                else {
                    continue;
                };
                let text = event(session, id, said);
                let out = if left == 0 {
                    Out::Timed { text, written: written.clone() }
                } else {
                    Out::Event { due: Instant::now(), text }
                };
                Connection::send(connection, out);
            }
        }
        moments
    }
}

/// The next event of a session.
fn event(session: &mut Session, id: u64, [whole, emptied]: &[String; 2]) -> String {
    session.sequence += 1;
    let rest = if session.intents & MESSAGE_CONTENT == 0 { emptied } else { whole };
    let sequence = session.sequence;
    format!(r#"{{"op":0,"s":{sequence},"t":"MESSAGE_CREATE","d":{{"id":"{id}",{rest}}}"#)
}

fn prepared(state: &mut State, channel: u64, (user, text): (u64, &str)) -> [String; 2] {
    let mut message = state.blank_message(channel, user);
    message.content = text.to_owned();
    let written = Written { author: user, channel, text, replied: None };
    message.pinged = mentions::pings(state, written, None).users;
    let mut whole = render::message(state, &message);
    events::add_place(state, &mut whole, &message);
    let open = render::content_is_open(state, &message);
    let emptied = if open { whole.clone() } else { render::without_content(whole.clone()) };
    [whole, emptied].map(|mut data| {
        if let Some(fields) = data.as_object_mut() {
            fields.shift_remove("id");
        }
        // What stands behind the id.
        data.to_string().split_off(1)
    })
}
