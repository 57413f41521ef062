//! The grammar as those who use it see it: lines in, commands and sentences out.

mod files;
mod filling;
mod forms;
mod lines;
mod mistakes;
mod properties;
mod suggestions;
mod typing;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use shipmate::domain::command::Command;
use shipmate::domain::id::{DeploymentId, Repository, Tag};
use shipmate::grammar::{Grammar, Misunderstood, Reading, Vocabulary};

static GRAMMAR: LazyLock<Grammar> = LazyLock::new(|| {
    Grammar::shipped().unwrap_or_else(|errors| panic!("the shipped commands are wrong:\n{errors}"))
});

fn grammar() -> &'static Grammar {
    &GRAMMAR
}

/// Two environments, three repositories, and a tag that two of them have.
fn vocabulary() -> Vocabulary {
    let tags = |repository: &str, tags: &[&str]| {
        (Repository::from(repository), tags.iter().copied().map(Tag::from).collect())
    };
    Vocabulary {
        environments: vec!["staging".into(), "production".into()],
        repositories: vec!["core".into(), "web".into(), "team/jobs".into()],
        services: vec!["rest-api".into()],
        tags: BTreeMap::from([
            tags("core", &["1.6.0", "1.5.1", "1.5.0", "1.4.9"]),
            tags("web", &["2.1.0", "1.5.0"]),
        ]),
        banned: vec!["core:1.6.0".to_owned()],
        deployments: vec![DeploymentId(41), DeploymentId(42)],
    }
}

fn read(line: &str) -> Reading {
    grammar().parse(line, &vocabulary())
}

fn command(line: &str) -> Command {
    match read(line) {
        Reading::Command(command) => command,
        other => panic!("`{line}` is no command: {other:?}"),
    }
}

fn misunderstood(line: &str) -> Misunderstood {
    match read(line) {
        Reading::Misunderstood(misunderstood) => misunderstood,
        other => panic!("`{line}` is not misunderstood: {other:?}"),
    }
}
