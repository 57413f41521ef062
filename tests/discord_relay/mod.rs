//! The relay before Discord's gateway, with sockets at both ends that do what Discord and
//! serenity do, and what they should not do.

mod bytes;
mod client;
mod handshake;

mod sessions;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore};
use shipmate::chat::discord::relay::{
    AskError, BrakeSettings, Gateway, Relay, RelaySettings, Upstream,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Longer than anything here takes, also on a machine that is busy with something else.
const LONG: Duration = Duration::from_secs(20);

const SWITCH: &str =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";

/// A brake that holds nobody back, and times in which nothing here ends by itself.
fn loose() -> RelaySettings {
    let brake = BrakeSettings {
        cap: 1000,
        first_pause: Duration::from_millis(1),
        longest_pause: Duration::from_millis(1),
        ..BrakeSettings::default()
    };
    RelaySettings { brake, head: LONG, handshake: LONG, patience: LONG, linger: LONG }
}

/// Trusts nobody: for upstreams without TLS.
fn no_tls() -> Arc<ClientConfig> {
    trusting(RootCertStore::empty())
}

fn trusting(roots: RootCertStore) -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Arc::new(versions.unwrap().with_root_certificates(roots).with_no_client_auth())
}

/// An upstream that is always found at one address.
fn always(address: &str) -> Upstream {
    let gateway = Gateway { address: address.to_owned(), sessions: None };
    Upstream::new(no_tls(), move || {
        let gateway = gateway.clone();
        async move { Ok::<_, AskError>(gateway) }
    })
}

/// Somebody who plays Discord's gateway.
async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    (listener, url)
}

async fn relay_to(url: &str, settings: RelaySettings) -> Relay {
    Relay::start(always(url), settings).await.unwrap()
}

/// Where a relay listens, and its secret.
fn parts(relay: &Relay) -> (SocketAddr, String) {
    let url = relay.url();
    let (address, secret) = url.strip_prefix("ws://").unwrap().split_once('/').unwrap();
    (address.parse().unwrap(), secret.to_owned())
}

/// Connects to the relay and asks as serenity does.
async fn ask(relay: &Relay) -> TcpStream {
    let (_, secret) = parts(relay);
    ask_for(relay, &format!("/{secret}?v=10")).await
}

async fn ask_for(relay: &Relay, target: &str) -> TcpStream {
    let (address, _) = parts(relay);
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "GET {target} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: abc\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

/// Reads one head and nothing behind it.
async fn head(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let byte = timeout(LONG, stream.read_u8()).await.expect("a head in time");
        head.push(byte.expect("a whole head"));
    }
    String::from_utf8(head).unwrap()
}

/// All until the end. A reset is not an end.
async fn rest(stream: &mut (impl AsyncReadExt + Unpin)) -> Vec<u8> {
    let mut rest = Vec::new();
    timeout(LONG, stream.read_to_end(&mut rest)).await.expect("an end in time").expect("no reset");
    rest
}

async fn accept(listener: &TcpListener) -> TcpStream {
    timeout(LONG, listener.accept()).await.expect("a connection in time").unwrap().0
}

/// Accepts and upgrades.
async fn upgrade(listener: &TcpListener) -> TcpStream {
    let mut stream = accept(listener).await;
    head(&mut stream).await;
    stream.write_all(SWITCH.as_bytes()).await.unwrap();
    stream
}

/// Both ends of a connection through the relay.
async fn joined(relay: &Relay, listener: &TcpListener) -> (TcpStream, TcpStream) {
    let mut client = ask(relay).await;
    let server = upgrade(listener).await;
    assert_eq!(head(&mut client).await, SWITCH);
    (client, server)
}

/// Closes so that the other side gets a reset.
fn reset(stream: TcpStream) {
    stream.set_zero_linger().unwrap();
}
