//! shipmate.toml and environment variables to typed, checked settings. Imports only `domain`.
//! What the settings are used for is not known here, and the process's environment is never
//! looked at: the variables are handed in.

mod aws_events;
mod calendar;
mod check;
mod discord;
mod error;
mod file;
mod findings;
mod key;
mod keys;
mod names;
mod raw;
mod reference;
mod reservations;
mod roles;
mod schedules;
mod services;
mod tags;
mod token;
mod variables;
mod verify;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::domain::environment::{Environments, People};
use crate::domain::id::Role;
use crate::domain::schedule::Planned;
use crate::domain::share::Share;

pub use aws_events::{AwsEvents, EventKeyError};
pub use discord::{Discord, GuildId, RoleId};
pub use error::{Place, Problem, SettingsError, SettingsErrors};
pub use key::Key;
pub use reference::reference;
pub use reservations::{ReservationKeyError, Reservations, ReserverKey};
pub use token::{Token, TokenError};

use findings::Findings;

/// All that Shipmate is told before it starts, checked.
#[derive(Clone, Debug)]
pub struct Settings {
    pub database: Database,
    /// Where people talk to Shipmate, besides the terminal.
    pub chat: Option<Discord>,
    /// What listens for HTTP; nothing where it is not set.
    pub web: Option<Web>,
    /// Who holds which role by name.
    pub people: People,
    /// Which roles the holders of a Discord role hold.
    pub role_holders: BTreeMap<RoleId, BTreeSet<Role>>,
    /// Every role that the settings declare, also one that nobody holds.
    pub roles: BTreeSet<Role>,
    pub environments: Environments,
    /// How much of AWS's limits is Shipmate's, where that is set.
    pub share: Option<Share>,
    /// What is announced at set times. The templates are not read yet.
    pub schedules: Vec<Planned>,
    /// After how long the holder of a lock is asked whether it is still needed.
    pub ask_about_locks_after: Duration,
    /// Commands beside the shipped ones, or instead of them.
    pub commands: Option<Extra>,
    /// Policies beside the shipped ones, or instead of them.
    pub policies: Option<Extra>,
}

/// Where the events are kept.
#[derive(Clone, Debug)]
pub struct Database {
    pub url: DatabaseUrl,
}

/// What listens for HTTP.
#[derive(Clone, Debug)]
pub struct Web {
    pub listen: SocketAddr,
    /// Who may send AWS's events; nobody where it is not set.
    pub aws_events: Option<AwsEvents>,
    /// Which programs may have environments for themselves; none where it is not set.
    pub reservations: Option<Reservations>,
}

/// A connection string. It may hold a password, so neither `Debug` nor `Display` shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// The connection string itself, for whoever connects.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("DatabaseUrl(…)")
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(hidden)")
    }
}

/// A directory of a team's own commands or policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extra {
    /// As written: a relative one is relative to the working directory.
    pub directory: PathBuf,
    pub mode: Mode,
}

/// What a directory's files do to those that ship.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// They stand beside them.
    #[default]
    Add,
    /// They stand instead of them.
    Replace,
}

impl Settings {
    /// Keeps the journal in this file, whatever the settings say. For what should leave no trace.
    pub fn keep_journal_in(&mut self, file: &Path) {
        self.database.url = DatabaseUrl(format!("sqlite://{}", file.display()));
    }

    /// Sets for every environment how long tasks settle and how long a rollout may stand still.
    pub fn set_tempo(&mut self, settle: Duration, patience: Duration) {
        for environment in self.environments.0.values_mut() {
            environment.settle = settle;
            environment.patience = patience;
        }
    }

    /// Leaves the after-checks out that ask another machine than this one; gives how many. For
    /// what must never talk to others.
    pub fn check_only_on_loopback(&mut self) -> usize {
        let mut left_out = 0;
        let environments = self.environments.0.values_mut();
        for service in environments.flat_map(|environment| environment.services.iter_mut()) {
            let before = service.verify.len();
            service.verify.retain(|check| verify::is_on_loopback(&check.url));
            left_out += before - service.verify.len();
        }
        left_out
    }

    /// Reads the file and lays the variables over it.
    ///
    /// # Errors
    /// Everything that is wrong with the file and the variables, in the order in which it is
    /// written there.
    pub fn read(
        path: &Path,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, SettingsErrors> {
        let name = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&name, &text, variables),
            Err(error) => {
                let place = Place::Whole { file: name };
                let problem = Problem::Unreadable { why: error.to_string() };
                Err(SettingsErrors::from(SettingsError { place, problem }))
            }
        }
    }

    /// Reads settings from this text; `name` is what errors call the file.
    ///
    /// # Errors
    /// As for [`Settings::read`].
    pub fn parse(
        name: &str,
        text: &str,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, SettingsErrors> {
        let mut findings = Findings::new(name);
        let Some(file) = file::layer(text, &mut findings) else {
            // Without the file's names no variable can be matched to one.
            return Err(findings.into_errors());
        };
        let variables = variables::layer(variables, &file, &mut findings);
        let Some(raw) = raw::merge(file, variables, &mut findings) else {
            return Err(findings.into_errors());
        };
        let settings = check::check(&raw, &mut findings);
        if findings.is_empty() { Ok(settings) } else { Err(findings.into_errors()) }
    }
}
