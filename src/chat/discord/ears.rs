//! What the gateway tells, sorted out: what is for the bot goes on, in the order in which it
//! came; all else is dropped at once, however much it is. Asks nothing and answers nothing.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use serenity::all::{Event, GuildChannel, Interaction, Message};
use serenity::client::{Context, RawEventHandler};
use tokio::sync::mpsc;

use super::ids::{Spot, channel_id, person_id, snowflake, time_of};
use super::people::User;
use super::{Account, Discord};
use crate::ports::Said;

/// Something that Discord told and that is for us.
pub enum Heard {
    /// A new session: nothing is known of what happened before it.
    Ready,
    /// What was missed has been told.
    Resumed,
    Said(Box<(Said, User)>),
    /// Somebody speaks to us where we do not work.
    Elsewhere(Spot),
    Reactions(Spot),
    Deleted(Spot),
}

/// How much was heard of each channel, and what of it is still being dealt with.
#[derive(Default)]
pub struct Hearing {
    latest: Mutex<HashMap<u64, u64>>,
    in_flight: Mutex<BTreeSet<(u64, u64)>>,
    /// What is written down.
    remembered: Mutex<HashMap<u64, u64>>,
}

impl Hearing {
    pub fn note(&self, spot: Spot) {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let known = latest.entry(spot.channel).or_default();
        *known = (*known).max(spot.message);
    }

    pub fn begin(&self, spot: Spot) {
        let mut flying = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        flying.insert((spot.channel, spot.message));
        drop(flying);
        self.note(spot);
    }

    pub fn end(&self, spot: Spot) {
        let mut flying = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        flying.remove(&(spot.channel, spot.message));
    }

    /// Up to where each channel needs no second hearing.
    fn done(&self) -> Vec<Spot> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let flying = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        let done = |(channel, message): (u64, u64)| {
            let first = flying.range((channel, 0)..=(channel, u64::MAX)).next();
            let message = first.map_or(message, |(_, first)| message.min(first.saturating_sub(1)));
            Spot { channel, message }
        };
        latest.into_iter().map(done).collect()
    }

    /// What of that is not written down yet.
    pub fn news(&self) -> Vec<Spot> {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = |spot: &Spot| remembered.get(&spot.channel) != Some(&spot.message);
        self.done().into_iter().filter(is_news).collect()
    }

    pub fn remembered(&self, spot: Spot) {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.insert(spot.channel, spot.message);
    }
}

/// A message that was read, not heard.
#[derive(Debug, Deserialize)]
pub struct Spoken {
    pub id: String,
    pub author: User,
    #[serde(default)]
    pub webhook_id: Option<String>,
    #[serde(default)]
    pub content: String,
}

/// What is for the bot, and what it says.
pub struct Filter {
    guild: u64,
    rooms: BTreeSet<u64>,
    /// Threads of the rooms, and the room of each: Discord tells of a thread before anybody can
    /// write into it.
    threads: Mutex<HashMap<u64, u64>>,
    prefix: Option<String>,
    /// The bot's own id; 0 until it is known.
    me: AtomicU64,
}

impl Filter {
    pub fn new(account: &Account) -> Self {
        let rooms = account.channels.rooms.keys();
        Self {
            guild: account.holders.guild,
            rooms: rooms.filter_map(|room| snowflake(room.as_str())).collect(),
            threads: Mutex::default(),
            prefix: account.prefix.clone(),
            me: AtomicU64::new(0),
        }
    }

    pub fn set_me(&self, me: u64) {
        self.me.store(me, Ordering::SeqCst);
    }

    pub fn rooms(&self) -> impl Iterator<Item = u64> {
        self.rooms.iter().copied()
    }

    pub fn is_room(&self, channel: u64) -> bool {
        self.rooms.contains(&channel)
    }

    /// Whether it was said in a room, and not to the bot alone.
    pub fn is_ours(&self, said: &Said) -> bool {
        snowflake(said.channel.as_str()).is_some_and(|channel| self.is_room(channel))
    }

