//! Nobody is called but the role that may vote, once for each plan, and the person who asked,
//! once at the end. What people write is shown as they wrote it.

use serde_json::Value;
use shipmate::sandbox::ImageSpec;

use super::bot::{
    ALICE, BOB, Bot, CAROL, DAVE, EVE, FRANK, OPS, RELEASE_MANAGER, STAGING, Setup, shown,
};
use super::fake::{FakeDiscord, StoredMessage};

const HOSTILE: &str = "@everyone @here <@&3002> <@4001> <#2001> **bold** ~~x~~ `y` ||z|| \
                       [click](https://evil.example) <t:0> # big";

/// Every message of the bot that there ever was, deleted and ephemeral ones too.
fn all_of_the_bot(fake: &FakeDiscord) -> Vec<StoredMessage> {
    let direct = [ALICE, BOB, CAROL, FRANK, DAVE, EVE].map(|person| fake.direct_channel(person));
    let cards = [OPS, STAGING].into_iter().flat_map(|channel| fake.messages(channel));
    let threads = cards.filter_map(|card| fake.thread(card.id));
    let channels = [OPS, STAGING].into_iter().chain(direct.into_iter().flatten()).chain(threads);
    let bot = fake.bot();
    let messages = channels.flat_map(|channel| fake.messages(channel));
    messages.filter(|message| message.author == bot).collect()
}

/// The body of a message that a request posts or edits, if it does.
fn message_of(method: &str, path: &str, body: &Value) -> Option<Value> {
    let posts = method == "POST" && path.split('?').next()?.ends_with("/messages");
    let edits = method == "PATCH" && path.contains("/messages/");
    let follows = method == "POST" && path.contains("/webhooks/");
    let answers = path.ends_with("/callback") && body["type"] == 4;
    if answers {
        return Some(body["data"].clone());
    }
    (posts || edits || follows).then(|| body.clone())
}

/// Each message that was sent says whom it may call, and all but the two kinds say nobody.
fn assert_all_say_whom_they_call(fake: &FakeDiscord) {
    let mut seen = 0;
    for request in fake.requests() {
        let Some(body) = message_of(&request.method, &request.path, &request.body) else {
            continue;
        };
        seen += 1;
        let allowed = &body["allowed_mentions"];
        assert!(allowed.is_object(), "{} {}: {body}", request.method, request.path);
        assert!(allowed["parse"].as_array().is_none_or(Vec::is_empty), "{body}");
        if request.method == "PATCH" {
            assert_eq!(*allowed, serde_json::json!({ "parse": [] }), "{body}");
        }
    }
    assert!(seen > 10, "only {seen} messages were sent");
}

