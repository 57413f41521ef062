//! ECR's calls that read images and layers. Must not change anything.

use serde_json::{Value, json};

use super::super::digest::is_digest;
use super::super::error::{ErrorName, Refusal};
use super::super::input::{Input, page, token};
use super::super::state::State;
use super::super::times::stamp;
use super::registry::{Image, Repository};
use super::{ImageId, image_ids, manifest, repository};

pub(super) fn batch_get(state: &State, input: Input<'_>) -> Result<Value, Refusal> {
    let ids = image_ids(input.required_list("imageIds")?, "imageIds")?;
    let accepted = input.texts("acceptedMediaTypes")?;
    let repository = repository(state, input)?;
    let mut images = Vec::new();
    let mut failures = Vec::new();
    for id in ids {
        let found = id.find(repository).and_then(|image| match image.archived {
            true => Err(("ImageInaccessible", "Image is archived")),
            false => shown_as(image, &id, accepted.as_deref())
                .ok_or(("ImageNotFound", "Requested image not found")),
        });
        match found {
            Ok((digest, text, media_type)) => {
                let mut image_id = id.show();
                image_id["imageDigest"] = json!(digest);
                images.push(json!({
                    "registryId": state.account,
                    "repositoryName": repository.name,
                    "imageId": image_id,
                    "imageManifest": text,
                    "imageManifestMediaType": media_type,
                }));
            }
            Err((code, reason)) => failures.push(json!({
                "imageId": id.show(), "failureCode": code, "failureReason": reason,
            })),
        }
    }
    Ok(json!({"images": images, "failures": failures}))
}

/// An image as it is, or, asked for by tag in another format, translated: then it has another
/// digest.
fn shown_as(
    image: &Image,
    id: &ImageId<'_>,
    accepted: Option<&[&str]>,
) -> Option<(String, String, String)> {
    let as_is = || (image.digest.clone(), image.text.clone(), image.media_type.clone());
    match accepted {
        Some(types) if !types.is_empty() && !types.contains(&image.media_type.as_str()) => {
            if id.digest.is_some() {
                return Some(as_is());
            }
            let (text, media_type) = manifest::translate(&image.text, types)?;
            Some((super::super::digest::sha256(text.as_bytes()), text, media_type.to_owned()))
        }
        Some(_) | None => Some(as_is()),
    }
}

pub(super) fn describe(state: &State, input: Input<'_>) -> Result<Value, Refusal> {
    let repository = repository(state, input)?;
    let size = input.page_size(100, 1_000)?;
    if let Some(values) = input.list("imageIds")? {
        if input.raw("maxResults").is_some() || input.raw("nextToken").is_some() {
            return Err(Refusal::invalid(
                "imageIds cannot be combined with maxResults or nextToken",
            ));
        }
        let ids = image_ids(values, "imageIds")?;
        let mut details = Vec::new();
        for id in ids {
            match id.find(repository) {
                Ok(image) => details.push(detail(state, repository, image)),
                Err(("InvalidImageDigest", reason)) => return Err(Refusal::invalid(reason)),
                Err(_) => return Err(no_image(state, repository, &id)),
            }
        }
        return Ok(json!({"imageDetails": details}));
    }
    let filter = Filter::read(input)?;
    let after = token(input)?;
    // AWS promises no order. This one is by digest, so that nobody comes to rely on the newest
    // being first.
    let images = repository
        .images
        .iter()
        .filter(|(digest, _)| after.as_ref().is_none_or(|after| *digest > after))
        .filter(|(digest, image)| filter.admits(image, !repository.tags_of(digest).is_empty()))
        .map(|(digest, image)| (digest.clone(), image));
    let (images, next) = page(images, size);
    let details: Vec<Value> =
        images.into_iter().map(|image| detail(state, repository, image)).collect();
    Ok(with_token(json!({"imageDetails": details}), next))
}

pub(super) fn list(state: &State, input: Input<'_>) -> Result<Value, Refusal> {
    let repository = repository(state, input)?;
    let size = input.page_size(100, 1_000)?;
    let filter = Filter::read(input)?;
    let after = token(input)?;
    let mut ids = Vec::new();
    for (digest, image) in &repository.images {
        let tags = repository.tags_of(digest);
        if !filter.admits(image, !tags.is_empty()) {
            continue;
        }
        if tags.is_empty() {
            ids.push((format!("{digest} "), json!({"imageDigest": digest})));
        }
        for tag in tags {
            ids.push((format!("{digest} {tag}"), json!({"imageDigest": digest, "imageTag": tag})));
        }
    }
    let rest = ids.into_iter().filter(|(key, _)| after.as_ref().is_none_or(|after| key > after));
    let (ids, next) = page(rest, size);
    Ok(with_token(json!({"imageIds": ids}), next))
}

