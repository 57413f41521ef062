//! Buttons: what they do, whom they answer, and that one on an old card does nothing.

use std::collections::BTreeSet;

use shipmate::domain::event::Via;

use super::bot::{ALICE, BOB, Bot, CAROL, EVE, FRANK, OPS, STAGING, find_card, is_private, shown};
use super::fake::{Matcher, Span, StoredMessage};

/// The buttons of a message by what they are called to Discord.
fn buttons(message: &StoredMessage) -> BTreeSet<String> {
    let rows = message.components.iter().filter_map(|row| row["components"].as_array());
    rows.flatten().map(|button| button["custom_id"].as_str().unwrap().to_owned()).collect()
}

fn named(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn two_approve_by_button() {
    let bot = Bot::start().await;
    let card = bot.with_a_plan().await;
    assert_eq!(buttons(&card), named(&["approve:1", "reject:1", "cancel:1"]));
    let first = bot.fake.press(BOB, OPS, card.id, "approve:1").unwrap();
    bot.answers(&first, "your ✅ counts: 1 more release-manager needed").await;
    assert!(is_private(&first), "{:#?}", first.shown());
    bot.card_says(1, "1 of 2 agreed: <@4002>").await;
    let last = bot.fake.press(CAROL, OPS, card.id, "approve:1").unwrap();
    bot.answers(&last, "that was the last one needed").await;
    assert!(is_private(&last), "{:#?}", last.shown());
    let card = bot.card_says(1, "succeeded").await;
    assert!(bot.stands_at("production", "1.5.0"));
    assert_eq!(buttons(&card), named(&["rollback:production"]));
    // Nothing of that stands in the channel beside the card and the reply at the end.
    bot.until("the end is told", |fake| fake.messages_of_bot(OPS).len() == 2).await;
}

#[tokio::test]
async fn one_rejects_by_button() {
    let bot = Bot::start().await;
    let card = bot.with_a_plan().await;
    let no = bot.fake.press(FRANK, OPS, card.id, "reject:1").unwrap();
    bot.answers(&no, "your ❌ counts and ends it").await;
    assert!(is_private(&no), "{:#?}", no.shown());
    let card = bot.card_says(1, "rejected").await;
    assert!(buttons(&card).is_empty(), "{:#?}", card.components);
    assert_eq!(bot.stage(1).await, "rejected");
    bot.assert_untouched();
}

#[tokio::test]
async fn who_asked_cancels_by_button() {
    let bot = Bot::start().await;
    let card = bot.with_a_plan().await;
    let stop = bot.fake.press(ALICE, OPS, card.id, "cancel:1").unwrap();
    bot.answers(&stop, "#1 is cancelled. Nothing was changed.").await;
    assert!(is_private(&stop), "{:#?}", stop.shown());
    bot.card_says(1, "cancelled").await;
    bot.assert_untouched();
}

#[tokio::test]
async fn a_vote_by_button_survives_each_look_at_the_reactions() {
    let bot = Bot::start().await;
    let card = bot.with_a_plan().await;
    let yes = bot.fake.press(BOB, OPS, card.id, "approve:1").unwrap();
    bot.answers(&yes, "counts").await;
    bot.fake.react(CAROL, OPS, card.id, "✅");
    bot.fake.react(EVE, OPS, card.id, "✅");
    bot.fake.unreact(CAROL, OPS, card.id, "✅");
    bot.fake.react(EVE, OPS, card.id, "🎉");
    bot.told_directly(EVE, "may not approve").await;
    bot.card_says(1, "1 of 2 agreed: <@4002>").await;
    let votes = bot.deployment(1).await.votes;
    let votes: Vec<(&str, Via)> =
        votes.iter().map(|(person, vote)| (person.as_str(), vote.via)).collect();
    assert_eq!(votes, [("4002", Via::Button)]);
}

#[tokio::test]
async fn a_button_of_old_terms_counts_for_nothing() {
    let bot = Bot::start().await;
    let old = bot.with_a_plan().await;
    // The old card cannot be closed, so that its buttons stay where they are.
    bot.fake.fail(Matcher::new("PATCH", &old.id.to_string()), 403, Span::Always);
    bot.sandbox.put_tag("core", "production-latest", "1.6.0").unwrap();
    for person in [BOB, CAROL] {
        let yes = bot.fake.press(person, OPS, old.id, "approve:1").unwrap();
        bot.answers(&yes, "counts").await;
    }
    bot.until("it is asked anew", |fake| find_card(fake, 1).is_some_and(|card| card.id != old.id))
        .await;
    let new = bot.waiting(1).await;
    assert_ne!(new.id, old.id);
    for (person, button) in [(BOB, "approve:1"), (CAROL, "approve:1"), (FRANK, "reject:1")] {
        let late = bot.fake.press(person, OPS, old.id, button).unwrap();
        bot.answers(&late, "#1 has moved on: your vote was not counted").await;
        assert!(is_private(&late), "{:#?}", late.shown());
    }
    assert_eq!(bot.stage(1).await, "waiting");
    assert!(bot.deployment(1).await.votes.is_empty());
    assert!(bot.stands_at("production", "1.6.0"));
    // Those of the new one count.
    for person in [BOB, CAROL] {
        bot.fake.press(person, OPS, new.id, "approve:1").unwrap();
    }
    bot.card_says(1, "succeeded").await;
    assert!(bot.stands_at("production", "1.5.0"));
}

#[tokio::test]
async fn the_image_of_a_rollout_that_went_back_is_banned_by_button() {
    let bot = Bot::start().await;
    bot.says(ALICE, STAGING, "promote core:1.6.0-crash to staging");
    let card = bot.card_says(1, "rolled back").await;
    assert!(buttons(&card).contains("ban:1"), "{:#?}", card.components);
    let no = bot.fake.press(ALICE, STAGING, card.id, "ban:1").unwrap();
    bot.answers(&no, "may not ban images of #1").await;
    assert!(is_private(&no), "{:#?}", no.shown());
    bot.fake.press(BOB, STAGING, card.id, "ban:1").unwrap();
    let told = |message: &StoredMessage| shown(message).contains("core:1.6.0-crash is banned");
    bot.until("everybody is told", |fake| fake.messages_of_bot(STAGING).iter().any(told)).await;
}

/// The question that only one person sees, and its one button.
async fn asked_once_more(bot: &Bot, person: u64, card: u64) -> (u64, String) {
    let pressed = bot.fake.press(person, STAGING, card, "rollback:staging").unwrap();
    bot.answers(&pressed, "Roll staging back?").await;
    assert!(is_private(&pressed), "{:#?}", pressed.shown());
    let question = &pressed.shown()[0];
    let button = question["components"][0]["components"][0]["custom_id"].as_str().unwrap();
    (question["id"].as_str().unwrap().parse().unwrap(), button.to_owned())
}

async fn succeeds(bot: &Bot, id: i64, image: &str) -> u64 {
    bot.says(ALICE, STAGING, &format!("promote {image} to staging"));
    bot.card_says(id, "succeeded").await.id
}

#[tokio::test]
async fn rolling_back_is_asked_once_more() {
    let bot = Bot::start().await;
    let card = succeeds(&bot, 1, "core:1.5.0").await;
    let (question, surely) = asked_once_more(&bot, ALICE, card).await;
    assert!(bot.fake.press(BOB, STAGING, question, &surely).is_err(), "nobody else sees it");
    assert!(find_card(&bot.fake, 2).is_none(), "one press is not enough");
    bot.fake.press(ALICE, STAGING, question, &surely).unwrap();
    let card = bot.card_says(2, "succeeded").await;
    assert!(shown(&card).contains("roll back staging to core:1.4.1"), "{}", shown(&card));
    assert!(bot.stands_at("staging", "1.4.1"));
    assert!(buttons(&card).is_empty(), "there is no undo of an undo");
    let told = |fake: &super::fake::FakeDiscord| {
        let question = fake.message(STAGING, question).unwrap();
        question.content == "It is on its way: see the channel." && question.components.is_empty()
    };
    bot.until("the question is answered", told).await;
}

#[tokio::test]
async fn only_the_last_success_is_rolled_back() {
    let bot = Bot::start().await;
    let first = succeeds(&bot, 1, "core:1.5.0").await;
    succeeds(&bot, 2, "core:1.6.0").await;
    let (question, surely) = asked_once_more(&bot, ALICE, first).await;
    bot.fake.press(ALICE, STAGING, question, &surely).unwrap();
    let told = |fake: &super::fake::FakeDiscord| {
        let question = fake.message(STAGING, question).unwrap();
        shown(&question).contains("#1 is no longer the last success in staging: it is #2 now.")
    };
    bot.until("it is refused", told).await;
    assert!(bot.stands_at("staging", "1.6.0"));
    assert!(find_card(&bot.fake, 3).is_none());
}

#[tokio::test]
async fn who_may_not_is_told_why_alone() {
    let bot = Bot::start().await;
    let card = bot.with_a_plan().await;
    for (person, button, why) in [
        (EVE, "approve:1", "Eve may not approve #1 for production"),
        (EVE, "reject:1", "Eve may not approve #1 for production"),
        (EVE, "cancel:1", "Eve may not cancel #1 in production"),
        (ALICE, "approve:1", "you cannot approve what you asked for"),
    ] {
        let pressed = bot.fake.press(person, OPS, card.id, button).unwrap();
        bot.answers(&pressed, why).await;
        assert!(is_private(&pressed), "{:#?}", pressed.shown());
    }
    assert!(bot.deployment(1).await.votes.is_empty());
    assert_eq!(bot.stage(1).await, "waiting");
    bot.fake.press(BOB, OPS, card.id, "cancel:1").unwrap();
    bot.card_says(1, "cancelled").await;

    let card = succeeds(&bot, 2, "core:1.6.0").await;
    let (question, surely) = asked_once_more(&bot, EVE, card).await;
    bot.fake.press(EVE, STAGING, question, &surely).unwrap();
    let told = |fake: &super::fake::FakeDiscord| {
        shown(&fake.message(STAGING, question).unwrap()).contains("Eve may not roll back staging")
    };
    bot.until("it is refused", told).await;
    assert!(bot.stands_at("staging", "1.6.0"));
}

#[tokio::test]
async fn two_press_at_once() {
    let bot = Bot::start().await;
    let card = bot.with_a_plan().await;
    let pressed = [BOB, CAROL, BOB, CAROL]
        .map(|person| bot.fake.press(person, OPS, card.id, "approve:1").unwrap());
    bot.card_says(1, "succeeded").await;
    for one in &pressed {
        bot.answers(one, "#1").await;
        assert!(is_private(one), "{:#?}", one.shown());
    }
    // One tag was kept and one moved, whoever was first.
    assert_eq!(bot.sandbox.count_calls("PutImage"), 2);
    let votes = bot.deployment(1).await.votes;
    assert_eq!(votes.keys().map(|one| one.as_str()).collect::<Vec<_>>(), ["4002", "4003"]);
}

#[tokio::test]
async fn what_runs_is_held_up_and_let_go_on_by_button() {
    let bot = Bot::start().await;
    // It stays on its canary for long enough to press anything.
    bot.says(ALICE, STAGING, "promote core:1.5.0 to staging with canary 1h");
    let card = bot.card_says(1, "Each canary stays alone").await;
    bot.until("it runs", |fake| {
        find_card(fake, 1).is_some_and(|card| shown(&card).contains("Canary of"))
    })
    .await;
    let pause = bot.fake.press(EVE, STAGING, card.id, "pause:1").unwrap();
    bot.answers(&pause, "may not hold up #1").await;
    let pause = bot.fake.press(BOB, STAGING, card.id, "pause:1").unwrap();
    bot.answers(&pause, "#1 is paused").await;
    assert!(is_private(&pause), "{:#?}", pause.shown());
    let card = bot.card_says(1, "Paused by").await;
    assert_eq!(buttons(&card), named(&["cancel:1", "continue:1"]));
    let on = bot.fake.press(ALICE, STAGING, card.id, "continue:1").unwrap();
    bot.answers(&on, "goes on; its canaries still stay").await;
    bot.until("it is not paused any more", |fake| {
        let card = find_card(fake, 1).expect("the card stands");
        buttons(&card) == named(&["cancel:1", "continue:1", "pause:1"])
    })
    .await;
    let on = bot.fake.press(ALICE, STAGING, card.id, "continue:1").unwrap();
    bot.answers(&on, "#1 goes on").await;
    bot.card_says(1, "succeeded").await;
    assert!(bot.stands_at("staging", "1.5.0"));
}
