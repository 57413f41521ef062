//! `preview morning`: what would be announced now, for the person who asks alone.

use super::super::Engine;
use super::super::problem::Problem;
use super::Topic;
use crate::domain::id::EnvironmentName;
use crate::domain::policy::Action;
use crate::domain::schedule::{Content, ReadyMade, Schedule, ScheduleKey};
use crate::ports::Said;
use crate::report;

impl Engine {
    /// `key`: a schedule, or a template that ships.
    pub(super) async fn preview(&self, said: &Said, key: &ScheduleKey) {
        if let Err((environment, problem)) = self.try_preview(said, key).await {
            let action = Action::Read;
            let topic = Topic { action, environment, what: None, command: None };
            self.explain(said, &topic, problem).await;
        }
    }

    async fn try_preview(
        &self,
        said: &Said,
        key: &ScheduleKey,
    ) -> Result<(), (EnvironmentName, Problem)> {
        let name = key.to_string();
        let any = |problem: Problem| (EnvironmentName::new("any"), problem);
        let mut about = self.readable(said, None).await?;
        let all = self.visible(said).await?;
        let schedule = all.iter().find(|one| one.schedule.key == *key).map(|one| &one.schedule);
        let content = match (schedule, ReadyMade::named(&name)) {
            (Some(Schedule { content, .. }), _) => content.clone(),
            (None, Some(ready)) => Content::ReadyMade(ready),
            (None, None) => {
                let own: Vec<ScheduleKey> =
                    all.iter().map(|one| one.schedule.key.clone()).collect();
                self.whisper(said, &report::no_such_template_card(&name, &own)).await;
                return Ok(());
            }
        };
        let mut since = None;
        if let Some(listed) = all.iter().find(|one| one.schedule.key == *key) {
            // As it would be where it is announced.
            let there = self.spoken_of_in(&listed.channel, listed.schedule.environments.as_ref());
            about.retain(|name| there.contains(name));
            let now = self.parts.clock.now();
            since = self
                .parts
                .store
                .announced_before(key, now)
                .await
                .map_err(|error| any(error.into()))?;
        }
        // The train that it would be is the next one.
        let next = all.iter().find(|one| one.schedule.key == *key).and_then(|one| one.next);
        let by = schedule.map(|one| (one, next.unwrap_or_else(|| self.parts.clock.now())));
        let zone = schedule.map_or_else(|| self.chat_zone(), |schedule| schedule.zone.clone());
        let now = self.zoned(&zone);
        let template = match content {
            Content::Said(text) => {
                let by = schedule.and_then(|schedule| schedule.made.as_ref()).map(|made| &made.by);
                self.whisper(said, &report::said_card(&text, by)).await;
                return Ok(());
            }
            Content::ReadyMade(ready) => report::Text::from(ready),
            Content::Template { name, text } => report::Text { name, text },
        };
        let seen = Box::pin(self.see_live(&about, since, by, &now)).await.map_err(any)?;
        let made = self.made_of(&template, &seen, &now).map(|announcement| announcement.card);
        let card = made.unwrap_or_else(|| report::nothing_card(&name));
        self.whisper(said, &card).await;
        Ok(())
    }
}
