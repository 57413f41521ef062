//! Why a request ends without a deployment: refused, or not decided. The two are never
//! told alike.

use crate::aws::AwsError;
use crate::domain::policy::Denial;
use crate::domain::refusal::Refusal;
use crate::policy::PolicyError;
use crate::ports::{ChatError, StoreError};
use crate::report::Unasked;

/// Why it ends.
#[derive(Debug)]
pub(super) enum Problem {
    /// It would not work.
    Refused(Refusal),
    /// The policies say no.
    Denied(Denial),
    /// Somebody who had to be asked did not answer, or answered nonsense.
    Undecided(Undecided),
}

/// Who could not be asked, and what came instead of an answer.
#[derive(Debug)]
pub(super) struct Undecided {
    pub unasked: Unasked,
    pub error: anyhow::Error,
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Problem {
    /// What has to be mended first, where AWS did not let Shipmate ask: that is decided, and no
    /// fault that passes.
    pub fn settled(self) -> Self {
        match self {
            Self::Undecided(undecided) => {
                let aws: Option<&AwsError> = undecided.error.downcast_ref();
                match aws.and_then(AwsError::refusal) {
                    Some(refusal) => Self::Refused(refusal),
                    None => Self::Undecided(undecided),
                }
            }
            Self::Refused(_) | Self::Denied(_) => self,
        }
    }

    /// What the chat said, if that was the problem.
    pub fn of_chat(&self) -> Option<&ChatError> {
        match self {
            Self::Undecided(undecided) => undecided.error.downcast_ref(),
            Self::Refused(_) | Self::Denied(_) => None,
        }
    }

    /// The chat did not tell somebody's roles.
    pub fn roles(error: ChatError) -> Self {
        Self::Undecided(Undecided { unasked: Unasked::Roles, error: error.into() })
    }
}

/// Every error of something outside leaves the question undecided.
macro_rules! undecided {
    ($($error:ty => $unasked:ident),+) => {$(
        impl From<$error> for Problem {
            fn from(error: $error) -> Self {
                Self::Undecided(Undecided { unasked: Unasked::$unasked, error: error.into() })
            }
        }
    )+};
}

undecided!(AwsError => Aws, PolicyError => Policies, ChatError => Chat, StoreError => Journal);
