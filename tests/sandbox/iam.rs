//! IAM policies, enforced for the keys that have one: what the policy that ships allows, what it
//! does not, and what AWS says then.

use aws_sdk_ecr::config::Credentials;
use aws_sdk_ecr::types::ImageIdentifier;
use aws_sdk_ecs::error::ProvideErrorMetadata;
use serde_json::{Value, json};
use shipmate::sandbox::Sandbox;

use super::faults::http;
use super::{Clients, clients, configuration, demo};
use crate::world::iam::{OUR_KEY, POLICY};
use crate::world::{Plan, World};

fn shipped() -> Value {
    serde_json::from_str(POLICY).unwrap()
}

/// Clients that sign with another key than the administrator's.
async fn clients_with(key: &str, sandbox: &Sandbox) -> Clients {
    let credentials = Credentials::new(key, "secret", None, None, "test");
    let credentials = aws_sdk_ecs::config::SharedCredentialsProvider::new(credentials);
    let plain = configuration(&sandbox.url()).await;
    let config = plain.into_builder().credentials_provider(credentials).build();
    Clients { ecs: aws_sdk_ecs::Client::new(&config), ecr: aws_sdk_ecr::Client::new(&config) }
}

/// The error that a call got, as `code: message`.
fn refusal<T: std::fmt::Debug, E: ProvideErrorMetadata>(result: Result<T, E>) -> String {
    let error = result.expect_err("it is refused");
    format!("{}: {}", error.code().unwrap_or_default(), error.message().unwrap_or_default())
}

#[tokio::test]
async fn the_shipped_policy_allows_what_it_says_and_nothing_else() {
    let sandbox = demo().await;
    sandbox.enforce("ours", &shipped()).unwrap();
    let Clients { ecs, ecr } = clients_with("ours", &sandbox).await;
    let task = sandbox.tasks("staging", "worker")[0].arn.clone();
    let tag = ImageIdentifier::builder().image_tag("1.5.0").build();

    let got = ecr.batch_get_image().repository_name("core").image_ids(tag.clone()).send().await;
    let image = got.unwrap().images.unwrap().remove(0);
    let manifest = image.image_manifest().unwrap();
    let put = ecr.put_image().repository_name("core").image_tag("x").image_manifest(manifest);
    put.send().await.unwrap();
    ecr.describe_images().repository_name("core").image_ids(tag.clone()).send().await.unwrap();
    ecr.describe_repositories().repository_names("web").send().await.unwrap();
    let scan = ecr.describe_image_scan_findings().repository_name("core").image_id(tag.clone());
    scan.send().await.unwrap();

    ecs.describe_clusters().clusters("staging").send().await.unwrap();
    let services = ecs.describe_services().cluster("staging").services("worker").services("web");
    let service = services.send().await.unwrap().services.unwrap().remove(0);
    ecs.describe_task_definition()
        .task_definition(service.task_definition().unwrap())
        .send()
        .await
        .unwrap();
    ecs.list_tasks().cluster("production").service_name("web").send().await.unwrap();
    ecs.describe_tasks().cluster("staging").tasks(&task).send().await.unwrap();
    ecs.stop_task().cluster("staging").task(&task).send().await.unwrap();
    let update = ecs.update_service().cluster("staging").service("web").force_new_deployment(true);
    let updated = update.send().await.unwrap().service.unwrap();
    ecs.list_service_deployments().cluster("staging").service("web").send().await.unwrap();
    let deployment = updated.current_service_deployment().unwrap();
    let described = ecs.describe_service_deployments().service_deployment_arns(deployment);
    described.send().await.unwrap();
    let revision = updated.current_service_revisions()[0].arn().unwrap();
    ecs.describe_service_revisions().service_revision_arns(revision).send().await.unwrap();
    ecs.stop_service_deployment().service_deployment_arn(deployment).send().await.unwrap();
    assert!(sandbox.take_denials().is_empty());

    let outside = [
        refusal(ecr.batch_get_image().repository_name("other").image_ids(tag.clone()).send().await),
        refusal(ecr.batch_delete_image().repository_name("core").image_ids(tag).send().await),
        refusal(ecr.describe_repositories().send().await),
        refusal(ecs.list_clusters().send().await),
        refusal(ecs.list_tasks().cluster("other").send().await),
        refusal(ecs.stop_task().cluster("other").task("7").send().await),
        refusal(ecs.describe_services().cluster("other").services("web").send().await),
        refusal(ecs.update_service().service("web").send().await),
        refusal(ecs.delete_service().cluster("staging").service("web").force(true).send().await),
        refusal(ecs.run_task().cluster("staging").task_definition("staging-web").send().await),
    ];
    for refused in &outside {
        assert!(refused.starts_with("AccessDeniedException: User: arn:aws:iam::"), "{refused}");
    }
    assert_eq!(
        outside[5],
        "AccessDeniedException: User: arn:aws:iam::123456789012:user/ours is not authorized to \
         perform: ecs:StopTask on resource: arn:aws:ecs:eu-west-1:123456789012:task/other/7 \
         because no identity-based policy allows the ecs:StopTask action"
    );
    assert!(outside[4].contains("ecs:ListTasks on resource: * because"), "{}", outside[4]);
    assert!(outside[2].contains("eu-west-1:123456789012:repository/* because"), "{}", outside[2]);
    let denials = sandbox.take_denials();
    assert_eq!(denials.len(), outside.len(), "{denials:#?}");
    assert!(sandbox.take_denials().is_empty(), "they are told once");
    assert!(sandbox.service("staging", "web").is_some());
}

