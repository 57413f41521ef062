//! `freeze`, `unfreeze` and `freezes`: people close an environment beside its calendar, and open
//! it again. What that keeps from happening is the policies' to say.

use jiff::{Timestamp, Zoned};

use super::super::Engine;
use super::super::problem::Problem;
use super::Topic;
use crate::domain::command::{Command, FreezeEnvironment, Until};
use crate::domain::decision::{Decision, Unfreezing};
use crate::domain::deployment::Stage;
use crate::domain::freeze::{Closings, Freeze, Part, State};
use crate::domain::id::EnvironmentName;
use crate::domain::policy::Action;
use crate::domain::refusal::Refusal;
use crate::domain::words_of_time::{TimeError, When};
use crate::ports::{Said, StoreError};
use crate::report::{self, Freezing, Unfreezed};

/// Why an environment was not frozen.
enum Trouble {
    /// The moment that was named is none to come.
    Moment(TimeError),
    Problem(Problem),
}

impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Problem(error.into())
    }
}

impl Engine {
    pub(super) async fn freeze(&self, said: &Said, freeze: &FreezeEnvironment) {
        let command = Command::Freeze(freeze.clone());
        let environment = &freeze.environment;
        match self.try_freeze(said, freeze).await {
            Ok((freezing, now)) => {
                let card = report::frozen_card(&freezing, &now);
                self.answer_with(said, &command, &card).await;
                // It ends earlier, perhaps, than anything else.
                self.shared.reschedule.notify_one();
            }
            Err(Trouble::Moment(error)) => {
                self.misunderstood(said, &format!("{error}."), &[]).await;
            }
            Err(Trouble::Problem(problem)) => {
                self.explain(said, &topic(environment, command), problem).await;
            }
        }
    }

    /// With the time at which it was asked.
    async fn try_freeze(
        &self,
        said: &Said,
        wish: &FreezeEnvironment,
    ) -> Result<(Freezing, Zoned), Trouble> {
        let environment = &wish.environment;
        let person = self.person(&said.person).await?;
        let because = Some(wish.because.as_str());
        self.judge_decision(&person, Action::Freeze, environment, because).await?;
        let when = wish.until.map(|until| match until {
            Until::Moment(when) => when,
            Until::Length(length) => When::In(length),
        });
        // As exact as the journal keeps it: what is said is what stands there.
        let now = self.local_time(Some(environment));
        let exact = Timestamp::from_millisecond(now.timestamp().as_millisecond());
        let now = exact.map_or(now.clone(), |exact| exact.to_zoned(now.time_zone().clone()));
        // A message that is handled again has its freeze already.
        if !self.has_decided(said, environment).await? {
            let until = when.map(|when| Self::moment_meant(said, &when, &now));
            let until = until.transpose().map_err(Trouble::Moment)?;
            let decision = Decision::Frozen {
                environment: environment.clone(),
                by: person.id.clone(),
                because: wish.because.clone(),
                until: until.map(|until| until.timestamp()),
                channel: self.told_in(said, environment),
                asked_in: said.message.clone(),
            };
            self.parts.store.decide(decision, now.timestamp()).await?;
            tracing::info!(%environment, person = %said.person, "frozen");
        }
        self.obstacles_changed(environment).await;
        let mut freezing = Freezing {
            environment: environment.clone(),
            people: self.frozen_by_people(environment).await?,
            by: person.id,
            waiting: Vec::new(),
            running: Vec::new(),
        };
        for deployment in self.parts.store.open().await? {
            if deployment.plan.terms.environment != *environment {
                continue;
            }
            match deployment.stage {
                Stage::Running(_) => freezing.running.push(deployment.id),
                Stage::Waiting | Stage::Queued { .. } => {
                    if self.obstacle(&deployment).await?.is_some() {
                        freezing.waiting.push(deployment.id);
                    }
                }
                Stage::Ended(_) => {}
            }
        }
        Ok((freezing, now))
    }

    pub(super) async fn unfreeze(
        &self,
        said: &Said,
        environment: &EnvironmentName,
        because: Option<&String>,
    ) {
        let command =
            Command::Unfreeze { environment: environment.clone(), because: because.cloned() };
        match self.try_unfreeze(said, environment, because).await {
            Ok(unfreezed) => {
                let card = report::unfrozen_card(&unfreezed, &self.local_time(Some(environment)));
                self.answer_with(said, &command, &card).await;
            }
            Err(problem) => self.explain(said, &topic(environment, command), problem).await,
        }
    }

