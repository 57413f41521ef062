//! A lock: a person closes an environment to others, until somebody lifts it or its time is
//! over. What it keeps from happening is the policies' to say.

use std::time::Duration;

use jiff::Timestamp;

use super::id::{ChannelId, EnvironmentName, PersonId};

/// A lock that was set and not lifted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    pub environment: EnvironmentName,
    /// The decision by which it was set or last changed. It tells a lock from the next one.
    pub decision: u64,
    pub by: PersonId,
    pub because: String,
    /// When this person locked the environment.
    pub since: Timestamp,
    /// When they last said so.
    pub said_at: Timestamp,
    /// When it ends by itself; `None`: never.
    pub until: Option<Timestamp>,
    /// Where its end is told.
    pub channel: ChannelId,
    /// When its holder was last asked whether it is still needed.
    pub asked_at: Option<Timestamp>,
}

impl Lock {
    /// Whether its time is not over yet.
    pub fn stands_at(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// When its holder is to be asked whether it is still needed: so long after they last said
    /// so, or were last asked. `None`: it ends by itself before that.
    pub fn ask_at(&self, after: Duration) -> Option<Timestamp> {
        let last = self.asked_at.map_or(self.said_at, |asked| asked.max(self.said_at));
        let due = last.checked_add(after).ok()?;
        self.until.is_none_or(|until| due < until).then_some(due)
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn at(hour: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hour)
    }

    fn lock(until: Option<i64>, asked_at: Option<i64>) -> Lock {
        Lock {
            environment: "staging".into(),
            decision: 1,
            by: "alice".into(),
            because: "a load test".to_owned(),
            since: at(0),
            said_at: at(1),
            until: until.map(at),
            channel: "ops".into(),
            asked_at: asked_at.map(at),
        }
    }

    #[test]
    fn it_stands_until_its_time_is_over() {
        assert!(lock(None, None).stands_at(at(1000)));
        assert!(lock(Some(5), None).stands_at(at(4)));
        assert!(!lock(Some(5), None).stands_at(at(5)));
    }

    #[test]
    fn its_holder_is_asked_once_in_an_interval() {
        let eight = Duration::from_secs(8 * 3600);
        assert_eq!(lock(None, None).ask_at(eight), Some(at(9)));
        assert_eq!(lock(None, Some(9)).ask_at(eight), Some(at(17)));
        assert_eq!(lock(Some(12), None).ask_at(eight), Some(at(9)));
        assert_eq!(lock(Some(9), None).ask_at(eight), None);
        // Said again since it was asked.
        assert_eq!(lock(None, Some(0)).ask_at(eight), Some(at(9)));
    }
}
