//! The one table of all keys: form, default and meaning. The file and the variables are read by
//! it, and the reference is rendered from it. Reads nothing itself.

mod around;
mod form;
mod places;

use around::AROUND;
pub(super) use form::{Form, Unset};
use places::PLACES;

/// What is used where nothing is set.
pub(super) const DATABASE: &str = "sqlite://shipmate.db";
pub(super) const TIMEZONE: &str = "UTC";
pub(super) const SETTLE: &str = "30s";
pub(super) const PATIENCE: &str = "10m";
pub(super) const RESTART: &str = "auto";
pub(super) const BATCH: &str = "room";
pub(super) const SHARE: &str = "50%";
pub(super) const MODE: &str = "add";
pub(super) const LOGS: &str = "false";
pub(super) const HEADER: &str = "x-shipmate-key";
pub(super) const PING: &str = "10s";
pub(super) const GRACE: &str = "30s";
pub(super) const LATENESS: &str = "15m";
pub(super) const LEAVES: &str = "2h";
pub(super) const EXPECT: &str = "200";
pub(super) const WITHIN: &str = "60s";
pub(super) const ASK_AFTER: &str = "8h";

/// Stands in a path for a name that people choose and say in chat.
pub(super) const NAME: &str = "*";
/// Stands in a path for an id that Discord chose.
pub(super) const ID: &str = "#";
/// Stands in a path for the number of an entry, where there may be several tables or one.
pub(super) const ENTRY: &str = "@";

/// A key of shipmate.toml.
pub(super) struct Key {
    /// Where it stands; [`NAME`] is a name that people choose, [`ID`] one that Discord chose.
    pub path: &'static [&'static str],
    pub form: Form,
    pub unset: Unset,
    /// A value as the file has it.
    pub example: &'static str,
    pub meaning: &'static str,
}

impl Key {
    /// The last part of the path that is the same for everybody.
    pub fn name(&self) -> &'static str {
        self.path.iter().rfind(|part| !is_placeholder(part)).copied().unwrap_or_default()
    }

    /// A line of TOML that sets it.
    pub fn example_line(&self) -> String {
        format!("{} = {}", self.name(), self.example)
    }
}

/// What stands at a path of the table.
pub(super) enum Node {
    Leaf(&'static Key),
    /// A table whose keys are these.
    Table(Vec<&'static str>),
    /// A table whose keys are names that people choose.
    Names,
    /// A table whose keys are ids that Discord chose.
    Ids,
    /// A table like each entry, or a list of such tables.
    Entries,
    Nothing,
}

/// Whether this part of a path stands for what the file names.
pub(super) fn is_placeholder(part: &str) -> bool {
    part == NAME || part == ID || part == ENTRY
}

/// What stands at this path, in which names and ids are written as their placeholders.
pub(super) fn node(pattern: &[&str]) -> Node {
    let below = |key: &&'static Key| key.path.starts_with(pattern);
    let mut children: Vec<&'static str> = Vec::new();
    for key in all().filter(below) {
        match key.path.get(pattern.len()).copied() {
            None => return Node::Leaf(key),
            Some(NAME) => return Node::Names,
            Some(ID) => return Node::Ids,
            Some(ENTRY) => return Node::Entries,
            Some(child) if children.contains(&child) => {}
            Some(child) => children.push(child),
        }
    }
    if children.is_empty() { Node::Nothing } else { Node::Table(children) }
}

/// The key at this path, if one stands there.
pub(super) fn leaf(pattern: &[&str]) -> Option<&'static Key> {
    match node(pattern) {
        Node::Leaf(key) => Some(key),
        Node::Table(_) | Node::Names | Node::Ids | Node::Entries | Node::Nothing => None,
    }
}

/// A line of TOML that sets the key at this path; empty if none stands there.
pub(super) fn example_line(pattern: &[&str]) -> String {
    leaf(pattern).map(Key::example_line).unwrap_or_default()
}

/// The path with names and ids replaced by their placeholders.
pub(super) fn pattern<'a>(path: &[&'a str]) -> Vec<&'a str> {
    let mut pattern: Vec<&str> = Vec::with_capacity(path.len());
    for part in path {
        pattern.push(match node(&pattern) {
            Node::Names => NAME,
            Node::Ids => ID,
            Node::Entries => ENTRY,
            Node::Leaf(_) | Node::Table(_) | Node::Nothing => part,
        });
    }
    pattern
}

/// All keys, in the order of the reference.
pub(super) fn all() -> impl Iterator<Item = &'static Key> {
    AROUND.iter().chain(&PLACES)
}
