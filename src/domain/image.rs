//! Images, and the names by which people know them.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::id::{Digest, Repository, Tag};

/// A repository and a digest: exactly one set of bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Image {
    pub repository: Repository,
    pub digest: Digest,
}

impl Image {
    /// The name shown for this image: the tag that was asked for, else the highest version
    /// tag, else another tag, else the short digest; never an environment's tag.
    pub fn shown(
        &self,
        asked: Option<&Tag>,
        tags: &[Tag],
        environment_tags: &BTreeSet<Tag>,
    ) -> String {
        let own = |tag: &&Tag| !environment_tags.contains(*tag);
        let best = asked
            .filter(own)
            .or_else(|| tags.iter().filter(own).max_by(|a, b| compare_versions(a, b)));
        match best {
            Some(tag) => format!("{}:{tag}", self.repository),
            None => format!("{}@{}", self.repository, self.digest.short()),
        }
    }
}

/// Orders tags as versions: version tags above others, numbers by value, and a release above
/// its pre-releases (`1.6.0` above `1.6.0-rc1`).
pub fn compare_versions(a: &Tag, b: &Tag) -> Ordering {
    version_key(a.as_str()).cmp(&version_key(b.as_str()))
}

/// Numbers, whether it is a release, and what follows the numbers. Tags that do not begin with
/// a number sort below all that do.
fn version_key(tag: &str) -> (bool, Vec<u64>, bool, &str) {
    let digits = tag.strip_prefix('v').unwrap_or(tag);
    let end = digits
        .find(|character: char| !character.is_ascii_digit() && character != '.')
        .unwrap_or(digits.len());
    let (numbers, rest) = digits.split_at(end);
    let numbers: Vec<u64> = numbers.split('.').filter_map(|part| part.parse().ok()).collect();
    // A bare number such as a commit's or build's is no version: it needs a dot.
    let is_version = numbers.len() > 1;
    if is_version {
        (true, numbers, rest.is_empty(), rest)
    } else {
        (false, Vec::new(), false, tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_people_read_them() {
        let mut tags: Vec<Tag> = ["latest", "1.10.0", "1.9.0", "1.10.0-rc1", "v2.0.0", "7fd1a60"]
            .map(Tag::from)
            .to_vec();
        tags.sort_by(compare_versions);
        let tags: Vec<&str> = tags.iter().map(Tag::as_str).collect();
        assert_eq!(tags, ["7fd1a60", "latest", "1.9.0", "1.10.0-rc1", "1.10.0", "v2.0.0"]);
    }

    #[test]
    fn the_name_shown_is_never_an_environment_tag() {
        let image = Image { repository: "core".into(), digest: Digest::of(b"x") };
        let environment = BTreeSet::from([Tag::from("staging-latest")]);
        let shown = |asked: Option<&str>, tags: &[&str]| {
            let tags: Vec<Tag> = tags.iter().copied().map(Tag::from).collect();
            image.shown(asked.map(Tag::from).as_ref(), &tags, &environment)
        };
        assert_eq!(shown(Some("1.4"), &["1.4", "1.4.1"]), "core:1.4");
        assert_eq!(shown(Some("staging-latest"), &["1.4", "1.4.1"]), "core:1.4.1");
        assert_eq!(shown(None, &["staging-latest"]), format!("core@{}", image.digest.short()));
    }
}
