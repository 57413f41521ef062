//! Answers about people and about what can be said.

use shipmate::domain::policy::Action;
use shipmate::report::{Topic, help_card, misunderstood_card, whoami_card};

use super::world::*;

fn topic(id: &str, summary: &str, usage: &str, example: &str) -> Topic {
    Topic {
        id: id.to_owned(),
        summary: summary.to_owned(),
        usage: vec![usage.to_owned()],
        examples: vec![example.to_owned()],
    }
}

#[test]
fn help() {
    let promote = topic(
        "promote",
        "Run an image in an environment",
        "promote IMAGE to ENVIRONMENT",
        "promote core:1.5.0 to staging",
    );
    let status = topic("status", "What runs", "status [ENVIRONMENT]", "status staging");
    insta::assert_snapshot!(plain_all(&[
        help_card(&[promote.clone(), status]),
        help_card(&[promote]),
    ]));
}

#[test]
fn whoami() {
    let allowed = [
        ("staging".into(), vec![Action::Read, Action::Promote, Action::Rollback]),
        ("production".into(), Vec::new()),
    ];
    let read = [("staging".into(), vec![Action::Read])];
    insta::assert_snapshot!(plain_all(&[
        whoami_card(&person("bob", &["release-manager", "on-call"]), &allowed),
        whoami_card(&person("eve", &[]), &read),
    ]));
}

#[test]
fn misunderstood() {
    let suggestions = ["promote core:1.5.0 to staging".to_owned(), "status staging".to_owned()];
    insta::assert_snapshot!(plain_all(&[
        misunderstood_card("promot is no command that I know", &suggestions),
        misunderstood_card("after to I expected an environment", &suggestions[..1]),
        misunderstood_card("that is no command", &[]),
    ]));
}
