//! `lock`, `unlock` and `locks`: a person closes environments to others, and opens them again.
//! What that keeps from happening is the policies' to say.

use std::collections::BTreeSet;

use super::super::Engine;
use super::super::problem::Problem;
use super::Topic;
use crate::domain::card::Card;
use crate::domain::command::{Command, LockEnvironments, Scope};
use crate::domain::decision::{Decision, LockBefore, Unlocking};
use crate::domain::deployment::Stage;
use crate::domain::id::{ChannelId, EnvironmentName, PersonId};
use crate::domain::lock::Lock;
use crate::domain::policy::{Action, Facts, Person};
use crate::domain::refusal::Refusal;
use crate::ports::{Place, Said};
use crate::report::{self, LockHow, Locked, Unlocked};

/// What became of a lock on one environment.
enum Attempt {
    /// It stands.
    Mine(Lock, LockHow),
    /// Somebody else's stands there, and stays.
    Theirs(Lock),
    /// It has ended already.
    Over,
}

/// What an unlocking found in one environment.
enum Found {
    /// That of this person.
    Lifted(PersonId),
    /// Somebody else's, which stays.
    Theirs(Lock),
    Nothing,
}

impl Engine {
    pub(super) async fn lock(&self, said: &Said, lock: &LockEnvironments) {
        let command = Command::Lock(lock.clone());
        match self.try_lock(said, lock).await {
            Ok(locked) => {
                let card = report::locked_card(&locked, &self.local_time(only(&lock.scope)));
                self.answer_with(said, &command, &card).await;
                let set = locked.set.iter().map(|(lock, _)| &lock.environment);
                self.tell_everybody(said, set, &card).await;
            }
            Err((environment, problem)) => {
                let topic = Topic { action: Action::Lock, environment, what: None, command: None };
                self.explain(said, &topic, problem).await;
            }
        }
    }

    async fn try_lock(
        &self,
        said: &Said,
        lock: &LockEnvironments,
    ) -> Result<Locked, (EnvironmentName, Problem)> {
        let mut locked = Locked::default();
        let mut problems = Vec::new();
        for environment in self.within(said, &lock.scope) {
            match self.lock_one(said, lock, &environment).await {
                Ok(Attempt::Mine(lock, how)) => locked.set.push((lock, how)),
                Ok(Attempt::Theirs(lock)) => locked.theirs.push(lock),
                Ok(Attempt::Over) => {}
                // The others can be locked all the same.
                Err(problem) => problems.push((environment, problem)),
            }
        }
        if locked.set.is_empty() && locked.theirs.is_empty() && !problems.is_empty() {
            return Err(problems.remove(0));
        }
        for (environment, problem) in problems {
            tracing::warn!(%environment, ?problem, "not locked with the others");
            match problem {
                Problem::Denied(_) => locked.denied.push(environment),
                Problem::Refused(_) | Problem::Undecided(_) => locked.undecided.push(environment),
            }
        }
        let set: Vec<EnvironmentName> =
            locked.set.iter().map(|(lock, _)| lock.environment.clone()).collect();
        for environment in set {
            if let Err(problem) = self.note_what_it_meets(&environment, &mut locked).await {
                tracing::warn!(%environment, ?problem, "what the lock meets is not known");
            }
            // Whoever took a lock over may have plans of their own in the queue.
            self.obstacles_changed(&environment).await;
        }
        // It may end, or be asked about, earlier than anything else.
        self.shared.reschedule.notify_one();
        Ok(locked)
    }