#[tokio::test]
async fn all_resources_of_a_call_must_be_allowed() {
    let sandbox = demo().await;
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "ecs:Describe*", "Resource": "arn:aws:ecs:*:*:service/staging/w*"},
        {"Effect": "Deny", "Action": "ECS:describeservices", "Resource": "*",
         "Condition": {"StringEquals": {"ecs:cluster": "arn:aws:ecs:eu-west-1:123456789012:cluster/production"}}},
    ]});
    sandbox.enforce("ours", &policy).unwrap();
    let ecs = clients_with("ours", &sandbox).await.ecs;
    let describe = |cluster: &str, names: &[&str]| {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        ecs.describe_services().cluster(cluster).set_services(Some(names)).send()
    };
    describe("staging", &["web", "worker"]).await.unwrap();
    let refused = refusal(describe("staging", &["web", "rest-api"]).await);
    assert!(refused.contains("service/staging/rest-api because no identity-based"), "{refused}");
    let refused = refusal(describe("production", &["web"]).await);
    assert!(refused.ends_with("with an explicit deny in an identity-based policy"), "{refused}");
    clients(&sandbox).await.ecs.list_clusters().send().await.expect("others are administrators");
    sandbox.lift_policies();
    describe("production", &["web"]).await.unwrap();
}

#[tokio::test]
async fn what_is_not_understood_is_no_policy() {
    let sandbox = demo().await;
    let with = |statement: Value| json!({"Version": "2012-10-17", "Statement": statement});
    let allow = json!({"Effect": "Allow", "Action": "ecs:*", "Resource": "*"});
    let changed = |name: &str, value: Value| {
        let mut statement = allow.clone();
        statement[name] = value;
        with(statement)
    };
    sandbox.enforce("ours", &with(allow.clone())).unwrap();
    for bad in [
        json!([]),
        json!({"Statement": allow}),
        json!({"Version": "2012-10-17"}),
        changed("Effect", json!("Permit")),
        changed("NotAction", json!("ecs:StopTask")),
        changed("Action", json!([])),
        changed("Action", json!("StopTask")),
        changed("Resource", json!("everything")),
        changed("Condition", json!({"DateLessThan": {"aws:CurrentTime": "2026-11-24T00:00:00Z"}})),
        changed("Condition", json!({"StringLike": {"aws:SourceIp": "*"}})),
    ] {
        assert!(sandbox.enforce("ours", &bad).is_err(), "{bad}");
    }
    let admin = async |method: &str, path: &str, body: Value| -> Value {
        serde_json::from_str(&http(&sandbox, method, path, &body.to_string()).await).unwrap()
    };
    let none = json!({"key": "ours", "policy": with(json!([]))});
    assert_eq!(admin("POST", "/_sandbox/policies", none).await, json!({}));
    let ecs = clients_with("ours", &sandbox).await.ecs;
    ecs.list_clusters().send().await.unwrap_err();
    let denials = admin("DELETE", "/_sandbox/denials", Value::Null).await;
    assert!(denials[0].as_str().unwrap().contains("ecs:ListClusters on resource: *"), "{denials}");
    assert_eq!(admin("DELETE", "/_sandbox/policies", Value::Null).await, json!({}));
    ecs.list_clusters().send().await.unwrap();
    let bad = json!({"key": "ours", "policy": {}});
    assert!(admin("POST", "/_sandbox/policies", bad).await["error"].is_string());
}

#[tokio::test]
async fn shipmate_says_what_iam_does_not_let_it_do() {
    let mut world = World::of(Plan::default()).await;
    let mut narrower = shipped();
    let statements = narrower["Statement"].as_array_mut().unwrap();
    statements[0]["Action"].as_array_mut().unwrap().retain(|action| action != "ecr:PutImage");
    world.sandbox.enforce(OUR_KEY, &narrower).unwrap();
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.wait().await;
    let said = world.everything();
    assert!(said.contains("ecr:PutImage") && said.contains("not authorized"), "{said}");
    let denials = world.sandbox.take_denials();
    assert!(denials.iter().all(|denial| denial.contains("ecr:PutImage")), "{denials:#?}");
    assert!(!denials.is_empty());
}
