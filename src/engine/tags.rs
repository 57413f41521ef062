//! What is read of tags just before a restart and before a good end, while the turn is held. A
//! restart while somebody else's image is under the tag would spread that image, and what runs
//! is not what should run where the tag says something else.

use std::time::Duration;

use super::runner::Hands;
use crate::domain::deployment::Deployment;
use crate::domain::event::{Cause, End, Event, Step, StepFailure};
use crate::domain::id::{Digest, ServiceName};
use crate::domain::others::{Change, tag_moved_by_others};
use crate::domain::plan::ImageMove;

/// How often a tag is read before it counts as moved by others, and the pause between: a read
/// may lag behind our own write.
const TAG_READS: u32 = 3;
const TAG_LAG: Duration = Duration::from_millis(200);

/// Where a tag was found.
enum Found {
    /// Where the present direction wants it.
    Right,
    /// Where this deployment had put it before it turned back: AWS carried that out late, and
    /// it has been put right.
    Repaired(Digest),
    /// Somebody else moved it.
    Moved { now: Option<Digest>, failure: StepFailure },
}

impl Hands<'_> {
    /// Whether a service that is restarted now would come back on what it should run.
    pub async fn check_tag_of(
        &self,
        deployment: &Deployment,
        service: &ServiceName,
    ) -> Result<(), StepFailure> {
        let terms = &deployment.plan.terms;
        let planned = terms.services.iter().find(|planned| &planned.name == service);
        let Some(image) = planned.and_then(|planned| terms.image(&planned.repository)) else {
            return Ok(());
        };
        match self.check_tag(deployment, image).await? {
            Found::Right | Found::Repaired(_) => Ok(()),
            Found::Moved { failure, .. } => Err(failure),
        }
    }

    /// Turns an end that says "all is as it should be" into one that does not, where a tag has
    /// been moved by somebody else; tells what was put right.
    pub async fn check_tags(
        &self,
        deployment: &Deployment,
        end: &mut End,
    ) -> Result<Vec<Event>, StepFailure> {
        let mut repairs = Vec::new();
        let Some(rollout) = deployment.rollout() else { return Ok(repairs) };
        let cause = match end {
            End::Succeeded => None,
            End::RolledBack { .. } | End::Cancelled { .. } | End::Superseded { .. } => {
                match &rollout.undo {
                    None => return Ok(repairs),
                    Some(undo) => Some(undo.cause.clone()),
                }
            }
            End::Failed { .. }
            | End::Rejected { .. }
            | End::Expired
            | End::Unapproved
            | End::Missed
            | End::Refused { .. } => return Ok(repairs),
        };
        let terms = &deployment.plan.terms;
        for image in &terms.images {
            let step = Step::moves_to_target(terms, image);
            if !rollout.forward.has_begun(&step) {
                continue;
            }
            match self.check_tag(deployment, image).await {
                Err(failure) if failure.transient => return Err(failure),
                Ok(Found::Right) => {}
                Ok(Found::Repaired(found)) => {
                    let repository = image.repository.clone();
                    repairs.push(Event::TagRepaired { repository, found });
                }
                // What may not be read is not known to be right, and never will be.
                Ok(Found::Moved { failure, .. }) | Err(failure) => {
                    let moved = Cause::StepFailed { step, failure };
                    *end = match cause {
                        None => End::Failed { cause: moved, undo: None },
                        Some(cause) => End::Failed { cause, undo: Some(moved) },
                    };
                    return Ok(repairs);
                }
            }
        }
        Ok(repairs)
    }

    async fn check_tag(
        &self,
        deployment: &Deployment,
        image: &ImageMove,
    ) -> Result<Found, StepFailure> {
        let tag = &deployment.plan.terms.tag;
        let going_back = deployment.rollout().is_some_and(|rollout| rollout.undo.is_some());
        let wanted = if going_back { image.from.as_ref() } else { Some(&image.to) };
        let Some(wanted) = wanted else { return Ok(Found::Right) };
        let mut now = None;
        for reads in 1..=TAG_READS {
            now = self.account.ecr.resolve(&image.repository, tag).await?;
            if now.as_ref() == Some(&wanted.digest) {
                return Ok(Found::Right);
            }
            if reads < TAG_READS {
                self.engine.parts.clock.sleep(TAG_LAG).await;
            }
        }
        // Going forward this deployment wrote nothing else; going back, what it wrote before.
        if let Some(late) = now.as_ref().filter(|now| going_back && **now == image.to.digest) {
            let (repository, to) = (&image.repository, &wanted.digest);
            tracing::warn!(deployment.id = %deployment.id, %repository, %tag, "a late write of ours is put right");
            self.account.ecr.move_tag(repository, tag, Some(late), to).await?;
            return Ok(Found::Repaired(late.clone()));
        }
        let failure = tag_moved_by_others(&image.repository, tag, &wanted.name, now.as_ref());
        Ok(Found::Moved { now, failure })
    }

    /// While nothing is to be done: whether somebody has moved a tag away from where this
    /// deployment put it. That is written down; what it means is decided with the next look.
    pub async fn notice_tags(&self, deployment: &mut Deployment) -> anyhow::Result<bool> {
        let mut moved = Vec::new();
        for image in self.ours(deployment) {
            match self.check_tag(deployment, &image).await {
                Ok(Found::Moved { now, .. }) => {
                    let change = Change::TagMoved { repository: image.repository, found: now };
                    moved.push(Event::OthersChanged { change });
                }
                Ok(Found::Right | Found::Repaired(_)) => {}
                Err(unknown) => {
                    tracing::debug!(deployment.id = %deployment.id, error = unknown.detail, "could not read a tag; looking again");
                }
            }
        }
        let noticed = !moved.is_empty();
        self.record(deployment, moved).await?;
        Ok(noticed)
    }

    /// The images whose tags have been moved, and of which nothing else is known, while it goes
    /// forward.
    fn ours(&self, deployment: &Deployment) -> Vec<ImageMove> {
        let Some(rollout) = deployment.rollout().filter(|rollout| rollout.undo.is_none()) else {
            return Vec::new();
        };
        let terms = &deployment.plan.terms;
        let known = |image: &&ImageMove| {
            rollout.changes.iter().any(|change| match change {
                Change::TagMoved { repository, .. } => *repository == image.repository,
                Change::Scaled { .. } | Change::Redefined { .. } | Change::Deployed { .. } => false,
            })
        };
        let done = |image: &&ImageMove| {
            rollout.forward.done.contains(&Step::moves_to_target(terms, image))
        };
        let ours = terms.images.iter().filter(done).filter(|image| !known(image));
        ours.cloned().collect()
    }
}
