//! The sandbox, held against what AWS does: by the real SDK clients, by AWS's own service models,
//! and by other people's tools.

mod conformance;
mod demonstration;
mod deployments;
mod events;
mod faults;
mod hands;
mod iam;
mod logs;
pub(crate) mod model;
pub(crate) mod peers;
mod registries;
mod registry;
mod scale;
mod tasks;

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_ecr::config::Credentials;
use aws_smithy_http_client::Builder;
use aws_smithy_types::retry::RetryConfig;
use shipmate::sandbox::{
    ContainerSpec, Handle, ImageSpec, Options, RepositorySpec, Sandbox, ServiceSpec, Times, World,
    demo_world,
};

/// Longer than anything here takes, also on a machine that is busy with something else.
pub(crate) const LONG: Duration = Duration::from_secs(20);

pub(crate) async fn fast(world: World) -> Sandbox {
    let options = Options { times: Times::fast(), ..Options::default() };
    Sandbox::start(world, options).await.unwrap()
}

pub(crate) async fn demo() -> Sandbox {
    fast(demo_world()).await
}

/// An order to the sandbox, as it goes over the wire: the status and the answer.
pub(crate) async fn order(
    sandbox: &Sandbox,
    method: &str,
    path: &str,
    body: &str,
) -> (u16, String) {
    faults::exchange(sandbox, method, &format!("/_sandbox/{path}"), "", body).await
}

/// Clients without retries, so that one call is one call.
pub(crate) struct Clients {
    pub(crate) ecs: aws_sdk_ecs::Client,
    pub(crate) ecr: aws_sdk_ecr::Client,
}

pub(crate) async fn configuration(url: &str) -> SdkConfig {
    // The connector is the one that production uses, without TLS: reading the system's certificates
    // takes longer than most of these tests.
    let http = Builder::new().build_http();
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .endpoint_url(url)
        .load()
        .await
}

pub(crate) async fn clients(sandbox: &Sandbox) -> Clients {
    let configuration = configuration(&sandbox.url()).await;
    Clients {
        ecs: aws_sdk_ecs::Client::new(&configuration),
        ecr: aws_sdk_ecr::Client::new(&configuration),
    }
}

/// A small world: `app:live` is version 1, and 2 is there to move to.
pub(crate) fn small(service: ServiceSpec) -> World {
    let app = RepositorySpec::new("app")
        .image(ImageSpec::new("1").tag("live"))
        .image(ImageSpec::new("2"));
    World::new().repository(app).service(service)
}

/// A service of three tasks in the small world, whose tag is looked up by each new task.
pub(crate) fn unpinned() -> ServiceSpec {
    let container = ContainerSpec::new("app", "app:live").unpinned();
    ServiceSpec::new("blue", "api", 3, container)
}

/// The same with ECS's default: the first task of a deployment pins the digest.
pub(crate) fn pinned() -> ServiceSpec {
    ServiceSpec::new("blue", "api", 3, ContainerSpec::new("app", "app:live"))
}

/// Waits until all tasks of the small world's service run the image of the tag.
pub(crate) async fn runs(sandbox: &Handle, tag: &str) -> bool {
    let digest = sandbox.digest("app", tag).unwrap();
    sandbox.wait_for("blue", "api", LONG, |service| service.runs("app", &digest)).await
}
