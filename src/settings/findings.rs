//! What is found while the settings are read: where each key was given, and what is wrong.
//! Knows nothing of what the keys mean.

use std::collections::{BTreeMap, BTreeSet};

use super::error::{Place, Problem, SettingsError, SettingsErrors};

/// A key's path in its one spelling: `["environments", "staging", "role-arn"]`.
pub(super) type KeyPath = Vec<String>;

/// Where each key was given, and what is wrong so far.
pub(super) struct Findings {
    file: String,
    places: BTreeMap<KeyPath, Place>,
    errors: BTreeSet<SettingsError>,
}

impl Findings {
    pub fn new(file: &str) -> Self {
        Self { file: file.to_owned(), places: BTreeMap::new(), errors: BTreeSet::new() }
    }

    /// The place in the file at this line and column.
    pub fn in_file(&self, (line, column): (usize, usize)) -> Place {
        Place::File { file: self.file.clone(), line, column }
    }

    /// Remembers where a key was given; what comes later overrides.
    pub fn given(&mut self, path: KeyPath, place: Place) {
        self.places.insert(path, place);
    }

    /// Whether the key was given at all, rightly or wrongly.
    pub fn is_given(&self, path: &[&str]) -> bool {
        self.exactly(path).is_some()
    }

    /// Where this very key was given.
    pub fn exactly(&self, path: &[&str]) -> Option<&Place> {
        let path: KeyPath = path.iter().map(|part| (*part).to_owned()).collect();
        self.places.get(&path)
    }

    /// Where this key was given, or else the nearest table around it.
    pub fn place(&self, path: &[&str]) -> Place {
        (1..=path.len())
            .rev()
            .find_map(|length| path.get(..length).and_then(|around| self.exactly(around)))
            .cloned()
            .unwrap_or_else(|| Place::Whole { file: self.file.clone() })
    }

    /// The names that people chose in this section, as they spelled them. Those of broken
    /// entries are among them, so that one mistake is not reported again wherever the name
    /// is used.
    pub fn names<'a>(&'a self, section: &'a str) -> impl Iterator<Item = &'a str> {
        self.names_in(&[section]).into_iter()
    }

    /// The same for a table at any path.
    pub fn names_in(&self, table: &[&str]) -> Vec<&str> {
        let names = self.places.keys().filter_map(|path| match path.split_last() {
            Some((name, around)) if around == table => Some(name.as_str()),
            Some(_) | None => None,
        });
        names.collect()
    }

    /// Reports a problem with this key, where the key was given.
    pub fn report(&mut self, path: &[&str], problem: Problem) {
        let place = self.place(path);
        self.report_at(place, problem);
    }

    pub fn report_at(&mut self, place: Place, problem: Problem) {
        self.errors.insert(SettingsError { place, problem });
    }

    pub fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// All errors, in the order in which people come across them.
    pub fn into_errors(self) -> SettingsErrors {
        SettingsErrors(self.errors.into_iter().collect())
    }
}