    async fn try_unfreeze(
        &self,
        said: &Said,
        environment: &EnvironmentName,
        because: Option<&String>,
    ) -> Result<Unfreezed, Problem> {
        let person = self.person(&said.person).await?;
        let reason = because.map(String::as_str);
        self.judge_decision(&person, Action::Freeze, environment, reason).await?;
        self.end_freezes().await?;
        let mut ended: Vec<Freeze> = Vec::new();
        for freeze in self.frozen_by_people(environment).await? {
            let decision = Decision::Unfrozen {
                environment: environment.clone(),
                freeze: freeze.decision,
                of: freeze.by.clone(),
                why: Unfreezing::Lifted {
                    by: person.id.clone(),
                    because: because.cloned(),
                    asked_in: said.message.clone(),
                },
            };
            // Somebody else may have been quicker.
            if self.parts.store.decide(decision, self.parts.clock.now()).await? {
                tracing::info!(%environment, person = %said.person, "unfrozen");
                ended.push(freeze);
            }
        }
        let (place, _) = self.place(environment)?;
        let still = self.state_of(place, Part::Whole).await?;
        // A message that is handled again has ended them already.
        if ended.is_empty() && !self.has_decided(said, environment).await? {
            let environment = environment.clone();
            return Err(match still {
                State::Open => Refusal::NotFrozen { environment },
                State::Closed(closed) => {
                    Refusal::FrozenByCalendar { environment, reason: closed.reason }
                }
            }
            .into());
        }
        self.obstacles_changed(environment).await;
        self.shared.reschedule.notify_one();
        Ok(Unfreezed { environment: environment.clone(), by: person.id, ended, still })
    }

    pub(super) async fn freezes(&self, said: &Said, environment: Option<&EnvironmentName>) {
        let read = async {
            let mut told = Vec::new();
            for name in self.readable(said, environment).await? {
                let freezes = self.freezes_of(&name).await;
                told.push(freezes.map_err(|problem| (name, problem))?);
            }
            Ok(told)
        };
        match read.await {
            Ok(told) => {
                let command = Command::Freezes { environment: environment.cloned() };
                let told: Vec<_> = told
                    .into_iter()
                    .map(|one| {
                        let now = self.local_time(Some(&one.environment));
                        (one, now)
                    })
                    .collect();
                self.answer_with(said, &command, &report::freezes_card(&told)).await;
            }
            Err((environment, problem)) => {
                let topic = Topic { action: Action::Read, environment, what: None, command: None };
                self.explain(said, &topic, problem).await;
            }
        }
    }

    /// What closes an environment, and what will.
    pub(super) async fn freezes_of(
        &self,
        name: &EnvironmentName,
    ) -> Result<report::Freezes, Problem> {
        let (environment, _) = self.place(name)?;
        let people = self.frozen_by_people(name).await?;
        let closings = Closings { calendar: &environment.calendar, people: &people };
        let now = self.parts.clock.now();
        let state = closings.state(Part::Whole, now);
        let opening = match &state {
            State::Open => Some(now),
            State::Closed(closed) => closed.until,
        };
        let next = opening.and_then(|opening| closings.next_closing(Part::Whole, opening));
        let mut parts = Vec::new();
        for service in &environment.services {
            let only = [service.name.clone()].into();
            match closings.state(Part::Services(&only), now) {
                State::Closed(closed) if state == State::Open => {
                    parts.push((service.name.clone(), closed));
                }
                State::Open | State::Closed(_) => {}
            }
        }
        Ok(report::Freezes { environment: name.clone(), state, people, next, parts })
    }

    /// Whether this message was handled before, and what it wanted was decided.
    async fn has_decided(
        &self,
        said: &Said,
        environment: &EnvironmentName,
    ) -> Result<bool, Problem> {
        Ok(self.decided_by(said, environment).await?.is_some())
    }
}

fn topic(environment: &EnvironmentName, command: Command) -> Topic {
    Topic {
        action: Action::Freeze,
        environment: environment.clone(),
        what: None,
        command: Some(command),
    }
}
