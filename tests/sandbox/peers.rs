//! Other people's tools against the sandbox: the AWS CLI and fabfuel's ecs-deploy work on it end to end, and
//! moto, which others wrote, answers our calls to ECR in the same way.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use aws_sdk_ecr::error::ProvideErrorMetadata;
use aws_sdk_ecr::types::ImageIdentifier;
use serde_json::Value;
use shipmate::sandbox::{ContainerSpec, LaunchType, Sandbox, ServiceSpec};

use super::model::{peers, skipped};
use super::{LONG, clients, configuration, demo, fast, pinned, runs, small, unpinned};

/// A tool of the peers' environment, or `None` and a word about it.
fn tool(test: &str, name: &str) -> Option<PathBuf> {
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_aws_cli_stops_tasks() {
    let Some(aws) = tool("the_aws_cli_stops_tasks", "aws") else {
        return;
    };
    let sandbox = fast(small(unpinned())).await;
    sandbox.put_tag("app", "live", "2").unwrap();
    let list = ["ecs", "list-tasks", "--cluster", "blue", "--service-name", "api"];
    let listed = ask(&aws, &sandbox, &list).await;
    let arns: Vec<&str> =
        listed["taskArns"].as_array().unwrap().iter().map(|arn| arn.as_str().unwrap()).collect();
    assert_eq!(arns.len(), 3);
    for arn in &arns {
        ask(&aws, &sandbox, &["ecs", "stop-task", "--cluster", "blue", "--task", arn]).await;
    }
    assert!(runs(&sandbox, "2").await);
    let mut describe = vec!["ecs", "describe-tasks", "--cluster", "blue", "--tasks"];
    describe.extend(arns);
    let described = ask(&aws, &sandbox, &describe).await;
    let codes: Vec<&Value> =
        described["tasks"].as_array().unwrap().iter().map(|task| &task["stopCode"]).collect();
    assert_eq!(codes, ["UserInitiated"; 3]);
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

/// moto's server on a loopback port, which ends with this.
struct Moto {
    child: Child,
    url: String,
}

impl Moto {
    async fn start(program: &PathBuf) -> Moto {
        // The port is free again when the listener is dropped; that it is taken in between is not likely.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(program);
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let moto =
            Moto { child: command.spawn().unwrap(), url: format!("http://127.0.0.1:{port}") };
        let until = Instant::now() + Duration::from_secs(60);
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            assert!(Instant::now() < until, "moto does not listen");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        moto
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        // If it has ended already there is nothing to end.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
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
    let moto = Moto::start(&program).await;
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
