//! ECR: what an image is, and moving a tag to it.

mod mutability;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_ecr::Client;
use aws_sdk_ecr::error::ProvideErrorMetadata;
use aws_sdk_ecr::types::{
    DescribeImagesFilter, FindingSeverity, Image as EcrImage, ImageDetail, ImageFailureCode,
    ImageIdentifier, ImageStatus, ImageStatusFilter, ScanStatus,
};
use futures::future::try_join_all;
use jiff::Timestamp;
use serde::Deserialize;

use self::mutability::Known;
use super::error::AwsError;
use super::pace::{Family, Pace};
use crate::domain::environment::Registry;
use crate::domain::event::StepFailure;
use crate::domain::id::{Digest, Repository, Tag};
use crate::domain::image::Image;
use crate::domain::mutability::Mutability;
use crate::domain::observation::{ImageSeen, TagsSeen};
use crate::domain::others::tag_moved_by_others;

/// The manifests that ECR keeps. All are accepted, so that it never translates one.
const MEDIA_TYPES: [&str; 4] = [
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
];

/// The ECR registry of an environment.
#[derive(Clone, Debug)]
pub struct Repositories {
    client: Client,
    region: String,
    registry_id: Option<String>,
    pace: Arc<Pace>,
    /// Which tags may be moved.
    known: Known,
    /// Manifests that were fetched lately: what stands under a digest never changes.
    manifests: Arc<Mutex<HashMap<(Repository, Digest), Kept>>>,
}

/// More manifests than these are not kept; most have a few kilobytes.
const MANIFESTS_KEPT: usize = 64;

/// So many images BatchGetImage and DescribeImages take.
const IMAGES_AT_ONCE: usize = 100;

/// What DescribeImages says of images, and which children of an index are not there.
#[derive(Default)]
struct Described {
    details: HashMap<Digest, Listed>,
    missing: Vec<Digest>,
}

/// A manifest byte by byte, and its media type.
type Kept = (String, Option<String>);

/// What an index says of its children; a plain manifest has none.
#[derive(Default, Deserialize)]
struct Manifest {
    #[serde(default)]
    manifests: Vec<Child>,
}

#[derive(Deserialize)]
struct Child {
    digest: String,
    #[serde(default)]
    platform: Platform,
}

/// For what a child is; attestations say `unknown`.
#[derive(Default, Deserialize)]
struct Platform {
    #[serde(default)]
    os: String,
}

impl Repositories {
    pub(super) fn new(
        client: Client,
        region: String,
        registry_id: Option<String>,
        pace: Arc<Pace>,
    ) -> Self {
        let (known, manifests) = (Known::default(), Arc::default());
        Self { client, region, registry_id, pace, known, manifests }
    }

