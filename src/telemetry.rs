//! What can be seen of the process from outside. Logs: one event for one thing that happened,
//! on standard error, so that standard output stays a conversation. Metrics: all of them are
//! described here and nowhere else; who counts names them with `metrics::counter!`. Knows
//! nothing of what is logged or counted.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

/// Libraries that write down what they send, with secrets in it, for who wants to know more of
/// them: tokens of interactions stand in the addresses of requests, ours in the first frame.
const QUIET: [&str; 2] = ["serenity=error", "tungstenite=error"];

/// Starts logging at `level` (`error`, `info`, `shipmate=debug` …), unless `SHIPMATE_LOG` says
/// otherwise. Called once, first thing.
pub fn start(level: &str) {
    let filter = EnvFilter::try_from_env("SHIPMATE_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let quiet = QUIET.iter().filter_map(|directive| directive.parse().ok());
    let filter = quiet.fold(filter, EnvFilter::add_directive);
    let layer = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Started a second time, as tests may, the first one stays.
    let _ = layer.with_target(false).try_init();
}

/// A metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    pub name: &'static str,
    /// What one is.
    pub unit: &'static str,
    pub meaning: &'static str,
    pub label: Option<Label>,
}

/// What a metric is told apart by. The values are a closed list: one that somebody outside
/// could choose would let them fill our memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    pub name: &'static str,
    pub values: &'static [&'static str],
}

/// Every metric that goes up and down. docs/metrics.md is generated from this.
pub const GAUGES: [Metric; 1] = [Metric {
    name: "shipmate_reservations",
    unit: "connections",
    meaning: "Connections to this process of programs that reserve environments: `held`, the environment is the program's own; `waiting`, it stands in line.",
    label: Some(Label { name: "state", values: &["held", "waiting"] }),
}];

/// Every counter that there is. docs/metrics.md is generated from this.
pub const METRICS: [Metric; 13] = [
    Metric {
        name: "shipmate_announcements_total",
        unit: "announcements",
        meaning: "Announcements at set times, by what became of them: `posted`; `silent`, there was nothing to say; `missed`, nothing ran or the chat did not answer for as long as their grace lasted; `denied`, whoever made the schedule may not announce there any more.",
        label: Some(Label { name: "outcome", values: &["posted", "silent", "missed", "denied"] }),
    },
    Metric {
        name: "shipmate_aws_events_total",
        unit: "events",
        meaning: "Requests to the path of AWS's events, by what became of them: `woke`, a deployment that runs there looks at once; `idle`, none runs there; `elsewhere`, of a cluster that no environment names; `ignored`, of another kind; `unreadable`; `refused`, without the right key.",
        label: Some(Label {
            name: "outcome",
            values: &["woke", "idle", "elsewhere", "ignored", "unreadable", "refused"],
        }),
    },
    Metric {
        name: "shipmate_aws_throttled_total",
        unit: "calls",
        meaning: "Calls that AWS throttled. Each slows calls of its family down for a while; where there are many, set a smaller `aws.share`.",
        label: None,
    },
    Metric {
        name: "shipmate_deployments_ended_total",
        unit: "deployments",
        meaning: "Deployments that ended, by how. Counted when the end is about to be told, by the process that brought it about.",
        label: Some(Label {
            name: "end",
            values: &[
                "succeeded",
                "rolled-back",
                "failed",
                "cancelled",
                "rejected",
                "expired",
                "unapproved",
                "missed",
                "refused",
                "superseded",
            ],
        }),
    },
    Metric {
        name: "shipmate_discord_connections_total",
        unit: "connections",
        meaning: "Connections to Discord's gateway that were begun. Many in a short time mean that something closes them.",
        label: None,
    },
    Metric {
        name: "shipmate_discord_refusals_total",
        unit: "connections",
        meaning: "Connections to Discord's gateway that could not be begun, by why.",
        label: Some(Label {
            name: "reason",
            values: &["slow", "unresolved", "unreachable", "tls", "cut-short", "refused"],
        }),
    },
    Metric {
        name: "shipmate_discord_waits_total",
        unit: "connections",
        meaning: "Connections to Discord's gateway that had to wait, by what for: `backoff`, because the last ones lived short; `cap`, because there were too many in a minute; `sessions`, because Discord allows no more today.",
        label: Some(Label { name: "cause", values: &["backoff", "cap", "sessions"] }),
    },
    Metric {
        name: "shipmate_discord_relay_turned_away_total",
        unit: "connections",
        meaning: "Connections of other programs on this machine to the relay before the gateway, which it turned away.",
        label: None,
    },
    Metric {
        name: "shipmate_discord_events_unparsed_total",
        unit: "events",
        meaning: "Events of the gateway that could not be read. Any may be a message that was lost.",
        label: None,
    },
    Metric {
        name: "shipmate_discord_rate_limited_total",
        unit: "answers",
        meaning: "Answers of Discord's that said to wait (429).",
        label: None,
    },
    Metric {
        name: "shipmate_discord_requests_failed_total",
        unit: "requests",
        meaning: "Requests to Discord that were given up.",
        label: None,
    },
    Metric {
        name: "shipmate_discord_signatures_refused_total",
        unit: "requests",
        meaning: "Requests to the path of interactions whose signature was refused, by why. Discord sends some by itself, to see whether they are refused; `too-early` and `too-old` may mean that this machine's clock is wrong.",
        label: Some(Label {
            name: "kind",
            values: &["missing", "malformed", "too-old", "too-early", "wrong"],
        }),
    },
    Metric {
        name: "shipmate_reservations_refused_total",
        unit: "requests",
        meaning: "Requests to reserve an environment that got no WebSocket, by why: `unauthorised`, without a token that the settings know; `over`, to come back to what is over; `no-room`, while as many are connected as may be.",
        label: Some(Label {
            name: "reason",
            values: &[
                "unauthorised",
                "forbidden",
                "no-such-environment",
                "over",
                "line-too-long",
                "no-room",
                "no-web-socket",
                "malformed",
                "undecided",
            ],
        }),
    },
];

/// The metrics of this process.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
}

impl Metrics {
    /// All of them, in the text format of Prometheus.
    pub fn render(&self) -> String {
        self.handle.render()
    }
}

/// Starts counting, and gives what was counted. Called a second time it gives the same.
pub fn metrics() -> Metrics {
    static INSTALLED: OnceLock<Metrics> = OnceLock::new();
    INSTALLED.get_or_init(install).clone()
}

fn install() -> Metrics {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_err() {
        tracing::warn!("something else counts already: there are no metrics");
    }
    for metric in METRICS {
        metrics::describe_counter!(metric.name, metrics::Unit::Count, metric.meaning);
        // From the beginning at nought: a counter that only appears with the first event hides
        // that event from whoever looks for increases.
        match metric.label {
            None => metrics::counter!(metric.name).increment(0),
            Some(label) => {
                for value in label.values {
                    metrics::counter!(metric.name, label.name => *value).increment(0);
                }
            }
        }
    }
    for metric in GAUGES {
        metrics::describe_gauge!(metric.name, metrics::Unit::Count, metric.meaning);
        match metric.label {
            None => metrics::gauge!(metric.name).set(0.0),
            Some(label) => {
                for value in label.values {
                    metrics::gauge!(metric.name, label.name => *value).set(0.0);
                }
            }
        }
    }
    Metrics { handle }
}
