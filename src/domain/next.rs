//! What to do next: a pure function of a rollout, of what was seen, and of the time. It
//! answers with events to record and steps that may be under way at once; it never acts.

mod checks;
mod services;
mod trouble;

use std::collections::HashSet;
use std::time::Duration;

use jiff::Timestamp;

use super::event::{Cause, End, Event, Step, StepFailure, StopRequest};
use super::id::TaskArn;
use super::observation::Observation;
use super::others::{Change, changes};
use super::plan::{ImageMove, Kind, PlannedService, Terms};
use super::rollout::{Phase, Rollout};

pub use trouble::failed_tasks;

/// For how long ECS may go on showing what was before a call that it has answered.
const LAG: jiff::SignedDuration = jiff::SignedDuration::from_secs(10);

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

    /// The same beside the steps that are under way: they come first, and nothing turns back or
    /// ends before they have come to theirs. An undo waits for no step that only asks.
    fn beside(self, phase: &Phase) -> Self {
        if phase.under_way.is_empty() {
            return self;
        }
        let mut steps: Vec<Step> = phase.under_way.iter().cloned().collect();
        if self.events.iter().any(Event::is_turn) {
            let acts = steps.iter().any(Step::acts);
            return if acts { Self { events: Vec::new(), steps } } else { self };
        }
        steps.extend(self.steps.into_iter().filter(|step| !phase.under_way.contains(step)));
        Self { events: self.events, steps }
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
    let stopped = rollout.forward.stopped().chain(phase.stopped()).collect();
    let look = Look { terms, rollout, phase, seen, tempo, now, stopped };
    let mut decided = match &rollout.undo {
        None => look.forward(),
        Some(undo) => look.back(&undo.cause),
    };
    // Those that were restarted least go first: each service's canary before anybody's rest.
    decided.steps.sort_by_key(|step| {
        let service = step.restarted_service();
        service.and_then(|service| phase.restarts.get(service)).copied().unwrap_or(0)
    });
    let mut next = decided.beside(phase);
    let mut changes = changes(terms, &rollout.standing, seen);
    changes.retain(|change| match change {
        // Ours, or found otherwise.
        Change::Deployed { service, .. } => !rollout.is_deployed(service),
        Change::Scaled { .. } | Change::Redefined { .. } | Change::TagMoved { .. } => true,
    });
    let told = changes.into_iter().map(|change| Event::OthersChanged { change });
    next.events.splice(0..0, told);
    next
}

/// One decision's inputs.
struct Look<'a> {
    terms: &'a Terms,
    rollout: &'a Rollout,
    phase: &'a Phase,
    seen: &'a Observation,
    tempo: Tempo,
    now: Timestamp,
    /// Every task that was told to stop, in either direction.
    stopped: HashSet<&'a TaskArn>,
}

