//! docs/metrics.md is what is described in the program, and what is counted is described.

use std::collections::BTreeSet;

use shipmate::chat::discord::signature::Refused;
use shipmate::telemetry::{GAUGES, METRICS, Metric};

use super::{files, in_step, page};

fn row(metric: &Metric) -> String {
    let label = metric.label.map_or(String::new(), |label| {
        let values = label.values.iter().map(|value| format!("`{value}`"));
        format!("`{}`: {}", label.name, values.collect::<Vec<_>>().join(", "))
    });
    format!("| `{}` | {} | {label} | {} |\n", metric.name, metric.unit, metric.meaning)
}

#[test]
fn the_page_of_metrics_is_what_is_described() {
    let rows: String = METRICS.iter().map(row).collect();
    let head = "| counter | of | label | meaning |\n| --- | --- | --- | --- |\n";
    in_step("docs/metrics.md", "metrics", &format!("{head}{rows}"));
    let rows: String = GAUGES.iter().map(row).collect();
    let head = "| gauge | of | label | meaning |\n| --- | --- | --- | --- |\n";
    in_step("docs/metrics.md", "gauges", &format!("{head}{rows}"));
}

#[test]
fn what_is_counted_is_described() {
    let all = METRICS.iter().chain(&GAUGES);
    let described: BTreeSet<&str> = all.map(|metric| metric.name).collect();
    let mut counted = BTreeSet::new();
    for (name, path) in files() {
        if !name.starts_with("src/") || !name.ends_with(".rs") || name == "src/telemetry.rs" {
            continue;
        }
        let text = std::fs::read_to_string(path).unwrap();
        for rest in text.split("\"shipmate_").skip(1) {
            counted.insert(format!("shipmate_{}", rest.split('"').next().unwrap()));
        }
    }
    let undescribed: Vec<_> =
        counted.iter().filter(|name| !described.contains(name.as_str())).collect();
    assert!(undescribed.is_empty(), "{undescribed:?}");
    assert!(counted.len() >= 2, "{counted:?}");
}

/// The values that a metric's only label can have.
fn values(name: &str) -> Vec<&'static str> {
    let metric = METRICS.iter().find(|metric| metric.name == name).unwrap();
    metric.label.unwrap().values.to_vec()
}

#[test]
fn labels_have_the_codes_that_the_program_has() {
    let codes = Refused::ALL.map(Refused::code);
    assert_eq!(values("shipmate_discord_signatures_refused_total"), codes);
    // Ends carry what they are about, so that there is no list of them but this one.
    let source = page("src/domain/event.rs");
    let ends = source.split("impl End {").nth(1).unwrap().split("\nimpl ").next().unwrap();
    let ends: Vec<&str> =
        ends.split("=> \"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(values("shipmate_deployments_ended_total"), ends);
}
