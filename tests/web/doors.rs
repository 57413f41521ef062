//! What each path answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use shipmate::ports::{Hook, HookAnswer, HookRequest};
use shipmate::web::{Doors, LONGEST_BODY, Web, WebError};
use tokio::io::AsyncWriteExt;

use super::{ANY, Echo, answer, connect, get, hooked, open, post, send};

#[tokio::test]
async fn it_is_alive() {
    let web = open(Doors::default()).await;
    let answer = get(&web, "/healthz").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "alive\n"));
}

#[tokio::test]
async fn it_is_ready_once_all_of_it_is() {
    let connected = Arc::new(AtomicBool::new(false));
    let chat = Arc::clone(&connected);
    let chat = move || {
        if chat.load(Ordering::SeqCst) { Ok(()) } else { Err("the chat is not connected") }
    };
    let journal = Arc::clone(&connected);
    let journal = move || {
        if journal.load(Ordering::SeqCst) { Ok(()) } else { Err("the journal is not read") }
    };
    let ready: Vec<shipmate::web::ReadyCheck> =
        vec![Arc::new(|| Ok(())), Arc::new(chat), Arc::new(journal)];
    let web = open(Doors { ready, ..Doors::default() }).await;
    let answer = get(&web, "/readyz").await;
    assert_eq!(answer.status, 503);
    assert!(answer.has("content-type: application/json"), "{answer:?}");
    let said: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    let reasons = ["the chat is not connected", "the journal is not read"];
    assert_eq!(said, serde_json::json!({ "ready": false, "reasons": reasons }));
    connected.store(true, Ordering::SeqCst);
    let answer = get(&web, "/readyz").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"ready":true,"reasons":[]}"#));
}

#[tokio::test]
async fn metrics_are_rendered_where_there_are_any() {
    let metrics: shipmate::web::Metrics = Arc::new(|| "ships_total 3\n".to_owned());
    let web = open(Doors { metrics: Some(metrics), ..Doors::default() }).await;
    let answer = get(&web, "/metrics").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "ships_total 3\n"));
    assert!(answer.has("content-type: text/plain; version=0.0.4; charset=utf-8"), "{answer:?}");
    let web = open(Doors::default()).await;
    assert_eq!(get(&web, "/metrics").await.status, 404);
}

#[tokio::test]
async fn other_paths_and_methods_are_turned_away_in_plain_words() {
    let web = open(hooked(Echo)).await;
    for path in ["/", "/hook/", "/hooks", "/healthz/x", "/%2e%2e/healthz"] {
        let answer = get(&web, path).await;
        let said = (answer.status, answer.body.as_str());
        assert_eq!(said, (404, "there is nothing at this path\n"), "{path}");
    }
    let answer = get(&web, "/hook").await;
    assert_eq!((answer.status, answer.has("allow: post")), (405, true), "{answer:?}");
    assert_eq!(answer.body, "this path is not asked for in this way\n");
    let answer = post(&web, "/healthz", "", b"").await;
    assert_eq!((answer.status, answer.has("allow: get,head")), (405, true), "{answer:?}");
}

#[tokio::test]
async fn a_hook_gets_headers_and_body_as_they_came() {
    let web = open(hooked(Echo)).await;
    let lines = "X-One: a\r\nX-ONE: b\r\nX-Two: \u{e9}\r\n";
    let answer = post(&web, "/hook", lines, b"{ \"a\" :1}\0\xff").await;
    assert_eq!(answer.status, 200);
    assert!(answer.has("content-type: application/json"), "{answer:?}");
    assert_eq!(answer.body, r#"{"length":11,"marks":[["x-one","a"],["x-one","b"]]}"#);
}

#[test]
fn a_header_that_was_sent_twice_is_none() {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let headers = vec![pair("x-one", "a"), pair("x-two", "b"), pair("x-one", "a")];
    let request = HookRequest { headers, body: Vec::new() };
    assert_eq!(request.header("x-two"), Some("b"));
    assert_eq!(request.header("x-one"), None);
    assert_eq!(request.header("x-three"), None);
}

#[tokio::test]
async fn a_body_has_a_longest_length() {
    let web = open(hooked(Echo)).await;
    let longest = vec![b'x'; LONGEST_BODY];
    let answer = post(&web, "/hook", "", &longest).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("\"length\":262144"), "{answer:?}");
    // Announced: refused without a byte of it.
    let head = format!("POST /hook HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", 262_145);
    let answer = send(&web, head.as_bytes()).await;
    assert_eq!((answer.status, answer.body.as_str()), (413, "the body is too long\n"));
    // Not announced: refused once there is too much of it.
    let mut stream = connect(web.address()).await;
    let head = "POST /hook HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n40001\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&longest).await.unwrap();
    stream.write_all(b"x\r\n").await.unwrap();
    assert_eq!(super::answer(&mut stream).await.status, 413);
}

/// Breaks half way.
struct Broken;

#[async_trait]
impl Hook for Broken {
    async fn call(&self, request: HookRequest) -> HookAnswer {
        assert!(request.body.is_empty(), "a body that says too much");
        HookAnswer { status: 9999, content_type: "text/plain", body: Vec::new() }
    }
}

#[tokio::test]
async fn a_hook_that_breaks_breaks_nothing_else() {
    let web = open(hooked(Broken)).await;
    let answer = post(&web, "/hook", "", b"x").await;
    assert_eq!((answer.status, answer.body.as_str()), (500, "this went wrong on our side\n"));
    assert_eq!(post(&web, "/hook", "", b"").await.status, 500);
    assert_eq!(get(&web, "/healthz").await.status, 200);
}

#[tokio::test]
async fn one_connection_carries_one_request() {
    let web = open(Doors::default()).await;
    let mut stream = connect(web.address()).await;
    let twice = "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n".repeat(2);
    stream.write_all(twice.as_bytes()).await.unwrap();
    let answer = answer(&mut stream).await;
    assert!(answer.has("connection: close"), "{answer:?}");
    assert_eq!(answer.body, "alive\n");
}

#[tokio::test]
async fn a_hook_can_only_be_at_a_path_of_its_own() {
    for path in ["/healthz", "/readyz", "/metrics", "", "hook", "/{any}", "/*rest", "/a b"] {
        let hook: Arc<dyn Hook> = Arc::new(Echo);
        let doors = Doors { hooks: [(path.to_owned(), hook)].into(), ..Doors::default() };
        let refused = Web::serve(ANY, doors).await.err();
        assert!(matches!(refused, Some(WebError::Path(_))), "{path}: {refused:?}");
    }
}

#[tokio::test]
async fn an_address_that_is_taken_is_an_error() {
    let web = open(Doors::default()).await;
    let error = Web::serve(web.address(), Doors::default()).await.err().unwrap();
    assert_eq!(error.to_string(), format!("{} cannot be listened on", web.address()));
}
