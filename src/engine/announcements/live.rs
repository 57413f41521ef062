//! What announcements tell of, read at one moment. Whoever adds something that they should know
//! reads it here, and puts it into words in `report::live`.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{Timestamp, Zoned};

use super::super::Engine;
use super::super::problem::Problem;
use crate::domain::figures::{Figures, Period, figures};
use crate::domain::id::EnvironmentName;
use crate::report::Seen;

/// What figures are about where nothing else is asked for.
pub(in super::super) const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

impl Engine {
    /// Looks at everything about these environments. `since`: when this was told last.
    pub(in super::super) async fn see_live(
        &self,
        about: &[EnvironmentName],
        since: Option<Timestamp>,
        now: &Zoned,
    ) -> Result<Seen, Problem> {
        let mut environments = Vec::new();
        for name in about {
            environments.push(self.status_of(name, None).await?);
        }
        let all = self.parts.environments.iter();
        let pairs = all.filter_map(|one| Some((one.name.clone(), one.after.clone()?)));
        let order = pairs.filter(|(to, source)| about.contains(to) && about.contains(source));
        let here = |name: &EnvironmentName| about.contains(name);
        let from = match since {
            Some(since) => since,
            None => now.timestamp().checked_sub(WEEK).unwrap_or(Timestamp::MIN),
        };
        let store = &self.parts.store;
        let ended = store.ended_since(from).await?.into_iter();
        let open = store.open().await?.into_iter();
        Ok(Seen {
            order: order.collect(),
            ended: ended.filter(|one| here(&one.environment)).collect(),
            since,
            open: open.filter(|one| here(&one.plan.terms.environment)).collect(),
            figures: self.measure(about, WEEK, now).await?,
            environments,
        })
    }

    /// The figures of these environments until now: of those that no other comes after, which is
    /// where people use what was promoted.
    pub(in super::super) async fn measure(
        &self,
        about: &[EnvironmentName],
        length: Duration,
        now: &Zoned,
    ) -> Result<Figures, Problem> {
        let period = Period::last(length, now.timestamp());
        let before_others: BTreeSet<&EnvironmentName> =
            self.parts.environments.iter().filter_map(|one| one.after.as_ref()).collect();
        let counts = |name: &EnvironmentName| about.contains(name) && !before_others.contains(name);
        let outcomes = self.parts.store.ended_since(period.from).await?;
        Ok(figures(&outcomes, &counts, period, now.time_zone()))
    }
}
