//! What people use instead, run as they are against a simulated AWS of their own: fabfuel's
//! `ecs-deploy`, and the AWS CLI by hand. Skipped where they are not installed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use shipmate::sandbox::{Call, Sandbox};

use crate::process;

/// How often it is looked how much memory a process has held at most.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// How one of them redeploys the one service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// By hand: the manifest fetched and put under the tag, a new deployment, and its waiter.
    AwsCli,
    /// One command, with the image's digest in a new task definition.
    EcsDeploy,
}

impl Peer {
    pub const ALL: [Self; 2] = [Self::AwsCli, Self::EcsDeploy];

    pub fn name(self) -> &'static str {
        match self {
            Self::AwsCli => "AWS CLI",
            Self::EcsDeploy => "ecs-deploy",
        }
    }

    fn program(self) -> &'static str {
        match self {
            Self::AwsCli => "aws",
            Self::EcsDeploy => "ecs",
        }
    }
}

/// What a tool did, and said of it.
pub struct Redeployed {
    /// From its start to its word that it is done.
    pub took: Duration,
    pub succeeded: bool,
    /// The last line that it wrote.
    pub last_word: String,
    /// What the largest of its processes held at most, in mebibytes.
    pub peak: f64,
}

/// Where install.sh has put other people's tools.
pub fn folder() -> Option<PathBuf> {
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/shipmate-peers"));
    std::env::var_os("SHIPMATE_PEERS").map(PathBuf::from).or_else(home)
}

/// One of them, or a word about its not being there.
pub fn tool(name: &str) -> Option<PathBuf> {
    let path = folder()?.join("bin").join(name);
    if !path.exists() {
        eprintln!("{name} is skipped: {} is not there", path.display());
        return None;
    }
    Some(path)
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

/// Makes the sandbox a command's AWS, with nothing of the user's own settings.
pub fn lead(command: &mut Command, sandbox: &Sandbox) {
    command
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
}

/// Makes `app:2` what the service `api` on staging runs, as this tool does it; `between` is done
/// once the tag has moved, by the one that moves it.
pub async fn redeploy(
    peer: Peer,
    sandbox: &Sandbox,
    between: impl FnOnce(),
) -> anyhow::Result<Option<Redeployed>> {
    let Some(program) = tool(peer.program()) else { return Ok(None) };
    let digest = sandbox.digest("app", "2").context("no digest")?;
    let mut steps = Steps { program, sandbox, began: Instant::now(), peak: 0.0 };
    let last = match peer {
        Peer::EcsDeploy => {
            let image = format!("123456789012.dkr.ecr.eu-west-1.amazonaws.com/app@{digest}");
            let what = ["deploy", "staging", "api", "--image", "app", &image];
            steps.run(&[&what[..], &["--timeout", "300", "--no-diff"]].concat()).await?
        }
        Peer::AwsCli => {
            let id = format!("imageDigest={digest}");
            let get = ["ecr", "batch-get-image", "--repository-name", "app", "--image-ids", &id];
            let query = ["--query", "images[0].imageManifest", "--output", "text"];
            let manifest = steps.must(&[&get[..], &query[..]].concat()).await?;
            let tag = ["--repository-name", "app", "--image-tag", "staging-latest"];
            let manifest = ["--image-manifest", manifest.trim_end()];
            steps.must(&[&["ecr", "put-image"][..], &tag[..], &manifest[..]].concat()).await?;
            between();
            let service = ["--cluster", "staging", "--service", "api", "--force-new-deployment"];
            steps.must(&[&["ecs", "update-service"][..], &service[..]].concat()).await?;
            let service = ["--cluster", "staging", "--services", "api"];
            steps.run(&[&["ecs", "wait", "services-stable"][..], &service[..]].concat()).await?
        }
    };
    Ok(Some(Redeployed {
        took: steps.began.elapsed(),
        succeeded: last.succeeded,
        last_word: last.said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("").to_owned(),
        peak: steps.peak,
    }))
}

/// One command after the other.
struct Steps<'a> {
    program: PathBuf,
    sandbox: &'a Sandbox,
    began: Instant,
    peak: f64,
}

struct Done {
    succeeded: bool,
    said: String,
}

impl Steps<'_> {
    /// A step without which the others make no sense; what it wrote.
    async fn must(&mut self, arguments: &[&str]) -> anyhow::Result<String> {
        let done = self.run(arguments).await?;
        anyhow::ensure!(done.succeeded, "{arguments:?}: {}", done.said);
        Ok(done.said)
    }

    async fn run(&mut self, arguments: &[&str]) -> anyhow::Result<Done> {
        let mut command = Command::new(&self.program);
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        lead(&mut command, self.sandbox);
        let child = command.spawn().context("a tool does not start")?;
        let watching = tokio::spawn(peak_of(child.id()));
        let output = tokio::task::spawn_blocking(move || child.wait_with_output()).await??;
        self.peak = self.peak.max(watching.await?);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        Ok(Done { succeeded: output.status.success(), said })
    }
}

/// What a process has held at most until it ended, in mebibytes.
async fn peak_of(process: u32) -> f64 {
    let mut peak = 0.0;
    // One that has ended and was not asked for yet has no memory to tell of.
    while let Ok(memory) = process::memory(process) {
        peak = memory.peak;
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
    peak
}
