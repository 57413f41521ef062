//! A card as text: plain for pipes, scripts and tests, or with ANSI colours. Knows nothing of
//! messages and of what stands on the screen.

use super::wrap::{self, width, wrap};
use crate::domain::card::{Card, CardAction, Line, Progress, Tone};

/// How text is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// No escape codes at all.
    #[default]
    Plain,
    Ansi,
}

impl Style {
    /// Colours only where a person asked for none of the things that mean "no colours":
    /// <https://no-color.org>, a terminal that calls itself dumb, or no terminal at all.
    pub fn of(is_terminal: bool, no_color: Option<&str>, term: Option<&str>) -> Self {
        let wanted = no_color.is_none_or(str::is_empty) && term != Some("dumb");
        if is_terminal && wanted { Self::Ansi } else { Self::Plain }
    }

    /// The style for standard output, by the environment variables of this process.
    pub fn of_stdout() -> Self {
        use std::io::IsTerminal;
        let variable =
            |name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
        Self::of(
            std::io::stdout().is_terminal(),
            variable("NO_COLOR").as_deref(),
            variable("TERM").as_deref(),
        )
    }
}

/// Columns that the body stands to the right of the sign.
const INDENT: usize = 3;
/// Narrower than this, nothing can be shown well.
const NARROWEST: usize = 20;

/// Turns cards into rows of text.
#[derive(Clone, Copy, Debug)]
pub struct Painter {
    pub style: Style,
    /// In columns; `None` wraps nothing.
    pub width: Option<usize>,
}

impl Painter {
    pub fn plain(width: usize) -> Self {
        Self { style: Style::Plain, width: Some(width) }
    }

    /// The whole card. `note` stands beside the title: whom it is for.
    pub fn card(&self, card: &Card, note: Option<&str>) -> Vec<String> {
        let mut rows = self.title(card, note);
        self.lines(card, &mut rows);
        for field in &card.fields {
            self.body(&mut rows, card.tone, (Ink::Bold, ""), &wrap::line(&field.name));
            for line in field.lines.iter().flat_map(|line| wrap::lines(line)) {
                self.body(&mut rows, card.tone, (Ink::None, "  "), &line);
            }
        }
        self.progress(card, &mut rows);
        self.actions(card, &mut rows);
        if let Some(footer) = &card.footer {
            self.body(&mut rows, card.tone, (Ink::Dim, ""), &wrap::line(footer));
        }
        rows
    }

    /// Title, lines and progress: what is worth saying again about a card that stands further
    /// up in full.
    pub fn short(&self, card: &Card, note: Option<&str>) -> Vec<String> {
        let mut rows = self.title(card, note);
        self.lines(card, &mut rows);
        self.progress(card, &mut rows);
        self.actions(card, &mut rows);
        rows
    }

    /// One row: title and progress.
    pub fn brief(&self, card: &Card) -> Vec<String> {
        let bar = card.progress.as_ref().map(bar).unwrap_or_default();
        let sign = sign(card.tone);
        let title = wrap::line(&card.title);
        let room = self.columns().saturating_sub(INDENT + width(&bar) + 2);
        let title = if width(&title) > room { shorten(&title, room) } else { title };
        vec![
            format!("{sign} {}  {bar}", self.ink(tone_code(card.tone), &title))
                .trim_end()
                .to_owned(),
        ]
    }

    fn title(&self, card: &Card, note: Option<&str>) -> Vec<String> {
        let mut rows = Vec::new();
        for (index, row) in wrap(&wrap::line(&card.title), self.room()).into_iter().enumerate() {
            let before =
                if index == 0 { format!("{} ", sign(card.tone)) } else { " ".repeat(INDENT) };
            let code = format!("1;{}", tone_code(card.tone));
            rows.push(format!("{before}{}", self.ink(code.trim_end_matches(';'), &row)));
        }
        if let Some(note) = note {
            self.body(&mut rows, card.tone, (Ink::Dim, ""), &wrap::line(note));
        }
        rows
    }

