//! Commands as forms, there and back: a form filled in with what a command holds, and the command
//! that filled-in values mean, each read by itself. What the grammar makes of them must agree.

use std::collections::BTreeMap;

use shipmate::domain::command::{
    Ballot, BanImages, Canary, Command, FreezeEnvironment, ImageReference, LockEnvironments,
    Promote, Promoted, Rollback, Scope, Until,
};
use shipmate::domain::schedule::ScheduleKey;
use shipmate::domain::words_of_time::When;
use shipmate::grammar::Reading;

use super::{read, vocabulary};

/// A form filled in with what a command holds.
pub fn filled_with(command: &Command) -> BTreeMap<String, String> {
    let mut filled = BTreeMap::new();
    let mut add = |name: &str, value: Option<String>| {
        filled.extend(value.map(|value| (name.to_owned(), value)));
    };
    let switch = |on: bool| on.then(|| "true".to_owned());
    match command {
        Command::Promote(Promote {
            what,
            environment,
            dry_run,
            break_glass,
            canary,
            when,
            because,
        }) => {
            add("when", when.map(|when| when.to_string()));
            add("stay", canary.map(|stay| format!("{}s", stay.as_secs())));
            match what {
                Promoted::Images(images) => {
                    let images: Vec<String> = images.iter().map(ToString::to_string).collect();
                    add("images", Some(images.join(", ")));
                }
                Promoted::EverythingFrom(source) => add("source", Some(source.to_string())),
            }
            add("environment", Some(environment.to_string()));
            add("dry-run", switch(*dry_run));
            add("break-glass", switch(*break_glass));
            add("reason", because.clone());
        }
        Command::Rollback(Rollback { environment, dry_run, because }) => {
            add("environment", Some(environment.to_string()));
            add("dry-run", switch(*dry_run));
            add("reason", because.clone());
        }
        Command::Status { environment, service } => {
            add("environment", environment.as_ref().map(ToString::to_string));
            add("service", service.as_ref().map(ToString::to_string));
        }
        Command::History { environment } => {
            add("environment", environment.as_ref().map(ToString::to_string));
        }
        Command::Show { deployment } => add("deployment", Some(deployment.to_string())),
        Command::Approve(ballot) | Command::Reject(ballot) | Command::Cancel(ballot) => {
            let Ballot { deployment, because } = ballot;
            add("deployment", deployment.map(|number| number.to_string()));
            add("reason", because.clone());
        }
        Command::Pause(ballot) | Command::Continue(ballot) => {
            add("deployment", ballot.deployment.map(|number| number.to_string()));
            add("reason", ballot.because.clone());
        }
        Command::Canary(canary) => {
            add("deployment", canary.deployment.map(|number| number.to_string()));
            add("stay", Some(format!("{}s", canary.stay.as_secs())));
        }
        Command::Queue { environment } => {
            add("environment", environment.as_ref().map(ToString::to_string));
        }
        Command::Ban(BanImages::Named { images, because }) => {
            let images: Vec<String> = images.iter().map(ToString::to_string).collect();
            add("images", Some(images.join(", ")));
            add("reason", Some(because.clone()));
        }
        Command::Ban(BanImages::OfDeployment { deployment, because }) => {
            add("deployment", Some(deployment.to_string()));
            add("reason", because.clone());
        }
        Command::Unban { images, because } => {
            let images: Vec<String> = images.iter().map(ToString::to_string).collect();
            add("images", Some(images.join(", ")));
            add("reason", because.clone());
        }
        Command::ReleaseHold { environment, because }
        | Command::EndReservation { environment, because } => {
            add("environment", Some(environment.to_string()));
            add("reason", because.clone());
        }
        Command::Announce { text } => add("announcement", Some(text.clone())),
        Command::ShowSchedule { schedule }
        | Command::PauseSchedule { schedule }
        | Command::ContinueSchedule { schedule }
        | Command::CancelSchedule { schedule }
        | Command::Preview { schedule } => add("schedule", Some(schedule.to_string())),
        Command::Figures { length } => {
            add("length", length.map(|length| format!("{}s", length.as_secs())));
        }
        Command::Lock(LockEnvironments { scope, length, because }) => {
            let (environment, everything) = within(scope);
            add("environment", environment);
            add("everything", everything);
            add("length", length.map(|length| format!("{}s", length.as_secs())));
            add("reason", Some(because.clone()));
        }
        Command::Unlock { scope, because } => {
            let (environment, everything) = within(scope);
            add("environment", environment);
            add("everything", everything);
            add("reason", because.clone());
        }
        Command::Freeze(FreezeEnvironment { environment, until, because }) => {
            add("environment", Some(environment.to_string()));
            match until {
                None => {}
                Some(Until::Moment(when)) => add("until", Some(when.to_string())),
                Some(Until::Length(length)) => {
                    add("length", Some(format!("{}s", length.as_secs())));
                }
            }
            add("reason", Some(because.clone()));
        }
        Command::Unfreeze { environment, because } => {
            add("environment", Some(environment.to_string()));
            add("reason", because.clone());
        }
        Command::Freezes { environment } => {
            add("environment", environment.as_ref().map(ToString::to_string));
        }
        Command::Help { topic } => add("topic", topic.clone()),
        Command::Bans
        | Command::Schedules
        | Command::Locks
        | Command::Reservations
        | Command::Whoami => {}
    }
    filled
}

