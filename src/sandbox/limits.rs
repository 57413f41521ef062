//! AWS's rate limits, as token buckets. Off unless switched on. Must not know what the calls do.

use std::collections::HashMap;

use tokio::time::Instant;

/// The bucket that an operation takes from, with its size and its tokens a second.
fn bucket(operation: &str) -> Option<(&'static str, f64, f64)> {
    match operation {
        "StopTask" | "RunTask" => Some(("tasks are changed", 100.0, 40.0)),
        "ListTasks" | "DescribeTasks" => Some(("tasks are read", 100.0, 20.0)),
        "DescribeServices" => Some(("services are read", 100.0, 20.0)),
        "UpdateService" => Some(("services are changed", 50.0, 5.0)),
        "ListServiceDeployments" | "DescribeServiceDeployments" | "DescribeServiceRevisions" => {
            Some(("deployments are read", 50.0, 20.0))
        }
        "PutImage" => Some(("images are put", 10.0, 10.0)),
        "BatchGetImage" => Some(("images are read", 2_000.0, 2_000.0)),
        "GetLogEvents" => Some(("logs are read", 25.0, 25.0)),
        "GetDownloadUrlForLayer" => Some(("layers are read", 3_000.0, 3_000.0)),
        _ => None,
    }
}

#[derive(Default)]
pub(super) struct Limits {
    on: bool,
    buckets: HashMap<&'static str, (f64, Instant)>,
}

impl Limits {
    pub(super) fn switch(&mut self, on: bool) {
        self.on = on;
        self.buckets.clear();
    }

    /// Whether AWS would take the call now.
    pub(super) fn admit(&mut self, operation: &str, now: Instant) -> bool {
        let Some((name, size, rate)) = bucket(operation).filter(|_| self.on) else {
            return true;
        };
        let (tokens, since) = self.buckets.entry(name).or_insert((size, now));
        let grown = now.saturating_duration_since(*since).as_secs_f64() * rate;
        *tokens = (*tokens + grown).min(size);
        *since = now;
        if *tokens < 1.0 {
            return false;
        }
        *tokens -= 1.0;
        true
    }
}
