//! Other people's tools against the sandbox: the recipes by which people redeploy with the AWS CLI
//! and with fabfuel's ecs-deploy work on it end to end.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use shipmate::sandbox::{ContainerSpec, LaunchType, Sandbox, ServiceSpec};

use super::model::{peers, skipped};
use super::{LONG, fast, pinned, runs, small, unpinned};

/// A tool of the peers' environment, or `None` and a word about it.
pub(crate) fn tool(test: &str, name: &str) -> Option<PathBuf> {
    let path = peers().join("bin").join(name);
    if !path.exists() {
        skipped(test, &format!("{} is not installed", path.display()));
        return None;
    }
    Some(path)
}

/// Runs a tool with the sandbox as its AWS and nothing of the user's own settings.
async fn run(tool: &PathBuf, sandbox: &Sandbox, arguments: &[&str]) -> Output {
    let mut command = Command::new(tool);
    command
        .args(arguments)
        .env("AWS_ENDPOINT_URL", sandbox.url())
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_DEFAULT_REGION", "eu-west-1")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_PAGER", "")
        .env("NO_PROXY", "127.0.0.1")
        .env_remove("AWS_PROFILE")
        .stdin(Stdio::null());
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

/// The same, which must succeed; what it printed as JSON.
async fn ask(tool: &PathBuf, sandbox: &Sandbox, arguments: &[&str]) -> Value {
    let output = run(tool, sandbox, arguments).await;
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{arguments:?}: {error}{}",
        String::from_utf8_lossy(&output.stdout)
    );
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_aws_cli_retags_and_forces_a_deployment() {
    let Some(aws) = tool("the_aws_cli_retags_and_forces_a_deployment", "aws") else {
        return;
    };
    let sandbox = fast(small(pinned())).await;
    let identity = ask(&aws, &sandbox, &["sts", "get-caller-identity"]).await;
    assert_eq!(identity["Account"], "123456789012");
    let id = format!("imageDigest={}", sandbox.digest("app", "2").unwrap());
    let got = ask(
        &aws,
        &sandbox,
        &["ecr", "batch-get-image", "--repository-name", "app", "--image-ids", &id],
    )
    .await;
    let manifest = got["images"][0]["imageManifest"].as_str().unwrap();
    let put = [
        "ecr",
        "put-image",
        "--repository-name",
        "app",
        "--image-tag",
        "live",
        "--image-manifest",
        manifest,
    ];
    ask(&aws, &sandbox, &put).await;
    let again = run(&aws, &sandbox, &put).await;
    assert!(String::from_utf8_lossy(&again.stderr).contains("ImageAlreadyExistsException"));
    let force = [
        "ecs",
        "update-service",
        "--cluster",
        "blue",
        "--service",
        "api",
        "--force-new-deployment",
    ];
    let updated = ask(&aws, &sandbox, &force).await;
    assert_eq!(updated["service"]["deployments"][0]["status"], "PRIMARY");
    // The waiter looks every 15 s: seen from here first, it has to look just once.
    assert!(runs(&sandbox, "2").await);
    ask(
        &aws,
        &sandbox,
        &["ecs", "wait", "services-stable", "--cluster", "blue", "--services", "api"],
    )
    .await;
}

