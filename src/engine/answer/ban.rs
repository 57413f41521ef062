//! `ban`, `unban` and `bans`. What is banned is a digest: found once, by whatever name it was
//! given, and refused from then on under any name.

use std::collections::BTreeSet;

use super::super::Engine;
use super::super::lock;
use super::super::problem::Problem;
use super::Topic;
use crate::domain::command::{BanImages, Command, ImageReference, Pick};
use crate::domain::decision::{Ban, Decision};
use crate::domain::deployment::{Deployment, Stage};
use crate::domain::environment::Environment;
use crate::domain::event::{End, RefusedWhy};
use crate::domain::id::{DeploymentId, Digest, EnvironmentName, Repository};
use crate::domain::image::Image;
use crate::domain::plan::listed;
use crate::domain::policy::{Action, Person};
use crate::domain::refusal::Refusal;
use crate::ports::{Place, Said};
use crate::report;

/// What is to be banned: an image, what is inside, and the name by which people know it.
struct Meant {
    image: Image,
    children: Vec<Digest>,
    name: String,
}

/// What a ban found and left.
struct Outcome {
    banned: Vec<String>,
    before: Vec<Ban>,
    because: String,
    still: report::StillRunning,
}

impl Engine {
    pub(super) async fn ban(&self, said: &Said, ban: &BanImages) {
        let command = Command::Ban(ban.clone());
        let what = match ban {
            BanImages::Named { images, .. } => names(images),
            BanImages::OfDeployment { deployment, .. } => format!("images of #{deployment}"),
        };
        match self.try_ban(said, ban).await {
            Ok(Outcome { banned, before, because, still }) => {
                let card = report::banned_card(&banned, &before, (&said.person, &because), &still);
                // Pressed on a card that everybody sees, it is told to everybody.
                if said.pressed_on.is_some() && !banned.is_empty() {
                    let place = Place::Channel(said.channel.clone());
                    self.post(&place, &card, &format!("banned-{}", said.message)).await;
                } else {
                    self.answer_with(said, &command, &card).await;
                }
            }
            Err((environment, problem)) => {
                let topic =
                    Topic { action: Action::Ban, environment, what: Some(what), command: None };
                self.explain(said, &topic, problem).await;
            }
        }
    }

    async fn try_ban(
        &self,
        said: &Said,
        ban: &BanImages,
    ) -> Result<Outcome, (EnvironmentName, Problem)> {
        let (meant, because) = match ban {
            BanImages::Named { images, because } => {
                let mut meant = Vec::new();
                for reference in images {
                    meant.extend(self.meant_by(reference).await.map_err(anywhere)?);
                }
                (meant, because.clone())
            }
            BanImages::OfDeployment { deployment, because } => {
                self.blamed_for(*deployment, because.as_ref()).await.map_err(anywhere)?
            }
        };
        let repositories = meant.iter().map(|one| &one.image.repository);
        self.may_ban(said, repositories, Some(&because)).await?;
        let mut outcome = Outcome {
            banned: Vec::new(),
            before: Vec::new(),
            because: because.clone(),
            still: report::StillRunning::default(),
        };
        let known = self.parts.store.bans().await.map_err(|error| anywhere(error.into()))?;
        for Meant { image, children, name } in meant {
            let digest = image.digest.clone();
            let (by, because) = (said.person.clone(), because.clone());
            let decision = Decision::Banned { image, children, name: name.clone(), by, because };
            let now = self.parts.clock.now();
            let new = self.parts.store.decide(decision, now).await;
            if new.map_err(|error| anywhere(error.into()))? {
                tracing::info!(image = name, image.digest = %digest, person = %said.person, "banned");
                outcome.banned.push(name);
            } else {
                outcome.before.extend(known.iter().find(|ban| ban.image.digest == digest).cloned());
            }
        }
        outcome.still = self.enforce_bans().await.map_err(anywhere)?;
        Ok(outcome)
    }

    pub(super) async fn unban(
        &self,
        said: &Said,
        images: &[ImageReference],
        because: Option<&String>,
    ) {
        let command = Command::Unban { images: images.to_vec(), because: because.cloned() };
        match self.try_unban(said, images, because).await {
            Ok(unbanned) => {
                let card = report::unbanned_card(&unbanned, &said.person);
                self.answer_with(said, &command, &card).await;
            }
            Err((environment, problem)) => {
                let (action, what) = (Action::Ban, Some(names(images)));
                let topic = Topic { action, environment, what, command: None };
                self.explain(said, &topic, problem).await;
            }
        }
    }

