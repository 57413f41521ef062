//! Why something went wrong and what a step does, in words.

use crate::domain::after_check::{Answer, Moment, Unsatisfied};
use crate::domain::diagnosis::Diagnosis;
use crate::domain::event::{Cause, Step, StepFailure, StopRequest};
use crate::domain::id::{DeploymentId, ServiceName, TaskArn};
use crate::domain::observation::{StopCause, Stopped};
use crate::domain::others::is_tag_moved_by_others;
use crate::domain::plan::Terms;

use super::plan::name_of;
use super::words;

/// A step, for every place where a sentence may need it.
pub struct StepWords {
    doing: &'static str,
    done: &'static str,
    to: &'static str,
    what: String,
}

impl StepWords {
    pub fn of(step: &Step, terms: &Terms) -> Self {
        let word = |doing, done, to, what| Self { doing, done, to, what };
        match step {
            Step::MoveTag { repository, tag, to, .. } => word(
                "moving",
                "moved",
                "move",
                format!("{tag} of {repository} to {}", name_of(terms, repository, to)),
            ),
            Step::KeepTag { repository, tag, digest } => word(
                "keeping",
                "kept",
                "keep",
                format!("{} as {tag}", name_of(terms, repository, digest)),
            ),
            Step::StopTasks { service, tasks } => word(
                "stopping",
                "stopped",
                "stop",
                format!("{} of {service}", crate::domain::plural(tasks.len(), "task")),
            ),
            Step::StartDeployment { service, .. } => {
                word("starting", "started", "start", format!("a new ECS deployment of {service}"))
            }
            Step::StopDeployment { service, .. } => word(
                "having ECS roll back",
                "had ECS roll back",
                "have ECS roll back",
                format!("its deployment of {service}"),
            ),
            Step::Check { service, urls, .. } => {
                word("checking", "checked", "check", format!("{service} at {}", addresses(urls)))
            }
        }
    }

    /// `moving staging-latest of core to core:1.5.0`
    pub fn doing(&self) -> String {
        format!("{} {}", self.doing, self.what)
    }

    /// `moved staging-latest of core to core:1.5.0`
    pub fn done(&self) -> String {
        format!("{} {}", self.done, self.what)
    }

    /// `move staging-latest of core to core:1.5.0`
    pub fn to(&self) -> String {
        format!("{} {}", self.to, self.what)
    }
}

/// What went wrong, as one sentence.
pub fn sentence(cause: &Cause, terms: &Terms) -> String {
    match cause {
        Cause::TaskFailed { service, stopped, .. } => task_failed(service, stopped, terms),
        Cause::NoProgress { service, good, total, minutes } => format!(
            "{service} made no progress for {minutes} min: {}.",
            words::good_of(*good, *total)
        ),
        Cause::EcsGaveUp { service, reason } => {
            words::sentence(&format!("ECS gave up on {service}: {}", words::clean(reason)))
        }
        Cause::RolledBackByEcs { service, to, reason, stopped } => {
            let what = rolled_back_by_ecs(service, to.as_deref(), reason);
            match stopped {
                None => what,
                Some(stopped) => format!("{what} {}", task_failed(service, stopped, terms)),
            }
        }
        Cause::ResolvedAnother { service, found } => {
            let wanted = terms.services.iter().find(|planned| planned.name == *service);
            let wanted = wanted.and_then(|planned| terms.image(&planned.repository));
            let wanted = wanted.map_or("what is promoted", |image| image.to.name.as_str());
            format!(
                "ECS resolved the tag for {service} to {}, not to {wanted}: somebody moved it in \
                 between.",
                found.short()
            )
        }
        Cause::Overtaken { service } => {
            format!("Another ECS deployment of {service} took the place of ours.")
        }
        Cause::ServiceGone { service } => {
            format!("{service} is gone: ECS has no active service of that name.")
        }
        Cause::NotFollowed { service, found } => not_followed(service, found.as_deref(), terms),
        Cause::StepFailed { step, failure } => step_failed(step, failure, terms),
        Cause::CheckFailed { service, moment, found } => check_failed(service, *moment, found),
        Cause::Stopped { stop } => stop_sentence(stop),
    }
}

/// Told for what it is: ECS counts such an end as a success of its own.
fn rolled_back_by_ecs(service: &ServiceName, to: Option<&str>, reason: &str) -> String {
    let to = to.map_or_else(String::new, |to| format!(" to service revision {}", words::clean(to)));
    let reason = words::clean(reason);
    words::sentence(&format!("ECS rolled {service} back by itself{to}: {reason}"))
}

