//! The annotations of one policy, read into what the policy is to us: a permit, a forbid, or a
//! demand for votes. How policies are evaluated is not known here.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use cedar_policy::{Effect, Policy};

use super::error::LoadError;
use super::source::Source;
use crate::domain::id::{PolicyId, Role};
use crate::domain::words_of_time::length;

/// The only word that `@override` takes.
const BREAK_GLASS: &str = "break-glass";

/// What the annotations of a policy say. What cannot be read is left out, and then there are
/// errors.
#[derive(Debug)]
pub(super) struct Said {
    pub id: Option<PolicyId>,
    pub kind: Option<Kind>,
    pub errors: Vec<LoadError>,
}

/// What a policy is to us. `yields`: it can be set aside by breaking the glass.
#[derive(Debug)]
pub(super) enum Kind {
    Permit,
    /// A forbid that refuses.
    Forbid {
        reason: String,
        yields: bool,
    },
    /// A forbid that says what must be agreed first.
    Demand {
        reason: String,
        yields: bool,
        approvals: u32,
        approvers: BTreeSet<Role>,
        expires: Duration,
    },
}

/// The annotations that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Id,
    Reason,
    Override,
    Approvals,
    Approvers,
    Expires,
}

impl Key {
    const ALL: [Self; 6] =
        [Self::Id, Self::Reason, Self::Override, Self::Approvals, Self::Approvers, Self::Expires];

    fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Reason => "reason",
            Self::Override => "override",
            Self::Approvals => "approvals",
            Self::Approvers => "approvers",
            Self::Expires => "expires",
        }
    }
}

/// Reads the annotations of a policy.
pub(super) fn read(policy: &Policy, source: &Source) -> Said {
    let mut reader = Reader::new(policy, source);
    let id = reader.id();
    let kind = match (policy.effect(), reader.found.contains_key(&Key::Approvals)) {
        (Effect::Permit, true | false) => reader.permit(),
        (Effect::Forbid, false) => reader.forbid(),
        (Effect::Forbid, true) => reader.demand(),
    };
    Said { id, kind, errors: reader.errors }
}

/// The byte offset at which a policy begins in its file, annotations included.
pub(super) fn start(policy: &Policy) -> usize {
    // Only Cedar's inner representation knows places; nothing else of it is used.
    policy.as_ref().loc().map_or(0, |location| location.start())
}

/// An annotation's value, and the byte offset of its `@`.
#[derive(Clone)]
struct Annotation {
    value: String,
    at: usize,
}

struct Reader<'a> {
    source: &'a Source,
    /// Byte offset at which the policy begins.
    start: usize,
    found: BTreeMap<Key, Annotation>,
    errors: Vec<LoadError>,
}

impl<'a> Reader<'a> {
    fn new(policy: &Policy, source: &'a Source) -> Self {
        let start = start(policy);
        let mut reader = Self { source, start, found: BTreeMap::new(), errors: Vec::new() };
        // As in `start`, for the places.
        for (name, annotation) in policy.as_ref().annotations() {
            let name: &str = name.as_ref();
            let value: &str = annotation.as_ref();
            let at = annotation.loc.as_ref().map_or(start, |location| location.start());
            match Key::ALL.into_iter().find(|key| key.name() == name) {
                Some(key) => {
                    let _none_before: Option<Annotation> =
                        reader.found.insert(key, Annotation { value: value.to_owned(), at });
                }
                None => {
                    let known = Key::ALL.map(|key| format!("@{}", key.name())).join(", ");
                    reader.wrong(
                        at,
                        format!("the annotation @{name} is not known"),
                        format!("known are {known}"),
                    );
                }
            }
        }
        reader
    }

    fn wrong(&mut self, at: usize, sentence: impl Into<String>, help: impl Into<String>) {
        self.errors.push(LoadError::at(self.source, at, sentence).with_help(help));
    }

    fn id(&mut self) -> Option<PolicyId> {
        let Some(Annotation { value, at }) = self.found.get(&Key::Id).cloned() else {
            self.wrong(self.start, "this policy has no @id", "write @id(\"a-readable-name\")");
            return None;
        };
        let fits = |character: char| {
            character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.')
        };
        if value.is_empty() || !value.chars().all(fits) {
            self.wrong(
                at,
                format!("{value:?} is not an id"),
                "an id is made of letters, digits, hyphens, underscores and full stops",
            );
            return None;
        }
        Some(PolicyId::new(value))
    }

