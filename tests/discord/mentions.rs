//! Lines of chat: where the bot listens and to whom, what a line begins with, direct messages,
//! and what it says where Discord does not let it in.

use serde_json::json;

use super::bot::{ALICE, BOB, Bot, CAROL, OPS, STAGING, Setup, find_card, settings, shown};
use super::fake::World as Guild;
use super::fake::events::MESSAGE_CONTENT;
use super::process::Surroundings;

#[tokio::test]
async fn a_channel_is_for_the_environments_of_the_settings() {
    let bot = Bot::start().await;
    let refused = bot.asks(ALICE, STAGING, "promote core:1.5.0 to production").await;
    let refused = shown(&refused);
    assert!(
        refused.contains("This channel is not for production. Say it in <#2000>."),
        "{refused}"
    );
    for line in ["rollback production", "status production", "history production"] {
        let refused = bot.asks(ALICE, STAGING, line).await;
        assert!(shown(&refused).contains("Say it in <#2000>."), "{line}: {}", shown(&refused));
    }
    bot.assert_untouched();
    bot.says(ALICE, STAGING, "promote core:1.5.0 to staging");
    let card = bot.card_says(1, "succeeded").await;
    assert_eq!(card.channel, STAGING);
    assert!(bot.stands_at("staging", "1.5.0"));
    assert!(bot.fake.messages_of_bot(OPS).is_empty());
}

#[tokio::test]
async fn what_waits_in_one_channel_is_not_answered_in_another() {
    let bot = Bot::start().await;
    bot.with_a_plan().await;
    for line in ["approve 1", "reject 1", "cancel 1", "show 1"] {
        let refused = bot.asks(BOB, STAGING, line).await;
        assert!(shown(&refused).contains("Say it in <#2000>."), "{line}: {}", shown(&refused));
    }
    assert_eq!(bot.stage(1).await, "waiting");
    assert!(bot.deployment(1).await.votes.is_empty());
}

#[tokio::test]
async fn elsewhere_it_tells_once_where_it_listens() {
    let bot = Bot::start().await;
    let random = bot.fake.create_channel("random");
    bot.fake.say(ALICE, random, "status");
    let first = bot.asks(ALICE, random, "promote core:1.5.0 to staging").await;
    assert_eq!(first.content, "I do not work in this channel. I listen in <#2000>, <#2001>.");
    bot.says(BOB, random, "status");
    // What is said behind it is answered: the other one was heard by then.
    bot.asks(ALICE, OPS, "status").await;
    assert_eq!(bot.fake.messages_of_bot(random).len(), 1);
    bot.assert_untouched();
}

#[tokio::test]
async fn what_is_said_in_a_thread_is_said_in_its_channel_and_answered_there() {
    let bot = Bot::start().await;
    let thread = bot.fake.open_thread(ALICE, STAGING, "is 1.5.0 good?");
    bot.fake.say(ALICE, thread, "status");
    let refused = bot.asks(ALICE, thread, "promote core:1.5.0 to production").await;
    assert!(shown(&refused).contains("Say it in <#2000>."), "{}", shown(&refused));
    let asked = bot.says(ALICE, thread, "promote core:1.5.0 to staging");
    let end = bot.reply_to(thread, asked).await;
    assert!(shown(&end).contains("succeeded"), "{}", shown(&end));
    // The card stands where all see it.
    assert_eq!(bot.card_says(1, "succeeded").await.channel, STAGING);
    let whoami = bot.fake.slash(ALICE, thread, "whoami", &[]).unwrap();
    bot.answers(&whoami, "developer").await;
    bot.fake.slash(ALICE, thread, "status", &[("environment", "staging")]).unwrap();
    let status = |message: &super::fake::StoredMessage| shown(message).contains("staging runs");
    bot.until("the status stands in the thread", |fake| {
        fake.messages_of_bot(thread).iter().filter(|one| status(one)).count() == 2
    })
    .await;
    // Threads of other channels are other channels.
    let random = bot.fake.create_channel("random");
    let chat = bot.fake.open_thread(ALICE, random, "chat");
    let elsewhere = bot.asks(ALICE, chat, "status").await;
    assert!(elsewhere.content.contains("I do not work in this channel"), "{}", elsewhere.content);
}

