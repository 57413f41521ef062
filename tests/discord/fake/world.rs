//! What a fake Discord is started with: one bot, one guild, its roles, people and channels, and the
//! limits that are kept. Knows nothing of how any of it is served.

use std::time::Duration;

use super::permissions as may;

/// A role of the guild.
#[derive(Clone, Debug)]
pub struct Role {
    pub id: u64,
    pub name: String,
    pub permissions: u64,
    /// Whether everybody may mention it.
    pub mentionable: bool,
    /// Whether it belongs to the bot.
    pub managed: bool,
}

/// Somebody on Discord.
#[derive(Clone, Debug)]
pub struct Person {
    pub id: u64,
    pub username: String,
    pub global_name: Option<String>,
    pub roles: Vec<u64>,
    pub bot: bool,
    /// Whether they are in the guild.
    pub member: bool,
    /// Whether they take no direct messages from the bot.
    pub dms_closed: bool,
}

/// What a channel allows or denies to one role or one member.
#[derive(Clone, Copy, Debug)]
pub struct Overwrite {
    pub id: u64,
    pub of_member: bool,
    pub allow: u64,
    pub deny: u64,
}

/// A text channel of the guild.
#[derive(Clone, Debug)]
pub struct TextChannel {
    pub id: u64,
    pub name: String,
    pub overwrites: Vec<Overwrite>,
}

/// How many requests fit into a window of a bucket.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    pub requests: u32,
    pub window: Duration,
}

/// The limits of Discord, and its times.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Without it nothing is answered with 429 by itself.
    pub enforced: bool,
    pub posts: Rate,
    pub edits: Rate,
    pub reactions: Rate,
    pub others: Rate,
    /// Requests of the bot in a second over all routes.
    pub global: Option<u32>,
    /// For how long a nonce is remembered.
    pub nonce_lifetime: Duration,
    /// Within what time an interaction must be acknowledged.
    pub interaction_deadline: Duration,
    /// For how long an interaction's token lives.
    pub token_lifetime: Duration,
    /// How many times a day the bot may identify.
    pub identifies: u32,
    pub heartbeat: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        let rate =
            |requests, milliseconds| Rate { requests, window: Duration::from_millis(milliseconds) };
        Limits {
            enforced: true,
            posts: rate(5, 5000),
            edits: rate(5, 5000),
            reactions: rate(1, 250),
            others: rate(50, 1000),
            global: Some(50),
            nonce_lifetime: Duration::from_secs(180),
            interaction_deadline: Duration::from_secs(3),
            token_lifetime: Duration::from_secs(15 * 60),
            identifies: 1000,
            heartbeat: Duration::from_millis(41_250),
        }
    }
}

/// All of it.
#[derive(Clone, Debug)]
pub struct World {
    pub token: String,
    pub bot: u64,
    pub application: u64,
    pub guild: u64,
    pub guild_name: String,
    /// What everybody in the guild may do.
    pub everyone: u64,
    pub roles: Vec<Role>,
    pub people: Vec<Person>,
    pub channels: Vec<TextChannel>,
    /// The privileged intents that are switched on for the application.
    pub privileged_intents: u64,
    pub limits: Limits,
    /// What ids are stamped with, where it is not the machine's time.
    pub clock: Option<Clock>,
}

/// Another clock than the machine's.
#[derive(Clone)]
pub struct Clock(pub std::sync::Arc<dyn Fn() -> std::time::SystemTime + Send + Sync>);

impl std::fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Clock")
    }
}

impl World {
    /// A guild with nobody in it but the bot, which may do nothing that others may not.
    pub fn new(token: &str, bot: u64, guild: u64) -> World {
        let world = World {
            token: token.to_owned(),
            bot,
            application: bot,
            guild,
            guild_name: "a guild".to_owned(),
            everyone: may::VIEW_CHANNEL
                | may::SEND_MESSAGES
                | may::READ_MESSAGE_HISTORY
                | may::ADD_REACTIONS
                | may::USE_APPLICATION_COMMANDS,
            roles: Vec::new(),
            people: Vec::new(),
            channels: Vec::new(),
            privileged_intents: 0,
            limits: Limits::default(),
            clock: None,
        };
        world.person(bot, "bot", &[])
    }

