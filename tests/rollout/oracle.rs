//! What is right, by what really stood and what AWS was really asked: nothing here believes
//! what Shipmate says of itself.

use std::collections::BTreeMap;
use std::time::Duration;

use shipmate::domain::event::{End, Event};
use shipmate::domain::plan::Version;
use shipmate::sandbox::{Call, CircuitBreaker, Deed, Mishap, TaskView};

use super::deeds;
use super::facts::{Facts, Side, TAG, digest_of, good, is_on_other, services_of};
use super::play::{Done, Played};
use super::story::{Act, SERVICES, SETTLE, Story};

/// The promises that were broken, as sentences.
pub fn judge(story: &Story, played: &Played) -> Vec<String> {
    let mut broken = Vec::new();
    outsiders(played, &mut broken);
    let Some(deployment) = &played.deployment else {
        broken.push(format!("it never began:\n{}", played.everything));
        return broken;
    };
    let (Some(scene), Some(end)) = (&played.scene, deployment.end()) else {
        broken.push("it does not end".to_owned());
        return broken;
    };
    let facts = Facts { story, played, scene, rollout: deployment.rollout() };
    deeds::judge(&facts, &mut broken);
    let judge = Judge { facts };
    match end {
        End::Succeeded => judge.succeeded(&mut broken),
        End::RolledBack { .. } => judge.went_back(&mut broken),
        End::Cancelled { .. } => {
            judge.went_back(&mut broken);
            let cancelled = played.done.iter().any(|one| matches!(one.act, Act::Cancel));
            judge.expect(cancelled, "nobody cancelled it", &mut broken);
        }
        End::Failed { .. } => judge.failed(&mut broken),
        End::Refused { .. } => judge.refused(&mut broken),
        End::Superseded { .. }
        | End::Rejected { .. }
        | End::Expired
        | End::Unapproved
        | End::Missed => {
            broken.push(format!("nobody did what ends it so: {end:?}"));
        }
    }
    judge.told(&mut broken);
    if !matches!(end, End::Succeeded) && judge.nothing_was_wrong() {
        broken.push(format!("nothing was wrong, and it ended {}", end.code()));
    }
    broken
}

/// Nothing outside the plan is touched.
fn outsiders(played: &Played, broken: &mut Vec<String>) {
    let (before, after) = &played.outsider;
    if before != after {
        broken.push(format!("a service outside the plan changed: {before:?} to {after:?}"));
    }
}

struct Judge<'a> {
    facts: Facts<'a>,
}

