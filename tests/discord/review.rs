//! What goes wrong between Discord and us: events that come twice or late, a chat that says no,
//! and what people did while nobody looked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use shipmate::chat::discord::{Account, Discord, Forms, Holders};
use shipmate::clock::OffsetClock;
use shipmate::domain::card::{Card, CardAction, Tone};
use shipmate::domain::channel::Channels;
use shipmate::domain::form::Form;
use shipmate::domain::id::{ChannelId, MessageId, PersonId, Role};
use shipmate::ports::{
    Chat, ChatError, ChatEvent, ChatMemory, Clock, Place, Raised, Reaction, Said, Store,
};
use shipmate::store::SqliteStore;
use tempfile::TempDir;
use tokio::sync::{Notify, mpsc};
use tokio::task::AbortHandle;

use super::fake::{FakeDiscord, World as Guilded};
use crate::world::guild::{Way, wire};
use crate::world::{LONG, World, within};

const ALICE: u64 = 4001;
const BOB: u64 = 4002;
const OPS: u64 = 2000;
/// A channel of the guild that the settings do not name.
const ELSEWHERE: u64 = 2001;

/// Discord as it is listened to, with nobody behind it.
struct Listening {
    fake: FakeDiscord,
    memory: Arc<SqliteStore>,
    discord: Discord,
    events: mpsc::Receiver<Raised>,
    into: mpsc::Sender<Raised>,
    task: Option<AbortHandle>,
    _directory: TempDir,
}

impl Listening {
    async fn prepare() -> Self {
        let fake = FakeDiscord::start(Guilded::shipmate().unlimited()).await;
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", directory.path().join("journal.db").display());
        let memory = Arc::new(SqliteStore::open(&url).await.unwrap());
        let rooms = BTreeMap::from([("2000".into(), BTreeSet::from(["staging".into()]))]);
        let account = Account {
            token: fake.token().into(),
            holders: Holders { guild: 1000, ..Holders::default() },
            channels: Channels { rooms, announce: None },
            prefix: None,
            call: None,
        };
        let clock = Arc::new(OffsetClock::default());
        let discord = Discord::new(account, wire(&fake, Way::Plain), memory.clone(), clock);
        let (into, events) = mpsc::channel(64);
        Self { fake, memory, discord, events, into, task: None, _directory: directory }
    }

    async fn begin(&mut self) {
        let help = Form {
            name: "help".to_owned(),
            summary: "Helps".to_owned(),
            private: true,
            fields: Vec::new(),
        };
        let forms = Forms {
            forms: vec![help],
            line: Arc::new(|form, _| Ok(form.to_owned())),
            suggest: Arc::new(|_| Box::pin(async { Vec::new() })),
        };
        let (discord, into) = (self.discord.clone(), self.into.clone());
        let task = tokio::spawn(async move { discord.listen(into, forms).await });
        self.task = Some(task.abort_handle());
        assert!(self.fake.wait_until(|fake| !fake.commands().is_empty(), LONG).await);
    }

    /// What people said, until everything is to be looked at anew.
    async fn said_until_returned(&mut self) -> Vec<Said> {
        let mut said = Vec::new();
        loop {
            let Raised { event, .. } = within("an event", self.events.recv()).await.unwrap();
            match event {
                ChatEvent::Said(one) => said.push(one),
                ChatEvent::Returned => return said,
                ChatEvent::ReactionsChanged { .. } | ChatEvent::MessageGone { .. } => {}
            }
        }
    }

