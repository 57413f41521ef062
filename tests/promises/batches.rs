//! How many tasks are stopped at once is said in the plan, and is what happens.

use shipmate::sandbox::Call;

use crate::world::{Plan, SETTINGS, World};

/// The settings that ship, with a batch for staging and another for one service of it.
async fn with_batches(environment: &str, worker: &str) -> World {
    let settings = SETTINGS
        .replace(
            "[environments.staging]\n",
            &format!("[environments.staging]\nbatch = {environment}\n"),
        )
        .replace("[services.worker]\n", &format!("[services.worker]\nbatch = {worker}\n"));
    World::of(Plan { settings, ..Plan::default() }).await
}

/// How many tasks of a service were told to stop between one look at its tasks and the next.
fn batches(world: &World, service: &str) -> Vec<usize> {
    let ours = world.sandbox.stopped_tasks("staging", service);
    let ours: Vec<String> = ours.into_iter().map(|task| task.arn).collect();
    let mut batches = Vec::new();
    let mut open = false;
    let about = |call: &Call| call.parameters["task"].as_str().unwrap_or_default().to_owned();
    for call in world.sandbox.calls() {
        match call.operation.as_str() {
            "StopTask" if ours.contains(&about(&call)) => {
                match batches.last_mut() {
                    Some(last) if open => *last += 1,
                    Some(_) | None => batches.push(1),
                }
                open = true;
            }
            "DescribeTasks" => open = false,
            _ => {}
        }
    }
    batches
}

#[tokio::test]
async fn all_at_once_is_agreed_to_loudly_and_done_without_a_canary() {
    let mut world = with_batches("\"all\"", "\"room\"").await;
    world.say("alice", "dry run promote core:1.5.0 to staging").await;
    insta::assert_snapshot!(world.text());
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
    world.assert_core("staging", "1.5.0");
    assert_eq!(batches(&world, "rest-api"), [3]);
    assert_eq!(batches(&world, "worker"), [1, 1]);
}

#[tokio::test]
async fn a_number_is_kept_to_although_there_is_more_room() {
    let mut world = with_batches("1", "\"100%\"").await;
    world.sandbox.set_desired("staging", "rest-api", 6);
    let six = |view: &shipmate::sandbox::ServiceView| view.is_steady() && view.tasks.len() == 6;
    assert!(world.sandbox.wait_for("staging", "rest-api", crate::world::LONG, six).await);
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.wait().await;
    world.assert_core("staging", "1.5.0");
    assert_eq!(batches(&world, "rest-api"), [1; 6]);
}

#[tokio::test]
async fn a_bad_image_that_went_everywhere_at_once_comes_back() {
    let mut world = with_batches("\"all\"", "\"all\"").await;
    world.say("alice", "promote core:1.6.0-crash to staging").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "rolled-back", "{}", world.everything());
    world.assert_core("staging", "1.4.1");
}
