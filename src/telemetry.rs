//! Logs: one event for one thing that happened, on standard error, so that standard output
//! stays a conversation.

use tracing_subscriber::EnvFilter;

/// Starts logging at `level` (`error`, `info`, `shipmate=debug` …), unless `SHIPMATE_LOG` says
/// otherwise. Called once, first thing.
pub fn start(level: &str) {
    let filter = EnvFilter::try_from_env("SHIPMATE_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let layer = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Started a second time, as tests may, the first one stays.
    let _ = layer.with_target(false).try_init();
}
