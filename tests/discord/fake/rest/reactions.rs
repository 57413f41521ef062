//! Reactions by REST: setting, taking off, and reading who reacted.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::events::{self, At};
use super::super::permissions::{
    self, ADD_REACTIONS, MANAGE_MESSAGES, READ_MESSAGE_HISTORY, VIEW_CHANNEL,
};
use super::super::render;
use super::super::state::{State, StoredMessage};
use super::Request;
use super::answer::{Answer, Refused};

/// Kinds of reactions on a message.
const MOST_KINDS: usize = 20;

fn standing(state: &mut State, at: At) -> Result<&mut StoredMessage, Refused> {
    let messages = state.messages.get_mut(&at.channel);
    let found = messages.and_then(|messages| messages.get_mut(&at.message));
    found.filter(|message| message.stands()).ok_or_else(Refused::unknown_message)
}

/// `PUT …/reactions/{emoji}/@me`
pub fn put(state: &mut State, at: At, emoji: &str) -> Result<Answer, Refused> {
    permissions::require(state, at.channel, READ_MESSAGE_HISTORY)?;
    if !is_emoji(emoji) {
        return Err(Refused::new(400, 10014, "Unknown Emoji"));
    }
    let message = standing(state, at)?;
    // A kind that is there already may be joined by anybody who reads along.
    if !message.reactions.iter().any(|(kind, _)| kind == emoji) {
        permissions::require(state, at.channel, ADD_REACTIONS)?;
    }
    let bot = state.world.bot;
    add(state, at, bot, emoji)?;
    Ok(Answer::nothing())
}

/// Somebody reacts; a second time changes nothing and raises no event.
pub fn add(state: &mut State, at: At, user: u64, emoji: &str) -> Result<(), Refused> {
    let message = standing(state, at)?;
    let kinds = message.reactions.len();
    let added = match message.reactions.iter_mut().find(|(kind, _)| kind == emoji) {
        Some((_, users)) => users.insert(user),
        None if kinds >= MOST_KINDS => {
            let text = "Maximum number of reactions reached (20)";
            return Err(Refused::new(400, 30010, text));
        }
        None => {
            message.reactions.push((emoji.to_owned(), BTreeSet::from([user])));
            true
        }
    };
    if added {
        events::reaction(state, "MESSAGE_REACTION_ADD", at, user, emoji);
    }
    Ok(())
}

/// `DELETE …/reactions/{emoji}/@me` and `…/{user}`
pub fn delete(state: &mut State, at: At, emoji: &str, user: u64) -> Result<Answer, Refused> {
    permissions::require(state, at.channel, VIEW_CHANNEL)?;
    standing(state, at)?;
    if user != state.world.bot {
        may_clear(state, at)?;
    }
    take(state, at, user, emoji)?;
    Ok(Answer::nothing())
}

fn may_clear(state: &State, at: At) -> Result<(), Refused> {
    if state.guild_of(at.channel).is_none() {
        return Err(Refused::new(403, 50003, "Cannot execute action on a DM channel"));
    }
    permissions::require(state, at.channel, MANAGE_MESSAGES)
}

/// Somebody's reaction is gone; one that is not there is no error.
pub fn take(state: &mut State, at: At, user: u64, emoji: &str) -> Result<(), Refused> {
    let message = standing(state, at)?;
    let kind = message.reactions.iter_mut().find(|(kind, _)| kind == emoji);
    let removed = kind.is_some_and(|(_, users)| users.remove(&user));
    message.reactions.retain(|(_, users)| !users.is_empty());
    if removed {
        events::reaction(state, "MESSAGE_REACTION_REMOVE", at, user, emoji);
    }
    Ok(())
}

/// `DELETE …/reactions` and `…/reactions/{emoji}`
pub fn clear(state: &mut State, at: At, emoji: Option<&str>) -> Result<Answer, Refused> {
    permissions::require(state, at.channel, VIEW_CHANNEL)?;
    standing(state, at)?;
    may_clear(state, at)?;
    let message = standing(state, at)?;
    message.reactions.retain(|(kind, _)| emoji.is_some_and(|emoji| emoji != kind));
    events::reactions_cleared(state, at, emoji);
    Ok(Answer::nothing())
}

/// `GET …/reactions/{emoji}`: users by their ids, without roles.
pub fn list(state: &State, at: At, emoji: &str, request: &Request) -> Result<Answer, Refused> {
    permissions::require(state, at.channel, READ_MESSAGE_HISTORY)?;
    let limit = request.limit(25, 100)?;
    let after = request.id("after")?.unwrap_or(0);
    let message = state.message(at.channel, at.message).ok_or_else(Refused::unknown_message)?;
    let kind = message.reactions.iter().find(|(kind, _)| kind == emoji);
    let users = kind.into_iter().flat_map(|(_, users)| users.iter().copied());
    let page = users.filter(|user| *user > after).take(limit);
    let shown: Value = page.map(|user| render::user_by_id(state, user)).collect();
    Ok(Answer::ok(shown))
}

/// Text is no emoji, and there are no custom ones here.
pub fn is_emoji(text: &str) -> bool {
    // The symbols begin behind the punctuation; two of them are as old as Latin-1, and a keycap
    // is a digit with a sign around it.
    let symbol = |letter: char| letter >= '\u{203c}' || matches!(letter, '\u{a9}' | '\u{ae}');
    let text_beside = text.chars().any(|letter| letter.is_ascii_alphabetic() || letter == ':');
    text.chars().any(symbol) && !text_beside && text.chars().count() <= 12
}
