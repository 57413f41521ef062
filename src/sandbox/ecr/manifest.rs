//! Manifests: what they refer to, and the ones that stand for a described image. Must not know
//! repositories or tags.

use serde_json::{Value, json};

use super::super::digest::sha256;
use super::super::world::ImageSpec;
use super::registry::Blob;

pub(super) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(super) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub(super) const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// What a manifest refers to.
#[derive(Clone, Debug, Default)]
pub(super) struct Manifest {
    pub(super) media_type: Option<String>,
    pub(super) config: Option<String>,
    pub(super) config_media_type: Option<String>,
    pub(super) layers: Vec<String>,
    pub(super) children: Vec<Child>,
    pub(super) is_attestation: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Child {
    pub(super) digest: String,
    os: String,
    architecture: String,
}

impl Manifest {
    /// Reads a manifest or an index; `None` if the text is neither.
    pub(super) fn read(text: &str) -> Option<Manifest> {
        let value: Value = serde_json::from_str(text).ok()?;
        value.as_object()?;
        let own = |value: &Value| value.as_str().map(str::to_owned);
        let digests = |list: &Value| {
            list.as_array()
                .map(|entries| entries.iter().filter_map(|entry| own(&entry["digest"])).collect())
        };
        let children = value["manifests"].as_array().map(|entries| {
            let child = |entry: &Value| {
                Some(Child {
                    digest: own(&entry["digest"])?,
                    os: own(&entry["platform"]["os"]).unwrap_or_default(),
                    architecture: own(&entry["platform"]["architecture"]).unwrap_or_default(),
                })
            };
            entries.iter().filter_map(child).collect::<Vec<_>>()
        });
        let manifest = Manifest {
            media_type: own(&value["mediaType"]),
            config: own(&value["config"]["digest"]),
            config_media_type: own(&value["config"]["mediaType"]),
            layers: digests(&value["layers"]).unwrap_or_default(),
            is_attestation: value["layers"][0]["mediaType"]
                .as_str()
                .is_some_and(|kind| kind.contains("in-toto")),
            children: children.clone().unwrap_or_default(),
        };
        (manifest.config.is_some() || children.is_some()).then_some(manifest)
    }

    /// The blobs that must be in the repository before the manifest may be.
    pub(super) fn blobs(&self) -> impl Iterator<Item = &String> {
        self.config.iter().chain(&self.layers)
    }

    pub(super) fn child_for(&self, os: &str, architecture: &str) -> Option<&String> {
        self.children
            .iter()
            .find(|child| child.os == os && child.architecture == architecture)
            .map(|child| &child.digest)
    }
}

/// Manifests with their media types, children before the index, and the blobs that they need.
pub(super) struct Built {
    pub(super) texts: Vec<(String, String)>,
    pub(super) blobs: Vec<(String, Blob)>,
}

/// The manifests of a described image. They are indented, as build tools write them, so that
/// whoever writes one again in another way gets another digest.
pub(super) fn build(repository: &str, spec: &ImageSpec) -> Built {
    let mut built = Built { texts: Vec::new(), blobs: Vec::new() };
    if spec.platforms.is_empty() {
        single(repository, spec, "linux/amd64", &mut built);
        return built;
    }
    let mut entries = Vec::new();
    for platform in &spec.platforms {
        let text = single(repository, spec, platform, &mut built);
        let (os, architecture) = platform.split_once('/').unwrap_or(("linux", platform));
        entries.push(json!({
            "mediaType": OCI_MANIFEST,
            "digest": sha256(text.as_bytes()),
            "size": text.len(),
            "platform": {"architecture": architecture, "os": os},
        }));
    }
    if spec.attestation {
        let text = attestation(repository, spec, &mut built);
        entries.push(json!({
            "mediaType": OCI_MANIFEST,
            "digest": sha256(text.as_bytes()),
            "size": text.len(),
            "annotations": {
                "vnd.docker.reference.digest": entries[0]["digest"],
                "vnd.docker.reference.type": "attestation-manifest",
            },
            "platform": {"architecture": "unknown", "os": "unknown"},
        }));
    }
    let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries});
    built.texts.push((pretty(&index), OCI_INDEX.to_owned()));
    built
}

