//! Which programs may have environments for themselves: their tokens by name, and how their
//! connections are seen to live. Nothing here shows a token, in no error and no debugging output.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use super::check::{check_some_time, duration, is_environment, required};
use super::error::{Place, Problem};
use super::findings::Findings;
use super::key::{Key, KeyFault, KeySource};
use super::keys;
use super::raw::{RawReservations, RawReserver};
use super::variables::variable;
use crate::domain::id::{EnvironmentName, TokenName};

/// The door for programs that reserve environments.
#[derive(Clone, Debug)]
pub struct Reservations {
    /// How often a connection is asked whether it lives.
    pub ping: Duration,
    /// For how long it may be silent, or away, before its reservation is over.
    pub grace: Duration,
    tokens: BTreeMap<TokenName, Reserver>,
}

/// A program that may reserve.
#[derive(Clone, Debug)]
struct Reserver {
    key: KeySource,
    environments: BTreeSet<EnvironmentName>,
}

/// A program that may reserve, with what it shows.
#[derive(Clone, Debug)]
pub struct ReserverKey {
    pub name: TokenName,
    pub key: Key,
    pub environments: BTreeSet<EnvironmentName>,
}

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReservationKeyError {
    #[error(
        "the file {} with the token {token} for reservations cannot be read ({why}); `key-file` \
         names it",
        file.display()
    )]
    Unreadable { token: TokenName, file: PathBuf, why: String },
    #[error(
        "the file {} holds no token for reservations; it must hold that and nothing else, from 16 \
         to 512 visible characters without spaces: openssl rand -hex 32",
        file.display()
    )]
    NotAKey { file: PathBuf },
    #[error(
        "everybody on this machine may write the file {} with the token {token} for reservations; \
         take that away: chmod o-w {}",
        file.display(),
        file.display()
    )]
    Writable { token: TokenName, file: PathBuf },
    #[error(
        "{one} and {other} have the same token for reservations, so that nobody could tell them \
         apart; give each its own"
    )]
    Same { one: TokenName, other: TokenName },
}

impl Reservations {
    /// The programs with their tokens, out of their files where they have them.
    ///
    /// # Errors
    /// [`ReservationKeyError`]; what variables hold was looked at with the settings.
    pub fn reservers(&self) -> Result<Vec<ReserverKey>, ReservationKeyError> {
        let mut all: Vec<ReserverKey> = Vec::new();
        for (name, reserver) in &self.tokens {
            let key = reserver.key.read().map_err(|(file, fault)| named(name, file, fault))?;
            if let Some(one) = all.iter().find(|one| one.key.reveal() == key.reveal()) {
                let (one, other) = (one.name.clone(), name.clone());
                return Err(ReservationKeyError::Same { one, other });
            }
            let environments = reserver.environments.clone();
            all.push(ReserverKey { name: name.clone(), key, environments });
        }
        Ok(all)
    }
}

fn named(token: &TokenName, file: PathBuf, fault: KeyFault) -> ReservationKeyError {
    let token = token.clone();
    match fault {
        KeyFault::Unreadable { why } => ReservationKeyError::Unreadable { token, file, why },
        KeyFault::NotAKey => ReservationKeyError::NotAKey { file },
        KeyFault::Writable => ReservationKeyError::Writable { token, file },
    }
}

const SECTION: [&str; 2] = ["web", "reservations"];

/// Checks `[web.reservations]`.
pub(super) fn reservations(raw: &RawReservations, findings: &mut Findings) -> Reservations {
    let [web, section] = SECTION;
    let mut time = |key, text: Option<&String>, unset| {
        let path = [web, section, key];
        let time = duration(&path, text.map_or(unset, String::as_str), findings);
        check_some_time(&path, time, findings);
        time.unwrap_or_default()
    };
    let ping = time("ping", raw.ping.as_ref(), keys::PING);
    let grace = time("grace", raw.grace.as_ref(), keys::GRACE);
    if !ping.is_zero() && !grace.is_zero() && grace < ping * 2 {
        findings.report(&[web, section, "grace"], Problem::GraceTooShort);
    }
    if raw.tokens.is_empty() && findings.names_in(&[web, section, "tokens"]).is_empty() {
        findings.report(&SECTION, Problem::NoReservers);
    }
    let token = |(name, raw): (&String, &RawReserver)| {
        (TokenName::new(name), reserver(name, raw, findings))
    };
    Reservations { ping, grace, tokens: raw.tokens.iter().map(token).collect() }
}

fn reserver(name: &str, raw: &RawReserver, findings: &mut Findings) -> Reserver {
    let [web, section] = SECTION;
    let path = |key| [web, section, "tokens", name, key];
    let listed = path("environments");
    match raw.environments.as_deref() {
        None => drop(required(&listed, None, findings)),
        Some([]) => {
            findings.report(&listed, Problem::NothingToReserve { token: name.to_owned() });
        }
        Some(_) => {}
    }
    let environments = raw.environments.as_deref().unwrap_or_default();
    for (index, environment) in environments.iter().enumerate() {
        let index = index.to_string();
        is_environment(
            &[web, section, "tokens", name, "environments", &index],
            environment,
            findings,
        );
    }
    Reserver {
        key: source(name, raw, findings),
        environments: environments.iter().map(EnvironmentName::new).collect(),
    }
}

fn source(name: &str, raw: &RawReserver, findings: &mut Findings) -> KeySource {
    let [web, section] = SECTION;
    let (of_key, of_file) =
        ([web, section, "tokens", name, "key"], [web, section, "tokens", name, "key-file"]);
    // In the file it was reported already; that is a mistake enough.
    let by_variable = matches!(findings.exactly(&of_key), Some(Place::Variable { .. }));
    match (findings.is_given(&of_key), findings.is_given(&of_file)) {
        (false, false) => {
            let example = keys::example_line(&keys::pattern(&of_file));
            let variable = variable(&of_key.map(str::to_owned));
            let token = name.to_owned();
            let problem = Problem::NoReserverKey { token, example, variable };
            findings.report(&[web, section, "tokens", name], problem);
        }
        (true, true) if by_variable => findings.report(&of_key, Problem::TwoReserverKeys),
        (true, _) | (_, true) => {}
    }
    if let Some(text) = &raw.key {
        if let Some(key) = Key::read(text) {
            return KeySource::Variable(key);
        }
        findings.report(&of_key, Problem::NotAReserverKey);
    }
    KeySource::File(PathBuf::from(raw.key_file.as_deref().unwrap_or_default()))
}
