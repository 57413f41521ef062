//! The same conversations on Discord: a fake of it at the wire, real serenity before it, and its
//! messages read back as the cards that they show. What a test asks of the terminal's channel is
//! answered here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use serde_json::Value;
use shipmate::chat::discord::relay::RelaySettings;
use shipmate::chat::discord::{Account, Discord, Forms, Holders, Wire};
use shipmate::chat::terminal::{Message, Revision};
use shipmate::domain::card::{
    Card, CardAction, Field, Line, Progress, Shown, Span, Tone, spans, without_marks,
};
use shipmate::domain::channel::Channels;
use shipmate::domain::id::{MessageId, PersonId};
use shipmate::engine::Engine;
use shipmate::ports::{ChatEvent, Place, Raised, Reaction};
use shipmate::settings::Settings;
use tokio::sync::{mpsc, oneshot};

use super::chat::Posted;
use crate::discord::fake::{Clock, FakeDiscord, World as Guilded};

/// The channel in which everything is said.
pub const OPS: u64 = 2000;

/// Which way requests go to the fake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By TLS to `discord.com`, with serenity's own limiter.
    Tls,
    /// In plain, as to another server: limits are obeyed by us.
    Plain,
}

/// The words that the terminal would show for times. Discord shows each reader their own, and so
/// is told only which moment is meant.
#[derive(Clone, Default)]
pub struct Times(Arc<Mutex<BTreeMap<String, String>>>);

impl Times {
    /// Remembers those of a card on its way to the chat.
    pub fn note(&self, card: &Card) {
        let lines = card.lines.iter().map(|line| match line {
            Line::Text(text) | Line::Warning(text) | Line::Command(text) => text,
        });
        let fields = card.fields.iter().flat_map(|field| field.lines.iter().chain([&field.name]));
        let label = card.progress.as_ref().map(|progress| &progress.label);
        let texts = lines.chain(fields).chain([&card.title]).chain(label).chain(&card.footer);
        for span in texts.flat_map(|text| spans(text)) {
            let Span::Moment { second, shown, words } = span else { continue };
            let style = match shown {
                Shown::Time => 't',
                Shown::Second => 'T',
                Shown::Date => 'D',
                Shown::DateAndTime => 'f',
                Shown::Full => 'F',
                Shown::Distance => 'R',
            };
            let time = format!("{second}:{style}");
            self.0.lock().unwrap().insert(time, without_marks(words));
        }
    }

    /// `1795000000:F` in words.
    fn words(&self, time: &str) -> String {
        let known = self.0.lock().unwrap().get(time).cloned();
        known.unwrap_or_else(|| panic!("no card has shown {time}"))
    }
}

/// A guild with the demo's people in it.
pub struct Guild {
    pub fake: FakeDiscord,
    /// In the words of the cards that were posted.
    pub times: Times,
    pub way: Way,
    pub done: Arc<Done>,
}

/// Which events were raised and dealt with.
#[derive(Default)]
pub struct Done(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    begun: BTreeMap<String, u64>,
    done: BTreeMap<String, u64>,
}

/// By what an event is known.
fn name(event: &ChatEvent) -> String {
    match event {
        ChatEvent::Said(said) => format!("said {}", said.message),
        ChatEvent::ReactionsChanged { message } => format!("reactions {message}"),
        ChatEvent::MessageGone { message } => format!("gone {message}"),
        ChatEvent::Returned => "returned".to_owned(),
    }
}

impl Done {
    fn begun(&self, name: &str) -> u64 {
        self.0.lock().unwrap().begun.get(name).copied().unwrap_or_default()
    }

    fn done(&self, name: &str) -> u64 {
        self.0.lock().unwrap().done.get(name).copied().unwrap_or_default()
    }

    fn begin(&self, name: &str) {
        *self.0.lock().unwrap().begun.entry(name.to_owned()).or_default() += 1;
    }

    fn end(&self, name: &str) {
        *self.0.lock().unwrap().done.entry(name.to_owned()).or_default() += 1;
    }
}

/// The guild of the tests with Discord's own limits, and people called as in the terminal.
pub fn people() -> Guilded {
    let mut guilded = Guilded::shipmate();
    guilded.people.iter_mut().for_each(|person| person.global_name = None);
    guilded
}

