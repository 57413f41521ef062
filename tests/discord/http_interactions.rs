//! Interactions by HTTP, signed as Discord signs them, and what else the process answers there.

use serde_json::Value;
use shipmate::ports::Clock as _;

use super::bot::{ALICE, BOB, Bot, CAROL, OPS, Setup, answer, is_private};
use super::fake::{FakeDiscord, InteractionHandle, SignedRequest, World as Guild, sign};
use crate::world::LONG;

/// With the key of the fake's application, so that interactions come by HTTP.
async fn prepared() -> Bot {
    let guild = Guild::shipmate().unlimited();
    let key = FakeDiscord::start(guild.clone()).await.public_key_hex();
    let key = format!("public-key = \"{key}\"\n[chat.discord.channels]");
    let bot = Setup::default().setting("[chat.discord.channels]", &key).prepare().await;
    bot.fake.interactions_by_gateway(false);
    bot
}

async fn started() -> Bot {
    let mut bot = prepared().await;
    bot.begin().await;
    bot.until("it is ready", |fake| !fake.commands().is_empty()).await;
    bot
}

fn address(bot: &Bot, path: &str) -> String {
    format!("http://{}{path}", bot.running().web.as_ref().expect("it listens").address())
}

async fn get(bot: &Bot, path: &str) -> (u16, String) {
    let answer = reqwest::get(address(bot, path)).await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn post(bot: &Bot, request: &SignedRequest) -> (u16, String) {
    let mut builder = reqwest::Client::new().post(address(bot, "/discord/interactions"));
    for (name, value) in request.headers() {
        builder = builder.header(name, value);
    }
    let answer = builder.body(request.body.clone()).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// Signed at a time by the bot's clock.
fn signed(bot: &Bot, body: &str, ago: i64) -> SignedRequest {
    sign(body, &(bot.clock.now().as_second() - ago).to_string())
}

/// What Discord does with an interaction: posts it, and takes the answer for its first.
async fn deliver(bot: &Bot, asked: &InteractionHandle) {
    let body = bot.fake.signed_interaction(asked).body;
    let (status, answer) = post(bot, &signed(bot, &body, 0)).await;
    assert_eq!(status, 200, "{answer}");
    let answer: Value = serde_json::from_str(&answer).unwrap();
    bot.fake.endpoint_answered(asked, &answer).unwrap();
}

#[tokio::test]
async fn a_ping_is_answered() {
    let bot = started().await;
    let body = bot.fake.signed_ping().body;
    let (status, answer) = post(&bot, &signed(&bot, &body, 0)).await;
    assert_eq!((status, answer.as_str()), (200, r#"{"type":1}"#));
}

#[tokio::test]
async fn commands_and_buttons_come_by_http() {
    let bot = started().await;
    bot.verified_on_staging("core", "1.5.0").await;
    let there = [("environment", "production"), ("images", "core:1.5.0")];
    let asked = bot.fake.slash(ALICE, OPS, "promote", &there).unwrap();
    deliver(&bot, &asked).await;
    let card = bot.waiting(1).await;
    bot.until("the deferral is gone", |_| asked.shown().is_empty()).await;
    for person in [BOB, CAROL] {
        let pressed = bot.fake.press(person, OPS, card.id, "approve:1").unwrap();
        deliver(&bot, &pressed).await;
        bot.answers(&pressed, "your ✅ counts").await;
        assert!(is_private(&pressed), "{:#?}", pressed.shown());
    }
    bot.card_says(1, "succeeded").await;
    assert!(bot.stands_at("production", "1.5.0"));
    let help = bot.fake.slash(ALICE, OPS, "help", &[]).unwrap();
    deliver(&bot, &help).await;
    bot.answers(&help, "What you can say").await;
    let typed = bot.fake.autocomplete((ALICE, OPS), "promote", "images", "core:1.5").unwrap();
    deliver(&bot, &typed).await;
    assert_eq!(typed.choices()[0]["value"], "core:1.5.0");
    // Nothing of it went through the callback's route.
    assert!(bot.fake.requests_to("POST", "/callback").is_empty());
}

#[tokio::test]
async fn what_discord_did_not_sign_just_now_is_turned_away() {
    let bot = started().await;
    let there = [("environment", "staging"), ("images", "core:1.5.0")];
    let asked = bot.fake.slash(ALICE, OPS, "promote", &there).unwrap();
    let body = bot.fake.signed_interaction(&asked).body;
    let mut forged = signed(&bot, &body, 0);
    forged.body = body.replace("staging", "production");
    let replayed = signed(&bot, &body, 301);
    let early = signed(&bot, &body, -301);
    let mut unsigned = signed(&bot, &body, 0);
    unsigned.signature = "00".repeat(64);
    let refused = || counted(&bot, "shipmate_discord_signatures_refused_total");
    let before = refused().await;
    for request in [&forged, &replayed, &early, &unsigned] {
        assert_eq!(post(&bot, request).await, (401, String::new()));
    }
    assert!(refused().await >= before + 4, "they are counted");
    assert_eq!(answer(&asked), "");
    bot.assert_untouched();
    assert_eq!(bot.said(OPS), "");
    // The very same, signed, is heard; and a second time it changes nothing.
    let request = signed(&bot, &body, 0);
    assert_eq!(post(&bot, &request).await.0, 200);
    assert!(matches!(post(&bot, &request).await.0, 200 | 202));
    bot.card_says(1, "succeeded").await;
    assert_eq!(bot.sandbox.count_calls("PutImage"), 2);
}

/// The sum of a counter over its labels. All tests of the process count in one place.
async fn counted(bot: &Bot, name: &str) -> u64 {
    let (status, metrics) = get(bot, "/metrics").await;
    assert_eq!(status, 200);
    let lines = metrics.lines().filter(|line| line.starts_with(name));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}

#[tokio::test]
async fn it_is_ready_once_discord_is_connected() {
    let mut bot = prepared().await;
    bot.fake.refuse_connections(true);
    bot.begin().await;
    let (status, why) = get(&bot, "/readyz").await;
    assert_eq!(status, 503);
    assert!(why.contains("Discord is not connected"), "{why}");
    assert_eq!(get(&bot, "/healthz").await.0, 200);
    bot.fake.refuse_connections(false);
    let began = std::time::Instant::now();
    while get(&bot, "/readyz").await.0 != 200 {
        assert!(began.elapsed() < LONG, "never ready");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(counted(&bot, "shipmate_discord_connections_total").await >= 1);
    let (_, metrics) = get(&bot, "/metrics").await;
    for name in [
        "shipmate_deployments_ended_total",
        "shipmate_discord_events_unparsed_total",
        "shipmate_discord_rate_limited_total",
        "shipmate_discord_requests_failed_total",
    ] {
        assert!(metrics.contains(name), "{name} in\n{metrics}");
    }
    // An event that nobody can read may be a message that was lost.
    let before = counted(&bot, "shipmate_discord_events_unparsed_total").await;
    bot.fake.inject("MESSAGE_CREATE", &serde_json::json!({ "id": "not a number" }));
    let began = std::time::Instant::now();
    while counted(&bot, "shipmate_discord_events_unparsed_total").await == before {
        assert!(began.elapsed() < LONG, "never counted");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
