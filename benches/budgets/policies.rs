//! What a decision of the policies that ship costs.

use shipmate::domain::id::{PersonId, Role};
use shipmate::domain::policy::{Action, Denial, Facts, Person, Question, Verdict, Verified};
use shipmate::policy::Policies;

use crate::harness::{Figure, Row, Section, short};

pub fn measure() -> anyhow::Result<Section> {
    let mut section = Section::new("A decision of the policies");
    let policies = Policies::shipped();
    let questions = [
        ("a promotion to staging, permitted", "alice", "developer", Action::Promote, "staging"),
        (
            "a promotion to production, two votes required",
            "alice",
            "developer",
            Action::Promote,
            "production",
        ),
        (
            "a rollback that nothing permits, with what was lacking",
            "alice",
            "developer",
            Action::Rollback,
            "production",
        ),
        ("a vote of a release manager", "bob", "release-manager", Action::Approve, "production"),
    ];
    for (what, person, role, action, environment) in questions {
        let mut facts = Facts::about(PersonId::from("alice"));
        facts.verified = Some(Verified { environment: "staging".into(), yes: true });
        let person = Person { id: person.into(), roles: [Role::from(role)].into() };
        let question = Question { person, action, environment: environment.into(), facts };
        let expected = match policies.decide(&question)? {
            Verdict::Allowed { requirements, .. } => {
                requirements.is_empty() != what.contains("required") && !what.contains("nothing")
            }
            Verdict::Refused(Denial::NothingPermits { .. }) => what.contains("nothing"),
            Verdict::Refused(Denial::Forbidden { .. }) => false,
        };
        anyhow::ensure!(expected, "another verdict than expected: {what}");
        let figure = Figure::times(&short(200, 20, || policies.decide(&question)))?;
        section.row(Row::new(what, figure));
        if what.contains("nothing") {
            let figure = Figure::times(&short(200, 20, || policies.allows(&question)))?;
            section.row(Row::new("the same, only yes or no, as `whoami` asks", figure));
        }
    }
    Ok(section)
}
