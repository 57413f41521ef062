//! Slash commands: registered where they differ, acknowledged in time, answered to whom it
//! concerns, and completed while somebody types.

use std::time::Duration;

use serde_json::Value;
use shipmate::sandbox::{Fault, FaultKind};

use super::bot::{ALICE, BOB, Bot, EVE, OPS, STAGING, Setup, find_card, is_private, shown};
use super::fake::InteractionHandle;
use crate::world::LONG;

/// What Discord allows.
const IN_TIME: Duration = Duration::from_secs(3);

fn option<'a>(commands: &'a [Value], command: &str, option: &str) -> &'a Value {
    let command = commands.iter().find(|one| one["name"] == command).unwrap();
    let options = command["options"].as_array().unwrap();
    options.iter().find(|one| one["name"] == option).unwrap()
}

#[tokio::test]
async fn commands_are_registered_only_where_they_differ() {
    let mut bot = Bot::start().await;
    let put = |bot: &Bot| bot.fake.requests_to("PUT", "/guilds/1000/commands").len();
    let asked = |bot: &Bot| bot.fake.requests_to("GET", "/guilds/1000/commands").len();
    assert_eq!((put(&bot), asked(&bot)), (1, 1));
    let commands = bot.fake.commands();
    let (text, number, switch) = (3, 4, 5);
    for (command, name, kind, required) in [
        ("promote", "environment", text, true),
        ("promote", "images", text, false),
        ("promote", "break-glass", switch, false),
        ("promote", "dry-run", switch, false),
        ("rollback", "environment", text, true),
        ("show", "deployment", number, true),
        ("approve", "deployment", number, false),
    ] {
        let found = option(&commands, command, name);
        assert_eq!(found["type"], kind, "{command} {name}");
        assert_eq!(found["required"].as_bool().unwrap_or(false), required, "{command} {name}");
    }
    bot.restart().await;
    bot.until("it looks once more", |_| asked(&bot) == 2).await;
    let help = bot.fake.slash(EVE, OPS, "help", &[]).unwrap();
    bot.answers(&help, "What you can say").await;
    assert_eq!(put(&bot), 1);
}

#[tokio::test]
async fn what_is_private_is_seen_by_one() {
    let bot = Bot::start().await;
    let help = bot.fake.slash(EVE, OPS, "help", &[]).unwrap();
    bot.answers(&help, "What you can say").await;
    let who = bot.fake.slash(ALICE, OPS, "whoami", &[]).unwrap();
    bot.answers(&who, "developer").await;
    let there = [("environment", "production"), ("images", "core:1.5.0")];
    let refused = bot.fake.slash(ALICE, STAGING, "promote", &there).unwrap();
    bot.answers(&refused, "Say it in <#2000>.").await;
    let denied = bot.fake.slash(EVE, OPS, "promote", &there).unwrap();
    bot.answers(&denied, "Eve may not promote core:1.5.0 to production").await;
    let unknown = [("environment", "staging"), ("images", "core:9.9.9")];
    let unknown = bot.fake.slash(ALICE, OPS, "promote", &unknown).unwrap();
    bot.answers(&unknown, "core has no 9.9.9").await;
    let random = bot.fake.create_channel("random");
    let elsewhere = bot.fake.slash(ALICE, random, "status", &[]).unwrap();
    bot.answers(&elsewhere, "I listen in <#2000>, <#2001>.").await;
    for asked in [help, who, refused, denied, unknown, elsewhere] {
        assert!(is_private(&asked), "{:#?}", asked.shown());
    }
    for channel in [OPS, STAGING, random] {
        assert_eq!(bot.said(channel), "");
    }
    bot.assert_untouched();
}

