//! Discord's own description of its API: what the fake is asked and answers in a run of all tests
//! is held against it by a script (CONTRIBUTING.md says how). Here only: that the script finds what
//! is wrong.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::sandbox::model::{peers, skipped};

/// Names the file of the description.
const DESCRIPTION: &str = "SHIPMATE_DISCORD_OPENAPI";

fn exchange(body: Value, answer: &Value) -> Value {
    json!({
        "method": "POST",
        "path": "/api/v10/users/@me/channels",
        "test": "somebody::asks",
        "content_type": "application/json",
        "body": body,
        "status": 200,
        "answer": answer,
        "ordered": false,
    })
}

#[test]
fn a_wrong_request_and_a_wrong_answer_are_found() {
    let test = "a_wrong_request_and_a_wrong_answer_are_found";
    let Some(description) = std::env::var_os(DESCRIPTION) else {
        eprintln!("{test} was skipped: {DESCRIPTION} names no file");
        return;
    };
    let node = peers().join("bin/node");
    if !node.exists() {
        return skipped(test, &format!("{} is not installed", node.display()));
    }
    let user = json!({
        "id": "4001", "username": "alice", "discriminator": "0", "global_name": null,
        "avatar": null, "public_flags": 0, "flags": 0, "primary_guild": null,
    });
    let opened = json!({"id": "1", "type": 1, "flags": 0, "recipients": [user]});
    let lines = [
        exchange(json!({"recipient_id": "4001"}), &opened),
        exchange(json!({"recipient_id": "alice"}), &opened),
        exchange(json!({"recipient_id": "4002"}), &json!({"id": "1", "type": 1, "flags": 0})),
    ];
    let folder = tempfile::tempdir().unwrap();
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    std::fs::write(folder.path().join("1.jsonl"), text).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/description.mjs");
    let mut command = Command::new(node);
    command.arg(script).arg(description).arg(folder.path()).arg("--some");
    let output = command.env("SHIPMATE_PEERS", peers()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}{error}");
    assert!(told.contains("asked: POST /users/@me/channels: Request body property recipient_id"));
    assert!(told.contains("the fake answers: POST /users/@me/channels: Response body"), "{told}");
    assert!(told.contains("3 kinds of requests to 1 operations: 2 complaints"), "{told}");
}
