//! Announcements out of templates. A template writes lines: the first that begins with `# ` is
//! the title, `## ` begins a field, `! ` a warning, `$ ` a command to copy. What it prints of
//! what people wrote can be none of these, whatever it holds: each value is marked where it
//! begins, and stays on one line.

use minijinja::value::{Serde, Value};
use minijinja::{Environment, Error, ErrorKind, Output, State, UndefinedBehavior};

use crate::domain::card::{Card, Field, Line, Offer, Tone, without_marks};
use crate::domain::id::PersonId;
use crate::domain::schedule::ReadyMade;

use super::live::{KNOWN, Live};
use super::{chart, words};

/// Stands before each value that a template prints.
const VALUE: char = '\u{e010}';
/// Stands where the picture goes.
const CHART: char = '\u{e011}';
/// So many steps a template may take: enough for thousands of lines, and over in milliseconds.
const FUEL: u64 = 200_000;

/// The templates that ship.
const SHIPPED: [(ReadyMade, &str); 6] = [
    (ReadyMade::Morning, include_str!("../../templates/morning.j2")),
    (ReadyMade::Weekly, include_str!("../../templates/weekly.j2")),
    (ReadyMade::ReleaseTrain, include_str!("../../templates/release-train.j2")),
    (ReadyMade::Votes, include_str!("../../templates/votes.j2")),
    (ReadyMade::Freeze, include_str!("../../templates/freeze.j2")),
    (ReadyMade::Locks, include_str!("../../templates/locks.j2")),
];

/// Why a template cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}, line {line}: {why}")]
pub struct TemplateError {
    pub name: String,
    pub line: usize,
    pub why: String,
}

/// Turns templates into cards.
#[derive(Debug)]
pub struct Templates(Environment<'static>);

impl Default for Templates {
    fn default() -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment.set_formatter(print);
        environment.set_fuel(Some(FUEL));
        environment.add_global("chart", Value::from_safe_string(CHART.to_string()));
        Self(environment)
    }
}

impl Templates {
    /// Whether a template can be used at all: it can be read, names only what there is, and
    /// makes something of any state, `samples` being some.
    ///
    /// # Errors
    /// [`TemplateError`], with the line and what is known.
    pub fn check(&self, template: &Text, samples: &[Live]) -> Result<(), TemplateError> {
        let Text { name, text } = template;
        let template = self.0.template_from_str(text).map_err(|error| told(name, text, &error))?;
        let known = |variable: &&String| {
            let globals = || self.0.globals().any(|(global, _)| global == variable.as_str());
            KNOWN.iter().any(|(known, _)| *known == variable.as_str()) || globals()
        };
        let undeclared = template.undeclared_variables(false);
        let mut strange: Vec<&String> = undeclared.iter().filter(|one| !known(one)).collect();
        strange.sort();
        if let Some(strange) = strange.first() {
            let (line, why) = (line_that_names(text, strange), unknown(strange));
            return Err(TemplateError { name: name.to_owned(), line, why });
        }
        for sample in samples {
            self.written(name, text, sample)?;
        }
        Ok(())
    }

    /// `None`: there is nothing to announce.
    ///
    /// # Errors
    /// [`TemplateError`], where it cannot be made of this state.
    pub fn render(
        &self,
        template: &Text,
        live: &Live,
    ) -> Result<Option<Announcement>, TemplateError> {
        let written = self.written(&template.name, &template.text, live)?;
        Ok(announcement(&written, live))
    }

    fn written(&self, name: &str, text: &str, live: &Live) -> Result<String, TemplateError> {
        let rendered = self.0.render_str(text, Value::from(Serde(live)));
        rendered.map_err(|error| told(name, text, &error))
    }
}

/// A template: what errors call it, and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    pub name: String,
    pub text: String,
}

impl From<ReadyMade> for Text {
    fn from(ready: ReadyMade) -> Self {
        let found = SHIPPED.iter().find(|(one, _)| *one == ready);
        let text = found.map_or("", |(_, text)| text).to_owned();
        Self { name: ready.name().to_owned(), text }
    }
}

/// What is announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    pub card: Card,
    /// It asks for a promotion or for votes, by the command that does it.
    pub asks: bool,
}

impl From<Card> for Announcement {
    /// What asks for nothing.
    fn from(card: Card) -> Self {
        Self { card, asks: false }
    }
}

/// What a person has announced.
pub fn said_card(text: &str, by: Option<&PersonId>) -> Card {
    let card = Card::new(Tone::Plain, "Announcement");
    let card = words::lines_said(text).into_iter().fold(card, Card::text);
    match by {
        Some(by) => card.text(format!("By {}.", words::person(by))),
        None => card,
    }
}

/// In place of an announcement that could not be made.
pub fn unmade_card(error: &TemplateError) -> Card {
    let TemplateError { name, line, why } = error;
    let why = format!("Line {line} of its template: {why}");
    Card::new(Tone::Warning, format!("The announcement {name} could not be made"))
        .text(words::sentence(&without_marks(&why)))
}