#[tokio::test]
async fn only_what_people_say_to_the_bot_is_heard() {
    let bot = Setup::default().guild(|guild| guild.other_bot(4800, "ci", &[3001])).start().await;
    bot.says(4800, OPS, "promote core:1.5.0 to staging");
    let mention = format!("<@{}>", bot.fake.bot());
    let by_webhook = json!({
        "id": "1300000000000000001", "channel_id": OPS.to_string(), "guild_id": "1000",
        "webhook_id": "4700", "content": format!("{mention} promote core:1.5.0 to staging"),
        "author": {
            "id": "4700", "username": "alice", "discriminator": "0000", "avatar": null,
            "bot": true,
        },
        "timestamp": "2026-11-24T09:00:00+00:00", "edited_timestamp": null, "tts": false,
        "mention_everyone": false, "mentions": [], "mention_roles": [], "attachments": [],
        "embeds": [], "pinned": false, "type": 0, "flags": 0,
    });
    bot.fake.inject("MESSAGE_CREATE", &by_webhook);
    let elsewhere =
        by_webhook.to_string().replace("\"1000\"", "\"1001\"").replace("\"4700\"", "null");
    bot.fake.inject("MESSAGE_CREATE", &serde_json::from_str(&elsewhere).unwrap());
    bot.fake.say(ALICE, OPS, "promote core:1.5.0 to staging");
    bot.fake.say(ALICE, OPS, "!ship promote core:1.5.0 to staging");
    // An edit is no command, whatever it says.
    let message = bot.fake.say(ALICE, OPS, "never mind");
    bot.fake.edit((OPS, message), &format!("{mention} promote core:1.5.0 to staging"));
    // An answer to the bot is no command either, unless it says so.
    let answer = bot.asks(ALICE, OPS, "status").await;
    bot.fake.reply(ALICE, (OPS, answer.id), "promote core:1.5.0 to staging");
    bot.asks(ALICE, OPS, "status").await;
    assert_eq!(bot.fake.messages_of_bot(OPS).len(), 2, "{}", bot.said(OPS));
    bot.assert_untouched();
}

const WITH_PREFIX: &str = "prefix = \"!ship\"\n[chat.discord.channels]";

#[tokio::test]
async fn a_prefix_is_read_where_content_may_be_read() {
    let setup = Setup::default().setting("[chat.discord.channels]", WITH_PREFIX);
    let bot = setup.guild(|guild| guild.privileged(MESSAGE_CONTENT)).start().await;
    assert!(bot.fake.intents().iter().all(|intents| intents & MESSAGE_CONTENT != 0));
    bot.fake.say(ALICE, OPS, "!shipping is fun");
    let asked = bot.fake.say(ALICE, OPS, "!ship promote core:1.5.0 to staging");
    bot.reply_to(OPS, asked).await;
    assert_eq!(bot.stage(1).await, "succeeded");
    assert_eq!(bot.fake.messages_of_bot(OPS).len(), 2, "{}", bot.said(OPS));
}

#[tokio::test]
async fn nothing_more_than_needed_is_asked_to_be_heard() {
    let bot = Bot::start().await;
    // GUILDS, GUILD_MESSAGES, GUILD_MESSAGE_REACTIONS and DIRECT_MESSAGES: none is privileged.
    assert_eq!(bot.fake.intents(), [1 | 1 << 9 | 1 << 10 | 1 << 12]);
}

