//! What holds for every file of the project: links lead somewhere, sources say what they are,
//! and nothing tells on whose machine it was written.

use super::{files, page};

/// The pages of the project.
fn pages() -> Vec<String> {
    let names = files().into_iter().map(|(name, _)| name);
    names.filter(|name| name.ends_with(".md")).collect()
}

/// `#The words of a heading` as the anchor by which it is linked.
fn anchor(heading: &str) -> String {
    let heading = heading.trim_start_matches('#').trim().to_lowercase();
    let kept =
        heading.chars().filter(|one| one.is_alphanumeric() || matches!(one, ' ' | '-' | '_'));
    kept.map(|one| if one == ' ' { '-' } else { one }).collect()
}

#[test]
fn links_lead_to_files_and_headings_that_exist() {
    let mut broken = Vec::new();
    let pages = pages();
    assert!(pages.len() >= 6, "{pages:?}");
    for name in &pages {
        let text = page(name);
        let folder = name.rsplit_once('/').map(|(folder, _)| format!("{folder}/"));
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets {
            if target.starts_with("http") || target.contains(char::is_whitespace) {
                continue;
            }
            let (path, heading) = target.split_once('#').unwrap_or((target, ""));
            let path = match path {
                "" => name.clone(),
                path => normal(&format!("{}{path}", folder.as_deref().unwrap_or_default())),
            };
            let file = super::root().join(&path);
            let found = if heading.is_empty() {
                file.exists()
            } else {
                let text = std::fs::read_to_string(file).unwrap_or_default();
                text.lines().any(|line| line.starts_with('#') && anchor(line) == heading)
            };
            if !found {
                broken.push(format!("{name}: {target}"));
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}

/// `docs/../README.md` to `README.md`.
fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    // Put together here, so that this file does not have them either.
    let homes = ["root", "home", "Users", "work"].map(|folder| format!("/{folder}/"));
    let mut found = Vec::new();
    for (name, path) in files() {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        for (index, line) in text.lines().enumerate() {
            let begins = |at: usize| {
                let before = line.get(..at).and_then(|before| before.chars().next_back());
                // A path, and not the middle of an address or of another path.
                before.is_none_or(|before| !before.is_alphanumeric() && !"./-_}{".contains(before))
            };
            if homes.iter().any(|home| line.match_indices(home).any(|(at, _)| begins(at))) {
                found.push(format!("{name}:{}: {line}", index + 1));
            }
        }
    }
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn every_source_says_what_lives_in_it() {
    let sources = files().into_iter().filter(|(name, _)| {
        name.ends_with(".rs") && (name.starts_with("src/") || name.starts_with("tests/"))
    });
    let silent: Vec<String> = sources
        .filter(|(_, path)| !std::fs::read_to_string(path).unwrap().starts_with("//! "))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(silent, Vec::<String>::new());
}