/// The two fields of which one says where.
fn within(scope: &Scope) -> (Option<String>, Option<String>) {
    match scope {
        Scope::Environment(environment) => (Some(environment.to_string()), None),
        Scope::Everything => (None, Some("true".to_owned())),
    }
}

/// As it must come back: on one line, without blanks around it; `None` where nothing is left.
pub fn one_line(text: &str) -> Option<String> {
    let is_break = |sign: char| "\n\r\u{b}\u{c}\u{85}\u{2028}\u{2029}".contains(sign);
    let line: String = text.chars().map(|sign| if is_break(sign) { ' ' } else { sign }).collect();
    Some(line.trim().to_owned()).filter(|line| !line.is_empty())
}

pub fn with_reason(mut command: Command, reason: Option<String>) -> Command {
    match &mut command {
        Command::Promote(promote) => promote.because = reason,
        Command::Rollback(rollback) => rollback.because = reason,
        Command::Approve(ballot)
        | Command::Reject(ballot)
        | Command::Cancel(ballot)
        | Command::Pause(ballot) => {
            ballot.because = reason;
        }
        Command::Continue(_) | Command::Canary(_) | Command::Queue { .. } => {}
        Command::Ban(BanImages::Named { because, .. }) => *because = reason.unwrap_or_default(),
        Command::Ban(BanImages::OfDeployment { because, .. })
        | Command::Unban { because, .. }
        | Command::ReleaseHold { because, .. }
        | Command::EndReservation { because, .. }
        | Command::Unfreeze { because, .. }
        | Command::Unlock { because, .. } => *because = reason,
        Command::Lock(lock) => lock.because = reason.unwrap_or_default(),
        Command::Freeze(freeze) => freeze.because = reason.unwrap_or_default(),
        Command::Status { .. }
        | Command::History { .. }
        | Command::Show { .. }
        | Command::Bans
        | Command::Locks
        | Command::Reservations
        | Command::Freezes { .. }
        | Command::Announce { .. }
        | Command::ShowSchedule { .. }
        | Command::PauseSchedule { .. }
        | Command::ContinueSchedule { .. }
        | Command::CancelSchedule { .. }
        | Command::Preview { .. }
        | Command::Figures { .. }
        | Command::Schedules
        | Command::Help { .. }
        | Command::Whoami => {}
    }
    command
}

/// `None` only where something was given and names nothing.
fn optional<T>(given: Option<Option<T>>) -> Option<Option<T>> {
    match given {
        None => Some(None),
        Some(found) => found.map(Some),
    }
}

