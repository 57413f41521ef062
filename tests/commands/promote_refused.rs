//! `promote`, refused: what cannot work, what is not permitted, and what was not understood.
//! Each answer is private, says what to do next, and nothing is changed.

use std::time::Duration;

use insta::assert_snapshot;
use shipmate::sandbox::{
    Controller, Fault, FaultKind, ImageSpec, Mutability, RepositorySpec, Scheduling, ServiceSpec,
    Strategy, Times, World as Aws, demo_world,
};

use crate::world::{Plan, SETTINGS, World};

/// What is answered to a line, which must be to its writer alone and must leave all as it is.
async fn refused(world: &mut World, person: &str, line: &str) -> String {
    world.say(person, line).await;
    world.wait().await;
    for message in world.messages() {
        let only = message.private_to().map(ToString::to_string);
        assert_eq!(only.as_deref(), Some(person), "others see it:\n{}", world.text());
    }
    world.assert_untouched();
    assert_eq!(world.count_deployments().await, 0, "nothing is begun");
    world.text()
}

#[tokio::test]
async fn images_that_are_not_there() {
    let mut world = World::start().await;
    assert_snapshot!(
        "unknown_tag_nearest",
        refused(&mut world, "alice", "promote core:1.5.1 to staging").await
    );
    assert_snapshot!(
        "unknown_tag_newest",
        refused(&mut world, "alice", "promote core:zebra to staging").await
    );
    let nowhere = format!("promote core@sha256:{} to staging", "0".repeat(64));
    assert_snapshot!("unknown_digest", refused(&mut world, "alice", &nowhere).await);
    assert_snapshot!(
        "unknown_prefix",
        refused(&mut world, "alice", "promote core@00000000 to staging").await
    );
    assert_snapshot!(
        "short_prefix",
        refused(&mut world, "alice", "promote core@sha256:abc to staging").await
    );
    assert_snapshot!(
        "unknown_repository",
        refused(&mut world, "alice", "promote cores:1.5.0 to staging").await
    );
    assert_snapshot!(
        "no_repository",
        refused(&mut world, "alice", "promote 1.5.0 to staging").await
    );
}

#[tokio::test]
async fn a_prefix_that_begins_several_digests() {
    let mut world = World::start().await;
    // Found by trying: the digests of these two begin with the same eight digits.
    let [one, other] = ["v46960", "v81134"]
        .map(|version| world.sandbox.push("core", &ImageSpec::new(version)).unwrap());
    let prefix = one.strip_prefix("sha256:").unwrap()[..8].to_owned();
    assert!(other.starts_with(&format!("sha256:{prefix}")), "{one} and {other}");
    let line = format!("promote core@{prefix} to staging");
    assert_snapshot!(refused(&mut world, "alice", &line).await);
    // One more digit tells them apart.
    let longer = &one.strip_prefix("sha256:").unwrap()[..16];
    world.say("alice", &format!("promote core@{longer} to staging dry run")).await;
    assert!(world.text().contains("core:v46960"), "{}", world.text());
}

#[tokio::test]
async fn what_is_no_image_to_promote() {
    let mut world = World::start().await;
    assert_snapshot!(
        "environment_tag",
        refused(&mut world, "alice", "promote core:staging-latest to production").await
    );
    assert_snapshot!(
        "previous_tag",
        refused(&mut world, "alice", "promote core:production-previous to staging").await
    );
    assert_snapshot!(
        "in_place_already",
        refused(&mut world, "alice", "promote core:1.4.1 to staging").await
    );
    assert_snapshot!(
        "same_environment",
        refused(&mut world, "alice", "promote everything from staging to staging").await
    );
    assert_snapshot!(
        "two_images",
        refused(&mut world, "alice", "promote core:1.5.0 and core:1.6.0 to staging").await
    );
}

