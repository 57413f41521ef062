//! Discord's limits as its answers tell them, for where serenity's own limiter cannot be used.
//! Asks nothing itself.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serenity::http::RatelimitingBucket;
use tokio::time::Instant;

/// How long to wait where Discord says that it is too much and not for how long.
const UNTOLD: Duration = Duration::from_secs(1);

/// What is left of each bucket.
#[derive(Default)]
pub struct Limits {
    buckets: Mutex<HashMap<Place, Bucket>>,
}

/// What shares a limit: the same kind of request to the same channel or guild.
type Place = (RatelimitingBucket, reqwest::Method);

struct Bucket {
    remaining: u32,
    resets: Instant,
}

/// It was too much.
pub struct Limited {
    pub wait: Duration,
    /// For all requests, not only for those of this bucket.
    pub global: bool,
}

impl Limits {
    /// Returns when the bucket has room, which it then has less of.
    pub async fn turn(&self, place: &Place) {
        loop {
            let until = {
                let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
                let Some(known) = buckets.get_mut(place) else { return };
                if known.resets <= Instant::now() {
                    buckets.remove(place);
                    return;
                }
                if known.remaining > 0 {
                    known.remaining -= 1;
                    return;
                }
                known.resets
            };
            tokio::time::sleep_until(until).await;
        }
    }

    /// Notes what an answer tells of its bucket; `Some`: it was too much.
    pub fn note(&self, place: &Place, response: &reqwest::Response) -> Option<Limited> {
        let number = |name: &str| {
            let value = response.headers().get(name)?.to_str().ok()?;
            value.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0)
        };
        let seconds = |name: &str| number(name).and_then(|n| Duration::try_from_secs_f64(n).ok());
        let too_much = response.status().as_u16() == 429;
        let wait = seconds("retry-after").unwrap_or(UNTOLD);
        let global = response.headers().contains_key("x-ratelimit-global");
        let resets_after = if too_much { Some(wait) } else { seconds("x-ratelimit-reset-after") };
        let remaining = if too_much { Some(0.0) } else { number("x-ratelimit-remaining") };
        if let (Some(remaining), Some(after), false) = (remaining, resets_after, global) {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a count of requests that is not negative, and saturates"
            )]
            let remaining = remaining as u32;
            let resets = Instant::now() + after;
            let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
            // Several may be under way: the least that any of them told holds.
            let remaining = match buckets.get(place) {
                Some(known) if known.resets > Instant::now() => known.remaining.min(remaining),
                Some(_) | None => remaining,
            };
            buckets.insert(place.clone(), Bucket { remaining, resets });
        }
        too_much.then_some(Limited { wait, global })
    }
}
