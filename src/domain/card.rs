//! What a chat shows for a deployment or an answer, without knowing which chat. Texts are
//! plain: an adapter escapes what its chat would read as markup.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::id::{ChannelId, DeploymentId, EnvironmentName, MessageId, PersonId};

/// One message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Card {
    /// The deployment that it tells of, where buttons can act on it.
    pub about: Option<About>,
    pub title: String,
    pub tone: Tone,
    pub lines: Vec<Line>,
    pub fields: Vec<Field>,
    pub progress: Option<Progress>,
    /// What people may do about it, in the order shown.
    pub actions: Vec<CardAction>,
    /// What can be done to what runs. It may change often, so that no reaction stands for it:
    /// one that is left standing would mean it again and again.
    pub controls: Vec<Control>,
    /// Whether what it tells of can be rolled back. That is asked once more before it is done,
    /// and so is none of the actions, for which a reaction is enough.
    pub rollback: bool,
    /// Whether an image made what it tells of go back, and can be banned.
    pub ban: bool,
    /// The environment whose lock it asks about, where the holder can lift it.
    pub unlock: Option<EnvironmentName>,
    pub links: Vec<Link>,
    /// What can be said with one press instead of typed. Each stands in the text as well, for a
    /// chat that has no buttons.
    pub offers: Vec<Offer>,
    pub picture: Option<Picture>,
    pub footer: Option<String>,
}

/// A line of chat as a button. Whoever presses it says the line, and it is decided then whether
/// they may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    pub label: String,
    /// An emoji before the label.
    pub sign: char,
    /// A command as Shipmate prints it, never a line that somebody else wrote.
    pub line: String,
}

/// A picture. Nothing stands in it alone: a chat that shows none shows the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Of a file: letters and dashes, and how it ends.
    pub name: String,
    pub bytes: PictureBytes,
    /// The same in words, for who does not see it.
    pub text: String,
}

/// The bytes of a PNG. `Debug` tells how many.
#[derive(Clone, PartialEq, Eq)]
pub struct PictureBytes(pub Arc<[u8]>);

impl fmt::Debug for PictureBytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PictureBytes({} bytes)", self.0.len())
    }
}

impl Picture {
    pub fn png(name: &str, bytes: Vec<u8>, text: String) -> Self {
        Self { name: format!("{name}.png"), bytes: PictureBytes(bytes.into()), text }
    }
}

/// What the buttons of a card act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    pub deployment: DeploymentId,
    pub environment: EnvironmentName,
}

/// Where more is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub label: String,
    pub message: MessageId,
}

/// A card's colour and sign; the sign says the same as the colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    #[default]
    Plain,
    Waiting,
    Running,
    Good,
    Warning,
    Bad,
}

/// A line of a card's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    Text(String),
    Warning(String),
    /// A command to copy.
    Command(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub name: String,
    pub lines: Vec<String>,
}

/// `done` of `total`, as a bar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    pub done: u32,
    pub total: u32,
    pub label: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CardAction {
    Approve,
    Reject,
    Cancel,
}

impl CardAction {
    pub const ALL: [Self; 3] = [Self::Approve, Self::Reject, Self::Cancel];

    /// The reaction that does the same.
    pub fn emoji(self) -> &'static str {
        match self {
            Self::Approve => "✅",
            Self::Reject => "❌",
            Self::Cancel => "🛑",
        }
    }

    /// The action of a reaction; the variation selector that some keyboards add is ignored.
    pub fn of_emoji(emoji: &str) -> Option<Self> {
        let plain = emoji.trim_end_matches('\u{fe0f}');
        Self::ALL.into_iter().find(|action| action.emoji() == plain)
    }

    pub fn label(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Cancel => "cancel",
        }
    }
}

/// How people hold up what runs, and let it go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    Pause,
    Continue,
}

impl Control {
    pub const ALL: [Self; 2] = [Self::Pause, Self::Continue];

    /// The word of the command, to which the deployment's number is added.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Continue => "continue",
        }
    }

    pub fn emoji(self) -> &'static str {
        match self {
            Self::Pause => "⏸️",
            Self::Continue => "▶️",
        }
    }
}

