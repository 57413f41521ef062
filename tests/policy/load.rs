//! What is read out of policies when they are loaded.

use std::time::Duration;

use shipmate::domain::policy::{Action, Denial, Verdict};
use shipmate::policy::Policies;

use super::{only, question};

#[test]
fn a_requirement_with_all_it_says() {
    let asked = question("alice", &["developer"], Action::Promote, "production");
    let verdict = Policies::shipped().decide(&asked).expect("decided");
    let Verdict::Allowed { requirements, .. } = verdict else { panic!("{verdict:?}") };
    let [requirement] = requirements.as_slice() else { panic!("{requirements:?}") };
    assert_eq!(requirement.policy, "production-needs-two".into());
    assert_eq!(requirement.approvals, 2);
    assert_eq!(requirement.approvers, ["release-manager".into()].into());
    assert_eq!(requirement.expires, Duration::from_secs(30 * 60));
    assert_eq!(requirement.reason, "production changes are agreed by two release managers");
}

#[test]
fn several_requirements_apply_each() {
    let policies = only(
        r#"
@id("all") permit (principal, action, resource);
@id("one") @reason("r") @approvals("1") @approvers("a, b") @expires("2h")
forbid (principal, action == Action::"promote", resource);
@id("two") @reason("r") @approvals("1") @approvers("c") @expires("45s")
forbid (principal, action == Action::"promote", resource);
@id("other") @reason("r") @approvals("1") @approvers("c") @expires("1d")
forbid (principal, action == Action::"restart", resource);
"#,
    );
    let asked = question("alice", &[], Action::Promote, "staging");
    let verdict = policies.decide(&asked).expect("decided");
    let Verdict::Allowed { requirements, .. } = verdict else { panic!("{verdict:?}") };
    let told: Vec<(&str, u64)> = requirements
        .iter()
        .map(|requirement| (requirement.policy.as_str(), requirement.expires.as_secs()))
        .collect();
    assert_eq!(told, [("one", 7_200), ("two", 45)]);
    assert_eq!(policies.roles(), &["a".into(), "b".into(), "c".into()].into());
}

#[test]
fn the_reasons_that_people_know() {
    let policies = Policies::shipped();
    let reasons = |asked| match policies.decide(&asked).expect("decided") {
        Verdict::Refused(Denial::Forbidden { by, .. }) => {
            by.into_iter().map(|because| because.reason).collect::<Vec<_>>().join("; ")
        }
        other => panic!("{other:?}"),
    };
    let own = question("bob", &["release-manager"], Action::Approve, "production");
    assert!(reasons(own).contains("you cannot approve"));
    let mut unverified = question("alice", &["developer"], Action::Promote, "production");
    unverified.facts.verified =
        Some(shipmate::domain::policy::Verified { environment: "staging".into(), yes: false });
    assert!(reasons(unverified).contains("verified on staging"));
}

#[test]
fn roles_and_environments_that_are_named() {
    let policies = Policies::shipped();
    let roles = ["developer", "release-manager", "on-call"].map(Into::into);
    assert_eq!(policies.roles(), &roles.into());
    assert_eq!(policies.environments(), &["staging".into(), "production".into()].into());
}

#[test]
fn no_policies_permit_nothing() {
    let policies = only("");
    for action in Action::ALL {
        let asked = question("alice", &["developer"], action, "staging");
        assert!(matches!(
            policies.decide(&asked),
            Ok(Verdict::Refused(Denial::NothingPermits { nearest })) if nearest.is_empty()
        ));
    }
}

#[test]
fn names_with_odd_characters_stay_names() {
    let policies = only(r#"@id("alice") permit (principal == User::"al\"ice", action, resource);"#);
    let asked = |person| policies.decide(&question(person, &["a\"] role"], Action::Read, "st\\g"));
    assert!(matches!(asked("al\"ice"), Ok(Verdict::Allowed { .. })));
    assert!(matches!(asked("alice"), Ok(Verdict::Refused(_))));
}
