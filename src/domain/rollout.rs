//! A running deployment: what was begun and done in each direction. What to do next is decided
//! in `domain::next`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::after_check::{Moment, Unsatisfied};
use super::event::{Cause, Event, LastLines, Step, StepFailure, StepOutcome, StopRequest};
use super::id::{Digest, EcsDeploymentId, PersonId, Repository, ServiceName, TaskArn};
use super::others::{Change, Standing, standing};
use super::plan::{Plan, Terms};

/// A deployment while it acts, and what it had done when it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollout {
    pub started_at: Timestamp,
    pub forward: Phase,
    /// `Some` from the moment it goes back; there is no way from here to forward.
    pub undo: Option<Undo>,
    /// Somebody wants it undone; `next` begins the undo at the next look.
    pub stop: Option<StopRequest>,
    /// No further step begins; an undo is not held up.
    pub pause: Option<Pause>,
    /// Somebody wants canaries to stay alone for longer than they take to settle.
    pub canary: Option<CanaryStay>,
    /// Late writes of ours to the environment's tag, by the digest that was found there.
    pub repaired: Vec<(Repository, Digest)>,
    /// How its services stand, as far as only others change it.
    pub standing: BTreeMap<ServiceName, Standing>,
    /// What others changed meanwhile.
    pub changes: Vec<Change>,
    /// What the task that it goes back for wrote last.
    pub last_lines: Option<LastLines>,
    /// Services that are containers of one ECS service, by each of them: what restarts one of
    /// them restarts all.
    pub together: BTreeMap<ServiceName, Vec<ServiceName>>,
    /// The services that are asked something over HTTP, with the addresses as people see them.
    pub checks: BTreeMap<ServiceName, Vec<String>>,
}

/// Who holds a rollout up, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    pub by: PersonId,
    pub because: Option<String>,
    pub since: Timestamp,
}

/// For how long each canary stays alone at least, and who asked for that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanaryStay {
    pub by: PersonId,
    pub stay: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undo {
    pub cause: Cause,
    pub phase: Phase,
}

/// One direction of a rollout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phase {
    pub began_at: Timestamp,
    /// Tasks that had failed before: they say nothing about this phase.
    pub known_failures: BTreeSet<TaskArn>,
    pub under_way: BTreeSet<Step>,
    /// How often each service was restarted, whatever came of it: the steps, counted.
    pub restarts: BTreeMap<ServiceName, u32>,
    pub done: BTreeSet<Step>,
    /// The first step that could not be done.
    pub failed: Option<(Step, StepFailure)>,
    /// Every step that could not be done. It may have arrived all the same.
    pub failures: BTreeMap<Step, StepFailure>,
    /// Services that were to be asked at the end, and of which the settings name nothing to ask
    /// any more.
    pub unasked: BTreeSet<ServiceName>,
    /// The first after-check that did not pass.
    pub unsatisfied: Option<FailedCheck>,
    /// Our ECS deployment of each service that was restarted that way.
    pub deployments: BTreeMap<ServiceName, OurDeployment>,
    /// Services of which ECS took it on to roll our deployment back.
    pub called_back: BTreeSet<ServiceName>,
    pub services: BTreeMap<ServiceName, Tally>,
    /// When something last got better.
    pub progressed_at: Timestamp,
}

/// An after-check of a service that did not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedCheck {
    pub service: ServiceName,
    pub moment: Moment,
    pub found: Unsatisfied,
}

/// An ECS deployment that this phase forced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OurDeployment {
    pub id: EcsDeploymentId,
    pub replacing: EcsDeploymentId,
}

/// How far a service is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Tasks that serve on the version that the phase wants.
    pub good: u32,
    /// The most there were at once.
    pub best: u32,
    pub total: u32,
    /// Since when there has been a good one without a break.
    pub good_since: Option<Timestamp>,
    pub canary_passed: bool,
    /// `best` when tasks were last told to stop; `None`: none was yet.
    pub best_when_stopped: Option<u32>,
    /// `total` then.
    pub total_when_stopped: u32,
}

/// The event does not fit a rollout in this condition.
#[derive(Debug, PartialEq, Eq)]
pub struct DoesNotFit;

