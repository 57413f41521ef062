//! Who may do what where, all of it, in one table.

use std::fmt::Write as _;

use shipmate::domain::id::PersonId;
use shipmate::domain::policy::{Action, Denial, Question, Verdict};
use shipmate::policy::Policies;

use super::question;

const ROLES: [&[&str]; 5] =
    [&[], &["developer"], &["release-manager"], &["on-call"], &["release-manager", "on-call"]];
const ENVIRONMENTS: [&str; 3] = ["staging", "production", "elsewhere"];

fn cell(policies: &Policies, question: &Question) -> &'static str {
    let verdict = policies.decide(question).expect("the shipped policies do not err");
    let allows = policies.allows(question).expect("the shipped policies do not err");
    assert_eq!(allows, matches!(verdict, Verdict::Allowed { .. }), "yes or no is the same answer");
    match verdict {
        Verdict::Allowed { permits: _, requirements, overridden } => {
            assert!(overridden.is_empty());
            if requirements.is_empty() { "yes" } else { "votes" }
        }
        Verdict::Refused(Denial::Forbidden { .. }) => "forbidden",
        Verdict::Refused(Denial::NothingPermits { .. }) => "-",
    }
}

#[test]
fn the_whole_matrix() {
    let policies = Policies::shipped();
    let mut table = String::from("On a Tuesday at noon, about what somebody else asked for.\n");
    for environment in ENVIRONMENTS {
        let mut heads = format!("\n{environment:<13}");
        for roles in ROLES {
            let head = if roles.is_empty() { "nobody".to_owned() } else { roles.join("+") };
            write!(heads, "{head:<17}").expect("a string takes it");
        }
        writeln!(table, "{}", heads.trim_end()).expect("a string takes it");
        for action in Action::ALL {
            let mut row = format!("{:<13}", action.name());
            for roles in ROLES {
                let mut asked = question("somebody", roles, action, environment);
                asked.facts.requester = PersonId::new("another");
                asked.facts.reason_given = true;
                write!(row, "{:<17}", cell(&policies, &asked)).expect("a string takes it");
            }
            writeln!(table, "{}", row.trim_end()).expect("a string takes it");
        }
    }
    insta::assert_snapshot!(table);
}
