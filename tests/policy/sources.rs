//! A team's files beside the shipped ones, and the hash over all of them.

use shipmate::domain::policy::{Action, Verdict};
use shipmate::policy::{Policies, Source, Sources};

use super::question;

#[test]
fn a_file_of_the_same_name_replaces_and_another_is_added() {
    let team = [
        Source::new("/etc/team/everyone.cedar", ""),
        Source::new(
            "/etc/team/guests.cedar",
            r#"@id("guests") permit (principal in Role::"guest", action == Action::"read", resource);"#,
        ),
        Source::new("/etc/team/notes.md", "# Why"),
    ];
    let shipped = Sources::shipped();
    let joined = shipped.clone().with(&team);
    assert_eq!(joined.policies.len(), shipped.policies.len() + 1);
    assert_eq!(joined.ignored, ["/etc/team/notes.md"]);
    let policies = Policies::of(&joined).expect("loaded");
    let reads = |roles| policies.decide(&question("eve", roles, Action::Read, "staging"));
    assert!(matches!(reads(&[]), Ok(Verdict::Refused(_))));
    assert!(matches!(reads(&["guest"]), Ok(Verdict::Allowed { .. })));
}

#[test]
fn cases_and_schema_are_replaced_as_well() {
    let team =
        [Source::new("cases/votes.toml", "# none"), Source::new("schema.cedarschema", "// ours")];
    let joined = Sources::shipped().with(&team);
    assert_eq!(joined.schema.text, "// ours");
    assert_eq!(joined.cases.len(), Sources::shipped().cases.len());
    assert!(joined.cases.iter().any(|source| source.text == "# none"));
}

#[test]
fn every_file_of_the_directory_ships() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let mut found = Vec::new();
    for directory in [root.clone(), root.join("cases")] {
        for entry in std::fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_file() {
                found.push(path.file_name().expect("a name").to_string_lossy().into_owned());
            }
        }
    }
    let shipped = Sources::shipped();
    let all = shipped.policies.iter().chain(&shipped.cases).chain([&shipped.schema]);
    let mut names: Vec<String> = all.map(|source| source.file_name().to_owned()).collect();
    found.sort();
    names.sort();
    assert_eq!(found, names);
}

fn hash(schema: &Source, policies: &[Source]) -> String {
    Policies::load(schema.clone(), policies).expect("loaded").hash().to_string()
}

#[test]
fn the_hash_is_the_same_for_the_same_policies() {
    let Sources { schema, mut policies, .. } = Sources::shipped();
    let first = hash(&schema, &policies);
    assert_eq!(first.len(), 64);
    assert_eq!(first, Policies::shipped().hash().to_string());
    policies.reverse();
    for source in &mut policies {
        source.name = format!("C:\\elsewhere\\{}", source.file_name());
        source.text = source.text.replace('\n', "\r\n");
    }
    assert_eq!(first, hash(&schema, &policies));
}

#[test]
fn the_hash_changes_with_any_text_or_name() {
    let Sources { schema, policies, .. } = Sources::shipped();
    let first = hash(&schema, &policies);
    for index in 0..policies.len() {
        let mut changed = policies.clone();
        changed[index].text.push_str("// more\n");
        assert_ne!(first, hash(&schema, &changed));
        let mut renamed = policies.clone();
        renamed[index].name = "renamed.cedar".to_owned();
        assert_ne!(first, hash(&schema, &renamed));
    }
    let schema = Source::new(schema.name.clone(), format!("{}// more\n", schema.text));
    assert_ne!(first, hash(&schema, &policies));
}
