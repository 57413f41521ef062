//! How many of what there was over all runs: what was played is told with the verdicts, so that
//! nobody believes in runs in which nothing happened.

use std::collections::BTreeMap;
use std::fmt;

use shipmate::domain::event::{Cause, End, Event};
use shipmate::sandbox::{Deed, Mishap};

use super::play::Played;
use super::story::Act;
use crate::world::OUR_KEY;

#[derive(Default)]
pub struct Tally(BTreeMap<(&'static str, String), usize>);

/// What must have happened at least once in so many runs as are promised. What is rare, or comes
/// too late where a machine is quick, is told and not asked for.
const WANTED: [(&str, &[&str]); 4] = [
    ("end", &["succeeded", "rolled-back", "failed", "cancelled"]),
    (
        "act",
        &[
            "cancel",
            "continue",
            "delete",
            "die",
            "odds",
            "pause",
            "rebalance",
            "redefine",
            "scale",
            "spot",
            "stop by hand",
            "tag",
        ],
    ),
    (
        "answer",
        &[
            "ThrottlingException",
            "ServerException",
            "ServiceUnavailable",
            "reset",
            "ok (reset)",
            "ok (answer lost)",
            "ok (answer cut)",
            "late",
        ],
    ),
    ("deed", &["PutImage", "StopTask", "UpdateService", "StopServiceDeployment"]),
];

impl Tally {
    fn add(&mut self, kind: &'static str, what: impl Into<String>) {
        *self.0.entry((kind, what.into())).or_default() += 1;
    }

    /// Counts each thing once in a run.
    pub fn count(&mut self, played: &Played) {
        let mut run = Tally::default();
        run.add("end", played.stage());
        for one in played.done.iter().filter(|one| one.arrived) {
            run.add("act", name(&one.act));
            if let Act::Odds(odds) = &one.act
                && odds.delay > 0.0
            {
                run.add("answer", "late");
            }
        }
        for call in played.calls.iter().filter(|call| call.key == OUR_KEY) {
            if call.outcome != "ok" {
                run.add("answer", &*call.outcome);
            }
            let changes = ["PutImage", "StopTask", "UpdateService", "StopServiceDeployment"];
            if changes.contains(&&*call.operation) && call.outcome.starts_with("ok") {
                run.add("deed", &*call.operation);
            }
        }
        for recorded in &played.journal {
            match &recorded.event {
                Event::UndoStarted { cause, .. }
                | Event::Ended { end: End::Failed { cause, undo: None } } => {
                    run.add("cause", code(cause));
                }
                Event::Ended { end: End::Failed { undo: Some(cause), .. } } => {
                    run.add("why it is not back", code(cause));
                }
                Event::OthersChanged { .. } => run.add("told", "others' change"),
                Event::TagRepaired { .. } => run.add("told", "tag repaired"),
                _ => {}
            }
        }
        if played.asked > 0 {
            run.add("deed", "asked over HTTP");
        }
        for (key, _) in run.0 {
            *self.0.entry(key).or_default() += 1;
        }
    }

    /// What should have happened and did not.
    pub fn missing(&self) -> Vec<String> {
        let wanted = WANTED.iter().flat_map(|(kind, all)| all.iter().map(move |one| (*kind, *one)));
        let missing =
            wanted.filter(|(kind, one)| !self.0.contains_key(&(*kind, (*one).to_owned())));
        missing.map(|(kind, one)| format!("{kind}: {one}")).collect()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "in how many runs there was:")?;
        let mut last = "";
        for ((kind, what), count) in &self.0 {
            let head = if *kind == last { "" } else { kind };
            last = kind;
            writeln!(formatter, "  {head:>20} {what} {count}")?;
        }
        Ok(())
    }
}

fn name(act: &Act) -> &'static str {
    match act {
        Act::Odds(_) => "odds",
        Act::Calm => "calm",
        Act::Die { .. } => "die",
        Act::Cancel => "cancel",
        Act::Pause => "pause",
        Act::Continue => "continue",
        Act::Tag { .. } => "tag",
        Act::Deed { deed, .. } => match deed {
            Deed::Scale { .. } => "scale",
            Deed::Deploy => "deploy",
            Deed::Redefine { .. } => "redefine",
            Deed::SetPercent { .. } => "percent",
            Deed::RollBack => "roll back",
            Deed::Delete => "delete",
            Deed::Rebalance => "rebalance",
        },
        Act::Tasks { mishap, .. } => match mishap {
            Mishap::Exits(_) => "exit",
            Mishap::StoppedByHand => "stop by hand",
            Mishap::SpotInterruption => "spot",
            Mishap::FailsHealthCheck | Mishap::Rebalanced => "another mishap",
        },
    }
}

fn code(cause: &Cause) -> String {
    let written = serde_json::to_value(cause).unwrap();
    let code = written["cause"].as_str().unwrap_or_default().to_owned();
    match cause {
        Cause::StepFailed { failure, .. } => format!("{code} ({})", failure.code),
        _ => code,
    }
}
