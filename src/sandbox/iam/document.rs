//! A policy document: its statements, and what they decide. Only what the sandbox understands is
//! taken, so that nothing in a document goes unheeded. Must not know which call is about which
//! resource.

use serde_json::{Map, Value};

use super::request::Subject;

/// A policy, read.
#[derive(Debug)]
pub(super) struct Document {
    statements: Vec<Statement>,
}

/// What a policy says about a call.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Allowed,
    /// No statement allows it.
    NotAllowed,
    /// A statement denies it, which wins over all that allow it.
    Denied,
}

#[derive(Debug)]
struct Statement {
    denies: bool,
    actions: Vec<String>,
    resources: Vec<String>,
    conditions: Vec<Condition>,
}

/// Holds where the key has one of the values.
#[derive(Debug)]
struct Condition {
    operator: Operator,
    key: String,
    values: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
enum Operator {
    /// `StringEquals`
    Exactly,
    /// `StringLike`, `ArnLike` and `ArnEquals`, which are all with wildcards.
    Like,
}

impl Document {
    pub(super) fn read(document: &Value) -> Result<Document, String> {
        let members = structure(document, "the policy", &["Version", "Id", "Statement"])?;
        match members.get("Version").and_then(Value::as_str) {
            Some("2012-10-17") => {}
            Some(_) | None => return Err("Version must be 2012-10-17".to_owned()),
        }
        let statements = match members.get("Statement") {
            Some(Value::Array(statements)) => statements.iter().map(Statement::read).collect(),
            Some(statement) => Statement::read(statement).map(|one| vec![one]),
            None => Err("there is no Statement".to_owned()),
        };
        Ok(Document { statements: statements? })
    }

    pub(super) fn decide(&self, action: &str, subject: &Subject) -> Decision {
        let holding = self.statements.iter().filter(|one| one.holds_for(action, subject));
        let (denying, allowing): (Vec<&Statement>, Vec<&Statement>) =
            holding.partition(|one| one.denies);
        match (denying.is_empty(), allowing.is_empty()) {
            (false, _) => Decision::Denied,
            (true, false) => Decision::Allowed,
            (true, true) => Decision::NotAllowed,
        }
    }
}

impl Statement {
    fn read(statement: &Value) -> Result<Statement, String> {
        let known = ["Sid", "Effect", "Action", "Resource", "Condition"];
        let members = structure(statement, "a statement", &known)?;
        let denies = match members.get("Effect").and_then(Value::as_str) {
            Some("Allow") => false,
            Some("Deny") => true,
            Some(_) | None => return Err("Effect must be Allow or Deny".to_owned()),
        };
        let conditions = match members.get("Condition") {
            None => Vec::new(),
            Some(conditions) => Condition::read_all(conditions)?,
        };
        let actions = texts(members.get("Action"), "Action")?;
        if let Some(bad) = actions.iter().find(|one| *one != "*" && !one.contains(':')) {
            return Err(format!("{bad} is no action"));
        }
        let resources = texts(members.get("Resource"), "Resource")?;
        if let Some(bad) = resources.iter().find(|one| *one != "*" && !one.starts_with("arn:")) {
            return Err(format!("{bad} is no resource"));
        }
        Ok(Statement { denies, actions, resources, conditions })
    }

    fn holds_for(&self, action: &str, subject: &Subject) -> bool {
        // Actions are the same in capitals and small letters; resources are not.
        let action = action.to_ascii_lowercase();
        self.actions.iter().any(|one| is_like(&one.to_ascii_lowercase(), &action))
            && self.resources.iter().any(|one| is_like(one, &subject.resource))
            && self.conditions.iter().all(|one| one.holds_for(subject))
    }
}

impl Condition {
    fn read_all(conditions: &Value) -> Result<Vec<Condition>, String> {
        let names = ["StringEquals", "StringLike", "ArnEquals", "ArnLike"];
        let mut read = Vec::new();
        for (name, keys) in structure(conditions, "Condition", &names)? {
            let operator = match name.as_str() {
                "StringEquals" => Operator::Exactly,
                _ => Operator::Like,
            };
            for (key, values) in structure(keys, name, &["ecs:cluster"])? {
                let values = texts(Some(values), key)?;
                read.push(Condition { operator, key: key.clone(), values });
            }
        }
        Ok(read)
    }

    fn holds_for(&self, subject: &Subject) -> bool {
        // What a call does not say has no value that could be the right one.
        let Some(actual) = subject.value(&self.key) else { return false };
        self.values.iter().any(|value| match self.operator {
            Operator::Exactly => value == actual,
            Operator::Like => is_like(value, actual),
        })
    }
}

/// The members of a structure, which has no others than those that are known.
fn structure<'a>(
    value: &'a Value,
    what: &str,
    known: &[&str],
) -> Result<&'a Map<String, Value>, String> {
    let members = value.as_object().ok_or_else(|| format!("{what} must be a structure"))?;
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        Some(unknown) => Err(format!("{what} has {unknown}, which the sandbox does not know")),
        None => Ok(members),
    }
}

/// One text, or a list of them.
fn texts(value: Option<&Value>, what: &str) -> Result<Vec<String>, String> {
    let bad = || format!("{what} must be a text or a list of texts");
    let texts: Vec<String> = match value {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(values)) => values
            .iter()
            .map(|value| value.as_str().map(str::to_owned).ok_or_else(bad))
            .collect::<Result<_, _>>()?,
        Some(_) | None => return Err(bad()),
    };
    if texts.is_empty() { Err(bad()) } else { Ok(texts) }
}

/// Whether a text is like a pattern, in which `*` stands for any run of characters and `?` for one.
fn is_like(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut star) = ((0, 0), None);
    while at.1 < text.len() {
        match pattern.get(at.0) {
            Some(b'*') => {
                star = Some(at);
                at.0 += 1;
            }
            Some(wanted) if *wanted == b'?' || *wanted == text[at.1] => at = (at.0 + 1, at.1 + 1),
            Some(_) | None => match star {
                // The last star stands for one character more.
                Some((of_pattern, of_text)) => {
                    star = Some((of_pattern, of_text + 1));
                    at = (of_pattern + 1, of_text + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at.0..].iter().all(|rest| *rest == b'*')
}

#[cfg(test)]
mod tests {
    use super::is_like;

    #[test]
    fn patterns_have_stars_and_question_marks() {
        for (pattern, text, like) in [
            ("*", "", true),
            ("*", "anything", true),
            ("service/staging/*", "service/staging/api", true),
            ("service/staging/*", "service/production/api", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("task-?", "task-7", true),
            ("task-?", "task-77", false),
            ("exact", "exact", true),
            ("exact", "exactly", false),
            ("", "x", false),
        ] {
            assert_eq!(is_like(pattern, text), like, "{pattern} {text}");
        }
    }
}
