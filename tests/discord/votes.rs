//! Votes by reaction: what stands on the card now, by people who may vote now.

use super::bot::{
    ALICE, BOB, Bot, CAROL, EVE, FRANK, OPS, RELEASE_MANAGER, Setup, find_card, shown,
};
use super::fake::FakeDiscord;

async fn voters(bot: &Bot) -> Vec<String> {
    bot.deployment(1).await.votes.keys().map(ToString::to_string).collect()
}

fn stands(fake: &FakeDiscord, card: u64, emoji: &str, person: u64) -> bool {
    fake.reactions(OPS, card).get(emoji).is_some_and(|people| people.contains(&person))
}

#[tokio::test]
async fn a_tap_is_enough() {
    let bot = Bot::start().await;
    let card = bot.with_a_plan().await;
    let me = bot.fake.bot();
    bot.until("they are offered", |fake| {
        ["✅", "❌", "🛑"].iter().all(|emoji| stands(fake, card.id, emoji, me))
    })
    .await;
    assert_eq!(bot.fake.reactions(OPS, card.id).len(), 3);
    bot.fake.react(BOB, OPS, card.id, "✅");
    bot.card_says(1, "1 of 2 agreed: <@4002>").await;
    bot.fake.react(CAROL, OPS, card.id, "✅");
    bot.card_says(1, "succeeded").await;
    assert!(bot.stands_at("production", "1.5.0"));
    // What needs no votes can only be called off.
    bot.says(ALICE, OPS, "promote core:1.6.0 to staging");
    let card = bot.card_says(2, "succeeded").await;
    let offered = bot.fake.reactions(OPS, card.id);
    assert_eq!(offered.keys().collect::<Vec<_>>(), ["🛑"]);
}

#[tokio::test]
async fn who_is_quicker_than_the_journal_counts_too() {
    let bot = Bot::start().await;
    bot.verified_on_staging("core", "1.5.0").await;
    bot.says(ALICE, OPS, "promote core:1.5.0 to production");
    bot.until("a plan waits", |fake| find_card(fake, 1).is_some()).await;
    // At this moment the bot has not even been told where the card stands.
    let card = bot.find_card(1).unwrap();
    bot.fake.react(BOB, OPS, card.id, "✅");
    bot.card_says(1, "1 of 2 agreed: <@4002>").await;
    assert_eq!(voters(&bot).await, ["4002"]);
}

#[tokio::test]
async fn a_vote_is_taken_back_with_its_reaction() {
    let bot = Bot::start().await;
    let card = bot.with_a_plan().await;
    bot.fake.react(BOB, OPS, card.id, "✅");
    bot.card_says(1, "1 of 2 agreed: <@4002>").await;
    bot.fake.unreact(BOB, OPS, card.id, "✅");
    bot.card_says(1, "Needs 2 votes of release-manager").await;
    assert!(voters(&bot).await.is_empty());
    bot.fake.react(BOB, OPS, card.id, "✅");
    bot.card_says(1, "1 of 2 agreed: <@4002>").await;
    bot.fake.clear_reactions(OPS, card.id);
    bot.card_says(1, "Needs 2 votes of release-manager").await;
    bot.fake.react(CAROL, OPS, card.id, "❌");
    bot.card_says(1, "rejected").await;
    bot.assert_untouched();
}

#[tokio::test]
async fn who_asked_calls_it_off_with_a_tap() {
    let bot = Bot::start().await;
    let card = bot.with_a_plan().await;
    bot.fake.react(EVE, OPS, card.id, "🛑");
    bot.told_directly(EVE, "Eve may not cancel #1 in production").await;
    bot.until("it is taken off", |fake| !stands(fake, card.id, "🛑", EVE)).await;
    assert_eq!(bot.stage(1).await, "waiting");
    bot.fake.react(ALICE, OPS, card.id, "🛑");
    bot.card_says(1, "cancelled").await;
    bot.assert_untouched();
}

#[tokio::test]
async fn both_spellings_of_an_emoji_count() {
    let bot = Bot::start().await;
    let card = bot.with_a_plan().await;
    bot.fake.react(EVE, OPS, card.id, "✅\u{fe0f}");
    bot.told_directly(EVE, "Eve may not approve").await;
    bot.until("it is taken off", |fake| !stands(fake, card.id, "✅\u{fe0f}", EVE)).await;
    bot.fake.react(BOB, OPS, card.id, "✅\u{fe0f}");
    bot.card_says(1, "1 of 2 agreed: <@4002>").await;
    // The same person in the other spelling is still one.
    bot.fake.react(BOB, OPS, card.id, "✅");
    bot.fake.react(FRANK, OPS, card.id, "👍");
    bot.fake.react(CAROL, OPS, card.id, "✅");
    bot.card_says(1, "succeeded").await;
    assert_eq!(voters(&bot).await, ["4002", "4003"]);
}

