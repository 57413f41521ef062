//! Environment variables to the upper layer of the settings. A variable names a key whose path
//! the file could have: names that people choose must already stand in the file.

use std::collections::{BTreeMap, BTreeSet};

use config::{Map, Value, ValueKind};

use super::error::{Place, Problem};
use super::findings::{Findings, KeyPath};
use super::keys::{self, Form, Key, is_placeholder};
use super::names;

/// What the name of each variable of ours begins with; two underscores separate the parts.
pub(super) const PREFIX: &str = "SHIPMATE__";

/// Reads the variables that are ours. `file` is the layer below.
pub(super) fn layer(
    variables: impl IntoIterator<Item = (String, String)>,
    file: &Map<String, Value>,
    findings: &mut Findings,
) -> Map<String, Value> {
    let known = known(findings);
    let mut layer = Map::new();
    let mut set_by: BTreeMap<KeyPath, String> = BTreeMap::new();
    let mut variables: Vec<(String, String)> =
        variables.into_iter().filter(|(name, _)| is_ours(name)).collect();
    // The general comes before the particular: `RESTART` before `RESTART__PRODUCTION`.
    variables.sort_by_cached_key(|(name, _)| (name.matches("__").count(), name.clone()));
    for (name, text) in variables {
        let place = Place::Variable { name: name.clone() };
        let (path, key) = match known.get(&names::loosely(&name)).map(Vec::as_slice) {
            None | Some([]) => {
                let names = known.values().flatten().map(|(path, _)| variable(path));
                let near = near_variable(&name, names.collect());
                findings.report_at(place, Problem::UnknownVariable { near });
                continue;
            }
            Some([only]) => only.clone(),
            Some(several) => {
                let meanings = several.iter().map(|(path, _)| path.join(".")).collect();
                findings.report_at(place, Problem::AmbiguousVariable { meanings });
                continue;
            }
        };
        if let Some(other) = set_by.insert(path.clone(), name) {
            let problem = Problem::VariableTwice { key: path.join("."), other };
            findings.report_at(place, problem);
            continue;
        }
        give(&path, &place, findings);
        if text.trim().is_empty() && key.form != Form::List {
            findings.report_at(place, Problem::Empty { key: path.join(".") });
            continue;
        }
        let value = match key.form {
            Form::Text
            | Form::Secret
            | Form::ByEnvironment
            | Form::Amount
            | Form::AmountByEnvironment
            | Form::Number
            | Form::Switch => Value::from(text),
            Form::List => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                Value::from(items.map(Value::from).collect::<Vec<Value>>())
            }
        };
        if path.len() > key.path.len() {
            // Only a key by environment has more parts than the table of keys says.
            spread(&path, &mut layer, file, findings);
        }
        insert(&mut layer, &path, value);
    }
    layer
}

fn is_ours(name: &str) -> bool {
    name.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

/// Every key that can be set, by the loose spelling of its variable. Several stand under one
/// spelling where names differ in hyphens or case alone.
fn known(findings: &Findings) -> BTreeMap<String, Vec<(KeyPath, &'static Key)>> {
    let mut known: BTreeMap<String, Vec<(KeyPath, &'static Key)>> = BTreeMap::new();
    let mut add = |path: KeyPath, key| {
        known.entry(names::loosely(&variable(&path))).or_default().push((path, key));
    };
    for key in keys::all() {
        for path in paths(key, findings) {
            if key.form.is_by_environment() {
                for environment in findings.names("environments") {
                    let mut path = path.clone();
                    path.push(environment.to_owned());
                    add(path, key);
                }
            }
            add(path, key);
        }
    }
    known
}

/// Every path at which the key can stand, given the names and ids that the file has.
fn paths(key: &Key, findings: &Findings) -> Vec<KeyPath> {
    let mut paths: Vec<Vec<&str>> = vec![Vec::new()];
    for part in key.path {
        let longer = paths.iter().flat_map(|path| {
            let next = if is_placeholder(part) { findings.names_in(path) } else { vec![*part] };
            next.into_iter().map(|next| path.iter().copied().chain([next]).collect())
        });
        paths = longer.collect();
    }
    let owned = |path: Vec<&str>| path.into_iter().map(str::to_owned).collect();
    paths.into_iter().map(owned).collect()
}

/// The variable that sets this key, as people write it.
pub(super) fn variable(path: &[String]) -> String {
    let parts: Vec<String> = path.iter().map(|part| names::loosely(part).to_uppercase()).collect();
    format!("{PREFIX}{}", parts.join("__"))
}

/// The names are compared without the prefix that all of them share.
fn near_variable(name: &str, known: Vec<String>) -> Option<String> {
    let rest = |name: &str| name.get(PREFIX.len()..).unwrap_or_default().to_owned();
    let rests: Vec<String> = known.iter().map(|name| rest(name)).collect();
    let near = names::nearest(&rest(name), rests.iter().map(String::as_str))?;
    Some(format!("{PREFIX}{near}"))
}

/// Remembers where the key was given, and the tables around it that the file does not have.
fn give(path: &KeyPath, place: &Place, findings: &mut Findings) {
    for length in 1..path.len() {
        let around: KeyPath = path.iter().take(length).cloned().collect();
        let parts: Vec<&str> = around.iter().map(String::as_str).collect();
        if !findings.is_given(&parts) {
            findings.given(around, place.clone());
        }
    }
    findings.given(path.clone(), place.clone());
}

/// A variable for one environment, over one text for all of them, changes that environment
/// alone: the text is first written out for each.
fn spread(
    path: &KeyPath,
    layer: &mut Map<String, Value>,
    file: &Map<String, Value>,
    findings: &Findings,
) {
    let Some((_, all)) = path.split_last() else { return };
    let below = |map: &Map<String, Value>| find(map, all).map(|value| value.kind.clone());
    let Some(ValueKind::String(text)) = below(layer).or_else(|| below(file)) else { return };
    let Some((_, service)) = all.split_last() else { return };
    let mut runs_in = service.to_vec();
    runs_in.push("environments".to_owned());
    let Some(ValueKind::Array(environments)) =
        find(layer, &runs_in).or_else(|| find(file, &runs_in)).map(|value| value.kind.clone())
    else {
        return;
    };
    let known: BTreeSet<&str> = findings.names("environments").collect();
    let mut each = Map::new();
    for environment in environments {
        if let ValueKind::String(environment) = environment.kind
            && known.contains(environment.as_str())
        {
            each.insert(environment, Value::from(text.clone()));
        }
    }
    insert(layer, all, Value::from(each));
}

fn find<'a>(map: &'a Map<String, Value>, path: &[String]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    let value = map.get(first)?;
    match (&value.kind, rest) {
        (_, []) => Some(value),
        (ValueKind::Table(table), rest) => find(table, rest),
        _ => None,
    }
}

fn insert(map: &mut Map<String, Value>, path: &[String], value: Value) {
    let Some((first, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        map.insert(first.clone(), value);
        return;
    }
    let below =
        map.entry(first.clone()).or_insert_with(|| Value::from(Map::<String, Value>::new()));
    if !matches!(below.kind, ValueKind::Table(_)) {
        *below = Value::from(Map::<String, Value>::new());
    }
    if let ValueKind::Table(table) = &mut below.kind {
        insert(table, rest, value);
    }
}