    /// What the environment's two tags point at, and the image that was asked for by tag or
    /// digest, with whether it can be put under them. An image that is not there is left out.
    ///
    /// # Errors
    /// [`AwsError`]; a missing repository is `RepositoryNotFoundException`.
    pub async fn look(
        &self,
        repository: &Repository,
        current: &Tag,
        previous: &Tag,
        asked: Option<&Asked>,
    ) -> Result<(TagsSeen, Option<ImageSeen>), AwsError> {
        let mut ids = vec![by_tag(current), by_tag(previous)];
        ids.extend(asked.map(Asked::identifier));
        // On the heap: the SDK's futures are large, and all that await this would hold them.
        let images = Box::pin(self.get(repository, ids));
        let mutability = async {
            match asked {
                None => Ok(Mutability::default()),
                Some(_) => Box::pin(self.mutability(repository, &[current, previous])).await,
            }
        };
        let (images, mutability) = tokio::try_join!(images, mutability)?;
        let of_tag = |tag: &Tag| images.iter().find(|image| image.tag.as_ref() == Some(tag));
        let wanted = match asked {
            None => None,
            Some(Asked::Tag(tag)) => of_tag(tag),
            Some(Asked::Digest(digest)) => images.iter().find(|image| &image.digest == digest),
        };
        let now = of_tag(current);
        let known: HashSet<&Digest> =
            now.into_iter().chain(wanted).map(|image| &image.digest).collect();
        let children = wanted.map(Fetched::children).unwrap_or_default();
        let described = Box::pin(self.details(repository, known, &children));
        let critical = async {
            match wanted {
                None => Ok(None),
                Some(image) => Box::pin(self.critical_findings_in(repository, image)).await,
            }
        };
        let (Described { details, missing }, critical) = tokio::try_join!(described, critical)?;
        let seen = |image: &Fetched| {
            let detail = details.get(&image.digest).cloned().unwrap_or_default();
            ImageSeen {
                image: Image { repository: repository.clone(), digest: image.digest.clone() },
                children: image.children(),
                tags: detail.tags,
                asked: None,
                pushed_at: detail.pushed_at,
                critical_findings: None,
                archived: detail.archived,
                missing: Vec::new(),
            }
        };
        let account = images.iter().find_map(|image| image.registry.clone());
        let region = self.region.clone();
        let tags = TagsSeen {
            current: now.map(seen),
            previous: of_tag(previous).map(|image| image.digest.clone()),
            mutability,
            registry: account.map(|account| Registry { account, region }),
        };
        let wanted = wanted.map(|image| {
            let asked = asked.and_then(Asked::tag).cloned();
            ImageSeen { asked, critical_findings: critical, missing, ..seen(image) }
        });
        Ok((tags, wanted))
    }

    /// The tags and digests of a repository, newest push first; archived images too.
    ///
    /// # Errors
    /// [`AwsError`]; a missing repository is `RepositoryNotFoundException`.
    pub async fn list(&self, repository: &Repository) -> Result<Vec<Listed>, AwsError> {
        let any = DescribeImagesFilter::builder().image_status(ImageStatusFilter::Any).build();
        let mut call = self
            .client
            .describe_images()
            .repository_name(repository.as_str())
            .set_registry_id(self.registry_id.clone())
            .filter(any);
        let mut listed = Vec::new();
        loop {
            let page = self.pace.call(Family::ImageDetails, || Box::pin(call.clone().send())).await;
            let page = page.map_err(|error| AwsError::new("ecr:DescribeImages", &error))?;
            listed.extend(page.image_details().iter().filter_map(Listed::read));
            match page.next_token {
                Some(token) => call = call.next_token(token),
                None => break,
            }
        }
        listed.sort_by_key(|image| std::cmp::Reverse(image.pushed_at));
        Ok(listed)
    }

    /// Puts the image under the tag, if the tag is where it should be or already there.
    /// Asking again does no harm.
    ///
    /// # Errors
    /// [`StepFailure`] when it cannot be done, `tag-moved-by-others` among them.
    pub async fn move_tag(
        &self,
        repository: &Repository,
        tag: &Tag,
        from: Option<&Digest>,
        to: &Digest,
    ) -> Result<(), StepFailure> {
        self.put(repository, tag, to, |now| match now {
            Some(now) if Some(now) != from => {
                Err(tag_moved_by_others(repository, tag, "what the plan saw", Some(now)))
            }
            Some(_) | None => Ok(()),
        })
        .await
    }

    /// Puts the image under the tag, wherever the tag points.
    ///
    /// # Errors
    /// [`StepFailure`] when it cannot be done.
    pub async fn keep_tag(
        &self,
        repository: &Repository,
        tag: &Tag,
        digest: &Digest,
    ) -> Result<(), StepFailure> {
        // Where the tag points makes no difference, so that a manifest which is known already
        // can be put without a look.
        match self.kept(repository, digest) {
            Some(manifest) => {
                let put = |_| self.put_manifest(repository, tag, digest, manifest.clone());
                super::patiently(self.pace.first_pause(), put).await
            }
            None => self.put(repository, tag, digest, |_| Ok(())).await,
        }
    }

