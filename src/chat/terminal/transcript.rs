//! What a script's run looks like, line by line: what people do, and the bot's cards as they
//! are when they come to rest. Knows nothing of scripts.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use super::render::{Painter, Style};
use super::room::Message;
use crate::domain::card::{Card, Tone};
use crate::domain::id::{MessageId, PersonId};

/// Columns by which cards stand to the right of what people say.
const INDENT: &str = "  ";

/// Writes the transcript.
pub struct Transcript {
    painter: Painter,
    sink: Box<dyn FnMut(&str) + Send>,
    told: BTreeMap<MessageId, Card>,
    /// A card stands above, and wants an empty row below it.
    after_card: bool,
}

impl Transcript {
    /// `sink` gets row after row, without line breaks.
    pub fn new(style: Style, width: usize, sink: impl FnMut(&str) + Send + 'static) -> Self {
        let painter = Painter { style, width: Some(width.saturating_sub(INDENT.len())) };
        Self { painter, sink: Box::new(sink), told: BTreeMap::new(), after_card: false }
    }

    /// Onto standard output.
    pub fn stdout(style: Style, width: usize) -> Self {
        // If nobody reads it any more, the verdict still counts.
        Self::new(style, width, |row| drop(writeln!(std::io::stdout().lock(), "{row}")))
    }

    /// Into a text that can be looked at: plain.
    pub fn captured(width: usize) -> (Self, Arc<Mutex<String>>) {
        let text = Arc::new(Mutex::new(String::new()));
        let sink = Arc::clone(&text);
        let transcript = Self::new(Style::Plain, width, move |row| {
            let mut text = sink.lock().unwrap_or_else(PoisonError::into_inner);
            text.push_str(row);
            text.push('\n');
        });
        (transcript, text)
    }

    /// Something that a person does.
    pub fn person(&mut self, person: &PersonId, what: &str) {
        if std::mem::take(&mut self.after_card) {
            self.row("");
        }
        self.row(&format!("{person}: {what}"));
    }

    /// The cards that were not yet told as they are now, in the order in which they were
    /// posted. With `moving`, those that show something under way are left for later.
    pub fn cards(&mut self, messages: &[Message], moving: bool) {
        for message in messages {
            if (moving && is_moving(&message.card))
                || self.told.get(&message.id) == Some(&message.card)
            {
                continue;
            }
            self.told.insert(message.id.clone(), message.card.clone());
            self.row("");
            for row in self.painter.card(&message.card, message.note().as_deref()) {
                self.row(&format!("{INDENT}{row}"));
            }
            self.after_card = true;
        }
    }

    fn row(&mut self, row: &str) {
        (self.sink)(row.trim_end());
    }
}

fn is_moving(card: &Card) -> bool {
    let runs = match card.tone {
        Tone::Running => true,
        Tone::Plain | Tone::Waiting | Tone::Good | Tone::Warning | Tone::Bad => false,
    };
    runs || card.progress.is_some()
}
