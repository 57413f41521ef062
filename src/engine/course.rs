//! The course of a running deployment: look, ask the state machine what is next, write it down,
//! do it, write down what came of it, and look again, until it has ended. Where much is to be
//! done, looks and steps go on beside each other; what is decided, and how a step is done, is
//! not known here.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;

use super::checks::Checks;
use super::last_lines::Reading;
use super::news::Listener;
use super::runner::{Hands, LONGEST_SILENCE, under_way};
use super::watcher::Watcher;
use crate::aws::{AwsError, Room};
use crate::domain::deployment::{Deployment, Stage};
use crate::domain::environment::Service;
use crate::domain::event::{End, Event, Step};
use crate::domain::id::{EcsDeploymentId, ServiceName};
use crate::domain::next::{Next, Tempo, next};
use crate::domain::observation::Observation;
use crate::report::{self, Unasked};

/// No more is begun than can be done in this time by the pace. What a look finds wrong stops
/// all that was not begun by then.
const AHEAD: Duration = Duration::from_secs(5);

/// Steps that take longer than this do not keep anybody from looking.
const STEPS_ALONE: Duration = Duration::from_secs(1);

/// How often it is looked whether somebody else has moved a tag, while there is nothing to do.
const TAGS_EVERY: jiff::SignedDuration = jiff::SignedDuration::from_secs(5);

/// For how long an end waits for the log of a task that failed.
const LONGEST_READING: Duration = Duration::from_secs(5);

/// What comes next.
enum Then {
    /// Decide on what was seen.
    Decide,
    Look,
    /// Wait for steps that are under way.
    Work,
    /// Nothing to do yet.
    Rest,
    Ended(Box<Deployment>),
}

/// A deployment under way in this process.
pub(super) struct Course<'a> {
    hands: Hands<'a>,
    services: Vec<&'a Service>,
    tempo: Tempo,
    deployment: Deployment,
    /// What was seen last; `None`: nothing yet.
    seen: Option<Observation>,
    /// When the last look ended.
    looked_at: Timestamp,
    /// `None`: it looks just now.
    watcher: Option<Watcher>,
    doing: FuturesUnordered<BoxFuture<'a, Event>>,
    /// The steps that this process does now.
    begun: BTreeSet<Step>,
    /// What services are asked meanwhile.
    checks: Checks,
    /// The log of the task that it goes back for.
    reading: Reading,
    listener: Listener,
    /// Services of which something was begun since the last look.
    touched: BTreeSet<ServiceName>,
    /// More could be done than is under way.
    held_back: bool,
    /// The next look must describe every task.
    whole: bool,
    /// When the last step that restarts tasks was done: a good end needs a look that began later.
    restarted_at: Option<Timestamp>,
    /// When it was last looked whether somebody else has moved a tag.
    tags_read: Timestamp,
    /// How long to wait after a look that AWS does not answer.
    silence: Duration,
}

impl<'a> Course<'a> {
    pub fn begin(
        hands: Hands<'a>,
        services: Vec<&'a Service>,
        deployment: Deployment,
        before: Option<Observation>,
    ) -> Self {
        let environment = hands.environment;
        let tempo = Tempo { settle: environment.settle, patience: environment.patience };
        let rhythm = hands.engine.parts.rhythm;
        let mut watcher = Watcher::new(rhythm, tempo.settle);
        Self {
            hands,
            services,
            tempo,
            deployment,
            seen: before.map(|seen| watcher.begin(seen)),
            watcher: Some(watcher),
            doing: FuturesUnordered::new(),
            begun: BTreeSet::new(),
            checks: Checks::default(),
            reading: Reading::default(),
            listener: hands.engine.listen_for_news(&environment.name),
            touched: BTreeSet::new(),
            held_back: false,
            whole: false,
            looked_at: hands.engine.parts.clock.now(),
            restarted_at: None,
            tags_read: hands.engine.parts.clock.now(),
            silence: rhythm.shortest,
        }
    }

    pub async fn run(mut self) -> anyhow::Result<Deployment> {
        self.want_card(None);
        let mut then = if self.seen.is_some() { Then::Decide } else { Then::Look };
        loop {
            then = match then {
                Then::Decide => self.decide(true).await?,
                Then::Look => self.look().await?,
                Then::Work => self.work().await?,
                Then::Rest => self.rest().await?,
                Then::Ended(deployment) => return Ok(*deployment),
            };
        }
    }

