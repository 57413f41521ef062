//! Texts to checked policies: parsed, validated strictly against the schema, annotations read.
//! All that is wrong is told at once, with its place. What is decided is not known here.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{
    Entities, Policy, PolicyId as CedarId, PolicySet, PolicySetError, Schema, ValidationMode,
    Validator,
};
use miette::Diagnostic;

use super::annotations::{self, Kind, Said};
use super::error::{LoadError, LoadErrors, from_cedar};
use super::request::{self, TYPES};
use super::roles;
use super::source::{self, Place, Source, Sources};
use crate::domain::id::{EnvironmentName, PersonId, PolicyHash, PolicyId, Role};
use crate::domain::policy::{Action, Because, Facts, Person, Question, Requirement, Verified};

/// Policies of one kind, and what they are to us.
#[derive(Clone, Debug)]
pub(super) struct Rules<T> {
    pub set: PolicySet,
    pub about: BTreeMap<PolicyId, T>,
}

impl<T> Rules<T> {
    fn new() -> Self {
        Self { set: PolicySet::new(), about: BTreeMap::new() }
    }
}

/// A permit and a set of nothing else, by which it is evaluated alone.
#[derive(Clone, Debug)]
pub(super) struct Permit {
    pub id: PolicyId,
    pub policy: Policy,
    pub alone: PolicySet,
}

/// A forbid that refuses. `yields`: it can be set aside by breaking the glass.
#[derive(Clone, Debug)]
pub(super) struct Forbid {
    pub because: Because,
    pub yields: bool,
}

/// A forbid that says what must be agreed first.
#[derive(Clone, Debug)]
pub(super) struct Demand {
    pub requirement: Requirement,
    pub yields: bool,
}

impl Demand {
    pub(super) fn because(&self) -> Because {
        let Requirement { policy, reason, approvals: _, approvers: _, expires: _ } =
            &self.requirement;
        Because::new(policy.clone(), reason.clone())
    }
}

/// Policies that can be asked. Permits, forbids and requirements are kept apart, so that each
/// kind is evaluated alone and none hides another.
#[derive(Clone, Debug)]
pub struct Policies {
    pub(super) schema: Schema,
    /// The actions of the schema as entities, for groups of actions.
    pub(super) actions: Entities,
    pub(super) permits: Rules<Permit>,
    pub(super) forbids: Rules<Forbid>,
    pub(super) demands: Rules<Demand>,
    pub(super) roles: BTreeSet<Role>,
    pub(super) environments: BTreeSet<EnvironmentName>,
    hash: PolicyHash,
}

impl Policies {
    /// Reads and checks a schema and policies.
    ///
    /// # Errors
    /// All that is wrong in any of the texts.
    pub fn load(schema: Source, policies: &[Source]) -> Result<Self, LoadErrors> {
        let mut loader = Loader { sources: policies, errors: Vec::new() };
        let read_schema = loader.schema(&schema);
        let parsed = loader.parse();
        if let Some((read_schema, _)) = &read_schema {
            loader.validate(read_schema, &parsed);
        }
        let named = loader.annotations(parsed);
        match (LoadErrors::of(loader.errors), read_schema) {
            (Some(errors), Some(_) | None) => Err(errors),
            (None, Some((read_schema, actions))) => {
                let mut loaded = Self {
                    schema: read_schema,
                    actions,
                    permits: Rules::new(),
                    forbids: Rules::new(),
                    demands: Rules::new(),
                    roles: BTreeSet::new(),
                    environments: BTreeSet::new(),
                    hash: source::hash(&schema, policies),
                };
                match named.into_iter().try_for_each(|named| loaded.add(named)) {
                    Ok(()) => Ok(loaded),
                    Err(error) => Err(whole(&schema, error.to_string())),
                }
            }
            (None, None) => Err(whole(&schema, "the schema could not be read".to_owned())),
        }
    }

    /// Reads a schema and policies that stand together.
    ///
    /// # Errors
    /// As [`Policies::load`].
    pub fn of(sources: &Sources) -> Result<Self, LoadErrors> {
        Self::load(sources.schema.clone(), &sources.policies)
    }

