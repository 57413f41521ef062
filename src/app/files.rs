//! Reads the directories of a team's own commands and policies. What is in the files is
//! judged by those who load them.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::grammar::{CommandFile, Grammar, combine};
use crate::policy::{Source, Sources};
use crate::settings::{Extra, Mode};

/// The command files that ship, with a team's beside them or instead of them.
pub(super) fn commands(extra: Option<&Extra>) -> anyhow::Result<Vec<CommandFile>> {
    let shipped = Grammar::shipped_files();
    let Some(extra) = extra else { return Ok(shipped) };
    let mut own = Vec::new();
    for path in listed(&extra.directory)? {
        if path.extension().is_some_and(|extension| extension == "toml") {
            own.push(CommandFile { name: path.display().to_string(), text: read(&path)? });
        }
    }
    Ok(match extra.mode {
        Mode::Add => combine(shipped, own),
        Mode::Replace => own,
    })
}

/// The policies that ship, with a team's beside them or instead of them. Cases lie in `cases/`.
pub(super) fn policies(extra: Option<&Extra>) -> anyhow::Result<Sources> {
    let shipped = Sources::shipped();
    let Some(extra) = extra else { return Ok(shipped) };
    let mut own = Vec::new();
    let cases = extra.directory.join("cases");
    let mut paths = listed(&extra.directory)?;
    if cases.is_dir() {
        paths.extend(listed(&cases)?);
    }
    for path in paths {
        own.push(Source::new(path.display().to_string(), read(&path)?));
    }
    Ok(match extra.mode {
        Mode::Add => shipped.with(&own),
        Mode::Replace => Sources { policies: Vec::new(), cases: Vec::new(), ..shipped }.with(&own),
    })
}

/// The files of a directory, in the order of their names.
fn listed(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let cannot = || format!("the directory {} cannot be read", directory.display());
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory).with_context(cannot)? {
        let path = entry.with_context(cannot)?.path();
        if path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
}