struct Filter {
    tagged: Option<bool>,
    status: &'static str,
}

impl Filter {
    fn read(input: Input<'_>) -> Result<Filter, Refusal> {
        let Some(filter) = input.structure("filter")? else {
            return Ok(Filter { tagged: None, status: "ACTIVE" });
        };
        let tagged = match filter.choice("tagStatus", &["TAGGED", "UNTAGGED", "ANY"])? {
            Some("TAGGED") => Some(true),
            Some("UNTAGGED") => Some(false),
            Some(_) | None => None,
        };
        let status = filter.choice("imageStatus", &["ACTIVE", "ARCHIVED", "ACTIVATING", "ANY"])?;
        Ok(Filter { tagged, status: status.unwrap_or("ACTIVE") })
    }

    fn admits(&self, image: &Image, is_tagged: bool) -> bool {
        let status = if image.archived { "ARCHIVED" } else { "ACTIVE" };
        self.tagged.is_none_or(|tagged| tagged == is_tagged)
            && (self.status == "ANY" || self.status == status)
    }
}

fn detail(state: &State, repository: &Repository, image: &Image) -> Value {
    let mut detail = json!({
        "registryId": state.account,
        "repositoryName": repository.name,
        "imageDigest": image.digest,
        "imageSizeInBytes": image.size,
        "imagePushedAt": stamp(image.pushed),
        "imageManifestMediaType": image.media_type,
        "imageStatus": if image.archived { "ARCHIVED" } else { "ACTIVE" },
    });
    if let Some(media_type) = &image.manifest.config_media_type {
        detail["artifactMediaType"] = json!(media_type);
    }
    let tags = repository.tags_of(&image.digest);
    if !tags.is_empty() {
        detail["imageTags"] = json!(tags);
    }
    detail
}

pub(super) fn no_image(state: &State, repository: &Repository, id: &ImageId<'_>) -> Refusal {
    Refusal::new(
        ErrorName::ImageNotFound,
        format!(
            "The image with imageId {{imageDigest:'{}', imageTag:'{}'}} does not exist within the repository with name '{}' in the registry with id '{}'",
            id.digest.unwrap_or("null"),
            id.tag.unwrap_or("null"),
            repository.name,
            state.account,
        ),
    )
}

pub(super) fn with_token(mut answer: Value, next: Option<String>) -> Value {
    if let Some(next) = next {
        answer["nextToken"] = json!(next);
    }
    answer
}

pub(super) fn download_url(state: &State, input: Input<'_>) -> Result<Value, Refusal> {
    let digest = input.required_text("layerDigest")?;
    let repository = repository(state, input)?;
    if !is_digest(digest) {
        return Err(Refusal::invalid(format!("Invalid layer digest '{digest}'")));
    }
    if !repository.blobs.contains_key(digest) {
        let message = format!(
            "The layer with digest '{digest}' does not exist in the repository with name '{}' in the registry with id '{}'",
            repository.name, state.account,
        );
        return Err(Refusal::new(ErrorName::LayersNotFound, message));
    }
    let url = format!("{}/_layers/{}/{digest}", state.base_url, repository.name);
    Ok(json!({"downloadUrl": url, "layerDigest": digest}))
}

pub(super) fn check_layers(state: &State, input: Input<'_>) -> Result<Value, Refusal> {
    let digests =
        input.texts("layerDigests")?.ok_or_else(|| super::super::input::missing("layerDigests"))?;
    if digests.is_empty() || digests.len() > 100 {
        return Err(Refusal::invalid("layerDigests must have between 1 and 100 members."));
    }
    let repository = repository(state, input)?;
    let mut layers = Vec::new();
    let mut failures = Vec::new();
    for digest in digests {
        match repository.blobs.get(digest) {
            Some(blob) => layers.push(json!({
                "layerDigest": digest,
                "layerAvailability": "AVAILABLE",
                "layerSize": blob.size,
                "mediaType": blob.media_type,
            })),
            None if is_digest(digest) => {
                layers.push(json!({"layerDigest": digest, "layerAvailability": "UNAVAILABLE"}));
            }
            None => failures.push(json!({
                "layerDigest": digest,
                "failureCode": "InvalidLayerDigest",
                "failureReason": "Invalid layer digest",
            })),
        }
    }
    Ok(json!({"layers": layers, "failures": failures}))
}

/// The content of a blob, for the address that GetDownloadUrlForLayer gave.
pub(in super::super) fn blob(state: &State, repository: &str, digest: &str) -> Option<Vec<u8>> {
    state.registry.get(repository)?.blobs.get(digest)?.content.clone()
}
