//! A reservation over as many connections as it takes: one that breaks is followed by another,
//! until the server says that it is over, or must think so. Runs no command.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::failure::Failure;
use super::link::{Heard, Link, Unlinked};
use super::server::Server;
use crate::domain::id::ReservationId;
use crate::domain::reservation::{Pace, Told};

/// For how long a server is looked for where nothing of ours hangs on it.
const LOOKED_FOR: Duration = Duration::from_secs(60);

/// Less than this is no sign of anything.
const SHORTEST_SILENCE: Duration = Duration::from_secs(5);

/// The pauses between two attempts.
const SHORTEST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What happened.
pub(super) enum Event {
    Told(Told),
    /// It could not be had back, or not in time.
    Lost,
    /// It will not be had.
    Refused(Failure),
}

pub(super) struct Session {
    server: Server,
    environment: String,
    reason: Option<String>,
    id: Option<ReservationId>,
    pace: Pace,
    link: Option<Link>,
    held: bool,
    /// Until when the server keeps it for us, whatever it hears, as far as we can know.
    kept_until: Instant,
    /// Since when there is no connection, and why.
    unlinked: (Instant, String),
    pause: Duration,
    looked_for: Duration,
}

impl Session {
    pub fn new(server: Server, environment: &str, reason: Option<&str>) -> Self {
        Self {
            server,
            environment: environment.to_owned(),
            reason: reason.map(str::to_owned),
            id: None,
            // What holds until the server says its own.
            pace: Pace { ping: 10_000, grace: 30_000 },
            link: None,
            held: false,
            kept_until: Instant::now(),
            unlinked: (Instant::now(), String::new()),
            pause: Duration::ZERO,
            looked_for: LOOKED_FOR,
        }
    }

    pub fn id(&self) -> Option<&ReservationId> {
        self.id.as_ref()
    }

    /// What comes next. Whoever stops waiting for it loses nothing.
    pub async fn event(&mut self) -> Event {
        loop {
            let silence = self.silence();
            let Some(link) = &mut self.link else {
                match self.link_again().await {
                    Some(event) => return event,
                    None => continue,
                }
            };
            match timeout(silence, link.next()).await {
                Ok(Heard::Told(told)) => {
                    self.learn(&told);
                    return Event::Told(told);
                }
                Ok(Heard::Sign) => {
                    // The answer may get lost. The one before it did not, or was not needed.
                    self.keep_until(Instant::now() + self.grace().saturating_sub(self.ping()));
                }
                Ok(Heard::Nothing) => {}
                Ok(Heard::Gone) => self.unlink("the connection broke"),
                Err(_elapsed) => self.unlink("nothing was heard of it"),
            }
        }
    }

    /// Asks anew, at the end of the line, once there is a connection again.
    pub fn forget(&mut self) {
        self.id = None;
        self.held = false;
        self.link = None;
        self.unlinked = (Instant::now(), String::new());
    }

    /// Gives it back, if it is there to be given back.
    pub async fn end(&mut self) {
        if self.link.is_none() && self.id.is_some() && Instant::now() < self.kept_until {
            // Once: it lapses by itself.
            self.link = Link::open(&self.server, &self.address()).await.ok();
        }
        if let Some(link) = self.link.take() {
            link.close().await;
        }
    }

    fn address(&self) -> reqwest::Url {
        self.server.address(&self.environment, self.reason.as_deref(), self.id.as_ref())
    }

    /// Tries once to connect; `None`: it goes on.
    async fn link_again(&mut self) -> Option<Event> {
        if let Some(event) = self.gave_up() {
            return Some(event);
        }
        sleep(self.pause).await;
        let began = Instant::now();
        match Link::open(&self.server, &self.address()).await {
            Ok(link) => {
                if self.held {
                    super::say("the connection is back");
                }
                self.link = Some(link);
                self.pause = Duration::ZERO;
                if self.id.is_some() {
                    self.keep_until(began + self.grace());
                }
                None
            }
            Err(Unlinked::Unreached(why)) => {
                self.unlinked.1 = why;
                let longer = (self.pause * 2).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
                // Many that were cut off together do not come back together.
                self.pause = longer.mul_f64(0.75 + fastrand::f64() / 4.0);
                None
            }
            Err(Unlinked::Over) => Some(Event::Lost),
            Err(Unlinked::Refused(failure)) => Some(Event::Refused(failure)),
        }
    }

    /// Whether there is no use in trying any longer.
    fn gave_up(&mut self) -> Option<Event> {
        let now = Instant::now();
        if self.held {
            return (now >= self.kept_until).then_some(Event::Lost);
        }
        let (since, why) = &self.unlinked;
        if now.duration_since(*since) >= self.looked_for {
            return Some(Event::Refused(Failure::Unreachable(why.clone())));
        }
        // Its place in line is gone by now, and nobody can say so.
        let gone = self.id.is_some() && now >= self.kept_until;
        gone.then_some(Event::Lost)
    }

    fn learn(&mut self, told: &Told) {
        let (id, pace) = match told {
            Told::Waiting { id, pace, .. } => (id, pace),
            Told::Held { id, pace, .. } => {
                self.held = true;
                (id, pace)
            }
            Told::Rollback { .. } => return,
            // It closes now, and that is no break.
            Told::Over { .. } | Told::TakenOver => return,
        };
        self.pace = *pace;
        if self.id.is_none() {
            self.id = Some(id.clone());
            // It began just now.
            self.kept_until = Instant::now() + self.grace().saturating_sub(self.ping());
        }
    }

    fn keep_until(&mut self, until: Instant) {
        self.kept_until = self.kept_until.max(until);
    }

    fn unlink(&mut self, why: &str) {
        self.link = None;
        self.unlinked = (Instant::now(), why.to_owned());
        super::say(&format!("{why}; connecting again"));
    }

    fn ping(&self) -> Duration {
        Duration::from_millis(self.pace.ping)
    }

    fn grace(&self) -> Duration {
        Duration::from_millis(self.pace.grace)
    }

    /// For how long a server may be silent that asks us so often: short enough to come back.
    fn silence(&self) -> Duration {
        (self.ping() * 2).max(SHORTEST_SILENCE).min(self.grace() * 2 / 3)
    }
}

#[cfg(test)]
mod tests {
    use super::super::server::tests::server;
    use super::*;

    /// Of the minute that it takes, less is enough here.
    #[tokio::test]
    async fn a_server_that_is_not_there_is_not_looked_for_for_ever() {
        let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = nobody.local_addr().expect("an address");
        drop(nobody);
        let server = server(&format!("http://{address}")).expect("a server");
        let mut session = Session::new(server, "staging", None);
        assert_eq!(session.looked_for, Duration::from_secs(60), "as it is documented");
        session.looked_for = Duration::from_millis(500);
        let Event::Refused(failure) = session.event().await else { panic!("it is refused") };
        assert_eq!(failure.status(), 77);
        let said = failure.to_string();
        assert!(said.starts_with("the server cannot be reached: "), "{said}");
        assert!(said.len() > "the server cannot be reached: ".len(), "and why");
    }
}
