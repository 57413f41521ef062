//! What somebody is told whom no policy permits something.

use shipmate::domain::policy::{Action, Denial, Question, Verdict};
use shipmate::policy::Policies;

use super::{only, question};

fn lacked(policies: &Policies, question: &Question) -> Vec<String> {
    match policies.decide(question).expect("decided") {
        Verdict::Refused(Denial::NothingPermits { nearest }) => {
            nearest.into_iter().map(|miss| format!("{}: {}", miss.policy, miss.lacked)).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_role_in_the_order_in_which_the_policy_names_them() {
    let asked = question("eve", &[], Action::Promote, "staging");
    assert_eq!(
        lacked(&Policies::shipped(), &asked),
        ["developers-may-ask: the role developer, release-manager or on-call"]
    );
}

#[test]
fn a_role_and_not_another_environment() {
    let asked = question("alice", &["developer"], Action::Rollback, "production");
    assert_eq!(
        lacked(&Policies::shipped(), &asked),
        ["production-rollback: the role release-manager or on-call"]
    );
    let asked = question("eve", &[], Action::Rollback, "production");
    assert_eq!(
        lacked(&Policies::shipped(), &asked),
        ["production-rollback: the role release-manager or on-call"]
    );
}

#[test]
fn a_fact() {
    let mut asked = question("alice", &["developer"], Action::Unlock, "staging");
    asked.facts.locked_by = Some("bob".into());
    assert_eq!(
        lacked(&Policies::shipped(), &asked),
        ["release-managers-unlock: the role release-manager", "holders-unlock: holding the lock"]
    );
}

#[test]
fn several_roles_at_once_and_no_more_than_needed() {
    let policies = only(
        r#"
@id("both") permit (principal in Role::"b", action == Action::"ban", resource)
when { principal in Role::"a" };
@id("other") permit (principal in Role::"c", action == Action::"read", resource);
"#,
    );
    assert_eq!(
        lacked(&policies, &question("eve", &[], Action::Ban, "staging")),
        ["both: the roles b and a"]
    );
    assert_eq!(
        lacked(&policies, &question("eve", &["b"], Action::Ban, "staging")),
        ["both: the role a"]
    );
}

#[test]
fn an_environment_that_only_the_condition_names_and_what_cannot_be_told() {
    let policies = only(
        r#"
@id("condition") permit (principal, action == Action::"ban", resource)
when { resource == Environment::"staging" };
@id("riddle") permit (principal, action == Action::"ban", resource)
when { context.minute == 61 };
@id("bob-only") permit (principal == User::"bob", action == Action::"ban", resource);
"#,
    );
    assert_eq!(
        lacked(&policies, &question("eve", &[], Action::Ban, "production")),
        ["bob-only: the person bob"]
    );
    let policies = only(
        r#"
@id("condition") permit (principal, action == Action::"ban", resource)
when { resource == Environment::"staging" };
@id("riddle") permit (principal, action == Action::"ban", resource)
when { context.minute == 61 };
"#,
    );
    assert_eq!(
        lacked(&policies, &question("eve", &[], Action::Ban, "production")),
        ["condition: the environment staging", "riddle: what the policy riddle asks for"]
    );
}

#[test]
fn groups_of_actions_count() {
    let shipped = shipmate::policy::Sources::shipped().schema;
    let text = shipped.text.replace(
        "action \"ban\", \"release-hold\"",
        "action \"care\";\naction \"ban\", \"release-hold\" in [\"care\"]",
    );
    let team = shipmate::policy::Source::new(
        "team.cedar",
        r#"@id("care") permit (principal in Role::"nurse", action in Action::"care", resource);"#,
    );
    let policies =
        Policies::load(shipmate::policy::Source::new(shipped.name, text), &[team]).expect("loaded");
    assert_eq!(
        lacked(&policies, &question("eve", &[], Action::Ban, "staging")),
        ["care: the role nurse"]
    );
    assert!(matches!(
        policies.decide(&question("eve", &["nurse"], Action::Ban, "staging")),
        Ok(Verdict::Allowed { .. })
    ));
}

#[test]
fn nothing_where_no_permit_is_about_the_action() {
    let policies = only(r#"@id("read") permit (principal, action == Action::"read", resource);"#);
    assert_eq!(lacked(&policies, &question("eve", &[], Action::Ban, "staging")), [""; 0]);
}
