//! How long things take in the sandbox, and what time it is there. Must not know what happens when
//! the time is over.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio::time::Instant;

/// How long each thing takes. Real durations, whatever the wall clock says.
#[derive(Clone, Debug)]
pub struct Times {
    /// A task is PROVISIONING.
    pub provisioning: Duration,
    /// A task is PENDING: its images are pulled.
    pub pulling: Duration,
    /// A task is ACTIVATING: it joins its load balancer.
    pub activating: Duration,
    /// From RUNNING until a container health check says HEALTHY.
    pub healthy_after: Duration,
    /// From RUNNING until a container health check that never passes says UNHEALTHY.
    pub unhealthy_after: Duration,
    /// From RUNNING until an image that crashes has crashed.
    pub crash_after: Duration,
    /// A task is DEACTIVATING: it leaves its load balancer.
    pub deactivating: Duration,
    /// A task is STOPPING: it has had SIGTERM.
    pub stopping: Duration,
    /// A task is DEPROVISIONING.
    pub deprovisioning: Duration,
    /// From a change until the service scheduler looks at the service.
    pub scheduler_tick: Duration,
    /// How long the scheduler waits after a first task that failed before it was RUNNING. It
    /// doubles.
    pub backoff: Duration,
    /// What the wait does not exceed (27 minutes at AWS).
    pub backoff_limit: Duration,
    /// How long stopped tasks can be seen, by the wall clock (an hour at AWS).
    pub stopped_visible: Duration,
    /// How much the durations of one task differ from another's: 0.2 spreads them from 90% to 110%.
    pub jitter: f64,
}

impl Times {
    /// A task starts in about 4 s and stops in about 2 s: pleasant for a demo to watch.
    pub fn realistic() -> Times {
        Times {
            provisioning: Duration::from_millis(800),
            pulling: Duration::from_millis(2_000),
            activating: Duration::from_millis(700),
            healthy_after: Duration::from_millis(1_500),
            unhealthy_after: Duration::from_millis(4_000),
            crash_after: Duration::from_millis(2_000),
            deactivating: Duration::from_millis(500),
            stopping: Duration::from_millis(1_000),
            deprovisioning: Duration::from_millis(500),
            scheduler_tick: Duration::from_millis(400),
            backoff: Duration::from_secs(1),
            backoff_limit: Duration::from_secs(30),
            stopped_visible: Duration::from_secs(3_600),
            jitter: 0.3,
        }
    }

    /// A task starts in about 150 ms and stops in about 60 ms, for scripts and tests.
    pub fn fast() -> Times {
        Times {
            provisioning: Duration::from_millis(30),
            pulling: Duration::from_millis(80),
            activating: Duration::from_millis(30),
            healthy_after: Duration::from_millis(60),
            unhealthy_after: Duration::from_millis(250),
            crash_after: Duration::from_millis(200),
            deactivating: Duration::from_millis(15),
            stopping: Duration::from_millis(30),
            deprovisioning: Duration::from_millis(15),
            scheduler_tick: Duration::from_millis(10),
            backoff: Duration::from_millis(40),
            backoff_limit: Duration::from_millis(1_000),
            stopped_visible: Duration::from_secs(3_600),
            jitter: 0.2,
        }
    }

    /// `duration` as the task with this number takes it: always the same, so that runs can be
    /// compared.
    pub(super) fn spread(&self, duration: Duration, number: u64) -> Duration {
        let part = number.wrapping_mul(2_654_435_761) % 1_000;
        let factor = 1.0 + self.jitter * (part as f64 / 1_000.0 - 0.5);
        duration.mul_f64(factor.max(0.0))
    }
}

/// One moment, on both clocks: the wall clock that was handed in stamps things, the other one times
/// them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) wall: SystemTime,
    pub(super) at: Instant,
}

/// A time as AWS's JSON protocols write it: seconds since the epoch, to the millisecond.
pub(super) fn stamp(time: SystemTime) -> Value {
    let millis = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    json!(millis as f64 / 1_000.0)
}
