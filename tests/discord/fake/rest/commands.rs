//! The commands that an application registers, for a guild or for everywhere.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::state::{Command, State};
use super::Request;
use super::answer::{Answer, FormErrors, Refused};
use super::{guild, route};

const MOST_CREATES_A_DAY: u32 = 200;
const MOST_COMMANDS: usize = 100;
const SUBCOMMAND: u64 = 1;
const SUBCOMMAND_GROUP: u64 = 2;

/// `/applications/{application}/…`
pub fn below(
    state: &mut State,
    request: &Request,
    application: u64,
    rest: &[&str],
) -> Result<Answer, Refused> {
    if application != state.world.application {
        let message = "You are not authorized to perform this action on this application";
        return Err(Refused::new(403, 20012, message));
    }
    let (scope, rest) = match rest {
        ["commands", rest @ ..] => (None, rest),
        ["guilds", of, "commands", rest @ ..] => {
            let of = route::id(of)?;
            // Commands of a guild that the application is not in are not its business.
            guild::known(state, of).map_err(|_unknown| Refused::missing_access())?;
            (Some(of), rest)
        }
        _ => return Err(Refused::no_route()),
    };
    match (request.method.as_str(), rest) {
        ("GET", []) => Ok(Answer::ok(all(state, scope))),
        ("PUT", []) => overwrite(state, scope, &request.body),
        ("POST", []) => create(state, scope, &request.body),
        (method, [id]) => one(state, scope, (method, route::id(id)?), &request.body),
        _ => Err(Refused::no_route()),
    }
}

fn all(state: &State, scope: Option<u64>) -> Value {
    let own = state.commands.iter().filter(|command| command.guild == scope);
    own.map(|command| command.body.clone()).collect()
}

fn overwrite(state: &mut State, scope: Option<u64>, body: &Value) -> Result<Answer, Refused> {
    let Some(list) = body.as_array() else {
        return Err(Refused::form("_", "LIST_TYPE_CONVERT", "Only iterables may be used"));
    };
    if list.len() > MOST_COMMANDS {
        return Err(too_many());
    }
    let mut wrong = FormErrors::default();
    let mut names = BTreeSet::new();
    for (index, command) in list.iter().enumerate() {
        check(&mut wrong, &index.to_string(), command);
        if !names.insert((kind(command), command["name"].to_string())) {
            let message = "Application command names must be unique";
            let path = format!("{index}.name");
            wrong.add(&path, "APPLICATION_COMMANDS_DUPLICATE_NAME", message);
        }
    }
    wrong.check()?;
    let new = list.iter().filter(|command| position(state, scope, command).is_none()).count();
    count_creates(state, new)?;
    let mut kept = Vec::new();
    for command in list {
        let known = position(state, scope, command).map(|at| state.commands[at].id);
        kept.push(registered(state, scope, known, command));
    }
    state.commands.retain(|command| command.guild != scope);
    state.commands.extend(kept);
    Ok(Answer::ok(all(state, scope)))
}

fn create(state: &mut State, scope: Option<u64>, body: &Value) -> Result<Answer, Refused> {
    let mut wrong = FormErrors::default();
    check(&mut wrong, "", body);
    wrong.check()?;
    match position(state, scope, body) {
        Some(at) => {
            let known = state.commands[at].id;
            let command = registered(state, scope, Some(known), body);
            let shown = command.body.clone();
            state.commands[at] = command;
            Ok(Answer::ok(shown))
        }
        None => {
            let own = state.commands.iter().filter(|command| command.guild == scope).count();
            if own >= MOST_COMMANDS {
                return Err(too_many());
            }
            count_creates(state, 1)?;
            let command = registered(state, scope, None, body);
            let shown = command.body.clone();
            state.commands.push(command);
            Ok(Answer::created(shown))
        }
    }
}