#[tokio::test]
async fn what_everybody_should_see_stands_in_the_channel() {
    let bot = Bot::start().await;
    let status = bot.fake.slash(EVE, OPS, "status", &[("environment", "staging")]).unwrap();
    let gone =
        |asked: &InteractionHandle| asked.acknowledged().is_some() && asked.shown().is_empty();
    bot.until("the deferral is gone", |_| gone(&status)).await;
    assert!(bot.said(OPS).contains("core:1.4.1"), "{}", bot.said(OPS));

    let there = [("environment", "staging"), ("images", "core:1.5.0"), ("reason", "it is time")];
    let asked = bot.fake.slash(ALICE, OPS, "promote", &there).unwrap();
    let card = bot.card_says(1, "succeeded").await;
    assert!(shown(&card).contains("because: it is time"), "{}", shown(&card));
    bot.until("the deferral is gone", |_| gone(&asked)).await;
    assert!(bot.stands_at("staging", "1.5.0"));
    // An interaction is no message to reply to, so the person is named.
    let told = |fake: &super::fake::FakeDiscord| {
        let all = fake.messages_of_bot(OPS).into_iter();
        all.into_iter().find(|message| message.content == "<@4001>")
    };
    bot.until("the end is told", |fake| told(fake).is_some()).await;
    let end = told(&bot.fake).unwrap();
    assert!(shown(&end).contains("succeeded") && end.pinged.contains(&ALICE), "{}", shown(&end));
}

#[tokio::test]
async fn it_is_acknowledged_in_time_while_aws_hangs() {
    let bot = Bot::start().await;
    bot.sandbox.order(Fault::new("*", 1000, FaultKind::Hang)).unwrap();
    let there = [("environment", "staging"), ("images", "core:1.5.0")];
    let asked = bot.fake.slash(ALICE, OPS, "promote", &there).unwrap();
    let status = bot.fake.slash(BOB, OPS, "status", &[]).unwrap();
    for asked in [&asked, &status] {
        assert!(asked.wait_acknowledged(LONG).await);
        let (after, kind) = asked.acknowledged().unwrap();
        assert!(after < IN_TIME && kind == 5, "{kind} after {after:?}");
    }
    // Nor does anybody else wait for AWS.
    let help = bot.fake.slash(EVE, OPS, "help", &[]).unwrap();
    bot.answers(&help, "What you can say").await;
}

#[tokio::test]
async fn what_ends_late_goes_on_in_ordinary_messages() {
    let bot = Bot::start().await;
    // Long enough for the token to die meanwhile.
    bot.sandbox.order(Fault::new("*", 1, FaultKind::Delay { millis: 400 })).unwrap();
    let there = [("environment", "staging"), ("images", "core:9.9.9")];
    let asked = bot.fake.slash(ALICE, OPS, "promote", &there).unwrap();
    assert!(asked.wait_acknowledged(LONG).await);
    asked.expire_token();
    // It was for her alone, and stays so.
    bot.told_directly(ALICE, "core has no 9.9.9").await;
    assert!(bot.fake.messages_of_bot(OPS).is_empty(), "{}", bot.said(OPS));

    bot.fake.change_limits(|limits| limits.token_lifetime = Duration::from_millis(300));
    let there = [("environment", "staging"), ("images", "core:1.5.0")];
    bot.fake.slash(ALICE, OPS, "promote", &there).unwrap();
    bot.card_says(1, "succeeded").await;
    bot.until("the end is told", |fake| {
        fake.messages_of_bot(OPS).iter().any(|told| told.content == "<@4001>")
    })
    .await;
    assert!(bot.stands_at("staging", "1.5.0"));
}

#[tokio::test]
async fn an_interaction_that_comes_twice_acts_once() {
    let bot = Bot::start().await;
    bot.fake.duplicate_events(true);
    let there = [("environment", "staging"), ("images", "core:1.5.0")];
    let asked = bot.fake.slash(ALICE, OPS, "promote", &there).unwrap();
    bot.card_says(1, "succeeded").await;
    bot.until("the deferral is gone", |_| asked.shown().is_empty()).await;
    let other = [("environment", "staging"), ("images", "core:1.6.0")];
    let refused = bot.fake.slash(EVE, OPS, "promote", &other).unwrap();
    bot.answers(&refused, "Eve may not promote").await;
    assert!(is_private(&refused) && refused.shown().len() == 1, "{:#?}", refused.shown());
    assert!(!bot.said(OPS).contains("Eve"), "{}", bot.said(OPS));
    assert!(find_card(&bot.fake, 2).is_none());
    assert_eq!(bot.sandbox.count_calls("PutImage"), 2);
}

