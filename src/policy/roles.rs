//! Finds policies that ask for the roles of somebody else than the one who asks. Only the
//! asker's roles are known, so Cedar would find that nobody else has any, and a forbid that
//! asks for one would silently never apply.

use cedar_policy::Policy;
use serde_json::Value;

/// Whether some `in` of the policy asks for a role of anything but `principal`.
pub(super) fn of_others(policy: &Policy) -> bool {
    // Cedar's JSON form is the public way to look into a condition. A policy that was parsed
    // out of text always has one; one without is taken for harmful.
    match policy.to_json() {
        Ok(json) => json.get("conditions").is_some_and(asks_others),
        Err(_) => true,
    }
}

fn asks_others(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.iter().any(|(operator, operands)| {
            let group = match operator.as_str() {
                "in" => operands.get("right"),
                // `x is User in y`
                "is" => operands.get("in"),
                // Every other operator compares, computes or looks into a value.
                _ => None,
            };
            let others = group.is_some_and(names_role) && !is_principal(operands.get("left"));
            others || asks_others(operands)
        }),
        Value::Array(items) => items.iter().any(asks_others),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn is_principal(value: Option<&Value>) -> bool {
    value.and_then(|value| value.get("Var")).and_then(Value::as_str) == Some("principal")
}

/// Whether a role stands anywhere in the expression.
fn names_role(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.iter().any(|(key, inner)| {
            let role =
                key == "__entity" && inner.get("type").and_then(Value::as_str) == Some("Role");
            role || names_role(inner)
        }),
        Value::Array(items) => items.iter().any(names_role),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