/// A clock for the fake, which stamps its ids with it.
pub type Wall = Arc<dyn Fn() -> SystemTime + Send + Sync>;

impl Guild {
    /// Starts one that stamps its ids with this clock.
    pub async fn start(way: Way, wall: Wall, mut guilded: Guilded) -> Self {
        guilded.clock = Some(Clock(wall));
        let (fake, times) = (FakeDiscord::start(guilded).await, Times::default());
        Self { fake, times, way, done: Arc::default() }
    }

    pub fn wire(&self) -> Wire {
        wire(&self.fake, self.way)
    }

    /// As the settings would have it: roles by user name.
    pub fn account(&self, settings: &Settings) -> Account {
        Account {
            token: self.fake.token().into(),
            holders: Holders { guild: 1000, named: settings.people.clone(), ..Holders::default() },
            channels: channels(settings),
            prefix: None,
            call: None,
        }
    }

    /// Listens for an engine, and keeps count of what is dealt with.
    pub fn listen(&self, discord: Discord, engine: &Engine, into: mpsc::Sender<Raised>) {
        let (events, mut heard) = mpsc::channel::<Raised>(64);
        let forms = forms(engine);
        tokio::spawn(async move { discord.listen(events, forms).await });
        let done = Arc::clone(&self.done);
        tokio::spawn(async move {
            while let Some(Raised { event, handled }) = heard.recv().await {
                let name = name(&event);
                done.begin(&name);
                let (inner, ended) = oneshot::channel();
                if into.send(Raised { event, handled: inner }).await.is_err() {
                    return;
                }
                let done = Arc::clone(&done);
                tokio::spawn(async move {
                    if ended.await.is_ok() {
                        let _ = handled.send(());
                        done.end(&name);
                    }
                });
            }
        });
    }

    /// Somebody writes to the bot.
    pub fn say(&self, person: &str, text: &str) -> MessageId {
        let text = format!("<@{}> {text}", self.fake.bot());
        let id = self.fake.say(user(person), OPS, &text);
        format!("{OPS}/{id}").as_str().into()
    }

    /// Whether that changed anything: Discord tells of nothing else.
    pub fn react(&self, message: &MessageId, person: &str, emoji: &str, on: bool) -> bool {
        let (channel, id) = spot(message).expect("a message of Discord's");
        let person = user(person);
        let stands = self.fake.reactions(channel, id);
        if stands.get(emoji).is_some_and(|people| people.contains(&person)) == on {
            return false;
        }
        if on {
            self.fake.react(person, channel, id, emoji);
        } else {
            self.fake.unreact(person, channel, id, emoji);
        }
        true
    }

    /// Everything that the bot shows, in the order in which it was posted.
    pub fn messages(&self, posted: &[Posted]) -> Vec<Message> {
        posted.iter().filter_map(|posted| self.message(posted)).collect()
    }

    fn message(&self, posted: &Posted) -> Option<Message> {
        let (channel, id) = spot(&posted.id)?;
        let stored = self.fake.message(channel, id).filter(|stored| !stored.deleted)?;
        // An edit that would change nothing is not sent.
        let touched = revision(stored.edited_at.unwrap_or(stored.created_at));
        Some(Message {
            id: posted.id.clone(),
            key: posted.key.clone(),
            place: self.with_names(&posted.place),
            card: card(self, stored.embeds.first()?, &stored.components),
            edits: posted.edits,
            touched,
            changed: touched,
            reactions: self.reactions(channel, id),
            offered: Vec::new(),
        })
    }

    fn reactions(&self, channel: u64, id: u64) -> BTreeSet<Reaction> {
        let all = self.fake.reactions(channel, id).into_iter();
        let of = |(emoji, users): (String, BTreeSet<u64>)| {
            let action = CardAction::of_emoji(&emoji)?;
            let people = users.into_iter().filter(|user| *user != self.fake.bot());
            Some(people.map(move |user| (user, action)).collect::<Vec<_>>())
        };
        let reaction = |(user, action)| Reaction { person: self.name_of(user).into(), action };
        all.filter_map(of).flatten().map(reaction).collect()
    }

