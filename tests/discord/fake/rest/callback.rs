//! The first answer to an interaction: in time, once, and of a kind that fits.

use serde_json::{Value, json};

use super::super::events;
use super::super::render;
use super::super::state::{EPHEMERAL, Interaction, LOADING, State};
use super::Request;
use super::answer::{Answer, FormErrors, Refused};
use super::form::{self, Draft};
use super::messages;

const COMMAND: u8 = 2;
const COMPONENT: u8 = 3;
const AUTOCOMPLETE: u8 = 4;
const FORM: u8 = 5;

/// `POST /interactions/{id}/{token}/callback`
pub fn answer(
    state: &mut State,
    id: u64,
    token: &str,
    request: &Request,
) -> Result<Answer, Refused> {
    let known = state.interactions.get(&id).is_some_and(|found| found.token == token);
    if !known {
        return Err(Refused::unknown_interaction());
    }
    accept(state, id, &request.body)?;
    if request.query.get("with_response").is_some_and(|with| with == "true") {
        return Ok(Answer::ok(outcome(state, id)));
    }
    Ok(Answer::nothing())
}

fn outcome(state: &State, id: u64) -> Value {
    let Some(found) = state.interactions.get(&id) else { return Value::Null };
    let kind = found.acknowledged.map(|(_, kind)| kind);
    let original = found.original.and_then(|original| state.any_message(original));
    json!({
        "interaction": {
            "id": id.to_string(), "type": found.kind,
            "response_message_id": found.original.map(|original| original.to_string()),
        },
        "resource": {
            "type": kind,
            "message": original.map(|message| render::message(state, message)),
        },
    })
}

/// Takes the first answer, however it came.
pub fn accept(state: &mut State, id: u64, body: &Value) -> Result<(), Refused> {
    let found = state.interactions.get(&id).ok_or_else(Refused::unknown_interaction)?.clone();
    if found.acknowledged.is_some() {
        return Err(Refused::new(400, 40060, "Interaction has already been acknowledged."));
    }
    let after = found.began.elapsed();
    if after > state.world.limits.interaction_deadline || found.token_expired {
        return Err(Refused::unknown_interaction());
    }
    let kind = kind_of(body, &found)?;
    let data = &body["data"];
    match kind {
        4 => {
            let draft = form::read(data)?;
            let message = post(state, &found, &draft)?;
            note(state, id, |found| found.original = Some(message));
        }
        5 => {
            let ephemeral = data["flags"].as_u64().unwrap_or(0) & EPHEMERAL != 0;
            let message = promise(state, &found, ephemeral);
            note(state, id, |found| {
                found.original = Some(message);
                found.deferred = true;
            });
        }
        6 => note(state, id, |found| found.original = found.pressed),
        7 => {
            let draft = form::read(data)?;
            if let Some(pressed) = found.pressed {
                messages::change(state, pressed, &draft)?;
            }
            note(state, id, |found| found.original = found.pressed);
        }
        8 => {
            let options = found.payload["data"]["options"].as_array();
            let focused = |option: &&Value| option["focused"] == true;
            let number = options.into_iter().flatten().find(focused);
            let number = number.is_some_and(|option| option["type"] == 4);
            let choices = choices(data, number)?;
            note(state, id, |found| found.choices = choices);
        }
        _ => {
            check_form(data)?;
            note(state, id, |found| found.form = Some(data.clone()));
        }
    }
    note(state, id, |found| found.acknowledged = Some((after, kind)));
    Ok(())
}

fn note(state: &mut State, id: u64, change: impl FnOnce(&mut Interaction)) {
    if let Some(found) = state.interactions.get_mut(&id) {
        change(found);
    }
}

/// The kind of an answer, if it fits what was asked.
fn kind_of(body: &Value, found: &Interaction) -> Result<u8, Refused> {
    let from_message = found.pressed.is_some();
    let fitting: &[u8] = match found.kind {
        COMMAND => &[4, 5, 9],
        COMPONENT => &[4, 5, 6, 7, 9],
        AUTOCOMPLETE => &[8],
        FORM if from_message => &[4, 5, 6, 7],
        FORM => &[4, 5],
        _ => &[],
    };
    let kind = body["type"].as_u64().and_then(|kind| u8::try_from(kind).ok());
    kind.filter(|kind| fitting.contains(kind)).ok_or_else(|| {
        let message = format!("Value must be one of {fitting:?} for this interaction.");
        Refused::form("type", "BASE_TYPE_CHOICES", &message)
    })
}

/// A new message that answers an interaction. Permissions in the channel do not matter to it.
pub fn post(state: &mut State, found: &Interaction, draft: &Draft) -> Result<u64, Refused> {
    let bot = state.world.bot;
    let mut message = state.blank_message(found.channel, bot);
    messages::fill(&mut message, draft);
    if messages::says_nothing(&message) {
        return Err(Refused::empty_message());
    }
    message.interaction = Some(found.id);
    message.reference = found.pressed.filter(|_| found.kind == COMPONENT);
    messages::ping(state, &mut message, draft);
    // An answer says nothing to the author of the card that a button stood on, who is the bot.
    message.pinged.remove(&bot);
    if draft.ephemeral {
        message.flags |= EPHEMERAL;
        message.only_for = Some(found.user);
    }
    let id = message.id;
    state.keep_message(message);
    events::message(state, "MESSAGE_CREATE", found.channel, id);
    Ok(id)
}

/// The message that says that an answer will come.
fn promise(state: &mut State, found: &Interaction, ephemeral: bool) -> u64 {
    let bot = state.world.bot;
    let mut message = state.blank_message(found.channel, bot);
    message.interaction = Some(found.id);
    message.flags = LOADING;
    if ephemeral {
        message.flags |= EPHEMERAL;
        message.only_for = Some(found.user);
    }
    let id = message.id;
    state.keep_message(message);
    events::message(state, "MESSAGE_CREATE", found.channel, id);
    id
}

/// `number`: what is being typed is a whole number, and so is each choice.
fn choices(data: &Value, number: bool) -> Result<Vec<Value>, Refused> {
    let mut wrong = FormErrors::default();
    let Some(choices) = data["choices"].as_array() else {
        return Err(Refused::form("data.choices", "BASE_TYPE_REQUIRED", "This field is required"));
    };
    if choices.len() > 25 {
        wrong.too_long("data.choices", 25);
    }
    for (index, choice) in choices.iter().enumerate() {
        let path = format!("data.choices.{index}");
        wrong.text(&format!("{path}.name"), &choice["name"], (1, 100));
        if number {
            if !choice["value"].is_u64() {
                wrong.add(&format!("{path}.value"), "NUMBER_TYPE_COERCE", "Value is no number.");
            }
        } else {
            wrong.text(&format!("{path}.value"), &choice["value"], (1, 100));
        }
    }
    wrong.check()?;
    Ok(choices.clone())
}

fn check_form(data: &Value) -> Result<(), Refused> {
    let mut wrong = FormErrors::default();
    wrong.text("data.custom_id", &data["custom_id"], (1, 100));
    wrong.text("data.title", &data["title"], (1, 45));
    let rows = data["components"].as_array().map_or(0, Vec::len);
    if rows == 0 || rows > 5 {
        let message = "Must be between 1 and 5 in length.";
        wrong.add("data.components", "BASE_TYPE_BAD_LENGTH", message);
    }
    wrong.check()
}
