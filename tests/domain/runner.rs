//! Carries a deployment out in the model as the real runner does: look, ask what is next,
//! write it down, do it, write down what came of it. Holds each act against the promises.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use shipmate::domain::after_check::{Answer, Moment, Unsatisfied};
use shipmate::domain::deployment::Deployment;
use shipmate::domain::event::{End, Event, Recorded, Step, StepFailure, StepOutcome, StopRequest};
use shipmate::domain::id::{Digest, EcsDeploymentId, Repository, ServiceName, Tag, TaskArn};
use shipmate::domain::next::{Next, Tempo, next};
use shipmate::domain::observation::{Health, Observation, ServiceSeen};
use shipmate::domain::plan::Version;

use super::world::{World, shown_id};

type Condition = (bool, bool, Health, Option<Digest>);

/// Since when each task has been seen as it is; lost when the process dies.
#[derive(Clone, Default)]
pub struct Watcher(BTreeMap<TaskArn, (Condition, Timestamp)>);

impl Watcher {
    pub fn look(&mut self, world: &World) -> Observation {
        let mut services = world.look();
        let mut now_known = BTreeMap::new();
        for seen in services.values_mut() {
            let ServiceSeen::Found(ecs) = seen else { continue };
            for task in &mut ecs.tasks {
                let condition = (task.wanted, task.running, task.health, task.digest.clone());
                let known = self.0.get(&task.arn).filter(|(before, _)| *before == condition);
                task.since = known.map_or(world.now, |(_, since)| *since);
                now_known.insert(task.arn.clone(), (condition, task.since));
            }
        }
        self.0 = now_known;
        Observation { at: world.now, services, tags: BTreeMap::new() }
    }
}

/// What goes wrong from outside.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mishaps {
    /// The process dies at this point (events recorded and steps done both count), and is
    /// away for so many moments.
    pub dies: Option<(usize, u32)>,
    /// The step of this number fails; `true`: after it was done.
    pub fails: Option<(usize, bool)>,
    /// A person calls it off at this moment.
    pub cancelled: Option<u32>,
    /// A person holds it up at this moment, for so many moments.
    pub paused: Option<(u32, u32)>,
    /// A person wants canaries to stay alone, from this moment on, for so many moments.
    pub canary: Option<(u32, u32)>,
}

pub struct Run {
    pub deployment: Deployment,
    pub journal: Vec<Recorded>,
    pub tempo: Tempo,
    pub mishaps: Mishaps,
    watcher: Watcher,
    points: usize,
    steps: usize,
    was_paused: bool,
    /// Every state that was reached, for those who want to look at them.
    pub states: Vec<Deployment>,
    /// Promises that were broken, as sentences.
    pub broken: Vec<String>,
    /// Whether what lists show is the truth, so that acts can be held against it.
    pub exact: bool,
}

/// The process died.
struct Dead;

impl Run {
    pub fn new(journal: Vec<Recorded>, tempo: Tempo, mishaps: Mishaps) -> Self {
        let deployment = Deployment::fold(&journal).unwrap().unwrap();
        Self {
            deployment,
            journal,
            tempo,
            mishaps,
            watcher: Watcher::default(),
            points: 0,
            steps: 0,
            was_paused: false,
            states: Vec::new(),
            broken: Vec::new(),
            exact: true,
        }
    }

    /// Passes through the loop until there is nothing to do at this moment. The number of
    /// moments that pass before the next look.
    pub fn pump(&mut self, world: &mut World, moment: u32) -> u32 {
        if self.mishaps.cancelled == Some(moment) {
            self.cancel(world.now);
        }
        self.hold_up(world.now, moment);
        for _ in 0..50 {
            match self.pass(world) {
                Ok(true) => {}
                Ok(false) => return 1,
                Err(Dead) => {
                    self.deployment = Deployment::fold(&self.journal).unwrap().unwrap();
                    self.watcher = Watcher::default();
                    return self.mishaps.dies.map_or(1, |(_, away)| away.max(1));
                }
            }
        }
        self.broken.push("does not come to rest at one moment".to_owned());
        1
    }

