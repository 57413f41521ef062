//! Callers who are slow or hang up, and the end of the server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use shipmate::web::{Doors, Limits, Web};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::{Echo, LONG, answer, connect, gate, get, hooked, next, open, posted, rest};

const SHORT: Duration = Duration::from_millis(150);

/// Patient in everything: a test shortens what it is about.
fn patient() -> Limits {
    Limits { head: LONG, body: LONG, answer: LONG, farewell: LONG, connections: 8 }
}

/// Waits until nobody listens there any more.
async fn until_closed(address: std::net::SocketAddr) {
    let begin = Instant::now();
    while TcpStream::connect(address).await.is_ok() {
        assert!(begin.elapsed() < LONG, "it still listens");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn who_never_ends_a_head_is_hung_up_on() {
    let limits = Limits { head: SHORT, ..patient() };
    let web = open(Doors { limits, ..Doors::default() }).await;
    let begin = Instant::now();
    let mut silent = connect(web.address()).await;
    assert_eq!(rest(&mut silent).await, b"");
    let mut dripping = connect(web.address()).await;
    dripping.write_all(b"GET /healthz HTTP/1.1\r\n").await.unwrap();
    // A line now and then does not buy more time.
    while dripping.write_all(b"X-More: 1\r\n").await.is_ok() {
        assert!(begin.elapsed() < LONG, "it is still listened to");
        tokio::time::sleep(SHORT / 5).await;
    }
}

#[tokio::test]
async fn a_head_has_a_longest_length() {
    let web = open(Doors { limits: patient(), ..Doors::default() }).await;
    let mut stream = connect(web.address()).await;
    let head = format!("GET /healthz HTTP/1.1\r\nX-Long: {}", "x".repeat(33 * 1024));
    stream.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(answer(&mut stream).await.status, 431);
}

#[tokio::test]
async fn who_never_ends_a_body_is_told_so() {
    let limits = Limits { body: SHORT, ..patient() };
    let web = open(Doors { limits, ..hooked(Echo) }).await;
    let mut stream = connect(web.address()).await;
    let request = posted("/hook", "", b"0123456789");
    stream.write_all(&request[..request.len() - 1]).await.unwrap();
    let answer = answer(&mut stream).await;
    assert_eq!((answer.status, answer.body.as_str()), (408, "the body did not come in time\n"));
}

#[tokio::test]
async fn a_hook_that_is_slow_is_not_waited_for_and_goes_on() {
    let (hook, go, mut said) = gate();
    let limits = Limits { answer: SHORT, ..patient() };
    let web = open(Doors { limits, ..hooked(hook) }).await;
    let answer = super::post(&web, "/hook", "", b"").await;
    assert_eq!((answer.status, answer.body.as_str()), (503, "this took too long on our side\n"));
    assert_eq!(next(&mut said).await, "began");
    go.notify_one();
    assert_eq!(next(&mut said).await, "done");
}

#[tokio::test]
async fn who_hangs_up_leaves_the_hook_at_work() {
    let (hook, go, mut said) = gate();
    let web = open(Doors { limits: patient(), ..hooked(hook) }).await;
    let mut stream = connect(web.address()).await;
    stream.write_all(&posted("/hook", "", b"")).await.unwrap();
    assert_eq!(next(&mut said).await, "began");
    drop(stream);
    // The server has seen it by the time at which it answers somebody else.
    assert_eq!(get(&web, "/healthz").await.status, 200);
    go.notify_one();
    assert_eq!(next(&mut said).await, "done");
}

#[tokio::test]
async fn those_who_do_not_fit_wait_until_there_is_room() {
    let (hook, go, mut said) = gate();
    let limits = Limits { connections: 1, ..patient() };
    let web = Arc::new(open(Doors { limits, ..hooked(hook) }).await);
    let mut first = connect(web.address()).await;
    first.write_all(&posted("/hook", "", b"")).await.unwrap();
    assert_eq!(next(&mut said).await, "began");
    let server = Arc::clone(&web);
    let second = tokio::spawn(async move { get(&server, "/healthz").await });
    tokio::time::sleep(SHORT).await;
    assert!(!second.is_finished(), "there was room for a second one");
    go.notify_one();
    assert_eq!(answer(&mut first).await.status, 200);
    assert_eq!(second.await.unwrap().status, 200);
}

#[tokio::test]
async fn what_is_under_way_is_answered_before_it_stops() {
    let (hook, go, mut said) = gate();
    let web = open(Doors { limits: patient(), ..hooked(hook) }).await;
    let address = web.address();
    let mut stream = connect(address).await;
    stream.write_all(&posted("/hook", "", b"")).await.unwrap();
    assert_eq!(next(&mut said).await, "began");
    let stopping = tokio::spawn(web.stop());
    until_closed(address).await;
    assert!(!stopping.is_finished(), "it did not wait");
    go.notify_one();
    let answer = answer(&mut stream).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "\"gone through\""));
    stopping.await.unwrap();
}

#[tokio::test]
async fn nobody_can_keep_it_from_stopping() {
    let limits = Limits { farewell: SHORT, ..patient() };
    let (hook, _go, mut said) = gate();
    let web = open(Doors { limits, ..hooked(hook) }).await;
    let mut silent = connect(web.address()).await;
    let mut waiting = connect(web.address()).await;
    waiting.write_all(&posted("/hook", "", b"")).await.unwrap();
    assert_eq!(next(&mut said).await, "began");
    tokio::time::timeout(LONG, web.stop()).await.expect("it stops all the same");
    assert_eq!(rest(&mut silent).await, b"");
    assert_eq!(rest(&mut waiting).await, b"");
}

#[tokio::test]
async fn it_stops_when_it_is_dropped() {
    let web: Web = open(Doors::default()).await;
    let address = web.address();
    drop(web);
    until_closed(address).await;
}
