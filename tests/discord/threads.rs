//! The thread of a card: each step and each task, made when there is something to say.

use super::bot::{ALICE, BOB, Bot, OPS, shown};
use super::fake::permissions::{CREATE_PUBLIC_THREADS, SEND_MESSAGES_IN_THREADS};

#[tokio::test]
async fn each_step_stands_beside_the_card() {
    let bot = Bot::start().await;
    let card = bot.with_a_plan().await;
    assert_eq!(bot.fake.thread(card.id), None, "there is nothing to say yet");
    let before: Vec<String> = bot
        .sandbox
        .tasks("production", "rest-api")
        .iter()
        .map(|task| task.arn.rsplit('/').next().unwrap().to_owned())
        .collect();
    for person in [BOB, super::bot::CAROL] {
        bot.says(person, OPS, "approve 1");
    }
    bot.card_says(1, "succeeded").await;
    let told = |fake: &super::fake::FakeDiscord| {
        let thread = fake.thread(card.id).unwrap_or_default();
        fake.messages_of_bot(thread).iter().map(shown).collect::<Vec<_>>().join("\n")
    };
    bot.until("the story is whole", |fake| told(fake).contains("succeeded: ")).await;
    let story = told(&bot.fake);
    for task in &before {
        assert!(story.contains(task), "{task} was stopped:\n{story}");
    }
    for step in ["production-latest", "rest-api: the canary passed", "rest-api: 4/4 tasks good"] {
        assert!(story.contains(step), "{step}:\n{story}");
    }
    // Each step is told once, and in the order in which it was done.
    let place = |text: &str| story.find(text).unwrap_or_else(|| panic!("{text}:\n{story}"));
    assert!(place("production-previous") < place("the canary passed"), "{story}");
    assert_eq!(story.matches("the canary passed").count(), 1, "{story}");
    // In the channel there is the card, the answers to two people and the end.
    bot.until("the end is told", |fake| fake.messages_of_bot(OPS).len() == 4).await;
}

#[tokio::test]
async fn what_ends_before_it_begins_needs_no_thread() {
    let bot = Bot::start().await;
    let card = bot.with_a_plan().await;
    bot.asks(BOB, OPS, "reject 1 because not today").await;
    bot.card_says(1, "rejected").await;
    bot.asks(ALICE, OPS, "status").await;
    assert_eq!(bot.fake.thread(card.id), None);
}

#[tokio::test]
async fn without_the_permission_for_threads_it_goes_on() {
    for denied in [CREATE_PUBLIC_THREADS, SEND_MESSAGES_IN_THREADS] {
        let bot = Bot::start().await;
        bot.fake.deny_bot(OPS, denied);
        let asked = bot.says(ALICE, OPS, "promote core:1.5.0 to staging");
        let end = bot.reply_to(OPS, asked).await;
        assert!(shown(&end).contains("succeeded"), "{}", shown(&end));
        assert!(bot.stands_at("staging", "1.5.0"));
        let card = bot.card_says(1, "succeeded").await;
        let thread = bot.fake.thread(card.id);
        let told = thread.map_or(0, |thread| bot.fake.messages_of_bot(thread).len());
        assert_eq!(told, 0);
    }
}
