//! Completion: what is offered at the end of a line that is being typed.

use super::{grammar, vocabulary};

fn offered(line: &str) -> Vec<String> {
    let completions = grammar().complete(line, &vocabulary());
    completions.into_iter().map(|completion| completion.text).collect()
}

#[test]
fn lines_are_completed_with_what_may_come_next() {
    let table: &[(&str, &[&str])] = &[
        ("pro", &["promote"]),
        ("PRO", &["promote"]),
        ("promote co", &["core:"]),
        ("promote core:1.5", &["core:1.5.1", "core:1.5.0"]),
        ("promote core:1.5.0 an", &["and"]),
        ("promote core:1.5.0 and w", &["web:"]),
        ("promote core:1.5.0,w", &["web:"]),
        ("promote core:1.5.0 to ", &["staging", "production", "environment"]),
        ("promote core:1.5.0 to s", &["staging"]),
        ("rollback production d", &["dry", "dry-run", "dryrun"]),
        ("promote everything from staging to p", &["production"]),
        ("status of re", &["rest-api"]),
        ("status of service ", &["rest-api"]),
        ("approve ", &["41", "42", "deployment", "number", "because", "since"]),
        ("show #", &["#41", "#42"]),
        ("help pro", &["promote"]),
        ("cancel 42 because ", &[]),
        ("good morn", &[]),
    ];
    for (line, words) in table {
        assert_eq!(offered(line), *words, "{line}");
    }
}

#[test]
fn a_completion_takes_the_place_of_the_last_word() {
    let line = "promote core:1.5.0 to st";
    let completions = grammar().complete(line, &vocabulary());
    let [completion] = completions.as_slice() else { panic!("{completions:?}") };
    assert_eq!(line.get(completion.replace_from..), Some("st"));
    assert_eq!(completion.hint.as_deref(), Some("environment"));
}
