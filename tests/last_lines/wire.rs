//! The one call to CloudWatch Logs at the wire: what is asked and signed, and that no answer of
//! it is more than an error.

use std::time::Duration;

use serde_json::json;
use shipmate::aws::{Account, Aws, Endpoint, LogPlace};
use shipmate::domain::id::EnvironmentName;
use shipmate::settings::Settings;

use crate::world::{Peer, Reply, SETTINGS};

async fn account(peer: &Peer) -> Account {
    let settings = Settings::parse("shipmate.toml", SETTINGS, Vec::new()).unwrap();
    let endpoint = Endpoint::Simulated { url: peer.url("/") };
    let aws = Aws::connect(&settings.environments, &endpoint, None).await;
    aws.account(&EnvironmentName::new("staging")).unwrap().clone()
}

fn place() -> LogPlace {
    LogPlace { group: "/shop".to_owned(), stream: "ecs/app/0f".to_owned(), region: None }
}

#[tokio::test]
async fn the_call_is_signed_and_its_events_are_read() {
    let events = json!({ "events": [{ "timestamp": 1, "message": "one" }, { "message": "two" }] });
    let peer = Peer::start([Reply::status(200).body(&events.to_string())]).await;
    let lines = account(&peer).await.logs.last_lines(&place()).await.unwrap();
    assert_eq!(lines, ["one", "two"]);
    let heads = peer.heads();
    let [head] = heads.as_slice() else { panic!("{heads:?}") };
    assert!(head.starts_with("post / http/1.1\r\n"), "{head}");
    assert!(head.contains("\r\nx-amz-target: logs_20140328.getlogevents\r\n"), "{head}");
    let scope =
        "/eu-west-1/logs/aws4_request, signedheaders=content-type;host;x-amz-date;x-amz-target";
    assert!(head.contains("\r\nauthorization: aws4-hmac-sha256 credential=simulated/"), "{head}");
    assert!(head.contains(scope), "{head}");
}

#[tokio::test]
async fn a_log_in_another_region_is_read_there() {
    let peer = Peer::start([Reply::status(200).body("{}")]).await;
    let there = LogPlace { region: Some("eu-central-1".to_owned()), ..place() };
    account(&peer).await.logs.last_lines(&there).await.unwrap();
    assert!(peer.heads()[0].contains("/eu-central-1/logs/aws4_request"), "{:?}", peer.heads());
}

#[tokio::test]
async fn every_other_answer_is_an_error_with_its_name() {
    let refused = r#"{"__type":"com.amazonaws#AccessDeniedException","Message":"not you"}"#;
    let slow = Reply::status(200).body("{}").after(Duration::from_secs(60));
    for (reply, code) in [
        (Reply::status(400).body(refused), "AccessDeniedException"),
        (
            Reply::status(400).body(r#"{"__type":"ResourceNotFoundException"}"#),
            "ResourceNotFoundException",
        ),
        (Reply::status(503).body("<html>"), "NoAnswer"),
        (Reply::status(200).body("<html>"), "Nonsense"),
        (Reply::status(200).body(&"x".repeat(3 << 20)), "Nonsense"),
        (slow, "Timeout"),
    ] {
        let peer = Peer::start([reply]).await;
        let error = account(&peer).await.logs.last_lines(&place()).await.unwrap_err();
        assert_eq!(error.code(), code);
        assert!(error.to_string().contains("logs:GetLogEvents"), "{error}");
    }
}
