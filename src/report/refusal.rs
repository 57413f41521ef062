//! What cannot work, as sentences that say what to do next, and as cards with the commands
//! for it.

use crate::domain::card::{self, Card, Tone};
use crate::domain::command::{Command, Promote};
use crate::domain::id::{EnvironmentName, Repository, Tag};
use crate::domain::plan::listed;
use crate::domain::refusal::{BannedImage, Refusal};

use super::{asking, words};

/// More choices than this are a list to read, not one to choose from.
const MOST_CHOICES: usize = 6;

/// The answer to a command that cannot be carried out. `asked`: the command, so that the card
/// can offer it again with the choices filled in.
pub fn refusal_card(refusal: &Refusal, asked: Option<&Command>) -> Card {
    let commands = commands(refusal, asked);
    let mut card = Card::new(Tone::Warning, title(refusal)).text(sentence(refusal));
    if !commands.is_empty() {
        card = card.text(lead(refusal));
    }
    for command in commands.into_iter().take(MOST_CHOICES) {
        card = card.command(command);
    }
    card
}

/// What cannot work and what to do about it.
pub fn sentence(refusal: &Refusal) -> String {
    match refusal {
        Refusal::NoSuchEnvironment { environment, known } => format!(
            "There is no environment {}; there {}.",
            words::clean(environment.as_str()),
            there_are(known.iter().map(EnvironmentName::as_str))
        ),
        Refusal::NotHere { environment, channels } => {
            let environment = words::clean(environment.as_str());
            let channels: Vec<String> = channels.iter().map(card::channel).collect();
            if channels.is_empty() {
                return format!(
                    "No channel of the settings is for {environment}. Name one in chat.discord."
                );
            }
            let there = words::either(channels.iter().map(String::as_str));
            format!("This channel is not for {environment}. Say it in {there}.")
        }
        Refusal::NoSuchRepository { repository, known } => format!(
            "No service runs images of {}; there {}.",
            words::clean(repository.as_str()),
            there_are(known.iter().map(Repository::as_str))
        ),
        Refusal::RepositoryMissing { repository } => format!(
            "ECR has no repository {repository}. Push an image to it, or correct the registry or \
             the repository in the settings."
        ),
        Refusal::WhichRepository { asked, choices } => format!(
            "Which image do you mean by {}? It could be of {}.",
            words::clean(asked),
            words::either(choices.iter().map(Repository::as_str))
        ),
        Refusal::NoSuchImage { repository, asked, nearest } => {
            let asked = words::clean(asked);
            match nearest.as_slice() {
                [] => format!(
                    "{repository} has no {asked} and nothing like it. Check that it was pushed."
                ),
                [one] => format!("{repository} has no {asked}; the nearest is {one}."),
                several => format!(
                    "{repository} has no {asked}; the nearest are {}.",
                    listed(several.iter().map(Tag::as_str))
                ),
            }
        }
        Refusal::AmbiguousDigest { repository, prefix, choices } => format!(
            "{repository}@{} begins {}: {}. Give more digits.",
            words::clean(prefix),
            crate::domain::plural(choices.len(), "digest"),
            words::some_of(choices.iter().map(String::as_str), MOST_CHOICES)
        ),
        Refusal::TwoImages { repository } => {
            format!("{repository} was given two different images. Name one of them.")
        }
        Refusal::EnvironmentTag { tag } => format!(
            "{tag} is the tag of an environment, not of an image: it moves with every promotion. \
             Name a version, or say everything from and the environment to copy."
        ),
        Refusal::Archived { image } => format!(
            "{image} is archived: ECR keeps it and hands it out to no task. Restore it in ECR, or \
             choose another image."
        ),
        Refusal::Banned(image) => banned(image),
        Refusal::NothingToBan { deployment } => format!(
            "No image is known to have made #{deployment} go back. Name the image, and say why."
        ),
        Refusal::NotBanned { asked } => {
            format!("{} is not banned. Look at what is.", words::clean(asked))
        }
        Refusal::NoHold { environment } => {
            format!("There is no hold on {environment}: automation may move it.")
        }
        Refusal::NotLocked { environment } => {
            format!("{environment} is not locked. Look at what is.")
        }
        Refusal::NoReservation { environment } => {
            format!("No program has {environment} for itself.")
        }
        Refusal::NotFrozen { environment } => {
            format!("{environment} is not frozen. Look at when it will be.")
        }
        Refusal::FrozenByCalendar { environment, reason } => format!(
            "No freeze by people stands on {environment}. The calendar of the settings closes it \
             ({}): that ends by itself.",
            words::clean(reason)
        ),
        Refusal::ChildrenMissing { image, missing } => format!(
            "{image} is an index, and ECR no longer has {} that it names ({}), so that no tag can \
             be put on it. Push it again, or choose another image.",
            crate::domain::plural(missing.len(), "image"),
            words::some_of(missing.iter().map(String::as_str), MOST_CHOICES)
        ),
        Refusal::TooManyTags { image, tags, needed } => format!(
            "{image} has {tags} tags, which is the most that ECR allows, and {needed} would be one \
             more. Remove tags that nobody needs from it in ECR, and ask again."
        ),
        Refusal::TagsImmutable { repository, tags, filters, excluded } => {
            immutable(repository, tags, filters, *excluded)
        }
        Refusal::NothingRuns { repository, environment } => format!(
            "No service in {environment} runs images of {repository}, so there is nothing to \
             restart. Name an image of what runs there, or add the service to the settings."
        ),
        Refusal::NothingToDo { environment, running } if running.is_empty() => {
            format!("Nothing to do: {environment} is there already.")
        }
        Refusal::NothingToDo { environment, running } => format!(
            "Nothing to do: {environment} runs {} already, on every task.",
            listed(running.iter().map(String::as_str))
        ),
        Refusal::SameEnvironment { environment } => {
            format!("{environment} cannot be promoted to itself. Name two environments.")
        }
        Refusal::Unsettled { environment, service } => format!(
            "What {environment} runs is not clear: the tasks of {service} do not all run one \
             image and stay. Wait until they do, or name the image."
        ),
        Refusal::NothingToRollBack { environment } => format!(
            "Nothing to roll back in {environment}: the journal has no promotion that succeeded \
             there and still stands. Promote the image that should run."
        ),
        Refusal::NotTheLast { environment, of, last } => {
            let now =
                last.map_or_else(|| "there is none".to_owned(), |last| format!("it is #{last}"));
            format!(
                "#{of} is no longer the last success in {environment}: {now} now. Look at what runs, \
                 and ask again if it should still go back."
            )
        }
        Refusal::RollbackTargetGone { image, of } => format!(
            "{image} ran before #{of} and is no longer in ECR, so there is no way back to it. \
             Promote another image."
        ),
        Refusal::ServiceMissing { service, ecs_service, cluster } => format!(
            "ECS has no service {ecs_service} in the cluster {cluster}, which the settings name \
             for {service}. Create it, or correct the settings."
        ),
        Refusal::ServiceInactive { service } => format!(
            "{service} is not active in ECS: it was deleted or is being deleted. Create it again, \
             or take it out of the settings."
        ),
        Refusal::ClusterMissing { environment, cluster, region } => format!(
            "ECS has no cluster {cluster} in {region}, which the settings name for {environment}. \
             Create it, or correct the cluster, the region or the role in the settings."
        ),
        Refusal::ContainerMissing { service, container, names } => format!(
            "The task definition of {service} has no container {container}; it has {}. Correct \
             the container in the settings.",
            if names.is_empty() {
                "none".to_owned()
            } else {
                listed(names.iter().map(String::as_str))
            }
        ),
        Refusal::TagNotFollowed { service, found, expected } => format!(
            "Restarting {service} would change nothing: its task definition runs {}, not \
             {expected}. Register a revision whose image is {expected}, and point the service at it.",
            words::clean(found)
        ),
        Refusal::OtherRegistry { service, found, expected } => format!(
            "Restarting {service} would change nothing: its task definition takes its image from \
             {}, and the tag would move in {expected}. Correct the image in the task definition, \
             or name its registry in the settings of the environment.",
            words::clean(found)
        ),
        Refusal::ControllerNotEcs { service } => format!(
            "{service} is deployed by something other than ECS, such as CodeDeploy. Deploy it \
             there, or change its deployment controller to ECS."
        ),
        Refusal::BlueGreen { service } => format!(
            "{service} uses ECS's own blue/green, linear or canary deployments, which are not \
             supported yet. Deploy it in ECS, or change its strategy to rolling."
        ),
        Refusal::Daemon { service } => {
            format!("{service} is a daemon service, which is not supported yet. Deploy it in ECS.")
        }
        Refusal::ForeignDeployment { service } => format!(
            "Another ECS deployment of {service} is under way that is not Shipmate's. Wait until \
             it is done, or stop it in ECS, and ask again."
        ),
        Refusal::StopKeepsOldImage { service } => format!(
            "The settings fix stop and replace for {service}, but ECS would bring the old image \
             back: it pins the digest of a deployment. Set the restart to deployment or auto, or \
             disable versionConsistency for the container."
        ),
        Refusal::CredentialsMissing { detail } => words::sentence(&format!(
            "Shipmate has no credentials for AWS. Give its process a role or keys, and ask again. \
             What the AWS SDK says: {}",
            words::clean(detail)
        )),
        Refusal::CredentialsExpired { detail } => words::sentence(&format!(
            "Shipmate's credentials for AWS have expired. Renew them, and ask again. What AWS \
             says: {}",
            words::clean(detail)
        )),
        Refusal::CredentialsRejected { detail } => words::sentence(&format!(
            "AWS does not accept Shipmate's credentials. Check the keys, the region, and the \
             clock of its machine, and ask again. What AWS says: {}",
            words::clean(detail)
        )),
        Refusal::NotAllowed { action, detail } => words::sentence(&format!(
            "Shipmate is not allowed to do {} on AWS. Give its role what docs/iam-policy.json \
             has, and ask again. What AWS says: {}",
            words::clean(action),
            words::clean(detail)
        )),
    }
}

