//! What a service answers over HTTP decides whether an image stays: tried through the
//! conversation, with a real server on loopback that answers well, badly, late or not at all.

use std::time::Duration;

use insta::assert_snapshot;
use shipmate::sandbox::Mishap;

use crate::world::{Peer, Plan, Reply, SETTINGS, World};

/// The settings that ship, and what `rest-api` is asked.
fn settings(verify: &str) -> Plan {
    let settings = format!("{SETTINGS}\n[[services.rest-api.verify]]\n{verify}\n");
    Plan { settings, settle: Duration::from_millis(300), ..Plan::default() }
}

async fn world(peer: &Peer, within: &str) -> World {
    let url = peer.url("/health?key=hunter2");
    let verify = format!("url = {{ staging = \"{url}\" }}\nwithin = \"{within}\"");
    World::of(settings(&verify)).await
}

/// What the bot said, with the server's port taken out.
fn told(world: &World, peer: &Peer) -> String {
    let told = world.everything();
    assert!(!told.contains("hunter2"), "{told}");
    told.replace(&peer.url(""), "http://127.0.0.1:1")
}

async fn promote(world: &mut World) {
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.wait().await;
}

/// Everything is back, and of `rest-api` so many tasks ever ran the new image.
async fn assert_undone(world: &World, most: usize) {
    let told = world.everything();
    assert_eq!(world.stage(1).await, "rolled-back", "{told}");
    world.assert_core("staging", "1.4.1");
    let new = world.sandbox.digest("core", "1.5.0").unwrap();
    let stopped = world.sandbox.stopped_tasks("staging", "rest-api").into_iter();
    let ran = stopped.filter(|task| task.digests.get("app") == Some(&new)).count();
    assert!((1..=most).contains(&ran), "{ran} of at most {most}\n{told}");
}

#[tokio::test]
async fn a_service_that_answers_well_is_asked_on_its_canary_and_at_the_end() {
    let peer = Peer::start([Reply::status(200)]).await;
    let mut world = world(&peer, "30s").await;
    promote(&mut world).await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", told(&world, &peer));
    assert_eq!(peer.asked(), ["/health?key=hunter2"; 6]);
    assert!(told(&world, &peer).contains("After-checks passed: rest-api."));
    world.say("alice", "show 1").await;
    let story = told(&world, &peer);
    let checked = "checked rest-api at http://127.0.0.1:1/health";
    assert_eq!(story.matches(checked).count(), 2, "{story}");
    world.say("alice", "promote core:1.6.0 to staging dry run").await;
    let plan = told(&world, &peer);
    let line = "rest-api is checked at http://127.0.0.1:1/health, on its canary and at the end";
    assert!(plan.contains(line), "{plan}");
}

#[tokio::test]
async fn one_task_meets_an_image_that_answers_badly() {
    let peer = Peer::start([Reply::status(503)]).await;
    let mut world = world(&peer, "1s").await;
    promote(&mut world).await;
    assert_undone(&world, 1).await;
    assert!(peer.asked().len() > 2, "it is asked again: {:?}", peer.asked());
    assert_snapshot!(told(&world, &peer));
}

#[tokio::test]
async fn a_service_that_answers_badly_at_the_end_is_undone_as_well() {
    let peer = Peer::start([200, 200, 200, 500].map(Reply::status)).await;
    let mut world = world(&peer, "1s").await;
    promote(&mut world).await;
    assert_undone(&world, 3).await;
    let told = told(&world, &peer);
    assert!(
        told.contains(
            "rest-api did not pass its check at the end: http://127.0.0.1:1/health answered 500, \
             not 200, for N s."
        ),
        "{told}"
    );
}

/// Behind one address the old tasks may still answer, too.
#[tokio::test]
async fn a_right_answer_between_wrong_ones_is_not_enough() {
    let peer = Peer::start([200, 503, 200, 200, 503].map(Reply::status)).await;
    let mut world = world(&peer, "1s").await;
    promote(&mut world).await;
    assert_undone(&world, 1).await;
    assert!(told(&world, &peer).contains("/health answered 503, not 200"));
}

#[tokio::test]
async fn a_service_has_the_time_to_recover() {
    let slow = Reply::status(200).after(Duration::from_millis(400));
    let peer = Peer::start([Reply::status(503), Reply::status(503), slow]).await;
    let mut world = world(&peer, "30s").await;
    promote(&mut world).await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", told(&world, &peer));
}

#[tokio::test]
async fn a_service_that_does_not_answer_in_time_is_undone() {
    let peer = Peer::start([Reply::status(200).after(Duration::from_secs(600))]).await;
    let mut world = world(&peer, "1s").await;
    promote(&mut world).await;
    assert_undone(&world, 1).await;
    let told = told(&world, &peer);
    assert!(told.contains("/health gave no answer, for N s."), "{told}");
}