#[tokio::test]
async fn without_the_intent_for_content_it_says_what_to_switch_on() {
    let setup = Setup::default().setting("[chat.discord.channels]", WITH_PREFIX);
    let error = setup.launch().await.end().await.to_string();
    assert!(error.contains("MESSAGE_CONTENT") && error.contains("developer portal"), "{error}");

    let around = Surroundings::new(Guild::shipmate().unlimited()).await;
    let around = around.setting("[chat.discord.channels]", WITH_PREFIX);
    let (status, told) = around.run(&["run"]).await;
    assert!(!status.success());
    assert!(told.contains(&format!("shipmate: {error}")), "{told}");
}

#[tokio::test]
async fn a_wrong_token_is_told_and_not_tried_again() {
    let setup = Setup { token: "MTAw.another.token".to_owned(), ..Setup::default() };
    let mut bot = setup.launch().await;
    let error = bot.end().await.to_string();
    assert!(error.contains("Discord does not know the token."), "{error}");
    assert!(error.contains("Reset Token"), "{error}");
    assert!(!error.contains("MTAw"), "{error}");
    assert!(bot.fake.invalid_requests() <= 2, "{:#?}", bot.fake.requests());

    let mut around = Surroundings::new(Guild::shipmate().unlimited()).await;
    around.token = "MTAw.another.token".to_owned();
    let (status, told) = around.run(&["run"]).await;
    assert!(!status.success());
    assert!(told.contains("shipmate: Discord does not know the token."), "{told}");
    assert!(!told.contains("MTAw"), "{told}");
}

#[tokio::test]
async fn people_may_ask_and_vote_in_direct_messages() {
    let bot = Bot::start().await;
    let asked = bot.fake.direct(ALICE, "status");
    let alone = bot.fake.direct_channel(ALICE).unwrap();
    let status = bot.reply_to(alone, asked).await;
    assert!(shown(&status).contains("core:1.4.1"), "{}", shown(&status));

    bot.verified_on_staging("core", "1.5.0").await;
    let asked = bot.fake.direct(ALICE, "promote core:1.5.0 to production");
    let card = bot.waiting(1).await;
    assert_eq!(card.channel, OPS, "the card stands where everybody sees it");
    for person in [BOB, CAROL] {
        bot.fake.direct(person, "approve 1");
        bot.told_directly(person, "your ✅ counts").await;
    }
    let end = bot.reply_to(alone, asked).await;
    assert!(shown(&end).contains("succeeded"), "{}", shown(&end));
    assert!(end.pinged.contains(&ALICE));
    assert!(bot.stands_at("production", "1.5.0"));
    let card = bot.card_says(1, "succeeded").await;
    // What was said between two people is no place to send all others to.
    assert!(!shown(&card).contains(&alone.to_string()), "{}", shown(&card));
}

#[tokio::test]
async fn a_stranger_is_told_nothing() {
    let guild = |guild: Guild| guild.stranger(4100, "mallory");
    let bot = Setup::default().guild(guild).start().await;
    bot.with_a_plan().await;
    for line in ["status", "show 1", "history", "promote core:1.5.0 to staging", "approve 1"] {
        bot.fake.direct(4100, line);
    }
    let alone = bot.fake.direct_channel(4100).unwrap();
    bot.until("each line is answered", |fake| fake.messages_of_bot(alone).len() >= 5).await;
    let told = bot.said(alone);
    assert!(!told.contains("1.4.1") && !told.contains("core"), "{told}");
    assert!(find_card(&bot.fake, 2).is_none());
    assert_eq!(bot.stage(1).await, "waiting");

    // Nor is one who has left, though they were somebody.
    bot.fake.leave(BOB);
    bot.fake.direct(BOB, "approve 1");
    bot.fake.direct(BOB, "status");
    let alone = bot.fake.direct_channel(BOB).unwrap();
    bot.until("both are answered", |fake| fake.messages_of_bot(alone).len() >= 2).await;
    assert!(!bot.said(alone).contains("core"), "{}", bot.said(alone));
    assert!(bot.deployment(1).await.votes.is_empty());
}

#[test]
fn the_settings_that_are_shown_are_those_of_the_tests() {
    assert!(settings().contains("call        = \"3002\""));
}
