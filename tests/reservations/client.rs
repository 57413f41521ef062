//! `shipmate reserve`, as a script runs it: the program itself against a server of the world.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use shipmate::web::Web;
use shipmate::web::reservations::Pulse;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{ANY, E2E, ELSEWHERE, LOAD, Program, doors, open};
use crate::world::{LONG, World};

/// Runs for as long as the file `go` is not there, though not for ever, and says that it has
/// begun and that it was told to end.
const WORK: &str = "trap 'echo told >> told; exit 9' TERM; trap 'echo told >> told; exit 8' INT; \
                    trap 'echo told >> told; exit 7' HUP; \
                    echo begun > begun; left=3000; \
                    while [ ! -e go ] && [ $left -gt 0 ]; do left=$((left-1)); sleep 0.05; done; \
                    exit 5";

/// A folder in which a command runs, and what it leaves there.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn has(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    pub fn go(&self) {
        std::fs::write(self.path("go"), "").unwrap();
    }

    /// What the program has said so far.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.path("said")).unwrap_or_default()
    }

    /// `shipmate reserve staging … -- sh -c WORK`, here.
    pub fn reserve(&self, address: SocketAddr, token: &str, arguments: &[&str]) -> Reserve {
        let mut all = vec!["staging"];
        all.extend(arguments);
        all.extend(["--", "sh", "-c", WORK]);
        self.run(&format!("http://{address}"), token, &all)
    }

    pub fn run(&self, server: &str, token: &str, arguments: &[&str]) -> Reserve {
        let said = std::fs::File::create(self.path("said")).unwrap();
        let printed = std::fs::File::create(self.path("printed")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_shipmate"))
            .arg("reserve")
            .args(arguments)
            .current_dir(self.0.path())
            .env("SHIPMATE_SERVER", server)
            .env("SHIPMATE_TOKEN", token)
            .stdin(Stdio::null())
            .stdout(printed)
            .stderr(said)
            .spawn()
            .unwrap();
        Reserve { child }
    }

    pub async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !holds(self) {
            assert!(began.elapsed() < LONG, "never: {what}\n{}", self.said());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub async fn until_begun(&self) {
        self.until("the command begins", |folder| folder.has("begun")).await;
    }

    pub async fn until_said(&self, text: &str) {
        self.until(text, |folder| folder.said().contains(text)).await;
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }
}

/// The program while it runs. It ends with this.
pub struct Reserve {
    child: Child,
}

impl Reserve {
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Its status, once it has ended by itself.
    pub async fn status(mut self) -> Option<i32> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(began.elapsed() < LONG, "it does not end");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Reserve {
    fn drop(&mut self) {
        // One that has ended already is not told again.
        let _gone = self.child.kill();
        self.child.wait().unwrap();
    }
}

/// Staging is free: a program gets it, and gives it back.
async fn is_free(web: &Web) {
    let mut program = Program::ask(web, LOAD, "test").await;
    program.until_held().await;
    program.release().await;
}

#[tokio::test]
async fn its_status_is_the_commands() {
    let world = World::start().await;
    let web = open(&world).await;
    let url = format!("http://{}", web.address());
    let cases: [(&[&str], i32); 6] = [
        (&["true"], 0),
        (&["sh", "-c", "exit 7"], 7),
        (&["sh", "-c", "kill -9 $$"], 128 + 9),
        (&["sh", "-c", "kill -TERM $$"], 128 + 15),
        (&["no-such-program"], 127),
        (&["/"], 126),
    ];
    for (command, status) in cases {
        let folder = Folder::new();
        let arguments = [&["staging", "--"], command].concat();
        let ended = folder.run(&url, E2E, &arguments).status().await;
        assert_eq!(ended, Some(status), "{command:?}: {}", folder.said());
        is_free(&web).await;
    }
    let folder = Folder::new();
    let command = "echo to the reader; echo \"$SHIPMATE_TOKEN$SHIPMATE_RESERVATION\" > known";
    let arguments = ["staging", "--reason", "a & b", "--", "sh", "-c", command];
    assert_eq!(folder.run(&url, E2E, &arguments).status().await, Some(0));
    assert_eq!(folder.text("printed"), "to the reader\n");
    assert_eq!(folder.said(), "shipmate: staging is reserved\n");
    let known = folder.text("known");
    assert_eq!(known.trim().len(), 32, "its number, and no token: {known}");
}

#[tokio::test]
async fn each_refusal_has_a_status_and_a_sentence() {
    let world = World::start().await;
    let web = open(&world).await;
    let url = format!("http://{}", web.address());
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = format!("http://{nobody}");
    let elsewhere = format!("{url}/elsewhere");
    let wrong = "e2e-0123456789abcdeg";
    let cases: [(&str, &str, &[&str], i32, &str); 8] = [
        (&url, wrong, &["staging"], 73, "does not know this token"),
        (&url, ELSEWHERE, &["staging"], 74, "may not reserve that environment"),
        (&url, E2E, &["nowhere"], 75, "no such environment"),
        (&elsewhere, E2E, &["staging"], 75, "no such environment"),
        (&nobody, E2E, &["staging", "--wait", "1s"], 72, "did not become free"),
        ("http://shipmate.example", E2E, &["staging"], 64, "without TLS"),
        (&url, "two words", &["staging"], 64, "that is no token"),
        (
            &url,
            E2E,
            &["staging", "--wait", "soon"],
            64,
            "`soon` is not a length of time; write for example",
        ),
    ];
    for (server, token, arguments, status, sentence) in cases {
        let folder = Folder::new();
        let arguments = [arguments, &["--", "touch", "ran"]].concat();
        let ended = folder.run(server, token, &arguments).status().await;
        let said = folder.said();
        assert_eq!(ended, Some(status), "{arguments:?}: {said}");
        assert!(said.contains(sentence), "{arguments:?}: {said}");
        assert!(!folder.has("ran") && !said.contains(token), "{said}");
    }
}

/// Twenty have staging or stand in line for it.
#[tokio::test]
async fn where_too_many_stand_in_line_it_does_not() {
    let world = World::start().await;
    let web = open(&world).await;
    let mut standing = Vec::new();
    for number in 0..20 {
        standing.push(Program::ask(&web, LOAD, &number.to_string()).await);
    }
    let folder = Folder::new();
    let ended = folder.reserve(web.address(), E2E, &[]).status().await;
    assert_eq!(ended, Some(76), "{}", folder.said());
    let said = folder.said();
    assert!(said.contains("too many stand in line for the environment already"), "{said}");
    assert!(!folder.has("begun"));
}

/// What answers takes no WebSocket, and would not take one another time, either.
#[tokio::test]
async fn what_is_no_such_server_is_not_tried_for_long() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answering = tokio::spawn(async move {
        let mut asked = 0_u32;
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            asked += 1;
            assert_eq!(asked, 1, "it asks once");
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let answer = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nhi\n";
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let folder = Folder::new();
    let ended = folder.reserve(address, E2E, &[]).status().await;
    let said = folder.said();
    assert_eq!(ended, Some(78), "{said}");
    assert!(said.contains("does not reserve environments (HTTP 200)"), "{said}");
    assert!(!folder.has("begun"));
    assert!(!answering.is_finished(), "it asks once");
    answering.abort();
}

#[tokio::test]
async fn it_tells_whose_lock_it_waits_for() {
    let mut world = World::start().await;
    let web = open(&world).await;
    world.say("alice", "lock staging because I measure something").await;
    let folder = Folder::new();
    let waiting = folder.reserve(web.address(), E2E, &[]);
    folder.until_said("waiting, next in line: alice has locked it since ").await;
    assert!(folder.said().contains(" 09:0"), "{}", folder.said());
    assert!(folder.said().contains("(I measure something)"), "{}", folder.said());
    world.say("alice", "unlock staging").await;
    folder.until_begun().await;
    folder.go();
    assert_eq!(waiting.status().await, Some(5), "{}", folder.said());
}

#[tokio::test]
async fn a_token_can_stand_in_a_file() {
    let world = World::start().await;
    let web = open(&world).await;
    let url = format!("http://{}", web.address());
    let folder = Folder::new();
    std::fs::write(folder.path("token"), format!("{E2E}\n")).unwrap();
    let status = async |file| {
        let arguments = ["staging", "--token-file", file, "--", "true"];
        folder.run(&url, "not-a-token-of-anybody", &arguments).status().await
    };
    assert_eq!(status("token").await, Some(0), "{}", folder.said());
    assert_eq!(status("no-such-file").await, Some(64));
    assert!(folder.said().contains("the token file no-such-file cannot be read"));
    let ended = folder.run(&url, "", &["staging", "--", "true"]).status().await;
    assert_eq!(ended, Some(64), "{}", folder.said());
}

#[tokio::test]
async fn it_tells_its_place_and_gives_up_after_a_while() {
    let world = World::start().await;
    let web = open(&world).await;
    let mut holder = Program::ask(&web, E2E, "nightly").await;
    holder.until_held().await;
    let (first, second) = (Folder::new(), Folder::new());
    let waiting = first.reserve(web.address(), LOAD, &[]);
    first.until_said("waiting, next in line: e2e has it since").await;
    assert!(first.said().contains("(nightly)"), "{}", first.said());
    let impatient = second.reserve(web.address(), LOAD, &["--wait", "1s"]);
    second.until_said("waiting, number 2 in line").await;
    assert_eq!(impatient.status().await, Some(72));
    assert!(!second.has("begun"));
    holder.release().await;
    first.until_begun().await;
    first.go();
    assert_eq!(waiting.status().await, Some(5));
    is_free(&web).await;
}

#[tokio::test]
async fn who_is_told_to_end_while_waiting_leaves_the_line() {
    let world = World::start().await;
    let web = open(&world).await;
    let mut holder = Program::ask(&web, E2E, "nightly").await;
    holder.until_held().await;
    let folder = Folder::new();
    let waiting = folder.reserve(web.address(), LOAD, &[]);
    folder.until_said("waiting").await;
    waiting.signal(Signal::TERM);
    assert_eq!(waiting.status().await, Some(128 + 15));
    assert!(!folder.has("begun"));
    let mut next = Program::ask(&web, LOAD, "next").await;
    assert_eq!(super::place(&next.told().await), 1);
}

#[tokio::test]
async fn the_command_gets_the_signals_and_the_environment_is_free() {
    let world = World::start().await;
    let web = open(&world).await;
    for (signal, status) in [(Signal::INT, 8), (Signal::TERM, 9), (Signal::HUP, 7)] {
        let folder = Folder::new();
        let reserve = folder.reserve(web.address(), E2E, &[]);
        folder.until_begun().await;
        reserve.signal(signal);
        assert_eq!(reserve.status().await, Some(status), "{}", folder.said());
        assert_eq!(folder.text("told"), "told\n", "once");
        is_free(&web).await;
    }
}

/// Also what the command has started hears it: nothing is left that works in an environment which
/// is somebody else's by now.
#[tokio::test]
async fn those_that_the_command_starts_get_the_signals_too() {
    let world = World::start().await;
    let web = open(&world).await;
    let folder = Folder::new();
    // It has said how it wants to be told before it has begun.
    let nested = format!("({WORK}) & wait");
    let url = format!("http://{}", web.address());
    let reserve = folder.run(&url, E2E, &["staging", "--", "sh", "-c", &nested]);
    folder.until_begun().await;
    reserve.signal(Signal::TERM);
    reserve.status().await;
    folder.until("the one within is told", |folder| folder.has("told")).await;
    assert_eq!(folder.text("told"), "told\n", "once");
    is_free(&web).await;
}

#[tokio::test]
async fn when_a_person_ends_it_the_command_is_stopped() {
    let mut world = World::start().await;
    let web = open(&world).await;
    for arguments in [&[][..], &["--keep-going"]] {
        let folder = Folder::new();
        let reserve = folder.reserve(web.address(), E2E, arguments);
        folder.until_begun().await;
        world.say("bob", "end reservation on staging because it hangs").await;
        assert_eq!(reserve.status().await, Some(71), "{}", folder.said());
        let said = folder.said();
        assert!(said.contains("bob has ended the reservation, because: it hangs"), "{said}");
        assert!(folder.has("told"), "it was asked to end");
    }
    is_free(&web).await;
}

/// Of a server that is gone for good the reservation cannot be had back.
#[tokio::test]
async fn when_it_is_lost_the_command_is_stopped_unless_it_may_go_on() {
    let mut world = World::start().await;
    let pulse = Pulse { ping: Duration::from_secs(2), grace: Duration::from_secs(8) };
    let web = world.serve(ANY, doors(&world, pulse)).await;
    let (stopped, going_on) = (Folder::new(), Folder::new());
    let address = web.address();
    let first = stopped.reserve(address, E2E, &[]);
    stopped.until_begun().await;
    let arguments =
        ["production", "--keep-going", "--", "sh", "-c", &WORK.replace("exit 9", "true")];
    let second = going_on.run(&format!("http://{address}"), E2E, &arguments);
    going_on.until_begun().await;
    world.kill().await;
    drop(web);
    assert_eq!(first.status().await, Some(70), "{}", stopped.said());
    assert!(stopped.has("told"), "it was asked to end");
    going_on.until_said("the command goes on all the same").await;
    going_on.go();
    assert_eq!(second.status().await, Some(5), "{}", going_on.said());
    assert!(!going_on.has("told"));
}

/// One that does not end when it is asked to is made to.
#[tokio::test]
async fn a_stubborn_command_is_killed() {
    let mut world = World::start().await;
    let web = open(&world).await;
    let folder = Folder::new();
    let stubborn = "trap '' TERM; echo begun > begun; left=3000; \
                    while [ $left -gt 0 ]; do left=$((left-1)); sleep 0.05; done";
    let arguments = ["staging", "--", "sh", "-c", stubborn];
    let reserve = folder.run(&format!("http://{}", web.address()), E2E, &arguments);
    folder.until_begun().await;
    world.say("bob", "end reservation on staging").await;
    assert_eq!(reserve.status().await, Some(71));
}

/// A certificate of one's own is trusted where it is named, and only there.
#[tokio::test]
async fn tls_is_with_who_is_trusted() {
    let world = World::start().await;
    let web = open(&world).await;
    let folder = Folder::new();
    let address = behind_tls(web.address(), &folder.path("ca.pem")).await;
    let url = format!("https://localhost:{}", address.port());
    let trusting = ["staging", "--ca-file", "ca.pem", "--", "true"];
    assert_eq!(folder.run(&url, E2E, &trusting).status().await, Some(0), "{}", folder.said());
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(folder.path("other.pem"), other.cert.pem()).unwrap();
    let strange = ["staging", "--wait", "1s", "--ca-file", "other.pem", "--", "true"];
    assert_eq!(folder.run(&url, E2E, &strange).status().await, Some(72), "{}", folder.said());
    let empty = ["staging", "--ca-file", "said", "--", "true"];
    assert_eq!(folder.run(&url, E2E, &empty).status().await, Some(64), "{}", folder.said());
}

/// Something before the server that speaks TLS, whose certificate is written to this file.
async fn behind_tls(server: SocketAddr, file: &Path) -> SocketAddr {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(file, own.cert.pem()).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // Who does not trust us hangs up.
                let Ok(mut inside) = acceptor.accept(stream).await else { return };
                let mut outside = tokio::net::TcpStream::connect(server).await.unwrap();
                drop(tokio::io::copy_bidirectional(&mut inside, &mut outside).await);
            });
        }
    });
    address
}
