//! The sessions of a day: the last ones are not spent.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use shipmate::chat::discord::relay::{AskError, Gateway, Relay, Sessions, Upstream};

use super::*;

const RESET: Duration = Duration::from_millis(700);

/// A relay to somebody who says that so many sessions are left, and how often he was asked.
async fn with_sessions(remaining: u32, url: String) -> (Relay, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let upstream = Upstream::new(no_tls(), move || {
        let first = count.fetch_add(1, Ordering::SeqCst) == 0;
        let remaining = if first { remaining } else { 1000 };
        let sessions = Some(Sessions { total: 1000, remaining, reset_after: RESET });
        let gateway = Gateway { address: url.clone(), sessions };
        async move { Ok::<_, AskError>(gateway) }
    });
    (Relay::start(upstream, loose()).await.unwrap(), asked)
}

#[tokio::test]
async fn with_ten_left_a_connection_waits_until_they_are_reset() {
    let (listener, url) = listen().await;
    let (relay, asked) = with_sessions(10, url).await;
    let begun = Instant::now();
    joined(&relay, &listener).await;
    assert!(begun.elapsed() >= RESET);
    assert_eq!(asked.load(Ordering::SeqCst), 2, "it asked again after the reset");
}

#[tokio::test]
async fn with_eleven_left_it_does_not_wait() {
    let (listener, url) = listen().await;
    let (relay, asked) = with_sessions(11, url).await;
    joined(&relay, &listener).await;
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}