    /// What the bot has said in a channel for everybody.
    fn openly(&self, channel: u64) -> usize {
        let messages = self.fake.messages_of_bot(channel).into_iter();
        messages.filter(|message| message.only_for.is_none()).count()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

fn private(to: &MessageId, person: u64) -> Place {
    Place::Private {
        channel: OPS.to_string().as_str().into(),
        to: Some(to.clone()),
        person: person.to_string().as_str().into(),
    }
}

#[tokio::test]
async fn a_command_that_comes_twice_is_asked_once_and_answered_where_it_was() {
    let mut listening = Listening::prepare().await;
    listening.begin().await;
    listening.said_until_returned().await;
    listening.fake.duplicate_events(true);
    let asked = listening.fake.slash(ALICE, OPS, "help", &[]).unwrap();
    let Raised { event, handled } = within("it is raised", listening.events.recv()).await.unwrap();
    let ChatEvent::Said(said) = event else { panic!("not said: {event:?}") };
    let second = tokio::time::timeout(Duration::from_millis(500), listening.events.recv()).await;
    assert!(second.is_err(), "it was raised twice");
    let card = Card::new(Tone::Plain, "For alice alone");
    listening.discord.post(&private(&said.message, ALICE), &card, "key").await.unwrap();
    handled.send(()).unwrap();
    let [shown] = &asked.shown()[..] else { panic!("{:?}", asked.shown()) };
    assert_eq!((&shown["ephemeral"], &shown["loading"]), (&true.into(), &false.into()));
    assert_eq!(listening.openly(OPS), 0);
}

#[tokio::test]
async fn a_private_answer_that_comes_too_late_is_shown_to_nobody_else() {
    let listening = Listening::prepare().await;
    let late = MessageId::new("interaction/77");
    let card = Card::new(Tone::Bad, "You may not do that");
    listening.discord.post(&private(&late, ALICE), &card, "alice").await.unwrap();
    let direct = listening.fake.direct_channel(ALICE).expect("she is told directly");
    assert_eq!((listening.openly(direct), listening.openly(OPS)), (1, 0));
    // Who takes no direct messages is not left without an answer.
    listening.fake.close_dms(BOB);
    listening.discord.post(&private(&late, BOB), &card, "bob").await.unwrap();
    assert_eq!(listening.openly(OPS), 1);
}

#[tokio::test]
async fn a_channel_that_was_taken_out_of_the_settings_is_not_read_as_if_it_were_private() {
    let mut listening = Listening::prepare().await;
    let fake = &listening.fake;
    let heard_there = fake.say(ALICE, ELSEWHERE, "good morning");
    let heard_directly = fake.direct(ALICE, "good morning");
    let direct = fake.direct_channel(ALICE).unwrap();
    for (channel, message) in [(ELSEWHERE, heard_there), (direct, heard_directly)] {
        let (channel, message) = (channel.to_string(), message.to_string());
        let (channel, message) = (channel.as_str().into(), message.as_str().into());
        listening.memory.set_heard(&channel, &message).await.unwrap();
    }
    fake.say(ALICE, ELSEWHERE, &format!("<@{}> promote core to production", fake.bot()));
    fake.direct(ALICE, "status");
    listening.begin().await;
    // What is said directly comes once it is known to come from a member: before or after.
    let mut said = listening.said_until_returned().await;
    while said.is_empty() {
        let Raised { event, .. } = within("an event", listening.events.recv()).await.unwrap();
        if let ChatEvent::Said(one) = event {
            said.push(one);
        }
    }
    let texts: Vec<&str> = said.iter().map(|said| said.text.as_str()).collect();
    assert_eq!(texts, ["status"]);
}

/// A channel that says no when it is told to.
struct Moody {
    inner: Arc<dyn Chat>,
    refuses_edits: AtomicBool,
    refuses_replies: AtomicBool,
    /// So many edits find nothing there.
    gone: AtomicUsize,
    /// So many looks at reactions find nobody who answers.
    away: AtomicUsize,
    edits: AtomicUsize,
    /// What is posted anew stands there, and whoever posted it does not hear so yet.
    keeps_waiting: AtomicBool,
    is_waited_for: Notify,
    goes_on: Notify,
}

impl Moody {
    fn between(world: &World) -> Arc<Self> {
        let moody = Arc::new(Self {
            inner: Arc::new(world.terminal.clone()),
            refuses_edits: false.into(),
            refuses_replies: false.into(),
            gone: 0.into(),
            away: 0.into(),
            edits: 0.into(),
            keeps_waiting: false.into(),
            is_waited_for: Notify::new(),
            goes_on: Notify::new(),
        });
        world.chat.speak_through(moody.clone());
        moody
    }
}

/// One fewer, if there are any left.
fn takes_one(count: &AtomicUsize) -> bool {
    let fewer = |left: usize| left.checked_sub(1);
    count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fewer).is_ok()
}

fn no() -> ChatError {
    ChatError::Refused("403: Missing Permissions".to_owned())
}

#[async_trait]
impl Chat for Moody {
    async fn post(&self, place: &Place, card: &Card, key: &str) -> Result<MessageId, ChatError> {
        let is_reply = matches!(place, Place::Reply { .. });
        if is_reply && self.refuses_replies.load(Ordering::SeqCst) {
            return Err(no());
        }
        let posted = self.inner.post(place, card, key).await;
        if key.starts_with("card-1-1") && self.keeps_waiting.swap(false, Ordering::SeqCst) {
            self.is_waited_for.notify_one();
            self.goes_on.notified().await;
        }
        posted
    }

