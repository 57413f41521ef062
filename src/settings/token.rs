//! The token with which Shipmate speaks as itself: where it comes from, and reading it. Nothing
//! here shows it, in no error and no debugging output.

use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};

use super::discord::Discord;
use super::error::{Place, Problem};
use super::findings::Findings;
use super::keys;
use super::variables::variable;

/// A bot's token. `Debug` does not show it, and there is no `Display`.
#[derive(Clone)]
pub struct Token(SecretString);

impl Token {
    /// The token itself, without `Bot ` before it, for whoever connects.
    pub fn reveal(&self) -> &str {
        self.0.expose_secret()
    }

    /// Reads a token: visible ASCII without spaces, once those around it are cut off.
    fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let fits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self(SecretString::from(text)))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(…)")
    }
}

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("the token file {} cannot be read ({why}); `token-file` names it", file.display())]
    Unreadable { file: PathBuf, why: String },
    #[error(
        "the token file {} is empty; write the bot's token into it, from the page Bot of the \
         application in Discord's developer portal",
        file.display()
    )]
    Empty { file: PathBuf },
    #[error(
        "what the token file {} holds is not a bot's token; it must hold that and nothing else, \
         without `Bot ` before it",
        file.display()
    )]
    NotAToken { file: PathBuf },
    #[error(
        "everybody on this machine may write the token file {}; take that away: chmod o-w {}",
        file.display(),
        file.display()
    )]
    Writable { file: PathBuf },
}

/// Where the token comes from.
#[derive(Clone, Debug)]
pub(super) enum TokenSource {
    /// Read at the start only, so that settings can be checked where the file is not.
    File(PathBuf),
    Variable(Token),
}

impl TokenSource {
    /// Reports unless exactly one of the two is given.
    pub fn of(token: Option<&str>, file: Option<&str>, findings: &mut Findings) -> Self {
        let of_token = ["chat", "discord", "token"];
        let of_file = ["chat", "discord", "token-file"];
        // In the file it was reported already; that is a mistake enough.
        let by_variable = matches!(findings.exactly(&of_token), Some(Place::Variable { .. }));
        match (findings.is_given(&of_token), findings.is_given(&of_file)) {
            (false, false) => {
                let example = keys::example_line(&of_file);
                let variable = variable(&of_token.map(str::to_owned));
                findings.report(&["chat", "discord"], Problem::NoToken { example, variable });
            }
            (true, true) if by_variable => findings.report(&of_token, Problem::TwoTokens),
            (true, _) | (_, true) => {}
        }
        if let Some(text) = token {
            if let Some(token) = Token::read(text) {
                return Self::Variable(token);
            }
            findings.report(&of_token, Problem::NotAToken);
        }
        let file = file.unwrap_or_default();
        if looks_like_a_token(file) {
            findings.report(&of_file, Problem::TokenAsFile);
        }
        Self::File(PathBuf::from(file))
    }
}

/// Whether a text that should name a file is rather a token: three long words with dots between
/// them. It would be shown as a file's name.
fn looks_like_a_token(text: &str) -> bool {
    let text = text.trim().trim_start_matches("Bot ");
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let parts: Vec<&str> = text.split('.').collect();
    parts.len() == 3
        && text.len() >= 50
        && parts.iter().all(|part| part.len() >= 5 && part.bytes().all(word))
}

impl Discord {
    /// The token, out of its file where it has one.
    ///
    /// # Errors
    /// [`TokenError`], of the file; what the variable holds was looked at with the settings.
    pub fn token(&self) -> Result<Token, TokenError> {
        match &self.token {
            TokenSource::Variable(token) => Ok(token.clone()),
            TokenSource::File(file) => from_file(file),
        }
    }

    /// The token's file, if others on this machine may read it. No error, since secrets that a
    /// container is given are often so, and nobody else is there.
    pub fn token_file_read_by_others(&self) -> Option<&Path> {
        match &self.token {
            TokenSource::File(file) if others_may(file, 0o004) => Some(file),
            TokenSource::File(_) | TokenSource::Variable(_) => None,
        }
    }
}

fn from_file(file: &Path) -> Result<Token, TokenError> {
    let file_name = || file.to_owned();
    let text = std::fs::read_to_string(file).map_err(|error| {
        // Bytes that are no text are no token; the error says so without showing them.
        TokenError::Unreadable { file: file_name(), why: error.to_string() }
    })?;
    if others_may(file, 0o002) {
        return Err(TokenError::Writable { file: file_name() });
    }
    if text.trim().is_empty() {
        return Err(TokenError::Empty { file: file_name() });
    }
    Token::read(&text).ok_or_else(|| TokenError::NotAToken { file: file_name() })
}

/// Whether the file gives those who are neither its owner nor of its group this permission.
#[cfg(unix)]
pub(super) fn others_may(file: &Path, permission: u32) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & permission != 0)
}

/// Elsewhere it takes more than a number to tell.
#[cfg(not(unix))]
pub(super) fn others_may(_: &Path, _: u32) -> bool {
    false
}