    fn cancel(&mut self, now: Timestamp) {
        let Some(rollout) = self.deployment.rollout() else { return };
        if self.deployment.end().is_none() && rollout.stop.is_none() && rollout.undo.is_none() {
            let stop = StopRequest::Person { person: "eve".into(), because: None };
            // Somebody else writes it: it is no point at which this process dies.
            self.write(Event::StopRequested { stop }, now);
        }
    }

    /// What people say about pauses and canaries by this moment.
    fn hold_up(&mut self, now: Timestamp, moment: u32) {
        let Some(rollout) = self.deployment.rollout() else { return };
        if self.deployment.end().is_some() || rollout.goes_back() {
            return;
        }
        let paused = rollout.pause.is_some();
        let by = || "eve".into();
        match self.mishaps.canary {
            Some((at, stay)) if at <= moment && rollout.canary.is_none() => {
                let stay = Duration::from_secs(u64::from(stay) * super::world::MOMENT as u64);
                self.write(Event::CanaryAsked { by: by(), stay }, now);
            }
            Some(_) | None => {}
        }
        let Some((at, lasts)) = self.mishaps.paused else { return };
        if at <= moment && !self.was_paused {
            self.was_paused = true;
            self.write(Event::Paused { by: by(), because: None }, now);
        } else if paused && at + lasts <= moment {
            self.write(Event::Continued { by: by() }, now);
        }
    }

    /// `true`: something was done, look again.
    fn pass(&mut self, world: &mut World) -> Result<bool, Dead> {
        if self.deployment.end().is_some() {
            return Ok(false);
        }
        let seen = self.watcher.look(world);
        let rollout = self.deployment.rollout().expect("it runs");
        let resumed: BTreeSet<Step> = rollout.phase().under_way.clone();
        let decision = next(&self.deployment.plan.terms, rollout, &seen, self.tempo, world.now);
        let Next { mut events, steps } = decision;
        let news = steps.iter().filter(|step| !resumed.contains(*step)).cloned();
        events.extend(news.map(|step| Event::StepStarted { step }));
        let idle = steps.is_empty();
        let turns = events.iter().any(|event| matches!(event, Event::UndoStarted { .. }));
        if rollout.paused().is_some() {
            let begins = steps.iter().any(|step| !resumed.contains(step));
            let ends = |event: &Event| match event {
                Event::Ended { end } => *end == End::Succeeded,
                _ => false,
            };
            if begins || events.iter().any(ends) {
                self.broken.push(format!("goes on although it is paused: {steps:?} {events:?}"));
            }
        }
        // Held against what the decision was made on, before the events change it.
        for step in steps.iter().filter(|step| !resumed.contains(*step)) {
            self.judge(step, world, &seen);
        }
        for event in events {
            self.write(event, world.now);
            self.point()?;
        }
        let mut outcomes = Vec::new();
        for step in steps {
            let outcome = self.act(&step, resumed.contains(&step), world);
            self.point()?;
            outcomes.push(match outcome {
                Ok(outcome) => Event::StepDone { step, outcome },
                Err(failure) => Event::StepFailed { step, failure },
            });
        }
        for event in outcomes {
            self.write(event, world.now);
            self.point()?;
        }
        Ok(!idle || turns)
    }

    fn point(&mut self) -> Result<(), Dead> {
        self.points += 1;
        match self.mishaps.dies {
            Some((at, _)) if at + 1 == self.points => Err(Dead),
            Some(_) | None => Ok(()),
        }
    }

    fn write(&mut self, event: Event, at: Timestamp) {
        self.judge_canary(&event, at);
        let sequence = self.deployment.version + 1;
        let recorded = Recorded { deployment: self.deployment.id, sequence, at, event };
        self.deployment.apply(&recorded).expect("what is decided can be recorded");
        self.journal.push(recorded);
        self.states.push(self.deployment.clone());
    }

