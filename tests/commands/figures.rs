//! `figures`: how well deploying has gone, out of the journal.

use crate::world::World;

#[tokio::test]
async fn of_a_week_and_of_any_time() {
    let mut world = World::start().await;
    world.say("eve", "figures").await;
    let told = world.text();
    assert!(told.contains("Figures of the last 7 days"), "{told}");
    assert!(told.contains("No deployments in 7 days"), "{told}");
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.wait().await;
    world.say("dave", "promote core:1.5.0 to production break glass because it is urgent").await;
    world.wait().await;
    assert_eq!(world.stage(2).await, "succeeded", "{}", world.everything());
    world.say("eve", "figures last 30 days").await;
    let told = world.text();
    assert!(told.contains("1 deployment in 30 days, one every 30.0 days"), "{told}");
    assert!(told.contains("Went wrong: 0 % (0 of 1)"), "{told}");
    for (said, told) in [
        ("last 30 minutes", "in 30 min"),
        ("last 90 minutes", "in 1 h 30 min"),
        ("last 49 hours", "in 2 days 1 h"),
    ] {
        world.say("eve", &format!("figures {said}")).await;
        let text = world.text();
        assert!(text.contains(&format!("1 deployment {told}")), "{said}: {text}");
    }
    world.say("eve", "figures last 400 days").await;
    assert!(world.text().contains("Figures go back for a year at most"), "{}", world.text());
    world.say("bob", "rollback production").await;
    world.wait().await;
    world.say("eve", "figures for 2 days").await;
    let told = world.text();
    assert!(told.contains("Went wrong: 100 % (1 of 1)"), "{told}");
    assert!(told.contains("Time to restore:"), "{told}");
}
