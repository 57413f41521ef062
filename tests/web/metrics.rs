//! What is counted, by a process that is really at work.

use std::sync::Arc;

use shipmate::telemetry::{self, METRICS};
use shipmate::web::Doors;

use super::{get, open};
use crate::world::World;

/// The value of a counter, written as it is rendered.
pub(super) fn value(rendered: &str, series: &str) -> u64 {
    let line = rendered.lines().find(|line| line.starts_with(&format!("{series} ")));
    let line = line.unwrap_or_else(|| panic!("no {series} in\n{rendered}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn starting_twice_gives_the_same() {
    let (first, second) = (telemetry::metrics(), telemetry::metrics());
    let series = "shipmate_discord_connections_total";
    let before = value(&first.render(), series);
    metrics::counter!("shipmate_discord_connections_total").increment(1);
    // Other tests may count in between.
    assert!(value(&second.render(), series) > before);
    assert!(value(&first.render(), series) > before);
}

#[test]
fn every_metric_is_there_from_the_beginning_and_explained() {
    let rendered = telemetry::metrics().render();
    for metric in METRICS {
        assert!(rendered.contains(&format!("# HELP {} {}\n", metric.name, metric.meaning)));
        assert!(rendered.contains(&format!("# TYPE {} counter\n", metric.name)), "{rendered}");
        match metric.label {
            None => drop(value(&rendered, metric.name)),
            Some(label) => {
                for each in label.values {
                    value(&rendered, &format!("{}{{{}=\"{each}\"}}", metric.name, label.name));
                }
            }
        }
    }
}

#[tokio::test]
async fn ends_of_deployments_are_counted() {
    let metrics = telemetry::metrics();
    let ended = |end: &str| format!("shipmate_deployments_ended_total{{end=\"{end}\"}}");
    let before = metrics.render();
    let mut world = World::start().await;
    world.verified_on_staging("core", "1.5.0").await;
    world.say("alice", "promote core:1.5.0 to production").await;
    world.say("bob", "reject #1 because the changelog is wrong").await;
    world.wait().await;
    let web =
        open(Doors { metrics: Some(Arc::new(move || metrics.render())), ..Doors::default() }).await;
    let after = get(&web, "/metrics").await.body;
    let rejected = ended("rejected");
    assert!(value(&after, &rejected) > value(&before, &rejected), "{after}");
}