    /// Locks one environment, and decides anew where somebody else was quicker.
    async fn lock_one(
        &self,
        said: &Said,
        wish: &LockEnvironments,
        environment: &EnvironmentName,
    ) -> Result<Attempt, Problem> {
        let person = self.person(&said.person).await?;
        // It counts from when it was said, however late it is heard.
        let now = self.parts.clock.now();
        let said_at = said.at.map_or(now, |at| at.min(now));
        let until = wish.length.and_then(|length| said_at.checked_add(length).ok());
        if until.is_some_and(|until| until <= now) {
            return Ok(Attempt::Over);
        }
        loop {
            self.end_locks().await?;
            let standing = self.standing_lock(environment).await?;
            let theirs = standing.as_ref().filter(|lock| lock.by != person.id);
            // It is done, now or before the process that did it died.
            if let Some(how) = self.locked_by_message(said, environment).await? {
                return Ok(match (theirs.cloned(), standing) {
                    (Some(theirs), _) => Attempt::Theirs(theirs),
                    (None, Some(mine)) => Attempt::Mine(mine, how),
                    (None, None) => Attempt::Over,
                });
            }
            if let (Some(lock), Scope::Everything) = (theirs, &wish.scope) {
                return Ok(Attempt::Theirs(lock.clone()));
            }
            self.may_lock(&person, environment, &wish.because).await?;
            let decision = Decision::Locked {
                environment: environment.clone(),
                by: person.id.clone(),
                because: wish.because.clone(),
                until,
                channel: self.told_in(said, environment),
                asked_in: said.message.clone(),
                over: standing.map(|lock| LockBefore { lock: lock.decision, by: lock.by }),
            };
            if self.parts.store.decide(decision, self.parts.clock.now()).await? {
                tracing::info!(%environment, person = %said.person, "locked");
            }
        }
    }

    /// Whether the policies let a person lock an environment. Taking a lock over is lifting it
    /// and locking anew: who may do both may do that.
    async fn may_lock(
        &self,
        person: &Person,
        environment: &EnvironmentName,
        because: &str,
    ) -> Result<(), Problem> {
        let because = Some(because);
        let judged = self.judge_decision(person, Action::Lock, environment, because).await;
        let Err(Problem::Denied(denial)) = judged else { return judged };
        let given = |facts: &mut Facts| facts.reason_given = true;
        if self.kept_out_by(person, Action::Lock, environment, given).await?.is_none() {
            return Err(Problem::Denied(denial));
        }
        match self.judge_decision(person, Action::Unlock, environment, because).await {
            Err(Problem::Denied(_)) => Err(Problem::Denied(denial)),
            judged => judged,
        }
    }

    /// What this message has made of an environment's lock already, if it was handled before.
    async fn locked_by_message(
        &self,
        said: &Said,
        environment: &EnvironmentName,
    ) -> Result<Option<LockHow>, Problem> {
        Ok(self.decided_by(said, environment).await?.and_then(|decision| match decision {
            Decision::Locked { by, over, .. } => Some(LockHow::over(&by, over.as_ref())),
            Decision::Unlocked { .. }
            | Decision::Banned { .. }
            | Decision::Unbanned { .. }
            | Decision::HoldReleased { .. }
            | Decision::ReservationEnded { .. }
            | Decision::Frozen { .. }
            | Decision::Unfrozen { .. } => None,
        }))
    }

    /// What runs in an environment, and what has to wait now that it is locked.
    async fn note_what_it_meets(
        &self,
        environment: &EnvironmentName,
        locked: &mut Locked,
    ) -> Result<(), Problem> {
        for deployment in self.parts.store.open().await? {
            if deployment.plan.terms.environment != *environment {
                continue;
            }
            match deployment.stage {
                Stage::Running(_) => locked.running.push(deployment.id),
                Stage::Waiting | Stage::Queued { .. } => {
                    if self.obstacle(&deployment).await?.is_some() {
                        locked.waiting.push(deployment.id);
                    }
                }
                Stage::Ended(_) => {}
            }
        }
        Ok(())
    }

    pub(super) async fn unlock(&self, said: &Said, scope: &Scope, because: Option<&String>) {
        let command = Command::Unlock { scope: scope.clone(), because: because.cloned() };
        match self.try_unlock(said, scope, because).await {
            Ok(unlocked) => {
                let card = report::unlocked_card(&unlocked, &self.local_time(only(scope)));
                self.answer_with(said, &command, &card).await;
                let lifted = unlocked.lifted.iter().map(|(environment, _)| environment);
                self.tell_everybody(said, lifted, &card).await;
            }
            Err((environment, problem)) => {
                let action = Action::Unlock;
                let topic = Topic { action, environment, what: None, command: None };
                self.explain(said, &topic, problem).await;
            }
        }
    }

