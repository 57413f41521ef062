//! The source itself: which way imports run, what each file opens with, and what is not
//! written. A rule worth writing is worth failing a build.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Each module, and the others that it may import. ARCHITECTURE.md says why.
const MAY_IMPORT: [(&str, &[&str]); 18] = [
    ("domain", &[]),
    ("grammar", &["domain"]),
    ("policy", &["domain"]),
    ("report", &["domain"]),
    ("ports", &["domain"]),
    ("clock", &["ports"]),
    ("aws", &["domain"]),
    ("probe", &["domain"]),
    ("engine", &["domain", "grammar", "policy", "report", "ports", "aws", "probe"]),
    ("chat", &["domain", "report", "ports"]),
    ("store", &["domain", "ports"]),
    ("web", &["domain", "report", "ports"]),
    ("reserve", &["domain"]),
    ("settings", &["domain"]),
    ("telemetry", &[]),
    ("sandbox", &[]),
    ("lib", &[]),
    (
        "app",
        &[
            "domain",
            "grammar",
            "policy",
            "report",
            "ports",
            "clock",
            "aws",
            "probe",
            "engine",
            "chat",
            "store",
            "web",
            "reserve",
            "settings",
            "sandbox",
            "telemetry",
        ],
    ),
];

/// More lines than this are telling you something.
const LONGEST: usize = 600;

/// The width that the formatter keeps to, in characters.
const WIDTH: usize = 100;

struct Source {
    /// As written from the root: `src/engine/mod.rs`.
    path: String,
    text: String,
}

impl Source {
    /// The module that it belongs to; none: the program's command line.
    fn module(&self) -> Option<&str> {
        let inside = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let first = inside.split(['/', '.']).next().unwrap_or_default();
        (first != "main").then_some(first)
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    walk(&root.join("src"), &mut found);
    found.sort();
    let read = |path: PathBuf| Source {
        path: path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/"),
        text: std::fs::read_to_string(&path).unwrap(),
    };
    found.into_iter().map(read).collect()
}

fn walk(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The modules that a text names behind `crate::`, also in `use crate::{a, b::c}`.
fn imported(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, found) in text.match_indices("crate::") {
        // `$crate::` and `super::crate_name::` are something else.
        if text[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_') {
            continue;
        }
        let rest = &text[at + found.len()..];
        match rest.strip_prefix('{') {
            Some(group) => names.extend(heads_of(group)),
            None => names.extend(word(rest)),
        }
    }
    names
}

/// The first word of each member of a group that has been opened.
fn heads_of(group: &str) -> Vec<String> {
    let mut heads = Vec::new();
    let (mut depth, mut begins) = (0, 0);
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => {
                heads.extend(word(&group[begins..at]));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                heads.extend(word(&group[begins..at]));
                begins = at + 1;
            }
            _ => {}
        }
    }
    heads
}

fn word(text: &str) -> Option<String> {
    let text = text.trim_start();
    let name: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!name.is_empty()).then_some(name)
}

/// Fails with a line for each thing that is wrong.
fn none(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn imports_run_one_way() {
    let mut wrong = Vec::new();
    let modules: BTreeSet<&str> = MAY_IMPORT.iter().map(|(module, _)| *module).collect();
    for source in sources() {
        let Some(module) = source.module() else { continue };
        let Some((_, may)) = MAY_IMPORT.iter().find(|(name, _)| *name == module) else {
            wrong.push(format!(
                "{}: which modules may {module} import? Say so in tests/tidy.rs",
                source.path
            ));
            continue;
        };
        for name in imported(&source.text) {
            let other = name != module && modules.contains(name.as_str());
            if other && !may.contains(&name.as_str()) {
                wrong.push(format!("{}: {module} may not import {name}", source.path));
            }
        }
    }
    none(wrong);
}

#[test]
fn the_readers_of_imports_can_read() {
    let names = |text: &str| imported(text).into_iter().collect::<Vec<_>>().join(" ");
    assert_eq!(names("use crate::domain::id::Tag;"), "domain");
    assert_eq!(names("use crate::{aws::Aws, engine::{Engine, Parts}, ports};"), "aws engine ports");
    assert_eq!(names("let x = crate::store::SqliteStore::open(url);"), "store");
    assert_eq!(names("use crate::{\n    chat,\n    clock,\n};"), "chat clock");
    assert_eq!(names("my_crate::domain and std::fmt"), "");
}

#[test]
fn each_file_says_what_lives_there() {
    let silent = sources().into_iter().filter(|source| !source.text.starts_with("//!"));
    none(silent.map(|source| format!("{}: open it with //!", source.path)).collect());
}

/// The formatter leaves comments alone.
#[test]
fn no_comment_is_wider_than_the_code() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (at, line) in source.text.lines().enumerate() {
            if line.trim_start().starts_with("//") && line.chars().count() > WIDTH {
                wrong.push(format!("{}:{}", source.path, at + 1));
            }
        }
    }
    none(wrong);
}

#[test]
fn no_file_is_too_long() {
    let lines = |source: &Source| source.text.lines().count();
    let long = sources().into_iter().filter(|source| lines(source) > LONGEST);
    none(long.map(|source| format!("{}: {} lines", source.path, lines(&source))).collect());
}
