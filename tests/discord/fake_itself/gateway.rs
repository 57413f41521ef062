//! The gateway: sessions, intents, what is missed and sent again, and how it goes wrong.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use serenity::all::{ChannelId, Event, GatewayIntents, GuildId, ReactionType, RoleId};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::super::fake::{FakeDiscord, World, events, permissions};
use super::*;

const USUAL: GatewayIntents = GatewayIntents::GUILDS
    .union(GatewayIntents::GUILD_MESSAGES)
    .union(GatewayIntents::GUILD_MESSAGE_REACTIONS)
    .union(GatewayIntents::DIRECT_MESSAGES);

#[tokio::test]
async fn a_client_is_ready_and_hears_what_happens() {
    let fake = shipmate().await;
    let mut bot = Bot::connect(&fake, USUAL).await;
    let ready = bot
        .hears(|event| match event {
            Event::Ready(ready) => Some(ready.ready),
            _ => None,
        })
        .await;
    assert_eq!(ready.user.id.get(), BOT);
    assert_eq!(ready.guilds.len(), 1);
    let guild = bot
        .hears(|event| match event {
            Event::GuildCreate(created) => Some(created.guild),
            _ => None,
        })
        .await;
    assert_eq!(guild.id, GuildId::new(1000));
    assert_eq!(guild.channels.len(), 2);
    assert_eq!(guild.members.len(), 1, "without the intent only the bot itself");
    assert_eq!(fake.intents(), [USUAL.bits()]);
    assert_eq!((fake.identifies(), fake.connections()), (1, 1));

    let id = fake.say(ALICE, OPS, "<@4900> status");
    let heard = bot.hears_message().await;
    assert_eq!((heard.id.get(), heard.content.as_str()), (id, "<@4900> status"));
    assert_eq!(heard.member.unwrap().roles, [RoleId::new(3001)]);
    assert_eq!(heard.guild_id, Some(GuildId::new(1000)));

    fake.say(ALICE, OPS, "among us");
    assert_eq!(bot.hears_message().await.content, "", "its content is not for the bot");
    fake.direct(ALICE, "between us");
    let direct = bot.hears_message().await;
    assert_eq!((direct.content.as_str(), direct.guild_id), ("between us", None));

    fake.react(BOB, OPS, id, "✅");
    let added = bot
        .hears(|event| match event {
            Event::ReactionAdd(added) => Some(added.reaction),
            _ => None,
        })
        .await;
    assert_eq!(added.emoji, ReactionType::Unicode("✅".to_owned()));
    assert_eq!(added.member.unwrap().roles, [RoleId::new(3002)]);
    fake.unreact(BOB, OPS, id, "✅");
    let removed = bot
        .hears(|event| match event {
            Event::ReactionRemove(removed) => Some(removed.reaction),
            _ => None,
        })
        .await;
    assert!(removed.member.is_none());

    fake.edit((OPS, id), "<@4900> status staging");
    bot.hears(|event| matches!(event, Event::MessageUpdate(_)).then_some(())).await;
    fake.delete_message(OPS, id);
    bot.hears(|event| matches!(event, Event::MessageDelete(_)).then_some(())).await;
    fake.create_channel("new");
    bot.hears(|event| matches!(event, Event::ChannelCreate(_)).then_some(())).await;
}

#[tokio::test]
async fn only_what_was_asked_for_and_may_be_seen_is_sent() {
    let world = World::shipmate().unlimited().privileged(events::MESSAGE_CONTENT);
    let fake = FakeDiscord::start(world).await;
    let content = GatewayIntents::GUILD_MESSAGES | GatewayIntents::MESSAGE_CONTENT;
    let mut bot = Bot::connect(&fake, content).await;
    bot.is_ready().await;
    fake.direct(ALICE, "unheard");
    let id = fake.say(ALICE, OPS, "heard");
    fake.react(ALICE, OPS, id, "👍");
    fake.deny_bot(2001, permissions::VIEW_CHANNEL);
    fake.say(ALICE, 2001, "unseen");
    fake.give_role(ALICE, 3002);
    fake.say(ALICE, OPS, "the last");
    let mut heard = Vec::new();
    while heard.last().is_none_or(|text| text != "the last") {
        heard.push(
            bot.hears(|event| match event {
                Event::MessageCreate(created) => Some(created.message.content),
                other => Some(format!("{:?}", other.name())),
            })
            .await,
        );
    }
    assert_eq!(heard, ["heard", "the last"]);
    assert_eq!(code(ChannelId::new(2001).say(&bot.http, "x").await), (403, 50001));
}

