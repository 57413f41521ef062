//! What to do next: a pure function of a rollout, of what was seen, and of the time. It
//! answers with events to record and steps that may be under way at once; it never acts.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::environment::Strategy;
use super::event::{Cause, End, Event, Step, StepFailure, StopRequest};
use super::id::{Repository, ServiceName, TaskArn};
use super::observation::{EcsService, Observation, RolloutState, ServiceSeen, Task, count};
use super::plan::{ImageMove, PlannedService, Terms, Version};
use super::rollout::{OurDeployment, Phase, Rollout};

/// The environment's settings that a rollout obeys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tempo {
    /// For how long a task must stay good before it counts.
    pub settle: Duration,
    /// For how long nothing may get better before it counts as failed.
    pub patience: Duration,
}

/// What comes next. Nothing of either kind: look again later.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Next {
    /// To be recorded first, in this order.
    pub events: Vec<Event>,
    /// May be under way at once. A step that the rollout says is under way already was begun
    /// by a process that did not see its end: look before doing it again.
    pub steps: Vec<Step>,
}

impl Next {
    fn event(event: Event) -> Self {
        Self { events: vec![event], steps: Vec::new() }
    }

    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.steps.is_empty()
    }
}

/// Decides.
pub fn next(
    terms: &Terms,
    rollout: &Rollout,
    seen: &Observation,
    tempo: Tempo,
    now: Timestamp,
) -> Next {
    let phase = rollout.phase();
    if !phase.under_way.is_empty() {
        return Next { events: Vec::new(), steps: phase.under_way.iter().cloned().collect() };
    }
    let look = Look { terms, rollout, phase, seen, tempo, now };
    match &rollout.undo {
        None => look.forward(),
        Some(undo) => look.back(&undo.cause),
    }
}

/// One decision's inputs.
struct Look<'a> {
    terms: &'a Terms,
    rollout: &'a Rollout,
    phase: &'a Phase,
    seen: &'a Observation,
    tempo: Tempo,
    now: Timestamp,
}

/// What one service needs.
enum Need {
    /// Nothing: every task is good and has settled.
    Nothing,
    /// To be looked at again.
    Time,
    Note(Event),
    Do(Step),
}

