//! Rate limits: which bucket a request falls into, and what is left in it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use super::world::{Limits, Rate};

#[derive(Default)]
pub struct Buckets {
    windows: BTreeMap<String, Window>,
    global: Option<Window>,
}

struct Window {
    began: Instant,
    used: u32,
}

/// What a bucket says of itself in the headers of an answer.
#[derive(Clone, Debug)]
pub struct Standing {
    pub bucket: String,
    pub limit: u32,
    pub remaining: u32,
    pub reset_after: Duration,
    /// The request came too early.
    pub exceeded: bool,
    pub global: bool,
}

impl Standing {
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let mut headers = vec![
            ("x-ratelimit-limit", self.limit.to_string()),
            ("x-ratelimit-remaining", self.remaining.to_string()),
            ("x-ratelimit-reset", format!("{:.3}", (since + self.reset_after).as_secs_f64())),
            ("x-ratelimit-reset-after", format!("{:.3}", self.reset_after.as_secs_f64())),
            ("x-ratelimit-bucket", self.bucket.clone()),
        ];
        if self.exceeded {
            headers.extend(exceeded_headers(self.reset_after, self.global));
        }
        headers
    }
}

/// The headers of a 429. Retry-After is in whole seconds, the body knows better.
pub fn exceeded_headers(retry_after: Duration, global: bool) -> Vec<(&'static str, String)> {
    let scope = if global { "global" } else { "user" };
    let mut headers = vec![
        ("retry-after", format!("{:.0}", retry_after.as_secs_f64().ceil())),
        ("x-ratelimit-scope", scope.to_owned()),
    ];
    if global {
        headers.push(("x-ratelimit-global", "true".to_owned()));
    }
    headers
}

impl Buckets {
    /// Takes one request out of its bucket, and out of the second that all routes share.
    pub fn take(&mut self, limits: &Limits, method: &str, path: &[String]) -> Standing {
        let now = Instant::now();
        let (name, rate) = bucket(limits, method, path);
        // Interactions are answered beside the limit that all routes share.
        let shared = !matches!(path.first().map(String::as_str), Some("interactions" | "webhooks"));
        if let Some(requests) = limits.global.filter(|_| limits.enforced && shared) {
            let second = Rate { requests, window: Duration::from_secs(1) };
            let standing = fill(&mut self.global, &second, now, "global");
            if standing.exceeded {
                return Standing { global: true, ..standing };
            }
        }
        let rate = if limits.enforced { rate } else { Rate { requests: 1_000_000, ..rate } };
        let mut window = self.windows.remove(&name);
        let standing = fill(&mut window, &rate, now, &name);
        if let Some(window) = window {
            self.windows.insert(name, window);
        }
        standing
    }
}

fn fill(window: &mut Option<Window>, rate: &Rate, now: Instant, name: &str) -> Standing {
    let over = window.as_ref().is_none_or(|window| now >= window.began + rate.window);
    if over {
        *window = Some(Window { began: now, used: 0 });
    }
    let (began, used) = window.as_ref().map_or((now, 0), |window| (window.began, window.used));
    let exceeded = used >= rate.requests;
    let used = if exceeded { used } else { used + 1 };
    *window = Some(Window { began, used });
    Standing {
        bucket: name.to_owned(),
        limit: rate.requests,
        remaining: rate.requests - used,
        reset_after: (began + rate.window).saturating_duration_since(now),
        exceeded,
        global: false,
    }
}

/// The bucket of a request, with the id that Discord counts it under.
fn bucket(limits: &Limits, method: &str, path: &[String]) -> (String, Rate) {
    let words: Vec<&str> = path.iter().map(String::as_str).collect();
    match (method, words.as_slice()) {
        ("POST", ["channels", channel, "messages"]) => (format!("post-{channel}"), limits.posts),
        ("PATCH", ["channels", channel, "messages", _]) => {
            (format!("edit-{channel}"), limits.edits)
        }
        ("PUT" | "DELETE", ["channels", channel, "messages", _, "reactions", ..]) => {
            (format!("react-{channel}"), limits.reactions)
        }
        (_, [family, major, rest @ ..]) => {
            let kind = rest.first().copied().unwrap_or("itself");
            (format!("{method}-{family}-{kind}-{major}"), limits.others)
        }
        (_, words) => (format!("{method}-{}", words.join("-")), limits.others),
    }
}