/// The command that these values mean, each read by itself; `None` where there is no such
/// command.
pub fn meant(form: &str, filled: &BTreeMap<String, String>) -> Option<Command> {
    let given = |name: &str| {
        filled.get(name).map(|value| value.trim()).filter(|value| one_line(value).is_some())
    };
    let vocabulary = vocabulary();
    let environment = |name: &str| {
        let known = |word| vocabulary.environments.iter().find(|one| one.as_str() == word);
        given(name).map(|word| known(word).cloned())
    };
    // A switch that says neither is an error, and so means nothing here.
    let switch = |name: &str| match given(name) {
        None | Some("false") => Some(false),
        Some("true") => Some(true),
        Some(_) => None,
    };
    let because = filled.get("reason").and_then(|reason| one_line(reason));
    let deployment = given("deployment").map(|word| {
        word.strip_prefix('#').unwrap_or(word).parse().ok().map(shipmate::domain::id::DeploymentId)
    });
    let time = |name: &str| {
        given(name).map(|text| match read(&format!("canary {text}")) {
            Reading::Command(Command::Canary(Canary { deployment: None, stay })) => Some(stay),
            _ => None,
        })
    };
    let (stay, length) = (time("stay"), time("length"));
    let scope = || match (environment("environment"), switch("everything")?) {
        (Some(environment), false) => Some(Scope::Environment(environment?)),
        (None, true) => Some(Scope::Everything),
        (None, false) | (Some(_), true) => None,
    };
    let until = given("until").map(|text| When::parse(text).ok());
    let when = given("when").map(|text| match read(&format!("promote 1.5.0 to staging {text}")) {
        Reading::Command(Command::Promote(Promote { when, dry_run: false, .. })) => when,
        _ => None,
    });
    // Each image is read in a line of its own.
    let images_in = |images: &str| -> Option<Vec<ImageReference>> {
        let images = images.replace(['&', ','], " and ");
        let images = images.split_whitespace().filter(|word| !word.eq_ignore_ascii_case("and"));
        let one = |word: &str| match read(&format!("promote {word} to staging")) {
            Reading::Command(Command::Promote(Promote {
                what: Promoted::Images(images), ..
            })) => Some(images),
            _ => None,
        };
        let images: Option<Vec<_>> = images.map(one).collect();
        Some(images?.concat())
    };
    let schedule = given("schedule").map(ScheduleKey::parse);
    let ballot = || Some(Ballot { deployment: optional(deployment)?, because: because.clone() });
    Some(match form {
        "promote" => {
            let what = match (given("images"), environment("source")) {
                (Some(images), None) => Promoted::Images(images_in(images)?),
                (None, Some(source)) => Promoted::EverythingFrom(source?),
                (None, None) | (Some(_), Some(_)) => return None,
            };
            Command::Promote(Promote {
                what,
                environment: environment("environment")??,
                dry_run: switch("dry-run")?,
                break_glass: switch("break-glass")?,
                canary: optional(stay)?,
                when: optional(when)?,
                because,
            })
        }
        "rollback" => Command::Rollback(Rollback {
            environment: environment("environment")??,
            dry_run: switch("dry-run")?,
            because,
        }),
        "status" => {
            let service = given("service").map(|word| (word == "rest-api").then(|| word.into()));
            Command::Status {
                environment: optional(environment("environment"))?,
                service: optional(service)?,
            }
        }
        "history" => Command::History { environment: optional(environment("environment"))? },
        "show" => Command::Show { deployment: deployment?? },
        "approve" => Command::Approve(ballot()?),
        "reject" => Command::Reject(ballot()?),
        "cancel" => Command::Cancel(ballot()?),
        "pause" => Command::Pause(ballot()?),
        "continue" => {
            Command::Continue(Ballot { deployment: optional(deployment)?, because: None })
        }
        "canary" => Command::Canary(Canary { deployment: optional(deployment)?, stay: stay?? }),
        "queue" => Command::Queue { environment: optional(environment("environment"))? },
        "ban" => Command::Ban(match (given("images"), deployment) {
            (Some(images), None) => {
                BanImages::Named { images: images_in(images)?, because: because? }
            }
            (None, Some(deployment)) => {
                BanImages::OfDeployment { deployment: deployment?, because }
            }
            (None, None) | (Some(_), Some(_)) => return None,
        }),
        "unban" => Command::Unban { images: images_in(given("images")?)?, because },
        "bans" => Command::Bans,
        "schedules" => Command::Schedules,
        "release-hold" => {
            Command::ReleaseHold { environment: environment("environment")??, because }
        }
        "lock" => Command::Lock(LockEnvironments {
            scope: scope()?,
            length: optional(length)?,
            because: because?,
        }),
        "unlock" => Command::Unlock { scope: scope()?, because },
        "locks" => Command::Locks,
        "reservations" => Command::Reservations,
        "end-reservation" => {
            Command::EndReservation { environment: environment("environment")??, because }
        }
        "freeze" => Command::Freeze(FreezeEnvironment {
            environment: environment("environment")??,
            until: match (until, length) {
                (None, None) => None,
                (Some(until), None) => Some(Until::Moment(until?)),
                (None, Some(length)) => Some(Until::Length(length?)),
                (Some(_), Some(_)) => return None,
            },
            because: because?,
        }),
        "unfreeze" => Command::Unfreeze { environment: environment("environment")??, because },
        "freezes" => Command::Freezes { environment: optional(environment("environment"))? },
        "announce" => Command::Announce { text: given("announcement").and_then(one_line)? },
        "show-schedule" => Command::ShowSchedule { schedule: schedule? },
        "pause-schedule" => Command::PauseSchedule { schedule: schedule? },
        "continue-schedule" => Command::ContinueSchedule { schedule: schedule? },
        "cancel-schedule" => Command::CancelSchedule { schedule: schedule? },
        "preview" => Command::Preview { schedule: schedule? },
        "figures" => Command::Figures { length: optional(length)? },
        "help" => {
            let topic = given("topic").map(|word| match read(&format!("help {word}")) {
                Reading::Command(Command::Help { topic }) => topic,
                _ => None,
            });
            Command::Help { topic: optional(topic)? }
        }
        "whoami" => Command::Whoami,
        other => panic!("no form {other}"),
    })
}