/// Who banned what and why, and what else there is.
fn banned(banned: &BannedImage) -> String {
    let BannedImage { image, banned_as, digest, by, because, reverts, repository: _ } = banned;
    let under = if image == banned_as {
        String::new()
    } else {
        format!(" as {banned_as} ({})", digest.short())
    };
    let who = words::person(by);
    let why = format!("is banned{under} by {who}{}", words::because(Some(because)));
    let why = words::sentence(&why);
    match reverts {
        None => {
            format!("{image} {why} Promote another image, or have somebody who may do so unban it.")
        }
        Some(of) => format!(
            "{image}, which ran before #{of}, {why} There is no rollback to it: promote the image \
             that should run, or have somebody who may do so unban it."
        ),
    }
}

/// What has to be set in ECR so that these tags can be moved.
fn immutable(repository: &Repository, tags: &[Tag], filters: &[String], excluded: bool) -> String {
    let names = listed(tags.iter().map(Tag::as_str));
    let in_words = |filters: &[String]| {
        let noun = if filters.len() == 1 { "filter" } else { "filters" };
        format!("{noun} {}", words::some_of(filters.iter().map(String::as_str), MOST_CHOICES))
    };
    if excluded {
        return format!(
            "{repository} excludes {names} from the tags that may be moved, by its {}. Take that \
             out of the exclusions of its tag mutability in ECR, and ask again.",
            in_words(filters)
        );
    }
    let needed: Vec<String> = tags.iter().map(filter_for).collect();
    let needed = in_words(&needed);
    let set = if filters.is_empty() {
        format!("Set its tag mutability to IMMUTABLE_WITH_EXCLUSION with the {needed}")
    } else {
        format!("Add the {needed} to its exclusions, beside {}", in_words(filters))
    };
    format!(
        "The tags of {repository} are immutable: ECR would not let {names} be moved. {set}, and \
         ask again."
    )
}

