//! `figures`: how well deploying has gone lately, out of the journal.

use std::time::Duration;

use super::super::Engine;
use super::super::announcements::WEEK;
use super::Topic;
use crate::domain::command::Command;
use crate::domain::policy::Action;
use crate::ports::Said;
use crate::report;

impl Engine {
    /// Of the last week, where no other length is asked for.
    pub(super) async fn figures(&self, said: &Said, length: Option<Duration>) {
        let now = self.zoned(&self.chat_zone());
        let measured = async {
            let about = self.readable(said, None).await?;
            let measured = self.measure(&about, length.unwrap_or(WEEK), &now).await;
            measured.map_err(|problem| ("any".into(), problem))
        };
        match measured.await {
            Ok(figures) => {
                let card = report::figures_card(&figures);
                self.answer_with(said, &Command::Figures { length }, &card).await;
            }
            Err((environment, problem)) => {
                let topic = Topic { action: Action::Read, environment, what: None, command: None };
                self.explain(said, &topic, problem).await;
            }
        }
    }
}
