//! A token bucket that AWS can slow down. Pure: it is told what time it is, and says how long to
//! wait.

use std::time::Duration;

use tokio::time::Instant;

/// The slowest that a bucket gets, as a part of its full rate: others may have used up the limit
/// for a while, and who asks never again never knows when that is over.
const SLOWEST: f64 = 1.0 / 16.0;
/// In this time the rate of a bucket that was slowed down doubles.
const RECOVERY: Duration = Duration::from_secs(10);

/// Tokens come at a rate up to a burst; each call takes one.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    /// The full rate, in tokens a second.
    full: f64,
    burst: f64,
    /// The rate now.
    rate: f64,
    tokens: f64,
    /// When the numbers here were right.
    at: Instant,
    slowed_at: Option<Instant>,
}

/// A token that was taken, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    at: Instant,
}

impl Bucket {
    pub fn full(burst: f64, full: f64, now: Instant) -> Self {
        // Less than one token at a time would let no call through.
        let burst = burst.max(1.0);
        Self { full, burst, rate: full, tokens: burst, at: now, slowed_at: None }
    }

    /// The rate now, in tokens a second.
    pub fn rate(&mut self, now: Instant) -> f64 {
        self.advance(now);
        self.rate
    }

    /// A token, or how long it takes until there is one.
    pub fn take(&mut self, now: Instant) -> Result<Taken, Duration> {
        self.advance(now);
        if self.tokens < 1.0 {
            let wait = Duration::from_secs_f64((1.0 - self.tokens) / self.rate);
            return Err(wait.max(Duration::from_millis(1)));
        }
        self.tokens -= 1.0;
        Ok(Taken { at: now })
    }

    /// A call was throttled: half as fast from here. Gives the new rate; `None` where the call
    /// had gone out before the last time.
    pub fn slow_down(&mut self, call: Taken, now: Instant) -> Option<f64> {
        if self.slowed_at.is_some_and(|slowed| call.at <= slowed) {
            return None;
        }
        self.advance(now);
        self.rate = (self.rate / 2.0).max(self.full * SLOWEST);
        self.tokens = self.tokens.min(0.0);
        self.slowed_at = Some(now);
        Some(self.rate)
    }

    fn advance(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at);
        self.at = self.at.max(now);
        // What comes while the rate recovers is counted at the rate before: less than it could be.
        let most = (self.burst * self.rate / self.full).max(1.0);
        self.tokens = (self.tokens + passed.as_secs_f64() * self.rate).min(most);
        let doublings = passed.as_secs_f64() / RECOVERY.as_secs_f64();
        self.rate = (self.rate * doublings.exp2()).min(self.full);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As many tokens as can be had from `from` on, for so long, and the last wait's end.
    fn drain(bucket: &mut Bucket, from: Instant, time: Duration) -> usize {
        let mut now = from;
        let mut taken = 0;
        while now < from + time {
            match bucket.take(now) {
                Ok(_) => taken += 1,
                Err(wait) => now += wait,
            }
        }
        taken
    }

    #[test]
    fn the_burst_comes_at_once_and_then_the_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::full(50.0, 20.0, start);
        assert_eq!(drain(&mut bucket, start, Duration::from_millis(1)), 50);
        let taken = drain(&mut bucket, start, Duration::from_secs(100));
        assert!((1_980..=2_000).contains(&taken), "{taken} in a hundred seconds");
    }

    #[test]
    fn never_more_than_burst_and_rate_whatever_the_pauses() {
        for seed in 0..200 {
            let mut random = fastrand::Rng::with_seed(seed);
            let (burst, rate) = (random.u32(1..100), random.u32(1..50));
            let start = Instant::now();
            let mut bucket = Bucket::full(f64::from(burst), f64::from(rate), start);
            let (mut now, mut times) = (start, Vec::new());
            for _ in 0..500 {
                match bucket.take(now) {
                    Ok(taken) => {
                        times.push(now);
                        // Some are throttled, which never lets more through.
                        if random.u32(0..50) == 0 {
                            bucket.slow_down(taken, now);
                        }
                    }
                    Err(wait) => now += wait,
                }
                now += Duration::from_millis(random.u64(0..30));
            }
            for (index, from) in times.iter().enumerate() {
                for (count, to) in times[index..].iter().enumerate() {
                    let passed = to.duration_since(*from).as_secs_f64();
                    let allowed = f64::from(burst) + passed * f64::from(rate) + 1e-6;
                    let had = (count + 1) as f64;
                    assert!(had <= allowed, "seed {seed}: {had} in {passed} s, not {allowed}");
                }
            }
        }
    }

    #[test]
    fn a_throttled_call_halves_the_rate_that_comes_back_by_and_by() {
        let start = Instant::now();
        let mut bucket = Bucket::full(50.0, 20.0, start);
        drain(&mut bucket, start, Duration::from_secs(20));
        let now = start + Duration::from_secs(20);
        let taken = Taken { at: now };
        let slowed = bucket.slow_down(taken, now).expect("nothing had slowed it down before");
        assert!((9.0..=10.0).contains(&slowed), "{slowed} a second");
        assert_eq!(bucket.slow_down(taken, now), None, "one that had gone out by then");
        let soon = drain(&mut bucket, now, Duration::from_secs(5));
        assert!((40..=62).contains(&soon), "{soon} in the first five seconds");
        let later = now + Duration::from_secs(60);
        drain(&mut bucket, later, Duration::from_secs(3));
        let whole = drain(&mut bucket, later + Duration::from_secs(3), Duration::from_secs(10));
        assert!((195..=205).contains(&whole), "{whole} in ten seconds after a minute");
    }

    #[test]
    fn it_never_stands_still() {
        let start = Instant::now();
        let mut bucket = Bucket::full(50.0, 20.0, start);
        let mut now = start;
        for _ in 0..100 {
            match bucket.take(now) {
                Ok(taken) => {
                    now += Duration::from_millis(1);
                    bucket.slow_down(taken, now);
                }
                Err(wait) => {
                    assert!(wait <= Duration::from_secs(1), "{wait:?}");
                    now += wait;
                }
            }
        }
    }
}
