//! Where people may speak of which environments, as the settings say.

use std::collections::{BTreeMap, BTreeSet};

use super::id::{ChannelId, EnvironmentName};

/// The channels that the settings allow. Where none is named, there is only one conversation,
/// and it may be about everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Channels {
    pub rooms: BTreeMap<ChannelId, BTreeSet<EnvironmentName>>,
    /// Where things are announced that nobody asked for in a channel.
    pub announce: Option<ChannelId>,
}

impl Channels {
    /// Whether an environment may be spoken of in a channel. A conversation that is no channel
    /// of the settings is private: there, everything may be asked.
    pub fn allows(&self, channel: &ChannelId, environment: &EnvironmentName) -> bool {
        self.rooms.get(channel).is_none_or(|environments| environments.contains(environment))
    }

    /// Where everybody sees what happens to an environment: the channel in which it was asked
    /// for, if that is one of the settings, else the one for announcements, else the first that
    /// may be about the environment. `None`: there is none.
    pub fn home(&self, asked_in: &ChannelId, environment: &EnvironmentName) -> Option<ChannelId> {
        if self.rooms.is_empty() || self.rooms.contains_key(asked_in) {
            return Some(asked_in.clone());
        }
        let about = |channel: &&ChannelId| {
            self.rooms.get(*channel).is_some_and(|environments| environments.contains(environment))
        };
        let announce = self.announce.as_ref().filter(about);
        announce.or_else(|| self.rooms.keys().find(about)).cloned()
    }

    /// Where things are announced that nobody asked for in a channel; `None`: nowhere.
    pub fn announcements(&self) -> Option<&ChannelId> {
        self.announce.as_ref().or_else(|| self.rooms.keys().next())
    }

    /// Whether everybody reads what is said there. Where no channel is named, there is only one
    /// conversation, and they do.
    pub fn is_room(&self, channel: &ChannelId) -> bool {
        self.rooms.is_empty() || self.rooms.contains_key(channel)
    }

    /// The channels in which an environment may be spoken of.
    pub fn about(&self, environment: &EnvironmentName) -> impl Iterator<Item = &ChannelId> {
        let rooms = self.rooms.iter();
        rooms.filter(|(_, named)| named.contains(environment)).map(|(channel, _)| channel)
    }
}
