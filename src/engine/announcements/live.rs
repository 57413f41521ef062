//! What announcements tell of, read at one moment. Whoever adds something that they should know
//! reads it here, and puts it into words in `report::live`.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{Timestamp, Zoned};

use super::super::Engine;
use super::super::problem::Problem;
use crate::domain::figures::{Figures, Period, figures};
use crate::domain::id::EnvironmentName;
use crate::domain::schedule::{LEASE, LEAVES, SOON, Schedule};
use crate::report::Seen;

/// What figures are about where nothing else is asked for.
pub(in super::super) const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

/// So long an environment is looked at; then nothing is known of it, which is told. Once its turn
/// has come, an announcement is made in less time than it is claimed for.
const LOOK_AT_MOST: Duration = Duration::from_secs(30);
const _: () = assert!(LOOK_AT_MOST.as_secs() * 2 <= LEASE.as_secs());

impl Engine {
    /// Looks at everything about these environments. `since`: when this was told last;
    /// `by`: the schedule by which it is told, if any, and its time.
    pub(in super::super) async fn see_live(
        &self,
        about: &[EnvironmentName],
        since: Option<Timestamp>,
        by: Option<(&Schedule, Timestamp)>,
        now: &Zoned,
    ) -> Result<Seen, Problem> {
        let looks = about.iter().map(|name| self.status_of(name, None, Some(LOOK_AT_MOST)));
        let environments = futures::future::try_join_all(looks).await?;
        let all = || self.parts.environments.iter();
        let zones = all().map(|one| (one.name.clone(), one.timezone.clone()));
        let pairs = all().filter_map(|one| Some((one.name.clone(), one.after.clone()?)));
        let order = pairs.filter(|(to, source)| about.contains(to) && about.contains(source));
        let here = |name: &EnvironmentName| about.contains(name);
        let from = match since {
            Some(since) => since,
            None => now.timestamp().checked_sub(WEEK).unwrap_or(Timestamp::MIN),
        };
        let counted = self.counted(about);
        let store = &self.parts.store;
        let ended = store.ended_since(from).await?.into_iter();
        // What ended after it was due is told the next time, which begins there.
        let ended = ended.filter(|one| by.is_none_or(|(_, due)| one.ended_at < due));
        let open = store.open().await?.into_iter();
        Ok(Seen {
            order: order.collect(),
            zones: zones.collect(),
            ended: ended.filter(|one| here(&one.environment)).collect(),
            since,
            open: open.filter(|one| here(&one.plan.terms.environment)).collect(),
            figures: self.measure(&counted, WEEK, now).await?,
            counted,
            lock_is_old_after: self.parts.manners.ask_about_locks_after.unwrap_or(Duration::MAX),
            soon: by.map_or(SOON, |(schedule, _)| schedule.timing.soon()),
            leaves: by.map_or(LEAVES, |(schedule, _)| schedule.leaves),
            due: by.map_or(now.timestamp(), |(_, due)| due),
            environments,
        })
    }

    /// Of these environments those whose figures count: no other comes after them, so that people
    /// use what was promoted there.
    pub(in super::super) fn counted(&self, about: &[EnvironmentName]) -> Vec<EnvironmentName> {
        let before_others: BTreeSet<&EnvironmentName> =
            self.parts.environments.iter().filter_map(|one| one.after.as_ref()).collect();
        about.iter().filter(|name| !before_others.contains(name)).cloned().collect()
    }

    /// The figures of these environments together, until now.
    pub(in super::super) async fn measure(
        &self,
        counted: &[EnvironmentName],
        length: Duration,
        now: &Zoned,
    ) -> Result<Figures, Problem> {
        let period = Period::last(length, now.timestamp());
        let counts = |name: &EnvironmentName| counted.contains(name);
        let outcomes = self.parts.store.ended_since(period.from).await?;
        Ok(figures(&outcomes, &counts, period, now.time_zone()))
    }
}
