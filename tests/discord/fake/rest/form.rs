//! A message that a client wants: read out of its body and held against Discord's limits. Knows
//! nothing of where it will stand.

use std::collections::BTreeSet;

use serde_json::Value;

use super::answer::{FormErrors, Refused};

const SUPPRESS_EMBEDS: u64 = 1 << 2;
const SUPPRESS_NOTIFICATIONS: u64 = 1 << 12;
const COMPONENTS_V2: u64 = 1 << 15;

/// What a body says; a part that it does not mention is none, one that it empties is empty.
#[derive(Debug, Default)]
pub struct Draft {
    pub content: Option<String>,
    pub embeds: Option<Vec<Value>>,
    pub components: Option<Vec<Value>>,
    /// Those flags that a client may set; without the ephemeral one, which is for interactions
    /// only.
    pub flags: Option<u64>,
    pub ephemeral: bool,
    pub nonce: Option<Value>,
    pub enforce_nonce: bool,
    pub reference: Option<Reference>,
    /// None: everything pings.
    pub allowed_mentions: Option<AllowedMentions>,
}

#[derive(Clone, Copy, Debug)]
pub struct Reference {
    pub message: u64,
    pub channel: Option<u64>,
    pub fail_if_not_exists: bool,
}

/// Whom a message may ping.
#[derive(Clone, Debug, Default)]
pub struct AllowedMentions {
    pub parse: BTreeSet<String>,
    pub users: BTreeSet<u64>,
    pub roles: BTreeSet<u64>,
    pub replied_user: bool,
}

/// Reads a message, or says what Discord would say.
pub fn read(body: &Value) -> Result<Draft, Refused> {
    let mut wrong = FormErrors::default();
    if !body.is_object() {
        return Err(Refused::form("_", "DICT_TYPE_CONVERT", "Only dictionaries may be used"));
    }
    let flags = body["flags"].as_u64().unwrap_or(0);
    let draft = Draft {
        content: content(&mut wrong, body, flags),
        embeds: list(&mut wrong, body, "embeds", 10),
        components: list(&mut wrong, body, "components", 40),
        flags: body["flags"]
            .as_u64()
            .map(|flags| flags & (SUPPRESS_EMBEDS | SUPPRESS_NOTIFICATIONS | COMPONENTS_V2)),
        ephemeral: flags & super::super::state::EPHEMERAL != 0,
        nonce: nonce(&mut wrong, &body["nonce"]),
        enforce_nonce: body["enforce_nonce"].as_bool().unwrap_or(false),
        reference: reference(&mut wrong, &body["message_reference"]),
        allowed_mentions: allowed_mentions(&mut wrong, &body["allowed_mentions"]),
    };
    if draft.enforce_nonce && draft.nonce.is_none() {
        wrong.required("nonce");
    }
    embeds(&mut wrong, draft.embeds.as_deref().unwrap_or_default());
    // What may be nested in what is another language in the second version of components.
    if flags & COMPONENTS_V2 == 0 {
        super::components::check(&mut wrong, draft.components.as_deref().unwrap_or_default());
    }
    wrong.check()?;
    Ok(draft)
}

fn content(wrong: &mut FormErrors, body: &Value, flags: u64) -> Option<String> {
    let value = body.get("content")?;
    wrong.text("content", value, (0, 2000));
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        // Null empties; what is neither was refused above.
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            String::new()
        }
    };
    if flags & COMPONENTS_V2 != 0 && !text.is_empty() {
        let message = "The 'content' field cannot be used when using MessageFlags.IS_COMPONENTS_V2";
        wrong.add("content", "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", message);
    }
    Some(text)
}

fn list(wrong: &mut FormErrors, body: &Value, name: &str, most: usize) -> Option<Vec<Value>> {
    match body.get(name)? {
        Value::Null => Some(Vec::new()),
        Value::Array(list) => {
            if list.len() > most {
                wrong.too_long(name, most);
            }
            Some(list.clone())
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            wrong.add(name, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType");
            None
        }
    }
}

fn nonce(wrong: &mut FormErrors, value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(value.clone()),
        Value::String(text) => {
            if text.chars().count() > 25 {
                wrong.too_long("nonce", 25);
            }
            Some(value.clone())
        }
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            wrong.add("nonce", "NONCE_TYPE_INVALID_TYPE", "Must be a string or an integer.");
            None
        }
    }
}

/// An id, written as text or as a number.
pub fn snowflake(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok()).filter(|id| *id > 0)
}

fn reference(wrong: &mut FormErrors, value: &Value) -> Option<Reference> {
    if value.is_null() {
        return None;
    }
    let message = snowflake(&value["message_id"]);
    if message.is_none() {
        not_an_id(wrong, "message_reference.message_id");
    }
    Some(Reference {
        message: message?,
        channel: snowflake(&value["channel_id"]),
        fail_if_not_exists: value["fail_if_not_exists"].as_bool().unwrap_or(true),
    })
}

