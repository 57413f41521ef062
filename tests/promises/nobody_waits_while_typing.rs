//! What is suggested while somebody types comes in time, whatever AWS does: a chat that waits
//! longer than three seconds shows nothing at all.

use std::time::{Duration, Instant};

use shipmate::sandbox::{Fault, FaultKind, ImageSpec};

use crate::world::{SETTINGS, World};

/// Discord's patience.
const IN_TIME: Duration = Duration::from_secs(3);

fn hang(world: &World) {
    world.sandbox.order(Fault::new("DescribeImages", 1000, FaultKind::Hang)).unwrap();
}

#[tokio::test]
async fn the_newest_images_are_suggested_and_the_form_says_a_command() {
    let mut world = World::start().await;
    let suggested = world.suggest("promote", "images", "CORE:1.5").await;
    assert!(suggested.contains(&"core:1.5.0".to_owned()), "{suggested:?}");
    let suggested = world.suggest("promote", "images", "core:").await;
    assert!(!suggested.iter().any(|value| value.contains("latest")), "{suggested:?}");
    let values = [("images", "core:1.5.0"), ("environment", "staging"), ("dry-run", "true")];
    let line = world.line("promote", &values);
    world.say("alice", &line).await;
    assert!(world.text().contains("core:1.5.0"), "{}", world.text());
    world.assert_untouched();
}

#[tokio::test]
async fn a_slow_answer_is_waited_for_the_first_time() {
    let world = World::start().await;
    let kind = FaultKind::Delay { millis: 100 };
    world.sandbox.order(Fault::new("DescribeImages", 1000, kind)).unwrap();
    let suggested = world.suggest("promote", "images", "core:1.5.0").await;
    assert_eq!(suggested.first().map(String::as_str), Some("core:1.5.0"), "{suggested:?}");
}

#[tokio::test]
async fn without_an_answer_there_are_repositories_and_readings_do_not_pile_up() {
    let world = World::start().await;
    hang(&world);
    let began = Instant::now();
    let typing = (0..20).map(|_| world.suggest("promote", "images", ""));
    for suggested in futures::future::join_all(typing).await {
        assert_eq!(suggested, ["core:", "web:"]);
    }
    assert!(began.elapsed() < IN_TIME, "{:?}", began.elapsed());
    // Other fields have no need of ECR, and do not wait at all.
    assert_eq!(world.suggest("promote", "environment", "prod").await, ["production"]);
    world.suggest("promote", "images", "").await;
    let calls = world.sandbox.count_calls("DescribeImages");
    let repositories_of_environments = 2 * 2;
    assert!((1..=repositories_of_environments).contains(&calls), "{calls} calls");
    assert!(SETTINGS.contains("environments.production"));
}

#[tokio::test]
async fn old_tags_are_given_at_once_and_read_anew_behind_them() {
    let world = World::start().await;
    let typed = "core:9";
    assert!(world.suggest("promote", "images", typed).await.is_empty());
    world.sandbox.push("core", &ImageSpec::new("9.9.9")).unwrap();
    let calls = world.sandbox.count_calls("DescribeImages");
    assert!(world.suggest("promote", "images", typed).await.is_empty());
    assert_eq!(world.sandbox.count_calls("DescribeImages"), calls, "they are fresh");
    world.set_clock("2026-11-24T09:01:00Z");
    while world.suggest("promote", "images", typed).await != ["core:9.9.9"] {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // What is known by now is given although AWS hangs, and without any wait.
    hang(&world);
    world.set_clock("2026-11-24T09:02:00Z");
    let calls = world.sandbox.count_calls("DescribeImages");
    let began = Instant::now();
    for _ in 0..5 {
        assert_eq!(world.suggest("promote", "images", typed).await, ["core:9.9.9"]);
    }
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert!(world.sandbox.count_calls("DescribeImages") <= calls + 4);
}