    async fn edit(&self, message: &MessageId, card: &Card) -> Result<(), ChatError> {
        self.edits.fetch_add(1, Ordering::SeqCst);
        if takes_one(&self.gone) {
            return Err(ChatError::MessageGone);
        }
        if self.refuses_edits.load(Ordering::SeqCst) {
            return Err(no());
        }
        self.inner.edit(message, card).await
    }

    async fn offer(&self, message: &MessageId, actions: &[CardAction]) -> Result<(), ChatError> {
        self.inner.offer(message, actions).await
    }

    async fn take_off(&self, message: &MessageId, reaction: &Reaction) -> Result<(), ChatError> {
        self.inner.take_off(message, reaction).await
    }

    async fn reactions(&self, message: &MessageId) -> Result<BTreeSet<Reaction>, ChatError> {
        if takes_one(&self.away) {
            return Err(ChatError::Unavailable("503 Service Unavailable".to_owned()));
        }
        self.inner.reactions(message).await
    }

    async fn roles(&self, person: &PersonId) -> Result<BTreeSet<Role>, ChatError> {
        self.inner.roles(person).await
    }

    async fn holders(&self, roles: &BTreeSet<Role>) -> Result<BTreeSet<PersonId>, ChatError> {
        self.inner.holders(roles).await
    }

    fn name_of(&self, person: &PersonId) -> Option<String> {
        self.inner.name_of(person)
    }

