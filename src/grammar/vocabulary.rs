//! The names that words may stand for at the moment, handed in with every line, and which of
//! them is nearest to a misspelt word. Knows no phrases.

use std::collections::BTreeMap;

use crate::domain::id::{DeploymentId, EnvironmentName, Repository, ServiceName, Tag};

/// What exists, as far as a line can name it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vocabulary {
    pub environments: Vec<EnvironmentName>,
    /// All repositories whose images may be promoted; others are errors.
    pub repositories: Vec<Repository>,
    pub services: Vec<ServiceName>,
    /// Newest first. Need not be complete: a tag that is not here is no error.
    pub tags: BTreeMap<Repository, Vec<Tag>>,
    /// Those that can be meant, for completion.
    pub deployments: Vec<DeploymentId>,
}

impl Vocabulary {
    pub(super) fn environment(&self, word: &str) -> Option<&EnvironmentName> {
        self.environments.iter().find(|name| name.as_str() == word)
    }

    pub(super) fn repository(&self, word: &str) -> Option<&Repository> {
        self.repositories.iter().find(|name| name.as_str() == word)
    }

    /// Environments that a misspelt word may mean, nearest first.
    pub(super) fn near_environments(&self, word: &str) -> Vec<&str> {
        nearest(word, self.environments.iter().map(EnvironmentName::as_str))
    }

    /// Repositories that a misspelt word may mean, nearest first.
    pub(super) fn near_repositories(&self, word: &str) -> Vec<&str> {
        nearest(word, self.repositories.iter().map(Repository::as_str))
    }

    /// Repositories that have this tag, as far as is known.
    pub(super) fn repositories_with(&self, tag: &str) -> Vec<&Repository> {
        let has = |tags: &[Tag]| tags.iter().any(|known| known.as_str() == tag);
        self.tags.iter().filter(|(_, tags)| has(tags)).map(|(repository, _)| repository).collect()
    }
}

/// The candidates that are close to a word, nearest first and at most three. Nothing is close
/// that a slip of the fingers would not explain.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let close = |candidate: &'a str| slips(word, candidate).map(|slips| (slips, candidate));
    let mut close: Vec<(usize, &str)> = candidates.into_iter().filter_map(close).collect();
    close.sort();
    close.dedup();
    close.into_iter().take(3).map(|(_, candidate)| candidate).collect()
}

/// How many slips lie between a word and what was meant, in any case of letters; `None` where
/// they are too many for their length. A beginning such as "prod" counts as two slips.
pub(super) fn slips(word: &str, meant: &str) -> Option<usize> {
    let (word, meant) = (word.to_lowercase(), meant.to_lowercase());
    let (short, long) = (word.chars().count(), meant.chars().count());
    let allowed = match short.max(long) {
        0..=1 => 0,
        2..=5 => 1,
        _ => 2,
    };
    // Comparing far lengths costs time and can give nothing.
    let distance = if short.abs_diff(long) <= allowed && short <= 64 {
        strsim::osa_distance(&word, &meant)
    } else {
        usize::MAX
    };
    let only_swapped = |()| {
        let mut letters = [word.chars().collect::<Vec<_>>(), meant.chars().collect()];
        letters.iter_mut().for_each(|letters| letters.sort_unstable());
        letters[0] == letters[1]
    };
    if distance <= allowed && (short.max(long) > 2 || only_swapped(())) {
        Some(distance)
    } else if short >= 4 && meant.starts_with(&word) {
        Some(2)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_slips_are_near() {
        let environments = ["staging", "production"];
        assert_eq!(nearest("stagng", environments), ["staging"]);
        assert_eq!(nearest("prodcution", environments), ["production"]);
        assert_eq!(nearest("prod", environments), ["production"]);
        assert_eq!(nearest("Staging", environments), ["staging"]);
        for far in ["live", "pre", "product-page", "prediction1", "stage2", "p", ""] {
            assert!(nearest(far, environments).is_empty(), "{far}");
        }
        assert_eq!(nearest("ot", ["to", "of"]), ["to"]);
    }
}
