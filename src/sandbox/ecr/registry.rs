//! What the simulated ECR holds: repositories, images by digest, tags, blobs. Must not know AWS's
//! calls.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde_json::{Value, json};

use super::super::digest::sha256;
use super::super::times::stamp;
use super::super::world::{Behaviour, ImageSpec, Mutability, RepositorySpec};
use super::manifest::{self, Manifest};

#[derive(Clone, Debug, Default)]
pub(in super::super) struct Registry {
    pub(super) repositories: BTreeMap<String, Repository>,
}

#[derive(Clone, Debug)]
pub(in super::super) struct Repository {
    pub(super) name: String,
    pub(super) created: SystemTime,
    pub(super) mutability: Mutability,
    pub(super) exclusions: Vec<String>,
    pub(super) images: BTreeMap<String, Image>,
    pub(in super::super) tags: BTreeMap<String, String>,
    pub(super) blobs: BTreeMap<String, Blob>,
    pub(super) labels: Vec<Value>,
}

#[derive(Clone, Debug)]
pub(in super::super) struct Image {
    pub(super) digest: String,
    /// The very text that was pushed: its bytes are what the digest is of.
    pub(super) text: String,
    pub(super) media_type: String,
    pub(super) manifest: Manifest,
    pub(super) pushed: SystemTime,
    pub(super) size: u64,
    pub(super) archived: bool,
    pub(super) behaviour: Behaviour,
    /// What a container of it writes when it starts.
    pub(super) log: Vec<String>,
    pub(super) scan: Option<Scan>,
}

#[derive(Clone, Debug)]
pub(super) struct Scan {
    pub(super) completed: SystemTime,
    pub(super) counts: BTreeMap<String, u32>,
}

/// What a manifest refers to. Layers have a size and no content: nothing here unpacks them.
#[derive(Clone, Debug)]
pub(super) struct Blob {
    pub(super) size: u64,
    pub(super) media_type: String,
    pub(super) content: Option<Vec<u8>>,
}

/// What pulling a reference gave.
#[derive(Clone, Debug)]
pub(in super::super) struct Pulled {
    /// The digest of what the tag points to: an index's own, where it is one.
    pub(in super::super) digest: String,
    /// The digest of what runs: the platform's child of an index, else the same.
    pub(in super::super) platform_digest: String,
    pub(in super::super) behaviour: Behaviour,
    pub(in super::super) log: Vec<String>,
}

impl Registry {
    pub(in super::super) fn get(&self, repository: &str) -> Option<&Repository> {
        self.repositories.get(repository)
    }

    pub(in super::super) fn get_mut(&mut self, repository: &str) -> Option<&mut Repository> {
        self.repositories.get_mut(repository)
    }

    pub(in super::super) fn all(&self) -> impl Iterator<Item = (&String, &Repository)> {
        self.repositories.iter()
    }

    /// Adds a repository, and its images in their order.
    pub(in super::super) fn add(&mut self, spec: &RepositorySpec, now: SystemTime) {
        let repository = Repository::new(&spec.name, spec.mutability, spec.exclusions.clone(), now);
        let repository = self.repositories.entry(spec.name.clone()).or_insert(repository);
        for image in &spec.images {
            repository.add(image, now);
        }
    }

    /// What a container runtime on linux/amd64 gets for a tag or a digest of a repository.
    pub(in super::super) fn pull(&self, repository: &str, tag_or_digest: &str) -> Option<Pulled> {
        let repository = self.repositories.get(repository)?;
        let image = repository.find(tag_or_digest).filter(|image| !image.archived)?;
        let child = image
            .manifest
            .child_for("linux", "amd64")
            .and_then(|child| repository.images.get(child));
        let runs = child.unwrap_or(image);
        if matches!(runs.behaviour, Behaviour::Stuck) {
            return None;
        }
        Some(Pulled {
            digest: image.digest.clone(),
            platform_digest: runs.digest.clone(),
            behaviour: runs.behaviour,
            log: runs.log.clone(),
        })
    }
}

impl Repository {
    pub(super) fn new(
        name: &str,
        mutability: Mutability,
        exclusions: Vec<String>,
        created: SystemTime,
    ) -> Repository {
        Repository {
            name: name.to_owned(),
            created,
            mutability,
            exclusions,
            images: BTreeMap::new(),
            tags: BTreeMap::new(),
            blobs: BTreeMap::new(),
            labels: Vec::new(),
        }
    }