    /// The policies that ship.
    #[expect(
        clippy::expect_used,
        reason = "the texts are part of the program, and a test loads them"
    )]
    pub fn shipped() -> Self {
        Self::of(&Sources::shipped()).expect("the shipped policies load")
    }

    /// Every role that a policy or an annotation names.
    pub fn roles(&self) -> &BTreeSet<Role> {
        &self.roles
    }

    /// Every environment that a policy names.
    pub fn environments(&self) -> &BTreeSet<EnvironmentName> {
        &self.environments
    }

    /// The ids of all policies, permits, forbids and requirements alike.
    pub fn ids(&self) -> BTreeSet<PolicyId> {
        let permits = self.permits.about.keys();
        let ids = permits.chain(self.forbids.about.keys()).chain(self.demands.about.keys());
        ids.cloned().collect()
    }

    /// The hash of schema and policies: what a plan's terms bind.
    pub fn hash(&self) -> &PolicyHash {
        &self.hash
    }

    fn add(&mut self, named: Named) -> Result<(), Box<PolicySetError>> {
        let Named { id, kind, policy } = named;
        for literal in policy.entity_literals() {
            let name = literal.id().unescaped();
            if literal.type_name() == &TYPES.role {
                self.roles.insert(Role::new(name));
            } else if literal.type_name() == &TYPES.environment {
                self.environments.insert(EnvironmentName::new(name));
            }
        }
        match kind {
            Kind::Permit => {
                self.permits.set.add(policy.clone()).map_err(Box::new)?;
                let alone = PolicySet::from_policies([policy.clone()]).map_err(Box::new)?;
                let permit = Permit { id: id.clone(), policy, alone };
                self.permits.about.insert(id, permit);
            }
            Kind::Forbid { reason, yields } => {
                self.forbids.set.add(policy).map_err(Box::new)?;
                let because = Because::new(id.clone(), reason);
                self.forbids.about.insert(id, Forbid { because, yields });
            }
            Kind::Demand { reason, yields, approvals, approvers, expires } => {
                self.demands.set.add(policy).map_err(Box::new)?;
                self.roles.extend(approvers.iter().cloned());
                let requirement =
                    Requirement { policy: id.clone(), reason, approvals, approvers, expires };
                self.demands.about.insert(id, Demand { requirement, yields });
            }
        }
        Ok(())
    }
}

/// An error about a source as a whole.
fn whole(source: &Source, sentence: String) -> LoadErrors {
    LoadErrors::one(LoadError::at(source, 0, sentence))
}

/// A policy out of a source, named so that no other has the same name.
struct Parsed<'a> {
    policy: Policy,
    source: &'a Source,
}

/// A policy that goes by its `@id`.
struct Named {
    id: PolicyId,
    kind: Kind,
    policy: Policy,
}

struct Loader<'a> {
    sources: &'a [Source],
    errors: Vec<LoadError>,
}

impl<'a> Loader<'a> {
    /// Reads the schema and checks that it has room for everything Shipmate asks.
    fn schema(&mut self, source: &Source) -> Option<(Schema, Entities)> {
        let schema = match Schema::from_cedarschema_str(&source.text) {
            Ok((schema, warnings)) => {
                let told = warnings.flat_map(|warning| from_cedar(&warning, source, 0));
                self.errors.extend(told);
                schema
            }
            Err(error) => {
                self.errors.extend(from_cedar(&error, source, 0));
                return None;
            }
        };
        let actions = match schema.action_entities() {
            Ok(actions) => actions,
            Err(error) => {
                self.errors.push(LoadError::at(source, 0, error.to_string()));
                return None;
            }
        };
        for question in samples() {
            if let Err(error) = request::ask(&question, &schema, &actions) {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                let cause = cause.unwrap_or_else(|| error.to_string());
                let sentence = format!(
                    "the schema has no room for what is asked about {:?}: {cause}",
                    question.action.name(),
                );
                self.errors.push(LoadError::at(source, 0, sentence));
            }
        }
        Some((schema, actions))
    }