    /// Asks what is next, records it, and begins what is to be done. Nothing ends or turns back
    /// unless `may_turn`.
    async fn decide(&mut self, may_turn: bool) -> anyhow::Result<Then> {
        let Some(seen) = &self.seen else { return Ok(Then::Look) };
        let Stage::Running(rollout) = &self.deployment.stage else {
            anyhow::bail!("deployment {} does not run", self.deployment.id);
        };
        // By the time at which the look began: what was seen late in it is not older.
        let decided = next(&self.deployment.plan.terms, rollout, seen, self.tempo, seen.at);
        let Next { mut events, steps } = decided;
        if !may_turn && events.iter().any(Event::is_turn) {
            return Ok(Then::Look);
        }
        if let Some(Event::Ended { end }) = events.last_mut() {
            let saw_all = self.watcher.as_ref().is_some_and(Watcher::saw_all);
            let since = self.restarted_at.is_none_or(|restarted| seen.at >= restarted);
            if is_as_it_should_be(end) && !(saw_all && since) {
                let tried = std::mem::replace(&mut self.whole, true);
                return Ok(if tried { Then::Rest } else { Then::Look });
            }
            if self.read_log(LONGEST_READING).await? {
                return Ok(Then::Decide);
            }
            match self.hands.check_tags(&self.deployment, end).await {
                Ok(repairs) => drop(events.splice(0..0, repairs)),
                Err(unknown) => {
                    tracing::warn!(deployment.id = %self.deployment.id, error = unknown.detail, "could not read the tags; trying again");
                    let note = report::waits_for_answer(Unasked::Aws, &unknown.detail);
                    self.want_card(Some(note));
                    return Ok(Then::Rest);
                }
            }
        }
        self.whole = false;
        // What was under way before is looked at before it is done again.
        let resumed: BTreeSet<Step> = under_way(&self.deployment).into_iter().collect();
        self.checks.keep(&resumed);
        let (steps, mut asks): (Vec<Step>, Vec<Step>) = steps.into_iter().partition(Step::acts);
        let steps = self.fitting(steps);
        asks.retain(|check| !self.checks.has(check));
        let begin = steps.iter().chain(&asks);
        let news = begin.filter(|step| !resumed.contains(step)).cloned();
        events.extend(news.map(|step| Event::StepStarted { step }));
        let noted = !events.is_empty();
        if noted && !self.hands.record(&mut self.deployment, events).await? {
            return Ok(Then::Look);
        }
        if self.deployment.end().is_some() {
            return Ok(Then::Ended(Box::new(self.deployment.clone())));
        }
        if !steps.is_empty() || !asks.is_empty() {
            self.want_card(None);
        }
        for check in &asks {
            tracing::info!(deployment.id = %self.deployment.id, environment = %self.hands.environment.name, %check, "check");
            self.checks.begin(self.hands, check);
        }
        if !steps.is_empty() {
            self.start(steps, &resumed);
            return Ok(Then::Work);
        }
        Ok(match (self.doing.is_empty(), noted) {
            (false, _) => Then::Work,
            (true, true) => Then::Decide,
            (true, false) => Then::Rest,
        })
    }

    /// Those of the steps that are not begun and that can be done soon.
    fn fitting(&mut self, steps: Vec<Step>) -> Vec<Step> {
        let room = self.hands.account.ecs.room_in(AHEAD);
        let mut taken = Room { stops: 0, deployments: 0 };
        for step in &self.begun {
            take_room(&mut taken, step);
        }
        self.held_back = false;
        let mut fitting = Vec::new();
        for step in steps.into_iter().filter(|step| !self.begun.contains(step)) {
            let mut with = taken;
            take_room(&mut with, &step);
            // One that needs more than all the room goes alone.
            let fits = |with: usize, taken: usize, room: usize| with <= room.max(1) || taken == 0;
            if (with.stops == taken.stops || fits(with.stops, taken.stops, room.stops))
                && (with.deployments == taken.deployments
                    || fits(with.deployments, taken.deployments, room.deployments))
            {
                taken = with;
                fitting.push(step);
            } else {
                self.held_back = true;
            }
        }
        fitting
    }

