//! The documentation is true: what it quotes is generated or compared here, what it shows is
//! run, and what it links to exists. `UPDATE_DOCS=1` writes anew what is generated.

mod announcements;
mod architecture;
mod discord;
mod iam;
mod metrics;
mod pages;
mod policies;
mod readme;
mod rollout;
mod sandbox;
mod tree;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The folder of the checkout.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// A page, by its path from the root.
fn page(name: &str) -> String {
    let path = root().join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What stands between `<!-- NAME: begin … -->` and `<!-- NAME: end -->`, without the lines of
/// these marks.
fn between<'a>(text: &'a str, name: &str) -> &'a str {
    let begin = format!("<!-- {name}: begin");
    let end = format!("<!-- {name}: end -->");
    let at = text.find(&begin).unwrap_or_else(|| panic!("nothing is marked `{begin}`"));
    let from = at + text[at..].find('\n').expect("the mark ends its line") + 1;
    let to = from + text[from..].find(&end).unwrap_or_else(|| panic!("nothing is marked `{end}`"));
    &text[from..to]
}

/// Compares a generated part of a page, or writes it with `UPDATE_DOCS=1`.
fn in_step(name: &str, mark: &str, generated: &str) {
    // Tests run side by side, and several write the same page.
    static WRITING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let text = page(name);
    let written = between(&text, mark);
    if written == generated {
        return;
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let from = written.as_ptr().addr() - text.as_ptr().addr();
        let (before, after) = (&text[..from], &text[from + written.len()..]);
        std::fs::write(root().join(name), format!("{before}{generated}{after}")).unwrap();
        return;
    }
    assert_eq!(written, generated, "{name} is behind: run the test with UPDATE_DOCS=1");
}

/// The content of every fenced block of a page that is marked as this language.
fn fenced<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let open = format!("```{language}\n");
    let parts = text.split(open.as_str()).skip(1);
    parts.map(|part| part.split("```").next().unwrap_or_default()).collect()
}

/// Every file below the root that belongs to the project, with its path from the root.
fn files() -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
            if name == "target" || name == ".git" {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push((name, path));
            }
        }
    }
    found.sort();
    found
}