#[tokio::test]
async fn members_are_told_of_to_who_may_know() {
    let world = World::shipmate().unlimited().privileged(events::GUILD_MEMBERS);
    let fake = FakeDiscord::start(world).await;
    let mut bot = Bot::connect(&fake, USUAL | GatewayIntents::GUILD_MEMBERS).await;
    bot.is_ready().await;
    fake.take_role(ALICE, 3001);
    let roles = bot
        .hears(|event| match event {
            Event::GuildMemberUpdate(update) => Some(update.roles),
            _ => None,
        })
        .await;
    assert!(roles.is_empty());
    assert_eq!(GuildId::new(1000).members(&bot.http, Some(1000), None).await.unwrap().len(), 7);
}

#[tokio::test]
async fn who_was_cut_off_resumes_and_misses_nothing() {
    let fake = shipmate().await;
    let mut bot = Bot::connect(&fake, USUAL).await;
    bot.is_ready().await;
    fake.refuse_connections(true);
    fake.drop_sockets();
    assert!(fake.wait_until(|fake| fake.connections() == 0, SOON).await);
    for number in 0..3 {
        fake.say(ALICE, OPS, &format!("<@4900> {number}"));
    }
    fake.refuse_connections(false);
    for number in 0..3 {
        assert_eq!(bot.hears_message().await.content, format!("<@4900> {number}"));
    }
    bot.hears(|event| matches!(event, Event::Resumed(_)).then_some(())).await;
    assert_eq!((fake.identifies(), fake.resumes()), (1, 1));
}

#[tokio::test]
async fn asked_to_reconnect_a_client_resumes() {
    let fake = shipmate().await;
    let mut bot = Bot::connect(&fake, USUAL).await;
    bot.is_ready().await;
    fake.ask_to_reconnect();
    bot.hears(|event| matches!(event, Event::Resumed(_)).then_some(())).await;
    assert_eq!((fake.identifies(), fake.resumes()), (1, 1));
    fake.say(ALICE, OPS, "<@4900> still there?");
    assert_eq!(bot.hears_message().await.content, "<@4900> still there?");
}

#[tokio::test]
async fn a_session_that_is_not_valid_any_more_begins_anew_and_misses_events() {
    let fake = shipmate().await;
    let mut bot = Bot::connect(&fake, USUAL).await;
    bot.is_ready().await;
    fake.refuse_resume(true);
    fake.refuse_connections(true);
    fake.drop_sockets();
    assert!(fake.wait_until(|fake| fake.connections() == 0, SOON).await);
    fake.say(ALICE, OPS, "<@4900> missed");
    fake.refuse_connections(false);
    bot.is_ready().await;
    fake.say(ALICE, OPS, "<@4900> heard");
    assert_eq!(bot.hears_message().await.content, "<@4900> heard");
    assert_eq!((fake.identifies(), fake.resumes()), (2, 0));
}

#[tokio::test]
async fn events_come_late_twice_and_broken_on_order() {
    let fake = shipmate().await;
    let mut bot = Bot::connect(&fake, USUAL).await;
    bot.is_ready().await;
    fake.duplicate_events(true);
    fake.delay_events(Duration::from_millis(150));
    let began = std::time::Instant::now();
    fake.say(ALICE, OPS, "<@4900> twice");
    for _ in 0..2 {
        assert_eq!(bot.hears_message().await.content, "<@4900> twice");
    }
    assert!(began.elapsed() >= Duration::from_millis(150));
    fake.duplicate_events(false);
    fake.delay_events(Duration::ZERO);
    fake.inject("MESSAGE_CREATE", &json!({"id": "no message"}));
    fake.inject("SOMETHING_NEW", &json!({}));
    for _ in 0..2 {
        bot.hears(|event| matches!(event, Event::Unknown(_)).then_some(())).await;
    }
    fake.plain_text(true);
    fake.say(ALICE, OPS, "<@4900> well");
    assert_eq!(bot.hears_message().await.content, "<@4900> well");
}

