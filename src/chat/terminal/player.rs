//! Plays a script in the terminal's channel: does what its people do, waits, and looks whether
//! the bot says what is expected. Does not know the bot: only its messages, whether it has
//! handled an event, and whether it is at work.

use std::fmt;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::DateTime;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout};

use super::render::plain;
use super::room::{Message, Revision};
use super::transcript::Transcript;
use super::{Terminal, wrap};
use crate::chat::script::{self, Emoji, Line, Numbered, ScriptErrors};
use crate::domain::card::CardAction;
use crate::domain::id::PersonId;
use crate::ports::{ChatEvent, Raised};

/// What the player needs of the program around it.
#[derive(Clone)]
pub struct Backstage {
    /// Where the bot hears what happens.
    pub events: mpsc::Sender<Raised>,
    /// Sets the clock to a local time of the environment, or says why it cannot.
    pub set_clock: Arc<dyn Fn(DateTime) -> Result<(), String> + Send + Sync>,
    /// Whether something runs or is queued; what waits for votes does not count.
    pub busy: Arc<dyn Fn() -> bool + Send + Sync>,
    /// For how long the bot may handle one event.
    pub handled_within: Duration,
    /// For how long a `wait` may last.
    pub calm_within: Duration,
}

impl Backstage {
    pub const HANDLED_WITHIN: Duration = Duration::from_secs(30);
    pub const CALM_WITHIN: Duration = Duration::from_secs(120);
}

/// How often `wait` looks.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// How many looks in a row must find nothing going on: one could fall between two steps.
const CALM_LOOKS: u32 = 2;

/// How a script went. Shown, it is the line to end with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Held {
        expectations: usize,
    },
    Failed(Failure),
    /// Nothing of it was played.
    Unreadable(ScriptErrors),
}

/// What did not hold, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Counts from 1.
    pub line: usize,
    pub reason: String,
}

impl Verdict {
    pub fn held(&self) -> bool {
        match self {
            Self::Held { .. } => true,
            Self::Failed(_) | Self::Unreadable(_) => false,
        }
    }

    pub fn exit_code(&self) -> ExitCode {
        if self.held() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held { expectations: 1 } => formatter.write_str("script: 1 expectation held"),
            Self::Held { expectations } => {
                write!(formatter, "script: {expectations} expectations held")
            }
            Self::Failed(Failure { line, reason }) => {
                write!(formatter, "script: line {line}: {reason}")
            }
            Self::Unreadable(errors) => {
                let errors: Vec<_> =
                    errors.0.iter().map(|error| format!("script: {error}")).collect();
                formatter.write_str(&errors.join("\n"))
            }
        }
    }
}

/// Plays a script to its end or to the first thing that does not hold.
pub async fn play(
    text: &str,
    terminal: &Terminal,
    backstage: &Backstage,
    transcript: &mut Transcript,
) -> Verdict {
    let lines = match script::parse(text) {
        Ok(lines) => lines,
        Err(errors) => return Verdict::Unreadable(errors),
    };
    let since = Since { revision: Revision::default(), line: None };
    let mut player = Player { terminal, backstage, transcript, since, expectations: 0 };
    for Numbered { number, line } in &lines {
        if let Err(reason) = player.knows_speaker(line) {
            return Verdict::Failed(Failure { line: *number, reason });
        }
    }
    for Numbered { number, line } in &lines {
        let played = player.play(*number, line).await;
        if let Err(reason) = played {
            player.tell(false);
            return Verdict::Failed(Failure { line: *number, reason });
        }
    }
    player.tell(false);
    Verdict::Held { expectations: player.expectations }
}

struct Player<'a> {
    terminal: &'a Terminal,
    backstage: &'a Backstage,
    transcript: &'a mut Transcript,
    since: Since,
    expectations: usize,
}

/// The last line of a person.
struct Since {
    revision: Revision,
    /// `None`: nobody has done anything yet.
    line: Option<usize>,
}

