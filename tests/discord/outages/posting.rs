//! The process dies, or its connection, while a message is being posted: there is one message.

use std::time::Duration;

use futures::stream::{self, StreamExt};

use super::super::fleet;
use super::SOON;
use crate::discord::fake::{FakeDiscord, Matcher, Span};
use crate::world::guild::OPS;
use crate::world::{Way, World};

/// Minutes in which Discord has forgotten every nonce.
const LATER: &str = "2026-11-24T09:05:00Z";

fn posts() -> Matcher {
    Matcher::new("POST", &format!("/channels/{OPS}/messages"))
}

/// Discord forgets nonces at once, and knows no new one either.
fn forget_nonces(fake: &FakeDiscord) {
    fake.change_limits(|limits| limits.nonce_lifetime = Duration::ZERO);
}

async fn ends_well(world: &World, fake: &FakeDiscord) {
    fleet::until_stage(world, 1, "succeeded", SOON).await;
    fleet::until(fake, "it is told", SOON, |fake| fleet::is_told(fake, 1, ": succeeded")).await;
    world.wait().await;
    fleet::assert_told_once(fake, 1, ": succeeded");
    assert_eq!(world.count_deployments().await, 1);
    world.assert_core("staging", "1.5.0");
}

/// The connection is lost before the answer: the same nonce gives the same message.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_lost_makes_no_second_message() {
    for way in [Way::Tls, Way::Plain] {
        let mut world = fleet::demo(way).await;
        let fake = fleet::fake(&world);
        // The card and its first repetition.
        fake.process_then_reset(posts(), 2);
        world.say("alice", "promote core:1.5.0 to staging").await;
        ends_well(&world, &fake).await;
        assert!(fake.requests_to("POST", "/messages").len() >= 4, "it was not posted again");
        // And the reply.
        fake.process_then_reset(posts(), 1);
        world.say("alice", "status staging").await;
        let said = fake.messages_of_bot(OPS);
        assert_eq!(said.len(), 3, "{:?}", said.iter().map(fleet::title).collect::<Vec<_>>());
    }
}

/// The process dies when the message stands and it has not heard so, and it is started again
/// when Discord does not know the nonce any more.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_found_by_its_mark() {
    for (way, later) in [(Way::Tls, true), (Way::Plain, true), (Way::Plain, false)] {
        let mut world = fleet::demo(way).await;
        let fake = fleet::fake(&world);
        fake.process_then_reset(posts(), 1);
        world.say_only("alice", "promote core:1.5.0 to staging").await;
        let stands = |fake: &FakeDiscord| !fake.messages_of_bot(OPS).is_empty();
        fleet::until(&fake, "the card stands", SOON, stands).await;
        fake.fail(posts(), 503, Span::Always);
        world.kill().await;
        let card = fake.messages_of_bot(OPS)[0].id;
        fake.mend();
        if later {
            forget_nonces(&fake);
            world.set_clock(LATER);
            // Others have talked meanwhile.
            for number in 0..120 {
                fake.say(4006, OPS, &format!("something else, {number}"));
            }
        }
        world.begin().await;
        ends_well(&world, &fake).await;
        assert_eq!(fleet::card(&world, 1), card);
    }
}

/// The process dies before and after each write and each message until well after the card is
/// recorded, and is started again when Discord does not know the nonce any more.
#[tokio::test(flavor = "multi_thread")]
async fn dying_anywhere_makes_no_second_message() {
    let dies = |place: i64| async move {
        let way = if place % 2 == 0 { Way::Tls } else { Way::Plain };
        let mut world = fleet::demo(way).await;
        let fake = fleet::fake(&world);
        world.trap.set(place);
        world.say_only("alice", "promote core:1.5.0 to staging").await;
        assert!(world.trap.catches_within(SOON).await, "nobody came by place {place}");
        world.kill().await;
        world.trap.set(0);
        forget_nonces(&fake);
        world.set_clock(LATER);
        world.begin().await;
        ends_well(&world, &fake).await;
    };
    stream::iter(1..=12).map(dies).buffer_unordered(4).for_each(async |()| ()).await;
}
