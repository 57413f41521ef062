//! Whose turn it is to connect: asks Discord where its gateway is and how many sessions are left,
//! and waits for both the sessions and the brake. One at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ring::rand::{SecureRandom, SystemRandom};
use rustls::ClientConfig;
use tokio::time::{sleep, timeout};

use super::address::Address;
use super::brake::{Brake, Cause, Leave};
use super::sessions::{Budget, Stand};
use super::{RelaySettings, Upstream};

/// While there are no sessions left, Discord is asked again this often: a token that somebody
/// reset has new ones.
const ASK_AGAIN: Duration = Duration::from_secs(600);

#[derive(Debug, thiserror::Error)]
#[error("Discord did not say where its gateway is in time")]
struct Silent;

/// All connections' turns.
pub(super) struct Turns {
    upstream: Upstream,
    settings: RelaySettings,
    /// Held while waiting, so that nobody passes anybody. The state below is locked for moments.
    queue: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

struct State {
    brake: Brake,
    budget: Budget,
    /// As Discord said last.
    address: Address,
}

impl Turns {
    pub fn new(upstream: Upstream, settings: RelaySettings) -> Self {
        let brake = Brake::new(settings.brake.clone());
        let state = State { brake, budget: Budget::new(), address: Address::well_known() };
        Self { upstream, settings, queue: tokio::sync::Mutex::default(), state: Mutex::new(state) }
    }

    pub fn tls(&self) -> &Arc<ClientConfig> {
        &self.upstream.tls
    }

    /// Waits for a turn. It is taken once this returns, and can be given up at any time before.
    pub async fn take(self: &Arc<Self>) -> (Address, Running) {
        let _queue = self.queue.lock().await;
        // The brake comes first, so that Discord is not asked more often than it is connected to.
        self.brake(|brake, now| brake.look(now)).await;
        self.ask().await;
        self.sessions().await;
        self.brake(Brake::next).await;
        let mut state = self.state();
        state.budget.begun(Instant::now());
        metrics::counter!("shipmate_discord_connections_total").increment(1);
        (state.address.clone(), Running { turns: Arc::clone(self), upgraded: None })
    }

    /// Waits until the brake gives leave.
    async fn brake(&self, mut leave: impl FnMut(&mut Brake, Instant) -> Leave) {
        loop {
            let (time, cause) = match leave(&mut self.state().brake, Instant::now()) {
                Leave::Now => return,
                Leave::Wait { time, cause: Cause::Backoff } => (time, "backoff"),
                Leave::Wait { time, cause: Cause::Cap } => (time, "cap"),
            };
            metrics::counter!("shipmate_discord_waits_total", "cause" => cause).increment(1);
            tracing::info!(?time, cause, "a connection to Discord waits");
            sleep(time).await;
        }
    }

    /// Waits while there are too few sessions to spend one.
    async fn sessions(&self) {
        loop {
            let (worse, remaining, hold) = {
                let (mut state, now) = (self.state(), Instant::now());
                let remaining = state.budget.remaining(now).unwrap_or_default();
                (state.budget.worse(now), remaining, state.budget.hold(now))
            };
            match worse {
                Some(Stand::Spent) => tracing::error!(
                    remaining,
                    ?hold,
                    "Discord lets this token start hardly any session more today and would reset \
                     it: Shipmate stays away from Discord until the limit is reset. Does something \
                     else use the token?"
                ),
                Some(Stand::Few) => tracing::warn!(
                    remaining,
                    "few sessions are left that this token may start today: Discord resets the \
                     token of who exceeds them"
                ),
                Some(Stand::Ample) | None => {}
            }
            let Some(time) = hold else { return };
            metrics::counter!("shipmate_discord_waits_total", "cause" => "sessions").increment(1);
            sleep(time.min(ASK_AGAIN)).await;
            self.ask().await;
        }
    }

    /// Asks Discord; what cannot be learned stays as it was.
    async fn ask(&self) {
        let asked = timeout(self.settings.handshake, (self.upstream.ask)()).await;
        let gateway = match asked.unwrap_or_else(|_elapsed| Err(Silent.into())) {
            Ok(gateway) => gateway,
            Err(error) => {
                tracing::warn!(%error, "Discord could not be asked for its gateway");
                return;
            }
        };
        let address = Address::parse(&gateway.address);
        let mut state = self.state();
        if let Some(sessions) = gateway.sessions {
            state.budget.heard(Instant::now(), sessions);
        }
        match address {
            Ok(address) => state.address = address,
            Err(error) => tracing::warn!(%error, "Discord's gateway stays where it was"),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that was begun. The brake learns of its end when this is dropped.
pub(super) struct Running {
    turns: Arc<Turns>,
    upgraded: Option<Instant>,
}

impl Running {
    /// From now on it lives.
    pub fn upgraded(&mut self) {
        self.upgraded = Some(Instant::now());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let now = Instant::now();
        let lived = self.upgraded.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        self.turns.state().brake.ended(now, lived, jitter());
        if self.upgraded.is_some() {
            (self.turns.upstream.cut)();
        }
    }
}

/// Without random numbers all pauses are the longest.
fn jitter() -> u8 {
    let mut byte = [u8::MAX];
    let _filled = SystemRandom::new().fill(&mut byte);
    byte[0]
}
