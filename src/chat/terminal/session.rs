//! The channel live: a prompt for the person at the keyboard, and the cards above it. Does
//! not read what is typed.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc as threads;
use std::thread;
use std::time::Duration;

use rustyline::config::{CompletionType, Config};
use rustyline::error::ReadlineError;
use rustyline::history::{DefaultHistory, MemHistory};
use rustyline::{Editor, ExternalPrinter};
use tokio::sync::{mpsc, oneshot};

use super::Terminal;
use super::desk::{Desk, Next, greeting};
use super::keyboard::{Complete, Disturbances, Keyboard};
use super::render::Style;
use super::room::Revision;
use super::screen::{Screen, Size};
use crate::domain::card::{Card, Tone};
use crate::domain::id::PersonId;
use crate::ports::Raised;

/// What a session needs of the program around it.
pub struct Session {
    /// Where the bot hears what happens.
    pub events: mpsc::Sender<Raised>,
    /// Who is at the keyboard at first.
    pub person: PersonId,
    /// What can follow a line.
    pub complete: Complete,
    /// Lines worth trying first; the greeting shows them.
    pub examples: Vec<String>,
    /// Where typed lines are kept from one run to the next, if anywhere.
    pub history: Option<PathBuf>,
    pub style: Style,
}

/// Why a session ended though nobody left.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    #[error("the keyboard cannot be read")]
    Keyboard(#[from] ReadlineError),
    #[error("no thread can be started")]
    Thread(#[from] std::io::Error),
    #[error("the bot has stopped")]
    BotStopped,
    #[error("the session broke off")]
    BrokeOff,
}

/// At most about ten edits a second reach the screen.
const BETWEEN_PAINTS: Duration = Duration::from_millis(100);
/// How often the painter looks whether the session is over.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// For how long the end waits for the last cards.
const LAST_PAINT: Duration = Duration::from_millis(500);
/// Where the terminal does not tell its size.
const USUAL_SIZE: Size = Size { columns: 80, rows: 24 };

/// Lets a person chat until they leave.
///
/// # Errors
/// See [`SessionError`].
pub async fn chat(terminal: &Terminal, session: Session) -> Result<(), SessionError> {
    let (over, ended) = oneshot::channel();
    let terminal = terminal.clone();
    // A thread of its own and none of the runtime's: it waits for keys, and a runtime that
    // stops waits for its threads.
    thread::Builder::new().name("keyboard".to_owned()).spawn(move || {
        // Nobody waits for the end any more when the program stops for another reason.
        let _ = over.send(converse(&terminal, session));
    })?;
    ended.await.unwrap_or(Err(SessionError::BrokeOff))
}

fn converse(terminal: &Terminal, session: Session) -> Result<(), SessionError> {
    let Session { events, person, complete, examples, mut history, style } = session;
    let people: Vec<_> = terminal.people().into_keys().collect();
    let disturbances = Disturbances::default();
    let mut editor = Editor::<Keyboard, DefaultHistory>::with_config(config())?;
    editor.set_helper(Some(Keyboard {
        style,
        people: people.clone(),
        complete,
        disturbances: disturbances.clone(),
    }));
    if let Some(path) = &history {
        // There is none at the first start, and one that cannot be read is not missed.
        let _ = editor.load_history(path);
    }
    let (print, redraws) = printer(&mut editor);
    let size = editor.dimensions().map_or(USUAL_SIZE, size_of);
    let screen = Screen::new(style, redraws, size);
    let canvas = Canvas { terminal: terminal.clone(), screen, disturbances: disturbances.clone() };
    let stop = Arc::new(AtomicBool::new(false));
    let stopping = Arc::clone(&stop);
    let (painted, last_paint) = threads::channel();
    thread::Builder::new().name("screen".to_owned()).spawn(move || {
        canvas.paint(print, &stopping);
        // The session may have stopped waiting.
        let _ = painted.send(());
    })?;

    terminal.note(greeting(terminal, &examples));
    let mut desk = Desk { terminal: terminal.clone(), events, person, people };
    let mut interrupted = false;
    let end = loop {
        let line = editor.readline(&format!("{}> ", desk.person));
        disturbances.add();
        match line {
            Ok(line) if line.trim().is_empty() => interrupted = false,
            Ok(line) => {
                interrupted = false;
                let added = editor.add_history_entry(line.as_str()).unwrap_or(false);
                if let Some(path) = history.take_if(|_| added)
                    && editor.append_history(&path).is_ok()
                {
                    // Put back only while it can be written.
                    history = Some(path);
                }
                match desk.typed(&line) {
                    Ok(Next::Stay) => {}
                    Ok(Next::Leave) => break Ok(()),
                    Err(error) => break Err(error),
                }
            }
            Err(ReadlineError::Interrupted) if interrupted => break Ok(()),
            Err(ReadlineError::Interrupted) => {
                interrupted = true;
                terminal.note(Card::new(Tone::Plain, "Ctrl-C once more leaves; so does /quit"));
            }
            Err(ReadlineError::Eof) => break Ok(()),
            Err(error) => break Err(error.into()),
        }
    };
    stop.store(true, Ordering::SeqCst);
    // Whatever the reason why the painter is late, the session is over.
    let _ = last_paint.recv_timeout(LAST_PAINT);
    end
}

fn config() -> Config {
    Config::builder()
        .completion_type(CompletionType::List)
        // A second Tab would keep the cards from being printed until it came.
        .completion_show_all_if_ambiguous(true)
        .build()
}

/// Prints above the prompt, and whether what was printed can be changed afterwards.
fn printer(editor: &mut Editor<Keyboard, DefaultHistory>) -> (Print, bool) {
    match editor.create_external_printer() {
        // A screen that cannot be written to will not be read either.
        Ok(mut printer) => (Box::new(move |text| drop(printer.print(text))), true),
        Err(_) => {
            let print = |text: String| {
                // As above: whoever cannot be written to does not read.
                let mut output = std::io::stdout().lock();
                let _ = output.write_all(text.as_bytes()).and_then(|()| output.flush());
            };
            (Box::new(print), false)
        }
    }
}

type Print = Box<dyn FnMut(String) + Send>;

fn size_of((columns, rows): (u16, u16)) -> Size {
    // Some terminals that do not know their size say that it is nothing.
    if columns == 0 || rows == 0 {
        return USUAL_SIZE;
    }
    Size { columns: columns.into(), rows: rows.into() }
}

/// Draws what changes in the channel.
struct Canvas {
    terminal: Terminal,
    screen: Screen,
    disturbances: Disturbances,
}

impl Canvas {
    fn paint(mut self, mut print: Print, stop: &AtomicBool) {
        // The editor at the prompt cannot be asked for the size while it waits for keys.
        let mut ruler = Editor::<(), MemHistory>::with_history(config(), MemHistory::new()).ok();
        let mut seen = Revision::default();
        let mut disturbed = self.disturbances.count();
        loop {
            let stopping = stop.load(Ordering::SeqCst);
            let limit = if stopping { Duration::ZERO } else { LOOK_EVERY };
            let (changes, now) = self.terminal.wait_for_change(seen, limit);
            seen = now;
            if !changes.is_empty() {
                if let Some(size) = ruler.as_mut().and_then(Editor::dimensions) {
                    self.screen.resized(size_of(size));
                }
                let count = self.disturbances.count();
                if std::mem::replace(&mut disturbed, count) != count {
                    self.screen.disturbed();
                }
                let output = self.screen.show(&changes);
                if !output.is_empty() {
                    print(output);
                }
            }
            if stopping {
                return;
            }
            if !changes.is_empty() {
                thread::sleep(BETWEEN_PAINTS);
            }
        }
    }
}