    fn with_names(&self, place: &Place) -> Place {
        let named = |person: &PersonId| -> PersonId {
            person.as_str().parse().map_or_else(|_| person.clone(), |id| self.name_of(id).into())
        };
        match place.clone() {
            Place::Reply { channel, to, person, ping } => {
                Place::Reply { channel, to, person: named(&person), ping }
            }
            Place::Private { channel, to, person } => {
                Place::Private { channel, to, person: named(&person) }
            }
            Place::Aside { about, person } => Place::Aside { about, person: named(&person) },
            Place::Direct { person } => Place::Direct { person: named(&person) },
            place @ (Place::Channel(_) | Place::Thread { .. }) => place,
        }
    }

    fn name_of(&self, id: u64) -> &'static str {
        PEOPLE.iter().find(|(_, known)| *known == id).map_or("somebody", |(name, _)| name)
    }

    pub fn mark_reactions(&self, message: &MessageId) -> u64 {
        self.done.begun(&format!("reactions {message}"))
    }

    /// Whether a reading of the reactions that began after the mark has ended.
    pub fn reactions_read(&self, message: &MessageId, mark: u64) -> bool {
        self.done.done(&format!("reactions {message}")) > mark
    }

    pub fn is_handled(&self, message: &MessageId) -> bool {
        self.done.done(&format!("said {message}")) > 0
    }

    pub fn returned(&self) -> u64 {
        self.done.done("returned")
    }
}

const PEOPLE: [(&str, u64); 6] = [
    ("alice", 4001),
    ("bob", 4002),
    ("carol", 4003),
    ("frank", 4004),
    ("dave", 4005),
    ("eve", 4006),
];

/// A person's id on Discord.
pub fn user(name: &str) -> u64 {
    PEOPLE.iter().find(|(known, _)| *known == name).expect("somebody in the guild").1
}

/// A person's name in the terminal.
pub fn person_name(id: &PersonId) -> PersonId {
    let known = PEOPLE.iter().find(|(_, known)| known.to_string() == id.as_str());
    known.map_or_else(|| id.clone(), |(name, _)| (*name).into())
}

pub fn spot(id: &MessageId) -> Option<(u64, u64)> {
    let (channel, message) = id.as_str().split_once('/')?;
    Some((channel.parse().ok()?, message.parse().ok()?))
}

/// Every environment may be spoken of in the one channel.
pub fn channels(settings: &Settings) -> Channels {
    let all = settings.environments.iter().map(|one| one.name.clone()).collect();
    let ops = OPS.to_string().as_str().into();
    Channels { rooms: BTreeMap::from([(ops, all)]), announce: None }
}

pub fn forms(engine: &Engine) -> Forms {
    let (saying, suggesting) = (engine.clone(), engine.clone());
    Forms {
        forms: engine.forms(),
        line: Arc::new(move |form, values| {
            saying.line(form, values).map_err(|why| why.to_string())
        }),
        suggest: Arc::new(move |typed| {
            let engine = suggesting.clone();
            Box::pin(async move {
                engine.suggest(&typed.form, &typed.field, &typed.text, &typed.filled).await
            })
        }),
    }
}

/// How the fake is reached.
pub fn wire(fake: &FakeDiscord, way: Way) -> Wire {
    let mut builder = reqwest::Client::builder().timeout(Duration::from_secs(15));
    let api = match way {
        Way::Plain => Some(fake.rest_url()),
        Way::Tls => {
            let trusted = reqwest::Certificate::from_der(&fake.certificate_der()).unwrap();
            builder = builder
                .resolve("discord.com", fake.tls_address())
                .tls_built_in_root_certs(false)
                .add_root_certificate(trusted);
            None
        }
    };
    let mut relay = RelaySettings::default();
    // What breaks in a test is mended at once.
    relay.brake.first_pause = Duration::from_millis(20);
    relay.brake.longest_pause = Duration::from_millis(200);
    relay.brake.cap = 60;
    Wire {
        http: builder.build().unwrap(),
        tls: Arc::new(shipmate::app::tls(rustls::RootCertStore::empty()).unwrap()),
        api,
        gateway: Some(fake.gateway_url()),
        relay,
    }
}