impl Rollout {
    pub fn begin(plan: &Plan, at: Timestamp, known_failures: BTreeSet<TaskArn>) -> Self {
        let checked = plan.outlook.services.iter().filter(|service| !service.checks.is_empty());
        Self {
            started_at: at,
            together: together(&plan.terms),
            checks: checked.map(|one| (one.name.clone(), one.checks.clone())).collect(),
            forward: Phase::begin(&plan.terms, at, known_failures),
            undo: None,
            stop: None,
            pause: None,
            canary: None,
            repaired: Vec::new(),
            standing: standing(&plan.outlook),
            changes: Vec::new(),
            last_lines: None,
        }
    }

    /// The direction that it goes in now.
    pub fn phase(&self) -> &Phase {
        self.undo.as_ref().map_or(&self.forward, |undo| &undo.phase)
    }

    fn phase_mut(&mut self) -> &mut Phase {
        self.undo.as_mut().map_or(&mut self.forward, |undo| &mut undo.phase)
    }

    /// Takes an event in.
    ///
    /// # Errors
    /// [`DoesNotFit`], and nothing is changed.
    pub fn apply(&mut self, event: &Event, at: Timestamp) -> Result<(), DoesNotFit> {
        match event {
            Event::StepStarted { step } => {
                let restarted = all_of(&self.together, step);
                let phase = self.phase_mut();
                let over = phase.done.contains(step) || phase.failures.contains_key(step);
                if over || !phase.under_way.insert(step.clone()) {
                    return Err(DoesNotFit);
                }
                for service in restarted {
                    *phase.restarts.entry(service).or_default() += 1;
                }
            }
            Event::StepDone { step, outcome } => {
                let restarted = all_of(&self.together, step);
                let phase = self.phase_mut();
                if !phase.under_way.remove(step) {
                    return Err(DoesNotFit);
                }
                phase.finish(step, outcome, &restarted, at);
            }
            Event::StepFailed { step, failure } => {
                let phase = self.phase_mut();
                if !phase.under_way.remove(step) {
                    return Err(DoesNotFit);
                }
                phase.failed.get_or_insert_with(|| (step.clone(), failure.clone()));
                phase.failures.insert(step.clone(), failure.clone());
            }
            Event::Progressed { service, good, total } => {
                let phase = self.phase_mut();
                let tally = phase.services.get_mut(service).ok_or(DoesNotFit)?;
                tally.good = *good;
                tally.total = *total;
                tally.good_since = tally.good_since.or(Some(at)).filter(|_| *good > 0);
                if *good > tally.best {
                    tally.best = *good;
                    phase.progressed_at = at;
                }
            }
            Event::CanaryPassed { service } => {
                let phase = self.phase_mut();
                phase.services.get_mut(service).ok_or(DoesNotFit)?.canary_passed = true;
                phase.progressed_at = at;
            }
            Event::Paused { by, because } => {
                if self.pause.is_some() || self.goes_back() {
                    return Err(DoesNotFit);
                }
                let (by, because) = (by.clone(), because.clone());
                self.pause = Some(Pause { by, because, since: at });
            }
            Event::Continued { .. } => {
                if self.goes_back() || (self.pause.is_none() && self.canary.is_none()) {
                    return Err(DoesNotFit);
                }
                match self.pause.take() {
                    Some(pause) => self.forward.held_up(pause.since, at),
                    None => {
                        self.canary = None;
                        // A successor of a canary that was moved away may just be starting.
                        self.forward.progressed_at = at;
                    }
                }
            }
            Event::CanaryAsked { by, stay } => {
                if self.goes_back() {
                    return Err(DoesNotFit);
                }
                self.canary = Some(CanaryStay { by: by.clone(), stay: *stay });
            }
            Event::TagRepaired { repository, found } => {
                self.repaired.push((repository.clone(), found.clone()));
            }
            Event::OthersChanged { change } => {
                change.note(&mut self.standing);
                self.changes.push(change.clone());
            }
            Event::LogRead(last_lines) => {
                if self.last_lines.is_some() {
                    return Err(DoesNotFit);
                }
                self.last_lines = Some(last_lines.clone());
            }
            Event::StopRequested { stop } => {
                if self.goes_back() {
                    return Err(DoesNotFit);
                }
                self.stop = Some(stop.clone());
            }
            Event::UndoStarted { cause, known_failures } => {
                if self.undo.is_some() || self.forward.under_way.iter().any(Step::acts) {
                    return Err(DoesNotFit);
                }
                // What only asks is given up: nobody needs the answer any more.
                self.forward.under_way.clear();
                let services =
                    self.forward.services.keys().map(|name| (name.clone(), Tally::default()));
                let phase = Phase {
                    services: services.collect(),
                    ..Phase::empty(at, known_failures.clone())
                };
                self.undo = Some(Undo { cause: cause.clone(), phase });
            }
            Event::Requested(_)
            | Event::Posted { .. }
            | Event::VoteCast(_)
            | Event::VoteWithdrawn { .. }
            | Event::Due
            | Event::Approved
            | Event::OutlookChanged { .. }
            | Event::Replanned { .. }
            | Event::Started { .. }
            | Event::Ended { .. } => return Err(DoesNotFit),
        }
        Ok(())
    }

