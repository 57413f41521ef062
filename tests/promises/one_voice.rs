//! One message for a plan, edited; one ping, when it ends; and few calls until it acts.

use shipmate::chat::terminal::Message;
use shipmate::ports::Place;

use crate::world::World;

fn pings(messages: &[Message]) -> Vec<String> {
    let to = |message: &Message| match &message.place {
        Place::Reply { person, ping: true, .. } => Some(person.to_string()),
        Place::Reply { ping: false, .. }
        | Place::Channel(_)
        | Place::Private { .. }
        | Place::Aside { .. }
        | Place::Direct { .. }
        | Place::Thread { .. } => None,
    };
    messages.iter().filter_map(to).collect()
}

#[tokio::test]
async fn a_promotion_is_one_card_and_one_ping() {
    let mut world = World::start().await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.wait().await;
    let messages = world.all_messages();
    assert_eq!(messages.len(), 2, "{}", world.everything());
    assert!(messages[0].edits > 3, "the card is edited as it goes on");
    assert_eq!(pings(&messages), ["alice"]);
    assert_eq!(messages[1].key, "end-1");
}

#[tokio::test]
async fn votes_and_every_other_end_too() {
    let mut world = World::start().await;
    world.verified_on_staging("core", "1.5.0").await;
    for (id, end) in [(1, "❌"), (2, "🛑"), (3, "✅")] {
        world.say("alice", "promote core:1.5.0 to production").await;
        world.react("bob", "✅").await;
        assert_eq!(pings(&world.all_messages()).len(), id - 1, "nobody is pinged to vote");
        world.react("carol", end).await;
        world.wait().await;
        assert_eq!(pings(&world.all_messages()), vec!["alice"; id], "{}", world.everything());
        assert_eq!(world.all_messages().len(), 2 * id, "{}", world.everything());
    }
    assert_eq!(world.stage(3).await, "succeeded");
}

#[tokio::test]
async fn refusals_ping_nobody_and_stay_private() {
    let mut world = World::start().await;
    for line in
        ["promote core:1.5.0 to staging", "rollback staging", "promot core:1.5.0 to staging"]
    {
        world.say("eve", line).await;
    }
    let messages = world.all_messages();
    assert_eq!(messages.len(), 3);
    assert!(pings(&messages).is_empty());
    assert!(messages.iter().all(|message| message.private_to() == Some(&"eve".into())));
}

#[tokio::test]
async fn the_end_tells_who_asked_and_replies_to_their_message() {
    let mut world = World::start().await;
    world.say("dave", "promote core:1.5.0 to staging").await;
    world.wait().await;
    let asked_in = world.deployment(1).await.request.asked_in.unwrap();
    let end = world.all_messages().into_iter().find(|one| one.key == "end-1").unwrap();
    match end.place {
        Place::Reply { to, person, ping, .. } => {
            assert_eq!((to, person.as_str(), ping), (asked_in, "dave", true));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_promotion_of_one_service_acts_after_eight_calls() {
    let mut world = World::start().await;
    // A plain image: an index takes one call more for each platform beyond the first, whose
    // scans are read one by one.
    world.sandbox.push("web", &shipmate::sandbox::ImageSpec::new("2.2.0")).unwrap();
    // As the program does at its start and every few minutes: what is read then, a promotion
    // need not read.
    world.refresh_vocabulary().await;
    world.sandbox.clear_calls();
    world.say("alice", "promote web:2.2.0 to staging").await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded");
    let calls: Vec<String> = world.sandbox.calls().into_iter().map(|call| call.operation).collect();
    let acts = calls.iter().position(|call| call == "PutImage").unwrap();
    // The look of the running deployment and of the tag that is put come on top of the plan.
    assert!(acts <= 8, "{acts} calls before the first that acts: {:?}", &calls[..acts]);
}
