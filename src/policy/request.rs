//! A `Question` in Cedar's words: request, context and the one who asks with their roles. What
//! the schema calls things is known here and in `policies/schema.cedarschema`, nowhere else.

use std::collections::HashSet;
use std::sync::LazyLock;

use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request, RestrictedExpression,
    Schema,
};

use super::error::PolicyError;
use crate::domain::id::{EnvironmentName, PersonId, Role};
use jiff::civil::Weekday;

use crate::domain::policy::{Action, Facts, Question, Verified};

/// The entity types of the schema.
pub(super) struct Types {
    pub user: EntityTypeName,
    pub role: EntityTypeName,
    pub environment: EntityTypeName,
    pub action: EntityTypeName,
    weekday: EntityTypeName,
}

pub(super) static TYPES: LazyLock<Types> = LazyLock::new(|| {
    #[expect(
        clippy::expect_used,
        reason = "these few words are identifiers of Cedar, whatever anybody asks"
    )]
    let named = |name: &str| -> EntityTypeName {
        name.parse().expect("a plain identifier names an entity type")
    };
    Types {
        user: named("User"),
        role: named("Role"),
        environment: named("Environment"),
        action: named("Action"),
        weekday: named("Weekday"),
    }
});

fn entity(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

pub(super) fn action(action: Action) -> EntityUid {
    entity(&TYPES.action, action.name())
}

pub(super) fn role(role: &Role) -> EntityUid {
    entity(&TYPES.role, role.as_str())
}

pub(super) fn environment(name: &EnvironmentName) -> EntityUid {
    entity(&TYPES.environment, name.as_str())
}

fn user(person: &PersonId) -> EntityUid {
    entity(&TYPES.user, person.as_str())
}

/// What Cedar is asked.
pub(super) struct Asked {
    pub request: Request,
    pub entities: Entities,
}

/// Puts a question into Cedar's words. `actions` are the action entities of the schema.
///
/// # Errors
/// [`PolicyError::Question`] if the schema has no room for it.
pub(super) fn ask(
    question: &Question,
    schema: &Schema,
    actions: &Entities,
) -> Result<Asked, PolicyError> {
    let asker = user(&question.person.id);
    let context = Context::from_pairs(context(&question.facts)).map_err(unfit)?;
    let request = Request::new(
        asker.clone(),
        action(question.action),
        environment(&question.environment),
        context,
        Some(schema),
    )
    .map_err(unfit)?;
    let roles: HashSet<EntityUid> = question.person.roles.iter().map(role).collect();
    let entities = actions
        .clone()
        .add_entities([Entity::new_no_attrs(asker, roles)], Some(schema))
        .map_err(unfit)?;
    Ok(Asked { request, entities })
}

fn unfit(error: impl std::error::Error + Send + Sync + 'static) -> PolicyError {
    PolicyError::Question(Box::new(error))
}

/// The facts as the context of the schema. What is not known is left out.
fn context(facts: &Facts) -> Vec<(String, RestrictedExpression)> {
    // Named one by one: a new fact must find its way into the schema too.
    let Facts {
        requester,
        verified,
        weekday,
        minute,
        critical_findings,
        locked_by,
        frozen,
        held,
        reason_given,
        break_glass,
        automated,
    } = facts;
    let uid = RestrictedExpression::new_entity_uid;
    let bool = RestrictedExpression::new_bool;
    let long = RestrictedExpression::new_long;
    let freezes = frozen.iter().flatten();
    let freezes = freezes.map(|name| RestrictedExpression::new_string(name.to_string()));
    let mut pairs = vec![
        ("requester", uid(user(requester))),
        ("weekday", uid(entity(&TYPES.weekday, weekday_name(*weekday)))),
        ("minute", long(i64::from(*minute))),
        ("frozen", bool(frozen.is_some())),
        ("freezes", RestrictedExpression::new_set(freezes)),
        ("held", bool(*held)),
        ("reason_given", bool(*reason_given)),
        ("break_glass", bool(*break_glass)),
        ("automated", bool(*automated)),
    ];
    if let Some(Verified { environment: before, yes }) = verified {
        pairs.push(("verified_in", uid(environment(before))));
        pairs.push(("verified", bool(*yes)));
    }
    if let Some(findings) = critical_findings {
        pairs.push(("critical_findings", long(i64::from(*findings))));
    }
    if let Some(holder) = locked_by {
        pairs.push(("locked_by", uid(user(holder))));
    }
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The name of the day in the schema, and in cases.
pub(super) fn weekday_name(weekday: Weekday) -> &'static str {
    match weekday {
        Weekday::Monday => "monday",
        Weekday::Tuesday => "tuesday",
        Weekday::Wednesday => "wednesday",
        Weekday::Thursday => "thursday",
        Weekday::Friday => "friday",
        Weekday::Saturday => "saturday",
        Weekday::Sunday => "sunday",
    }
}
