//! Who is let through, what Discord is asked for, and what becomes of refusals.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use shipmate::chat::discord::relay::{AskError, Gateway, Relay, RelaySettings, Upstream};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::*;

#[tokio::test]
async fn discord_is_asked_by_its_own_name_and_without_the_secret() {
    let (listener, url) = listen().await;
    let relay = relay_to(&url, loose()).await;
    let mut client = ask(&relay).await;
    let mut server = accept(&listener).await;
    let asked = head(&mut server).await;
    let host = url.strip_prefix("ws://").unwrap();
    let expected = format!(
        "GET /?v=10&encoding=json HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: abc\r\n\r\n"
    );
    assert_eq!(asked, expected);
    server.write_all(SWITCH.as_bytes()).await.unwrap();
    assert_eq!(head(&mut client).await, SWITCH);
}

#[tokio::test]
async fn what_discord_says_with_its_answer_is_not_lost() {
    let (listener, url) = listen().await;
    let relay = relay_to(&url, loose()).await;
    let mut client = ask(&relay).await;
    let mut server = accept(&listener).await;
    head(&mut server).await;
    server.write_all(format!("{SWITCH}hello").as_bytes()).await.unwrap();
    drop(server);
    assert_eq!(rest(&mut client).await, format!("{SWITCH}hello").as_bytes());
}

#[tokio::test]
async fn without_the_secret_nobody_gets_a_connection() {
    let (listener, url) = listen().await;
    let relay = relay_to(&url, loose()).await;
    let (_, secret) = parts(&relay);
    assert_eq!(secret.len(), 32);
    let wrong = ["/?v=10".to_owned(), format!("/{}?v=10", &secret[1..]), format!("/x/{secret}")];
    for target in wrong {
        let answer = rest(&mut ask_for(&relay, &target).await).await;
        assert!(answer.starts_with(b"HTTP/1.1 403 "), "{target}");
    }
    // The next that Discord sees is one who knows it.
    joined(&relay, &listener).await;
    let none = timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(none.is_err(), "only one connection was made");
}

#[tokio::test]
async fn two_relays_have_two_secrets() {
    let (one, two) =
        (relay_to("ws://127.0.0.1:1", loose()).await, relay_to("ws://127.0.0.1:1", loose()).await);
    assert_ne!(parts(&one).1, parts(&two).1);
}

#[tokio::test]
async fn a_head_is_short_comes_soon_and_comes_alone() {
    let (_listener, url) = listen().await;
    let settings = RelaySettings { head: Duration::from_millis(100), ..loose() };
    let relay = relay_to(&url, settings).await;
    let (address, secret) = parts(&relay);

    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(format!("GET /{secret}").as_bytes()).await.unwrap();
    assert!(rest(&mut slow).await.starts_with(b"HTTP/1.1 408 "));

    let mut long = TcpStream::connect(address).await.unwrap();
    let head = format!("GET /{secret} HTTP/1.1\r\nA: {}\r\n", "a".repeat(20_000));
    long.write_all(head.as_bytes()).await.unwrap();
    assert!(rest(&mut long).await.starts_with(b"HTTP/1.1 400 "));

    let mut eager = TcpStream::connect(address).await.unwrap();
    let head = format!("GET /{secret} HTTP/1.1\r\nA: b\r\n\r\nand more");
    eager.write_all(head.as_bytes()).await.unwrap();
    assert!(rest(&mut eager).await.starts_with(b"HTTP/1.1 400 "));
}

#[tokio::test]
async fn many_strangers_keep_nobody_out_for_longer_than_their_heads_may_take() {
    let (listener, url) = listen().await;
    let settings = RelaySettings { head: Duration::from_millis(100), ..loose() };
    let relay = relay_to(&url, settings).await;
    let (address, _) = parts(&relay);
    let mut strangers = Vec::new();
    for _ in 0..100 {
        strangers.push(TcpStream::connect(address).await.unwrap());
    }
    joined(&relay, &listener).await;
}