/// A filter that names this tag and those like it in other environments: `*-latest`.
fn filter_for(tag: &Tag) -> String {
    match tag.as_str().rsplit_once('-') {
        Some((_, behind)) if !behind.is_empty() => format!("*-{behind}"),
        Some(_) | None => tag.to_string(),
    }
}

/// Whether the person has to choose, nothing was to be done, or it cannot be done.
fn title(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::WhichRepository { .. } | Refusal::AmbiguousDigest { .. } => "Which image?",
        Refusal::NothingToDo { .. }
        | Refusal::NothingToBan { .. }
        | Refusal::NotBanned { .. }
        | Refusal::NoHold { .. }
        | Refusal::NotLocked { .. }
        | Refusal::NoReservation { .. }
        | Refusal::NotFrozen { .. }
        | Refusal::FrozenByCalendar { .. } => "Nothing to do",
        Refusal::Banned(_) => "Banned",
        Refusal::NoSuchEnvironment { .. } => "No such environment",
        Refusal::NotHere { .. } => "Not in this channel",
        Refusal::NoSuchRepository { .. } | Refusal::RepositoryMissing { .. } => {
            "No such repository"
        }
        Refusal::NoSuchImage { .. } => "No such image",
        Refusal::TwoImages { .. }
        | Refusal::EnvironmentTag { .. }
        | Refusal::Archived { .. }
        | Refusal::ChildrenMissing { .. }
        | Refusal::TooManyTags { .. }
        | Refusal::TagsImmutable { .. }
        | Refusal::NothingRuns { .. }
        | Refusal::SameEnvironment { .. }
        | Refusal::Unsettled { .. }
        | Refusal::NothingToRollBack { .. }
        | Refusal::NotTheLast { .. }
        | Refusal::RollbackTargetGone { .. }
        | Refusal::ServiceMissing { .. }
        | Refusal::ServiceInactive { .. }
        | Refusal::ClusterMissing { .. }
        | Refusal::ContainerMissing { .. }
        | Refusal::TagNotFollowed { .. }
        | Refusal::OtherRegistry { .. }
        | Refusal::ControllerNotEcs { .. }
        | Refusal::BlueGreen { .. }
        | Refusal::Daemon { .. }
        | Refusal::ForeignDeployment { .. }
        | Refusal::StopKeepsOldImage { .. }
        | Refusal::CredentialsMissing { .. }
        | Refusal::CredentialsExpired { .. }
        | Refusal::CredentialsRejected { .. }
        | Refusal::NotAllowed { .. } => "That cannot work",
    }
}