/// Cells of a progress bar.
const CELLS: u64 = 10;

impl Progress {
    /// The bar in ten cells: `████░░░░░░`.
    pub fn cells(&self) -> String {
        let full = match u64::from(self.total) {
            0 => 0,
            // Rounded down, so that a full bar means that all of it is done.
            total => u64::from(self.done).min(total) * CELLS / total,
        };
        (0..CELLS).map(|cell| if cell < full { '█' } else { '░' }).collect()
    }
}

impl Tone {
    /// The sign that stands before the title.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Plain => "•",
            Self::Waiting => "⏳",
            Self::Running => "🚀",
            Self::Good => "✅",
            Self::Warning => "⚠️",
            Self::Bad => "❌",
        }
    }
}

impl Card {
    pub fn new(tone: Tone, title: impl Into<String>) -> Self {
        Self { title: title.into(), tone, ..Self::default() }
    }

    #[must_use]
    pub fn text(mut self, line: impl Into<String>) -> Self {
        self.lines.push(Line::Text(line.into()));
        self
    }

    #[must_use]
    pub fn warning(mut self, line: impl Into<String>) -> Self {
        self.lines.push(Line::Warning(line.into()));
        self
    }

    #[must_use]
    pub fn command(mut self, line: impl Into<String>) -> Self {
        self.lines.push(Line::Command(line.into()));
        self
    }

    #[must_use]
    pub fn offer(mut self, label: impl Into<String>, sign: char, line: impl Into<String>) -> Self {
        self.offers.push(Offer { label: label.into(), sign, line: line.into() });
        self
    }

    #[must_use]
    pub fn field(mut self, name: impl Into<String>, lines: Vec<String>) -> Self {
        if !lines.is_empty() {
            self.fields.push(Field { name: name.into(), lines });
        }
        self
    }
}

/// Stand before a person's and a channel's id and a moment in a card's texts, and behind each, so
/// that a chat can show them as it always does. Taken out of whatever comes from outside.
const PERSON: char = '\u{e000}';
const CHANNEL: char = '\u{e001}';
const BEHIND: char = '\u{e002}';
const MOMENT: char = '\u{e003}';
/// Stands between a moment and its words.
const WORDS: char = '\u{e004}';
const MARKS: [char; 5] = [PERSON, CHANNEL, BEHIND, MOMENT, WORDS];

/// How much of a moment is shown, by chats that show times in each reader's own zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The time of day.
    Time,
    /// The time of day with its seconds.
    Second,
    Date,
    DateAndTime,
    /// The same, with the day of the week.
    Full,
    /// How far it is away.
    Distance,
}

impl Shown {
    const ALL: [Self; 6] =
        [Self::Time, Self::Second, Self::Date, Self::DateAndTime, Self::Full, Self::Distance];
}

/// A person, as a text of a card names them.
pub fn person(id: &PersonId) -> String {
    format!("{PERSON}{}{BEHIND}", without_marks(id.as_str()))
}

/// A channel, as a text of a card names it.
pub fn channel(id: &ChannelId) -> String {
    format!("{CHANNEL}{}{BEHIND}", without_marks(id.as_str()))
}

/// A moment, as a text of a card names it; `words` are for chats that show no times of their own.
pub fn moment(at: Timestamp, shown: Shown, words: &str) -> String {
    let place = Shown::ALL.iter().position(|one| *one == shown).unwrap_or_default();
    format!("{MOMENT}{place} {}{WORDS}{}{BEHIND}", at.as_second(), without_marks(words))
}

/// A text from outside, in which nobody and nothing can be marked.
pub fn without_marks(text: &str) -> String {
    text.chars().filter(|character| !MARKS.contains(character)).collect()
}

/// A text with each person and channel by their id and each moment in its words.
pub fn plain(text: &str) -> String {
    let part = |span: Span<'_>| match span {
        Span::Text(text) | Span::Person(text) | Span::Channel(text) => without_marks(text),
        Span::Moment { words, .. } => without_marks(words),
    };
    spans(text).into_iter().map(part).collect()
}

