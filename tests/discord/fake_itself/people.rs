//! What people do besides, and limits and permissions that a test sets for itself.

use std::time::Duration;

use serenity::all::{CreateEmbed, CreateThread, EditMessage, Event, GatewayIntents, UserId};

use super::super::fake::{
    FakeDiscord, Limits, Logged, Overwrite, Rate, StoredMessage, World, permissions,
};
use super::*;

#[tokio::test]
async fn what_people_do_is_heard() {
    let world = World::shipmate().other_bot(4800, "noise", &[]).unlimited();
    let fake = FakeDiscord::start(world).await;
    let intents = GatewayIntents::non_privileged();
    let mut bot = Bot::connect(&fake, intents).await;
    bot.is_ready().await;
    let card = ops().say(&bot.http, "a card").await.unwrap();
    bot.hears_message().await;
    fake.reply(ALICE, (OPS, card.id.get()), "why?");
    let reply = bot.hears_message().await;
    assert_eq!(reply.content, "why?", "a reply pings the bot, and what pings it may be read");
    assert_eq!(reply.referenced_message.unwrap().id, card.id);
    assert_eq!(reply.mentions[0].id, UserId::new(BOT));
    fake.say(4800, OPS, "<@4900> beep");
    assert!(bot.hears_message().await.author.bot);

    fake.react(ALICE, OPS, card.id.get(), "✅");
    fake.clear_reactions(OPS, card.id.get());
    bot.hears(|event| matches!(event, Event::ReactionRemoveAll(_)).then_some(())).await;
    let thread = CreateThread::new("deployment 7");
    ops().create_thread_from_message(&bot.http, card.id, thread).await.unwrap();
    bot.hears(|event| matches!(event, Event::ThreadCreate(_)).then_some(())).await;
    fake.say(ALICE, card.id.get(), "<@4900> in the thread");
    assert_eq!(bot.hears_message().await.channel_id.get(), card.id.get());

    fake.leave(ALICE);
    let left = serenity::all::GuildId::new(1000).member(&bot.http, UserId::new(ALICE)).await;
    assert_eq!(code(left), (404, 10007));
}

#[tokio::test]
async fn each_version_of_a_message_is_kept() {
    let fake = shipmate().await;
    let http = plain(&fake);
    let began = std::time::SystemTime::now();
    let id = ops().say(&http, "one").await.unwrap().id;
    let embed = CreateEmbed::new().title("two");
    ops().edit_message(&http, id, EditMessage::new().content("two").embed(embed)).await.unwrap();
    let kept: StoredMessage = fake.messages_of_bot(OPS).remove(0);
    assert_eq!(kept.edits.len(), 2);
    assert!(kept.edits[0].embeds.is_empty() && kept.edits[0].components.is_empty());
    assert_eq!(kept.edits[1].embeds[0]["title"], "two");
    assert!(began <= kept.edits[0].at && kept.edits[0].at <= kept.edits[1].at);
    let requests: Vec<Logged> = fake.requests();
    assert!(requests[0].at <= requests[1].at);
}

#[tokio::test]
async fn all_routes_share_a_limit() {
    let limits = Limits {
        posts: Rate { requests: 100, window: Duration::from_secs(5) },
        global: Some(3),
        ..Limits::default()
    };
    let fake = FakeDiscord::start(World::shipmate().limits(limits)).await;
    let http = plain(&fake);
    for _ in 0..3 {
        ops().say(&http, "x").await.unwrap();
    }
    let url = format!("{}/api/v10/users/@me", fake.rest_url());
    let token = format!("Bot {}", fake.token());
    let asked = reqwest::Client::new().get(url).header("authorization", token);
    let refused = asked.send().await.unwrap();
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["x-ratelimit-global"], "true");
    assert_eq!(refused.headers()["x-ratelimit-scope"], "global");
}

#[tokio::test]
async fn what_a_channel_denies_a_role_it_may_allow_a_member() {
    let of = |id, of_member, allow, deny| Overwrite { id, of_member, allow, deny };
    let write = permissions::SEND_MESSAGES;
    let world = World::shipmate()
        .channel_with(2002, "nobody", &[of(1000, false, 0, write)])
        .channel_with(2003, "the-role", &[of(1000, false, 0, write), of(3900, false, write, 0)])
        .channel_with(2005, "two-roles", &[of(3900, false, write, 0), of(3001, false, 0, write)])
        .person(BOT, "shipmate", &[3001, 3900])
        .channel_with(2004, "not-the-bot", &[of(3900, false, write, 0), of(BOT, true, 0, write)])
        .unlimited();
    let fake = FakeDiscord::start(world).await;
    let http = plain(&fake);
    let say = |channel: u64| ChannelId::new(channel).say(&http, "x");
    assert_eq!(code(say(2002).await), (403, 50013));
    say(2003).await.unwrap();
    say(2005).await.expect("among roles, what one allows holds");
    assert_eq!(code(say(2004).await), (403, 50013));
    fake.overwrite(2004, of(BOT, true, write, 0));
    say(2004).await.unwrap();
}

#[tokio::test]
async fn only_who_trusts_its_certificate_talks_to_it_by_tls() {
    let fake = shipmate().await;
    let client = |trusting: bool| {
        let certificate = reqwest::Certificate::from_pem(fake.certificate_pem().as_bytes());
        let builder = reqwest::Client::builder().resolve("discord.com", fake.tls_address());
        if trusting { builder.add_root_certificate(certificate.unwrap()) } else { builder }
    };
    let ask = |trusting: bool| {
        client(trusting).build().unwrap().get("https://discord.com/api/v10/gateway").send()
    };
    assert_eq!(ask(true).await.unwrap().status(), 200);
    assert!(ask(false).await.is_err());
}
