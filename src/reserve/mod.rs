//! `shipmate reserve`: has an environment for itself while a command runs, from wherever that
//! runs. Speaks to a server as anybody could; knows none of its insides but what it says.

mod command;
mod failure;
mod link;
mod server;
mod session;

use std::ffi::OsString;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::signal::unix::{Signal as Signals, SignalKind, signal};
use tokio::time::Instant;

use crate::domain::reservation::{Behind, Over, Told};
use command::Command;
pub use failure::Failure;
pub use server::{BadServer, Server};
use session::{Event, Session};

/// For how long a command may take to end once it is told to.
const TO_END: Duration = Duration::from_secs(10);

/// What is wanted.
pub struct Wanted {
    pub environment: String,
    pub reason: Option<String>,
    /// Let the command go on where the reservation cannot be had back.
    pub keep_going: bool,
    /// For how long to stand in line; for ever where it is not set.
    pub wait: Option<Duration>,
    /// A program and its arguments.
    pub command: Vec<OsString>,
}

/// Waits for the environment, runs the command, and gives the environment back; gives the
/// command's own status.
///
/// # Errors
/// [`Failure`], each with a status of its own.
pub async fn reserve(server: Server, wanted: Wanted) -> Result<u8, Failure> {
    let mut told = Signalled::listen()?;
    let mut session = Session::new(server, &wanted.environment, wanted.reason.as_deref());
    let until = wanted.wait.map(|wait| Instant::now() + wait);
    if let Err(failure) = wait_for(&mut session, until, &mut told).await {
        session.end().await;
        return Err(failure);
    }
    say(&format!("{} is reserved", wanted.environment));
    let command = match Command::start(&wanted.command, session.id()) {
        Ok(command) => command,
        Err(failure) => {
            session.end().await;
            return Err(failure);
        }
    };
    let ended = run(&mut session, command, &mut told, wanted.keep_going).await;
    session.end().await;
    ended
}

/// Stands in line until the environment is ours.
async fn wait_for(
    session: &mut Session,
    until: Option<Instant>,
    told: &mut Signalled,
) -> Result<(), Failure> {
    let too_long = async {
        match until {
            Some(until) => tokio::time::sleep_until(until).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(too_long);
    let mut said = String::new();
    loop {
        let event = tokio::select! {
            event = session.event() => event,
            () = &mut too_long => return Err(Failure::WaitedTooLong),
            signal = told.next() => return Err(Failure::Interrupted(signal)),
        };
        match event {
            Event::Told(Told::Held { .. }) => return Ok(()),
            // It is about to be ours.
            Event::Told(Told::Waiting { place: 1, behind: None, .. }) => {}
            Event::Told(Told::Waiting { place, behind, .. }) => {
                let waits = in_line(place, behind.as_ref(), Timestamp::now());
                if waits != said {
                    say(&waits);
                    said = waits;
                }
            }
            Event::Told(Told::Over { why: Over::Ended { by, because }, name }) => {
                return Err(Failure::Ended { by: name.unwrap_or(by.to_string()), because });
            }
            Event::Told(Told::Over { why: Over::Released | Over::Lapsed, .. }) | Event::Lost => {
                say("the place in line is gone; standing in line anew");
                session.forget();
            }
            // It goes on with the connection that took over, or on another one.
            Event::Told(Told::TakenOver | Told::Rollback { .. }) => {}
            Event::Refused(failure) => return Err(failure),
        }
    }
}

/// Runs the command for as long as it likes, or as the environment is ours.
async fn run(
    session: &mut Session,
    mut command: Command,
    told: &mut Signalled,
    keep_going: bool,
) -> Result<u8, Failure> {
    let mut ours = true;
    loop {
        let event = tokio::select! {
            status = command.ended() => return Ok(status),
            signal = told.next() => {
                command.hand_on(signal);
                continue;
            }
            event = session.event(), if ours => event,
        };
        let failure = match event {
            Event::Told(Told::Waiting { .. } | Told::Held { .. } | Told::TakenOver) => continue,
            Event::Told(Told::Rollback { deployment, what }) => {
                say(&format!(
                    "#{deployment} rolls back to {what} meanwhile: a rollback waits for nobody"
                ));
                continue;
            }
            Event::Told(Told::Over { why: Over::Ended { by, because }, name }) => {
                Failure::Ended { by: name.unwrap_or(by.to_string()), because }
            }
            Event::Told(Told::Over { why: Over::Released | Over::Lapsed, .. }) | Event::Lost => {
                Failure::Lost
            }
            Event::Refused(failure) => {
                say(&failure.to_string());
                Failure::Lost
            }
        };
        ours = false;
        let ended_by_a_person = matches!(failure, Failure::Ended { .. });
        if keep_going && !ended_by_a_person {
            say(&format!("{failure}; the command goes on all the same"));
            continue;
        }
        command.stop(TO_END).await;
        return Err(failure);
    }
}

/// `waiting, number 2 in line: e2e has it since 10:30:00 UTC (nightly)`
fn in_line(place: usize, behind: Option<&Behind>, now: Timestamp) -> String {
    let place =
        if place == 1 { "next in line".to_owned() } else { format!("number {place} in line") };
    match behind {
        None => format!("waiting, {place}"),
        Some(Behind::Reservation { by, reason, since }) => {
            let reason =
                reason.as_ref().map_or_else(String::new, |why| format!(" ({})", plain(why)));
            let since = clock(*since, now);
            format!("waiting, {place}: {} has it since {since}{reason}", plain(by.as_str()))
        }
        Some(Behind::Deployment { deployment, what }) => {
            format!("waiting, {place}: #{deployment} is under way with {}", plain(what))
        }
        Some(Behind::Lock { by, name, reason, since, until }) => {
            let since = clock(*since, now);
            let until =
                until.map_or_else(String::new, |until| format!(" until {}", clock(until, now)));
            let by = plain(name.as_deref().unwrap_or(by.as_str()));
            let reason = plain(reason);
            format!("waiting, {place}: {by} has locked it since {since}{until} ({reason})")
        }
    }
}

/// `10:30:00 UTC`, with the day where it is not today's.
fn clock(moment: Timestamp, now: Timestamp) -> String {
    let day = |moment: Timestamp| moment.to_zoned(TimeZone::UTC).date();
    let format = if day(moment) == day(now) { "%H:%M:%S UTC" } else { "%Y-%m-%d %H:%M:%S UTC" };
    moment.strftime(format).to_string()
}

/// What others wrote, without what a terminal would obey.
fn plain(text: &str) -> String {
    text.chars().filter(|one| !one.is_control()).collect()
}

/// On standard error: standard output is the command's.
#[expect(clippy::print_stderr, reason = "how it goes is told where the command is run")]
fn say(what: &str) {
    eprintln!("shipmate: {what}");
}

/// The signals by which this process is asked to end.
struct Signalled {
    interrupt: Signals,
    terminate: Signals,
    hangup: Signals,
}

impl Signalled {
    fn listen() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(|error| Failure::Unusable(error.to_string()));
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> rustix::process::Signal {
        use rustix::process::Signal;
        tokio::select! {
            _told = self.interrupt.recv() => Signal::INT,
            _told = self.terminate.recv() => Signal::TERM,
            _told = self.hangup.recv() => Signal::HUP,
        }
    }
}