fn not_an_id(wrong: &mut FormErrors, path: &str) {
    wrong.add(path, "NUMBER_TYPE_COERCE", "Value is not snowflake.");
}

fn allowed_mentions(wrong: &mut FormErrors, value: &Value) -> Option<AllowedMentions> {
    if value.is_null() {
        return None;
    }
    let mut allowed = AllowedMentions {
        replied_user: value["replied_user"].as_bool().unwrap_or(false),
        ..AllowedMentions::default()
    };
    for (index, kind) in value["parse"].as_array().into_iter().flatten().enumerate() {
        match kind.as_str() {
            Some(kind @ ("users" | "roles" | "everyone")) => {
                allowed.parse.insert(kind.to_owned());
            }
            Some(_) | None => {
                let path = format!("allowed_mentions.parse.{index}");
                let message = "Value must be one of ('users', 'roles', 'everyone').";
                wrong.add(&path, "BASE_TYPE_CHOICES", message);
            }
        }
    }
    for (name, ids) in [("users", &mut allowed.users), ("roles", &mut allowed.roles)] {
        let path = format!("allowed_mentions.{name}");
        let list = value[name].as_array().map(Vec::as_slice).unwrap_or_default();
        if list.len() > 100 {
            wrong.too_long(&path, 100);
        }
        if !list.is_empty() && allowed.parse.contains(name) {
            let message =
                format!("parse:[\"{name}\"] and {name}: [ids...] are mutually exclusive.");
            wrong.add(&path, "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", &message);
        }
        for (index, id) in list.iter().enumerate() {
            match snowflake(id) {
                Some(id) => drop(ids.insert(id)),
                None => not_an_id(wrong, &format!("{path}.{index}")),
            }
        }
    }
    Some(allowed)
}

/// Whether an embed shows anything.
pub fn embed_says_something(embed: &Value) -> bool {
    let filled = |name: &str| match &embed[name] {
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(object) => !object.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    };
    ["title", "description", "fields", "footer", "author", "image", "thumbnail"]
        .into_iter()
        .any(filled)
}

fn embeds(wrong: &mut FormErrors, embeds: &[Value]) {
    let mut total = 0;
    for (index, embed) in embeds.iter().enumerate() {
        let path = format!("embeds.{index}");
        total += one_embed(wrong, &path, embed);
    }
    if total > 6000 {
        let message = "Embed size exceeds maximum size of 6000";
        wrong.add("embeds", "MAX_EMBED_SIZE_EXCEEDED", message);
    }
}

/// Checks one, and counts the characters in it.
fn one_embed(wrong: &mut FormErrors, path: &str, embed: &Value) -> usize {
    if !embed.is_object() {
        wrong.add(path, "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType");
        return 0;
    }
    let length = |value: &Value| value.as_str().map_or(0, |text| text.chars().count());
    wrong.text(&format!("{path}.title"), &embed["title"], (0, 256));
    wrong.text(&format!("{path}.description"), &embed["description"], (0, 4096));
    let mut total = length(&embed["title"]) + length(&embed["description"]);
    if embed["footer"].is_object() {
        wrong.text(&format!("{path}.footer.text"), &embed["footer"]["text"], (1, 2048));
        total += length(&embed["footer"]["text"]);
    }
    if embed["author"].is_object() {
        wrong.text(&format!("{path}.author.name"), &embed["author"]["name"], (1, 256));
        total += length(&embed["author"]["name"]);
    }
    let fields = embed["fields"].as_array().map(Vec::as_slice).unwrap_or_default();
    if fields.len() > 25 {
        wrong.too_long(&format!("{path}.fields"), 25);
    }
    for (index, field) in fields.iter().enumerate() {
        let path = format!("{path}.fields.{index}");
        wrong.text(&format!("{path}.name"), &field["name"], (1, 256));
        wrong.text(&format!("{path}.value"), &field["value"], (1, 1024));
        total += length(&field["name"]) + length(&field["value"]);
    }
    if embed["color"].as_u64().is_some_and(|color| color > 0xff_ffff) {
        let message = "int value should be less than or equal to 16777215.";
        wrong.add(&format!("{path}.color"), "NUMBER_TYPE_MAX", message);
    }
    if let Some(url) = embed["url"].as_str()
        && !url.starts_with("https://")
        && !url.starts_with("http://")
    {
        let message = "Scheme must be one of ('http', 'https').";
        wrong.add(&format!("{path}.url"), "URL_TYPE_INVALID_SCHEME", message);
    }
    if let Some(timestamp) = embed["timestamp"].as_str()
        && timestamp.parse::<jiff::Timestamp>().is_err()
    {
        let message = "Could not interpret as ISO8601 timestamp.";
        wrong.add(&format!("{path}.timestamp"), "DATE_TIME_TYPE_PARSE", message);
    }
    total
}
