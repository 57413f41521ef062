//! `history`: the newest deployments, out of the journal.

use super::super::Engine;
use super::super::problem::Problem;
use super::Topic;
use crate::domain::command::Command;
use crate::domain::decision::RecordedDecision;
use crate::domain::id::EnvironmentName;
use crate::domain::policy::Action;
use crate::ports::{Said, StoreError, Summary};
use crate::report;

/// How many deployments a history shows.
const SHOWN: u32 = 10;

/// How many decisions it shows beside them, out of so many.
const DECISIONS_SHOWN: usize = 5;
const DECISIONS_READ: u32 = 50;

impl Engine {
    pub(super) async fn history(&self, said: &Said, environment: Option<&EnvironmentName>) {
        let shown = self.try_history(said, environment).await;
        let command = Command::History { environment: environment.cloned() };
        match shown {
            Ok((entries, decisions)) => {
                let now = self.local_time(environment);
                let card = report::history_card(environment, &entries, &decisions, &now);
                self.answer_with(said, &command, &card).await;
            }
            Err((topic, problem)) => self.explain(said, &topic, problem).await,
        }
    }

    async fn try_history(
        &self,
        said: &Said,
        environment: Option<&EnvironmentName>,
    ) -> Result<(Vec<report::Entry>, Vec<RecordedDecision>), (Topic, Problem)> {
        let topic = |name: &EnvironmentName| Topic {
            action: Action::Read,
            environment: name.clone(),
            what: None,
            command: None,
        };
        let readable = self
            .readable(said, environment)
            .await
            .map_err(|(name, problem)| (topic(&name), problem))?;
        let unread = |error: StoreError| {
            let name = environment.cloned().unwrap_or_else(|| EnvironmentName::new("any"));
            (topic(&name), error.into())
        };
        let history = self.parts.store.history(environment, SHOWN).await.map_err(unread)?;
        let decisions = self.parts.store.decisions(DECISIONS_READ).await.map_err(unread)?;
        let visible = history.into_iter().filter(|one| readable.contains(&one.environment));
        // A ban is about every environment.
        let about = decisions.into_iter().filter(|one| {
            let environment = one.decision.environment();
            environment.map_or(!readable.is_empty(), |environment| readable.contains(environment))
        });
        Ok((visible.map(entry).collect(), about.take(DECISIONS_SHOWN).collect()))
    }

    /// The environments that a person may look at: the one that is named, which is an error
    /// where it may not be looked at, or all that may.
    pub(in super::super) async fn readable(
        &self,
        said: &Said,
        environment: Option<&EnvironmentName>,
    ) -> Result<Vec<EnvironmentName>, (EnvironmentName, Problem)> {
        let all: Vec<EnvironmentName> =
            self.parts.environments.iter().map(|one| one.name.clone()).collect();
        let all =
            all.into_iter().filter(|name| self.may_be_spoken_of(said, name).is_ok()).collect();
        let asked = environment.map_or(all, |one| vec![one.clone()]);
        let Some(first) = asked.first().cloned() else { return Ok(Vec::new()) };
        let person = self.person(&said.person).await.map_err(|problem| (first, problem))?;
        let mut readable = Vec::new();
        for name in asked {
            match self.judge_reading(&person, &name).await {
                Ok(_) => readable.push(name),
                Err(Problem::Denied(_)) if environment.is_none() => {}
                Err(problem) => return Err((name, problem)),
            }
        }
        Ok(readable)
    }
}

/// A deployment of the journal, as a list shows it.
pub(super) fn entry(one: Summary) -> report::Entry {
    report::Entry {
        id: one.id,
        environment: one.environment,
        stage: one.stage,
        names: one.names,
        rollback: one.rollback,
        requester: one.requester,
        requested_at: one.requested_at,
        ended_at: one.ended_at,
    }
}
