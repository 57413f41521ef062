//! A real serenity client before the relay, and a Discord behind it that upgrades and then
//! resets. Without the relay this client connects thousands of times in a few seconds.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use serenity::Client;
use serenity::all::{ClientBuilder, GatewayIntents, HttpBuilder};
use shipmate::chat::discord::relay::{BrakeSettings, RelaySettings};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};

use super::*;

const CAP: usize = 4;
const WINDOW: Duration = Duration::from_secs(1);
/// How long the fault lasts.
const FAULT: Duration = Duration::from_millis(2500);

fn tight() -> RelaySettings {
    let brake = BrakeSettings {
        cap: CAP,
        window: WINDOW,
        healthy: Duration::from_secs(60),
        first_pause: Duration::from_millis(20),
        longest_pause: Duration::from_millis(200),
    };
    RelaySettings { brake, linger: Duration::from_millis(200), ..loose() }
}

/// Serenity, told to find the gateway at this address.
async fn serenity(gateway: &str) -> Client {
    // Nobody answers there: serenity asks once for the gateway, and its answer is overwritten.
    let http = HttpBuilder::new("token").proxy("http://127.0.0.1:1").ratelimiter_disabled(true);
    let intents = GatewayIntents::empty();
    let client = ClientBuilder::new_with_http(http.build(), intents).await.unwrap();
    *client.ws_url.lock().await = gateway.to_owned();
    client
}

type Socket = WebSocketStream<TcpStream>;

async fn greet(listener: &TcpListener) -> Socket {
    let mut socket = accept_async(accept(listener).await).await.unwrap();
    say(&mut socket, json!({"op": 10, "d": {"heartbeat_interval": 41_250}})).await;
    socket
}

async fn say(socket: &mut Socket, value: Value) {
    socket.send(Message::Text(value.to_string())).await.unwrap();
}

/// The next that serenity says and that is no heartbeat.
async fn heard(socket: &mut Socket) -> Value {
    loop {
        let message = timeout(LONG, socket.next()).await.expect("a message in time");
        let value: Value =
            serde_json::from_str(&message.unwrap().unwrap().into_text().unwrap()).unwrap();
        if value["op"] != 1 {
            return value;
        }
        say(socket, json!({"op": 11})).await;
    }
}

/// Lets serenity identify itself.
async fn ready(listener: &TcpListener) -> Socket {
    let mut socket = greet(listener).await;
    assert_eq!(heard(&mut socket).await["op"], 2, "it identifies itself");
    let ready = json!({"op": 0, "s": 1, "t": "READY", "d": {
        "v": 10,
        "user": {"id": "1", "username": "shipmate", "discriminator": "0000", "avatar": null, "bot": true},
        "guilds": [],
        "session_id": "session",
        "resume_gateway_url": "wss://gateway.discord.gg",
        "application": {"id": "1", "flags": 0},
    }});
    say(&mut socket, ready).await;
    socket
}

/// Waits until serenity has read what was said.
async fn settled(socket: &mut Socket) {
    say(socket, json!({"op": 1, "d": 1})).await;
    let answer = timeout(LONG, socket.next()).await.expect("a heartbeat in time").unwrap().unwrap();
    assert!(answer.into_text().unwrap().contains("\"op\":1"));
}

/// Resets, without a word of websockets.
fn cut(socket: Socket) {
    socket.get_ref().set_zero_linger().unwrap();
}

fn start(mut client: Client) -> JoinHandle<()> {
    tokio::spawn(async move {
        let _ended = client.start().await;
    })
}

/// Upgrades and resets whoever comes, for a while. When they came.
async fn fault(listener: &TcpListener, lasts: Duration) -> Vec<Instant> {
    let came = Arc::new(Mutex::new(Vec::new()));
    let _over = timeout(lasts, async {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            came.lock().unwrap().push(Instant::now());
            if let Ok(mut socket) = accept_async(stream).await {
                // If its Resume fails, serenity rests for a second; if it was sent, it does not.
                // One that is going to identify itself waits to be greeted, and says nothing.
                let _said = timeout(Duration::from_millis(100), socket.next()).await;
                cut(socket);
            }
        }
    })
    .await;
    let came = came.lock().unwrap();
    came.clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serenity_stays_within_the_brake_and_keeps_its_session() {
    let (listener, url) = listen().await;
    let relay = relay_to(&url, tight()).await;
    let client = serenity(&relay.url()).await;
    let shards = Arc::clone(&client.shard_manager);
    let running = start(client);

    let mut socket = ready(&listener).await;
    settled(&mut socket).await;
    cut(socket);
    let came = fault(&listener, FAULT).await;
    assert!(came.len() > CAP, "it went on trying: {}", came.len());
    for (at, first) in came.iter().enumerate() {
        // Between the leave and the connection some time may pass.
        let window = WINDOW - Duration::from_millis(150);
        let within = came[at..].iter().take_while(|one| **one - *first < window).count();
        assert!(within <= CAP, "{within} connections within {window:?}");
    }

    // Once Discord is well again, serenity takes up the session that it had.
    let resumed = timeout(LONG, async {
        loop {
            let mut socket = greet(&listener).await;
            let said = heard(&mut socket).await;
            if said["op"] == 6 {
                return (socket, said);
            }
        }
    });
    let (mut socket, said) = resumed.await.expect("a Resume in time");
    assert_eq!(said["d"]["session_id"], "session");
    say(&mut socket, json!({"op": 0, "s": 2, "t": "RESUMED", "d": {}})).await;
    settled(&mut socket).await;

    // Its goodbye comes through.
    let goodbye = tokio::spawn(async move {
        while let Some(Ok(message)) = socket.next().await {
            if let Message::Close(frame) = message {
                return frame.map(|frame| u16::from(frame.code));
            }
        }
        None
    });
    timeout(LONG, shards.shutdown_all()).await.unwrap();
    assert_eq!(timeout(LONG, goodbye).await.unwrap().unwrap(), Some(1000));
    timeout(LONG, running).await.expect("serenity ends").unwrap();
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_in_between_costs_serenity_no_session() {
    let (listener, url) = listen().await;
    let relay = relay_to(&url, tight()).await;
    let client = serenity(&relay.url()).await;
    let running = start(client);
    let mut socket = ready(&listener).await;
    settled(&mut socket).await;
    cut(socket);
    for _ in 0..3 {
        let mut stream = accept(&listener).await;
        head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\n\r\n").await.unwrap();
    }
    let mut socket = greet(&listener).await;
    assert_eq!(heard(&mut socket).await["op"], 6, "it resumes");
    running.abort();
}

/// Why there is a relay. If this fails, serenity has learned to wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_relay_serenity_does_not_stop() {
    let (listener, url) = listen().await;
    let running = start(serenity(&url).await);
    let mut socket = ready(&listener).await;
    settled(&mut socket).await;
    cut(socket);
    let came = fault(&listener, WINDOW / 2).await;
    assert!(came.len() > 10 * CAP, "only {} connections in {:?}", came.len(), WINDOW / 2);
    running.abort();
}
