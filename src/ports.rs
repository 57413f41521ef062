//! The few traits that really have several implementations: the chat, the store, the clock;
//! and what a chat remembers from one run to the next.
//! AWS and GitHub have none: tests, demo and production run the same clients, and only the
//! address differs. Imports only `domain`.

mod reservations;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::domain::card::{Card, CardAction};
use crate::domain::decision::{Ban, Decision, RecordedDecision};
use crate::domain::deployment::Deployment;
use crate::domain::event::{Event, Recorded};
use crate::domain::figures::Outcome;
use crate::domain::freeze::Freeze;
use crate::domain::id::{
    ChannelId, DeploymentId, EnvironmentName, MessageId, PersonId, Repository, Role,
};
use crate::domain::image::Image;
use crate::domain::lock::Lock;
use crate::domain::schedule::{Firing, Made, NewSchedule, Posted, ScheduleKey, Stored};
use crate::domain::timetable::Due;

pub use reservations::{Asked, Desk, NotReserved, ReservationStore, Reserving, Standing, Ticket};

/// Tells the time and waits for it. Handed in, so that a demo can set it.
#[async_trait]
pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;

    /// Returns once the clock shows this time or a later one.
    async fn sleep_until(&self, time: Timestamp);

    /// Returns after this long.
    async fn sleep(&self, duration: Duration);
}

/// What a chat raises. Each is put into the inbox once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChatEvent {
    Said(Said),
    /// Reactions on a message may have changed: look at it.
    ReactionsChanged {
        message: MessageId,
    },
    /// A message is gone: what it showed is shown anew.
    MessageGone {
        message: MessageId,
    },
    /// The chat was away, and what happened there meanwhile raised no event: votes are counted
    /// anew and everything is shown as it is now.
    Returned,
}

/// A person wrote something to the bot.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Said {
    /// Unique for ever: the chat's own id of the message.
    pub message: MessageId,
    pub channel: ChannelId,
    pub person: PersonId,
    pub text: String,
    /// When, where the chat tells; else just now.
    #[serde(default)]
    pub at: Option<Timestamp>,
    /// It was said by a button of this message, and means what stood there.
    #[serde(default)]
    pub pressed_on: Option<MessageId>,
}

/// Where a card goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Channel(ChannelId),
    /// In the channel, as an answer to a message; `ping` calls its author, once.
    Reply {
        channel: ChannelId,
        to: MessageId,
        person: PersonId,
        ping: bool,
    },
    /// Seen by this person only, wherever the chat can do that best.
    Private {
        channel: ChannelId,
        to: Option<MessageId>,
        person: PersonId,
    },
    /// To the person directly, about a message of ours that they did something on; where they
    /// take no direct messages, a line beside that message.
    Aside {
        about: MessageId,
        person: PersonId,
    },
    /// To the person directly, and else nowhere.
    Direct {
        person: PersonId,
    },
    /// Beside a message of ours, where the details go that not everybody wants to read.
    Thread {
        of: MessageId,
    },
}

/// A reaction that stands on a message now. Bots' are left out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reaction {
    pub person: PersonId,
    pub action: CardAction,
}

/// The chat could not be asked, or said no. Never a person's lack of rights.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChatError {
    #[error("the message is gone")]
    MessageGone,
    /// Nothing can ever be shown there again.
    #[error("the channel is gone")]
    PlaceGone,
    #[error("the chat did not answer: {0}")]
    Unavailable(String),
    #[error("the chat refused: {0}")]
    Refused(String),
}

#[async_trait]
pub trait Chat: Send + Sync {
    /// Posts a card. `key` is the same for each try to post the same thing, so that a chat
    /// which can tell does not show it twice.
    async fn post(&self, place: &Place, card: &Card, key: &str) -> Result<MessageId, ChatError>;

    async fn edit(&self, message: &MessageId, card: &Card) -> Result<(), ChatError>;