    fn start(&mut self, steps: Vec<Step>, resumed: &BTreeSet<Step>) {
        let now = Arc::new(self.deployment.clone());
        for step in steps {
            let (hands, now) = (self.hands, Arc::clone(&now));
            let look_first = resumed.contains(&step);
            self.touched.extend(step.restarted_service().cloned());
            self.begun.insert(step.clone());
            self.doing.push(async move { hands.act(step, look_first, &now).await }.boxed());
        }
    }

    /// Records what came of steps: of this one, and of all others that are done by now.
    async fn finish(&mut self, first: Event) -> anyhow::Result<()> {
        let mut outcomes = vec![first];
        while let Some(Some(outcome)) = self.doing.next().now_or_never() {
            outcomes.push(outcome);
        }
        for step in outcomes.iter().filter_map(Event::outcome_of) {
            self.begun.remove(step);
            if let Some(service) = step.restarted_service() {
                // It may have waited for its turn for long: what changes, changes from now on.
                self.touched.insert(service.clone());
                self.restarted_at = Some(self.hands.engine.parts.clock.now());
            }
        }
        self.record_outcomes(outcomes).await
    }

    async fn record_outcomes(&mut self, mut outcomes: Vec<Event>) -> anyhow::Result<()> {
        // What was done is written down whatever else happened to the deployment meanwhile.
        while !self.hands.record(&mut self.deployment, outcomes.clone()).await? {
            let still: Vec<Step> = under_way(&self.deployment);
            outcomes.retain(|event| event.outcome_of().is_some_and(|step| still.contains(step)));
        }
        Ok(())
    }

    /// Waits for steps, and looks once all are done, or if they take long. As room becomes free
    /// for what was held back, that is begun.
    async fn work(&mut self) -> anyhow::Result<Then> {
        let clock = Arc::clone(&self.hands.engine.parts.clock);
        let mut enough = clock.sleep(STEPS_ALONE);
        loop {
            let done = tokio::select! {
                done = self.doing.next() => done,
                () = &mut enough => return Ok(Then::Look),
            };
            let Some(done) = done else { break };
            self.finish(done).await?;
            if self.doing.is_empty() && !self.held_back {
                break;
            }
            if self.held_back {
                match self.decide(false).await? {
                    Then::Work => {}
                    then @ (Then::Decide | Then::Look | Then::Rest | Then::Ended(_)) => {
                        return Ok(if self.doing.is_empty() { then } else { Then::Look });
                    }
                }
            }
        }
        if let Some(watcher) = &mut self.watcher {
            watcher.expect_change();
        }
        // A tag that moved has changed nothing of what was seen.
        Ok(if self.touched.is_empty() { Then::Decide } else { Then::Look })
    }

    async fn look(&mut self) -> anyhow::Result<Then> {
        self.want_card(None);
        let Some(mut watcher) = self.watcher.take() else {
            anyhow::bail!("two looks of deployment {} at once", self.deployment.id);
        };
        for service in std::mem::take(&mut self.touched) {
            watcher.expect(service, self.hands.engine.parts.clock.now());
        }
        let forced = forced(&self.deployment, &self.services);
        let (hands, services, whole) = (self.hands, self.services.clone(), self.whole);
        let mut looking = async move {
            let clock = &*hands.engine.parts.clock;
            let ecs = &hands.account.ecs;
            let mut looked = watcher.look(ecs, &services, clock, whole).await;
            if let Ok(seen) = &mut looked {
                watcher.follow(ecs, &forced, seen).await;
            }
            (watcher, looked)
        }
        .boxed();
        let (watcher, looked) = loop {
            let done = tokio::select! {
                looked = &mut looking => break looked,
                Some(done) = self.doing.next(), if !self.doing.is_empty() => done,
            };
            self.finish(done).await?;
            if self.held_back {
                // What it begins is waited for; whatever else it says, the look decides.
                self.decide(false).await?;
            }
        };
        self.watcher = Some(watcher);
        match looked {
            Ok(seen) => {
                self.seen = Some(seen);
                self.looked_at = self.hands.engine.parts.clock.now();
                let answers = self.checks.outcomes();
                self.record_outcomes(answers).await?;
                self.read_log(Duration::ZERO).await?;
                self.silence = self.hands.engine.parts.rhythm.shortest;
                Ok(Then::Decide)
            }
            Err(error) => self.unanswered(&error).await,
        }
    }