    async fn try_unban(
        &self,
        said: &Said,
        images: &[ImageReference],
        because: Option<&String>,
    ) -> Result<Vec<String>, (EnvironmentName, Problem)> {
        let bans = self.parts.store.bans().await.map_err(|error| anywhere(error.into()))?;
        let mut meant = Vec::new();
        for reference in images {
            meant.extend(self.bans_meant_by(reference, &bans).await.map_err(anywhere)?);
        }
        self.may_ban(said, meant.iter().map(|ban| &ban.image.repository), because).await?;
        let mut unbanned = Vec::new();
        for ban in meant {
            let (by, because) = (said.person.clone(), because.cloned());
            let (image, name) = (ban.image.clone(), ban.name.clone());
            let decision = Decision::Unbanned { image, name, by, because };
            let now = self.parts.clock.now();
            let done = self.parts.store.decide(decision, now).await;
            if done.map_err(|error| anywhere(error.into()))? {
                tracing::info!(image = ban.name, person = %said.person, "unbanned");
                unbanned.push(ban.name.clone());
            }
        }
        self.remember_bans().await.map_err(anywhere)?;
        Ok(unbanned)
    }

    pub(super) async fn bans(&self, said: &Said) {
        let read = async {
            let readable = self.readable(said, None).await?;
            let bans = self.parts.store.bans().await;
            let mut bans = bans.map_err(|error| anywhere(error.into()))?;
            bans.retain(|ban| {
                // One of an image that nothing runs any more is everybody's to see.
                let mut running = self.running_anywhere(Some(&ban.image.repository)).peekable();
                running.peek().is_none()
                    || running.any(|environment| readable.contains(&environment.name))
            });
            Ok(bans)
        };
        match read.await {
            Ok(bans) => {
                let card = report::bans_card(&bans, &self.local_time(None));
                self.answer_with(said, &Command::Bans, &card).await;
            }
            Err((environment, problem)) => {
                let topic = Topic { action: Action::Read, environment, what: None, command: None };
                self.explain(said, &topic, problem).await;
            }
        }
    }