#[tokio::test]
async fn a_refusal_is_tried_again_behind_serenitys_back() {
    let (listener, url) = listen().await;
    let relay = relay_to(&url, loose()).await;
    let mut client = ask(&relay).await;
    let mut server = accept(&listener).await;
    head(&mut server).await;
    server.write_all(b"HTTP/1.1 503 Service Unavailable\r\n\r\n").await.unwrap();
    drop(accept(&listener).await);
    reset(accept(&listener).await);
    let _upgraded = upgrade(&listener).await;
    assert_eq!(head(&mut client).await, SWITCH);
}

#[tokio::test]
async fn a_refusal_that_lasts_is_a_502() {
    let (listener, url) = listen().await;
    drop(listener);
    let settings = RelaySettings { patience: Duration::from_millis(50), ..loose() };
    let relay = relay_to(&url, settings).await;
    let answer = rest(&mut ask(&relay).await).await;
    assert!(answer.starts_with(b"HTTP/1.1 502 "));
}

#[tokio::test]
async fn a_discord_that_does_not_answer_is_given_up() {
    let (listener, url) = listen().await;
    let settings = RelaySettings {
        handshake: Duration::from_millis(100),
        patience: Duration::ZERO,
        ..loose()
    };
    let relay = relay_to(&url, settings).await;
    let begun = Instant::now();
    let mut client = ask(&relay).await;
    let _silent = accept(&listener).await;
    assert!(rest(&mut client).await.starts_with(b"HTTP/1.1 502 "));
    assert!(begun.elapsed() >= Duration::from_millis(100));
}

/// Answers by turns: an error, an address, nonsense, an address that may not be, an error.
#[tokio::test]
async fn what_discord_said_last_counts_when_it_cannot_be_asked() {
    let (listener, url) = listen().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let upstream = Upstream::new(no_tls(), move || {
        let asked = count.fetch_add(1, Ordering::SeqCst);
        let url = url.clone();
        async move {
            let address = match asked {
                0 => url,
                1 => "what?".to_owned(),
                2 => "ws://192.0.2.1".to_owned(),
                _ => return Err(AskError::from("503")),
            };
            Ok(Gateway { address, sessions: None })
        }
    });
    let relay = Relay::start(upstream, loose()).await.unwrap();
    for _ in 0..4 {
        joined(&relay, &listener).await;
    }
    assert_eq!(asked.load(Ordering::SeqCst), 4, "it is asked before each connection");
}

#[tokio::test]
async fn a_discord_that_keeps_silent_when_asked_is_not_waited_for() {
    let (listener, url) = listen().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let upstream = Upstream::new(no_tls(), move || {
        let first = asked.fetch_add(1, Ordering::SeqCst) == 0;
        let url = url.clone();
        async move {
            if !first {
                std::future::pending::<()>().await;
            }
            Ok(Gateway { address: url, sessions: None })
        }
    });
    let settings = RelaySettings { handshake: Duration::from_millis(200), ..loose() };
    let relay = Relay::start(upstream, settings).await.unwrap();
    joined(&relay, &listener).await;
    joined(&relay, &listener).await;
}

#[tokio::test]
async fn one_who_goes_while_waiting_leaves_his_turn() {
    let (listener, url) = listen().await;
    let mut settings = loose();
    settings.brake.cap = 2;
    settings.brake.window = Duration::from_secs(2);
    let relay = relay_to(&url, settings).await;
    joined(&relay, &listener).await;
    joined(&relay, &listener).await;
    // The cap is reached: these three wait, and two go.
    let (gone, also_gone, mut stays) = (ask(&relay).await, ask(&relay).await, ask(&relay).await);
    drop(gone);
    drop(also_gone);
    let _server = upgrade(&listener).await;
    assert_eq!(head(&mut stays).await, SWITCH);
}
