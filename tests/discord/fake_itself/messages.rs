//! Messages, reactions and threads, both ways in, and the limits that serenity keeps by itself.

use std::time::{Duration, Instant};

use serde_json::json;
use serenity::all::{
    AutoArchiveDuration, CreateAllowedMentions, CreateEmbed, CreateMessage, CreateThread,
    EditMessage, GetMessages, GuildId, Nonce, ReactionType, UserId,
};

use super::super::fake::{FakeDiscord, Matcher, Span, World, permissions};
use super::*;

#[tokio::test]
async fn a_message_is_posted_edited_and_deleted_both_ways_in() {
    let fake = shipmate().await;
    for http in [plain(&fake), limited(&fake)] {
        let embed = CreateEmbed::new().title("A plan").field("tag", "core:1.5.0", true);
        let posted = ops()
            .send_message(&http, CreateMessage::new().content("hello").embed(embed))
            .await
            .unwrap();
        assert_eq!(posted.author.id, UserId::new(BOT));
        let edit = EditMessage::new().content("hello again");
        let edited = ops().edit_message(&http, posted.id, edit).await.unwrap();
        assert_eq!(edited.content, "hello again");
        assert!(edited.edited_timestamp.is_some());
        assert_eq!(edited.embeds[0].title.as_deref(), Some("A plan"), "what is not named stays");
        let read = ops().message(&http, posted.id).await.unwrap();
        assert_eq!(read.content, "hello again");

        let kept = fake.message(OPS, posted.id.get()).unwrap();
        let versions: Vec<&str> = kept.edits.iter().map(|edit| edit.content.as_str()).collect();
        assert_eq!(versions, ["hello", "hello again"]);

        ops().delete_message(&http, posted.id).await.unwrap();
        assert_eq!(code(ops().message(&http, posted.id).await), (404, 10008));
        assert!(fake.message(OPS, posted.id.get()).unwrap().deleted);
    }
    assert!(fake.requests().iter().all(|logged| logged.authorised));
}

#[tokio::test]
async fn a_nonce_makes_posting_idempotent_for_a_while() {
    let fake = shipmate().await;
    let http = plain(&fake);
    let post = |text: &str| {
        let nonce = Nonce::String("deployment-7-end".to_owned());
        ops().send_message(
            &http,
            CreateMessage::new().content(text).nonce(nonce).enforce_nonce(true),
        )
    };
    let first = post("one").await.unwrap();
    let second = post("two").await.unwrap();
    assert_eq!(first.id, second.id);
    assert_eq!(second.content, "one");
    assert_eq!(fake.messages(OPS).len(), 1);
    fake.change_limits(|limits| limits.nonce_lifetime = Duration::ZERO);
    assert_ne!(post("three").await.unwrap().id, first.id, "the nonce was forgotten");
}

#[tokio::test]
async fn only_who_may_be_pinged_is() {
    let fake = shipmate().await;
    let http = plain(&fake);
    let asked = fake.say(ALICE, OPS, "<@4900> hello");
    assert!(fake.message(OPS, asked).unwrap().pinged.contains(&BOT));
    let text = "<@4001> and <@4002>, <@&3002>, @everyone";
    let send = |allowed: Option<CreateAllowedMentions>| {
        let mut create =
            CreateMessage::new().content(text).reference_message((ops(), message(asked)));
        if let Some(allowed) = allowed {
            create = create.allowed_mentions(allowed);
        }
        ops().send_message(&http, create)
    };
    let all = send(None).await.unwrap();
    let kept = fake.message(OPS, all.id.get()).unwrap();
    assert_eq!(kept.pinged.iter().copied().collect::<Vec<_>>(), [ALICE, BOB]);
    assert!(kept.pinged_roles.contains(&3002));
    assert!(!kept.pinged_everyone, "the bot may not");

    let none = send(Some(CreateAllowedMentions::new())).await.unwrap();
    assert!(none.mentions.is_empty() && none.mention_roles.is_empty());

    let bob = send(Some(CreateAllowedMentions::new().users([UserId::new(BOB)]))).await.unwrap();
    assert_eq!(bob.mentions.len(), 1);

    let author = send(Some(CreateAllowedMentions::new().replied_user(true))).await.unwrap();
    assert_eq!(author.mentions[0].id, UserId::new(ALICE));
    assert_eq!(author.referenced_message.unwrap().id, message(asked));
}

