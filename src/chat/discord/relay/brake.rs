//! When the next connection may begin: a backoff after short ones, and a cap that holds whatever
//! happens. A pure type: the time and the jitter are handed in, and nothing is known of sockets.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How hard the brake holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrakeSettings {
    /// No more than this many connections begin in any `window`. At least 1 is always let through.
    pub cap: usize,
    /// What `cap` is counted over.
    pub window: Duration,
    /// A connection that lived this long was a good one: the next may begin at once.
    pub healthy: Duration,
    /// The longest pause after the first short connection. Each further one doubles it, up to
    /// `longest_pause`; the pause itself is drawn from its upper half.
    pub first_pause: Duration,
    pub longest_pause: Duration,
}

impl Default for BrakeSettings {
    /// If every connection is cut short, one begins in 45 s on average, soon enough to be back
    /// when Discord is. All day long that is more than the 1,000 Identifies that Discord allows:
    /// those have a count of their own.
    fn default() -> Self {
        Self {
            cap: 6,
            window: Duration::from_secs(60),
            healthy: Duration::from_secs(60),
            first_pause: Duration::from_secs(2),
            longest_pause: Duration::from_secs(60),
        }
    }
}

/// Whether a connection may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    Now,
    Wait { time: Duration, cause: Cause },
}

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The ones before were short.
    Backoff,
    /// There were too many within the window.
    Cap,
}

#[derive(Debug)]
pub struct Brake {
    settings: BrakeSettings,
    /// When the last connections began, oldest first; never more than the cap.
    begun: VecDeque<Instant>,
    /// How many connections in a row were short.
    short: u32,
    not_before: Option<Instant>,
}

impl Brake {
    pub fn new(settings: BrakeSettings) -> Self {
        Self { settings, begun: VecDeque::new(), short: 0, not_before: None }
    }

    /// Whether a connection may begin; nothing is counted.
    pub fn look(&self, now: Instant) -> Leave {
        let backoff =
            self.not_before.map_or(Duration::ZERO, |at| at.saturating_duration_since(now));
        let full = self.begun.len() >= self.settings.cap.max(1);
        let oldest = self.begun.front().filter(|_| full);
        let cap = oldest.map_or(Duration::ZERO, |oldest| {
            self.settings.window.saturating_sub(now.saturating_duration_since(*oldest))
        });
        match (backoff.is_zero(), cap.is_zero()) {
            (true, true) => Leave::Now,
            _ if cap > backoff => Leave::Wait { time: cap, cause: Cause::Cap },
            _ => Leave::Wait { time: backoff, cause: Cause::Backoff },
        }
    }

    /// Asks for leave to begin a connection. `Leave::Now` is counted as one that has begun;
    /// after a wait it must be asked again.
    pub fn next(&mut self, now: Instant) -> Leave {
        let leave = self.look(now);
        if leave == Leave::Now {
            if self.begun.len() >= self.settings.cap.max(1) {
                self.begun.pop_front();
            }
            self.begun.push_back(now);
        }
        leave
    }