fn one(
    state: &mut State,
    scope: Option<u64>,
    (method, id): (&str, u64),
    body: &Value,
) -> Result<Answer, Refused> {
    let is_it = |command: &Command| command.guild == scope && command.id == id;
    let at = state.commands.iter().position(is_it).ok_or_else(Refused::unknown_command)?;
    match method {
        "GET" => Ok(Answer::ok(state.commands[at].body.clone())),
        "DELETE" => {
            state.commands.remove(at);
            Ok(Answer::nothing())
        }
        "PATCH" => {
            let mut whole = state.commands[at].body.clone();
            for (name, value) in body.as_object().into_iter().flatten() {
                whole[name] = value.clone();
            }
            let mut wrong = FormErrors::default();
            check(&mut wrong, "", &whole);
            wrong.check()?;
            let command = registered(state, scope, Some(id), &whole);
            let shown = command.body.clone();
            state.commands[at] = command;
            Ok(Answer::ok(shown))
        }
        _ => Err(Refused::no_route()),
    }
}

fn too_many() -> Refused {
    Refused::new(400, 30032, "Maximum number of application commands reached (100).")
}

/// Commands that were not there before count towards what an application may create in a day.
fn count_creates(state: &mut State, new: usize) -> Result<(), Refused> {
    let after = state.command_creates + u32::try_from(new).unwrap_or(u32::MAX);
    if after > MOST_CREATES_A_DAY {
        let message = "Max number of daily application command creates has been reached (200)";
        return Err(Refused::new(400, 30034, message));
    }
    state.command_creates = after;
    Ok(())
}

fn kind(command: &Value) -> u64 {
    command["type"].as_u64().unwrap_or(1)
}

/// Where the command of that name and kind stands.
fn position(state: &State, scope: Option<u64>, command: &Value) -> Option<usize> {
    state.commands.iter().position(|known| {
        known.guild == scope
            && known.body["name"] == command["name"]
            && kind(&known.body) == kind(command)
    })
}

fn registered(state: &mut State, guild: Option<u64>, id: Option<u64>, body: &Value) -> Command {
    let id = id.unwrap_or_else(|| state.next_id());
    let mut whole = json!({
        "id": id.to_string(),
        "application_id": state.world.application.to_string(),
        "version": state.next_id().to_string(),
        "default_member_permissions": null,
        "type": 1,
        "nsfw": false,
        "description": "",
        "options": [],
    });
    for (name, value) in body.as_object().into_iter().flatten() {
        if !["id", "application_id", "version", "guild_id"].contains(&name.as_str()) {
            whole[name] = value.clone();
        }
    }
    // What an option says nothing about, Discord leaves out.
    for option in whole["options"].as_array_mut().into_iter().flatten() {
        if let Some(members) = option.as_object_mut() {
            members.retain(|_, value| !value.is_null());
        }
    }
    if let Some(guild) = guild {
        whole["guild_id"] = guild.to_string().into();
    }
    Command { id, guild, body: whole }
}

fn below_path(path: &str, step: &str) -> String {
    if path.is_empty() { step.to_owned() } else { format!("{path}.{step}") }
}

fn check(wrong: &mut FormErrors, path: &str, command: &Value) {
    if kind(command) == 1 {
        name(wrong, path, &command["name"]);
        wrong.text(&below_path(path, "description"), &command["description"], (1, 100));
    } else {
        wrong.text(&below_path(path, "name"), &command["name"], (1, 32));
        wrong.text(&below_path(path, "description"), &command["description"], (0, 0));
    }
    options(wrong, path, &command["options"], 0);
    let size = characters(command);
    if size > 8000 {
        let message = "Command exceeds maximum size (8000)";
        wrong.add(&below_path(path, "options"), "APPLICATION_COMMAND_TOO_LARGE", message);
    }
}

