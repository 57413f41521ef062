//! Breaking the glass sets aside what says so, and nothing else.

use shipmate::domain::policy::{Action, Denial, Question, Verdict};
use shipmate::policy::Policies;

use super::{ids, named, only, question};

fn at_the_weekend(person: &str, roles: &[&str]) -> Question {
    let mut asked = question(person, roles, Action::Promote, "production");
    asked.facts.frozen = Some(["weekend".into()].into());
    asked.facts.break_glass = true;
    asked.facts.reason_given = true;
    asked
}

#[test]
fn what_is_overridden_is_told_with_its_reason() {
    let verdict =
        Policies::shipped().decide(&at_the_weekend("dave", &["on-call"])).expect("decided");
    let Verdict::Allowed { permits, requirements, overridden } = verdict else {
        panic!("{verdict:?}");
    };
    assert_eq!(permits, ["developers-may-ask".into()]);
    assert_eq!(requirements, []);
    assert_eq!(ids(&overridden), named(["freezes-are-obeyed", "production-needs-two"]));
    assert!(overridden.iter().any(|it| it.reason == "a frozen environment does not change"));
}

#[test]
fn a_refusal_says_whether_it_could_be_overridden() {
    let policies = Policies::shipped();
    let mut asked = at_the_weekend("dave", &["on-call"]);
    asked.facts.break_glass = false;
    let verdict = policies.decide(&asked).expect("decided");
    assert!(
        matches!(&verdict, Verdict::Refused(Denial::Forbidden { overridable: true, .. })),
        "{verdict:?}"
    );
    asked.facts.locked_by = Some("bob".into());
    let verdict = policies.decide(&asked).expect("decided");
    let Verdict::Refused(Denial::Forbidden { by, overridable: false }) = verdict else {
        panic!("{verdict:?}");
    };
    assert_eq!(ids(&by), named(["freezes-are-obeyed", "locks-are-obeyed"]));
}

#[test]
fn what_stands_is_all_that_is_told_once_the_glass_is_broken() {
    let mut asked = at_the_weekend("dave", &["on-call"]);
    asked.facts.locked_by = Some("bob".into());
    let verdict = Policies::shipped().decide(&asked).expect("decided");
    let Verdict::Refused(Denial::Forbidden { by, overridable: false }) = verdict else {
        panic!("{verdict:?}");
    };
    assert_eq!(ids(&by), named(["locks-are-obeyed"]));
}

#[test]
fn breaking_the_glass_does_not_permit() {
    let policies = only(
        r#"
@id("glass") permit (principal, action == Action::"break-glass", resource);
@id("frozen") @reason("r") @override("break-glass") forbid (principal, action, resource)
unless { action == Action::"break-glass" };
"#,
    );
    let verdict = policies.decide(&at_the_weekend("dave", &["on-call"])).expect("decided");
    assert!(matches!(&verdict, Verdict::Refused(Denial::NothingPermits { .. })), "{verdict:?}");
}

#[test]
fn a_forbid_on_breaking_the_glass_wins() {
    let policies = only(
        r#"
@id("all") permit (principal, action, resource);
@id("frozen") @reason("r") @override("break-glass") forbid (principal, action, resource);
"#,
    );
    // The forbid is about breaking the glass too, and cannot set itself aside.
    let verdict = policies.decide(&at_the_weekend("dave", &["on-call"])).expect("decided");
    assert!(
        matches!(&verdict, Verdict::Refused(Denial::Forbidden { overridable: true, .. })),
        "{verdict:?}"
    );
}