#[tokio::test]
async fn more_than_a_hundred_reactions_come_in_pages() {
    let world = World::shipmate().crowd(10_000, 130, "voter", &[3002]).unlimited();
    let fake = FakeDiscord::start(world).await;
    let http = limited(&fake);
    let id = fake.say(ALICE, OPS, "who is for it?");
    for voter in (10_000..10_130).rev() {
        fake.react(voter, OPS, id, "✅");
    }
    let emoji = ReactionType::Unicode("✅".to_owned());
    ops().create_reaction(&http, message(id), emoji.clone()).await.unwrap();

    let page = |after: Option<u64>, limit: u8| {
        ops().reaction_users(&http, message(id), emoji.clone(), Some(limit), after.map(UserId::new))
    };
    let first = page(None, 100).await.unwrap();
    assert_eq!(first.len(), 100);
    assert_eq!(first[0].id, UserId::new(BOT), "ordered by id");
    let rest = page(Some(first[99].id.get()), 100).await.unwrap();
    assert_eq!(rest.len(), 31);
    let usual = http.get_reaction_users(ops(), message(id), &emoji, 25, None).await.unwrap();
    assert_eq!(usual.len(), 25);

    fake.unreact(10_005, OPS, id, "✅");
    assert_eq!(fake.reactions(OPS, id)["✅"].len(), 130);
    let user = Some(UserId::new(10_006));
    ops().delete_reaction(&http, message(id), user, emoji).await.unwrap();
    assert_eq!(fake.reactions(OPS, id)["✅"].len(), 129);
}

#[tokio::test]
async fn pages_of_messages_are_the_newest_first() {
    let fake = shipmate().await;
    let http = plain(&fake);
    let ids: Vec<u64> = (0..7).map(|n| fake.say(ALICE, OPS, &format!("{n}"))).collect();
    let list = |query: GetMessages| {
        let http = http.clone();
        async move {
            let found = ops().messages(&http, query).await.unwrap();
            found.into_iter().map(|message| message.id.get()).collect::<Vec<_>>()
        }
    };
    let of = |query: GetMessages| query.limit(2);
    assert_eq!(list(of(GetMessages::new())).await, [ids[6], ids[5]]);
    assert_eq!(list(of(GetMessages::new().before(ids[3]))).await, [ids[2], ids[1]]);
    assert_eq!(list(of(GetMessages::new().after(ids[3]))).await, [ids[5], ids[4]]);
    assert!(list(GetMessages::new().around(ids[3]).limit(3)).await.contains(&ids[3]));

    // What others say is empty without the intent, unless the bot is meant.
    let mentioned = fake.say(ALICE, OPS, "<@4900> status");
    let found = ops().messages(&http, GetMessages::new().limit(2)).await.unwrap();
    assert_eq!(found[0].id.get(), mentioned);
    assert_eq!(found[0].content, "<@4900> status");
    assert_eq!(found[1].content, "");
}

#[tokio::test]
async fn a_thread_has_the_id_of_its_message() {
    let fake = shipmate().await;
    let http = limited(&fake);
    let card = ops().say(&http, "a card").await.unwrap();
    let create =
        || CreateThread::new("deployment 7").auto_archive_duration(AutoArchiveDuration::OneDay);
    let thread = ops().create_thread_from_message(&http, card.id, create()).await.unwrap();
    assert_eq!(thread.id.get(), card.id.get());
    assert_eq!(thread.parent_id, Some(ops()));
    assert_eq!(fake.thread(card.id.get()), Some(card.id.get()));
    thread.id.say(&http, "inside").await.unwrap();
    assert_eq!(fake.messages(card.id.get())[0].content, "inside");
    assert!(thread.id.to_channel(&http).await.unwrap().guild().unwrap().thread_metadata.is_some());
    let again = ops().create_thread_from_message(&http, card.id, create()).await;
    assert_eq!(code(again), (400, 160_004));

    fake.deny_bot(OPS, permissions::SEND_MESSAGES_IN_THREADS);
    assert_eq!(code(thread.id.say(&http, "again").await), (403, 50013));
}

#[tokio::test]
async fn direct_messages_arrive_unless_they_are_closed() {
    let fake = shipmate().await;
    let http = plain(&fake);
    let channel = UserId::new(ALICE).create_dm_channel(&http).await.unwrap();
    channel.id.say(&http, "psst").await.unwrap();
    assert_eq!(fake.direct_channel(ALICE), Some(channel.id.get()));
    assert_eq!(fake.messages(channel.id.get())[0].content, "psst");
    fake.close_dms(ALICE);
    assert_eq!(code(channel.id.say(&http, "psst").await), (403, 50007));
}