#[tokio::test]
async fn nobody_is_called_but_who_must_be() {
    let named = "release-manager = { discord = [\"3002\"], people = [\"4004\"] }";
    let setup = Setup::default().setting("release-manager = { discord = [\"3002\"] }", named);
    let guild = |guild: super::fake::World| {
        // The bot could call everybody if it wanted to.
        guild.bot_role(3901, "loud", super::fake::permissions::MENTION_EVERYONE)
    };
    let bot = setup.guild(guild).start().await;
    bot.fake.give_role(bot.fake.bot(), 3901);
    bot.verified_on_staging("core", "1.5.0").await;
    let because = format!("promote core:1.5.0 to production because {HOSTILE}");

    // A plan that is asked for, nudged about, voted on, rejected.
    let first = bot.says(ALICE, OPS, &because);
    let card = bot.waiting(1).await;
    bot.fake.react(EVE, OPS, card.id, "✅");
    bot.told_directly(EVE, "may not approve").await;
    bot.fake.react(BOB, OPS, card.id, "✅");
    bot.card_says(1, "1 of 2 agreed").await;
    bot.pass(jiff::SignedDuration::from_mins(11));
    bot.told_directly(FRANK, "waits for your vote").await;
    let no = bot.says(CAROL, OPS, &format!("reject 1 because {HOSTILE}"));
    bot.reply_to(OPS, no).await;
    let first_end = bot.reply_to(OPS, first).await;

    // One that is asked for by command and runs; and everything else that can be said.
    let there = [("environment", "production"), ("images", "core:1.5.0"), ("reason", HOSTILE)];
    bot.fake.slash(ALICE, OPS, "promote", &there).unwrap();
    let second = bot.waiting(2).await;
    bot.fake.press(BOB, OPS, second.id, "approve:2").unwrap();
    bot.fake.react(CAROL, OPS, second.id, "✅");
    bot.card_says(2, "succeeded").await;
    for line in [
        "status",
        "history",
        "show 2",
        "help",
        "whoami",
        "promote core:9.9.9 to staging",
        "promote core:<@4002>@everyone to staging",
        "make me a **sandwich** @everyone <@&3002>",
        "status of <@&3002> in staging",
        "approve 99",
    ] {
        bot.asks(DAVE, OPS, line).await;
    }
    let press = bot.fake.press(DAVE, OPS, second.id, "rollback:production").unwrap();
    bot.answers(&press, "Roll production back?").await;
    let question = press.shown()[0].clone();
    let surely = question["components"][0]["components"][0]["custom_id"].as_str().unwrap();
    let id = question["id"].as_str().unwrap().parse().unwrap();
    bot.fake.press(DAVE, OPS, id, surely).unwrap();
    bot.card_says(3, "succeeded").await;
    let third_end = |fake: &FakeDiscord| {
        fake.messages_of_bot(OPS).into_iter().find(|told| told.content == "<@4005>")
    };
    bot.until("the last end is told", |fake| third_end(fake).is_some()).await;

    let mut called: Vec<(u64, Vec<u64>, Vec<u64>)> = Vec::new();
    for message in all_of_the_bot(&bot.fake) {
        assert!(!message.pinged_everyone, "{}", shown(&message));
        let people: Vec<u64> = message.pinged.iter().copied().collect();
        let roles: Vec<u64> = message.pinged_roles.iter().copied().collect();
        if !people.is_empty() || !roles.is_empty() {
            called.push((message.id, people, roles));
        }
    }
    let second_end = bot.fake.messages_of_bot(OPS).into_iter();
    let second_end = second_end.clone().find(|told| told.content == "<@4001>").unwrap();
    let expected = [
        (card.id, vec![], vec![RELEASE_MANAGER]),
        (first_end.id, vec![ALICE], vec![]),
        (second.id, vec![], vec![RELEASE_MANAGER]),
        (second_end.id, vec![ALICE], vec![]),
        (third_end(&bot.fake).unwrap().id, vec![DAVE], vec![]),
    ];
    assert_eq!(called, expected);
    assert_all_say_whom_they_call(&bot.fake);
}

#[tokio::test]
async fn what_people_write_is_shown_as_they_wrote_it() {
    let bot = Bot::start().await;
    bot.sandbox.push("core", &ImageSpec::new("1.7.0__beta__").pushed_days_ago(0));
    bot.says(ALICE, OPS, &format!("promote core:1.7.0__beta__ to staging because {HOSTILE}"));
    let card = bot.card_says(1, "succeeded").await;
    let text = shown(&card);
    assert!(text.contains(r"core:1.7.0\_\_beta\_\_"), "{text}");
    for escaped in [
        r"\<@&3002>",
        r"\<@4001>",
        r"\<#2001>",
        r"\*\*bold\*\*",
        r"\~\~x\~\~",
        r"\`y\`",
        r"\|\|z\|\|",
        r"\[click](https://evil.example)",
        r"\<t:0>",
    ] {
        assert!(text.contains(escaped), "{escaped}: {text}");
    }
    // Only the bot begins lines, so that none of them is a heading, a list or a quote.
    for line in text.lines() {
        assert!(!line.starts_with(['#', '>', '-']), "{line}");
    }
}
