//! The reference of settings as Markdown, rendered from the table of keys. Writes no file.

use super::keys::{self, ENTRY, Form, ID, Key, NAME, Unset};
use super::variables::PREFIX;

/// The whole page.
pub fn reference() -> String {
    let mut page = format!(
        "# Settings\n\n\
         <!-- Rendered from the table of keys in src/settings/keys.rs; a test compares. -->\n\n\
         Shipmate reads `shipmate.toml`. Hyphens and underscores in keys are the same: \
         `role_arn` is `role-arn`. Names that you choose, here in angle brackets, keep their \
         spelling. They are one word of letters, digits, `-`, `_` and `.`. Lengths of time read \
         `30s`, `10m`, `1h30m`.\n\n\
         Each key can also be set by an environment variable, which wins over the file: \
         `{PREFIX}` and the key's path in capitals, with two underscores between the parts and \
         one for each hyphen. `SHIPMATE__ENVIRONMENTS__STAGING__CLUSTER` sets \
         `environments.staging.cluster`. Names and ids in tables must \
         already stand in the file; lists are separated by commas. A variable that begins so and sets nothing is an error.\n\n\
         All that is wrong is told at once, each with its line and column.\n"
    );
    let mut section = String::new();
    for key in keys::all() {
        let table = header(key);
        if table != section {
            page.push_str(&format!(
                "\n## `[{table}]`\n\n| key | value | where unset | meaning |\n| --- | --- | --- | --- |\n"
            ));
            section = table;
        }
        page.push_str(&row(key));
    }
    page
}

/// The table in which the key stands: `environments.<environment>`.
fn header(key: &Key) -> String {
    let parts: Vec<&str> = key
        .path
        .iter()
        .take(depth(key))
        .map(|part| if *part == NAME { chosen(key) } else { part })
        .collect();
    parts.join(".")
}

/// How many parts of the path name the table: all up to what people choose; else the second does
/// where more follow it.
fn depth(key: &Key) -> usize {
    if let Some(at) = key.path.iter().position(|part| *part == NAME) {
        return at + 1;
    }
    if key.path.len() > 2 { 2 } else { 1 }
}

fn chosen(key: &Key) -> &'static str {
    match key.path.first().copied() {
        Some("roles") => "<role>",
        Some("environments") => "<environment>",
        Some("services") => "<service>",
        Some("web") => "<token>",
        Some("freezes") => "<freeze>",
        Some("windows") => "<window>",
        Some("schedules") => "<schedule>",
        _ => "<name>",
    }
}

fn row(key: &Key) -> String {
    let by_id = key.path.last() == Some(&ID);
    let rest = key.path.get(depth(key)..).unwrap_or_default();
    let name = rest.get(..rest.len() - usize::from(by_id)).unwrap_or_default();
    let name: Vec<&str> = name.iter().copied().filter(|part| *part != ENTRY).collect();
    let name = name.join(".");
    let form = match key.form {
        Form::Text => "text",
        Form::List if by_id => "table of lists by id",
        Form::List => "list",
        Form::Number => "number",
        Form::Switch => "true or false",
        Form::Secret => "only as a variable",
        Form::ByEnvironment => "text, or table by environment",
        Form::Amount => "text or number",
        Form::AmountByEnvironment => "text or number, or table by environment",
    };
    let unset = match key.unset {
        Unset::Required => "required".to_owned(),
        Unset::Default(value) if matches!(key.form, Form::Number | Form::Switch) => {
            format!("`{value}`")
        }
        Unset::Default(value) => format!("`\"{value}\"`"),
        Unset::Otherwise(words) => words.to_owned(),
    };
    format!("| `{name}` | {form}: `{}` | {unset} | {} |\n", key.example, key.meaning)
}
