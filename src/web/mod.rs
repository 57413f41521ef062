//! The process's own HTTP server: whether it is alive and ready, its metrics, and the hooks
//! that somebody outside calls. Knows no chat, no metric and no part of the process by name:
//! all of them are handed in. Bodies are never logged.
//!
//! Whoever calls from outside is not trusted with our time or memory: heads, bodies and answers
//! have limits, and a connection carries one request; only that of a program which reserves an
//! environment goes on as a WebSocket. Without keep-alive no idle connection
//! can be closed just as the next request arrives, which a chat would not send again.

pub mod aws_events;
mod doors;
pub mod reservations;
mod secret;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::ports::Hook;
use reservations::Reservations;

/// The longest body that is read, in bytes. Discord's interactions are far shorter.
pub const LONGEST_BODY: usize = 256 * 1024;

/// The longest head of a request that is read, in bytes.
const LONGEST_HEAD: usize = 32 * 1024;

/// The metrics as text, in the format of Prometheus.
pub type Metrics = Arc<dyn Fn() -> String + Send + Sync>;

/// Whether a part of the process can do its work, or a sentence that says why not. The sentence
/// is one of the program's own, since anybody may read it.
pub type ReadyCheck = Arc<dyn Fn() -> Result<(), &'static str> + Send + Sync>;

/// What is served.
#[derive(Clone, Default)]
pub struct Doors {
    /// Who answers a path, such as `/discord/interactions`.
    pub hooks: BTreeMap<String, Arc<dyn Hook>>,
    /// Where there is none, there is no such path.
    pub reservations: Option<Arc<Reservations>>,
    /// Where there are none, `/metrics` is no path.
    pub metrics: Option<Metrics>,
    /// Ready once all of these are.
    pub ready: Vec<ReadyCheck>,
    pub limits: Limits,
}

/// How long, and how many, callers may be. Only tests need others than these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For the head of a request.
    pub head: Duration,
    /// For its body.
    pub body: Duration,
    /// For a hook to answer.
    pub answer: Duration,
    /// For what is under way when the server stops, and for a caller to take an answer.
    pub farewell: Duration,
    /// At the same time. Further ones wait until there is room.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            body: Duration::from_secs(10),
            answer: Duration::from_secs(10),
            farewell: Duration::from_secs(5),
            connections: 256,
        }
    }
}

/// The server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    #[error("{address} cannot be listened on")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error("no hook can be at the path {0}")]
    Path(String),
}

/// A running server. It stops when this is dropped.
pub struct Web {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    server: Option<JoinHandle<()>>,
}

impl Web {
    /// Starts to serve on the present tokio runtime. Port 0 picks a free one.
    ///
    /// # Errors
    /// If the address cannot be listened on, or a hook's path is no path or one of our own.
    pub async fn serve(listen: SocketAddr, doors: Doors) -> Result<Self, WebError> {
        let limits = doors.limits;
        let (stop, stopped) = watch::channel(false);
        let router = doors::router(doors, &stopped)?;
        let failed = |source| WebError::Listen { address: listen, source };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let server = tokio::spawn(accept(listener, router, limits, stopped));
        Ok(Self { address, stop, server: Some(server) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections, and returns once those under way are answered or their time
    /// is up.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if let Some(server) = self.server.take() {
            // It ends by itself; a panic in it has nothing to tell us.
            let _ended = server.await;
        }
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

/// Takes connections until it is stopped, then waits for those that it has.
async fn accept(
    mut listener: TcpListener,
    router: Router,
    limits: Limits,
    stopped: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    let mut told = stopped.clone();
    loop {
        let has_room = connections.len() < limits.connections;
        // Errors of accepting, such as too many open files, are waited out in `accept`.
        tokio::select! {
            _told = told.wait_for(|stopped| *stopped) => break,
            Some(_ended) = connections.join_next() => {}
            (stream, _caller) = Listener::accept(&mut listener), if has_room => {
                connections.spawn(converse(stream, router.clone(), limits, stopped.clone()));
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// One request and its answer.
async fn converse(
    stream: TcpStream,
    router: Router,
    limits: Limits,
    mut stopped: watch::Receiver<bool>,
) {
    // Answers are small: without this the kernel may hold them back for a while.
    let _unset = stream.set_nodelay(true);
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(limits.head).max_buf_size(LONGEST_HEAD);
    let service = TowerToHyperService::new(router);
    let conversation = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
    tokio::pin!(conversation);
    let longest = limits.head + limits.body + limits.answer;
    // Errors are the caller's own: half a request, or gone before the answer.
    tokio::select! {
        _ended = conversation.as_mut() => return,
        _told = stopped.wait_for(|stopped| *stopped) => {}
        () = tokio::time::sleep(longest) => {}
    }
    conversation.as_mut().graceful_shutdown();
    let _ended = tokio::time::timeout(limits.farewell, conversation).await;
}