    /// The room that a channel is, or that it is a thread of.
    fn room_of(&self, channel: u64) -> Option<u64> {
        if self.is_room(channel) {
            return Some(channel);
        }
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).get(&channel).copied()
    }

    /// Notes a thread, if it is one of a room.
    pub fn learn_thread(&self, thread: u64, parent: u64) {
        if self.is_room(parent) {
            let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
            threads.insert(thread, parent);
        }
    }

    /// Notes threads as the gateway tells of them.
    fn learn(&self, threads: &[GuildChannel]) {
        for thread in threads {
            if let Some(parent) = thread.parent_id {
                self.learn_thread(thread.id.get(), parent.get());
            }
        }
    }

    /// What a message says to the bot; `None`: it is not for it. Answers to its messages are no
    /// commands unless they mention it.
    fn text(&self, content: &str, direct: bool) -> Option<String> {
        let me = self.me.load(Ordering::SeqCst);
        let (plain, nick) = (format!("<@{me}>"), format!("<@!{me}>"));
        if content.contains(&plain) || content.contains(&nick) {
            let text = content.replace(&plain, " ").replace(&nick, " ");
            return Some(text.trim().trim_start_matches([':', ',']).trim_start().to_owned());
        }
        let prefixed = || {
            let rest = content.trim_start().strip_prefix(self.prefix.as_deref()?)?;
            let whole = rest.is_empty() || rest.starts_with(char::is_whitespace);
            whole.then(|| rest.trim().to_owned())
        };
        prefixed().or_else(|| direct.then(|| content.trim().to_owned()))
    }

    /// What a message that was read says, if it is for the bot.
    pub fn spoken(&self, spoken: &Spoken, place: Spoke) -> Option<Said> {
        if spoken.author.bot || spoken.webhook_id.is_some() {
            return None;
        }
        let message = snowflake(&spoken.id)?;
        let text = self.text(&spoken.content, place.room.is_none())?;
        let spot = Spot { channel: place.channel, message };
        Some(said(spot, place.room, snowflake(&spoken.author.id)?, text))
    }

    fn heard(&self, message: &Message, hearing: &Hearing) -> Option<Heard> {
        let spot = Spot { channel: message.channel_id.get(), message: message.id.get() };
        let direct = message.guild_id.is_none();
        let room = self.room_of(spot.channel);
        // Of a thread it is enough to know up to where the bot was spoken to: there are many.
        if direct || self.is_room(spot.channel) {
            hearing.note(spot);
        }
        // What programs write may come from anybody.
        if message.author.bot || message.webhook_id.is_some() {
            return None;
        }
        if message.guild_id.is_some_and(|guild| guild.get() != self.guild) {
            return None;
        }
        let text = self.text(&message.content, direct)?;
        if !direct && room.is_none() {
            return Some(Heard::Elsewhere(spot));
        }
        hearing.begin(spot);
        let user = User::from(&message.author);
        Some(Heard::Said(Box::new((said(spot, room, message.author.id.get(), text), user))))
    }
}

/// Where a message that is read stands.
#[derive(Clone, Copy)]
pub struct Spoke {
    pub channel: u64,
    /// The room that it is, or a thread of; `None`: a conversation of two.
    pub room: Option<u64>,
}

/// What is said in a thread is said in its room, and answered where it stands.
fn said(spot: Spot, room: Option<u64>, person: u64, text: String) -> Said {
    Said {
        message: spot.id(),
        channel: channel_id(room.unwrap_or(spot.channel)),
        person: person_id(person),
        text,
        at: Some(time_of(spot.message)),
        pressed_on: None,
    }
}

/// Hears for one connection.
pub struct Ears {
    pub discord: Discord,
    pub filter: Arc<Filter>,
    pub hearing: Arc<Hearing>,
    pub heard: mpsc::UnboundedSender<Heard>,
    /// Apart from the rest: they are acknowledged at once whatever else waits.
    pub interactions: mpsc::UnboundedSender<Interaction>,
}

impl Ears {
    fn tell(&self, heard: Heard) {
        // Nobody listens any more once the process ends.
        let _ = self.heard.send(heard);
    }

    /// A change to reactions, unless it is our own.
    fn reactions(&self, channel: u64, message: u64, by: Option<u64>) {
        let own = by.is_some_and(|user| user == self.filter.me.load(Ordering::SeqCst));
        if !own && self.filter.is_room(channel) {
            self.tell(Heard::Reactions(Spot { channel, message }));
        }
    }