impl Judge<'_> {
    fn expect(&self, holds: bool, what: &str, broken: &mut Vec<String>) {
        if !holds {
            broken.push(what.to_owned());
        }
    }

    // What stands at the end.

    fn succeeded(&self, broken: &mut Vec<String>) {
        let Facts { story, played, .. } = self.facts;
        self.all_on(Side::To, broken);
        self.looked_after_acting(broken);
        self.settled(broken);
        self.expect(!played.held, "a success leaves no hold", broken);
        let mut events = played.journal.iter().map(|recorded| &recorded.event);
        let stopped = events.any(|event| matches!(event, Event::StopRequested { .. }));
        self.expect(!stopped, "it was stopped, and succeeded all the same", broken);
        if let Some(check) = &story.check
            && story.is_checked()
        {
            let view = self.facts.service(check.service);
            let has_tasks = view.is_some_and(|view| view.desired > 0);
            let late = self.facts.touched_too_late(check.service);
            let sure = has_tasks && !late;
            self.expect(!sure || played.asked > 0, "its check was never made", broken);
            self.expect(!sure || check.passes, "its check did not pass", broken);
        }
    }

    /// The tags and all tasks of the plan are on this side, unless others saw to it that they
    /// are not, after the last look.
    fn all_on(&self, side: Side, broken: &mut Vec<String>) {
        for (repository, _) in &self.facts.story.targets {
            let version = self.facts.version(repository, side);
            let tag = self.facts.tag(repository);
            if tag != Some(version.digest.as_str()) && !self.facts.tag_moved_too_late(repository) {
                broken.push(format!("the tag of {repository} is at {tag:?}, not {side:?}"));
            }
            for name in services_of(repository) {
                self.service_on(name, version, side, broken);
            }
        }
    }

    fn service_on(&self, name: &str, version: &Version, side: Side, broken: &mut Vec<String>) {
        if self.facts.touched_too_late(name) {
            return;
        }
        let Some(view) = self.facts.service(name) else {
            // What was deleted is left to who did it, and that is told.
            if self.facts.played.card.contains(&format!("{name} is gone")) {
                return;
            }
            broken.push(format!("{name} is gone, and nobody says so"));
            return;
        };
        // What was never restarted is left as it is, whatever ECS is doing with it.
        let left = side == Side::From && !self.facts.restarted(name);
        let is_seen = |task: &&TaskView| self.facts.described(&task.arn).is_some();
        // What ECS does because of somebody else goes on after the last look.
        let churned = self.facts.is_churned(name);
        let wanted = view.tasks.iter().filter(|task| task.wanted);
        let wanted = wanted.filter(|task| !churned || is_seen(task)).count();
        let good = good(view, version).count();
        let strays = view.tasks.iter().filter(|task| task.wanted && is_on_other(task, version));
        let strays = strays.count();
        let short = wanted < view.desired as usize && !churned;
        if strays > 0 || (!left && (good < wanted || short)) {
            broken.push(format!(
                "{name}: {good} of {wanted} tasks are good on {side:?}, {strays} are not on it, \
                 {} are desired",
                view.desired
            ));
        }
    }

    /// An end that says that all is as it should be comes after a look at each service that was
    /// restarted, later than the last thing that was done to it.
    fn looked_after_acting(&self, broken: &mut Vec<String>) {
        for (service, _) in SERVICES {
            let acted = self.facts.deeds().filter(|(place, call)| match call.operation.as_str() {
                "UpdateService" => call.parameters["service"] == service,
                "StopServiceDeployment" => {
                    let arn = call.parameters["serviceDeploymentArn"].as_str();
                    arn.is_some_and(|arn| arn.contains(&format!("/staging/{service}/")))
                }
                // One whose answer was lost is told again to stop, which changes nothing.
                "StopTask" => {
                    let stopped = self.facts.played.stopped.get(service);
                    let arn = call.parameters["task"].as_str().unwrap_or_default();
                    stopped.is_some_and(|tasks| tasks.iter().any(|task| task.arn == arn))
                        && !self.facts.deeds().any(|(other, before)| {
                            other < *place && before.parameters["task"] == arn
                        })
                }
                _ => false,
            });
            if let Some((acted, _)) = acted.last()
                && self.facts.last_look(service).is_none_or(|look| look < acted)
            {
                broken.push(format!("{service} was not looked at after the last step"));
            }
        }
    }

    /// Each task that counts was seen for as long as it has to settle.
    fn settled(&self, broken: &mut Vec<String>) {
        for (repository, _) in &self.facts.story.targets {
            let version = self.facts.version(repository, Side::To);
            let services = services_of(repository).into_iter();
            for view in services.filter_map(|name| self.facts.service(name)) {
                if self.facts.touched_too_late(&view.name) || self.facts.is_churned(&view.name) {
                    continue;
                }
                for task in good(view, version) {
                    let seen = self.facts.described(&task.arn);
                    let span = seen.map_or(Duration::ZERO, |(first, last)| {
                        last.at.duration_since(first.at).unwrap_or_default()
                    });
                    if span < SETTLE {
                        let (name, id) = (&view.name, &task.id);
                        broken.push(format!("{id} of {name} was seen for {span:.1?} only"));
                    }
                }
            }
        }
    }

    /// Others can see to it, before it has its turn, that it cannot work any more.
    fn refused(&self, broken: &mut Vec<String>) {
        let untouched = self.facts.deeds().next().is_none();
        self.expect(untouched, "something was changed, and it was refused", broken);
        let others = self.facts.arrived().any(|one| match &one.act {
            Act::Deed { service, .. } => self.facts.strategy(service).is_some(),
            Act::Tag { repository, .. } => self.facts.story.target(repository).is_some(),
            _ => false,
        });
        self.expect(others, "it was refused, and nobody made that necessary", broken);
    }

    fn went_back(&self, broken: &mut Vec<String>) {
        if !self.facts.touched() {
            let untouched = self.facts.deeds().next().is_none();
            self.expect(untouched, "something was changed, and it says not", broken);
            return;
        }
        self.all_on(Side::From, broken);
        self.looked_after_acting(broken);
        self.expect(self.facts.played.held, "what went back leaves a hold", broken);
    }

    /// Only others can bring it about that what was begun can neither be finished nor undone.
    fn failed(&self, broken: &mut Vec<String>) {
        let card = &self.facts.played.card;
        self.expect(self.facts.played.loud && card.contains("FAILED"), "a failure is loud", broken);
        let others = |one: &Done| self.is_hopeless(&one.act) || self.is_last_word(one);
        let others = self.facts.arrived().any(others);
        self.expect(others, "it failed, and nobody made that necessary", broken);
        if !self.facts.touched() {
            let untouched = self.facts.deeds().next().is_none();
            self.expect(untouched, "something was changed, and it says not", broken);
            return;
        }
        self.expect(self.facts.played.held, "a failure leaves a hold", broken);
        self.standing_is_true(broken);
    }

    /// Whether somebody had ECS roll back what Shipmate deployed last, on its way back: nobody
    /// undoes that.
    fn is_last_word(&self, one: &Done) -> bool {
        let Act::Deed { service, deed: Deed::RollBack } = &one.act else { return false };
        let ours = self.facts.deeds().filter(|(_, call)| {
            call.operation == "UpdateService" && call.parameters["service"] == *service
        });
        ours.last().is_some_and(|(place, _)| one.after > place)
    }

    /// What the card says stands where now, does.
    fn standing_is_true(&self, broken: &mut Vec<String>) {
        for line in self.facts.played.card.lines().map(str::trim) {
            let Some((name, claim)) = line.split_once(": ") else { continue };
            let moved_back = claim.strip_prefix("staging-latest was moved back to ");
            let version = moved_back.and_then(|image| image.split([':', ',']).nth(1));
            if let Some(version) = version
                && !claim.ends_with("somebody else moved it since")
                && self.facts.tag(name) != self.facts.digest(name, version)
                && !self.facts.tag_moved_too_late(name)
            {
                broken.push(format!("the card says `{line}`, and the tag is elsewhere"));
            }
            let counted = claim.split_once('/').and_then(|(good, _)| good.parse::<usize>().ok());
            let goal = claim.rsplit_once(" on ").and_then(|(_, image)| image.split_once(':'));
            if let (Some(good), Some((repository, version))) = (counted, goal)
                && !self.facts.touched_too_late(name)
            {
                let Some(digest) = self.facts.digest(repository, version) else { continue };
                let on = self.facts.service(name).map_or(0, |view| {
                    let on = |task: &&TaskView| task.wanted && digest_of(task) == Some(digest);
                    view.tasks.iter().filter(on).count()
                });
                // Somebody else's deployment goes on replacing tasks after the last look.
                if on < good && !self.facts.is_churning(name) {
                    broken.push(format!("the card says `{line}`, and {on} are"));
                }
            }
        }
    }

    /// What others did in time is told.
    fn told(&self, broken: &mut Vec<String>) {
        let card = &self.facts.played.card;
        let mut scaled: BTreeMap<&str, u32> = BTreeMap::new();
        let in_time = self.facts.arrived().filter(|one| self.facts.could_be_seen(one));
        for one in in_time {
            match &one.act {
                Act::Deed { service, deed: Deed::Scale { desired } } => {
                    scaled.insert(service, *desired);
                }
                Act::Deed { service, deed: Deed::Redefine { .. } }
                    if self.facts.concerns(service) && !self.is_revoked(one) =>
                {
                    let words = [
                        format!("{service} was given another task definition"),
                        format!("{service} no longer follows"),
                        format!("{service} is gone"),
                    ];
                    if !words.iter().any(|words| card.contains(words.as_str())) {
                        broken.push(format!("nobody reads that {service} was redefined"));
                    }
                }
                Act::Tag { repository, to: Some("9.0.0") }
                    if self.facts.story.target(repository).is_some()
                        && self.facts.touched()
                        && !self.is_revoked(one)
                        && !card.contains("somebody else moved it") =>
                {
                    broken.push(format!("nobody reads that the tag of {repository} was moved"));
                }
                Act::Deed { .. }
                | Act::Tag { .. }
                | Act::Tasks { .. }
                | Act::Odds(_)
                | Act::Calm
                | Act::Die { .. }
                | Act::Pause
                | Act::Continue
                | Act::Cancel => {}
            }
        }
        for (service, desired) in scaled {
            let at = SERVICES.iter().position(|(name, _)| *name == service);
            let before = at.map(|at| self.facts.story.counts[at]);
            let sure = self.facts.concerns(service) && !self.facts.touched_too_late(service);
            let gone = card.contains(&format!("{service} is gone"));
            let words = format!("{service} was scaled");
            if sure && before != Some(desired) && !gone && !card.contains(&words) {
                broken.push(format!("nobody reads that {service} was scaled"));
            }
        }
    }

    /// Whether somebody did something else to the same thing afterwards, before Shipmate may
    /// have seen what was there in between.
    fn is_revoked(&self, one: &Done) -> bool {
        // Another definition that ECS deploys while a bad image is under the tag goes back with
        // its circuit breaker, and then stands nowhere.
        let by_ecs = match &one.act {
            Act::Deed { service, deed: Deed::Redefine { .. } } => {
                let story = self.facts.story;
                let repository = SERVICES.iter().find(|(name, _)| name == service);
                let version = repository.and_then(|(_, repository)| story.target(repository));
                story.breaker == CircuitBreaker::Rollback && version == Some("3.0.0")
            }
            _ => false,
        };
        by_ecs
            || self.facts.arrived().any(|later| {
                later.at > one.at
                    && match (&one.act, &later.act) {
                        (Act::Tag { repository, .. }, Act::Tag { repository: other, .. }) => {
                            repository == other
                        }
                        (Act::Deed { service, .. }, Act::Deed { service: other, deed }) => {
                            service == other
                                && matches!(deed, Deed::RollBack | Deed::Redefine { .. })
                        }
                        _ => false,
                    }
            })
    }

    /// No fault, no bad image, nobody who did harm: then nothing but success is right.
    fn nothing_was_wrong(&self) -> bool {
        let harmless = |act: &Act| match act {
            Act::Calm | Act::Die { .. } | Act::Pause | Act::Continue => true,
            Act::Deed { deed, .. } => matches!(deed, Deed::Scale { .. } | Deed::Rebalance),
            Act::Tasks { mishap, .. } => !matches!(mishap, Mishap::Exits(_)),
            Act::Odds(_) | Act::Cancel | Act::Tag { .. } => false,
        };
        !self.facts.story.is_bad()
            && !self.a_stop_came_too_late()
            && self.facts.played.done.iter().all(|one| harmless(&one.act))
    }

    /// Whether a task was told to stop that others, or its host, had ended just before. What takes
    /// its place may have pulled before the tag moved, and looks as if stopping a task brought the
    /// old image back: as on hosts that do not pull, there is no second canary then, and in the
    /// end it goes back. That is careful and not wrong.
    fn a_stop_came_too_late(&self) -> bool {
        let mut stopped = self.facts.played.stopped.values().flatten();
        stopped.any(|task| {
            let reason = task.stopped_reason.as_deref().unwrap_or_default();
            let told = |call: &Call| call.parameters["task"] == task.arn.as_str();
            !reason.starts_with("Shipmate") && self.facts.deeds().any(|(_, call)| told(call))
        })
    }

    /// What can bring it about that neither the way forward nor the way back is open.
    fn is_hopeless(&self, act: &Act) -> bool {
        match act {
            // Away from where it goes back to, or taken away when it is back there. What is
            // promoted may be a late write of ours, and is put right.
            Act::Tag { repository, to } => {
                let target = self.facts.story.target(repository);
                target.is_some() && *to != Some("1.0.0") && *to != target
            }
            Act::Deed { service, deed } => {
                let lost = match deed {
                    Deed::Delete => true,
                    Deed::Redefine { image, .. } => !image.ends_with(TAG),
                    Deed::Scale { .. }
                    | Deed::Deploy
                    | Deed::SetPercent { .. }
                    | Deed::RollBack
                    | Deed::Rebalance => false,
                };
                lost && self.facts.concerns(service)
            }
            Act::Tasks { .. }
            | Act::Odds(_)
            | Act::Calm
            | Act::Die { .. }
            | Act::Pause
            | Act::Continue
            | Act::Cancel => false,
        }
    }
}
