//! docs/policies.md: its example is loaded beside the shipped policies and its cases run, and
//! its table of annotations is complete.

use std::collections::BTreeSet;

use shipmate::domain::policy::Action;
use shipmate::policy::{Cases, Policies, Source, Sources};

use super::{between, fenced, page};

#[test]
fn every_action_is_told_of() {
    let text = page("docs/policies.md");
    let told = text.lines().find(|line| line.starts_with("- **What they do**")).unwrap();
    for action in Action::ALL {
        assert!(told.contains(&format!("`{}`", action.name())), "{}", action.name());
    }
}

#[test]
fn the_example_is_sound_and_its_cases_hold() {
    let text = page("docs/policies.md");
    let team: Vec<Source> = [("cedar", "payments.cedar"), ("toml", "payments.toml")]
        .iter()
        .map(|(language, name)| {
            let blocks = fenced(&text, language);
            assert_eq!(blocks.len(), 1, "one example in {language}");
            Source::new(*name, blocks.concat())
        })
        .collect();
    let sources = Sources::shipped().with(&team);
    let policies = Policies::of(&sources).unwrap_or_else(|errors| panic!("{errors}"));
    let cases = Cases::load(&sources.cases).unwrap_or_else(|errors| panic!("{errors}"));
    let failed: Vec<String> = cases
        .run(&policies)
        .into_iter()
        .filter_map(|one| Some(format!("{}: {}: {}", one.place, one.says, one.failure?)))
        .collect();
    assert_eq!(failed, Vec::<String>::new());
    let alone = Cases::load(&team[1..]).unwrap_or_else(|errors| panic!("{errors}"));
    let without = alone.run(&Policies::shipped());
    assert!(
        without.iter().any(|one| one.failure.is_some()),
        "the example's cases would hold without the example's policies"
    );
}

#[test]
fn the_table_of_annotations_names_all_of_them() {
    let text = page("docs/policies.md");
    let rows = between(&text, "annotations").lines();
    let told: BTreeSet<String> = rows
        .filter_map(|row| Some(row.strip_prefix("| `@")?.split('(').next()?.to_owned()))
        .collect();
    let strange = r#"@id("x") @strange("y") permit (principal, action, resource);"#;
    let schema = Sources::shipped().schema;
    let Err(error) = Policies::load(schema, &[Source::new("x.cedar", strange)]) else {
        panic!("an unknown annotation was taken");
    };
    let error = error.to_string();
    let (_, known) = error.split_once("known are ").expect("the error names those that are known");
    let end = |one: char| !one.is_ascii_lowercase();
    let known = known.lines().next().unwrap_or_default().split('@').skip(1);
    let known: BTreeSet<String> =
        known.filter_map(|name| Some(name.split(end).next()?.to_owned())).collect();
    assert_eq!(told, known);
}