/// The characters that Discord counts: names, descriptions and values, all the way down.
fn characters(part: &Value) -> usize {
    let own = ["name", "description", "value"].into_iter();
    let own: usize = own.filter_map(|key| part[key].as_str()).map(|s| s.chars().count()).sum();
    let lists = ["options", "choices"].into_iter().filter_map(|key| part[key].as_array());
    own + lists.flatten().map(characters).sum::<usize>()
}

fn name(wrong: &mut FormErrors, path: &str, name: &Value) {
    let path = below_path(path, "name");
    wrong.text(&path, name, (1, 32));
    let fits = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_')
    };
    if name.as_str().is_some_and(|name| !name.bytes().all(fits)) {
        let message = "Command name is invalid";
        wrong.add(&path, "APPLICATION_COMMAND_INVALID_NAME", message);
    }
}

fn options(wrong: &mut FormErrors, path: &str, options: &Value, depth: usize) {
    let options = options.as_array().map(Vec::as_slice).unwrap_or_default();
    let path = below_path(path, "options");
    if options.len() > 25 {
        wrong.too_long(&path, 25);
    }
    let mut names = BTreeSet::new();
    let mut optional_before = false;
    let nested = |option: &Value| matches!(kind(option), SUBCOMMAND | SUBCOMMAND_GROUP);
    if options.iter().any(nested) && !options.iter().all(nested) {
        let message = "Sub-commands and other options exclude each other";
        wrong.add(&path, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", message);
    }
    for (index, option) in options.iter().enumerate() {
        let path = format!("{path}.{index}");
        name(wrong, &path, &option["name"]);
        wrong.text(&format!("{path}.description"), &option["description"], (1, 100));
        if !names.insert(option["name"].to_string()) {
            let message = "Option names must be unique";
            wrong.add(&path, "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS", message);
        }
        match option["type"].as_u64() {
            Some(SUBCOMMAND) => options_below(wrong, &path, option, depth),
            Some(SUBCOMMAND_GROUP) if depth == 0 => options_below(wrong, &path, option, depth),
            Some(3..=11) => {
                let required = option["required"].as_bool().unwrap_or(false);
                if required && optional_before {
                    let message = "Required options must be placed before non-required options";
                    wrong.add(&path, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", message);
                }
                optional_before |= !required;
                choices(wrong, &path, option);
            }
            Some(_) | None => {
                let message = "Value must be a kind of option that fits here.";
                wrong.add(&format!("{path}.type"), "BASE_TYPE_CHOICES", message);
            }
        }
    }
}

fn options_below(wrong: &mut FormErrors, path: &str, option: &Value, depth: usize) {
    options(wrong, path, &option["options"], depth + 1);
}

fn choices(wrong: &mut FormErrors, path: &str, option: &Value) {
    let choices = option["choices"].as_array().map(Vec::as_slice).unwrap_or_default();
    let path = format!("{path}.choices");
    if choices.len() > 25 {
        wrong.too_long(&path, 25);
    }
    if option["autocomplete"].as_bool().unwrap_or(false) && !choices.is_empty() {
        let message = "Choices and autocomplete exclude each other";
        wrong.add(&path, "APPLICATION_COMMAND_OPTIONS_AUTOCOMPLETE_CHOICES", message);
    }
    let mut names = BTreeSet::new();
    for (index, choice) in choices.iter().enumerate() {
        let path = format!("{path}.{index}");
        wrong.text(&format!("{path}.name"), &choice["name"], (1, 100));
        let is_text = option["type"].as_u64() == Some(3);
        if is_text {
            wrong.text(&format!("{path}.value"), &choice["value"], (1, 100));
        } else if !choice["value"].is_number() {
            let message = "Could not interpret as number.";
            wrong.add(&format!("{path}.value"), "NUMBER_TYPE_COERCE", message);
        }
        if !names.insert(choice["name"].to_string()) {
            let message = "Option choice names must be unique";
            wrong.add(&path, "APPLICATION_COMMAND_OPTIONS_CHOICE_NAME_ALREADY_EXISTS", message);
        }
    }
}
