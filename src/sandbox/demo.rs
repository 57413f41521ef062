//! The world of the demo: two environments, two repositories, and images that are broken in
//! different ways. Must not know who the people of the demo are or what they say.

use super::world::{
    Behaviour, CircuitBreaker, ContainerSpec, ImageSpec, LaunchType, RepositorySpec, ServiceSpec,
    World,
};

/// Staging and production on `core:1.4.1` and `web:2.0.0`, and newer images to promote.
pub fn demo_world() -> World {
    let mut world = World::new().repository(core()).repository(web());
    for (environment, rest_api, worker, worker_name, web, rollback) in [
        ("staging", 3, 2, "worker", 2, CircuitBreaker::Off),
        ("production", 4, 3, "worker-prod", 3, CircuitBreaker::Rollback),
    ] {
        let core_image = format!("core:{environment}-latest");
        let web_image = format!("web:{environment}-latest");
        let app = |service: &str| {
            let container = ContainerSpec::new("app", &core_image).unpinned();
            container.logs_to(&format!("/ecs/{environment}/{service}"))
        };
        world = world
            .service(
                // A proxy beside the application: its digest is another image's, and must be
                // ignored.
                ServiceSpec::new(environment, "rest-api", rest_api, app("rest-api").health_check())
                    .container(
                        ContainerSpec::new("proxy", "public.ecr.aws/envoy/envoy:v1.32")
                            .inessential(),
                    )
                    .launch_type(LaunchType::Ec2)
                    .percent(50, 200),
            )
            .service(
                ServiceSpec::new(environment, worker_name, worker, app(worker_name))
                    .launch_type(LaunchType::Ec2)
                    .percent(50, 200),
            )
            .service(
                // On EC2 tasks report the digest of an index, on Fargate that of a child.
                ServiceSpec::new(environment, "web", web, ContainerSpec::new("web", &web_image))
                    .launch_type(if environment == "production" {
                        LaunchType::Fargate
                    } else {
                        LaunchType::Ec2
                    })
                    .circuit_breaker(rollback),
            );
    }
    world
}

const CORE_SOURCE: &str = "https://github.com/example/core";
const WEB_SOURCE: &str = "https://github.com/example/web";

fn core() -> RepositorySpec {
    let image = |version: &str, days: u64, revision: &str| {
        ImageSpec::new(version)
            .pushed_days_ago(days)
            .label("org.opencontainers.image.source", CORE_SOURCE)
            .label("org.opencontainers.image.revision", revision)
    };
    RepositorySpec::new("core")
        .image(
            image("1.4.0", 41, "4f1c2ab9d0e35b7786f1f0c94d0a8f2b6f3e1a70")
                .findings("HIGH", 2)
                .findings("MEDIUM", 7),
        )
        .image(
            image("1.4.1", 27, "a9c37e51b2d64f0e9b1c8d7735a2f46e0c9d1b82")
                .tag("staging-latest")
                .tag("production-latest")
                .findings("HIGH", 1)
                .findings("MEDIUM", 5),
        )
        .image(
            image("1.5.0", 6, "c2e84d17f6a94b3c8e5d0f1a7b296c3d4e8f5a01")
                .findings("MEDIUM", 2)
                .findings("LOW", 4),
        )
        .image(image("1.6.0", 1, "e7b05f93a1c24d68b0f7e3d9c5a1842f6b7d0e93").findings("LOW", 3))
        .image(
            image("1.6.0-crash", 1, "0b9d6e2f4c8a41d7a3e5f1c07b8d92e64f3a5c18")
                .behaviour(Behaviour::Crash { exit_code: 1 }),
        )
        .image(
            image("1.6.0-unhealthy", 1, "1c8e7d3a5b9f42e6b4d6a2f18c9e03d75a4b6d29")
                .behaviour(Behaviour::Unhealthy),
        )
        .image(
            image("1.6.0-stuck", 1, "2d7f8c4b6aa043f5c5e7b3a29daf14e86b5c7e3a")
                .behaviour(Behaviour::Stuck),
        )
        .image(
            image("1.6.0-critical", 1, "3e6a9d5c7bb144a4d6f8c4b3aeb025f97c6d8f4b")
                .findings("CRITICAL", 2)
                .findings("HIGH", 3),
        )
}

fn web() -> RepositorySpec {
    let image = |version: &str, days: u64, revision: &str| {
        ImageSpec::new(version)
            .pushed_days_ago(days)
            .label("org.opencontainers.image.source", WEB_SOURCE)
            .label("org.opencontainers.image.revision", revision)
    };
    RepositorySpec::new("web")
        .image(
            image("2.0.0", 30, "5a4b3c2d1e0f49687a8b9c0d1e2f3a4b5c6d7e8f")
                .tag("staging-latest")
                .tag("production-latest")
                .findings("MEDIUM", 1),
        )
        .image(
            image("2.1.0", 3, "6b5c4d3e2f1a4a798b9c0d1e2f3a4b5c6d7e8f90")
                .platforms(&["linux/amd64", "linux/arm64"])
                .attestation()
                .findings("LOW", 1),
        )
}