#[tokio::test]
async fn members_roles_and_channels_are_there() {
    let fake = FakeDiscord::start(World::shipmate().stranger(5000, "nobody").unlimited()).await;
    let http = limited(&fake);
    let guild = GuildId::new(1000);
    let alice = guild.member(&http, UserId::new(ALICE)).await.unwrap();
    assert_eq!(alice.roles[0].get(), 3001);
    fake.give_role(ALICE, 3003);
    let alice = guild.member(&http, UserId::new(ALICE)).await.unwrap();
    assert_eq!(alice.roles.len(), 2);
    assert_eq!(code(guild.member(&http, UserId::new(5000)).await), (404, 10007));
    assert_eq!(code(guild.member(&http, UserId::new(9999)).await), (404, 10013));
    let roles = guild.roles(&http).await.unwrap();
    assert!(roles.values().any(|role| role.name == "on-call"));
    assert_eq!(guild.channels(&http).await.unwrap().len(), 2);
    assert_eq!(code(guild.members(&http, None, None).await), (403, 50001));
    let found = guild.search_members(&http, "al", Some(10)).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(http.get_current_application_info().await.unwrap().id.get(), BOT);
    assert_eq!(http.get_current_user().await.unwrap().name, "shipmate");
}

#[tokio::test]
async fn the_limit_of_a_channel_is_kept_by_those_who_read_headers() {
    let fake = FakeDiscord::start(World::shipmate()).await;
    fake.change_limits(|limits| limits.posts.window = Duration::from_millis(600));
    let http = limited(&fake);
    let began = Instant::now();
    for number in 0..7 {
        ops().say(&http, format!("{number}")).await.unwrap();
    }
    assert!(began.elapsed() >= Duration::from_millis(500), "{:?}", began.elapsed());
    let texts: Vec<String> = fake.messages(OPS).into_iter().map(|m| m.content).collect();
    assert_eq!(texts, ["0", "1", "2", "3", "4", "5", "6"]);
    assert_eq!(fake.invalid_requests(), 0, "it waited before it was told to");
    // Who does not read them is told.
    fake.change_limits(|limits| limits.posts.window = Duration::from_secs(60));
    let blunt = plain(&fake);
    let mut refused = 0;
    for _ in 0..10 {
        refused += usize::from(ops().say(&blunt, "x").await.is_err());
    }
    assert!(refused >= 5, "{refused}");
    assert_eq!(fake.invalid_requests(), refused);
}

#[tokio::test]
async fn a_429_is_waited_for() {
    let fake = shipmate().await;
    let http = limited(&fake);
    for global in [false, true] {
        let retry = Duration::from_secs(1);
        fake.answer_429(Duration::from_millis(300), global, retry);
        let began = Instant::now();
        ops().say(&http, "at last").await.unwrap();
        assert!(began.elapsed() >= Duration::from_millis(900), "{:?}", began.elapsed());
        fake.mend();
    }
    assert_eq!(fake.messages(OPS).len(), 2);
    assert_eq!((fake.invalid_requests(), fake.request_count()), (2, 4));
}

#[tokio::test]
async fn trouble_on_order() {
    let fake = shipmate().await;
    let http = plain(&fake);
    fake.fail(Matcher::new("POST", "/messages"), 503, Span::Times(1));
    assert_eq!(code(ops().say(&http, "one").await).0, 503);
    assert!(fake.messages(OPS).is_empty());

    fake.process_then_reset(Matcher::new("POST", "/messages"), 1);
    assert!(ops().say(&http, "two").await.is_err());
    assert_eq!(fake.messages(OPS).len(), 1, "it was done all the same");
    assert_eq!(fake.requests().last().unwrap().status, 0);
    ops().say(&http, "three").await.unwrap();

    fake.slow(Matcher::path("/messages"), Duration::from_millis(120));
    let began = Instant::now();
    ops().say(&http, "four").await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(120));
    assert_eq!(fake.requests_to("POST", "/channels/2000/messages").len(), 4);
    let logged = &fake.requests()[0];
    assert_eq!((&logged.body["content"], logged.status), (&json!("one"), 503));

    let by_tls = limited(&fake);
    fake.mend();
    fake.process_then_reset(Matcher::new("POST", "/messages"), 1);
    assert!(ops().say(&by_tls, "five").await.is_err());
    assert_eq!(fake.messages(OPS).len(), 4);
}