/// A part of a card's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span<'a> {
    Text(&'a str),
    /// A person's id.
    Person(&'a str),
    /// A channel's id.
    Channel(&'a str),
    Moment {
        /// Seconds since 1970.
        second: i64,
        shown: Shown,
        words: &'a str,
    },
}

/// The parts of a text.
pub fn spans(text: &str) -> Vec<Span<'_>> {
    let mut spans = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find([PERSON, CHANNEL, MOMENT]) {
        let (text, marked) = rest.split_at(at);
        let mut after = marked.chars();
        let mark = after.next();
        let Some((id, behind)) = after.as_str().split_once(BEHIND) else { break };
        if !text.is_empty() {
            spans.push(Span::Text(text));
        }
        spans.push(match mark {
            Some(PERSON) => Span::Person(id),
            Some(MOMENT) => moment_span(id),
            Some(_) | None => Span::Channel(id),
        });
        rest = behind;
    }
    if !rest.is_empty() {
        spans.push(Span::Text(rest));
    }
    spans
}

/// The moment between two marks; its words alone where it is none.
fn moment_span(text: &str) -> Span<'_> {
    let (moment, words) = text.split_once(WORDS).unwrap_or(("", text));
    let number = moment.split_once(' ');
    let known = number.and_then(|(place, second)| {
        let place: usize = place.parse().ok()?;
        Some((*Shown::ALL.get(place)?, second.parse().ok()?))
    });
    match known {
        Some((shown, second)) => Span::Moment { second, shown, words },
        None => Span::Text(words),
    }
}

impl Card {
    /// The card with each person by their id and each moment in its words, for a chat that has
    /// no other way.
    #[must_use]
    pub fn with_bare_ids(&self) -> Self {
        self.with_texts(&plain)
    }

    /// The card with each of its texts turned into another.
    #[must_use]
    pub fn with_texts(&self, turn: &dyn Fn(&str) -> String) -> Self {
        let line = |line: &Line| match line {
            Line::Text(text) => Line::Text(turn(text)),
            Line::Warning(text) => Line::Warning(turn(text)),
            Line::Command(text) => Line::Command(turn(text)),
        };
        let field = |field: &Field| Field {
            name: turn(&field.name),
            lines: field.lines.iter().map(|line| turn(line)).collect(),
        };
        Self {
            title: turn(&self.title),
            lines: self.lines.iter().map(line).collect(),
            fields: self.fields.iter().map(field).collect(),
            picture: self
                .picture
                .as_ref()
                .map(|picture| Picture { text: turn(&picture.text), ..picture.clone() }),
            footer: self.footer.as_deref().map(turn),
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn persons_are_told_from_text_and_cannot_be_forged() {
        let bob = PersonId::from("bob");
        let text = format!("by {} in {}.", person(&bob), channel(&"ops".into()));
        let (by, place) = (Span::Person("bob"), Span::Channel("ops"));
        let expected = [Span::Text("by "), by, Span::Text(" in "), place, Span::Text(".")];
        assert_eq!(spans(&text), expected);
        let forged = without_marks(&person(&bob));
        assert_eq!(spans(&forged), [Span::Text("bob")]);
        assert_eq!(spans("\u{e000}bob"), [Span::Text("\u{e000}bob")]);
        assert_eq!(spans(""), []);
    }

    #[test]
    fn moments_are_told_from_text_and_cannot_be_forged() {
        let at = Timestamp::from_second(1_795_000_000).unwrap();
        let text = format!("at {}, {}.", moment(at, Shown::Full, "six"), person(&"bob".into()));
        let six = Span::Moment { second: 1_795_000_000, shown: Shown::Full, words: "six" };
        let (at, comma) = (Span::Text("at "), Span::Text(", "));
        assert_eq!(spans(&text), [at, six, comma, Span::Person("bob"), Span::Text(".")]);
        assert_eq!(plain(&text), "at six, bob.");
        assert_eq!(plain("\u{e003}9 x\u{e004}six\u{e002}"), "six");
        assert!(!without_marks(&text).contains(['\u{e003}', '\u{e004}']));
    }
}