    /// Writes down what the task wrote last that it goes back for, if that is read by then.
    async fn read_log(&mut self, wait: Duration) -> anyhow::Result<bool> {
        let Hands { engine, environment, account } = self.hands;
        self.reading.begin(engine, &self.deployment, (environment, account));
        let read = self.reading.finished(wait).await;
        self.hands.note_log(&mut self.deployment, read).await
    }

    /// Nothing is known of this moment: says so, and waits.
    async fn unanswered(&mut self, error: &AwsError) -> anyhow::Result<Then> {
        let id = self.deployment.id;
        tracing::warn!(deployment.id = %id, %error, "could not look; trying again");
        let note = report::waits_for_answer(Unasked::Aws, &error.to_string());
        self.deployment = self.hands.engine.reload(id).await?;
        self.want_card(Some(note));
        let clock = Arc::clone(&self.hands.engine.parts.clock);
        let mut over = clock.sleep(self.silence);
        // Steps go on meanwhile.
        loop {
            let done = tokio::select! {
                () = &mut over => break,
                Some(done) = self.doing.next(), if !self.doing.is_empty() => done,
            };
            self.finish(done).await?;
        }
        self.silence = (self.silence * 2).min(LONGEST_SILENCE);
        Ok(Then::Look)
    }

    async fn rest(&mut self) -> anyhow::Result<Then> {
        let parts = &self.hands.engine.parts;
        let now = parts.clock.now();
        if now.duration_since(self.tags_read) >= TAGS_EVERY {
            self.tags_read = now;
            if self.hands.notice_tags(&mut self.deployment).await? {
                return Ok(Then::Look);
            }
        }
        let pause = self.watcher.as_ref().map_or(parts.rhythm.shortest, |one| one.pause(now));
        tokio::select! {
            () = parts.clock.sleep(pause) => {}
            () = self.checks.one_ends() => {}
            () = self.listener.news(&*parts.clock, self.looked_at) => {
                if let Some(watcher) = &mut self.watcher {
                    watcher.expect_change();
                }
            }
        }
        // Somebody may have cancelled meanwhile.
        self.deployment = self.hands.engine.reload(self.deployment.id).await?;
        Ok(Then::Look)
    }

    fn want_card(&self, note: Option<String>) {
        self.hands.engine.want_card(&self.deployment, note);
    }
}

/// Whether this end says that every task is as it should be.
fn is_as_it_should_be(end: &End) -> bool {
    match end {
        End::Succeeded
        | End::RolledBack { .. }
        | End::Cancelled { undone: true, .. }
        | End::Superseded { undone: true, .. } => true,
        End::Cancelled { undone: false, .. }
        | End::Superseded { undone: false, .. }
        | End::Failed { .. }
        | End::Rejected { .. }
        | End::Expired
        | End::Unapproved
        | End::Missed
        | End::Refused { .. } => false,
    }
}

fn take_room(room: &mut Room, step: &Step) {
    match step {
        Step::StopTasks { tasks, .. } => room.stops += tasks.len(),
        Step::StartDeployment { .. } | Step::StopDeployment { .. } => room.deployments += 1,
        Step::MoveTag { .. } | Step::KeepTag { .. } | Step::Check { .. } => {}
    }
}

/// The ECS deployments that were forced on the way forward, while it goes there.
fn forced<'a>(
    deployment: &Deployment,
    services: &[&'a Service],
) -> Vec<(&'a Service, EcsDeploymentId)> {
    let forward = deployment.rollout().filter(|rollout| rollout.undo.is_none());
    let Some(forward) = forward.map(|rollout| &rollout.forward) else { return Vec::new() };
    let ours = services
        .iter()
        .filter_map(|service| Some((*service, forward.deployments.get(&service.name)?.id.clone())));
    ours.collect()
}