    /// A connection has ended, or never came about (`lived` is zero then). `jitter` says where
    /// in the upper half of the pause the next one waits: 0 in its middle, 255 at its end.
    pub fn ended(&mut self, now: Instant, lived: Duration, jitter: u8) {
        if lived >= self.settings.healthy {
            self.short = 0;
            self.not_before = None;
            return;
        }
        let doubled = 2_u32.saturating_pow(self.short);
        let pause = self.settings.first_pause.saturating_mul(doubled);
        let half = pause.min(self.settings.longest_pause) / 2;
        let drawn = half + half.saturating_mul(u32::from(jitter)) / u32::from(u8::MAX);
        self.short = self.short.saturating_add(1);
        // A time that the clock cannot show is not a time to wait for.
        self.not_before = now.checked_add(drawn).max(self.not_before);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn wait(leave: Leave) -> Duration {
        match leave {
            Leave::Now => Duration::ZERO,
            Leave::Wait { time, .. } => time,
        }
    }

    #[test]
    fn the_first_connection_begins_at_once() {
        assert_eq!(Brake::new(BrakeSettings::default()).next(Instant::now()), Leave::Now);
    }

    #[test]
    fn short_connections_wait_twice_as_long_each_time_and_never_longer_than_the_longest() {
        let mut brake = Brake::new(BrakeSettings { cap: 100, ..BrakeSettings::default() });
        let mut now = Instant::now();
        let mut waited = Vec::new();
        for _ in 0..8 {
            assert_eq!(brake.next(now), Leave::Now);
            brake.ended(now, SECOND, u8::MAX);
            let time = wait(brake.next(now));
            waited.push(time.as_secs());
            now += time;
        }
        assert_eq!(waited, [2, 4, 8, 16, 32, 60, 60, 60]);
    }

    #[test]
    fn the_jitter_stays_in_the_upper_half_of_the_pause() {
        let pause = |jitter| {
            let mut brake = Brake::new(BrakeSettings::default());
            let now = Instant::now();
            brake.next(now);
            brake.ended(now, Duration::ZERO, jitter);
            wait(brake.next(now))
        };
        assert_eq!(pause(0), SECOND);
        assert_eq!(pause(u8::MAX), 2 * SECOND);
        assert!(pause(100) > SECOND && pause(100) < 2 * SECOND);
    }

    #[test]
    fn a_healthy_connection_takes_the_backoff_away() {
        let mut brake = Brake::new(BrakeSettings::default());
        let mut now = Instant::now();
        for _ in 0..3 {
            brake.next(now);
            brake.ended(now, SECOND, u8::MAX);
            now += wait(brake.next(now));
        }
        assert_eq!(brake.next(now), Leave::Now);
        now += 61 * SECOND;
        brake.ended(now, 61 * SECOND, u8::MAX);
        assert_eq!(brake.next(now), Leave::Now);
        brake.ended(now, SECOND, u8::MAX);
        assert_eq!(wait(brake.next(now)), 2 * SECOND, "it begins from the first pause again");
    }

    #[test]
    fn the_cap_holds_when_no_connection_has_ended_yet() {
        let mut brake = Brake::new(BrakeSettings::default());
        let now = Instant::now();
        for _ in 0..6 {
            assert_eq!(brake.next(now), Leave::Now);
        }
        let full = Leave::Wait { time: 50 * SECOND, cause: Cause::Cap };
        assert_eq!(brake.next(now + 10 * SECOND), full);
        assert_eq!(brake.next(now + 60 * SECOND), Leave::Now);
    }

    #[test]
    fn one_that_ends_while_the_next_one_lives_shortens_no_pause() {
        let mut brake = Brake::new(BrakeSettings::default());
        let now = Instant::now();
        for _ in 0..4 {
            brake.ended(now, Duration::ZERO, u8::MAX);
        }
        brake.ended(now + SECOND, Duration::ZERO, 0);
        assert!(wait(brake.look(now + SECOND)) >= 15 * SECOND);
    }

    proptest! {
        /// Whatever connections do, and however eagerly somebody asks: never more than the cap
        /// begin in any window, and nobody is left waiting for longer than he must.
        #[test]
        fn the_cap_holds_over_any_lives(
            cap in 1_usize..8,
            lives in proptest::collection::vec((0_u64..130_000, any::<u8>(), 0_u64..3_000, any::<bool>()), 1..80),
        ) {
            let settings = BrakeSettings { cap, ..BrakeSettings::default() };
            let window = settings.window;
            let mut brake = Brake::new(settings);
            let mut now = Instant::now();
            let mut begun: Vec<Instant> = Vec::new();
            for (lived, jitter, idle, overlapping) in lives {
                let time = wait(brake.next(now));
                prop_assert!(time <= Duration::from_secs(60));
                if !time.is_zero() {
                    let early = wait(brake.next(now + time / 2));
                    prop_assert_eq!(early, time - time / 2, "asking again changes nothing");
                    now += time;
                    prop_assert_eq!(brake.next(now), Leave::Now);
                }
                begun.push(now);
                // One that overlaps the next lives on while that one begins.
                let lived = Duration::from_millis(lived);
                if !overlapping {
                    now += lived;
                }
                brake.ended(now, lived, jitter);
                now += Duration::from_millis(idle);
            }
            for (at, first) in begun.iter().enumerate() {
                let within = begun[at..].iter().take_while(|one| **one - *first < window).count();
                prop_assert!(within <= cap, "{within} connections in a window of {cap}");
            }
        }
    }
}
