//! The program itself, as somebody runs it who has just fetched it: no account, no network, no
//! token.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use shipmate::sandbox::{Options, Sandbox, Times, demo_world};

use crate::world::{LONG, SETTINGS};

/// The conversation that the project was asked for.
const SCRIPT: &str = "\
at: 2026-11-24T10:00
eve: promote core:1.5.0 to staging
expect: eve may not promote
alice: promot core:1.5.0 to stagng
expect: promote core:1.5.0 to staging
alice: promote image core:1.5.0 to staging
wait
expect: staging runs core:1.5.0
alice: promote core:1.6.0 to production
expect: verified on staging
alice: promote everything from staging to production
alice: react ✅
expect: you cannot approve
bob: react ✅
carol: react ✅
wait
expect: production runs core:1.5.0
alice: promote core:1.6.0-crash to staging
wait
expect: rolled back to core:1.5.0
alice: status staging
expect: core:1.5.0
eve: rollback production
expect: eve may not
dave: rollback production
wait
expect: production runs core:1.4.1
";

fn shipmate(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shipmate"));
    command.args(arguments).current_dir(directory);
    // Nothing of this machine may matter.
    command.env_clear().env("HOME", directory);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs to its end, within the time limit.
async fn run(arguments: &[&str], input: &str) -> Output {
    let directory = tempfile::tempdir().unwrap();
    let command = shipmate(directory.path(), arguments);
    run_it(command, input).await
}

async fn run_it(mut command: Command, input: &str) -> Output {
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A program that refuses at once closes its end early.
    let _closed = stdin.write_all(input.as_bytes());
    drop(stdin);
    tokio::task::spawn_blocking(move || ended(child)).await.unwrap()
}

fn ended(mut child: Child) -> Output {
    let began = Instant::now();
    let mut stdout = child.stdout.take().unwrap();
    let reading = std::thread::spawn(move || {
        let mut read = Vec::new();
        stdout.read_to_end(&mut read).map(|_| read)
    });
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > LONG {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("it never ended");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut output = child.wait_with_output().unwrap();
    output.stdout = reading.join().unwrap().unwrap();
    output
}

fn shown(output: &Output) -> String {
    let [stdout, stderr] =
        [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    format!("{stdout}\n{stderr}")
}

#[tokio::test]
async fn the_conversation_that_was_asked_for() {
    let output = run(&["demo", "--fast"], SCRIPT).await;
    assert!(output.status.success(), "{}", shown(&output));
    assert!(shown(&output).contains("script: 10 expectations held"), "{}", shown(&output));
}

#[tokio::test]
async fn a_script_that_does_not_hold_fails() {
    for (script, why) in [
        ("alice: whoami\nexpect: You are bob\n", "script: line 2: expected `You are bob`"),
        ("alice: whoami\nexpect-not: You are alice\n", "script: line 2: did not expect"),
        ("nobody: whoami\n", "script: line 1: nobody is called nobody"),
        ("what is this\n", "script: line 1: this is neither"),
        ("bob: react ✅\n", "no message awaits votes"),
    ] {
        let output = run(&["demo", "--fast"], script).await;
        assert_eq!(output.status.code(), Some(1), "{script}\n{}", shown(&output));
        assert!(shown(&output).contains(why), "{script}\n{}", shown(&output));
    }
}

#[tokio::test]
async fn another_simulated_aws_on_this_machine_and_no_other() {
    let sandbox =
        Sandbox::start(demo_world(), Options { times: Times::fast(), ..Options::default() });
    let sandbox = sandbox.await.unwrap();
    let script = "alice: promote core:1.5.0 to staging\nwait\nexpect: staging runs core:1.5.0\n";
    let output = run(&["demo", "--fast", "--aws", &sandbox.url()], script).await;
    assert!(output.status.success(), "{}", shown(&output));
    assert_eq!(sandbox.digest("core", "staging-latest"), sandbox.digest("core", "1.5.0"));
    for address in ["http://192.0.2.1:4566", "https://ecs.eu-west-1.amazonaws.com", "127.0.0.1:80"]
    {
        let output = run(&["demo", "--aws", address], script).await;
        assert_eq!(output.status.code(), Some(1), "{address}");
        assert!(shown(&output).contains("on this machine"), "{address}\n{}", shown(&output));
    }
}

#[tokio::test]
async fn people_and_roles_come_from_the_settings() {
    let directory = tempfile::tempdir().unwrap();
    let settings = directory.path().join("mine.toml");
    std::fs::write(&settings, SETTINGS.replace("\"alice\"", "\"zoe\"")).unwrap();
    let script = "zoe: promote core:1.5.0 to staging\nwait\nexpect: staging runs core:1.5.0\n";
    let arguments = ["demo", "--fast", "--settings", "mine.toml"];
    let output = run_it(shipmate(directory.path(), &arguments), script).await;
    assert!(output.status.success(), "{}", shown(&output));
    let left: Vec<_> = std::fs::read_dir(directory.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "it leaves nothing behind: {left:?}");
}

#[tokio::test]
async fn check_tells_what_is_wrong() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("shipmate.toml"), SETTINGS).unwrap();
    let output = run_it(shipmate(directory.path(), &["check"]), "").await;
    assert!(output.status.success(), "{}", shown(&output));
    let shipped = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/commands")).unwrap();
    let commands = format!("✓ commands: {}\n", shipped.count());
    for line in ["✓ settings: 2 environments", &commands, "✓ policies: ", "✓ cases: "] {
        assert!(shown(&output).contains(line), "{line}\n{}", shown(&output));
    }
    let bad = SETTINGS.replace("cluster = \"staging\"", "clutser = \"staging\"");
    std::fs::write(directory.path().join("bad.toml"), bad).unwrap();
    let output = run_it(shipmate(directory.path(), &["check", "--settings", "bad.toml"]), "").await;
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
    assert!(shown(&output).contains("clutser"), "{}", shown(&output));
    let fewer = SETTINGS.replace("release-manager = {", "boss = {");
    std::fs::write(directory.path().join("fewer.toml"), fewer).unwrap();
    let output =
        run_it(shipmate(directory.path(), &["check", "--settings", "fewer.toml"]), "").await;
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
    assert!(shown(&output).contains("role release-manager"), "{}", shown(&output));
    let output =
        run_it(shipmate(directory.path(), &["check", "--settings", "none.toml"]), "").await;
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
}

#[tokio::test]
async fn the_simulated_aws_alone() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = shipmate(directory.path(), &["sandbox", "--port", "0"]).spawn().unwrap();
    let stdout = child.stdout.take().unwrap();
    let asked = tokio::task::spawn_blocking(move || {
        let mut lines = BufReader::new(stdout).lines();
        let first = lines.next().expect("it says where it is").unwrap();
        let address = first.rsplit_once("http://").expect("an address").1.to_owned();
        let mut stream = std::net::TcpStream::connect(&address).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        let request =
            format!("GET /_sandbox/world HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    let answer = tokio::time::timeout(LONG, asked).await;
    child.kill().unwrap();
    child.wait().unwrap();
    let answer = answer.expect("it answers in time").unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("production-latest"), "{answer}");
}