    /// A ban holds everywhere, so that it takes the right to it wherever such images run; where
    /// none does any more, in every environment.
    async fn may_ban<'a>(
        &self,
        said: &Said,
        repositories: impl Iterator<Item = &'a Repository>,
        because: Option<&String>,
    ) -> Result<(), (EnvironmentName, Problem)> {
        let person: Person = self.person(&said.person).await.map_err(anywhere)?;
        let repositories: BTreeSet<&Repository> = repositories.collect();
        let runs = |environment: &&Environment| {
            environment.services.iter().any(|one| repositories.contains(&one.repository))
        };
        let mut places: Vec<&Environment> = self.parts.environments.iter().filter(runs).collect();
        if places.is_empty() {
            places = self.parts.environments.iter().collect();
        }
        for environment in places {
            let name = &environment.name;
            let because = because.map(String::as_str);
            let judged = self.judge_decision(&person, Action::Ban, name, because).await;
            judged.map_err(|problem| (name.clone(), problem))?;
        }
        Ok(())
    }

    /// The image that a person means, in whichever registry it is; several, where one tag names
    /// another image in each of several registries.
    async fn meant_by(&self, reference: &ImageReference) -> Result<Vec<Meant>, Problem> {
        let repository = match &reference.repository {
            Some(repository) => repository.clone(),
            None => self.only_repository_anywhere(reference)?,
        };
        let reference =
            ImageReference { repository: Some(repository), pick: reference.pick.clone() };
        let by_tag = matches!(reference.pick, Pick::Tag(_));
        let mut found: Vec<Meant> = Vec::new();
        let mut missed = None;
        for environment in self.running_anywhere(reference.repository.as_ref()) {
            match self.meant_in(environment, &reference).await {
                Ok(one) if found.iter().all(|other| other.image != one.image) => found.push(one),
                Ok(_) => {}
                Err(problem @ Problem::Refused(_)) => missed = Some(problem),
                // A digest is the same image wherever it was found; a tag may be another one
                // in a registry that could not be asked.
                Err(problem @ Problem::Undecided(_)) if !by_tag => missed = Some(problem),
                Err(problem @ (Problem::Denied(_) | Problem::Undecided(_))) => return Err(problem),
            }
        }
        match missed {
            Some(problem) if found.is_empty() => Err(problem),
            Some(_) | None => Ok(found),
        }
    }

    async fn meant_in(
        &self,
        environment: &Environment,
        reference: &ImageReference,
    ) -> Result<Meant, Problem> {
        let target = self.target(&environment.name, reference).await?;
        let (_, account) = self.place(&environment.name)?;
        let (_, images) = self.look_at_images(environment, account, &[target]).await?;
        let hidden = self.parts.environments.tags();
        let meant = images.into_iter().next().map(|seen| {
            let name = seen.image.shown(seen.asked.as_ref(), &seen.tags, &hidden);
            Meant { image: seen.image, children: seen.children, name }
        });
        Ok(meant.ok_or_else(|| Refusal::NotBanned { asked: reference.to_string() })?)
    }

    fn running_anywhere<'a>(
        &'a self,
        repository: Option<&'a Repository>,
    ) -> impl Iterator<Item = &'a Environment> {
        let runs = move |environment: &&Environment| {
            environment.services.iter().any(|one| Some(&one.repository) == repository)
        };
        self.parts.environments.iter().filter(runs)
    }

    fn only_repository_anywhere(&self, reference: &ImageReference) -> Result<Repository, Refusal> {
        let mut choices = self.parts.environments.repositories().into_iter();
        match (choices.next(), choices.next()) {
            (Some(only), None) => Ok(only),
            (first, second) => Err(Refusal::WhichRepository {
                asked: reference.to_string(),
                choices: first.into_iter().chain(second).chain(choices).collect(),
            }),
        }
    }

    /// The images that made a deployment go back, and a reason for a ban.
    async fn blamed_for(
        &self,
        id: DeploymentId,
        because: Option<&String>,
    ) -> Result<(Vec<Meant>, String), Problem> {
        let nothing = || Refusal::NothingToBan { deployment: id };
        let deployment = self.parts.store.deployment(id).await?.ok_or_else(nothing)?;
        let suspects = deployment.suspects().into_iter().map(|image| Meant {
            image: Image { repository: image.repository.clone(), digest: image.to.digest.clone() },
            children: image.to.children.clone(),
            name: image.to.name.clone(),
        });
        let suspects: Vec<Meant> = suspects.collect();
        if suspects.is_empty() {
            return Err(nothing().into());
        }
        let because = because.cloned().unwrap_or_else(|| report::reason_to_ban(&deployment));
        Ok((suspects, because))
    }

    /// The bans that a person means. A tag is first the name by which something was banned: it
    /// may be another image's by now, and the banned one may be gone from ECR.
    async fn bans_meant_by(
        &self,
        reference: &ImageReference,
        bans: &[Ban],
    ) -> Result<Vec<Ban>, Problem> {
        let of_repository = |ban: &&Ban| {
            reference.repository.as_ref().is_none_or(|name| *name == ban.image.repository)
        };
        let fits = |ban: &&Ban| match &reference.pick {
            Pick::Digest(digest) => ban.image.digest == *digest,
            Pick::Prefix(prefix) => ban.image.digest.hex().starts_with(prefix),
            Pick::Tag(tag) => {
                ban.name.strip_prefix(ban.image.repository.as_str())
                    == Some(format!(":{tag}").as_str())
            }
        };
        let named: Vec<Ban> = bans.iter().filter(of_repository).filter(fits).cloned().collect();
        let asked = reference.to_string();
        let repositories: BTreeSet<&Repository> =
            named.iter().map(|ban| &ban.image.repository).collect();
        match named.as_slice() {
            [] => {}
            [_] => return Ok(named),
            [first, ..] if repositories.len() == 1 => {
                let choices = named.iter().map(|ban| ban.image.digest.short().to_owned());
                return Err(Refusal::AmbiguousDigest {
                    repository: first.image.repository.clone(),
                    prefix: asked,
                    choices: choices.collect(),
                }
                .into());
            }
            [_, ..] => {
                let choices = repositories.into_iter().cloned().collect();
                return Err(Refusal::WhichRepository { asked, choices }.into());
            }
        }
        let not_banned = || Refusal::NotBanned { asked: asked.clone() };
        match &reference.pick {
            Pick::Digest(_) | Pick::Prefix(_) => Err(not_banned().into()),
            Pick::Tag(_) => {
                let meant = self.meant_by(reference).await?;
                let same =
                    |ban: &&Ban| meant.iter().any(|one| one.image.digest == ban.image.digest);
                let found: Vec<Ban> = bans.iter().filter(same).cloned().collect();
                if found.is_empty() { Err(not_banned().into()) } else { Ok(found) }
            }
        }
    }

    /// Ends what waits for a banned image, and says where one runs or is on its way.
    async fn enforce_bans(&self) -> Result<report::StillRunning, Problem> {
        self.remember_bans().await?;
        let bans = self.parts.store.bans().await?;
        let mut still = report::StillRunning::default();
        for deployment in self.parts.store.open().await? {
            let Some(refusal) = deployment.plan.terms.banned(&bans) else { continue };
            match deployment.stage {
                Stage::Waiting | Stage::Queued { .. } => {
                    let end = End::Refused { why: RefusedWhy::Plan { refusal } };
                    if self.end_waiting(deployment.id, end).await? {
                        still.refused.push(deployment.id);
                    } else if self.reload(deployment.id).await?.end().is_none() {
                        // It began to run meanwhile.
                        still.promoting.push(deployment.id);
                    }
                }
                Stage::Running(_) => still.promoting.push(deployment.id),
                Stage::Ended(_) => {}
            }
        }
        for environment in self.parts.environments.iter() {
            let last: Option<Deployment> = self.parts.store.last_success(&environment.name).await?;
            if last.is_some_and(|last| last.plan.terms.banned(&bans).is_some()) {
                still.running_in.push(environment.name.clone());
            }
        }
        Ok(still)
    }

    /// For suggestions.
    async fn remember_bans(&self) -> Result<(), Problem> {
        let bans = self.parts.store.bans().await?;
        *lock(&self.shared.banned) = bans.into_iter().map(|ban| ban.name).collect();
        Ok(())
    }
}

fn names(images: &[ImageReference]) -> String {
    let names: Vec<String> = images.iter().map(ToString::to_string).collect();
    listed(names.iter().map(String::as_str))
}

/// A problem that is no single environment's.
fn anywhere(problem: Problem) -> (EnvironmentName, Problem) {
    (EnvironmentName::new("any"), problem)
}
