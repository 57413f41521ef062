//! What the person at the keyboard types, done: said to the bot, or, where it is a slash line,
//! by the terminal. Knows neither keys nor screen.

use std::collections::BTreeSet;

use tokio::sync::{mpsc, oneshot};

use super::session::SessionError;
use super::slash::{LINES, Slash};
use super::{CannotReact, Terminal};
use crate::domain::card::{Card, CardAction, Tone};
use crate::domain::id::{PersonId, Role};
use crate::ports::{ChatEvent, Raised};

/// Whether the person stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Stay,
    Leave,
}

/// Does what is typed.
pub struct Desk {
    pub terminal: Terminal,
    pub events: mpsc::Sender<Raised>,
    /// Who is at the keyboard.
    pub person: PersonId,
    /// Who may be.
    pub people: Vec<PersonId>,
}

impl Desk {
    /// Does one line. Blocks the thread, which must not be one of the runtime's.
    ///
    /// # Errors
    /// [`SessionError::BotStopped`]: nobody hears it.
    pub fn typed(&mut self, line: &str) -> Result<Next, SessionError> {
        let slash = match Slash::parse(line, &self.people) {
            None => {
                let (event, _) = self.terminal.say(&self.person, line.trim());
                self.raise(event)?;
                return Ok(Next::Stay);
            }
            Some(Err(error)) => {
                self.terminal.note(Card::new(Tone::Warning, error.to_string()));
                return Ok(Next::Stay);
            }
            Some(Ok(slash)) => slash,
        };
        match slash {
            Slash::As(person) => self.person = person,
            Slash::React { action, deployment } => self.react(action, deployment, true)?,
            Slash::Unreact { action, deployment } => self.react(action, deployment, false)?,
            Slash::People => self.terminal.note(people(&self.terminal)),
            Slash::Help => self.terminal.note(help()),
            Slash::Quit => return Ok(Next::Leave),
        }
        Ok(Next::Stay)
    }

    fn react(
        &self,
        action: CardAction,
        deployment: Option<u64>,
        on: bool,
    ) -> Result<(), SessionError> {
        let message = match deployment {
            Some(number) => self.terminal.about(&self.person, number),
            None => self.terminal.offering(&self.person, action),
        };
        let reacted = message.and_then(|message| {
            let (event, _) = self.terminal.react(&message, &self.person, Some(action), on)?;
            let message = self.terminal.message(&message).ok_or(CannotReact::Gone)?;
            Ok((event, message.card.title))
        });
        match reacted {
            Ok((event, title)) => {
                let did = if on { "put" } else { "took" };
                let (person, emoji) = (&self.person, action.emoji());
                let at = if on { "on" } else { "off" };
                let told = format!("{person} {did} {emoji} {at} “{title}”");
                self.terminal.note(Card::new(Tone::Plain, told));
                self.raise(event)
            }
            Err(error) => {
                self.terminal.note(Card::new(Tone::Warning, error.to_string()));
                Ok(())
            }
        }
    }

    /// The prompt comes back at once: what the bot makes of it is printed above.
    fn raise(&self, event: ChatEvent) -> Result<(), SessionError> {
        let (handled, _) = oneshot::channel();
        let raised = Raised { event, handled };
        self.events.blocking_send(raised).map_err(|_| SessionError::BotStopped)
    }
}

/// What a session begins with.
pub fn greeting(terminal: &Terminal, examples: &[String]) -> Card {
    let mut card =
        Card::new(Tone::Plain, "Welcome aboard. Say what should run where, for example:");
    for example in examples {
        card = card.command(example);
    }
    let mut card = card
        .text(
            "You can be any of these people: /as bob. Answer a question with /react ✅ as \
             somebody else than who asked.",
        )
        .field("People", roles(terminal));
    card.footer = Some("/help tells what else there is; Tab completes; Ctrl-D leaves.".to_owned());
    card
}

fn people(terminal: &Terminal) -> Card {
    Card::new(Tone::Plain, "People").field("Who holds which roles", roles(terminal))
}

fn roles(terminal: &Terminal) -> Vec<String> {
    let row = |(person, roles): (PersonId, BTreeSet<Role>)| {
        let roles: Vec<_> = roles.iter().map(Role::as_str).collect();
        let roles = if roles.is_empty() { "no role".to_owned() } else { roles.join(", ") };
        format!("{person}: {roles}")
    };
    terminal.people().into_iter().map(row).collect()
}