    /// Sets the reactions by which people can answer. They may appear a little later.
    async fn offer(&self, message: &MessageId, actions: &[CardAction]) -> Result<(), ChatError>;

    /// Takes a person's reaction off, because it may not count.
    async fn take_off(&self, message: &MessageId, reaction: &Reaction) -> Result<(), ChatError>;

    /// What stands on the message now.
    async fn reactions(&self, message: &MessageId) -> Result<BTreeSet<Reaction>, ChatError>;

    /// The roles that a person holds now: asked, never remembered.
    async fn roles(&self, person: &PersonId) -> Result<BTreeSet<Role>, ChatError>;

    /// Those who hold any of these roles, as far as the chat tells.
    async fn holders(&self, roles: &BTreeSet<Role>) -> Result<BTreeSet<PersonId>, ChatError>;

    /// How people are shown who somebody is, as far as it is known without asking anybody.
    fn name_of(&self, person: &PersonId) -> Option<String>;

    /// The channels that people call by this name, of all that there are.
    async fn channels_named(&self, name: &str) -> Result<Vec<ChannelId>, ChatError>;
}

/// What a chat was about to post, as it is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Posting {
    /// Nobody has tried before.
    New,
    /// Somebody tried, and died before it was known what came of it.
    Begun { at: Timestamp },
    /// It stands there.
    Posted { message: MessageId },
}

/// What a chat remembers from one run to the next, so that nothing is posted twice and nothing
/// that was said is missed.
#[async_trait]
pub trait ChatMemory: Send + Sync {
    /// Tells this installation from every other, for ever.
    async fn installation(&self) -> Result<String, StoreError>;

    /// Notes that something is about to be posted, and says whether somebody tried before.
    async fn begin_posting(&self, key: &str, at: Timestamp) -> Result<Posting, StoreError>;

    /// Notes where it stands.
    async fn end_posting(&self, key: &str, message: &MessageId) -> Result<(), StoreError>;

    /// Forgets what was posted so long ago that nobody tries it again.
    async fn forget_postings(&self, now: Timestamp) -> Result<(), StoreError>;

    /// The places where something was heard, and the last thing heard there.
    async fn heard(&self) -> Result<Vec<(ChannelId, MessageId)>, StoreError>;

    /// Everything up to this message was heard in its place.
    async fn set_heard(&self, channel: &ChannelId, message: &MessageId) -> Result<(), StoreError>;
}

/// The journal could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else appended first: read again and decide anew.
    #[error("deployment {0} has moved on")]
    Conflict(DeploymentId),
    /// Another deployment of this environment runs.
    #[error("the environment's turn is taken")]
    TurnTaken,
    #[error("there is no deployment {0}")]
    NoSuchDeployment(DeploymentId),
    /// What stands in the journal is not what this program can have written.
    #[error("the journal of deployment {deployment} is not sound: {detail}")]
    Unsound { deployment: DeploymentId, detail: String },
    #[error("the database: {0}")]
    Database(String),
}

/// A deployment in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    pub id: DeploymentId,
    pub environment: EnvironmentName,
    /// `waiting`, `queued`, `running`, or the code of its end.
    pub stage: String,
    /// What is promoted, as shown: `core:1.5.0 and web:2.1.0`.
    pub names: String,
    pub rollback: bool,
    pub requester: PersonId,
    pub requested_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

/// After a rollback: automation may not move the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    pub deployment: DeploymentId,
    pub since: Timestamp,
}

/// An inbox entry that was received and not yet handled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unhandled {
    pub received_at: Timestamp,
    pub said: Said,
}

/// A schedule that somebody made in chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeSchedule {
    pub number: i64,
    pub text: String,
    pub when: Stored,
    /// The IANA name of its zone.
    pub zone: String,
    pub channel: ChannelId,
    pub made: Made,
    /// When it was cancelled, or had its last time.
    pub ended_at: Option<Timestamp>,
}

