//! Discord's interactions over HTTP, as Discord sends them: through the server, signed.

use std::sync::{Arc, Mutex};

use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::{Value, json};
use shipmate::chat::discord::endpoint::{Deliver, Endpoint};
use shipmate::chat::discord::signature::Seal;
use shipmate::clock::OffsetClock;
use shipmate::ports::{Clock, Hook};
use shipmate::web::{Doors, Web};

use super::{Answer, key, open, post, public, sign};

const PATH: &str = "/discord/interactions";

/// A server with Discord's path, and what was delivered there.
struct Desk {
    web: Web,
    clock: Arc<OffsetClock>,
    delivered: Arc<Mutex<Vec<Value>>>,
}

/// Each interaction gets this initial response.
async fn desk(response: Option<Value>) -> Desk {
    let delivered = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&delivered);
    let deliver: Deliver = Arc::new(move |interaction| {
        seen.lock().unwrap().push(interaction);
        let response = response.clone();
        Box::pin(async move { response })
    });
    let clock = Arc::new(OffsetClock::default());
    clock.set("2026-11-24T09:00:00Z".parse().unwrap());
    let wall: Arc<dyn Clock> = Arc::<OffsetClock>::clone(&clock);
    let hook: Arc<dyn Hook> = Arc::new(Endpoint::new(Seal::new(public(&key())), wall, deliver));
    let hooks = [(PATH.to_owned(), hook)].into();
    let web = open(Doors { hooks, ..Doors::default() }).await;
    Desk { web, clock, delivered }
}

impl Desk {
    fn timestamp(&self) -> String {
        self.clock.now().as_second().to_string()
    }

    /// Signed, with the headers that Discord documents, in its own capitals.
    async fn send(&self, body: &[u8]) -> Answer {
        let timestamp = self.timestamp();
        self.send_signed(&timestamp, &sign(&key(), &timestamp, body), body).await
    }

    async fn send_signed(&self, timestamp: &str, signature: &str, body: &[u8]) -> Answer {
        let lines = format!(
            "Content-Type: application/json\r\nX-Signature-Ed25519: {signature}\r\nX-Signature-Timestamp: {timestamp}\r\n"
        );
        post(&self.web, PATH, &lines, body).await
    }

    fn delivered(&self) -> Vec<Value> {
        self.delivered.lock().unwrap().clone()
    }
}

fn refused(answer: &Answer) -> bool {
    (answer.status, answer.body.as_str()) == (401, "")
        && !answer.head.to_ascii_lowercase().contains("content-type")
}

