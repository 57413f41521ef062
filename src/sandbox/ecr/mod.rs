//! The simulated Amazon ECR: which call is answered by which function. Must not know ECS.

pub(super) mod images;
mod manifest;
mod push;
pub(super) mod registry;
mod repositories;
mod scans;

use serde_json::{Value, json};

use super::error::{ErrorName, Refusal};
use super::input::Input;
use super::state::State;
use super::times::{Moment, stamp};
use registry::{Image, Repository};

/// The operations of ECR that the sandbox answers.
pub(super) const OPERATIONS: &[&str] = &[
    "BatchCheckLayerAvailability",
    "BatchDeleteImage",
    "BatchGetImage",
    "CreateRepository",
    "DescribeImageScanFindings",
    "DescribeImages",
    "DescribeRepositories",
    "GetAuthorizationToken",
    "GetDownloadUrlForLayer",
    "ListImages",
    "ListTagsForResource",
    "PutImage",
    "PutImageTagMutability",
    "TagResource",
];

/// Answers one call.
pub(super) fn call(
    state: &mut State,
    operation: &str,
    input: &Value,
    now: Moment,
) -> Result<Value, Refusal> {
    let input = Input::new(input)?;
    match operation {
        "BatchCheckLayerAvailability" => images::check_layers(state, input),
        "BatchDeleteImage" => push::batch_delete(state, input),
        "BatchGetImage" => images::batch_get(state, input),
        "CreateRepository" => repositories::create(state, input, now),
        "DescribeImageScanFindings" => scans::describe(state, input),
        "DescribeImages" => images::describe(state, input),
        "DescribeRepositories" => repositories::describe(state, input),
        "GetAuthorizationToken" => authorization_token(state, now),
        "GetDownloadUrlForLayer" => images::download_url(state, input),
        "ListImages" => images::list(state, input),
        "ListTagsForResource" => repositories::list_labels(state, input),
        "PutImage" => push::put_image(state, input, now),
        "PutImageTagMutability" => repositories::put_mutability(state, input),
        "TagResource" => repositories::add_labels(state, input),
        _ => {
            Err(Refusal::new(ErrorName::UnknownOperation, format!("{operation} is not simulated")))
        }
    }
}

fn authorization_token(state: &State, now: Moment) -> Result<Value, Refusal> {
    Ok(json!({"authorizationData": [{
        // "AWS:sandbox" in base64: nothing here checks it.
        "authorizationToken": "QVdTOnNhbmRib3g=",
        "expiresAt": stamp(now.wall + std::time::Duration::from_secs(12 * 3_600)),
        "proxyEndpoint": state.base_url,
    }]}))
}

/// The repository that a call names.
fn repository<'a>(state: &'a State, input: Input<'_>) -> Result<&'a Repository, Refusal> {
    let name = named(state, input)?;
    state.registry.get(name).ok_or_else(|| no_repository(state, name))
}

fn repository_mut<'a>(
    state: &'a mut State,
    input: Input<'_>,
) -> Result<&'a mut Repository, Refusal> {
    let name = named(state, input)?;
    let refusal = no_repository(state, name);
    state.registry.get_mut(name).ok_or(refusal)
}

fn named<'a>(state: &State, input: Input<'a>) -> Result<&'a str, Refusal> {
    let name = input.required_text("repositoryName")?;
    match input.text("registryId")? {
        Some(id) if id != state.account => Err(no_repository(state, name)),
        Some(_) | None => Ok(name),
    }
}

fn no_repository(state: &State, name: &str) -> Refusal {
    Refusal::new(
        ErrorName::RepositoryNotFound,
        format!(
            "The repository with name '{name}' does not exist in the registry with id '{}'",
            state.account
        ),
    )
}

/// What an `imageId` asks for.
struct ImageId<'a> {
    digest: Option<&'a str>,
    tag: Option<&'a str>,
}

impl<'a> ImageId<'a> {
    fn read(value: &'a Value) -> Result<ImageId<'a>, Refusal> {
        let input = Input::new(value)?;
        Ok(ImageId { digest: input.text("imageDigest")?, tag: input.text("imageTag")? })
    }

    fn show(&self) -> Value {
        let mut shown = json!({});
        if let Some(digest) = self.digest {
            shown["imageDigest"] = json!(digest);
        }
        if let Some(tag) = self.tag {
            shown["imageTag"] = json!(tag);
        }
        shown
    }

    /// The image, or ECR's code and reason why there is none.
    fn find<'r>(
        &self,
        repository: &'r Repository,
    ) -> Result<&'r Image, (&'static str, &'static str)> {
        let image = match (self.digest, self.tag) {
            (None, None) => {
                return Err((
                    "MissingDigestAndTag",
                    "Image identifier has neither a digest nor a tag",
                ));
            }
            (Some(digest), _) if !super::digest::is_digest(digest) => {
                return Err(("InvalidImageDigest", "Invalid image digest"));
            }
            (Some(digest), None) => repository.images.get(digest),
            (None, Some(tag)) => {
                repository.tags.get(tag).and_then(|digest| repository.images.get(digest))
            }
            (Some(digest), Some(tag)) => match repository.tags.get(tag) {
                Some(of) if of == digest => repository.images.get(digest),
                Some(_) => {
                    return Err((
                        "ImageTagDoesNotMatchDigest",
                        "Image tag does not match the digest",
                    ));
                }
                None => None,
            },
        };
        image.ok_or(("ImageNotFound", "Requested image not found"))
    }
}

/// The identifiers that a call carries, at most 100.
fn image_ids<'a>(values: &'a [Value], at: &str) -> Result<Vec<ImageId<'a>>, Refusal> {
    if values.is_empty() || values.len() > 100 {
        return Err(Refusal::invalid(format!(
            "Invalid parameter at '{at}' failed to satisfy constraint: 'Member must have length between 1 and 100'"
        )));
    }
    values.iter().map(ImageId::read).collect()
}
