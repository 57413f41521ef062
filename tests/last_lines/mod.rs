//! Why a task died, tried through the conversation: in plain words, and with the last lines of its
//! log where the settings say so.

mod wire;

use std::time::Duration;

use shipmate::sandbox::{Behaviour, Fault, FaultKind, ImageSpec};

use crate::world::{Plan, SETTINGS, World};

/// The settings that ship, with logs shown for staging.
fn with_logs() -> String {
    SETTINGS.replace("tag     = \"staging-latest\"", "tag     = \"staging-latest\"\nlogs = true")
}

async fn world(settings: String) -> World {
    let settle = Duration::from_millis(300);
    World::of(Plan { settings, settle, ..Plan::default() }).await
}

async fn promote(world: &mut World, lines: &[&str]) {
    let behaviour = Behaviour::Crash { exit_code: 3 };
    let image = ImageSpec::new("1.7.0").behaviour(behaviour).logs(lines);
    world.sandbox.push("core", &image).unwrap();
    world.say("alice", "promote core:1.7.0 to staging").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "rolled-back", "{}", world.everything());
    world.assert_core("staging", "1.4.1");
}

fn reads(world: &World) -> Vec<String> {
    let calls = world.sandbox.calls().into_iter();
    calls.filter(|call| call.operation == "GetLogEvents").map(|call| call.outcome).collect()
}

#[tokio::test]
async fn the_last_lines_of_a_task_that_failed_are_shown() {
    let mut world = world(with_logs()).await;
    let many: Vec<String> = (0..40).map(|number| format!("line {number}")).collect();
    let mut lines: Vec<&str> = many.iter().map(String::as_str).collect();
    lines.push("panic: no database at db.internal\u{202e} @everyone **bold**");
    promote(&mut world, &lines).await;
    let card = world.card_text(1);
    assert!(card.contains("Last lines of app"), "{card}");
    assert!(card.contains("│ panic: no database at db.internal @everyone **bold**"), "{card}");
    assert!(card.contains("│ line 37") && !card.contains("│ line 36"), "{card}");
    world.say("alice", "show 1").await;
    assert!(world.text().contains("the last lines of app, task "), "{}", world.text());
    let read = world.deployment(1).await.rollout().unwrap().last_lines.clone().unwrap();
    assert_eq!((read.lines.len(), read.unread), (15, None));
    assert_eq!(reads(&world), ["ok"]);
}

#[tokio::test]
async fn where_the_settings_do_not_say_so_nothing_is_read() {
    let mut world = world(SETTINGS.to_owned()).await;
    promote(&mut world, &["a secret"]).await;
    assert!(!world.everything().contains("a secret"), "{}", world.everything());
    assert_eq!(reads(&world), Vec::<String>::new());
}

#[tokio::test]
async fn a_log_that_cannot_be_read_changes_nothing() {
    let mut world = world(with_logs()).await;
    let kind = FaultKind::Refuse { error: "AccessDeniedException".to_owned() };
    let fault = Fault { operation: "GetLogEvents".to_owned(), times: 100, kind };
    world.sandbox.order(fault).unwrap();
    promote(&mut world, &["unseen"]).await;
    world.say("alice", "show 1").await;
    let told = world.everything();
    assert!(told.contains("could not read the log of app, task "), "{told}");
    assert!(told.contains("logs:GetLogEvents"), "{told}");
    assert!(!told.contains("unseen"), "{told}");
}
