//! The door for AWS's events: the header and the key that they must carry. Nothing here shows the
//! key, in no error and no debugging output.

use std::path::PathBuf;

use super::error::{Place, Problem};
use super::findings::Findings;
use super::key::{Key, KeyFault, KeySource};
use super::keys;
use super::raw::RawAwsEvents;
use super::variables::variable;

/// Who may send AWS's events.
#[derive(Clone, Debug)]
pub struct AwsEvents {
    /// The header that carries the key, in lower case.
    pub header: String,
    key: KeySource,
}

/// Why there is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventKeyError {
    #[error(
        "the file with the key of AWS's events {} cannot be read ({why}); `key-file` names it",
        file.display()
    )]
    Unreadable { file: PathBuf, why: String },
    #[error(
        "the file {} holds no key for AWS's events; it must hold that and nothing else, from 16 to \
         512 visible characters without spaces: openssl rand -hex 32",
        file.display()
    )]
    NotAKey { file: PathBuf },
    #[error(
        "everybody on this machine may write the file {} with the key of AWS's events; take that \
         away: chmod o-w {}",
        file.display(),
        file.display()
    )]
    Writable { file: PathBuf },
}

impl AwsEvents {
    /// The key, out of its file where it has one.
    ///
    /// # Errors
    /// [`EventKeyError`], of the file; what the variable holds was looked at with the settings.
    pub fn key(&self) -> Result<Key, EventKeyError> {
        self.key.read().map_err(|(file, fault)| EventKeyError::of(file, fault))
    }
}

impl EventKeyError {
    fn of(file: PathBuf, fault: KeyFault) -> Self {
        match fault {
            KeyFault::Unreadable { why } => Self::Unreadable { file, why },
            KeyFault::NotAKey => Self::NotAKey { file },
            KeyFault::Writable => Self::Writable { file },
        }
    }
}

fn at(key: &'static str) -> [&'static str; 3] {
    ["web", "aws-events", key]
}

/// Checks `[web.aws-events]`.
pub(super) fn aws_events(raw: &RawAwsEvents, findings: &mut Findings) -> AwsEvents {
    let header = raw.header.as_deref().unwrap_or(keys::HEADER).to_ascii_lowercase();
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !header.bytes().all(fits) {
        findings.report(&at("header"), Problem::BadHeader { header: header.clone() });
    }
    let key = source(raw, findings);
    AwsEvents { header, key }
}

fn source(raw: &RawAwsEvents, findings: &mut Findings) -> KeySource {
    // In the file it was reported already; that is a mistake enough.
    let by_variable = matches!(findings.exactly(&at("key")), Some(Place::Variable { .. }));
    match (findings.is_given(&at("key")), findings.is_given(&at("key-file"))) {
        (false, false) => {
            let example = keys::example_line(&at("key-file"));
            let variable = variable(&at("key").map(str::to_owned));
            findings.report(&["web", "aws-events"], Problem::NoEventKey { example, variable });
        }
        (true, true) if by_variable => findings.report(&at("key"), Problem::TwoEventKeys),
        (true, _) | (_, true) => {}
    }
    if let Some(text) = &raw.key {
        if let Some(key) = Key::read(text) {
            return KeySource::Variable(key);
        }
        findings.report(&at("key"), Problem::NotAnEventKey);
    }
    KeySource::File(PathBuf::from(raw.key_file.as_deref().unwrap_or_default()))
}
