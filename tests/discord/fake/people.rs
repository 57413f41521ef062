//! People: they write, react, delete, and get roles. What they do is not held against their
//! permissions.

use super::FakeDiscord;
use super::events::{self, At};
use super::rest::mentions::{self, Pings, Written};
use super::rest::{messages, reactions};
use super::state::{ChannelKind, State};
use super::world::{Overwrite, Person};

impl FakeDiscord {
    /// Somebody writes into a channel or thread; the id of the message.
    pub fn say(&self, user: u64, channel: u64, text: &str) -> u64 {
        self.write(user, channel, text, None)
    }

    /// Somebody replies to a message, and pings its author with that.
    pub fn reply(&self, user: u64, (channel, message): (u64, u64), text: &str) -> u64 {
        self.write(user, channel, text, Some(message))
    }

    /// Somebody writes to the bot alone.
    pub fn direct(&self, user: u64, text: &str) -> u64 {
        let channel = self.lock().direct_channel(user);
        self.say(user, channel, text)
    }

    fn write(&self, user: u64, channel: u64, text: &str, reference: Option<u64>) -> u64 {
        let mut state = self.lock();
        assert!(state.channels.contains_key(&channel), "there is no channel {channel}");
        assert!(state.people.contains_key(&user), "there is no user {user}");
        let mut message = state.blank_message(channel, user);
        message.content = text.to_owned();
        message.reference = reference;
        let replied = reference.and_then(|id| state.message(channel, id));
        let replied = replied.map(|message| message.author);
        let written = Written { author: user, channel, text, replied };
        let Pings { users, roles, everyone } = mentions::pings(&state, written, None);
        message.pinged = users;
        message.pinged_roles = roles;
        message.pinged_everyone = everyone;
        let id = message.id;
        state.keep_message(message);
        events::message(&mut state, "MESSAGE_CREATE", channel, id);
        drop(state);
        self.announce();
        id
    }

    /// Somebody edits what they wrote.
    pub fn edit(&self, (channel, message): (u64, u64), text: &str) {
        let mut state = self.lock();
        if let Some(found) = state.any_message_mut(message) {
            text.clone_into(&mut found.content);
            found.edited_at = Some(std::time::SystemTime::now());
            found.keep_version();
        }
        events::message(&mut state, "MESSAGE_UPDATE", channel, message);
        drop(state);
        self.announce();
    }

    /// Somebody reacts.
    pub fn react(&self, user: u64, channel: u64, message: u64, emoji: &str) {
        assert!(reactions::is_emoji(emoji), "{emoji} is no emoji");
        let added = reactions::add(&mut self.lock(), At { channel, message }, user, emoji);
        added.expect("there is a message to react to");
        self.announce();
    }

    /// Somebody takes a reaction off.
    pub fn unreact(&self, user: u64, channel: u64, message: u64, emoji: &str) {
        let taken = reactions::take(&mut self.lock(), At { channel, message }, user, emoji);
        taken.expect("there is a message to take a reaction off");
        self.announce();
    }

    /// A moderator takes all reactions off a message.
    pub fn clear_reactions(&self, channel: u64, message: u64) {
        let mut state = self.lock();
        if let Some(found) = state.any_message_mut(message) {
            found.reactions.clear();
        }
        events::reactions_cleared(&mut state, At { channel, message }, None);
        drop(state);
        self.announce();
    }

    /// The author or a moderator deletes a message.
    pub fn delete_message(&self, channel: u64, message: u64) {
        let mut state = self.lock();
        assert!(state.message(channel, message).is_some(), "there is no message {message}");
        messages::remove(&mut state, message);
        drop(state);
        self.announce();
    }

    pub fn give_role(&self, user: u64, role: u64) {
        self.change_person(user, |person| {
            person.roles.retain(|known| *known != role);
            person.roles.push(role);
        });
    }

    pub fn take_role(&self, user: u64, role: u64) {
        self.change_person(user, |person| person.roles.retain(|known| *known != role));
    }

    /// Somebody leaves the guild, and loses the roles there.
    pub fn leave(&self, user: u64) {
        self.change_person(user, |person| {
            person.member = false;
            person.roles.clear();
        });
    }

    /// Somebody takes no direct messages from the bot any more.
    pub fn close_dms(&self, user: u64) {
        if let Some(person) = self.lock().people.get_mut(&user) {
            person.dms_closed = true;
        }
    }

    fn change_person(&self, user: u64, change: impl FnOnce(&mut Person)) {
        let mut state = self.lock();
        let person = state.people.get_mut(&user).expect("there is such a user");
        change(person);
        if state.is_member(user) {
            events::member_updated(&mut state, user);
        }
        drop(state);
        self.announce();
    }

    /// A new text channel.
    pub fn create_channel(&self, name: &str) -> u64 {
        let mut state = self.lock();
        let id = state.next_id();
        let (name, overwrites) = (name.to_owned(), Vec::new());
        let channel = super::state::Channel { id, name, kind: ChannelKind::Text, overwrites };
        state.channels.insert(id, channel);
        events::channel(&mut state, "CHANNEL_CREATE", id);
        drop(state);
        self.announce();
        id
    }

    /// Somebody opens a thread in a channel.
    pub fn open_thread(&self, owner: u64, parent: u64, name: &str) -> u64 {
        let mut state = self.lock();
        let id = state.next_id();
        let (name, overwrites) = (name.to_owned(), Vec::new());
        let kind = ChannelKind::Thread { parent, owner };
        let thread = super::state::Channel { id, name, kind, overwrites };
        state.channels.insert(id, thread);
        events::channel(&mut state, "THREAD_CREATE", id);
        drop(state);
        self.announce();
        id
    }

    /// Sets what a channel allows and denies to a role or a member.
    pub fn overwrite(&self, channel: u64, overwrite: Overwrite) {
        let mut state = self.lock();
        let found = state.channels.get_mut(&channel).expect("there is such a channel");
        found
            .overwrites
            .retain(|known| known.id != overwrite.id || known.of_member != overwrite.of_member);
        found.overwrites.push(overwrite);
    }

    /// Denies the bot some permissions in a channel.
    pub fn deny_bot(&self, channel: u64, permissions: u64) {
        let id = self.bot();
        self.overwrite(channel, Overwrite { id, of_member: true, allow: 0, deny: permissions });
    }

    /// Sends every session an event that Discord does not document, or one that is broken.
    pub fn inject(&self, event: &str, data: &serde_json::Value) {
        let mut state = self.lock();
        let sessions: Vec<String> = state.sessions.keys().cloned().collect();
        let send = |state: &mut State, session: &str| {
            state.send_to_session(session, event, data.clone());
        };
        for session in sessions {
            send(&mut state, &session);
        }
    }
}
