//! The other pages: the commands that a team writes, the script of the demo, and what CI runs.

use shipmate::domain::id::{Repository, Tag};
use shipmate::grammar::{CommandFile, Grammar, Reading, Vocabulary, combine};

use super::readme::play;
use super::{fenced, page, root};

#[test]
fn the_example_of_a_command_file_is_read() {
    let text = page("docs/commands.md");
    let files = fenced(&text, "toml").into_iter().enumerate();
    let own = files.map(|(index, text)| CommandFile {
        name: format!("example-{index}.toml"),
        text: text.to_owned(),
    });
    let files = combine(Grammar::shipped_files(), own.collect());
    let grammar = Grammar::load(files).unwrap_or_else(|errors| panic!("{errors}"));
    let shipped = Grammar::shipped().unwrap_or_else(|errors| panic!("{errors}"));
    let vocabulary = Vocabulary {
        environments: vec!["staging".into(), "production".into()],
        repositories: vec!["core".into()],
        tags: [(Repository::from("core"), vec![Tag::from("1.5.0")])].into(),
        ..Vocabulary::default()
    };
    let lines = fenced(&text, "text");
    let lines: Vec<&str> = lines.iter().flat_map(|block| block.lines()).collect();
    assert!(!lines.is_empty());
    for line in lines {
        let reading = grammar.parse(line, &vocabulary);
        assert!(matches!(reading, Reading::Command(_)), "{line}: {reading:?}");
        let before = shipped.parse(line, &vocabulary);
        assert!(!matches!(before, Reading::Command(_)), "{line} needs no file of its own");
    }
}

#[test]
fn the_script_of_the_demo_holds() {
    play(&page("docs/demo.script"));
}

#[test]
fn the_script_of_a_day_of_announcements_holds() {
    play(&page("docs/day.script"));
}

/// The image that the Dockerfile builds from and the toolchain that the manifest asks for.
#[test]
fn the_dockerfile_builds_with_the_toolchain_of_the_manifest() {
    let manifest = page("Cargo.toml");
    let version = manifest.split("rust-version = \"").nth(1).unwrap().split('"').next().unwrap();
    assert!(page("Dockerfile").contains(&format!("FROM rust:{version}-")), "{version}");
    assert!(page("README.md").contains(&format!("Rust {version}")), "{version}");
}

#[test]
fn ci_runs_what_the_readme_tells_people_to_run() {
    let ci = page(".ci/run");
    for command in ["cargo test", "cargo run -- check", "cargo run -- demo"] {
        assert!(page("README.md").contains(command), "the README does not say `{command}`");
        assert!(ci.contains(command), "CI does not run `{command}`");
    }
    assert!(root().join("tests/peers/install.sh").exists());
}