    /// The guild of the tests: two channels, three roles, six people, and the bot with what it
    /// needs.
    pub fn shipmate() -> World {
        let needed = may::VIEW_CHANNEL
            | may::SEND_MESSAGES
            | may::EMBED_LINKS
            | may::ATTACH_FILES
            | may::READ_MESSAGE_HISTORY
            | may::ADD_REACTIONS
            | may::MANAGE_MESSAGES
            | may::CREATE_PUBLIC_THREADS
            | may::SEND_MESSAGES_IN_THREADS;
        World::new("MTAw.fake.token", 4900, 1000)
            .role(3001, "developer", 0)
            .role(3002, "release-manager", 0)
            .role(3003, "on-call", 0)
            .bot_role(3900, "shipmate", needed)
            .person(4001, "alice", &[3001])
            .person(4002, "bob", &[3002])
            .person(4003, "carol", &[3002])
            .person(4004, "frank", &[3002])
            .person(4005, "dave", &[3003])
            .person(4006, "eve", &[])
            .person(4900, "shipmate", &[3900])
            .channel(2000, "ops")
            .channel(2001, "staging-only")
    }

    #[must_use]
    pub fn role(mut self, id: u64, name: &str, permissions: u64) -> World {
        let role =
            Role { id, name: name.to_owned(), permissions, mentionable: true, managed: false };
        self.roles.push(role);
        self
    }

    /// The role that Discord makes for a bot that is invited with permissions.
    #[must_use]
    pub fn bot_role(mut self, id: u64, name: &str, permissions: u64) -> World {
        let role =
            Role { id, name: name.to_owned(), permissions, mentionable: false, managed: true };
        self.roles.push(role);
        self
    }

    /// A member of the guild. One who is there already is described anew.
    #[must_use]
    pub fn person(mut self, id: u64, username: &str, roles: &[u64]) -> World {
        self.people.retain(|person| person.id != id);
        let mut letters = username.chars();
        let global_name = letters.next().map(|first| first.to_uppercase().chain(letters).collect());
        self.people.push(Person {
            id,
            username: username.to_owned(),
            global_name,
            roles: roles.to_vec(),
            bot: id == self.bot,
            member: true,
            dms_closed: false,
        });
        self
    }

    /// Members `first`, `first + 1`, … with the names `prefix0`, `prefix1`, ….
    #[must_use]
    pub fn crowd(mut self, first: u64, count: u64, prefix: &str, roles: &[u64]) -> World {
        for number in 0..count {
            self = self.person(first + number, &format!("{prefix}{number}"), roles);
        }
        self
    }

    /// Another bot in the guild.
    #[must_use]
    pub fn other_bot(self, id: u64, username: &str, roles: &[u64]) -> World {
        let mut world = self.person(id, username, roles);
        for person in world.people.iter_mut().filter(|person| person.id == id) {
            person.bot = true;
        }
        world
    }

    /// Somebody on Discord who is not in the guild.
    #[must_use]
    pub fn stranger(self, id: u64, username: &str) -> World {
        let mut world = self.person(id, username, &[]);
        for person in world.people.iter_mut().filter(|person| person.id == id) {
            person.member = false;
        }
        world
    }

    #[must_use]
    pub fn channel(self, id: u64, name: &str) -> World {
        self.channel_with(id, name, &[])
    }

    #[must_use]
    pub fn channel_with(mut self, id: u64, name: &str, overwrites: &[Overwrite]) -> World {
        let overwrites = overwrites.to_vec();
        self.channels.push(TextChannel { id, name: name.to_owned(), overwrites });
        self
    }

    /// Switches privileged intents on, as in the developer portal.
    #[must_use]
    pub fn privileged(mut self, intents: u64) -> World {
        self.privileged_intents |= intents;
        self
    }

    #[must_use]
    pub fn limits(mut self, limits: Limits) -> World {
        self.limits = limits;
        self
    }

    /// Without any 429 that was not ordered.
    #[must_use]
    pub fn unlimited(mut self) -> World {
        self.limits.enforced = false;
        self
    }
}