#[tokio::test]
async fn a_wrong_token_and_intents_that_are_not_switched_on_end_the_client() {
    let fake = shipmate().await;
    for (token, intents) in [
        ("somebody.elses.token", USUAL),
        (fake.token().as_str(), USUAL | GatewayIntents::MESSAGE_CONTENT),
    ] {
        let http = serenity::http::HttpBuilder::new(token)
            .proxy(fake.rest_url())
            .ratelimiter_disabled(true)
            .build();
        let mut client = ClientBuilder::new_with_http(http, intents).await.unwrap();
        *client.ws_url.lock().await = fake.gateway_url();
        let ended = tokio::time::timeout(SOON, client.start()).await.expect("it does not go on");
        let error = format!("{:?}", ended.unwrap_err());
        let expected =
            if intents == USUAL { "InvalidAuthentication" } else { "DisallowedGatewayIntents" };
        assert!(error.contains(expected) || error.contains("401"), "{error}");
    }
    assert!(fake.wait_until(|fake| fake.connections() == 0, SOON).await);
}

#[tokio::test]
async fn a_client_whose_socket_was_closed_comes_back() {
    let fake = shipmate().await;
    let mut bot = Bot::connect(&fake, USUAL).await;
    bot.is_ready().await;
    fake.close_sockets(4000);
    bot.hears(|event| matches!(event, Event::Resumed(_)).then_some(())).await;
    assert_eq!((fake.connections_ever(), fake.connections()), (2, 1));
    fake.stop();
    assert_eq!(fake.connections(), 0);
    assert!(bot.http.get_current_user().await.is_err());
}

/// A websocket without any client's manners.
type Socket = WebSocketStream<TcpStream>;

async fn open(fake: &FakeDiscord, query: &str) -> Result<Socket, tungstenite::Error> {
    let url = format!("{}/{query}", fake.gateway_url());
    let address = fake.gateway_url().replace("ws://", "");
    let stream = TcpStream::connect(address).await?;
    Ok(client_async(url, stream).await?.0)
}

/// Says something after hello, and reads until it is closed: the code.
async fn closed_after(fake: &FakeDiscord, says: &[Value]) -> Option<u16> {
    let mut socket = open(fake, "?v=10&encoding=json").await.unwrap();
    for said in says {
        let text = said.as_str().map_or_else(|| said.to_string(), str::to_owned);
        socket.send(Message::Text(text)).await.unwrap();
    }
    let wait = async {
        while let Some(Ok(message)) = socket.next().await {
            if let Message::Close(frame) = message {
                return frame.map(|frame| frame.code.into());
            }
        }
        None
    };
    tokio::time::timeout(SOON, wait).await.expect("it is closed")
}

#[tokio::test]
async fn who_does_not_keep_to_the_protocol_is_closed_with_its_code() {
    let fake = shipmate().await;
    let identify = |token: &str, intents: u64| json!({"op": 2, "d": {"token": token, "intents": intents, "properties": {}}});
    let token = fake.token();
    let good = identify(&token, 1);
    let beat = json!({"op": 1, "d": null});
    let cases = [
        (4001, vec![json!({"op": 99})]),
        (4002, vec![json!("{")]),
        (4003, vec![json!({"op": 3, "d": {}})]),
        (4004, vec![identify("wrong", 1)]),
        (4005, vec![good.clone(), good.clone()]),
        (4008, vec![beat; 121]),
        (4013, vec![identify(&token, 1 << 40)]),
        (4014, vec![identify(&token, events::MESSAGE_CONTENT)]),
    ];
    for (code, says) in cases {
        assert_eq!(closed_after(&fake, &says).await, Some(code), "{:?}", says[0]);
    }
    let mut old = open(&fake, "?v=6").await.unwrap();
    let closed = old.next().await.unwrap().unwrap();
    assert!(matches!(closed, Message::Close(Some(frame)) if u16::from(frame.code) == 4012));
    // Each Identify with the right token counts, and too many cost the token.
    let remaining = fake.identifies();
    fake.change_limits(|limits| limits.identifies = remaining);
    assert_eq!(closed_after(&fake, &[good]).await, Some(4004));
    assert!(plain(&fake).get_current_user().await.is_err(), "the token was revoked");
}

