//! Chat lines to commands, by the phrases in commands/*.toml. Imports only `domain`.
//!
//! A message is cut into words ([`text`]), one automaton made of all phrases reads them
//! ([`automaton`]), and the names among them are looked up ([`resolve`]). What no phrase reads
//! is compared with what could have been said ([`correct`]). The same files make forms to fill
//! in, and lines of what was filled in ([`form`]). Nothing here knows a chat, who speaks, or what
//! a command does.

mod automaton;
mod builder;
mod collision;
mod complete;
mod correct;
mod file;
mod form;
mod help;
mod kind;
mod load;
mod phrase;
mod print;
mod quick;
mod reading;
mod resolve;
mod slot;
mod suggest;
mod text;
mod vocabulary;

pub use complete::Completion;
pub use file::{CommandFile, combine};
pub use form::CannotSay;
pub use help::{HelpArgument, HelpLine, HelpPage};
pub use load::{LoadError, LoadErrors};
pub use reading::{Misunderstood, Reading, Why};
pub use slot::{ArgumentType, Slot};
pub use suggest::Typing;
pub use vocabulary::{Vocabulary, nearest};

use crate::domain::command::Command;
use crate::domain::policy::Action;

use automaton::{Automaton, Label, START, Test};
use file::{Placed, Spot};
use kind::Kind;
use phrase::{Node, Way};
use resolve::{Path, Resolver, Trouble};
use text::Token;

/// What people can say, and what it means.
#[derive(Clone, Debug)]
pub struct Grammar {
    automaton: Automaton,
    /// In the order of [`Kind::ALL`].
    entries: Vec<Entry>,
    kinds: Vec<Kind>,
    /// Words that begin phrases of one command only, for `help deploy`.
    topics: Vec<(String, Kind)>,
}

/// One command as its file describes it.
#[derive(Clone, Debug)]
struct Entry {
    kind: Kind,
    spot: Spot,
    action: Action,
    summary: String,
    private: bool,
    phrases: Vec<String>,
    endings: Vec<Placed<Node>>,
    examples: Vec<Placed<()>>,
    /// How to say each set of arguments, the first phrase that can first.
    ways: Vec<Way>,
    /// So many of these are ways to say the first phrase.
    first: usize,
}

/// The files of commands/, compiled in.
const SHIPPED: [(&str, &str); 34] = [
    ("promote.toml", include_str!("../../commands/promote.toml")),
    ("rollback.toml", include_str!("../../commands/rollback.toml")),
    ("status.toml", include_str!("../../commands/status.toml")),
    ("show.toml", include_str!("../../commands/show.toml")),
    ("history.toml", include_str!("../../commands/history.toml")),
    ("approve.toml", include_str!("../../commands/approve.toml")),
    ("reject.toml", include_str!("../../commands/reject.toml")),
    ("cancel.toml", include_str!("../../commands/cancel.toml")),
    ("pause.toml", include_str!("../../commands/pause.toml")),
    ("continue.toml", include_str!("../../commands/continue.toml")),
    ("canary.toml", include_str!("../../commands/canary.toml")),
    ("queue.toml", include_str!("../../commands/queue.toml")),
    ("ban.toml", include_str!("../../commands/ban.toml")),
    ("unban.toml", include_str!("../../commands/unban.toml")),
    ("bans.toml", include_str!("../../commands/bans.toml")),
    ("schedules.toml", include_str!("../../commands/schedules.toml")),
    ("release-hold.toml", include_str!("../../commands/release-hold.toml")),
    ("lock.toml", include_str!("../../commands/lock.toml")),
    ("unlock.toml", include_str!("../../commands/unlock.toml")),
    ("locks.toml", include_str!("../../commands/locks.toml")),
    ("reservations.toml", include_str!("../../commands/reservations.toml")),
    ("end-reservation.toml", include_str!("../../commands/end-reservation.toml")),
    ("freeze.toml", include_str!("../../commands/freeze.toml")),
    ("unfreeze.toml", include_str!("../../commands/unfreeze.toml")),
    ("freezes.toml", include_str!("../../commands/freezes.toml")),
    ("announce.toml", include_str!("../../commands/announce.toml")),
    ("show-schedule.toml", include_str!("../../commands/show-schedule.toml")),
    ("pause-schedule.toml", include_str!("../../commands/pause-schedule.toml")),
    ("continue-schedule.toml", include_str!("../../commands/continue-schedule.toml")),
    ("cancel-schedule.toml", include_str!("../../commands/cancel-schedule.toml")),
    ("preview.toml", include_str!("../../commands/preview.toml")),
    ("figures.toml", include_str!("../../commands/figures.toml")),
    ("help.toml", include_str!("../../commands/help.toml")),
    ("whoami.toml", include_str!("../../commands/whoami.toml")),
];

impl Grammar {
    /// The files that are compiled in.
    pub fn shipped_files() -> Vec<CommandFile> {
        let file = |(name, text): (&str, &str)| CommandFile {
            name: name.to_owned(),
            text: text.to_owned(),
        };
        SHIPPED.map(file).to_vec()
    }

    /// The grammar of the files that are compiled in.
    ///
    /// # Errors
    /// [`LoadErrors`], which the tests keep from ever happening.
    pub fn shipped() -> Result<Self, LoadErrors> {
        Self::load(Self::shipped_files())
    }

    /// # Errors
    /// All that is wrong with the files and with phrases that collide.
    pub fn load(files: Vec<CommandFile>) -> Result<Self, LoadErrors> {
        load::load(&files)
    }