/// Who wants it undone, as a sentence.
pub fn stop_sentence(stop: &StopRequest) -> String {
    match stop {
        StopRequest::Person { person, because } => words::sentence(&format!(
            "{} stopped it{}",
            words::person(person),
            words::because(because.as_deref())
        )),
        StopRequest::Rollback { deployment } => goes_first(*deployment),
    }
}

fn goes_first(rollback: DeploymentId) -> String {
    format!("Rollback #{rollback} goes first.")
}

fn not_followed(service: &ServiceName, found: Option<&str>, terms: &Terms) -> String {
    let planned = terms.services.iter().find(|planned| &planned.name == service);
    let followed = planned.map_or_else(String::new, |planned| format!("{}:", planned.repository));
    let now = match (found, planned) {
        (Some(image), _) => format!("names {}", words::clean(image)),
        (None, Some(planned)) => format!("has no container {}", planned.container),
        (None, None) => "has not its container".to_owned(),
    };
    format!(
        "{service} no longer follows {followed}{}: its task definition was changed meanwhile, not \
         by Shipmate, and {now}.",
        terms.tag
    )
}

fn step_failed(step: &Step, failure: &StepFailure, terms: &Terms) -> String {
    let what = StepWords::of(step, terms).to();
    let detail = words::clean(&failure.detail);
    let code = words::clean(&failure.code);
    words::sentence(&format!("Could not {what}: {detail} ({code})"))
}

/// The addresses that a service is asked at.
pub fn addresses(urls: &[String]) -> String {
    let urls: Vec<String> = urls.iter().map(|url| words::clean(url)).collect();
    words::some_of(urls.iter().map(String::as_str), 2)
}

/// `rest-api did not pass its check at the end: https://… answered 503, not 200, for 1 min.`
pub fn check_failed(service: &ServiceName, moment: Moment, found: &Unsatisfied) -> String {
    let when = match moment {
        Moment::Canary => "on its canary",
        Moment::End => "at the end",
    };
    let (url, expect) = (words::clean(&found.url), found.expect);
    let answered = match &found.answer {
        Answer::Status { status } => format!("{url} answered {status}, not {expect}"),
        Answer::Lacks { text } => {
            format!("{url} answered {expect}, but without “{}”", words::clean(text))
        }
        Answer::Late => format!("{url} gave no answer"),
        Answer::Silent { why } => format!("{url} could not be asked ({})", words::clean(why)),
    };
    let within = words::duration(found.within);
    words::sentence(&format!("{service} did not pass its check {when}: {answered}, for {within}"))
}

fn task_failed(service: &ServiceName, stopped: &Stopped, terms: &Terms) -> String {
    let what = match stopped.cause {
        StopCause::Exited => "ended",
        StopCause::NeverStarted => "never started",
        StopCause::Unhealthy => "was unhealthy and ECS stopped it",
        StopCause::Other => "stopped",
    };
    let own = terms.services.iter().find(|planned| &planned.name == service);
    let other =
        stopped.container.as_ref().filter(|name| own.is_some_and(|own| &own.container != *name));
    let whose = other.map_or_else(String::new, |name| {
        format!(" because of its container {}", words::clean(name))
    });
    let code = match stopped.exit_code {
        None => String::new(),
        Some(code) => format!(" with exit code {code}{}", meaning(code)),
    };
    let plainly = Diagnosis::of(stopped)
        .map_or_else(String::new, |diagnosis| format!(": {}", in_plain_words(diagnosis)));
    let reason = words::clean(&stopped.reason);
    let reason = match (reason.is_empty(), plainly.is_empty()) {
        (true, _) => String::new(),
        (false, true) => format!(": {reason}"),
        (false, false) => format!(" ({reason})"),
    };
    words::sentence(&format!("A new task of {service} {what}{whose}{code}{plainly}{reason}"))
}

/// Why a task stopped, for whoever has not read AWS's page on task errors.
fn in_plain_words(diagnosis: Diagnosis) -> &'static str {
    match diagnosis {
        Diagnosis::ImageNotFound => "the registry does not have its image",
        Diagnosis::MayNotPull => {
            "its role may not pull the image, or not read a secret that it needs"
        }
        Diagnosis::NoWayToRegistry => "the registry cannot be reached from where it runs",
        Diagnosis::PulledTooOften => {
            "the registry has given too many images and gives no more for now"
        }
        Diagnosis::DiskFull => "the disk of its host has no room for the image",
        Diagnosis::OtherProcessor => "its image is not for the processor that it runs on",
        Diagnosis::CannotPull => "its image could not be pulled",
        Diagnosis::NoSuchProgram => "the program that it is started with is not in the image",
        Diagnosis::OutOfMemory => "it took more memory than it may",
        Diagnosis::OwnHealthCheck => "its own health check failed",
        Diagnosis::LoadBalancer => "the health check of its load balancer failed",
        Diagnosis::NoRoom => "no host has room for it",
    }
}