    /// ECR cannot move a tag only if it is where it was. So no put is tried again without
    /// another look: somebody may have moved the tag between two tries.
    async fn put(
        &self,
        repository: &Repository,
        tag: &Tag,
        to: &Digest,
        guard: impl Fn(Option<&Digest>) -> Result<(), StepFailure>,
    ) -> Result<(), StepFailure> {
        let put = |_| self.put_once(repository, tag, to, &guard);
        super::patiently(self.pace.first_pause(), put).await
    }

    async fn put_once(
        &self,
        repository: &Repository,
        tag: &Tag,
        to: &Digest,
        guard: impl Fn(Option<&Digest>) -> Result<(), StepFailure>,
    ) -> Result<(), StepFailure> {
        let images = self.get(repository, vec![by_tag(tag), by_digest(to)]).await?;
        let now = images.iter().find(|image| image.tag.as_ref() == Some(tag));
        let now = now.map(|image| &image.digest);
        if now == Some(to) {
            return Ok(());
        }
        guard(now)?;
        let Some(image) = images.iter().find(|image| &image.digest == to) else {
            return Err(StepFailure {
                transient: false,
                code: "image-gone".to_owned(),
                detail: format!("{repository} no longer has {}", to.short()),
            });
        };
        let manifest = (image.manifest.clone(), image.media_type.clone());
        self.put_manifest(repository, tag, to, manifest).await
    }

    async fn put_manifest(
        &self,
        repository: &Repository,
        tag: &Tag,
        to: &Digest,
        (manifest, media_type): Kept,
    ) -> Result<(), StepFailure> {
        let call = self
            .client
            .put_image()
            .repository_name(repository.as_str())
            .set_registry_id(self.registry_id.clone())
            .image_manifest(manifest)
            .set_image_manifest_media_type(media_type)
            .image_digest(to.as_str())
            .image_tag(tag.as_str());
        match self.pace.once(Family::ImagePuts, Box::pin(call.send())).await {
            Ok(_) => Ok(()),
            // The tag is there: an earlier try of ours arrived.
            Err(error) if error.code() == Some("ImageAlreadyExistsException") => Ok(()),
            Err(error) => Err(AwsError::new("ecr:PutImage", &error).into()),
        }
    }

    /// Where a tag points now.
    ///
    /// # Errors
    /// [`AwsError`].
    pub async fn resolve(
        &self,
        repository: &Repository,
        tag: &Tag,
    ) -> Result<Option<Digest>, AwsError> {
        let images = self.get(repository, vec![by_tag(tag)]).await?;
        Ok(images.into_iter().next().map(|image| image.digest))
    }

    async fn get(
        &self,
        repository: &Repository,
        ids: Vec<ImageIdentifier>,
    ) -> Result<Vec<Fetched>, AwsError> {
        let operation = "ecr:BatchGetImage";
        let call = self
            .client
            .batch_get_image()
            .repository_name(repository.as_str())
            .set_registry_id(self.registry_id.clone())
            .set_image_ids(Some(ids))
            .set_accepted_media_types(Some(MEDIA_TYPES.map(str::to_owned).to_vec()));
        let answer = self.pace.call(Family::ImageReads, || Box::pin(call.clone().send())).await;
        let answer = answer.map_err(|error| AwsError::new(operation, &error))?;
        // Archived is what `look` finds out about; whatever else is wrong must not read as
        // "there is no such image".
        for failure in answer.failures() {
            match failure.failure_code() {
                Some(ImageFailureCode::ImageNotFound | ImageFailureCode::ImageInaccessible) => {}
                code => {
                    return Err(AwsError::not_handed_out(
                        operation,
                        code,
                        failure.failure_reason(),
                    ));
                }
            }
        }
        let images = answer.images().iter().map(|image| Fetched::read(operation, image));
        let images: Vec<Fetched> = images.collect::<Result<_, _>>()?;
        let mut kept = self.manifests.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() + images.len() > MANIFESTS_KEPT {
            kept.clear();
        }
        for image in &images {
            let key = (repository.clone(), image.digest.clone());
            kept.insert(key, (image.manifest.clone(), image.media_type.clone()));
        }
        Ok(images)
    }