    fn act(
        &mut self,
        step: &Step,
        resumed: bool,
        world: &mut World,
    ) -> Result<StepOutcome, StepFailure> {
        self.steps += 1;
        let failure = |code: &str| StepFailure {
            transient: false,
            code: code.to_owned(),
            detail: String::new(),
        };
        let fails = self.mishaps.fails.filter(|(number, _)| number + 1 == self.steps);
        if let (Step::Check { urls, .. }, Some(_)) = (step, fails) {
            let found = Unsatisfied {
                url: urls[0].clone(),
                expect: 200,
                within: std::time::Duration::from_secs(60),
                answer: Answer::Status { status: 503 },
            };
            return Ok(StepOutcome::Unsatisfied { found });
        }
        if let Some((_, false)) = fails {
            return Err(failure("injected"));
        }
        let outcome = match step {
            Step::MoveTag { repository, tag, from, to } => {
                let key = (repository.clone(), tag.clone());
                let now = world.tags.get(&key);
                if now.is_some() && now != Some(to) && now != from.as_ref() {
                    return Err(failure("tag-moved-by-others"));
                }
                world.tags.insert(key, to.clone());
                StepOutcome::Done
            }
            Step::KeepTag { repository, tag, digest } => {
                world.tags.insert((repository.clone(), tag.clone()), digest.clone());
                StepOutcome::Done
            }
            Step::StopTasks { service, tasks } => {
                tasks.iter().for_each(|task| world.stop_task(service, task));
                StepOutcome::Done
            }
            Step::StartDeployment { service, replacing } => {
                let primary = shown_id(world.services[service].primary());
                let id = if resumed && primary != *replacing {
                    primary
                } else {
                    world.force_deployment(service).expect("it exists")
                };
                StepOutcome::DeploymentStarted { id }
            }
            Step::StopDeployment { service, deployment } => {
                // One that was begun and is rolled back by now arrived.
                let primary = shown_id(world.services[service].primary());
                if world.call_back(service, deployment) || (resumed && primary != *deployment) {
                    StepOutcome::Done
                } else {
                    StepOutcome::NotTaken
                }
            }
            Step::Check { .. } => StepOutcome::Done,
        };
        if fails.is_some() { Err(failure("injected")) } else { Ok(outcome) }
    }

    // The promises about acts.

    /// A canary that is to stay alone stays for as long as was asked.
    fn judge_canary(&mut self, event: &Event, at: Timestamp) {
        let Event::CanaryPassed { service } = event else { return };
        let Some(rollout) = self.deployment.rollout() else { return };
        let Some(canary) = rollout.canary.as_ref().filter(|_| rollout.undo.is_none()) else {
            return;
        };
        let since = rollout.forward.services[service].good_since;
        let stayed = since.map(|since| at.duration_since(since));
        let stay = jiff::SignedDuration::try_from(canary.stay).unwrap();
        if stayed.is_none_or(|stayed| stayed < stay) {
            self.broken.push(format!("the canary of {service} stayed for {stayed:?} only"));
        }
    }

    fn judge(&mut self, step: &Step, world: &World, seen: &Observation) {
        let verdict = match step {
            Step::MoveTag { repository, tag, .. } | Step::KeepTag { repository, tag, .. } => {
                self.judge_tag(step, repository, tag)
            }
            Step::StopTasks { service, tasks } => self.judge_stop(service, tasks, world, seen),
            Step::StartDeployment { service, .. } => self.judge_restart(service, world),
            Step::StopDeployment { service, deployment } => {
                self.judge_call_back(service, deployment)
            }
            Step::Check { service, moment, .. } => self.judge_check(service, *moment, seen),
        };
        if let Err(broken) = verdict {
            self.broken.push(format!("{broken}: {step:?} at {}", world.now));
        }
    }