#[tokio::test]
async fn a_field_is_filled_in_and_no_sentence_goes_on_in_it() {
    let bot = Bot::start().await;
    for images in [
        "core:1.5.0 to production break glass",
        "core:1.5.0 to production",
        "core:1.5.0 break glass because I can",
        "core:1.5.0\nto production",
    ] {
        let there = [("environment", "staging"), ("images", images)];
        let asked = bot.fake.slash(ALICE, OPS, "promote", &there).unwrap();
        bot.answers(&asked, "images").await;
        assert!(is_private(&asked), "{:#?}", asked.shown());
    }
    let reason = [("environment", "production"), ("reason", "of it break glass")];
    let asked = bot.fake.slash(ALICE, OPS, "rollback", &reason).unwrap();
    bot.answers(&asked, "production").await;
    bot.assert_untouched();
    assert!(find_card(&bot.fake, 1).is_none());
}

/// What is offered to somebody who types, in time.
async fn offered(bot: &Bot, command: &str, option: &str, typed: &str) -> Vec<String> {
    let asked = bot.fake.autocomplete((ALICE, OPS), command, option, typed).unwrap();
    assert!(asked.wait_acknowledged(LONG).await);
    let (after, kind) = asked.acknowledged().unwrap();
    assert!(after < IN_TIME && kind == 8, "{kind} after {after:?}");
    let name = |choice: &Value| choice["name"].as_str().unwrap().to_owned();
    asked.choices().iter().map(name).collect()
}

#[tokio::test]
async fn what_can_be_filled_in_is_offered() {
    let bot = Bot::start().await;
    let images = offered(&bot, "promote", "images", "core:1.").await;
    let place = |image: &str| images.iter().position(|one| one == image).unwrap();
    assert!(place("core:1.6.0") < place("core:1.5.0"), "{images:?}");
    assert!(place("core:1.5.0") < place("core:1.4.1"), "{images:?}");
    assert!(place("core:1.4.1") < place("core:1.4.0"), "{images:?}");
    assert!(!images.iter().any(|image| image.contains("latest")), "{images:?}");
    bot.sandbox.push("core", &shipmate::sandbox::ImageSpec::new("1.7.0"));
    // What was read is offered for some seconds without another look.
    bot.pass(jiff::SignedDuration::from_secs(60));
    offered(&bot, "promote", "images", "core:1.").await;
    bot.until("the tags are read anew", |_| bot.sandbox.count_calls("DescribeImages") >= 8).await;
    let images = offered(&bot, "promote", "images", "core:1.").await;
    assert_eq!(images[0], "core:1.7.0", "newest first");

    assert_eq!(offered(&bot, "promote", "environment", "").await, ["production", "staging"]);
    assert_eq!(offered(&bot, "promote", "environment", "stag").await, ["staging"]);
    assert_eq!(offered(&bot, "status", "service", "rest").await, ["rest-api"]);
    bot.with_a_plan().await;
    assert_eq!(offered(&bot, "approve", "deployment", "").await, ["#1"]);
}

#[tokio::test]
async fn completion_comes_in_time_while_ecr_hangs() {
    let mut bot = Setup::default().prepare().await;
    bot.sandbox.order(Fault::new("*", 1000, FaultKind::Hang)).unwrap();
    bot.begin().await;
    bot.until("it is ready", |fake| !fake.commands().is_empty()).await;
    let images = offered(&bot, "promote", "images", "co").await;
    assert_eq!(images, ["core:…"]);
    assert_eq!(offered(&bot, "promote", "environment", "prod").await, ["production"]);
}
