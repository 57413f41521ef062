//! Commands as lines that are read as the same command: the shortest way of the first phrase
//! that can say all of it.

use std::time::Duration;

use crate::domain::command::Command;

use super::Grammar;
use super::kind::{Arguments, Kind};
use super::phrase::Atom;
use super::slot::Slot;

impl Grammar {
    /// The line for this command. Line breaks in a reason become blanks, since a command is
    /// one line.
    pub fn print(&self, command: &Command) -> String {
        let kind = Kind::of(command);
        let arguments = Arguments::of(command);
        let mask = arguments.mask();
        let ways = self.entry(kind).map_or(&[][..], |entry| &entry.ways);
        // Every set of arguments that a command can have is sayable: the loader checks it.
        let way = ways.iter().find(|(way, _)| way.without_words() == mask);
        let Some((_, atoms)) = way else { return kind.id().to_owned() };
        let words: Vec<String> = atoms
            .iter()
            .map(|atom| match atom {
                Atom::Word(word) => word.clone(),
                Atom::Argument(slot) => arguments.say(*slot),
            })
            .collect();
        words.join(" ")
    }
}

impl Arguments {
    /// One argument as people write it.
    fn say(&self, slot: Slot) -> String {
        let name = |name: Option<&str>| name.unwrap_or_default().to_owned();
        match slot {
            Slot::Images => {
                let images: Vec<String> = self.images.iter().map(ToString::to_string).collect();
                images.join(" and ")
            }
            Slot::Environment => name(self.environment.as_ref().map(|name| name.as_str())),
            Slot::Source => name(self.source.as_ref().map(|name| name.as_str())),
            Slot::Service => name(self.service.as_ref().map(|name| name.as_str())),
            Slot::Deployment => {
                self.deployment.map(|number| number.to_string()).unwrap_or_default()
            }
            Slot::Topic => name(self.topic.as_deref()),
            Slot::Stay => self.stay.map(spell).unwrap_or_default(),
            Slot::Length => self.length.map(spell).unwrap_or_default(),
            Slot::DryRun | Slot::BreakGlass | Slot::Everything => slot.name().replace('-', " "),
            Slot::Reason => name(self.reason.as_deref()).replace(['\n', '\r'], " "),
        }
    }
}

/// `1h30m`, in whole seconds: times in commands have no others.
fn spell(time: Duration) -> String {
    let seconds = time.as_secs();
    let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count}{unit}"))
        .collect()
}