    fn judge_tag(&self, step: &Step, repository: &Repository, tag: &Tag) -> Result<(), String> {
        let terms = &self.deployment.plan.terms;
        let image = terms.image(repository).ok_or("a repository outside the plan")?;
        if *tag != terms.tag && *tag != terms.previous_tag {
            return Err("a tag outside the plan".to_owned());
        }
        let undo = self.deployment.rollout().is_some_and(|rollout| rollout.undo.is_some());
        match step {
            Step::KeepTag { digest, .. } if undo && *digest == image.to.digest => {
                Err("the undone digest is kept".to_owned())
            }
            Step::KeepTag { tag, .. } if *tag != terms.previous_tag => {
                Err("keeps under the tag that services follow".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn target(&self, service: &ServiceName) -> Option<Version> {
        let terms = &self.deployment.plan.terms;
        let planned = terms.services.iter().find(|one| one.name == *service)?;
        let image = terms.image(&planned.repository)?;
        let undo = self.deployment.rollout()?.undo.is_some();
        if undo { image.from.clone() } else { Some(image.to.clone()) }
    }

    fn judge_stop(
        &self,
        name: &ServiceName,
        tasks: &[TaskArn],
        world: &World,
        seen: &Observation,
    ) -> Result<(), String> {
        let target = self.target(name).ok_or("a service outside the plan")?;
        let service = &world.services[name];
        for task in service.tasks.iter().filter(|task| tasks.contains(&task.arn)) {
            if task.digest.as_ref().is_some_and(|digest| target.is(digest)) {
                return Err("a task on the target is stopped".to_owned());
            }
        }
        let rollout = self.deployment.rollout().ok_or("does not run")?;
        let gone: BTreeSet<&TaskArn> =
            rollout.forward.stopped().chain(rollout.phase().stopped()).collect();
        let ecs = seen.services[name].found().ok_or("not seen")?;
        let serving: Vec<&TaskArn> = ecs
            .wanted_tasks()
            .filter(|task| task.serves(service.check) && !gone.contains(&task.arn))
            .map(|task| &task.arn)
            .collect();
        let stops = serving.iter().filter(|arn| tasks.contains(arn)).count();
        let minimum = ecs.minimum() as usize;
        let planned = self.deployment.plan.terms.services.iter().find(|one| &one.name == name);
        let planned = planned.ok_or("a service outside the plan")?;
        let alone = rollout.undo.is_none()
            && rollout.canary.is_some()
            && !rollout.forward.services[name].canary_passed;
        // What was never restarted is only rid of strays, as carefully as any other.
        let restarts = rollout.undo.is_none() || rollout.forward.restarted(name);
        if planned.all_at_once() && !alone && restarts {
            // Agreed: no canary, no minimum. All that is old goes in one step.
            let old = ecs.wanted_tasks().filter(|task| {
                let other = |digest: &Digest| !target.is(digest);
                task.digest.as_ref().is_some_and(other) && !gone.contains(&task.arn)
            });
            let left = old.filter(|task| !tasks.contains(&task.arn)).count();
            return if left == 0 { Ok(()) } else { Err(format!("{left} old tasks are left")) };
        }
        let agreed = planned.below_minimum || planned.all_at_once();
        let may_go_below = agreed || rollout.undo.is_some();
        let one_by_one = may_go_below && minimum >= ecs.desired as usize && stops <= 1;
        if stops > 0 && serving.len() - stops < minimum && !one_by_one {
            return Err(format!("stops {stops} of {} serving, minimum {minimum}", serving.len()));
        }
        if rollout.undo.is_none() && tasks.len() > planned.batch.most(ecs.desired) as usize {
            return Err(format!("stops {} with a batch of {}", tasks.len(), planned.batch));
        }
        let tally = rollout.phase().services[name];
        if rollout.undo.is_none() && !tally.canary_passed {
            let first = !rollout.forward.restarted(name)
                || tally.best > 0
                || ecs.desired < tally.total_when_stopped;
            if tasks.len() > 1 || !first {
                return Err("more than the canary is stopped before it has passed".to_owned());
            }
        }
        Ok(())
    }

    /// Only our own deployment, only in an undo, and only once.
    fn judge_call_back(&self, name: &ServiceName, id: &EcsDeploymentId) -> Result<(), String> {
        let rollout = self.deployment.rollout().ok_or("does not run")?;
        let ours = rollout.forward.deployments.get(name).is_some_and(|ours| ours.id == *id);
        let again = rollout.phase().called_back.contains(name);
        if rollout.undo.is_none() || !ours || again {
            return Err("rolls back what is not to be undone".to_owned());
        }
        Ok(())
    }

    /// A canary is asked while it serves; and at the end everything of the plan does.
    fn judge_check(
        &self,
        name: &ServiceName,
        moment: Moment,
        seen: &Observation,
    ) -> Result<(), String> {
        let rollout = self.deployment.rollout().ok_or("does not run")?;
        if rollout.undo.is_some() {
            return Err("something is asked on the way back".to_owned());
        }
        // Lists may go on showing what was told to stop.
        let gone: BTreeSet<&TaskArn> = rollout.forward.stopped().collect();
        let target = self.target(name).ok_or("a service outside the plan")?;
        let ecs = seen.services[name].found().ok_or("not seen")?;
        let on = |digest: &Option<Digest>| digest.as_ref().is_some_and(|one| target.is(one));
        let mut wanted = ecs.wanted_tasks().filter(|task| !gone.contains(&task.arn));
        let right = match moment {
            Moment::Canary => wanted.any(|task| on(&task.digest)),
            Moment::End => wanted.all(|task| on(&task.digest)),
        };
        if right { Ok(()) } else { Err(format!("asked too early ({moment:?})")) }
    }

    fn judge_restart(&self, name: &ServiceName, world: &World) -> Result<(), String> {
        let target = self.target(name).ok_or("a service outside the plan")?;
        let service = &world.services[name];
        let on = |digest: &Option<Digest>| digest.as_ref().is_some_and(|one| target.is(one));
        let all_on = service.wanted().all(|task| on(&task.digest));
        if self.exact && service.steady() && service.wanted().count() > 0 && all_on {
            return Err("a service on the target is restarted".to_owned());
        }
        Ok(())
    }
}

/// What the model must look like after this end; the broken promises.
pub fn judge_end(run: &Run, world: &World) -> Vec<String> {
    let mut broken = run.broken.clone();
    let terms = &run.deployment.plan.terms;
    let Some(end) = run.deployment.end() else {
        broken.push("it has not ended".to_owned());
        return broken;
    };
    let rollout = run.deployment.rollout().expect("it ran");
    let tag = |repository: &Repository, tag: &Tag| {
        world.tags.get(&(repository.clone(), tag.clone())).cloned()
    };
    let settled = |version: &Version, name: &ServiceName, settle: u32| {
        let service = &world.services[name];
        let good = |task: &&super::world::ModelTask| {
            task.serves(service.check)
                && task.served >= settle
                && task.digest.as_ref().is_some_and(|digest| version.is(digest))
        };
        // Lists that lag cannot tell of the last moment.
        !run.exact
            || (service.wanted().all(|task| good(&task))
                && service.wanted().count() >= service.desired as usize)
    };
    let settle = u32::try_from(run.tempo.settle.as_secs() as i64 / super::world::MOMENT).unwrap();
    let undone = match end {
        End::Succeeded => {
            for image in &terms.images {
                if tag(&image.repository, &terms.tag).as_ref() != Some(&image.to.digest) {
                    broken.push(format!("{} is not at its target", image.repository));
                }
                let from = image.from.as_ref().map(|from| &from.digest);
                let kept = from.filter(|from| **from != image.to.digest);
                let promotion = terms.kind == shipmate::domain::plan::Kind::Promotion;
                let previous = tag(&image.repository, &terms.previous_tag);
                let right =
                    if promotion && kept.is_some() { kept } else { image.previous.as_ref() };
                if previous.as_ref() != right {
                    broken.push(format!("{}: previous is {previous:?}", image.repository));
                }
            }
            for service in &terms.services {
                let version = &terms.image(&service.repository).unwrap().to;
                if !settled(version, &service.name, settle) {
                    broken.push(format!("succeeded, and {} is not good", service.name));
                }
            }
            false
        }
        End::RolledBack { .. } => true,
        End::Cancelled { undone, .. } | End::Superseded { undone, .. } => *undone,
        End::Failed { .. } => false,
        End::Rejected { .. }
        | End::Expired
        | End::Unapproved
        | End::Missed
        | End::Refused { .. } => {
            broken.push("no end of something that ran".to_owned());
            false
        }
    };
    if undone {
        for image in &terms.images {
            let from = image.from.as_ref().map(|from| from.digest.clone());
            if tag(&image.repository, &terms.tag) != from {
                broken.push(format!("undone, and the tag of {} is not back", image.repository));
            }
        }
        for service in &terms.services {
            let from = terms.image(&service.repository).unwrap().from.as_ref();
            if let Some(from) = from
                && rollout.forward.restarted(&service.name)
                && !settled(from, &service.name, 1)
            {
                broken.push(format!("undone, and {} is not back", service.name));
            }
        }
    }
    broken
}