/// What mends it, where the words of ECS say what it is.
fn remedy(diagnosis: Diagnosis) -> &'static str {
    match diagnosis {
        Diagnosis::ImageNotFound => "Push the image again, with all that it refers to.",
        Diagnosis::MayNotPull => {
            "Look at the task's execution role: it must be allowed to pull the image and read its \
             secrets."
        }
        Diagnosis::NoWayToRegistry => {
            "Look at the subnets, security groups and endpoints of the service."
        }
        Diagnosis::PulledTooOften => "Wait, or keep the image in a registry of your own.",
        Diagnosis::DiskFull => "Make room on the hosts, or give the task more storage.",
        Diagnosis::OtherProcessor => "Build the image for that processor, too.",
        Diagnosis::CannotPull => "Look at the events of the service in ECS.",
        Diagnosis::NoSuchProgram => {
            "Look at the image's entry point and the task definition's command."
        }
        Diagnosis::OutOfMemory => "Give the container more memory, or find out what takes it.",
        Diagnosis::OwnHealthCheck => "Look at what the health check asks, and at the logs.",
        Diagnosis::LoadBalancer => "Look at what the target group asks, and at the logs.",
        Diagnosis::NoRoom => "Add hosts to the cluster, or let tasks take less.",
    }
}

/// What an exit code says by convention: 128 and the number of the signal that ended it.
fn meaning(code: i32) -> &'static str {
    match code {
        0 => " (it ended by itself)",
        137 => " (killed, often for want of memory)",
        139 => " (segmentation fault)",
        143 => " (asked to terminate)",
        _ => "",
    }
}

/// The part of a task's ARN by which the AWS console and the logs know it.
pub fn task_name(task: &TaskArn) -> String {
    words::clean(task.as_str().rsplit('/').next().unwrap_or(task.as_str()))
}

/// What a person does about it.
pub fn next_step(cause: &Cause) -> String {
    match cause {
        Cause::TaskFailed { service, task, stopped } => match Diagnosis::of(stopped) {
            Some(diagnosis @ (Diagnosis::OwnHealthCheck | Diagnosis::LoadBalancer)) => {
                let look = remedy(diagnosis).trim_end_matches('.');
                format!("{look} of {service}, task {}.", task_name(task))
            }
            Some(diagnosis) => remedy(diagnosis).to_owned(),
            None => format!("Look at the logs of {service}, task {}.", task_name(task)),
        },
        Cause::NoProgress { service, .. } => {
            format!("Look at the logs of {service} and at its events in ECS.")
        }
        Cause::EcsGaveUp { service, .. } => format!("Look at the events of {service} in ECS."),
        Cause::RolledBackByEcs { service, .. } => {
            format!("Look at the logs of {service} and at its deployments in ECS.")
        }
        Cause::ResolvedAnother { .. } => "Find out who else moves this tag.".to_owned(),
        Cause::Overtaken { service } => {
            format!("Find out who deploys {service} besides Shipmate.")
        }
        Cause::ServiceGone { service } => {
            format!("Find out who removed {service}, or take it out of the settings.")
        }
        Cause::NotFollowed { service, .. } => {
            format!("Find out who changed the task definition of {service}.")
        }
        Cause::StepFailed { failure, .. } if is_tag_moved_by_others(failure) => {
            "Find out who else moves this tag.".to_owned()
        }
        Cause::StepFailed { failure, .. } if failure.code.starts_with("AccessDenied") => {
            "Give Shipmate's role what it lacks: docs/iam-policy.json has all that it needs."
                .to_owned()
        }
        Cause::StepFailed { failure, .. } if failure.code.starts_with("ExpiredToken") => {
            "Renew Shipmate's credentials for AWS.".to_owned()
        }
        Cause::StepFailed { failure, .. } if failure.code == "ImageTagAlreadyExistsException" => {
            "Let the repository's tag mutability in ECR allow that this tag is moved.".to_owned()
        }
        Cause::StepFailed { .. } => {
            "Check that AWS can be reached and that Shipmate's role may do this.".to_owned()
        }
        Cause::CheckFailed { service, found, .. } => format!(
            "Look at the logs of {service}, and at what {} answers.",
            words::clean(&found.url)
        ),
        Cause::Stopped { .. } => "Find out why, and ask again when it should go on.".to_owned(),
    }
}
