//! Which request is which. What each does is told in the file of its topic.

use super::super::events::At;
use super::super::state::State;
use super::answer::{Answer, Refused};
use super::{Request, callback, commands, guild, messages, reactions, threads, webhooks};

/// An id out of a path.
pub fn id(text: &str) -> Result<u64, Refused> {
    text.parse().ok().filter(|id| *id > 0).ok_or_else(|| {
        let message = format!("Value \"{text}\" is not snowflake.");
        Refused::form("id", "NUMBER_TYPE_COERCE", &message)
    })
}

/// Carries out a request of the bot.
pub fn go(state: &mut State, request: &Request) -> Result<Answer, Refused> {
    let words: Vec<&str> = request.path.iter().map(String::as_str).collect();
    let method = request.method.as_str();
    let needs_token = !matches!(words.first(), Some(&("interactions" | "webhooks" | "gateway")))
        || words == ["gateway", "bot"];
    if needs_token && !request.authorised {
        return Err(Refused::unauthorized());
    }
    match (method, words.as_slice()) {
        ("GET", ["gateway"]) => Ok(guild::gateway(state)),
        ("GET", ["gateway", "bot"]) => Ok(guild::gateway_bot(state)),
        ("GET", ["users", "@me"]) => Ok(guild::myself(state)),
        ("GET", ["users", "@me", "guilds"]) => Ok(guild::guilds(state)),
        ("POST", ["users", "@me", "channels"]) => threads::open_direct(state, &request.body),
        ("GET", ["users", user]) => guild::user(state, id(user)?),
        ("GET", ["applications" | "oauth2", .., "@me"]) => Ok(guild::application(state)),
        (_, ["applications", application, rest @ ..]) => {
            commands::below(state, request, id(application)?, rest)
        }
        ("GET", ["guilds", of, rest @ ..]) => {
            guild::known(state, id(of)?)?;
            guild::below(state, request, rest)
        }
        (_, ["channels", channel, rest @ ..]) => in_channel(state, request, id(channel)?, rest),
        ("POST", ["interactions", interaction, token, "callback"]) => {
            callback::answer(state, id(interaction)?, token, request)
        }
        (_, ["webhooks", application, token, rest @ ..]) => {
            webhooks::below(state, request, (id(application)?, token), rest)
        }
        _ => Err(Refused::no_route()),
    }
}

fn in_channel(
    state: &mut State,
    request: &Request,
    channel: u64,
    rest: &[&str],
) -> Result<Answer, Refused> {
    let body = &request.body;
    match (request.method.as_str(), rest) {
        ("GET", []) => threads::get(state, channel),
        ("POST", ["typing"]) => {
            super::super::permissions::require(
                state,
                channel,
                super::super::permissions::SEND_MESSAGES,
            )?;
            Ok(Answer::nothing())
        }
        ("POST", ["messages"]) => messages::post(state, channel, body, &request.files),
        ("GET", ["messages"]) => messages::list(state, channel, request),
        ("GET", ["messages", message]) => messages::get(state, channel, id(message)?),
        ("PATCH", ["messages", message]) => messages::edit(state, channel, id(message)?, body),
        ("DELETE", ["messages", message]) => messages::delete(state, channel, id(message)?),
        ("POST", ["messages", message, "threads"]) => {
            threads::start(state, channel, id(message)?, body)
        }
        (_, ["messages", message, "reactions", rest @ ..]) => {
            let at = At { channel, message: id(message)? };
            on_reactions(state, request, at, rest)
        }
        _ => Err(Refused::no_route()),
    }
}

fn on_reactions(
    state: &mut State,
    request: &Request,
    at: At,
    rest: &[&str],
) -> Result<Answer, Refused> {
    match (request.method.as_str(), rest) {
        ("DELETE", []) => reactions::clear(state, at, None),
        ("GET", [emoji]) => reactions::list(state, at, emoji, request),
        ("DELETE", [emoji]) => reactions::clear(state, at, Some(emoji)),
        ("PUT", [emoji, "@me"]) => reactions::put(state, at, emoji),
        ("DELETE", [emoji, "@me"]) => {
            let bot = state.world.bot;
            reactions::delete(state, at, emoji, bot)
        }
        ("DELETE", [emoji, user]) => reactions::delete(state, at, emoji, id(user)?),
        _ => Err(Refused::no_route()),
    }
}