    async fn try_unlock(
        &self,
        said: &Said,
        scope: &Scope,
        because: Option<&String>,
    ) -> Result<Unlocked, (EnvironmentName, Problem)> {
        let by = said.person.clone();
        let (lifted, theirs, still) = (Vec::new(), Vec::new(), Vec::new());
        let mut unlocked = Unlocked { by, lifted, theirs, still };
        for environment in self.within(said, scope) {
            match self.unlock_one(said, scope, because, &environment).await {
                Err(problem) if unlocked.lifted.is_empty() => return Err((environment, problem)),
                Err(problem) => {
                    tracing::warn!(%environment, ?problem, "not unlocked with the others");
                    unlocked.still.push(environment);
                }
                Ok(Found::Lifted(of)) => unlocked.lifted.push((environment, of)),
                Ok(Found::Theirs(lock)) => unlocked.theirs.push(lock),
                Ok(Found::Nothing) => {}
            }
        }
        // Whose it was may have to be told.
        self.shared.reschedule.notify_one();
        Ok(unlocked)
    }

    /// Lifts the lock on one environment; of everything only the person's own.
    async fn unlock_one(
        &self,
        said: &Said,
        scope: &Scope,
        because: Option<&String>,
        environment: &EnvironmentName,
    ) -> Result<Found, Problem> {
        let person = self.person(&said.person).await?;
        self.end_locks().await?;
        loop {
            // It is done, now or before the process that did it died.
            if let Some(Decision::Unlocked { of, .. }) = self.decided_by(said, environment).await? {
                return Ok(Found::Lifted(of));
            }
            let Some(lock) = self.standing_lock(environment).await? else {
                return match scope {
                    Scope::Everything => Ok(Found::Nothing),
                    Scope::Environment(environment) => {
                        Err(Refusal::NotLocked { environment: environment.clone() }.into())
                    }
                };
            };
            if *scope == Scope::Everything && lock.by != person.id {
                return Ok(Found::Theirs(lock));
            }
            let because = because.map(String::as_str);
            self.judge_decision(&person, Action::Unlock, environment, because).await?;
            let decision = Decision::Unlocked {
                environment: environment.clone(),
                lock: lock.decision,
                of: lock.by,
                why: Unlocking::Lifted {
                    by: person.id.clone(),
                    because: because.map(str::to_owned),
                    asked_in: said.message.clone(),
                },
            };
            if self.parts.store.decide(decision, self.parts.clock.now()).await? {
                tracing::info!(%environment, person = %said.person, "unlocked");
                self.obstacles_changed(environment).await;
            }
        }
    }

    pub(super) async fn locks(&self, said: &Said) {
        let read = async {
            let readable = self.readable(said, None).await?;
            let unread = |problem: Problem| (EnvironmentName::new("any"), problem);
            self.end_locks().await.map_err(unread)?;
            let mut locks = self.parts.store.locks().await.map_err(|error| unread(error.into()))?;
            locks.retain(|lock| readable.contains(&lock.environment));
            let mut reservations = self.reservations().await.map_err(unread)?;
            reservations.retain(|one| readable.contains(&one.environment));
            Ok((locks, reservations))
        };
        match read.await {
            Ok((locks, reservations)) => {
                let card = report::locks_card(&locks, &reservations, &self.local_time(None));
                self.answer_with(said, &Command::Locks, &card).await;
            }
            Err((environment, problem)) => {
                let topic = Topic { action: Action::Read, environment, what: None, command: None };
                self.explain(said, &topic, problem).await;
            }
        }
    }

    /// The environments that are meant: the one that is named, or all that may be spoken of here.
    fn within(&self, said: &Said, scope: &Scope) -> Vec<EnvironmentName> {
        match scope {
            Scope::Environment(environment) => vec![environment.clone()],
            Scope::Everything => {
                let all = self.parts.environments.iter().map(|one| one.name.clone());
                all.filter(|name| self.may_be_spoken_of(said, name).is_ok()).collect()
            }
        }
    }

    /// Tells what was said in private where everybody sees it.
    async fn tell_everybody<'a>(
        &self,
        said: &Said,
        environments: impl Iterator<Item = &'a EnvironmentName>,
        card: &Card,
    ) {
        let homes = environments.map(|environment| self.told_in(said, environment));
        let homes: BTreeSet<ChannelId> = homes.filter(|home| *home != said.channel).collect();
        for home in homes {
            let key = format!("lock-{}-{home}", said.message);
            self.post(&Place::Channel(home), card, &key).await;
        }
    }
}

fn only(scope: &Scope) -> Option<&EnvironmentName> {
    match scope {
        Scope::Environment(environment) => Some(environment),
        Scope::Everything => None,
    }
}
