//! Keys by which programs outside are known: what can be one, and reading it from a file. Nothing
//! here shows one, in no error and no debugging output.

use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};

use super::token::others_may;

/// A key that is shorter can be guessed; EventBridge takes none that is longer.
const SHORTEST: usize = 16;
const LONGEST: usize = 512;

/// A key that a program shows. `Debug` does not show it, and there is no `Display`.
#[derive(Clone)]
pub struct Key(SecretString);

impl Key {
    /// The key itself, for whoever compares.
    pub fn reveal(&self) -> &str {
        self.0.expose_secret()
    }

    /// Reads a key: visible ASCII without spaces, once those around it are cut off.
    pub(super) fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let fits = (SHORTEST..=LONGEST).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self(SecretString::from(text)))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Key(…)")
    }
}

/// Where a key comes from.
#[derive(Clone, Debug)]
pub(super) enum KeySource {
    Variable(Key),
    /// Read at the start only, so that settings can be checked where the file is not.
    File(PathBuf),
}

/// Why a file gives no key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum KeyFault {
    Unreadable {
        why: String,
    },
    NotAKey,
    /// Everybody on this machine may.
    Writable,
}

impl KeySource {
    /// The key, or the file that gives none, and why.
    pub fn read(&self) -> Result<Key, (PathBuf, KeyFault)> {
        match self {
            Self::Variable(key) => Ok(key.clone()),
            Self::File(file) => from_file(file).map_err(|fault| (file.clone(), fault)),
        }
    }
}

fn from_file(file: &Path) -> Result<Key, KeyFault> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| KeyFault::Unreadable { why: error.to_string() })?;
    if others_may(file, 0o002) {
        return Err(KeyFault::Writable);
    }
    Key::read(&text).ok_or(KeyFault::NotAKey)
}