#[tokio::test]
async fn an_archived_image() {
    let mut world = World::start().await;
    world.sandbox.push("core", &ImageSpec::new("1.7.0").archived()).unwrap();
    assert_snapshot!(refused(&mut world, "alice", "promote core:1.7.0 to staging").await);
}

/// The demo's repository of this name is another one.
fn with_repository(name: &str, change: impl Fn(RepositorySpec) -> RepositorySpec) -> Aws {
    let mut aws = demo_world();
    for repository in &mut aws.repositories {
        if repository.name == name {
            *repository = change(repository.clone());
        }
    }
    aws
}

#[tokio::test]
async fn tags_that_cannot_be_moved() {
    use Mutability::{Immutable, ImmutableWithExclusion, MutableWithExclusion};
    let cases: [(&str, Mutability, &[&str]); 4] = [
        ("all", Immutable, &[]),
        ("previous", ImmutableWithExclusion, &["*-latest"]),
        ("current", ImmutableWithExclusion, &["*-previous"]),
        ("excluded", MutableWithExclusion, &["staging-*"]),
    ];
    for (name, mutability, exclusions) in cases {
        let aws = with_repository("core", |one| one.mutability(mutability, exclusions));
        let mut world = World::of(Plan { aws, ..Plan::default() }).await;
        let text = refused(&mut world, "alice", "promote core:1.5.0 to staging").await;
        assert_snapshot!(format!("immutable_{name}"), text);
    }
    // With the filters that the sentence names, it works.
    let filters = ["*-latest", "*-previous"];
    let aws = with_repository("core", |one| one.mutability(ImmutableWithExclusion, &filters));
    let mut world = World::of(Plan { aws, ..Plan::default() }).await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
}

#[tokio::test]
async fn who_mends_the_repository_need_not_wait() {
    let aws = with_repository("core", |one| one.mutability(Mutability::Immutable, &[]));
    let mut world = World::of(Plan { aws, ..Plan::default() }).await;
    refused(&mut world, "alice", "promote core:1.5.0 to staging").await;
    let ecr = crate::sandbox::clients(&world.sandbox).await.ecr;
    let mutable = aws_sdk_ecr::types::ImageTagMutability::Mutable;
    let put = ecr.put_image_tag_mutability().repository_name("core").image_tag_mutability(mutable);
    put.send().await.unwrap();
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
}

#[tokio::test]
async fn an_index_with_a_missing_child() {
    let mut world = World::start().await;
    let platforms = ["linux/amd64", "linux/arm64"];
    let image = ImageSpec::new("2.2.0").platforms(&platforms);
    let index = world.sandbox.push("web", &image).unwrap();
    let ecr = crate::sandbox::clients(&world.sandbox).await.ecr;
    let id = aws_sdk_ecr::types::ImageIdentifier::builder().image_digest(&index).build();
    let got = ecr.batch_get_image().repository_name("web").image_ids(id).send().await.unwrap();
    let manifest = got.images()[0].image_manifest().unwrap();
    let manifest: serde_json::Value = serde_json::from_str(manifest).unwrap();
    let child = manifest["manifests"][1]["digest"].as_str().unwrap();
    assert!(world.sandbox.delete_image("web", child));
    world.sandbox.clear_calls();
    assert_snapshot!(refused(&mut world, "alice", "promote web:2.2.0 to staging").await);
}

#[tokio::test]
async fn an_image_that_takes_no_further_tag() {
    let mut image = ImageSpec::new("1.7.0");
    image.tags.extend((1..1000).map(|number| format!("build-{number}")));
    let mut world = World::start().await;
    world.sandbox.push("core", &image).unwrap();
    let text = refused(&mut world, "alice", "promote core:1.7.0 to staging").await;
    assert_snapshot!(text);
}

