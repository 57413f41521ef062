//! Buttons and menus under a message: how many, how long, and no name twice.

use std::collections::BTreeSet;

use serde_json::Value;

use super::answer::FormErrors;

pub fn check(wrong: &mut FormErrors, rows: &[Value]) {
    if rows.len() > 5 {
        wrong.too_long("components", 5);
        return;
    }
    let mut names = BTreeSet::new();
    for (index, row) in rows.iter().enumerate() {
        let path = format!("components.{index}");
        if row["type"].as_u64() != Some(1) {
            let message = "Value of field \"type\" must be one of (1,).";
            wrong.add(&format!("{path}.type"), "UNION_TYPE_CHOICES", message);
            continue;
        }
        let inside = row["components"].as_array().map(Vec::as_slice).unwrap_or_default();
        let path = format!("{path}.components");
        if inside.is_empty() || inside.len() > 5 {
            let message = "Must be between 1 and 5 in length.";
            wrong.add(&path, "BASE_TYPE_BAD_LENGTH", message);
        }
        let menus = inside.iter().filter(|component| is_menu(component)).count();
        if menus > 0 && inside.len() > 1 {
            let message = "A menu stands alone in its row.";
            wrong.add(&path, "COMPONENT_LAYOUT_WIDTH_EXCEEDED", message);
        }
        for (index, component) in inside.iter().enumerate() {
            one(wrong, &format!("{path}.{index}"), component, &mut names);
        }
    }
}

fn is_menu(component: &Value) -> bool {
    component["type"].as_u64().is_some_and(|kind| kind == 3 || (5..=8).contains(&kind))
}

fn one(wrong: &mut FormErrors, path: &str, component: &Value, names: &mut BTreeSet<String>) {
    let is_link = match component["type"].as_u64() {
        Some(2) => button(wrong, path, component),
        Some(3) => {
            menu(wrong, path, component);
            false
        }
        Some(5..=8) => false,
        Some(_) | None => {
            let message = "Value of field \"type\" must be one of (2, 3, 5, 6, 7, 8).";
            wrong.add(&format!("{path}.type"), "UNION_TYPE_CHOICES", message);
            return;
        }
    };
    if is_link {
        return;
    }
    let path = format!("{path}.custom_id");
    wrong.text(&path, &component["custom_id"], (1, 100));
    if let Some(name) = component["custom_id"].as_str()
        && !names.insert(name.to_owned())
    {
        let message = "Component custom id cannot be duplicated";
        wrong.add(&path, "COMPONENT_CUSTOM_ID_DUPLICATED", message);
    }
}

/// Whether it is a link, which has an address instead of a name.
fn button(wrong: &mut FormErrors, path: &str, button: &Value) -> bool {
    wrong.text(&format!("{path}.label"), &button["label"], (0, 80));
    if button["label"].as_str().is_none_or(str::is_empty) && !button["emoji"].is_object() {
        let message = "A button must have a label or an emoji.";
        wrong.add(path, "BUTTON_COMPONENT_LABEL_OR_EMOJI_REQUIRED", message);
    }
    match button["style"].as_u64() {
        Some(1..=4) => {
            if button["url"].is_string() {
                let message = "A custom id and url cannot both be specified";
                wrong.add(path, "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE", message);
            }
            false
        }
        Some(5) => {
            wrong.text(&format!("{path}.url"), &button["url"], (1, 512));
            if button["custom_id"].is_string() {
                let message = "A custom id and url cannot both be specified";
                wrong.add(path, "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE", message);
            }
            true
        }
        Some(_) | None => {
            let message = "Value must be one of (1, 2, 3, 4, 5).";
            wrong.add(&format!("{path}.style"), "BASE_TYPE_CHOICES", message);
            false
        }
    }
}

fn menu(wrong: &mut FormErrors, path: &str, menu: &Value) {
    wrong.text(&format!("{path}.placeholder"), &menu["placeholder"], (0, 150));
    let options = menu["options"].as_array().map(Vec::as_slice).unwrap_or_default();
    let path = format!("{path}.options");
    if options.is_empty() || options.len() > 25 {
        wrong.add(&path, "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 25 in length.");
    }
    let mut values = BTreeSet::new();
    for (index, option) in options.iter().enumerate() {
        let path = format!("{path}.{index}");
        wrong.text(&format!("{path}.label"), &option["label"], (1, 100));
        wrong.text(&format!("{path}.value"), &option["value"], (1, 100));
        if !values.insert(option["value"].to_string()) {
            let message = "The specified option value is already used";
            wrong.add(
                &format!("{path}.value"),
                "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED",
                message,
            );
        }
    }
}
