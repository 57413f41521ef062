//! The world's clock: the one that ships, on which time can run faster, so that what takes
//! minutes is played in seconds.

use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use jiff::Timestamp;
use shipmate::clock::OffsetClock;
use shipmate::ports::Clock;

/// The longest sleep before the clock is looked at again, where time runs faster.
const LONGEST_NAP: Duration = Duration::from_millis(50);

pub struct WorldClock {
    own: OffsetClock,
    speed: u32,
    /// What the clock that ships showed when it was set.
    set: Mutex<Timestamp>,
}

impl WorldClock {
    pub fn new(speed: u32) -> Self {
        Self { own: OffsetClock::default(), speed, set: Mutex::new(Timestamp::now()) }
    }

    /// From here on the clock shows this time, and runs on.
    pub fn set(&self, time: Timestamp) {
        self.own.set(time);
        *self.set.lock().unwrap() = time;
    }

    pub fn system_time(&self) -> SystemTime {
        SystemTime::from(self.now())
    }
}

#[async_trait]
impl Clock for WorldClock {
    fn now(&self) -> Timestamp {
        let set = *self.set.lock().unwrap();
        set + self.own.now().duration_since(set) * i32::try_from(self.speed).unwrap()
    }

    async fn sleep_until(&self, time: Timestamp) {
        if self.speed == 1 {
            return self.own.sleep_until(time).await;
        }
        loop {
            let left = Duration::try_from(time.duration_since(self.now())).unwrap_or_default();
            if left.is_zero() {
                return;
            }
            tokio::time::sleep((left / self.speed).min(LONGEST_NAP)).await;
        }
    }

    async fn sleep(&self, duration: Duration) {
        self.own.sleep(duration / self.speed).await;
    }
}
