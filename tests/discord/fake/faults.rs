//! Trouble on order: what goes wrong with which requests, and how the gateway misbehaves.

use std::time::{Duration, Instant};

use super::FakeDiscord;
use super::gateway::session::Out;

/// Which requests are meant.
#[derive(Clone, Debug, Default)]
pub struct Matcher {
    method: Option<String>,
    path: String,
}

impl Matcher {
    pub fn any() -> Matcher {
        Matcher::default()
    }

    /// Requests of a method whose path contains a text.
    pub fn new(method: &str, path: &str) -> Matcher {
        Matcher { method: Some(method.to_owned()), path: path.to_owned() }
    }

    /// Requests of any method whose path contains a text.
    pub fn path(path: &str) -> Matcher {
        Matcher { method: None, path: path.to_owned() }
    }

    pub fn fits(&self, method: &str, path: &str) -> bool {
        self.method.as_deref().is_none_or(|own| own == method) && path.contains(&self.path)
    }
}

/// For how long trouble lasts.
#[derive(Clone, Copy, Debug)]
pub enum Span {
    Times(usize),
    For(Duration),
    /// Until [`FakeDiscord::mend`].
    Always,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug)]
pub enum Trouble {
    /// Nothing is done, and the answer has this status.
    Status(u16),
    /// Nothing is done, and the answer is 429.
    TooMany { retry_after: Duration, global: bool },
    /// The answer comes later.
    Slow(Duration),
    /// It is done, and then the connection is gone.
    DoneThenReset,
}

struct Rule {
    matcher: Matcher,
    trouble: Trouble,
    left: Option<usize>,
    until: Option<Instant>,
}

#[derive(Default)]
pub struct Faults {
    rules: Vec<Rule>,
    pub refuse_resume: bool,
    pub reset_after_upgrade: bool,
    pub refuse_connections: bool,
    pub no_acknowledgement: bool,
    pub plain_text: bool,
    pub event_delay: Duration,
    pub duplicate_events: bool,
}

impl Faults {
    fn order(&mut self, matcher: Matcher, trouble: Trouble, span: Span) {
        let (left, until) = match span {
            Span::Times(times) => (Some(times), None),
            Span::For(duration) => (None, Some(Instant::now() + duration)),
            Span::Always => (None, None),
        };
        self.rules.push(Rule { matcher, trouble, left, until });
    }

    /// What goes wrong with this request; each rule that fits is used once.
    pub fn take(&mut self, method: &str, path: &str) -> Vec<Trouble> {
        let now = Instant::now();
        self.rules
            .retain(|rule| rule.left != Some(0) && rule.until.is_none_or(|until| now < until));
        let mut troubles = Vec::new();
        for rule in self.rules.iter_mut().filter(|rule| rule.matcher.fits(method, path)) {
            rule.left = rule.left.map(|left| left - 1);
            troubles.push(rule.trouble);
        }
        troubles
    }
}

impl FakeDiscord {
    /// Requests fail with a status, and nothing is done.
    pub fn fail(&self, matcher: Matcher, status: u16, span: Span) {
        self.lock().faults.order(matcher, Trouble::Status(status), span);
    }

    /// All requests are answered with 429 for a time.
    pub fn answer_429(&self, lasting: Duration, global: bool, retry_after: Duration) {
        let trouble = Trouble::TooMany { retry_after, global };
        self.lock().faults.order(Matcher::any(), trouble, Span::For(lasting));
    }

    /// Answers come later; what was asked is done late, too.
    pub fn slow(&self, matcher: Matcher, by: Duration) {
        self.lock().faults.order(matcher, Trouble::Slow(by), Span::Always);
    }

    /// The next `times` requests are carried out, and their connection is dropped without an
    /// answer.
    pub fn process_then_reset(&self, matcher: Matcher, times: usize) {
        self.lock().faults.order(matcher, Trouble::DoneThenReset, Span::Times(times));
    }

    /// Ends all trouble with requests.
    pub fn mend(&self) {
        self.lock().faults.rules.clear();
    }

    /// Every websocket is gone, without a word. Sessions can be resumed.
    pub fn drop_sockets(&self) {
        self.to_all_connections(&Out::Drop);
    }

    /// Every websocket is closed with a code.
    pub fn close_sockets(&self, code: u16) {
        self.to_all_connections(&Out::Close(code));
    }

    /// Asks every client to connect anew and resume (op 7).
    pub fn ask_to_reconnect(&self) {
        self.to_all_connections(&Out::Text(r#"{"op":7,"d":null,"s":null,"t":null}"#.to_owned()));
    }

    /// Tells every client that its session is not valid (op 9). One that is not resumable is
    /// forgotten.
    pub fn invalidate_sessions(&self, resumable: bool) {
        if !resumable {
            self.lock().sessions.clear();
        }
        let text = format!(r#"{{"op":9,"d":{resumable},"s":null,"t":null}}"#);
        self.to_all_connections(&Out::Text(text));
    }

    pub fn refuse_resume(&self, refuse: bool) {
        self.lock().faults.refuse_resume = refuse;
    }

    /// Websockets are upgraded and then reset.
    pub fn reset_after_upgrade(&self, reset: bool) {
        self.lock().faults.reset_after_upgrade = reset;
    }

    /// Connections to the gateway are dropped before a word is said.
    pub fn refuse_connections(&self, refuse: bool) {
        self.lock().faults.refuse_connections = refuse;
    }

    /// Heartbeats are heard and not answered.
    pub fn stop_acknowledging(&self, stop: bool) {
        self.lock().faults.no_acknowledgement = stop;
    }

    /// Frames are text, also where compression was asked for.
    pub fn plain_text(&self, plain: bool) {
        self.lock().faults.plain_text = plain;
    }

    /// Events from now on arrive later, in order.
    pub fn delay_events(&self, by: Duration) {
        self.lock().faults.event_delay = by;
    }

    /// Events arrive twice, with one sequence number.
    pub fn duplicate_events(&self, duplicate: bool) {
        self.lock().faults.duplicate_events = duplicate;
    }

    fn to_all_connections(&self, out: &Out) {
        let state = self.lock();
        for connection in state.connections.values() {
            connection.send(out.clone());
        }
    }
}