    fn permit(&mut self) -> Option<Kind> {
        self.refuse(
            [Key::Override, Key::Approvals, Key::Approvers, Key::Expires],
            "only a forbid can be overridden or ask for approvals; a permit has @id and @reason",
        );
        Some(Kind::Permit)
    }

    fn forbid(&mut self) -> Option<Kind> {
        self.refuse(
            [Key::Approvers, Key::Expires],
            "these belong to a requirement, which also says @approvals(\"2\")",
        );
        let (reason, yields) = (self.reason(), self.yields());
        Some(Kind::Forbid { reason: reason?, yields: yields? })
    }

    fn demand(&mut self) -> Option<Kind> {
        let (reason, yields) = (self.reason(), self.yields());
        let (approvals, approvers, expires) = (self.approvals(), self.approvers(), self.expires());
        Some(Kind::Demand {
            reason: reason?,
            yields: yields?,
            approvals: approvals?,
            approvers: approvers?,
            expires: expires?,
        })
    }

    /// Refuses annotations that mean nothing on this kind of policy.
    fn refuse<const COUNT: usize>(&mut self, keys: [Key; COUNT], help: &str) {
        for key in keys {
            if let Some(at) = self.found.get(&key).map(|annotation| annotation.at) {
                self.wrong(at, format!("@{} has no place on this policy", key.name()), help);
            }
        }
    }

    /// The annotation, or an error that says what is missing.
    fn needed(&mut self, key: Key, missing: &str, help: &str) -> Option<Annotation> {
        let found = self.found.get(&key).cloned();
        if found.is_none() {
            self.wrong(self.start, missing, help);
        }
        found
    }

    fn reason(&mut self) -> Option<String> {
        let Annotation { value, at } = self.needed(
            Key::Reason,
            "this forbid has no @reason",
            "people are told it: write @reason(\"production does not change at the weekend\")",
        )?;
        if value.trim().is_empty() {
            self.wrong(at, "the @reason is empty", "people are told it when they are refused");
            return None;
        }
        Some(value)
    }

    /// Whether the policy yields to breaking the glass.
    fn yields(&mut self) -> Option<bool> {
        let Some(Annotation { value, at }) = self.found.get(&Key::Override).cloned() else {
            return Some(false);
        };
        if value == BREAK_GLASS {
            return Some(true);
        }
        self.wrong(
            at,
            format!("{value:?} overrides nothing"),
            format!("the only override is @override({BREAK_GLASS:?})"),
        );
        None
    }

    fn approvals(&mut self) -> Option<u32> {
        let Annotation { value, at } = self.found.get(&Key::Approvals).cloned()?;
        match value.parse::<u32>() {
            Ok(approvals) if approvals >= 1 => Some(approvals),
            Ok(_) | Err(_) => {
                self.wrong(
                    at,
                    format!("{value:?} is not a number of approvals"),
                    "a whole number, 1 or more: @approvals(\"2\")",
                );
                None
            }
        }
    }

    fn approvers(&mut self) -> Option<BTreeSet<Role>> {
        let help = "name the roles of those who may vote: @approvers(\"release-manager, on-call\")";
        let Annotation { value, at } =
            self.needed(Key::Approvers, "this requirement has no @approvers", help)?;
        let names: Vec<&str> = value.split(',').map(str::trim).collect();
        if names.iter().any(|name| name.is_empty()) {
            self.wrong(at, format!("{value:?} is not a list of roles"), help);
            return None;
        }
        Some(names.into_iter().map(Role::new).collect())
    }

    fn expires(&mut self) -> Option<Duration> {
        let help = "say for how long votes are awaited: @expires(\"30m\")";
        let Annotation { value, at } =
            self.needed(Key::Expires, "this requirement has no @expires", help)?;
        let expires = length(&value);
        if let Err(error) = &expires {
            self.wrong(at, error.to_string(), help);
        }
        expires.ok()
    }
}