impl Look<'_> {
    fn forward(&self) -> Next {
        if let Some(cause) = self.forward_trouble() {
            return self.turn_back(cause);
        }
        let tags = self.forward_tags();
        let paused = self.rollout.paused().is_some();
        if !tags.is_empty() && !paused {
            return Next { events: Vec::new(), steps: tags };
        }
        let survey = self.survey();
        if paused {
            // What is new is watched on, and nothing else: no step, no end, no lack of patience.
            return if tags.is_empty() { survey.noted() } else { Next::default() };
        }
        match self.no_progress(&survey) {
            Some(cause) => self.turn_back(cause),
            None if survey.all_good() => self.check_or(survey, End::Succeeded),
            None => survey.next(Event::Ended { end: End::Succeeded }),
        }
    }

    fn turn_back(&self, cause: Cause) -> Next {
        if !self.rollout.touched() {
            return Next::event(Event::Ended { end: end_untouched(cause) });
        }
        let known_failures = failed_tasks(self.terms, self.seen);
        Next::event(Event::UndoStarted { cause, known_failures })
    }

    /// Brings back what can be brought back, whatever else cannot, and then says how it went:
    /// a tag that is stuck in one repository is no reason to leave a bad image in another.
    fn back(&self, cause: &Cause) -> Next {
        let tags = self.back_tags();
        if !tags.is_empty() {
            return Next { events: Vec::new(), steps: tags };
        }
        let survey = self.survey();
        let trouble = self.back_trouble();
        let failed = |undo: Cause| End::Failed { cause: cause.clone(), undo: Some(undo) };
        if let Some(stuck) = self.no_progress(&survey) {
            // With what was counted: there may be fewer good ones than there were.
            let end = Event::Ended { end: failed(trouble.unwrap_or(stuck)) };
            return Next {
                events: survey.counts.into_iter().chain([end]).collect(),
                steps: Vec::new(),
            };
        }
        let end = match (trouble, cause) {
            (Some(trouble), _) => failed(trouble),
            (None, Cause::Stopped { stop }) => end_stopped(stop.clone()),
            (
                None,
                Cause::TaskFailed { .. }
                | Cause::NoProgress { .. }
                | Cause::EcsGaveUp { .. }
                | Cause::RolledBackByEcs { .. }
                | Cause::ResolvedAnother { .. }
                | Cause::Overtaken { .. }
                | Cause::ServiceGone { .. }
                | Cause::NotFollowed { .. }
                | Cause::CheckFailed { .. }
                | Cause::StepFailed { .. },
            ) => End::RolledBack { cause: cause.clone() },
        };
        survey.next(Event::Ended { end })
    }

    // Tags. All that keep something come before any that moves, and all move before any
    // restart: a task that starts in between must find the image it should run.

    fn forward_tags(&self) -> Vec<Step> {
        let keeps = self.terms.images.iter().filter_map(|image| self.keep_step(image));
        let keeps = self.untried(keeps);
        if !keeps.is_empty() {
            return keeps;
        }
        self.untried(self.terms.images.iter().map(|image| self.move_step(image)))
    }

    /// A rollback does not write the undone digest anywhere; a promotion keeps what it replaces.
    fn keep_step(&self, image: &ImageMove) -> Option<Step> {
        let from = image.from.as_ref()?;
        let needed = self.terms.kind == Kind::Promotion && from.digest != image.to.digest;
        needed.then(|| Step::KeepTag {
            repository: image.repository.clone(),
            tag: self.terms.previous_tag.clone(),
            digest: from.digest.clone(),
        })
    }

    fn move_step(&self, image: &ImageMove) -> Step {
        Step::moves_to_target(self.terms, image)
    }

    /// `None`: there is nothing to go back to.
    fn move_back_step(&self, image: &ImageMove) -> Option<Step> {
        let from = image.from.as_ref().filter(|from| from.digest != image.to.digest)?;
        Some(Step::MoveTag {
            repository: image.repository.clone(),
            tag: self.terms.tag.clone(),
            from: Some(image.to.digest.clone()),
            to: from.digest.clone(),
        })
    }

    /// Back to where each tag was that may have moved; and then `<environment>-previous` to
    /// what it kept before, so that what an earlier rollback needs stays tagged.
    fn back_tags(&self) -> Vec<Step> {
        let moves = self.touched_images().filter_map(|image| self.move_back_step(image));
        let moves = self.untried(moves);
        if !moves.is_empty() {
            return moves;
        }
        let keeps = self.terms.images.iter().filter(|image| !self.stranded(image));
        self.untried(keeps.filter_map(|image| self.keep_back_step(image)))
    }

    fn keep_back_step(&self, image: &ImageMove) -> Option<Step> {
        let kept = self.keep_step(image)?;
        if !self.rollout.forward.has_begun(&kept) {
            return None;
        }
        let from = image.from.as_ref()?;
        let before = image.previous.as_ref()?;
        // What is being undone is never kept, also where it had been before.
        let worth_it = *before != image.to.digest && *before != from.digest;
        worth_it.then(|| Step::KeepTag {
            repository: image.repository.clone(),
            tag: self.terms.previous_tag.clone(),
            digest: before.clone(),
        })
    }

    fn untried(&self, steps: impl Iterator<Item = Step>) -> Vec<Step> {
        let tried =
            |step: &Step| self.phase.done.contains(step) || self.phase.failures.contains_key(step);
        steps.filter(|step| !tried(step)).collect()
    }

    /// The images of which something may have changed.
    fn touched_images(&self) -> impl Iterator<Item = &ImageMove> {
        self.terms.images.iter().filter(|image| self.touched(image))
    }

    fn touched(&self, image: &ImageMove) -> bool {
        let forward = &self.rollout.forward;
        let step = self.move_step(image);
        if !forward.has_begun(&step) {
            return false;
        }
        // Moving a tag to where it is changes nothing.
        let stays = image.from.as_ref().is_some_and(|from| from.digest == image.to.digest);
        !stays || self.services_of(image).any(|service| forward.restarted(&service.name))
    }

    /// Whether its tag was touched and cannot be brought back.
    fn stranded(&self, image: &ImageMove) -> bool {
        self.touched(image)
            && self.move_back_step(image).is_none_or(|step| self.phase.failures.contains_key(&step))
    }

    fn services_of(&self, image: &ImageMove) -> impl Iterator<Item = &PlannedService> {
        let repository = image.repository.clone();
        self.terms.services.iter().filter(move |service| service.repository == repository)
    }

    /// Whether so little time has passed since the last step that lists may still lag.
    fn may_lag(&self) -> bool {
        self.now.duration_since(self.phase.progressed_at) < LAG
    }

    fn settle(&self) -> jiff::SignedDuration {
        jiff::SignedDuration::try_from(self.tempo.settle).unwrap_or(jiff::SignedDuration::MAX)
    }
}

/// A rollout that never began to change anything needs no undo.
fn end_untouched(cause: Cause) -> End {
    match cause {
        Cause::Stopped { stop } => end_stopped(stop),
        cause @ (Cause::TaskFailed { .. }
        | Cause::NoProgress { .. }
        | Cause::EcsGaveUp { .. }
        | Cause::RolledBackByEcs { .. }
        | Cause::ResolvedAnother { .. }
        | Cause::Overtaken { .. }
        | Cause::ServiceGone { .. }
        | Cause::NotFollowed { .. }
        | Cause::CheckFailed { .. }
        | Cause::StepFailed { .. }) => End::Failed { cause, undo: None },
    }
}

fn end_stopped(stop: StopRequest) -> End {
    match stop {
        StopRequest::Person { person, because } => {
            End::Cancelled { by: person, because, undone: true }
        }
        StopRequest::Rollback { deployment } => End::Superseded { by: deployment, undone: true },
    }
}

fn nothing_to_go_back_to(step: Step, image: &ImageMove) -> Cause {
    let failure = StepFailure {
        transient: false,
        code: "nothing-to-go-back-to".to_owned(),
        detail: format!("nothing else ran from {} before", image.repository),
    };
    Cause::StepFailed { step, failure }
}
