//! The clocks: the machine's own, and one that a demo can set. Imports only `ports`.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::Notify;

use crate::ports::Clock;

/// The longest sleep at once: a machine that was suspended notices soon after it wakes.
const LONGEST_NAP: Duration = Duration::from_secs(30);

/// The machine's clock, moved by an offset. The offset is zero unless a demo sets it.
#[derive(Debug, Default)]
pub struct OffsetClock {
    milliseconds: AtomicI64,
    moved: Notify,
}

impl OffsetClock {
    /// From here on the clock shows this time, and runs on.
    pub fn set(&self, time: Timestamp) {
        let offset = time.as_millisecond() - Timestamp::now().as_millisecond();
        self.milliseconds.store(offset, Ordering::SeqCst);
        self.moved.notify_waiters();
    }

    /// The same time for those who know only the machine's type.
    pub fn system_time(&self) -> SystemTime {
        SystemTime::from(self.now())
    }
}

#[async_trait]
impl Clock for OffsetClock {
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        let offset = jiff::SignedDuration::from_millis(self.milliseconds.load(Ordering::SeqCst));
        now.checked_add(offset).unwrap_or(now)
    }

    async fn sleep_until(&self, time: Timestamp) {
        loop {
            let moved = self.moved.notified();
            let left = Duration::try_from(time.duration_since(self.now())).unwrap_or_default();
            if left.is_zero() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(left.min(LONGEST_NAP)) => {}
                () = moved => {}
            }
        }
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
