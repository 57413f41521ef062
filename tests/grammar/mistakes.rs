//! Lines that are nearly commands: what is said about them, and what is suggested instead.

use shipmate::grammar::{Reading, Slot, Why};

use super::{command, misunderstood, read};

/// A line, the sentence about it, and the suggestions.
#[test]
fn mistakes_get_a_sentence_and_lines_that_work() {
    let table: &[(&str, &str, &[&str])] = &[
        (
            "promot core:1.5.0 to stagng",
            "There is no environment `stagng`; there are staging and production.",
            &["promote core:1.5.0 to staging"],
        ),
        (
            "promot core:1.5.0 to staging",
            "There is no command `promot`.",
            &["promote core:1.5.0 to staging"],
        ),
        (
            "promote core:1.5.0 to prod",
            "There is no environment `prod`; there are staging and production.",
            &["promote core:1.5.0 to production"],
        ),
        (
            "promote core:1.5.0 to Staging",
            "There is no environment `Staging`; there are staging and production.",
            &["promote core:1.5.0 to staging"],
        ),
        (
            "promote core:1.5.0 to live",
            "There is no environment `live`; there are staging and production.",
            &[],
        ),
        (
            "promote cora:1.5.0 to staging",
            "There is no repository `cora`; there are core, web and team/jobs.",
            &["promote core:1.5.0 to staging"],
        ),
        (
            "promote everything form staging to production",
            "I could not read all of that.",
            &["promote everything from staging to production"],
        ),
        (
            "promote core:1.5.0 web:2.1.0 to staging",
            "I could not read all of that.",
            &["promote core:1.5.0 and web:2.1.0 to staging"],
        ),
        (
            "promote core to staging",
            "Which image of `core`? The newest: 1.6.0, 1.5.1, 1.5.0.",
            &[
                "promote core:1.6.0 to staging",
                "promote core:1.5.1 to staging",
                "promote core:1.5.0 to staging",
            ],
        ),
        (
            "promote 1.5.0 to staging",
            "`1.5.0` can be an image of several repositories; it is in core and web.",
            &["promote core:1.5.0 to staging", "promote web:1.5.0 to staging"],
        ),
        (
            "promote staging to production",
            "`staging` is an environment, where an image should stand.",
            &["promote everything from staging to production"],
        ),
        (
            "promote core@1a2b to staging",
            "`core@1a2b` is too short: give at least 8 digits of a digest.",
            &[],
        ),
        (
            "promote core@pretty to staging",
            "`core@pretty` names no image: write repository:tag or repository@digest.",
            &[],
        ),
        (
            "promote core:1.5.0",
            "`promote` needs an environment: staging or production? For example: promote image \
             core:1.5.0 to staging",
            &[],
        ),
        (
            "promote to staging",
            "`promote` needs an image. For example: promote image core:1.5.0 to staging",
            &[],
        ),
        (
            "rollback",
            "`rollback` needs an environment: staging or production? For example: rollback \
             production",
            &[],
        ),
        ("show", "`show` needs a deployment's number. For example: show 42", &[]),
        (
            "status rest-api",
            "There is no environment `rest-api`; there are staging and production.",
            &["status service rest-api"],
        ),
        (
            "status of rest-ap in staging",
            "There is no service `rest-ap`; there is rest-api.",
            &["status of rest-api in staging"],
        ),
        ("statsu", "There is no command `statsu`.", &["status"]),
        ("aprove 42", "There is no command `aprove`.", &["approve 42"]),
        (
            "promote core:1.5.0 to staging dru run",
            "I could not read all of that.",
            &["promote core:1.5.0 to staging dry run"],
        ),
        (
            "hey can you promote core:1.5.0 to staging",
            "I could not read all of that.",
            &["promote core:1.5.0 to staging"],
        ),
        (
            "approve it",
            "I read `approve`, but not `it` in that place. It goes: approve [DEPLOYMENT]",
            &[],
        ),
        (
            "cancel 42 becuase it hurts, a lot",
            "I could not read all of that.",
            &["cancel 42 because it hurts, a lot"],
        ),
        // What is the opposite is not suggested, near as it is.
        (
            "lock staging",
            "I read `lock`, but something is missing. It goes: lock ENVIRONMENT because REASON",
            &[],
        ),
        (
            "unlock",
            "`unlock` needs an environment: staging or production? For example: unlock staging",
            &[],
        ),
        ("help promot", "There is no command `promot`.", &["help promote"]),
    ];
    for (line, sentence, suggestions) in table {
        let found = misunderstood(line);
        assert_eq!(
            (found.why.to_string().as_str(), &found.suggestions[..]),
            (*sentence, &suggestions.iter().map(ToString::to_string).collect::<Vec<_>>()[..]),
            "{line}"
        );
        for suggestion in *suggestions {
            command(suggestion);
        }
    }
}

#[test]
fn the_whole_answer_ends_in_what_was_meant() {
    assert_eq!(
        misunderstood("promot core:1.5.0 to stagng").to_string(),
        "There is no environment `stagng`; there are staging and production. Did you mean: \
         promote core:1.5.0 to staging"
    );
}

#[test]
fn no_environment_is_ever_assumed() {
    for line in ["promote core:1.5.0", "rollback", "roll back", "promote core:1.5.0 to", "revert"] {
        let found = misunderstood(line);
        assert!(
            matches!(found.why, Why::Missing { argument: Slot::Environment, .. }),
            "{line}: {found:?}"
        );
        assert_eq!(found.suggestions, [""; 0], "{line}");
    }
}

#[test]
fn production_is_suggested_only_for_what_is_nearly_that_word() {
    let far = ["live", "pro", "prd1", "stagng", "preprod", "the-product", "prediction1", "main"];
    for word in far {
        for line in [
            format!("promote core:1.5.0 to {word}"),
            format!("rollback {word}"),
            format!("roll bak {word}"),
            format!("promot everything from staging to {word}"),
        ] {
            if let Reading::Misunderstood(found) = read(&line) {
                let named = found.suggestions.iter().any(|line| line.contains("production"));
                assert!(!named, "{line}: {found:?}");
            }
        }
    }
}

#[test]
fn several_commands_in_one_message_are_none() {
    let found = misunderstood("promote core:1.5.0 to staging\nrollback production");
    assert_eq!(found.why, Why::Several);
    assert_eq!(found.suggestions, ["promote core:1.5.0 to staging", "rollback production"]);
}

/// What is suggested is one click away: it must not do more than was asked.
#[test]
fn no_suggestion_leaves_out_what_limits_a_command() {
    for tail in ["dry", "not", "rehearse", "if the tests pass", "and production", "but not now"] {
        for start in
            ["promote core:1.5.0 to staging", "rollback staging", "promot core:1.5.0 to staging"]
        {
            let found = misunderstood(&format!("{start} {tail}"));
            for suggestion in &found.suggestions {
                assert!(suggestion.ends_with("dry run"), "{start} {tail}: {suggestion}");
            }
        }
    }
}
