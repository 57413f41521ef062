//! Every scenario of the terminal again, said on Discord: the same tests with the same snapshots,
//! in a process of their own, through real serenity and a fake Discord at the wire.

use std::process::Command;
use std::sync::{Mutex, PoisonError};

use crate::world::CHAT;

/// One chat after the other: all of them at once would only wait for each other.
static TURN: Mutex<()> = Mutex::new(());

/// Plays the conversations of `commands`, `promises` and `freezes` in another chat than the terminal.
fn again_on(chat: &str) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let tests = std::env::current_exe().unwrap();
    let mut again = Command::new(tests);
    again.args(["commands::", "promises::", "freezes::", "--test-threads=4"]);
    // The demo of the terminal is no conversation on Discord.
    again.args(["--skip", "it_runs_at_once"]);
    let output = again.env(CHAT, chat).env("INSTA_UPDATE", "no").output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    let failed: Vec<&str> = told.lines().filter(|line| line.ends_with("FAILED")).collect();
    assert!(output.status.success(), "{failed:#?}\n{told}");
    let ran = told.matches(" ... ok").count();
    assert!(ran > 110, "only {ran} scenarios were played");
    let nothing = String::from_utf8_lossy(&output.stderr);
    for output in [told, nothing] {
        assert!(!output.contains("MTAw.fake.token"), "the token is told");
    }
}

#[test]
fn with_serenitys_limiter() {
    again_on("discord");
}

#[test]
fn with_limits_obeyed_by_us() {
    again_on("discord-plain");
}