#[tokio::test]
async fn a_registry_whose_tag_would_move_in_vain() {
    for (name, host) in [
        ("account", "210987654321.dkr.ecr.eu-west-1.amazonaws.com"),
        ("region", "123456789012.dkr.ecr.us-east-1.amazonaws.com"),
        ("foreign", "ghcr.io"),
    ] {
        let aws = with_worker(|mut one| {
            one.containers[0].image = format!("{host}/core:staging-latest");
            one
        });
        let mut world = World::of(Plan { aws, ..Plan::default() }).await;
        let text = refused(&mut world, "alice", "promote core:1.5.0 to staging").await;
        assert_snapshot!(format!("registry_{name}"), text);
    }
}

#[tokio::test]
async fn a_cluster_that_aws_does_not_have() {
    let settings = SETTINGS.replace("cluster = \"staging\"", "cluster = \"stagin\"");
    let mut world = World::of(Plan { settings, ..Plan::default() }).await;
    assert_snapshot!(refused(&mut world, "alice", "promote core:1.5.0 to staging").await);
}

#[tokio::test]
async fn what_aws_does_not_let_shipmate_do() {
    for (operation, error) in [
        ("DescribeServices", "AccessDeniedException"),
        ("DescribeRepositories", "AccessDeniedException"),
        ("BatchGetImage", "ExpiredTokenException"),
    ] {
        let mut world = World::start().await;
        let kind = FaultKind::Refuse { error: error.to_owned() };
        world.sandbox.order(Fault::new(operation, 10, kind)).unwrap();
        let text = refused(&mut world, "alice", "promote core:1.5.0 to staging").await;
        assert_snapshot!(format!("aws_{operation}_{error}"), text);
    }
}

#[tokio::test]
async fn a_service_that_is_being_deleted() {
    let times = Times { stopping: Duration::from_secs(20), ..Times::fast() };
    let mut world = World::of(Plan { times, ..Plan::default() }).await;
    let ecs = crate::sandbox::clients(&world.sandbox).await.ecs;
    ecs.delete_service().cluster("staging").service("web").force(true).send().await.unwrap();
    world.sandbox.clear_calls();
    assert_snapshot!(refused(&mut world, "alice", "promote web:2.1.0 to staging").await);
}

#[tokio::test]
async fn who_may_not() {
    let mut world = World::start().await;
    assert_snapshot!("nobody", refused(&mut world, "eve", "promote core:1.5.0 to staging").await);
    assert_snapshot!(
        "not_verified",
        refused(&mut world, "alice", "promote core:1.6.0 to production").await
    );
    // Friday, 16:30 in Berlin.
    world.set_clock("2026-11-27T15:30:00Z");
    world.sandbox.put_tag("core", "production-latest", "1.4.0").unwrap();
    assert_snapshot!(
        "friday",
        refused(&mut world, "alice", "promote core:1.4.1 to production").await
    );
    world.set_clock("2026-11-29T10:00:00Z");
    assert_snapshot!(
        "weekend",
        refused(&mut world, "alice", "promote core:1.4.1 to production").await
    );
}

#[tokio::test]
async fn critical_findings() {
    let mut world = World::start().await;
    let text = refused(&mut world, "bob", "promote core:1.6.0-critical to production").await;
    assert_snapshot!(text);
}

#[tokio::test]
async fn what_was_not_understood() {
    let mut world = World::start().await;
    for (name, line) in [
        ("misspelt", "promot core:1.5.0 to stagng"),
        ("no_environment", "promote core:1.5.0"),
        ("unknown_environment", "promote core:1.5.0 to qa"),
        ("no_tag", "promote core to staging"),
        ("environment_as_image", "promote staging to production"),
        ("unknown_word", "launch core:1.5.0 to staging"),
        ("left_over", "promote core:1.5.0 to staging right now"),
    ] {
        assert_snapshot!(format!("misunderstood_{name}"), refused(&mut world, "alice", line).await);
    }
}