    /// Pushes the image that the description gives, as a build would, and says its digest.
    pub(in super::super) fn add(&mut self, spec: &ImageSpec, now: SystemTime) -> String {
        let built = manifest::build(&self.name, spec);
        for (digest, blob) in built.blobs {
            self.blobs.insert(digest, blob);
        }
        let pushed = now - std::time::Duration::from_secs(spec.pushed_seconds_ago);
        let is_index = built.texts.len() > 1;
        let mut digest = String::new();
        for (text, media_type) in built.texts {
            let manifest = Manifest::read(&text).unwrap_or_default();
            // Basic scanning scans images and not the indexes over them.
            let scannable = manifest.children.is_empty() && !manifest.is_attestation;
            digest = sha256(text.as_bytes());
            let image = Image {
                digest: digest.clone(),
                size: self.size_of(&manifest),
                text,
                media_type,
                pushed,
                archived: spec.archived,
                behaviour: if is_index && !scannable { Behaviour::Good } else { spec.behaviour },
                log: spec.written(&self.name),
                scan: spec
                    .scan
                    .clone()
                    .filter(|_| scannable)
                    .map(|counts| Scan { completed: pushed, counts }),
                manifest,
            };
            self.images.entry(digest.clone()).or_insert(image);
        }
        // The index comes last, so that the digest is its own.
        for tag in &spec.tags {
            self.tags.insert(tag.clone(), digest.clone());
        }
        digest
    }

    pub(super) fn size_of(&self, manifest: &Manifest) -> u64 {
        let blobs =
            manifest.blobs().filter_map(|digest| self.blobs.get(digest)).map(|blob| blob.size);
        let children = manifest.children.iter().filter_map(|child| self.images.get(&child.digest));
        blobs.sum::<u64>() + children.map(|image| image.size).sum::<u64>()
    }

    /// The image of a tag or a digest.
    pub(in super::super) fn find(&self, tag_or_digest: &str) -> Option<&Image> {
        let digest = self.tags.get(tag_or_digest).map_or(tag_or_digest, String::as_str);
        self.images.get(digest)
    }

    /// Deletes the image of a tag or a digest, with its tags. It says whether it was there.
    pub(in super::super) fn delete(&mut self, tag_or_digest: &str) -> bool {
        let Some(digest) = self.find(tag_or_digest).map(|image| image.digest.clone()) else {
            return false;
        };
        self.tags.retain(|_, of| *of != digest);
        self.images.remove(&digest).is_some()
    }

    /// Archives the image of a tag or a digest. It says whether it was there.
    pub(in super::super) fn archive(&mut self, tag_or_digest: &str) -> bool {
        let digest = self.find(tag_or_digest).map(|image| image.digest.clone());
        let image = digest.and_then(|digest| self.images.get_mut(&digest));
        image.map(|image| image.archived = true).is_some()
    }

    pub(super) fn tags_of(&self, digest: &str) -> Vec<&str> {
        self.tags.iter().filter(|(_, of)| *of == digest).map(|(tag, _)| tag.as_str()).collect()
    }

    /// Whether the tag, once there, may not be moved.
    pub(super) fn is_frozen(&self, tag: &str) -> bool {
        let excluded = self.exclusions.iter().any(|filter| wildcard(filter, tag));
        match self.mutability {
            Mutability::Mutable => false,
            Mutability::Immutable => true,
            Mutability::ImmutableWithExclusion => !excluded,
            Mutability::MutableWithExclusion => excluded,
        }
    }

    pub(super) fn arn(&self, account: &str, region: &str) -> String {
        format!("arn:aws:ecr:{region}:{account}:repository/{}", self.name)
    }

    /// The repository as DescribeRepositories shows it.
    pub(super) fn show(&self, account: &str, region: &str) -> Value {
        let mut shown = json!({
            "repositoryArn": self.arn(account, region),
            "registryId": account,
            "repositoryName": self.name,
            "repositoryUri": format!("{account}.dkr.ecr.{region}.amazonaws.com/{}", self.name),
            "createdAt": stamp(self.created),
            "imageTagMutability": self.mutability,
            "imageScanningConfiguration": {"scanOnPush": true},
            "encryptionConfiguration": {"encryptionType": "AES256"},
        });
        if !self.exclusions.is_empty() {
            shown["imageTagMutabilityExclusionFilters"] = self.show_exclusions();
        }
        shown
    }

    pub(super) fn show_exclusions(&self) -> Value {
        self.exclusions
            .iter()
            .map(|filter| json!({"filterType": "WILDCARD", "filter": filter}))
            .collect()
    }
}

impl Image {
    pub(in super::super) fn digest(&self) -> &str {
        &self.digest
    }
}

/// Whether the text matches a filter in which `*` stands for any run of characters.
fn wildcard(filter: &str, text: &str) -> bool {
    match filter.split_once('*') {
        None => filter == text,
        Some((head, tail)) => match text.strip_prefix(head) {
            None => false,
            Some(rest) => {
                let starts = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
                starts.map(|at| &rest[at..]).any(|rest| wildcard(tail, rest))
            }
        },
    }
}
