//! Commands as lines that are read as the same command: the shortest way of the first phrase
//! that can say all of it.

use crate::domain::command::Command;
use crate::domain::words_of_time::spelled;

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
            Slot::Stay => self.stay.map(spelled).unwrap_or_default(),
            Slot::Length => self.length.map(spelled).unwrap_or_default(),
            Slot::When => self.when.map(|when| when.to_string()).unwrap_or_default(),
            Slot::Until => self.until.map(|until| until.to_string()).unwrap_or_default(),
            Slot::DryRun | Slot::BreakGlass | Slot::Everything => slot.name().replace('-', " "),
            Slot::Reason => name(self.reason.as_deref()).replace(['\n', '\r'], " "),
            Slot::Announcement => name(self.announcement.as_deref()).replace(['\n', '\r'], " "),
            Slot::Schedule => self.schedule.as_ref().map(ToString::to_string).unwrap_or_default(),
        }
    }
}