impl Look<'_> {
    fn forward(&self) -> Next {
        if let Some(cause) = self.forward_trouble() {
            if !self.rollout.touched() {
                return Next::event(Event::Ended { end: self.end_untouched(cause) });
            }
            let known_failures = self.failed_tasks();
            return Next::event(Event::UndoStarted { cause, known_failures });
        }
        let tags = self.forward_tags();
        if !tags.is_empty() {
            return Next { events: Vec::new(), steps: tags };
        }
        self.services(Event::Ended { end: End::Succeeded })
    }

    fn back(&self, cause: &Cause) -> Next {
        let failed = |undo: Cause| {
            let end = End::Failed { cause: cause.clone(), undo: Some(undo) };
            Next::event(Event::Ended { end })
        };
        if let Some(trouble) = self.step_trouble() {
            return failed(trouble);
        }
        match self.back_tags() {
            Err(nowhere) => return failed(nowhere),
            Ok(steps) if !steps.is_empty() => return Next { events: Vec::new(), steps },
            Ok(_) => {}
        }
        if let Some(trouble) = self.service_gone().or_else(|| self.no_progress()) {
            return failed(trouble);
        }
        let end = match cause {
            Cause::Stopped { stop: StopRequest::Person { person, because } } => {
                End::Cancelled { by: person.clone(), because: because.clone(), undone: true }
            }
            Cause::Stopped { stop: StopRequest::Rollback { deployment } } => {
                End::Superseded { by: *deployment, undone: true }
            }
            Cause::TaskFailed { .. }
            | Cause::NoProgress { .. }
            | Cause::EcsGaveUp { .. }
            | Cause::Overtaken { .. }
            | Cause::ServiceGone { .. }
            | Cause::StepFailed { .. } => End::RolledBack { cause: cause.clone() },
        };
        self.services(Event::Ended { end })
    }

    /// A rollout that never began to change anything needs no undo.
    fn end_untouched(&self, cause: Cause) -> End {
        match cause {
            Cause::Stopped { stop: StopRequest::Person { person, because } } => {
                End::Cancelled { by: person, because, undone: true }
            }
            Cause::Stopped { stop: StopRequest::Rollback { deployment } } => {
                End::Superseded { by: deployment, undone: true }
            }
            cause @ (Cause::TaskFailed { .. }
            | Cause::NoProgress { .. }
            | Cause::EcsGaveUp { .. }
            | Cause::Overtaken { .. }
            | Cause::ServiceGone { .. }
            | Cause::StepFailed { .. }) => End::Failed { cause, undo: None },
        }
    }

    // Tags. All that keep something come before any that moves, and all move before any
    // restart: a task that starts in between must find the image it should run.

    fn forward_tags(&self) -> Vec<Step> {
        let keeps = self.terms.images.iter().filter_map(|image| self.keep_step(image));
        let keeps = self.not_done(keeps);
        if !keeps.is_empty() {
            return keeps;
        }
        let moves = self.terms.images.iter().map(|image| self.move_step(image));
        self.not_done(moves)
    }

    /// A rollback does not write the undone digest anywhere; a promotion keeps what it replaces.
    fn keep_step(&self, image: &ImageMove) -> Option<Step> {
        let from = image.from.as_ref()?;
        let promotion = self.terms.kind == super::plan::Kind::Promotion;
        let needed = promotion && from.digest != image.to.digest;
        needed.then(|| Step::KeepTag {
            repository: image.repository.clone(),
            tag: self.terms.previous_tag.clone(),
            digest: from.digest.clone(),
        })
    }

    fn move_step(&self, image: &ImageMove) -> Step {
        Step::MoveTag {
            repository: image.repository.clone(),
            tag: self.terms.tag.clone(),
            from: image.from.as_ref().map(|from| from.digest.clone()),
            to: image.to.digest.clone(),
        }
    }

    /// Back to where each tag was that may have moved, and `<environment>-previous` to what it
    /// kept before, so that what an earlier rollback needs stays tagged.
    fn back_tags(&self) -> Result<Vec<Step>, Cause> {
        let mut steps = Vec::new();
        for image in self.touched_images() {
            let forward = self.move_step(image);
            match &image.from {
                Some(from) if from.digest != image.to.digest => steps.push(Step::MoveTag {
                    repository: image.repository.clone(),
                    tag: self.terms.tag.clone(),
                    from: Some(image.to.digest.clone()),
                    to: from.digest.clone(),
                }),
                Some(_) | None => {
                    let failure = StepFailure {
                        code: "nothing-to-go-back-to".to_owned(),
                        detail: format!("nothing else ran from {} before", image.repository),
                    };
                    return Err(Cause::StepFailed { step: forward, failure });
                }
            }
        }
        for image in &self.terms.images {
            let kept = self
                .keep_step(image)
                .is_some_and(|s| self.rollout.forward.begun().any(|b| *b == s));
            if let (true, Some(previous)) = (kept, &image.previous) {
                steps.push(Step::KeepTag {
                    repository: image.repository.clone(),
                    tag: self.terms.previous_tag.clone(),
                    digest: previous.clone(),
                });
            }
        }
        Ok(self.not_done(steps.into_iter()))
    }

    fn not_done(&self, steps: impl Iterator<Item = Step>) -> Vec<Step> {
        steps.filter(|step| !self.phase.done.contains(step)).collect()
    }

    /// The images whose tag may have moved.
    fn touched_images(&self) -> impl Iterator<Item = &ImageMove> {
        self.terms.images.iter().filter(|image| {
            let step = self.move_step(image);
            self.rollout.forward.begun().any(|begun| *begun == step)
        })
    }

    // Services.

    /// The services that this phase is about, with the version that each should run.
    fn goals(&self) -> impl Iterator<Item = (&PlannedService, &Version)> {
        self.terms.services.iter().filter_map(|service| Some((service, self.goal(service)?)))
    }

    fn goal(&self, service: &PlannedService) -> Option<&Version> {
        let image = self.terms.image(&service.repository)?;
        if self.rollout.undo.is_none() {
            return Some(&image.to);
        }
        let touched = self.touched_images().any(|touched| touched == image);
        if touched { image.from.as_ref() } else { None }
    }

    /// What every service needs; the end, once none needs anything.
    fn services(&self, end: Event) -> Next {
        let mut next = Next::default();
        let mut all_good = true;
        for (service, version) in self.goals() {
            let Some(ecs) = self.ecs(&service.name) else {
                all_good = false;
                continue;
            };
            next.events.extend(self.progress(service, version, &ecs));
            let need = match service.strategy {
                Strategy::Stop => self.need_by_stop(service, version, &ecs),
                Strategy::Deployment => self.need_by_deployment(service, version, &ecs),
            };
            match need {
                Need::Nothing => continue,
                Need::Time => {}
                Need::Note(event) => next.events.push(event),
                Need::Do(step) => next.steps.push(step),
            }
            all_good = false;
        }
        if all_good {
            next.events.push(end);
        }
        next
    }

    /// The service as it was seen, except that tasks which we told to stop do not count as
    /// wanted: ECS's lists may lag behind what it answered.
    fn ecs(&self, name: &ServiceName) -> Option<EcsService> {
        let mut ecs = self.seen.services.get(name).and_then(ServiceSeen::found)?.clone();
        let stopped = self.phase.stopped();
        let forward_stopped = self.rollout.forward.stopped();
        for task in &mut ecs.tasks {
            if stopped.contains(&task.arn) || forward_stopped.contains(&task.arn) {
                task.wanted = false;
            }
        }
        Some(ecs)
    }

    fn progress(
        &self,
        service: &PlannedService,
        version: &Version,
        ecs: &EcsService,
    ) -> Option<Event> {
        let check = ecs.container.has_health_check();
        let wanted = count(ecs.wanted_tasks());
        let good = count(ecs.wanted_tasks().filter(|t| t.serves(check) && on(t, version)));
        let total = wanted.max(ecs.desired);
        let tally = self.phase.services.get(&service.name)?;
        (tally.good != good || tally.total != total).then(|| Event::Progressed {
            service: service.name.clone(),
            good,
            total,
        })
    }

    fn need_by_stop(&self, service: &PlannedService, version: &Version, ecs: &EcsService) -> Need {
        let check = ecs.container.has_health_check();
        let old: Vec<&Task> =
            ecs.wanted_tasks().filter(|task| task.digest.is_some() && !on(task, version)).collect();
        if old.is_empty() {
            return if self.all_settled(version, ecs) { Need::Nothing } else { Need::Time };
        }
        let going_back = self.rollout.undo.is_some();
        let new: Vec<&Task> = ecs.wanted_tasks().filter(|task| on(task, version)).collect();
        let coming = ecs.wanted_tasks().any(|task| !task.serves(check) && !is_old(task, version))
            || count(ecs.wanted_tasks()) < ecs.desired;
        let tally = self.phase.services.get(&service.name).copied().unwrap_or_default();
        if coming && !going_back {
            return Need::Time;
        }
        if !tally.canary_passed && !going_back {
            if new.is_empty() {
                return self.stop_up_to(1, service, old, ecs);
            }
            if new.iter().all(|task| self.settled(task, version, check)) {
                return Need::Note(Event::CanaryPassed { service: service.name.clone() });
            }
            return Need::Time;
        }
        self.stop_up_to(u32::MAX, service, old, ecs)
    }

    /// Stops old tasks: those that do not serve cost nothing, those that serve only within the
    /// room that is left. Where the settings fixed `stop` and there is never room, one by one.
    fn stop_up_to(
        &self,
        most: u32,
        service: &PlannedService,
        old: Vec<&Task>,
        ecs: &EcsService,
    ) -> Need {
        let check = ecs.container.has_health_check();
        let (serving, idle): (Vec<&Task>, Vec<&Task>) =
            old.into_iter().partition(|task| task.serves(check));
        let never_room = ecs.minimum() >= ecs.desired;
        let all_there = count(ecs.wanted_tasks()) >= ecs.desired
            && ecs.wanted_tasks().all(|task| task.serves(check));
        let room = if never_room && all_there { 1 } else { ecs.room() };
        let tasks = idle.into_iter().chain(serving.into_iter().take(room as usize));
        let tasks: Vec<TaskArn> = tasks.take(most as usize).map(|task| task.arn.clone()).collect();
        if tasks.is_empty() {
            return Need::Time;
        }
        Need::Do(Step::StopTasks { service: service.name.clone(), tasks })
    }

    fn need_by_deployment(
        &self,
        service: &PlannedService,
        version: &Version,
        ecs: &EcsService,
    ) -> Need {
        let Some(primary) = ecs.primary() else { return Need::Time };
        let restart = || {
            Need::Do(Step::StartDeployment {
                service: service.name.clone(),
                replacing: primary.id.clone(),
            })
        };
        let settled = ecs.steady() && self.all_settled(version, ecs);
        let time_unless_settled = if settled { Need::Nothing } else { Need::Time };
        match self.phase.deployments.get(&service.name) {
            // A list that still shows the old primary lags behind; one that shows a third is
            // found by `overtaken`.
            Some(ours) if ours.id == primary.id => time_unless_settled,
            Some(_) if self.rollout.undo.is_some() => time_unless_settled,
            Some(_) => Need::Time,
            None if self.rollout.undo.is_none() => restart(),
            None => match self.rollout.forward.deployments.get(&service.name) {
                // Never restarted: nothing to undo, but it must be seen to run what it should.
                None => time_unless_settled,
                Some(forward) if forward.id == primary.id || forward.replacing == primary.id => {
                    restart()
                }
                // ECS rolled it back natively: that brings the version back by itself.
                Some(_) => time_unless_settled,
            },
        }
    }

    fn all_settled(&self, version: &Version, ecs: &EcsService) -> bool {
        let check = ecs.container.has_health_check();
        count(ecs.wanted_tasks()) >= ecs.desired
            && ecs.wanted_tasks().all(|task| self.settled(task, version, check))
    }

    fn settled(&self, task: &Task, version: &Version, check: bool) -> bool {
        let since = self.now.duration_since(task.since);
        let settle = jiff::SignedDuration::try_from(self.tempo.settle).unwrap_or_default();
        task.serves(check) && on(task, version) && since >= settle
    }

    // Trouble.

    fn forward_trouble(&self) -> Option<Cause> {
        let stop = self.rollout.stop.clone().map(|stop| Cause::Stopped { stop });
        stop.or_else(|| self.step_trouble())
            .or_else(|| self.service_gone())
            .or_else(|| self.task_failed())
            .or_else(|| self.ecs_trouble())
            .or_else(|| self.no_progress())
    }

    fn step_trouble(&self) -> Option<Cause> {
        let (step, failure) = self.phase.failed.clone()?;
        Some(Cause::StepFailed { step, failure })
    }

    fn service_gone(&self) -> Option<Cause> {
        let gone = |service: &&PlannedService| match self.seen.services.get(&service.name) {
            None => false,
            Some(ServiceSeen::Missing) => true,
            Some(ServiceSeen::Found(ecs)) => !ecs.active,
        };
        let service = self.terms.services.iter().find(gone)?;
        Some(Cause::ServiceGone { service: service.name.clone() })
    }

    /// A task that stopped by its own fault, on the new version or before it had pulled any,
    /// after the tag of its image had moved.
    fn task_failed(&self) -> Option<Cause> {
        let moved: BTreeSet<&Repository> =
            self.touched_images().map(|image| &image.repository).collect();
        self.goals().filter(|(service, _)| moved.contains(&service.repository)).find_map(
            |(service, version)| {
                let ecs = self.seen.services.get(&service.name)?.found()?;
                let blamed = |task: &&Task| {
                    task.failed()
                        && !is_old(task, version)
                        && !self.phase.known_failures.contains(&task.arn)
                };
                let task = ecs.tasks.iter().find(blamed)?;
                Some(Cause::TaskFailed {
                    service: service.name.clone(),
                    task: task.arn.clone(),
                    stopped: task.stopped.clone()?,
                })
            },
        )
    }

    fn ecs_trouble(&self) -> Option<Cause> {
        self.phase.deployments.iter().find_map(|(service, ours)| {
            let ecs = self.seen.services.get(service)?.found()?;
            gave_up(service, ours, ecs).or_else(|| overtaken(service, ours, ecs))
        })
    }

    /// Only while something is not good: settling is no lack of progress.
    fn no_progress(&self) -> Option<Cause> {
        let patience = jiff::SignedDuration::try_from(self.tempo.patience).unwrap_or_default();
        if self.now.duration_since(self.phase.progressed_at) < patience {
            return None;
        }
        let (service, tally) = self.phase.services.iter().find(|(name, _)| {
            self.goals().any(|(service, version)| {
                service.name == **name
                    && self.ecs(name).is_some_and(|ecs| !all_serve(version, &ecs))
            })
        })?;
        Some(Cause::NoProgress {
            service: service.clone(),
            good: tally.good,
            total: tally.total,
            minutes: self.tempo.patience.as_secs().div_ceil(60),
        })
    }

    /// Every task of the plan's services that has failed so far.
    fn failed_tasks(&self) -> BTreeSet<TaskArn> {
        failed_tasks(self.terms, self.seen)
    }
}

