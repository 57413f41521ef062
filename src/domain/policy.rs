//! The words between those who ask for a decision and the policies that give it: actions,
//! facts, verdicts, requirements. How policies are written and evaluated is not known here.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Weekday;
use serde::{Deserialize, Serialize};

use super::id::{EnvironmentName, PersonId, PolicyId, Role, WindowName};

/// What a person wants to do. Each is an action of the Cedar schema, by the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Status, history, help: looking and nothing else.
    Read,
    Promote,
    Rollback,
    Restart,
    /// Give a yes or a no to somebody's plan.
    Approve,
    Cancel,
    /// Hold a running deployment up, leave its canary alone for longer, or let it go on.
    Pause,
    BreakGlass,
    Lock,
    Unlock,
    /// Ban a digest, or lift a ban.
    Ban,
    /// End the hold that a rollback leaves.
    ReleaseHold,
    /// Close an environment, or end what people closed.
    Freeze,
    /// Have something announced, now or at set times.
    Announce,
}

impl Action {
    pub const ALL: [Self; 14] = [
        Self::Read,
        Self::Promote,
        Self::Rollback,
        Self::Restart,
        Self::Approve,
        Self::Cancel,
        Self::Pause,
        Self::BreakGlass,
        Self::Lock,
        Self::Unlock,
        Self::Ban,
        Self::ReleaseHold,
        Self::Freeze,
        Self::Announce,
    ];

    /// The name in the Cedar schema and in commands/*.toml.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Promote => "promote",
            Self::Rollback => "rollback",
            Self::Restart => "restart",
            Self::Approve => "approve",
            Self::Cancel => "cancel",
            Self::Pause => "pause",
            Self::BreakGlass => "break-glass",
            Self::Lock => "lock",
            Self::Unlock => "unlock",
            Self::Ban => "ban",
            Self::ReleaseHold => "release-hold",
            Self::Freeze => "freeze",
            Self::Announce => "announce",
        }
    }
}

/// A person and the roles they hold now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    pub id: PersonId,
    pub roles: BTreeSet<Role>,
}

/// A question to the policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    pub person: Person,
    pub action: Action,
    pub environment: EnvironmentName,
    pub facts: Facts,
}

/// What the policies may ask about. A fact that does not apply to an action has its
/// harmless value: see `Default`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Who asked for the deployment that is voted on, cancelled or paused; else who asks now.
    pub requester: PersonId,
    /// Whether every image of the plan was verified in the environment that this one comes
    /// after (`None`: it comes after none).
    pub verified: Option<Verified>,
    /// Local time where the environment is.
    pub weekday: Weekday,
    /// Minutes since local midnight, 0 to 1439.
    pub minute: u16,
    /// Findings of severity CRITICAL over all images of the plan; `None`: never scanned.
    pub critical_findings: Option<u32>,
    /// Who has locked the environment.
    pub locked_by: Option<PersonId>,
    /// The environment is closed, by these freezes of the calendar; by none of them where people
    /// froze it or it is outside of its windows. `None`: it is open.
    pub frozen: Option<BTreeSet<WindowName>>,
    /// A rollback's hold lies on the environment.
    pub held: bool,
    /// The person gave a reason.
    pub reason_given: bool,
    /// The person asked to break the glass.
    pub break_glass: bool,
    /// A program asks, not a person.
    pub automated: bool,
}

/// Whether images were seen good in the environment before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The environment in which they should have been verified.
    pub environment: EnvironmentName,
    pub yes: bool,
}

impl Facts {
    /// The facts of somebody who asks on an ordinary Tuesday at noon and of whom nothing else
    /// is known.
    pub fn about(requester: PersonId) -> Self {
        Self {
            requester,
            verified: None,
            weekday: Weekday::Tuesday,
            minute: 12 * 60,
            critical_findings: Some(0),
            locked_by: None,
            frozen: None,
            held: false,
            reason_given: false,
            break_glass: false,
            automated: false,
        }
    }
}

/// What the policies say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Allowed {
        /// Those that permitted.
        permits: Vec<PolicyId>,
        /// What must be met by votes first.
        requirements: Vec<Requirement>,
        /// Forbids and requirements that breaking the glass sets aside; said loudly.
        overridden: Vec<Because>,
    },
    Refused(Denial),
}

/// Why the policies refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// These forbade it. `overridable`: every one of them yields to breaking the glass.
    Forbidden { by: Vec<Because>, overridable: bool },
    /// No policy permitted it; the nearest permits and what each lacked, best first.
    NothingPermits { nearest: Vec<NearMiss> },
}

/// A policy that decided, with its `@reason`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Because {
    pub policy: PolicyId,
    /// Of what closes the environment, where it decides so only because that is closed.
    pub reason: String,
    /// When the environment opens, where it decides so only because that is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opens: Option<Opens>,
}

impl Because {
    pub fn new(policy: PolicyId, reason: String) -> Self {
        Self { policy, reason, opens: None }
    }
}

/// When a closed environment opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Opens {
    At(Timestamp),
    /// When somebody opens it.
    Unfrozen,
}

/// A permit that did not apply, and what it lacked, as a sentence such as
/// "the role release-manager or on-call".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearMiss {
    pub policy: PolicyId,
    pub lacked: String,
}

/// What a policy asks for before a plan may run: so many votes of people in one of these roles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirement {
    pub policy: PolicyId,
    pub reason: String,
    pub approvals: u32,
    /// One of these is enough.
    pub approvers: BTreeSet<Role>,
    pub expires: Duration,
}
