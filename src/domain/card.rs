//! What a chat shows for a deployment or an answer, without knowing which chat. Texts are
//! plain: an adapter escapes what its chat would read as markup.

/// One message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Card {
    pub title: String,
    pub tone: Tone,
    pub lines: Vec<Line>,
    pub fields: Vec<Field>,
    pub progress: Option<Progress>,
    /// What people may do about it, in the order shown.
    pub actions: Vec<CardAction>,
    pub footer: Option<String>,
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
    pub fn field(mut self, name: impl Into<String>, lines: Vec<String>) -> Self {
        if !lines.is_empty() {
            self.fields.push(Field { name: name.into(), lines });
        }
        self
    }
}