#[tokio::test]
async fn a_ping_is_answered_and_goes_no_further() {
    let desk = desk(None).await;
    let answer = desk.send(br#"{"id":"1","type":1,"version":1}"#).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"type":1}"#));
    assert!(answer.has("content-type: application/json"), "{answer:?}");
    assert_eq!(desk.delivered(), Vec::<Value>::new());
}

#[tokio::test]
async fn an_interaction_is_delivered_and_answered_at_once() {
    let desk = desk(Some(json!({ "type": 5, "data": { "flags": 64 } }))).await;
    // Not as a library would write it: the signature is over these very bytes.
    let answer = desk.send(b"{ \"type\": 2,\n\t\"id\" : \"7\" }\n").await;
    assert_eq!(answer.status, 200);
    assert!(answer.has("content-type: application/json"), "{answer:?}");
    assert_eq!(answer.body, r#"{"type":5,"data":{"flags":64}}"#);
    assert_eq!(desk.delivered(), [json!({ "type": 2, "id": "7" })]);
}

#[tokio::test]
async fn an_interaction_that_is_answered_elsewhere_is_accepted() {
    let desk = desk(None).await;
    let answer = desk.send(br#"{"type":4,"id":"7"}"#).await;
    assert_eq!((answer.status, answer.body.as_str()), (202, ""));
    assert_eq!(desk.delivered().len(), 1);
}

#[tokio::test]
async fn what_is_not_signed_is_turned_away_without_a_word() {
    let desk = desk(Some(json!({ "type": 5 }))).await;
    let body = br#"{"type":2}"#;
    let timestamp = desk.timestamp();
    let signature = sign(&key(), &timestamp, body);
    let other = sign(&key(), &timestamp, br#"{"type":3}"#);
    let bad = desk.send_signed(&timestamp, &other, body).await;
    assert!(refused(&bad), "{bad:?}");
    let malformed = desk.send_signed(&timestamp, "zz", body).await;
    assert!(refused(&malformed), "{malformed:?}");
    let bare = post(&desk.web, PATH, "", body).await;
    assert!(refused(&bare), "{bare:?}");
    let lines = format!(
        "X-Signature-Ed25519: {signature}\r\nX-Signature-Ed25519: {signature}\r\nX-Signature-Timestamp: {timestamp}\r\n"
    );
    let twice = post(&desk.web, PATH, &lines, body).await;
    assert!(refused(&twice), "{twice:?}");
    // Nor is garbage told from anything else before it is known to be Discord's.
    let garbage = desk.send_signed(&timestamp, &signature, b"garbage").await;
    assert!(refused(&garbage), "{garbage:?}");
    assert_eq!(desk.delivered(), Vec::<Value>::new());
    assert_eq!(desk.send_signed(&timestamp, &signature, body).await.status, 200);
}

#[tokio::test]
async fn a_recording_is_turned_away_after_five_minutes() {
    let desk = desk(Some(json!({ "type": 5 }))).await;
    let body = br#"{"type":2}"#;
    let timestamp = desk.timestamp();
    let signature = sign(&key(), &timestamp, body);
    assert_eq!(desk.send_signed(&timestamp, &signature, body).await.status, 200);
    desk.clock.set("2026-11-24T09:05:02Z".parse().unwrap());
    let late = desk.send_signed(&timestamp, &signature, body).await;
    assert!(refused(&late), "{late:?}");
    desk.clock.set("2026-11-24T08:58:00Z".parse().unwrap());
    let early = desk.send_signed(&timestamp, &signature, body).await;
    assert!(refused(&early), "{early:?}");
    assert_eq!(desk.delivered().len(), 1);
}

#[tokio::test]
async fn garbage_that_is_signed_is_a_bad_request() {
    let desk = desk(Some(json!({ "type": 5 }))).await;
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let bodies: [&[u8]; 7] = [
        b"",
        b"garbage",
        b"[]",
        b"{}",
        br#"{"type":"2"}"#,
        b"{\"type\":2,\"text\":\"\xff\"}",
        deep.as_bytes(),
    ];
    for body in bodies {
        let answer = desk.send(body).await;
        assert_eq!((answer.status, answer.body.as_str()), (400, ""), "{}", body.len());
    }
    assert_eq!(desk.delivered(), Vec::<Value>::new());
}

/// The test's runtime has one thread, so that all of it counts in a recorder of its own.
#[tokio::test]
async fn refusals_are_counted_by_kind() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _counting = metrics::set_default_local_recorder(&recorder);
    let desk = desk(None).await;
    let body = br#"{"type":1}"#;
    let at = |seconds: i64| (desk.clock.now().as_second() + seconds).to_string();
    desk.send(body).await;
    post(&desk.web, PATH, "", body).await;
    desk.send_signed("soon", &"00".repeat(64), body).await;
    desk.send_signed(&at(-400), &"00".repeat(64), body).await;
    desk.send_signed(&at(400), &"00".repeat(64), body).await;
    desk.send_signed(&at(0), &"00".repeat(64), body).await;
    let rendered = recorder.handle().render();
    for kind in ["missing", "malformed", "too-old", "too-early", "wrong"] {
        let line = format!("shipmate_discord_signatures_refused_total{{kind=\"{kind}\"}} 1\n");
        assert!(rendered.contains(&line), "{kind} in\n{rendered}");
    }
}