#[tokio::test]
async fn nobody_at_the_address_is_a_failure_that_shows_no_secret() {
    let verify = "url = \"http://127.0.0.1:1/health?key=hunter2\"\nwithin = \"1s\"";
    let mut world = World::of(settings(verify)).await;
    promote(&mut world).await;
    assert_undone(&world, 1).await;
    let told = world.everything();
    assert!(told.contains("http://127.0.0.1:1/health could not be asked (Connection"), "{told}");
    assert!(!told.contains("hunter2"), "{told}");
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let elsewhere = Peer::start([Reply::status(200)]).await;
    let peer = Peer::start([Reply::status(302).location(&elsewhere.url("/"))]).await;
    let mut world = world(&peer, "1s").await;
    promote(&mut world).await;
    assert_undone(&world, 1).await;
    assert!(told(&world, &peer).contains("/health answered 302, not 200"));
    assert_eq!(elsewhere.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn a_text_that_must_occur_is_looked_for() {
    let long = "x".repeat(100_000);
    let good = Reply::status(204).body("");
    let peer = Peer::start([good, Reply::status(204)]).await;
    let ready = Peer::start([Reply::status(200).body(&format!("{long} ready {long}"))]).await;
    let verify = format!(
        "url = \"{}\"\nexpect = 204\n[[services.rest-api.verify]]\nurl = \"{}\"\nbody = \"ready\"\nwithin = \"1s\"",
        peer.url("/a"),
        ready.url("/b"),
    );
    let mut world = World::of(settings(&verify)).await;
    promote(&mut world).await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
    assert_eq!((peer.asked().len(), ready.asked().len()), (6, 6));
    ready.answer([Reply::status(200).body("not yet")]);
    world.say("alice", "promote core:1.6.0 to staging").await;
    world.wait().await;
    assert_eq!(world.stage(2).await, "rolled-back", "{}", world.everything());
    let told = world.everything();
    assert!(told.contains("/b answered 200, but without “ready”, for N s."), "{told}");
}

#[tokio::test]
async fn a_body_is_read_so_far_and_no_further() {
    let far = format!("{} ready", "x".repeat(300_000));
    let peer = Peer::start([Reply::status(200).body(&far)]).await;
    let url = peer.url("/");
    let verify = format!("url = \"{url}\"\nbody = \"ready\"\nwithin = \"1s\"");
    let mut world = World::of(settings(&verify)).await;
    promote(&mut world).await;
    assert_undone(&world, 1).await;
}

#[tokio::test]
async fn an_environment_that_has_no_address_is_not_checked() {
    let peer = Peer::start([Reply::status(503)]).await;
    let mut world = world(&peer, "1s").await;
    world.verified_on_staging("core", "1.5.0").await;
    let line = "promote core:1.5.0 to production break glass because we must";
    world.say("dave", line).await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
    assert_eq!(peer.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn a_check_that_a_process_leaves_behind_is_made_by_the_next() {
    let peer = Peer::start([Reply::status(200).after(Duration::from_secs(600))]).await;
    let mut world = world(&peer, "60s").await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.until("the canary is asked", || !peer.asked().is_empty()).await;
    world.until_said("Checking rest-api at").await;
    world.kill().await;
    peer.answer([Reply::status(200)]);
    world.begin().await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", told(&world, &peer));
    assert_eq!(peer.asked().len(), 7);
}

/// Nobody has asked, so nobody says that it passed.
#[tokio::test]
async fn what_is_asked_no_more_has_not_passed() {
    let peer = Peer::start([Reply::status(200).after(Duration::from_secs(600))]).await;
    let mut world = world(&peer, "60s").await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.until("the canary is asked", || !peer.asked().is_empty()).await;
    world.kill().await;
    let mut settings = world.settings_without("nothing");
    for environment in settings.environments.0.values_mut() {
        environment.services.iter_mut().for_each(|service| service.verify.clear());
    }
    world.set_settings(settings);
    world.begin().await;
    world.wait().await;
    let told = told(&world, &peer);
    assert_eq!(world.stage(1).await, "succeeded", "{told}");
    assert!(told.contains("the settings name no check any more: rest-api."), "{told}");
    assert!(!told.contains("After-checks passed"), "{told}");
}

#[tokio::test]
async fn a_check_keeps_nobody_from_calling_it_off() {
    let peer = Peer::start([Reply::status(200).after(Duration::from_secs(600))]).await;
    let mut world = world(&peer, "10m").await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.until("the canary is asked", || !peer.asked().is_empty()).await;
    world.say("alice", "cancel 1").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "cancelled", "{}", told(&world, &peer));
    world.assert_core("staging", "1.4.1");
}

#[tokio::test]
async fn a_task_that_dies_while_it_is_asked_is_seen_at_once() {
    let peer = Peer::start([Reply::status(200).after(Duration::from_secs(600))]).await;
    let mut world = world(&peer, "10m").await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.until("the canary is asked", || !peer.asked().is_empty()).await;
    let new = world.sandbox.digest("core", "1.5.0").unwrap();
    let mut tasks = world.sandbox.tasks("staging", "rest-api").into_iter();
    let canary = tasks.find(|task| task.digests.get("app") == Some(&new));
    world.sandbox.befall(&canary.unwrap().id, Mishap::Exits(3));
    world.wait().await;
    // ECS may try it again before the tag is back.
    assert_undone(&world, 2).await;
    let told = told(&world, &peer);
    assert!(told.contains("A new task of rest-api ended with exit code 3"), "{told}");
}

#[tokio::test]
async fn a_service_without_tasks_is_asked_nothing() {
    let peer = Peer::start([Reply::status(503)]).await;
    let mut world = world(&peer, "1s").await;
    assert!(world.sandbox.set_desired("staging", "rest-api", 0));
    world.until("no task is left", || world.tasks("staging", "rest-api").is_empty()).await;
    promote(&mut world).await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", told(&world, &peer));
    assert_eq!(peer.asked(), Vec::<String>::new());
}