#[tokio::test]
async fn talk_quotes_and_code_are_no_commands() {
    let mut world = World::start().await;
    for line in [
        "> promote core:1.5.0 to staging",
        "`promote core:1.5.0 to staging`",
        "```\npromote core:1.5.0 to staging\n```",
        "```sh\npromote core:1.5.0 to staging\n```\n> and this",
    ] {
        assert_eq!(refused(&mut world, "alice", line).await, "", "{line}");
    }
}

/// A world in which staging's worker is another one.
fn with_worker(change: impl Fn(ServiceSpec) -> ServiceSpec) -> Aws {
    let mut aws = demo_world();
    for service in &mut aws.services {
        if service.cluster == "staging" && service.name == "worker" {
            *service = change(service.clone());
        }
    }
    aws
}

#[tokio::test]
async fn services_that_cannot_be_promoted() {
    let cases: [(&str, Aws); 5] = [
        ("code_deploy", with_worker(|one| one.controller(Controller::CodeDeploy))),
        ("blue_green", with_worker(|one| one.strategy(Strategy::BlueGreen))),
        ("daemon", with_worker(|one| one.scheduling(Scheduling::Daemon))),
        (
            "other_tag",
            with_worker(|mut one| {
                one.containers[0].image = "core:1.4.1".to_owned();
                one
            }),
        ),
        (
            "other_container",
            with_worker(|mut one| {
                one.containers[0].name = "application".to_owned();
                one
            }),
        ),
    ];
    for (name, aws) in cases {
        let mut world = World::of(Plan { aws, ..Plan::default() }).await;
        let text = refused(&mut world, "alice", "promote core:1.5.0 to staging").await;
        assert_snapshot!(format!("service_{name}"), text);
    }
}

#[tokio::test]
async fn a_service_or_repository_that_aws_does_not_have() {
    let settings = SETTINGS.replace("ecs-service  = { production = \"worker-prod\" }", "");
    let mut world = World::of(Plan { settings, ..Plan::default() }).await;
    world.sandbox.put_tag("core", "production-latest", "1.4.0").unwrap();
    let text = refused(&mut world, "alice", "promote core:1.4.1 to production").await;
    assert_snapshot!("service_missing", text);

    let settings = SETTINGS.replace("repository   = \"web\"", "repository   = \"shop/web\"");
    let mut world = World::of(Plan { settings, ..Plan::default() }).await;
    let text = refused(&mut world, "alice", "promote shop/web:2.1.0 to staging").await;
    assert_snapshot!("repository_missing", text);
}

#[tokio::test]
async fn stop_is_refused_where_it_would_bring_the_old_image_back() {
    let settings = SETTINGS.replace("restart      = \"auto\"", "restart      = \"stop\"");
    let mut world = World::of(Plan { settings, ..Plan::default() }).await;
    assert_snapshot!(refused(&mut world, "alice", "promote web:2.1.0 to staging").await);
}

#[tokio::test]
async fn a_deployment_that_is_not_ours_goes_first() {
    let mut world = World::start().await;
    // Somebody deploys by hand, and it takes its time.
    let mut slow = shipmate::sandbox::Times::fast();
    slow.pulling = std::time::Duration::from_secs(30);
    world.sandbox.set_times(slow);
    world.force_by_hand("staging", "web").await;
    world.sandbox.clear_calls();
    assert_snapshot!(refused(&mut world, "alice", "promote web:2.1.0 to staging").await);
}

#[tokio::test]
async fn what_aws_lets_nobody_do_at_the_last_moment() {
    let mut world = World::start().await;
    let denied = FaultKind::Refuse { error: "AccessDeniedException".to_owned() };
    world.sandbox.order(Fault::new("PutImage", 1, denied)).unwrap();
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "rolled-back");
    let text = world.card_text(1);
    assert!(text.contains("ecr:PutImage"), "{text}");
    assert!(text.contains("docs/iam-policy.json has all that it needs"), "{text}");
    assert!(world.deeds().is_empty(), "nothing was changed");
}
