//! Keeps to AWS's rate limits: a bucket for each account, region and family of calls, at our
//! share of what AWS allows, because others use it too. Every call of the SDKs goes through here,
//! and so does each further try of one that AWS could not do. Must not know what the calls are for.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_ecs::error::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use futures::future::BoxFuture;
use tokio::time::Instant;

use super::Endpoint;
use super::bucket::{Bucket, Taken};
use super::error::AwsError;
use crate::domain::share::Share;

/// How often a call is tried that AWS could not do just now.
const TRIES: u32 = 6;
/// The longest pause before the second try; it doubles from try to try.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The same where nobody else shares what is called.
const SHORT_PAUSE: Duration = Duration::from_millis(50);

/// Calls that share one limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Family {
    TaskChanges,
    TaskReads,
    ServiceReads,
    ServiceChanges,
    /// Service deployments and service revisions.
    DeploymentReads,
    DefinitionReads,
    ClusterReads,
    ImagePuts,
    ImageReads,
    ImageDetails,
}

impl Family {
    const ALL: [Self; 10] = [
        Self::TaskChanges,
        Self::TaskReads,
        Self::ServiceReads,
        Self::ServiceChanges,
        Self::DeploymentReads,
        Self::DefinitionReads,
        Self::ClusterReads,
        Self::ImagePuts,
        Self::ImageReads,
        Self::ImageDetails,
    ];

    /// How many calls AWS allows at once, and how many a second after that: for ECS as its API
    /// reference says under request throttling, for ECR as its service quotas say. For reading
    /// what an image is besides its manifest no quota is documented; this is a careful guess.
    fn limits(self) -> (f64, f64) {
        match self {
            Self::TaskChanges => (100.0, 40.0),
            Self::TaskReads | Self::ServiceReads => (100.0, 20.0),
            Self::ServiceChanges => (50.0, 5.0),
            Self::DeploymentReads | Self::DefinitionReads | Self::ClusterReads => (50.0, 20.0),
            Self::ImagePuts => (10.0, 10.0),
            Self::ImageReads => (2_000.0, 2_000.0),
            Self::ImageDetails => (50.0, 20.0),
        }
    }
}

/// The buckets of one account and region.
#[derive(Debug)]
pub(super) struct Pace {
    first_pause: Duration,
    lines: HashMap<Family, Line>,
}

/// A bucket, and those who wait for it: first come, first served.
#[derive(Debug)]
struct Line {
    head: tokio::sync::Mutex<()>,
    bucket: Mutex<Bucket>,
}

/// All buckets, so that environments in one account and region share theirs.
#[derive(Debug)]
pub(super) struct Shared {
    share: Option<Share>,
    paces: Mutex<HashMap<(String, String), Arc<Pace>>>,
}

impl Shared {
    /// A simulated AWS is nobody else's: it is held back only where a share is set.
    pub fn new(endpoint: &Endpoint, share: Option<Share>) -> Self {
        let share = match endpoint {
            Endpoint::Ambient => Some(share.unwrap_or_default()),
            Endpoint::Simulated { .. } => share,
        };
        Self { share, paces: Mutex::default() }
    }

    /// The account stands in the role's ARN; without a role it is that of our own credentials.
    pub fn of(&self, role: &str, region: &str) -> Arc<Pace> {
        let mut paces = self.paces.lock().unwrap_or_else(PoisonError::into_inner);
        let account = role.split(':').nth(4).unwrap_or_default();
        let key = (account.to_owned(), region.to_owned());
        Arc::clone(paces.entry(key).or_insert_with(|| Arc::new(Pace::at(self.share))))
    }
}

impl Pace {
    fn at(share: Option<Share>) -> Self {
        let line = |family: Family| {
            let (burst, sustained) = match share {
                None => (10_000.0, 10_000.0),
                Some(share) => {
                    let (burst, sustained) = family.limits();
                    (burst * share.fraction(), sustained * share.fraction())
                }
            };
            let bucket = Mutex::new(Bucket::full(burst, sustained, Instant::now()));
            (family, Line { head: tokio::sync::Mutex::default(), bucket })
        };
        let first_pause = if share.is_some() { FIRST_PAUSE } else { SHORT_PAUSE };
        Self { first_pause, lines: Family::ALL.into_iter().map(line).collect() }
    }

    /// How long to wait at most before something is tried again; twice as long each time.
    pub fn first_pause(&self) -> Duration {
        self.first_pause
    }

    /// How many calls of a family can be made in this time, by its rate just now.
    pub fn calls_in(&self, family: Family, time: Duration) -> usize {
        let rate =
            self.lines.get(&family).map_or(f64::MAX, |line| line.bucket().rate(Instant::now()));
        // Far below what a count can hold, and one is always possible.
        (rate * time.as_secs_f64()).clamp(1.0, 1e9) as usize
    }

    /// Makes a call in its turn, and again after a pause for as long as AWS cannot do it just
    /// now, [`TRIES`] times at most. Only for calls that do no harm when they are repeated.
    pub async fn call<T, E, R>(
        &self,
        family: Family,
        attempt: impl Fn() -> BoxFuture<'static, Result<T, SdkError<E, R>>>,
    ) -> Result<T, SdkError<E, R>>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug,
    {
        let mut pause = self.first_pause;
        for _ in 1..TRIES {
            match self.once(family, attempt()).await {
                Err(error) if AwsError::new("", &error).is_transient() => {
                    tokio::time::sleep(pause.mul_f64(fastrand::f64())).await;
                    pause *= 2;
                }
                answer => return answer,
            }
        }
        self.once(family, attempt()).await
    }

    /// Makes a call in its turn, once. One that AWS throttles slows its family down.
    pub async fn once<T, E, R>(
        &self,
        family: Family,
        attempt: impl Future<Output = Result<T, SdkError<E, R>>>,
    ) -> Result<T, SdkError<E, R>>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug,
    {
        let Some(line) = self.lines.get(&family) else { return attempt.await };
        let taken = line.wait().await;
        let answer = attempt.await;
        if let Err(error) = &answer
            && AwsError::new("", error).is_throttling()
        {
            metrics::counter!("shipmate_aws_throttled_total").increment(1);
            if let Some(rate) = line.bucket().slow_down(taken, Instant::now()) {
                tracing::warn!(?family, rate, "AWS throttles; these calls are made more slowly");
            }
        }
        answer
    }
}

impl Line {
    /// Waits for a token.
    async fn wait(&self) -> Taken {
        let _first = self.head.lock().await;
        loop {
            let answer = self.bucket().take(Instant::now());
            match answer {
                Ok(taken) => return taken,
                Err(wait) => tokio::time::sleep(wait).await,
            }
        }
    }

    fn bucket(&self) -> std::sync::MutexGuard<'_, Bucket> {
        // Each change is one assignment after another that cannot panic.
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
