//! What each service needs next, in the direction in which the rollout goes. Tags are moved by
//! now; what went wrong is judged in `trouble`.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::{Look, Next};
use crate::domain::after_check::Moment;
use crate::domain::environment::Strategy;
use crate::domain::event::{Event, Step};
use crate::domain::id::{ServiceName, TaskArn};
use crate::domain::observation::{
    EcsDeployment, EcsService, RolloutState, ServiceSeen, Task, count,
};
use crate::domain::plan::{PlannedService, Version};
use crate::domain::rollout::{OurDeployment, Tally};

/// What one service needs.
pub(super) enum Need {
    /// Nothing: every task is good and has settled.
    Nothing,
    /// To be looked at again.
    Time,
    Note(Box<Event>),
    Do(Step),
}

/// What all services need, and the counts that have changed.
pub(super) struct Survey<'a> {
    /// `Progressed` events.
    pub counts: Vec<Event>,
    pub needs: Vec<(&'a PlannedService, &'a Version, Need)>,
}

impl Survey<'_> {
    /// Only what was seen, and nothing that is to be done about it.
    pub fn noted(self) -> Next {
        let notes = self.needs.into_iter().filter_map(|(_, _, need)| match need {
            Need::Nothing | Need::Time | Need::Do(_) => None,
            Need::Note(event) => Some(*event),
        });
        Next { events: self.counts.into_iter().chain(notes).collect(), steps: Vec::new() }
    }

    /// Whether nothing is needed any more.
    pub fn all_good(&self) -> bool {
        self.needs.iter().all(|(_, _, need)| matches!(need, Need::Nothing))
    }

    /// What they need; the end, once none needs anything.
    pub fn next(self, end: Event) -> Next {
        let mut next = Next { events: self.counts, steps: Vec::new() };
        let mut all_good = true;
        // Of services that are containers of one ECS service, one at a time is restarted.
        let mut restarted: BTreeSet<&str> = BTreeSet::new();
        for (service, _, need) in self.needs {
            match need {
                Need::Nothing => continue,
                Need::Time => {}
                Need::Note(event) => next.events.push(*event),
                Need::Do(step) => {
                    if step.restarted_service().is_none() || restarted.insert(&service.ecs_service)
                    {
                        next.steps.push(step);
                    }
                }
            }
            all_good = false;
        }
        if all_good {
            next.events.push(end);
        }
        next
    }
}

