//! Who really hears a ping: what a text mentions, as far as it is allowed to.

use std::collections::BTreeSet;

use super::super::permissions::{self, MENTION_EVERYONE};
use super::super::state::State;
use super::form::AllowedMentions;

/// Who is pinged by a message.
#[derive(Debug, Default)]
pub struct Pings {
    pub users: BTreeSet<u64>,
    pub roles: BTreeSet<u64>,
    pub everyone: bool,
}

/// What somebody writes, where, and whom they answer.
#[derive(Clone, Copy)]
pub struct Written<'a> {
    pub author: u64,
    pub channel: u64,
    pub text: &'a str,
    /// The author of the message that is replied to.
    pub replied: Option<u64>,
}

/// Without `allowed` everything pings.
pub fn pings(state: &State, written: Written<'_>, allowed: Option<&AllowedMentions>) -> Pings {
    let everything = |kind: &str| allowed.is_none_or(|allowed| allowed.parse.contains(kind));
    let may_all = permissions::of(state, written.author, written.channel) & MENTION_EVERYONE != 0;
    let mut pings = Pings::default();
    let named = mentioned(written.text, &["<@", "<@!"]);
    for user in named.into_iter().filter(|user| state.people.contains_key(user)) {
        if everything("users") || allowed.is_some_and(|allowed| allowed.users.contains(&user)) {
            pings.users.insert(user);
        }
    }
    for id in mentioned(written.text, &["<@&"]) {
        let Some(role) = state.world.roles.iter().find(|role| role.id == id) else { continue };
        let wanted =
            everything("roles") || allowed.is_some_and(|allowed| allowed.roles.contains(&id));
        if wanted && (role.mentionable || may_all) && state.guild_of(written.channel).is_some() {
            pings.roles.insert(id);
        }
    }
    let calls_all = written.text.contains("@everyone") || written.text.contains("@here");
    pings.everyone = calls_all && may_all && everything("everyone");
    if let Some(replied) = written.replied
        && allowed.is_none_or(|allowed| allowed.replied_user)
    {
        pings.users.insert(replied);
    }
    pings
}

/// The ids between one of the openings and `>`.
fn mentioned(text: &str, openings: &[&str]) -> Vec<u64> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("<@") {
        for opening in openings {
            let Some(rest) = text[at..].strip_prefix(opening) else { continue };
            let Some((id, _)) = rest.split_once('>') else { continue };
            // A sign is no digit, though a number may be read with one.
            if id.bytes().all(|byte| byte.is_ascii_digit()) {
                found.extend(id.parse::<u64>());
            }
        }
    }
    found
}
