//! A simulated AWS (ECR, ECS, and as much of CloudWatch Logs as reading takes) at the wire, for the
//! demo and the tests. It speaks AWS's JSON protocol on a loopback port, and behaves as the
//! documented service does where a deployment can tell: tags resolve when they do on AWS, tasks
//! start, fail and stop in their states, and limits are kept. Knows nothing of the rest of
//! Shipmate.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use shipmate::sandbox::{Options, Sandbox, Times, demo_world};
//!
//! let options = Options { times: Times::fast(), ..Options::default() };
//! let sandbox = Sandbox::start(demo_world(), options).await?;
//! println!("AWS_ENDPOINT_URL={}", sandbox.url());
//! # Ok(()) }
//! ```

mod admin;
mod bus;
mod calls;
mod chance;
mod demo;
mod digest;
mod ecr;
mod ecs;
mod error;
mod faults;
mod handle;
mod iam;
mod input;
mod limits;
mod logs;
mod others;
mod socket;
mod state;
mod times;
mod wire;
mod world;

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Deref;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use bus::{Delivery, Destination};
pub use calls::Call;
pub use chance::Odds;
pub use demo::demo_world;
pub use ecs::hands::Mishap;
pub use ecs::view::{ServiceView, TaskView};
pub use error::{ErrorName, Refusal};
pub use faults::{Fault, FaultKind};
pub use handle::Handle;
pub use others::Deed;
use socket::{Breaker, Listening};
pub use times::Times;
pub use world::{
    Behaviour, CircuitBreaker, ContainerSpec, Controller, ImageSpec, LaunchType, Mutability,
    RepositorySpec, Scheduling, ServiceSpec, Strategy, World,
};

/// The operations that the sandbox answers, as `(service, operation)`, such as `("ecs",
/// "StopTask")`.
pub fn operations() -> impl Iterator<Item = (&'static str, &'static str)> {
    let ecs = ecs::OPERATIONS.iter().map(|operation| ("ecs", *operation));
    let ecr = ecr::OPERATIONS.iter().map(|operation| ("ecr", *operation));
    ecs.chain(ecr).chain(logs::OPERATIONS.iter().map(|operation| ("logs", *operation)))
}

fn is_operation(name: &str) -> bool {
    operations().any(|(_, known)| known == name)
}

/// How a sandbox is started.
#[derive(Clone)]
pub struct Options {
    /// 0 picks a free port. Always bound on 127.0.0.1.
    pub port: u16,
    /// The wall clock, handed in so that a demo can set it.
    pub clock: Arc<dyn Fn() -> SystemTime + Send + Sync>,
    /// How long things take (real durations).
    pub times: Times,
}

impl Default for Options {
    fn default() -> Options {
        Options { port: 0, clock: Arc::new(SystemTime::now), times: Times::realistic() }
    }
}

/// A running sandbox. Its server stops when this is dropped.
pub struct Sandbox {
    handle: Handle,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    server: Option<JoinHandle<()>>,
    driver: JoinHandle<()>,
    bus: JoinHandle<()>,
}

impl Sandbox {
    /// Starts a server on 127.0.0.1 with the world in it, on the present tokio runtime.
    ///
    /// # Errors
    /// If the port cannot be bound.
    pub async fn start(world: World, options: Options) -> std::io::Result<Sandbox> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
        let address = listener.local_addr()?;
        let handle =
            Handle::new(&world, &format!("http://{address}"), options.times, options.clock);
        let (stop, stopped) = watch::channel(false);
        let driver = tokio::spawn(handle.clone().drive());
        let bus = tokio::spawn(bus::deliver(handle.clone()));
        let router = wire::router(handle.clone(), stopped.clone());
        let server = tokio::spawn(async move {
            let mut stopped = stopped;
            let shutdown = async move {
                // If the sender is gone, so is the sandbox.
                let _gone = stopped.wait_for(|stopped| *stopped).await;
            };
            // The listener is bound and hyper's errors are each connection's own: serving does not
            // fail.
            let service = router.into_make_service_with_connect_info::<Breaker>();
            let listener = Listening(listener);
            let _served = axum::serve(listener, service).with_graceful_shutdown(shutdown).await;
        });
        Ok(Sandbox { handle, address, stop, server: Some(server), driver, bus })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The endpoint for AWS's clients, such as `http://127.0.0.1:40123`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What the admin path does, callable in process; it can be cloned and sent to other tasks.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Stops the server and waits until its port is free and its connections are closed.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if let Some(server) = self.server.take() {
            let _ended = server.await;
        }
    }
}

impl Deref for Sandbox {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        self.driver.abort();
        self.bus.abort();
    }
}