    fn lines(&self, card: &Card, rows: &mut Vec<String>) {
        for line in &card.lines {
            let (ink, before, text) = match line {
                Line::Text(text) => (Ink::None, "", text),
                Line::Warning(text) => (Ink::Warning, "⚠ ", text),
                Line::Command(text) => (Ink::Command, "  › ", text),
            };
            for (index, line) in wrap::lines(text).into_iter().enumerate() {
                let again = " ".repeat(width(before));
                self.body(rows, card.tone, (ink, if index == 0 { before } else { &again }), &line);
            }
        }
    }

    fn progress(&self, card: &Card, rows: &mut Vec<String>) {
        if let Some(progress) = &card.progress {
            self.body(rows, card.tone, (Ink::None, ""), &bar(progress));
        }
    }

    fn actions(&self, card: &Card, rows: &mut Vec<String>) {
        if !card.actions.is_empty() {
            let offer = |action: &CardAction| format!("{} {}", action.emoji(), action.label());
            let offers: Vec<_> = card.actions.iter().map(offer).collect();
            self.body(rows, card.tone, (Ink::None, ""), &offers.join("  "));
        }
    }

    /// Adds one line of the body, in as many rows as it takes; `before` stands before the
    /// first and its width before the others.
    fn body(&self, rows: &mut Vec<String>, tone: Tone, (ink, before): (Ink, &str), text: &str) {
        let edge = match self.style {
            Style::Plain => " ".repeat(INDENT),
            Style::Ansi => format!("{}  ", self.ink(tone_code(tone), "│")),
        };
        let room = self.room().saturating_sub(width(before)).max(1);
        for (index, row) in wrap(text, room).into_iter().enumerate() {
            let before = if index == 0 { before.to_owned() } else { " ".repeat(width(before)) };
            let row = self.ink(ink.code(), &format!("{before}{row}"));
            rows.push(format!("{edge}{row}").trim_end().to_owned());
        }
    }

    fn ink(&self, code: &str, text: &str) -> String {
        match self.style {
            Style::Ansi if !code.is_empty() && !text.is_empty() => {
                format!("\u{1b}[{code}m{text}\u{1b}[0m")
            }
            Style::Ansi | Style::Plain => text.to_owned(),
        }
    }

    fn columns(&self) -> usize {
        self.width.map_or(usize::MAX, |width| width.max(NARROWEST))
    }

    fn room(&self) -> usize {
        self.columns() - INDENT
    }
}

/// The whole card as plain text on unbroken lines: what an expectation is looked up in.
pub fn plain(card: &Card) -> String {
    Painter { style: Style::Plain, width: None }.card(card, None).join("\n")
}

/// What a text is, apart from its card's tone.
#[derive(Clone, Copy)]
enum Ink {
    None,
    Bold,
    Dim,
    Warning,
    Command,
}

impl Ink {
    fn code(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Warning => "33",
            Self::Command => "36",
        }
    }
}

fn tone_code(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "",
        Tone::Waiting => "34",
        Tone::Running => "36",
        Tone::Good => "32",
        Tone::Warning => "33",
        Tone::Bad => "31",
    }
}

/// The tone's sign in two columns, however wide it is.
fn sign(tone: Tone) -> String {
    let sign = tone.sign();
    format!("{sign}{}", " ".repeat((INDENT - 1).saturating_sub(width(sign))))
}

fn bar(progress: &Progress) -> String {
    let Progress { done, total, label } = progress;
    let cells = progress.cells();
    format!("[{cells}] {done}/{total} {}", wrap::line(label)).trim_end().to_owned()
}

fn shorten(text: &str, room: usize) -> String {
    let mut short = String::new();
    for c in text.chars() {
        short.push(c);
        if width(&short) + 1 > room {
            short.pop();
            break;
        }
    }
    format!("{}…", short.trim_end())
}