/// Somebody paused a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    pub by: PersonId,
    pub since: Timestamp,
}

/// What is announced at set times: what people made, what was due, and who announces it.
#[async_trait]
pub trait Schedules: Send + Sync {
    /// Those made in chat that still stand, oldest first.
    async fn schedules(&self) -> Result<Vec<MadeSchedule>, StoreError>;

    /// Makes one: for the same message, it gives the one that stands. Its times count from when it
    /// was made, by a rule that [`settled`](Self::settled) knows by this text.
    async fn make_schedule(
        &self,
        new: &NewSchedule,
        rule: &str,
    ) -> Result<MadeSchedule, StoreError>;

    /// One of these, also after it has ended.
    async fn schedule(&self, number: i64) -> Result<Option<MadeSchedule>, StoreError>;

    /// The one that a message made.
    async fn schedule_asked_in(
        &self,
        message: &MessageId,
    ) -> Result<Option<MadeSchedule>, StoreError>;

    /// It is announced no more, and what was claimed of it is called off; false: there is none, or
    /// it was over.
    async fn end_schedule(&self, number: i64, at: Timestamp) -> Result<bool, StoreError>;

    async fn pauses(&self) -> Result<BTreeMap<ScheduleKey, Pause>, StoreError>;

    /// What was claimed of it and not posted is called off; false: it was paused already.
    async fn pause_schedule(
        &self,
        schedule: &ScheduleKey,
        pause: &Pause,
    ) -> Result<bool, StoreError>;

