//! Hubot, run as it is by its own Node: what it takes to hand a line to its listeners. Skipped
//! where it is not installed.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::Context;
use serde::Deserialize;
use serde_json::json;

use crate::harness::{Figure, Unit};
use crate::peers;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/budgets/hubot.mjs");

/// What it was measured with and what came of it.
#[derive(Deserialize)]
pub struct Measured {
    /// Its version, and that of its Node.
    pub hubot: String,
    pub node: String,
    cases: BTreeMap<String, Case>,
}

#[derive(Deserialize)]
struct Case {
    /// How many listeners were called for the lines, each said once.
    matched: usize,
    /// For one line, on average over a batch.
    nanoseconds: Vec<f64>,
}

impl Measured {
    /// What one line of this case takes, if so many lines found their listener.
    pub fn case(&self, name: &str, matched: usize) -> anyhow::Result<Figure> {
        let case =
            self.cases.get(name).with_context(|| format!("Hubot tells nothing of {name}"))?;
        anyhow::ensure!(case.matched == matched, "Hubot matched {} of {name}", case.matched);
        Figure::of(Unit::Time, case.nanoseconds.iter().map(|time| time / 1e9).collect())
    }
}

/// Lets it hear the lines of each case, addressed by its name as it wants it, with a listener for
/// each of the expressions.
pub fn measure(
    listeners: &[String],
    cases: &[(&str, &[&str])],
    rounds: usize,
) -> anyhow::Result<Option<Measured>> {
    let Some(node) = peers::tool("node") else { return Ok(None) };
    if !peers::folder().is_some_and(|folder| folder.join("npm/node_modules/hubot").is_dir()) {
        eprintln!("Hubot is skipped: it is not installed, see tests/peers/install.sh");
        return Ok(None);
    }
    let cases: BTreeMap<&str, &[&str]> = cases.iter().copied().collect();
    let asked = json!({
        "name": "shipmate", "listeners": listeners, "cases": cases, "rounds": rounds, "batch": 10,
    });
    let mut child = Command::new(node)
        .arg(SCRIPT)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("Hubot does not start")?;
    child.stdin.take().context("no input")?.write_all(asked.to_string().as_bytes())?;
    let output = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    anyhow::ensure!(output.status.success(), "Hubot failed: {said}");
    Ok(Some(serde_json::from_str(&said).with_context(|| format!("Hubot said {said}"))?))
}
