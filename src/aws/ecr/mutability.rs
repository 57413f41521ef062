//! Which tags of a repository ECR lets be moved. What could be moved is believed for a while:
//! if it was changed meanwhile, PutImage says so before anything has moved. What could not be
//! moved is asked for anew each time, so that who mends it need not wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_sdk_ecr::types::ImageTagMutability;

use super::Repositories;
use crate::aws::error::AwsError;
use crate::aws::pace::Family;
use crate::domain::id::{Repository, Tag};
use crate::domain::mutability::Mutability;

/// For how long it is believed that tags may be moved.
const BELIEVED: Duration = Duration::from_secs(3600);
/// After how long it is read again where nobody waits for it.
const RENEWED: Duration = Duration::from_secs(1800);

/// What was read of repositories, and when.
#[derive(Clone, Debug, Default)]
pub(super) struct Known(Arc<Mutex<HashMap<Repository, (Mutability, Instant)>>>);

impl Known {
    fn get(&self, repository: &Repository, age: Duration) -> Option<Mutability> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (mutability, read) = known.get(repository)?;
        (read.elapsed() < age).then(|| mutability.clone())
    }

    fn put(&self, repository: &Repository, mutability: Mutability) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(repository.clone(), (mutability, Instant::now()));
    }
}

impl Repositories {
    /// Which tags of a repository may be moved; out of memory where all of `tags` may.
    ///
    /// # Errors
    /// [`AwsError`]; a missing repository is `RepositoryNotFoundException`.
    pub async fn mutability(
        &self,
        repository: &Repository,
        tags: &[&Tag],
    ) -> Result<Mutability, AwsError> {
        let known = self.known.get(repository, BELIEVED);
        if let Some(known) = known.filter(|known| tags.iter().all(|tag| known.lets_move(tag))) {
            return Ok(known);
        }
        self.read_mutability(repository).await
    }

    /// Reads it for those who will ask, unless that was done lately.
    ///
    /// # Errors
    /// [`AwsError`]; a missing repository is `RepositoryNotFoundException`.
    pub async fn learn_mutability(&self, repository: &Repository) -> Result<(), AwsError> {
        if self.known.get(repository, RENEWED).is_none() {
            self.read_mutability(repository).await?;
        }
        Ok(())
    }

    async fn read_mutability(&self, repository: &Repository) -> Result<Mutability, AwsError> {
        let operation = "ecr:DescribeRepositories";
        let call = self
            .client
            .describe_repositories()
            .repository_names(repository.as_str())
            .set_registry_id(self.registry_id.clone());
        let answer = self.pace.call(Family::ImageDetails, || Box::pin(call.clone().send())).await;
        let answer = answer.map_err(|error| AwsError::new(operation, &error))?;
        let found = answer.repositories().first().ok_or_else(|| AwsError::Nonsense {
            operation,
            detail: format!("it does not describe {repository}"),
        })?;
        let filters = found.image_tag_mutability_exclusion_filters().iter();
        let but: Vec<String> = filters.map(|filter| filter.filter().to_owned()).collect();
        let mutability = match found.image_tag_mutability() {
            Some(ImageTagMutability::Immutable) => Mutability::Immutable { but: Vec::new() },
            Some(ImageTagMutability::ImmutableWithExclusion) => Mutability::Immutable { but },
            Some(ImageTagMutability::MutableWithExclusion) => Mutability::Mutable { but },
            // A setting that came after this program was made is for PutImage to tell about.
            Some(_) | None => Mutability::default(),
        };
        self.known.put(repository, mutability.clone());
        Ok(mutability)
    }
}