#[tokio::test]
async fn sessions_are_invalidated_with_and_without_a_way_back() {
    let fake = shipmate().await;
    let mut bot = Bot::connect(&fake, USUAL).await;
    assert!(fake.wait_for_client(SOON).await);
    bot.is_ready().await;
    fake.invalidate_sessions(true);
    bot.hears(|event| matches!(event, Event::Resumed(_)).then_some(())).await;

    let mut socket = open(&fake, "?v=10").await.unwrap();
    let identify = json!({"op": 2, "d": {"token": fake.token(), "intents": 1, "properties": {}}});
    socket.send(Message::Text(identify.to_string())).await.unwrap();
    let ready = hears_operation(&mut socket, 0).await;
    fake.invalidate_sessions(false);
    assert_eq!(hears_operation(&mut socket, 9).await["d"], false);
    let mut socket = open(&fake, "?v=10").await.unwrap();
    let session = &ready["d"]["session_id"];
    let resume = json!({"op": 6, "d": {"token": fake.token(), "session_id": session, "seq": 1}});
    socket.send(Message::Text(resume.to_string())).await.unwrap();
    assert_eq!(hears_operation(&mut socket, 9).await["d"], false);
}

async fn hears_operation(socket: &mut Socket, operation: u64) -> Value {
    let wait = async {
        while let Some(Ok(message)) = socket.next().await {
            let said: Value = serde_json::from_str(message.to_text().unwrap()).unwrap();
            if said["op"] == operation {
                return said;
            }
        }
        panic!("the socket was closed");
    };
    tokio::time::timeout(SOON, wait).await.expect("it is said")
}

#[tokio::test]
async fn a_heart_that_is_not_heard_is_missed_on_either_side() {
    let fake = shipmate().await;
    fake.change_limits(|limits| limits.heartbeat = Duration::from_millis(60));
    assert_eq!(closed_after(&fake, &[]).await, Some(4009));
    fake.stop_acknowledging(true);
    let mut socket = open(&fake, "?v=10").await.unwrap();
    assert!(socket.next().await.unwrap().unwrap().to_string().contains(r#""op":10"#));
    socket.send(Message::Text(json!({"op": 1, "d": null}).to_string())).await.unwrap();
    let next = socket.next().await.unwrap().unwrap();
    assert!(next.is_close(), "no answer, but {next}");
}

#[tokio::test]
async fn sockets_are_refused_and_reset_on_order() {
    let fake = shipmate().await;
    fake.refuse_connections(true);
    assert!(open(&fake, "?v=10").await.is_err());
    assert_eq!(fake.connections_ever(), 0);
    fake.refuse_connections(false);
    fake.reset_after_upgrade(true);
    let reset = match open(&fake, "?v=10").await {
        Ok(mut socket) => socket.next().await.is_none_or(|said| said.is_err()),
        Err(_) => true,
    };
    assert!(reset);
    assert_eq!((fake.connections_ever(), fake.connections()), (1, 0));
    fake.reset_after_upgrade(false);
    assert!(open(&fake, "?v=10").await.unwrap().next().await.unwrap().is_ok());
}

#[tokio::test]
async fn talk_is_heard_in_order_and_kept_nowhere() {
    let fake = shipmate().await;
    let mut bot = Bot::connect(&fake, USUAL).await;
    bot.is_ready().await;
    let said = [(ALICE, "among us".to_owned()), (BOB, format!("<@{BOT}> help"))];
    let mut talk = fake.talk(OPS, &said);
    let mut written = fake.tell(&mut talk, 3);
    let mut ids = Vec::new();
    for (author, content) in [(ALICE, ""), (BOB, "<@4900> help"), (ALICE, "")] {
        let heard = bot.hears_message().await;
        assert_eq!((heard.author.id.get(), heard.content.as_str()), (author, content));
        assert_eq!(heard.guild_id, Some(GuildId::new(1000)));
        assert!(heard.member.is_some());
        ids.push(heard.id.get());
    }
    assert!(ids.is_sorted_by(|one, next| one < next), "{ids:?}");
    assert!(written.recv().await.is_some(), "the last one was written");
    assert!(written.recv().await.is_none(), "only the last one is told of");
    let known = fake.request_count();
    assert!(bot.http.get_messages(ops(), None, None).await.unwrap().is_empty());
    let asked = fake.requests_since(known);
    assert!(asked[0].path.contains("/channels/2000/messages"), "{asked:?}");
    // What comes after it has the next number.
    fake.say(ALICE, OPS, "<@4900> status");
    assert_eq!(bot.hears_message().await.content, "<@4900> status");
}
