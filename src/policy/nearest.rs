//! What somebody lacked whom no policy permitted something: for each permit about the action,
//! the least change with which it would have applied. Only hints: nothing is decided here.

use cedar_policy::{ActionConstraint, EntityUid, PrincipalConstraint, ResourceConstraint};

use super::decide::permits;
use super::load::{Permit, Policies};
use super::request::{self, TYPES};
use crate::domain::id::{EnvironmentName, PersonId, Role};
use crate::domain::policy::{Facts, NearMiss, Question, Verified};

/// How many are told at most.
const TOLD: usize = 3;

/// What a permit lacked. In the order in which people would rather hear of it: nobody changes
/// the environment they ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Role,
    Fact,
    Person,
    Environment,
    Unknown,
}

/// A part of what was lacked, and its phrase.
struct Part {
    kind: Kind,
    phrase: String,
}

/// The permits that came nearest, best first.
pub(super) fn nearest(policies: &Policies, question: &Question) -> Vec<NearMiss> {
    let mut misses: Vec<(usize, Kind, NearMiss)> = policies
        .permits
        .about
        .values()
        .filter(|permit| about_action(policies, permit, question))
        .map(|permit| {
            let parts = lacked(policies, permit, question);
            let worst = parts.iter().map(|part| part.kind).max().unwrap_or(Kind::Unknown);
            let phrases: Vec<&str> = parts.iter().map(|part| part.phrase.as_str()).collect();
            let miss = NearMiss { policy: permit.id.clone(), lacked: listed(&phrases, "and") };
            (parts.len(), worst, miss)
        })
        .collect();
    // Stable: permits that came equally near stay in the order of their ids.
    misses.sort_by_key(|(count, worst, _)| (*count, *worst));
    // Who could be given a role does not want to hear of other environments.
    if misses.iter().any(|(_, worst, _)| *worst < Kind::Environment) {
        misses.retain(|(_, worst, _)| *worst < Kind::Environment);
    }
    misses.into_iter().take(TOLD).map(|(_, _, miss)| miss).collect()
}

fn about_action(policies: &Policies, permit: &Permit, question: &Question) -> bool {
    let action = request::action(question.action);
    let within =
        |group: &EntityUid| *group == action || policies.actions.is_ancestor_of(group, &action);
    match permit.policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(only) => only == action,
        ActionConstraint::In(groups) => groups.iter().any(within),
    }
}

/// The least that has to be different for the permit to apply.
fn lacked(policies: &Policies, permit: &Permit, question: &Question) -> Vec<Part> {
    let applies = |question: &Question| {
        request::ask(question, &policies.schema, &policies.actions)
            .is_ok_and(|asked| permits(permit, &asked))
    };
    let (question, mut parts) = in_scope(permit, question);
    if applies(&question) {
        return parts;
    }
    let roles = in_order_of_mention(policies, permit);
    let rest = one_role(&question, &roles, &applies)
        .map(|role| vec![role])
        .or_else(|| one_fact(&question, &applies).map(|(_, fact)| vec![fact]))
        .or_else(|| role_and_fact(&question, &roles, &applies))
        .or_else(|| several_roles(&question, &roles, &applies).map(|roles| vec![roles]))
        .or_else(|| other_environment(policies, &question, &applies).map(|place| vec![place]));
    match rest {
        Some(rest) => parts.extend(rest),
        None => parts.push(Part {
            kind: Kind::Unknown,
            phrase: format!("what the policy {} asks for", permit.id),
        }),
    }
    parts
}

/// The question with the person and environment that the permit's head names, and what had to
/// be changed for that.
fn in_scope(permit: &Permit, question: &Question) -> (Question, Vec<Part>) {
    let mut changed = question.clone();
    let mut parts = Vec::new();
    let other = |uid: &EntityUid, asked: &str| {
        let name = uid.id().unescaped().to_owned();
        (name != asked).then_some(name)
    };
    match permit.policy.resource_constraint() {
        ResourceConstraint::Any | ResourceConstraint::Is(_) => {}
        ResourceConstraint::Eq(uid)
        | ResourceConstraint::In(uid)
        | ResourceConstraint::IsIn(_, uid) => {
            if let Some(name) = other(&uid, question.environment.as_str()) {
                parts.push(environment_part(&name));
                changed.environment = EnvironmentName::new(name);
            }
        }
    }
    match permit.policy.principal_constraint() {
        PrincipalConstraint::Any | PrincipalConstraint::Is(_) => {}
        PrincipalConstraint::Eq(uid)
        | PrincipalConstraint::In(uid)
        | PrincipalConstraint::IsIn(_, uid) => {
            // A role in the head is found like any other role.
            if *uid.type_name() == TYPES.user
                && let Some(name) = other(&uid, question.person.id.as_str())
            {
                let phrase = format!("the person {name}");
                parts.push(Part { kind: Kind::Person, phrase });
                changed.person.id = PersonId::new(name);
            }
        }
    }
    (changed, parts)
}