impl Player<'_> {
    fn knows_speaker(&self, line: &Line) -> Result<(), String> {
        let person = match line {
            Line::Say { person, .. }
            | Line::React { person, .. }
            | Line::Unreact { person, .. } => person,
            Line::At(_) | Line::Wait | Line::Expect(_) | Line::ExpectNot(_) => return Ok(()),
        };
        if self.terminal.knows(person) {
            return Ok(());
        }
        let names: Vec<_> = self.terminal.people().keys().map(ToString::to_string).collect();
        Err(format!("nobody is called {person}; the people are {}", names.join(", ")))
    }

    async fn play(&mut self, number: usize, line: &Line) -> Result<(), String> {
        match line {
            Line::At(time) => (self.backstage.set_clock)(*time),
            Line::Say { person, text } => {
                self.tell(true);
                self.transcript.person(person, text);
                let event = self.terminal.say(person, text);
                self.raise(number, event).await
            }
            Line::React { person, emoji } => self.react(number, person, emoji, true).await,
            Line::Unreact { person, emoji } => self.react(number, person, emoji, false).await,
            Line::Wait => self.wait().await,
            Line::Expect(text) => {
                self.expectations += 1;
                if self.stands(text) { Ok(()) } else { Err(self.missing(text)) }
            }
            Line::ExpectNot(text) => {
                self.expectations += 1;
                if self.stands(text) { Err(self.unwanted(text)) } else { Ok(()) }
            }
        }
    }

    async fn react(
        &mut self,
        number: usize,
        person: &PersonId,
        emoji: &Emoji,
        on: bool,
    ) -> Result<(), String> {
        self.tell(true);
        let verb = if on { "react" } else { "unreact" };
        self.transcript.person(person, &format!("{verb} {emoji}"));
        let action = CardAction::of_emoji(emoji.as_str());
        let reacted = self
            .terminal
            .awaiting(person)
            .and_then(|message| self.terminal.react(&message, person, action, on));
        match reacted {
            Ok(event) => self.raise(number, event).await,
            Err(error) => Err(format!("{person} has nothing to put {emoji} on: {error}")),
        }
    }

    /// Hands an event to the bot and waits until it has handled it.
    async fn raise(
        &mut self,
        number: usize,
        (event, revision): (ChatEvent, Revision),
    ) -> Result<(), String> {
        self.since = Since { revision, line: Some(number) };
        let (handled, done) = oneshot::channel();
        let raised = Raised { event, handled };
        let limit = self.backstage.handled_within;
        let handing_over = async {
            self.backstage
                .events
                .send(raised)
                .await
                .map_err(|_| "the bot has stopped".to_owned())?;
            done.await.map_err(|_| "the bot gave up on this without handling it".to_owned())
        };
        timeout(limit, handing_over)
            .await
            .unwrap_or_else(|_| Err(format!("the bot did not handle this within {limit:?}")))?;
        self.tell(true);
        Ok(())
    }

    async fn wait(&mut self) -> Result<(), String> {
        let limit = self.backstage.calm_within;
        let began = Instant::now();
        let mut calm = 0;
        loop {
            calm = if (self.backstage.busy)() { 0 } else { calm + 1 };
            if calm >= CALM_LOOKS {
                break;
            }
            if began.elapsed() >= limit {
                return Err(format!("something still runs or is queued after {limit:?}"));
            }
            sleep(LOOK_EVERY).await;
        }
        self.tell(false);
        Ok(())
    }

    /// Adds the cards that changed to the transcript. While the bot is at work, those that
    /// show its work wait until it has come to rest.
    fn tell(&mut self, between_lines: bool) {
        let moving = between_lines && (self.backstage.busy)();
        self.transcript.cards(&self.terminal.messages(), moving);
    }

    /// What the bot has posted or edited since the last line of a person.
    fn said(&self) -> Vec<Message> {
        let mut messages = self.terminal.messages();
        messages.retain(|message| message.touched > self.since.revision);
        messages
    }

    fn stands(&self, text: &str) -> bool {
        let text = wrap::normal(&wrap::line(text));
        self.said().iter().any(|message| wrap::normal(&plain(&message.card)).contains(&text))
    }

    fn missing(&self, text: &str) -> String {
        let (since, said) = (self.since(), self.said());
        if said.is_empty() {
            return format!("expected `{text}`, but the bot has said nothing since {since}");
        }
        format!("expected `{text}`, but since {since} the bot has said:\n{}", quoted(&said))
    }

    fn unwanted(&self, text: &str) -> String {
        let said = quoted(&self.said());
        format!("did not expect `{text}`, but since {} the bot has said:\n{said}", self.since())
    }

    fn since(&self) -> String {
        self.since.line.map_or("the start".to_owned(), |line| format!("line {line}"))
    }
}

/// Messages in a reason, set off from it.
fn quoted(messages: &[Message]) -> String {
    let quote = |message: &Message| {
        let note = message.note().map(|note| format!("{note}\n")).unwrap_or_default();
        let text = format!("{note}{}", plain(&message.card));
        text.lines()
            .map(|line| format!("  | {line}").trim_end().to_owned())
            .collect::<Vec<_>>()
            .join("\n")
    };
    messages.iter().map(quote).collect::<Vec<_>>().join("\n  |\n")
}