/// Stops every task, as people do after they have moved the tag, and looks at what became of them.
async fn stop_all(aws: &PathBuf, sandbox: &Sandbox) {
    sandbox.put_tag("app", "live", "2").unwrap();
    let list = ["ecs", "list-tasks", "--cluster", "blue", "--service-name", "api"];
    let listed = ask(aws, sandbox, &list).await;
    let arns: Vec<&str> =
        listed["taskArns"].as_array().unwrap().iter().map(|arn| arn.as_str().unwrap()).collect();
    assert_eq!(arns.len(), 3);
    for arn in &arns {
        ask(aws, sandbox, &["ecs", "stop-task", "--cluster", "blue", "--task", arn]).await;
    }
    let mut describe = vec!["ecs", "describe-tasks", "--cluster", "blue", "--tasks"];
    describe.extend(arns);
    let described = ask(aws, sandbox, &describe).await;
    let codes: Vec<&Value> =
        described["tasks"].as_array().unwrap().iter().map(|task| &task["stopCode"]).collect();
    assert_eq!(codes, ["UserInitiated"; 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_tasks_brings_the_moved_tag_only_without_consistency() {
    let test = "stopping_tasks_brings_the_moved_tag_only_without_consistency";
    let Some(aws) = tool(test, "aws") else {
        return;
    };
    let wait = ["ecs", "wait", "services-stable", "--cluster", "blue", "--services", "api"];
    for (service, brings) in
        [(unpinned(), "2"), (pinned(), "1"), (pinned().predates_consistency(), "2")]
    {
        let sandbox = fast(small(service)).await;
        stop_all(&aws, &sandbox).await;
        assert!(runs(&sandbox, brings).await, "not {brings}");
        ask(&aws, &sandbox, &wait).await;
        assert!(runs(&sandbox, brings).await, "not {brings} any more");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_aws_cli_does_what_an_iam_policy_lets_it_do() {
    let Some(aws) = tool("the_aws_cli_does_what_an_iam_policy_lets_it_do", "aws") else {
        return;
    };
    let sandbox = fast(small(unpinned())).await;
    let policy = serde_json::json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": "ecs:List*", "Resource": "*",
    }});
    sandbox.enforce("test", &policy).unwrap();
    ask(&aws, &sandbox, &["ecs", "list-tasks", "--cluster", "blue"]).await;
    let task = sandbox.tasks("blue", "api")[0].id.clone();
    let stop = ["ecs", "stop-task", "--cluster", "blue", "--task", &task];
    let refused = run(&aws, &sandbox, &stop).await;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("(AccessDeniedException) when calling the StopTask operation"), "{said}");
    assert!(
        said.contains("is not authorized to perform: ecs:StopTask on resource: arn:"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ecs_deploy_deploys_and_scales() {
    let Some(ecs) = tool("ecs_deploy_deploys_and_scales", "ecs") else {
        return;
    };
    let container = ContainerSpec::new("app", "app:live");
    let service = ServiceSpec::new("blue", "api", 2, container).launch_type(LaunchType::Ec2);
    let sandbox = fast(small(service)).await;
    let before = sandbox.service("blue", "api").unwrap().deployment;
    let image = format!(
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/app@{}",
        sandbox.digest("app", "2").unwrap()
    );
    ask(&ecs, &sandbox, &["deploy", "blue", "api", "--image", "app", &image, "--timeout", "60"])
        .await;
    let service = sandbox.service("blue", "api").unwrap();
    assert_ne!(service.deployment, before);
    assert!(service.runs("app", &sandbox.digest("app", "2").unwrap()), "{service:?}");
    ask(&ecs, &sandbox, &["scale", "blue", "api", "4", "--timeout", "60"]).await;
    assert!(
        sandbox
            .wait_for("blue", "api", LONG, |service| service.desired == 4 && service.is_steady())
            .await
    );
    assert_eq!(sandbox.service("blue", "api").unwrap().deployment, service.deployment);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ecs_deploy_redeploys_what_the_tag_has_become() {
    let Some(ecs) = tool("ecs_deploy_redeploys_what_the_tag_has_become", "ecs") else {
        return;
    };
    for service in [pinned(), unpinned()] {
        let sandbox = fast(small(service)).await;
        sandbox.put_tag("app", "live", "2").unwrap();
        let before = sandbox.service("blue", "api").unwrap().deployment;
        ask(&ecs, &sandbox, &["deploy", "blue", "api", "--timeout", "60"]).await;
        let service = sandbox.service("blue", "api").unwrap();
        assert_ne!(service.deployment, before);
        assert!(service.runs("app", &sandbox.digest("app", "2").unwrap()), "{service:?}");
        assert!(sandbox.count_calls("UpdateService") == 1, "it deploys once");
    }
}