fn help() -> Card {
    let lines = LINES.iter().map(|(name, what)| format!("{name}  {what}")).collect();
    Card::new(Tone::Plain, "What the terminal understands; anything else is said to the bot")
        .field("Lines", lines)
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use super::super::render::Style;
    use super::super::room::Revision;
    use super::super::screen::{Screen, Size};
    use super::*;
    use crate::domain::environment::People;
    use crate::ports::{Chat, Place};

    fn desk() -> (Desk, mpsc::Receiver<Raised>) {
        let holders = |names: &[&str]| names.iter().map(|name| PersonId::new(*name)).collect();
        let roles = [
            (Role::new("developer"), holders(&["alice"])),
            (Role::new("release-manager"), holders(&["bob", "carol"])),
        ];
        let people = People(roles.into_iter().collect());
        let terminal = Terminal::new("demo".into(), "1", people, ["eve".into()]);
        let (events, heard) = mpsc::channel(8);
        let people = terminal.people().into_keys().collect();
        (Desk { terminal, events, person: "alice".into(), people }, heard)
    }

    /// What the terminal has said since the last look, as plain text.
    fn notes(desk: &Desk) -> Vec<String> {
        let (changes, _) = desk.terminal.wait_for_change(Revision::default(), Duration::ZERO);
        let screen = Screen::new(Style::Plain, true, Size { columns: 80, rows: 24 }).show(&changes);
        screen.lines().filter(|row| !row.is_empty()).map(str::to_owned).collect()
    }

    #[test]
    fn what_is_typed_is_said_by_who_is_at_the_keyboard() {
        let (mut desk, mut heard) = desk();
        desk.typed("/as BOB").unwrap();
        assert_eq!(desk.typed(" status ").unwrap(), Next::Stay);
        let Ok(Raised { event: ChatEvent::Said(said), .. }) = heard.try_recv() else { panic!() };
        assert_eq!((said.person.as_str(), said.text.as_str()), ("bob", "status"));
        drop(heard);
        assert!(matches!(desk.typed("status"), Err(SessionError::BotStopped)));
        assert_eq!(desk.typed("/quit").unwrap(), Next::Leave);
    }

    #[test]
    fn wrong_slash_lines_say_what_would_be_right() {
        let (mut desk, mut heard) = desk();
        for line in ["/as", "/as mallory", "/react", "/react 🎉", "/react yes x", "/react yes"] {
            desk.typed(line).unwrap();
        }
        for line in ["/react stop", "/unreact no 7", "/quit now", "/dance", "/as bob carol"] {
            assert_eq!(desk.typed(line).unwrap(), Next::Stay);
        }
        assert_eq!(
            notes(&desk),
            [
                "⚠️ say who, for example /as alice",
                "⚠️ nobody here is called mallory; the people are alice, bob, carol, eve",
                "⚠️ say which reaction: /react yes, /react no or /react stop (✅, ❌, 🛑)",
                "⚠️ 🎉 answers nothing; say yes, no or stop (✅, ❌, 🛑)",
                "⚠️ x is not a deployment's number",
                "⚠️ no message awaits votes",
                "⚠️ no message asks for 🛑",
                "⚠️ no message about #7 asks for a reaction",
                "⚠️ /quit takes nothing more; leave out now",
                "⚠️ there is no /dance; /help tells what there is",
                "⚠️ /as takes nothing more; leave out carol",
            ]
        );
        assert!(heard.try_recv().is_err(), "none of it was said to the bot");
    }

    #[tokio::test]
    async fn a_reaction_goes_to_the_newest_question_or_to_the_one_named() {
        let (desk, mut heard) = desk();
        let place = Place::Channel("demo".into());
        let mut ids = Vec::new();
        for number in [1, 12] {
            let mut card = Card::new(Tone::Waiting, format!("#{number} core to staging"));
            card.actions = vec![CardAction::Approve, CardAction::Reject];
            ids.push(desk.terminal.post(&place, &card, &number.to_string()).await.unwrap());
        }
        let terminal = desk.terminal.clone();
        // The keyboard is a thread of its own, and not the runtime's.
        let typing = thread::spawn(move || {
            let mut desk = desk;
            for line in ["/react yes", "/react ❌ #1", "/unreact ✅ 12"] {
                desk.typed(line).unwrap();
            }
        });
        typing.join().unwrap();
        for expected in [&ids[1], &ids[0], &ids[1]] {
            let event = heard.recv().await.unwrap().event;
            assert_eq!(event, ChatEvent::ReactionsChanged { message: expected.clone() });
        }
        let on = |id| terminal.message(id).unwrap().reactions.into_iter().collect::<Vec<_>>();
        assert_eq!(on(&ids[0]).len(), 1);
        assert_eq!(on(&ids[0])[0].action, CardAction::Reject);
        assert!(on(&ids[1]).is_empty());
    }

    #[test]
    fn the_greeting_tells_what_to_type_who_is_who_and_how_to_answer() {
        let (desk, _heard) = desk();
        desk.terminal.note(greeting(&desk.terminal, &["status".to_owned()]));
        insta::assert_snapshot!(notes(&desk).join("\n"), @r"
        •  Welcome aboard. Say what should run where, for example:
             › status
           You can be any of these people: /as bob. Answer a question with /react ✅ as
           somebody else than who asked.
           People
             alice: developer
             bob: release-manager
             carol: release-manager
             eve: no role
           /help tells what else there is; Tab completes; Ctrl-D leaves.
        ");
    }
}