fn single(repository: &str, spec: &ImageSpec, platform: &str, built: &mut Built) -> String {
    let (os, architecture) = platform.split_once('/').unwrap_or(("linux", platform));
    let seed = format!("{repository} {} {platform}", spec.version);
    let layers: Vec<(String, u64)> = [("base", 29_536_818_u64), ("app", 11_000_000)]
        .iter()
        .map(|(part, size)| {
            // The base is the same for all versions, as it is in life.
            let content =
                if *part == "base" { format!("base {platform}") } else { format!("{seed} {part}") };
            let digest = sha256(content.as_bytes());
            let size = size + u64::from(digest.as_bytes()[10]) * 10_007;
            (digest, size)
        })
        .collect();
    let mut labels = spec.labels.clone();
    labels.insert("org.opencontainers.image.version".to_owned(), spec.version.clone());
    let config = json!({
        "architecture": architecture,
        "os": os,
        "config": {"Entrypoint": [format!("/{repository}")], "Labels": labels},
        "rootfs": {"type": "layers", "diff_ids": layers.iter().map(|layer| &layer.0).collect::<Vec<_>>()},
        "history": [{"created_by": format!("COPY {repository} /{repository}")}],
    });
    let config = pretty(&config).into_bytes();
    let config_digest = sha256(&config);
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": CONFIG, "digest": config_digest, "size": config.len()},
        "layers": layers.iter().map(|(digest, size)| {
            json!({"mediaType": LAYER, "digest": digest, "size": size})
        }).collect::<Vec<_>>(),
    });
    for (digest, size) in layers {
        built.blobs.push((digest, Blob { size, media_type: LAYER.to_owned(), content: None }));
    }
    let blob =
        Blob { size: config.len() as u64, media_type: CONFIG.to_owned(), content: Some(config) };
    built.blobs.push((config_digest, blob));
    let text = pretty(&manifest);
    built.texts.push((text.clone(), OCI_MANIFEST.to_owned()));
    text
}

fn attestation(repository: &str, spec: &ImageSpec, built: &mut Built) -> String {
    const STATEMENT: &str = "application/vnd.in-toto+json";
    let statement = sha256(format!("{repository} {} provenance", spec.version).as_bytes());
    let config =
        pretty(&json!({"architecture": "unknown", "os": "unknown", "config": {}})).into_bytes();
    let config_digest = sha256(&config);
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": CONFIG, "digest": config_digest, "size": config.len()},
        "layers": [{"mediaType": STATEMENT, "digest": statement, "size": 4_096}],
    });
    built
        .blobs
        .push((statement, Blob { size: 4_096, media_type: STATEMENT.to_owned(), content: None }));
    let blob =
        Blob { size: config.len() as u64, media_type: CONFIG.to_owned(), content: Some(config) };
    built.blobs.push((config_digest, blob));
    let text = pretty(&manifest);
    built.texts.push((text.clone(), OCI_MANIFEST.to_owned()));
    text
}

/// The same image in the other format, as ECR gives it when a tag is asked for and the asker takes
/// no other: with another digest.
pub(super) fn translate(text: &str, accepted: &[&str]) -> Option<(String, &'static str)> {
    let mut value: Value = serde_json::from_str(text).ok()?;
    let (from_docker, to) = match value["mediaType"].as_str()? {
        OCI_MANIFEST => (false, DOCKER_MANIFEST),
        DOCKER_MANIFEST => (true, OCI_MANIFEST),
        _ => return None,
    };
    if !accepted.contains(&to) {
        return None;
    }
    let (config, layer) = if from_docker {
        (CONFIG, LAYER)
    } else {
        (
            "application/vnd.docker.container.image.v1+json",
            "application/vnd.docker.image.rootfs.diff.tar.gzip",
        )
    };
    value["mediaType"] = json!(to);
    value["config"]["mediaType"] = json!(config);
    for entry in value["layers"].as_array_mut()? {
        entry["mediaType"] = json!(layer);
    }
    Some((pretty(&value), to))
}

fn pretty(value: &Value) -> String {
    // A Value has string keys only and writes into memory, so that this cannot fail; the compact
    // form would do as well.
    serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string())
}
