//! The door for AWS's events: the header and the key that they must carry. Nothing here shows the
//! key, in no error and no debugging output.

use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};

use super::error::{Place, Problem};
use super::findings::Findings;
use super::keys;
use super::raw::RawAwsEvents;
use super::token::others_may;
use super::variables::variable;

/// A key that is shorter can be guessed; EventBridge takes none that is longer.
const SHORTEST: usize = 16;
const LONGEST: usize = 512;

/// Who may send AWS's events.
#[derive(Clone, Debug)]
pub struct AwsEvents {
    /// The header that carries the key, in lower case.
    pub header: String,
    key: KeySource,
}

/// The key that AWS's events carry. `Debug` does not show it, and there is no `Display`.
#[derive(Clone)]
pub struct EventKey(SecretString);

impl EventKey {
    /// The key itself, for whoever compares.
    pub fn reveal(&self) -> &str {
        self.0.expose_secret()
    }

    /// Reads a key: visible ASCII without spaces, once those around it are cut off.
    fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let fits = (SHORTEST..=LONGEST).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self(SecretString::from(text)))
    }
}

impl fmt::Debug for EventKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("EventKey(…)")
    }
}

#[derive(Clone, Debug)]
enum KeySource {
    Variable(EventKey),
    File(PathBuf),
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
    pub fn key(&self) -> Result<EventKey, EventKeyError> {
        match &self.key {
            KeySource::Variable(key) => Ok(key.clone()),
            KeySource::File(file) => from_file(file),
        }
    }
}

fn from_file(file: &Path) -> Result<EventKey, EventKeyError> {
    let named = || file.to_owned();
    let text = std::fs::read_to_string(file)
        .map_err(|error| EventKeyError::Unreadable { file: named(), why: error.to_string() })?;
    if others_may(file, 0o002) {
        return Err(EventKeyError::Writable { file: named() });
    }
    EventKey::read(&text).ok_or_else(|| EventKeyError::NotAKey { file: named() })
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
        if let Some(key) = EventKey::read(text) {
            return KeySource::Variable(key);
        }
        findings.report(&at("key"), Problem::NotAnEventKey);
    }
    KeySource::File(PathBuf::from(raw.key_file.as_deref().unwrap_or_default()))
}
