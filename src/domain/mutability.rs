//! Which tags of a repository may be moved, as its tag mutability in ECR says.

use super::id::Tag;

/// ECR's `imageTagMutability` with its exclusion filters, in which `*` stands for any run of
/// characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mutability {
    /// Every tag may be moved, but those that a filter names.
    Mutable { but: Vec<String> },
    /// No tag may be moved, but those that a filter names.
    Immutable { but: Vec<String> },
}

impl Default for Mutability {
    /// As ECR makes a repository where nothing else is said.
    fn default() -> Self {
        Self::Mutable { but: Vec::new() }
    }
}

impl Mutability {
    /// Whether ECR lets this tag be put on another image once it is there.
    pub fn lets_move(&self, tag: &Tag) -> bool {
        match self {
            Self::Mutable { but } => !named(but, tag),
            Self::Immutable { but } => named(but, tag),
        }
    }
}

fn named(filters: &[String], tag: &Tag) -> bool {
    filters.iter().any(|filter| matches(filter, tag.as_str()))
}

fn matches(filter: &str, text: &str) -> bool {
    let mut parts = filter.split('*');
    let Some(rest) = parts.next().and_then(|head| text.strip_prefix(head)) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((tail, middle)) = parts.split_last() else { return rest.is_empty() };
    // The leftmost place for each leaves the most room for those behind it.
    let mut rest = rest;
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.ends_with(tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_name_tags_as_ecr_reads_them() {
        for (filter, tag, fits) in [
            ("*-latest", "staging-latest", true),
            ("*-latest", "staging-latest-1", false),
            ("staging-latest", "staging-latest", true),
            ("staging-latest", "staging-latest2", false),
            ("*", "anything", true),
            ("*", "", true),
            ("dev*", "dev", true),
            ("dev*x", "devx", true),
            ("dev*vx", "devx", false),
            ("a*b*b", "ab", false),
            ("a*b*b", "axbyb", true),
            ("*a*", "bab", true),
            ("**", "x", true),
        ] {
            assert_eq!(matches(filter, tag), fits, "{filter} {tag}");
        }
    }

    #[test]
    fn exclusion_turns_the_setting_round() {
        let but = || vec!["*-latest".to_owned()];
        let (latest, version) = (Tag::from("staging-latest"), Tag::from("1.5.0"));
        let mutable = Mutability::Mutable { but: but() };
        assert!(!mutable.lets_move(&latest) && mutable.lets_move(&version));
        let immutable = Mutability::Immutable { but: but() };
        assert!(immutable.lets_move(&latest) && !immutable.lets_move(&version));
        assert!(Mutability::default().lets_move(&latest));
    }
}
