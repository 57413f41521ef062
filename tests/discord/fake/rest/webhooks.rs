//! What is said to an interaction after its first answer, for as long as its token lives.

use super::super::render;
use super::super::state::{Interaction, State};
use super::Request;
use super::answer::{Answer, Refused};
use super::form;
use super::{callback, messages, route};

/// `/webhooks/{application}/{token}/…`
pub fn below(
    state: &mut State,
    request: &Request,
    (application, token): (u64, &str),
    rest: &[&str],
) -> Result<Answer, Refused> {
    let found = living(state, application, token)?;
    match (request.method.as_str(), rest) {
        ("POST", []) => follow_up(state, &found, request),
        (method, ["messages", which]) => {
            let id = named(&found, which)?;
            match method {
                "GET" => show(state, id),
                "PATCH" => edit(state, &found, id, request),
                "DELETE" => {
                    state.any_message(id).ok_or_else(Refused::unknown_message)?;
                    messages::remove(state, id);
                    settle(state, found.id, id);
                    Ok(Answer::nothing())
                }
                _ => Err(Refused::no_route()),
            }
        }
        _ => Err(Refused::no_route()),
    }
}

/// The interaction of a token that is still good.
fn living(state: &State, application: u64, token: &str) -> Result<Interaction, Refused> {
    let unknown_webhook = || Refused::new(404, 10015, "Unknown Webhook");
    if application != state.world.application {
        return Err(unknown_webhook());
    }
    let found = state.interactions.values().find(|found| found.token == token);
    let lifetime = state.world.limits.token_lifetime;
    let found = found
        .filter(|found| !found.token_expired && found.began.elapsed() < lifetime)
        .ok_or_else(|| Refused::new(401, 50027, "Invalid Webhook Token"))?;
    // Before the first answer there is nothing that could be followed up.
    if found.acknowledged.is_none() { Err(unknown_webhook()) } else { Ok(found.clone()) }
}

fn named(found: &Interaction, which: &str) -> Result<u64, Refused> {
    if which == "@original" {
        return found.original.ok_or_else(Refused::unknown_message);
    }
    let id = route::id(which)?;
    let own = found.original == Some(id) || found.follow_ups.contains(&id);
    if own { Ok(id) } else { Err(Refused::unknown_message()) }
}

fn show(state: &State, id: u64) -> Result<Answer, Refused> {
    let message = state.any_message(id).ok_or_else(Refused::unknown_message)?;
    Ok(Answer::ok(render::message(state, message)))
}

fn edit(
    state: &mut State,
    found: &Interaction,
    id: u64,
    request: &Request,
) -> Result<Answer, Refused> {
    let draft = form::read(&request.body)?;
    let kept_promise = found.deferred && found.original == Some(id);
    messages::change(state, id, &draft)?;
    if !request.files.is_empty() {
        let attachments = messages::attached(state, &request.body, &request.files)?;
        if let Some(changed) = state.any_message_mut(id) {
            changed.attachments = attachments;
        }
    }
    if kept_promise {
        ping_late(state, id, &draft);
    }
    settle(state, found.id, id);
    show(state, id)
}

/// The first words of a deferred answer ping as a new message would.
fn ping_late(state: &mut State, id: u64, draft: &form::Draft) {
    let Some(mut message) = state.any_message(id).cloned() else { return };
    messages::ping(state, &mut message, draft);
    if let Some(kept) = state.any_message_mut(id) {
        *kept = message;
    }
}

/// A promise is kept, or taken back, once its message was touched.
fn settle(state: &mut State, interaction: u64, message: u64) {
    if let Some(found) = state.interactions.get_mut(&interaction)
        && found.original == Some(message)
    {
        found.deferred = false;
    }
}

/// The first one after a deferral is what was promised, and is seen by those who saw the promise.
fn follow_up(state: &mut State, found: &Interaction, request: &Request) -> Result<Answer, Refused> {
    if let (true, Some(original)) = (found.deferred, found.original) {
        return edit(state, found, original, request);
    }
    let draft = form::read(&request.body)?;
    let id = callback::post(state, found, &draft)?;
    if let Some(found) = state.interactions.get_mut(&found.id) {
        found.follow_ups.push(id);
    }
    show(state, id)
}
