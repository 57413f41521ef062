//! Identifiers as types of their own, so that a tag cannot stand where a digest is meant.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Declares names that are plain text inside and never mixed up outside.
macro_rules! names {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.pad(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }
    )+};
}

names! {
    /// Where services run, as the settings name it: `staging`.
    EnvironmentName;
    /// A service as the settings name it: `rest-api`. ECS may know it by another name.
    ServiceName;
    /// An ECR repository's name: `core`, `team/core`.
    Repository;
    /// A tag in ECR, at most 300 characters.
    Tag;
    /// Who speaks, as the chat identifies them.
    PersonId;
    /// A role that the policies know: `release-manager`.
    Role;
    /// The `@id` of a policy.
    PolicyId;
    /// A freeze or a window of the calendar, as the settings name it: `weekend`.
    WindowName;
    /// A message in the chat, as the chat identifies it.
    MessageId;
    /// A place in the chat where messages stand: a channel, or a conversation of two.
    ChannelId;
    /// The ARN of an ECS task.
    TaskArn;
    /// ECS's id of a service deployment: `ecs-svc/123`.
    EcsDeploymentId;
    /// A schedule of announcements, as the settings name it: `morning`.
    ScheduleName;
    /// The name of a token by which a program reserves environments: `e2e`.
    TokenName;
    /// A reservation, by a number that nobody can guess.
    ReservationId;
    /// The hex SHA-256 of a plan's terms. Votes bind it.
    TermsHash;
    /// The hex SHA-256 of the policies that decide.
    PolicyHash;
}

/// A deployment's number: what people write in chat. Counts from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeploymentId(pub i64);

impl fmt::Display for DeploymentId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

/// What makes a text not a digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a digest reads sha256: and 64 lower-case hex digits")]
pub struct NotADigest;

/// An OCI digest, `sha256:` and 64 lower-case hex digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

impl Digest {
    /// Reads the full form. A prefix is not a digest; see [`super::command::Pick`].
    ///
    /// # Errors
    /// [`NotADigest`] for anything else.
    pub fn parse(text: &str) -> Result<Self, NotADigest> {
        let hex = text.strip_prefix("sha256:").ok_or(NotADigest)?;
        let lower_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if hex.len() == 64 && hex.bytes().all(lower_hex) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotADigest)
        }
    }

    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(format!("sha256:{}", sha256_hex(bytes)))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The hex digits behind `sha256:`.
    pub fn hex(&self) -> &str {
        self.0.strip_prefix("sha256:").unwrap_or(&self.0)
    }

    /// The first twelve hex digits: enough to tell digests apart by eye.
    pub fn short(&self) -> &str {
        self.hex().get(..12).unwrap_or(self.hex())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Digest({})", self.short())
    }
}

impl TryFrom<String> for Digest {
    type Error = NotADigest;

    fn try_from(text: String) -> Result<Self, NotADigest> {
        Self::parse(&text)
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}

/// The SHA-256 of these bytes as lower-case hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
