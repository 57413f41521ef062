//! What people decide beside deployments, as it stands in the journal: bans, the end of a hold or
//! of a reservation, locks, and freezes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::id::{
    ChannelId, DeploymentId, Digest, EnvironmentName, MessageId, PersonId, ReservationId, TokenName,
};
use super::image::Image;

/// A decision and its place among all decisions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedDecision {
    /// Counts from 1.
    pub sequence: u64,
    pub at: Timestamp,
    pub decision: Decision,
}

/// One thing that somebody decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Decision {
    /// An image is never promoted again.
    Banned {
        image: Image,
        /// The digests inside, where the image is an index.
        children: Vec<Digest>,
        /// The name by which it was banned.
        name: String,
        by: PersonId,
        because: String,
    },
    /// It may be promoted again.
    Unbanned { image: Image, name: String, by: PersonId, because: Option<String> },
    /// Automation may move the environment again.
    HoldReleased {
        environment: EnvironmentName,
        /// The deployment that left the hold.
        left_by: DeploymentId,
        by: PersonId,
        because: Option<String>,
    },
    /// A program that had the environment for itself has it no more.
    ReservationEnded {
        environment: EnvironmentName,
        reservation: ReservationId,
        /// The program.
        token: TokenName,
        by: PersonId,
        because: Option<String>,
    },
    /// An environment is closed to others.
    Locked {
        environment: EnvironmentName,
        by: PersonId,
        because: String,
        /// When it ends by itself.
        until: Option<Timestamp>,
        /// Where its end is told.
        channel: ChannelId,
        /// The message that asked for it: however often that is handled, it asks once.
        asked_in: MessageId,
        /// The lock that stood there before: the person's own is changed by this, another one's
        /// is taken over.
        over: Option<LockBefore>,
    },
    /// It is open again.
    Unlocked {
        environment: EnvironmentName,
        /// The lock that has ended.
        lock: u64,
        /// Whose it was.
        of: PersonId,
        why: Unlocking,
    },
    /// An environment is closed. It takes the place of a freeze that the person set before.
    Frozen {
        environment: EnvironmentName,
        by: PersonId,
        because: String,
        /// When it ends by itself.
        until: Option<Timestamp>,
        /// Where its end is told.
        channel: ChannelId,
        /// The message that asked for it: however often that is handled, it asks once.
        asked_in: MessageId,
    },
    /// A freeze that a person set has ended.
    Unfrozen {
        environment: EnvironmentName,
        /// The decision by which it was set.
        freeze: u64,
        /// Whose it was.
        of: PersonId,
        why: Unfreezing,
    },
}

/// A lock that another one took the place of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockBefore {
    /// The decision by which it was set or last changed.
    pub lock: u64,
    pub by: PersonId,
}

/// Why a lock has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "kebab-case")]
pub enum Unlocking {
    /// Its holder lifted it, or somebody else who may.
    Lifted { by: PersonId, because: Option<String>, asked_in: MessageId },
    /// Its time was over; told in this channel.
    TimeOver { channel: ChannelId },
}

/// Why a freeze has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "kebab-case")]
pub enum Unfreezing {
    /// Somebody lifted it.
    Lifted { by: PersonId, because: Option<String>, asked_in: MessageId },
    /// Its time was over; told in this channel.
    TimeOver { channel: ChannelId },
}

impl Decision {
    /// The environment that it is about; `None`: it is about all of them.
    pub fn environment(&self) -> Option<&EnvironmentName> {
        match self {
            Self::Banned { .. } | Self::Unbanned { .. } => None,
            Self::HoldReleased { environment, .. }
            | Self::ReservationEnded { environment, .. }
            | Self::Locked { environment, .. }
            | Self::Unlocked { environment, .. }
            | Self::Frozen { environment, .. }
            | Self::Unfrozen { environment, .. } => Some(environment),
        }
    }

    /// The message that asked for it, where that is written down.
    pub fn asked_in(&self) -> Option<&MessageId> {
        match self {
            Self::Locked { asked_in, .. }
            | Self::Unlocked { why: Unlocking::Lifted { asked_in, .. }, .. }
            | Self::Frozen { asked_in, .. }
            | Self::Unfrozen { why: Unfreezing::Lifted { asked_in, .. }, .. } => Some(asked_in),
            Self::Unlocked { why: Unlocking::TimeOver { .. }, .. }
            | Self::Unfrozen { why: Unfreezing::TimeOver { .. }, .. }
            | Self::Banned { .. }
            | Self::Unbanned { .. }
            | Self::HoldReleased { .. }
            | Self::ReservationEnded { .. } => None,
        }
    }

    /// Whether somebody who did not decide it has to be told of it.
    pub fn is_news(&self) -> bool {
        match self {
            Self::Locked { by, over, .. } => over.as_ref().is_some_and(|over| over.by != *by),
            Self::Unlocked { of, why: Unlocking::Lifted { by, .. }, .. } => of != by,
            Self::Unlocked { why: Unlocking::TimeOver { .. }, .. }
            | Self::Unfrozen { why: Unfreezing::TimeOver { .. }, .. } => true,
            Self::Unfrozen { why: Unfreezing::Lifted { .. }, .. }
            | Self::Frozen { .. }
            | Self::Banned { .. }
            | Self::Unbanned { .. }
            | Self::HoldReleased { .. }
            | Self::ReservationEnded { .. } => false,
        }
    }
}

/// A ban that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    pub image: Image,
    pub children: Vec<Digest>,
    pub name: String,
    pub by: PersonId,
    pub because: String,
    pub at: Timestamp,
}

impl Ban {
    /// Whether what has this digest, and these inside where it is an index, is the banned image,
    /// has it inside, or is a part of it. Which repository or tag it stands under makes no
    /// difference.
    pub fn covers(&self, digest: &Digest, children: &[Digest]) -> bool {
        let banned = &self.image.digest;
        digest == banned || children.contains(banned) || self.children.contains(digest)
    }
}

/// The ban that keeps an image from being promoted.
pub fn ban_on<'a>(bans: &'a [Ban], digest: &Digest, children: &[Digest]) -> Option<&'a Ban> {
    bans.iter().find(|ban| ban.covers(digest, children))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ban_covers_the_image_and_what_it_is_made_of() {
        let digest = |name: &str| Digest::of(name.as_bytes());
        let ban = |name: &str, children: &[&str]| Ban {
            image: Image { repository: "core".into(), digest: digest(name) },
            children: children.iter().map(|name| digest(name)).collect(),
            name: "core:1.6.0".to_owned(),
            by: "bob".into(),
            because: "it loses orders".to_owned(),
            at: Timestamp::UNIX_EPOCH,
        };
        let index = ban("index", &["amd64", "arm64"]);
        assert!(index.covers(&digest("index"), &[]));
        assert!(index.covers(&digest("amd64"), &[]));
        // Another index that shares one of its images was built anew, perhaps to mend the other.
        assert!(!index.covers(&digest("mended"), &[digest("amd64"), digest("arm64-2")]));
        let child = ban("amd64", &[]);
        assert!(child.covers(&digest("index"), &[digest("amd64"), digest("arm64")]));
        assert!(!child.covers(&digest("other"), &[]));
        let bans = [index, child];
        assert_eq!(ban_on(&bans, &digest("arm64"), &[]), bans.first());
        assert_eq!(ban_on(&bans, &digest("other"), &[]), None);
    }
}
