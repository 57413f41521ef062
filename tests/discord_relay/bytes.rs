//! What goes through once both are connected, and how either end learns of the other's.

use std::time::{Duration, Instant};

use futures::{SinkExt, StreamExt};
use shipmate::chat::discord::relay::RelaySettings;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{accept_async, client_async};

use super::*;

#[tokio::test]
async fn large_frames_go_both_ways_at_once() {
    let (listener, url) = listen().await;
    let relay = relay_to(&url, loose()).await;
    let (address, _) = parts(&relay);
    let server = tokio::spawn(async move {
        let stream = accept(&listener).await;
        let mut socket = accept_async(stream).await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            if message.is_binary() {
                socket.send(message).await.unwrap();
            }
        }
    });
    let stream = TcpStream::connect(address).await.unwrap();
    let (socket, _) = client_async(format!("{}?v=10", relay.url()), stream).await.unwrap();
    let (mut sink, mut stream) = socket.split();
    let frame = |number: u8| Message::Binary(vec![number; 3_000_000]);
    let sent = async {
        for number in 0..4 {
            sink.send(frame(number)).await.unwrap();
        }
        sink
    };
    let received = async {
        for number in 0..4 {
            assert_eq!(stream.next().await.unwrap().unwrap(), frame(number));
        }
    };
    let (mut sink, ()) = timeout(LONG, async { tokio::join!(sent, received) }).await.unwrap();
    sink.close().await.unwrap();
    timeout(LONG, server).await.unwrap().unwrap();
}

#[tokio::test]
async fn one_who_says_no_more_still_hears() {
    let (listener, url) = listen().await;
    let relay = relay_to(&url, loose()).await;
    let (mut client, mut server) = joined(&relay, &listener).await;
    client.write_all(b"goodbye").await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(rest(&mut server).await, b"goodbye");
    server.write_all(b"farewell").await.unwrap();
    drop(server);
    assert_eq!(rest(&mut client).await, b"farewell");
}

#[tokio::test]
async fn discord_too_may_say_no_more_and_hear() {
    let (listener, url) = listen().await;
    let relay = relay_to(&url, loose()).await;
    let (mut client, mut server) = joined(&relay, &listener).await;
    server.write_all(b"4004").await.unwrap();
    server.shutdown().await.unwrap();
    assert_eq!(rest(&mut client).await, b"4004");
    client.write_all(b"understood").await.unwrap();
    drop(client);
    assert_eq!(rest(&mut server).await, b"understood");
}

/// `rest` fails by a reset.
#[tokio::test]
async fn a_reset_of_discords_is_an_end_for_serenity_and_comes_at_once() {
    let (listener, url) = listen().await;
    let relay = relay_to(&url, loose()).await;
    let (mut client, server) = joined(&relay, &listener).await;
    let begun = Instant::now();
    reset(server);
    assert_eq!(rest(&mut client).await, b"");
    assert!(begun.elapsed() < LONG / 2, "not after the time to linger");
}

#[tokio::test]
async fn a_reset_comes_as_an_end_also_while_serenity_speaks() {
    let (listener, url) = listen().await;
    let settings = RelaySettings { linger: Duration::from_millis(500), ..loose() };
    let relay = relay_to(&url, settings).await;
    for _ in 0..10 {
        let (mut client, server) = joined(&relay, &listener).await;
        // More than the server ever reads.
        client.write_all(&[1; 100_000]).await.unwrap();
        reset(server);
        client.write_all(&[2; 1000]).await.unwrap();
        assert_eq!(rest(&mut client).await, b"");
    }
}

#[tokio::test]
async fn one_who_is_gone_is_not_kept_with_discord() {
    let (listener, url) = listen().await;
    let settings = RelaySettings { linger: Duration::from_millis(100), ..loose() };
    let relay = relay_to(&url, settings).await;
    let (client, mut server) = joined(&relay, &listener).await;
    reset(client);
    assert_eq!(rest(&mut server).await, b"");
    // Discord does not hang up, but the relay does: in the end writing fails.
    let refused = timeout(LONG, async {
        while server.write_all(b"are you there?").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    refused.await.expect("the relay has closed");
}

#[tokio::test]
async fn stopping_ends_what_is_connected_and_what_waits() {
    let (listener, url) = listen().await;
    let mut settings = RelaySettings { linger: Duration::from_millis(200), ..loose() };
    settings.brake.cap = 2;
    let relay = relay_to(&url, settings).await;
    let (address, _) = parts(&relay);
    let (mut client, mut server) = joined(&relay, &listener).await;
    let mut dialling = ask(&relay).await;
    let _silent = accept(&listener).await;
    let mut waiting = ask(&relay).await;
    let stranger = TcpStream::connect(address).await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    timeout(LONG / 2, relay.stop()).await.expect("nothing hangs");
    assert_eq!(rest(&mut client).await, b"");
    assert_eq!(rest(&mut server).await, b"");
    assert!(rest(&mut dialling).await.starts_with(b"HTTP/1.1 503 "));
    assert!(rest(&mut waiting).await.starts_with(b"HTTP/1.1 503 "));
    drop(stranger);
    assert!(TcpStream::connect(address).await.is_err(), "the port is free");
}

#[tokio::test]
async fn dropping_it_stops_it_too() {
    let (listener, url) = listen().await;
    let relay = relay_to(&url, loose()).await;
    let (mut client, mut server) = joined(&relay, &listener).await;
    drop(relay);
    assert_eq!(rest(&mut client).await, b"");
    drop(client);
    assert_eq!(rest(&mut server).await, b"");
}
