//! The texts that policies and cases are read from, and places in them. Where the texts come
//! from is not known here: they are handed in, and the shipped ones are compiled in.

use std::collections::BTreeMap;
use std::fmt;

use crate::domain::id::{PolicyHash, sha256_hex};

/// The name by which a team's own schema replaces the shipped one.
const SCHEMA: &str = "schema.cedarschema";

/// A file's name and text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Shown in errors: `policies/production.cedar`. What follows the last slash decides
    /// whether two sources are the same file.
    pub name: String,
    pub text: String,
}

impl Source {
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// The name without its directories.
    pub fn file_name(&self) -> &str {
        self.name.rsplit(['/', '\\']).next().unwrap_or(&self.name)
    }

    /// The text as it counts for the hash: without a byte order mark, and with one kind of
    /// line end, so that a checkout on another system means the same policies.
    fn normalised(&self) -> String {
        self.text.trim_start_matches('\u{feff}').replace("\r\n", "\n")
    }

    /// The line that begins at or holds this offset, without its end.
    pub(super) fn line_at(&self, offset: usize) -> &str {
        let start = self.line_start(offset);
        self.text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or("")
    }

    fn line_start(&self, offset: usize) -> usize {
        let before = self.text.get(..self.floor(offset)).unwrap_or("");
        before.rfind('\n').map_or(0, |newline| newline + 1)
    }

    /// The nearest offset at or before this one that a character begins at.
    fn floor(&self, offset: usize) -> usize {
        let within = offset.min(self.text.len());
        (0..=within).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or(0)
    }
}

/// Where something stands in a source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub file: String,
    /// Counts from 1.
    pub line: usize,
    /// In characters, counts from 1.
    pub column: usize,
}

impl Place {
    /// The place of a byte offset; one that lies behind the end means the end.
    pub fn of(source: &Source, offset: usize) -> Self {
        let offset = source.floor(offset);
        let before = source.text.get(..offset).unwrap_or("");
        let in_line = source.text.get(source.line_start(offset)..offset).unwrap_or("");
        Self {
            file: source.name.clone(),
            line: before.matches('\n').count() + 1,
            column: in_line.chars().count() + 1,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// All texts of a set of policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sources {
    pub schema: Source,
    /// `*.cedar`, in the order of their file names.
    pub policies: Vec<Source>,
    /// `cases/*.toml`, in the order of their file names.
    pub cases: Vec<Source>,
    /// Names of files that are none of these, so that `check` can tell of them.
    pub ignored: Vec<String>,
}

/// Compiles in files of the policies' directory under their names there.
macro_rules! shipped {
    ($($path:literal),+ $(,)?) => {
        vec![$(Source::new(
            concat!("policies/", $path),
            include_str!(concat!("../../policies/", $path)),
        )),+]
    };
}

impl Sources {
    /// The texts that ship.
    pub fn shipped() -> Self {
        Self {
            schema: Source::new(
                "policies/schema.cedarschema",
                include_str!("../../policies/schema.cedarschema"),
            ),
            policies: shipped![
                "announcements.cedar",
                "bans-and-holds.cedar",
                "break-glass.cedar",
                "developers.cedar",
                "everyone.cedar",
                "freezes.cedar",
                "locks.cedar",
                "production.cedar",
                "votes.cedar",
            ],
            cases: shipped![
                "cases/announcements.toml",
                "cases/bans-and-holds.toml",
                "cases/break-glass.toml",
                "cases/developers.toml",
                "cases/everyone.toml",
                "cases/freezes.toml",
                "cases/locks.toml",
                "cases/production.toml",
                "cases/votes.toml",
            ],
            ignored: Vec::new(),
        }
    }

    /// These with a team's own: each file takes the place of the one with the same file name,
    /// or is added. An empty file takes a shipped one out. What a file is for is told by its
    /// name: `*.cedar`, `*.toml` and `schema.cedarschema`.
    #[must_use]
    pub fn with(self, team: &[Source]) -> Self {
        let mut joined = self;
        for source in team {
            let name = source.file_name();
            if name == SCHEMA {
                joined.schema = source.clone();
            } else if name.ends_with(".cedar") {
                put(&mut joined.policies, source);
            } else if name.ends_with(".toml") {
                put(&mut joined.cases, source);
            } else {
                joined.ignored.push(source.name.clone());
            }
        }
        joined
    }
}

/// Replaces the source of the same file name, or adds this one, and keeps the order.
fn put(sources: &mut Vec<Source>, source: &Source) {
    sources.retain(|other| other.file_name() != source.file_name());
    sources.push(source.clone());
    sources.sort_by(|one, other| one.file_name().cmp(other.file_name()));
}

/// The hash over schema and policies. The order in which they are handed in does not count,
/// nor the directory they lie in; cases decide nothing and do not count either.
pub(super) fn hash(schema: &Source, policies: &[Source]) -> PolicyHash {
    let mut texts: BTreeMap<(String, String), usize> = BTreeMap::new();
    for source in policies.iter().chain([schema]) {
        *texts.entry((source.file_name().to_owned(), source.normalised())).or_default() += 1;
    }
    let mut bytes = Vec::new();
    for ((name, text), times) in &texts {
        // Lengths before the texts: no text can pass for the end of one and the start of the
        // next.
        bytes.extend(format!("{times} {} {}\n{name}{text}", name.len(), text.len()).into_bytes());
    }
    PolicyHash::new(sha256_hex(&bytes))
}
