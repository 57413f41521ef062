//! What people use instead, run as they are against a simulated AWS of their own: fabfuel's
//! `ecs-deploy`, and the AWS CLI by hand. Skipped where they are not installed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use shipmate::sandbox::{Call, Sandbox, Times, World};

use crate::ship;

/// What a tool did.
pub struct Redeployed {
    /// From its start to its word that it is done.
    pub took: Duration,
    pub calls: Vec<Call>,
}

/// Each tool redeploys the one service of such a world, all at once, each in a world of its own.
pub async fn measure(
    world: World,
    times: Times,
) -> anyhow::Result<Vec<(&'static str, Option<Redeployed>)>> {
    let one = ecs_deploy(ship::sandbox(world.clone(), times.clone()).await?);
    let other = aws_cli(ship::sandbox(world, times).await?);
    let (one, other) = tokio::try_join!(one, other)?;
    Ok(vec![("ecs-deploy", one), ("aws CLI", other)])
}

/// How often each operation was called.
pub fn shares(calls: &[Call]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for call in calls {
        *counts.entry(&call.operation).or_default() += 1;
    }
    let each = counts.iter().map(|(operation, count)| format!("{operation} {count}"));
    each.collect::<Vec<_>>().join(", ")
}

fn tool(name: &str) -> Option<PathBuf> {
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/shipmate-peers"));
    let folder = std::env::var_os("SHIPMATE_PEERS").map(PathBuf::from).or_else(home)?;
    let path = folder.join("bin").join(name);
    if !path.exists() {
        eprintln!("{name} is skipped: {} is not there", path.display());
        return None;
    }
    Some(path)
}

async fn ecs_deploy(sandbox: Sandbox) -> anyhow::Result<Option<Redeployed>> {
    let Some(ecs) = tool("ecs") else { return Ok(None) };
    let digest = sandbox.digest("app", "2").context("no digest")?;
    let image = format!("123456789012.dkr.ecr.eu-west-1.amazonaws.com/app@{digest}");
    let began = Instant::now();
    let arguments =
        ["deploy", "staging", "api", "--image", "app", &image, "--timeout", "300", "--no-diff"];
    run(&ecs, &sandbox, &arguments).await?;
    done(sandbox, began.elapsed(), &digest).await
}

async fn aws_cli(sandbox: Sandbox) -> anyhow::Result<Option<Redeployed>> {
    let Some(aws) = tool("aws") else { return Ok(None) };
    let digest = sandbox.digest("app", "2").context("no digest")?;
    let id = format!("imageDigest={digest}");
    let began = Instant::now();
    let get = ["ecr", "batch-get-image", "--repository-name", "app", "--image-ids", &id];
    let query = ["--query", "images[0].imageManifest", "--output", "text"];
    let manifest = run(&aws, &sandbox, &[&get[..], &query[..]].concat()).await?;
    let put = ["ecr", "put-image", "--repository-name", "app", "--image-tag", "staging-latest"];
    run(&aws, &sandbox, &[&put[..], &["--image-manifest", manifest.trim_end()]].concat()).await?;
    let service = ["--cluster", "staging", "--service", "api", "--force-new-deployment"];
    run(&aws, &sandbox, &[&["ecs", "update-service"][..], &service[..]].concat()).await?;
    let wait = ["ecs", "wait", "services-stable", "--cluster", "staging", "--services", "api"];
    run(&aws, &sandbox, &wait).await?;
    done(sandbox, began.elapsed(), &digest).await
}

async fn done(
    sandbox: Sandbox,
    took: Duration,
    digest: &str,
) -> anyhow::Result<Option<Redeployed>> {
    let service = sandbox.service("staging", "api").context("no service")?;
    anyhow::ensure!(service.runs("app", digest), "said to be done, and is not: {service:?}");
    let calls = sandbox.calls();
    sandbox.stop().await;
    Ok(Some(Redeployed { took, calls }))
}

/// Runs a tool with the sandbox as its AWS and nothing of the user's own settings.
async fn run(tool: &Path, sandbox: &Sandbox, arguments: &[&str]) -> anyhow::Result<String> {
    let mut command = Command::new(tool);
    command
        .args(arguments)
        .env("AWS_ENDPOINT_URL", sandbox.url())
        .env("AWS_ACCESS_KEY_ID", "simulated")
        .env("AWS_SECRET_ACCESS_KEY", "simulated")
        .env("AWS_DEFAULT_REGION", "eu-west-1")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_PAGER", "")
        .env("NO_PROXY", "127.0.0.1")
        .env_remove("AWS_PROFILE")
        .stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "{arguments:?}: {complaint}{said}");
    Ok(said)
}