fn lead(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::WhichRepository { .. }
        | Refusal::AmbiguousDigest { .. }
        | Refusal::NoSuchImage { .. } => "Did you mean:",
        Refusal::NoSuchEnvironment { .. }
        | Refusal::NotHere { .. }
        | Refusal::NoSuchRepository { .. }
        | Refusal::RepositoryMissing { .. }
        | Refusal::TwoImages { .. }
        | Refusal::EnvironmentTag { .. }
        | Refusal::Archived { .. }
        | Refusal::Banned(_)
        | Refusal::NothingToBan { .. }
        | Refusal::NotBanned { .. }
        | Refusal::NoHold { .. }
        | Refusal::NotLocked { .. }
        | Refusal::NoReservation { .. }
        | Refusal::NotFrozen { .. }
        | Refusal::FrozenByCalendar { .. }
        | Refusal::ChildrenMissing { .. }
        | Refusal::TooManyTags { .. }
        | Refusal::TagsImmutable { .. }
        | Refusal::NothingRuns { .. }
        | Refusal::NothingToDo { .. }
        | Refusal::SameEnvironment { .. }
        | Refusal::Unsettled { .. }
        | Refusal::NothingToRollBack { .. }
        | Refusal::NotTheLast { .. }
        | Refusal::RollbackTargetGone { .. }
        | Refusal::ServiceMissing { .. }
        | Refusal::ServiceInactive { .. }
        | Refusal::ClusterMissing { .. }
        | Refusal::ContainerMissing { .. }
        | Refusal::TagNotFollowed { .. }
        | Refusal::OtherRegistry { .. }
        | Refusal::ControllerNotEcs { .. }
        | Refusal::BlueGreen { .. }
        | Refusal::Daemon { .. }
        | Refusal::ForeignDeployment { .. }
        | Refusal::StopKeepsOldImage { .. }
        | Refusal::CredentialsMissing { .. }
        | Refusal::CredentialsExpired { .. }
        | Refusal::CredentialsRejected { .. }
        | Refusal::NotAllowed { .. } => "To see more:",
    }
}

