//! Faults at random: which calls meet which fault follows from a seed, the operation and how often
//! it has been called. The same calls meet the same faults, in whatever order other operations are
//! called in between. Must not know what the faults do.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::faults::FaultKind;

/// How likely each kind of fault is for a call, from 0 to 1. A call meets one of them at most, so
/// that together they are at most 1.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Odds {
    pub seed: u64,
    pub throttle: f64,
    pub server_error: f64,
    pub unavailable: f64,
    pub delay: f64,
    /// How long a delay is.
    pub delay_millis: u64,
    pub reset_before: f64,
    pub reset_after: f64,
    pub lose_answer: f64,
    pub cut_answer: f64,
    /// The operations that it holds for; all, where it is empty.
    pub operations: Vec<String>,
}

impl Odds {
    fn kinds(&self) -> [(f64, FaultKind); 8] {
        [
            (self.throttle, FaultKind::Throttle),
            (self.server_error, FaultKind::ServerError),
            (self.unavailable, FaultKind::Unavailable),
            (self.delay, FaultKind::Delay { millis: self.delay_millis }),
            (self.reset_before, FaultKind::ResetBefore),
            (self.reset_after, FaultKind::ResetAfter),
            (self.lose_answer, FaultKind::LoseAnswer),
            (self.cut_answer, FaultKind::CutAnswer),
        ]
    }

    /// What cannot be meant.
    pub(super) fn check(&self) -> Result<(), String> {
        let odds = self.kinds().map(|(odds, _)| odds);
        if odds.iter().any(|odds| !(0.0..=1.0).contains(odds)) || odds.iter().sum::<f64>() > 1.0 {
            return Err("each of the odds, and their sum, must lie between 0 and 1".to_owned());
        }
        match self.operations.iter().find(|name| !super::is_operation(name)) {
            Some(unknown) => Err(format!("no operation is named {unknown}")),
            None => Ok(()),
        }
    }

    /// What the call of an operation with that number meets.
    fn meet(&self, operation: &str, number: u64) -> Option<FaultKind> {
        let concerned =
            self.operations.is_empty() || self.operations.iter().any(|one| one == operation);
        if !concerned {
            return None;
        }
        let mut drawn = draw(self.seed, operation, number);
        for (odds, kind) in self.kinds() {
            if drawn < odds {
                return Some(kind);
            }
            drawn -= odds;
        }
        None
    }
}

/// A number from 0 up to 1 that depends on nothing else.
fn draw(seed: u64, operation: &str, number: u64) -> f64 {
    let name = operation.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let mixed = mix(mix(mix(seed) ^ name) ^ number);
    // What a double holds exactly.
    (mixed >> 11) as f64 / (1_u64 << 53) as f64
}

/// One step of SplitMix64: nearby numbers become unlike.
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The odds that hold, and the calls that they have been drawn for.
#[derive(Default)]
pub(super) struct Chance {
    odds: Option<Odds>,
    calls: HashMap<String, u64>,
}

impl Chance {
    /// Takes new odds, and counts the calls anew.
    pub(super) fn set(&mut self, odds: Option<Odds>) {
        self.odds = odds;
        self.calls.clear();
    }

    /// What the next call of an operation meets.
    pub(super) fn meet(&mut self, operation: &str) -> Option<FaultKind> {
        let odds = self.odds.as_ref()?;
        let number = self.calls.entry(operation.to_owned()).or_default();
        *number += 1;
        odds.meet(operation, *number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_depends_on_seed_operation_and_number_alone() {
        let odds = Odds { seed: 7, throttle: 0.5, reset_after: 0.1, ..Odds::default() };
        let met = |seed: u64, operation: &str| -> Vec<Option<FaultKind>> {
            let mut chance = Chance::default();
            chance.set(Some(Odds { seed, ..odds.clone() }));
            (0..1_000)
                .map(|_| {
                    chance.meet("Other");
                    chance.meet(operation)
                })
                .collect()
        };
        assert_eq!(met(7, "StopTask"), met(7, "StopTask"));
        assert_ne!(met(7, "StopTask"), met(8, "StopTask"));
        assert_ne!(met(7, "StopTask"), met(7, "ListTasks"));
        let count =
            |kind: &Option<FaultKind>| met(7, "StopTask").iter().filter(|one| *one == kind).count();
        let throttled = count(&Some(FaultKind::Throttle));
        let reset = count(&Some(FaultKind::ResetAfter));
        assert!(
            (450..550).contains(&throttled) && (70..130).contains(&reset),
            "{throttled} {reset}"
        );
        assert_eq!(throttled + reset + count(&None), 1_000);
    }

    #[test]
    fn odds_that_cannot_be_are_refused() {
        let fine = Odds { throttle: 0.5, server_error: 0.5, ..Odds::default() };
        assert_eq!(fine.check(), Ok(()));
        for odd in [
            Odds { throttle: 0.6, server_error: 0.5, ..Odds::default() },
            Odds { throttle: -0.1, ..Odds::default() },
            Odds { throttle: f64::NAN, ..Odds::default() },
            Odds { operations: vec!["StopTaks".to_owned()], ..Odds::default() },
        ] {
            assert!(odd.check().is_err(), "{odd:?}");
        }
    }
}
