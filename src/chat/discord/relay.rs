//! What stands between serenity and Discord's gateway: a brake, and TLS of our own. Serenity
//! connects to it in the clear on loopback, always at the same address. Knows bytes and heads of
//! requests, nothing of what Discord and serenity say to each other.
//!
//! Serenity reconnects without a pause and without a limit. Its handshake has no time limit
//! either, so a connection that must wait does so there: serenity has one shard, begins no
//! second connection meanwhile, and keeps the session that it is going to resume. For the same
//! reason a refusal of Discord's is tried again here, and told to serenity only once the session
//! is surely gone: after a connection that failed, serenity gives the session up.

mod address;
mod brake;
mod connection;
mod dial;
mod head;
mod pass;
mod sessions;
mod turn;

use std::error::Error;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use ring::rand::{SecureRandom, SystemRandom};
use rustls::ClientConfig;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};

pub use brake::{Brake, BrakeSettings, Cause, Leave};
pub use sessions::Sessions;

/// How many that have not shown the secret yet may be connected at once.
const STRANGERS: usize = 32;

/// What Discord says before a connection: `GET /gateway/bot`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// `wss://host[:port]`, or `ws://` on loopback.
    pub address: String,
    /// Its `session_start_limit`, where it is known.
    pub sessions: Option<Sessions>,
}

/// Why Discord could not be asked; it is logged and nothing else.
pub type AskError = Box<dyn Error + Send + Sync>;

type Ask = dyn Fn() -> BoxFuture<'static, Result<Gateway, AskError>> + Send + Sync;

/// Where the relay connects to, and how.
#[derive(Clone)]
pub struct Upstream {
    ask: Arc<Ask>,
    cut: Arc<dyn Fn() + Send + Sync>,
    tls: Arc<ClientConfig>,
}

impl Upstream {
    /// `ask` is called before each connection. When it fails, the last answer counts, and before
    /// the first one Discord's well-known address.
    pub fn new<F, A>(tls: Arc<ClientConfig>, ask: F) -> Self
    where
        F: Fn() -> A + Send + Sync + 'static,
        A: Future<Output = Result<Gateway, AskError>> + Send + 'static,
    {
        Self { ask: Arc::new(move || ask().boxed()), cut: Arc::new(|| {}), tls }
    }

    /// `cut` is called when a connection that stood has ended, and before the next one begins:
    /// serenity tells nobody, since it only connects anew.
    #[must_use]
    pub fn when_cut(self, cut: impl Fn() + Send + Sync + 'static) -> Self {
        Self { cut: Arc::new(cut), ..self }
    }
}

/// How long things may take.
#[derive(Clone, Debug)]
pub struct RelaySettings {
    pub brake: BrakeSettings,
    /// For the head of a request.
    pub head: Duration,
    /// For asking where the gateway is, and again for reaching it: name, TCP, TLS and upgrade.
    pub handshake: Duration,
    /// How long serenity's handshake is kept while Discord refuses. After that a refusal is
    /// passed on.
    pub patience: Duration,
    /// What one side may still send once the other has ended.
    pub linger: Duration,
}

impl Default for RelaySettings {
    fn default() -> Self {
        Self {
            brake: BrakeSettings::default(),
            head: Duration::from_secs(5),
            handshake: Duration::from_secs(10),
            patience: Duration::from_secs(300),
            linger: Duration::from_secs(2),
        }
    }
}

/// A running relay. It stops when this is dropped: what is connected then is told so, and gone
/// after `linger` at the latest.
pub struct Relay {
    address: SocketAddr,
    secret: Arc<str>,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
}

impl Relay {
    /// Listens on a free port of 127.0.0.1, on the present tokio runtime.
    ///
    /// # Errors
    /// If no port can be bound, or the machine has no random numbers.
    pub async fn start(upstream: Upstream, settings: RelaySettings) -> io::Result<Self> {
        let secret: Arc<str> = secret()?.into();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        let turns = Arc::new(turn::Turns::new(upstream, settings.clone()));
        let guest = connection::Guest { turns, settings, secret: Arc::clone(&secret) };
        let server = tokio::spawn(serve(listener, guest, stopped));
        Ok(Self { address, secret, stop, server })
    }

    /// What serenity is given as the gateway's address, which it asks for `?v=10` there. It is
    /// as secret as a password: whoever knows it can use up the connections.
    pub fn url(&self) -> String {
        format!("ws://{}/{}", self.address, self.secret)
    }

    /// Stops, and waits until the port is free and all connections are closed: for `linger` at
    /// the most. Serenity should have been shut down before, so that its goodbye arrives.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        let _ended = (&mut self.server).await;
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

fn secret() -> io::Result<String> {
    let mut bytes = [0; 16];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| io::Error::other("the machine has no random numbers"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

async fn serve(listener: TcpListener, guest: connection::Guest, stop: watch::Receiver<bool>) {
    let strangers = Arc::new(Semaphore::new(STRANGERS));
    let mut connections = JoinSet::new();
    let mut stopped = stop.clone();
    loop {
        let next = async {
            let place = Arc::clone(&strangers).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            next = next => next,
            () = pass::stopped(&mut stopped) => break,
        };
        match accepted {
            Ok((stream, _address)) => {
                connections.spawn(guest.clone().serve(stream, place.ok(), stop.clone()));
            }
            Err(error) => {
                // The machine may be out of file descriptors: trying again at once helps nobody.
                tracing::warn!(%error, "the relay could not accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}
