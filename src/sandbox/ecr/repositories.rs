//! ECR's calls about repositories. Must not know manifests.

use serde_json::{Value, json};

use super::super::error::{ErrorName, Refusal};
use super::super::input::{Input, page, token};
use super::super::state::State;
use super::super::times::Moment;
use super::super::world::Mutability;
use super::images::with_token;
use super::registry::Repository;
use super::{named, no_repository, repository_mut};

pub(super) fn describe(state: &State, input: Input<'_>) -> Result<Value, Refusal> {
    let size = input.page_size(100, 1_000)?;
    let show = |repository: &Repository| repository.show(&state.account, &state.region);
    if let Some(names) = input.texts("repositoryNames")? {
        if names.is_empty() || names.len() > 100 {
            return Err(Refusal::invalid("repositoryNames must have between 1 and 100 members."));
        }
        let found: Result<Vec<Value>, Refusal> = names
            .iter()
            .map(|name| {
                state.registry.get(name).map(show).ok_or_else(|| no_repository(state, name))
            })
            .collect();
        return Ok(json!({"repositories": found?}));
    }
    let after = token(input)?;
    let rest = state
        .registry
        .all()
        .filter(|(name, _)| after.as_ref().is_none_or(|after| *name > after))
        .map(|(name, repository)| (name.clone(), show(repository)));
    let (repositories, next) = page(rest, size);
    Ok(with_token(json!({"repositories": repositories}), next))
}

pub(super) fn create(state: &mut State, input: Input<'_>, now: Moment) -> Result<Value, Refusal> {
    let name = named(state, input)?;
    let (mutability, exclusions) = mutability(input)?;
    if state.registry.get(name).is_some() {
        let message = format!(
            "The repository with name '{name}' already exists in the registry with id '{}'",
            state.account
        );
        return Err(Refusal::new(ErrorName::RepositoryAlreadyExists, message));
    }
    let repository = Repository::new(name, mutability.unwrap_or_default(), exclusions, now.wall);
    let shown = repository.show(&state.account, &state.region);
    state.registry.repositories.insert(name.to_owned(), repository);
    Ok(json!({"repository": shown}))
}

pub(super) fn put_mutability(state: &mut State, input: Input<'_>) -> Result<Value, Refusal> {
    let (mutability, exclusions) = mutability(input)?;
    let mutability =
        mutability.ok_or_else(|| super::super::input::missing("imageTagMutability"))?;
    let account = state.account.clone();
    let repository = repository_mut(state, input)?;
    repository.mutability = mutability;
    repository.exclusions = exclusions;
    let mut answer = json!({
        "registryId": account,
        "repositoryName": repository.name,
        "imageTagMutability": mutability,
    });
    if !repository.exclusions.is_empty() {
        answer["imageTagMutabilityExclusionFilters"] = repository.show_exclusions();
    }
    Ok(answer)
}

fn mutability(input: Input<'_>) -> Result<(Option<Mutability>, Vec<String>), Refusal> {
    let settings = [
        ("MUTABLE", Mutability::Mutable),
        ("IMMUTABLE", Mutability::Immutable),
        ("IMMUTABLE_WITH_EXCLUSION", Mutability::ImmutableWithExclusion),
        ("MUTABLE_WITH_EXCLUSION", Mutability::MutableWithExclusion),
    ];
    let chosen = input.choice("imageTagMutability", &settings.map(|(name, _)| name))?;
    let mutability =
        settings.iter().find(|(name, _)| Some(*name) == chosen).map(|(_, setting)| *setting);
    let mut exclusions = Vec::new();
    for filter in input.list("imageTagMutabilityExclusionFilters")?.unwrap_or_default() {
        let filter = Input::new(filter)?;
        if filter.choice("filterType", &["WILDCARD"])?.is_none() {
            return Err(super::super::input::missing("filterType"));
        }
        exclusions.push(filter.required_text("filter")?.to_owned());
    }
    let takes_filters = matches!(
        mutability,
        Some(Mutability::ImmutableWithExclusion | Mutability::MutableWithExclusion)
    );
    if takes_filters == exclusions.is_empty() {
        return Err(Refusal::invalid(
            "imageTagMutabilityExclusionFilters goes with a mutability setting with exclusion, and only there",
        ));
    }
    Ok((mutability, exclusions))
}

pub(super) fn add_labels(state: &mut State, input: Input<'_>) -> Result<Value, Refusal> {
    let arn = input.required_text("resourceArn")?;
    let tags = input.required_list("tags")?;
    let name = of_arn(state, arn)?;
    let refusal = no_repository(state, &name);
    let repository = state.registry.get_mut(&name).ok_or(refusal)?;
    for tag in tags {
        let key = Input::new(tag)?.required_text("Key")?;
        repository.labels.retain(|label| label["Key"] != key);
        repository.labels.push(tag.clone());
    }
    Ok(json!({}))
}

pub(super) fn list_labels(state: &State, input: Input<'_>) -> Result<Value, Refusal> {
    let name = of_arn(state, input.required_text("resourceArn")?)?;
    let repository = state.registry.get(&name).ok_or_else(|| no_repository(state, &name))?;
    Ok(json!({"tags": repository.labels}))
}

fn of_arn(state: &State, arn: &str) -> Result<String, Refusal> {
    let prefix = format!("arn:aws:ecr:{}:{}:repository/", state.region, state.account);
    let name = arn.strip_prefix(&prefix).map(str::to_owned);
    name.ok_or_else(|| Refusal::invalid(format!("Invalid parameter at 'resourceArn': {arn}")))
}