/// Prints a value: on one line, and marked as one.
fn print(out: &mut Output<'_>, _: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if value.is_undefined() {
        return Err(ErrorKind::UndefinedError.into());
    }
    if value.is_none() {
        return Ok(());
    }
    let text = value.to_string();
    // Whatever else says that it is safe is somebody's text all the same.
    if value.is_safe() && text == CHART.to_string() {
        out.write_str(&text)?;
        return Ok(());
    }
    let line: Vec<&str> =
        text.split(|c: char| c.is_control() || [VALUE, CHART].contains(&c)).collect();
    out.write_str(&format!("{VALUE}{}", line.join(" ")))?;
    Ok(())
}

/// The lines that a template wrote; `None`: it wrote none that say something.
fn announcement(written: &str, live: &Live) -> Option<Announcement> {
    let mut card = Card::new(Tone::Plain, "");
    let mut asks = false;
    for line in written.lines() {
        let marked = line.trim();
        let text: String = marked.replace(VALUE, "");
        // A mark with nothing behind it says nothing, as where there was nothing to print.
        if text.trim().is_empty() || ["#", "##", "!", "$"].contains(&marked) {
            continue;
        }
        if marked.contains(CHART) {
            card.picture = chart::picture(&live.measured);
        } else if let (Some(title), true) = (marked.strip_prefix("# "), card.title.is_empty()) {
            card.title = title.replace(VALUE, "");
        } else if let Some(name) = marked.strip_prefix("## ") {
            card.fields.push(Field { name: name.replace(VALUE, ""), lines: Vec::new() });
        } else {
            let line = line_of(marked, text);
            card.offers.extend(offer(&line, live));
            asks |= matches!(&line, Line::Command(command) if live.asks_by(command));
            add(&mut card, line);
        }
    }
    card.fields.retain(|field| !field.lines.is_empty());
    let any = !card.title.is_empty()
        || !card.lines.is_empty()
        || !card.fields.is_empty()
        || card.picture.is_some();
    any.then_some(Announcement { card, asks })
}

fn line_of(marked: &str, text: String) -> Line {
    match (marked.strip_prefix("! "), marked.strip_prefix("$ ")) {
        (Some(warning), _) => Line::Warning(warning.replace(VALUE, "")),
        (None, Some(command)) => Line::Command(command.replace(VALUE, "")),
        (None, None) => Line::Text(text),
    }
}

/// Adds a line to the last field or, where there is none yet, to the card itself.
fn add(card: &mut Card, line: Line) {
    match card.fields.last_mut() {
        Some(field) => field.lines.push(match line {
            Line::Text(text) => text,
            Line::Warning(text) => format!("{} {text}", Tone::Warning.sign()),
            Line::Command(command) => format!("› {command}"),
        }),
        None => card.lines.push(line),
    }
}

/// What can be pressed as well as said: a command of our own, whatever the template made of it.
fn offer(line: &Line, live: &Live) -> Option<Offer> {
    let command = match line {
        Line::Command(command) => command,
        Line::Text(_) | Line::Warning(_) => return None,
    };
    let mut differences = live.differences.iter();
    let one = differences.find(|one| [&one.command, &one.departure].contains(&command))?;
    Some(Offer { label: format!("Ask for {}", one.to), sign: '🚂', line: command.clone() })
}

/// The line in which this name stands first as a whole word, and as more than text.
fn line_that_names(text: &str, name: &str) -> usize {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let in_code = |before: &str| {
        let last = |marks: [&str; 2]| marks.into_iter().filter_map(|mark| before.rfind(mark)).max();
        last(["{{", "{%"]) > last(["}}", "%}"])
    };
    let lines = text.match_indices(name).filter_map(|(at, _)| {
        let (before, behind) = (text.get(..at)?, text.get(at + name.len()..)?);
        // Behind a dot stands what something else has.
        let begins = !before.ends_with(|c: char| is_word(c) || c == '.');
        let stands = begins && !behind.starts_with(is_word) && in_code(before);
        stands.then(|| before.matches('\n').count() + 1)
    });
    lines.min().unwrap_or(1)
}

fn unknown(name: &str) -> String {
    let likeness = |known: &str| strsim::jaro_winkler(name, known);
    let names = KNOWN.iter().map(|(known, _)| *known);
    let near = names.max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
    // Below this, what Jaro-Winkler finds alike no longer looks alike to people.
    let near = near.filter(|near| likeness(near) >= 0.8);
    let meant = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
    format!("there is no `{name}`; {meant}known are {}", known())
}

/// Everything that a template can name.
fn known() -> String {
    let all = KNOWN.iter().map(|(name, holds)| format!("`{name}` ({holds})"));
    all.collect::<Vec<_>>().join(", ")
}

fn told(name: &str, text: &str, error: &Error) -> TemplateError {
    let line = error.line().unwrap_or(1);
    let written = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
    let why = if error.kind() == ErrorKind::UndefinedError {
        let written = words::clean(written);
        format!("`{written}` names something that there is not; known are {}", known())
    } else if error.kind() == ErrorKind::OutOfFuel {
        "it takes too long".to_owned()
    } else {
        format!("{}{detail}", error.kind())
    };
    TemplateError { name: name.to_owned(), line, why }
}
