//! Why a command was not run, or not to its end: each with a sentence, and a status by which a
//! script can tell it from the command's own.

use rustix::process::Signal;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Something on this machine has to be mended first.
    #[error("{0}")]
    Unusable(String),
    #[error("the reservation is lost: it could not be had back in time")]
    Lost,
    #[error("{} has ended the reservation{}", plain(by.as_str()), why(because.as_deref()))]
    Ended { by: String, because: Option<String> },
    #[error("the environment did not become free in the time of --wait")]
    WaitedTooLong,
    #[error("the server does not know this token: compare it with the one in its settings")]
    Unauthorised,
    #[error(
        "this token may not reserve that environment: its `environments` in the server's settings \
         say which it may"
    )]
    Forbidden,
    #[error("there is no such environment there; or look whether --server is right")]
    NoSuchEnvironment,
    #[error("too many stand in line for the environment already; try again later")]
    LineTooLong,
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    #[error("what answers there does not reserve environments (HTTP {0}): is --server right?")]
    NotThere(u16),
    #[error("there is no program {0}")]
    NoSuchProgram(String),
    #[error("{program} cannot be run: {why}")]
    NotRun { program: String, why: String },
    #[error("told to end while waiting")]
    Interrupted(Signal),
}

impl Failure {
    /// The status with which the process ends.
    pub fn status(&self) -> u8 {
        match self {
            Self::Unusable(_) => 64,
            Self::Lost => 70,
            Self::Ended { .. } => 71,
            Self::WaitedTooLong => 72,
            Self::Unauthorised => 73,
            Self::Forbidden => 74,
            Self::NoSuchEnvironment => 75,
            Self::LineTooLong => 76,
            Self::Unreachable(_) => 77,
            Self::NotThere(_) => 78,
            // As shells say it.
            Self::NotRun { .. } => 126,
            Self::NoSuchProgram(_) => 127,
            Self::Interrupted(signal) => by_signal(signal.as_raw()),
        }
    }
}

/// The status of what a signal has ended, as shells say it.
pub(super) fn by_signal(signal: i32) -> u8 {
    u8::try_from(signal).unwrap_or(127).saturating_add(128)
}

fn why(because: Option<&str>) -> String {
    because.map_or_else(String::new, |because| format!(", because: {}", plain(because)))
}

fn plain(text: &str) -> String {
    super::plain(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_status_of_its_own_that_no_command_is_likely_to_have() {
        let text = || "x".to_owned();
        let all = [
            Failure::Unusable(text()),
            Failure::Lost,
            Failure::Ended { by: "bob".to_owned(), because: None },
            Failure::WaitedTooLong,
            Failure::Unauthorised,
            Failure::Forbidden,
            Failure::NoSuchEnvironment,
            Failure::LineTooLong,
            Failure::Unreachable(text()),
            Failure::NotThere(200),
            Failure::NotRun { program: text(), why: text() },
            Failure::NoSuchProgram(text()),
            Failure::Interrupted(Signal::TERM),
        ];
        let statuses: Vec<u8> = all.iter().map(Failure::status).collect();
        assert_eq!(statuses, [64, 70, 71, 72, 73, 74, 75, 76, 77, 78, 126, 127, 143]);
    }
}