    async fn channels_named(&self, name: &str) -> Result<Vec<ChannelId>, ChatError> {
        self.inner.channels_named(name).await
    }
}

/// #1, core:1.5.0 to production, waits for two votes.
async fn asked() -> World {
    let mut world = World::start().await;
    world.verified_on_staging("core", "1.5.0").await;
    world.say("alice", "promote core:1.5.0 to production").await;
    world
}

/// Bob said this then, and it is heard now.
fn bob_said(message: &str, text: &str, at: Timestamp) -> ChatEvent {
    ChatEvent::Said(Said {
        message: message.into(),
        channel: "ops".into(),
        person: "bob".into(),
        text: text.to_owned(),
        at: Some(at),
        pressed_on: None,
    })
}

#[tokio::test]
async fn a_word_counts_for_what_stood_there_when_it_was_said() {
    let mut world = asked().await;
    let minute = jiff::SignedDuration::from_mins(1);
    let earlier = world.clock.now() - minute;
    world.raise(bob_said("early", "approve", earlier)).await;
    assert!(world.deployment(1).await.votes.is_empty(), "there was no plan yet");
    // The terms change, and only later is it heard what bob said before.
    let before = world.clock.now();
    world.react("bob", "✅").await;
    world.sandbox.put_tag("core", "production-latest", "1.6.0").unwrap();
    world.react("carol", "✅").await;
    world.wait().await;
    world.set_clock("2026-11-24T09:05:00Z");
    world.raise(bob_said("late", "approve 1", before)).await;
    assert!(world.deployment(1).await.votes.is_empty(), "he meant the other plan");
    assert!(world.everything().contains("your vote was not counted"), "{}", world.everything());
    world.raise(bob_said("now", "approve 1", world.clock.now())).await;
    assert_eq!(world.deployment(1).await.votes.len(), 1);
}

#[tokio::test]
async fn a_card_posted_for_terms_that_changed_meanwhile_is_closed() {
    let world = asked().await;
    let moody = Moody::between(&world);
    let first = world.card(1).id;
    // Somebody deletes the card. The new one stands there, and nobody has heard so yet.
    moody.gone.store(1, Ordering::SeqCst);
    moody.keeps_waiting.store(true, Ordering::SeqCst);
    world.raise_only(ChatEvent::MessageGone { message: first.clone() }).await;
    within("it is posted anew", moody.is_waited_for.notified()).await;
    // Meanwhile it is agreed, and the gate finds other terms.
    world.sandbox.put_tag("core", "production-latest", "1.6.0").unwrap();
    for person in ["bob", "carol"] {
        let action = CardAction::of_emoji("✅");
        world.terminal.react(&first, &person.into(), action, true).unwrap();
    }
    world.raise_only(ChatEvent::ReactionsChanged { message: first }).await;
    let asked_anew = || {
        let cards = world.all_messages().into_iter().filter(|one| one.key.starts_with("card-"));
        cards.count() == 3
    };
    world.until("it is asked anew", asked_anew).await;
    moody.goes_on.notify_one();
    world.wait().await;
    let deployment = world.deployment(1).await;
    assert_eq!(deployment.message, Some(world.card(1).id));
    assert!(world.card_text(1).contains("core:1.6.0"), "{}", world.card_text(1));
    world.assert_untouched();
}

#[tokio::test]
async fn a_card_that_is_refused_is_not_tried_without_a_pause() {
    let mut world = asked().await;
    let moody = Moody::between(&world);
    moody.refuses_edits.store(true, Ordering::SeqCst);
    world.react("bob", "✅").await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let edits = moody.edits.load(Ordering::SeqCst);
    assert!((1..=4).contains(&edits), "{edits} edits");
    // It is shown once that is allowed.
    moody.refuses_edits.store(false, Ordering::SeqCst);
    let shown = || world.card_text(1).contains("1 of 2 agreed: bob");
    world.until("the vote is shown", shown).await;
}

#[tokio::test]
async fn an_end_that_nobody_can_be_told_is_not_told_for_ever() {
    let mut world = asked().await;
    let moody = Moody::between(&world);
    moody.refuses_replies.store(true, Ordering::SeqCst);
    world.say("bob", "reject 1").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "rejected");
    let journal = world.journal().await;
    assert!(journal.untold().await.unwrap().is_empty());
    journal.close().await;
    assert!(world.card_text(1).contains("rejected"), "{}", world.card_text(1));
}

#[tokio::test]
async fn the_card_of_what_is_over_stays_deleted() {
    let mut world = asked().await;
    world.say("bob", "reject 1").await;
    world.wait().await;
    let moody = Moody::between(&world);
    moody.gone.store(1, Ordering::SeqCst);
    let card = world.card(1).id;
    world.raise(ChatEvent::MessageGone { message: card.clone() }).await;
    world.wait().await;
    assert_eq!(world.card(1).id, card, "there is no other one");
    assert_eq!(moody.edits.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn votes_that_could_not_be_read_are_read_later() {
    let world = asked().await;
    let moody = Moody::between(&world);
    let card = world.card(1).id;
    // Nobody hears of it, and when the chat is back it does not answer at once.
    let action = CardAction::of_emoji("✅");
    world.terminal.react(&card, &"bob".into(), action, true).unwrap();
    moody.away.store(1, Ordering::SeqCst);
    world.raise(ChatEvent::Returned).await;
    let counted = || world.card_text(1).contains("1 of 2 agreed: bob");
    world.until("the vote counts", counted).await;
}