    fn kept(&self, repository: &Repository, digest: &Digest) -> Option<Kept> {
        let kept = self.manifests.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(&(repository.clone(), digest.clone())).cloned()
    }

    /// Describes images, and finds out in the same call whether an index's children are there:
    /// only where one is not, does it take two calls more to say which.
    async fn details(
        &self,
        repository: &Repository,
        digests: HashSet<&Digest>,
        children: &[Digest],
    ) -> Result<Described, AwsError> {
        if digests.is_empty() {
            return Ok(Described::default());
        }
        let all: HashSet<&Digest> = digests.iter().copied().chain(children).collect();
        let all_at_once = all.len() <= IMAGES_AT_ONCE;
        if all_at_once && let Some(details) = self.describe(repository, &all).await? {
            return Ok(Described { details, missing: Vec::new() });
        }
        let missing = self.missing(repository, children).await?;
        // Deleted between two looks: names are a courtesy, so go on without.
        let details = self.describe(repository, &digests).await?.unwrap_or_default();
        Ok(Described { details, missing })
    }

    /// `None`: one of them is not there.
    async fn describe(
        &self,
        repository: &Repository,
        digests: &HashSet<&Digest>,
    ) -> Result<Option<HashMap<Digest, Listed>>, AwsError> {
        let call = self
            .client
            .describe_images()
            .repository_name(repository.as_str())
            .set_registry_id(self.registry_id.clone())
            .set_image_ids(Some(digests.iter().map(|digest| by_digest(digest)).collect()));
        match self.pace.call(Family::ImageDetails, || Box::pin(call.clone().send())).await {
            Ok(answer) => {
                let details = answer.image_details().iter().filter_map(Listed::read);
                Ok(Some(details.map(|listed| (listed.digest.clone(), listed)).collect()))
            }
            Err(error) if error.code() == Some("ImageNotFoundException") => Ok(None),
            Err(error) => Err(AwsError::new("ecr:DescribeImages", &error)),
        }
    }

    /// Those of the digests that ECR does not hand out.
    async fn missing(
        &self,
        repository: &Repository,
        digests: &[Digest],
    ) -> Result<Vec<Digest>, AwsError> {
        let mut missing = Vec::new();
        for some in digests.chunks(IMAGES_AT_ONCE) {
            let ids = some.iter().map(by_digest).collect();
            let there = Box::pin(self.get(repository, ids)).await?;
            let gone = some.iter().filter(|one| there.iter().all(|image| image.digest != **one));
            missing.extend(gone.cloned());
        }
        Ok(missing)
    }

    /// Of an image, or of all those inside where it is an index: an index is not scanned itself.
    async fn critical_findings_in(
        &self,
        repository: &Repository,
        image: &Fetched,
    ) -> Result<Option<u32>, AwsError> {
        let platforms = image.platforms();
        if platforms.is_empty() {
            return self.critical_findings(repository, &image.digest).await;
        }
        let scans = platforms.iter().map(|child| self.critical_findings(repository, child));
        let known: Option<Vec<u32>> = try_join_all(scans).await?.into_iter().collect();
        Ok(known.map(|findings| findings.into_iter().fold(0, u32::saturating_add)))
    }