fn environment_part(name: &str) -> Part {
    Part { kind: Kind::Environment, phrase: format!("the environment {name}") }
}

/// The known roles, those that the permit names first and in its order.
fn in_order_of_mention(policies: &Policies, permit: &Permit) -> Vec<Role> {
    let text = permit.policy.to_string();
    let mut roles: Vec<Role> = policies.roles.iter().cloned().collect();
    roles.sort_by_key(|role| text.find(&request::role(role).to_string()).unwrap_or(usize::MAX));
    roles
}

fn with_roles<'a>(question: &Question, roles: impl IntoIterator<Item = &'a Role>) -> Question {
    let mut changed = question.clone();
    changed.person.roles.extend(roles.into_iter().cloned());
    changed
}

/// Any one of the roles, if that is enough.
fn one_role(
    question: &Question,
    roles: &[Role],
    applies: &impl Fn(&Question) -> bool,
) -> Option<Part> {
    let enough: Vec<&str> = roles
        .iter()
        .filter(|role| applies(&with_roles(question, [*role])))
        .map(Role::as_str)
        .collect();
    (!enough.is_empty())
        .then(|| Part { kind: Kind::Role, phrase: format!("the role {}", listed(&enough, "or")) })
}

/// Several roles at once: as few of them as are enough.
fn several_roles(
    question: &Question,
    roles: &[Role],
    applies: &impl Fn(&Question) -> bool,
) -> Option<Part> {
    let mut needed: Vec<&Role> = roles.iter().collect();
    if !applies(&with_roles(question, needed.iter().copied())) {
        return None;
    }
    for role in roles {
        let fewer: Vec<&Role> = needed.iter().copied().filter(|other| *other != role).collect();
        if applies(&with_roles(question, fewer.iter().copied())) {
            needed = fewer;
        }
    }
    let names: Vec<&str> = needed.into_iter().map(Role::as_str).collect();
    Some(Part { kind: Kind::Role, phrase: format!("the roles {}", listed(&names, "and")) })
}

/// One fact that would be enough, and the question with it.
fn one_fact(question: &Question, applies: &impl Fn(&Question) -> bool) -> Option<(Question, Part)> {
    facts_nearby(question).into_iter().find(|(changed, _)| applies(changed))
}

fn role_and_fact(
    question: &Question,
    roles: &[Role],
    applies: &impl Fn(&Question) -> bool,
) -> Option<Vec<Part>> {
    facts_nearby(question)
        .into_iter()
        .find_map(|(changed, fact)| Some(vec![one_role(&changed, roles, applies)?, fact]))
}

fn other_environment(
    policies: &Policies,
    question: &Question,
    applies: &impl Fn(&Question) -> bool,
) -> Option<Part> {
    policies
        .environments
        .iter()
        .find(|name| applies(&Question { environment: (*name).clone(), ..question.clone() }))
        .map(|name| environment_part(name.as_str()))
}

/// The question with each fact changed in the way in which policies mostly want it.
fn facts_nearby(question: &Question) -> Vec<(Question, Part)> {
    let person = &question.person.id;
    let facts = &question.facts;
    let base = || facts.clone();
    let verified = facts.verified.as_ref().map(|seen| Verified { yes: true, ..seen.clone() });
    let place = facts.verified.as_ref().map(|seen| format!(" in {}", seen.environment));
    let changes: [(String, Facts); 11] = [
        ("a reason".into(), Facts { reason_given: true, ..base() }),
        ("being the one who asked".into(), Facts { requester: person.clone(), ..base() }),
        ("holding the lock".into(), Facts { locked_by: Some(person.clone()), ..base() }),
        ("an environment that nobody has locked".into(), Facts { locked_by: None, ..base() }),
        ("an environment that is not frozen".into(), Facts { frozen: None, ..base() }),
        ("an environment without a hold".into(), Facts { held: false, ..base() }),
        ("a person, not a program".into(), Facts { automated: false, ..base() }),
        (
            format!("images that were verified{}", place.unwrap_or_default()),
            Facts { verified, ..base() },
        ),
        ("images without critical findings".into(), Facts { critical_findings: Some(0), ..base() }),
        ("breaking the glass".into(), Facts { break_glass: true, ..base() }),
        (
            "another time".into(),
            // An ordinary weekday at noon; whoever wants another hour gets no hint.
            Facts { weekday: Facts::about(person.clone()).weekday, minute: 12 * 60, ..base() },
        ),
    ];
    changes
        .into_iter()
        .filter(|(_, changed)| changed != facts)
        .map(|(phrase, facts)| {
            (Question { facts, ..question.clone() }, Part { kind: Kind::Fact, phrase })
        })
        .collect()
}

/// `a`, `a or b`, `a, b or c`.
fn listed(words: &[&str], conjunction: &str) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} {conjunction} {last}", first.join(", ")),
    }
}