    /// Whether it goes back, or is about to: nothing holds that up.
    pub fn goes_back(&self) -> bool {
        self.undo.is_some() || self.stop.is_some()
    }

    /// Who has paused it, while it is held up by that.
    pub fn paused(&self) -> Option<&Pause> {
        self.pause.as_ref().filter(|_| !self.goes_back())
    }

    /// Whether this rollout has ECS deploy the service, or had, whatever came of it: as its plan
    /// says, or because others left no room for stopping its tasks.
    pub fn is_deployed(&self, name: &ServiceName) -> bool {
        let forward = self.forward.begun();
        let back = self.undo.iter().flat_map(|undo| undo.phase.begun());
        forward.chain(back).any(|step| match step {
            Step::StartDeployment { service, .. } => {
                let with = self.together.get(name);
                service == name || with.is_some_and(|names| names.contains(service))
            }
            Step::MoveTag { .. }
            | Step::KeepTag { .. }
            | Step::StopTasks { .. }
            | Step::StopDeployment { .. }
            | Step::Check { .. } => false,
        })
    }

    /// Whether anything outside may have been changed.
    pub fn touched(&self) -> bool {
        self.forward.begun().next().is_some()
    }
}

/// The services that share an ECS service with others.
fn together(terms: &Terms) -> BTreeMap<ServiceName, Vec<ServiceName>> {
    let mut by_ecs: BTreeMap<&str, Vec<ServiceName>> = BTreeMap::new();
    for service in &terms.services {
        by_ecs.entry(&service.ecs_service).or_default().push(service.name.clone());
    }
    let shared = by_ecs.into_values().filter(|names| names.len() > 1);
    shared
        .flat_map(|names| names.clone().into_iter().map(move |name| (name, names.clone())))
        .collect()
}

/// All services that a step restarts.
fn all_of(together: &BTreeMap<ServiceName, Vec<ServiceName>>, step: &Step) -> Vec<ServiceName> {
    let Some(service) = step.restarted_service() else { return Vec::new() };
    together.get(service).cloned().unwrap_or_else(|| vec![service.clone()])
}

impl Phase {
    fn begin(terms: &Terms, at: Timestamp, known_failures: BTreeSet<TaskArn>) -> Self {
        let services =
            terms.services.iter().map(|service| (service.name.clone(), Tally::default()));
        Self { services: services.collect(), ..Self::empty(at, known_failures) }
    }

    fn empty(at: Timestamp, known_failures: BTreeSet<TaskArn>) -> Self {
        Self {
            began_at: at,
            known_failures,
            under_way: BTreeSet::new(),
            restarts: BTreeMap::new(),
            done: BTreeSet::new(),
            failed: None,
            failures: BTreeMap::new(),
            unasked: BTreeSet::new(),
            unsatisfied: None,
            deployments: BTreeMap::new(),
            called_back: BTreeSet::new(),
            services: BTreeMap::new(),
            progressed_at: at,
        }
    }

