//! The program itself, as people start it, with a fake Discord and a simulated AWS around it.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;

use shipmate::sandbox::{Options, Times, demo_world};
use shipmate::settings::Settings;
use tempfile::TempDir;

use super::bot::{replaced, settings};
use super::fake::{FakeDiscord, World as Guild};
use crate::world::iam::Policed;
use crate::world::{LONG, SETTINGS};

/// Where the program is started.
pub struct Surroundings {
    pub fake: FakeDiscord,
    pub sandbox: Policed,
    pub directory: TempDir,
    /// The text of shipmate.toml.
    pub settings: String,
    pub token: String,
}

impl Surroundings {
    /// Before anything runs; all of the settings speak of what is there.
    pub async fn new(guild: Guild) -> Self {
        let fake = FakeDiscord::start(guild).await;
        let options = Options { times: Times::fast(), ..Options::default() };
        let shipped = Settings::parse("shipmate.toml", SETTINGS, Vec::new()).unwrap();
        let sandbox = Policed::start(demo_world(), options, &shipped).await;
        let directory = tempfile::tempdir().unwrap();
        let journal = directory.path().join("journal.db");
        let settings = settings();
        let journal = format!("sqlite://{}", journal.display());
        let settings = replaced(&settings, "sqlite:///var/lib/shipmate/shipmate.db", &journal);
        let there = format!(
            "api = \"{}\"\ngateway = \"{}\"\n[chat.discord.channels]",
            fake.rest_url(),
            fake.gateway_url()
        );
        let settings = replaced(&settings, "[chat.discord.channels]", &there);
        let token = fake.token();
        Self { fake, sandbox, directory, settings, token }
    }

    pub fn journal(&self) -> PathBuf {
        self.directory.path().join("journal.db")
    }

    /// With something else in the settings.
    pub fn setting(mut self, from: &str, to: &str) -> Self {
        self.settings = replaced(&self.settings, from, to);
        self
    }

    /// The token stands in a file, as it does for people.
    fn command(&self, arguments: &[&str]) -> Command {
        let file = self.directory.path().join("token");
        write_secret(&file, &self.token);
        let named = format!("[chat.discord]\ntoken-file = \"{}\"", file.display());
        let settings = replaced(&self.settings, "[chat.discord]", &named);
        let path = self.directory.path().join("shipmate.toml");
        std::fs::write(&path, settings).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_shipmate"));
        command
            .args(arguments)
            .arg("--settings")
            .arg(path)
            .env_clear()
            .env("AWS_ENDPOINT_URL", self.sandbox.url())
            .env("AWS_REGION", "eu-west-1")
            .env("AWS_ACCESS_KEY_ID", "simulated")
            .env("AWS_SECRET_ACCESS_KEY", "simulated")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs it until it ends by itself, which it does before long.
    pub async fn run(&self, arguments: &[&str]) -> (ExitStatus, String) {
        let mut started = self.start(arguments, "info");
        let began = std::time::Instant::now();
        let status = loop {
            if let Some(status) = started.child.try_wait().unwrap() {
                break status;
            }
            assert!(began.elapsed() < LONG, "it does not end");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        };
        (status, started.stop())
    }

    /// Starts it, and reads what it says for as long as it runs.
    pub fn start(&self, arguments: &[&str], log: &str) -> Started {
        let mut child = self.command(arguments).env("SHIPMATE_LOG", log).spawn().unwrap();
        let said = reading(child.stdout.take().unwrap());
        let logged = reading(child.stderr.take().unwrap());
        Started { child, outputs: Some((said, logged)) }
    }
}

/// Reads to the end in a thread of its own, so that the program never waits for its reader.
fn reading(mut from: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn write_secret(file: &Path, token: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(file, token).unwrap();
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// The program while it runs. It ends with this.
pub struct Started {
    child: Child,
    outputs: Option<(JoinHandle<String>, JoinHandle<String>)>,
}

impl Started {
    /// Ends it, and gives all that it said.
    pub fn stop(mut self) -> String {
        self.end();
        let (said, logged) = self.outputs.take().expect("nobody has read them yet");
        said.join().unwrap() + &logged.join().unwrap()
    }

    fn end(&mut self) {
        // One that has ended already is not told again.
        let _gone = self.child.kill();
        self.child.wait().unwrap();
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.end();
    }
}
