//! A Discord of our own: REST and gateway at the wire, in one process, with a state behind them. It
//! is built on Discord's documentation and must know nothing of Shipmate, so that nothing of ours
//! is right merely because both sides share a mistake. It refuses what Discord refuses, and fails
//! on order.
//!
//! REST is reached in two ways: plainly (`rest_url`), and by TLS (`tls_address`) with a certificate
//! for `discord.com`. The gateway (`gateway_url`) is a plain websocket.

mod asking;
pub mod events;
mod faults;
mod gateway;
mod limits;
mod look;
mod options;
mod people;
pub mod permissions;
pub mod recording;
mod render;
mod rest;
mod signing;
mod state;
pub mod talk;
mod wire;
mod world;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::AbortHandle;

pub use asking::InteractionHandle;
pub use faults::{Matcher, Span};
pub use look::Logged;
pub use rest::answer::Refused;
pub use signing::{SignedRequest, sign};
pub use state::StoredMessage;
pub use world::{Clock, Limits, Overwrite, Rate, World};

use state::State;
use wire::{Certificate, Cut, Cuts};

/// What servers and handles share.
struct Shared {
    state: Mutex<State>,
    changes: watch::Sender<u64>,
    /// The name of the thread that started it, which is that of the test.
    test: String,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A test that has failed while it held the lock has said so already.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn announce(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    /// The header of the bot; none once its token was revoked.
    fn expected_authorization(&self) -> Option<String> {
        let state = self.lock();
        (!state.token_revoked).then(|| format!("Bot {}", state.world.token))
    }
}

/// Stops the servers with the last handle.
struct Servers {
    tasks: Vec<AbortHandle>,
    cuts: Cuts,
}

impl Servers {
    fn stop(&self) {
        for task in &self.tasks {
            task.abort();
        }
        self.cuts.all_now();
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A running fake. It stops when its last handle is dropped.
#[derive(Clone)]
pub struct FakeDiscord {
    shared: Arc<Shared>,
    servers: Arc<Servers>,
    certificate: Arc<Certificate>,
    plain: SocketAddr,
    tls: SocketAddr,
}

impl FakeDiscord {
    /// Starts it on free ports of 127.0.0.1.
    ///
    /// # Panics
    /// If no port can be bound.
    pub async fn start(world: World) -> FakeDiscord {
        FakeDiscord::try_start(world).await.expect("loopback ports are free")
    }

    async fn try_start(world: World) -> io::Result<FakeDiscord> {
        let gateway = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let plain = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let tls = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (plain_address, tls_address) = (plain.local_addr()?, tls.local_addr()?);
        let gateway_url = format!("ws://{}", gateway.local_addr()?);
        let shared = Arc::new(Shared {
            state: Mutex::new(State::new(world, gateway_url)),
            changes: watch::Sender::new(0),
            test: std::thread::current().name().unwrap_or_default().to_owned(),
        });
        let certificate = Certificate::new();
        let cuts = Cuts::default();
        let mut tasks =
            vec![tokio::spawn(gateway::listen(gateway, Arc::clone(&shared))).abort_handle()];
        for (listener, acceptor) in [(plain, None), (tls, Some(certificate.acceptor()))] {
            let (arrivals, let_in) = wire::door(listener, acceptor, cuts.clone())?;
            tasks.push(tokio::spawn(let_in).abort_handle());
            let router = rest::router(Arc::clone(&shared));
            let service = router.into_make_service_with_connect_info::<Cut>();
            let serving = async move {
                // Errors are each connection's own: serving does not fail.
                let _served = axum::serve(arrivals, service).await;
            };
            tasks.push(tokio::spawn(serving).abort_handle());
        }
        Ok(FakeDiscord {
            shared,
            servers: Arc::new(Servers { tasks, cuts }),
            certificate: Arc::new(certificate),
            plain: plain_address,
            tls: tls_address,
        })
    }

    /// Closes its ports and all connections. What happened can still be looked at.
    pub fn stop(&self) {
        self.servers.stop();
        let mut state = self.lock();
        state.connections.clear();
        for session in state.sessions.values_mut() {
            session.connection = None;
        }
        drop(state);
        self.announce();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.lock()
    }

    fn announce(&self) {
        self.shared.announce();
    }

    /// What replaces `https://discord.com`, such as `http://127.0.0.1:40123`.
    pub fn rest_url(&self) -> String {
        format!("http://{}", self.plain)
    }

    /// Where `discord.com` must resolve to for TLS.
    pub fn tls_address(&self) -> SocketAddr {
        self.tls
    }

    pub fn certificate_der(&self) -> Vec<u8> {
        self.certificate.der.clone()
    }

    pub fn certificate_pem(&self) -> String {
        self.certificate.pem.clone()
    }

    /// Such as `ws://127.0.0.1:40124`.
    pub fn gateway_url(&self) -> String {
        self.lock().gateway_url.clone()
    }

    pub fn token(&self) -> String {
        self.lock().world.token.clone()
    }

    pub fn bot(&self) -> u64 {
        self.lock().world.bot
    }

    /// Changes limits and times while it runs.
    pub fn change_limits(&self, change: impl FnOnce(&mut Limits)) {
        change(&mut self.lock().world.limits);
    }
}
