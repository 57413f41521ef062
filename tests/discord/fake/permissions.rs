//! What a member may do in a channel, out of roles and overwrites, in the order that Discord
//! documents.

use super::rest::answer::Refused;
use super::state::{ChannelKind, State};
use super::world::Overwrite;

pub const ADMINISTRATOR: u64 = 1 << 3;
pub const ADD_REACTIONS: u64 = 1 << 6;
pub const VIEW_CHANNEL: u64 = 1 << 10;
pub const SEND_MESSAGES: u64 = 1 << 11;
pub const MANAGE_MESSAGES: u64 = 1 << 13;
pub const EMBED_LINKS: u64 = 1 << 14;
pub const ATTACH_FILES: u64 = 1 << 15;
pub const READ_MESSAGE_HISTORY: u64 = 1 << 16;
pub const MENTION_EVERYONE: u64 = 1 << 17;
pub const USE_APPLICATION_COMMANDS: u64 = 1 << 31;
pub const CREATE_PUBLIC_THREADS: u64 = 1 << 35;
pub const SEND_MESSAGES_IN_THREADS: u64 = 1 << 38;

/// The permissions of a user in a channel; in a direct channel the two of them may do what there is
/// to do.
pub fn of(state: &State, user: u64, channel: u64) -> u64 {
    let Some(found) = state.channels.get(&channel) else { return 0 };
    match found.kind {
        ChannelKind::Direct { with } if user == with || user == state.world.bot => {
            VIEW_CHANNEL
                | SEND_MESSAGES
                | EMBED_LINKS
                | ATTACH_FILES
                | READ_MESSAGE_HISTORY
                | ADD_REACTIONS
        }
        ChannelKind::Direct { .. } => 0,
        // A thread has the permissions of the channel that it hangs in.
        ChannelKind::Thread { parent, .. } => of(state, user, parent),
        ChannelKind::Text => in_guild(state, user, &found.overwrites),
    }
}

/// The permissions of a user in the guild, before any channel.
pub fn base(state: &State, user: u64) -> u64 {
    let Some(person) = state.people.get(&user).filter(|person| person.member) else { return 0 };
    let roles = state.world.roles.iter().filter(|role| person.roles.contains(&role.id));
    let all = roles.fold(state.world.everyone, |sum, role| sum | role.permissions);
    if all & ADMINISTRATOR == 0 { all } else { u64::MAX }
}

fn in_guild(state: &State, user: u64, overwrites: &[Overwrite]) -> u64 {
    let mut permissions = base(state, user);
    let Some(person) = state.people.get(&user).filter(|person| person.member) else { return 0 };
    if permissions == u64::MAX {
        return permissions;
    }
    let mut apply = |chosen: &dyn Fn(&Overwrite) -> bool| {
        let (mut allow, mut deny) = (0, 0);
        for overwrite in overwrites.iter().filter(|overwrite| chosen(overwrite)) {
            allow |= overwrite.allow;
            deny |= overwrite.deny;
        }
        permissions = permissions & !deny | allow;
    };
    let guild = state.world.guild;
    apply(&|overwrite| !overwrite.of_member && overwrite.id == guild);
    apply(&|overwrite| !overwrite.of_member && person.roles.contains(&overwrite.id));
    apply(&|overwrite| overwrite.of_member && overwrite.id == user);
    // Who does not see a channel may do nothing in it.
    if permissions & VIEW_CHANNEL == 0 { 0 } else { permissions }
}

/// Refuses as Discord does unless the bot has all of these in the channel.
pub fn require(state: &State, channel: u64, needed: u64) -> Result<(), Refused> {
    if !state.channels.contains_key(&channel) {
        return Err(Refused::unknown_channel());
    }
    let has = of(state, state.world.bot, channel);
    if has & VIEW_CHANNEL == 0 {
        return Err(Refused::missing_access());
    }
    if has & needed == needed { Ok(()) } else { Err(Refused::missing_permissions()) }
}
