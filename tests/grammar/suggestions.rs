//! What is suggested while somebody fills in a form.

use std::collections::BTreeMap;

use proptest::prelude::*;
use shipmate::domain::form::Suggestion;
use shipmate::domain::id::{DeploymentId, Tag};
use shipmate::grammar::{Typing, Vocabulary};

use super::{GRAMMAR, vocabulary};

fn suggest(form: &str, field: &str, typed: &str, vocabulary: &Vocabulary) -> Vec<Suggestion> {
    let filled = BTreeMap::new();
    GRAMMAR.suggest(&Typing { form, field, typed, filled: &filled }, vocabulary)
}

fn values(form: &str, field: &str, typed: &str) -> Vec<String> {
    let suggested = suggest(form, field, typed, &vocabulary());
    suggested.into_iter().map(|suggestion| suggestion.value).collect()
}

#[test]
fn images_are_found_by_repository_and_by_tag() {
    let table: &[(&str, &[&str])] = &[
        (
            "",
            &[
                "core:",
                "web:",
                "team/jobs:",
                "core:1.6.0",
                "web:2.1.0",
                "core:1.5.1",
                "web:1.5.0",
                "core:1.5.0",
                "core:1.4.9",
            ],
        ),
        ("co", &["core:", "core:1.6.0", "core:1.5.1", "core:1.5.0", "core:1.4.9"]),
        ("CORE:1.5", &["core:1.5.1", "core:1.5.0"]),
        ("core:1.5.0", &["core:1.5.0"]),
        ("1.5", &["core:1.5.1", "web:1.5.0", "core:1.5.0"]),
        // What is typed whole comes first, what only has it inside last.
        ("1.5.0", &["web:1.5.0", "core:1.5.0"]),
        ("jobs", &["team/jobs:"]),
        ("5.1", &["core:1.5.1"]),
        (
            "core:1.5.0 and we",
            &["core:1.5.0 and web:", "core:1.5.0 and web:2.1.0", "core:1.5.0 and web:1.5.0"],
        ),
        ("core:1.5.0,web:2", &["core:1.5.0 and web:2.1.0"]),
        ("core:1.5.0 web:2", &["core:1.5.0 and web:2.1.0"]),
        ("core:1.5.0, and web:2", &["core:1.5.0 and web:2.1.0"]),
        ("web:2.1.0 and core:1.4 ", &["web:2.1.0 and core:1.4.9"]),
        ("core:1.5.0 and team", &["core:1.5.0 and team/jobs:"]),
        // No second image of a repository.
        ("core:1.5.0 and 1.6", &[]),
        ("core:1.5.0 to production and web:2", &[]),
        ("`core:1.5.0`", &[]),
        ("nothing-like-it", &[]),
    ];
    for (typed, expected) in table {
        assert_eq!(values("promote", "images", typed), *expected, "{typed}");
    }
    for typed in
        ["core:1.5.0 a", "core:1.5.0 and", "core:1.5.0 and ", "core:1.5.0,", "core:1.5.0 &"]
    {
        let suggested = values("promote", "images", typed);
        assert_eq!(suggested.first().map(String::as_str), Some("core:1.5.0 and web:"), "{typed}");
        assert!(suggested.contains(&"core:1.5.0 and web:2.1.0".to_owned()), "{typed}");
    }
}

#[test]
fn where_there_is_one_repository_its_images_come_at_once() {
    let only = Vocabulary { repositories: vec!["core".into()], ..vocabulary() };
    let suggested = suggest("promote", "images", "", &only);
    let suggested: Vec<&str> = suggested.iter().map(|one| one.value.as_str()).collect();
    assert_eq!(suggested, ["core:1.6.0", "core:1.5.1", "core:1.5.0", "core:1.4.9"]);
}

#[test]
fn names_are_found_by_their_beginning_first() {
    assert_eq!(values("promote", "environment", ""), ["staging", "production"]);
    assert_eq!(values("rollback", "environment", "PROD"), ["production"]);
    // "production" and "promote" begin with it, "approve" has it inside.
    assert_eq!(values("help", "topic", "pro"), ["promote", "approve"]);
    assert_eq!(values("status", "service", "api"), ["rest-api"]);
    let topics = suggest("help", "topic", "promote", &vocabulary());
    assert_eq!(topics[0].label, "promote: Run an image in an environment");
    for (form, field) in [("promote", "reason"), ("promote", "dry-run"), ("dance", "x"), ("", "")] {
        assert_eq!(values(form, field, ""), [""; 0]);
    }
}

#[test]
fn the_newest_deployments_come_first() {
    let deployments = (1..=60).map(DeploymentId).collect();
    let many = Vocabulary { deployments, ..vocabulary() };
    let suggested = suggest("show", "deployment", "", &many);
    assert_eq!(suggested.len(), 25);
    assert_eq!(suggested[0], Suggestion { value: "60".into(), label: "#60".into() });
    let suggested = suggest("approve", "deployment", "#4", &many);
    assert_eq!(suggested[0].value, "4");
    assert_eq!(suggested[1].value, "49");
}

#[test]
fn nothing_is_promoted_from_an_environment_to_itself() {
    let filled = BTreeMap::from([("environment".to_owned(), "production".to_owned())]);
    let typing = Typing { form: "promote", field: "source", typed: "", filled: &filled };
    let suggested = GRAMMAR.suggest(&typing, &vocabulary());
    assert_eq!(suggested.len(), 1);
    assert_eq!(suggested[0].value, "staging");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Any text, any tags: never too many, too long or empty, and never a panic.
    #[test]
    fn suggestions_keep_to_the_limits(
        typed in prop_oneof![
            any::<String>(),
            "(core:1\\.5\\.0|web|and|,|&|`|\"| |a|1\\.|İ|ſ){0,8}",
        ],
        tags in proptest::collection::vec("[a-z0-9._-]{1,120}", 0..40),
        field in proptest::sample::select(vec![
            ("promote", "images"), ("promote", "environment"), ("status", "service"),
            ("show", "deployment"), ("help", "topic"), ("promote", "reason"),
        ]),
    ) {
        let mut vocabulary = vocabulary();
        vocabulary.tags.insert("core".into(), tags.into_iter().map(Tag::new).collect());
        vocabulary.services.push("x".repeat(150).as_str().into());
        let suggested = suggest(field.0, field.1, &typed, &vocabulary);
        prop_assert!(suggested.len() <= 25);
        for Suggestion { value, label } in suggested {
            for text in [value, label] {
                prop_assert!((1..=100).contains(&text.encode_utf16().count()), "{}", text);
            }
        }
    }
}
