//! Registries that others wrote, moto and ministack, and ours: Shipmate's own client moves tags in
//! each of them. Where they differ it is told here, so that a difference that goes away is seen
//! too.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use aws_sdk_ecr::error::ProvideErrorMetadata;
use aws_sdk_ecr::types::{
    ImageIdentifier, ImageTagMutability, ImageTagMutabilityExclusionFilter,
    ImageTagMutabilityExclusionFilterType,
};
use serde_json::Value;
use shipmate::aws::{Aws, Endpoint, Repositories};
use shipmate::domain::event::StepFailure;
use shipmate::domain::id::{Digest, Repository, Tag};
use shipmate::sandbox::{ImageSpec, Mutability, RepositorySpec, Sandbox, World};
use shipmate::settings::Settings;

use super::peers::tool;
use super::{clients, configuration, demo, fast};
use crate::world::SETTINGS;

/// Somebody else's server on a loopback port, which ends with this.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    async fn moto(program: &Path) -> Server {
        let port = free_port();
        let mut command = Command::new(program);
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        Server::start(command, port).await
    }

    async fn ministack(program: &Path) -> Server {
        let port = free_port();
        let mut command = Command::new(program);
        // Unless it is told otherwise it listens on all addresses.
        command.env("BIND_HOST", "127.0.0.1").env("GATEWAY_PORT", port.to_string());
        Server::start(command, port).await
    }

    async fn start(mut command: Command, port: u16) -> Server {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let server =
            Server { child: command.spawn().unwrap(), url: format!("http://127.0.0.1:{port}") };
        let until = Instant::now() + Duration::from_secs(120);
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            assert!(Instant::now() < until, "{} does not listen", server.url);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // If it has ended already there is nothing to end.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// The port is free again when the listener is dropped; that it is taken in between is not likely.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// What one ECR says to the calls that move a tag.
async fn move_a_tag(
    ecr: &aws_sdk_ecr::Client,
    digest: &str,
    text: &str,
    media_type: &str,
) -> Vec<String> {
    let mut said = Vec::new();
    let by_digest = ImageIdentifier::builder().image_digest(digest).build();
    let by_tag = |tag: &str| ImageIdentifier::builder().image_tag(tag).build();
    let get = |id: ImageIdentifier| {
        let call = ecr.batch_get_image().repository_name("core").image_ids(id);
        call.accepted_media_types(media_type).send()
    };
    let got = get(by_digest).await.unwrap();
    let image = &got.images()[0];
    said.push(format!("the manifest is the same: {}", image.image_manifest() == Some(text)));
    said.push(format!("{:?}", image.image_manifest_media_type()));
    said.push(format!("{:?}", image.image_id().unwrap().image_digest()));
    let put = || {
        let call =
            ecr.put_image().repository_name("core").image_tag("promoted").image_digest(digest);
        call.image_manifest(text).image_manifest_media_type(media_type).send()
    };
    let first = put().await.unwrap().image.unwrap().image_id.unwrap();
    said.push(format!("{first:?}"));
    let second = put().await.unwrap_err();
    said.push(format!("{:?} {:?}", second.code(), second.message()));
    let moved = get(by_tag("promoted")).await.unwrap();
    said.push(format!("{:?}", moved.images()[0].image_id().unwrap()));
    let missing = get(by_tag("none")).await.unwrap();
    let failure = &missing.failures()[0];
    said.push(format!("{:?} {:?}", failure.failure_code(), failure.failure_reason()));
    let nowhere = ecr
        .batch_get_image()
        .repository_name("none")
        .image_ids(by_tag("x"))
        .send()
        .await
        .unwrap_err();
    said.push(format!("{:?} {:?}", nowhere.code(), nowhere.message()));
    let described =
        ecr.describe_images().repository_name("core").image_ids(by_tag("none")).send().await;
    let described = described.unwrap_err();
    said.push(format!("{:?} {:?}", described.code(), described.message()));
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moto_answers_as_the_sandbox_does() {
    let Some(program) = tool("moto_answers_as_the_sandbox_does", "moto_server") else {
        return;
    };
    let moto = Server::moto(&program).await;
    let sandbox = demo().await;
    let ours = clients(&sandbox).await.ecr;
    let theirs = aws_sdk_ecr::Client::new(&configuration(&moto.url).await);
    let digest = sandbox.digest("core", "1.5.0").unwrap();
    let id = ImageIdentifier::builder().image_digest(&digest).build();
    let got = ours.batch_get_image().repository_name("core").image_ids(id).send().await.unwrap();
    let (text, media_type) = (
        got.images()[0].image_manifest().unwrap().to_owned(),
        got.images()[0].image_manifest_media_type().unwrap().to_owned(),
    );
    theirs.create_repository().repository_name("core").send().await.unwrap();
    let put = theirs.put_image().repository_name("core").image_tag("1.5.0").image_manifest(&text);
    put.image_manifest_media_type(&media_type).image_digest(&digest).send().await.unwrap();
    let our_answers = move_a_tag(&ours, &digest, &text, &media_type).await;
    let their_answers = move_a_tag(&theirs, &digest, &text, &media_type).await;
    assert_eq!(our_answers, their_answers);
}

/// An image as a build pushes it.
#[derive(Clone)]
struct Pushed {
    text: String,
    media_type: String,
    digest: Digest,
}

/// Where builds push to, and what they push: the sandbox takes no manifest whose layers it does not
/// have.
async fn builds() -> Sandbox {
    let filled = |name: &str| {
        let index = ImageSpec::new("multi").platforms(&["linux/amd64", "linux/arm64"]);
        let repository = RepositorySpec::new(name).image(ImageSpec::new("one"));
        repository.image(ImageSpec::new("two")).image(index)
    };
    let world = World::new()
        .repository(filled("app"))
        .repository(filled("frozen").mutability(Mutability::Immutable, &[]))
        .repository(filled("partly").mutability(Mutability::ImmutableWithExclusion, &["*-latest"]));
    fast(world).await
}

/// A registry with three repositories, Shipmate's client for it, and another one.
struct Registry {
    plain: aws_sdk_ecr::Client,
    ours: Repositories,
    builds: aws_sdk_ecr::Client,
}

impl Registry {
    /// One that has no repositories yet, unless it is that of the builds.
    async fn new(url: &str, builds: &Sandbox) -> Registry {
        let plain = aws_sdk_ecr::Client::new(&configuration(url).await);
        let settings = Settings::parse("shipmate.toml", SETTINGS, Vec::new()).unwrap();
        let endpoint = Endpoint::Simulated { url: url.to_owned() };
        let aws = Aws::connect(&settings.environments, &endpoint, None).await;
        let ours = aws.account(&"staging".into()).unwrap().ecr.clone();
        let registry = Registry { plain, ours, builds: clients(builds).await.ecr };
        if url != builds.url() {
            registry.furnish().await;
        }
        registry
    }

    async fn furnish(&self) {
        let create = |name: &str| self.plain.create_repository().repository_name(name);
        create("app").send().await.unwrap();
        let frozen = create("frozen").image_tag_mutability(ImageTagMutability::Immutable);
        frozen.send().await.unwrap();
        let filter = ImageTagMutabilityExclusionFilter::builder()
            .filter_type(ImageTagMutabilityExclusionFilterType::Wildcard)
            .filter("*-latest");
        let partly = create("partly")
            .image_tag_mutability(ImageTagMutability::ImmutableWithExclusion)
            .image_tag_mutability_exclusion_filters(filter.build().unwrap());
        partly.send().await.unwrap();
    }

    /// What a build has made.
    async fn built(&self, repository: &str, id: ImageIdentifier) -> Pushed {
        let get = self.builds.batch_get_image().repository_name(repository).image_ids(id);
        let image = get.send().await.unwrap().images.unwrap().remove(0);
        let digest = image.image_id().unwrap().image_digest().unwrap();
        Pushed {
            text: image.image_manifest().unwrap().to_owned(),
            media_type: image.image_manifest_media_type().unwrap().to_owned(),
            digest: Digest::parse(digest).unwrap(),
        }
    }

    async fn put(&self, repository: &str, tag: Option<&str>, image: &Pushed) {
        let put =
            self.plain.put_image().repository_name(repository).image_digest(image.digest.as_str());
        let put = put.image_manifest(&image.text).image_manifest_media_type(&image.media_type);
        match put.set_image_tag(tag.map(str::to_owned)).send().await {
            Ok(_) => {}
            // The registry of the builds has it.
            Err(error) if error.code() == Some("ImageAlreadyExistsException") => {}
            Err(error) => panic!("{repository}:{tag:?} {error:?}"),
        }
    }

    /// A build pushes what it has made under a tag.
    async fn push(&self, repository: &str, tag: &str, name: &str) -> Pushed {
        let by_tag = ImageIdentifier::builder().image_tag(name).build();
        let image = self.built(repository, by_tag).await;
        let manifest: Value = serde_json::from_str(&image.text).unwrap();
        for child in manifest["manifests"].as_array().into_iter().flatten() {
            let digest = child["digest"].as_str().unwrap();
            let by_digest = ImageIdentifier::builder().image_digest(digest).build();
            let child = self.built(repository, by_digest).await;
            self.put(repository, None, &child).await;
        }
        self.put(repository, Some(tag), &image).await;
        image
    }

    async fn digest(&self, repository: &str, tag: &str) -> Option<Digest> {
        self.ours.resolve(&Repository::new(repository), &Tag::new(tag)).await.unwrap()
    }

    async fn move_tag(
        &self,
        repository: &str,
        tag: &str,
        from: &Digest,
        to: &Digest,
    ) -> Result<(), String> {
        let moved =
            self.ours.move_tag(&Repository::new(repository), &Tag::new(tag), Some(from), to).await;
        moved.map_err(|failure: StepFailure| failure.code)
    }

    /// The text of a manifest, asked for by its digest.
    async fn text(&self, repository: &str, image: &Pushed) -> String {
        let id = ImageIdentifier::builder().image_digest(image.digest.as_str()).build();
        let get = self.plain.batch_get_image().repository_name(repository).image_ids(id);
        let got = get.accepted_media_types(&image.media_type).send().await.unwrap();
        got.images()[0].image_manifest().unwrap().to_owned()
    }
}

/// What every registry does right: a tag moves to an image and back, once however often it is asked
/// for, and not where somebody else has moved it; the manifest stays as it was, byte by byte.
async fn tags_move(url: &str, builds: &Sandbox) -> Registry {
    let registry = Registry::new(url, builds).await;
    let one = registry.push("app", "live", "one").await;
    let two = registry.push("app", "2", "two").await;
    let several = registry.push("app", "3", "multi").await;
    let (old, new, index) = (&one.digest, &two.digest, &several.digest);
    let live = async || registry.digest("app", "live").await.unwrap();
    assert_eq!(live().await, *old);
    assert_eq!(registry.digest("app", "none").await, None);

    assert_eq!(registry.move_tag("app", "live", old, new).await, Ok(()));
    assert_eq!(live().await, *new);
    assert_eq!(registry.move_tag("app", "live", old, new).await, Ok(()), "it is there already");
    assert_eq!(registry.text("app", &two).await, two.text);
    let stranger = registry.move_tag("app", "live", old, index).await;
    assert_eq!(stranger, Err("tag-moved-by-others".to_owned()));
    assert_eq!(live().await, *new, "it was not ours to move");

    let (app, previous) = (Repository::new("app"), Tag::new("live-previous"));
    for _ in 0..2 {
        registry.ours.keep_tag(&app, &previous, old).await.unwrap();
        assert_eq!(registry.digest("app", "live-previous").await.as_ref(), Some(old));
    }
    assert_eq!(registry.move_tag("app", "live", new, index).await, Ok(()));
    assert_eq!(live().await, *index);
    assert_eq!(registry.text("app", &several).await, several.text);
    assert_eq!(registry.move_tag("app", "live", index, old).await, Ok(()), "and back");
    assert_eq!(live().await, *old);

    let gone = registry.move_tag("app", "live", old, &Digest::of(b"nothing")).await;
    assert_eq!(gone, Err("image-gone".to_owned()));
    let unknown = registry.ours.resolve(&Repository::new("none"), &previous).await.unwrap_err();
    assert_eq!(unknown.code(), "RepositoryNotFoundException");
    registry
}

/// Whether a tag of a repository moves, and by which error not; and whether it is there afterwards.
async fn moves(registry: &Registry, repository: &str, tag: &str) -> (Result<(), String>, bool) {
    let old = registry.push(repository, tag, "one").await.digest;
    let new = registry.push(repository, &format!("v-{tag}"), "two").await.digest;
    let moved = registry.move_tag(repository, tag, &old, &new).await;
    (moved, registry.digest(repository, tag).await == Some(new))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tags_move_in_the_sandbox() {
    let sandbox = builds().await;
    let registry = tags_move(&sandbox.url(), &sandbox).await;
    let refused = Err("ImageTagAlreadyExistsException".to_owned());
    assert_eq!(moves(&registry, "frozen", "live").await, (refused.clone(), false));
    assert_eq!(moves(&registry, "partly", "staging-latest").await, (Ok(()), true));
    assert_eq!(moves(&registry, "partly", "live").await, (refused, false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tags_move_in_moto() {
    let Some(program) = tool("tags_move_in_moto", "moto_server") else {
        return;
    };
    let moto = Server::moto(&program).await;
    let builds = builds().await;
    let registry = tags_move(&moto.url, &builds).await;
    // Unlike AWS it says of a frozen tag that it points there already, which is no failure; so that
    // only another look tells. Images of partly frozen repositories it cannot take at all.
    assert_eq!(moves(&registry, "frozen", "live").await, (Ok(()), false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tags_move_in_ministack() {
    let Some(program) = tool("tags_move_in_ministack", "../ministack/bin/ministack") else {
        return;
    };
    let ministack = Server::ministack(&program).await;
    let builds = builds().await;
    let registry = tags_move(&ministack.url, &builds).await;
    let refused = Err("ImageTagAlreadyExistsException".to_owned());
    assert_eq!(moves(&registry, "frozen", "live").await, (refused, false));
    assert_eq!(moves(&registry, "partly", "staging-latest").await, (Ok(()), true));
    // Unlike AWS it moves what no filter takes out of the rule.
    assert_eq!(moves(&registry, "partly", "live").await, (Ok(()), true));
}
