//! What the policies say, and what is said of policies that are wrong.

mod break_glass;
mod cases;
mod errors;
mod evaluation;
mod load;
mod matrix;
mod nearest;
mod sources;

use std::collections::BTreeSet;

use shipmate::domain::id::{PersonId, PolicyId, Role};
use shipmate::domain::policy::{Action, Because, Facts, Person, Question};
use shipmate::policy::{Policies, Source, Sources};

/// A question about a person with these roles, on an ordinary Tuesday.
fn question(person: &str, roles: &[&str], action: Action, environment: &str) -> Question {
    Question {
        person: Person {
            id: PersonId::new(person),
            roles: roles.iter().copied().map(Role::new).collect(),
        },
        action,
        environment: environment.into(),
        facts: Facts::about(PersonId::new(person)),
    }
}

/// The policies in this text and nothing else, by the shipped schema.
fn only(text: &str) -> Policies {
    let schema = Sources::shipped().schema;
    Policies::load(schema, &[Source::new("team.cedar", text)])
        .unwrap_or_else(|errors| panic!("{errors}"))
}

/// What is wrong with the policies in this text, as people see it.
fn wrong(text: &str) -> String {
    let schema = Sources::shipped().schema;
    match Policies::load(schema, &[Source::new("team.cedar", text)]) {
        Ok(_) => panic!("these policies were taken: {text}"),
        Err(errors) => errors.to_string(),
    }
}

fn ids(because: &[Because]) -> BTreeSet<PolicyId> {
    because.iter().map(|because| because.policy.clone()).collect()
}

fn named<const COUNT: usize>(ids: [&str; COUNT]) -> BTreeSet<PolicyId> {
    ids.into_iter().map(PolicyId::new).collect()
}