    /// `restarted`: the services that the step restarted.
    fn finish(
        &mut self,
        step: &Step,
        outcome: &StepOutcome,
        restarted: &[ServiceName],
        at: Timestamp,
    ) {
        let gets_on = self.gets_on(step);
        match (step, outcome) {
            (Step::StartDeployment { replacing, .. }, StepOutcome::DeploymentStarted { id }) => {
                let ours = OurDeployment { id: id.clone(), replacing: replacing.clone() };
                self.deployments
                    .extend(restarted.iter().map(|service| (service.clone(), ours.clone())));
            }
            (Step::StopDeployment { .. }, StepOutcome::Done) => {
                self.called_back.extend(restarted.iter().cloned());
            }
            (Step::StopTasks { .. }, _) => {
                for service in restarted {
                    if let Some(tally) = self.services.get_mut(service) {
                        tally.best_when_stopped = Some(tally.best);
                        tally.total_when_stopped = tally.total;
                    }
                }
            }
            (Step::Check { service, moment, .. }, StepOutcome::Unsatisfied { found }) => {
                let (service, moment, found) = (service.clone(), *moment, found.clone());
                self.unsatisfied.get_or_insert(FailedCheck { service, moment, found });
            }
            (Step::Check { service, moment: Moment::End, .. }, StepOutcome::NotTaken) => {
                self.unasked.insert(service.clone());
            }
            (
                Step::MoveTag { .. }
                | Step::KeepTag { .. }
                | Step::StartDeployment { .. }
                | Step::StopDeployment { .. }
                | Step::Check { .. },
                StepOutcome::Done
                | StepOutcome::DeploymentStarted { .. }
                | StepOutcome::NotTaken
                | StepOutcome::Unsatisfied { .. },
            ) => {}
        }
        self.done.insert(step.clone());
        if gets_on {
            self.progressed_at = at;
        }
    }

    /// Nothing was to get better in this time, so that it does not count as standing still.
    fn held_up(&mut self, since: Timestamp, until: Timestamp) {
        let idle = until.duration_since(since.max(self.progressed_at));
        if idle.is_positive() {
            self.progressed_at = self.progressed_at.checked_add(idle).unwrap_or(until);
        }
    }

    /// Whether doing this step is progress. Stopping tasks is, unless more good ones than ever
    /// should have come of the last time and did not: stopping the same place again and again
    /// must not look like getting on. Places that were scaled away explain that there are fewer.
    pub fn gets_on(&self, step: &Step) -> bool {
        match step {
            Step::MoveTag { .. }
            | Step::KeepTag { .. }
            | Step::StartDeployment { .. }
            | Step::StopDeployment { .. }
            | Step::Check { .. } => true,
            Step::StopTasks { service, .. } => self.services.get(service).is_some_and(|tally| {
                tally.total < tally.total_when_stopped
                    || tally.best_when_stopped.is_none_or(|before| before < tally.best)
            }),
        }
    }

    /// Whether this service's tasks were restarted, or may have been.
    pub fn restarted(&self, name: &ServiceName) -> bool {
        self.restarts.contains_key(name)
    }

    /// Whether this step was begun, whatever came of it.
    pub fn has_begun(&self, step: &Step) -> bool {
        self.done.contains(step)
            || self.under_way.contains(step)
            || self.failures.contains_key(step)
    }

    /// Every step that was begun, whatever came of it.
    pub fn begun(&self) -> impl Iterator<Item = &Step> {
        self.done.iter().chain(&self.under_way).chain(self.failures.keys())
    }

    /// The tasks that were told to stop. Those of a step that failed may run on: ECS tells.
    pub fn stopped(&self) -> impl Iterator<Item = &TaskArn> {
        self.done
            .iter()
            .chain(&self.under_way)
            .filter_map(|step| match step {
                Step::StopTasks { tasks, .. } => Some(tasks),
                Step::MoveTag { .. }
                | Step::KeepTag { .. }
                | Step::StartDeployment { .. }
                | Step::StopDeployment { .. }
                | Step::Check { .. } => None,
            })
            .flatten()
    }

    /// Tasks good on the wanted version, and all tasks, over all services.
    pub fn totals(&self) -> (u32, u32) {
        let sum = |count: fn(&Tally) -> u32| self.services.values().map(count).sum();
        (sum(|tally| tally.good), sum(|tally| tally.total))
    }
}
