//! Who holds which role: people by name, and the holders of Discord roles. What a role may do
//! is not known here, nor who holds a Discord role.

use std::collections::{BTreeMap, BTreeSet};

use super::RoleId;
use super::discord::id;
use super::error::Problem;
use super::findings::Findings;
use super::raw::{Raw, RawRole};
use crate::domain::environment::People;
use crate::domain::id::{PersonId, Role};

/// The people whom the settings name. Every role is among them, also one that nobody holds.
pub(super) fn people(raw: &Raw, findings: &mut Findings) -> People {
    let people =
        raw.roles.iter().map(|(name, role)| (Role::new(name), people_of(name, role, findings)));
    People(people.collect())
}

fn people_of(name: &str, raw: &RawRole, findings: &mut Findings) -> BTreeSet<PersonId> {
    let given = |key| findings.is_given(&["roles", name, key]);
    if !given("people") && !given("discord") {
        findings.report(&["roles", name], Problem::HeldByWhom { role: name.to_owned() });
    }
    let people = raw.people.as_deref().unwrap_or_default();
    check_distinct(&["roles", name, "people"], people, findings);
    people.iter().map(PersonId::new).collect()
}

/// The Discord roles that give roles.
pub(super) fn role_holders(raw: &Raw, findings: &mut Findings) -> BTreeMap<RoleId, BTreeSet<Role>> {
    let mut holders: BTreeMap<RoleId, BTreeSet<Role>> = BTreeMap::new();
    for (name, role) in &raw.roles {
        let listed = role.discord.as_deref().unwrap_or_default();
        check_distinct(&["roles", name, "discord"], listed, findings);
        for (index, text) in listed.iter().enumerate() {
            let index = index.to_string();
            if let Some(number) = id(&["roles", name, "discord", &index], text, findings) {
                holders.entry(RoleId(number)).or_default().insert(Role::new(name));
            }
        }
    }
    holders
}

/// Reports what a list has twice, at the second.
fn check_distinct(path: &[&str; 3], items: &[String], findings: &mut Findings) {
    let [section, name, key] = path;
    let mut seen = BTreeSet::new();
    for (index, item) in items.iter().enumerate() {
        if !seen.insert(item) && !item.is_empty() {
            let problem = Problem::ListedTwice { key: path.join("."), item: item.clone() };
            findings.report(&[*section, *name, *key, &index.to_string()], problem);
        }
    }
}
