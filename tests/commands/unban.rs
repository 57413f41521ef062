//! `unban`: a banned image may be promoted again.

use insta::assert_snapshot;

use crate::world::World;

async fn banned() -> World {
    let mut world = World::start().await;
    world.say("bob", "ban core:1.6.0 because it loses orders").await;
    world
}

#[tokio::test]
async fn then_the_policies_decide_again() {
    let mut world = banned().await;
    world.say("dave", "unban core:1.6.0 because it was the database").await;
    assert_snapshot!(world.text());
    world.say("alice", "promote core:1.6.0 to staging").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
}

#[tokio::test]
async fn by_whatever_names_it() {
    let mut world = banned().await;
    let digest = world.sandbox.digest("core", "1.6.0").unwrap();
    let prefix = &digest["sha256:".len()..][..12];
    world.sandbox.put_tag("core", "nightly", "1.6.0").unwrap();
    for name in ["core:1.6.0", "core:nightly", &format!("core@{digest}"), &format!("core@{prefix}")]
    {
        world.say("bob", &format!("unban {name}")).await;
        assert!(world.text().contains("core:1.6.0 is no longer banned"), "{}", world.text());
        world.say("bob", "ban core:1.6.0 because it loses orders").await;
    }
    // Also when it is gone from ECR.
    assert!(world.sandbox.delete_image("core", "1.6.0"));
    world.say("bob", "unban core:1.6.0").await;
    assert!(world.text().contains("core:1.6.0 is no longer banned"), "{}", world.text());
}

#[tokio::test]
async fn who_may_not_and_what_is_not_banned() {
    let mut world = banned().await;
    world.say("alice", "unban core:1.6.0").await;
    assert_snapshot!("may_not", world.text());
    world.say("bob", "unban core:1.5.0").await;
    assert_snapshot!("not_banned", world.text());
    world.say("alice", "promote core:1.6.0 to staging").await;
    assert!(world.text().contains("is banned by bob"), "{}", world.text());
}

#[tokio::test]
async fn what_is_banned_is_suggested() {
    let mut world = banned().await;
    assert_eq!(world.suggest("unban", "images", "1.6").await, ["core:1.6.0"]);
    assert!(world.suggest("unban", "images", "1.5").await.is_empty());
    world.say("bob", "unban core:1.6.0").await;
    assert!(world.suggest("unban", "images", "").await.is_empty());
}
