//! Commands as forms: their shapes, the lines that they say, and what may be filled in. Images
//! are suggested out of what is remembered of ECR, which is read anew behind the back of whoever
//! types: no chat waits for AWS.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};

use super::{Engine, lock};
use crate::aws::{Account, AwsError, Listed};
use crate::domain::form::{FieldKind, Form, Suggestion};
use crate::domain::id::Repository;
use crate::grammar::{CannotSay, Typing};

/// Tags that were read longer ago are read anew.
const FRESH: SignedDuration = SignedDuration::from_secs(10);
/// Where no tags are known yet, they are waited for so long. Discord waits for three seconds.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// A reading that takes longer is given up; what it has read by then stays.
const LONGEST: Duration = Duration::from_secs(60);
/// So many repositories are listed side by side.
const AT_ONCE: usize = 4;

/// When tags were read, and whose turn it is to read them.
#[derive(Default)]
pub(super) struct Refresh {
    /// Held by the one reading that is under way.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// When the last one ended, well or not.
    ended: Mutex<Option<Timestamp>>,
}

impl Engine {
    /// A form for each command.
    pub fn forms(&self) -> Vec<Form> {
        self.parts.grammar.forms()
    }

    /// The line of chat that says what a form was filled in with.
    ///
    /// # Errors
    /// [`CannotSay`]: no line says exactly that. It tells what to fill in.
    pub fn line(&self, form: &str, values: &BTreeMap<String, String>) -> Result<String, CannotSay> {
        self.parts.grammar.line(form, values)
    }

    /// What a field may be filled in with: `typed` stands there so far, `filled` in the others.
    /// Answers within about a second, whatever AWS does.
    pub async fn suggest(
        &self,
        form: &str,
        field: &str,
        typed: &str,
        filled: &BTreeMap<String, String>,
    ) -> Vec<Suggestion> {
        if self.parts.grammar.field_kind(form, field) == Some(FieldKind::Images) {
            self.freshen().await;
        }
        let typing = Typing { form, field, typed, filled };
        self.parts.grammar.suggest(&typing, &self.vocabulary())
    }

    /// Reads the repositories' tags anew, for suggestions and completion. What cannot be read
    /// is left as it was: nothing depends on it.
    pub async fn refresh_vocabulary(&self) {
        let _turn = self.shared.refresh.turn.lock().await;
        self.read_tags().await;
    }

    /// Has the tags read anew if they are old. Waits only where none were ever read, and not for
    /// long.
    async fn freshen(&self) {
        let Refresh { turn, ended } = &self.shared.refresh;
        let known = *lock(ended);
        let age = known.map(|at| self.parts.clock.now().duration_since(at));
        // A clock that was set back makes them old too.
        if age.is_some_and(|age| !age.is_negative() && age < FRESH) {
            return;
        }
        if let Ok(turn) = Arc::clone(turn).try_lock_owned()
            // Unless a reading has ended just now.
            && *lock(ended) == known
        {
            let engine = self.clone();
            tokio::spawn(async move {
                engine.read_tags().await;
                drop(turn);
            });
        }
        if known.is_none() && tokio::time::timeout(FIRST_WAIT, turn.lock()).await.is_err() {
            tracing::warn!("ECR takes long to list tags; repositories are suggested without");
        }
    }

    /// Only by who has the turn.
    async fn read_tags(&self) {
        let reading = self.read_all_tags();
        if tokio::time::timeout(LONGEST, Box::pin(reading)).await.is_err() {
            tracing::warn!("listing tags took too long and was given up");
        }
        *lock(&self.shared.refresh.ended) = Some(self.parts.clock.now());
    }

    async fn read_all_tags(&self) {
        let hidden = self.parts.environments.tags();
        let mut wanted: Vec<(Account, Repository)> = Vec::new();
        for environment in self.parts.environments.iter() {
            let Some(account) = self.parts.aws.account(&environment.name) else { continue };
            let repositories: BTreeSet<&Repository> =
                environment.services.iter().map(|service| &service.repository).collect();
            wanted.extend(repositories.into_iter().map(|one| (account.clone(), one.clone())));
        }
        let mut lists = stream::iter(wanted.into_iter().map(list)).buffered(AT_ONCE);
        while let Some((repository, listed)) = lists.next().await {
            match listed {
                Ok(listed) => {
                    let there = listed.into_iter().filter(|image| !image.archived);
                    let tags = there.flat_map(|image| image.tags);
                    let tags = tags.filter(|tag| !hidden.contains(tag)).collect();
                    lock(&self.shared.tags).insert(repository, tags);
                }
                Err(error) => tracing::warn!(%repository, %error, "tags could not be listed"),
            }
        }
    }
}

async fn list(
    (account, repository): (Account, Repository),
) -> (Repository, Result<Vec<Listed>, AwsError>) {
    // On the heap: the SDK's futures are large.
    let listed = Box::pin(account.ecr.list(&repository)).await;
    // So that a promotion need not ask: see there for how long it is believed.
    if let Err(error) = Box::pin(account.ecr.learn_mutability(&repository)).await {
        tracing::warn!(%repository, %error, "could not read which tags may be moved");
    }
    (repository, listed)
}
