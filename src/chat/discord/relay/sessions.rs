//! How many sessions the token may still start today. Discord resets the token of who starts
//! more, so the last ones are not spent. A pure type: the time is handed in.
//!
//! What Discord tells is `session_start_limit` of `GET /gateway/bot`. Only an Identify costs a
//! session, not a Resume; before the handshake nobody can tell which of them it will be.

use std::time::{Duration, Instant};

/// With fewer than this many left, it is told.
const FEW: u32 = 100;
/// With this many left or fewer, no connection begins until they are reset.
const RESERVE: u32 = 10;
/// What Discord gives a bot, and for how long; counted with while Discord does not say.
const GIVEN: u32 = 1000;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What Discord says of the sessions that may be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sessions {
    pub total: u32,
    pub remaining: u32,
    /// How long until `remaining` is `total` again. Discord gives milliseconds.
    pub reset_after: Duration,
}

/// How the sessions stand, from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stand {
    Ample,
    Few,
    Spent,
}

#[derive(Debug)]
pub(super) struct Budget {
    known: Option<Known>,
    told: Stand,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    remaining: u32,
    resets: Instant,
}

impl Budget {
    pub fn new() -> Self {
        Self { known: None, told: Stand::Ample }
    }

    /// Takes what Discord said.
    pub fn heard(&mut self, now: Instant, sessions: Sessions) {
        let resets = now.checked_add(sessions.reset_after).unwrap_or(now);
        self.known = Some(Known { remaining: sessions.remaining, resets });
    }

    /// A connection begins and may start a session: one fewer, until Discord is heard again.
    pub fn begun(&mut self, now: Instant) {
        let known = self.valid(now).unwrap_or_else(|| {
            let resets = now.checked_add(DAY).unwrap_or(now);
            Known { remaining: GIVEN, resets }
        });
        self.known = Some(Known { remaining: known.remaining.saturating_sub(1), ..known });
    }

    /// How many are left, if that is known.
    pub fn remaining(&self, now: Instant) -> Option<u32> {
        self.valid(now).map(|known| known.remaining)
    }

    /// How long connections must wait, if they must.
    pub fn hold(&self, now: Instant) -> Option<Duration> {
        let known = self.valid(now).filter(|known| known.remaining <= RESERVE)?;
        Some(known.resets.saturating_duration_since(now))
    }

    /// How the sessions stand, if that is worse than what was told last: once for each step
    /// down, and anew after they were reset.
    pub fn worse(&mut self, now: Instant) -> Option<Stand> {
        let stand = match self.valid(now).map(|known| known.remaining) {
            Some(remaining) if remaining <= RESERVE => Stand::Spent,
            Some(remaining) if remaining < FEW => Stand::Few,
            Some(_) | None => Stand::Ample,
        };
        let worse = stand > self.told;
        self.told = stand;
        worse.then_some(stand)
    }

    /// What was heard, unless it has been reset since.
    fn valid(&self, now: Instant) -> Option<Known> {
        self.known.filter(|known| known.resets > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn left(remaining: u32) -> Sessions {
        Sessions { total: 1000, remaining, reset_after: HOUR }
    }

    #[test]
    fn each_step_down_is_told_once() {
        let (mut budget, now) = (Budget::new(), Instant::now());
        assert_eq!(budget.worse(now), None);
        let mut told = Vec::new();
        for remaining in [500, 100, 99, 98, 11, 10, 9, 0] {
            budget.heard(now, left(remaining));
            told.extend(budget.worse(now).map(|stand| (remaining, stand)));
        }
        assert_eq!(told, [(99, Stand::Few), (10, Stand::Spent)]);
        budget.heard(now, left(1000));
        assert_eq!(budget.worse(now), None);
        budget.heard(now, left(50));
        assert_eq!(budget.worse(now), Some(Stand::Few), "after a reset it is news again");
    }

    #[test]
    fn the_last_ten_wait_until_the_reset() {
        let (mut budget, now) = (Budget::new(), Instant::now());
        assert_eq!(budget.hold(now), None, "what is not known holds nobody");
        budget.heard(now, left(11));
        assert_eq!(budget.hold(now), None);
        budget.begun(now);
        assert_eq!(budget.hold(now + HOUR / 4), Some(HOUR * 3 / 4));
        assert_eq!(budget.hold(now + HOUR), None);
        assert_eq!(budget.remaining(now + HOUR), None);
    }
    #[test]
    fn while_discord_does_not_say_they_are_counted() {
        let (mut budget, now) = (Budget::new(), Instant::now());
        for _ in 0..990 {
            assert_eq!(budget.hold(now), None);
            budget.begun(now);
        }
        assert_eq!(budget.hold(now), Some(DAY));
        assert_eq!(budget.worse(now), Some(Stand::Spent));
        assert_eq!(budget.hold(now + DAY), None);
        budget.begun(now + DAY);
        assert_eq!(budget.remaining(now + DAY), Some(999));
    }
}