    /// It goes on with its next time after `at`; false: it was not paused.
    async fn unpause_schedule(
        &self,
        schedule: &ScheduleKey,
        at: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Raised with each change of the above, by whatever process.
    async fn schedule_changes(&self) -> Result<i64, StoreError>;

    /// Up to which time each of these schedules is dealt with. One that is new, or has another
    /// rule than before, is so up to now.
    async fn settled(
        &self,
        schedules: &[(ScheduleKey, String)],
        now: Timestamp,
    ) -> Result<BTreeMap<ScheduleKey, Timestamp>, StoreError>;

    /// Notes that a schedule is due, and settles it up to then. True: it is the caller's to
    /// announce or, where it is too late for that, to tell as missed. False: another's, or it is
    /// paused or over.
    async fn claim(&self, due: &Due, now: Timestamp) -> Result<bool, StoreError>;

    /// The same for what was claimed before `before` and never posted.
    async fn take_over(
        &self,
        firing: &Firing,
        before: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Whether something claimed is the caller's to post still: it was neither called off nor taken
    /// over since the claim that `firing` tells of. It counts as claimed now.
    async fn renew(&self, firing: &Firing, now: Timestamp) -> Result<bool, StoreError>;

    /// Claimed and neither posted nor missed, oldest first.
    async fn claimed(&self) -> Result<Vec<Firing>, StoreError>;

    /// It stands there, whatever was decided meanwhile; `None`: there was nothing to announce.
    /// False: it had an end already.
    async fn announced(&self, firing: &Firing, posted: Option<&Posted>)
    -> Result<bool, StoreError>;

    /// False: it had an end already.
    async fn missed(&self, firing: &Firing) -> Result<bool, StoreError>;

    /// The same where whoever made it may not announce there any more.
    async fn denied(&self, firing: &Firing) -> Result<bool, StoreError>;

    /// When a schedule was last announced, or found to have nothing to say, of the times before
    /// `due`.
    async fn announced_before(
        &self,
        schedule: &ScheduleKey,
        due: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError>;

    /// The newest of a schedule.
    async fn firings(&self, schedule: &ScheduleKey, limit: u32) -> Result<Vec<Firing>, StoreError>;

    /// The announcement that is this message, if it asks for a promotion or for votes.
    async fn firing_that_asks(&self, message: &MessageId) -> Result<Option<Firing>, StoreError>;

    /// Forgets what was due so long ago that nobody asks.
    async fn forget_firings(&self, before: Timestamp) -> Result<(), StoreError>;

    /// What ended since, oldest first.
    async fn ended_since(&self, from: Timestamp) -> Result<Vec<Outcome>, StoreError>;
}

/// The journal and its projections, with the reservations and schedules beside it. What is
/// appended is on disk when the call returns.
#[async_trait]
pub trait Store: Schedules + ReservationStore + Send + Sync {
    /// Puts a message into the inbox; false: it was there already.
    async fn receive(&self, said: &Said, at: Timestamp) -> Result<bool, StoreError>;

    /// Marks a message as handled.
    async fn handled(&self, message: &MessageId, at: Timestamp) -> Result<(), StoreError>;

    /// Messages that were received and whose handling did not end, oldest first.
    async fn unhandled(&self) -> Result<Vec<Unhandled>, StoreError>;

    /// The deployment that a message asked for, if it did.
    async fn asked_in(&self, message: &MessageId) -> Result<Option<DeploymentId>, StoreError>;

    /// Begins a deployment: `first` is its `Requested`.
    async fn begin(&self, first: Event, at: Timestamp) -> Result<Deployment, StoreError>;

    /// Appends events to a deployment that is at `version`, all or none, and gives what it is
    /// then. `Started` takes the environment's turn and `Ended` gives it back.
    async fn append(
        &self,
        deployment: DeploymentId,
        version: u64,
        events: Vec<Event>,
        at: Timestamp,
    ) -> Result<Deployment, StoreError>;

    async fn deployment(&self, id: DeploymentId) -> Result<Option<Deployment>, StoreError>;

    async fn events(&self, id: DeploymentId) -> Result<Vec<Recorded>, StoreError>;

    /// Those whose sequence is higher.
    async fn events_after(
        &self,
        id: DeploymentId,
        sequence: u64,
    ) -> Result<Vec<Recorded>, StoreError>;

    /// All that have not ended, oldest first.
    async fn open(&self) -> Result<Vec<Deployment>, StoreError>;

    /// Those that wait for a moment which has not come yet, the next first.
    async fn scheduled(&self) -> Result<Vec<Deployment>, StoreError>;

    /// Ended deployments whose end was not yet told, oldest first. An end is untold from the
    /// moment at which it is recorded.
    async fn untold(&self) -> Result<Vec<Deployment>, StoreError>;

    /// Marks a deployment's end as told.
    async fn told(&self, id: DeploymentId) -> Result<(), StoreError>;

    /// Up to which event a deployment's story was told beside its card.
    async fn narrated(&self, id: DeploymentId) -> Result<u64, StoreError>;

    async fn set_narrated(&self, id: DeploymentId, sequence: u64) -> Result<(), StoreError>;

    /// Marks that those who can unblock a deployment were told that it waits; false: they were
    /// before.
    async fn nudge(&self, id: DeploymentId, at: Timestamp) -> Result<bool, StoreError>;

    /// The deployment whose present card this is.
    async fn by_message(&self, message: &MessageId) -> Result<Option<DeploymentId>, StoreError>;

    /// The newest, of one environment or of all.
    async fn history(
        &self,
        environment: Option<&EnvironmentName>,
        limit: u32,
    ) -> Result<Vec<Summary>, StoreError>;

    /// The last promotion of the environment that succeeded and was not undone.
    async fn last_success(
        &self,
        environment: &EnvironmentName,
    ) -> Result<Option<Deployment>, StoreError>;

    /// Whether a deployment of this image succeeded in the environment.
    async fn verified(
        &self,
        environment: &EnvironmentName,
        image: &Image,
    ) -> Result<bool, StoreError>;

    /// How long the last successes took from their start, newest first, of those that moved
    /// any of these repositories.
    async fn durations(
        &self,
        environment: &EnvironmentName,
        repositories: &[Repository],
        limit: u32,
    ) -> Result<Vec<Duration>, StoreError>;

    async fn hold(&self, environment: &EnvironmentName) -> Result<Option<Hold>, StoreError>;

    /// Writes a decision down, with what it changes; false: it changes nothing (the digest is
    /// banned already, or is not; there is no such hold or freeze; another lock stands, or none),
    /// and nothing is written.
    async fn decide(&self, decision: Decision, at: Timestamp) -> Result<bool, StoreError>;

    /// The bans that stand, the newest first.
    async fn bans(&self) -> Result<Vec<Ban>, StoreError>;

    /// The last decisions, the newest first.
    async fn decisions(&self, limit: u32) -> Result<Vec<RecordedDecision>, StoreError>;

    /// The lock on an environment, also one whose time is over and that has not been ended yet.
    async fn lock(&self, environment: &EnvironmentName) -> Result<Option<Lock>, StoreError>;

    /// All of these, by environment.
    async fn locks(&self) -> Result<Vec<Lock>, StoreError>;

    /// Writes down that a lock's holder is asked whether it is still needed; false: somebody
    /// else does that, or it is another lock by now.
    async fn ask_about_lock(&self, lock: &Lock, at: Timestamp) -> Result<bool, StoreError>;

    /// The freezes that people set and nobody has ended, by environment; also one whose time is
    /// over and that has not been ended yet.
    async fn freezes(&self) -> Result<Vec<Freeze>, StoreError>;

    /// Decisions of which somebody has to be told who did not take them, the oldest first. One
    /// is news from the moment at which it is recorded.
    async fn news(&self) -> Result<Vec<RecordedDecision>, StoreError>;

    /// Marks news as told.
    async fn news_told(&self, decision: u64) -> Result<(), StoreError>;
}

/// An event on its way from a chat to the engine. `handled` is told when everything that
/// follows from it at once has been done and shown.
#[derive(Debug)]
pub struct Raised {
    pub event: ChatEvent,
    pub handled: tokio::sync::oneshot::Sender<()>,
}

/// What somebody outside sent to a path of ours. Nothing in it is trusted yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HookRequest {
    /// Names in lower case, as often as they were sent; values that are no text are left out.
    pub headers: Vec<(String, String)>,
    /// The bytes as they came: signatures are made over them.
    pub body: Vec<u8>,
}

impl HookRequest {
    /// The value of a header that was sent just once. Of two, nobody could say which one a
    /// sender meant, so that is none.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(header, _)| header == name);
        match (values.next(), values.next()) {
            (Some((_, value)), None) => Some(value),
            (None, _) | (Some(_), Some(_)) => None,
        }
    }
}

/// What goes back to the sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookAnswer {
    /// A status of HTTP.
    pub status: u16,
    /// Sent where there is a body.
    pub content_type: &'static str,
    pub body: Vec<u8>,
}

impl HookAnswer {
    /// A status, and nothing else.
    pub fn empty(status: u16) -> Self {
        Self { status, content_type: "text/plain; charset=utf-8", body: Vec::new() }
    }

    /// 200 with a body of JSON.
    pub fn json(body: &serde_json::Value) -> Self {
        let body = body.to_string().into_bytes();
        Self { status: 200, content_type: "application/json", body }
    }
}

/// News of AWS's: something has happened in this cluster. It may be late, wrong or a lie: it is a
/// reason to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewsOf {
    pub region: String,
    /// The number of the AWS account.
    pub account: String,
    /// Its name.
    pub cluster: String,
}

/// What became of news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// The deployment that runs there looks at once.
    Woke,
    /// Nothing runs there.
    Idle,
    /// No environment is there.
    Elsewhere,
}

/// A path that somebody outside calls, and an adapter answers. What must not be lost is
/// written down before the answer goes out: nobody sends it twice.
#[async_trait]
pub trait Hook: Send + Sync {
    async fn call(&self, request: HookRequest) -> HookAnswer;
}
