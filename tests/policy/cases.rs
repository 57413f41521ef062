//! The shipped cases hold, they cover each shipped policy, and a wrong file of cases is told.

use shipmate::policy::{Cases, LoadErrors, Policies, Source, Sources};

fn load(text: &str) -> Result<Cases, LoadErrors> {
    Cases::load(&[Source::new("cases/team.toml", text)])
}

fn failures(policies: &Policies, cases: &Cases) -> Vec<String> {
    let outcomes = cases.run(policies);
    let failed = outcomes.into_iter().filter_map(|outcome| {
        let failure = outcome.failure?;
        Some(format!("{}: {}: {failure}", outcome.place, outcome.says))
    });
    failed.collect()
}

#[test]
fn all_shipped_cases_hold() {
    let cases = Cases::shipped();
    assert!(cases.len() > 60, "{} cases", cases.len());
    assert_eq!(failures(&Policies::shipped(), &cases), Vec::<String>::new());
}

/// Policies out of a file's text: each begins at its `@id` and ends before the next.
fn without(source: &Source, id: &str) -> Source {
    let begin = source.text.find(&format!("@id({id:?})")).expect("the policy is in this file");
    let rest = &source.text[begin + 1..];
    let end = rest.find("@id(").map_or(source.text.len(), |next| begin + 1 + next);
    let text = format!("{}{}", &source.text[..begin], &source.text[end..]);
    Source::new(source.name.clone(), text)
}

#[test]
fn each_shipped_policy_is_missed_by_a_case_when_it_is_dropped() {
    let shipped = Sources::shipped();
    let cases = Cases::shipped();
    let all = Policies::shipped().ids();
    for id in &all {
        let mark = format!("@id({:?})", id.as_str());
        let holder = shipped.policies.iter().find(|source| source.text.contains(&mark));
        let less = without(holder.expect("some file has the policy"), id.as_str());
        let policies = Policies::of(&shipped.clone().with(&[less])).expect("the others load");
        assert_eq!(policies.ids().len(), all.len() - 1, "just {id} is dropped");
        assert_ne!(failures(&policies, &cases), Vec::<String>::new(), "no case misses {id}");
    }
}

#[test]
fn a_failing_case_says_what_came_instead() {
    let cases = load(
        r#"
[[case]]
says = "everything is allowed"
person = "alice"
roles = ["developer"]
action = "promote"
environment = "production"
frozen = "friday"
expect = "allow"

[[case]]
says = "eve needs an agreement"
person = "eve"
action = "promote"
environment = "staging"
expect = "needs"
needs = ["production-needs-two"]

[[case]]
says = "alice is refused"
person = "alice"
roles = ["developer"]
action = "promote"
environment = "production"
expect = "refuse"
by = ["freezes-are-obeyed"]
"#,
    )
    .expect("the cases are well written");
    let told = failures(&Policies::shipped(), &cases).join("\n");
    insta::assert_snapshot!(told);
}

#[test]
fn wrong_cases_are_told_with_their_places() {
    let errors = load(
        r#"
[[case]]
says = "there is no such action or time"
person = "alice"
action = "destroy"
environment = "staging"
at = "friday 25:00"
expect = "refuse"

[[case]]
says = "this expects too much"
person = "alice"
action = "read"
environment = "staging"
verified = "staging"
unverified = "staging"
expect = "allow"
needs = ["production-needs-two"]
"#,
    )
    .expect_err("much is wrong");
    insta::assert_snapshot!(errors);
}

#[test]
fn an_unknown_key_is_told_with_its_place() {
    let errors = load("[[case]]\nsays = \"a typo\"\npersn = \"alice\"\n").expect_err("a typo");
    insta::assert_snapshot!(errors);
}
