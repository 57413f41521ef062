//! What to print for what happens in the channel, on a screen that only scrolls. Cards that
//! stand at its end, above the prompt, are redrawn in place; others are told anew, in short.
//! Pure: prints nothing, and knows neither the terminal nor the time.

use std::collections::BTreeMap;

use super::render::{Painter, Style};
use super::room::{Change, Message};
use crate::domain::card::Card;
use crate::domain::id::MessageId;

/// How large the terminal is, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub columns: usize,
    pub rows: usize,
}

/// Rows at the bottom that belong to the prompt: it may wrap once.
const PROMPT_ROWS: usize = 2;
/// Wider than this, lines of text are hard to read.
const WIDEST: usize = 100;

/// What the screen shows, as far as it can still be changed.
pub struct Screen {
    style: Style,
    /// Whether the terminal moves its cursor when told to.
    redraws: bool,
    size: Size,
    /// What was printed last, top to bottom, with nothing else in between or below.
    tail: Vec<Block>,
    /// What was last told of each message.
    told: BTreeMap<MessageId, Card>,
}

/// Rows at the end of the screen.
struct Block {
    /// `None`: it stands as it is for good.
    message: Option<MessageId>,
    form: Form,
    rows: Vec<String>,
}

/// How much of a card is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Full,
    Short,
    Brief,
}

impl Screen {
    pub fn new(style: Style, redraws: bool, size: Size) -> Self {
        Self { style, redraws, size, tail: Vec::new(), told: BTreeMap::new() }
    }

    /// Something else was printed below: nothing that stands on the screen can be redrawn.
    pub fn disturbed(&mut self) {
        self.tail.clear();
    }

    /// The terminal has this size from now on. Another width breaks rows that are longer, so
    /// that nobody knows how many there are.
    pub fn resized(&mut self, size: Size) {
        if size.columns != self.size.columns {
            self.tail.clear();
        }
        self.size = size;
    }

    /// What to print, with the cursor at the start of the row below the last one; empty if
    /// the screen is right as it is. Ends with a line break.
    pub fn show(&mut self, changes: &[Change]) -> String {
        let mut output = String::new();
        for change in changes {
            match change {
                Change::Note(card) => {
                    let rows = self.rows_of_card(card, None, Form::Full);
                    self.append(Block { message: None, form: Form::Full, rows }, &mut output);
                }
                Change::Message(message) => self.show_message(message, &mut output),
            }
        }
        output
    }

    fn show_message(&mut self, message: &Message, output: &mut String) {
        let before = self.told.insert(message.id.clone(), message.card.clone());
        let form = match before {
            None => Form::Full,
            Some(before) if before == message.card => return,
            Some(before) => {
                let news = is_news(&before, &message.card);
                if self.redraw(message, news, output) {
                    return;
                }
                match (news, self.redraws) {
                    (true, true | false) => Form::Short,
                    (false, true) => Form::Brief,
                    // Each tick would stay on the screen for good.
                    (false, false) => return,
                }
            }
        };
        let rows = self.rows(message, form);
        self.append(Block { message: Some(message.id.clone()), form, rows }, output);
    }

    /// Changes a card where it stands; false if it cannot be reached there.
    fn redraw(&mut self, message: &Message, news: bool, output: &mut String) -> bool {
        let Some(index) = self.tail.iter().position(|block| block.is_of(message)) else {
            return false;
        };
        let height: usize = self.tail[index..].iter().map(Block::height).sum();
        if !self.redraws || height + PROMPT_ROWS > self.size.rows {
            // What follows stands further down, and this one keeps what it said.
            self.tail[index].message = None;
            return false;
        }
        let form = match self.tail[index].form {
            Form::Brief if news => Form::Short,
            form @ (Form::Full | Form::Short | Form::Brief) => form,
        };
        let rows = self.rows(message, form);
        if form == self.tail[index].form && rows == self.tail[index].rows {
            return true;
        }
        self.tail[index] = Block { message: Some(message.id.clone()), form, rows };
        output.push_str(&format!("\r\u{1b}[{height}A\u{1b}[J"));
        for block in &self.tail[index..] {
            block.print(output);
        }
        true
    }

    fn append(&mut self, block: Block, output: &mut String) {
        block.print(output);
        self.tail.push(block);
        // What has left the screen cannot be redrawn.
        let mut height: usize = self.tail.iter().map(Block::height).sum();
        while height > self.size.rows && self.tail.len() > 1 {
            height -= self.tail.remove(0).height();
        }
    }

    fn rows(&self, message: &Message, form: Form) -> Vec<String> {
        self.rows_of_card(&message.card, message.note().as_deref(), form)
    }

    fn rows_of_card(&self, card: &Card, note: Option<&str>, form: Form) -> Vec<String> {
        // The last column stays free: some terminals break a row that fills it.
        let width = self.size.columns.saturating_sub(1).min(WIDEST);
        let painter = Painter { style: self.style, width: Some(width) };
        match form {
            Form::Full => painter.card(card, note),
            Form::Short => painter.short(card, note),
            Form::Brief => painter.brief(card),
        }
    }
}

impl Block {
    fn is_of(&self, message: &Message) -> bool {
        self.message.as_ref() == Some(&message.id)
    }

    /// Rows on the screen. An empty one sets a card apart; a brief line needs none.
    fn height(&self) -> usize {
        self.rows.len() + usize::from(self.form != Form::Brief)
    }

    fn print(&self, output: &mut String) {
        for row in &self.rows {
            output.push_str(row);
            output.push('\n');
        }
        if self.form != Form::Brief {
            output.push('\n');
        }
    }
}

/// Whether a card says something new, and not only that it goes on.
fn is_news(before: &Card, now: &Card) -> bool {
    let Card { title, tone, lines, actions, .. } = now;
    before.title != *title
        || before.tone != *tone
        || before.lines != *lines
        || before.actions != *actions
}
