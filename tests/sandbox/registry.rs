//! ECR: manifests byte for byte, moving tags, and what PutImage refuses.

use aws_sdk_ecr::error::ProvideErrorMetadata;
use aws_sdk_ecr::types::{DescribeImagesFilter, ImageIdentifier, ImageStatusFilter, TagStatus};
use shipmate::sandbox::{ImageSpec, Mutability, RepositorySpec, World};

use super::{clients, demo, fast};

const ALL: [&str; 4] = [
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
];

fn by_digest(digest: &str) -> ImageIdentifier {
    ImageIdentifier::builder().image_digest(digest).build()
}

fn by_tag(tag: &str) -> ImageIdentifier {
    ImageIdentifier::builder().image_tag(tag).build()
}

async fn manifest(ecr: &aws_sdk_ecr::Client, repository: &str, digest: &str) -> (String, String) {
    let accepted = ALL.map(str::to_owned).to_vec();
    let call = ecr.batch_get_image().repository_name(repository).image_ids(by_digest(digest));
    let got = call.set_accepted_media_types(Some(accepted)).send().await.unwrap();
    let image = &got.images()[0];
    let media_type = image.image_manifest_media_type().unwrap().to_owned();
    (image.image_manifest().unwrap().to_owned(), media_type)
}

fn sha256(text: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    let hex: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

#[tokio::test]
async fn a_tag_moves_with_the_identical_manifest() {
    let sandbox = demo().await;
    let ecr = clients(&sandbox).await.ecr;
    for (repository, tag) in [("core", "1.5.0"), ("web", "2.1.0")] {
        let digest = sandbox.digest(repository, tag).unwrap();
        let (text, media_type) = manifest(&ecr, repository, &digest).await;
        assert_eq!(sha256(&text), digest);
        let put = || {
            let call = ecr.put_image().repository_name(repository).image_tag("staging-latest");
            let call = call
                .image_manifest(&text)
                .image_manifest_media_type(&media_type)
                .image_digest(&digest);
            call.send()
        };
        put().await.unwrap();
        assert_eq!(sandbox.digest(repository, "staging-latest"), Some(digest.clone()));
        let again = put().await.unwrap_err().into_service_error();
        assert!(again.is_image_already_exists_exception());
    }
    // Once written in another way, a manifest is another image.
    let digest = sandbox.digest("core", "1.5.0").unwrap();
    let (text, media_type) = manifest(&ecr, "core", &digest).await;
    let compact = serde_json::from_str::<serde_json::Value>(&text).unwrap().to_string();
    let call = ecr
        .put_image()
        .repository_name("core")
        .image_tag("other")
        .image_manifest_media_type(media_type);
    let refused = call.image_manifest(compact).image_digest(digest).send().await.unwrap_err();
    assert!(refused.into_service_error().is_image_digest_does_not_match_exception());
}

#[tokio::test]
async fn immutable_tags_do_not_move_unless_a_filter_says_so() {
    let images = |repository: RepositorySpec| {
        repository.image(ImageSpec::new("1").tag("live-latest")).image(ImageSpec::new("2"))
    };
    let world = World::new()
        .repository(images(RepositorySpec::new("fixed").mutability(Mutability::Immutable, &[])))
        .repository(images(
            RepositorySpec::new("excluded")
                .mutability(Mutability::ImmutableWithExclusion, &["*-latest"]),
        ));
    let sandbox = fast(world).await;
    let ecr = clients(&sandbox).await.ecr;
    for (repository, tag, moves) in [
        ("fixed", "live-latest", false),
        ("excluded", "live-latest", true),
        ("excluded", "1", false),
    ] {
        let (text, _) = manifest(&ecr, repository, &sandbox.digest(repository, "2").unwrap()).await;
        let put = ecr
            .put_image()
            .repository_name(repository)
            .image_tag(tag)
            .image_manifest(text)
            .send()
            .await;
        match put {
            Ok(_) => assert!(moves),
            Err(error) => {
                assert!(
                    !moves && error.into_service_error().is_image_tag_already_exists_exception()
                );
            }
        }
    }
}

#[tokio::test]
async fn what_a_manifest_refers_to_must_be_there() {
    let sandbox = demo().await;
    let ecr = clients(&sandbox).await.ecr;
    let put = |repository: &str, text: &str, tag: &str| {
        let call = ecr.put_image().repository_name(repository).image_tag(tag);
        call.image_manifest(text).image_manifest_media_type(ALL[2]).send()
    };
    let (core, _) = manifest(&ecr, "core", &sandbox.digest("core", "1.5.0").unwrap()).await;
    let wrong = put("web", &core, "x").await.unwrap_err().into_service_error();
    assert!(wrong.is_layers_not_found_exception());
    let (index, index_type) = manifest(&ecr, "web", &sandbox.digest("web", "2.1.0").unwrap()).await;
    let call = ecr.put_image().repository_name("core").image_tag("x").image_manifest(index);
    let wrong =
        call.image_manifest_media_type(index_type).send().await.unwrap_err().into_service_error();
    assert!(wrong.is_referenced_images_not_found_exception());
    let wrong = put("nowhere", &core, "x").await.unwrap_err().into_service_error();
    assert!(wrong.is_repository_not_found_exception());
    for (text, tag) in [("{", "x"), (core.as_str(), "-x"), (core.as_str(), &"x".repeat(301))] {
        assert!(
            put("core", text, tag)
                .await
                .unwrap_err()
                .into_service_error()
                .is_invalid_parameter_exception()
        );
    }
    // An image has at most a thousand tags, of which this one has one.
    for number in 0..999 {
        sandbox.put_tag("core", &format!("t{number}"), "1.5.0").unwrap();
    }
    assert!(
        put("core", &core, "x")
            .await
            .unwrap_err()
            .into_service_error()
            .is_limit_exceeded_exception()
    );
}

#[tokio::test]
async fn missing_images_are_failures() {
    let sandbox = demo().await;
    let ecr = clients(&sandbox).await.ecr;
    let call = ecr.batch_get_image().repository_name("core").image_ids(by_tag("1.5.0"));
    let call = call.image_ids(by_tag("9.9.9")).image_ids(by_digest(&sha256("nothing")));
    let got = call.send().await.unwrap();
    assert_eq!(got.images().len(), 1);
    let codes: Vec<_> =
        got.failures().iter().map(|one| one.failure_code().unwrap().as_str()).collect();
    assert_eq!(codes, ["ImageNotFound", "ImageNotFound"]);
    let ids = (0..101).map(|number| by_tag(&number.to_string())).collect();
    let too_many =
        ecr.batch_get_image().repository_name("core").set_image_ids(Some(ids)).send().await;
    assert!(too_many.unwrap_err().into_service_error().is_invalid_parameter_exception());
    let described =
        ecr.describe_images().repository_name("core").image_ids(by_tag("9.9.9")).send().await;
    assert!(described.unwrap_err().into_service_error().is_image_not_found_exception());
}

#[tokio::test]
async fn by_tag_a_format_may_be_translated_and_by_digest_never() {
    let sandbox = demo().await;
    let ecr = clients(&sandbox).await.ecr;
    let digest = sandbox.digest("core", "1.5.0").unwrap();
    let get = |id| {
        ecr.batch_get_image()
            .repository_name("core")
            .image_ids(id)
            .accepted_media_types(ALL[0])
            .send()
    };
    let translated = get(by_tag("1.5.0")).await.unwrap();
    assert_ne!(translated.images()[0].image_id().unwrap().image_digest(), Some(digest.as_str()));
    let as_is = get(by_digest(&digest)).await.unwrap();
    assert_eq!(sha256(as_is.images()[0].image_manifest().unwrap()), digest);
}

#[tokio::test]
async fn images_are_described_filtered_and_paged() {
    let mut repository = RepositorySpec::new("app").image(ImageSpec::new("old").archived());
    for number in 0..120 {
        repository =
            repository.image(ImageSpec::new(&format!("1.{number}")).tag(&format!("also-{number}")));
    }
    let sandbox = fast(World::new().repository(repository)).await;
    sandbox.remove_tag("app", "1.7");
    sandbox.remove_tag("app", "also-7");
    let ecr = clients(&sandbox).await.ecr;
    let first = ecr.describe_images().repository_name("app").send().await.unwrap();
    assert_eq!(first.image_details().len(), 100);
    let rest = ecr.describe_images().repository_name("app").next_token(first.next_token().unwrap());
    let rest = rest.send().await.unwrap();
    assert_eq!((rest.image_details().len(), rest.next_token()), (20, None));
    let filtered = |tags: Option<TagStatus>, status: Option<ImageStatusFilter>| {
        let filter =
            DescribeImagesFilter::builder().set_tag_status(tags).set_image_status(status).build();
        ecr.describe_images().repository_name("app").filter(filter).max_results(1_000).send()
    };
    assert_eq!(filtered(Some(TagStatus::Untagged), None).await.unwrap().image_details().len(), 1);
    assert_eq!(filtered(Some(TagStatus::Tagged), None).await.unwrap().image_details().len(), 119);
    let archived = filtered(None, Some(ImageStatusFilter::Archived)).await.unwrap();
    assert_eq!(archived.image_details()[0].image_tags(), ["old"]);
    assert_eq!(
        filtered(None, Some(ImageStatusFilter::Any)).await.unwrap().image_details().len(),
        121
    );
    let listed = ecr.list_images().repository_name("app").max_results(1_000).send().await.unwrap();
    assert_eq!(listed.image_ids().len(), 119 * 2 + 1);
}

#[tokio::test]
async fn labels_and_findings_say_what_an_image_is() {
    let sandbox = demo().await;
    let ecr = clients(&sandbox).await.ecr;
    let digest = sandbox.digest("core", "1.5.0").unwrap();
    let (text, _) = manifest(&ecr, "core", &digest).await;
    let config =
        serde_json::from_str::<serde_json::Value>(&text).unwrap()["config"]["digest"].clone();
    let config = config.as_str().unwrap();
    let url =
        ecr.get_download_url_for_layer().repository_name("core").layer_digest(config).send().await;
    let url = url.unwrap().download_url.unwrap();
    let path = url.strip_prefix(&sandbox.url()).unwrap();
    let blob = super::faults::http(&sandbox, "GET", path, "").await;
    assert_eq!(sha256(&blob), config, "the blob is what its digest says");
    let blob: serde_json::Value = serde_json::from_str(&blob).unwrap();
    assert_eq!(blob["config"]["Labels"]["org.opencontainers.image.version"], "1.5.0");
    assert_eq!(
        blob["config"]["Labels"]["org.opencontainers.image.revision"].as_str().unwrap().len(),
        40
    );

    let scan = |repository: &str, tag: &str| {
        ecr.describe_image_scan_findings().repository_name(repository).image_id(by_tag(tag)).send()
    };
    let findings = scan("core", "1.6.0-critical").await.unwrap().image_scan_findings.unwrap();
    let critical = aws_sdk_ecr::types::FindingSeverity::Critical;
    assert_eq!(findings.finding_severity_counts().unwrap().get(&critical), Some(&2));
    assert_eq!(findings.findings().len(), 5);
    let counts = scan("core", "1.6.0").await.unwrap().image_scan_findings.unwrap();
    assert_eq!(counts.finding_severity_counts().unwrap().get(&critical), None);
    let index = scan("web", "2.1.0").await.unwrap_err();
    assert_eq!(
        index.code(),
        Some("ScanNotFoundException"),
        "an index is not scanned, its images are"
    );
}

#[tokio::test]
async fn images_are_deleted_by_tag_or_whole() {
    let sandbox = demo().await;
    let ecr = clients(&sandbox).await.ecr;
    let delete = |repository: &str, id| {
        ecr.batch_delete_image().repository_name(repository).image_ids(id).send()
    };
    let one_tag = delete("core", by_tag("staging-latest")).await.unwrap();
    assert_eq!(one_tag.image_ids().len(), 1);
    assert!(sandbox.digest("core", "1.4.1").is_some());
    let digest = sandbox.digest("core", "1.4.1").unwrap();
    assert_eq!(delete("core", by_digest(&digest)).await.unwrap().image_ids().len(), 2);
    assert_eq!(sandbox.digest("core", "production-latest"), None);
    let (index, _) = manifest(&ecr, "web", &sandbox.digest("web", "2.1.0").unwrap()).await;
    let index: serde_json::Value = serde_json::from_str(&index).unwrap();
    let child = index["manifests"][0]["digest"].as_str().unwrap();
    let refused = delete("web", by_digest(child)).await.unwrap();
    assert_eq!(
        refused.failures()[0].failure_code().unwrap().as_str(),
        "ImageReferencedByManifestList"
    );
}
