//! Locks on Discord: the question whether an old one is still needed has a button, and one that
//! was set in private is told where everybody sees it.

use jiff::SignedDuration;

use super::bot::{ALICE, Bot, CAROL, OPS, STAGING, is_private, shown};
use super::fake::FakeDiscord;

fn says(fake: &FakeDiscord, channel: u64, text: &str) -> bool {
    fake.messages_of_bot(channel).iter().any(|one| shown(one).contains(text))
}

const LOCK: &str = "lock staging because of a load test";

#[tokio::test]
async fn the_holder_of_an_old_one_opens_it_by_a_button() {
    let bot = Bot::start().await;
    let locked = bot.asks(CAROL, STAGING, LOCK).await;
    assert!(shown(&locked).contains("staging is locked"), "{}", shown(&locked));
    bot.pass(SignedDuration::from_hours(9));
    let asked = bot.told_directly(CAROL, "Is your lock on staging still needed?").await;
    assert!(asked.pinged.is_empty());
    let alone = bot.fake.direct_channel(CAROL).unwrap();
    let pressed = bot.fake.press(CAROL, alone, asked.id, "unlock:staging").unwrap();
    bot.answers(&pressed, "staging is open again").await;
    assert!(is_private(&pressed), "{:#?}", pressed.shown());
    let told = bot.asks(ALICE, OPS, "locks").await;
    assert!(shown(&told).contains("Nothing is locked."), "{}", shown(&told));
    // An old button does no harm.
    let again = bot.fake.press(CAROL, alone, asked.id, "unlock:staging").unwrap();
    bot.answers(&again, "staging is not locked").await;
}

#[tokio::test]
async fn the_end_of_one_that_was_set_in_private_is_told_to_everybody() {
    let bot = Bot::start().await;
    bot.fake.direct(CAROL, "lock staging for 1h because of a load test");
    bot.told_directly(CAROL, "staging is locked").await;
    // It is everybody's business.
    let locked = |fake: &FakeDiscord| says(fake, OPS, "staging is locked");
    bot.until("everybody reads that it is locked", locked).await;
    bot.pass(SignedDuration::from_hours(2));
    let over = |fake: &FakeDiscord| says(fake, OPS, "The time of the lock by <@4003> is over.");
    bot.until("everybody reads that it is over", over).await;
}

#[tokio::test]
async fn it_is_set_by_a_slash_command_as_well() {
    let bot = Bot::start().await;
    let options = [("environment", "staging"), ("length", "2 hours"), ("reason", "a load test")];
    bot.fake.slash(CAROL, STAGING, "lock", &options).unwrap();
    let locked = |fake: &FakeDiscord| says(fake, STAGING, "because: a load test");
    bot.until("everybody reads that it is locked", locked).await;
    let everything = [("everything", "true")];
    bot.fake.slash(CAROL, STAGING, "unlock", &everything).unwrap();
    let open = |fake: &FakeDiscord| says(fake, STAGING, "staging is open again");
    bot.until("everybody reads that it is open again", open).await;
}