    /// `None` where no finished scan is known.
    async fn critical_findings(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Option<u32>, AwsError> {
        let call = self
            .client
            .describe_image_scan_findings()
            .repository_name(repository.as_str())
            .set_registry_id(self.registry_id.clone())
            .image_id(by_digest(digest));
        match self.pace.call(Family::ImageDetails, || Box::pin(call.clone().send())).await {
            Ok(answer) => {
                let status = answer.image_scan_status().and_then(|status| status.status());
                let finished = matches!(status, Some(ScanStatus::Complete | ScanStatus::Active));
                let findings = answer.image_scan_findings().filter(|_| finished);
                // A scan that has just finished may lack its counts for a while.
                let counts = findings.and_then(|findings| findings.finding_severity_counts());
                Ok(counts.map(|counts| {
                    let critical = counts.get(&FindingSeverity::Critical).copied();
                    u32::try_from(critical.unwrap_or(0)).unwrap_or(0)
                }))
            }
            Err(error) if never_scanned(error.code()) => Ok(None),
            Err(error) => Err(AwsError::new("ecr:DescribeImageScanFindings", &error)),
        }
    }
}

/// Errors that say nothing worse than that there is no scan to read.
fn never_scanned(code: Option<&str>) -> bool {
    matches!(
        code,
        Some("ScanNotFoundException" | "ImageNotFoundException" | "UnsupportedImageTypeException")
    )
}

/// An image that somebody asked for exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    Tag(Tag),
    Digest(Digest),
}

impl Asked {
    fn identifier(&self) -> ImageIdentifier {
        match self {
            Self::Tag(tag) => by_tag(tag),
            Self::Digest(digest) => by_digest(digest),
        }
    }

    pub fn tag(&self) -> Option<&Tag> {
        match self {
            Self::Tag(tag) => Some(tag),
            Self::Digest(_) => None,
        }
    }
}

fn by_digest(digest: &Digest) -> ImageIdentifier {
    ImageIdentifier::builder().image_digest(digest.as_str()).build()
}

fn by_tag(tag: &Tag) -> ImageIdentifier {
    ImageIdentifier::builder().image_tag(tag.as_str()).build()
}

/// An image's manifest, byte by byte as ECR keeps it.
struct Fetched {
    digest: Digest,
    tag: Option<Tag>,
    /// The account whose registry it is in.
    registry: Option<String>,
    manifest: String,
    media_type: Option<String>,
}

impl Fetched {
    fn read(operation: &'static str, image: &EcrImage) -> Result<Self, AwsError> {
        let nonsense = |detail: &str| AwsError::Nonsense { operation, detail: detail.to_owned() };
        let id = image.image_id().ok_or_else(|| nonsense("an image without an id"))?;
        let digest = id.image_digest().ok_or_else(|| nonsense("an image without a digest"))?;
        let digest = Digest::parse(digest).map_err(|error| nonsense(&error.to_string()))?;
        Ok(Self {
            digest,
            tag: id.image_tag().map(Tag::new),
            registry: image.registry_id().map(str::to_owned),
            manifest: image.image_manifest().unwrap_or_default().to_owned(),
            media_type: image.image_manifest_media_type().map(str::to_owned),
        })
    }

    /// The children that can run: attestations are not scanned.
    fn platforms(&self) -> Vec<Digest> {
        let manifest: Manifest = serde_json::from_str(&self.manifest).unwrap_or_default();
        let run = manifest.manifests.iter().filter(|child| child.platform.os != "unknown");
        run.filter_map(|child| Digest::parse(&child.digest).ok()).collect()
    }

    fn children(&self) -> Vec<Digest> {
        let manifest: Manifest = serde_json::from_str(&self.manifest).unwrap_or_default();
        manifest.manifests.iter().filter_map(|child| Digest::parse(&child.digest).ok()).collect()
    }
}

/// An image in a repository's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub digest: Digest,
    pub tags: Vec<Tag>,
    pub pushed_at: Option<Timestamp>,
    pub archived: bool,
}

impl Default for Listed {
    fn default() -> Self {
        Self { digest: Digest::of(b""), tags: Vec::new(), pushed_at: None, archived: false }
    }
}

impl Listed {
    fn read(detail: &ImageDetail) -> Option<Self> {
        let pushed_at = detail.image_pushed_at().and_then(|at| at.to_millis().ok());
        Some(Self {
            digest: Digest::parse(detail.image_digest()?).ok()?,
            tags: detail.image_tags().iter().map(|tag| Tag::new(tag.as_str())).collect(),
            pushed_at: pushed_at.and_then(|millis| Timestamp::from_millisecond(millis).ok()),
            archived: detail.image_status() == Some(&ImageStatus::Archived),
        })
    }
}
