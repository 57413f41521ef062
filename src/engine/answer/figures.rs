//! `figures`: how well deploying has gone lately, out of the journal.

use std::time::Duration;

use super::super::Engine;
use super::super::announcements::WEEK;
use super::Topic;
use crate::domain::command::Command;
use crate::domain::policy::Action;
use crate::ports::Said;
use crate::report;

/// All that is asked for is read at once.
const YEAR: Duration = Duration::from_secs(366 * 24 * 3600);

impl Engine {
    /// Of the last week, where no other length is asked for.
    pub(super) async fn figures(&self, said: &Said, length: Option<Duration>) {
        if length.is_some_and(|length| length > YEAR) {
            let why = "Figures go back for a year at most.";
            return self.misunderstood(said, why, &["figures last 365 days".to_owned()]).await;
        }
        let now = self.zoned(&self.chat_zone());
        let measured = async {
            let counted = self.counted(&self.readable(said, None).await?);
            let measured = self.measure(&counted, length.unwrap_or(WEEK), &now).await;
            Ok((measured.map_err(|problem| ("any".into(), problem))?, counted))
        };
        match measured.await {
            Ok((figures, counted)) => {
                let card = report::figures_card(&figures, &counted);
                self.answer_with(said, &Command::Figures { length }, &card).await;
            }
            Err((environment, problem)) => {
                let topic = Topic { action: Action::Read, environment, what: None, command: None };
                self.explain(said, &topic, problem).await;
            }
        }
    }
}
