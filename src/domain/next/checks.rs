//! When services are asked over HTTP what the settings have them asked: once their canary has
//! settled, and again when everything has.

use super::services::Survey;
use super::{Look, Next};
use crate::domain::after_check::Moment;
use crate::domain::event::{End, Event, Step};
use crate::domain::plan::PlannedService;

impl Look<'_> {
    /// The check that a service has to pass at this moment, unless it has, or has none, or there
    /// is no task that could answer.
    pub(super) fn check_due(&self, service: &PlannedService, moment: Moment) -> Option<Step> {
        let urls = self.rollout.checks.get(&service.name)?.clone();
        let ecs = self.ecs(&service.name)?;
        if ecs.desired == 0 && ecs.wanted_tasks().next().is_none() {
            return None;
        }
        let check = Step::Check { service: service.name.clone(), moment, urls };
        (!self.phase.done.contains(&check)).then_some(check)
    }

    /// The end, once every service has passed its last check, and no check is under way any
    /// more: one of a canary may be, whose old tasks others have stopped meanwhile.
    pub(super) fn check_or(&self, survey: Survey<'_>, end: End) -> Next {
        let services = self.terms.services.iter();
        let due = services.filter_map(|service| self.check_due(service, Moment::End));
        let steps: Vec<Step> = due.collect();
        if steps.is_empty() && self.phase.under_way.is_empty() {
            return survey.next(Event::Ended { end });
        }
        Next { events: survey.counts, steps }
    }
}
