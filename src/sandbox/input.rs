//! Reads the JSON that a call carries, member by member, and refuses what is missing or of the
//! wrong type as AWS does. Must not know any operation.

use serde_json::{Map, Value};

use super::error::{ErrorName, Refusal};

/// The members of one structure of a request.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    members: &'a Map<String, Value>,
}

impl<'a> Input<'a> {
    pub(super) fn new(value: &'a Value) -> Result<Input<'a>, Refusal> {
        match value {
            Value::Object(members) => Ok(Input { members }),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => Err(wrong("the request", "a structure")),
        }
    }

    /// The member as it came; AWS reads an explicit null as absent.
    pub(super) fn raw(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>, Refusal> {
        match self.raw(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(wrong(name, "a string")),
        }
    }

    pub(super) fn required_text(&self, name: &str) -> Result<&'a str, Refusal> {
        match self.text(name)? {
            Some(text) if !text.is_empty() => Ok(text),
            Some(_) | None => Err(missing(name)),
        }
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.raw(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(wrong(name, "a boolean")),
        }
    }

    /// A number that is not negative: nothing that the sandbox takes may be.
    pub(super) fn count(&self, name: &str) -> Result<Option<u32>, Refusal> {
        match self.raw(name) {
            None => Ok(None),
            Some(Value::Number(number)) => {
                match number.as_u64().and_then(|n| u32::try_from(n).ok()) {
                    Some(count) => Ok(Some(count)),
                    None => Err(Refusal::invalid(format!("{name} is out of range."))),
                }
            }
            Some(_) => Err(wrong(name, "an integer")),
        }
    }

    pub(super) fn list(&self, name: &str) -> Result<Option<&'a [Value]>, Refusal> {
        match self.raw(name) {
            None => Ok(None),
            Some(Value::Array(values)) => Ok(Some(values)),
            Some(_) => Err(wrong(name, "a list")),
        }
    }

    pub(super) fn required_list(&self, name: &str) -> Result<&'a [Value], Refusal> {
        self.list(name)?.ok_or_else(|| missing(name))
    }

    pub(super) fn texts(&self, name: &str) -> Result<Option<Vec<&'a str>>, Refusal> {
        let Some(values) = self.list(name)? else {
            return Ok(None);
        };
        let texts: Option<Vec<&str>> = values.iter().map(Value::as_str).collect();
        texts.map(Some).ok_or_else(|| wrong(name, "a list of strings"))
    }

    pub(super) fn structure(&self, name: &str) -> Result<Option<Input<'a>>, Refusal> {
        match self.raw(name) {
            None => Ok(None),
            Some(Value::Object(members)) => Ok(Some(Input { members })),
            Some(_) => Err(wrong(name, "a structure")),
        }
    }

    /// One of the values that AWS's model lists for the member.
    pub(super) fn choice(
        &self,
        name: &str,
        values: &[&'static str],
    ) -> Result<Option<&'static str>, Refusal> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        match values.iter().find(|value| **value == text) {
            Some(value) => Ok(Some(value)),
            None => Err(Refusal::invalid(format!("{name} must be one of {}.", values.join(", ")))),
        }
    }

    /// `maxResults`, within what AWS allows for the call.
    pub(super) fn page_size(&self, default: usize, most: usize) -> Result<usize, Refusal> {
        match self.count("maxResults")? {
            None => Ok(default),
            Some(0) => Err(Refusal::invalid("maxResults must be at least 1.")),
            Some(size) if size as usize > most => {
                Err(Refusal::invalid(format!("maxResults must be at most {most}.")))
            }
            Some(size) => Ok(size as usize),
        }
    }
}

pub(super) fn missing(name: &str) -> Refusal {
    Refusal::invalid(format!(
        "Invalid parameter at '{name}' failed to satisfy constraint: 'Member must not be null'"
    ))
}

fn wrong(name: &str, kind: &str) -> Refusal {
    Refusal::new(ErrorName::Serialization, format!("{name} must be {kind}"))
}

/// Cuts one page out of items that stand in the order of their keys. A token is the last key that
/// was given, so that a page stays right when items come and go between two calls.
pub(super) fn page<K: ToString, T>(
    items: impl Iterator<Item = (K, T)>,
    size: usize,
) -> (Vec<T>, Option<String>) {
    let mut values = Vec::new();
    let mut last = None;
    for (key, value) in items {
        if values.len() == size {
            return (values, last);
        }
        last = Some(token_of(&key.to_string()));
        values.push(value);
    }
    (values, None)
}

fn token_of(key: &str) -> String {
    key.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// The key that a token of `page` stands for.
pub(super) fn token(input: Input<'_>) -> Result<Option<String>, Refusal> {
    let Some(token) = input.text("nextToken")? else {
        return Ok(None);
    };
    let bad = || Refusal::invalid("Invalid token in request.");
    let bytes: Option<Vec<u8>> = (0..token.len())
        .step_by(2)
        .map(|at| token.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect();
    String::from_utf8(bytes.ok_or_else(bad)?).map(Some).map_err(|_| bad())
}