    fn assemble(automaton: Automaton, entries: Vec<Entry>) -> Self {
        let kinds: Vec<Kind> = entries.iter().map(|entry| entry.kind).collect();
        let mut topics: Vec<(String, Kind)> = Vec::new();
        for place in automaton.follow(START) {
            let Some(position) = automaton.position(*place) else { continue };
            let Test::Word(symbol) = position.test else { continue };
            topics.push((automaton.words.text(symbol).to_owned(), position.kind));
        }
        topics.sort();
        topics.dedup();
        let all = topics.clone();
        topics.retain(|(word, _)| all.iter().filter(|(other, _)| other == word).count() == 1);
        Self { automaton, entries, kinds, topics }
    }

    /// What a message says. One message is one command; where it has several lines, the line
    /// that is a command counts.
    pub fn parse(&self, message: &str, vocabulary: &Vocabulary) -> Reading {
        let lines = text::spoken_lines(message);
        let (mut reading, line) = match lines.as_slice() {
            [line] => (self.parse_line(line, vocabulary), Some(*line)),
            lines => self.parse_lines(lines, vocabulary),
        };
        // What is announced may have more lines than one, quotes and code among them.
        if let (Reading::Command(Command::Announce { text }), Some(line)) = (&mut reading, line) {
            let end = line.as_ptr().addr() - message.as_ptr().addr() + line.len();
            text.push_str(message.get(end..).unwrap_or_default().trim_end());
        }
        reading
    }

    fn parse_line(&self, line: &str, vocabulary: &Vocabulary) -> Reading {
        let tokens = text::tokens(line);
        match self.read(line, &tokens, vocabulary) {
            Some(Ok(command)) => Reading::Command(command),
            Some(Err(trouble)) => {
                Reading::Misunderstood(self.troubled(line, &tokens, trouble, vocabulary))
            }
            None => self.unread(line, &tokens, vocabulary),
        }
    }

    /// With the line that is the command, if one is.
    fn parse_lines<'a>(
        &self,
        lines: &[&'a str],
        vocabulary: &Vocabulary,
    ) -> (Reading, Option<&'a str>) {
        let mut readings = lines.iter().map(|line| self.parse_line(line, vocabulary));
        let mut best = Reading::NotACommand;
        let mut commands = Vec::new();
        for (line, reading) in lines.iter().zip(&mut readings) {
            match (&best, reading) {
                (_, reading @ Reading::Command(_)) => {
                    commands.push(*line);
                    best = reading;
                }
                (Reading::NotACommand, reading @ Reading::Misunderstood(_)) => best = reading,
                (_, Reading::Misunderstood(_) | Reading::NotACommand) => {}
            }
        }
        if commands.len() > 1 {
            let suggestions = commands.iter().take(3).map(|line| line.trim().to_owned()).collect();
            let several = Misunderstood { why: Why::Several, suggestions };
            return (Reading::Misunderstood(several), None);
        }
        (best, commands.first().copied())
    }

    /// Whether a message says anything outside quotes and code.
    pub fn has_words(&self, message: &str) -> bool {
        let word = |token: &Token<'_>| token.kind == text::TokenKind::Word;
        text::spoken_lines(message).iter().any(|line| text::tokens(line).iter().any(word))
    }

    fn resolver<'a>(&'a self, vocabulary: &'a Vocabulary) -> Resolver<'a> {
        let Self { automaton, topics, kinds, entries: _ } = self;
        Resolver { automaton, vocabulary, topics, kinds }
    }

    /// `None` where no phrase reads the line.
    fn path<'a>(&self, line: &'a str, tokens: &'a [Token<'a>]) -> Option<Path<'a>> {
        let run = self.automaton.run(tokens);
        if !self.automaton.is_accepting(run.state()) {
            return None;
        }
        let places = self.automaton.path(&run)?;
        let steps = run.steps.iter().map(|(number, _)| *number).zip(places).collect();
        Some(Path { line, tokens, steps })
    }

    /// `None` where no phrase reads the line.
    fn read(
        &self,
        line: &str,
        tokens: &[Token<'_>],
        vocabulary: &Vocabulary,
    ) -> Option<Result<Command, (usize, Trouble)>> {
        Some(self.resolver(vocabulary).command(&self.path(line, tokens)?))
    }

    /// The command on one line, if it is one.
    fn command(&self, line: &str, vocabulary: &Vocabulary) -> Option<Command> {
        self.read(line, &text::tokens(line), vocabulary)?.ok()
    }

    fn entry(&self, kind: Kind) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.kind == kind)
    }

    /// The action that the policies decide on for this command.
    pub fn action(&self, command: &Command) -> Action {
        // Commands come from phrases, and so have a file; should one not, then what is asked
        // for least goes through everything that is asked of a promotion.
        self.entry(Kind::of(command)).map_or(Action::Promote, |entry| entry.action)
    }

    /// Whether only the person who asks should see the reply.
    pub fn is_private(&self, command: &Command) -> bool {
        self.entry(Kind::of(command)).is_some_and(|entry| entry.private)
    }

    /// The command's name in its file and in `help`.
    pub fn id(&self, command: &Command) -> &'static str {
        Kind::of(command).id()
    }

    /// Whether a phrase that begins with this word can be told from talk by it alone: an
    /// argument follows, or nothing needs to.
    fn is_telling(&self, place: automaton::Place) -> bool {
        let Some(position) = self.automaton.position(place) else { return false };
        let argument = |place: &automaton::Place| {
            let position = self.automaton.position(*place);
            position.is_some_and(|position| matches!(position.label, Label::Argument(_)))
        };
        position.accepting || position.follow.iter().any(argument)
    }
}
