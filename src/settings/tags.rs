//! That no environment's tag gets in the way of another's. Knows nothing of ECR but that a tag
//! is one for a repository in a registry.

use std::collections::BTreeSet;

use super::error::Problem;
use super::findings::Findings;
use crate::domain::environment::{Environment, Environments};

pub(super) fn check(environments: &Environments, findings: &mut Findings) {
    for one in environments.iter() {
        for other in environments.iter() {
            check_previous(one, other, findings);
            if one.name < other.name {
                check_shared(one, other, findings);
            }
        }
    }
}

/// Shipmate itself writes `<keeper>-previous`. Nobody has a reason to follow such a tag, so it
/// is refused wherever the registries are.
fn check_previous(environment: &Environment, keeper: &Environment, findings: &mut Findings) {
    if environment.tag == keeper.previous_tag() {
        let problem = Problem::PreviousTag {
            environment: environment.name.to_string(),
            keeper: keeper.name.to_string(),
            tag: environment.tag.to_string(),
        };
        findings.report(&["environments", environment.name.as_str(), "tag"], problem);
    }
}

/// Two environments may follow tags of one name only where these are different tags: in another
/// registry, or of other repositories.
fn check_shared(one: &Environment, other: &Environment, findings: &mut Findings) {
    let same_tag = one.tag == other.tag && !one.tag.as_str().is_empty();
    if !same_tag || registry(one) != registry(other) {
        return;
    }
    let repositories = repositories(one).intersection(&repositories(other)).cloned().collect();
    let repositories: Vec<String> = repositories;
    if repositories.is_empty() {
        return;
    }
    let place = |environment: &Environment| {
        findings.place(&["environments", environment.name.as_str(), "tag"])
    };
    // Told at whichever is given later in the file.
    let later = place(one).max(place(other));
    let problem = Problem::SharedTag {
        one: one.name.to_string(),
        other: other.name.to_string(),
        tag: one.tag.to_string(),
        repositories,
    };
    findings.report_at(later, problem);
}

fn repositories(environment: &Environment) -> BTreeSet<String> {
    let names = environment.services.iter().map(|service| service.repository.to_string());
    names.filter(|name| !name.is_empty()).collect()
}

/// Account and region of the registry. The account of Shipmate's own credentials is not in the
/// settings; it counts as one that is nobody else's.
fn registry(environment: &Environment) -> (Option<&str>, &str) {
    match (&environment.registry, &environment.role_arn) {
        (Some(registry), _) => (Some(&registry.account), &registry.region),
        (None, Some(arn)) => (arn.split(':').nth(4), &environment.region),
        (None, None) => (None, &environment.region),
    }
}
