//! What went wrong: whether it has to go back, and why it could not.

use std::collections::BTreeSet;

use super::services::{Need, Survey, all_serve, is_old, old_tasks};
use super::{Look, nothing_to_go_back_to};
use crate::domain::event::{Cause, Event, Step};
use crate::domain::id::{Repository, ServiceName, TaskArn};
use crate::domain::observation::{
    ContainerSeen, EcsService, Observation, RolloutState, ServiceDeployment,
    ServiceDeploymentState, ServiceSeen, Stopped, Task,
};
use crate::domain::others::{Change, tag_moved_by_others};
use crate::domain::plan::{PlannedService, Terms, Version, follows};
use crate::domain::rollout::{FailedCheck, OurDeployment};

impl Look<'_> {
    pub(super) fn forward_trouble(&self) -> Option<Cause> {
        let stop = self.rollout.stop.clone().map(|stop| Cause::Stopped { stop });
        stop.or_else(|| self.step_trouble())
            .or_else(|| self.tag_moved())
            .or_else(|| self.terms.services.iter().find_map(|service| self.lost(service)))
            .or_else(|| self.rolled_back_by_ecs())
            .or_else(|| self.task_failed())
            .or_else(|| self.resolved_another())
            .or_else(|| self.check_failed())
            .or_else(|| self.ecs_trouble())
    }

    fn step_trouble(&self) -> Option<Cause> {
        let (step, failure) = self.phase.failed.clone()?;
        Some(Cause::StepFailed { step, failure })
    }

    /// What cannot be brought back.
    pub(super) fn back_trouble(&self) -> Option<Cause> {
        let failed = self.phase.failures.iter().find_map(|(step, failure)| match step {
            Step::MoveTag { .. } | Step::StopTasks { .. } | Step::StartDeployment { .. } => {
                Some(Cause::StepFailed { step: step.clone(), failure: failure.clone() })
            }
            // A comfort for later: everything that runs is back without it.
            Step::KeepTag { .. } | Step::Check { .. } => None,
            // There is another way.
            Step::StopDeployment { .. } => None,
        });
        let nowhere = || {
            let image = self.touched_images().find(|image| self.move_back_step(image).is_none())?;
            Some(nothing_to_go_back_to(self.move_step(image), image))
        };
        let lost = || {
            let touched = |service: &&PlannedService| {
                self.terms.image(&service.repository).is_some_and(|image| self.touched(image))
            };
            let mut services = self.terms.services.iter().filter(touched);
            services.find_map(|service| self.lost(service).or_else(|| self.taken_from_us(service)))
        };
        failed.or_else(nowhere).or_else(lost)
    }

    /// Whether a service can neither go on nor back, because somebody took it away or made it
    /// follow something else.
    pub(super) fn lost(&self, service: &PlannedService) -> Option<Cause> {
        let gone = || Some(Cause::ServiceGone { service: service.name.clone() });
        let ecs = match self.seen.services.get(&service.name)? {
            ServiceSeen::Missing => return gone(),
            ServiceSeen::Found(ecs) if !ecs.active => return gone(),
            ServiceSeen::Found(ecs) => ecs,
        };
        let found = match &ecs.container {
            ContainerSeen::Present { image, .. } => {
                if follows(image, &service.repository, &self.terms.tag) {
                    return None;
                }
                Some(image.clone())
            }
            ContainerSeen::Absent { .. } => None,
        };
        Some(Cause::NotFollowed { service: service.name.clone(), found })
    }

    /// Going back, whether somebody took the place of our ECS deployment, and what they left is
    /// what is undone: theirs is done, and nothing of ours is under way any more.
    pub(super) fn taken_from_us(&self, service: &PlannedService) -> Option<Cause> {
        self.rollout.undo.as_ref()?;
        let ours = self.phase.deployments.get(&service.name)?;
        let ecs = self.ecs(&service.name)?;
        let theirs = ecs.primary().is_some_and(|primary| primary.id != ours.id);
        let before = self.terms.image(&service.repository)?.from.as_ref()?;
        let left = ecs.steady() && !old_tasks(before, &ecs).is_empty();
        let taken = theirs && left && !self.may_lag();
        taken.then(|| Cause::Overtaken { service: service.name.clone() })
    }

    /// A tag that somebody else moved away from where this rollout had put it.
    fn tag_moved(&self) -> Option<Cause> {
        let (repository, found) = self.rollout.changes.iter().find_map(|change| match change {
            Change::TagMoved { repository, found } => Some((repository, found)),
            Change::Scaled { .. } | Change::Redefined { .. } | Change::Deployed { .. } => None,
        })?;
        let image = self.terms.image(repository)?;
        let name = &image.to.name;
        let failure = tag_moved_by_others(repository, &self.terms.tag, name, found.as_ref());
        Some(Cause::StepFailed { step: self.move_step(image), failure })
    }

    /// A task that stopped by its own fault, on the new version or before it had pulled any,
    /// after the tag of its image had moved.
    fn task_failed(&self) -> Option<Cause> {
        let (service, task, stopped) = self.failed_task(|_| true)?;
        Some(Cause::TaskFailed {
            service: service.name.clone(),
            task: task.arn.clone(),
            stopped: stopped.clone(),
        })
    }

    fn failed_task(
        &self,
        of: impl Fn(&ServiceName) -> bool,
    ) -> Option<(&PlannedService, &Task, &Stopped)> {
        let moved: BTreeSet<&Repository> =
            self.touched_images().map(|image| &image.repository).collect();
        let mut goals = self
            .goals()
            .filter(|(service, _)| of(&service.name) && moved.contains(&service.repository));
        goals.find_map(|(service, version)| {
            let ecs = self.seen.services.get(&service.name)?.found()?;
            let blamed = |task: &&Task| {
                task.failed()
                    && !is_old(task, version)
                    && !self.phase.known_failures.contains(&task.arn)
            };
            let task = ecs.tasks.iter().find(blamed)?;
            Some((service, task, task.stopped.as_ref()?))
        })
    }

    /// What ECS tells of our deployments as service deployments.
    fn followed(&self) -> impl Iterator<Item = (&ServiceName, &ServiceDeployment)> {
        self.phase.deployments.iter().filter_map(|(service, ours)| {
            let ecs = self.seen.services.get(service)?.found()?;
            Some((service, ecs.followed.get(&ours.id)?))
        })
    }

    fn rolled_back_by_ecs(&self) -> Option<Cause> {
        self.followed().find_map(|(service, followed)| match &followed.state {
            ServiceDeploymentState::Standing => None,
            ServiceDeploymentState::RolledBack { to, reason } => {
                let failed = self.failed_task(|name| name == service);
                Some(Cause::RolledBackByEcs {
                    service: service.clone(),
                    to: to.clone(),
                    reason: reason.clone(),
                    stopped: failed.map(|(_, _, stopped)| stopped.clone()),
                })
            }
        })
    }

    /// Seen as soon as the first task has pulled, before all tasks are replaced.
    fn resolved_another(&self) -> Option<Cause> {
        self.followed().find_map(|(service, followed)| {
            let found = followed.resolved.as_ref()?;
            let (_, version) = self.goals().find(|(goal, _)| goal.name == *service)?;
            let other = !version.is(found);
            other.then(|| Cause::ResolvedAnother { service: service.clone(), found: found.clone() })
        })
    }

    /// What a service answers when one of its tasks has died is told by that task.
    fn check_failed(&self) -> Option<Cause> {
        let FailedCheck { service, moment, found } = self.phase.unsatisfied.clone()?;
        Some(Cause::CheckFailed { service, moment, found })
    }

    fn ecs_trouble(&self) -> Option<Cause> {
        self.phase.deployments.iter().find_map(|(service, ours)| {
            let ecs = self.seen.services.get(service)?.found()?;
            gave_up(service, ours, ecs).or_else(|| self.overtaken(service, ours, ecs))
        })
    }

    /// Another primary than ours. Soon after ours began, a list that does not show ours yet,
    /// or shows in its place the one that it replaced, may only lag behind.
    fn overtaken(
        &self,
        service: &ServiceName,
        ours: &OurDeployment,
        ecs: &EcsService,
    ) -> Option<Cause> {
        let primary = ecs.primary().filter(|primary| primary.id != ours.id)?;
        let listed = ecs.deployments.iter().any(|deployment| deployment.id == ours.id);
        let newer = listed && primary.id != ours.replacing;
        (newer || !self.may_lag()).then(|| Cause::Overtaken { service: service.clone() })
    }

    /// Whether nothing has got better for too long. Fewer places to fill count as better. What
    /// has just got better, or is about to, counts although no event tells of it yet: a process
    /// that was away for long finds it so.
    pub(super) fn no_progress(&self, survey: &Survey<'_>) -> Option<Cause> {
        // What is being done has its own limits of time.
        if self.phase.under_way.iter().any(Step::acts)
            || survey.counts.iter().any(|event| self.is_better(event))
        {
            return None;
        }
        let gets_on = |need: &Need| match need {
            Need::Nothing | Need::Time => false,
            Need::Note(_) => true,
            Need::Do(step) => self.phase.gets_on(step),
        };
        if survey.needs.iter().any(|(_, _, need)| gets_on(need)) {
            return None;
        }
        let elapsed = self.now.duration_since(self.phase.progressed_at);
        let stuck = |service: &PlannedService, version: &Version| {
            self.patience(service, version).is_some_and(|patience| elapsed >= patience)
        };
        let (service, _, _) = survey.needs.iter().find(|(service, version, need)| match need {
            Need::Nothing => false,
            Need::Time | Need::Note(_) | Need::Do(_) => stuck(service, version),
        })?;
        let tally = self.phase.services.get(&service.name).copied().unwrap_or_default();
        Some(Cause::NoProgress {
            service: service.name.clone(),
            good: tally.good,
            total: tally.total,
            minutes: self.tempo.patience.as_secs().div_ceil(60),
        })
    }

    /// For how long to wait for this service; `None`: settling is no lack of progress.
    fn patience(
        &self,
        service: &PlannedService,
        version: &Version,
    ) -> Option<jiff::SignedDuration> {
        let patience = jiff::SignedDuration::try_from(self.tempo.patience);
        let patience = patience.unwrap_or(jiff::SignedDuration::MAX);
        let Some(ecs) = self.ecs(&service.name) else { return Some(patience) };
        let serve = all_serve(&ecs);
        let tally = self.phase.services.get(&service.name).copied().unwrap_or_default();
        // Before a canary is good it does not stay anywhere.
        let stays = self.rollout.undo.is_none() && self.canary_stays(service);
        if serve && (self.some_settle(version, &ecs) || (stays && tally.good_since.is_some())) {
            return None;
        }
        // A task that ECS moves elsewhere while all are settling has to settle anew.
        let was_complete = self.all_settled(version, &ecs) || tally.best >= tally.total;
        let extra = if was_complete { self.settle().saturating_mul(2) } else { Default::default() };
        // One that is taken away while it stays alone gets a successor, whenever that was.
        let stay = self.rollout.canary.as_ref().filter(|_| stays).map(|canary| canary.stay);
        let stay = jiff::SignedDuration::try_from(stay.unwrap_or_default());
        let stay = stay.unwrap_or(jiff::SignedDuration::MAX);
        Some(patience.saturating_add(extra).saturating_add(stay))
    }

    fn is_better(&self, event: &Event) -> bool {
        event.progress().is_some_and(|(service, good, total)| {
            let tally = self.phase.services.get(service);
            tally.is_some_and(|tally| good > tally.best || total < tally.total)
        })
    }
}

/// Every task of the plan's services that is seen to have failed, or that was on its way
/// before its image was known: what a phase that begins now must not hold against its version.
pub fn failed_tasks(terms: &Terms, seen: &Observation) -> BTreeSet<TaskArn> {
    terms
        .services
        .iter()
        .filter_map(|service| seen.services.get(&service.name)?.found())
        .flat_map(|ecs| ecs.tasks.iter())
        .filter(|task| task.failed() || task.digest.is_none())
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
