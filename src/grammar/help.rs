//! What help says, as data: renderers and the README make text of it. All of it comes out of
//! the files of the commands.

use std::fmt::Write as _;

use super::kind::Kind;
use super::phrase::{Atom, Way};
use super::slot::{ArgumentType, Slot};
use super::{Entry, Grammar};

/// All there is to say about one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HelpPage {
    /// The command's id.
    pub title: String,
    pub summary: String,
    /// The phrases as the file has them, with what `…` stands for below.
    pub usage: Vec<String>,
    /// What may be added at the end of a phrase with `…`.
    pub endings: Vec<String>,
    pub arguments: Vec<HelpArgument>,
    pub examples: Vec<String>,
    pub private: bool,
}

/// One argument of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HelpArgument {
    pub name: &'static str,
    pub argument_type: ArgumentType,
    /// No phrase does without it.
    pub mandatory: bool,
    pub description: &'static str,
}

/// One command in the overview.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HelpLine {
    pub id: String,
    /// Short: the first phrase as it is said with all its arguments but the endings.
    pub usage: String,
    pub summary: String,
}

impl Grammar {
    /// All commands, one line for each.
    pub fn help(&self) -> Vec<HelpLine> {
        let line = |entry: &Entry| HelpLine {
            id: entry.kind.id().to_owned(),
            usage: entry.usage(),
            summary: entry.summary.clone(),
        };
        self.entries.iter().map(line).collect()
    }

    /// `None` for what is no command; `Command::Help` never holds such a topic.
    pub fn help_for(&self, id: &str) -> Option<HelpPage> {
        let entry = self.entry(Kind::named(id)?)?;
        let uses = entry.kind.uses();
        let arguments = entry.kind.slots().iter().map(|slot| HelpArgument {
            name: slot.name(),
            argument_type: slot.argument_type(),
            mandatory: uses.iter().all(|mask| mask.contains(*slot)),
            description: slot.description(),
        });
        Some(HelpPage {
            title: entry.kind.id().to_owned(),
            summary: entry.summary.clone(),
            usage: entry.phrases.iter().map(|phrase| readable(phrase)).collect(),
            endings: entry.endings.iter().map(|ending| readable(&ending.text)).collect(),
            arguments: arguments.collect(),
            examples: entry.examples.iter().map(|example| example.text.clone()).collect(),
            private: entry.private,
        })
    }

    /// The README's table of commands, in Markdown, each row on a line of its own.
    pub fn readme_table(&self) -> String {
        let mut table = String::from("| say | and Shipmate |\n| --- | --- |\n");
        for entry in &self.entries {
            let examples: Vec<String> = entry
                .examples
                .iter()
                .map(|example| format!("`{}`", example.text.replace('|', "\\|")))
                .collect();
            // Writing to a string cannot fail.
            let _ = writeln!(
                table,
                "| {} | **{}**: {} |",
                examples.join("<br>"),
                entry.kind.id(),
                entry.summary.replace('|', "\\|")
            );
        }
        table
    }
}

impl Entry {
    /// The shortest usage by the first phrase: words, mandatory arguments, and others in brackets.
    pub(super) fn usage(&self) -> String {
        let uses = self.kind.uses();
        let is_ending = |slot: Slot| match slot.argument_type() {
            ArgumentType::Text
            | ArgumentType::Switch
            | ArgumentType::Time
            | ArgumentType::Moment => uses.iter().any(|mask| !mask.contains(slot)),
            ArgumentType::Images
            | ArgumentType::Environment
            | ArgumentType::Service
            | ArgumentType::Deployment
            | ArgumentType::Command
            | ArgumentType::Schedule => false,
        };
        let first: Vec<&Way> = self.ways.iter().take(self.first).collect();
        let is_plain = |(mask, _): &&&Way| !mask.slots().any(is_ending);
        let plain: Vec<&Way> = first.iter().filter(is_plain).copied().collect();
        // Some commands cannot do without a reason.
        let ways = if plain.is_empty() { first } else { plain };
        let most = ways.iter().map(|(mask, _)| mask.slots().count()).max();
        let fullest = ways.into_iter().find(|(mask, _)| Some(mask.slots().count()) == most);
        let Some((mask, atoms)) = fullest else { return String::new() };
        let say = |atom: &Atom| match atom {
            Atom::Word(word) => word.clone(),
            Atom::Argument(slot) => {
                let name = slot.name().to_uppercase();
                let without = || mask.slots().filter(move |other| other != slot);
                let optional = uses.iter().any(|mask| mask.slots().eq(without()));
                if optional { format!("[{name}]") } else { name }
            }
        };
        let words: Vec<String> = atoms.iter().map(say).collect();
        words.join(" ")
    }
}

/// A phrase for people: types left out, switches as the words they are.
fn readable(phrase: &str) -> String {
    let mut text = phrase.to_owned();
    // Most phrases have one or two of them.
    for slot in Slot::ALL.into_iter().filter(|slot| phrase.contains(slot.name())) {
        let written = format!("{{{}:{}}}", slot.name(), slot.argument_type().name());
        let shown = match slot.argument_type() {
            ArgumentType::Switch => slot.name().replace('-', " "),
            ArgumentType::Images
            | ArgumentType::Environment
            | ArgumentType::Service
            | ArgumentType::Deployment
            | ArgumentType::Command
            | ArgumentType::Schedule
            | ArgumentType::Time
            | ArgumentType::Moment
            | ArgumentType::Text => slot.name().to_uppercase(),
        };
        text = text.replace(&written, &shown);
        text = text.replace(&format!("{{{}}}", slot.name()), &shown);
    }
    text
}
