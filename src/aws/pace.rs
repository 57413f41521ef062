//! Keeps to AWS's rate limits: a token bucket for each account, region and family of calls,
//! at half of what AWS allows, because others share it.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};

use super::Endpoint;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

/// The buckets of one account and region. The numbers are half of the sustained and burst
/// rates that AWS documents for ECS (API throttling) and ECR (service quotas).
#[derive(Debug)]
pub(super) struct Pace {
    pub stop_task: DefaultDirectRateLimiter,
    pub read_tasks: DefaultDirectRateLimiter,
    pub read_services: DefaultDirectRateLimiter,
    /// Service deployments and service revisions.
    pub read_revisions: DefaultDirectRateLimiter,
    pub update_service: DefaultDirectRateLimiter,
    pub put_image: DefaultDirectRateLimiter,
}

/// All buckets, so that environments in one account and region share theirs.
#[derive(Debug)]
pub(super) struct Shared {
    endpoint: Endpoint,
    paces: Mutex<HashMap<(String, String), Arc<Pace>>>,
}

impl Pace {
    /// A simulated AWS is nobody else's: it is not held back for others.
    pub fn shared(endpoint: &Endpoint) -> Shared {
        Shared { endpoint: endpoint.clone(), paces: Mutex::default() }
    }

    fn ample() -> Self {
        let ample = || bucket(10_000, 10_000);
        Self {
            stop_task: ample(),
            read_tasks: ample(),
            read_services: ample(),
            read_revisions: ample(),
            update_service: ample(),
            put_image: ample(),
        }
    }

    fn half_of_aws() -> Self {
        Self {
            stop_task: bucket(20, 50),
            read_tasks: bucket(10, 50),
            read_services: bucket(10, 50),
            read_revisions: bucket(10, 25),
            update_service: bucket(2, 25),
            put_image: bucket(5, 5),
        }
    }
}

impl Shared {
    /// The account stands in the role's ARN; without a role it is that of our own credentials.
    pub fn of(&self, role: &str, region: &str) -> Arc<Pace> {
        let mut paces = self.paces.lock().unwrap_or_else(PoisonError::into_inner);
        let account = role.split(':').nth(4).unwrap_or_default();
        let key = (account.to_owned(), region.to_owned());
        let pace = || match self.endpoint {
            Endpoint::Ambient => Arc::new(Pace::half_of_aws()),
            Endpoint::Simulated { .. } => Arc::new(Pace::ample()),
        };
        Arc::clone(paces.entry(key).or_insert_with(pace))
    }
}

fn bucket(sustained: u32, burst: u32) -> DefaultDirectRateLimiter {
    let positive = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
    RateLimiter::direct(Quota::per_second(positive(sustained)).allow_burst(positive(burst)))
}
