//! The process's own server over real sockets on loopback, and what goes through it: metrics,
//! and Discord's interactions with their signatures.

mod aws_events;
mod doors;
mod endpoint;
mod metrics;
mod signature;
mod slow;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ring::signature::Ed25519KeyPair;
use shipmate::ports::{Hook, HookAnswer, HookRequest};
use shipmate::web::{Doors, Web};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};

/// Longer than anything here takes, also on a machine that is busy with something else.
const LONG: Duration = Duration::from_secs(30);

/// Port 0: a free one.
const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A server with these doors.
async fn open(doors: Doors) -> Web {
    Web::serve(ANY, doors).await.unwrap()
}

/// What came back, until the other end closed.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn has(&self, header: &str) -> bool {
        self.head.to_ascii_lowercase().contains(&format!("\r\n{header}\r\n"))
    }
}

async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.unwrap()
}

/// Everything that is sent until the connection is closed.
async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A reset after the answer is an end like any other.
    let read = tokio::time::timeout(LONG, stream.read_to_end(&mut bytes)).await;
    let _reset = read.expect("the server closes the connection");
    bytes
}

async fn answer(stream: &mut TcpStream) -> Answer {
    let text = String::from_utf8(rest(stream).await).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{text:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: format!("{head}\r\n"), body: body.to_owned() }
}

/// Sends these bytes as they are.
async fn send(web: &Web, bytes: &[u8]) -> Answer {
    let mut stream = connect(web.address()).await;
    stream.write_all(bytes).await.unwrap();
    answer(&mut stream).await
}

async fn get(web: &Web, path: &str) -> Answer {
    send(web, format!("GET {path} HTTP/1.1\r\nHost: here\r\n\r\n").as_bytes()).await
}

/// A POST with these lines of the head, each with its end.
async fn post(web: &Web, path: &str, lines: &str, body: &[u8]) -> Answer {
    send(web, &posted(path, lines, body)).await
}

fn posted(path: &str, lines: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head =
        format!("POST {path} HTTP/1.1\r\nHost: here\r\nContent-Length: {length}\r\n{lines}\r\n");
    [head.as_bytes(), body].concat()
}

/// Answers with what it was called with.
struct Echo;

#[async_trait]
impl Hook for Echo {
    async fn call(&self, request: HookRequest) -> HookAnswer {
        let length = request.body.len();
        let marks: Vec<_> =
            request.headers.iter().filter(|(name, _)| name.starts_with("x-")).collect();
        HookAnswer::json(&serde_json::json!({ "length": length, "marks": marks }))
    }
}

/// Says when it begins and when it is done, and waits in between until it is let go.
struct Gate {
    go: Arc<Notify>,
    says: mpsc::UnboundedSender<&'static str>,
}

#[async_trait]
impl Hook for Gate {
    async fn call(&self, _request: HookRequest) -> HookAnswer {
        self.says.send("began").unwrap();
        self.go.notified().await;
        self.says.send("done").unwrap();
        HookAnswer::json(&serde_json::json!("gone through"))
    }
}

fn gate() -> (Gate, Arc<Notify>, mpsc::UnboundedReceiver<&'static str>) {
    let (says, said) = mpsc::unbounded_channel();
    let go = Arc::new(Notify::new());
    (Gate { go: Arc::clone(&go), says }, go, said)
}

async fn next(said: &mut mpsc::UnboundedReceiver<&'static str>) -> &'static str {
    tokio::time::timeout(LONG, said.recv()).await.unwrap().unwrap()
}

/// Doors with one hook.
fn hooked(hook: impl Hook + 'static) -> Doors {
    let hook: Arc<dyn Hook> = Arc::new(hook);
    Doors { hooks: [("/hook".to_owned(), hook)].into(), ..Doors::default() }
}

/// A key like Discord's.
fn key() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap()
}

/// The public half, as the portal tells it.
fn public(key: &Ed25519KeyPair) -> [u8; 32] {
    use ring::signature::KeyPair;
    key.public_key().as_ref().try_into().unwrap()
}

/// The signature that Discord sends with these.
fn sign(key: &Ed25519KeyPair, timestamp: &str, body: &[u8]) -> String {
    hex(key.sign(&[timestamp.as_bytes(), body].concat()).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
