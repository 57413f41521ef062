//! Which schedule is due next, of however many: a heap of the next time of each. Pure: the time
//! is handed in, and what is due is only told. What was settled before a start is told to it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::Duration;

use jiff::Timestamp;

use super::schedule::{ScheduleKey, Timing};

/// So many times that went by are counted one by one.
const COUNTED: u32 = 10_000;

/// The next time of each schedule.
#[derive(Debug, Default)]
pub struct Timetable {
    entries: HashMap<ScheduleKey, Entry>,
    /// What stands here with another stamp than its entry's was changed or removed since.
    heap: BinaryHeap<Reverse<(Timestamp, u64, ScheduleKey)>>,
    stamp: u64,
}

#[derive(Debug)]
struct Entry {
    timing: Timing,
    grace: Duration,
    stamp: u64,
}

/// A schedule whose time has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    pub schedule: ScheduleKey,
    /// The newest of its times that have come.
    pub at: Timestamp,
    /// Whether it may still be announced.
    pub in_time: bool,
    /// How many of its times before that have come as well, and are not made up for.
    pub skipped: u32,
}

impl Timetable {
    /// Adds a schedule, or changes it. Its times up to and with `settled` are dealt with.
    pub fn set(
        &mut self,
        schedule: ScheduleKey,
        timing: Timing,
        grace: Duration,
        settled: Timestamp,
    ) {
        self.stamp += 1;
        let next = timing.next_after(settled);
        self.entries.insert(schedule.clone(), Entry { timing, grace, stamp: self.stamp });
        if let Some(next) = next {
            self.heap.push(Reverse((next, self.stamp, schedule)));
        }
    }

    pub fn remove(&mut self, schedule: &ScheduleKey) {
        self.entries.remove(schedule);
    }

    /// How many schedules there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// When the next schedule is due.
    pub fn next_due(&mut self) -> Option<Timestamp> {
        while let Some(Reverse((at, stamp, schedule))) = self.heap.peek() {
            if self.entries.get(schedule).is_some_and(|entry| entry.stamp == *stamp) {
                return Some(*at);
            }
            self.heap.pop();
        }
        None
    }

    /// A schedule whose time has come, and which is not due again before its next time.
    pub fn take_due(&mut self, now: Timestamp) -> Option<Due> {
        if self.next_due()? > now {
            return None;
        }
        let Reverse((first, stamp, schedule)) = self.heap.pop()?;
        let entry = self.entries.get(&schedule)?;
        let (at, skipped, next) = entry.newest(first, now);
        if let Some(next) = next {
            self.heap.push(Reverse((next, stamp, schedule.clone())));
        }
        let late = Duration::try_from(now.duration_since(at)).unwrap_or_default();
        Some(Due { schedule, at, in_time: late <= entry.grace, skipped })
    }
}

impl Entry {
    /// The newest time up to now, how many came before it, beginning with `first`, and which is the
    /// next.
    fn newest(&self, first: Timestamp, now: Timestamp) -> (Timestamp, u32, Option<Timestamp>) {
        let (mut newest, mut skipped) = (first, 0_u32);
        loop {
            match self.timing.next_after(newest) {
                Some(next) if next <= now => {
                    newest = next;
                    skipped = skipped.saturating_add(1);
                    if skipped == COUNTED {
                        // After years of nothing it matters only whether one is in time.
                        newest = self.first_in_time(now).unwrap_or(newest);
                    }
                }
                next => return (newest, skipped, next),
            }
        }
    }

    fn first_in_time(&self, now: Timestamp) -> Option<Timestamp> {
        let from = now.checked_sub(self.grace).ok()?;
        self.timing.next_after(from).filter(|time| *time <= now)
    }
}