#[tokio::test]
async fn who_may_not_vote_is_told_directly() {
    let bot = Bot::start().await;
    let card = bot.with_a_plan().await;
    bot.fake.react(EVE, OPS, card.id, "✅");
    let told = bot.told_directly(EVE, "Eve may not approve #1 for production").await;
    assert!(shown(&told).contains("release-manager"), "{}", shown(&told));
    bot.until("it is taken off", |fake| !stands(fake, card.id, "✅", EVE)).await;
    assert!(voters(&bot).await.is_empty());
    assert_eq!(bot.fake.messages_of_bot(OPS).len(), 1, "{}", bot.said(OPS));
    assert_eq!(bot.fake.thread(card.id), None);
}

#[tokio::test]
async fn where_they_take_no_direct_messages_it_stands_beside_the_card() {
    let bot = Bot::start().await;
    let card = bot.with_a_plan().await;
    bot.fake.close_dms(EVE);
    bot.fake.react(EVE, OPS, card.id, "✅");
    let why = |fake: &FakeDiscord| {
        let thread = fake.thread(card.id)?;
        let all = fake.messages_of_bot(thread).into_iter();
        all.into_iter().find(|told| shown(told).contains("Eve may not approve #1"))
    };
    bot.until("it is told beside the card", |fake| why(fake).is_some()).await;
    let why = why(&bot.fake).unwrap();
    assert!(why.pinged.is_empty(), "{:?}", why.pinged);
    bot.until("it is taken off", |fake| !stands(fake, card.id, "✅", EVE)).await;
    assert_eq!(bot.fake.messages_of_bot(OPS).len(), 1, "{}", bot.said(OPS));
}

#[tokio::test]
async fn roles_are_those_of_now() {
    let bot = Bot::start().await;
    let card = bot.with_a_plan().await;
    bot.fake.react(BOB, OPS, card.id, "✅");
    bot.card_says(1, "1 of 2 agreed: <@4002>").await;
    // Nobody tells the bot that roles change: they are asked for.
    bot.fake.take_role(BOB, RELEASE_MANAGER);
    bot.fake.give_role(EVE, RELEASE_MANAGER);
    bot.fake.react(CAROL, OPS, card.id, "✅");
    bot.card_says(1, "1 of 2 agreed: <@4003>").await;
    assert_eq!(voters(&bot).await, ["4003"]);
    assert_eq!(bot.stage(1).await, "waiting");
    bot.assert_untouched();
    bot.fake.react(EVE, OPS, card.id, "✅");
    bot.card_says(1, "succeeded").await;
    assert_eq!(voters(&bot).await, ["4003", "4006"]);
}

#[tokio::test]
async fn bots_do_not_vote() {
    let guild = |guild: super::fake::World| guild.other_bot(4800, "ci", &[RELEASE_MANAGER]);
    let bot = Setup::default().guild(guild).start().await;
    let card = bot.with_a_plan().await;
    bot.fake.react(4800, OPS, card.id, "✅");
    bot.fake.react(4800, OPS, card.id, "❌");
    bot.fake.react(BOB, OPS, card.id, "✅");
    bot.card_says(1, "1 of 2 agreed: <@4002>").await;
    assert_eq!(voters(&bot).await, ["4002"]);
    assert!(stands(&bot.fake, card.id, "✅", 4800), "what does not count harms nobody");
    assert!(bot.fake.direct_channel(4800).is_none());
    bot.assert_untouched();
}

#[tokio::test]
async fn who_is_on_the_second_page_counts() {
    // A page holds a hundred; that these are bots spares a hundred refusals.
    let guild = |guild: super::fake::World| {
        let crowd = (0..105).map(|number| 5000 + number);
        let guild = crowd.fold(guild, |guild, bot| guild.other_bot(bot, "ci", &[]));
        guild.person(9000, "zoe", &[RELEASE_MANAGER])
    };
    let bot = Setup::default().guild(guild).start().await;
    let card = bot.with_a_plan().await;
    for other in 5000..5105 {
        bot.fake.react(other, OPS, card.id, "✅");
    }
    bot.fake.react(9000, OPS, card.id, "✅");
    bot.card_says(1, "agreed: <@9000>").await;
    assert_eq!(voters(&bot).await, ["9000"]);
}