    fn deleted(&self, channel: u64, message: u64) {
        if self.filter.is_room(channel) {
            self.tell(Heard::Deleted(Spot { channel, message }));
        }
    }
}

#[async_trait::async_trait]
impl RawEventHandler for Ears {
    async fn raw_event(&self, _context: Context, event: Event) {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "Discord tells more than we ask for, and serenity's list grows"
        )]
        match event {
            Event::MessageCreate(event) => {
                if let Some(heard) = self.filter.heard(&event.message, &self.hearing) {
                    self.tell(heard);
                }
            }
            Event::ReactionAdd(event) => {
                let reaction = event.reaction;
                let user = reaction.user_id.map(|user| user.get());
                self.reactions(reaction.channel_id.get(), reaction.message_id.get(), user);
            }
            Event::ReactionRemove(event) => {
                let reaction = event.reaction;
                let user = reaction.user_id.map(|user| user.get());
                self.reactions(reaction.channel_id.get(), reaction.message_id.get(), user);
            }
            Event::ReactionRemoveAll(event) => {
                self.reactions(event.channel_id.get(), event.message_id.get(), None);
            }
            Event::ReactionRemoveEmoji(event) => {
                let reaction = event.reaction;
                self.reactions(reaction.channel_id.get(), reaction.message_id.get(), None);
            }
            Event::MessageDelete(event) => {
                self.deleted(event.channel_id.get(), event.message_id.get());
            }
            Event::MessageDeleteBulk(event) => {
                for message in event.ids {
                    self.deleted(event.channel_id.get(), message.get());
                }
            }
            Event::GuildCreate(event) => self.filter.learn(&event.guild.threads),
            Event::ThreadCreate(event) => self.filter.learn(&[event.thread]),
            Event::ThreadUpdate(event) => self.filter.learn(&[event.thread]),
            Event::ThreadListSync(event) => self.filter.learn(&event.threads),
            Event::InteractionCreate(event) => {
                // As above.
                let _ = self.interactions.send(event.interaction);
            }
            Event::Ready(event) => {
                let me = event.ready.user.id.get();
                self.filter.set_me(me);
                // Asked for once at most; told here, it need not be asked for at all.
                let _ = self.discord.0.me.set(me);
                self.discord.0.connected.send_replace(true);
                self.tell(Heard::Ready);
            }
            Event::Resumed(_) => {
                self.discord.0.connected.send_replace(true);
                self.tell(Heard::Resumed);
            }
            Event::Unknown(_) => {
                metrics::counter!("shipmate_discord_events_unparsed_total").increment(1);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(prefix: Option<&str>) -> Filter {
        let rooms = BTreeSet::from([2000]);
        Filter {
            guild: 1000,
            rooms,
            threads: Mutex::default(),
            prefix: prefix.map(str::to_owned),
            me: AtomicU64::new(4900),
        }
    }

    #[test]
    fn only_what_is_said_to_the_bot_is_heard() {
        let plain = filter(None);
        let said = |content: &str, direct| plain.text(content, direct);
        assert_eq!(said("<@4900> status", false).as_deref(), Some("status"));
        assert_eq!(said("<@!4900>: status", false).as_deref(), Some("status"));
        assert_eq!(said("please <@4900>, status", false).as_deref(), Some("please  , status"));
        assert_eq!(said("status", false), None);
        assert_eq!(said("<@49000> status", false), None);
        assert_eq!(said(" status ", true).as_deref(), Some("status"));
        let prefixed = filter(Some("!ship"));
        assert_eq!(prefixed.text("!ship status", false).as_deref(), Some("status"));
        assert_eq!(prefixed.text("!shipping status", false), None);
        assert_eq!(prefixed.text("status !ship", false), None);
    }

    #[test]
    fn nothing_that_is_being_dealt_with_counts_as_heard() {
        let hearing = Hearing::default();
        let spot = |message| Spot { channel: 2000, message };
        hearing.note(spot(10));
        hearing.begin(spot(12));
        hearing.note(spot(15));
        assert_eq!(hearing.done(), [spot(11)]);
        hearing.end(spot(12));
        assert_eq!(hearing.done(), [spot(15)]);
        hearing.remembered(spot(15));
        assert_eq!(hearing.news(), []);
        hearing.note(spot(16));
        assert_eq!(hearing.news(), [spot(16)]);
    }
}
