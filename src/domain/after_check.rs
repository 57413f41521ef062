//! What a service is asked over HTTP once it runs a new image, and what it answered when that
//! was not what it should. Nothing here asks.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A question to a service, and the answer that it should give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AfterCheck {
    pub url: CheckUrl,
    /// The HTTP status that it should answer with.
    pub expect: u16,
    /// A text that must occur in the answer's body.
    pub body: Option<String>,
    /// For how long it is asked again before it counts as failed.
    pub within: Duration,
}

/// An address that is asked. Its query may hold a secret, so neither `Debug` nor `Display`
/// shows that.
#[derive(Clone, PartialEq, Eq)]
pub struct CheckUrl(String);

impl CheckUrl {
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// The whole address, for whoever asks.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What people may see of it.
    pub fn shown(&self) -> &str {
        self.0.split(['?', '#']).next().unwrap_or_default()
    }
}

impl fmt::Debug for CheckUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "CheckUrl({}…)", self.shown())
    }
}

impl fmt::Display for CheckUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.shown())
    }
}

/// When a service is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    /// Its canary has settled, and its other tasks still run what ran before.
    Canary,
    /// Every task of the plan has settled.
    End,
}

/// A check that did not pass, however often it was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsatisfied {
    /// As people may see it.
    pub url: String,
    pub expect: u16,
    pub within: Duration,
    /// The last one.
    pub answer: Answer,
}

/// An answer that is not the one expected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Answer {
    Status {
        status: u16,
    },
    /// The status is right, and this text does not occur in the body.
    Lacks {
        text: String,
    },
    /// None came in the time that one try has.
    Late,
    /// None came at all, in the words of the HTTP client.
    Silent {
        why: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_secret_in_an_address_is_not_shown() {
        let url = CheckUrl::new("https://shop.example.com/health?key=hunter2#x");
        assert_eq!(url.to_string(), "https://shop.example.com/health");
        assert!(!format!("{url:?}").contains("hunter2"));
        assert_eq!(url.reveal(), "https://shop.example.com/health?key=hunter2#x");
    }
}