    fn parse(&mut self) -> Vec<Parsed<'a>> {
        let mut parsed = Vec::new();
        for source in self.sources {
            let set: PolicySet = match source.text.parse() {
                Ok(set) => set,
                Err(error) => {
                    let error: cedar_policy::ParseErrors = error;
                    self.errors.extend(from_cedar(&error, source, 0));
                    continue;
                }
            };
            for template in set.templates() {
                let at = template.as_ref().loc().map_or(0, |location| location.start());
                let error = LoadError::at(source, at, "this policy is a template with slots")
                    .with_help("write ?principal and ?resource out: nothing fills them in");
                self.errors.push(error);
            }
            for policy in set.policies() {
                // Cedar calls the first policy of every file policy0.
                let id = CedarId::new(format!("{}", parsed.len()));
                parsed.push(Parsed { policy: policy.new_id(id), source });
            }
        }
        parsed
    }

    /// Validates all policies that could be parsed. A warning counts as an error: a policy that
    /// can never apply, or a name that looks like another, is not what its author meant.
    fn validate(&mut self, schema: &Schema, parsed: &[Parsed<'a>]) {
        let policies = parsed.iter().map(|parsed| parsed.policy.clone());
        let set = match PolicySet::from_policies(policies) {
            Ok(set) => set,
            Err(error) => {
                let errors = self.sources.first().map(|source| from_cedar(&error, source, 0));
                self.errors.extend(errors.unwrap_or_default());
                return;
            }
        };
        let result = Validator::new(schema.clone()).validate(&set, ValidationMode::Strict);
        let mut wrong = BTreeSet::new();
        for error in result.validation_errors() {
            wrong.insert(error.policy_id().clone());
            self.found(error, error.policy_id(), parsed);
        }
        // What is wrong in a policy often makes it impossible too, and that explains nothing.
        let warnings = result.validation_warnings();
        for warning in warnings.filter(|warning| !wrong.contains(warning.policy_id())) {
            self.found(warning, warning.policy_id(), parsed);
        }
        for Parsed { policy, source } in parsed {
            if roles::of_others(policy) {
                let error = LoadError::at(
                    source,
                    annotations::start(policy),
                    "this policy asks for a role of somebody who is not the one who asks",
                );
                let help = "only the roles of `principal` are known; write principal in Role";
                self.errors.push(error.with_help(help));
            }
        }
    }

    /// Tells what validation found in one of the policies.
    fn found(&mut self, found: &dyn Diagnostic, id: &CedarId, parsed: &[Parsed<'a>]) {
        if let Some(parsed) = parsed.iter().find(|parsed| parsed.policy.id() == id) {
            let start = annotations::start(&parsed.policy);
            self.errors.extend(from_cedar(found, parsed.source, start));
        }
    }

    /// Reads the annotations of all policies. What is returned is complete only if there are
    /// no errors.
    fn annotations(&mut self, parsed: Vec<Parsed<'a>>) -> Vec<Named> {
        let mut first: BTreeMap<PolicyId, Place> = BTreeMap::new();
        let mut all = Vec::new();
        for Parsed { policy, source } in parsed {
            let Said { id, kind, errors } = annotations::read(&policy, source);
            self.errors.extend(errors);
            let Some(id) = id else { continue };
            let at = annotations::start(&policy);
            if let Some(other) = first.get(&id) {
                let error = LoadError::at(source, at, format!("the id {id} is taken"))
                    .with_help(format!("by the policy at {other}"));
                self.errors.push(error);
                continue;
            }
            first.insert(id.clone(), Place::of(source, at));
            if let Some(kind) = kind {
                let policy = policy.new_id(CedarId::new(id.as_str()));
                all.push(Named { id, kind, policy });
            }
        }
        all
    }
}

/// For each action one question with every fact known and one with none.
fn samples() -> Vec<Question> {
    let person = PersonId::new("somebody");
    let environment = EnvironmentName::new("somewhere");
    let unknown = Facts { critical_findings: None, ..Facts::about(person.clone()) };
    let known = Facts {
        verified: Some(Verified { environment: environment.clone(), yes: true }),
        locked_by: Some(person.clone()),
        critical_findings: Some(0),
        ..unknown.clone()
    };
    let roles = BTreeSet::from([Role::new("some-role")]);
    let with = |action: Action, facts: &Facts| Question {
        person: Person { id: person.clone(), roles: roles.clone() },
        action,
        environment: environment.clone(),
        facts: facts.clone(),
    };
    Action::ALL
        .into_iter()
        .flat_map(|action| [with(action, &known), with(action, &unknown)])
        .collect()
}