/// Every task of the plan's services that is seen to have failed: what a phase that begins now
/// must not hold against its version.
pub fn failed_tasks(terms: &Terms, seen: &Observation) -> BTreeSet<TaskArn> {
    terms
        .services
        .iter()
        .filter_map(|service| seen.services.get(&service.name)?.found())
        .flat_map(|ecs| ecs.tasks.iter())
        .filter(|task| task.failed())
        .map(|task| task.arn.clone())
        .collect()
}

fn gave_up(service: &ServiceName, ours: &OurDeployment, ecs: &EcsService) -> Option<Cause> {
    let deployment = ecs.deployments.iter().find(|deployment| deployment.id == ours.id)?;
    match &deployment.rollout {
        RolloutState::Failed { reason } => {
            Some(Cause::EcsGaveUp { service: service.clone(), reason: reason.clone() })
        }
        RolloutState::InProgress | RolloutState::Completed | RolloutState::Unknown => None,
    }
}

fn overtaken(service: &ServiceName, ours: &OurDeployment, ecs: &EcsService) -> Option<Cause> {
    let primary = ecs.primary()?;
    let third = primary.id != ours.id && primary.id != ours.replacing;
    third.then(|| Cause::Overtaken { service: service.clone() })
}

fn all_serve(version: &Version, ecs: &EcsService) -> bool {
    let check = ecs.container.has_health_check();
    count(ecs.wanted_tasks()) >= ecs.desired
        && ecs.wanted_tasks().all(|task| task.serves(check) && on(task, version))
}

fn on(task: &Task, version: &Version) -> bool {
    task.digest.as_ref().is_some_and(|digest| version.is(digest))
}

/// On another version; a task of which ECS does not know yet is neither old nor new.
fn is_old(task: &Task, version: &Version) -> bool {
    task.digest.is_some() && !on(task, version)
}
