//! ARCHITECTURE.md: its map names every module and says which others each may know.

use std::collections::{BTreeMap, BTreeSet};

use super::{between, files, page};

/// Modules by name, with those that they may import.
fn map() -> BTreeMap<String, BTreeSet<String>> {
    let text = page("ARCHITECTURE.md");
    let rows = between(&text, "map").lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let names = |cell: &str| -> BTreeSet<String> {
            cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
        };
        let module = names(cells[1]).into_iter().next().expect("a row begins with a module");
        (module, names(cells[3]))
    })
    .collect()
}

/// The module that a source belongs to.
fn module(name: &str) -> Option<&str> {
    let name = name.strip_prefix("src/")?;
    Some(name.split(['/', '.']).next().unwrap_or(name))
}

#[test]
fn imports_run_as_the_map_says() {
    let map = map();
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for (name, path) in files() {
        let Some(own) = module(&name) else { continue };
        if own == "lib" || own == "main" {
            continue;
        }
        seen.insert(own.to_owned());
        let Some(may) = map.get(own) else { continue };
        let text = std::fs::read_to_string(path).unwrap();
        for rest in text.split("crate::").skip(1) {
            let end = |one: char| !one.is_ascii_lowercase() && one != '_';
            let other = rest.split(end).next().unwrap_or_default();
            if !other.is_empty() && other != own && !may.contains(other) {
                wrong.push(format!("{name} imports {other}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(map.keys().cloned().collect::<BTreeSet<_>>(), seen, "the map and src/ differ");
}
