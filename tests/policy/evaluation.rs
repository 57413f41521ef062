//! A policy that errs makes the answer an error: no yes, and no lack of rights.

use shipmate::domain::policy::{Action, Verdict};
use shipmate::policy::PolicyError;

use super::{only, question};

/// Passes strict validation and overflows when it is evaluated.
const OVERFLOWS: &str = "context.minute + 9223372036854775807 > 0";

const ALLOW: &str = r#"@id("all") permit (principal, action, resource);"#;

fn erring(text: &str) -> String {
    let policies = only(text);
    let asked = question("alice", &["developer"], Action::Promote, "staging");
    match policies.decide(&asked) {
        Err(PolicyError::Evaluation(failures)) => {
            assert_eq!(failures.len(), 1);
            failures[0].policy.to_string()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_forbid_that_errs_refuses() {
    let text = format!(
        r#"{ALLOW} @id("errs") @reason("r") forbid (principal, action, resource) when {{ {OVERFLOWS} }};"#
    );
    assert_eq!(erring(&text), "errs");
}

#[test]
fn a_requirement_that_errs_refuses() {
    let text = format!(
        r#"{ALLOW} @id("errs") @reason("r") @approvals("1") @approvers("developer") @expires("1h")
        forbid (principal, action, resource) when {{ {OVERFLOWS} }};"#
    );
    assert_eq!(erring(&text), "errs");
}

#[test]
fn a_permit_that_errs_is_an_error_even_beside_one_that_permits() {
    let text = format!(
        r#"{ALLOW} @id("errs") permit (principal, action, resource) when {{ {OVERFLOWS} }};"#
    );
    assert_eq!(erring(&text), "errs");
}

#[test]
fn a_permit_that_errs_alone_is_no_lack_of_rights() {
    let text =
        format!(r#"@id("errs") permit (principal, action, resource) when {{ {OVERFLOWS} }};"#);
    assert_eq!(erring(&text), "errs");
}

#[test]
fn an_error_about_breaking_the_glass_refuses() {
    let policies = only(&format!(
        r#"{ALLOW}
        @id("frozen") @reason("r") @override("break-glass")
        forbid (principal, action == Action::"promote", resource);
        @id("errs") @reason("r")
        forbid (principal, action == Action::"break-glass", resource) when {{ {OVERFLOWS} }};"#
    ));
    let mut asked = question("dave", &["on-call"], Action::Promote, "staging");
    asked.facts.break_glass = true;
    asked.facts.reason_given = true;
    let answer = policies.decide(&asked);
    assert!(matches!(answer, Err(PolicyError::Evaluation(_))), "{answer:?}");
    // Without the glass nobody asks that policy.
    asked.facts.break_glass = false;
    assert!(matches!(policies.decide(&asked), Ok(Verdict::Refused(_))));
}

#[test]
fn the_error_names_the_policy() {
    let policies = only(&format!(
        r#"@id("errs") permit (principal, action, resource) when {{ {OVERFLOWS} }};"#
    ));
    let asked = question("alice", &[], Action::Read, "staging");
    let error = policies.decide(&asked).expect_err("it overflows");
    assert!(error.to_string().starts_with("errs: "), "{error}");
}
