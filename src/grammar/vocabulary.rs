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
    /// Images that are banned, by the names under which they were: `core:1.6.0`.
    pub banned: Vec<String>,
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

    pub(super) fn service(&self, word: &str) -> Option<&ServiceName> {
        self.services.iter().find(|name| name.as_str() == word)
    }

    /// Environments that a misspelt word may mean, nearest first.
    pub(super) fn near_environments(&self, word: &str) -> Vec<&str> {
        nearest(word, self.environments.iter().map(EnvironmentName::as_str))
    }

    /// Services that a misspelt word may mean, nearest first.
    pub(super) fn near_services(&self, word: &str) -> Vec<&str> {
        nearest(word, self.services.iter().map(ServiceName::as_str))
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
    if are_far(word, meant) {
        return None;
    }
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

/// Whether two words cannot be near each other: most pairs of words are told apart by this.
fn are_far(word: &str, meant: &str) -> bool {
    if !word.is_ascii() || !meant.is_ascii() {
        return false;
    }
    let begins = || {
        meant.as_bytes().get(..word.len()).is_some_and(|s| s.eq_ignore_ascii_case(word.as_bytes()))
    };
    // A slip changes at most two of the letters that a word is made of.
    let slips = if word.len().max(meant.len()) > 5 { 2 } else { 1 };
    let far = word.len().abs_diff(meant.len()) > slips
        || (letters(word) ^ letters(meant)).count_ones() > 2 * slips as u32;
    far && !begins()
}

/// A bit for each letter that is in a word, in either case; other signs share bits.
fn letters(word: &str) -> u32 {
    word.bytes().fold(0, |letters, byte| letters | 1 << (byte.to_ascii_lowercase() & 31))
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

    #[test]
    fn no_slip_is_taken_for_far() {
        let words =
            ["promote", "staging", "production", "Environment", "ship", "to", "break-glass"];
        for word in words {
            for at in 0..word.len() - 1 {
                let (before, behind) = word.split_at(at);
                let dropped = format!("{before}{}", &behind[1..]);
                let replaced = format!("{before}Z{}", &behind[1..]);
                let doubled = format!("{before}{}{behind}", &behind[..1]);
                let swapped = format!("{before}{}{}{}", &behind[1..2], &behind[..1], &behind[2..]);
                for slip in [dropped, replaced, doubled, swapped] {
                    assert!(!are_far(&slip, word), "{slip} {word}");
                    assert!(!are_far(word, &slip), "{word} {slip}");
                }
            }
        }
        assert!(!are_far("prod", "production") && !are_far("ENVI", "environment"));
        assert!(are_far("dashboards", "to") && are_far("checkout", "rollback"));
    }
}
