//! ECR's calls that put and delete images. Must not know who runs them.

use serde_json::{Value, json};

use super::super::digest::{is_digest, sha256};
use super::super::error::{ErrorName, Refusal};
use super::super::input::Input;
use super::super::state::State;
use super::super::times::Moment;
use super::super::world::Behaviour;
use super::manifest::{DOCKER_LIST, DOCKER_MANIFEST, Manifest, OCI_INDEX, OCI_MANIFEST};
use super::registry::Image;
use super::{image_ids, repository, repository_mut};

const LARGEST_MANIFEST: usize = 4 * 1024 * 1024;
const TAGS_OF_AN_IMAGE: usize = 1_000;

pub(super) fn put_image(
    state: &mut State,
    input: Input<'_>,
    now: Moment,
) -> Result<Value, Refusal> {
    let account = state.account.clone();
    let text = input.required_text("imageManifest")?;
    let tag = input.text("imageTag")?;
    let guard = input.text("imageDigest")?;
    let given_type = input.text("imageManifestMediaType")?;
    let repository = repository_mut(state, input)?;
    let name = repository.name.clone();

    if text.len() > LARGEST_MANIFEST {
        return Err(Refusal::invalid("The image manifest is larger than 4 MiB"));
    }
    if let Some(tag) = tag.filter(|tag| !is_tag(tag)) {
        return Err(Refusal::invalid(format!(
            "Invalid parameter at 'imageTag' failed to satisfy constraint: '{tag}'"
        )));
    }
    let bad = || {
        Refusal::invalid(
            "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'",
        )
    };
    let manifest = Manifest::read(text).ok_or_else(bad)?;
    let media_type = match (&manifest.media_type, given_type) {
        (Some(own), Some(given)) if own != given => {
            return Err(Refusal::invalid(
                "imageManifestMediaType does not match the manifest's mediaType",
            ));
        }
        (Some(own), _) => own.clone(),
        (None, Some(given)) => given.to_owned(),
        (None, None) => {
            return Err(Refusal::invalid(
                "The manifest has no mediaType: imageManifestMediaType must be given",
            ));
        }
    };
    if ![OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST].contains(&media_type.as_str()) {
        return Err(Refusal::invalid(format!("Unsupported media type '{media_type}'")));
    }
    let digest = sha256(text.as_bytes());
    match guard {
        Some(guard) if !is_digest(guard) => return Err(Refusal::invalid("Invalid image digest")),
        Some(guard) if guard != digest => {
            let message =
                format!("Image digest {guard} does not match the digest of the manifest, {digest}");
            return Err(Refusal::new(ErrorName::ImageDigestDoesNotMatch, message));
        }
        Some(_) | None => {}
    }
    if let Some(layer) = manifest.blobs().find(|digest| !repository.blobs.contains_key(*digest)) {
        let message = format!(
            "Layers with digests '[{layer}]' required for pushing image into repository with name '{name}' in the registry with id '{account}' do not exist"
        );
        return Err(Refusal::new(ErrorName::LayersNotFound, message));
    }
    if let Some(child) =
        manifest.children.iter().find(|child| !repository.images.contains_key(&child.digest))
    {
        let message = format!(
            "Images with digests '[{}]' required for pushing image into repository with name '{name}' in the registry with id '{account}' do not exist",
            child.digest
        );
        return Err(Refusal::new(ErrorName::ReferencedImagesNotFound, message));
    }
    let known = repository.images.contains_key(&digest);
    let already = || {
        let message = format!(
            "Image with digest '{digest}' and tag '{}' already exists in the repository with name '{name}' in registry with id '{account}'",
            tag.unwrap_or("null")
        );
        Err(Refusal::new(ErrorName::ImageAlreadyExists, message))
    };
    match tag {
        None if known => return already(),
        None => {}
        Some(tag) => {
            match repository.tags.get(tag) {
                Some(current) if *current == digest => return already(),
                Some(_) if repository.is_frozen(tag) => {
                    let message = format!(
                        "The image tag '{tag}' already exists in the '{name}' repository and cannot be overwritten because the tag is immutable."
                    );
                    return Err(Refusal::new(ErrorName::ImageTagAlreadyExists, message));
                }
                Some(_) | None => {}
            }
            if repository.tags_of(&digest).len() >= TAGS_OF_AN_IMAGE {
                let message = format!(
                    "The image has {TAGS_OF_AN_IMAGE} tags, which is the most that an image may have"
                );
                return Err(Refusal::new(ErrorName::LimitExceeded, message));
            }
            repository.tags.insert(tag.to_owned(), digest.clone());
        }
    }
    if !known {
        let size = repository.size_of(&manifest);
        let image = Image {
            digest: digest.clone(),
            text: text.to_owned(),
            media_type: media_type.clone(),
            manifest,
            pushed: now.wall,
            size,
            archived: false,
            behaviour: Behaviour::Good,
            log: Vec::new(),
            scan: None,
        };
        repository.images.insert(digest.clone(), image);
    }
    let mut image_id = json!({"imageDigest": digest});
    if let Some(tag) = tag {
        image_id["imageTag"] = json!(tag);
    }
    Ok(json!({"image": {
        "registryId": account,
        "repositoryName": name,
        "imageId": image_id,
        "imageManifest": text,
        "imageManifestMediaType": media_type,
    }}))
}

/// Whether ECR takes the text as a tag: at most 300 characters, of those that registries allow.
fn is_tag(text: &str) -> bool {
    let first =
        text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    first
        && text.len() <= 300
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

pub(super) fn batch_delete(state: &mut State, input: Input<'_>) -> Result<Value, Refusal> {
    let ids = image_ids(input.required_list("imageIds")?, "imageIds")?;
    repository(state, input)?;
    let repository = repository_mut(state, input)?;
    let mut deleted = Vec::new();
    let mut failures = Vec::new();
    for id in ids {
        let digest = match id.find(repository) {
            Ok(image) => image.digest.clone(),
            Err((code, reason)) => {
                failures.push(
                    json!({"imageId": id.show(), "failureCode": code, "failureReason": reason}),
                );
                continue;
            }
        };
        let tags: Vec<String> =
            repository.tags_of(&digest).into_iter().map(str::to_owned).collect();
        let untags = id.tag.filter(|tag| tags.len() > 1 || !tags.iter().any(|of| of == tag));
        if let Some(tag) = untags {
            repository.tags.remove(tag);
            deleted.push(json!({"imageDigest": digest, "imageTag": tag}));
            continue;
        }
        let is_child =
            |image: &Image| image.manifest.children.iter().any(|child| child.digest == digest);
        if repository.images.values().any(is_child) {
            failures.push(json!({
                "imageId": id.show(),
                "failureCode": "ImageReferencedByManifestList",
                "failureReason": "Requested image referenced by manifest list",
            }));
            continue;
        }
        repository.images.remove(&digest);
        if tags.is_empty() {
            deleted.push(json!({"imageDigest": digest}));
        }
        for tag in tags {
            repository.tags.remove(&tag);
            deleted.push(json!({"imageDigest": digest, "imageTag": tag}));
        }
    }
    Ok(json!({"imageIds": deleted, "failures": failures}))
}