/// Now, as messages are ordered by.
pub fn moment() -> Revision {
    revision(SystemTime::now())
}

fn revision(time: SystemTime) -> Revision {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Revision(u64::try_from(since.as_nanos()).unwrap())
}

/// The card that an embed and its buttons show.
fn card(reader: &Guild, embed: &Value, components: &[Value]) -> Card {
    let text = |value: &Value| value.as_str().map(|text| plain(reader, text)).unwrap_or_default();
    let title = text(&embed["title"]);
    let tones = [Tone::Plain, Tone::Waiting, Tone::Running, Tone::Good, Tone::Warning, Tone::Bad];
    let signed = tones.into_iter().find_map(|tone| Some((tone, title.strip_prefix(tone.sign())?)));
    let (tone, title) = signed.unwrap_or((Tone::Plain, &title));
    let mut card = Card::new(tone, title.trim_start());
    for line in embed["description"].as_str().unwrap_or_default().lines() {
        if let Some(command) = line.strip_prefix("› `") {
            card.lines.push(Line::Command(command.trim_end_matches('`').to_owned()));
        } else if let Some(warning) = line.strip_prefix("⚠ ") {
            card.lines.push(Line::Warning(plain(reader, warning)));
        } else if let Some(bar) = line.strip_prefix("`[") {
            card.progress = progress(reader, bar);
        } else {
            card.lines.push(Line::Text(plain(reader, line)));
        }
    }
    for field in embed["fields"].as_array().into_iter().flatten() {
        let name = text(&field["name"]);
        let lines = field["value"].as_str().unwrap_or_default().lines();
        let lines: Vec<String> = lines.map(|line| plain(reader, line)).collect();
        match (name.as_str(), card.fields.last_mut()) {
            ("Links", _) => {}
            ("\u{200b}", Some(last)) => last.lines.extend(lines),
            _ => card.fields.push(Field { name, lines }),
        }
    }
    let buttons = components.iter().flat_map(|row| row["components"].as_array().cloned());
    for button in buttons.flatten() {
        let Some(id) = button["custom_id"].as_str() else { continue };
        if let Some(line) = id.strip_prefix("say:") {
            let shown = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let sign = shown(&button["emoji"]["name"]).chars().next().expect("it has a sign");
            card = card.offer(shown(&button["label"]), sign, line);
            continue;
        }
        let action = CardAction::ALL.into_iter().find(|one| id.starts_with(one.label()));
        card.actions.extend(action);
        card.rollback |= id.starts_with("rollback");
        card.ban |= id.starts_with("ban:");
    }
    card
}

fn progress(reader: &Guild, bar: &str) -> Option<Progress> {
    let (_, counted) = bar.split_once("` ")?;
    let (counts, label) = counted.split_once(' ')?;
    let (done, total) = counts.split_once('/')?;
    let label = plain(reader, label);
    Some(Progress { done: done.parse().ok()?, total: total.parse().ok()?, label })
}

/// Discord's markup as a reader sees it: escapes gone, people by name, times in words.
fn plain(reader: &Guild, text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        rest = &rest[next.len_utf8()..];
        if next == '\\' {
            let escaped = rest.chars().next().unwrap_or_default();
            shown.push(escaped);
            rest = &rest[escaped.len_utf8().min(rest.len())..];
        } else if let Some((id, behind)) =
            (next == '<').then(|| rest.strip_prefix('@')?.split_once('>')).flatten()
        {
            let known = PEOPLE.iter().find(|(_, known)| known.to_string() == id);
            shown.push_str(known.map_or("somebody", |(name, _)| name));
            assert_ne!(id, reader.fake.bot().to_string());
            rest = behind;
        } else if let Some((time, behind)) =
            (next == '<').then(|| rest.strip_prefix("t:")?.split_once('>')).flatten()
        {
            shown.push_str(&reader.times.words(time));
            rest = behind;
        } else if let Some((id, behind)) =
            (next == '<').then(|| rest.strip_prefix('#')?.split_once('>')).flatten()
        {
            // As the terminal calls its only one.
            shown.push_str(if id == OPS.to_string() { "ops" } else { "elsewhere" });
            rest = behind;
        } else {
            shown.push(next);
        }
    }
    shown
}
