//! The command that runs meanwhile: it gets the signals that we get, and ends when it must. Knows
//! nothing of reservations.

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid,
};
use tokio::sync::watch;
use tokio::time::timeout;

use super::failure::{Failure, by_signal};
use crate::domain::id::ReservationId;

/// What only we need to know.
const OURS: &str = "SHIPMATE_TOKEN";

/// A command while it runs.
pub(super) struct Command {
    pid: Pid,
    /// A group of its own, so that what it has started hears what it hears.
    grouped: bool,
    /// Held while it is signalled or forgotten by the system: its number is another's after that.
    there: Arc<Mutex<bool>>,
    status: watch::Receiver<Option<u8>>,
}

impl Command {
    pub fn start(line: &[OsString], id: Option<&ReservationId>) -> Result<Self, Failure> {
        let Some((program, arguments)) = line.split_first() else {
            return Err(Failure::Unusable("there is no command to run".to_owned()));
        };
        let mut command = std::process::Command::new(program);
        command.args(arguments).env_remove(OURS);
        if let Some(id) = id {
            command.env("SHIPMATE_RESERVATION", id.as_str());
        }
        // In a terminal it stays with us: it could not read from there otherwise, and Ctrl-C
        // reaches it by itself.
        let grouped = !std::io::stdin().is_terminal();
        if grouped {
            command.process_group(0);
        }
        let named = || program.to_string_lossy().into_owned();
        let child = command.spawn().map_err(|error| {
            if error.kind() == std::io::ErrorKind::NotFound {
                Failure::NoSuchProgram(named())
            } else {
                Failure::NotRun { program: named(), why: error.to_string() }
            }
        })?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| Failure::Unusable("it runs without a number".to_owned()))?;
        let there = Arc::new(Mutex::new(true));
        let (ended, status) = watch::channel(None);
        let present = Arc::clone(&there);
        std::thread::spawn(move || {
            let status = wait(child, pid, &present);
            // Nobody may wait for it any more.
            let _ = ended.send(Some(status));
        });
        Ok(Self { pid, grouped, there, status })
    }

    /// Its status, once it has ended: of one that a signal has ended, 128 and the signal.
    pub async fn ended(&mut self) -> u8 {
        let ended = self.status.wait_for(Option::is_some).await;
        // Without a status whoever waited for it is gone, which is a failure of ours.
        ended.ok().and_then(|status| *status).unwrap_or(1)
    }

    /// Hands a signal on that we got.
    pub fn hand_on(&self, signal: Signal) {
        if self.grouped || signal != Signal::INT {
            self.signal(signal);
        }
    }

    /// Has it end: it is asked to, and made to if it has not after so long.
    pub async fn stop(&mut self, patience: Duration) {
        self.signal(Signal::TERM);
        if timeout(patience, self.ended()).await.is_err() {
            self.signal(Signal::KILL);
            self.ended().await;
        }
    }

    fn signal(&self, signal: Signal) {
        let there = self.there.lock().unwrap_or_else(PoisonError::into_inner);
        if !*there {
            return;
        }
        // One that has ended meanwhile needs no signal.
        let _ended = if self.grouped {
            kill_process_group(self.pid, signal)
        } else {
            kill_process(self.pid, signal)
        };
    }
}

/// Waits until it has ended, and only then, while nobody signals it, lets the system forget it.
fn wait(mut child: Child, pid: Pid, there: &Mutex<bool>) -> u8 {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    while let Err(rustix::io::Errno::INTR) = waitid(WaitId::Pid(pid), options) {}
    let mut there = there.lock().unwrap_or_else(PoisonError::into_inner);
    *there = false;
    child.wait().map_or(1, status_of)
}

fn status_of(status: ExitStatus) -> u8 {
    match (status.code(), status.signal()) {
        (Some(code), _) => u8::try_from(code).unwrap_or(1),
        (None, Some(signal)) => by_signal(signal),
        (None, None) => 1,
    }
}