/// Complete commands to copy. None ever fills in an environment that was not named.
fn commands(refusal: &Refusal, asked: Option<&Command>) -> Vec<String> {
    let promote = asked.and_then(promotion);
    let spelled = |was: &str, images: Vec<String>| -> Vec<String> {
        let Some(promote) = promote else { return Vec::new() };
        images.iter().filter_map(|image| asking::with_image(promote, was, image)).collect()
    };
    let environment = asked.and_then(Command::environment);
    let history = || environment.map(asking::history).into_iter().collect();
    match refusal {
        Refusal::WhichRepository { asked, choices } => {
            let joint = if asked.starts_with("sha256:") { "@" } else { ":" };
            let rest = asked.strip_prefix("sha256:").unwrap_or(asked);
            let tag = rest.rsplit_once([':', '@']).map_or(rest, |(_, tag)| tag);
            spelled(asked, choices.iter().map(|choice| format!("{choice}{joint}{tag}")).collect())
        }
        Refusal::NoSuchImage { repository, asked, nearest } => {
            let images: Vec<String> =
                nearest.iter().map(|tag| format!("{repository}:{tag}")).collect();
            let full = format!("{repository}:{asked}");
            let found = spelled(&full, images.clone());
            if found.is_empty() { spelled(asked, images) } else { found }
        }
        Refusal::AmbiguousDigest { repository, prefix, choices } => {
            let hex = |choice: &String| choice.trim_start_matches("sha256:").to_owned();
            let image = |choice: &String| format!("{repository}@{}", hex(choice));
            let images: Vec<String> = choices.iter().map(image).collect();
            let found = spelled(&format!("{repository}@{prefix}"), images.clone());
            if found.is_empty() { spelled(&format!("sha256:{prefix}"), images) } else { found }
        }
        Refusal::NothingRuns { environment, .. }
        | Refusal::NothingToDo { environment, .. }
        | Refusal::Unsettled { environment, .. } => vec![asking::status(environment)],
        Refusal::NothingToRollBack { environment } => vec![asking::history(environment)],
        Refusal::Banned(image) => {
            let mut commands: Vec<String> = match image.reverts {
                None => Vec::new(),
                Some(_) => history(),
            };
            commands.extend(["bans".to_owned(), asking::unban(&image.repository, &image.digest)]);
            commands
        }
        Refusal::NotBanned { .. } => vec!["bans".to_owned()],
        Refusal::NotLocked { .. } => vec!["locks".to_owned()],
        Refusal::NothingToBan { deployment } => vec![asking::show(*deployment)],
        Refusal::NoHold { environment } => vec![asking::status(environment)],
        Refusal::NoReservation { .. } => vec!["reservations".to_owned()],
        Refusal::NotFrozen { environment } | Refusal::FrozenByCalendar { environment, .. } => {
            vec![asking::freezes(environment)]
        }
        Refusal::NotTheLast { environment, .. } => vec![asking::status(environment)],
        Refusal::RollbackTargetGone { of, .. } => {
            let mut commands: Vec<String> = history();
            commands.push(asking::show(*of));
            commands
        }
        Refusal::NoSuchEnvironment { .. }
        | Refusal::NotHere { .. }
        | Refusal::NoSuchRepository { .. }
        | Refusal::RepositoryMissing { .. }
        | Refusal::TwoImages { .. }
        | Refusal::EnvironmentTag { .. }
        | Refusal::Archived { .. }
        | Refusal::ChildrenMissing { .. }
        | Refusal::TooManyTags { .. }
        | Refusal::TagsImmutable { .. }
        | Refusal::SameEnvironment { .. }
        | Refusal::ServiceMissing { .. }
        | Refusal::ServiceInactive { .. }
        | Refusal::ClusterMissing { .. }
        | Refusal::ContainerMissing { .. }
        | Refusal::TagNotFollowed { .. }
        | Refusal::OtherRegistry { .. }
        | Refusal::ControllerNotEcs { .. }
        | Refusal::BlueGreen { .. }
        | Refusal::Daemon { .. }
        | Refusal::ForeignDeployment { .. }
        | Refusal::StopKeepsOldImage { .. }
        | Refusal::CredentialsMissing { .. }
        | Refusal::CredentialsExpired { .. }
        | Refusal::CredentialsRejected { .. }
        | Refusal::NotAllowed { .. } => Vec::new(),
    }
}

fn promotion(command: &Command) -> Option<&Promote> {
    match command {
        Command::Promote(promote) => Some(promote),
        Command::Rollback(_)
        | Command::Status { .. }
        | Command::Show { .. }
        | Command::History { .. }
        | Command::Approve(_)
        | Command::Reject(_)
        | Command::Cancel(_)
        | Command::Pause(_)
        | Command::Continue(_)
        | Command::Canary(_)
        | Command::Queue { .. }
        | Command::Ban(_)
        | Command::Unban { .. }
        | Command::Bans
        | Command::Schedules
        | Command::ReleaseHold { .. }
        | Command::Lock(_)
        | Command::Unlock { .. }
        | Command::Locks
        | Command::Reservations
        | Command::EndReservation { .. }
        | Command::Freeze(_)
        | Command::Unfreeze { .. }
        | Command::Freezes { .. }
        | Command::Announce { .. }
        | Command::ShowSchedule { .. }
        | Command::PauseSchedule { .. }
        | Command::ContinueSchedule { .. }
        | Command::CancelSchedule { .. }
        | Command::Preview { .. }
        | Command::Figures { .. }
        | Command::Help { .. }
        | Command::Whoami => None,
    }
}

fn there_are<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    match names.as_slice() {
        [] => "are none in the settings".to_owned(),
        [one] => format!("is only {one}"),
        several => format!("are {}", words::some_of(several.iter().copied(), 12)),
    }
}