impl Look<'_> {
    pub(super) fn survey(&self) -> Survey<'_> {
        let mut survey = Survey { counts: Vec::new(), needs: Vec::new() };
        for (service, version) in self.goals() {
            let Some(ecs) = self.ecs(&service.name) else {
                survey.needs.push((service, version, Need::Time));
                continue;
            };
            if self.is_busy(service) {
                // What was counted when its tasks were told to stop stands until they are.
                survey.needs.push((service, version, Need::Time));
                continue;
            }
            survey.counts.extend(self.progress(service, version, &ecs));
            survey.needs.push((service, version, self.need(service, version, &ecs)));
        }
        survey.counts.extend(self.counts_of_the_left());
        survey
    }

    /// Going back, what cannot come back is left as it is, and is counted all the same: what is
    /// told in the end is what stands then, and not what stood before somebody took it away.
    fn counts_of_the_left(&self) -> impl Iterator<Item = Event> {
        let left =
            |service: &&PlannedService| self.rollout.undo.is_some() && self.goal(service).is_none();
        self.terms.services.iter().filter(left).filter_map(|service| {
            let image = self.terms.image(&service.repository)?;
            let version = image.from.as_ref().filter(|_| self.touched(image))?;
            match self.seen.services.get(&service.name)? {
                ServiceSeen::Found(ecs) => self.progress(service, version, ecs),
                ServiceSeen::Missing => {
                    let tally = self.phase.services.get(&service.name)?;
                    (tally.good > 0).then(|| Event::Progressed {
                        service: service.name.clone(),
                        good: 0,
                        total: tally.total,
                    })
                }
            }
        })
    }

    /// Whether something is being done to it just now.
    fn is_busy(&self, service: &PlannedService) -> bool {
        let with = self.rollout.together.get(&service.name);
        let restarts = |step: &Step| {
            step.restarts(&service.name)
                || with.is_some_and(|names| names.iter().any(|name| step.restarts(name)))
        };
        self.phase.under_way.iter().any(restarts)
    }

    /// The services that this phase is about, with the version that each should run.
    pub(super) fn goals(&self) -> impl Iterator<Item = (&PlannedService, &Version)> {
        self.terms.services.iter().filter_map(|service| Some((service, self.goal(service)?)))
    }

    fn goal(&self, service: &PlannedService) -> Option<&Version> {
        let image = self.terms.image(&service.repository)?;
        if self.rollout.undo.is_none() {
            return Some(&image.to);
        }
        let can_go = self.touched(image) && !self.stranded(image) && !self.given_up(service);
        if can_go { image.from.as_ref() } else { None }
    }

    /// Going back, the other services do not wait for one that cannot.
    fn given_up(&self, service: &PlannedService) -> bool {
        let stuck = |step: &Step| {
            step.restarts(&service.name) && !matches!(step, Step::StopDeployment { .. })
        };
        self.lost(service).is_some()
            || self.taken_from_us(service).is_some()
            || self.phase.failures.keys().any(stuck)
    }

    /// The service as it was seen, except that tasks which we told to stop do not count as
    /// wanted: ECS's lists may lag behind what it answered.
    pub(super) fn ecs(&self, name: &ServiceName) -> Option<Cow<'_, EcsService>> {
        let ecs = self.seen.services.get(name).and_then(ServiceSeen::found)?;
        let lags = |task: &Task| task.wanted && self.stopped.contains(&task.arn);
        if !ecs.tasks.iter().any(lags) {
            return Some(Cow::Borrowed(ecs));
        }
        let mut ecs = ecs.clone();
        for task in &mut ecs.tasks {
            task.wanted &= !self.stopped.contains(&task.arn);
        }
        Some(Cow::Owned(ecs))
    }

    fn tally(&self, service: &PlannedService) -> Tally {
        self.phase.services.get(&service.name).copied().unwrap_or_default()
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

    fn need(&self, service: &PlannedService, version: &Version, ecs: &EcsService) -> Need {
        let going_back = self.rollout.undo.is_some();
        if going_back && !self.rollout.forward.restarted(&service.name) {
            return self.need_untouched(service, version, ecs);
        }
        let strategy = if self.rollout.is_deployed(&service.name) {
            Strategy::Deployment
        } else {
            service.strategy
        };
        match strategy {
            Strategy::Stop if going_back => self.need_back_by_stop(service, version, ecs),
            Strategy::Stop => self.need_by_stop(service, version, ecs),
            Strategy::Deployment if going_back => {
                self.need_back_by_deployment(service, version, ecs)
            }
            Strategy::Deployment => self.need_by_deployment(service, version, ecs),
        }
    }

    fn need_by_stop(&self, service: &PlannedService, version: &Version, ecs: &EcsService) -> Need {
        let check = ecs.container.has_health_check();
        let old = old_tasks(version, ecs);
        if old.is_empty() {
            // Of a service with one task, the canary is all there is.
            let stays = self.phase.restarted(&service.name)
                && ecs.wanted_tasks().next().is_some()
                && self.canary_stays(service);
            let done = self.all_settled(version, ecs) && !stays;
            return if done { Need::Nothing } else { Need::Time };
        }
        let alone = self.rollout.canary.is_some() && !self.tally(service).canary_passed;
        if service.all_at_once() && !alone {
            return self.need_all_at_once(service, old, ecs);
        }
        let new: Vec<&Task> = ecs.wanted_tasks().filter(|task| on(task, version)).collect();
        let coming = ecs.wanted_tasks().any(|task| !task.serves(check) && !is_old(task, version))
            || count(ecs.wanted_tasks()) < ecs.desired;
        if coming {
            return Need::Time;
        }
        let tally = self.tally(service);
        if tally.canary_passed {
            return self.stop_up_to(service.batch.most(ecs.desired), service, old, ecs);
        }
        if new.iter().any(|task| !self.settled(task, version, check)) {
            return Need::Time;
        }
        if !new.is_empty() && self.canary_stays(service) {
            return Need::Time;
        }
        if !new.is_empty() {
            if let Some(check) = self.check_due(service, Moment::Canary) {
                return Need::Do(check);
            }
            return Need::Note(Box::new(Event::CanaryPassed { service: service.name.clone() }));
        }
        if self.came_back_old(service, ecs) {
            return Need::Time;
        }
        self.stop_up_to(1, service, old, ecs)
    }

    /// Whether somebody wants this service's canary to stay alone for longer than it has.
    /// Counted by the journal: a process that begins in the middle goes on counting.
    pub(super) fn canary_stays(&self, service: &PlannedService) -> bool {
        let Some(canary) = &self.rollout.canary else { return false };
        let tally = self.tally(service);
        if service.strategy != Strategy::Stop || tally.canary_passed {
            return false;
        }
        let stay = jiff::SignedDuration::try_from(canary.stay);
        let stay = stay.unwrap_or(jiff::SignedDuration::MAX);
        tally.good_since.is_none_or(|since| self.now.duration_since(since) < stay)
    }

    /// A canary that served and was then taken away, by scaling or a host, gets a successor; so
    /// does one whose place was scaled away. One in whose place the old image came back does
    /// not: the next would be no better.
    fn came_back_old(&self, service: &PlannedService, ecs: &EcsService) -> bool {
        let tally = self.tally(service);
        let nothing_good = tally.best == 0 && ecs.desired >= tally.total_when_stopped;
        self.phase.restarted(&service.name) && nothing_good
    }

    /// The plain old way: everything that is old stops in one step, and what comes is watched.
    /// A task that had not pulled its image by then, and comes up on the old one, follows.
    fn need_all_at_once(
        &self,
        service: &PlannedService,
        old: Vec<&Task>,
        ecs: &EcsService,
    ) -> Need {
        if self.came_back_old(service, ecs) {
            return Need::Time;
        }
        let tasks = old.into_iter().map(|task| task.arn.clone()).collect();
        Need::Do(Step::StopTasks { service: service.name.clone(), tasks })
    }

    fn need_back_by_stop(
        &self,
        service: &PlannedService,
        version: &Version,
        ecs: &EcsService,
    ) -> Need {
        let old = old_tasks(version, ecs);
        if !old.is_empty() && service.all_at_once() {
            // What was agreed for the way forward holds for the way back.
            let tasks = old.into_iter().map(|task| task.arn.clone()).collect();
            return Need::Do(Step::StopTasks { service: service.name.clone(), tasks });
        }
        if !old.is_empty() {
            return self.stop_up_to(u32::MAX, service, old, ecs);
        }
        // Of a stop that failed nobody knows whether it arrived, until the lists have caught up.
        let unsure = self.rollout.forward.failures.keys().any(|s| s.restarts(&service.name));
        if (unsure && self.may_lag()) || !self.all_settled(version, ecs) {
            return Need::Time;
        }
        Need::Nothing
    }

    /// Going back, a service that was never restarted is left as it was. Only tasks that ECS
    /// itself started on the undone version, while the tag pointed there, are replaced.
    fn need_untouched(
        &self,
        service: &PlannedService,
        version: &Version,
        ecs: &EcsService,
    ) -> Need {
        let Some(image) = self.terms.image(&service.repository) else { return Need::Nothing };
        let mut strays = old_tasks(version, ecs);
        strays.retain(|task| on(task, &image.to));
        if !strays.is_empty() {
            return match service.strategy {
                Strategy::Stop => self.stop_up_to(u32::MAX, service, strays, ecs),
                Strategy::Deployment if self.phase.deployments.contains_key(&service.name) => {
                    Need::Time
                }
                Strategy::Deployment => self.restart_once_steady(service, ecs),
            };
        }
        let restarted = self.phase.restarted(&service.name);
        let check = ecs.container.has_health_check();
        let whole = count(ecs.wanted_tasks()) >= ecs.desired
            && (service.strategy == Strategy::Stop || ecs.steady())
            && ecs
                .wanted_tasks()
                .all(|task| is_old(task, version) || self.settled(task, version, check));
        let unknown = ecs.wanted_tasks().any(|task| task.digest.is_none());
        if unknown || self.may_lag() || (restarted && !whole) {
            return Need::Time;
        }
        Need::Nothing
    }

    /// Stops old tasks: those that do not serve cost nothing, those that serve only within the
    /// room that is left. Where there is never room, one by one, if the plan says so, or to
    /// get rid of an image that went wrong.
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
        let agreed = service.below_minimum || service.all_at_once();
        let may_go_below = agreed || self.rollout.undo.is_some();
        let one_by_one = may_go_below && ecs.never_room() && all_serve(ecs);
        let room = if one_by_one { 1 } else { ecs.room() };
        let tasks = idle.into_iter().chain(serving.into_iter().take(room as usize));
        let tasks: Vec<TaskArn> = tasks.take(most as usize).map(|task| task.arn.clone()).collect();
        if !tasks.is_empty() {
            return Need::Do(Step::StopTasks { service: service.name.clone(), tasks });
        }
        // Scaled in, or given another minimum, so that no task can be stopped any more: ECS's own
        // deployment starts the new ones first.
        match ecs.primary().filter(|_| self.rollout.undo.is_none()) {
            Some(primary) if ecs.never_room() && ecs.steady() && all_serve(ecs) => {
                restart(service, primary)
            }
            Some(_) | None => Need::Time,
        }
    }

    fn need_by_deployment(
        &self,
        service: &PlannedService,
        version: &Version,
        ecs: &EcsService,
    ) -> Need {
        let Some(primary) = ecs.primary() else { return Need::Time };
        match self.phase.deployments.get(&service.name) {
            Some(ours) if ours.id == primary.id => self.time_unless_settled(version, ecs),
            // A list that still shows the old primary lags behind; one that shows another is
            // found by `overtaken`.
            Some(_) => Need::Time,
            // Tasks that run the version already are not restarted. A service without tasks
            // is: those that it starts later would come from what ECS resolved before.
            None if ecs.steady() && runs_only(version, ecs) => {
                self.time_unless_settled(version, ecs)
            }
            None => restart(service, primary),
        }
    }

    fn need_back_by_deployment(
        &self,
        service: &PlannedService,
        version: &Version,
        ecs: &EcsService,
    ) -> Need {
        let Some(primary) = ecs.primary() else { return Need::Time };
        if let Some(ours) = self.phase.deployments.get(&service.name) {
            // Another primary than ours may be an old one in a list that lags behind.
            let lagging = ours.id != primary.id && self.may_lag();
            return if lagging { Need::Time } else { self.time_unless_settled(version, ecs) };
        }
        let forward = &self.rollout.forward;
        let to_undo = match forward.deployments.get(&service.name) {
            Some(OurDeployment { id, .. }) => *id == primary.id,
            // It was asked for, and the answer is not known: a primary that is new is ours.
            None => !forward.failures.keys().any(|step| match step {
                Step::StartDeployment { service: name, replacing } => {
                    *name == service.name && *replacing == primary.id
                }
                Step::MoveTag { .. }
                | Step::KeepTag { .. }
                | Step::StopTasks { .. }
                | Step::StopDeployment { .. }
                | Step::Check { .. } => false,
            }),
        };
        if to_undo && ecs.steady() && runs_only(version, ecs) {
            // Its tasks were pulled when the tag was back already.
            return self.time_unless_settled(version, ecs);
        }
        if to_undo {
            return self.call_back(service, primary).unwrap_or_else(|| restart(service, primary));
        }
        // The list lags behind, or ours never came, or ECS rolled it back natively, or somebody
        // took its place. The last three may have brought the version back by themselves.
        if self.may_lag() {
            return Need::Time;
        }
        if self.all_settled(version, ecs) || old_tasks(version, ecs).is_empty() {
            return self.time_unless_settled(version, ecs);
        }
        self.restart_once_steady(service, ecs)
    }

    /// ECS's own way back from a deployment of ours that is still in progress: what still runs
    /// the old version stays, and the old service revision needs no tag. `None`: that way is
    /// closed, and a new deployment goes there.
    fn call_back(&self, service: &PlannedService, primary: &EcsDeployment) -> Option<Need> {
        let ours = self.rollout.forward.deployments.get(&service.name)?;
        let step =
            Step::StopDeployment { service: service.name.clone(), deployment: ours.id.clone() };
        if self.phase.called_back.contains(&service.name) {
            // ECS took it on; a list that shows ours in its place lags behind.
            return self.may_lag().then_some(Need::Time);
        }
        let tried = self.phase.has_begun(&step);
        let in_progress = primary.id == ours.id && primary.rollout == RolloutState::InProgress;
        (in_progress && !tried).then_some(Need::Do(step))
    }

    /// What ECS has under way may bring the tasks by itself, unless they fail on what is undone.
    fn restart_once_steady(&self, service: &PlannedService, ecs: &EcsService) -> Need {
        match ecs.primary() {
            Some(primary)
                if ecs.steady() || primary.has_failed() || self.fails_on_undone(service, ecs) =>
            {
                restart(service, primary)
            }
            Some(_) | None => Need::Time,
        }
    }

    /// Whether a task failed on the undone version since it goes back: an ECS deployment of
    /// somebody else's that began while the tag pointed there starts it again and again.
    fn fails_on_undone(&self, service: &PlannedService, ecs: &EcsService) -> bool {
        let image = self.terms.image(&service.repository);
        let failed = |task: &Task| {
            task.failed()
                && image.is_some_and(|image| on(task, &image.to))
                && !self.phase.known_failures.contains(&task.arn)
        };
        ecs.tasks.iter().any(failed)
    }

    fn time_unless_settled(&self, version: &Version, ecs: &EcsService) -> Need {
        let settled = ecs.steady() && self.all_settled(version, ecs);
        if settled { Need::Nothing } else { Need::Time }
    }

    pub(super) fn all_settled(&self, version: &Version, ecs: &EcsService) -> bool {
        let check = ecs.container.has_health_check();
        count(ecs.wanted_tasks()) >= ecs.desired
            && ecs.wanted_tasks().all(|task| self.settled(task, version, check))
    }

    /// Whether some task of this version has still to settle.
    pub(super) fn some_settle(&self, version: &Version, ecs: &EcsService) -> bool {
        let check = ecs.container.has_health_check();
        ecs.wanted_tasks().any(|task| on(task, version) && !self.settled(task, version, check))
    }

    fn settled(&self, task: &Task, version: &Version, check: bool) -> bool {
        let since = self.now.duration_since(task.since);
        task.serves(check) && on(task, version) && since >= self.settle()
    }
}

fn restart(service: &PlannedService, primary: &EcsDeployment) -> Need {
    Need::Do(Step::StartDeployment { service: service.name.clone(), replacing: primary.id.clone() })
}

/// On whichever version.
pub(super) fn all_serve(ecs: &EcsService) -> bool {
    let check = ecs.container.has_health_check();
    count(ecs.wanted_tasks()) >= ecs.desired && ecs.wanted_tasks().all(|task| task.serves(check))
}

/// It has tasks, and all are on this version.
fn runs_only(version: &Version, ecs: &EcsService) -> bool {
    ecs.wanted_tasks().next().is_some() && ecs.wanted_tasks().all(|task| on(task, version))
}

pub(super) fn old_tasks<'a>(version: &Version, ecs: &'a EcsService) -> Vec<&'a Task> {
    ecs.wanted_tasks().filter(|task| is_old(task, version)).collect()
}

fn on(task: &Task, version: &Version) -> bool {
    task.digest.as_ref().is_some_and(|digest| version.is(digest))
}

/// On another version; a task of which ECS does not know yet is neither old nor new.
pub(super) fn is_old(task: &Task, version: &Version) -> bool {
    task.digest.is_some() && !on(task, version)
}
